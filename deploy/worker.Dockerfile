# The worker: glibc (the SDK's native core needs it), git for sources, docker CLI with buildx for builds.
FROM node:22.20.0-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --no-audit --no-fund && npm run build && npm prune --omit=dev

FROM docker:28.5.1-cli AS docker

FROM node:22.20.0-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --create-home --uid 10001 slipway \
  && useradd --system --no-create-home --shell /usr/sbin/nologin slipway-jobs \
  && install -d -m 0700 -o slipway -g slipway /var/lib/slipway
COPY --from=docker /usr/local/bin/docker /usr/local/bin/docker
COPY --from=docker /usr/local/libexec/docker/cli-plugins/docker-buildx /usr/local/libexec/docker/cli-plugins/docker-buildx
COPY --from=build --chown=root:root /src/node_modules /opt/slipway/node_modules
COPY --from=build --chown=root:root /src/dist /opt/slipway/dist
COPY --from=build --chown=root:root /src/package.json /opt/slipway/package.json
USER slipway
ENV SLIPWAY_DATA=/var/lib/slipway NODE_OPTIONS=--max-old-space-size=800
ENTRYPOINT ["node", "/opt/slipway/dist/workers/main.js"]
CMD ["worker"]
