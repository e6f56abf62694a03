#!/bin/sh
# backup_db.sh NAME: the whole database into /backups/NAME, or nothing there.
set -eu
file="/backups/$1"
pg_dump --format=custom --file="$file.part" "$DATABASE_URL"
mv "$file.part" "$file"
echo "$file"
