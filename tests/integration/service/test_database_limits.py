"""Time limits of connections to PostgreSQL: silent peers, slow statements, and a database that takes no writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg2  # type: ignore[import-untyped]
import pytest
from sqlalchemy import Connection, Engine, text

from lab.network.parts.process import wait_until
from pix.messaging.consumer import ConsumerThread, isolating_poison
from pix.postgres.bulk import copy_rows, execute_bulk
from pix.postgres.connections import LOOK_SECONDS
from pix.postgres.engine import make_engine, transaction, why_database_is_not_ready
from pix.postgres.limits import SERVICE_LIMITS, SET_UP_LIMITS, DatabaseLimits
from pix.postgres.plain_connection import connect_plainly
from pix.postgres.statement import PreparedStatement
from pix.runtime.health import Health
from pix.runtime.outages import DatabaseUnavailable
from pix.wire.record import Record
from tests.support.silent_proxy import proxy_of, through

DEADLINE_SECONDS = 30.0
FOREVER_SECONDS = 3_600
HASTY = DatabaseLimits(
    statement_seconds=0.5, lock_seconds=0.25, idle_in_transaction_seconds=FOREVER_SECONDS, answer_seconds=0.75
)


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    url = new_database()
    with engine_of(url) as engine, transaction(engine) as connection:
        connection.execute(text("CREATE TABLE words (word text PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    return url


@contextmanager
def engine_of(url: str, limits: DatabaseLimits = SERVICE_LIMITS) -> Iterator[Engine]:
    engine = make_engine(url, limits)
    try:
        yield engine
    finally:
        engine.dispose()


def by_statement(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def by_bulk(connection: Connection) -> None:
    execute_bulk(connection, "SELECT 1", {})


def by_copy(connection: Connection) -> None:
    copy_rows(connection, "words", "word", ["a"])


# A connection that falls silent.


@pytest.mark.parametrize("ask", [by_statement, by_bulk, by_copy])
def test_a_connection_that_falls_silent_is_given_up_and_the_next_one_works(
    url: str, ask: Callable[[Connection], None]
) -> None:
    with proxy_of(url) as proxy, engine_of(through(proxy, url), HASTY) as engine:
        with transaction(engine) as connection:
            ask(connection)
            connection.execute(text("DELETE FROM words"))
        proxy.fall_silent()
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match=r"no answer within 0\.75 s"), transaction(engine) as connection:
            ask(connection)
        assert time.monotonic() - began >= HASTY.answer_seconds
        with transaction(engine) as connection:
            ask(connection)


def test_a_commit_that_is_not_answered_is_given_up(url: str) -> None:
    with proxy_of(url) as proxy, engine_of(through(proxy, url), HASTY) as engine:

        def write() -> None:
            with transaction(engine) as connection:
                by_statement(connection)
                proxy.fall_silent()

        with pytest.raises(DatabaseUnavailable, match="no answer"):
            write()
        with transaction(engine) as connection:
            by_statement(connection)


def test_an_answer_that_comes_in_time_harms_no_connection(url: str) -> None:
    with engine_of(url, HASTY) as engine:
        process = "SELECT pg_backend_pid() FROM pg_sleep(:seconds)"
        seen = set()
        for seconds in (0.0, 0.3, HASTY.answer_seconds / 4, LOOK_SECONDS):
            with transaction(engine) as connection:
                seen.add(connection.execute(text(process), {"seconds": seconds}).scalar_one())
        assert len(seen) == 1


class Words:
    """A source of records, for as long as they are not committed."""

    def __init__(self) -> None:
        self.waiting: list[Record] = []
        self._polled = 0

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        deadline = time.monotonic() + timeout_seconds
        while not self.waiting[self._polled :] and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS / 10)
        batch = self.waiting[self._polled :]
        self._polled = len(self.waiting)
        return batch

    def position(self) -> int:
        return self._polled

    def commit(self, place: int) -> None:
        del self.waiting[:place]
        self._polled -= place

    def rewind(self) -> None:
        self._polled = 0

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        (stop or threading.Event()).wait(seconds)

    def lag(self) -> int:
        return len(self.waiting)

    def close(self) -> None:
        """Nothing to give back."""


class Nowhere:
    """A sink; nothing is ever published here."""

    def begin(self, records: Sequence[Record]) -> Nowhere:
        assert not records
        return self

    def publish(self, records: Sequence[Record]) -> None:
        assert not records

    def wait(self) -> None:
        """Acknowledged."""


def test_a_consumer_whose_connections_fall_silent_goes_on_within_seconds_and_says_meanwhile_what_is_wrong(
    url: str,
) -> None:
    letters: list[str] = []
    source, health, stop = Words(), Health(), threading.Event()
    with proxy_of(url) as proxy, engine_of(through(proxy, url), HASTY) as engine:

        def handle(records: Sequence[Record]) -> Sequence[Record]:
            with transaction(engine) as connection:
                copy_rows(connection, "words", "word", [record.value.decode() for record in records])
            return []

        consumer = ConsumerThread(
            lambda: source, isolating_poison(handle, lambda _record, why: letters.append(why)), Nowhere(), health
        )
        thread = threading.Thread(target=consumer.run, args=(stop,))
        thread.start()
        try:
            source.waiting.append(Record("topic", b"", b"before"))
            wait_until(lambda: not source.waiting, DEADLINE_SECONDS, "the first word to be kept")
            proxy.fall_silent()
            source.waiting.append(Record("topic", b"", b"after"))
            wait_until(
                lambda: health.report()["consumer"] == "waiting for the database: no answer within 0.75 s",
                DEADLINE_SECONDS,
                "the consumer to say what is wrong",
            )
            wait_until(lambda: not source.waiting, DEADLINE_SECONDS, "the second word to be kept")
            wait_until(lambda: health.report()["consumer"] == "ok", DEADLINE_SECONDS, "the consumer to be well")
        finally:
            stop.set()
            thread.join()
        with transaction(engine) as connection:
            assert connection.execute(text("SELECT word FROM words ORDER BY word")).scalars().all() == [
                "after",
                "before",
            ]
    assert letters == []


# Limits that the server keeps.


def test_every_connection_has_the_limits_and_keeps_what_its_address_says(url: str) -> None:
    url = f"{url}{'&' if '?' in url else '?'}options=-c%20search_path%3Delsewhere%20-c%20lock_timeout%3D1234"
    asked = (
        "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
        "current_setting('idle_in_transaction_session_timeout'), current_setting('search_path')"
    )
    expected = ("15s", "1234ms", "15s", "elsewhere")
    with engine_of(url) as engine, transaction(engine) as connection:
        assert tuple(connection.execute(text(asked)).one()) == expected
    statement = PreparedStatement(url, f"{asked} WHERE $1 = 1", "int")
    assert statement.fetch(1) == [expected]
    statement.close()


def test_a_statement_that_takes_too_long_is_the_databases_fault_and_not_the_records(url: str) -> None:
    with engine_of(url, HASTY) as engine:
        for ask in (
            lambda connection: connection.execute(text("SELECT pg_sleep(3600)")),
            lambda connection: execute_bulk(connection, "SELECT pg_sleep(3600)", {}),
        ):
            with pytest.raises(DatabaseUnavailable, match="took too long"), transaction(engine) as connection:
                ask(connection)


def test_a_lock_that_is_not_to_be_had_is_the_databases_fault_and_not_the_records(url: str) -> None:
    with engine_of(url) as engine, engine_of(url, HASTY) as hasty, transaction(engine) as holder:
        holder.execute(text("LOCK TABLE words"))
        with pytest.raises(DatabaseUnavailable, match="lock"), transaction(hasty) as connection:
            copy_rows(connection, "words", "word", ["a"])


def test_a_client_that_says_nothing_more_holds_its_locks_no_longer_than_the_limit(url: str) -> None:
    brief = DatabaseLimits(HASTY.statement_seconds, HASTY.lock_seconds, 0.5, HASTY.answer_seconds)
    with engine_of(url) as engine, engine_of(url, brief) as mute, mute.connect() as connection:
        connection.execute(text("LOCK TABLE words"))
        with transaction(engine) as other:
            copy_rows(other, "words", "word", ["a"])
        connection.invalidate()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("25006", "takes no writes"),
        ("53100", "disk is full"),
        ("53300", "too many connections"),
        ("57014", "took too long"),
        ("55P03", "lock"),
        ("57P01", "shut down"),
        ("42501", "refuses this user"),
        ("42P01", "schema is another"),
        ("40P01", "waited for each other"),
    ],
)
def test_what_says_something_of_the_database_makes_no_dead_letter_and_is_told_apart(
    url: str, code: str, said: str
) -> None:
    letters: list[str] = []
    with engine_of(url) as engine:
        with transaction(engine) as connection:
            connection.exec_driver_sql(
                "CREATE FUNCTION fail(code text) RETURNS int LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'words of the server' USING ERRCODE = code; END $$"
            )
        ways: list[Callable[[Connection], object]] = [
            lambda connection: connection.execute(text("SELECT fail(:code)"), {"code": code}),
            lambda connection: execute_bulk(connection, "SELECT fail(%(code)s)", {"code": code}),
        ]
        for ask in ways:

            def handle(records: Sequence[Record], ask: Callable[[Connection], object] = ask) -> Sequence[Record]:
                with transaction(engine) as connection:
                    ask(connection)
                return records

            guarded = isolating_poison(handle, lambda _record, why: letters.append(why))
            with pytest.raises(DatabaseUnavailable, match=f"{said}.*: words of the server"):
                guarded([Record("topic", b"", b"")])
    assert letters == []


def test_what_is_wrong_with_a_record_is_no_fault_of_the_database(url: str) -> None:
    with (
        engine_of(url) as engine,
        pytest.raises(psycopg2.errors.NotNullViolation),
        transaction(engine) as connection,
    ):
        execute_bulk(connection, "INSERT INTO words VALUES (NULL)", {})


# Readiness.


def test_a_database_that_takes_writes_is_ready_also_before_it_has_a_schema_and_while_one_is_made(
    url: str, new_database: Callable[[], str]
) -> None:
    with engine_of(new_database()) as engine:
        assert why_database_is_not_ready(engine) == ""
    with engine_of(url) as engine, transaction(engine) as migrating:
        migrating.execute(text("UPDATE alembic_version SET version_num = '0002'"))
        with engine_of(url, HASTY) as other:
            assert why_database_is_not_ready(other) == ""


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("default_transaction_read_only = on", "takes no writes"),
        # The nearest to a full disk that a server can be told to play.
        ("temp_file_limit = '64kB'", "temp_file_limit"),
    ],
)
def test_a_database_that_takes_no_writes_or_has_no_room_is_not_ready(url: str, setting: str, said: str) -> None:
    with engine_of(url) as engine:
        with transaction(engine) as connection:
            name = connection.execute(text("SELECT current_database()")).scalar_one()
            connection.execute(text(f"ALTER DATABASE {name} SET {setting}"))
        with engine_of(url) as later:
            assert said in why_database_is_not_ready(later)


def test_a_database_that_is_silent_is_not_ready(url: str) -> None:
    with proxy_of(url) as proxy, engine_of(through(proxy, url), HASTY) as engine:
        assert why_database_is_not_ready(engine) == ""
        proxy.fall_silent()
        assert "no answer within 0.75 s" in why_database_is_not_ready(engine)
        assert why_database_is_not_ready(engine) == ""


def test_a_tools_connection_has_limits_and_runs_single_statements(url: str) -> None:
    with closing(connect_plainly(url, SET_UP_LIMITS)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1min",)
        assert (connection.info.dsn_parameters["tcp_user_timeout"], connection.autocommit) == ("10000", True)
    with closing(connect_plainly(url, HASTY)) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute("SELECT pg_sleep(60)")
        cursor.execute("SELECT 1")
