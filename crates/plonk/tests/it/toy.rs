//! A toy machine with one of everything: segments chained over the bus, a pinned table that is looked up, one that initialises, an
//! operation with its own AIR and range table.

use std::sync::{Arc, OnceLock};

use quintet_air::{Air, Bool, Builder, Column, ColumnData, F, Free, Message, Proven, Tag, Trace, build, height};
use quintet_plonk::{
    AirKind, BlindSeed, Committed, Digest, Encode, FullProof, InstanceId, MachineAir, MachineKeys, PROTOCOL_VERSION, Params,
    PartialProof, PinnedInstance, PlanShape, ProgramKey, ProgramLayout, ProofFile, Prover, ProverKey, Round, Statement,
    Upstream, tag,
};

const CODE: Tag = Tag(4);
const SQUARE: Tag = Tag(20);
const IMAGE: Tag = Tag(21);

pub(crate) const K: u32 = 6;
/// Seed of the blinds.
pub(crate) const SEED: BlindSeed = BlindSeed { block_root: [9; 32], sub_block: 0, plan_root: [2; 32] };
/// Instructions executed: more than one segment.
pub(crate) const STEPS: usize = 80;
/// Address of the first instruction.
pub(crate) const ENTRY: u64 = 400;

/// One instruction a row: squares `imm`, and outputs the square as word `imm` or halts if told to.
pub(crate) struct Walk {
    pub(crate) on: Column<Proven>,
    pub(crate) out: Column<Proven>,
    pub(crate) halt: Column<Proven>,
    pub(crate) pc: Column<Free>,
    pub(crate) clock: Column<Free>,
    pub(crate) imm: Column<Free>,
    pub(crate) square: Column<Free>,
}

impl Air for Walk {
    const ID: u16 = 1;
    const NAME: &'static str = "walk";

    fn build(b: &mut Builder) -> Self {
        let (on, out, halt) = (b.boolean("on"), b.boolean("out"), b.boolean("halt"));
        let (pc, clock) = (b.uint("pc", 32), b.uint("clock", 32));
        let (imm, square) = (b.uint("imm", 8), b.uint("square", 16));
        let last_row = b.height() - 1;
        let (start, last) = (b.flag("start", |row| row == 0), b.flag("last_row", |row| row == last_row));
        b.constrain("out only if on", out * (on.cur() - 1));
        b.constrain("halt only if on", halt * (on.cur() - 1));
        b.transition("goes on until halt", on.next() - on * (-(halt.cur() - 1)));
        b.transition("pc", on.next() * (pc.next() - pc - 4));
        b.transition("clock", on.next() * (clock.next() - clock - 1));
        b.boundary(0, pc);
        b.boundary(1, clock);
        b.receive("segment start", start, Message::new(tag::CPU).value(pc).value(clock));
        let goes_on = Bool::from(last).and(on).and_not(halt);
        b.send("segment end", goes_on, Message::new(tag::CPU).value(pc + 4).value(clock + 1));
        b.look_up("code", on, Message::new(CODE).value(pc).value(imm).value(out).value(halt));
        b.send("square", on, Message::new(SQUARE).value(imm).value(square));
        b.send("halt", halt, Message::new(tag::HALT).value(0));
        b.send("out", out, Message::new(tag::OUT).value(imm).value(square));
        Self { on, out, halt, pc, clock, imm, square }
    }
}

/// The program, pinned.
pub(crate) struct Code {
    pub(crate) pinned: [Column<Free>; 4],
    pub(crate) count: Column<Free>,
}

impl Air for Code {
    const ID: u16 = 2;
    const NAME: &'static str = "code";

    fn build(b: &mut Builder) -> Self {
        let pinned = ["pc", "imm", "out", "halt"].map(|name| {
            let column = b.uint(name, 32);
            b.pin(column)
        });
        let count = b.uint("count", 32);
        let message = pinned.iter().fold(Message::new(CODE), |message, column| message.value(column));
        b.provide("code", count, message);
        Self { pinned, count }
    }
}

/// Initial values, pinned: here they are sent and taken back at once.
pub(crate) struct Image {
    pub(crate) value: Column<Free>,
}

impl Air for Image {
    const ID: u16 = 3;
    const NAME: &'static str = "image";

    fn build(b: &mut Builder) -> Self {
        let value = b.uint("value", 32);
        b.pin(value);
        let index = b.uint("index", 32);
        let public = b.index();
        b.first("index", index - public);
        b.send("value", b.active(), Message::new(IMAGE).value(value));
        b.receive("value back", b.active(), Message::new(IMAGE).value(value));
        Self { value }
    }
}

/// (x, x²).
pub(crate) struct Square {
    pub(crate) on: Column<Proven>,
    pub(crate) x: Column<Proven>,
    pub(crate) y: Column<Free>,
}

impl Air for Square {
    const ID: u16 = 4;
    const NAME: &'static str = "square";

    fn build(b: &mut Builder) -> Self {
        let on = b.boolean("on");
        let x = b.limb("x", 4);
        let y = b.uint("y", 16);
        b.constrain("square", x * x - y);
        b.receive("square", on, Message::new(SQUARE).value(x).value(y));
        Self { on, x, y }
    }
}

/// Instruction number `n`: (pc, imm, out, halt).
fn instruction(n: usize) -> [u64; 4] {
    let out = u64::from(n.is_multiple_of(20));
    let imm = if out == 1 { n / 20 } else { n % 13 };
    [ENTRY + 4 * n as u64, imm as u64, out, u64::from(n == STEPS - 1)]
}

/// The words that an honest run outputs.
pub(crate) fn outputs() -> Vec<u64> {
    (0..STEPS.div_ceil(20) as u64).map(|word| word * word).collect()
}

fn rows(total: usize, index: u32, k: u32) -> std::ops::Range<usize> {
    let start = index as usize * height(k);
    start..total.min(start + height(k))
}

pub(crate) fn trace(id: InstanceId, k: u32) -> Trace {
    let range = rows(STEPS, id.index, k);
    let start = range.start;
    match id.air {
        Walk::ID => {
            let (air, spec) = build::<Walk>(k).unwrap();
            let mut trace = Trace::new(&spec);
            trace.fill(range.len(), |row, cells| {
                let n = start + row;
                let [pc, imm, out, halt] = instruction(n);
                cells.set_bool(air.on, true);
                cells.set(air.out, out);
                cells.set(air.halt, halt);
                cells.set(air.pc, pc);
                cells.set(air.clock, n as u64 + 1);
                cells.set(air.imm, imm);
                cells.set(air.square, imm * imm);
            });
            trace
        }
        Code::ID => {
            let (air, spec) = build::<Code>(k).unwrap();
            let mut trace = Trace::new(&spec);
            trace.fill(range.len(), |row, cells| {
                for (column, value) in air.pinned.iter().zip(instruction(start + row)) {
                    cells.set(*column, value);
                }
                cells.set(air.count, 1);
            });
            trace
        }
        Image::ID => {
            let (air, spec) = build::<Image>(k).unwrap();
            let mut trace = Trace::new(&spec);
            trace.fill(1, |_, cells| cells.set(air.value, 7));
            let index = spec.column("index").unwrap();
            trace.columns[index].set(0, F::from(u64::from(id.index)));
            trace
        }
        Square::ID => {
            let (air, spec) = build::<Square>(k).unwrap();
            let mut trace = Trace::new(&spec);
            trace.fill(range.len(), |row, cells| {
                let [_, x, _, _] = instruction(start + row);
                cells.set_bool(air.on, true);
                cells.set(air.x, x);
                cells.set(air.y, x * x);
            });
            trace.count_tables(&spec);
            trace
        }
        other => panic!("no AIR {other}"),
    }
}

/// Traces at the tests' size.
pub(crate) fn source(id: InstanceId) -> Result<Trace, Box<dyn std::error::Error + Send + Sync>> {
    Ok(trace(id, K))
}

pub(crate) fn plan(k: u32) -> PlanShape {
    let n = STEPS.div_ceil(height(k)) as u32;
    let instances =
        [(1, n), (2, n), (3, 2), (4, n)].into_iter().flat_map(|(air, n)| (0..n).map(move |index| InstanceId { air, index }));
    PlanShape { k, instances: instances.collect() }
}

/// Keys, program and params of the toy at one k.
#[derive(Clone)]
pub(crate) struct Toy {
    pub(crate) keys: Arc<MachineKeys>,
    pub(crate) program: Arc<ProgramKey>,
    pub(crate) backend: Arc<Upstream>,
}

pub(crate) fn airs(k: u32) -> Vec<MachineAir> {
    vec![
        MachineAir { spec: build::<Walk>(k).unwrap().1, kind: AirKind::Execution },
        MachineAir { spec: build::<Code>(k).unwrap().1, kind: AirKind::Selection },
        MachineAir { spec: build::<Image>(k).unwrap().1, kind: AirKind::Whole },
        MachineAir { spec: build::<Square>(k).unwrap().1, kind: AirKind::Execution },
    ]
}

pub(crate) fn pinned_tables(keys: &MachineKeys) -> Vec<PinnedInstance> {
    let pinned = plan(keys.k()).instances.into_iter().filter(|id| keys.air(id.air).unwrap().kind.is_pinned());
    pinned
        .map(|id| {
            let trace = trace(id, keys.k());
            let columns: Vec<ColumnData> =
                keys.air(id.air).unwrap().pinned_columns().map(|column| trace.columns[column].clone()).collect();
            PinnedInstance { id, columns }
        })
        .collect()
}

pub(crate) fn layout() -> ProgramLayout {
    ProgramLayout { entry: ENTRY, text: ENTRY..ENTRY + 4 * STEPS as u64, image: vec![0x1000..0x1008, 0x2000..0x2008] }
}

impl Toy {
    pub(crate) fn new(k: u32) -> Self {
        let params = Arc::new(Params::new(k));
        let keys = Arc::new(MachineKeys::new(&params, airs(k)).unwrap());
        let backend = Arc::new(Upstream::default());
        let program = Arc::new(ProgramKey::new(&keys, &*backend, layout(), pinned_tables(&keys)).unwrap());
        Self { keys, program, backend }
    }

    /// The toy at the tests' size, made once.
    pub(crate) fn shared() -> &'static Self {
        static TOY: OnceLock<Toy> = OnceLock::new();
        TOY.get_or_init(|| Toy::new(K))
    }

    pub(crate) fn statement(&self) -> Statement {
        Statement {
            version: PROTOCOL_VERSION,
            machine_id: self.keys.id(),
            program_id: self.program.id(),
            job_root: [1; 32],
            plan_root: [2; 32],
            input_root: [3; 32],
            outputs: outputs(),
            exit_code: 0,
        }
    }

    pub(crate) fn prover(&self, name: u8) -> Prover {
        Prover::new(self.keys.clone(), self.program.clone(), self.backend.clone(), SEED, ProverKey([name; 48]))
    }

    pub(crate) fn commit_all(&self) -> Vec<Committed> {
        let prover = self.prover(1);
        let k = self.keys.k();
        plan(k).instances.into_iter().map(|id| prover.commit(id, trace(id, k)).unwrap()).collect()
    }

    /// Partial proofs of two provers in turn.
    pub(crate) fn prove_all(&self, round: &Round, committed: &[Committed]) -> Vec<PartialProof> {
        let provers = [self.prover(1), self.prover(2)];
        let prove = |(n, committed): (usize, &Committed)| provers[n % 2].prove(round, committed).unwrap();
        committed.iter().enumerate().map(prove).collect()
    }

    pub(crate) fn round(&self, committed: &[Committed]) -> Round {
        let digests: Vec<Digest> = committed.iter().map(|committed| committed.digest).collect();
        Round::new(self.keys.clone(), self.program.clone(), self.statement(), plan(self.keys.k()), digests).unwrap()
    }
}

/// An honest round at the tests' size: commitments made anew, proofs from the fixture, which are those that [`Toy::prove_all`] makes.
pub(crate) struct Honest {
    pub(crate) committed: Vec<Committed>,
    pub(crate) round: Round,
    pub(crate) partials: Vec<PartialProof>,
    pub(crate) full: FullProof,
}

pub(crate) fn honest() -> &'static Honest {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    HONEST.get_or_init(|| {
        let committed = Toy::shared().commit_all();
        let round = Toy::shared().round(&committed);
        let full = ProofFile::decode(include_bytes!("../../fixtures/full.bin")).unwrap().proof;
        Honest { committed, round, partials: full.partials.clone(), full }
    })
}
