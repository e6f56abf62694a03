#!/bin/sh
# restore_db.sh NAME: the database as it was in /backups/NAME, in one transaction.
set -eu
pg_restore --clean --if-exists --single-transaction --exit-on-error --dbname="$DATABASE_URL" "/backups/$1"
