"""A participant whose primary is replaced by a standby: where it connects, and what counts as committed."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, make_url

from lab.network.parts.postgres import MAINTENANCE_DATABASE, EmbeddedPostgres
from lab.network.parts.process import wait_until
from pix.postgres.bulk import execute_bulk
from pix.postgres.engine import STANDBY_SECONDS_MAX, make_engine, transaction, why_database_is_not_ready
from pix.postgres.limits import SET_UP_LIMITS
from pix.postgres.plain_connection import connect_plainly
from pix.postgres.statement import PreparedStatement
from pix.runtime.outages import DatabaseUnavailable

DEADLINE_SECONDS = 60.0
REPLICATING = {"wal_level": "replica", "max_wal_senders": "4", "synchronous_commit": "on", "max_connections": "50"}
ADD = "INSERT INTO words VALUES (%(word)s) ON CONFLICT DO NOTHING"


class Pair:
    """A primary and its standby."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = (
            EmbeddedPostgres(folder / name, name=name, durable=False, settings=REPLICATING)
            for name in ("first", "second")
        )

    def start(self) -> None:
        self.first.start()
        administer(self.first, "CREATE TABLE words (word text PRIMARY KEY)")
        self.first.copy_to(self.second)
        self.second.start()

    def stop(self) -> None:
        self.second.stop()
        self.first.stop()

    def url(self, *servers: EmbeddedPostgres, **options: str) -> str:
        hosts = tuple(str(make_url(each.url(MAINTENANCE_DATABASE)).query["host"]) for each in servers)
        url = make_url(self.first.url(MAINTENANCE_DATABASE))
        return url.set(query={"host": hosts if len(hosts) > 1 else hosts[0], **options}).render_as_string()

    def wait_until_copied(self, word: str) -> None:
        wait_until(lambda: word in words_at(self.second), DEADLINE_SECONDS, "the standby to have the word")


@contextmanager
def running_pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="codepix-pair-") as folder:
        pair = Pair(Path(folder))
        try:
            pair.start()
            yield pair
        finally:
            pair.stop()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """The first is the primary, the second follows it; the tests leave it so."""
    with running_pair() as pair:
        yield pair


@pytest.fixture
def doomed_pair() -> Iterator[Pair]:
    """The same, for a test that replaces the primary."""
    with running_pair() as pair:
        yield pair


def administer(server: EmbeddedPostgres, *statements: str) -> list[tuple[Any, ...]]:
    """Runs statements on the server itself, whatever it is; the rows of the last."""
    with closing(connect_plainly(server.url(MAINTENANCE_DATABASE), SET_UP_LIMITS)) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def words_at(server: EmbeddedPostgres) -> list[str]:
    return [row[0] for row in administer(server, "SELECT word FROM words ORDER BY word")]


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def add(engine: Engine, word: str) -> None:
    with transaction(engine) as connection:
        execute_bulk(connection, ADD, {"word": word})


def test_a_participant_follows_the_primary_to_another_server(doomed_pair: Pair) -> None:
    pair = doomed_pair
    url = pair.url(pair.first, pair.second)
    statement = PreparedStatement(url, "SELECT word FROM words WHERE word = $1", "text")
    with engine_of(url) as engine, closing(statement):
        add(engine, "before")
        assert statement.fetch("before") == [("before",)]
        pair.wait_until_copied("before")

        pair.first.kill()
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                add(engine, "between")
            with pytest.raises(DatabaseUnavailable):
                statement.fetch("before")
        assert "does not answer" in why_database_is_not_ready(engine)

        administer(pair.second, "SELECT pg_promote()")
        add(engine, "after")
        assert statement.fetch("after") == [("after",)]
        assert why_database_is_not_ready(engine) == ""
    assert words_at(pair.second) == ["after", "before"]


def test_a_server_that_takes_no_writes_any_more_is_left_for_one_that_does(pair: Pair) -> None:
    def set_read_only(how: str, expected: str) -> None:
        administer(pair.first, f"ALTER SYSTEM {how}", "SELECT pg_reload_conf()")
        shown = "SHOW default_transaction_read_only"
        wait_until(
            lambda: administer(pair.first, shown) == [(expected,)], DEADLINE_SECONDS, f"read-only to be {expected}"
        )

    with engine_of(pair.url(pair.first, pair.second)) as engine:
        add(engine, "writable")
        set_read_only("SET default_transaction_read_only = on", "on")
        with pytest.raises(DatabaseUnavailable, match="it takes no writes"):
            add(engine, "never")
        # The connection was not kept: all servers are asked, and none takes writes.
        with pytest.raises(DatabaseUnavailable, match="session is read-only"):
            add(engine, "never")
        set_read_only("RESET default_transaction_read_only", "off")
        add(engine, "writable again")
    assert {"writable", "writable again"} <= set(words_at(pair.first))
    assert "never" not in words_at(pair.first)


def test_a_standby_is_an_outage_and_no_fault_of_what_was_asked(pair: Pair) -> None:
    with engine_of(pair.url(pair.second)) as engine, pytest.raises(DatabaseUnavailable, match="it takes no writes"):
        add(engine, "never")
    assert "never" not in words_at(pair.first)


def test_a_commit_whose_wait_for_the_standby_is_ended_counts_as_unknown(pair: Pair) -> None:
    with engine_of(pair.url(pair.first)) as engine, ThreadPoolExecutor(1) as pool:
        add(engine, "before")
        pair.second.stop()
        administer(pair.first, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        wait_until(
            lambda: administer(pair.first, "SHOW synchronous_standby_names") == [("*",)],
            DEADLINE_SECONDS,
            "commits to need a standby",
        )
        adding = pool.submit(add, engine, "unknown")
        wait_until(lambda: administer(pair.first, waiting), DEADLINE_SECONDS, "the commit to wait for a standby")
        assert not adding.done()
        for_long = f"{waiting} AND query_start < clock_timestamp() - interval '{STANDBY_SECONDS_MAX} seconds'"
        wait_until(lambda: administer(pair.first, for_long), DEADLINE_SECONDS, "the commit to have waited for long")
        assert why_database_is_not_ready(engine).endswith("its commits wait for a synchronous standby")
        administer(pair.first, f"SELECT pg_cancel_backend(pid) FROM ({waiting}) AS found")
        with pytest.raises(DatabaseUnavailable, match="the outcome of a commit is unknown"):
            adding.result(DEADLINE_SECONDS)

        # The primary shows it all the same; the participant does it again, which changes nothing.
        assert "unknown" in words_at(pair.first)
        pair.second.start()
        add(engine, "unknown")
        pair.wait_until_copied("unknown")
        administer(pair.first, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


def test_a_look_up_goes_past_a_host_that_accepts_and_says_nothing(pair: Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        folder = str(make_url(pair.first.url(MAINTENANCE_DATABASE)).query["host"])
        url = f"postgresql://postgres@/{MAINTENANCE_DATABASE}?host=127.0.0.1,{folder}&port={port},5432"
        with closing(PreparedStatement(url, "SELECT $1", "text")) as statement:
            assert statement.fetch("found") == [("found",)]
