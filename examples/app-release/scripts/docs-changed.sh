#!/bin/sh
# The changelog has a heading of this version; that of a prerelease is the one of the version it comes before.
set -eu
version=${SLIPWAY_VERSION%%-*}
grep -q "^## ${version#v}\$" docs/CHANGELOG.md || {
  echo "docs/CHANGELOG.md has no heading \"## ${version#v}\"" >&2
  exit 1
}
