# Two commands do everything on a fresh Debian 12 machine with Python 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCHMARKS := $(filter-out __init__ common,$(basename $(notdir $(wildcard benchmarks/*.py))))

.PHONY: help setup setup-dev demo test lint bench soak up lock
.DEFAULT_GOAL := help

help:
	@echo "make demo    set up $(VENV), play a two-minute live stream on this machine and clip it"
	@echo "make test    set up $(VENV), run the whole suite (as root it installs the programs that tests need)"
	@echo "make setup   set up $(VENV) only; the command is $(BIN)/clipd"
	@echo "make lint    format, lint, types, import contracts"
	@echo "make bench   every benchmark: tables here, JSON in docs/results"
	@echo "make soak    the suite with its long runs"
	@echo "make up      supervisor, API and dashboard"
	@echo "make lock    resolve the lock files anew from pyproject.toml"

setup:
	@PYTHON="$(PYTHON)" scripts/setup requirements.lock

setup-dev:
	@PYTHON="$(PYTHON)" scripts/setup requirements-dev.lock

demo: setup
	$(BIN)/clipd demo

test: setup-dev
	@scripts/test-programs
	$(BIN)/pytest -n 4 --dist loadscope --no-loadscope-reorder --session-timeout 1740 $(ARGS)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup-dev
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name; done

soak: setup-dev
	@scripts/test-programs
	$(BIN)/pytest --soak --timeout 3600 $(ARGS)

up: setup
	@$(BIN)/clipd up --help >/dev/null 2>&1 || { echo "This version of clipd has no \`clipd up\`; use \`clipd watch\`." >&2; exit 2; }
	$(BIN)/clipd up

lock: setup-dev
	scripts/lock
