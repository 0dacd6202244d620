#!/usr/bin/env bash
# Starts real clients from npm with a sidecar and provers on top. Installs what is missing and says so; arguments go to quintet-testnet.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
# npm for everything; a compiler, make and Python for native modules of Lodestar 1.5.1.
need_apt npm npm
need_apt cc build-essential
need_apt make build-essential
need_apt python3 python3
cargo build --locked -p quintet-sidecar -p quintet-prover -p quintet-integration-tests --bins
exec "${CARGO_TARGET_DIR:-target}/debug/quintet-testnet" "$@"
