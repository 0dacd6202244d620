#!/usr/bin/env bash
# Runs every shell block of docs/start against the embedded chain, in the order in which a newcomer meets the pages.
#
# Blocks marked `sh` are run one after the other in one shell; those marked `sh,terminal` are started beside it and ended with their page's chapter. Every
# page reads its beacon node from BEACON, which is set to the embedded chain here. Ports are replaced by free ones, so that two runs do not meet.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
root=$PWD
bin=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
for program in quintet-sidecar quintet-prover quintet-devnet-chain; do
    [ -x "$bin/$program" ] || { echo "$program is not built: cargo build --bins -p quintet-sidecar -p quintet-prover -p quintet-devnet" >&2; exit 1; }
done
export PATH="$bin:$PATH"
work=$(mktemp -d -t quintet-start-XXXXXX)
started=()
chapter=()

# end PID…: asks processes to end, and waits for them.
end() {
    local pid
    for pid in "$@"; do kill "$pid" 2>/dev/null || true; done
    for pid in "$@"; do wait "$pid" 2>/dev/null || true; done
}
finish() {
    local status=$?
    end "${chapter[@]}" "${started[@]}"
    if [ $status = 0 ]; then rm -rf "$work"; else echo "FAILED; logs are in $work" >&2; fi
    exit $status
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
gateway=$(free_port) admin=$(free_port) metrics=$(free_port)
export QUINTET_GATEWAY_LISTEN=127.0.0.1:$gateway QUINTET_ADMIN_LISTEN=127.0.0.1:$admin QUINTET_GATEWAY=http://127.0.0.1:$gateway
export QUINTET_NETWORK=devnet
# Generators are shared with everything else on this machine; nothing else of the user's home is touched.
export XDG_DATA_HOME=$work/home

# blocks PAGE: writes the page's blocks to numbered files of $work/blocks, `N.sh` or `N.terminal`.
blocks() {
    rm -rf "$work/blocks" && mkdir "$work/blocks"
    awk -v dir="$work/blocks" '
        /^```sh(,terminal)?$/ { kind = /terminal/ ? "terminal" : "sh"; file = sprintf("%s/%03d.%s", dir, ++count, kind); next }
        /^```/ { if (file != "") close(file); file = ""; next }
        file != "" { print > file }' "$1"
    sed -i "s/127\.0\.0\.1:5062/127.0.0.1:$gateway/g; s/127\.0\.0\.1:5063/127.0.0.1:$admin/g; s/127\.0\.0\.1:5064/127.0.0.1:$metrics/g" "$work"/blocks/*
}

# page NAME: runs a page. What its blocks export stays for later ones.
page() {
    say "docs/start/$1.md"
    blocks "$root/docs/start/$1.md"
    local block
    for block in "$work"/blocks/*; do
        case $block in
        *.terminal)
            (cd "$work/run" && . "$work/exports" && exec bash -euc "exec $(cat "$block")") > "$work/$1.log" 2>&1 &
            chapter+=($!)
            ;;
        *)
            sed 's/^/    /' "$block"
            # A block that hangs is an error, not a reason to wait for ever.
            (cd "$work/run" && timeout "${BLOCK_TIMEOUT:-300}" bash -euo pipefail -c ". '$work/exports'; set -a; . '$block'; export -p > '$work/exports.new'") \
                > "$work/output" 2>&1 || { cat "$work/output"; echo "-- this block of docs/start/$1.md failed"; tail -n 20 "$work"/*.log; return 1; }
            mv "$work/exports.new" "$work/exports"
            ;;
        esac
    done
}

mkdir -p "$work/run"
quintet-devnet-chain --listen 127.0.0.1:0 --slot-seconds 2 --txs-per-block 2 > "$work/chain.url" 2> "$work/chain.log" &
started+=($!)
until [ -s "$work/chain.url" ]; do sleep 0.2; done
BEACON=$(cut -d ' ' -f 1 "$work/chain.url")
export BEACON
export -p > "$work/exports"

page install
page lighthouse
end "${chapter[@]}"; chapter=()
page prysm
page prover
page phases
end "${chapter[@]}"; chapter=()
say "Every shell block of docs/start ran"
