//! What is proven, and the challenge that follows from it and from all first-phase commitments.

use ff::Field;
use quintet_air::F;

use crate::{
    DecodeError, Digest, Encode, InstanceId, ProverKey, Rejection,
    codec::Input,
    hash::{Domain, ProofHash},
    suite::Hash,
};

/// Version of statements, challenges and proofs. It is hashed into every statement.
pub const PROTOCOL_VERSION: u32 = 1;

/// What a full proof says: this program of this machine, run on this input for this job along this plan, halts with exit code 0 and these outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// [`PROTOCOL_VERSION`].
    pub version: u32,
    /// `machine_id`.
    pub machine_id: Digest,
    /// `program_id`.
    pub program_id: Digest,
    /// Root of the job's id: slot, block root, sub-block and attempt.
    pub job_root: [u8; 32],
    /// Root of the plan.
    pub plan_root: [u8; 32],
    /// Root of the guest's input.
    pub input_root: [u8; 32],
    /// Output words in order.
    pub outputs: Vec<u64>,
    /// Exit code; only 0 can be proven.
    pub exit_code: u64,
}

impl Statement {
    /// Limit of [`Self::outputs`].
    pub const MAX_OUTPUTS: usize = 1 << 12;

    /// Hash of the statement.
    pub fn hash(&self) -> Digest {
        let hash = Hash::new(Domain::Statement)
            .uint(u64::from(self.version))
            .word(&self.machine_id.0)
            .word(&self.program_id.0)
            .word(&self.job_root)
            .word(&self.plan_root)
            .word(&self.input_root)
            .uint(self.outputs.len() as u64);
        self.outputs.iter().fold(hash, |hash, word| hash.uint(*word)).uint(self.exit_code).digest()
    }

    pub(crate) fn check(&self, machine: Digest, program: Digest) -> Result<(), Rejection> {
        if self.version != PROTOCOL_VERSION {
            return Err(Rejection::Version(self.version));
        }
        if self.machine_id != machine {
            return Err(Rejection::Machine { expected: machine, got: self.machine_id });
        }
        if self.program_id != program {
            return Err(Rejection::Program { expected: program, got: self.program_id });
        }
        if self.exit_code != 0 {
            return Err(Rejection::ExitCode(self.exit_code));
        }
        Ok(())
    }
}

impl Encode for Statement {
    fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend(self.version.to_le_bytes());
        let words = [&self.machine_id.0, &self.program_id.0, &self.job_root, &self.plan_root, &self.input_root];
        words.into_iter().for_each(|word| out.extend(word));
        out.extend((self.outputs.len() as u32).to_le_bytes());
        self.outputs.iter().for_each(|word| out.extend(word.to_le_bytes()));
        out.extend(self.exit_code.to_le_bytes());
    }

    fn decode_from(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: input.u32("protocol version")?,
            machine_id: Digest(input.array("machine id")?),
            program_id: Digest(input.array("program id")?),
            job_root: input.array("job root")?,
            plan_root: input.array("plan root")?,
            input_root: input.array("input root")?,
            outputs: {
                let count = input.length(Self::MAX_OUTPUTS, "outputs")?;
                (0..count).map(|_| input.u64("output")).collect::<Result<_, _>>()?
            },
            exit_code: input.u64("exit code")?,
        })
    }
}

/// The challenge: the point of the fingerprint and the base of its powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// α.
    pub alpha: F,
    /// β.
    pub beta: F,
}

/// The challenge of the distributed proof: H(statement, D), with exactly one digest per plan entry, in plan order. A digest fixes AIR,
/// index and k of its entry, so D fixes the plan.
pub fn challenge(statement: &Statement, digests: &[Digest]) -> Challenge {
    expand(Hash::new(Domain::Challenge), statement, digests)
}

/// The challenge of a full proof that one prover makes alone: another domain, and the submitter's key in it.
pub fn own_challenge(statement: &Statement, digests: &[Digest], submitter: &ProverKey) -> Challenge {
    expand(Hash::new(Domain::OwnChallenge).bytes(&submitter.0), statement, digests)
}

fn expand(start: Hash, statement: &Statement, digests: &[Digest]) -> Challenge {
    let hash = start.word(&statement.hash().0).uint(digests.len() as u64);
    let hash = digests.iter().fold(hash, |hash, digest| hash.word(&digest.0));
    Challenge { alpha: hash.clone().uint(0).element(), beta: hash.uint(1).element() }
}

/// Sum of the public terms: + CPU(entry, clock 1), − HALT(0), − OUT(i, wᵢ) for each output word, and nothing else.
///
/// `None` if a fingerprint is 0, which happens with probability below 2⁻²³⁰.
pub(crate) fn public_terms(challenge: &Challenge, entry: u64, outputs: &[u64]) -> Option<F> {
    use quintet_air::{Tag, fingerprint};
    let term = |tag: Tag, parts: &[u64]| {
        let parts: Vec<F> = parts.iter().map(|part| F::from(*part)).collect();
        Option::<F>::from(fingerprint(challenge.alpha, challenge.beta, tag, &parts).invert())
    };
    let mut sum = term(tag::CPU, &[entry, 1])? - term(tag::HALT, &[0])?;
    for (index, word) in outputs.iter().enumerate() {
        sum -= term(tag::OUT, &[index as u64, *word])?;
    }
    Some(sum)
}

/// Tags of the messages whose other side is public.
pub mod tag {
    use quintet_air::Tag;

    /// (pc, clock): the first instruction.
    pub const CPU: Tag = Tag(1);
    /// (exit code): the end.
    pub const HALT: Tag = Tag(2);
    /// (index, word): one output word.
    pub const OUT: Tag = Tag(3);
}

/// Where an instance stands, for error messages and hashes.
pub(crate) fn hash_instance(hash: Hash, id: InstanceId) -> Hash {
    hash.uint(u64::from(id.air)).uint(u64::from(id.index))
}
