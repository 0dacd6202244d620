#!/usr/bin/env bash
# What CI runs and what a contributor runs before a pull request. Installs what is missing and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
started=$SECONDS

say "Set-up"
need_apt cc build-essential
need_apt qemu-riscv64 qemu-user
need_apt python3 python3
need_apt curl curl
need_vulkan
need_cargo cargo-nextest cargo-nextest 0.9.143

step "Formatting" cargo fmt --all --check
step "Clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
step "Build of the programs" cargo build --workspace --bins --locked
step "Documentation examples" cargo test --workspace --doc --locked
if [ -x guests/build.sh ]; then step "Guests are the committed ones" scripts/check-guests.sh; fi
if [ -d fuzz ]; then step "Fuzzing, 30 s a target" scripts/fuzz.sh 30; fi
if [ -d contracts ]; then step "Contracts" scripts/test-contracts.sh; fi
step "Links of the documentation" scripts/check-docs.py
step "Every shell block of Getting started" scripts/test-start.sh
step "Kurtosis package and Dockerfile" scripts/test-kurtosis.sh
step "Dashboard" scripts/test-dashboard.sh
step "Dependencies" scripts/check-dependencies.sh
step "Real clients from npm" scripts/check-clients.sh
step "Tests" cargo nextest run --workspace --locked --no-fail-fast
step "Devnet: one job, from announcement to finalized" "${CARGO_TARGET_DIR:-target}/debug/quintet-devnet" --exit --jobs 1 --timeout 1200
say "All of it took $((SECONDS - started)) s"
