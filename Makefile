# Entry points for developers: run, test, benchmark, build the documentation. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock
FOLDER ?=
SEEDS ?=
FAULT ?=
WORKERS ?= auto
ARGS ?=

.PHONY: help run test faults bench docs lock clean

help:
	@echo "make run                      watch a small production of real media that is written for you"
	@echo "make run FOLDER=/some/where   watch your own folder"
	@echo "make test [ARGS=-x]           check and test"
	@echo "make faults                   hurt every part in the middle of its work, for five hours; it resumes"
	@echo "make faults SEEDS=1-3 FAULT='kill api'   hurt it in one way only"
	@echo "make bench                    measure"
	@echo "make docs                     build the documentation as a site, into build/site"
	@echo "make lock                     pin what pyproject.toml asks for, at its newest"
	@echo "make clean                    remove what make made, but no data"

run: $(VENV)/.run
ifeq ($(FOLDER),)
	$(BIN)/tapeless demo demo-media
	exec $(BIN)/tapeless up demo-media
else
	exec $(BIN)/tapeless up "$(FOLDER)"
endif

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n $(WORKERS) --durations=20 $(ARGS)

faults: $(VENV)/.test
ifeq ($(SEEDS)$(FAULT),)
	$(BIN)/python -m pytest -n 0 -m faults tests $(ARGS)
endif
	$(BIN)/python -m tests.faults.mix --seeds "$(SEEDS)" --fault "$(FAULT)"

bench: $(VENV)/.run
	set -e; for program in benchmarks/[a-z]*.py; do \
	  name=$$(basename "$$program" .py); echo "== $$name"; $(BIN)/python -m "benchmarks.$$name"; \
	done

docs: $(VENV)/.test
	$(BIN)/python -m mkdocs build --strict

# The stamp is written last, so that an incomplete environment is created again.
$(VENV)/.run: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tapeless needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) --editable '.[test]'
	touch $@

# In a separate environment, so that unrelated packages in .venv are not pinned.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check '.[test]'
	build/lock/bin/python -m pip freeze --exclude tapeless > requirements.lock
	rm -rf build/lock

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
