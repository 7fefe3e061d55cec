# `make demo` and `make test` need Python 3.11 to 3.13 and make, nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SAMPLE := $(CURDIR)/$(VENV)/demo-library
READY  := $(VENV)/.ready

.PHONY: demo app test check gate bench docs constraints clean
.DELETE_ON_ERROR:

demo: $(READY)  ## a fresh library from the sample, and two searches
	@rm -rf $(SAMPLE)
	$(BIN)/kb --library $(SAMPLE) ingest --sample
	$(BIN)/kb --library $(SAMPLE) search -k 3 "would movie reviews help with customer e-mails?"
	$(BIN)/kb --library $(SAMPLE) search -k 3 --kind paper "how many labels are enough"
	@echo "Open the page on this library: make app"

app: $(READY)  ## the page, on the demo's library
	$(BIN)/kb --library $(SAMPLE) app

test: $(READY)  ## all tests; browser tests where Chromium is installed
	$(BIN)/python -m pytest

check: $(READY)  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

gate: $(READY)  ## search quality against its floors
	$(BIN)/python -m benchmarks.gate

docs: $(READY)  ## write docs/commands.md anew from --help
	$(BIN)/python docs/write_commands.py

# pip before 26 crashes on some requirements of ours, so it is upgraded first.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "kb needs Python 3.11 to 3.13: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=26"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $(READY)

constraints:  ## write constraints.txt anew from the environment as it is
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf $(VENV) $(SAMPLE) .pytest_cache .mypy_cache .ruff_cache .hypothesis
