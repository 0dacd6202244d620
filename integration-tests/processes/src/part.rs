//! A villain's part in a job: drawn, planned and assigned as an honest prover's.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use quintet_api::{GatewayClient, JobFilter, JobState};
use quintet_keys::{Password, StakeKey};
use quintet_protocol::Assignment;
use quintet_prover::{Challenged, Duty, Speed, Work};
use quintet_proving::{Circuits, ProvingJob};
use quintet_types::{InstanceIndex, JobId, PublicKeyBytes, Spec};

use crate::Args;

/// How often the gateway is asked.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Who we are, and which job it is.
pub(crate) struct Player {
    pub(crate) client: GatewayClient,
    pub(crate) key: StakeKey,
    pub(crate) pubkey: PublicKeyBytes,
    pub(crate) spec: Spec,
    pub(crate) id: JobId,
}

/// What the player owes, and what it is computed with.
pub(crate) struct Part {
    pub(crate) circuits: Circuits,
    pub(crate) input: Arc<[u8]>,
    pub(crate) duty: Duty,
    pub(crate) assignment: Assignment,
    pub(crate) work: Work,
}

impl Player {
    /// Waits for a job in which our key is drawn.
    ///
    /// # Errors
    /// If the key cannot be used, or the gateway does not answer.
    pub(crate) async fn join(args: &Args) -> anyhow::Result<Self> {
        let key = StakeKey::unlock(&args.stake_key, &Password::from_file(&args.password_file)?, None)?;
        let pubkey: PublicKeyBytes = (*key.public_key()).into();
        let client = GatewayClient::new(&args.gateway, Duration::from_secs(20))?;
        let spec = client.spec().await?;
        loop {
            for job in client.jobs(&JobFilter::default()).await?.data {
                let open = matches!(job.state, JobState::Announced | JobState::T1);
                if open && client.job(&job.job).await?.selected.contains(&pubkey) {
                    return Ok(Self { client, key, pubkey, spec, id: job.job });
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the job is in a state that is wanted; false if it is over before.
    ///
    /// # Errors
    /// If the gateway does not answer.
    pub(crate) async fn until(&self, wanted: impl Fn(JobState) -> bool) -> anyhow::Result<bool> {
        loop {
            let state = self.client.job(&self.id).await?.summary.state;
            if wanted(state) {
                return Ok(true);
            }
            if state.is_final() {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Works out the part, as the daemon does.
    ///
    /// # Errors
    /// If something does not fit together.
    pub(crate) async fn prepare(&self) -> anyhow::Result<Part> {
        let view = self.client.selection(&self.id).await?;
        let duty = Duty::find(&self.id, std::slice::from_ref(&view), &self.pubkey, &self.spec)?.context("not drawn")?;
        let input: Arc<[u8]> = self.client.input(&self.id).await?.into();
        let circuits = quintet_prover::circuits(None, true)?;
        let job = plan(&circuits, self.id, &input, &self.spec)?;
        let theirs = loop {
            match self.client.assignments(&self.id).await {
                Ok(theirs) => break theirs,
                Err(error) if error.is_transient() => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        };
        let assignment = duty.assign(job.instances(), &theirs, &self.spec)?;
        let work = Work::new(job, self.pubkey, Arc::new(Speed::default()), Box::new(|_, _| {}));
        Ok(Part { circuits, input, duty, assignment, work })
    }

    /// D and the challenge.
    ///
    /// # Errors
    /// If the gateway does not have them.
    pub(crate) async fn challenged(&self, part: &Part) -> anyhow::Result<Challenged> {
        part.work.challenge(&self.client.challenge(&self.id).await?)
    }
}

/// Executes and plans a job.
///
/// # Errors
/// If there is no plan.
pub(crate) fn plan(circuits: &Circuits, id: JobId, input: &Arc<[u8]>, spec: &Spec) -> anyhow::Result<ProvingJob> {
    let range = spec.k_min as u32..=spec.k_max as u32;
    Ok(ProvingJob::new(circuits, id, Arc::clone(input), range, spec.max_full_proof_bytes)?)
}

impl Part {
    /// Instances that we owe a commitment.
    pub(crate) fn to_commit(&self) -> Vec<InstanceIndex> {
        self.assignment.to_commit(self.duty.index)
    }

    /// Instances that we owe a proof.
    pub(crate) fn to_prove(&self) -> Vec<InstanceIndex> {
        self.assignment.to_prove(self.duty.index)
    }
}
