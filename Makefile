# Engage token rotation. `make help` lists the targets; Go, make and git are all that run, sandbox, test, lint and build
# need.

GO          ?= go
FUNCTIONS   := $(patsubst functions/%/main.go,%,$(wildcard functions/*/main.go))
BIN         ?= bin
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0

# Flags of `make run` and `make sandbox`, e.g. make run FLOW=legacy, make sandbox EVERY=10s LISTEN=0.0.0.0
FLOW        ?=
EVERY       ?=
LISTEN      ?=
SCENARIO    ?=
RETENTION   ?=
ARGS        ?=
sandbox_flags = $(if $(FLOW),-flow $(FLOW)) $(if $(SCENARIO),-scenario $(SCENARIO)) $(if $(RETENTION),-retention $(RETENTION))
serve_flags   = $(if $(EVERY),-every $(EVERY)) $(if $(LISTEN),-listen $(LISTEN))

# The race detector needs cgo and a C compiler, which a bare machine has not.
race = $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null 2>&1 && echo -race)

.DEFAULT_GOAL := run

.PHONY: run
run: functions $(BIN)/sandbox ## rotate three times with the real function, print a timeline, check the end (FLOW=legacy ...)
	@$(BIN)/sandbox run -functions $(BIN)/local $(sandbox_flags) $(ARGS)

.PHONY: sandbox
sandbox: functions $(BIN)/sandbox ## stay up for the AWS CLI and sam local (EVERY=30s LISTEN=127.0.0.1 SCENARIO=...)
	@exec $(BIN)/sandbox serve -functions $(BIN)/local $(sandbox_flags) $(serve_flags) $(ARGS)

.PHONY: test
test: ## all tests that take minutes at most, with the race detector where there is a C compiler
	$(GO) test $(race) $$($(GO) list ./... | grep -v /pkg/tests/simulation$$)
	$(GO) test ./pkg/tests/simulation # 20,000 rotations, one call at a time: nothing for the race detector, which would take minutes

.PHONY: lint
lint: ## gofmt, go vet, staticcheck
	@unformatted="$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go'))"; \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: build
build: ## static, stripped binaries of the functions for Lambda: $(BIN)/linux-$(ARCH)/{function}/bootstrap
	@for name in $(FUNCTIONS); do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(GO) build $(BUILDFLAGS) -o $(BIN)/linux-$(ARCH)/$$name/bootstrap ./functions/$$name || exit 1; \
		echo "$(BIN)/linux-$(ARCH)/$$name/bootstrap"; \
	done

ARCH       ?= arm64
BUILDFLAGS := -tags lambda.norpc -trimpath -ldflags='-s -w'

# The same for this machine, whatever it is.
.PHONY: functions
functions:
	@[ -e $(BIN)/sandbox ] || echo "Building; the first time takes about a minute, and needs the modules from the network."
	@for name in $(FUNCTIONS); do \
		CGO_ENABLED=0 GOOS= GOARCH= $(GO) build $(BUILDFLAGS) -o $(BIN)/local/$$name/bootstrap ./functions/$$name || exit 1; \
	done

.PHONY: $(BIN)/sandbox
$(BIN)/sandbox:
	@CGO_ENABLED=0 GOOS= GOARCH= $(GO) build $(BUILDFLAGS) -o $@ ./pkg/standins/cmd/sandbox

.PHONY: fuzz
fuzz: ## each fuzz test for FUZZTIME
	@FUZZTIME=$(FUZZTIME) .ci/fuzz

FUZZTIME ?= 60s

.PHONY: simulate
simulate: ## a million simulated rotations with faults, beside AWS's published order; then without each safeguard in turn
	$(GO) test ./pkg/tests/simulation -run TestSimulate -count=1 -v -rotations=1000000 -timeout 0
	$(GO) test ./pkg/tests/simulation -run TestMutations -count=1 -v -mutations -timeout 0

.PHONY: readers
readers: ## readers over many rotations: failed calls and latencies
	$(GO) test ./pkg/tokensource -run '^TestReaders$$' -v -count=1 -rotations=200

.PHONY: bench
bench: ## measure a rotation, a read and the functions' starts
	$(GO) test ./pkg/tests/bench -run TestBench -count=1 -v -bench-full -timeout 60m -chart=testdata/starts.svg

.PHONY: bench-short
bench-short: ## the same in short, held against its limits
	$(GO) test ./pkg/tests/bench -run TestBench -count=1 -v

.PHONY: test-faults
test-faults: ## every call of a rotation times every fault, through HTTP, with the real binary
	$(GO) test ./pkg/tests/faults -count=1 -v -faults -timeout 30m

.PHONY: test-sam
test-sam: ## SAM: validate, build, and invoke every event in containers against the sandbox (needs SAM CLI and Docker)
	$(GO) test ./pkg/tests/deploy -count=1 -v -sam -timeout 30m

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN) .aws-sam env.local.json

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name text; do printf '  %-12s %s\n' "$$name" "$$text"; done

# ---- sam build ------------------------------------------------------------------------------------------------------
# The targets build-<LogicalID> of functions with BuildMethod makefile stand below this line.
# SAM hands over ARTIFACTS_DIR and no architecture: see .ci/goarch.
build-RotateFunction: function := rotate
build-SweepFunction: function := sweep
build-IvrFunction: function := ivr

.PHONY: build-RotateFunction build-SweepFunction build-IvrFunction
build-RotateFunction build-SweepFunction build-IvrFunction:
	@goarch="$$(sh .ci/goarch template.yaml '$(ARTIFACTS_DIR)' $(@:build-%=%))" && \
	CGO_ENABLED=0 GOOS=linux GOARCH="$$goarch" $(GO) build $(BUILDFLAGS) -o '$(ARTIFACTS_DIR)/bootstrap' ./functions/$(function)
