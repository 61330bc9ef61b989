"""`pix.participant.dead_letters.DeadLetterRepository`, on every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from bank_sim.adapters.postgres import MIGRATIONS as BANK_MIGRATIONS
from hub.adapters.postgres.unit_of_work import MIGRATIONS
from pix.participant.dead_letters.memory import MemoryDeadLetters
from pix.participant.dead_letters.model import (
    EVERY_LETTER,
    DeadLetter,
    DeadLetterChoices,
    DeadLetterFilter,
    DeadLetterRepository,
    DeadLetterState,
)
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.participant.dead_letters.records import head_of, is_cut, letter_of, record_of
from pix.postgres.engine import make_engine, transaction
from pix.postgres.migrations import alembic_configuration, migrate
from pix.scheme.deliveries import Rejected
from pix.wire.record import HEADERS_BYTES_MAX, KEY_BYTES_MAX, VALUE_KEPT_BYTES_MAX, Record, digest_of, unreadable_record
from tests.support.databases import Databases

NOW_MS = 1_790_000_000_000
RECORD = Record("codepix.hub.v1", b"key\x00\xff", b"\x00\xffvalue", {"codepix-type": b"Nonsense\xff", "x": b""}, 3, 42)

Open = Callable[[], AbstractContextManager[DeadLetterRepository]]


@pytest.fixture(scope="module")
def engine(databases: Databases) -> Iterator[Engine]:
    engine = make_engine(databases.migrated(MIGRATIONS))
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
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


def rejected(number: int = 0, reason: str = "forged") -> Rejected:
    return Rejected(replace(RECORD, value=bytes([number])), "00000001", reason)


def letter(number: int = 0, now_ms: int = NOW_MS) -> DeadLetter:
    return letter_of(rejected(number), now_ms)


def test_a_letter_comes_back_byte_by_byte(opened: Open) -> None:
    forged = Rejected(RECORD, "00000001", "forged: “não”")
    made = letter_of(forged, NOW_MS)
    with opened() as letters:
        letters.add([forged], NOW_MS)
    with opened() as letters:
        assert letters.find(made.digest) == made
        assert letters.lock(made.digest) == made
        assert letters.find("nonsense") is None
        assert letters.lock("nonsense\x00") is None


def test_a_letter_that_dies_again_counts_up_and_moves_to_the_front(opened: Open) -> None:
    with opened() as letters:
        letters.add([rejected(1), rejected(2)], NOW_MS)
        letters.add([rejected(1, "still forged")], NOW_MS + 2)
        found = letters.find(letter(1).digest)
        assert found is not None
        assert (found.times, found.first_seen_at_ms, found.last_seen_at_ms) == (2, NOW_MS, NOW_MS + 2)
        assert found.reason == "still forged"
        assert [each.digest for each in letters.list(None, 10)] == [letter(1).digest, letter(2).digest]


def test_the_same_letter_twice_in_one_batch_counts_twice(opened: Open) -> None:
    with opened() as letters:
        letters.add([rejected(1), rejected(1)], NOW_MS)
        found = letters.find(letter(1).digest)
        assert found is not None and found.times == 2


@pytest.mark.parametrize("state", [DeadLetterState.REPLAYED, DeadLetterState.DISCARDED])
def test_a_settled_letter_that_dies_again_is_dead_again(opened: Open, state: DeadLetterState) -> None:
    with opened() as letters:
        letters.add([rejected(1)], NOW_MS)
        letters.set_state(letter(1).digest, state, "because")
        settled = letters.find(letter(1).digest)
        assert settled is not None and (settled.state, settled.note) == (state, "because")
        letters.add([rejected(1)], NOW_MS)
        again = letters.find(letter(1).digest)
        assert again is not None
        assert (again.state, again.note, again.times) == (DeadLetterState.DEAD, "", 2)


def test_letters_are_listed_and_counted_by_state(opened: Open) -> None:
    with opened() as letters:
        assert dict(letters.count()) == {}
        assert letters.list(None, 10) == []
        for number in range(4):
            letters.add([rejected(number)], NOW_MS + number)
        letters.set_state(letter(0).digest, DeadLetterState.REPLAYED, "")
        letters.set_state("nonsense", DeadLetterState.REPLAYED, "")
        assert dict(letters.count()) == {DeadLetterState.DEAD: 3, DeadLetterState.REPLAYED: 1}
        latest = [letter(number, NOW_MS + number) for number in (3, 2)]
        assert letters.list(DeadLetterState.DEAD, 2) == [head_of(each) for each in latest]
        assert [each.digest for each in letters.list(DeadLetterState.REPLAYED, 9)] == [letter(0).digest]
        assert letters.list(DeadLetterState.DISCARDED, 9) == []


def test_letters_are_narrowed_by_sender_reason_and_topic(opened: Open) -> None:
    first, second = rejected(1, "value: 100% forged"), rejected(2, "knows no transfer")
    other = Rejected(replace(RECORD, topic="codepix.bank", value=b"\x03"), "00000002", "value: forged")
    cut = Rejected(unreadable_record(RECORD.topic, 3, 42, "batch"), "00000002", "Forged batch")
    with opened() as letters:
        for at_ms, each in enumerate((first, second, other, cut)):
            letters.add([each], NOW_MS + at_ms)

    def found(**narrow: str) -> tuple[list[str], Sequence[str], tuple[int, int]]:
        with opened() as letters:
            wanted = DeadLetterFilter(**narrow)
            listed = [each.reason for each in letters.list(DeadLetterState.DEAD, 9, wanted)]
            digests = letters.replayable(wanted, 9)
            return listed, digests, letters.count_dead(wanted)

    one, two, three = (letter_of(each, NOW_MS).digest for each in (first, second, other))
    assert found() == (
        ["Forged batch", "value: forged", "knows no transfer", "value: 100% forged"],
        [one, two, three],
        (4, 3),
    )
    assert found(sender="00000002") == (["Forged batch", "value: forged"], [three], (2, 1))
    assert found(sender="0000") == ([], [], (0, 0))
    assert found(topic="codepix.bank") == (["value: forged"], [three], (1, 1))
    assert found(reason="FORGED")[1] == [one, three]
    assert found(reason="0% f", sender="00000001") == (["value: 100% forged"], [one], (1, 1))
    assert found(reason="_")[0] == [], "a sign that SQL would take for any"
    assert found(reason="\x00 \ud800")[0] == []
    with opened() as letters:
        assert letters.replayable(EVERY_LETTER, 2) == [one, two], "seen longest ago first"
        letters.add([first], NOW_MS + 9)
        assert letters.replayable(EVERY_LETTER, 2) == [two, three], "one that failed again is behind the others"
        letters.set_state(one, DeadLetterState.REPLAYED, "")
        assert letters.replayable(EVERY_LETTER, 9) == [two, three]
        assert letters.count_dead(EVERY_LETTER) == (3, 2)


def test_what_a_filter_may_choose_comes_with_its_number(opened: Open) -> None:
    with opened() as letters:
        assert letters.choices(None, 9, 99) == DeadLetterChoices((), (), ())
        letters.add([rejected(1, "b"), rejected(2, "a"), rejected(3, "b")], NOW_MS)
        letters.add([Rejected(replace(RECORD, topic="t", value=b"4"), "", "a")], NOW_MS)
        letters.set_state(letter(3).digest, DeadLetterState.DISCARDED, "")
        assert letters.choices(None, 9, 99) == DeadLetterChoices(
            (("00000001", 3),), (("a", 2), ("b", 2)), ((RECORD.topic, 3), ("t", 1))
        )
        assert letters.choices(DeadLetterState.DEAD, 1, 99) == DeadLetterChoices(
            (("00000001", 2),), (("a", 2),), ((RECORD.topic, 2),)
        )
        letters.add([rejected(5, "c")], NOW_MS + 1)
        assert letters.choices(None, 9, 1).reasons == (("c", 1),), "only what was seen last"


def test_what_a_stranger_writes_is_cut_and_stored(opened: Open) -> None:
    with opened() as letters:
        letters.add([Rejected(RECORD, "s\x00" * 100, "r\x00" * 1_000)], NOW_MS)
        found = letters.find(digest_of(RECORD))
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


@pytest.mark.parametrize(
    "hostile",
    [
        replace(RECORD, value=bytes(VALUE_KEPT_BYTES_MAX + 1)),
        replace(RECORD, key=b"k" * 100_000),
        replace(RECORD, headers={f"x{number}": b"y" for number in range(5_000)}),
        replace(RECORD, headers={"x" * 100_000: b"y", "codepix-type": b"Nonsense"}),
        replace(RECORD, headers={"codepix-type": b"y" * 1_000_000}),
        replace(RECORD, headers={"nul\x00": b"y", "half a pair \ud800": b"z"}),
        unreadable_record(RECORD.topic, 3, 42, "batch of records: \x00 cannot be unpacked \ud800"),
    ],
    ids=["value", "key", "headers", "name of a header", "header", "names that no text holds", "nothing to be read"],
)
def test_whatever_a_record_contains_its_letter_is_small_and_can_be_stored(opened: Open, hostile: Record) -> None:
    made = Rejected(hostile, "00000001", "reason \x00 \ud800")
    with opened() as letters:
        letters.add([made, made], NOW_MS)
    with opened() as letters:
        found = letters.find(digest_of(hostile))
        assert found is not None
        assert found.times == 2
        kept = record_of(found)
        size = len(kept.key) + len(kept.value) + sum(len(name) + len(value) for name, value in kept.headers.items())
        assert size <= VALUE_KEPT_BYTES_MAX + KEY_BYTES_MAX + HEADERS_BYTES_MAX
        assert found.digest == digest_of(hostile)
        assert (found.value_bytes, found.value_sha256) == (len(hostile.value), sha256(hostile.value).hexdigest())
        (line,) = letters.list(None, 9)
        assert (line.digest, line.value_bytes) == (digest_of(hostile), len(hostile.value))


@pytest.mark.parametrize("migrations", [MIGRATIONS, BANK_MIGRATIONS], ids=["hub", "bank"])
def test_letters_of_before_there_was_a_limit_are_cut_and_stay_readable(
    new_database: Callable[[], str], migrations: Path
) -> None:
    url = new_database()
    migrate(url, migrations)
    engine = make_engine(url)
    configuration = alembic_configuration(migrations)
    (bounding,) = [
        each for each in ScriptDirectory.from_config(configuration).walk_revisions() if "bounded_dead" in each.path
    ]
    large, small = replace(RECORD, value=b"v" * 200_000), RECORD
    with transaction(engine) as connection:
        # As an older version has written them.
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, str(bounding.down_revision))
        for record in (large, small):
            connection.execute(
                text(
                    "INSERT INTO dead_letters VALUES (:digest, 't', 0, 0, '', :value, '{}', '', 'forged', 1, 1, 1, "
                    "'dead', '')"
                ),
                {"digest": digest_of(record), "value": record.value},
            )
        command.upgrade(configuration, "head")
    with transaction(engine) as connection:
        letters = PostgresDeadLetters(connection)
        cut, whole = letters.find(digest_of(large)), letters.find(digest_of(small))
        sizes = {line.digest: line.value_bytes for line in letters.list(None, 9)}
    engine.dispose()
    assert cut is not None and is_cut(cut) and cut.flaw
    assert (cut.value_bytes, cut.value_sha256) == (200_000, sha256(large.value).hexdigest())
    assert len(record_of(cut).value) == VALUE_KEPT_BYTES_MAX
    assert whole is not None and not whole.flaw and record_of(whole).value == small.value
    assert sizes == {digest_of(large): 200_000, digest_of(small): len(small.value)}
