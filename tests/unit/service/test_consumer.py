"""The consumer's turns: what is done in which order, and what happens when a part is away or a record is poisoned."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from pix.messaging.batches import BatchHandler, BatchLoop
from pix.messaging.consumer import CONNECTION_BREAKS_MAX, ConsumerThread, isolating_poison
from pix.runtime.health import Health
from pix.runtime.outages import BrokerUnavailable, ConsumerStalled, DatabaseUnavailable, PublishFailed
from pix.wire.record import Record, digest_of

DEADLINE_SECONDS = 60.0


def record(text: str) -> Record:
    return Record("topic", b"", text.encode())


@dataclass
class UnderWay:
    """Records that the script's sink has been given."""

    wait: Callable[[], None]


@dataclass
class Script:
    """A source, a handler and a sink that write down what is asked of them, and fail when they are told to."""

    batches: list[list[Record]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    _polled: list[list[Record]] = field(default_factory=list)

    def _do(self, what: str) -> None:
        self.log.append(what)
        if self.failures.get(what.split()[0]):
            raise self.failures[what.split()[0]].pop(0)

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        if not self.batches:
            if not self._polled:
                self.stop.set()
            return []
        batch = self.batches.pop(0)
        self._polled.append(batch)
        self._do("poll")
        return batch

    def handle(self, records: Sequence[Record]) -> Sequence[Record]:
        self._do("handle " + ",".join(each.value.decode() for each in records))
        return [record(each.value.decode().upper()) for each in records]

    def publish(self, records: Sequence[Record]) -> None:
        self.begin(records).wait()

    def begin(self, records: Sequence[Record]) -> UnderWay:
        self._do("send " + (names := ",".join(each.value.decode() for each in records)))
        return UnderWay(lambda: self._do(f"acknowledged {names}"))

    def position(self) -> int:
        return len(self._polled)

    def commit(self, place: int) -> None:
        self._do("commit " + ",".join(each.value.decode() for batch in self._polled[:place] for each in batch))
        del self._polled[:place]

    def rewind(self) -> None:
        self.batches[:0] = self._polled
        self._polled.clear()
        self._do("rewind")

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        self._do("wait")

    def lag(self) -> int:
        return 7

    def close(self) -> None:
        self._do("close")


def consume(script: Script, make_source: Callable[[], Script] | None = None) -> tuple[ConsumerThread, Health]:
    health = Health()
    consumer = ConsumerThread(make_source or (lambda: script), script.handle, script, health)
    consumer.run(script.stop)
    return consumer, health


def test_durable_then_published_then_committed() -> None:
    script = Script([[record("a"), record("b")], [record("c")]])
    consumer, health = consume(script)
    assert script.log == [
        *("poll", "handle a,b", "send A,B"),
        # While the first batch is on its way to the broker, the second one is treated, and nothing of it is sent.
        *("poll", "handle c", "acknowledged A,B", "commit a,b", "send C"),
        *("acknowledged C", "commit c"),
        "close",
    ]
    assert consumer.lag() == 7
    assert health.report() == {"consumer": "ok"}


def test_an_empty_poll_is_no_batch() -> None:
    script = Script()
    assert BatchLoop(script, script.handle, script).turn(0) == 0
    assert script.log == []


@pytest.mark.parametrize(
    ("part", "error", "done"),
    [
        ("handle", DatabaseUnavailable("gone"), ["poll", "handle a"]),
        ("send", PublishFailed("gone"), ["poll", "handle a", "send A"]),
        ("acknowledged", PublishFailed("gone"), ["poll", "handle a", "send A", "acknowledged A"]),
    ],
)
def test_a_batch_is_read_again_when_a_part_is_away(part: str, error: Exception, done: list[str]) -> None:
    script = Script([[record("a")]], failures={part: [error, error]})
    consume(script)
    assert script.log == [
        *done,
        *("rewind", "wait"),
        *done,
        *("rewind", "wait"),
        *("poll", "handle a", "send A", "acknowledged A", "commit a", "close"),
    ]


def test_what_is_not_acknowledged_comes_again_with_what_was_treated_meanwhile() -> None:
    script = Script([[record("a")], [record("b")]], failures={"acknowledged": [PublishFailed("gone")]})
    consume(script)
    assert script.log == [
        *("poll", "handle a", "send A"),
        *("poll", "handle b", "acknowledged A", "rewind", "wait"),
        *("poll", "handle a", "send A", "acknowledged A", "commit a"),
        *("poll", "handle b", "send B", "acknowledged B", "commit b"),
        "close",
    ]


def test_a_database_that_goes_keeps_nobody_from_committing_what_was_done_before() -> None:
    script = Script([[record("a")], [record("b")]])
    script.failures["handle"] = []
    loop = BatchLoop(script, script.handle, script)
    loop.turn(0)
    script.failures["handle"] = [DatabaseUnavailable("gone")]
    with pytest.raises(DatabaseUnavailable):
        loop.turn(0)
    loop.flush()
    assert script.log[-2:] == ["acknowledged A", "commit a"]


def test_the_last_batch_is_committed_before_the_partitions_are_given_back() -> None:
    script = Script([[record("a")]])
    poll = script.poll

    def poll_once(timeout_seconds: float) -> Sequence[Record]:
        script.stop.set()
        return poll(timeout_seconds)

    script.poll = poll_once  # type: ignore[method-assign]
    consume(script)
    assert script.log == ["poll", "handle a", "send A", "acknowledged A", "commit a", "close"]


def test_a_last_batch_that_is_not_acknowledged_is_left_to_the_next_start() -> None:
    script = Script([[record("a")]], failures={"acknowledged": [PublishFailed("gone"), PublishFailed("gone")]})
    poll = script.poll

    def poll_once(timeout_seconds: float) -> Sequence[Record]:
        script.stop.set()
        return poll(timeout_seconds)

    script.poll = poll_once  # type: ignore[method-assign]
    consume(script)
    assert script.log == ["poll", "handle a", "send A", "acknowledged A", "close"]


def test_while_it_waits_it_says_for_what() -> None:
    script = Script([[record("a")]], failures={"handle": [DatabaseUnavailable("connection refused")]})
    seen = []
    health = Health()

    def wait(seconds: float, stop: threading.Event | None = None) -> None:
        seen.append((seconds, health.report()["consumer"]))

    script.wait = wait  # type: ignore[method-assign]
    ConsumerThread(lambda: script, script.handle, script, health).run(script.stop)
    assert seen == [(0.2, "waiting for the database: connection refused")]
    assert health.report() == {"consumer": "ok"}


def test_it_waits_longer_each_time_up_to_a_limit() -> None:
    script = Script([[record("a")]], failures={"handle": [DatabaseUnavailable("x")] * 8})
    waits: list[float] = []

    def wait(seconds: float, stop: threading.Event | None = None) -> None:
        waits.append(seconds)

    script.wait = wait  # type: ignore[method-assign]
    consume(script)
    assert waits == [0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_it_waits_for_a_broker_that_is_not_there_yet() -> None:
    script = Script([[record("a")]])
    attempts = iter([BrokerUnavailable("refused"), BrokerUnavailable("refused"), None])

    def make() -> Script:
        error = next(attempts)
        if error is not None:
            raise error
        return script

    _, health = consume(script, make)
    assert script.log == ["poll", "handle a", "send A", "acknowledged A", "commit a", "close"]
    assert health.report() == {"consumer": "ok"}


def test_a_source_that_is_stuck_is_closed_and_another_one_opened() -> None:
    stalled, other = (
        Script([[record("a")]], failures={"poll": [ConsumerStalled("nothing comes")]}),
        Script([[record("a")]]),
    )
    other.stop = stalled.stop
    scripts = [stalled, other]
    _, health = consume(other, lambda: scripts.pop(0))
    assert stalled.log == ["poll", "close"]
    assert other.log == ["poll", "handle a", "send A", "acknowledged A", "commit a", "close"]
    assert health.report() == {"consumer": "ok"}


def test_told_to_stop_before_there_is_a_broker_it_stops() -> None:
    health = Health()
    stop = threading.Event()

    def make() -> Script:
        raise BrokerUnavailable("refused")

    thread = threading.Thread(target=ConsumerThread(make, lambda _: [], Script(), health).run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_any_other_error_ends_the_consumer_after_giving_back_its_partitions() -> None:
    script = Script([[record("a")]], failures={"handle": [ZeroDivisionError()]})
    with pytest.raises(ZeroDivisionError):
        consume(script)
    assert script.log[-1] == "close"


# Poison.


class Poisoned:
    """A handler that fails with whatever batch has a certain record in it."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.batches: list[str] = []
        self.stored: list[tuple[bytes, str]] = []

    def handle(self, records: Sequence[Record]) -> Sequence[Record]:
        text = "".join(each.value.decode() for each in records)
        self.batches.append(text)
        if "x" in text:
            raise self.error
        return list(records)

    def store_dead_letter(self, stored: Record, reason: str) -> None:
        self.stored.append((stored.value, reason))


def test_a_poisoned_record_goes_alone() -> None:
    poisoned = Poisoned(ValueError("cannot be"))
    handle = isolating_poison(poisoned.handle, poisoned.store_dead_letter)
    outgoing = handle([record("a"), record("x"), record("b")])
    assert [each.value for each in outgoing] == [b"a", b"b"]
    assert poisoned.batches == ["axb", "a", "x", "b"]
    assert poisoned.stored == [(b"x", "processing failed: ValueError: cannot be")]
    assert [each.value for each in handle([record("c")])] == [b"c"]


def test_an_absent_database_poisons_nothing() -> None:
    poisoned = Poisoned(DatabaseUnavailable("gone"))
    with pytest.raises(DatabaseUnavailable):
        isolating_poison(poisoned.handle, poisoned.store_dead_letter)([record("a"), record("x")])
    assert poisoned.stored == []


def test_a_database_that_goes_in_the_middle_of_isolation_poisons_nothing() -> None:
    errors = iter([ValueError("first"), DatabaseUnavailable("then")])
    stored: list[str] = []

    def handle(records: Sequence[Record]) -> Sequence[Record]:
        raise next(errors)

    with pytest.raises(DatabaseUnavailable):
        isolating_poison(handle, lambda _, reason: stored.append(reason))([record("a")])
    assert stored == []


def test_a_long_reason_is_cut() -> None:
    poisoned = Poisoned(ValueError("y" * 9_000))
    isolating_poison(poisoned.handle, poisoned.store_dead_letter)([record("x")])
    assert len(poisoned.stored[0][1]) == 500


# A record that breaks the connection.


def turns_until_done(isolated: BatchHandler, *batch: Record, turns_max: int = 20) -> int:
    """How often the batch is handed over until it is taken: after DatabaseUnavailable a consumer reads it again."""
    for turn in range(1, turns_max + 1):
        try:
            isolated(batch)
        except DatabaseUnavailable:
            continue
        return turn
    raise AssertionError("never taken")


def test_a_record_that_breaks_the_connection_while_the_database_answers_is_poison() -> None:
    poisoned = Poisoned(DatabaseUnavailable("server closed the connection"))
    isolated = isolating_poison(poisoned.handle, poisoned.store_dead_letter, lambda: True)
    turns = turns_until_done(isolated, record("a"), record("x"), record("b"))
    # As a batch, and then alone.
    assert turns == 2 * CONNECTION_BREAKS_MAX - 1
    assert poisoned.stored == [(b"x", "breaks the connection to the database: server closed the connection")]
    assert [each.value for each in isolated([record("c")])] == [b"c"]


def test_a_database_that_does_not_answer_is_waited_for_however_long() -> None:
    poisoned = Poisoned(DatabaseUnavailable("gone"))
    isolated = isolating_poison(poisoned.handle, poisoned.store_dead_letter, lambda: False)
    with pytest.raises(AssertionError, match="never taken"):
        turns_until_done(isolated, record("x"))
    assert poisoned.stored == []


def test_connections_that_break_now_and_then_poison_nothing() -> None:
    breaks = iter([True, True, False] * 20)
    stored: list[bytes] = []

    def handle(records: Sequence[Record]) -> Sequence[Record]:
        if next(breaks):
            raise DatabaseUnavailable("server closed the connection")
        return list(records)

    isolated = isolating_poison(handle, lambda each, _: stored.append(each.value), lambda: True)
    for _ in range(10):
        assert turns_until_done(isolated, record("a"), record("b")) == CONNECTION_BREAKS_MAX
    assert stored == []


@pytest.mark.parametrize("error", [ValueError("no such bytes"), DatabaseUnavailable("server closed the connection")])
def test_a_letter_that_cannot_be_stored_is_stored_without_its_bytes(error: Exception) -> None:
    stored: list[tuple[Record, str]] = []

    def store_dead_letter(letter: Record, reason: str) -> None:
        if letter.value:
            raise error
        stored.append((letter, reason))

    isolated = isolating_poison(Poisoned(ValueError("cannot be")).handle, store_dead_letter, lambda: True)
    poison = record("x")
    assert list(isolated([poison])) == []
    ((letter, reason),) = stored
    assert reason == "processing failed: ValueError: cannot be"
    assert digest_of(letter) == digest_of(poison)
    assert letter.flaw is not None and letter.flaw.value_bytes == 1


def test_a_letter_whose_reason_cannot_be_stored_either_gets_a_plain_one() -> None:
    reasons: list[str] = []

    def store_dead_letter(_letter: Record, reason: str) -> None:
        if "cannot be" in reason:
            raise ValueError("no such text")
        reasons.append(reason)

    assert list(isolating_poison(Poisoned(ValueError("cannot be")).handle, store_dead_letter)([record("x")])) == []
    assert reasons == ["processing failed"]
