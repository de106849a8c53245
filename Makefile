# Two commands: `make demo` and `make test`. Each makes .venv when it is missing; neither needs root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
.DEFAULT_GOAL := help
.PHONY: help demo test slow lint types schemas wheel clean

help:
	@echo "make demo    a leaderboard of answers about pictures, on this machine, in a minute or two"
	@echo "make test    the fast tests"
	@echo "make slow    the slow tests: kill and resume, a full disk, a wheel in an empty environment"
	@echo "make lint    ruff        make types    mypy --strict"
	@echo "make schemas write the JSON Schemas of all files into docs/schemas"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "PeakBench needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "installing PeakBench into $(VENV) (some 300 MB, once)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "no virtual environment could be made; on Debian: apt install python3-venv"; exit 2; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/peakbench demo --output demo

test: $(STAMP)
	$(BIN)/pytest -m "not slow" -n 2

slow: $(STAMP)
	$(BIN)/pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

schemas: $(STAMP)
	$(BIN)/python -m peakbench.jobs.schemas docs/schemas

clean:
	rm -rf $(VENV) build dist demo runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
