#!/usr/bin/env bash
# The contracts: build, lint, tests, gas snapshot. Needs Node and npm; everything else comes from the lock file.
# --bless writes the gas snapshot and the ABI files anew; --coverage and --mutations are slower and not part of CI.
set -euo pipefail
cd "$(dirname "$0")/../contracts"
. ../scripts/lib.sh

if ! have npm; then
    [ -z "${CI:-}" ] || { echo "npm is missing" >&2; exit 1; }
    say "SKIPPED: the contracts need npm (Node 20 or newer)"
    exit 0
fi
if [ package-lock.json -nt node_modules/.package-lock.json ] && ! npm ci --ignore-scripts --loglevel=error; then
    # With a registry at hand it is the lock file that is wrong.
    if [ -n "${CI:-}" ] && npm ping --loglevel=error >/dev/null 2>&1; then echo "npm ci failed" >&2; exit 1; fi
    say "SKIPPED: npm cannot install the packages of contracts/package-lock.json"
    exit 0
fi
# The binaries themselves: the npm wrappers around them answer with success whatever happens.
for bin in "$PWD"/node_modules/@foundry-rs/{forge,anvil}-*/bin; do PATH="$bin:$PATH"; done
PATH="$PATH:$PWD/node_modules/.bin"

case "${1:-}" in
--bless)
    forge build
    tools/abi.mjs --bless
    rm -rf snapshots
    forge test --match-path 'test/Gas.t.sol'
    ;;
--coverage) step "Coverage" tools/coverage.sh ;;
--mutations) step "Mutations" tools/mutate.mjs ;;
"")
    step "Build" forge build
    step "ABI files are the committed ones" tools/abi.mjs
    step "forge lint" forge lint --deny warnings src
    step "solhint" solhint --disc --max-warnings 0 'src/**/*.sol'
    # Gas.t.sol compares what calls cost with snapshots/.
    step "Tests and gas snapshot" env FORGE_SNAPSHOT_CHECK=true forge test
    ;;
*) echo "unknown option $1" >&2; exit 2 ;;
esac
