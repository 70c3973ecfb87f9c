# A machine with Python 3.11 or newer, git and make: `make run`, `make test`. Everything else is installed here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 3
UV_VERSION := 0.13.8
# Stamps carry the lock's hash: a changed lock installs again, anything else does not.
RUN_LOCK := $(VENV)/.run-$(shell cksum < requirements.txt | tr ' ' '-')
DEV_LOCK := $(VENV)/.dev-$(shell cksum < requirements-dev.txt | tr ' ' '-')

.DEFAULT_GOAL := help
.PHONY: help run test lint fast-lint types bench chaos lock install install-dev

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 16

run: install ## everything on this machine: site, feed, engine, demo (PORT=8000)
	@exec $(BIN)/python manage.py runlocal

test: install-dev fast-lint ## quick checks and all tests (ARGS="tests/unit -q")
	@# Side by side, then what needs the machine to itself; a few that failed are tried again, and named.
	$(BIN)/python -m tests.suite --workers $(WORKERS) $(ARGS)

lint: install-dev fast-lint types ## style, types, layers, migrations, deployment settings
	SITE_URL=https://example.org $(BIN)/python -W error::SyntaxWarning manage.py check --deploy --fail-level WARNING

fast-lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	@# Without a database Django warns that it could not compare the history there; only the files matter here.
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

types: install-dev
	$(BIN)/mypy .

bench: install-dev ## speed, each beside its floor; writes .local/bench.json
	$(BIN)/python -m tests.benchmarks

chaos: install-dev ## leaders killed, Redis away, faults and hours under load (MINUTES=10, or SEED=… to repeat one)
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

lock: install-dev ## resolve requirements*.in into requirements*.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements-dev.in -o requirements-dev.txt

install: $(RUN_LOCK)

install-dev: $(DEV_LOCK)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@# Debian's Python without python3-venv has no pip for a new environment, but may have its own.
	@$(PYTHON) -m venv $(VENV) || $(PYTHON) -m venv --without-pip --clear $(VENV)
	@PIP="$(PYTHON) -m pip --python $(BIN)/python"; [ ! -x $(BIN)/pip ] || PIP=$(BIN)/pip; \
	$$PIP install --quiet --disable-pip-version-check uv==$(UV_VERSION) || { echo "uv could not be installed. On Debian or Ubuntu try: apt install python3-venv"; exit 1; }

$(RUN_LOCK): | $(BIN)/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	@rm -f $(VENV)/.run-* && touch $@

$(DEV_LOCK): | $(BIN)/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@rm -f $(VENV)/.run-* $(VENV)/.dev-* && touch $@ $(RUN_LOCK)
