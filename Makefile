# The commands of a working day. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PRESET ?= quick

.DEFAULT_GOAL := help
.PHONY: help setup run resume test chaos docs clean evidence export

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): settings.ini setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: pass PYTHON=/path/to/python3.11" % sys.version_info[:2]) if sys.version_info < (3, 11) else None'
	@echo "setup 1/4  creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "setup 2/4  installing packages, about 3.1 GB: about 3 minutes, silent while all is well"
	@$(BIN)/pip install --quiet --upgrade-strategy only-if-needed -c constraints.txt -e '.[dev]'
	@echo "setup 3/4  checking that they fit together"
	@$(BIN)/pip check
	@echo "setup 4/4  putting the embedded language model in place, about 90 MB"
	@$(BIN)/python -m trajectory_nb.language.weights install
	@touch $@

setup: $(STAMP) ## create .venv and install everything, the embedded language model included

run: $(STAMP) ## train, evaluate and compare the four branches (PRESET=quick)
	@$(BIN)/trajectory-nb run --preset $(PRESET) || { code=$$?; [ $$code = 2 ] || echo "to go on where it stopped: make resume"; exit $$code; }

resume: $(STAMP) ## take up the latest run where it stopped
	$(BIN)/trajectory-nb run --resume

test: $(STAMP) ## lessons of all notebooks, library == notebooks, README == index, a tiny run
	PATH="$(CURDIR)/$(BIN):$$PATH" .ci/checks

chaos: $(STAMP) ## break runs in every way that runs break, about 8 minutes
	@PATH="$(CURDIR)/$(BIN):$$PATH"; export PATH; $(BIN)/python -m trajectory_nb.dev.chaos && nbdev_test --path nbs/12_runner/11_sync.ipynb --n_workers 0

export: $(STAMP) ## style, library, clean notebooks, sidebar and README from the notebooks
	PATH="$(CURDIR)/$(BIN):$$PATH"; export PATH; .ci/style; nbdev_export && nbdev_clean && python -m trajectory_nb.dev.rooms nbs trajectory_nb --write && ruff check trajectory_nb && .ci/readme

docs: $(STAMP) ## build the site in _docs, by Quarto or without it, and check every link
	@PATH="$(CURDIR)/$(BIN):$$PATH" .ci/docs/build

clean: ## remove built files and caches; runs/ and .venv stay
	rm -rf _proc _docs build dist *.egg-info nbs/nbdev.yml
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -not -path './$(VENV)/*' -prune -exec rm -rf {} +

evidence: $(STAMP) ## record a test-first phase: PHASE=red|green|refactor NAME=renderer
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m trajectory_nb.dev.evidence "$(PHASE)" "$(NAME)"
