# Everything from a clean clone needs only Python 3.11 or newer and make. `make help` lists the targets.
SHELL := bash
.DEFAULT_GOAL := help

PYTHON3 ?= python3
VENV ?= .venv
# Windows keeps the programs of an environment elsewhere.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PYTHON := $(BIN)/python
READY := $(VENV)/.ready-$(shell cat pyproject.toml runtime/python/pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
# Further options for pip, such as an index with the CPU build of PyTorch.
PIP_ARGS ?=

# The command of `make demo`. DEMO_ARGS are Hydra overrides: make demo DEMO_ARGS="short=true"
DEMO ?= $(BIN)/coursewright demo
DEMO_ARGS ?=
# More options for pytest, and how many processes: make test PYTEST_ARGS="-k tracking -x" JOBS=8
# In random order, files and the tests of each (every seed is another order, a repeated one the same):
#     make test PYTEST_ARGS="--random-order-seed=1"
# Each process gets a run of neighbours, so that what the tests of a file share is made once.
PYTEST_ARGS ?=
JOBS ?= 2

# One thread a process: torch's PPO is several times slower with two than with one on shared cores.
export OMP_NUM_THREADS := 1
# Nobody else's packages may leak in, nor machine code compiled from older source: without the variable
# the cache lives in a folder named after a hash of the sources.
unexport PYTHONPATH PYTHONHOME NUMBA_CACHE_DIR
# Many a container says that nothing compiled may be kept: every command would compile our source anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test slow lint picture bench constraints clean

help: ## show this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1	\2/p' Makefile | expand -t 20

demo: $(READY) ## set everything up and run the demonstration
	@$(DEMO) $(DEMO_ARGS)

test: $(READY) ## run the tests
	@$(PYTHON) -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

slow: $(READY) ## run the long tests (minutes): pins with many learners, training to a target
	@$(PYTHON) -m pytest -n $(JOBS) --dist worksteal -m slow $(PYTEST_ARGS)

lint: $(READY) ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

picture: $(READY) ## make docs/kss-t30.png anew: five trainings and a comparison (minutes)
	@$(BIN)/coursewright train -m experiment=kss seed=0,1,2,3,4 hydra.sweep.dir=outputs/picture tracker=csv
	@$(BIN)/coursewright evaluate runs=outputs/picture hydra.run.dir=outputs/picture/report tracker=csv \
	    learners=20_000 policies.oracle_beam.kss_width=200
	@cp outputs/picture/report/kss-t30/comparison.png docs/kss-t30.png

bench: $(READY) ## measure speed on this machine; PARTS=zoo: some of it; AGAINST=COMMIT ROUNDS=5: over that of a commit
ifdef AGAINST
	@$(PYTHON) tests/bench_against.py "$(AGAINST)" "$(or $(ROUNDS),5)" "$(PARTS)"
else
	@$(PYTHON) tests/bench.py $(PARTS)
endif

# The stamp comes last, so that an interrupted installation is done again; its name holds a checksum of
# what was asked for, so that the second time is quick and an edit or another branch is noticed.
$(READY):
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed, and $(PYTHON3) is: $$($(PYTHON3) --version 2>&1 | head -1)." \
	         "Name another one: make PYTHON3=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) (a few minutes, once) ..."
	@rm -f $(VENV)/.ready-*
	@$(PYTHON3) -m venv $(VENV) || { \
	    echo "$(PYTHON3) -m venv failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@set -o pipefail; \
	$(PYTHON) -m pip install --disable-pip-version-check --progress-bar off $(PIP_ARGS) \
	    -c constraints.txt -e runtime/python -e ".[dev]" 2>&1 | tee $(VENV)/install.log \
	    | { grep --line-buffered -E '^(ERROR|Installing|  Downloading .*[0-9]{2}\.[0-9] MB)' || true; } \
	    | cut -c1-100 \
	    || { echo "The installation failed; what it said last ($(VENV)/install.log has all):" >&2; \
	         tail -20 $(VENV)/install.log >&2; exit 1; }
	@touch $@

constraints: $(READY) ## rewrite constraints.txt from the environment
	@{ sed '/^[^#]/,$$d' constraints.txt; $(BIN)/pip list --format=freeze --disable-pip-version-check \
	    | grep -viE '^(pip|coursewright|coursewright-runtime)==' | sed -E 's/\+[a-z0-9.]+$$//'; } > $(VENV)/constraints.new
	@mv $(VENV)/constraints.new constraints.txt

clean: ## remove the environment, caches and outputs
	rm -rf $(VENV) build dist ./*.egg-info runtime/js/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find coursewright tests -name __pycache__ -prune -exec rm -rf {} +
