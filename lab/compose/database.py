"""Creates the participant's database that DATABASE_URL names, unless it is there already.

Every participant of a network that shares one PostgreSQL server needs this once; see docker-compose.yml.
"""

from __future__ import annotations

import os
import sys

import psycopg2  # type: ignore[import-untyped]

from lab.network.parts.postgres import MAINTENANCE_DATABASE, create_database
from pix.postgres.url import database_url


def main() -> int:
    try:
        url = database_url(os.environ["DATABASE_URL"])
        was_missing = create_database(url.set(database=MAINTENANCE_DATABASE), url.database or "")
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
