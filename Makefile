# The developer's front page: `make help`. Continuous integration calls the same targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# ONNX Runtime's wheel reports home unless told not to (docs/explanation/decisions/0014-onnx-runtime-telemetry-is-off.md).
export ORT_DISABLE_TELEMETRY := 1

PYTHON ?= python3
ARGS ?=
# Of `make test`: test files run at a time, each process with servers of its own; 0 shows tests as they run.
WORKERS ?= 2
BASE := .venv-base
DEV := .venv-dev
PACKAGES := schemas scoring streams training
SOURCES := asllr.py $(shell find $(PACKAGES) -type f -not -path '*/__pycache__/*')

.PHONY: help demo test check format docs picture chaos bench bench-replay bench-try bench-talk bench-engine gpu-check nightly fuzz demo-model demo-software-model evaluate tables lock clean

help:  ## this page
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BASE)/.installed  ## a sales queue re-ranking live; needs only Python (ARGS="--for 30s --json")
	@$(BASE)/bin/asllr demo $(ARGS)

test: $(DEV)/.installed  ## the whole suite, Apache Kafka included where Java and Maven are (ARGS="-k store")
	$(DEV)/bin/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEV)/.installed  ## formatting, lint, types, import rule, generated documents, links
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	$(DEV)/bin/python -m schemas.generate --check
	$(DEV)/bin/python docs/generate.py --check
	$(DEV)/bin/python docs/check_links.py

format: $(DEV)/.installed  ## rewrite the code as ruff wants it
	$(DEV)/bin/ruff format .
	$(DEV)/bin/ruff check --fix .

docs: $(DEV)/.installed  ## regenerate schemas and reference, then the site in build/site, without network
	$(DEV)/bin/python -m schemas.generate
	$(DEV)/bin/python docs/generate.py
	$(DEV)/bin/python docs/build_site.py

picture: $(DEV)/.installed  ## run the demo for 40 s and draw docs/pictures/queue.svg from what it shows
	$(DEV)/bin/python docs/picture.py $(ARGS)

chaos: $(DEV)/.installed  ## faults on Apache Kafka and Redis, then the oracle (ARGS="--faults 1000 --seed 7 --json")
	@$(DEV)/bin/python -m tests.chaos $(ARGS)

bench: $(DEV)/.installed  ## speed and memory beside the naive way (ARGS="--quick --json")
	@$(DEV)/bin/python -m tests.bench $(ARGS)

bench-replay: $(DEV)/.installed  ## a live run with kills, replayed and verified; speed of the fold (ARGS="--quick --json")
	@$(DEV)/bin/python -m tests.bench.replay $(ARGS)

bench-try: $(DEV)/.installed  ## what asllr try learns from exports with a planted effect, and how long it takes (ARGS="--quick --json")
	@$(DEV)/bin/python -m tests.bench.tries $(ARGS)

bench-talk: $(DEV)/.installed  ## what keeping whole talk costs, on real dialogues (ASLLR_DATA=..., ARGS="--json")
	@$(DEV)/bin/python -m tests.bench.talk $(ARGS)

bench-engine: $(DEV)/.installed  ## language models on this CPU beside the naive way (ASLLR_BASE=..., ARGS="--quick --json")
	@$(DEV)/bin/python -m tests.bench.engine $(ARGS)

bench-stream: $(DEV)/.installed  ## a language model as the stream's bottleneck (ARGS="--artifact DIR --minutes 10 --json")
	@$(DEV)/bin/python -m tests.bench.stream $(ARGS)

gpu-check: $(DEV)/.installed  ## a base fitted and served on this machine's GPU, in eight minutes (ARGS="--base DIR --json")
	@$(DEV)/bin/python -m tests.bench.gpu $(ARGS)

nightly: $(DEV)/.installed  ## what is too large for every run: a killed broker of three, 20,000 hostile records
	$(DEV)/bin/pytest tests/nightly/*.py $(ARGS)

fuzz: $(DEV)/.installed  ## the codec, the fold and the readers of transcripts against any bytes (ARGS="--runs 1000000")
	@$(DEV)/bin/python -m tests.fuzz $(ARGS)

demo-model: $(DEV)/.installed  ## train the demo artifact again (38 minutes on 2 cores of a server)
	$(DEV)/bin/python -m training.demo.build --out scoring/artifacts/demo $(ARGS)

SOFTWARE := build/demo-software
demo-software-model: $(DEV)/.installed  ## train what `make demo ARGS="--domain software"` serves again (2 minutes)
	rm -rf $(SOFTWARE)
	mkdir -p $(SOFTWARE)
	$(DEV)/bin/asllr simulate --domain software --leads 12000 --seed 41 --out $(SOFTWARE)/leads.jsonl.gz
	$(DEV)/bin/asllr dataset $(SOFTWARE)/leads.jsonl.gz --domain software --as-of after-call --known-at occurred \
	  --embargo-days 10 --seed 41 --out $(SOFTWARE)/data
	$(DEV)/bin/asllr baseline tree_fields $(SOFTWARE)/data --domain software --trials 6 --min-positives 50 \
	  --out scoring/artifacts/demo-software

evaluate: $(DEV)/.installed  ## an artifact beside tuned trees and the truth (ARGS="--artifact demo --simulate 20000 --seed 77 --json")
	@$(DEV)/bin/python -m training.studies.evaluate $(ARGS)

tables: $(DEV)/.installed  ## every model over seeds and data sets, hours, resumable (ARGS="--seeds 3 --dataset DIR")
	@$(DEV)/bin/python -m training.studies.tables $(ARGS)

lock: $(DEV)/.installed  ## recompile requirements-dev.lock after a change of dependencies
	$(DEV)/bin/uv pip compile pyproject.toml --quiet --extra dev --extra train --extra gpu --universal --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --no-header --output-file requirements-dev.lock

clean:  ## remove the environments, caches and builds made here
	rm -rf $(BASE) $(DEV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(PACKAGES) tests docs -type d -name __pycache__ -prune -exec rm -rf {} +

# The base environment is what a user installs: the wheel, no extras. The lock only holds versions.
$(BASE)/.installed: pyproject.toml requirements-dev.lock README.md LICENSE $(SOURCES)
	@echo "installing asllr into $(BASE) (once per change)"
	@test -x $(BASE)/bin/pip || $(PYTHON) -m venv $(BASE)
	@$(BASE)/bin/pip install --quiet --disable-pip-version-check --constraint requirements-dev.lock .
	@touch $@

$(DEV)/.installed: pyproject.toml requirements-dev.lock
	@echo "installing the development environment into $(DEV) (torch is large: minutes the first time)"
	@test -x $(DEV)/bin/pip || $(PYTHON) -m venv $(DEV)
	@$(DEV)/bin/pip install --quiet --disable-pip-version-check uv
	@$(DEV)/bin/uv pip install --quiet --python $(DEV)/bin/python --requirement requirements-dev.lock
	@$(DEV)/bin/uv pip install --quiet --python $(DEV)/bin/python --no-deps --editable .
	@touch $@
