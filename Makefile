# Everything a person runs. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help newcomer book test-docs testnet test-contracts deploy-devnet build devnet test test-kurtosis test-dashboard images test-long fmt lint doc guests bench-protocol bench-prover bench-gpu bench-gateway bench-verify

CARGO ?= cargo
ARGS ?=

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the two programs, optimised
	$(CARGO) build --release --locked -p quintet-sidecar -p quintet-prover

devnet: ## Embedded chain, one sidecar, eight provers; live view of the phases (ARGS=--exit ends after three jobs, ARGS=--staking puts the stakes on chain)
	$(CARGO) build --locked -p quintet-sidecar -p quintet-prover -p quintet-devnet --bins
	$(CARGO) run --locked -q -p quintet-devnet --bin quintet-devnet -- $(ARGS)

testnet: ## Real clients from npm, one sidecar, eight provers (ARGS="--chain capella|fulu", ARGS=--exit ends after a job)
	@scripts/testnet.sh $(ARGS)

newcomer: ## From clone to a proven block of real clients, timed (ARGS go to quintet-testnet)
	@scripts/newcomer.sh $(ARGS)

book: ## The documentation as pages in target/book (needs mdbook)
	mdbook build docs

test-docs: ## Links of the documentation, and every shell block of docs/start against the embedded chain
	@scripts/check-docs.py
	@scripts/test-start.sh

test: ## Everything that CI runs; installs what it needs and says so
	@scripts/test.sh

test-kurtosis: ## The Kurtosis package and the Dockerfile, as far as they can be checked without an engine
	@scripts/test-kurtosis.sh

test-dashboard: ## The dashboard's built files; with ARGS=--browser also the page of a running gateway in Chromium
	@scripts/test-dashboard.sh $(ARGS)

images: ## Container images of both programs and of the contracts' deployment (needs docker)
	docker build -f configs/docker/Dockerfile --target sidecar -t quintet-sidecar:latest .
	docker build -f configs/docker/Dockerfile --target prover -t quintet-prover:latest .
	docker build -f configs/docker/Dockerfile --target contracts -t quintet-contracts:latest .

test-contracts: ## The Solidity contracts (Node only; ARGS=--bless, --coverage or --mutations)
	@scripts/test-contracts.sh $(ARGS)

deploy-devnet: ## Deploy the contracts to a local execution node (RPC_URL, default http://127.0.0.1:8545)
	@scripts/deploy-devnet.sh

test-long: ## Soaks, many kills, long fuzzing
	@scripts/test-long.sh

fmt: ## Format the Rust code
	$(CARGO) fmt --all

lint: ## Formatting and clippy, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc: ## API documentation
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

guests: ## Rebuild the guest programs and compare them with the committed ones
	guests/build.sh --check

bench-protocol: ## Selection and rewards at full size; results in target/bench/protocol.json
	$(CARGO) bench --locked -p quintet-protocol

bench-gateway: ## Signed submissions a second on one core, end to end; results in target/bench/gateway.json
	$(CARGO) bench --locked -p quintet-sidecar --bench gateway

bench-prover: ## Our prover against upstream's and its fastest fork, cpu and keccak at k = 14 and 16 (ARGS=--help); results in target/bench/prover.json
	$(CARGO) run --release --locked --manifest-path crates/plonk/bench-peers/Cargo.toml -- $(ARGS)

bench-gpu: ## Transforms and multi-scalar multiplications on a GPU against the CPU, k = 14 to 20 (ARGS="[smallest k] [largest k] [adapter]")
	$(CARGO) bench --locked -p quintet-gpu --bench kernels -- $(ARGS)

bench-verify: ## 800 partial proofs with 0, 1 and 40 bad ones
	$(CARGO) test --locked -p quintet-plonk --test it -- --ignored --nocapture batch
