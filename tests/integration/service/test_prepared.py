"""Statements that are planned once per connection, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from pix.postgres.bulk import execute_bulk, fetch_bulk
from pix.postgres.engine import make_engine, transaction
from pix.runtime.outages import DatabaseUnavailable

WORDS = [
    "plain",
    "",
    "NULL",
    "null",
    'a "quoted" one',
    "back\\slash",
    "{curly},comma",
    "Ipê São João",
    "a\nb\tc",
    "%s %",
]
FIND = "SELECT word FROM words WHERE word = ANY(%(words)s::text[]) ORDER BY word"
ADD = "INSERT INTO words SELECT * FROM unnest(%(words)s::text[], %(numbers)s::bigint[])"


@pytest.fixture
def engine(new_database: Callable[[], str]) -> Iterator[Engine]:
    engine = make_engine(new_database())
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE words (word text PRIMARY KEY, number bigint)"))
    yield engine
    engine.dispose()


def plans(connection: Connection) -> list[tuple[str, int, int]]:
    """What the connection has prepared: the statement, and how often a plan for any value and for one was used."""
    rows = connection.execute(text("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements"))
    return [(row[0], row[1], row[2]) for row in rows]


def test_a_statement_is_planned_once_for_any_value(engine: Engine) -> None:
    with transaction(engine) as connection:
        for words in (["a"], ["b", "c"], []):
            execute_bulk(connection, ADD, {"words": words, "numbers": [7] * len(words)})
        assert fetch_bulk(connection, FIND, {"words": ["a", "c", "x"]}) == [("a",), ("c",)]
        found = plans(connection)
    assert sorted(generic for _, generic, _ in found) == [1, 3]
    assert {custom for _, _, custom in found} == {0}


def test_any_text_and_any_number_arrives_as_it_is(engine: Engine) -> None:
    numbers = [None, 0, -1, 2**62, *range(len(WORDS) - 4)]
    with transaction(engine) as connection:
        execute_bulk(connection, ADD, {"words": WORDS, "numbers": numbers})
        found = {row[0]: row[1] for row in connection.execute(text("SELECT word, number FROM words"))}
        assert found == dict(zip(WORDS, numbers, strict=True))
        assert {row[0] for row in fetch_bulk(connection, FIND, {"words": WORDS})} == set(WORDS)


class _Kind(StrEnum):
    ONE = "one"
    TWO = "two"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", WORDS),
        ("text", ["plain", "words", "alone"]),
        ("text", [None, *WORDS]),
        ("text", [_Kind.ONE, _Kind.TWO]),
        ("text", [_Kind.ONE, None, "NULL"]),
        ("text", [None, None]),
        ("bigint", [1, None, -3, 2**62]),
        ("boolean", [True, False, None]),
        ("text", []),
    ],
)
def test_a_column_arrives_as_it_is_whatever_its_values_are(engine: Engine, kind: str, values: list[Any]) -> None:
    with transaction(engine) as connection:
        assert fetch_bulk(connection, f"SELECT %(values)s::{kind}[]", {"values": values}) == [(values,)]


def test_it_walks_through_no_table_that_was_small_when_it_was_planned(engine: Engine) -> None:
    with transaction(engine) as connection:
        execute_bulk(connection, ADD, {"words": ["a"], "numbers": [1]})
        fetch_bulk(connection, FIND, {"words": ["a"]})
        connection.execute(text("ANALYZE words"))
        fetch_bulk(connection, FIND, {"words": ["a"]})
        scans = "SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'words'"
        before = connection.execute(text(scans)).one()
        fetch_bulk(connection, FIND, {"words": ["a"]})
        after = connection.execute(text(scans)).one()
    assert (after.seq_scan - before.seq_scan, after.idx_scan - before.idx_scan) == (0, 1)


def test_what_others_ask_is_planned_as_ever(engine: Engine) -> None:
    with transaction(engine) as connection:
        fetch_bulk(connection, FIND, {"words": []})
    with transaction(engine) as connection:
        assert connection.execute(text("SHOW enable_seqscan")).scalar_one() == "on"
        assert connection.execute(text("SHOW plan_cache_mode")).scalar_one() == "auto"


def test_a_failure_at_the_first_call_spoils_no_later_one(engine: Engine) -> None:
    twice: dict[str, Any] = {"words": ["a", "a"], "numbers": [1, 2]}
    with pytest.raises(DatabaseUnavailable), transaction(engine) as connection:
        execute_bulk(connection, ADD, twice)
    with transaction(engine) as connection:
        connection.execute(text("SELECT 1"))
        execute_bulk(connection, ADD, {"words": ["a"], "numbers": [1]})
    with pytest.raises(DatabaseUnavailable), transaction(engine) as connection:
        execute_bulk(connection, ADD, twice)
    with transaction(engine) as connection:
        execute_bulk(connection, ADD, {"words": ["b"], "numbers": [2]})
        assert fetch_bulk(connection, FIND, {"words": ["a", "b"]}) == [("a",), ("b",)]


def test_a_new_connection_prepares_for_itself(engine: Engine) -> None:
    for _ in range(2):
        with transaction(engine) as connection:
            assert fetch_bulk(connection, FIND, {"words": ["a"]}) == []
            assert len(plans(connection)) == 1
            process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        other = make_engine(str(engine.url.render_as_string(hide_password=False)))
        with transaction(other) as connection:
            connection.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
        other.dispose()


def test_several_statements_go_in_one_round_trip_and_the_last_one_answers(engine: Engine) -> None:
    both = (
        "INSERT INTO words VALUES (%(word)s, %(number)s); "
        "SELECT word FROM words WHERE number = %(number)s OR word = ANY(%(words)s::text[]) ORDER BY word"
    )
    with transaction(engine) as connection:
        for word in ("a", "b"):
            rows = fetch_bulk(connection, both, {"word": word, "number": 7, "words": "{a,x}"})
        assert rows == [("a",), ("b",)]
        assert execute_bulk(connection, "UPDATE words SET number = 8 WHERE number = %(number)s", {"number": 7}) == 2
        assert len(plans(connection)) == 3
