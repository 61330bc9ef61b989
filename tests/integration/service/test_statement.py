"""A prepared statement on an event loop: what it gives, and what becomes of it when the database or the caller goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

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
    assert asyncio.run(statement.fetch('{b,"it\'s, a"}')) == [("b", 1), ("it's, a", 7)]


def test_calls_at_the_same_time_get_their_own_rows(make_statement: Make) -> None:
    statement = make_statement("SELECT $1 * 2", "int")

    async def ask_all() -> list[list[tuple[Any, ...]]]:
        return await asyncio.gather(*(statement.fetch(number) for number in range(30)))

    assert asyncio.run(ask_all()) == [[(number * 2,)] for number in range(30)]


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

    async def ask_before_and_after_it_grows() -> list[list[tuple[Any, ...]]]:
        before = await statement.fetch("{word 20,word 21}")
        with transaction(engine) as connection:
            connection.execute(fill, {"first": 21, "last": 5000})
        return [before, await statement.fetch("{word 20,word 21}")]

    assert asyncio.run(ask_before_and_after_it_grows()) == [[(1, 0)], [(2, 0)]], "found, and rows walked through"
    engine.dispose()


def test_the_loop_goes_on_while_the_database_thinks(make_statement: Make) -> None:
    statement = make_statement("SELECT pg_sleep($1)", "float")

    async def count_turns() -> int:
        waiting = asyncio.create_task(statement.fetch(0.3))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        return turns

    assert asyncio.run(count_turns()) > 5


def test_a_value_that_the_statement_cannot_take_is_an_error_of_that_call_alone(make_statement: Make) -> None:
    statement = make_statement("SELECT 10 / $1", "int")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        asyncio.run(statement.fetch(0))
    assert asyncio.run(statement.fetch(5)) == [(2,)]


def test_a_call_that_is_given_up_spoils_no_later_one(make_statement: Make) -> None:
    statement = make_statement("SELECT pg_sleep($1), 7", "float")

    async def give_up() -> list[tuple[object, ...]]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(statement.fetch(SLEEP_SECONDS), 0.5)
        return await statement.fetch(0)

    began = time.monotonic()
    assert [row[1] for row in asyncio.run(give_up())] == [7]
    assert time.monotonic() - began < SLEEP_SECONDS / 2


def test_a_connection_that_dies_under_a_call_is_replaced(url: str, make_statement: Make) -> None:
    statement = make_statement("SELECT $1, pg_backend_pid()", "int")
    engine = make_engine(url)
    [(_, first)] = asyncio.run(statement.fetch(1))
    with transaction(engine) as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
    engine.dispose()
    [(value, second)] = asyncio.run(statement.fetch(2))
    assert (value, second != first) == (2, True)


def test_a_database_that_is_not_there_is_said_to_be_unavailable(url: str) -> None:
    nowhere = make_url(url).set(database="nowhere").render_as_string(hide_password=False)
    statement = PreparedStatement(nowhere, "SELECT $1", "int")
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(statement.fetch(1))
