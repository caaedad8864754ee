# make help says what there is. Settings come from the environment; docs/operating.md lists them.
# Which interpreter the virtual environment is made with; unless this says, launcher/install.py chooses.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
# Where Debian keeps ip, nft and tc; an ordinary user's PATH leaves it out.
export PATH := $(PATH):/usr/sbin:/sbin
export PYTHONUNBUFFERED := 1

TESTS ?=
# Tests side by side: two, but one when some were chosen, whose words then come in order.
export LANES ?= $(if $(TESTS),1,2)

.PHONY: help run demo-check test lint format bench lock clean
.DEFAULT_GOAL := help

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.run ## prepare an installation and keep it running until Ctrl-C
	@exec $(BIN)/python -m launcher

demo-check: $(VENV)/.run ## prove the running lab with real packets against what the database says
	@exec $(BIN)/python -m launcher.check

test: $(VENV)/.dev ## run all tests in a sandbox (TESTS=path chooses some)
	@exec $(BIN)/python -m launcher.testing $(TESTS)

lint: $(VENV)/.dev ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

format: $(VENV)/.dev ## lay out the code
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure against the figures the product promises
	@exec $(BIN)/python -m bench

lock: $(VENV)/.dev ## renew the lock files after a change of requirements
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header requirements.txt -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header -c requirements.lock requirements-dev.txt -o requirements-dev.lock

clean: ## remove what can be made again; the data folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

INSTALL := $(or $(PYTHON),python3) launcher/install.py $(if $(PYTHON),--this-python) $(VENV)

$(VENV)/.run: requirements.lock launcher/install.py
	@$(INSTALL) requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock launcher/install.py
	@$(INSTALL) requirements-dev.lock
	@touch $@
