"""A prepared statement: what it gives, and what becomes of it when the database or the caller goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2  # type: ignore[import-untyped]
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from pix.service.batches import DatabaseUnavailable
from pix.service.database import make_engine, transaction
from pix.service.statement import PreparedStatement

SLEEP_SECONDS = 60


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
    monkeypatch.setattr("pix.service.statement.ANSWER_SECONDS_MAX", 0.5)
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
