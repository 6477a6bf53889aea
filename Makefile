# Everything runs from .venv, which is made on first need and reused.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
DATA ?=
# as it was chosen last; with it where nothing was
DETECTOR ?= $(if $(wildcard .venv/.ready-1),1,$(if $(wildcard .venv/.ready-0),0,1))
$(if $(filter 0 1,$(DETECTOR)),,$(error DETECTOR=$(DETECTOR): give 0 or 1))
OUT ?= outputs/demo

.PHONY: env packages demo test test-fast check bench ui

env: .venv/.ready-$(DETECTOR)

# uv installs several times faster than pip; where it cannot be had or cannot reach the packages, pip does the same work.
# The detector (AGPL) comes with it, DETECTOR=0 leaves it out. It asks for opencv-python, which would overwrite the headless
# contrib build: so it is installed without what it asks for, and that is named here, but for opencv-python, and two packages
# for its maker's web site and for reading a GPU's load, which nothing here uses.
.venv/.ready-$(DETECTOR): pyproject.toml constraints.txt src/imgfp_detector/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "imgfp needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || { echo "making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@echo "installing imgfp and what it needs into .venv (about 9 GB with torch's GPU libraries; minutes on first use)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv 2>/dev/null || echo "uv is not to be had: using pip"
	@if $(BIN)/python -m uv --version >/dev/null 2>&1 && $(MAKE) --no-print-directory packages INSTALL='uv pip install --python $(BIN)/python'; \
	then echo "installed by uv"; \
	else echo "installing by pip"; $(MAKE) --no-print-directory packages INSTALL='pip install --disable-pip-version-check'; fi
	@rm -f .venv/.ready-*
	@touch $@

packages:
	@$(BIN)/python -m $(INSTALL) -c constraints.txt -e '.[dev]' $(if $(filter 1,$(DETECTOR)),onnx onnxruntime polars psutil pyyaml requests)
	@$(if $(filter 1,$(DETECTOR)),$(BIN)/python -m $(INSTALL) -c constraints.txt --no-deps ultralytics ultralytics-thop -e src/imgfp_detector,$(BIN)/python -m pip uninstall --quiet --yes ultralytics ultralytics-thop imgfp-detector)

demo: env
	$(BIN)/imgfp demo --out '$(OUT)' $(if $(DATA),--data '$(DATA)')

test: env
	$(BIN)/python -m pytest -n 2 --dist worksteal

# what no test of takes long: no process started, no training, no search from end to end
test-fast: env
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow'

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: env
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

ui: env
	$(BIN)/python -m imgfp.tracking.ui mlruns
