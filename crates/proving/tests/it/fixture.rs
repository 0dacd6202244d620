//! A small program on the real machine, proven once for all checks: two cpu instances, loads, outputs.

use std::sync::{Arc, OnceLock};

use quintet_machine::{
    asm::Assembler,
    decode::Mnemonic::*,
    layout::{A0, A1, INPUT_START, ecall},
};
use quintet_plonk::{FullProof, InstanceId, PartialProof, Rejection, Round, verify_full};
use quintet_proving::{Circuits, CommittedInstance, Guest, ProvingJob};
use quintet_types::{InstanceIndex, JobId, PublicKeyBytes, Root, Slot};

/// Smallest size that the networks use.
pub(crate) const K: u32 = 11;

/// The proof, and all that went into it.
pub(crate) struct Proven {
    pub(crate) circuits: Circuits,
    pub(crate) job: ProvingJob,
    pub(crate) commits: Vec<CommittedInstance>,
    pub(crate) round: Round,
    pub(crate) partials: Vec<PartialProof>,
    pub(crate) proof: FullProof,
}

pub(crate) fn key(number: u8) -> PublicKeyBytes {
    PublicKeyBytes::repeat_byte(number)
}

/// Counts down from 700, writes the first two words of its input.
fn program() -> Assembler {
    let mut a = Assembler::new();
    a.li(5, 700);
    let again = a.here();
    a.i(Addi, 5, 5, -1).r(Fence, 0, 0, 0).branch(Bne, 5, 0, again).li(6, INPUT_START);
    for index in 0..2 {
        a.i(Ld, A1, 6, 8 * index).li(A0, index as u64).ecall(ecall::OUTPUT);
    }
    a.halt(0);
    a
}

/// A job of the program with another number.
pub(crate) fn job(circuits: &Circuits, number: u8) -> ProvingJob {
    let id = JobId::new(Slot(7), Root::repeat_byte(number));
    ProvingJob::new(circuits, id, Arc::from(&b"input"[..]), K..=K, 4 << 20).unwrap()
}

pub(crate) fn nothing_missing(id: InstanceId) -> Result<quintet_air::Trace, Box<dyn std::error::Error + Send + Sync>> {
    Err(format!("{id} is missing").into())
}

/// The proof, made by three provers and a fourth that puts it together; once a process.
pub(crate) fn proven() -> &'static Proven {
    static PROVEN: OnceLock<Proven> = OnceLock::new();
    PROVEN.get_or_init(|| {
        let params = |k| Ok(Arc::new(quintet_plonk::generate_params(k, &|_| {})));
        let circuits = Circuits::new(Guest::from_elf("countdown", &program().elf()).unwrap(), Box::new(params));
        let job = job(&circuits, 1);
        let provers = [1, 2, 3].map(|number| job.prover(&key(number)));
        let commits: Vec<CommittedInstance> =
            (0..job.instances()).map(|i| job.commit(&provers[i % 3], InstanceIndex(i as u32)).unwrap()).collect();
        let digests: Vec<Root> = commits.iter().map(CommittedInstance::digest).collect();
        let round = job.round(&digests).unwrap();
        let prove = |(i, commit): (usize, &CommittedInstance)| commit.prove(&provers[i % 3], &round).unwrap();
        let partials: Vec<PartialProof> = commits.iter().enumerate().map(prove).collect();
        let proof = job.prover(&key(9)).aggregate(&round, partials.clone(), &nothing_missing).unwrap();
        Proven { circuits, job, commits, round, partials, proof }
    })
}

/// Why a changed copy of a partial proof is refused.
pub(crate) fn refused_partial(place: usize, change: impl FnOnce(&mut PartialProof)) -> Rejection {
    let Proven { round, partials, .. } = proven();
    let mut forged = partials[place].clone();
    change(&mut forged);
    assert!(forged != partials[place], "the change changed nothing");
    round.verify_partial(&forged).expect_err("the forgery verifies")
}

/// Why a changed copy of the full proof is refused by one who verifies it in its round; one who has nothing but keys refuses it too.
pub(crate) fn refused(change: impl FnOnce(&mut FullProof)) -> Rejection {
    let Proven { circuits, job, round, proof, .. } = proven();
    let mut forged = proof.clone();
    change(&mut forged);
    assert!(forged != *proof, "the change changed nothing");
    let sized = circuits.at(K).unwrap();
    verify_full(&sized.keys, &sized.program, &job.statement(), &forged).expect_err("the forgery verifies alone");
    round.verify_full(&forged).expect_err("the forgery verifies")
}

/// Whether upstream's verifier was what refused.
pub(crate) fn by_proof(rejection: &Rejection) -> bool {
    matches!(rejection, Rejection::Proof { .. })
}
