#!/bin/bash
# Make the two roles and the three databases of an empty PostgreSQL server.
# Its image runs this once, before the server listens to anybody else.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv store_password STORE_PASSWORD
\getenv temporal_password TEMPORAL_STORE_PASSWORD
CREATE ROLE godwit LOGIN PASSWORD :'store_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE godwit OWNER godwit;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE ALL ON DATABASE godwit, temporal, temporal_visibility FROM PUBLIC;
SQL
