#!/usr/bin/env bash
# What takes too long for CI: every test marked `ignored`, Miri, and fuzzing for ten minutes a target. Record the run in docs/test-long.md.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
step "Build of the programs" cargo build --workspace --bins --locked
for chain in fulu capella; do step "Real clients: $chain" "${CARGO_TARGET_DIR:-target}/debug/quintet-testnet" --chain "$chain" --install-only; done
step "Features that no default build has" cargo clippy -p quintet-node -p quintet-staking -p quintet-sidecar -p quintet-prover --all-targets --locked --features otel,ledger -- -D warnings
step "Traces" cargo nextest run -p quintet-node --locked --features otel
step "Long tests" cargo nextest run --workspace --locked --run-ignored only --no-fail-fast
step "Miri" scripts/miri.sh
if [ -d fuzz ]; then step "Fuzzing, 600 s a target" scripts/fuzz.sh 600; fi
