# Paidan: everything a newcomer or a contributor runs. Needs Python >= 3.11 and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
JUDGES := tests/vendors/node
JUDGES_STAMP := $(JUDGES)/node_modules/.package-lock.json
PYTEST := $(BIN)/python -m pytest --numprocesses=logical --dist=worksteal

.PHONY: demo test check setup setup-dev judges lint shots bench clean

demo: setup  ## set up and open the sandbox
	@$(BIN)/paidan demo

test: setup-dev  ## set up and run every test, on every core
	@$(PYTEST)

check: setup-dev lint  ## what every commit must pass
	@$(PYTEST) --cov --cov-report=term:skip-covered --cov-fail-under=90

lint: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

shots: setup-dev  ## remake the screenshots in docs/images
	@$(BIN)/python docs/screenshots.py

bench: setup-dev  ## remake bench/RESULTS.md
	@$(BIN)/python bench/main_job.py

setup: $(STAMP)
setup-dev: $(DEV_STAMP) $(JUDGES_STAMP)
judges: $(JUDGES_STAMP)  ## the npm packages that judge the fakes of their platforms

$(VENV)/bin/python:
	@echo "==> 1/3 creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Paidan needs Python 3.11 or newer, found " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip

$(STAMP): pyproject.toml | $(VENV)/bin/python
	@echo "==> 2/3 installing Paidan and what it needs (about a minute)"
	@$(BIN)/python -m pip install --quiet --editable .
	@echo "==> 3/3 checking the installation"
	@$(BIN)/python -m pip check >/dev/null
	@touch $@

$(DEV_STAMP): pyproject.toml | $(VENV)/bin/python
	@echo "==> installing Paidan with everything its tests need"
	@$(BIN)/python -m pip install --quiet --editable '.[postgres]' --group dev
	@touch $@ $(STAMP)

$(JUDGES_STAMP): $(JUDGES)/package.json $(JUDGES)/package-lock.json
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
	    echo "==> installing the vendors' npm packages that judge the fakes of their platforms"; \
	    (cd $(JUDGES) && npm ci --ignore-scripts --no-audit --no-fund --silent && touch ../../../$@) \
	        || echo "==> npm does not give them: their tests will be skipped"; \
	else echo "==> no Node.js: the tests with the vendors' npm packages will be skipped"; fi

clean:
	rm -rf $(JUDGES)/node_modules $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
