# What an admin and a developer type. Everything that is missing is fetched once per user, without root.
# The distribution's Python where that is new enough, as the images have it: pyenv's is built without optimisation.
DISTRIBUTION := /usr/bin/python3
NEW := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell $(DISTRIBUTION) -c '$(NEW)' 2>/dev/null && echo $(DISTRIBUTION) || echo python3)
VENV := .venv
BIN := $(VENV)/bin
# Most wait for calls more than they compute: two of these take what computes, and give way to the others (side_by_side).
WORKERS ?= 9
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
# What Python has compiled is kept, wherever that is not wanted beside the sources: each process would do it again.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/durchwahl/tests-bytecode
# Made where something failed beside others.
BESIDE := .pytest_cache/failed-beside
# Of what is marked `long`: all, or a fifth.
PART := $(if $(FIFTH),--fifth $(FIFTH))
# $(call again,MARKS): what failed.
again = $(PYTEST) -v --last-failed --last-failed-no-failures none -m "$(1)"
STACK := $(PYTEST) -m stack -v -o cache_dir=.pytest_cache/stack

.PHONY: help setup programs demo test check side alone long audit stack bench-call bench-journal bench-rollout chaos clean

help:
	@echo "make setup    the virtual environment and the programs; then: . .venv/bin/activate"
	@echo "make demo     the example town on a real Asterisk; ONCE=1 ends after the calls"
	@echo "make test     checks and tests; WORKERS=n processes side by side (9)"
	@echo "make long     tests that take long, or the machine: killed at every line, installed, without attendants, a thousand calls;"
	@echo "              FIFTH=n, one of 1 to 5: a fifth of those marked long, as .ci/run has it"
	@echo "make stack    tests the container stack on a Docker engine: the one that answers, else Debian's, as root;"
	@echo "              make -j2 test stack long does all of it at once"
	@echo "make check    ruff, mypy, import-linter"
	@echo "make audit    known faults of the locked Python packages: for every night; 2: the registry could not be asked"
	@echo "make bench-call      what a call costs, beside a dialplan by hand, half an hour; DOCS=1 writes docs"
	@echo "make bench-journal   what the journal costs with 10,000 to 1,000,000 calls in it, minutes; SIZES=…; DOCS=1 writes docs"
	@echo "make bench-rollout   what a rollout costs at 300 to 30,000 people (hours on a busy machine); DOCS=1 writes docs"
	@echo "make chaos    10,000 calls by SIP while everything is killed, half an hour; CALLS=n, SEED=n; writes docs/reliability.md"
	@echo "make clean    removes the virtual environment, nothing else"

# The programs need no package of Python's: both are fetched at once.
setup:
	@$(MAKE) -s programs & $(MAKE) -s $(STAMP); code=$$?; wait $$! && exit $$code

programs:
	@PYTHONPATH=. $(PYTHON) -m orchestrator.asterisk.package >/dev/null

$(STAMP): requirements/dev.txt pyproject.toml scripts/venv
	@scripts/venv $(PYTHON) $(VENV)
	@touch $@

demo: setup
	@$(BIN)/python -m orchestrator.service.demo $(if $(ONCE),--once)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: setup
	$(BIN)/python scripts/audit.py

test: side alone

# Beside `long`, its tests are shared out with the others: together they leave no core idle.
SIDE := not crowded and not stack$(if $(filter long,$(MAKECMDGOALS)),, and not long)

# What is known of the packages is told only: an advisory of this morning is no fault of a change. Collecting compiles the
# tests once, and not in each process.
side: setup
	@mkdir -p $(dir $(BESIDE)) && rm -f $(BESIDE)
	@{ $(PYTEST) --collect-only -qq $(PART) -m "$(SIDE)" >/dev/null; $(BIN)/python scripts/audit.py; } & \
		$(MAKE) --no-print-directory check; code=$$?; wait; exit $$code
	$(PYTEST) -n $(WORKERS) $(PART) -m "$(SIDE)" || { [ $$? -eq 1 ] && touch $(BESIDE); }

# Beside others a test may be late, or lose sound on two cores: what failed there is judged once more, by three, when all
# others have ended, the container stack included, where that is asked for too; and what failed then, alone.
alone: side $(filter stack,$(MAKECMDGOALS))
	@[ ! -e $(BESIDE) ] || { echo "what failed beside others, once more:"; $(call again,$(SIDE)) -n 3; } \
		|| { [ $$? -eq 1 ] && echo "what failed still, alone:" && $(call again,$(SIDE)); }

# What is marked `long`, and what needs the machine: by two, for most of them wait.
long: $(if $(filter test,$(MAKECMDGOALS)),alone,setup $(filter stack,$(MAKECMDGOALS)))
	$(if $(filter test,$(MAKECMDGOALS)),,$(call judged,$(WORKERS),long and not crowded))
	$(call judged,2,crowded)

# $(call judged,PROCESSES,MARKS): what fails beside others is judged alone.
judged = $(PYTEST) -n $(1) $(PART) -m "$(2)" || { [ $$? -eq 1 ] && echo "what failed beside others, alone:" && $(call again,$(2)); }

# Images, Compose and calls on a real Docker engine: the one that answers, else Debian's, which only root may start.
stack: setup
	$(STACK) || { [ $$? -eq 1 ] && echo "what failed, once more on a new stack:" && $(STACK) --last-failed --last-failed-no-failures none; }

bench-rollout: setup
	$(BIN)/python -m benchmarks.rollout $(if $(DOCS),--docs) $(if $(SIZES),--sizes $(SIZES))

bench-call: setup
	$(BIN)/python -m benchmarks.call $(if $(DOCS),--docs) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-journal: setup
	$(BIN)/python -m benchmarks.growth $(if $(DOCS),--docs) $(if $(SIZES),--sizes $(SIZES))

chaos: setup
	$(BIN)/python -m tests.chaos --docs $(if $(CALLS),--calls $(CALLS)) $(if $(SEED),--seed $(SEED))

clean:
	rm -rf $(VENV)
