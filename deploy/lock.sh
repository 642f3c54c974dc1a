#!/bin/sh
# Write requirements.lock anew: exact versions with hashes for every platform, no index address.
set -eu
cd "$(dirname "$0")/.."
ours=$(for name in common engine gateway interpreter planner mapper failure simulation narrator conversation cli; do
    printf -- '--no-emit-package simulator-%s ' "$name"
done)
# shellcheck disable=SC2086  # options, one word each
exec "${UV:-uv}" pip compile --quiet --python-version 3.13 --universal --generate-hashes \
    --no-emit-index-url --no-header --no-annotate $ours \
    pyproject.toml --group dev libs/*/pyproject.toml services/*/pyproject.toml deploy/cli/pyproject.toml \
    --output-file requirements.lock "$@"
