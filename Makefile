# Coinwell. Two commands matter: `make demo` and `make test`; each sets up what it needs.
# Every line is a plain command that also works by hand.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo serve work test test-long check fix bench docs lock schema browser setup clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Coinwell needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "This Python has no venv module; on Debian: apt install python3-venv"; exit 1; }
	@echo "Installing what Coinwell runs on …"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@echo "Installing what the tests run on …"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.dev ## Install everything a developer needs

demo: $(VENV)/.run ## Start the product with its demo world
	@exec $(BIN)/coinwell demo

serve: $(VENV)/.run ## Start the product with your settings (database, web, worker)
	@exec $(BIN)/coinwell serve

work: $(VENV)/.run ## Start one more worker on COINWELL_DATABASE
	@exec $(BIN)/coinwell work

browser: $(VENV)/.dev ## Make sure there is a Chromium for the browser tests
	@$(BIN)/python tests/browser/install.py

test: $(VENV)/.dev browser check ## Set up, check and run every test
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

test-long: $(VENV)/.dev browser ## The same tests with long runs of the random ones
	@COINWELL_PROFILE=long $(BIN)/python -m pytest -n 2 --dist loadgroup --timeout 3600

check: $(VENV)/.dev ## Lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

fix: $(VENV)/.dev ## Format and repair what can be repaired
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## Measure, bounded, beside named peers in the same run
	@$(BIN)/python -m bench

docs: $(VENV)/.dev ## Write the generated reference pages anew
	@$(BIN)/python -m coinwell.reference docs/reference

schema: $(VENV)/.dev ## Write migrations/schema.sql anew from the migrations
	@$(BIN)/python tests/migrate/write_schema.py

lock: ## Resolve the locked requirements anew
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/python -m pip install --quiet uv
	@for what in "run" "dev --group dev"; do set -- $$what; name=$$1; shift; \
	  $(VENV)/lock/bin/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes \
	    --no-emit-index-url --custom-compile-command "make lock" $$* \
	    pyproject.toml -o requirements/$$name.txt; done

clean: ## Remove what make made; the data folder .var stays
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
