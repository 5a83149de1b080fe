# Everything that is needed on a fresh machine with Python 3.11 or newer: `make run` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
RUN_READY := .venv/.run
EXTRAS_READY := .venv/.extras
TEST_READY := .venv/.test
PAGE := $(wildcard frontend/*.* frontend/src/*.* frontend/src/*/*.*)
PYTEST := $(BIN)/python -m pytest

.PHONY: help run setup extras page test check slow benchmarks clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: $(RUN_READY) ## read the meter of smartmeter.toml or smartmeter_cfg.toml, else a virtual one
	@if [ -e smartmeter.toml ] || [ -e smartmeter_cfg.toml ]; \
	then exec $(BIN)/smartmeter run; else exec $(BIN)/smartmeter demo; fi

setup: $(RUN_READY) ## install into .venv

extras: $(EXTRAS_READY) ## install what charts, PDF, Parquet and Apprise need

page: $(RUN_READY) ## build the page anew
	$(BIN)/python frontend/build_hook.py

test: $(TEST_READY) ## run the tests
	$(PYTEST) -n 4 --dist worksteal -m "not slow"

slow: $(TEST_READY) ## run the tests that take long
	$(PYTEST) -n 2 --dist worksteal -m slow

check: $(TEST_READY) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

benchmarks: $(TEST_READY) ## measure what the documents claim about speed
	for program in benchmarks/*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

clean: ## remove what the other targets made
	rm -rf .venv frontend/node_modules smartmeter/web/static .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(RUN_READY): pyproject.toml requirements/run.txt requirements/wheel.txt $(PAGE) | .venv/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/run.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: -r requirements/wheel.txt 2> /dev/null || \
		echo "No wheel of psycopg for this machine; for PostgreSQL install its library, on Debian: sudo apt install libpq5"
	@$(BIN)/python frontend/build_hook.py --has-npm || \
		$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: -r requirements/node.txt 2> /dev/null || \
		echo "No npm, and no wheel of Node.js for this machine; for the page install it, on Debian: sudo apt install npm"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(EXTRAS_READY): $(RUN_READY) requirements/extras.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/extras.txt
	@touch $@

$(TEST_READY): $(EXTRAS_READY) requirements/test.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/test.txt
	@touch $@

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv is missing; on Debian: sudo apt install python3-venv"; exit 1; }
