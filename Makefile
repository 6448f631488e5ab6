# Entry points for developers: run, test, benchmark, build the documentation. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Hashes, so that an index or a mirror cannot hand out other files; no addresses of indexes, so that any will do.
COMPILE := build/lock/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --all-build-deps \
  --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-options --no-header --no-annotate
# Compiled once: each of hundreds of processes of the tests would do it where none of them may write what it compiled.
PACKAGES := api asgi benchmarks grouping media models search services tasks tests watch web workers
FOLDER ?=
SEEDS ?=
FAULT ?=
WORKERS ?= auto
ARGS ?=

.PHONY: help run check test reference client docs properties ascmhl faults bench lock audit sbom clean

help:
	@echo "Run"
	@echo "  make run                      watch a small production of real media that is written for you"
	@echo "  make run FOLDER=/some/where   watch your own folder"
	@echo "Change"
	@echo "  make check                    style, types, words and house rules, in a minute; before every commit"
	@echo "  make test [ARGS=-x]           check and test everything, as CI does"
	@echo "  make reference                write the pages of commands, metrics and operations"
	@echo "  make client                   generate a typed Python client of the API, into build/client"
	@echo "  make docs                     build the documentation as a site, into build/site"
	@echo "Test for longer"
	@echo "  make properties               draw ten times as many examples of what always holds"
	@echo "  make ascmhl                   exchange media hash lists with the reference program, which it installs"
	@echo "  make faults                   hurt every part in the middle of its work, for five hours; it resumes"
	@echo "  make faults SEEDS=1-3 FAULT='kill api'   hurt it in one way only"
	@echo "  make bench                    measure every performance promise"
	@echo "Release"
	@echo "  make lock                     pin what pyproject.toml asks for, at its newest, with hashes"
	@echo "  make audit                    look the pinned packages up among known vulnerabilities"
	@echo "  make sbom                     write the bill of materials of an installation, into build/sbom.json"
	@echo "  make clean                    remove what make made, but no data"

run: $(VENV)/.run
ifeq ($(FOLDER),)
	$(BIN)/tapeless demo demo-media
	exec $(BIN)/tapeless up demo-media
else
	exec $(BIN)/tapeless up "$(FOLDER)"
endif

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 0 tests/test_house.py tests/test_words.py

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m compileall -q $(PACKAGES)
	$(BIN)/python -m pytest -n $(WORKERS) --durations=20 $(ARGS)

faults: $(VENV)/.test
ifeq ($(SEEDS)$(FAULT),)
	$(BIN)/python -m pytest -n 0 -m faults tests $(ARGS)
endif
	$(BIN)/python -m tests.faults.mix --seeds "$(SEEDS)" --fault "$(FAULT)"

# The reference wants an older Click than ours.
build/ascmhl/bin/ascmhl:
	$(PYTHON) -m venv build/ascmhl
	build/ascmhl/bin/python -m pip install --quiet --disable-pip-version-check ascmhl==1.2

ascmhl: $(VENV)/.test build/ascmhl/bin/ascmhl
	$(BIN)/python -m tests.ascmhl.exchange --reference build/ascmhl/bin/ascmhl $(ARGS)

properties: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS) --hypothesis-profile=long tests/properties $(ARGS)

bench: $(VENV)/.test
	set -e; for program in benchmarks/[a-z]*.py; do \
	  name=$$(basename "$$program" .py); echo "== $$name"; $(BIN)/python -m "benchmarks.$$name"; \
	done

reference: $(VENV)/.test
	$(BIN)/python -m tests.docs.reference

client: $(VENV)/.test
	$(BIN)/python -m tests.api.typed_client build/client

docs: $(VENV)/.test
	$(BIN)/python -m mkdocs build --strict

# The stamp is written last, so that an incomplete environment is created again.
$(VENV)/.run: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tapeless needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.test: $(VENV)/.run requirements-test.lock
	$(PIP) --require-hashes --requirement requirements-test.lock
	touch $@

# In a separate environment, so that unrelated packages in .venv are not pinned.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra test --extra traces --extra film --output-file requirements-test.lock pyproject.toml
	rm -rf build/lock

audit:
	rm -rf build/audit && $(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	build/audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock
	build/audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements-test.lock

# Of an environment with the pinned packages alone, as in the image.
sbom:
	rm -rf build/sbom && $(PYTHON) -m venv build/sbom && $(PYTHON) -m venv build/sbom-tool
	build/sbom/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	build/sbom-tool/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom
	build/sbom-tool/bin/cyclonedx-py environment --pyproject pyproject.toml --output-file build/sbom.json build/sbom
	rm -rf build/sbom build/sbom-tool

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
