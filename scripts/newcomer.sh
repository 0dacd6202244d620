#!/usr/bin/env bash
# A newcomer's path, timed: clone, build, a node of one's own (Lodestar over EthereumJS from npm), a sidecar and provers beside it, a proven block.
#
# What a person does is three commands, which are printed as they are run; the rest is waiting, and the table at the end says for what. Arguments after
# `--` go to quintet-testnet; SOURCE is what is cloned (this repository), WHERE an empty folder to clone into (a temporary one).
set -euo pipefail
cd "$(dirname "$0")/.."
source=${SOURCE:-$PWD}
where=${WHERE:-$(mktemp -d -t quintet-newcomer-XXXXXX)}
[ "${1:-}" = -- ] && shift
rows=()

# part NAME COMMAND…: runs and times a part of the path.
part() {
    local name=$1 started=$SECONDS
    shift
    printf '\n\033[1m$ %s\033[0m\n' "$*"
    "$@"
    rows+=("$(printf '| %s | `%s` | %d s |' "$name" "$*" $((SECONDS - started)))")
}

cd "$where"
part "clone" git clone --quiet --depth 1 "file://$source" quintet
cd quintet
part "build" cargo build --locked --bins -p quintet-sidecar -p quintet-prover -p quintet-integration-tests
# The first call installs the clients from npm and says so; it ends when a block is proven and its proof has been verified.
part "node, sidecar, provers, a proven block" make testnet ARGS="--exit --jobs 1 $*"

printf '\n| what | command | took |\n| --- | --- | --- |\n'
printf '%s\n' "${rows[@]}"
echo
echo "all of it: $SECONDS s, three commands; everything is in $where"
