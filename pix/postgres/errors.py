"""Which errors of PostgreSQL say something of the database, and nothing of what it was asked.

Such a request is to be made again, unchanged, when the database is well. None of these may cost a record its place:
no content of a record can cause one of them.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import errorcodes

SENTENCE_LENGTH_MAX: Final = 300

_REASONS: Final = {
    errorcodes.READ_ONLY_SQL_TRANSACTION: "it takes no writes",
    errorcodes.DISK_FULL: "its disk is full",
    errorcodes.OUT_OF_MEMORY: "it is out of memory",
    errorcodes.TOO_MANY_CONNECTIONS: "it has too many connections",
    errorcodes.QUERY_CANCELED: "a statement took too long",
    errorcodes.LOCK_NOT_AVAILABLE: "a lock was not to be had in time",
    errorcodes.ADMIN_SHUTDOWN: "it is shut down",
    errorcodes.CRASH_SHUTDOWN: "it has crashed",
    errorcodes.CANNOT_CONNECT_NOW: "it is starting or stopping",
    errorcodes.SERIALIZATION_FAILURE: "another transaction was quicker",
    errorcodes.DEADLOCK_DETECTED: "two transactions waited for each other",
    errorcodes.IDLE_IN_TRANSACTION_SESSION_TIMEOUT: "a transaction was left open for too long",
    errorcodes.INSUFFICIENT_PRIVILEGE: "it refuses this user",
    errorcodes.UNDEFINED_TABLE: "its schema is another",
    errorcodes.UNDEFINED_COLUMN: "its schema is another",
    errorcodes.INVALID_SCHEMA_NAME: "its schema is another",
}


def why_unavailable(error: BaseException | None) -> str | None:
    """Why the database cannot do what it was asked, in a sentence; None when the fault is in what it was asked.

    An error without a code of PostgreSQL's is one of the connection.
    """
    code: Any = getattr(error, "pgcode", None)
    reason = _REASONS.get(code)
    if reason is not None:
        return f"{reason}: {one_line(error)}"
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return one_line(error)
    return None


def one_line(error: BaseException | None) -> str:
    """An error's text without line breaks, bounded."""
    return " ".join(str(error).split())[:SENTENCE_LENGTH_MAX]
