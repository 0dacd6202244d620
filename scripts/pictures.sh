#!/usr/bin/env bash
# Takes the pictures of the dashboard in docs/pictures anew: of a devnet that this script starts, or of QUINTET_GATEWAY.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
have npm || { echo "npm is needed" >&2; exit 1; }
need_apt chromium chromium
npm --prefix sidecar/dashboard ci --no-audit --no-fund >/dev/null
if [ -z "${QUINTET_GATEWAY:-}" ]; then
    export QUINTET_GATEWAY=http://127.0.0.1:5062
    cargo build --bins -p quintet-sidecar -p quintet-prover -p quintet-devnet
    "${CARGO_TARGET_DIR:-target}/debug/quintet-devnet" --sidecars 3 --provers 4 --txs-per-block 1 >/dev/null &
    devnet=$!
    trap 'kill $devnet; wait $devnet || true' EXIT
    say "Waiting for a finalized job at $QUINTET_GATEWAY"
    until curl -sf "$QUINTET_GATEWAY/v1/jobs?limit=1&state=finalized" | grep -q '"id"'; do
        kill -0 $devnet || exit 1
        sleep 2
    done
fi
node sidecar/dashboard/pictures.mjs docs/pictures
