# One entry for people and CI alike. `make` prints this help.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SITE := .cache/mkdocs
UV_VERSION := 0.13.8
FUNCTIONS := api extract ingest load sweep
STATE ?= .sluice/demo
WORKERS ?= 3
# Many images tell Python not to keep what it has compiled. Here hundreds of short processes import
# the same clients, and would each compile them anew: two thirds of their start. Empty is "do keep".
export PYTHONDONTWRITEBYTECODE :=
# A package index behind a proxy may take its time over a package that it has to fetch first.
export UV_HTTP_TIMEOUT ?= 180
TF ?= terraform
WHERE = $(or $(ENV),$(error name an environment: ENV=dev)) \
  $(if $(PROJECT),--project $(PROJECT)) $(if $(STATE_BUCKET),--state-bucket $(STATE_BUCKET))
DEPLOYED = $(WHERE) $(if $(SMOKE),--smoke $(SMOKE)) $(if $(ALLOW_DESTROY),--allow-destroy)

.PHONY: help setup demo test test-page browser freetds crash soak simulate format lint build
.PHONY: bench bench-api bench-audit bench-encryption bench-intake bench-receipt bench-units
.PHONY: fuzz fuzz-guided fuzz-api mutate-controls sbom deploy rollback destroy
.PHONY: lock ci clean tf-check tf-docs docs site

help: ## Print the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-17s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: local/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sluice needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 …")'
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv module; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --requirement local/requirements.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

setup: $(VENV)/.ready ## Make the virtual environment

demo: $(VENV)/.ready ## Move a real data set through the whole cloud, here: TARGET=sqlserver|bigquery|all, KEEP=1
	@$(BIN)/python -m local.demo --state $(STATE) --target $(or $(TARGET),postgres) $(if $(KEEP),--keep) $(if $(PICTURE),--picture $(PICTURE))

test: $(VENV)/.ready ## Run all tests; PYTEST="-k name" narrows them down, WORKERS=1 runs them in turn
	@# Sets are iterated over in one order, or the processes would not find the same tests; the
	@# longest tests come first, as the folders are named, or one process would end with them alone.
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder $(PYTEST)

define apt
[ "$$(id -u)" = 0 ] || { echo "no $(1) here; on Debian and Ubuntu: apt install $(1)"; exit 1; }; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get install --yes --no-install-recommends -qq $(1) >/dev/null 2>&1 || \
	  { apt-get update -qq && apt-get install --yes --no-install-recommends -qq $(1) >/dev/null; }
endef

browser: $(VENV)/.ready ## Bring a browser, its driver and axe-core, for the tests of the status page
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --requirement tests/page/requirements.txt
	@command -v npm >/dev/null || { echo "axe-core comes from npm, which is not here; on Debian and Ubuntu: apt install npm"; exit 1; }
	@mkdir -p build/axe && cp tests/page/package.json tests/page/package-lock.json build/axe/
	@npm ci --prefix build/axe --ignore-scripts --no-audit --no-fund --silent
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name >/dev/null && exit 0; done; \
	  $(call apt,chromium)

freetds: ## Bring FreeTDS's ODBC driver, for the tests of a second driver of SQL Server
	@ls /usr/lib/*/odbc/libtdsodbc.so >/dev/null 2>&1 || { $(call apt,tdsodbc); }

test-page: browser ## Try the status page in a browser; pictures of it go to build/page
	@$(BIN)/python -m pytest tests/page $(PYTEST)

crash: $(VENV)/.ready ## Crash every step at every I/O and compare the rows; takes an hour (RESUME=1 goes on)
	@$(BIN)/python -m tests.crash $(if $(RESUME),--resume)

bench: $(VENV)/.ready ## Time Sluice beside its peers and write docs/benchmarks.md (QUICK=1: 5 minutes)
	@$(BIN)/python -m local.bench $(if $(QUICK),--quick)

bench-audit: $(VENV)/.ready ## One audit chain, eight writers at once (EVENTS=10000)
	@$(BIN)/python -m local.bench.chain --events $(or $(EVENTS),10000)

bench-encryption: $(VENV)/.ready ## What encrypted parts cost, in pairs with plain ones (PAIRS=9)
	@$(BIN)/python -m local.bench.encrypted --pairs $(or $(PAIRS),9)

bench-units: $(VENV)/.ready ## One table in units over 1, 2 and 4 instances (ROWS=400000)
	@$(BIN)/python -m local.bench.units --rows $(or $(ROWS),400000)

bench-receipt: $(VENV)/.ready ## What the receipt costs: runs with and without it, in turn (ROWS=500000)
	@$(BIN)/python -m local.bench.receipt --rows $(or $(ROWS),500000)

bench-api: $(VENV)/.ready ## Calls of the API in front of a ledger of RUNS runs (100000)
	@$(BIN)/python -m local.bench.api --runs $(or $(RUNS),100000)

simulate: $(VENV)/.ready ## Play ten thousand tables and ten terabytes, and write docs/scale.md
	@$(BIN)/python -m local.simulation

bench-intake: $(VENV)/.ready ## The part of it that reads CSV files
	@$(BIN)/python -m local.bench --intake --page docs/benchmarks-intake.md $(if $(QUICK),--quick)

soak: $(VENV)/.ready ## Try ever new histories of deliveries and crashes (MINUTES=60)
	@$(BIN)/python -m tests.model.soak --minutes $(or $(MINUTES),60)

fuzz: $(VENV)/.ready ## Try ever new, broken CSV files (MINUTES=10)
	@$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),10)

fuzz-guided: $(VENV)/.ready ## The same, with files that reach new code (MINUTES=10; Linux on x86)
	@$(BIN)/python -m tests.fuzz.guided --minutes $(or $(MINUTES),10)

fuzz-api: $(VENV)/.ready ## Try every call of the API with ever new inputs (EXAMPLES=500)
	@SLUICE_API_EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest --timeout 3600 tests/unit/api/test_contract.py

mutate-controls: $(VENV)/.ready ## Take ten security controls out of a copy, one by one: each must fail its test
	@$(BIN)/python -m tests.controls

docs: $(VENV)/.ready ## Write the parts of docs/ that the code makes anew: types, keys, commands
	@$(BIN)/python -m tests.docs

site: $(VENV)/.ready ## Build the documents as a site, with MkDocs in an environment of its own
	@test -x $(SITE)/bin/mkdocs || $(PYTHON) -m venv $(SITE)
	@VIRTUAL_ENV=$(SITE) $(BIN)/uv pip install --quiet --require-hashes --requirement docs/requirements.txt
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict 2>&1 | { grep -v "^INFO" || true; }; exit $${PIPESTATUS[0]}
	@echo "the site is in .cache/site; $(SITE)/bin/mkdocs serve shows it"

format: $(VENV)/.ready ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

lint: $(VENV)/.ready ## Check format, style, types and layers; changes nothing
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff --quiet . ; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy shared local
	@for name in $(FUNCTIONS); do $(BIN)/mypy --no-error-summary functions/$$name || exit 1; done
	@$(BIN)/lint-imports --no-logo
	@said=$$($(BIN)/zizmor --offline --quiet --no-progress .github 2>&1) || { echo "$$said"; exit 1; }

build: $(VENV)/.ready ## Build each function's archive into dist/; the same files, the same bytes
	@$(BIN)/sluice deploy build

sbom: $(VENV)/.ready ## Write each function's bill of materials into dist/ (CycloneDX)
	@$(BIN)/sluice deploy sbom

deploy: $(VENV)/.ready ## Deploy ENV from here: PROJECT=… STATE_BUCKET=… [SMOKE=table] [ROLL_BACK=1] [ALLOW_DESTROY=1]
	@$(BIN)/sluice deploy apply $(DEPLOYED) $(if $(ROLL_BACK),--roll-back)

rollback: $(VENV)/.ready ## Put an earlier release of ENV back: TO=release, commit or hash; default: the last good one
	@$(BIN)/sluice deploy rollback $(DEPLOYED) $(if $(TO),--to $(TO))

destroy: $(VENV)/.ready ## Remove ENV and all its data; refuses prod
	@$(BIN)/sluice deploy destroy $(WHERE)

lock: $(VENV)/.ready ## Lock the dependencies of every function, the laptop and the site, with hashes
	@for name in $(FUNCTIONS); do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --upgrade --extra $$name pyproject.toml --output-file functions/$$name/requirements.txt || exit 1; \
	done
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --upgrade --all-extras pyproject.toml --output-file local/requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --upgrade --group site --output-file docs/requirements.txt

tf-check: $(VENV)/.ready ## Check terraform/: format, validity, tests, plans; TF=… names the program
	@TF=$(TF) $(BIN)/python -m tests.terraform

tf-docs: $(VENV)/.ready ## Write the table of rights in docs/security.md anew
	@TF=$(TF) $(BIN)/python -m tests.terraform --write

ci: lint test tf-check ## All that CI checks

clean: ## Remove what was made here: environments, caches, the demo's cloud
	@rm -rf $(VENV) build .sluice .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist *.egg-info
