#!/usr/bin/env bash
# Runs the tests of the portable arithmetic under Miri, at sizes that it can manage. Needs a nightly toolchain with Miri; without one it says so.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "SKIPPED: Miri needs a nightly toolchain (rustup toolchain install nightly --component miri --component rust-src)"
    exit 0
fi
# Threads of rayon's pool still run when a test program ends; crossbeam, on which it stands, makes pointers of integers and breaks stacked borrows, not tree borrows.
export MIRIFLAGS="${MIRIFLAGS:--Zmiri-disable-isolation -Zmiri-ignore-leaks -Zmiri-permissive-provenance -Zmiri-tree-borrows}"
export RAYON_NUM_THREADS=2
cargo +nightly miri test --locked -p quintet-arith --lib --test it "$@"
