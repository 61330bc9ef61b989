"""The background publisher never makes a customer wait, whatever the broker does."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from bank_sim.adapters.background_publisher import RECORDS_WAITING_MAX, ThreadedPublisher
from pix.runtime.outages import PublishFailed
from pix.wire.record import Record

DEADLINE_SECONDS = 10.0


def record(number: int) -> Record:
    return Record("codepix.hub.v1", b"key", str(number).encode())


class Sink:
    """Publishes when the gate is open."""

    def __init__(self, failures: Sequence[Exception] = ()) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[bytes]] = []
        self.published = threading.Event()
        self._failures = list(failures)

    def publish(self, records: Sequence[Record]) -> None:
        self.entered.set()
        assert self.gate.wait(DEADLINE_SECONDS)
        if self._failures:
            raise self._failures.pop(0)
        self.batches.append([record.value for record in records])
        self.published.set()


def test_nothing_is_opened_before_the_first_record() -> None:
    opened: list[int] = []

    def make_sink() -> Sink:
        opened.append(1)
        return Sink()

    publisher = ThreadedPublisher(make_sink, lambda _: ())
    publisher.enqueue_records([])
    publisher.close()
    assert opened == []


def test_the_caller_goes_on_while_the_broker_hangs_and_what_gathers_goes_as_one_batch() -> None:
    sink = Sink()
    publisher = ThreadedPublisher(lambda: sink, lambda _: ())
    publisher.enqueue_records([record(0)])
    assert sink.entered.wait(DEADLINE_SECONDS)
    for number in range(1, 6):
        publisher.enqueue_records([record(number)])
    assert sink.batches == []
    sink.gate.set()
    publisher.close()
    assert sink.batches == [[b"0"], [b"1", b"2", b"3", b"4", b"5"]]


def test_what_cannot_be_sent_is_dropped_and_the_next_goes_out() -> None:
    sink = Sink([PublishFailed("the broker is down"), RuntimeError("a fault")])
    sink.gate.set()
    publisher = ThreadedPublisher(lambda: sink, lambda _: ())
    for number in range(100):
        publisher.enqueue_records([record(number)])
        if sink.published.wait(0.1):
            break
    publisher.close()
    assert sink.batches
    assert sum(len(batch) for batch in sink.batches) < 100


def test_what_waits_is_bounded() -> None:
    sink = Sink()
    publisher = ThreadedPublisher(lambda: sink, lambda _: ())
    publisher.enqueue_records([record(0)])
    assert sink.entered.wait(DEADLINE_SECONDS)
    publisher.enqueue_records([record(1)] * RECORDS_WAITING_MAX)
    publisher.enqueue_records([record(2)])
    sink.gate.set()
    publisher.close()
    assert sum(len(batch) for batch in sink.batches) == 1 + RECORDS_WAITING_MAX


def test_a_sink_that_cannot_be_made_yet_is_made_for_a_later_record() -> None:
    sink = Sink()
    sink.gate.set()
    failures = [RuntimeError("no such host")]

    def make_sink() -> Sink:
        if failures:
            raise failures.pop()
        return sink

    publisher = ThreadedPublisher(make_sink, lambda _: ())
    for number in range(100):
        publisher.enqueue_records([record(number)])
        if sink.published.wait(0.1):
            break
    publisher.close()
    assert sink.batches
