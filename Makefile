# Short names for commands that use Cargo, Trunk and scripts/. `make help` lists them.

TOOLS := $(or $(CHECKUP_TOOLS),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/checkup-tools)
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
export PATH := $(TOOLS)/bin:$(PATH)

PORT ?= 8080
CONFIG ?= checker.json
SECONDS ?= 60
SEED ?= 1
PAGE := dist/index.html
PAGE_SOURCES := index.html Trunk.toml Cargo.toml Cargo.lock statuspage/Cargo.toml shared/Cargo.toml \
	$(shell find statuspage shared/src -type f -not -name '.*')

.DEFAULT_GOAL := help
.NOTPARALLEL:
# If the built page does not start, delete it so that the next call builds it again.
.DELETE_ON_ERROR:
.PHONY: help run test lint words sample page release weigh fuzz bench screenshots setup clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: page ## Build everything, check the endpoints in checker.json and serve the status page
	@$(call report,building the checker; a few minutes the first time)
	cargo build --profile quick -p checker
	@test -e $(CONFIG) || { $(TARGET)/quick/checker init --quiet -c $(CONFIG) && echo "checkup: wrote the starter configuration $(CONFIG)"; }
	@echo "checkup: \`$(TARGET)/quick/checker demo\` shows a page with generated data; \`checker init URL...\` writes checks of your services"
	@echo "checkup: edit $(CONFIG) to change the checks; changes to them take effect within seconds"
	@CHECKUP_RUN_BY_MAKE=1 exec $(TARGET)/quick/checker serve -c $(CONFIG) --listen 127.0.0.1:$(PORT)

release: page ## Build the optimized checker with the page embedded
	@$(call report,building the optimized checker; several minutes the first time)
	cargo build --release -p checker

page: setup $(PAGE) ## Build the status page into dist/

$(PAGE): $(PAGE_SOURCES)
	@$(call report,building the page; about two minutes the first time)
	@# Trunk runs wasm-opt in release builds only. If wasm-opt cannot be installed, the page works but is larger.
	@# Trunk's minifier fails on current JavaScript and leaves it unchanged; esbuild minifies it.
	@RUST_LOG=error,trunk=info,trunk::processing::minify=error trunk build $$(scripts/setup.sh trunk-flags)
	@scripts/open-page.sh
	@touch $@

test: ## Run all tests: unit tests, then the programs against an S3 server and a browser
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory $(PAGE)
	@# Always build the whole workspace. For a part of it, Cargo would build dependencies again with other features.
	cargo build --workspace --bins --tests
	cargo test --workspace --lib --bins
	@# Use more threads than processors, because most of these tests wait for other programs.
	CHECKUP_BIN=$(TARGET)/debug/checker CHECKUP_DIST=$(CURDIR)/dist cargo test --workspace --test blackbox -- \
		--test-threads $$((2 * $$(nproc) + 1))

lint: ## Check formatting, spelling, wording, lints (host and wasm32), documentation and dependencies
	@scripts/setup.sh lint
	cargo fmt --all --check
	typos
	hadolint deploy/Dockerfile deploy/lambda/Dockerfile
	scripts/words.sh
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p shared -p statuspage --target wasm32-unknown-unknown -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	@# Do not check advisories, because that requires a network: see deny.toml.
	cargo deny check licenses bans sources

words: ## Count phrases that docs/style.md avoids, and fail if there are any
	scripts/words.sh

sample: ## Print a random sample of comments and messages, to review their English; SEED=2 selects another
	@scripts/sample-prose.py $(SEED)

weigh: ## Print the size of the page, and fail if it is over budget
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory $(PAGE)
	scripts/open-page.sh --required
	scripts/weigh.sh

fuzz: ## Run each fuzz target for SECONDS=60, and fail on the first input that breaks one
	@scripts/setup.sh fuzz
	@# cargo-fuzz uses flags of the nightly compiler. A sanitizer would only slow it down, because our code has no
	@# `unsafe`. New inputs are kept in the target directory, apart from the corpus in fuzz/corpus.
	@export RUSTC_BOOTSTRAP=1; for name in $$(cargo fuzz list); do \
		$(call report,fuzzing $$name for $(SECONDS) s); \
		mkdir -p $(TARGET)/fuzz/corpus/$$name; \
		cargo fuzz run --sanitizer none --target-dir $(TARGET)/fuzz $$name \
			$(TARGET)/fuzz/corpus/$$name fuzz/corpus/$$name \
			-- -max_total_time=$(SECONDS) -timeout=10 -max_len=20000 -print_final_stats=0 || exit 1; \
	done

# Benchmarks of pure code in tests/simulation/benches. All others are parts of tests/bench/main.rs.
PURE_BENCHES = notifications simulation

bench: ## Measure the page and the checker (takes an hour); BENCH=checks measures one part (the parts are in tests/bench/main.rs)
	@scripts/setup.sh bench
ifneq ($(filter $(BENCH),$(PURE_BENCHES)),)
	cargo bench --package simulation --bench $(BENCH)
else
	@$(MAKE) --no-print-directory release
	CHECKUP_BIN=$(TARGET)/release/checker CHECKUP_DIST=$(CURDIR)/dist cargo bench --profile dev --workspace --bench performance -- $(BENCH)
endif

screenshots: ## Take the screenshots in docs/images, and make contact sheets of all page states
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory $(PAGE)
	FONTCONFIG_FILE=$(CURDIR)/tests/bench/fonts.conf CHECKUP_DIST=$(CURDIR)/dist \
		cargo bench --profile dev --workspace --bench screenshots

setup: ## Install missing build tools
	@scripts/setup.sh run

clean: ## Remove all build output
	cargo clean
	rm -rf dist

report = echo "checkup: $(1)"
