# Everything a user or a contributor does, one verb each. `make` alone lists them.

PYTHON            ?= python3
VENV              := .venv
BIN               := $(VENV)/bin
CACHE             := $(or $(TRACKER_DEV_CACHE),$(CURDIR)/.cache)
export TRACKER_DEV_CACHE := $(CACHE)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COPY_JARS := org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DincludeScope=runtime
LOCK_RUNNER := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
  --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet
COMPILE := $(LOCK_RUNNER) pyproject.toml
FUZZ_INPUTS ?= 100000
PROPERTIES := $(addprefix tests/,ingest stores/log stores/spool projections/project projections/alerts api/timeline)
NO_SERVICES := not promtool and not grafana and not kafka and not clickhouse and not s3 and not nextflow and not runner and not browser and not bench

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-dev up demo services lint rooms types test test-whole test-parts test-fast fix lock schemas dashboards audit bench chaos fuzz clean \
  screenshots fetch-kafka fetch-nextflow fetch-snakemake fetch-miniwdl fetch-clickhouse fetch-chromium fetch-promtool fetch-grafana

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s  %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# --- to use it ---------------------------------------------------------------------------------

setup: $(VENV)/.setup ## Make .venv with what the tracker needs to run

up: setup ## Run the whole tracker here, in the foreground (TRACKER_PORT, TRACKER_DATA)
	@exec $(BIN)/tracker up

demo: setup ## Replay a bundled real trace into the running tracker
	@exec $(BIN)/tracker demo

# --- to work on it -----------------------------------------------------------------------------

setup-dev: $(VENV)/.setup-dev ## Make .venv with what the tests and checks need too

services: fetch-kafka fetch-nextflow fetch-snakemake fetch-miniwdl fetch-clickhouse fetch-chromium fetch-promtool fetch-grafana ## Fetch the Kafka, ClickHouse, runners, browser and checkers that the tests start

test: ## Run every check and every test, on real services, and say how long each part took
	@.ci/run

WHOLE := tests/system

test-whole: setup-dev services ## Run only the tests of whole stacks: chaos, end to end, browser, fuzz
	$(BIN)/pytest --durations=25 $(WHOLE)

test-parts: setup-dev services ## Run only the other tests, also those on real services
	$(BIN)/pytest --durations=25 $(addprefix --ignore=,$(WHOLE))

test-fast: setup-dev ## Run only the tests that need no service
	$(BIN)/pytest -m "$(NO_SERVICES)"

lint: setup-dev ## Check style, format and the import table
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

rooms: ## Print what imports what between folders; fails on circles, imports upwards and crossings
	@$(PYTHON) dev/rooms.py

types: setup-dev ## Check types (mypy, strict)
	$(BIN)/mypy

fix: setup-dev ## Repair style and format where a tool can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

audit: ## Ask the databases of known weaknesses about requirements.lock (needs the network)
	$(PYTHON) -m venv $(CACHE)/audit
	$(CACHE)/audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit==2.10.1
	$(CACHE)/audit/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock

dashboards: setup-dev ## Write the dashboards of deploy/grafana again
	$(BIN)/python -m dev.dashboards

schemas: setup-dev ## Write the JSON Schemas of the events again
	$(BIN)/python -m schemas.export

fuzz: setup-dev services ## Try FUZZ_INPUTS hostile requests on ingest, then the API, then the properties with new seeds
	$(BIN)/python -m tests.system.fuzz.ingest --inputs $(FUZZ_INPUTS)
	$(BIN)/python -m tests.system.fuzz.api
	$(BIN)/pytest --hypothesis-profile=random $(PROPERTIES)

bench: setup-dev services ## Run all benchmarks, an hour and a half, or some (BENCH="throughput lists"), into bench/RESULTS.md
	$(BIN)/python -m bench $(BENCH)

chaos: setup-dev services ## Half an hour of load while everything is killed and paused (CHAOS="--minutes 5 --seed 1")
	$(BIN)/python -m tests.system.chaos $(CHAOS)

screenshots: setup-dev fetch-chromium ## Take the pictures of the pages again (docs/images)
	$(BIN)/python -m tests.system.browser.screenshots

lock: setup-dev ## Pin every dependency again, with hashes, after a change in pyproject.toml
	$(COMPILE) --group build -o requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock -o requirements-dev.lock
	$(LOCK_RUNNER) tests/support/pip/snakemake.in -o tests/support/pip/snakemake.lock
	$(LOCK_RUNNER) tests/support/pip/miniwdl.in -o tests/support/pip/miniwdl.lock

clean: ## Remove .venv, .cache and what the tools left (never data/)
	rm -rf $(VENV) $(CURDIR)/.cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how -----------------------------------------------------------------------------------------

# A stamp is younger than the lock it was made from, so the second time costs nothing.
# The project itself is installed as a path, with no download: its build backend is in the lock.
$(VENV)/.setup: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing requirements.lock into $(VENV) (the first time takes a few minutes)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The development lock holds all of the other, at the same versions.
$(VENV)/.setup-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing requirements-dev.lock into $(VENV) (the first time takes a few minutes)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.setup

# $(call apt_get,PACKAGE,WHY): installs PACKAGE when we may, else says what is missing and stops.
apt_get = { if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    echo "$(2): installing $(1) with apt-get"; \
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null || exit 1; \
  else echo "$(2): please install $(1), then run make again" >&2; exit 1; fi; }

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(call apt_get,python3-venv,Python has no venv)
	@$(PYTHON) -m venv $(VENV)

# What was fetched lies beside a copy of the file that asked for it, put there last: the same file
# means that it is all there. tests/support/services/cache.py looks at that copy too.
fetch-kafka fetch-nextflow: fetch-%:
	@cmp -s tests/support/maven/$*.xml $(CACHE)/$*/made-from || { \
	  command -v mvn >/dev/null || $(call apt_get,maven,Fetching $* needs Maven); \
	  echo "Fetching $* from Maven Central into $(CACHE)/$*"; \
	  rm -rf $(CACHE)/$* && \
	  mvn --quiet --batch-mode --file tests/support/maven/$*.xml $(COPY_JARS) -DoutputDirectory=$(CACHE)/$* && \
	  cp tests/support/maven/$*.xml $(CACHE)/$*/made-from; }

# Runners that are written in Python have an environment of their own: what they need does not meddle with what we need.
fetch-snakemake fetch-miniwdl: fetch-%:
	@cmp -s tests/support/pip/$*.lock $(CACHE)/$*/made-from || { \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(call apt_get,python3-venv,Python has no venv); \
	  echo "Fetching $* from PyPI into $(CACHE)/$*"; \
	  rm -rf $(CACHE)/$* && $(PYTHON) -m venv $(CACHE)/$* && \
	  $(CACHE)/$*/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r tests/support/pip/$*.lock && \
	  cp tests/support/pip/$*.lock $(CACHE)/$*/made-from; }

# The browser is the system's own: tests/browser starts /usr/bin/chromium.
fetch-chromium:
	@test -x /usr/bin/chromium || { $(call apt_get,chromium,The browser tests need Chromium); }

# The package is unpacked, not installed, so that no server starts here. Nobody but root need do it.
fetch-promtool:
	@test -x $(CACHE)/promtool/promtool -a -x $(CACHE)/promtool/prometheus || { \
	  command -v apt-get >/dev/null || { echo "Checking the alert rules needs promtool: please put it at $(CACHE)/promtool/promtool" >&2; exit 1; }; \
	  echo "Fetching promtool and prometheus with apt-get into $(CACHE)/promtool"; \
	  rm -rf $(CACHE)/promtool && mkdir -p $(CACHE)/promtool/package && cd $(CACHE)/promtool/package && \
	  { apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }; } && \
	  dpkg-deb --extract prometheus_*.deb . && mv usr/bin/promtool usr/bin/prometheus .. && cd .. && rm -rf package; }

# $(call npm_ci,PART,FOLDER): what the lock file of the folder names.
npm_ci = cmp -s $(2)/package-lock.json $(CACHE)/$(1)/made-from || { \
    command -v npm >/dev/null || $(call apt_get,npm,Fetching $(1) needs npm); \
    echo "Fetching $(1) with npm into $(CACHE)/$(1)"; \
    rm -rf $(CACHE)/$(1) && mkdir -p $(CACHE)/$(1) && \
    cp $(2)/package.json $(2)/package-lock.json $(2)/.npmrc $(CACHE)/$(1) && \
    (cd $(CACHE)/$(1) && npm ci --no-progress --loglevel=error >/dev/null) && \
    cp $(2)/package-lock.json $(CACHE)/$(1)/made-from; }

fetch-clickhouse:
	@$(call npm_ci,clickhouse,tests/support/npm)

# Not Grafana itself, but what it says a dashboard is.
fetch-grafana:
	@$(call npm_ci,grafana,tests/support/npm/grafana)
