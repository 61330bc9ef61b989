"""A connection to PostgreSQL for tools, which send single statements and have no pool."""

from __future__ import annotations

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy.engine import URL

from pix.postgres.limits import DatabaseLimits, connection_parameters
from pix.postgres.url import database_url, libpq_dsn


def connect_plainly(url: str | URL, limits: DatabaseLimits) -> psycopg2.extensions.connection:
    """A connection in autocommit, as CREATE DATABASE needs it, with the limits that the server and the kernel keep.

    Raises ValueError for a URL that is not accepted, and psycopg2.Error.
    """
    address = database_url(url) if isinstance(url, str) else url
    connection = psycopg2.connect(libpq_dsn(address), **connection_parameters(address, limits))
    connection.autocommit = True
    return connection
