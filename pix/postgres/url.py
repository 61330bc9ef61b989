"""DATABASE_URL: the forms that are accepted, and what psycopg2 makes of them."""

from __future__ import annotations

from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2.extensions import make_dsn  # type: ignore[import-untyped]
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pix.runtime.addresses import PORT_MAX

DRIVER: Final = "postgresql+psycopg2"
SCHEMES: Final = ("postgresql", "postgres", DRIVER)
"""What providers hand out, what libpq documents, and SQLAlchemy's own; all mean the one driver that we bring."""


def check_database_url(text: str) -> str:
    """The URL with SQLAlchemy's name of the driver. Raises ValueError with a rule that repeats nothing of the URL."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme.lower() not in SCHEMES:
        raise ValueError("must begin with postgresql:// (or postgres://, or postgresql+psycopg2://)")
    url = f"{DRIVER}://{rest}"
    libpq_dsn(url)
    return url


def database_url(text: str) -> URL:
    """The same, split. Raises ValueError."""
    scheme, _, rest = text.strip().partition("://")
    try:
        url = make_url(f"{DRIVER}://{rest}" if scheme.lower() in SCHEMES else text)
    except ArgumentError:
        raise ValueError("is no URL: postgresql://user:password@host:port/database") from None
    except ValueError:
        raise ValueError(f"must have a port from 1 to {PORT_MAX}") from None
    if url.port is not None and not 1 <= url.port <= PORT_MAX:
        raise ValueError(f"must have a port from 1 to {PORT_MAX}")
    if url.host is not None and "%" in url.host:
        raise ValueError("must name the folder of a socket so: postgresql:///database?host=/folder")
    return url


def libpq_dsn(url: str | URL) -> str:
    """The connection string for libpq itself, which reads `%20` of a URL as a space and `+` as a plus.

    In it are keywords and values, where nothing is encoded. Raises ValueError, also for what libpq does not know.
    """
    split = database_url(url) if isinstance(url, str) else url
    try:
        arguments, keywords = PGDialect_psycopg2().create_connect_args(split)  # type: ignore[no-untyped-call]
        dsn: str = make_dsn(*arguments, **_as_texts(keywords))
    except ArgumentError:
        raise ValueError("must name as many ports as hosts, or none") from None
    except psycopg2.ProgrammingError:
        raise ValueError("has an option after ? that PostgreSQL's client does not know") from None
    return dsn


def _as_texts(keywords: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in keywords.items()}
