"""Transactions of a test that meet in a chosen order: one waits for a lock before the next one begins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, text

from pix.postgres.engine import make_engine

DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.02

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def await_waiting(engine: Engine, transactions: int) -> None:
    """Returns once so many transactions of this database wait for a lock."""
    pause, looks_left = threading.Event(), int(DEADLINE_SECONDS / LOOK_SECONDS)
    while True:
        with engine.connect() as connection:
            waiting: int = connection.execute(_WAITING).scalar_one()
        if waiting >= transactions:
            return
        assert looks_left > 0, f"{waiting} transactions wait for a lock, not {transactions}"
        looks_left -= 1
        pause.wait(LOOK_SECONDS)


@contextmanager
def holding(engine: Engine, statement: str) -> Iterator[None]:
    """Holds the rows of a `SELECT … FOR UPDATE` until the block ends."""
    with engine.connect() as connection:
        connection.execute(text(statement))
        yield
        connection.rollback()


def crossed(engine: Engine, blocking: str, *acts: Callable[[], Any]) -> list[Any]:
    """Begins each act once all before it wait for a lock; then releases what `blocking` holds, and awaits them all.

    Returns their results. What an act raises is raised: a deadlock is a DatabaseUnavailable.
    """
    begun: list[Future[Any]] = []
    with ThreadPoolExecutor(len(acts)) as pool:
        with holding(engine, blocking):
            for number, act in enumerate(acts, start=1):
                begun.append(pool.submit(act))
                await_waiting(engine, number)
        return [each.result(DEADLINE_SECONDS) for each in begun]


@contextmanager
def engine_that_reads_in_the_order_of_the_table(url: str) -> Iterator[Engine]:
    """Connections whose plans find rows by an index and visit them as they lie, as PostgreSQL does where it is cheaper.

    Locks are then taken in an order only where a statement names one.
    """
    engine = make_engine(url)

    def forbid_ordered_reading(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_indexscan = off; SET enable_indexonlyscan = off")
        connection.commit()

    event.listen(engine, "connect", forbid_ordered_reading)
    try:
        yield engine
    finally:
        engine.dispose()
