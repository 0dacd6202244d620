//! From disk to state and back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use quintet_protocol::SubmissionLog;
use quintet_store::Store;
use quintet_types::{Decode, EquivocationEvidence, JobId, Root, Slot, ValidatorIndex};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Books, ChainView, ClosedRecord, Core, CoreConfig, CoreError, EventLog, JobRecord, LiveJob, NodeState, Settlements, Verdict,
};
use crate::{db, registry::ProverSource};

/// A record as JSON.
pub(super) fn to_json<T: Serialize>(table: &'static str, value: &T) -> Result<Vec<u8>, CoreError> {
    serde_json::to_vec(value).map_err(|error| CoreError::Record { table, reason: error.to_string() })
}

fn from_json<T: DeserializeOwned>(table: &'static str, bytes: &[u8]) -> Result<T, CoreError> {
    serde_json::from_slice(bytes).map_err(|error| CoreError::Record { table, reason: error.to_string() })
}

/// A record as CBOR: maps of the books have keys that are no strings, which JSON does not know.
pub(super) fn to_cbor<T: Serialize>(table: &'static str, value: &T) -> Result<Vec<u8>, CoreError> {
    let mut bytes = Vec::new();
    let written = ciborium::into_writer(value, &mut bytes);
    written.map_err(|error| CoreError::Record { table, reason: error.to_string() }).map(|()| bytes)
}

fn from_cbor<T: DeserializeOwned>(table: &'static str, bytes: &[u8]) -> Result<T, CoreError> {
    ciborium::from_reader(bytes).map_err(|error| CoreError::Record { table, reason: error.to_string() })
}

impl Core {
    /// The state as it is on disk. Plans, challenges and verdicts that are missing are made again by [`Core::tick`]'s work.
    ///
    /// # Errors
    /// If the store fails or a record cannot be read.
    pub fn load(config: CoreConfig, store: Store, registry: Arc<dyn ProverSource>, now_ms: u64) -> Result<Self, CoreError> {
        let chain: ChainView = match store.get(&db::BOOKS, &db::CHAIN_KEY)? {
            Some(bytes) => from_cbor("books", &bytes)?,
            None => ChainView::default(),
        };
        let books: Books = match store.get(&db::BOOKS, &db::BOOKS_KEY)? {
            Some(bytes) => from_cbor("books", &bytes)?,
            None => Books::default(),
        };
        let mut core = Self {
            config,
            registry,
            registry_version: None,
            provers: Vec::new(),
            by_key: Default::default(),
            chain,
            books,
            jobs: BTreeMap::new(),
            log: SubmissionLog::default(),
            evidence: BTreeMap::new(),
            validator_evidence: BTreeMap::new(),
            barred: BTreeMap::new(),
            candidates: None,
            next_closed: 0,
            kept_from: Slot(store.get(&db::BOOKS, &db::KEPT_FROM_KEY)?.map_or(0, db::slot_from)),
            settlements: Settlements::load(&store)?,
            blocks_without_registry: 0,
            events: EventLog::default(),
            node: NodeState::default(),
            started_ms: now_ms,
            store,
        };
        core.bind_registry()?;
        core.refresh_provers();
        core.load_jobs()?;
        core.load_books()?;
        core.load_evidence()?;
        core.expect_missing_retries();
        Ok(core)
    }

    /// The books belong to one registry for good.
    fn bind_registry(&self) -> Result<(), CoreError> {
        let configured = self.registry.identity();
        match self.store.get(&db::BOOKS, &db::REGISTRY_KEY)? {
            Some(stored) if stored == configured.as_bytes() => Ok(()),
            Some(stored) => Err(CoreError::OtherRegistry { stored: String::from_utf8_lossy(&stored).into_owned(), configured }),
            None => Ok(self.store.put(&db::BOOKS, &db::REGISTRY_KEY, &configured.into_bytes())?),
        }
    }

    fn load_jobs(&mut self) -> Result<(), CoreError> {
        let store = self.store.clone();
        for entry in store.range(&db::JOBS, ..) {
            let (key, bytes) = entry?;
            let record: JobRecord = from_json("jobs", &bytes)?;
            let input = store.get(&db::INPUTS, &key.1)?.unwrap_or_default();
            let id = *record.job.id();
            let mut live = LiveJob::new(record, input.into());
            if let Some(assignment) = live.job().assignment() {
                live.settlement = Some(quintet_protocol::Settlement::new(assignment.num_instances(), live.job().digests()));
                let recomputed: Vec<_> = live.record.recomputed.iter().map(|(instance, c)| (*instance, c.digest)).collect();
                if let Some(settlement) = &mut live.settlement {
                    for (instance, digest) in recomputed {
                        settlement.resolve(instance, digest)?;
                    }
                }
            }
            self.jobs.insert(id, live);
            self.load_submissions(&id)?;
        }
        Ok(())
    }

    fn load_submissions(&mut self, id: &JobId) -> Result<(), CoreError> {
        let store = self.store.clone();
        let mut loaded = Vec::new();
        for entry in store.prefix(&db::SUBMISSIONS, &id.root().0) {
            let (key, bytes) = entry?;
            let intake = self.read_stored("submissions", &bytes)?;
            let verdict: Option<Verdict> =
                store.get(&db::VERDICTS, &key)?.map(|bytes| from_json("verdicts", &bytes)).transpose()?;
            loaded.push((intake, verdict));
        }
        // In the order of arrival, so that the first of two bodies is the one that counts.
        loaded.sort_by_key(|(intake, _)| intake.arrival_ms);
        for (intake, verdict) in loaded {
            let submission = Arc::clone(&intake.submission);
            let Some(prover) = self.prover_index(submission.prover()) else { continue };
            self.log.observe(submission.header(), *submission.signature());
            self.insert(id, prover, intake);
            let place = (submission.phase(), prover);
            if let Some(received) = self.jobs.get_mut(id).and_then(|live| live.received.get_mut(&place)) {
                received.verdict.clone_from(&verdict);
            }
            if verdict.is_some_and(|verdict| verdict.is_false_full_proof()) {
                self.bar(id, place.0, prover);
            }
        }
        self.load_rivals(id)
    }

    fn load_books(&mut self) -> Result<(), CoreError> {
        let store = self.store.clone();
        self.next_closed = self.books.next;
        for entry in store.range(&db::CLOSED, self.books.next..) {
            let (number, bytes) = entry?;
            let record: ClosedRecord = from_json("closed", &bytes)?;
            self.next_closed = number + 1;
            self.books.apply(number, &record)?;
        }
        for (id, live) in &self.jobs {
            let Some(selection) = live.job().selection() else { continue };
            self.books.busy.select(*id, selection.provers.clone());
            if let Some(ended) = live.job().ended() {
                self.books.busy.end(id, ended);
            }
        }
        Ok(())
    }

    fn load_evidence(&mut self) -> Result<(), CoreError> {
        let store = self.store.clone();
        let kept: BTreeSet<Root> = self.jobs.keys().map(JobId::root).collect();
        for entry in store.range(&db::EVIDENCE, ..) {
            let ((job, phase, prover), bytes) = entry?;
            let evidence = EquivocationEvidence::from_ssz_bytes(&bytes)
                .map_err(|error| CoreError::Record { table: "evidence", reason: format!("{error:?}") })?;
            if kept.contains(&Root::from(job)) {
                // A third body of an equivocator is no news.
                self.log.observe(evidence.header_1, evidence.signature_1);
                self.log.observe(evidence.header_2, evidence.signature_2);
            }
            self.evidence.insert((job.into(), phase, prover.into()), evidence);
        }
        for entry in store.range(&db::VALIDATOR_EVIDENCE, ..) {
            let ((job, phase, validator), bytes) = entry?;
            let evidence = from_json("validator_evidence", &bytes)?;
            self.validator_evidence.insert((job.into(), phase, ValidatorIndex(validator)), evidence);
        }
        Ok(())
    }

    /// After a restart: what a plan's return makes possible again.
    ///
    /// # Errors
    /// If D is not of the plan.
    pub fn restored(&mut self, id: &JobId) -> Result<(), CoreError> {
        self.make_round(id)?;
        self.restore_known(id);
        Ok(())
    }

    pub(super) fn save(&self, id: &JobId) -> Result<(), CoreError> {
        if let Some(live) = self.jobs.get(id) {
            self.store.put(&db::JOBS, &live.key(), &to_json("jobs", &live.record)?)?;
        }
        Ok(())
    }

    pub(super) fn save_chain(&self) -> Result<(), CoreError> {
        Ok(self.store.put(&db::BOOKS, &db::CHAIN_KEY, &to_cbor("books", &self.chain)?)?)
    }

    /// Books and chain as one: the chain's finalized slot tells that the books know of it.
    pub(super) fn save_books(&self) -> Result<(), CoreError> {
        // Records that are in the books by now are needed no more, but for those of jobs that are still shown.
        let oldest = self.jobs.keys().next().map_or(Slot(u64::MAX), |id| id.slot);
        let mut batch = quintet_store::Batch::new();
        batch.put(&db::BOOKS, &db::BOOKS_KEY, &to_cbor("books", &self.books)?);
        batch.put(&db::BOOKS, &db::CHAIN_KEY, &to_cbor("books", &self.chain)?);
        for entry in self.store.range(&db::CLOSED, ..self.books.next) {
            let (number, bytes) = entry?;
            let record: ClosedRecord = from_json("closed", &bytes)?;
            if record.job.slot >= oldest {
                break;
            }
            batch.remove(&db::CLOSED, &number);
        }
        Ok(self.store.commit(batch)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_protocol::DutyOutcome;
    use quintet_types::{Account, LedgerEntry, Phase, PhaseBundle, ProverIndex, Reason, Reward, Root, ValidatorIndex};

    #[test]
    fn books_and_closed_phases_survive_the_store() {
        let job = JobId::new(Slot(7), Root::repeat_byte(3));
        let entry = |account, reason, amount| LedgerEntry { job, phase: Phase::T2, account, reason, amount: Reward(amount) };
        let record = ClosedRecord {
            job,
            phase: Phase::T2,
            slot: Slot(9),
            bundle: PhaseBundle {
                job,
                phase: Phase::T2,
                previous: Root::ZERO,
                attesters: Default::default(),
                leader: ValidatorIndex(4),
                rank: 0,
                slot: Slot(9),
                plan_root: Root::repeat_byte(5),
                accepted: Default::default(),
                digests: vec![Root::repeat_byte(6)].try_into().unwrap(),
                agg_proofs: Default::default(),
                equivocations: Default::default(),
                late_equivocations: Default::default(),
            },
            entries: vec![
                entry(Account::Prover(ProverIndex(1)), Reason::Partials, 400),
                entry(Account::Validator(ValidatorIndex(4)), Reason::IncludedValid, -3),
            ],
            outcomes: vec![DutyOutcome { prover: ProverIndex(1), valid: 2, due: 3 }],
            ended: Some(Slot(9)),
        };
        let bytes = to_json("closed", &record).unwrap();
        assert_eq!(from_json::<ClosedRecord>("closed", &bytes).unwrap(), record);

        let mut books = Books::default();
        books.busy.select(job, vec![ProverIndex(1)]);
        books.apply(0, &record).unwrap();
        let bytes = to_cbor("books", &books).unwrap();
        assert_eq!(from_cbor::<Books>("books", &bytes).unwrap(), books);
        assert!(from_cbor::<Books>("books", &bytes[..bytes.len() / 2]).unwrap_err().to_string().starts_with("store: books: "));
    }
}
