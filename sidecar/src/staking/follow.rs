//! Keeps what is known of the contracts up to date, and says so when it cannot.

use std::{sync::Arc, time::Duration};

use quintet_staking::{BranchError, FollowError, Follower, ForeignNetwork};
use quintet_types::Spec;
use tokio_util::sync::CancellationToken;

use super::StakingRegistry;
use crate::{metrics::Metrics, service::Shared};

/// A warning that goes on is repeated this often in the events.
const WARN_EVERY: u32 = 50;

/// Between two looks for a branch that could not be read.
const BRANCH_PAUSE: Duration = Duration::from_secs(1);

/// Follows the contracts.
#[derive(Debug)]
pub struct Follow {
    follower: Follower,
    registry: Arc<StakingRegistry>,
    spec: Arc<Spec>,
    metrics: Metrics,
    failures: u32,
    branch_failures: u32,
}

/// Why nothing new is known.
#[derive(Debug, thiserror::Error)]
pub enum NothingNew {
    /// No execution node could be used.
    #[error("the staking contracts cannot be followed: {0}")]
    Follow(#[from] FollowError),
    /// The contracts are not those of this network. What they say is not used.
    #[error(transparent)]
    Foreign(#[from] ForeignNetwork),
}

impl NothingNew {
    /// Whether only another configuration helps.
    pub const fn is_lasting(&self) -> bool {
        match self {
            Self::Foreign(_) => true,
            Self::Follow(error) => matches!(
                error,
                FollowError::FinalizedReorg { .. }
                    | FollowError::ForeignStore { .. }
                    | FollowError::Deployment { .. }
                    | FollowError::Store(_)
            ),
        }
    }
}

impl Follow {
    /// Keeps `registry` up to date by `follower`.
    pub fn new(follower: Follower, registry: Arc<StakingRegistry>, spec: Arc<Spec>, metrics: Metrics) -> Self {
        Self { follower, registry, spec, metrics, failures: 0, branch_failures: 0 }
    }

    /// Takes over what has become final. Returns whether anything is new.
    ///
    /// # Errors
    /// [`NothingNew`]; what was known stays known.
    pub async fn step(&mut self) -> Result<bool, NothingNew> {
        let outcome = self.follower.poll().await;
        // What was read before an error counts, but only of contracts that are known to be the right ones.
        let known = self.follower.known();
        let checked = known.deployment.map(|deployment| deployment.check(&self.spec)).transpose();
        let label = match (&outcome, &checked) {
            (Ok(_), Ok(_)) => "ok",
            (_, Err(_)) => "foreign_network",
            (Err(error), _) => error.label(),
        };
        self.metrics.staking_poll(label);
        checked?;
        if let Some(checkpoint) = known.checkpoint {
            self.metrics.staking_known_seconds.set(checkpoint.timestamp as i64);
        }
        let provers = known.registry.registered();
        self.metrics.staking_provers.set(provers as i64);
        let changed = self.registry.update(known);
        outcome?;
        Ok(changed)
    }

    /// Looks for the state of branches that somebody asked about while the chain does not finalize. Returns whether all was found.
    ///
    /// # Errors
    /// If the contracts are not those of this network: nothing that they say is used then.
    pub async fn look_for_branches(&mut self) -> Result<bool, ForeignNetwork> {
        let Some(deployment) = self.follower.known().deployment else { return Ok(false) };
        deployment.check(&self.spec)?;
        let mut found = true;
        for wanted in self.registry.wanted() {
            let state = self.follower.state_at(wanted.tip, wanted.moment).await;
            self.metrics.staking_poll(state.as_ref().map_or_else(BranchError::label, |_| "branch"));
            if let Err(error) = &state {
                found = false;
                if self.branch_failures.is_multiple_of(WARN_EVERY) {
                    tracing::warn!(%error, "a branch of the execution chain cannot be read");
                }
            }
            self.registry.answer(wanted, state);
        }
        self.branch_failures = if found { 0 } else { self.branch_failures.saturating_add(1) };
        Ok(found)
    }

    /// What is to be done now: after a tick everything, otherwise what was asked.
    async fn turn(&mut self, ticked: bool, shared: &Shared) {
        if ticked {
            self.tell(shared).await;
        }
        let wanted = !self.registry.wanted().is_empty();
        if wanted && !matches!(self.look_for_branches().await, Ok(true)) {
            // Asked again at once, as it will be, it would say the same.
            tokio::time::sleep(BRANCH_PAUSE).await;
        }
        if wanted {
            shared.write().contracts_changed();
        }
    }

    /// As [`Self::step`], with a word about what is wrong in log and events: at once, then now and then, and again when it is over.
    async fn tell(&mut self, shared: &Shared) {
        let outcome = self.step().await;
        let mut core = shared.write();
        core.contracts_changed();
        match outcome {
            Ok(_) if self.failures > 0 => {
                tracing::info!(after = self.failures, "the staking contracts are followed again");
                self.failures = 0;
            }
            Ok(_) => {}
            Err(error) => {
                if self.failures.is_multiple_of(WARN_EVERY) {
                    core.tell_warning(error.to_string());
                }
                self.failures = self.failures.saturating_add(1);
            }
        }
    }
}

/// Follows the contracts until `stop`, looking once in `every`, and for branches as soon as somebody asks about one.
pub async fn follow(mut follow: Follow, shared: Shared, every: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let ticked = tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => true,
            () = follow.registry.asked() => false,
        };
        // What is cut off here was not begun, or is on disk: the next start reads it.
        tokio::select! {
            () = stop.cancelled() => return,
            () = follow.turn(ticked, &shared) => {}
        }
    }
}
