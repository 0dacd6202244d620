//! Every key of the configuration, once: what it means, and how the environment overrides it.

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Dotted path, as in `gateway.listen`.
    pub path: &'static str,
    /// Form of its value, for text from environment and flags.
    pub form: Form,
    /// What it is, in one sentence.
    pub help: &'static str,
}

/// Form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Taken as it is.
    Text,
    /// An integer.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Texts with commas between them.
    List,
}

impl Key {
    /// The environment variable that overrides it.
    pub fn env(&self) -> String {
        format!("QUINTET_{}", self.path.replace('.', "_").to_uppercase())
    }
}

const fn key(path: &'static str, form: Form, help: &'static str) -> Key {
    Key { path, form, help }
}

use Form::{Boolean, Integer, List, Text};

/// All keys, those of a section together.
pub const KEYS: &[Key] = &[
    key("network", Text, "`mainnet`, `hoodi`, `devnet`, or a parameter file as in `configs/networks`"),
    key("data_dir", Text, "folder of the store"),
    key("beacon_urls", List, "beacon nodes, most preferred first"),
    key("registry", Text, "file with the provers"),
    key("validator_index", Integer, "whom validator rewards go to"),
    key("params_dir", Text, "folder of the generators; the user's cache if absent"),
    key("accept_optimistic_heads", Boolean, "jobs for heads whose payload the node has not validated"),
    key("retention_epochs", Integer, "finalized jobs are forgotten after so many epochs"),
    key("log_format", Text, "`human` or `json`; levels by `QUINTET_LOG`"),
    key("gateway.listen", Text, "address of the public gateway"),
    key("gateway.trusted_proxies", List, "networks whose `X-Forwarded-For` is believed, e.g. `10.0.0.0/8`"),
    key("gateway.header_timeout_ms", Integer, "for TLS handshake and request headers; an idle connection is closed after it"),
    key(
        "gateway.request_timeout_ms",
        Integer,
        "from the headers of a request to those of the answer, the body's arrival included",
    ),
    key("gateway.write_timeout_ms", Integer, "a client that takes nothing for so long is cut off, event streams too"),
    key("gateway.drain_timeout_ms", Integer, "how long a shutdown waits for requests under way"),
    key("gateway.tls.cert", Text, "certificate chain, PEM; read again on SIGHUP"),
    key("gateway.tls.key", Text, "private key, PEM"),
    key("admin.listen", Text, "address of metrics and administration; the port after the gateway's on 127.0.0.1 if absent"),
    key("admin.allow_remote", Boolean, "lets `admin.listen` be an address that other machines reach"),
    key("staking.rpc_urls", List, "execution nodes that the contracts are read from, best first"),
    key("staking.chain_id", Integer, "the execution chain; 0: the network's `DEPOSIT_CHAIN_ID`"),
    key("staking.registry", Text, "address of the prover registry; provers come from it instead of a file"),
    key("staking.validator_set", Text, "address of the validator set"),
    key("staking.settlement", Text, "address of the settlement contract"),
    key("staking.deployed_at", Integer, "block that the first contract was deployed in"),
    key("staking.keystores", Text, "folder with the EIP-2335 keystores of the validators that sign settlements"),
    key(
        "staking.keystore_passwords",
        Text,
        "file with the password of all keystores, or folder with one for each (`<keystore>.txt`, or named as the key)",
    ),
    key("staking.peers", List, "gateways of other sidecars, which get our signatures under settlements"),
    key("staking.sender_key", Text, "file with the key (hex) or keystore of the execution account that posts settlements"),
    key("staking.sender_password", Text, "file with the password of that keystore"),
    key("staking.max_fee_gwei", Integer, "most that a settlement may cost for a unit of gas"),
    key("staking.dry_run", Boolean, "tries and logs what would be posted, and sends nothing"),
    key("p2p.validators", Text, "file with the validators that close phases together; without it this sidecar is alone"),
    key("p2p.contract", Boolean, "those validators are the enrolled of staking.validator_set, instead of a file"),
    key("p2p.signer", Text, "file that says where the validator's key is; without it this sidecar follows and does not vote"),
    key("p2p.listen", List, "addresses that other sidecars reach, e.g. `/ip4/0.0.0.0/tcp/9100`"),
    key("p2p.peers", List, "sidecars to be connected to always, e.g. `/ip4/192.0.2.1/tcp/9100/p2p/16Uiu2…`"),
    key("p2p.bootnodes", List, "sidecars to be connected to while there are few"),
    key("p2p.quic", Boolean, "speaks QUIC beside TCP"),
    key(
        "p2p.process_bytes",
        Integer,
        "resident memory of the sidecar at which it lets no further sidecars in, only dials; 0 for never",
    ),
    key(
        "p2p.first_slot",
        Integer,
        "blocks before this slot get no jobs: where the ledger of these validators begins, the same in all sidecars; a fresh one reads the chain from there, and takes over from the others what was decided since",
    ),
    key("limits.threads", Integer, "threads that plan and verify; 0 for half of the cores"),
    key("limits.runtime_threads", Integer, "threads that serve HTTP"),
    key("limits.connections", Integer, "open connections"),
    key("limits.connections_per_address", Integer, "open connections of one address"),
    key("limits.streams", Integer, "open event streams"),
    key("limits.streams_per_address", Integer, "open event streams of one address"),
    key("limits.requests_per_second", Integer, "requests of one address (IPv6: /64), lasting"),
    key("limits.requests_burst", Integer, "requests of one address, at once"),
    key("limits.submissions_per_second", Integer, "signed submissions of one prover, lasting"),
    key("limits.submissions_burst", Integer, "signed submissions of one prover, at once"),
    key("limits.commitments_bytes", Integer, "largest T1 submission; JSON takes twice the bytes of SSZ"),
    key("limits.partial_proofs_bytes", Integer, "largest T2 submission"),
    key("limits.full_proof_bytes", Integer, "largest T3 to T5 submission"),
    key("limits.body_memory_bytes", Integer, "submissions held in memory until they are decided, all together"),
    key("limits.waiting", Integer, "submissions that wait for their signature check"),
    key("limits.job_bytes", Integer, "accepted submissions of one job"),
    key(
        "limits.submissions_bytes",
        Integer,
        "accepted submissions of all jobs that are kept; beyond, finalized jobs are forgotten early, then no more is taken",
    ),
    key("limits.store_cache_bytes", Integer, "page cache of the store"),
    key("limits.fill", Integer, "holes in D that the sidecar fills itself"),
];

/// The key with this path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The known key, or section of keys, that looks most like `path`.
pub(super) fn nearest(path: &str) -> &'static str {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    // A key under the wrong section is still that key.
    let distance = |key: &Key| {
        let whole = strsim::damerau_levenshtein(key.path, path);
        whole.min(1 + strsim::damerau_levenshtein(&last(key.path), &last(path)))
    };
    KEYS.iter().min_by_key(|key| distance(key)).map_or("network", |key| key.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        for (typed, meant) in [
            ("beacon_url", "beacon_urls"),
            ("gateway.liten", "gateway.listen"),
            ("listen", "gateway.listen"),
            ("gateway.threads", "limits.threads"),
            ("limits.max_waiting", "limits.waiting"),
        ] {
            assert_eq!(nearest(typed), meant);
        }
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let names: std::collections::BTreeSet<String> = KEYS.iter().map(Key::env).collect();
        assert_eq!(names.len(), KEYS.len());
        assert_eq!(find("gateway.tls.cert").unwrap().env(), "QUINTET_GATEWAY_TLS_CERT");
    }
}
