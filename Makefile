# celeryops.systemd: `make` lists what there is.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Everything the tools write stays in .cache/, and the checkout is the installed collection there.
cache := $(CURDIR)/.cache
linked := $(cache)/ansible/collections
checkout := $(linked)/ansible_collections/celeryops/systemd
installed := $(cache)/installed
lab := tests/lab/lab

export PATH := $(cache)/venv/bin:$(PATH)
export ANSIBLE_HOME := $(cache)/ansible
export PYTHONPATH := $(linked):$(CURDIR)/tests:$(CURDIR)/roles/celery_app/files
export PYTHONDONTWRITEBYTECODE := 1
export HYPOTHESIS_STORAGE_DIRECTORY := $(cache)/hypothesis
export MOLECULE_COMMAND_BORDERS := 0

# The mypy and ruff paths; mypy meets the plugins by their collection's name, as Ansible does.
typed := $(checkout)/plugins tests roles/celery_app/files tools

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: tools
tools: ## OS packages that are missing, Python tools in .cache/venv
	@tools/bootstrap

## To look at ---------------------------------------------------------------------------------------------

.PHONY: demo demo-down shell lab-list
demo: tools ## a lab of hosts, the site play, real tasks, the status table
	$(lab) up --name demo --inventory inventories/lab
	python tests/demo/run.py

demo-down: ## remove the demo's hosts
	$(lab) down --name demo

shell: ## a root shell on a lab host: make shell HOST=web1
	@$(lab) shell $(if $(LAB),--name $(LAB)) $(or $(HOST),$(error name a host: make shell HOST=...; make lab-list shows them))

lab-list: ## the hosts of all labs of this checkout
	@$(lab) list

## To check -----------------------------------------------------------------------------------------------

.PHONY: lint unit integration sanity build image molecule scenario test bench
linters := yamllint ansible-lint ruff mypy shellcheck
lint: $(linters) ## yamllint, ansible-lint (production), ruff, mypy --strict, shellcheck
.PHONY: $(linters)
$(linters): tools
yamllint:
	yamllint --strict .
ansible-lint:
	ansible-lint --offline --strict
ruff:
	ruff check .
mypy:
	mypy --strict $(typed)
shellcheck:
	shellcheck tools/bootstrap tools/sanity tests/lab/lab tests/lab/image/init .ci/run

unit: tools ## unit tests
	python -m pytest tests/unit

integration: tools ## the agent and the controller's parts against a real Redis and Celery
	python -m pytest tests/integration

.PHONY: compat compat-short
compat: tools ## the agent on each Celery that is supported, and the table of docs/reference: make compat V=5.5.3
	python -m compat $(V)

compat-short: tools ## of it what a change breaks first
	python -m compat --short

sanity: tools ## ansible-test sanity
	tools/sanity

build: tools ## the tarball, installed in .cache/installed: what the scenarios test
	rm -rf $(cache)/dist $(installed)
	ansible-galaxy collection build --output-path $(cache)/dist
	ANSIBLE_COLLECTIONS_PATH=$(installed) ansible-galaxy collection install --force --offline --no-deps \
		--collections-path $(installed) $(cache)/dist/*.tar.gz

image: tools ## the lab's images
	@$(lab) image

molecule: tools ## every scenario against the installed tarball, or one: make molecule S=default
	python tools/stages.py $(if $(S),molecule:$(S),molecule)

# One scenario, with what was built before; it meets the installed collection and cannot fall back to the checkout.
scenario:
	PYTHONPATH=$(CURDIR)/tests ANSIBLE_COLLECTIONS_PATH=$(installed) NO_COLOR=1 molecule test -s $(S)

test: tools ## all of the above, with the wall time of each stage
	python tools/stages.py lint unit integration sanity molecule

bench: build image ## the no-change run of site.yml on 1, 4, 16 and 32 hosts
	ANSIBLE_COLLECTIONS_PATH=$(installed) python -m benchmarks.site_scale

.PHONY: bench-agent
bench-agent: tools ## throughput with the agent over without it: make bench-agent POOL=prefork
	python -m benchmarks.agent_cost --pool $(or $(POOL),prefork)

.PHONY: bench-rolling
bench-rolling: build image ## a rolling restart under load against its floor
	ANSIBLE_COLLECTIONS_PATH=$(installed) python -m benchmarks.rolling_restart

.PHONY: properties
properties: tools ## what holds for every plan, on thousands of hosts and queue sets (minutes)
	PROPERTY_EXAMPLES=$(or $(N),3000) python -m pytest tests/unit/plugins/plugin_utils/plan

.PHONY: bench-plan
bench-plan: build image ## the plan's concurrency against the best of a sweep, on hosts of a lab
	ANSIBLE_COLLECTIONS_PATH=$(installed) python -m benchmarks.plan_sweep

.PHONY: bench-plan-scale
bench-plan-scale: tools ## the plan of 10,000 hosts with 20 queues each
	python -m benchmarks.plan_scale

.PHONY: proof-beat
proof-beat: build image ## beat on two hosts while the leader fails: make proof-beat MINUTES=30 EACH=180
	$(lab) up --name proof-beat --inventory tests/proof/inventories/beat
	ANSIBLE_COLLECTIONS_PATH=$(installed) ansible-playbook celeryops.systemd.site \
		-i tests/proof/inventories/beat -i $(cache)/lab/proof-beat/inventory.json
	python -m proof.beat --minutes $(or $(MINUTES),30) --each $(or $(EACH),180); status=$$?; \
		$(lab) down --name proof-beat; exit $$status

.PHONY: proof-rollout
proof-rollout: build image ## restarts, deploys and drains under load: make proof-rollout APP=rollout RUNS=3 TASKS=2000
	rm -f $(cache)/proof-$(APP).jsonl
	for run in $$(seq $(or $(RUNS),3)); do ROLLOUT_TASKS=$(or $(TASKS),2000) ROLLOUT_RATE=$(or $(RATE),20) \
		ROLLOUT_RECORD=$(cache)/proof-$(APP).jsonl $(MAKE) -s scenario S=$(APP) || break; done
	python -m proof.rollout $(cache)/proof-$(APP).jsonl
proof-rollout: APP := $(or $(APP),rollout)

.PHONY: proof-transport
proof-transport: tools ## the transport of the agent's own for Redis, which is off by default
	python -m pytest tests/transport

.PHONY: test-faults
test-faults: build image ## faults under load, into docs/reliability.md: make test-faults B=redis F=broker-kill, PAIRS=5 SEED=7
	$(lab) up --name faults $(fleet)
	ANSIBLE_COLLECTIONS_PATH=$(installed) ansible-playbook celeryops.systemd.site \
		$(fleet) -i $(cache)/lab/faults/inventory.json
	ANSIBLE_COLLECTIONS_PATH=$(installed) python -m faults --broker $(B) $(if $(F),--fault $(F)) \
		$(if $(PAIRS),--pairs $(PAIRS)) $(if $(SEED),--seed $(SEED)); status=$$?; \
		$(lab) down --name faults; exit $$status
test-faults: B := $(or $(B),redis)
test-faults: fleet = -i tests/faults/inventories/fleet.yml -i tests/faults/inventories/$(firstword $(subst -, ,$(B))).yml

.PHONY: proof-hostile
proof-hostile: tools ## malformed messages between good ones, each pool: make proof-hostile BROKER=amqp://...
	python -m hostile --good $(or $(GOOD),2000) --bad $(or $(BAD),200) $(if $(BROKER),--broker $(BROKER))

.PHONY: proof-hostile-rabbitmq
proof-hostile-rabbitmq: build image ## the same through a RabbitMQ of the lab, and tasks that kill their process
	$(lab) up --name proof-hostile --inventory tests/proof/inventories/hostile
	ANSIBLE_COLLECTIONS_PATH=$(installed) ansible-playbook celeryops.systemd.site \
		-i tests/proof/inventories/hostile -i $(cache)/lab/proof-hostile/inventory.json
	address=$$($(lab) list | awk '$$1 == "proof-hostile" {print $$NF}'); \
		python -m hostile --good $(or $(GOOD),2000) --bad $(or $(BAD),200) --deliveries $(or $(DELIVERIES),20) \
		$(if $(POOLS),--pools $(POOLS)) --broker amqp://celery:proof-of-hostile-messages@$$address:5672/celery; \
		status=$$?; $(lab) down --name proof-hostile; exit $$status

.PHONY: clean
clean: ## take every lab of this checkout down and remove .cache
	-$(lab) down --all
	rm -rf .cache
