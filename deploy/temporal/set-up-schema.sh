#!/bin/sh
# Creates the two databases where they are missing and brings their schemas to this server's version.
set -eu
for database in temporal:temporal temporal_visibility:visibility; do
  name=${database%%:*}
  schema=${database##*:}
  temporal-sql-tool --database "$name" create
  temporal-sql-tool --database "$name" setup-schema --version 0.0 2>/dev/null || true # there already
  temporal-sql-tool --database "$name" update-schema \
    --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
