# make demo    clicks on the sample CT become a mask: prints Dice and milliseconds, writes demo/
# make test    lint, format, types, tests (pytest's summary comes last)
# make lint    ruff, ruff format, mypy
# make clean   remove caches and what the commands wrote; `make distclean` removes .venv as well
#
# Each makes its own .venv on first use and needs nothing but Python 3.10 or later and pip.
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PACKAGING := pyproject.toml setup.py constraints.txt LightSegLib/__init__.py
CPU_WHEELS := https://download.pytorch.org/whl/cpu
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit libraries clean distclean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed '/^$$/q'

demo: $(STAMPS)/run
	@$(BIN)/lightseg demo

# Every check runs even when one before it fails, so that one run tells all; the exit status counts them all.
test: $(STAMPS)/dev libraries
	@status=0; \
	$(MAKE) --no-print-directory lint || { status=1; echo "Lint or types failed (see above). The tests run all the same."; }; \
	$(BIN)/python -m pytest $(PYTEST_ARGS) || status=1; \
	exit $$status

lint: $(STAMPS)/dev
	@status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/mypy || status=1; \
	exit $$status

unit: $(STAMPS)/dev libraries
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

# --- Environment ------------------------------------------------------------------------------------------

# Debian and Ubuntu split ensurepip into python3-venv. Where it is missing, pip installs itself into the new
# environment, which needs no administrator.
$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10))" || { \
	  echo "LightSeg needs Python 3.10 or later; '$(PYTHON)' is older or missing. Try: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@if $(PYTHON) -c "import ensurepip" 2>/dev/null; then $(PYTHON) -m venv $(VENV); \
	else $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; fi || { \
	  rm -rf $(VENV); \
	  echo "No virtual environment could be made. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }

# torch first and on its own: on Linux its default build brings gigabytes of CUDA that LightSeg does not need,
# so the CPU build is preferred wherever its index can be reached.
$(STAMPS)/torch: constraints.txt | $(BIN)/python
	@mkdir -p $(STAMPS)
	@echo "Installing torch (once; it is large)"
	@extra=; \
	if [ "$$(uname -s)" = Linux ] && $(BIN)/python -c "import urllib.request as u; u.urlopen('$(CPU_WHEELS)/torch/', timeout=8)" 2>/dev/null; \
	then extra="--extra-index-url $(CPU_WHEELS)"; fi; \
	$(PIP) $$extra "$$(sed -n 's/^torch==/&/p' constraints.txt)"
	@touch $@

$(STAMPS)/run: $(PACKAGING) $(STAMPS)/torch
	@echo "Installing LightSeg"
	@$(PIP) -e .
	@touch $@

$(STAMPS)/dev: $(PACKAGING) $(STAMPS)/torch
	@echo "Installing LightSeg with its development tools"
	@$(PIP) -e ".[dev]"
	@touch $@ $(STAMPS)/run

# What Qt needs from the system to draw without a display: installed where that needs no password, else reported.
libraries: $(STAMPS)/dev
	@.ci/libraries $(BIN)/python

clean:
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -not -path "./$(VENV)/*" -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
