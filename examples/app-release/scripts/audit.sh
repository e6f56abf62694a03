#!/bin/sh
# Every requirement is pinned to one version; what is not is a finding.
set -eu
exec python3 scripts/advisories.py audit >audit.sarif
