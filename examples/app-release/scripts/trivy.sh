#!/bin/sh
# Stands where `trivy fs --format json --output trivy.json .` would: the same report, of what security/advisories.json knows.
set -eu
exec python3 scripts/advisories.py trivy >trivy.json
