.PHONY: help env up test fuzz test-own check format sdl lock clean
.DEFAULT_GOAL := help

PYTHON ?= python3
UV := uv==0.13.9
# Neighbours stay together, since they share what they set up, until a worker runs dry. Half as many again as there are
# cores: tests of processes wait much of the time.
WORKERS = -n $$($(PYTHON) -c 'import os; print(min(15, (3 * (os.cpu_count() or 1) + 1) // 2))') --dist worksteal

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

env: .venv/ready ## the environment, in .venv

.venv/ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Attain needs Python 3.11 or newer: make PYTHON=/path/to/it")'
	@[ -x .venv/bin/uv ] || { echo "Making the environment in .venv"; $(PYTHON) -m venv .venv && .venv/bin/pip install -q --disable-pip-version-check $(UV); }
	@.venv/bin/uv pip sync -q --require-hashes requirements-dev.lock
	@.venv/bin/uv pip install -q --no-deps --no-build-isolation --editable .
	@touch .venv/ready

up: env ## everything on this machine, until Ctrl-C (ARGS="--port 9000 --no-demo")
	@.venv/bin/attain up $(ARGS)

test: env ## the tests, on real Postgres and Valkey, in parallel
	.venv/bin/pytest $(WORKERS) $(ARGS)

fuzz: env ## the tests that draw at random, on a larger scale (some 20 minutes)
	ATTAIN_FUZZ=1 .venv/bin/pytest -m fuzz $(WORKERS) $(ARGS)

test-own: env ## the tests on servers of your own (ATTAIN_TEST_DATABASE_URL, ATTAIN_TEST_VALKEY_URL)
	@: $${ATTAIN_TEST_DATABASE_URL:?a postgresql:// address whose login is a superuser} $${ATTAIN_TEST_VALKEY_URL:?a redis:// address}
	.venv/bin/pytest $(WORKERS) $(ARGS)

check: env ## format, lint, types, import contracts, dependencies, schema
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/deptry .
	.venv/bin/python -m dev.sdl check

format: env ## format and fix
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

sdl: env ## write schema.graphql from the code
	.venv/bin/python -m dev.sdl write

COMPILE := .venv/bin/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11
lock: env ## pin what pyproject.toml asks for, with hashes and without hosts
	$(COMPILE) -o requirements.lock pyproject.toml
	$(COMPILE) -c requirements.lock --extra otel -o requirements-otel.lock pyproject.toml
	$(COMPILE) -c requirements.lock --extra embedded --extra otel --group dev -o requirements-dev.lock pyproject.toml

clean: ## remove the environment and caches, and keep .attain
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/clients/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
