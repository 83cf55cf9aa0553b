# Everything a newcomer needs: `make demo` and `make test`. Each makes or brings up to date the .venv it uses.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
UV := $(PY) -m uv
ARGS ?=
# Test processes. Each has brokers of its own, and the tests of a file stay in one.
WORKERS ?= 2
# What is installed is remembered in the environment itself, so deleting it forgets it too.
UV_STAMP := $(VENV)/.uv-installed
DEMO_STAMP := $(VENV)/.demo-installed
ALL_STAMP := $(VENV)/.all-installed
PACKAGES := schemas generators validators stream_app

.PHONY: help setup demo test e2e lint format kafka kafka-stop kafka-jars lock lock-check clean ci
.PHONY: bench-drift bench-faults bench-generators bench-power bench-validators bench-verify

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	echo "  ARGS='...' is handed on by demo, test, e2e and bench-*; PYTHON=... picks the interpreter (3.11 or newer)"

setup: $(ALL_STAMP) ## .venv with everything: all extras and the development tools

demo: ## the whole story on the embedded broker, on real data (ARGS='--out DIR', '--data FILE --target COLUMN')
	@if [ ! -e $(ALL_STAMP) ] || [ requirements.lock -nt $(ALL_STAMP) ]; then $(MAKE) --no-print-directory $(DEMO_STAMP); fi
	$(VENV)/bin/perennial demo $(ARGS)

test: $(ALL_STAMP) ## unit and integration tests; Apache Kafka's where java and mvn are present (ARGS='...': pytest's own)
	@$(if $(strip $(ARGS)),exec $(PY) -m pytest -m "not e2e" $(ARGS),)
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -m "not e2e" --numprocesses $(WORKERS) --dist loadfile --ignore tests/integration
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -m "not e2e" --numprocesses $(WORKERS) --dist loadfile tests/integration

e2e: $(ALL_STAMP) ## what takes longer than a minute a test
	@$(PY) -m pytest -m e2e $(ARGS)

lint: $(ALL_STAMP) ## ruff, formatting, mypy strict, the rules of imports
	@$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

format: $(ALL_STAMP) ## put the code in order
	@$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

kafka: $(ALL_STAMP) ## start a local Apache Kafka without Docker and print its address
	@$(PY) -m stream_app.adapters.detached_kafka start

kafka-stop: $(ALL_STAMP) ## end that Apache Kafka and remove its data
	@$(PY) -m stream_app.adapters.detached_kafka stop

kafka-jars: $(ALL_STAMP) ## only resolve Apache Kafka's jars with Maven
	@$(PY) -m stream_app.adapters.detached_kafka jars

bench-drift: $(ALL_STAMP) ## drift: delay and false alarms beside River, Evidently, frouros; real streams (ARGS='--only delay --seeds 2')
	@OMP_NUM_THREADS=1 $(PY) -m tests.benchmarks.drift $(ARGS)

bench-generators: $(ALL_STAMP) ## every family beside its peers: quality, time, privacy (ARGS='--quick', '--only trees')
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PY) -m tests.benchmarks.generators $(ARGS)

bench-power: $(ALL_STAMP) ## how often the leak gate rejects fresh rows, private releases and planted leaks (ARGS=--quick)
	@PYTHONPATH=. OMP_NUM_THREADS=1 $(PY) tests/benchmarks/leak_power.py $(ARGS)

bench-faults: $(ALL_STAMP) ## planted faults: what the gates and three peers say (ARGS='--ours-only', '--only NAME')
	@OMP_NUM_THREADS=1 $(PY) -m tests.benchmarks.faults $(ARGS)

bench-validators: $(ALL_STAMP) ## the gates' speed beside sdmetrics, scikit-learn, pycanon, mostlyai-qa (ARGS='--only classes')
	@PYTHONPATH=. OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PY) tests/benchmarks/bench_validators.py $(ARGS)

bench-verify: $(ALL_STAMP) ## `perennial verify` beside hashing the same file (ARGS='--megabytes 100')
	@PYTHONPATH=. $(PY) tests/benchmarks/bench_verify.py $(ARGS)

lock: $(UV_STAMP) ## resolve the versions anew, as far as pyproject.toml asks for it (ARGS=--upgrade for the newest)
	@$(call compile,all,requirements.lock,$(ARGS))
	$(call compile,demo,requirements-demo.lock,-c requirements.lock)

lock-check: $(UV_STAMP) ## fail when the locks do not follow from pyproject.toml
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT
	cp requirements.lock requirements-demo.lock pyproject.toml "$$scratch/"
	$(MAKE) --no-print-directory lock ARGS=
	for lock in requirements.lock requirements-demo.lock; do
	  cmp -s $$lock "$$scratch/$$lock" || { cp "$$scratch/"*.lock .; echo "$$lock is stale: run make lock"; exit 1; }
	done

ci: ## what continuous integration runs
	@bash .ci/run

clean: ## remove the environment, caches and what the demo made; a local Apache Kafka is ended first
	@if [ -e .kafka/node.json ] && [ -x $(PY) ]; then $(PY) -m stream_app.adapters.detached_kafka stop; fi
	rm -rf $(VENV) .peers .kafka build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache perennial-demo
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Universal: one lock for every platform and every Python from 3.11 on; no index addresses in it.
define compile
$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
  --python-version 3.11 --extra $(1) $(3) -o $(2) pyproject.toml
endef

# The lock's own entry for uv, hashes included, so that even the installer is pinned.
$(UV_STAMP): | requirements.lock
	@python=$$(bash .ci/python)
	[ -x $(PY) ] || "$$python" -m venv $(VENV)
	entry=$$(mktemp); trap 'rm -f "$$entry"' EXIT
	awk '/^uv==/ {on = 1; print; next} /^[^ ]/ {on = 0} on' requirements.lock > "$$entry"
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r "$$entry"
	touch $@

$(DEMO_STAMP): requirements-demo.lock pyproject.toml $(UV_STAMP)
	@echo "installing what the demo needs (no torch, no SDV) into $(VENV)" >&2
	$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements-demo.lock
	$(UV) pip install --quiet --python $(PY) --no-deps -e .
	touch $@

$(ALL_STAMP): requirements.lock pyproject.toml $(UV_STAMP)
	@echo "installing everything into $(VENV): about 6 GB, most of it torch" >&2
	$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(PY) --no-deps -e .
	touch $@ $(DEMO_STAMP)
