#!/usr/bin/env bash
# Licences, advisories and duplicates of the dependencies, where cargo-deny and its advisory database can be had.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
if ! timeout 20 git ls-remote --quiet https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then
    echo "SKIPPED: the advisory database cannot be reached from here (cargo deny check)"
    exit 0
fi
need_cargo cargo-deny cargo-deny
cargo deny --locked check
