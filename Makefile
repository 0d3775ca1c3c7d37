# Everything that a person or a machine runs here. `make` alone tells what there is.
PYTHON ?= python3.11
BIN := .venv/bin
SOURCES := services tests loadtest protos

.DEFAULT_GOAL := help
.PHONY: help run test test-torch test-compose faults check format generate freeze lock bench bench-classifier bench-peers clean

help: ## tell what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

.venv/bin/python:
	$(PYTHON) -m venv .venv

# A stamp for each lock that is installed: the small one is enough to run.
.venv/runtime.stamp: requirements/runtime.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/runtime.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements/dev.lock .venv/runtime.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

run: .venv/runtime.stamp ## install what is needed, build the classifier's graph, start everything in one process
	$(BIN)/pointsman up

check: .venv/dev.stamp ## style, types, import contracts, sizes, generated code
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/architecture tests/protos

# One thread of linear algebra each: three processes that take every core for it would wait for each other.
test: check ## check, then every test that needs no more than this machine; three at a time, because most of them wait for timers
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile

# In a folder of its own, so that nothing else is ever run with torch in reach. Torch itself stands in no lock: it names its own
# libraries to the version, and which wheel of it is right depends on the machine.
TORCH_BIN := .venv-torch/bin
TORCH := torch==2.13.0

.venv-torch/torch.stamp: requirements/gpu.lock requirements/dev.lock requirements/runtime.lock pyproject.toml
	$(PYTHON) -m venv .venv-torch
	for lock in runtime dev gpu; do $(TORCH_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/$$lock.lock || exit 1; done
	$(TORCH_BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(TORCH_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test-torch: .venv-torch/torch.stamp ## the tests of what runs by torch, on the GPU where there is one
	$(TORCH_BIN)/pytest -m torch tests/torch

test-compose: .venv/dev.stamp ## build the images, run them with compose, three classifiers among them, and try everything
	$(BIN)/pytest -m compose -s tests/compose

faults: .venv/dev.stamp ## kill, freeze, add and restart classifiers under load; some minutes, alone on the machine, please
	$(BIN)/pytest -m "faults or not faults" -s tests/faults tests/e2e/test_workers.py

format: .venv/dev.stamp ## format the sources
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

generate: .venv/dev.stamp ## regenerate services/pointsman/api from protos/
	protos/generate.sh services

freeze: .venv/dev.stamp ## add what is new in protos/ to the baseline that breaking changes are checked against
	$(BIN)/python protos/freeze.py

LOCK = $(BIN)/uv pip compile pyproject.toml --generate-hashes --override requirements/overrides.txt \
  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --python-version 3.11 -q
IMAGES := gateway classifier registry executor ledger dashboard

lock: .venv/dev.stamp ## resolve pyproject.toml anew into the hashed locks: to run, to develop, and one for each image
	$(LOCK) --upgrade --extra all -o requirements/runtime.lock
	$(LOCK) --upgrade --extra dev -c requirements/runtime.lock -o requirements/dev.lock
	for service in $(IMAGES); do $(LOCK) --extra build --extra $$service -c requirements/runtime.lock -o requirements/$$service.lock; done
	$(LOCK:overrides.txt=gpu-overrides.txt) --extra build --extra gpu --no-emit-package torch -c requirements/runtime.lock -c requirements/dev.lock -o requirements/gpu.lock
	$(BIN)/uv pip compile requirements/peers.in --generate-hashes --override requirements/gpu-overrides.txt --no-emit-package torch \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --python-version 3.11 -q --upgrade -o requirements/peers.lock

bench: .venv/dev.stamp ## measure latency, throughput and memory; alone on the machine, please
	$(BIN)/python -m loadtest.bench

bench-classifier: .venv/dev.stamp ## measure one classifier on one core: latency, throughput, memory, start
	$(BIN)/python -m loadtest.classifier

# What the classifier is compared with, in a folder of its own: never in reach of the product.
PEERS_BIN := .venv-peers/bin

.venv-peers/peers.stamp: requirements/peers.lock
	$(PYTHON) -m venv .venv-peers
	$(PEERS_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/peers.lock
	$(PEERS_BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@touch $@

bench-peers: .venv/dev.stamp .venv-peers/peers.stamp ## measure the classifier beside others that read prompts by the same model
	$(BIN)/python -m loadtest.peers

clean: ## remove what was installed, built and stored
	rm -rf .venv .venv-torch .venv-peers var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
