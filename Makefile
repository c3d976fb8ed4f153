# Every target sets itself up: python3 (3.11 or newer) and make are all that a machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEED ?= 1
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench bench-fairness bench-graphs bench-peers race chaos graphs ticks soak explore crashes zones clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk 'BEGIN {FS = ":.*?## "}; {printf "  make %-14s %s\n", $$1, $$2}'

demo: $(READY) ## Watch a noisy and some quiet users share two workers (about half a minute)
	$(BIN)/fairque demo

test: $(READY) ## Run the tests, on Redis servers of their own
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(READY) ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY) ## Put the code into the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY) ## Measure speed and memory beside the floors of redis-py, and how they grow (eight minutes; QUICK=1)
	$(BIN)/python bench/speed.py $(if $(QUICK),--quick --results bench/results/quick)
	$(if $(QUICK),,$(BIN)/python bench/peers/readme.py)

bench-fairness: $(READY) ## Measure what fairness costs Redis, and what a quiet user feels of a million queued tasks
	$(BIN)/python bench/fairness.py

bench-graphs: $(READY) ## Measure what graphs cost Redis, a fan-out to 10,000 tasks and back, and waiting for results
	$(BIN)/python bench/graphs.py

bench-peers: $(READY) ## Measure speed beside other task queues, and write the README's table (ten minutes)
	$(BIN)/python bench/peers/speed.py
	$(BIN)/python bench/peers/readme.py

race: $(READY) ## Measure fairness beside other task queues (they are installed under bench/.peers)
	$(BIN)/python bench/peers/race.py

chaos: $(READY) ## Kill, stop and cut off workers and Redis under 100,000 tasks, and check that nothing is lost (SEED=7)
	$(BIN)/python -m tests.chaos --seed $(SEED)

graphs: $(READY) ## Run random graphs of tasks while workers are killed (SEED=7)
	$(BIN)/python -m tests.graphs --seed $(SEED)

ticks: $(READY) ## Fire schedules a million times while five schedulers are killed and stopped (SEED=7)
	$(BIN)/python -m tests.ticks --seed $(SEED)

soak: $(READY) ## A thousand users for twenty minutes, the doctor looking on; in the end nothing may be left
	$(BIN)/python -m tests.chaos.soak

explore: $(READY) ## Go through all states that few steps lead to, on the real scripts (a minute or two)
	$(BIN)/python -m tests.explore states

crashes: $(READY) ## Let clients die at each moment of each call, and see that others carry on
	$(BIN)/python -m tests.explore crashes

zones: $(READY) ## Compare cron with a minute-by-minute scan around each change of each time zone's clocks (some minutes)
	$(BIN)/python -m tests.zones

clean: ## Remove the virtual environment and all caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fairque needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[embedded,dev]' -c constraints.txt
	@touch $(READY)
