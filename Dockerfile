# Both may be any Debian of the same release; where they come from is the builder's choice.
ARG NODE_IMAGE=node:26-trixie-slim
ARG BASE_IMAGE=debian:trixie-slim

# One file with everything in it, the same for every architecture.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS bundle
WORKDIR /src
COPY package.json package-lock.json ./
# Not `npm ci`: docs/adr/0008.
RUN npm install --no-save --ignore-scripts
COPY . .
RUN node bundle.ts

FROM ${NODE_IMAGE} AS node
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils \
 && strip /usr/local/bin/node
# What V8 compiles of the bundle, so that no start does it again. Node makes it for its own user alone.
COPY --from=bundle /src/dist /opt/quarry
RUN NODE_COMPILE_CACHE=/opt/quarry/compiled NODE_COMPILE_CACHE_PORTABLE=1 node /opt/quarry/quarry.mjs version \
 && chmod -R a+rX /opt/quarry/compiled

# LVM for nodes whose host has none; filesystems are made and checked in the container in either case.
# List and script are those of `npm run image`, which makes the same image where no registry is at hand.
FROM ${BASE_IMAGE} AS debian
COPY image/packages.txt image/trim.sh /tmp/
RUN apt-get update \
 && xargs apt-get install --yes --no-install-recommends < /tmp/packages.txt \
 && sh /tmp/trim.sh \
 && rm /tmp/packages.txt /tmp/trim.sh

# From nothing, because what is removed from a base image is pulled with it all the same.
FROM scratch
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="quarry" \
      org.opencontainers.image.description="CSI driver that turns a Kubernetes node's raw disks into persistent volumes with LVM" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV NODE_COMPILE_CACHE=/opt/quarry/compiled
ENV NODE_COMPILE_CACHE_PORTABLE=1
COPY --from=debian / /
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /opt/quarry /opt/quarry
# As on a host: `kubectl exec … -- quarry orphans`.
COPY --chmod=0755 image/quarry.sh /usr/local/bin/quarry
# The controller's; the node role needs root, which its DaemonSet says.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/opt/quarry/quarry.mjs"]
