# logveil as a container image. Built by `docker build -t logveil .`, and by docker-compose.yml.

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
# librdkafka and OpenSSL are compiled from source into the program; the C compiler, make and perl they need
# are part of this image. The caches outlive the build, so the next one compiles only what changed. Being
# mounts, they are no part of a layer, which is why the program is copied out of target/ here.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin logveil \
    && cp target/release/logveil /usr/local/bin/logveil

FROM debian:bookworm-slim
# For brokers whose certificate a public authority signed; a private one is named in logveil.toml.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*

# A fixed number, so that the owner of a mounted keyring (mode 0600) can be set from outside:
# chown 10001 keyring.toml
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/logveil \
        --shell /usr/sbin/nologin logveil \
    && install -d -o logveil -g logveil -m 0750 /etc/logveil /var/lib/logveil
# A new named volume takes over the owner and mode of the folder it is mounted on; a bind mount does not.

COPY --from=build /usr/local/bin/logveil /usr/local/bin/logveil

USER logveil
WORKDIR /var/lib/logveil
ENTRYPOINT ["logveil"]
CMD ["run", "--config", "/etc/logveil/logveil.toml"]
