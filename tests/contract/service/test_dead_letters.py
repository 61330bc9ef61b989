"""`pix.service.dead_letters.DeadLetterRepository`, on every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from hub.adapters.postgres import MIGRATIONS
from pix.service.database import make_engine, transaction
from pix.service.dead_letters import DeadLetter, DeadLetterRepository, DeadLetterState, dead_letter, digest_of
from pix.service.dead_letters_memory import MemoryDeadLetters
from pix.service.dead_letters_postgres import PostgresDeadLetters
from pix.service.migrations import migrate
from pix.service.records import Record

NOW_MS = 1_790_000_000_000
RECORD = Record("codepix.hub.v1", b"key\x00\xff", b"\x00\xffvalue", {"codepix-type": b"Nonsense\xff", "x": b""}, 3, 42)

Open = Callable[[], AbstractContextManager[DeadLetterRepository]]


@pytest.fixture(scope="module")
def engine(new_database: Callable[[], str]) -> Iterator[Engine]:
    url = new_database()
    migrate(url, MIGRATIONS)
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", "postgres"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Opens a transaction on an empty store."""
    if request.param == "memory":
        store = MemoryDeadLetters()
        return lambda: nullcontext(store)
    engine: Engine = request.getfixturevalue("engine")
    with transaction(engine) as connection:
        connection.execute(text("TRUNCATE dead_letters"))

    @contextmanager
    def open_one() -> Iterator[DeadLetterRepository]:
        with transaction(engine) as connection:
            yield PostgresDeadLetters(connection)

    return open_one


def letter(number: int = 0, now_ms: int = NOW_MS, **changes: object) -> DeadLetter:
    made = dead_letter(replace(RECORD, value=bytes([number])), "00000001", "forged", now_ms)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_letter_comes_back_byte_by_byte(opened: Open) -> None:
    made = dead_letter(RECORD, "00000001", "forged: “não”", NOW_MS)
    with opened() as letters:
        letters.bury([made])
    with opened() as letters:
        assert letters.find(made.digest) == made
        assert letters.lock(made.digest) == made
        assert letters.find("nonsense") is None
        assert letters.lock("nonsense\x00") is None


def test_a_letter_that_dies_again_counts_up_and_moves_to_the_front(opened: Open) -> None:
    with opened() as letters:
        letters.bury([letter(1), letter(2, NOW_MS + 1)])
        letters.bury([letter(1, NOW_MS + 2, reason="still forged")])
        found = letters.find(letter(1).digest)
        assert found is not None
        assert (found.times, found.first_seen_at_ms, found.last_seen_at_ms) == (2, NOW_MS, NOW_MS + 2)
        assert found.reason == "still forged"
        assert [each.digest for each in letters.list(None, 10)] == [letter(1).digest, letter(2).digest]


def test_the_same_letter_twice_in_one_batch_counts_twice(opened: Open) -> None:
    with opened() as letters:
        letters.bury([letter(1), letter(1)])
        found = letters.find(letter(1).digest)
        assert found is not None and found.times == 2


@pytest.mark.parametrize("state", [DeadLetterState.REPLAYED, DeadLetterState.DISCARDED])
def test_a_settled_letter_that_dies_again_is_dead_again(opened: Open, state: DeadLetterState) -> None:
    with opened() as letters:
        letters.bury([letter(1)])
        letters.set_state(letter(1).digest, state, "because")
        settled = letters.find(letter(1).digest)
        assert settled is not None and (settled.state, settled.note) == (state, "because")
        letters.bury([letter(1)])
        again = letters.find(letter(1).digest)
        assert again is not None
        assert (again.state, again.note, again.times) == (DeadLetterState.DEAD, "", 2)


def test_letters_are_listed_and_counted_by_state(opened: Open) -> None:
    with opened() as letters:
        assert dict(letters.count()) == {}
        assert letters.list(None, 10) == []
        letters.bury([letter(number, NOW_MS + number) for number in range(4)])
        letters.set_state(letter(0).digest, DeadLetterState.REPLAYED, "")
        letters.set_state("nonsense", DeadLetterState.REPLAYED, "")
        assert dict(letters.count()) == {DeadLetterState.DEAD: 3, DeadLetterState.REPLAYED: 1}
        assert [each.record.value for each in letters.list(DeadLetterState.DEAD, 2)] == [b"\x03", b"\x02"]
        assert [each.record.value for each in letters.list(DeadLetterState.REPLAYED, 9)] == [b"\x00"]
        assert letters.list(DeadLetterState.DISCARDED, 9) == []


def test_what_a_stranger_writes_is_cut_and_stored(opened: Open) -> None:
    made = dead_letter(RECORD, "s\x00" * 100, "r\x00" * 1_000, NOW_MS)
    with opened() as letters:
        letters.bury([made])
        found = letters.find(made.digest)
        assert found is not None
        assert (len(found.sender), len(found.reason)) == (40, 500)


def test_the_digest_tells_contents_apart_and_not_places() -> None:
    assert digest_of(replace(RECORD, partition=1, offset=1)) == digest_of(RECORD)
    others = [
        replace(RECORD, topic="other"),
        replace(RECORD, key=b""),
        replace(RECORD, value=b""),
        replace(RECORD, headers={}),
        replace(RECORD, headers={**RECORD.headers, "x": b"1"}),
        replace(RECORD, key=RECORD.key + b"\x00", value=RECORD.value[1:]),
    ]
    assert len({digest_of(record) for record in (RECORD, *others)}) == 1 + len(others)
    assert digest_of(replace(RECORD, headers=dict(reversed(list(RECORD.headers.items()))))) == digest_of(RECORD)
