# Two commands do all the set-up: `make demo` and `make test`. Both create and use .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
WORKERS ?= auto

.PHONY: help demo test test-fast lint types format docs figures notebooks bench bench-drift bench-statistics system clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/core: .venv/made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/dev: .venv/core pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	@touch $@

demo: .venv/core  ## the whole story on shipped material, no network, no key
	$(BIN)/aiir demo

test: .venv/dev  ## the whole test suite; what the machine has no browser or PostgreSQL for is skipped
	@sh .ci/system-packages --only-under-ci
	@sh tests/browser/install
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-fast: .venv/dev  ## without simulations, recorded data and servers
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow and not real_data and not server"

system:  ## install what tests need of the system (Chromium, Node.js, PostgreSQL): root and apt-get
	@sh .ci/system-packages
	@sh tests/browser/install

lint: .venv/dev  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev  ## mypy, strict
	$(BIN)/mypy

format: .venv/dev  ## let ruff rewrite
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/dev  ## the reference is written; every block of README and docs is run
	$(BIN)/python docs/reference/generate.py
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal tests/docs

figures: .venv/dev  ## the figures of docs/statistics, drawn anew
	nice -n 15 $(BIN)/python docs/statistics/draw.py

notebooks: .venv/dev  ## every notebook, top to bottom
	$(BIN)/python -m pytest -q tests/notebooks

bench: .venv/dev  ## speed as ratios; see benchmarks/README.md
	$(BIN)/python benchmarks/startup.py

bench-drift: .venv/dev  ## drift reports: speed beside the peers, false alarms, power
	nice -n 15 $(BIN)/python benchmarks/drift

bench-statistics: .venv/dev  ## error rates, power, agreement and speed of the statistics
	nice -n 15 $(BIN)/python benchmarks/statistics

clean:
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis aiir-demo
