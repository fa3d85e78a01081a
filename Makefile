# `make demo` and `make test` set up all they need in .venv; a second run finds it done.

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
LOCK := setup.cfg pyproject.toml constraints.txt
CODE := $(wildcard abbotify tests benchmarks recommenders)

UV := $(shell command -v uv 2>/dev/null)
ifneq ($(UV),)
CREATE = $(UV) venv --quiet --clear --seed --python "$$(command -v $(PYTHON))" $(VENV)
INSTALL := $(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt
else
CREATE = $(PYTHON) -m venv --clear $(VENV)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-extras calibrate lint format bench clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-11s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/core.stamp ## Run the quickstart scenario and say where its report is
	$(BIN)/abbotify run scenarios/quickstart.yaml

test: lint ## Run every check: style, types, layers, tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

test-extras: $(VENV)/extras.stamp ## Run the tests that need the extras torch, als or lightgcn
	$(BIN)/python -m pytest -m extras

calibrate: $(VENV)/dev.stamp ## Run the long checks, and every estimator on known truth
	$(BIN)/python -m pytest -m long --timeout 0
	$(BIN)/python -m benchmarks.estimators docs

lint: $(VENV)/dev.stamp ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter

format: $(VENV)/dev.stamp ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## Measure speed
	$(BIN)/python -m pytest -m bench --benchmark-enable --timeout 0 benchmarks

clean: ## Remove the environment, caches and builds; reports stay
	rm -rf $(VENV) .cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment, filled as far as a target needs; a larger set marks the smaller ones as done.
$(VENV)/created.stamp:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on PATH: install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$$($(PYTHON) --version) is too old, 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 1; }
ifeq ($(UV),)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv) or uv" >&2; exit 1; }
endif
	$(CREATE)
	@touch $@

$(VENV)/core.stamp: $(LOCK) | $(VENV)/created.stamp
	$(INSTALL) --editable .
	@touch $@

$(VENV)/dev.stamp: $(LOCK) | $(VENV)/created.stamp
	$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/core.stamp $@

$(VENV)/extras.stamp: $(LOCK) | $(VENV)/created.stamp
	$(INSTALL) --editable '.[dev,torch,als,lightgcn]'
	@touch $(VENV)/core.stamp $(VENV)/dev.stamp $@
