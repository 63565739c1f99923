.PHONY: help env up check test format lock clean
.DEFAULT_GOAL := help

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

env: .venv/ready ## the environment in .venv

.venv/ready: requirements.lock pyproject.toml
	python3 -m venv .venv
	.venv/bin/pip install -q --disable-pip-version-check uv
	.venv/bin/uv pip sync -q --require-hashes requirements.lock
	.venv/bin/uv pip install -q --no-deps --no-build-isolation --editable .
	@touch .venv/ready

check: env ## format, lint, types, import contracts
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: env ## format and fix
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

test: env ## the tests, on real Postgres and Valkey, in parallel
	.venv/bin/pytest -n auto

lock: ## pin what pyproject.toml asks for, with hashes and without hosts
	.venv/bin/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --extra embedded --group dev -o requirements.lock pyproject.toml
