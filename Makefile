# Everything runs from .venv, created when first needed and reused.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
DATA ?=
OUT ?= outputs/demo
# DETECTOR and GPU, 0 or 1 each. Defaults to the last choice, stored in the name of .venv/.ready-DETECTOR-GPU; without one,
# DETECTOR is 1, and GPU is 1 where the NVIDIA driver lists a GPU.
LAST := $(subst -, ,$(notdir $(firstword $(wildcard .venv/.ready-*))))
DETECTOR ?= $(or $(word 2,$(LAST)),1)
ifndef GPU
GPU := $(or $(word 3,$(LAST)),$(if $(shell nvidia-smi -L 2>/dev/null | grep '^GPU '),1,0))
endif
$(foreach name,DETECTOR GPU,$(if $(filter 0 1,$($(name))),,$(error $(name)=$($(name)): give 0 or 1)))

.PHONY: env packages demo test test-fast check docs bench ui

env: .venv/.ready-$(DETECTOR)-$(GPU)

FAISS := faiss-$(if $(filter 1,$(GPU)),gpu,cpu)
UV := uv pip install --quiet --python $(BIN)/python
PIP := pip install --quiet --disable-pip-version-check
UNINSTALL := $(BIN)/python -m pip uninstall -qq --yes
PACKAGES = $(MAKE) --no-print-directory packages DETECTOR=$(DETECTOR) GPU=$(GPU)
# whether uv reaches a CPU build of the pinned torch, which it looks for in a place of its own; answers within 8 seconds
CPU_TORCH = printf 'torch\ntorchvision\n' | UV_HTTP_RETRIES=0 $(BIN)/python -c \
	'import subprocess, sys; subprocess.run(sys.argv[1:], check=True, timeout=8)' \
	$(BIN)/python -m uv pip compile --python $(BIN)/python --torch-backend cpu --no-deps -c constraints.txt - >/dev/null 2>&1

# uv installs several times faster than pip. Where it cannot be installed or fails, pip does the same work.
.venv/.ready-$(DETECTOR)-$(GPU): pyproject.toml constraints.txt src/imgfp_detector/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "imgfp needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || { echo "creating .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@echo "installing imgfp into .venv (DETECTOR=$(DETECTOR) GPU=$(GPU)): about $(if $(filter 1,$(GPU)),8.5,7) GB, 2 to 15 minutes where nothing is cached"
	@if $(BIN)/python -m $(PIP) -c constraints.txt uv 2>/dev/null && $(BIN)/python -m uv --version >/dev/null 2>&1; then \
		if test $(GPU) = 0; then \
			if $(CPU_TORCH); then $(PACKAGES) INSTALL='$(UV) --torch-backend cpu' && exit; \
			else echo "the CPU build of torch is unreachable, using the ordinary build (4 GB more)"; fi; \
		fi; \
		$(PACKAGES) INSTALL='$(UV)' && exit; \
		echo "uv failed, using pip"; \
	else echo "uv unavailable, using pip"; fi; \
	$(PACKAGES) INSTALL='$(PIP)'
	@rm -f .venv/.ready-*
	@touch $@
	@$(BIN)/python -c 'from importlib.metadata import version as v; print("installed: torch", v("torch"), "(CPU build)," if "+cpu" in v("torch") else "(ordinary build),", "$(FAISS)", v("$(FAISS)"))'

# Changing GPU replaces torch and faiss, and removes the CUDA libraries that only the old ones needed. faiss-gpu owns
# the same folder as faiss-cpu, so it is installed after that has been removed. The detector (AGPL) requires opencv-python,
# which would overwrite the headless contrib build: it is installed without its requirements, and those are named here, but for
# opencv-python and two packages for its maker's web site and for reading a GPU's load, which nothing here uses.
packages:
	@$(if $(filter $(GPU),$(word 3,$(LAST))),,old=$$($(BIN)/python -m pip freeze --disable-pip-version-check | \
		sed -nE 's/^(torch|torchvision|triton|faiss-[a-z]+|nvidia-[a-z0-9-]+|cuda-[a-z]+)==.*/\1/p'); test -z "$$old" || $(UNINSTALL) $$old)
	@$(BIN)/python -m $(INSTALL) -c constraints.txt -e '.[dev]' $(if $(filter 1,$(DETECTOR)),onnx onnxruntime polars psutil pyyaml requests)
	@$(if $(filter 1,$(GPU)),$(UNINSTALL) faiss-cpu faiss-gpu && $(BIN)/python -m $(INSTALL) -c constraints.txt $(FAISS))
	@$(if $(filter 1,$(DETECTOR)),$(BIN)/python -m $(INSTALL) -c constraints.txt --no-deps ultralytics ultralytics-thop -e src/imgfp_detector,$(UNINSTALL) ultralytics ultralytics-thop imgfp-detector)

demo: env
	$(BIN)/imgfp demo --out '$(OUT)' $(if $(DATA),--data '$(DATA)')

test: env
	$(BIN)/python -m pytest -n 2 --dist worksteal

# without the tests marked slow: those that start processes, train, or search from end to end
test-fast: env
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow'

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# the documentation into site/; its packages (extra docs) alone are installed, so that everything else stays as it is
DOCS := -c constraints.txt mkdocs-material 'mkdocstrings[python]'
docs: .venv/.docs
	$(BIN)/mkdocs build

.venv/.docs: pyproject.toml constraints.txt | env
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python $(DOCS) 2>/dev/null || \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(DOCS)
	@touch $@

bench: env
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

ui: env
	$(BIN)/python -m imgfp.tracking.ui mlruns
