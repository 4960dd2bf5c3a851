# Everything happens in .venv, which the first target that needs it creates.
PYTHON ?= python3.11
BIN := .venv/bin
PEERS := results/benchmarks/peers
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test check format lint types layers build clean soak bench bench-peers

run: .venv/run
	$(BIN)/butfor run

test: .venv/dev
	$(BIN)/python -m pytest -q -n 2

check: format lint types layers .venv/dev
	$(BIN)/python -m pytest -q -n 2 --cov --cov-report=term:skip-covered

format: .venv/dev
	$(BIN)/ruff format --check .

lint: .venv/dev
	$(BIN)/ruff check .

types: .venv/dev
	mkdir -p .typing && ln -sfn .. .typing/butfor
	$(BIN)/mypy

layers: .venv/dev
	$(BIN)/lint-imports

build: .venv/dev
	$(BIN)/python -m build

# A short run, under ten minutes on two idle cores; all of it: .venv/bin/python benchmarks/bench.py --full
bench: .venv/run
	$(BIN)/python benchmarks/bench.py

# Ray Tune, Optuna and Hydra beside butfor, in a Python of their own; without it they are skipped.
bench-peers: $(PEERS)/installed

$(PEERS)/installed: benchmarks/peers.txt pyproject.toml
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --editable . --requirement benchmarks/peers.txt
	touch $@

# What takes long: thousands of trials under a hundred kills, on SQLite and on a PostgreSQL server of our own; flipped
# bits; fuzzed files. `python tests/soak/NAME.py --help` tells the options of each.
soak: .venv/dev
	$(BIN)/python tests/soak/soak_store.py
	ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || { apt-get update -q && apt-get install -y -q postgresql; }
	$(BIN)/python tests/soak/soak_store.py --postgres
	BUTFOR_SOAK_FLIPS=1000 BUTFOR_SOAK_CUTS=300 $(BIN)/python -m pytest -q tests/core/test_store_damage.py
	BUTFOR_SOAK_TRIALS=1000 $(BIN)/python -m pytest -q tests/core/test_session.py
	$(BIN)/python tests/soak/soak_fuzz.py
	$(BIN)/python tests/soak/soak_executor.py

clean:
	rm -rf .venv .typing build dist *.egg-info

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run: pyproject.toml | .venv/bin/python
	$(PIP) --editable .
	touch $@

.venv/dev: pyproject.toml | .venv/bin/python
	$(PIP) --editable ".[dev]"
	touch $@ .venv/run
