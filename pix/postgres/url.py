"""DATABASE_URL: the forms that are accepted, and what psycopg2 makes of them."""

from __future__ import annotations

from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2.extensions import make_dsn, parse_dsn  # type: ignore[import-untyped]
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pix.runtime.addresses import PORT_MAX

DRIVER: Final = "postgresql+psycopg2"
SCHEMES: Final = ("postgresql", "postgres", DRIVER)
"""What providers hand out, what libpq documents, and SQLAlchemy's own; all mean the one driver that we bring."""

_RULE_OF_PORTS: Final = f"must have a port from 1 to {PORT_MAX}"


def check_database_url(text: str) -> str:
    """The URL with SQLAlchemy's name of the driver. Raises ValueError with a rule that repeats nothing of the URL."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme.lower() not in SCHEMES:
        raise ValueError("must begin with postgresql:// (or postgres://, or postgresql+psycopg2://)")
    url = f"{DRIVER}://{_with_hosts_as_options(rest)}"
    libpq_dsn(url)
    return url


def database_url(text: str) -> URL:
    """The same, split. Raises ValueError."""
    scheme, _, rest = text.strip().partition("://")
    usual = f"{DRIVER}://{_with_hosts_as_options(rest)}" if scheme.lower() in SCHEMES else text
    try:
        url = make_url(usual)
    except ArgumentError:
        raise ValueError("is no URL: postgresql://user:password@host:port/database") from None
    except ValueError:
        raise ValueError(_RULE_OF_PORTS) from None
    if url.port is not None and not 1 <= url.port <= PORT_MAX:
        raise ValueError(_RULE_OF_PORTS)
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
    for port in filter(None, parse_dsn(dsn).get("port", "").split(",")):
        if not port.isdecimal() or not 1 <= int(port) <= PORT_MAX:
            raise ValueError(_RULE_OF_PORTS)
    return dsn


def dsns_of_hosts(dsn: str) -> list[str]:
    """The same connection string for each of its hosts alone, in their order."""
    parameters: dict[str, str] = parse_dsn(dsn)
    hosts, ports = parameters.get("host", "").split(","), parameters.get("port", "").split(",")
    if len(hosts) == 1 or "hostaddr" in parameters:
        return [dsn]
    # One port is that of all hosts.
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return [str(make_dsn(dsn, host=host, port=port)) for host, port in zip(hosts, ports, strict=True)]


def _with_hosts_as_options(rest: str) -> str:
    """From libpq's `user@one:5432,two:5432/database` to SQLAlchemy's form, which has several hosts behind the `?`.

    Raises ValueError.
    """
    authority, slash, path = rest.partition("/")
    user, at, hosts = authority.rpartition("@")
    if "," not in hosts or "?" in hosts:
        return rest
    if any(host.count(":") > 1 for host in hosts.split(",")):
        raise ValueError("must name each of several hosts so: host:port")
    named = "&".join(f"host={host}" for host in hosts.split(","))
    return f"{user}{at}{slash}{path}{'&' if '?' in path else '?'}{named}"


def _as_texts(keywords: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in keywords.items()}
