"""The schema of a participant's database: brought to the newest by Alembic, and compared with it without.

Alembic and what it brings along take some ten megabytes, which a service that runs for weeks needs for one second. So
it is imported where a schema is changed, and a service that changes it before it serves lets a child do that.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy import Engine, text

from pix.postgres.engine import make_engine, transaction
from pix.postgres.limits import MAINTENANCE_LIMITS, SERVICE_LIMITS
from pix.postgres.plain_connection import connect_plainly
from pix.runtime.outages import DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATION_LOCK: Final = 0x0C0DE914
"""PostgreSQL's advisory lock that lets one replica migrate while the others wait."""


def migrate(url: str, migrations: Path) -> None:
    """Brings the database to the newest schema; safe to call from many replicas at once. Raises DatabaseUnavailable."""
    from alembic import command

    engine = make_engine(url, MAINTENANCE_LIMITS)
    try:
        with transaction(engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            configuration = alembic_configuration(migrations)
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
    finally:
        engine.dispose()


def migrate_in_child(url: str, migrations: Path) -> None:
    """The same in a separate process, which takes the memory with it. Call it before any thread is started.

    A service that starts again finds the newest schema, and is spared the child with its second of imports.
    """
    if _needs_nothing(url, migrations):
        return
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as child:
        try:
            child.submit(migrate, url, migrations).result()
        except BrokenProcessPool:
            raise DatabaseUnavailable("the process that brings the database to the newest schema was killed") from None


def _needs_nothing(url: str, migrations: Path) -> bool:
    """Whether the database has the newest schema. False where it does not answer: the child says why."""
    # Not through an engine: a thread watches its connections, and a process with threads must not be forked.
    try:
        with closing(connect_plainly(url, SERVICE_LIMITS)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('alembic_version')")
            if cursor.fetchone() == (None,):
                return False
            cursor.execute("SELECT version_num FROM alembic_version")
            return bool(cursor.fetchall() == [(newest_revision(migrations),)])
    except psycopg2.Error:
        return False


def is_migrated(engine: Engine, migrations: Path) -> bool:
    """Whether the database has the newest schema. Raises DatabaseUnavailable."""
    with transaction(engine) as connection:
        if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
            return False
        revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
        return list(revisions) == [newest_revision(migrations)]


def newest_revision(migrations: Path) -> str:
    """What the files' names begin with, up to the first underscore, is the revision; the last one is the newest."""
    return max(file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*_*.py"))


def alembic_configuration(migrations: Path) -> Config:
    """For Alembic's own commands."""
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return configuration


def run_migrations_here(context: Any) -> None:
    """The body of each participant's `migrations/env.py`: runs in the connection that `migrate` opened."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection)
    context.run_migrations()
