# Two commands: `make repro` and `make test`. Each sets up .venv first when it is missing or out of date.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
VENV := $(CURDIR)/.venv
STAMP := $(VENV)/.stamp
STORE := $(or $(STRATA_STORE),.strata)/features

# Stages are `python -m stages.NAME`: that python must be this environment's, without any activation.
export PATH := $(VENV)/bin:$(PATH)

.PHONY: help setup repro explore explore-static search overview study test test-slow torture bench lint deps fresh gate report clean-store

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: error: no '$(PYTHON)' here; name a Python 3.10 to 3.14: make $(MAKECMDGOALS) PYTHON=/where/it/is" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' || { echo "make: error: $(PYTHON) is $$($(PYTHON) -V); Python 3.10 to 3.14 is needed: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: error: $(PYTHON) could not make an environment; on Debian and Ubuntu install python3-venv" >&2; exit 1; }
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

repro: $(STAMP) ## the whole pipeline; only what changed runs
	@python -m stages.unblock
	dvc repro

overview: $(STAMP) ## all finished experiments on one page: report/overview.html
	python -m stages.overview

explore: $(STAMP) ## look at the finished run in the browser, and ask it
	python -m stages.explore

search: $(STAMP) ## ask the finished run: make search QUERY="a fish under a rainbow"
	python -m stages.search "$(QUERY)"

explore-static: $(STAMP) ## the wall as a folder that opens from disk: report/explore
	python -m stages.explore --static report/explore

study: $(STAMP) ## the 2021 study's cells, one table (DATA=demo: on the demo, in minutes)
	python -m experiments.study $(if $(DATA),--data $(DATA))

test: $(STAMP) ## every test but the slow ones
	python -m pytest -n logical --maxprocesses 4

torture: $(STAMP) ## try to break it (MINUTES=2 SEED=1 ONLY=flips,pictures): same bytes or one clear line
	python -m torture --minutes $(or $(MINUTES),2) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

test-slow: $(STAMP) ## the slow tests: whole runs of the pipeline
	python -m pytest -n logical --maxprocesses 4 -m slow

bench: $(STAMP) ## speed against the alternatives (NAMES="search text": only these)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet -r benchmarks/requirements.txt
	python -m benchmarks $(NAMES)

lint: $(STAMP) ## ruff, its formatter and mypy
	ruff check .
	ruff format --check .
	mypy

deps: $(STAMP) ## rewrite deps and params of dvc.yaml from what the stages import and read
	python -m stages.closure --write

fresh: $(STAMP) ## does dvc.lock describe this tree? (ask before `make repro`)
	python -m stages.freshness

gate: $(STAMP) ## fail when a metric dropped against the main branch
	python -m stages.gate

report: $(STAMP) ## make the report if it is not there and say where it is
	@test -f report/index.html || dvc repro
	@echo "$(CURDIR)/report/index.html"

clean-store: ## empty the feature store (finished work is computed again when needed)
	@du -sh '$(STORE)' 2>/dev/null || true
	rm -rf -- '$(STORE)'
