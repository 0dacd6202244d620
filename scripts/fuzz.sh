#!/usr/bin/env bash
# Runs every fuzz target for the given number of seconds (default 30). Needs a nightly toolchain; without one it says so, and fails under CI=true
# only if a nightly toolchain is installed and the build breaks.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
seconds=${1:-30}
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "SKIPPED: fuzzing needs a nightly toolchain (rustup toolchain install nightly)"
    exit 0
fi
need_cargo cargo-fuzz cargo-fuzz
for target in $(cargo +nightly fuzz list); do
    echo "-- $target"
    cargo +nightly fuzz run --sanitizer none "$target" -- -max_total_time="$seconds" -rss_limit_mb=4096 -print_final_stats=0 2>&1 | tail -n 3
done
