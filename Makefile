# Every target does its own set-up: it needs Python 3.11 or newer as `python3` (or PYTHON=…), and make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PACKAGES := pix hub bank_sim lab loadtest tests
LINTED := $(PACKAGES) examples .ci

# Without bytecode pytest rewrites every test at each run, and every command compiles what it imports.
unexport PYTHONDONTWRITEBYTECODE

# Options of `make demo`, `make smoke`, `make load`, `make test`, for example: make demo ARGS="--fresh --hub-port 9000"
ARGS ?=
# Processes among which `make test` and `make test-network` share the files of tests.
WORKERS ?= 2
# Which worlds `make simulate` runs.
SEEDS ?= 200
START ?= 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo smoke load quick unit test test-network check prove format stubs compose-test simulate screenshots wheel release clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## start a hub and three banks on this machine, and print where to look (ARGS="--help")
	@exec $(BIN)/codepix demo $(ARGS)

smoke: $(INSTALLED) ## start a network, pay between all banks, audit it, and stop it (ARGS="--help")
	@exec $(BIN)/codepix smoke $(ARGS)

load: $(INSTALLED) ## start a network, run the load test for a minute, and judge its result (ARGS="--help")
	@exec $(BIN)/codepix load $(ARGS)

quick: $(INSTALLED) ## `make check` beside `make unit`: what to run before each commit; at most 90 seconds
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check unit

unit: $(INSTALLED) ## unit tests, contracts on the stores in memory, and 200 simulated networks
	$(BIN)/python -m pytest --quiet --numprocesses=$(WORKERS) --durations=0 --durations-min=5 -m "not postgres and not prove" tests/unit tests/contract
	$(BIN)/python -m tests.simulation --seeds 200

# Tests that start the processes of a network, without the one of each service that `make test` runs too.
NETWORK := e2e and not smoke

# As many workers as cores, because tests with processes and browsers keep both busy. Files are handed out in the order of
# tests/sharing.py, the longest first.
test: $(INSTALLED) ## all tests but those of test-network; what this machine lacks is said in a line (ARGS=pytest's)
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder -m "not prove and not ($(NETWORK))" $(ARGS)

test-network: $(INSTALLED) ## the tests that start a network of processes: demo, failures, restarts, sandbox (ARGS=pytest's)
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder -m "not prove and ($(NETWORK))" $(ARGS)

check: $(INSTALLED) ## lint, format, types, import contracts, templates, freshness of the stubs and of the translations
	$(BIN)/ruff check $(LINTED)
	$(BIN)/ruff format --check $(LINTED)
	$(BIN)/mypy
	$(BIN)/mypy .ci/stand_ins/make.py
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/djlint --lint --quiet templates loadtest/templates
	$(BIN)/python -m lab.development.stubs --check
	$(BIN)/python -m lab.development.translations

prove: $(INSTALLED) ## the long proofs, in minutes: 20,000 simulated networks 24, experiments 6, hostile records 7; and the tests marked prove
	$(BIN)/python -m tests.simulation --seeds 20000
	for seed in 1 2 3 4 5; do $(BIN)/codepix experiment --seed $$seed || exit 1; done
	for kafka in embedded apache; do $(BIN)/python -m tests.e2e.hostile_records --records 100000 --kafka $$kafka || exit 1; done
	$(BIN)/python -m pytest -m prove

format: $(INSTALLED) ## put the Python files into the form that `make check` wants
	$(BIN)/ruff check --fix $(LINTED)
	$(BIN)/ruff format $(LINTED)

stubs: $(INSTALLED) ## write the Python stubs of protos/
	$(BIN)/python -m lab.development.stubs

compose-test: $(INSTALLED) ## test the network in containers: pay, kill, extend, scale, audit (Docker, or root on Debian)
	@exec $(BIN)/python -m lab.compose.test

simulate: $(INSTALLED) ## run simulated networks with faults, one per seed (SEEDS=200 START=1)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --start $(START)

screenshots: $(INSTALLED) ## a picture of every page, telephone and desktop, in gallery/; and the screenshots of docs/
	$(BIN)/python -m tests.browser.gallery
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

wheel: $(INSTALLED) ## build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

release: $(INSTALLED) ## build wheel, source archive and images of one version into dist/ (ARGS=v0.2.0 checks a tag; IMAGES=no)
	@PYTHON=$(BIN)/python .ci/release $(ARGS)

clean: ## remove the files of the other targets; the demo's data stay
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find $(PACKAGES) protos -name __pycache__ -prune -exec rm -rf {} +

# Updates the environment when the stamp is older than one of these files.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "CodePix needs Python 3.11 or newer, which $(PYTHON) is not. Try: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "$(PYTHON) cannot make an environment; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
