"""A prepared statement: what it gives, and what becomes of it when the database or the caller goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2  # type: ignore[import-untyped]
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from pix.postgres.engine import make_engine, transaction
from pix.postgres.statement import FetchUnderWay, PreparedStatement, Rows
from pix.runtime.outages import ConnectionLost, DatabaseUnavailable

SLEEP_SECONDS = 60
DEADLINE_SECONDS = 10


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """Of an empty database."""
    return new_database()


@pytest.fixture
def make_statement(url: str) -> Iterator[Callable[[str, str], PreparedStatement]]:
    """A statement and the type of its parameter, on that database."""
    made: list[PreparedStatement] = []

    def make(statement: str, parameter_type: str) -> PreparedStatement:
        made.append(PreparedStatement(url, statement, parameter_type))
        return made[-1]

    yield make
    for statement in made:
        statement.close()


Make = Callable[[str, str], PreparedStatement]


def test_it_fetches_all_rows_for_a_value(make_statement: Make) -> None:
    statement = make_statement("SELECT word, length(word) FROM unnest($1) AS word ORDER BY word", "text[]")
    assert statement.fetch('{b,"it\'s, a"}') == [("b", 1), ("it's, a", 7)]


def test_a_space_in_an_option_of_the_address_is_a_space(url: str) -> None:
    address = f"{url}&options=-c%20search_path%3Dpublic%2Cnowhere%20-c%20lock_timeout%3D7s"
    statement = PreparedStatement(address, "SELECT current_setting($1)", "text")
    assert statement.fetch("search_path") == [("public,nowhere",)]
    assert statement.fetch("lock_timeout") == [("7s",)]
    statement.close()
    # As the other way to the database has it.
    engine = make_engine(address)
    with transaction(engine) as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "7s"
    engine.dispose()


def test_calls_at_the_same_time_get_their_own_rows(make_statement: Make) -> None:
    statement = make_statement("SELECT $1 * 2", "int")
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(statement.fetch, range(30))) == [[(number * 2,)] for number in range(30)]


def test_it_uses_an_index_although_the_table_was_small_when_it_was_prepared(make_statement: Make, url: str) -> None:
    engine = make_engine(url)
    fill = text("INSERT INTO words SELECT 'word ' || n, repeat('-', 60) FROM generate_series(:first, :last) AS n")
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE words (word text PRIMARY KEY, meaning text)"))
        connection.execute(fill, {"first": 1, "last": 20})
        connection.execute(text("ANALYZE words"))
    statement = make_statement(
        "SELECT count(meaning), pg_stat_get_xact_tuples_returned('words'::regclass) FROM words WHERE word = ANY($1)",
        "text[]",
    )

    assert statement.fetch("{word 20,word 21}") == [(1, 0)], "found, and rows walked through"
    with transaction(engine) as connection:
        connection.execute(fill, {"first": 21, "last": 5000})
    assert statement.fetch("{word 20,word 21}") == [(2, 0)]
    engine.dispose()


def test_a_value_that_the_statement_cannot_take_is_an_error_of_that_call_alone(make_statement: Make) -> None:
    statement = make_statement("SELECT 10 / $1", "int")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        statement.fetch(0)
    assert statement.fetch(5) == [(2,)]


def test_a_database_that_does_not_answer_is_waited_for_no_longer_than_the_limit(
    make_statement: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = make_statement("SELECT pg_sleep($1), 7", "float")
    statement.fetch(0)
    monkeypatch.setattr("pix.postgres.statement.ANSWER_SECONDS_MAX", 0.5)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        statement.fetch(SLEEP_SECONDS)
    assert time.monotonic() - began < SLEEP_SECONDS / 2
    assert [row[1] for row in statement.fetch(0)] == [7], "what was given up spoils no later call"


def test_a_connection_that_dies_under_a_call_is_replaced(url: str, make_statement: Make) -> None:
    statement = make_statement("SELECT $1, pg_backend_pid()", "int")
    engine = make_engine(url)
    [(_, first)] = statement.fetch(1)
    with transaction(engine) as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
    engine.dispose()
    [(value, second)] = statement.fetch(2)
    assert (value, second != first) == (2, True)


def test_a_database_that_is_not_there_is_said_to_be_unavailable(url: str) -> None:
    nowhere = make_url(url).set(database="nowhere").render_as_string(hide_password=False)
    statement = PreparedStatement(nowhere, "SELECT $1", "int")
    with pytest.raises(DatabaseUnavailable):
        statement.fetch(1)


def begun(statement: PreparedStatement, value: object) -> FetchUnderWay:
    """A fetch that must be possible without a wait."""
    fetch = statement.begin(value)
    assert fetch is not None
    return fetch


def rows_of(fetch: FetchUnderWay) -> Rows:
    """Looks and waits, as an errand does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (rows := fetch.rows()) is None:
        assert time.monotonic() < deadline
        fetch.wait(0.1)
    return rows


def test_rows_can_be_asked_for_without_a_wait(make_statement: Make) -> None:
    statement = make_statement("SELECT pg_sleep($1), 7", "float")
    statement.fetch(0)
    fetch = begun(statement, 0.3)
    assert fetch.rows() is None, "they are not there yet"
    began = time.monotonic()
    fetch.wait(0.01)
    assert time.monotonic() - began < 0.2, "it waits no longer than it is told to"
    assert [row[1] for row in rows_of(fetch)] == [7]
    assert [row[1] for row in rows_of(begun(statement, 0))] == [7]


def test_without_a_connection_or_while_another_asks_it_would_be_a_wait(make_statement: Make) -> None:
    statement = make_statement("SELECT $1 * 2", "int")
    assert statement.begin(1) is None
    assert statement.fetch(1) == [(2,)]
    fetch = begun(statement, 2)
    assert statement.begin(3) is None
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(statement.fetch, 4)
        assert rows_of(fetch) == [(4,)]
        assert waiting.result(DEADLINE_SECONDS) == [(8,)], "who could wait has waited"


def test_a_connection_that_dies_under_a_fetch_is_said_to_be_lost_and_the_next_is_another(
    url: str, make_statement: Make
) -> None:
    statement = make_statement("SELECT pg_sleep($1), pg_backend_pid()", "float")
    [(_, first)] = statement.fetch(0)
    fetch = begun(statement, SLEEP_SECONDS)
    engine = make_engine(url)
    with transaction(engine) as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
    engine.dispose()
    with pytest.raises(ConnectionLost):
        rows_of(fetch)
    assert statement.begin(0) is None
    [(_, second)] = statement.fetch(0)
    assert second != first


def test_a_fetch_that_is_not_answered_is_given_up_at_the_limit(
    make_statement: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = make_statement("SELECT pg_sleep($1), 7", "float")
    statement.fetch(0)
    monkeypatch.setattr("pix.postgres.statement.ANSWER_SECONDS_MAX", 0.3)
    fetch = begun(statement, SLEEP_SECONDS)
    with pytest.raises(DatabaseUnavailable, match="no answer"):
        rows_of(fetch)
    assert [row[1] for row in statement.fetch(0)] == [7], "what was given up spoils no later call"


def test_a_value_that_cannot_be_taken_spoils_no_other_fetch(make_statement: Make) -> None:
    statement = make_statement("SELECT 10 / $1", "int")
    statement.fetch(1)
    with pytest.raises(psycopg2.errors.DivisionByZero):
        rows_of(begun(statement, 0))
    assert statement.fetch(5) == [(2,)]
