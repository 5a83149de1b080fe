#!/bin/sh
# Makes the user that Grafana reads as when the database is made; run by the image of the database.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set schema=public --set owner="$POSTGRES_USER" --set reader=grafana --file "${READER_SQL:-/reader.sql}"
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$READER_PASSWORD" <<'SQL'
ALTER ROLE grafana PASSWORD :'password';
SQL
