"""PostgreSQL through SQLAlchemy Core: the engine, transactions, and what counts as "the database is down"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pix.service.batches import DatabaseUnavailable
from pix.service.connections import FrugalConnection, replace_the_dead
from pix.service.logs import logger

POOL_SIZE: Final = 10
POOL_OVERFLOW_MAX: Final = 10
POOL_TIMEOUT_SECONDS: Final = 10
CONNECT_TIMEOUT_SECONDS: Final = 5

log = logger(__name__)

_SERIALIZATION_FAILURES: Final = frozenset({"40001", "40P01"})


def make_engine(url: str) -> Engine:
    """A pool of connections; opens none yet. A connection that died is noticed before it is used."""
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW_MAX,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        # The one that was used last has what it needs at hand, in its memory and in the processor's.
        pool_use_lifo=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "connection_factory": FrugalConnection},
    )
    replace_the_dead(engine)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: commits at the end, rolls back on an exception. Raises DatabaseUnavailable when it is down.

    A deadlock or a serialisation failure counts as unavailable too: the remedy is the same, to do it again.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise DatabaseUnavailable(_one_line(error)) from error
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "pgcode", None) in _SERIALIZATION_FAILURES:
            raise DatabaseUnavailable(_one_line(error)) from error
        raise


def undo(connection: Connection) -> None:
    """Rolls back what was not committed. When the connection has died, the database has done so by itself."""
    try:
        connection.rollback()
    except (OperationalError, InterfaceError) as error:
        log.warning("the connection was lost at the end of a transaction without a commit", error=_one_line(error))


def is_storable(text_from_outside: str) -> bool:
    """Whether a column of text can hold it. One that cannot is not looked up: no row has it."""
    return "\x00" not in text_from_outside


def database_answers(engine: Engine) -> bool:
    """Whether a statement gets through."""
    try:
        with transaction(engine) as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseUnavailable:
        return False
    return True


def _one_line(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]
