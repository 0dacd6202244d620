//! What each villain does in each phase. Where a role says nothing of a phase, it does in T1 what an honest prover does, and nothing later.

use std::time::Duration;

use anyhow::Context as _;
use quintet_api::JobState;
use quintet_plonk::{BlindSeed, Prover};
use quintet_proving::{binding_key, commitment_to_wire, partial_to_wire};
use quintet_types::{
    BloomHash, Commitment, Commitments, FullProof, InstanceIndex, JobId, PartialProof, PartialProofs, Phase, PublicKeyBytes,
    Root, Slot, Submission,
};

use crate::{
    Args, Role,
    part::{Part, Player, plan},
    post::{send_bytes, sign, submit},
};

/// How many proofs a villain makes for nothing.
const PROOFS: usize = 2;

/// Plays a whole job.
///
/// # Errors
/// If the part cannot be played; refusals by the gateway are part of it.
pub(crate) async fn play(args: Args) -> anyhow::Result<()> {
    let player = Player::join(&args).await?;
    if args.role == Role::Silent {
        player.until(JobState::is_final).await?;
        return Ok(());
    }
    let part = player.prepare().await?;
    if player.until(|state| state == JobState::T1).await? {
        player.first(args.role, &part).await?;
    }
    if player.until(|state| state == JobState::T2).await? {
        player.second(args.role, &part).await?;
    }
    if player.until(|state| state == JobState::T3).await? {
        player.third(args.role, &part).await?;
    }
    player.until(JobState::is_final).await?;
    Ok(())
}

impl Player {
    async fn first(&self, role: Role, part: &Part) -> anyhow::Result<()> {
        let mut commitments = part.work.commit(&part.to_commit(), &[]);
        match role {
            Role::Silent => return Ok(()),
            Role::Late => {
                self.until(|state| state != JobState::T1).await?;
                return self.commit("honest, after the deadline", self.id, commitments).await;
            }
            Role::WrongDigest => {
                let instance = commitments.first().context("nothing to commit to")?.instance;
                commitments[0] = part.wrong_commitment(&self.pubkey, instance)?;
                return self.commit("with a wrong digest", self.id, commitments).await;
            }
            Role::Garbage => {
                let path = format!("v1/jobs/{}/commitments", self.id);
                send_bytes(&self.client, (Phase::T1, "bytes"), &path, noise(0, 5_000)).await?;
                for commitment in &mut commitments {
                    commitment.points = noise(7, commitment.points.len()).try_into().unwrap_or_default();
                }
                return self.commit("with points that are none", self.id, commitments).await;
            }
            Role::Replay => {
                let other = JobId { slot: Slot(self.id.slot.0 + 1), block_root: Root::repeat_byte(9), ..self.id };
                self.commit("of another job", other, commitments.clone()).await?;
                let signed = sign(&self.key, &self.spec, (other, Phase::T1), body(&commitments)?)?;
                let bytes = quintet_types::Encode::as_ssz_bytes(&signed);
                let path = format!("v1/jobs/{}/commitments", self.id);
                send_bytes(&self.client, (Phase::T1, "of another job, at this one's address"), &path, bytes).await?;
            }
            Role::OtherTrace | Role::Thief | Role::Equivocation => {}
        }
        self.commit("honest", self.id, commitments.clone()).await?;
        if role == Role::Equivocation {
            commitments.pop();
            self.commit("another one", self.id, commitments).await?;
        }
        Ok(())
    }

    async fn commit(&self, what: &str, job: JobId, commitments: Vec<Commitment>) -> anyhow::Result<()> {
        let signed = sign(&self.key, &self.spec, (job, Phase::T1), body(&commitments)?)?;
        submit(&self.client, what, &Submission::Commitments(signed)).await;
        Ok(())
    }

    async fn second(&self, role: Role, part: &Part) -> anyhow::Result<()> {
        match role {
            Role::Late => {
                let challenged = self.challenged(part).await?;
                let some: Vec<_> = part.to_prove().into_iter().take(1).collect();
                let proofs = part.work.prove(&challenged, &some);
                self.until(|state| state != JobState::T2).await?;
                self.prove("honest, after the deadline", proofs).await
            }
            Role::OtherTrace => self.prove("of another trace", self.other_traces(part).await?).await,
            Role::Thief => self.prove("stolen", self.stolen(part).await?).await,
            Role::Garbage => {
                let digests = self.challenged(part).await?.digests;
                let made_up = |instance: InstanceIndex| PartialProof {
                    instance,
                    digest: digests[instance.as_usize()],
                    sum: Root::ZERO,
                    proof: noise(instance.0 as u8, 4_000).try_into().unwrap_or_default(),
                };
                self.prove("bytes", part.to_prove().into_iter().map(made_up).collect()).await
            }
            Role::Replay => self.prove("of the next attempt", self.of_another_job(part)?).await,
            Role::Silent | Role::WrongDigest | Role::Equivocation => Ok(()),
        }
    }

    async fn prove(&self, what: &str, proofs: Vec<PartialProof>) -> anyhow::Result<()> {
        let proofs = proofs.try_into().ok().context("too many proofs")?;
        let signed = sign(&self.key, &self.spec, (self.id, Phase::T2), PartialProofs { proofs, ..Default::default() })?;
        submit(&self.client, what, &Submission::PartialProofs(signed)).await;
        Ok(())
    }

    /// Proofs of our instances with traces of other instances of the same AIR, under a D that fits them, relabelled.
    async fn other_traces(&self, part: &Part) -> anyhow::Result<Vec<PartialProof>> {
        let (challenged, job) = (self.challenged(part).await?, &part.work.job);
        let prover = job.prover(&self.pubkey);
        let mut proofs = Vec::new();
        for instance in part.to_prove() {
            let id = job.instance(instance)?;
            let other = job
                .plan()
                .instances()
                .find(|other| *other != instance && job.instance(*other).is_ok_and(|other| other.air == id.air));
            let Some(other) = other.filter(|_| proofs.len() < PROOFS) else { continue };
            let Ok(committed) = prover.commit(id, job.trace(other)?) else { continue };
            let mut digests = challenged.digests.clone();
            digests[instance.as_usize()] = committed.digest.0.into();
            let partial = prover.prove(&job.round(&digests)?, &committed)?;
            proofs.push(partial_to_wire(instance, challenged.digests[instance.as_usize()], partial)?);
        }
        Ok(proofs)
    }

    /// Proofs for the next attempt at this job, which has another root.
    fn of_another_job(&self, part: &Part) -> anyhow::Result<Vec<PartialProof>> {
        let next = self.id.next_attempt().context("no attempt is left")?;
        let job = plan(&part.circuits, next, &part.input, &self.spec)?;
        let prover = job.prover(&self.pubkey);
        let all = job.plan().instances();
        let digests = all.map(|instance| Ok(job.commit(&prover, instance)?.digest())).collect::<anyhow::Result<Vec<Root>>>()?;
        let round = job.round(&digests)?;
        let mine = part.to_prove().into_iter().take(PROOFS);
        mine.map(|instance| {
            let partial = job.commit(&prover, instance)?.prove(&prover, &round)?;
            Ok(partial_to_wire(instance, digests[instance.as_usize()], partial)?)
        })
        .collect()
    }

    /// Partial proofs of our instances that others have handed in; waits until there is one.
    async fn stolen(&self, part: &Part) -> anyhow::Result<Vec<PartialProof>> {
        let mine = part.to_prove();
        let mut stolen: Vec<PartialProof> = Vec::new();
        while stolen.is_empty() && self.client.job(&self.id).await?.summary.state == JobState::T2 {
            for view in self.client.submissions(&self.id, "partial_proofs").await? {
                let Submission::PartialProofs(signed) =
                    self.client.submission(&self.id, "partial_proofs", &view.body_root).await?
                else {
                    continue;
                };
                for proof in signed.body.proofs.iter().filter(|proof| mine.contains(&proof.instance)) {
                    if stolen.iter().all(|have| have.instance != proof.instance) {
                        stolen.push(proof.clone());
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        stolen.sort_by_key(|proof| proof.instance);
        Ok(stolen)
    }

    async fn third(&self, role: Role, part: &Part) -> anyhow::Result<()> {
        match role {
            Role::Garbage => {
                let body = self.made_up_full_proof(part).await?;
                self.aggregate("with an aggregation proof that is none", body).await
            }
            Role::Thief => match self.full_proof_of_another().await? {
                Some(body) => self.aggregate("stolen", body).await,
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    async fn aggregate(&self, what: &str, body: FullProof) -> anyhow::Result<()> {
        let signed = sign(&self.key, &self.spec, (self.id, Phase::T3), body)?;
        submit(&self.client, what, &Submission::FullProof(signed)).await;
        Ok(())
    }

    /// Everybody's partials, with made-up ones where there is none, and an aggregation proof of noise.
    async fn made_up_full_proof(&self, part: &Part) -> anyhow::Result<FullProof> {
        let digests = self.challenged(part).await?.digests;
        let instances = part.work.job.instances();
        let mut ids: Vec<Option<Root>> = vec![None; instances];
        for view in self.client.submissions(&self.id, "partial_proofs").await? {
            let submission = self.client.submission(&self.id, "partial_proofs", &view.body_root).await?;
            let Submission::PartialProofs(signed) = submission else { continue };
            for proof in signed.body.proofs.iter().filter(|proof| view.valid.contains(&proof.instance)) {
                ids[proof.instance.as_usize()].get_or_insert(proof.id(&self.id, &signed.prover));
            }
        }
        let bloom_hash = BloomHash::new(instances, ids.iter().flatten());
        let mut own = Vec::new();
        for (place, id) in ids.iter_mut().enumerate().filter(|(_, id)| id.is_none()) {
            let (instance, proof) = (InstanceIndex(place as u32), noise(1, 4_000).try_into().unwrap_or_default());
            let partial = PartialProof { instance, digest: digests[place], sum: Root::ZERO, proof };
            *id = Some(partial.id(&self.id, &self.pubkey));
            own.push(partial);
        }
        let partials: Vec<Root> = ids.into_iter().flatten().collect();
        Ok(FullProof {
            partials: partials.try_into().ok().context("too many partials")?,
            own: own.try_into().ok().context("too many own partials")?,
            aggregation: noise(2, 1_500).try_into().ok().context("too long")?,
            bloom_hash,
        })
    }

    /// A full proof that somebody else handed in; waits until there is one. `None` if T3 is over before.
    async fn full_proof_of_another(&self) -> anyhow::Result<Option<FullProof>> {
        while self.client.job(&self.id).await?.summary.state == JobState::T3 {
            for view in self.client.submissions(&self.id, "full_proofs").await? {
                // The gateway's own verdict shows which are worth stealing.
                if view.prover == self.pubkey || view.valid.is_empty() {
                    continue;
                }
                let submission = self.client.submission(&self.id, "full_proofs", &view.body_root).await?;
                if let Submission::FullProof(signed) = submission {
                    // To a thief, all partials are those of others.
                    let bloom_hash = BloomHash::new(signed.body.partials.len(), signed.body.partials.iter());
                    return Ok(Some(FullProof { bloom_hash, ..signed.body }));
                }
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Ok(None)
    }
}

impl Part {
    /// A commitment of the right shape with blinds that are not the job's: another digest than everybody else's.
    fn wrong_commitment(&self, key: &PublicKeyBytes, instance: InstanceIndex) -> anyhow::Result<Commitment> {
        let job = &self.work.job;
        let seed = BlindSeed { block_root: [0x66; 32], sub_block: 0, plan_root: job.plan_root().0 };
        let circuits = job.circuits();
        let (keys, program) = (circuits.keys.clone(), circuits.program.clone());
        let prover = Prover::new(keys, program, self.circuits.backend().clone(), seed, binding_key(key));
        let committed = prover.commit(job.instance(instance)?, job.trace(instance)?)?;
        Ok(commitment_to_wire(instance, &committed.commitment)?)
    }
}

fn body(commitments: &[Commitment]) -> anyhow::Result<Commitments> {
    let commitments = commitments.to_vec().try_into().ok().context("too many commitments")?;
    Ok(Commitments { commitments, ..Commitments::default() })
}

/// Bytes that mean nothing, the same each time.
fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 0x9e37_79b9_7f4a_7c15;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(step).collect()
}
