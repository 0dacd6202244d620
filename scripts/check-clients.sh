#!/usr/bin/env bash
# Installs the clients of the short test over real clients, so that the test itself only runs them. Without npm or its registry the test is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
have npm || need_apt npm npm || true
if ! timeout 900 "${CARGO_TARGET_DIR:-target}/debug/quintet-testnet" --chain fulu --install-only; then
    echo "SKIPPED: the test over real clients needs npm and its registry (scripts/testnet.sh says what for)"
fi
