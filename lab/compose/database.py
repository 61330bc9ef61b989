"""Creates the participant's database that DATABASE_URL names, unless it is there already.

Every participant of a network that shares one PostgreSQL server needs this once; see docker-compose.yml.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import errors, sql

from pix.postgres.limits import SET_UP_LIMITS
from pix.postgres.plain_connection import connect_plainly
from pix.postgres.url import database_url

MAINTENANCE_DATABASE: Final = "postgres"


def create_database(url_text: str) -> bool:
    """Whether the database was missing. Raises ValueError for a URL of another kind, and psycopg2.Error."""
    url = database_url(url_text)
    server = url.set(database=MAINTENANCE_DATABASE)
    connection = connect_plainly(server, SET_UP_LIMITS)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (url.database,))
            if cursor.fetchone() is not None:
                return False
            try:
                # From template0, which takes no connections, so that several databases can be created at the same time.
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
                cursor.execute(statement.format(sql.Identifier(url.database or "")))
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                return False
            return True
    finally:
        connection.close()


def main() -> int:
    try:
        was_missing = create_database(os.environ["DATABASE_URL"])
    except KeyError:
        print("DATABASE_URL: not set", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"DATABASE_URL: {error}", file=sys.stderr)
        return 2
    except psycopg2.Error as error:
        print(f"DATABASE_URL: {error}".strip(), file=sys.stderr)
        return 1
    print("the database is created" if was_missing else "the database is there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
