//! The containers of beacon blocks, fork by fork, as the consensus specification writes them.
//!
//! Phase 0 to Fulu are final. Gloas follows consensus-specs v1.7.0-alpha.8 (progressive containers and lists of
//! EIP-7688); it may still change before the fork is scheduled.

use crate::fork::Fork;
use crate::preset::Preset;
use crate::ssz::{Limit, SszType};

use SszType::{Bitlist, Bitvector, Bool, ByteList, Bytes, Uint};

const U64: SszType = Uint(8);
const ROOT: SszType = Bytes(32);
const ADDRESS: SszType = Bytes(20);
const PUBKEY: SszType = Bytes(48);
const SIGNATURE: SszType = Bytes(96);

const MAX_PROPOSER_SLASHINGS: u64 = 16;
const MAX_ATTESTER_SLASHINGS: u64 = 2;
const MAX_ATTESTER_SLASHINGS_ELECTRA: u64 = 1;
const MAX_ATTESTATIONS: u64 = 128;
const MAX_ATTESTATIONS_ELECTRA: u64 = 8;
const MAX_DEPOSITS: u64 = 16;
const MAX_VOLUNTARY_EXITS: u64 = 16;
const MAX_BLS_TO_EXECUTION_CHANGES: u64 = 16;
const MAX_BYTES_PER_TRANSACTION: u64 = 1 << 30;
const MAX_TRANSACTIONS_PER_PAYLOAD: u64 = 1 << 20;
const MAX_EXTRA_DATA_BYTES: u64 = 32;
const BYTES_PER_LOGS_BLOOM: usize = 256;
const DEPOSIT_PROOF_LENGTH: usize = 33;

/// The schemas of one network, for every fork.
#[derive(Debug, Clone, Copy)]
pub struct Schemas {
    preset: Preset,
}

impl Schemas {
    /// The schemas under `preset`.
    #[must_use]
    pub const fn new(preset: Preset) -> Self {
        Self { preset }
    }

    /// `SignedBeaconBlock`.
    #[must_use]
    pub fn signed_block(&self, fork: Fork) -> SszType {
        let message = self.block(fork);
        SszType::container("SignedBeaconBlock", vec![("message", message), ("signature", SIGNATURE)])
    }

    /// `BeaconBlock`.
    #[must_use]
    pub fn block(&self, fork: Fork) -> SszType {
        let fields = vec![
            ("slot", U64),
            ("proposer_index", U64),
            ("parent_root", ROOT),
            ("state_root", ROOT),
            ("body", self.body(fork)),
        ];
        SszType::container("BeaconBlock", fields)
    }

    /// `BeaconBlockBody`.
    #[must_use]
    pub fn body(&self, fork: Fork) -> SszType {
        let shape = Shape { preset: self.preset, fork };
        let slashings = if fork >= Fork::Electra { MAX_ATTESTER_SLASHINGS_ELECTRA } else { MAX_ATTESTER_SLASHINGS };
        let attestations = if fork >= Fork::Electra { MAX_ATTESTATIONS_ELECTRA } else { MAX_ATTESTATIONS };
        let mut fields = vec![
            ("randao_reveal", SIGNATURE),
            ("eth1_data", eth1_data()),
            ("graffiti", ROOT),
            ("proposer_slashings", shape.list(proposer_slashing(), MAX_PROPOSER_SLASHINGS)),
            ("attester_slashings", shape.list(shape.attester_slashing(), slashings)),
            ("attestations", shape.list(shape.attestation(), attestations)),
            ("deposits", shape.list(deposit(), MAX_DEPOSITS)),
            ("voluntary_exits", shape.list(voluntary_exit(), MAX_VOLUNTARY_EXITS)),
        ];
        if fork >= Fork::Altair {
            fields.push(("sync_aggregate", shape.sync_aggregate()));
        }
        if (Fork::Bellatrix..Fork::Gloas).contains(&fork) {
            fields.push(("execution_payload", shape.execution_payload()));
        }
        if fork >= Fork::Capella {
            let changes = shape.list(bls_to_execution_change(), MAX_BLS_TO_EXECUTION_CHANGES);
            fields.push(("bls_to_execution_changes", changes));
        }
        if (Fork::Deneb..Fork::Gloas).contains(&fork) {
            fields.push(("blob_kzg_commitments", shape.blob_commitments()));
        }
        if (Fork::Electra..Fork::Gloas).contains(&fork) {
            fields.push(("execution_requests", shape.execution_requests()));
        }
        if fork >= Fork::Gloas {
            fields.push(("signed_execution_payload_bid", shape.signed_bid()));
            fields.push(("payload_attestations", SszType::list(shape.payload_attestation(), Limit::Progressive)));
            fields.push(("parent_execution_requests", shape.execution_requests()));
        }
        shape.container("BeaconBlockBody", fields)
    }

    /// `SignedExecutionPayloadEnvelope`, which carries the payload from Gloas on.
    #[must_use]
    pub fn signed_envelope(&self) -> SszType {
        let shape = Shape { preset: self.preset, fork: Fork::Gloas };
        let message = SszType::progressive_container(
            "ExecutionPayloadEnvelope",
            vec![
                ("payload", shape.execution_payload()),
                ("execution_requests", shape.execution_requests()),
                ("builder_index", U64),
                ("beacon_block_root", ROOT),
                ("parent_beacon_block_root", ROOT),
            ],
        );
        SszType::container("SignedExecutionPayloadEnvelope", vec![("message", message), ("signature", SIGNATURE)])
    }

    /// `ExecutionPayload`.
    #[must_use]
    pub fn execution_payload(&self, fork: Fork) -> SszType {
        Shape { preset: self.preset, fork }.execution_payload()
    }
}

/// What depends on preset and fork at once.
#[derive(Clone, Copy)]
struct Shape {
    preset: Preset,
    fork: Fork,
}

impl Shape {
    /// EIP-7688 makes lists progressive from Gloas on; their bounds move from the type into the transition.
    fn limit(self, max: u64) -> Limit {
        if self.fork >= Fork::Gloas { Limit::Progressive } else { Limit::Max(max) }
    }

    fn list(self, element: SszType, max: u64) -> SszType {
        SszType::list(element, self.limit(max))
    }

    fn container(self, name: &'static str, fields: Vec<(&'static str, SszType)>) -> SszType {
        if self.fork >= Fork::Gloas { SszType::progressive_container(name, fields) } else { SszType::container(name, fields) }
    }

    /// Electra joined the committees of a slot into one attestation.
    fn max_attesters(self) -> u64 {
        let committees = if self.fork >= Fork::Electra { self.preset.max_committees_per_slot } else { 1 };
        committees * self.preset.max_validators_per_committee
    }

    fn attestation(self) -> SszType {
        let mut fields = vec![
            ("aggregation_bits", Bitlist(self.limit(self.max_attesters()))),
            ("data", attestation_data()),
            ("signature", SIGNATURE),
        ];
        if self.fork >= Fork::Electra {
            fields.push(("committee_bits", Bitvector(self.preset.max_committees_per_slot as usize)));
        }
        self.container("Attestation", fields)
    }

    fn attester_slashing(self) -> SszType {
        let indexed = self.container(
            "IndexedAttestation",
            vec![
                ("attesting_indices", self.list(U64, self.max_attesters())),
                ("data", attestation_data()),
                ("signature", SIGNATURE),
            ],
        );
        let fields = vec![("attestation_1", indexed.clone()), ("attestation_2", indexed)];
        SszType::container("AttesterSlashing", fields)
    }

    fn sync_aggregate(self) -> SszType {
        let bits = Bitvector(self.preset.sync_committee_size as usize);
        let fields = vec![("sync_committee_bits", bits), ("sync_committee_signature", SIGNATURE)];
        SszType::container("SyncAggregate", fields)
    }

    fn blob_commitments(self) -> SszType {
        self.list(Bytes(48), self.preset.max_blob_commitments)
    }

    fn execution_payload(self) -> SszType {
        let mut fields = vec![
            ("parent_hash", ROOT),
            ("fee_recipient", ADDRESS),
            ("state_root", ROOT),
            ("receipts_root", ROOT),
            ("logs_bloom", Bytes(BYTES_PER_LOGS_BLOOM)),
            ("prev_randao", ROOT),
            ("block_number", U64),
            ("gas_limit", U64),
            ("gas_used", U64),
            ("timestamp", U64),
            ("extra_data", ByteList(Limit::Max(MAX_EXTRA_DATA_BYTES))),
            ("base_fee_per_gas", Uint(32)),
            ("block_hash", ROOT),
            ("transactions", self.list(ByteList(self.limit(MAX_BYTES_PER_TRANSACTION)), MAX_TRANSACTIONS_PER_PAYLOAD)),
        ];
        if self.fork >= Fork::Capella {
            fields.push(("withdrawals", self.list(withdrawal(), self.preset.max_withdrawals)));
        }
        if self.fork >= Fork::Deneb {
            fields.push(("blob_gas_used", U64));
            fields.push(("excess_blob_gas", U64));
        }
        if self.fork >= Fork::Gloas {
            fields.push(("block_access_list", ByteList(Limit::Progressive)));
            fields.push(("slot_number", U64));
        }
        self.container("ExecutionPayload", fields)
    }

    fn execution_requests(self) -> SszType {
        let deposit = vec![
            ("pubkey", PUBKEY),
            ("withdrawal_credentials", ROOT),
            ("amount", U64),
            ("signature", SIGNATURE),
            ("index", U64),
        ];
        let withdrawal = vec![("source_address", ADDRESS), ("validator_pubkey", PUBKEY), ("amount", U64)];
        let consolidation = vec![("source_address", ADDRESS), ("source_pubkey", PUBKEY), ("target_pubkey", PUBKEY)];
        let container = SszType::container;
        let preset = &self.preset;
        let mut fields = vec![
            ("deposits", self.list(container("DepositRequest", deposit), preset.max_deposit_requests)),
            ("withdrawals", self.list(container("WithdrawalRequest", withdrawal), preset.max_withdrawal_requests)),
            ("consolidations", self.list(container("ConsolidationRequest", consolidation), preset.max_consolidation_requests)),
        ];
        if self.fork >= Fork::Gloas {
            let deposit = vec![("pubkey", PUBKEY), ("withdrawal_credentials", ROOT), ("amount", U64), ("signature", SIGNATURE)];
            let exit = vec![("source_address", ADDRESS), ("pubkey", PUBKEY)];
            let progressive = |element| SszType::list(element, Limit::Progressive);
            fields.push(("builder_deposits", progressive(container("BuilderDepositRequest", deposit))));
            fields.push(("builder_exits", progressive(container("BuilderExitRequest", exit))));
        }
        self.container("ExecutionRequests", fields)
    }

    fn signed_bid(self) -> SszType {
        let bid = SszType::progressive_container(
            "ExecutionPayloadBid",
            vec![
                ("parent_block_hash", ROOT),
                ("parent_block_root", ROOT),
                ("block_hash", ROOT),
                ("prev_randao", ROOT),
                ("fee_recipient", ADDRESS),
                ("gas_limit", U64),
                ("builder_index", U64),
                ("slot", U64),
                ("value", U64),
                ("execution_payment", U64),
                ("blob_kzg_commitments", self.blob_commitments()),
                ("execution_requests_root", ROOT),
            ],
        );
        SszType::container("SignedExecutionPayloadBid", vec![("message", bid), ("signature", SIGNATURE)])
    }

    fn payload_attestation(self) -> SszType {
        let data = SszType::container(
            "PayloadAttestationData",
            vec![("beacon_block_root", ROOT), ("slot", U64), ("payload_present", Bool), ("blob_data_available", Bool)],
        );
        SszType::progressive_container(
            "PayloadAttestation",
            vec![("aggregation_bits", Bitvector(self.preset.ptc_size as usize)), ("data", data), ("signature", SIGNATURE)],
        )
    }
}

fn eth1_data() -> SszType {
    let fields = vec![("deposit_root", ROOT), ("deposit_count", U64), ("block_hash", ROOT)];
    SszType::container("Eth1Data", fields)
}

fn attestation_data() -> SszType {
    let checkpoint = || SszType::container("Checkpoint", vec![("epoch", U64), ("root", ROOT)]);
    SszType::container(
        "AttestationData",
        vec![("slot", U64), ("index", U64), ("beacon_block_root", ROOT), ("source", checkpoint()), ("target", checkpoint())],
    )
}

/// `BeaconBlockHeader`, whose root is the root of the block that it summarises.
#[must_use]
pub fn block_header() -> SszType {
    SszType::container(
        "BeaconBlockHeader",
        vec![("slot", U64), ("proposer_index", U64), ("parent_root", ROOT), ("state_root", ROOT), ("body_root", ROOT)],
    )
}

fn proposer_slashing() -> SszType {
    let signed = || SszType::container("SignedBeaconBlockHeader", vec![("message", block_header()), ("signature", SIGNATURE)]);
    SszType::container("ProposerSlashing", vec![("signed_header_1", signed()), ("signed_header_2", signed())])
}

fn deposit() -> SszType {
    let data = SszType::container(
        "DepositData",
        vec![("pubkey", PUBKEY), ("withdrawal_credentials", ROOT), ("amount", U64), ("signature", SIGNATURE)],
    );
    SszType::container("Deposit", vec![("proof", SszType::vector(ROOT, DEPOSIT_PROOF_LENGTH)), ("data", data)])
}

fn voluntary_exit() -> SszType {
    let message = SszType::container("VoluntaryExit", vec![("epoch", U64), ("validator_index", U64)]);
    SszType::container("SignedVoluntaryExit", vec![("message", message), ("signature", SIGNATURE)])
}

fn bls_to_execution_change() -> SszType {
    let message = SszType::container(
        "BLSToExecutionChange",
        vec![("validator_index", U64), ("from_bls_pubkey", PUBKEY), ("to_execution_address", ADDRESS)],
    );
    SszType::container("SignedBLSToExecutionChange", vec![("message", message), ("signature", SIGNATURE)])
}

fn withdrawal() -> SszType {
    SszType::container("Withdrawal", vec![("index", U64), ("validator_index", U64), ("address", ADDRESS), ("amount", U64)])
}
