# wardian's one entrance. `make` lists the tasks.

VENV     := .venv
BIN      := $(VENV)/bin
SOURCES  := $(wildcard launcher/*.c launcher/*.h launcher/*.def) src/wardian/repro/clock.c
LAUNCHER := src/wardian/wardian-launcher
CHECKED  := src tests tools bench examples lab

.DEFAULT_GOAL := help
.PHONY: help run test engines check bench bench-images bench-builds real-sources setup launcher launcher-asan steps fmt hooks clean lab lab-smoke lab-shell lab-image

help: ## list the tasks
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

run: $(VENV)/installed $(LAUNCHER) ## install wardian into .venv and run a real program in a real box
	@tools/show-a-box $(BIN)/wardian

test: $(VENV)/installed $(VENV)/developer $(LAUNCHER) ## every test, as root and as an ordinary user; installs what is missing
	@tools/install-test-packages
	@tools/install-engine-packages
	@tools/install-languages
	$(BIN)/pytest

engines: $(VENV)/installed $(VENV)/developer $(LAUNCHER) ## podman, docker, containerd and buildah with wardian-oci; about two minutes
	@tools/install-test-packages
	@tools/install-engine-packages
	$(BIN)/pytest -m engines

lab: $(VENV)/installed $(VENV)/developer ## tests in a virtual machine with cgroup v2 alone; TEST=path::name, HOSTS=2
	@tools/install-lab-packages
	@$(BIN)/python -m lab run --hosts $(or $(HOSTS),1) -- $(TEST)

lab-smoke: $(VENV)/installed $(VENV)/developer ## a few tests of each area in the virtual machine
	@tools/install-lab-packages
	@$(BIN)/python -m lab run -m lab_smoke

lab-shell: $(VENV)/installed $(VENV)/developer ## a shell in the virtual machine; INIT=systemd for systemd
	@tools/install-lab-packages
	@$(BIN)/python -m lab shell --init $(or $(INIT),direct)

lab-image: $(VENV)/installed ## make the virtual machine's image, where it is not there yet
	@tools/install-lab-packages
	@$(BIN)/python -m lab image

check: $(VENV)/installed $(VENV)/developer $(LAUNCHER) ## format, lint, types, layers, habits and unit tests; under a minute
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q tests/habits tests/unit

real-sources: $(VENV)/installed $(VENV)/developer $(LAUNCHER) ## build real programs in two worlds, by hand and inside wardian; an hour
	@tools/install-test-packages
	@tools/install-packages $$($(BIN)/python -m tests.real_sources --needs)
	nice $(BIN)/python -m tests.real_sources $(ARGS)

bench: $(VENV)/installed $(LAUNCHER) ## measure against the bare system calls and other engines, in one run
	$(BIN)/python bench/run.py $(ARGS)

bench-images: $(VENV)/installed $(VENV)/developer $(LAUNCHER) ## pull an image of 300 MB beside podman, and skopeo with umoci
	@tools/install-test-packages
	$(BIN)/python bench/images.py $(ARGS)

bench-builds: $(VENV)/installed $(VENV)/developer $(LAUNCHER) ## build ten steps beside buildah, cold and cached
	@tools/install-test-packages
	@tools/install-engine-packages
	$(BIN)/python bench/builds.py $(ARGS)

setup: $(VENV)/installed $(VENV)/developer $(LAUNCHER) ## make .venv with everything that a developer needs

launcher: $(LAUNCHER) ## compile the launcher into the source tree

launcher-asan: $(VENV)/python ## compile it with AddressSanitizer and UBSan, to build/wardian-launcher-asan
	$(BIN)/python tools/build_launcher.py build/wardian-launcher-asan --sanitize

steps: $(VENV)/python ## write runtime/steps.py from launcher/steps.def
	$(BIN)/python tools/generate_steps.py

fmt: $(VENV)/developer ## format the Python files, and mend what can be mended
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

hooks: ## run `make check` before every commit
	@printf '#!/bin/sh\nexec make check\n' > "$$(git rev-parse --git-path hooks)/pre-commit"
	@chmod +x "$$(git rev-parse --git-path hooks)/pre-commit"

clean: ## remove what was built, .venv too
	rm -rf $(VENV) build dist src/*.egg-info src/wardian/wardian-launcher src/wardian/wardian-clock.so
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- what the tasks stand on -----------------------------------------------------------------------------------------

# The package is installed in place: a change of a Python file counts at once.
$(VENV)/installed: $(VENV)/python pyproject.toml setup.py bin/wardian
	@tools/pip install --editable .
	@touch $@

$(VENV)/developer: $(VENV)/python pyproject.toml
	@tools/pip install --editable '.[dev]'
	@touch $@ $(VENV)/installed

$(LAUNCHER): $(VENV)/python tools/build_launcher.py $(SOURCES)
	$(BIN)/python tools/build_launcher.py $@

$(VENV)/python:
	@tools/make-venv $(VENV)
	@touch $@
