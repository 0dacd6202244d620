#!/usr/bin/env bash
# Deploys the contracts to an execution node for development, from anvil's first account unless PRIVATE_KEY says otherwise.
# Parameters are environment variables, see contracts/script/Deploy.s.sol; the addresses go to contracts/out/deployment.json (DEPLOYMENT_FILE).
set -euo pipefail
cd "$(dirname "$0")/../contracts"
[ -d node_modules ] || npm ci --ignore-scripts --loglevel=error
# The binary itself: the npm wrapper around it answers with success whatever happens.
for bin in "$PWD"/node_modules/@foundry-rs/forge-*/bin; do PATH="$bin:$PATH"; done
# The key that every anvil starts with: for development chains only.
key=${PRIVATE_KEY:-0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80}
mkdir -p out
# A build of its own: forge script stumbles ("No contract bytecode") over what builds for the tests have left.
export FOUNDRY_OUT=out/deploy FOUNDRY_CACHE_PATH=cache/deploy
forge script script/Deploy.s.sol:Deploy --rpc-url "${RPC_URL:-http://127.0.0.1:8545}" --private-key "$key" --broadcast --slow
cat "${DEPLOYMENT_FILE:-out/deployment.json}"
