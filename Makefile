PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 4
# What is compiled is kept: each process that a test starts would compile its modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up picture test coverage conformance stack chaos incidents cluster lint types \
	licences audit-deps check api-linters chart temporal-server clean

help: ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/ready ## Create .venv with every pinned dependency.

.venv/ready: requirements/run.txt requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements/run.txt -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--no-index --editable .
	touch $@

demo: setup ## Run an example campaign on a temporary stack and print its result.
	$(BIN)/godwit demo

up: setup ## Start the embedded stack and keep it running.
	$(BIN)/godwit up

picture: setup ## Draw the pictures in docs/images from commands that really run.
	$(BIN)/python docs/images/picture.py && $(BIN)/python docs/images/dry_run.py && $(BIN)/python docs/images/console_tour.py && PYTHONPATH=. $(BIN)/python docs/images/board.py

test: setup ## Run every test except those of whole stacks, and except those in BUT.
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not stack" \
		$(BUT:%=--ignore=%)

coverage: setup ## Run the same tests with the coverage of lines; or only PART, of packages OF.
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not stack" \
		$(or $(OF:%=--cov=%),--cov) --cov-report=term:skip-covered $(PART)

EXAMPLES ?= 20
conformance: setup ## Hold the API against its OpenAPI document: EXAMPLES of each kind of request.
	CONFORMANCE_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -n 2 --timeout 3000 \
		tests/starter/api/test_conformance.py

stack: setup ## Run the tests of whole stacks: kills, deploys, neighbours.
	$(BIN)/pytest -n 2 --dist worksteal -m stack --ignore tests/chaos/test_chaos.py

chaos: setup ## Break real processes: 5 runs; or runs for SECONDS, or until SENDS, from SEED.
	$(if $(SECONDS)$(SENDS)$(SEED),\
		$(BIN)/python -m tests.chaos --seconds $(or $(SECONDS),600) --sends $(or $(SENDS),0) \
			--seed $(or $(SEED),0),\
		$(BIN)/pytest -n 1 --dist load -s tests/chaos/test_chaos.py)

incidents: setup ## Stage ten incidents, mend each by its runbook, and write the table of times.
	$(BIN)/python -m tests.monitoring

cluster: setup temporal-server ## Run docker-compose.yml in roles as processes, and break each.
	$(BIN)/python -m tests.cluster $(PAGE:%=--page %)

.PHONY: bench
bench: setup .venv/bench/ready ## Measure against peers and the limit, and write the table; QUICK=1 only prints it.
	$(BIN)/python -m bench $(QUICK:%=--quick)

.venv/bench/ready: .venv/ready requirements/bench.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--upgrade --target .venv/bench -r requirements/bench.txt
	touch $@

lint: setup ## Check format, style and import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

types: setup ## Check types.
	$(BIN)/mypy

# Outside of the tree, so that a clean clone need not fetch them again.
LINTERS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/godwit/api-linters

api-linters: $(LINTERS)/ready ## Install the linters of the OpenAPI document with npm.

$(LINTERS)/ready: tests/openapi/package.json
	mkdir -p $(@D)
	cp $< $(@D)
	npm install --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	touch $@

CHART_TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/godwit/chart-tools

chart: setup ## Build the tools of the Helm chart from Go modules and test what is in deploy.
	@command -v go >/dev/null || { echo "go is not installed: the chart cannot be rendered or \
	validated here"; exit 1; }
	$(MAKE) --no-print-directory $(CHART_TOOLS)/ready
	$(BIN)/pytest -n 0 tests/deploy

$(CHART_TOOLS)/ready: deploy/chart-tools.sh
	sh $< $(@D)
	touch $@

# The version of docker-compose.yml, with the tool and the files of its schema.
TEMPORAL := $(shell sed -n 's|.*temporalio/server:||p' docker-compose.yml | head -n 1)
TEMPORAL_SERVER := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/godwit/temporal-$(TEMPORAL)

temporal-server: $(TEMPORAL_SERVER)/ready ## Build Temporal's server and schema tool with Go.

$(TEMPORAL_SERVER)/ready:
	@command -v go >/dev/null || { echo "go is not installed: Temporal's server cannot be built \
	here"; exit 1; }
	mkdir -p $(@D)
	GOBIN=$(@D) CGO_ENABLED=0 timeout $(or $(BUILD_SECONDS),1800) go install -trimpath \
		go.temporal.io/server/cmd/server@v$(TEMPORAL) \
		go.temporal.io/server/cmd/tools/sql@v$(TEMPORAL)
	mv $(@D)/server $(@D)/temporal-server
	mv $(@D)/sql $(@D)/temporal-sql-tool
	cp -r "$$(go env GOMODCACHE)/go.temporal.io/server@v$(TEMPORAL)/schema" $(@D)
	chmod -R u+w $(@D)/schema
	touch $@

licences: setup ## List the licence of each installed package; fails if one has none.
	$(BIN)/python requirements/licences.py

audit-deps: ## Check the pinned packages for known vulnerabilities; needs pip-audit and network.
	@command -v pip-audit >/dev/null || { echo "pip-audit is not installed: run it where its \
	data can be reached (pipx run pip-audit -r requirements/run.txt)"; exit 1; }
	@pip-audit --require-hashes --disable-pip -r requirements/run.txt || { \
		echo "nothing was audited, or something was found: without network pip-audit cannot \
	reach its data"; exit 1; }

check: lint types test stack chaos ## Run all checks, as CI does.

clean: ## Remove everything that the targets created, the data in .godwit included.
	rm -rf .venv .godwit build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
