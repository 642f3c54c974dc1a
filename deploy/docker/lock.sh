#!/bin/sh
# Write deploy/docker/requirements anew from requirements.lock: what every image needs (`common`), and what one
# service needs beside it. The same versions as everywhere, with hashes, no development tools, no index address.
set -eu
cd "$(dirname "$0")/../.."
uv=${UV:-uv}
out=deploy/docker/requirements

compile() { # compile OUTPUT SOURCE...
    target=$1; shift
    "$uv" pip compile --quiet --python-version 3.13 --python-platform linux --generate-hashes --no-emit-index-url \
        --no-header --no-annotate --constraint requirements.lock "$@" --output-file "$target"
}
names() { sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' "$1"; }

ours=$(for name in common engine gateway; do printf -- '--no-emit-package simulator-%s ' "$name"; done)
# shellcheck disable=SC2086  # options, one word each
compile "$out/common.lock" libs/common/pyproject.toml $ours "$@"
shared=$(for name in $(names "$out/common.lock"); do printf -- '--no-emit-package %s ' "$name"; done)
for service in gateway interpreter planner mapper failure simulation narrator conversation; do
    # shellcheck disable=SC2046,SC2086
    compile "$out/$service.lock" libs/common/pyproject.toml "services/$service/pyproject.toml" \
        $(! grep -q '"simulator-engine"' "services/$service/pyproject.toml" || echo libs/engine/pyproject.toml) \
        $ours $shared "$@"
done
