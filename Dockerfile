# Both may be any Debian of the same release; where they come from is the builder's choice.
ARG NODE_IMAGE=node:26-trixie-slim
ARG BASE_IMAGE=debian:trixie-slim

# One file with everything in it, the same for every architecture.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS bundle
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=optional
COPY . .
RUN node bundle.ts

FROM ${NODE_IMAGE} AS node

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="quarry" \
      org.opencontainers.image.description="CSI driver that turns a node's raw disks into persistent volumes with LVM" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# LVM for nodes whose host has none; filesystems are made and checked in the container in either case.
# The list is that of `npm run image`, which makes the same image where no registry is at hand.
COPY image/packages.txt /tmp/packages.txt
RUN apt-get update \
 && xargs apt-get install --yes --no-install-recommends < /tmp/packages.txt \
 && rm -rf /tmp/packages.txt /var/lib/apt/lists/* /var/log/* /var/cache/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=bundle /src/dist /opt/quarry
# As on a host: `kubectl exec … -- quarry orphans`.
RUN printf '#!/bin/sh\nexec /usr/local/bin/node /opt/quarry/quarry.mjs "$@"\n' > /usr/local/bin/quarry \
 && chmod 0755 /usr/local/bin/quarry
# The controller's; the node role needs root, which its DaemonSet says.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/opt/quarry/quarry.mjs"]
