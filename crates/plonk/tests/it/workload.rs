//! A program that keeps every AIR of the machine busy, and the traces of its instances.

use std::sync::Arc;

use quintet_air::{AirSpec, F, Trace, phase_two};
use quintet_machine::{
    AirId, Execution, Options, PlanIds, Planned, airs,
    asm::Assembler,
    decode::Mnemonic::*,
    layout::{A0, A1, INPUT_START, ecall},
};
use quintet_plonk::{AirKey, AirKind, BlindSeed, Digest, Params, ProofBlinds, Witness};

/// Loads and stores of every width, arithmetic of every kind and one permutation, `times` over.
fn program(times: u64) -> Assembler {
    let mut a = Assembler::new();
    let (data, zero) = (0x0020_0000u64, 0x0100_0000u64);
    a.data(data, (1..=100).collect::<Vec<u8>>(), 100);
    a.li(5, data).li(6, zero).li(7, INPUT_START).li(22, times);
    a.i(Ld, 8, 7, 0).i(Ld, 9, 7, 8);
    let again = a.here();
    for (offset, (load, store)) in [(Lb, Sb), (Lhu, Sh), (Lw, Sw), (Ld, Sd)].into_iter().enumerate() {
        a.i(load, 12, 5, 13 + offset as i64).s(store, 12, 6, 5 + 9 * offset as i64);
    }
    a.i(Lwu, 13, 6, 6).s(Sd, 13, 7, 8).r(Div, 14, 9, 13).r(Mulhu, 15, 9, 9).r(Sra, 16, 9, 13).r(Xor, 18, 14, 15);
    a.r(Sltu, 19, 9, 15).r(Subw, 20, 18, 9);
    a.i(Addi, A0, 6, 0).ecall(ecall::KECCAK).i(Ld, 9, 6, 16);
    a.i(Addi, 22, 22, -1).branch(Bne, 22, 0, again);
    for (index, register) in [8, 20, 21].into_iter().enumerate() {
        a.i(Addi, A1, register, 0).li(A0, index as u64).ecall(ecall::OUTPUT);
    }
    a.halt(0);
    a
}

/// One instance, ready to be proven.
pub(crate) struct Instance {
    pub(crate) air: AirId,
    pub(crate) key: AirKey,
    pub(crate) trace: Trace,
}

/// The planned execution of `times` rounds at size `2^k`.
pub(crate) fn plan(times: u64, k: u32) -> Planned {
    let program = Arc::new(program(times).program().expect("the program loads"));
    let execution = Execution::run(program, Arc::from(*b"an input of 25 bytes size"), &Options::default());
    Planned::new(execution.expect("the program halts"), k, PlanIds::default()).expect("k is supported")
}

impl Instance {
    /// The first instance of an AIR.
    pub(crate) fn first(params: &Arc<Params>, planned: &Planned, air: AirId) -> Self {
        let events = planned.instance_events(air, 0).expect("the program uses every AIR");
        let trace = airs::trace(planned.execution().program(), air, 0, planned.k(), &events).expect("it fits");
        let kind = match air {
            AirId::Program => AirKind::Selection,
            AirId::Image => AirKind::Whole,
            _ => AirKind::Execution,
        };
        let key = AirKey::new(params, AirSpec::clone(&airs::spec(air, planned.k())), kind).expect("the AIR is sound");
        Self { air, key, trace }
    }

    /// Blinds of the first phase.
    pub(crate) fn blinds(&self) -> Vec<F> {
        BlindSeed { block_root: [1; 32], sub_block: 0, plan_root: [2; 32] }.phase_one(&self.key.spec, 0)
    }

    /// Calls `run` with the instance's witness under fixed challenges.
    pub(crate) fn with_witness<T>(&self, run: impl FnOnce(Witness<'_>) -> T) -> T {
        let challenges = [3u8, 4].map(|seed| quintet_plonk::pinned_blind(u16::from(seed), 0, 0));
        let second = phase_two(&self.key.spec, &self.trace, challenges[0], challenges[1]);
        let publics = airs::publics(&self.key.spec, &self.trace, 0, challenges, second.sum, F::from(77));
        let blinds = ProofBlinds::derive(&self.key.layout, &self.blinds(), &Digest([5; 32]), &publics);
        run(Witness { trace: &self.trace, resident: None, second: &second, publics, blinds })
    }
}
