# What people type. Each target is a few commands; the work is done by Cargo, Trunk and scripts/.

TOOLS := $(or $(CHECKUP_TOOLS),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/checkup-tools)
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
export PATH := $(TOOLS)/bin:$(PATH)

PORT ?= 8080
CONFIG ?= checker.json
PAGE := dist/index.html
PAGE_SOURCES := index.html Trunk.toml Cargo.toml Cargo.lock statuspage/Cargo.toml shared/Cargo.toml \
	$(shell find statuspage shared/src -type f -not -name '.*')

.DEFAULT_GOAL := help
.NOTPARALLEL:
# A page that does not start is built again.
.DELETE_ON_ERROR:
.PHONY: help run test lint page checker production weigh bench screenshots setup clean

help: ## Print what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: checker ## Build everything, check the endpoints in checker.json and serve the status page
	@test -e $(CONFIG) || { $(TARGET)/release/checker init --quiet $(CONFIG) && echo "checkup: wrote $(CONFIG) to start with"; }
	@echo "checkup: what is checked stands in $(CONFIG); edit it, and it is read again at once"
	@CHECKUP_RUN_BY_MAKE=1 exec $(TARGET)/release/checker serve -c $(CONFIG) --listen 127.0.0.1:$(PORT)

checker: ## Build the checker with the page inside (release)
	@scripts/meanwhile.sh $(MAKE) --no-print-directory page
	@$(call report,building the checker; a few minutes the first time, nothing if it is there)
	cargo build --release -p checker

production: page ## Build the checker that runs for months: smaller and quicker, and seven minutes to build
	@$(call report,building the checker for production; about seven minutes the first time)
	cargo build --profile production -p checker

page: setup $(PAGE) ## Build the status page into dist/

$(PAGE): $(PAGE_SOURCES)
	@$(call report,building the page; about two minutes the first time)
	@# Trunk runs wasm-opt in release builds only. Where it cannot be installed, the page works but is larger.
	@# Trunk's minifier fails on current JavaScript and leaves it unchanged; esbuild minifies it.
	RUST_LOG=error,trunk=info,trunk::processing::minify=error trunk build $$(scripts/setup.sh trunk-flags)
	@scripts/open-page.sh
	@touch $@

test: ## Run all tests: pure ones, then the real programs against a real S3 server and a real browser
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory $(PAGE)
	@# The whole workspace each time: a part of it would be built with other features, and so once more.
	cargo build --workspace --bins --tests
	cargo test --workspace --lib --bins
	@# One more at once than there are processors, since some of them mostly wait.
	CHECKUP_BIN=$(TARGET)/debug/checker CHECKUP_DIST=$(CURDIR)/dist cargo test --workspace --test blackbox -- \
		--test-threads $$(($$(nproc) + 1))

lint: ## Check formatting, lints (host and wasm32), documentation and dependencies
	@scripts/setup.sh lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p shared -p statuspage --target wasm32-unknown-unknown -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	@# Advisories are left to who has a network: see deny.toml.
	cargo deny check licenses bans sources

weigh: ## Print what the page weighs, and fail above its budget
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory $(PAGE)
	scripts/open-page.sh --required
	scripts/weigh.sh

bench: ## Measure page and checker (an hour); BENCH=checks (a name in tests/bench/main.rs) measures one part
	@scripts/setup.sh bench
	@$(MAKE) --no-print-directory production
	CHECKUP_BIN=$(TARGET)/production/checker CHECKUP_DIST=$(CURDIR)/dist cargo bench --profile dev --workspace --bench performance -- $(BENCH)

screenshots: ## Take the documentation's pictures of the page, and contact sheets of all its states
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory $(PAGE)
	FONTCONFIG_FILE=$(CURDIR)/tests/bench/fonts.conf CHECKUP_DIST=$(CURDIR)/dist \
		cargo bench --profile dev --workspace --bench screenshots

setup: ## Install what building needs and is missing; says so before it does
	@scripts/setup.sh run

clean: ## Remove what was built
	cargo clean
	rm -rf dist

report = echo "checkup: $(1)"
