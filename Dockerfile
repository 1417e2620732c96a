# A Weaviate node with latentask and its bundle; a drop-in for
# semitechnologies/weaviate: same port, volume, variables and arguments.
#
#   docker build -t latentask/weaviate .
#   docker build -t latentask/weaviate:cuda --target cuda .
#
# The base is Debian, not Alpine as the official image's: ONNX Runtime needs glibc.

ARG GO_IMAGE=golang:1.26.8-bookworm
ARG RUST_IMAGE=rust:1.95.0-slim-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS rust

# Everything is built by the Makefile, as outside an image: one set of pins.
FROM ${GO_IMAGE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
COPY --from=rust /usr/local/rustup /usr/local/rustup
COPY --from=rust /usr/local/cargo /usr/local/cargo
WORKDIR /src

# What changes rarely comes first: libraries, base weights, Go modules.
COPY Makefile go.mod go.sum ./
COPY scripts scripts
RUN make libs
RUN make weights venv
RUN go mod download

COPY . .
ARG REVISION=""
RUN make node REVISION="$REVISION"
RUN make bundle

FROM build AS cuda-libs
RUN make cuda-libs

FROM ${DEBIAN_IMAGE} AS runtime
# wget is what health checks written for the official image call.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libstdc++6 wget \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/.latentask/lib/libonnxruntime.so.1.32.0 /opt/latentask/lib/
COPY --from=build /src/.latentask/lib/licences /opt/latentask/licences
COPY --from=build /src/LICENSE /src/NOTICE /opt/latentask/licences/latentask/
COPY --from=build /src/.latentask/bundle /opt/latentask/bundle
COPY --from=build /src/.latentask/bin/latentask /src/.latentask/bin/weaviate /opt/latentask/bin/
# The dictionaries of ENABLE_TOKENIZER_GSE and ENABLE_TOKENIZER_GSE_CH, which
# the node looks for where they lay when it was built.
COPY --from=build /go/pkg/mod/github.com/go-ego/ /go/pkg/mod/github.com/go-ego/
RUN ln -s /opt/latentask/bin/weaviate /bin/weaviate \
    && ln -s /opt/latentask/bin/latentask /usr/local/bin/latentask
ENV LATENTASK_BUNDLE=/opt/latentask/bundle \
    ENABLE_MODULES=text2vec-latent \
    DISABLE_TELEMETRY=true
ENTRYPOINT ["/bin/weaviate"]
CMD ["--host", "0.0.0.0", "--port", "8080", "--scheme", "http"]

# For NVIDIA cards: run it with --gpus all and the host's driver.
FROM runtime AS cuda
COPY --from=cuda-libs /src/.latentask/lib/gpu /opt/latentask/lib/gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM runtime AS weaviate
