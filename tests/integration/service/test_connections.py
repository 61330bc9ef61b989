"""Connections that begin a transaction with its first statement, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from pix.postgres.bulk import copy_rows, execute_bulk, fetch_bulk, postpone_bulk
from pix.postgres.engine import make_engine, transaction
from pix.runtime.outages import DatabaseUnavailable

ADD = "INSERT INTO words VALUES (%(word)s)"
ALL = "SELECT word FROM words ORDER BY word"


@pytest.fixture
def engine(new_database: Callable[[], str]) -> Iterator[Engine]:
    engine = make_engine(new_database())
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE words (word text PRIMARY KEY CHECK (word <> 'bad'))"))
    yield engine
    engine.dispose()


class Stop(Exception):
    """Ends a transaction."""


def words(engine: Engine) -> list[str]:
    with transaction(engine) as connection:
        return [row[0] for row in fetch_bulk(connection, ALL, {})]


def by_text(connection: Connection) -> None:
    connection.execute(text("INSERT INTO words VALUES ('a')"))


def by_many(connection: Connection) -> None:
    connection.execute(text("INSERT INTO words VALUES (:word)"), [{"word": "a"}, {"word": "b"}])


def by_copy(connection: Connection) -> None:
    copy_rows(connection, "words", "word", ["a", "b"])


def by_bulk(connection: Connection) -> None:
    execute_bulk(connection, ADD, {"word": "a"})


def by_postponing(connection: Connection) -> None:
    postpone_bulk(connection, ADD, {"word": "a"})
    postpone_bulk(connection, ADD, {"word": "b"})


WAYS = [by_text, by_many, by_copy, by_bulk, by_postponing]


@pytest.mark.parametrize("write", WAYS)
def test_whatever_comes_first_begins_a_transaction(engine: Engine, write: Callable[[Connection], None]) -> None:
    def write_and_stop() -> None:
        with transaction(engine) as connection:
            write(connection)
            raise Stop

    for _ in range(2):
        with pytest.raises(Stop):
            write_and_stop()
        assert words(engine) == []
    with transaction(engine) as connection:
        write(connection)
    assert words(engine)[0] == "a"


def test_what_is_postponed_is_there_for_the_next_statement_whoever_sends_it(engine: Engine) -> None:
    with transaction(engine) as connection:
        by_postponing(connection)
        postpone_bulk(connection, ADD, {"word": "per cent % and %(word)s"})
        assert connection.execute(text("SELECT count(*) FROM words WHERE word <> :word"), {"word": "%s"}).scalar() == 3
        postpone_bulk(connection, ADD, {"word": "c"})
        copy_rows(connection, "words", "word", ["d"])
        postpone_bulk(connection, ADD, {"word": "e"})
        assert [row[0] for row in fetch_bulk(connection, ALL, {})] == [
            "a",
            "b",
            "c",
            "d",
            "e",
            "per cent % and %(word)s",
        ]


def test_a_statement_answers_for_itself_and_not_for_what_went_along(engine: Engine) -> None:
    with transaction(engine) as connection:
        for word in ("a", "b"):
            postpone_bulk(connection, ADD, {"word": word})
            assert execute_bulk(connection, "DELETE FROM words WHERE word = %(word)s", {"word": "x"}) == 0


@pytest.mark.parametrize("word", ["bad", "a"])
def test_what_is_wrong_with_something_postponed_comes_out_at_the_commit_and_nothing_has_happened(
    engine: Engine, word: str
) -> None:
    def write(*added: str) -> None:
        with transaction(engine) as connection:
            for each in added:
                postpone_bulk(connection, ADD, {"word": each})

    write("a", "b")
    with pytest.raises(IntegrityError):
        write("c", word, "d")
    assert words(engine) == ["a", "b"]
    write("e")
    assert words(engine) == ["a", "b", "e"]


def test_what_is_wrong_with_something_postponed_may_come_out_at_the_next_statement(engine: Engine) -> None:
    def write() -> None:
        with transaction(engine) as connection:
            execute_bulk(connection, ADD, {"word": "a"})
            postpone_bulk(connection, ADD, {"word": "a"})
            fetch_bulk(connection, ALL, {})

    with pytest.raises(DatabaseUnavailable, match="duplicate key"):
        write()
    assert words(engine) == []


def test_a_statement_and_all_that_goes_along_is_one_round_trip(engine: Engine) -> None:
    with transaction(engine) as connection:
        by_postponing(connection)
    sent = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    with transaction(engine) as connection:
        postpone_bulk(connection, ADD, {"word": "c"})
        query = connection.execute(text(sent)).scalar_one()
    assert query.startswith("BEGIN; SET LOCAL")
    assert query.count("EXECUTE") == 1
    assert query.endswith(sent)


def test_a_server_that_has_closed_its_connections_is_noticed_before_they_are_used(engine: Engine) -> None:
    def one(connection: Connection) -> int:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())

    with transaction(engine) as first, transaction(engine) as second:
        old = {one(first), one(second)}
    other = make_engine(engine.url.render_as_string(hide_password=False))
    with transaction(other) as connection:
        for process in old:
            connection.execute(text("SELECT pg_terminate_backend(:process, 10000)"), {"process": process})
    other.dispose()
    with transaction(engine) as first, transaction(engine) as second:
        assert not old & {one(first), one(second)}


def test_the_connection_that_was_used_last_is_used_next(engine: Engine) -> None:
    processes = "SELECT pg_backend_pid()"
    with transaction(engine) as first, transaction(engine) as second:
        last = first.execute(text(processes)).scalar_one()
        second.execute(text(processes))
    for _ in range(3):
        with transaction(engine) as connection:
            assert connection.execute(text(processes)).scalar_one() == last


def test_what_is_postponed_is_not_lost_with_a_statement_that_cannot_be_sent(engine: Engine) -> None:
    with transaction(engine) as connection:
        by_postponing(connection)
    with transaction(engine) as connection:
        postpone_bulk(connection, ADD, {"word": "c"})
        with pytest.raises(ValueError, match="NUL"):
            fetch_bulk(connection, "SELECT word FROM words WHERE word = %(word)s", {"word": "\x00"})
    assert words(engine) == ["a", "b", "c"]


def test_what_was_postponed_in_a_transaction_that_ends_without_a_commit_is_never_sent(engine: Engine) -> None:
    def write_and_stop() -> None:
        with transaction(engine) as connection:
            postpone_bulk(connection, ADD, {"word": "bad"})
            raise Stop

    with transaction(engine) as connection:
        by_postponing(connection)
    with pytest.raises(Stop):
        write_and_stop()
    assert words(engine) == ["a", "b"]
