#!/usr/bin/env bash
# Line coverage of src/ by the tests; fails below 95 %. Run in contracts/, with forge in PATH.
set -euo pipefail
export FOUNDRY_FUZZ_RUNS=8 FOUNDRY_INVARIANT_RUNS=2
forge coverage --report summary --report lcov --report-file lcov.info --no-match-path 'test/Gas.t.sol' --no-match-coverage '(test|script)/' >coverage.log || { tail -40 coverage.log; exit 1; }
sed -n '/^╭/,$p' coverage.log
awk -F: '/^LF:/ { f += $2 } /^LH:/ { h += $2 } END { printf "lines: %d of %d, %.1f %%\n", h, f, 100 * h / f; exit h < 0.95 * f }' lcov.info
