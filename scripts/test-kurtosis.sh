#!/usr/bin/env bash
# The Kurtosis package under a Starlark interpreter, `plan` and ethereum-package simulated; and the Dockerfile under hadolint.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need_apt python3 python3-venv
python3 -c 'import ensurepip' 2>/dev/null || need_apt ensurepip python3-venv || true
venv=${CARGO_TARGET_DIR:-target}/kurtosis-venv
if [ ! -x "$venv/bin/python" ] || ! cmp -s configs/kurtosis/tests/requirements.txt "$venv/requirements.txt"; then
    say "Installing the Starlark interpreter and hadolint into $venv"
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check -r configs/kurtosis/tests/requirements.txt; }; then
        echo "SKIPPED: the Starlark interpreter could not be installed, so the Kurtosis package was not tried"
        exit 0
    fi
    cp configs/kurtosis/tests/requirements.txt "$venv/requirements.txt"
fi
QUINTET_PROVER=${QUINTET_PROVER:-$(realpath "${CARGO_TARGET_DIR:-target}")/debug/quintet-prover} \
  PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m unittest discover --start-directory configs/kurtosis/tests
"$venv/bin/hadolint" configs/docker/Dockerfile
say "hadolint has nothing to say"
