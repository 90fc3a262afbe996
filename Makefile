# Each of these makes the environment it needs; a second call reuses it.
#   make demo     small grid on synthetic phantoms: table, what it shows in words, curves, report
#   make study    the eight runs of study.yaml and their report   SET="data.source=..." LABEL=pooled
#                 runs of another file: STUDY=recipe.yaml, or some of them: ONLY="recipe recipe-no-flip"
#                 UNCOMMITTED=1: with the work tree's changes; JOBS=2: two runs at a time
#                 WORKERS=2 or SCHEDULER=tcp://HOST:PORT: on a Dask cluster (docs/cluster.md)
#   make table    the finished runs in 100 columns: intervals, what needs no lungs   RUNS="..." or all
#   make compare  which differences are real   RUNS="layers-1 layers-2" or all
#                 STUDY=recipe.yaml: with the margin of that file, not of study.yaml
#   make report   tables, figures and verdicts on one page   RUNS="..." or all; OUT=report
#                 STUDY=study.yaml: its runs; KEPT=folder: kept runs, not experiments
#   make bench    speed and memory beside other ways   IMAGES=folder of original JPEGs ONLY=training
#   make torture  faults by the thousand, for docs/reliability.md   ONLY=image-bomb CASE=7 SHARE=0.1
#   make test     everything; ARGS="-k resumed" narrows it, ARGS="-n 0" runs one test at a time
#   make test-fast  without what runs DVC, trains or opens a browser
#   make lowest   the quick tests with the lowest versions that pyproject.toml allows
#   make lint, make format  ruff and mypy; put right what ruff can
#   make templates  the templates of `dvc plots`, from the report's charts
#   make s3, make dask  install what DVC needs for a bucket of S3, a study for a Dask cluster
#   make lock     new exact versions into locks/, from pyproject.toml
# The environment: EXTRA=cpu (default) or EXTRA=cuda; PYTHON=python3.12 chooses the interpreter.

EXTRA ?= cpu
JOBS ?= 1
SET ?=
LABEL ?=
OUT ?= report
WHERE = $(if $(SCHEDULER),--scheduler $(SCHEDULER),$(if $(WORKERS),--workers $(WORKERS),--jobs $(JOBS)))
VENV := .venv
BIN := $(VENV)/bin
IS_SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c "$(IS_SUPPORTED)" 2>/dev/null && echo $$p && break; done)
RUNTIME := $(VENV)/.ready-$(EXTRA)
DEV := $(VENV)/.ready-$(EXTRA)-dev
BENCH := $(VENV)/.ready-bench
LOWEST := $(VENV)-lowest
# Half of what a test takes is waiting: four workers keep two cores at work; more wait for each other, and load
# TensorFlow once more each. A file's tests share what takes long to make, so one worker runs them all.
PARALLEL := -n 4 --dist loadfile --no-loadscope-reorder

export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help demo study named mended table compare report bench templates torture test test-fast lowest lint format lock s3 dask

# Without a target: what stands above.
help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

# Said before anything is installed: DVC commits every experiment.
named:
	@git -c user.useConfigOnly=true var GIT_COMMITTER_IDENT > /dev/null 2>&1 || { \
		echo "error: Git does not know as whom to commit experiments; tell it first:" \
			"git config --global user.name \"Your Name\"; git config --global user.email you@example.org" >&2; \
		exit 1; }

# What a killed DVC has left half-written would stop each of these.
mended: $(RUNTIME)
	@python -m study.mend

demo: named mended
	@python -m study.run demo.yaml --jobs 2 --in-words --plots dvc_plots --report $(OUT)

study: named mended
	@python -m study.run $(or $(STUDY),study.yaml) $(WHERE) $(if $(ONLY),--only $(ONLY)) --label "$(LABEL)" \
		$(if $(UNCOMMITTED),--uncommitted) \
		--plots dvc_plots --report $(OUT) --set $(SET)

table: mended
	@python -m study.table $(RUNS)

compare: mended
	@python -m study.compare $(RUNS) $(if $(STUDY),--study $(STUDY))

report: mended
	@python -m study.report $(RUNS) $(if $(STUDY),--study $(STUDY)) $(if $(KEPT),--kept $(KEPT)) --out $(OUT)

bench: $(BENCH)
	@python -m bench $(if $(IMAGES),--images $(IMAGES)) $(if $(ONLY),--only $(ONLY))

templates: $(RUNTIME)
	@python -m study.templates

test: $(DEV)
	@python -m pytest $(PARALLEL) $(ARGS)

test-fast: $(DEV)
	@python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

# What was solved for the newest versions alone would be a guess: here is the other end.
lowest: $(DEV)
	@uv venv --quiet --allow-existing --python $(BIN)/python $(LOWEST)
	@uv pip compile pyproject.toml --quiet --resolution lowest-direct --extra $(EXTRA) --extra dev \
		--python $(LOWEST)/bin/python --output-file $(LOWEST)/versions.txt
	@uv pip install --quiet --python $(LOWEST)/bin/python -r $(LOWEST)/versions.txt
	@PATH="$(abspath $(LOWEST))/bin:$$PATH" python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

torture: $(DEV)
	@python -m tests.torture $(if $(ONLY),--only $(ONLY)) $(if $(CASE),--case $(CASE)) $(if $(SHARE),--share $(SHARE))

lint: $(DEV)
	@ruff check .
	@ruff format --check .
	@mypy

format: $(DEV)
	@ruff check --fix .
	@ruff format .

# Exact versions for every supported Python with their hashes, without the address of any registry.
LOCK := uv pip compile pyproject.toml --quiet --generate-hashes --universal --python-version 3.11 --no-annotate --no-header
lock: $(DEV)
	@$(LOCK) --extra cpu --output-file locks/cpu.txt
	@$(LOCK) --extra cpu --extra dev --constraint locks/cpu.txt --output-file locks/cpu-dev.txt
	@$(LOCK) --extra cuda --output-file locks/cuda.txt
	@$(LOCK) --extra cuda --extra dev --constraint locks/cuda.txt --output-file locks/cuda-dev.txt

$(VENV)/bin/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c "$(IS_SUPPORTED)" || { \
		echo "error: Python 3.11, 3.12 or 3.13 is needed; install one or name it: make PYTHON=/path/to/python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): locks/$(EXTRA).txt | $(VENV)/bin/python
	@echo "installing locks/$(EXTRA).txt into $(VENV)"
	@python -m pip install --quiet --disable-pip-version-check -r locks/$(EXTRA).txt
	@python -m study.offline
	@touch $@

$(DEV): locks/$(EXTRA)-dev.txt $(RUNTIME)
	@echo "installing locks/$(EXTRA)-dev.txt into $(VENV)"
	@python -m pip install --quiet --disable-pip-version-check -r locks/$(EXTRA)-dev.txt
	@touch $@

# What few need has no lock of its own: an extra of pyproject.toml, the newest that goes with the locked versions.
READ_EXTRA := import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]], sep="\n")
s3 dask: $(RUNTIME)
	@sed -n 's/^\([a-z].*[^ ]\) *\\$$/\1/p' locks/$(EXTRA).txt > $(VENV)/versions.txt
	@python -c '$(READ_EXTRA)' $@ | python -m pip install --quiet --disable-pip-version-check -c $(VENV)/versions.txt -r /dev/stdin

# What is only measured against has none either: its newest release is what users would take.
$(BENCH): pyproject.toml $(RUNTIME)
	@echo "installing what is measured against into $(VENV)"
	@python -c '$(READ_EXTRA)' bench | python -m pip install --quiet --disable-pip-version-check -r /dev/stdin
	@touch $@
