#!/bin/sh
# migrate.sh: brings the database that PGHOST, PGUSER and the like name to the newest migration, each file once.
set -eu
cd "$(dirname "$0")/../migrations"
psql -Xq -c 'CREATE TABLE IF NOT EXISTS schema_revision (name text PRIMARY KEY)'
for file in *.sql; do
  name=${file%.sql}
  [ -z "$(psql -XAtq -c "SELECT 1 FROM schema_revision WHERE name = '$name'")" ] || continue
  psql -Xq --single-transaction -v ON_ERROR_STOP=1 -f "$file" -c "INSERT INTO schema_revision VALUES ('$name')"
  echo "$name"
done
