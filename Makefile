# Two commands do everything on a fresh Debian machine with Swift 6.2 or newer: `make demo` and
# `make test`. Both install what is missing, and say what they are doing while they do it.
#
# Variables given as `make sim SEED=7` reach the programs through the environment.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps build test lint format demo bench sim nightly coverage proto clean

stage := .ci/stage
swift_sources := Package.swift Shared Client Server Tests

# A file of real orders for the demo and the benchmarks; empty means that they make their own.
ORDERS ?=

# Which benchmarks to run, such as P2 or P1,P2; empty means all.
ONLY ?=

# How long the tests may take before they count as hanging; the larger sizes of a night take longer.
test_minutes_max := 30

# Suites whose tests wait for sockets, disks and clocks: alone they are not held up by the others.
timed_tests := CurlTransportTests CompressionTests ReplicationTests SQLiteStorageTests

help:  ## Shows this list
	@echo 'Plumbline: offline-first inventory. Start with `make demo` or `make test`.'
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  SEED=7           replays one seed          SEEDS=1000   tries more seeds'
	@echo '  SEED_FIRST=5000  starts at another seed    ORDERS=path      real orders for demo and bench'

deps:  ## Installs the system packages that are missing
	@.ci/deps

build: deps  ## Builds the programs and the tests (debug)
	@$(stage) 'Build' 60 swift build --build-tests \
		--explicit-target-dependency-import-check error

lint:  ## Checks the format of every source
	@$(stage) 'Lint' 5 swift format lint --strict --parallel --recursive $(swift_sources)

format:  ## Formats every source in place
	@swift format format --in-place --parallel --recursive $(swift_sources)

test: deps  ## Passes every test: lint, build, tests, then the real programs end to end
	@$(stage) '[1/5] Lint' 5 swift format lint --strict --parallel --recursive $(swift_sources)
	@$(stage) '[2/5] Build' 60 swift build --build-tests \
		--explicit-target-dependency-import-check error
	@$(stage) '[3/5] Tests that watch the clock' 10 \
		swift test --skip-build --parallel $(timed_tests:%=--filter '^%\.')
	@$(stage) '[4/5] Tests' $(test_minutes_max) swift test --skip-build --parallel \
		--skip EndToEndTests $(timed_tests:%=--skip '^%\.')
	@$(stage) '[5/5] End to end: the real programs' 25 \
		swift test --skip-build --no-parallel --filter EndToEndTests
	@printf '\n==> make test: all five stages passed\n'

demo: deps  ## Shows a hub, three warehouses, an outage and the convergence, with real processes
	@$(stage) '[1/3] Build the edge program, plumbline' 60 swift build -c release --product plumbline
	@$(stage) '[2/3] Build the hub program, plumbline-hub' 60 \
		swift build -c release --product plumbline-hub
	@ORDERS='$(ORDERS)' PLUMBLINE_PROGRAMS="$$(swift build -c release --show-bin-path)" \
		$(stage) '[3/3] Demo' 15 Tests/Demo/demo.sh

sim: deps  ## Runs the simulated cluster: SEED=… replays one seed, SEEDS=… tries more
	@$(stage) 'Simulation' 120 swift test --filter SimulationTests

nightly: export PLUMBLINE_NIGHTLY := 1
nightly: deps  ## Runs the tests in their larger sizes, then the simulation on many fresh seeds
	@$(MAKE) --no-print-directory test test_minutes_max=240
	@SEEDS="$${SEEDS:-2000}" SEED_FIRST="$${SEED_FIRST:-$$(date +%s)}" \
		$(MAKE) --no-print-directory sim

coverage: deps  ## Tells how much of the engine no test runs; FILE=path shows where
	@$(stage) 'Coverage' 60 .ci/coverage $(FILE)

bench: deps  ## Measures against the goals, and writes bench.json (release); ONLY=P2 measures one
	@.ci/deps --optional postgresql
	@$(stage) '[1/2] Build the benchmarks' 60 swift build -c release --package-path Tests/Benchmarks
	@ORDERS='$(ORDERS)' ONLY='$(ONLY)' $(stage) '[2/2] Benchmarks' 60 \
		"$$(swift build -c release --package-path Tests/Benchmarks --show-bin-path)/Benchmarks"

proto: deps  ## Generates the wire messages again after a change of plumbline.proto
	@$(stage) 'Wire messages' 30 .ci/proto

clean:  ## Removes what the builds produced
	@rm -rf .build .build-coverage Tests/Benchmarks/.build bench.json
