# `make` lists the verbs. Everything Python lives in .venv, pinned with hashes by locks/host.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.made-from-lock
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup packages image e2e test test-packages guest-tests vagrant-packages boxes vagrant-e2e vagrant-tests lint bench lock clean

help:              ## list the verbs
	@grep -hE '^[a-z0-9-]+: .*##' Makefile | sed -E 's/^([a-z0-9-]+): .*## (.*)/  make \1\t\2/' | expand -t 22
	@echo; echo "  ARGS=… is handed on to pytest, e.g. make e2e ARGS='-k ikev2'"

setup: packages $(LOCKED)   ## install what is missing: system packages (asks once), Python packages into .venv

packages:
	@ci/install-packages

$(LOCKED): locks/host.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Python packages into $(VENV) (locks/host.txt)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/host.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

image: setup       ## build the guest's image, unless it is in the cache
	@$(BIN)/lab image build

e2e: image         ## boot the lab, run pytest e2e, print verdicts and where the evidence is
	@$(BIN)/pytest e2e $(ARGS)

test: test-packages setup lint   ## fast tests, lint, types; no guest, no virtual machine
	@$(BIN)/pytest tests --ignore tests/guest --ignore tests/machines $(ARGS)

test-packages:     ## install what the fast tests need: Mono, FreeRADIUS, eapol_test (asks once)
	@ci/install-packages tests

guest-tests: image ## tests of the lab itself, with guests: isolation, crashes, inverted twins, left-out steps
	@$(BIN)/pytest tests/guest $(ARGS)

vagrant-packages:  ## install what virtual machines need: vagrant, libvirt, qemu (asks once)
	@ci/install-packages vagrant

boxes: vagrant-packages setup   ## build the stand-in boxes for Vagrant, unless they are in the cache
	@$(BIN)/lab box build

vagrant-e2e: boxes ## vagrant up, pytest e2e -k ikev2 --lab=vagrant, destroy; LAB_SERVER_BOX=… for a real Windows
	@ci/on-virtual-machines $(BIN)/pytest e2e -k ikev2 --lab=vagrant $(ARGS)

vagrant-tests: boxes   ## tests of the vagrant and inventory labs on real virtual machines: kill -9, lab revert, snapshot, nothing left
	@ci/on-virtual-machines $(BIN)/pytest tests/machines $(ARGS)

lint: setup        ## ruff, mypy --strict, the layer contract
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/mypy --python-version 3.13 $(wildcard lab/embedded/guest/*.py)
	@$(BIN)/lint-imports --no-logo

bench: image       ## measure speed and memory: a table, and build/bench.json
	@$(BIN)/python ci/bench.py $(ARGS)

lock:              ## renew locks/host.txt and the guest's lock (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --extra dev pyproject.toml -o locks/host.txt
	uv pip compile --generate-hashes --python-version 3.13 --python-platform x86_64-manylinux_2_34 --only-binary :all: --extra guest pyproject.toml -o lab/embedded/image/guest.lock

clean:             ## remove .venv and build/, not the image (lab image prune)
	rm -rf $(VENV) build
