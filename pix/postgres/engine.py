"""PostgreSQL through SQLAlchemy Core: the engine, transactions, and what counts as "the database is down"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pix.postgres.connections import connecting_within, driver_of, replace_the_dead
from pix.postgres.errors import one_line, why_unavailable
from pix.postgres.limits import (
    MAINTENANCE_LIMITS,
    MS_PER_SECOND,
    SERVICE_LIMITS,
    DatabaseLimits,
    connection_parameters,
)
from pix.postgres.url import database_url
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable

POOL_SIZE: Final = 10
POOL_OVERFLOW_MAX: Final = 10
POOL_TIMEOUT_SECONDS: Final = 10
WRITE_PROBE_AGE_SECONDS_MAX: Final = 2.0
"""Readiness writes to the database no more often, however often it is asked for."""
STANDBY_SECONDS_MAX: Final = 5
"""A commit that waits longer for the synchronous standby means that there is none."""

log = logger(__name__)

_MAINTENANCE: Final = text(
    f"SET LOCAL statement_timeout = {round(MAINTENANCE_LIMITS.statement_seconds * MS_PER_SECOND)}; "
    f"SET LOCAL lock_timeout = {round(MAINTENANCE_LIMITS.lock_seconds * MS_PER_SECOND)}"
)
_WRITE: Final = text(
    # A row that each participant has. One that another holds is not waited for; a server that takes no writes refuses
    # the statement all the same.
    "UPDATE alembic_version SET version_num = version_num "
    "WHERE version_num = (SELECT version_num FROM alembic_version LIMIT 1 FOR UPDATE SKIP LOCKED)"
)
_COMMIT_SOMETHING: Final = text(
    # Goes to the log alone: so the commit waits for the synchronous standby, also where the row was another's.
    "SELECT pg_logical_emit_message(true, 'codepix', 'probe')"
)
_WAITING_FOR_STANDBY: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep' "
    "AND query_start < clock_timestamp() - make_interval(secs => :seconds)"
)
_NEED_ROOM: Final = text(
    # More than fits in so little memory, hence a temporary file: a disk that is full refuses it, where a row that
    # exists may still be changed.
    "SELECT count(word) FROM ("
    "SELECT md5(n::text) AS word FROM generate_series(1, 4000) AS n ORDER BY 1 OFFSET 0) AS words"
)


def make_engine(url: str, limits: DatabaseLimits = SERVICE_LIMITS) -> Engine:
    """A pool of connections; opens none yet. A connection that died is noticed before it is used.

    Raises ValueError for a URL that `pix.postgres.url` does not accept.
    """
    address = database_url(url)
    engine = create_engine(
        address,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW_MAX,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        # The one that was used last has what it needs at hand, in its memory and in the processor's.
        pool_use_lifo=True,
        connect_args={
            **connection_parameters(address, limits),
            "connection_factory": connecting_within(limits.answer_seconds),
        },
    )
    replace_the_dead(engine)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: commits at the end, rolls back on an exception.

    Raises DatabaseUnavailable when the database cannot do its work, whatever it was asked: it is down, takes no writes,
    ran into a time limit or a deadlock. The remedy is the same for all of them, to do it again.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except PoolTimeout as error:
        raise DatabaseUnavailable(one_line(error)) from error
    except DBAPIError as error:
        reason = why_unavailable(error.orig)
        if reason is not None or error.connection_invalidated:
            raise DatabaseUnavailable(reason or one_line(error.orig)) from error
        raise


def allow_maintenance(connection: Connection) -> None:
    """Gives what follows in this transaction the time of `MAINTENANCE_LIMITS`."""
    driver_of(connection).allow_answers_within(MAINTENANCE_LIMITS.answer_seconds)
    connection.execute(_MAINTENANCE)


def undo(connection: Connection) -> None:
    """Rolls back what was not committed. When the connection has died, the database has done so by itself."""
    try:
        connection.rollback()
    except (OperationalError, InterfaceError) as error:
        log.warning(
            "the connection was lost at the end of a transaction without a commit",
            error=one_line(getattr(error, "orig", None) or error),
        )


def is_storable(text_from_outside: str) -> bool:
    """Whether a column of text can hold it. One that cannot is not looked up: no row has it."""
    return "\x00" not in text_from_outside


def why_database_is_not_ready(engine: Engine) -> str:
    """Empty when the database takes writes and has room for more; otherwise what is wrong with it, in a sentence.

    It writes, so it is to be asked at intervals. What has no schema yet is not written to.
    """
    try:
        with transaction(engine) as connection:
            if connection.execute(_WAITING_FOR_STANDBY, {"seconds": STANDBY_SECONDS_MAX}).scalar_one():
                # A commit of ours would wait as well, and its session on the server would outlast us.
                return "the database does not do its work: its commits wait for a synchronous standby"
            if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is not None:
                connection.execute(_WRITE)
                connection.execute(_COMMIT_SOMETHING)
            connection.execute(text("SET LOCAL work_mem = '64kB'"))
            connection.execute(_NEED_ROOM)
    except DatabaseUnavailable as error:
        answered = getattr(getattr(error.__cause__, "orig", None), "pgcode", None) is not None
        return f"the database {'does not do its work' if answered else 'does not answer'}: {error}"
    return ""
