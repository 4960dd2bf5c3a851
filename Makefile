# Everything happens in .venv, which the first target that needs it creates.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test check format lint types layers build clean

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
