# `make chat` sets everything up and opens the assistant; `make test` sets everything up and runs the tests.
# Both are quick once set up. PYTHON chooses the interpreter (3.11 or newer).

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SOURCES := assistant ingest adapters tests benchmarks examples tools
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: chat test check format slow torture starter-adapter wheel clean

chat: .venv/ready
	@$(BIN)/assistant

# Two processes: many tests wait for a screen or a child process.
TESTS := $(BIN)/python -m pytest -n 2 --dist worksteal

test: .venv/ready-dev
	$(TESTS)

check: .venv/ready-dev
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS)

format: .venv/ready-dev
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

# The slow tests: fuzzing and crashes at full length.
slow torture: .venv/ready-dev
	$(BIN)/python -m pytest -m slow

# The adapter that ships, from the licensed sets in DATA/train: about two hours on two cores; run again, it goes on.
starter-adapter: .venv/ready-dev
	$(BIN)/python tools/starter/make.py $(if $(DATA),--data $(DATA))

wheel: .venv/ready-dev
	$(BIN)/python -m build --wheel

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'This needs Python 3.11 or newer: make chat PYTHON=/path/to/python3.11'; exit 1; }
	@echo 'Setting up .venv: about ten minutes the first time, most of it compiling llama.cpp for this machine.'
	$(PYTHON) -m venv .venv
	CMAKE_BUILD_PARALLEL_LEVEL=$(shell nproc) $(PIP) install --constraint constraints.txt --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
