#!/bin/sh
exec /usr/local/bin/node /opt/quarry/quarry.mjs "$@"
