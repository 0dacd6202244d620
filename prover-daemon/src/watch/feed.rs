//! Scenes from a gateway, and from the prover's own daemon if it is named.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, ensure};
use quintet_api::{ClientError, GatewayClient, JobFilter};
use quintet_types::{JobId, PublicKeyBytes};
use tokio::{sync::watch, time::MissedTickBehavior};

use super::scene::{Duty, Look, Scene};
use crate::{cli::ask_daemon, run::gateways::now_ms};

/// How often is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many jobs one can go back.
const JOBS: usize = 50;

/// Where scenes come from.
#[derive(Debug)]
pub(crate) struct Feed {
    client: GatewayClient,
    prover: Option<PublicKeyBytes>,
    daemon: Option<String>,
}

impl Feed {
    /// A feed from `gateway`, or from the one that the daemon at `daemon` uses; the prover is the daemon's if none is named.
    ///
    /// # Errors
    /// If neither says which gateway to ask, or the address is none.
    pub(crate) async fn new(
        gateway: Option<&str>,
        prover: Option<PublicKeyBytes>,
        daemon: Option<String>,
    ) -> anyhow::Result<Self> {
        let (mut address, mut prover) = (gateway.map(str::to_owned), prover);
        if let Some(url) = &daemon {
            let snapshot = ask_daemon(url).await.with_context(|| format!("asking the daemon at {url}"))?;
            address = address.or(Some(snapshot.gateway));
            prover = prover.or(Some(snapshot.prover));
        }
        let address = address.unwrap_or_default();
        ensure!(!address.is_empty(), "the daemon has no gateway yet; name one with --gateway");
        Ok(Self { client: GatewayClient::new(&address, TIMEOUT)?, prover, daemon })
    }

    /// What is to be seen now.
    async fn scene(&self, look: Look) -> Result<Scene, ClientError> {
        let client = &self.client;
        let identity = client.identity().await?;
        let ahead_ms = identity.now_ms as i64 - now_ms() as i64;
        let head = client.syncing().await?.head_slot.0;
        let jobs = client.jobs(&JobFilter { limit: Some(JOBS), ..JobFilter::default() }).await?.data;
        let detail = match &self.prover {
            // A key that is not registered is followed all the same: it may be soon.
            Some(key) => client
                .prover(key)
                .await
                .map(Some)
                .or_else(|error| if error.status() == Some(404) { Ok(None) } else { Err(error) })?,
            None => None,
        };
        let ours: BTreeSet<JobId> = detail.iter().flat_map(|detail| &detail.duties).map(|duty| duty.job).collect();
        let mut scene =
            Scene { gateway: client.base().to_string(), network: identity.network, head, ahead_ms, jobs, ..Scene::default() };
        if let Some(id) = look.pick(&scene.jobs, &ours) {
            scene.job = Some(client.job(&id).await?);
            scene.duty = self.duty(&id).await?;
        }
        scene.us = detail.map(|detail| detail.prover);
        scene.daemon = match &self.daemon {
            Some(url) => ask_daemon(url).await.ok(),
            None => None,
        };
        Ok(scene)
    }

    async fn duty(&self, id: &JobId) -> Result<Duty, ClientError> {
        let Some(key) = &self.prover else { return Ok(Duty::default()) };
        let assignments = match self.client.assignments(id).await {
            Ok(assignments) => assignments,
            // There is no plan yet.
            Err(ClientError::Refused { .. }) => return Ok(Duty::default()),
            Err(error) => return Err(error),
        };
        let ours = assignments.into_iter().find(|assignment| assignment.prover == *key);
        Ok(ours
            .map(|ours| Duty { commit: ours.commit.into_iter().collect(), prove: ours.prove.into_iter().collect() })
            .unwrap_or_default())
    }

    /// Sends a scene each second, and whenever another job is looked at, until nobody receives any more.
    pub(crate) async fn run(self, mut look: watch::Receiver<Look>, scenes: watch::Sender<Scene>) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = look.changed() => if changed.is_err() { return },
                () = scenes.closed() => return,
            }
            let wanted = *look.borrow_and_update();
            match self.scene(wanted).await {
                Ok(scene) => drop(scenes.send_replace(scene)),
                Err(error) => scenes.send_modify(|scene| {
                    scene.gateway = self.client.base().to_string();
                    scene.trouble = Some(error.to_string());
                }),
            }
        }
    }
}
