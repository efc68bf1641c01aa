# Engage token rotation. `make help` lists the targets. run, sandbox, test, prove, lint and build need Go, make and git alone.

GO        ?= go
BIN       ?= bin
FUNCTIONS := $(patsubst functions/%/main.go,%,$(wildcard functions/*/main.go))

# Flags of `make run` and `make sandbox`, e.g. make run FLOW=legacy, make sandbox EVERY=10s LISTEN=0.0.0.0
FLOW        ?=
EVERY       ?=
LISTEN      ?=
SCENARIO    ?=
RETENTION   ?=
HTML        ?=
ARGS        ?=
sandbox_flags = $(if $(FLOW),-flow $(FLOW)) $(if $(SCENARIO),-scenario $(SCENARIO)) $(if $(RETENTION),-retention $(RETENTION))
serve_flags   = $(if $(EVERY),-every $(EVERY)) $(if $(LISTEN),-listen $(LISTEN))

# Without Go the targets that need it end here, with one line.
ifneq ($(filter-out clean help,$(or $(MAKECMDGOALS),run)),)
ifeq ($(shell command -v $(GO)),)
$(error there is no $(GO): install Go (https://go.dev/dl), or name it: make GO=/usr/local/go/bin/go)
endif
endif

.DEFAULT_GOAL := run
.PHONY: run sandbox test prove lint build release functions $(BIN)/sandbox fuzz simulate readers readers-foreign bench bench-fleet pictures test-sam module clean help
.PHONY: build-RotateFunction build-SweepFunction build-IvrFunction

run: functions $(BIN)/sandbox ## rotate three times with the real function, print a timeline, check the end (FLOW=legacy HTML=out.html ...)
	@$(BIN)/sandbox run -functions $(BIN)/local $(sandbox_flags) $(if $(HTML),-html '$(HTML)') $(ARGS)

sandbox: functions $(BIN)/sandbox ## stay up, with a page for browsers, for the AWS CLI and sam local (EVERY=30s LISTEN=127.0.0.1 SCENARIO=...)
	@exec $(BIN)/sandbox serve -functions $(BIN)/local $(sandbox_flags) $(serve_flags) $(ARGS)

# Four packages at a time: some wait more than they compute.
test: ## the tests for whoever changes a line (1 minute)
	@echo "Testing, a line for each package: about a minute; the first time some minutes, to build."
	$(GO) test -short -p 4 ./...

prove: ## every test, the race detector, the fault matrix, the simulation (10 minutes)
	GORACE=atexit_sleep_ms=0 $(GO) test $(race) -vet=off ./pkg/tests/adversary $$($(GO) list ./... | grep -v -E '$(unraced)')
	$(GO) test -vet=off $$($(GO) list ./... | grep -E '$(unraced)' | grep -v -E '/(faults|readers)$$')
	$(GO) test -vet=off ./pkg/tests/faults -faults -timeout 30m

# The race detector does not see the processes that these proofs start, and would find nothing in the simulation, which
# runs one goroutine at a time. It makes them take much longer. atexit_sleep_ms: it sleeps a second after each package.
# The attacks come first because they take longest. `make lint` vets. `make readers-foreign` is the whole of
# tests/readers.
unraced := /pkg/tests/(bench|blackbox|deploy|faults|leaks|pages|readers|recipes|simulation)$$

# The race detector needs cgo and a C compiler.
race = $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null 2>&1 && echo -race)

lint: ## form, errors that nothing looks at, complexity, spelling, widths (10 seconds; the first time 2 minutes)
	@GO='$(GO)' .ci/lint

build: ## static, stripped binaries of the functions for Lambda: bin/linux-arm64/{function}/bootstrap (ARCH=amd64)
	@for name in $(FUNCTIONS); do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(GO) build $(BUILDFLAGS) -o $(BIN)/linux-$(ARCH)/$$name/bootstrap ./functions/$$name || exit 1; \
		echo "$(BIN)/linux-$(ARCH)/$$name/bootstrap"; \
	done

ARCH       ?= arm64
# Nothing of the build's folder, date or git state but the commit, so that a commit always makes the same binaries.
BUILDFLAGS  = -tags lambda.norpc -trimpath -buildvcs=false -ldflags='-s -w -X $(gomodule)/pkg/internal/version.commit=$(COMMIT)'
gomodule    = $(shell $(GO) list -m)
COMMIT     ?= $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null)

# The same for this machine.
functions:
	@[ -e $(BIN)/sandbox ] || echo "Building; the first time takes about a minute, and needs the modules from the network."
	@for name in $(FUNCTIONS); do \
		CGO_ENABLED=0 GOOS= GOARCH= $(GO) build $(BUILDFLAGS) -o $(BIN)/local/$$name/bootstrap ./functions/$$name || exit 1; \
	done

$(BIN)/sandbox:
	@CGO_ENABLED=0 GOOS= GOARCH= $(GO) build $(BUILDFLAGS) -o $@ ./pkg/standins/cmd/sandbox

release: ## archives that deploy without Go, of this commit, built twice and compared: bin/release (5 minutes)
	@GO='$(GO)' .ci/release

fuzz: ## each fuzz test for FUZZTIME=60s (11 minutes)
	@FUZZTIME=$(FUZZTIME) .ci/fuzz

FUZZTIME ?= 60s
MODULE   ?=

# Goroutines begin with stacks as big as they mostly need, which else are copied as they grow.
simulate: export GODEBUG = adaptivestackstart=1
simulate: ## a million simulated rotations, then without each safeguard in turn (an hour)
	$(GO) test ./pkg/tests/simulation -run TestSimulate -count=1 -v -rotations=1000000 -timeout 0
	$(GO) test ./pkg/tests/simulation -run TestMutations -count=1 -v -mutations -timeout 0

readers: ## readers over many rotations: failed calls and latencies (1 minute)
	$(GO) test ./pkg/tokensource -run '^TestReaders$$' -v -count=1 -rotations=200

readers-foreign: ## other people's clients over rotations: README's table (ROTATIONS=200 RECORD=1, half an hour; needs Python, Node.js, Java, Maven)
	@clients="$$(.ci/readers-setup)" && FOREIGN_READERS="$$clients" $(GO) test ./pkg/tests/readers -run 'Clients|Foreign' -v -count=1 -rotations=$(ROTATIONS) $(if $(RECORD),-record) -timeout 90m
	@clients="$$(.ci/readers-setup)" && FOREIGN_READERS="$$clients" $(GO) test ./pkg/tests/recipes -run Schemas -count=1

ROTATIONS ?= 200

bench: ## measure a rotation, a read and the functions' starts (5 minutes)
	$(GO) test ./pkg/tests/bench -run TestBench -count=1 -v -bench-full -timeout 60m -chart=testdata/starts.svg

pictures: ## take pictures of the sandbox's page, the README's two among them (1 minute; needs Chromium and chromedriver)
	mkdir -p $(BIN)/pictures
	BROWSER=required $(GO) test ./pkg/tests/page -run '^TestPictures$$' -count=1 -pictures='$(abspath $(BIN))/pictures'
	cp $(BIN)/pictures/page-1280-dark.png pkg/standins/sandbox/page/testdata/page.png
	cp $(BIN)/pictures/run-1280-light.png pkg/standins/sandbox/page/testdata/run.png

bench-fleet: ## calls, waits, storms and costs of up to 10,000 secrets, in virtual time (CHART=bin/fleet.svg; 30 minutes)
	@mkdir -p $(dir $(CHART))
	$(GO) test ./pkg/tests/fleet -count=1 -v -fleet-full -fleet-chart='$(abspath $(CHART))' -timeout 0

CHART ?= $(BIN)/fleet.svg

test-sam: ## SAM: validate, build, and invoke every event in containers (5 minutes; needs SAM CLI and Docker)
	$(GO) test ./pkg/tests/deploy -count=1 -v -sam -timeout 30m

# MODULE is a path such as github.com/you/engage-token-rotation.
MODULE ?=
module: ## give the module a path that others can import: MODULE=github.com/you/engage-token-rotation
	@GO='$(GO)' .ci/module '$(MODULE)'

clean: ## remove what was built
	rm -rf $(BIN) .aws-sam env.local.json

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name text; do printf '  %-15s %s\n' "$$name" "$$text"; done

# ---- sam build ------------------------------------------------------------------------------------------------------
# The targets build-<LogicalID> of functions with BuildMethod makefile. SAM passes ARTIFACTS_DIR and no architecture: see
# .ci/goarch.
build-RotateFunction: function := rotate
build-SweepFunction: function := sweep
build-IvrFunction: function := ivr

build-RotateFunction build-SweepFunction build-IvrFunction:
	@goarch="$$(sh .ci/goarch template.yaml '$(ARTIFACTS_DIR)' $(@:build-%=%))" && \
	CGO_ENABLED=0 GOOS=linux GOARCH="$$goarch" $(GO) build $(BUILDFLAGS) -o '$(ARTIFACTS_DIR)/bootstrap' ./functions/$(function)
