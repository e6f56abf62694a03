#!/bin/sh
# safety.sh: known vulnerabilities of what requirements.txt names, into safety.sarif.
# 1 means that it found some: what of it is too bad, the gate decides.
set -eu
osv-scanner scan source --lockfile requirements.txt --format sarif --output safety.sarif || [ $? -eq 1 ]
