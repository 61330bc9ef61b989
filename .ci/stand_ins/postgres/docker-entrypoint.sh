#!/bin/bash
# Makes a cluster in PGDATA when there is none, as POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB say, runs what is in
# /docker-entrypoint-initdb.d, and becomes the server.
set -Eeuo pipefail

if [ "${1:-}" != postgres ]; then
    exec "$@"
fi

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "POSTGRES_PASSWORD is not set" >&2
        exit 1
    fi
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    initdb --pgdata="$PGDATA" --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --encoding=UTF8 --locale-provider=builtin --locale=C --builtin-locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 --no-instructions
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl --pgdata="$PGDATA" --options="-c listen_addresses=''" --wait --silent start
    export PGHOST=/tmp PGUSER=$user
    if [ "$database" != postgres ]; then
        createdb --maintenance-db=postgres "$database"
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) . "$file" ;;
            *.sql) psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname="$database" --file="$file" ;;
        esac
    done
    unset PGHOST PGUSER
    pg_ctl --pgdata="$PGDATA" --mode=fast --wait --silent stop
fi

exec "$@"
