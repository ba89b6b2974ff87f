#!/bin/sh
# Bring Temporal's two databases to the schema of this image's version; run again, it changes
# nothing. Where and as whom comes from SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD, SQL_PLUGIN.
set -eu

bring_up() {
    # Makes the version tables where there are none; a database that is further on is left alone.
    temporal-sql-tool --db "$1" setup-schema --version 0.0
    temporal-sql-tool --db "$1" update-schema \
        --schema-dir "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

bring_up temporal temporal
bring_up temporal_visibility visibility
