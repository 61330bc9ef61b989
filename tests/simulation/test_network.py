"""The simulation's own watch over commits: it accuses exactly those that could lose a record."""

from __future__ import annotations

from random import Random

import pytest

from pix.wire.record import Record
from tests.simulation.network import PARTITIONS, Broker, Source, Timeline

TOPIC = "codepix.test"
RECORDS = 40


@pytest.fixture
def broker() -> Broker:
    """A topic with records in every partition."""
    broker = Broker(Timeline(), Random(1))
    broker.create(TOPIC, lambda: None)
    add_records(broker)
    return broker


@pytest.fixture
def source(broker: Broker) -> Source:
    """Reads the whole topic."""
    return Source(broker, TOPIC, "group", range(PARTITIONS), Random(2))


def add_records(broker: Broker) -> None:
    """More of them."""
    for number in range(RECORDS):
        broker.append(Record(TOPIC, str(number).encode(), b""))


def poll_all(source: Source) -> list[Record]:
    """Everything that is there."""
    polled: list[Record] = []
    while records := source.poll(0):
        polled += records
    return polled


def test_what_is_durable_may_be_committed(source: Source) -> None:
    polled = poll_all(source)
    assert len(polled) == RECORDS
    source.note_durable(source.generation, polled)
    source.commit(source.position())
    assert not source.violations


@pytest.mark.parametrize("missing", range(0, RECORDS, 7))
def test_a_single_record_that_is_not_durable_is_noticed(source: Source, missing: int) -> None:
    polled = poll_all(source)
    source.note_durable(source.generation, polled[:missing] + polled[missing + 1 :])
    source.commit(source.position())
    assert len(source.violations) == 1
    lost = polled[missing]
    assert f"offset {lost.partition}:{lost.offset} " in source.violations[0]


def test_what_retention_removed_before_it_could_be_polled_holds_nothing_back(broker: Broker, source: Source) -> None:
    source.note_durable(source.generation, poll_all(source))
    add_records(broker)
    broker.retain(TOPIC, 0.9)
    late = poll_all(source)
    assert 0 < len(late) < RECORDS
    source.note_durable(source.generation, late)
    source.commit(source.position())
    assert not source.violations


def test_what_retention_removed_after_it_was_polled_must_still_be_durable(broker: Broker, source: Source) -> None:
    polled = poll_all(source)
    broker.retain(TOPIC, 1.0)
    add_records(broker)
    source.note_durable(source.generation, poll_all(source))
    source.commit(source.position())
    assert len(source.violations) == len({record.partition for record in polled})


def test_what_was_given_back_and_then_removed_holds_nothing_back(broker: Broker, source: Source) -> None:
    poll_all(source)
    source.rewind()
    broker.retain(TOPIC, 1.0)
    add_records(broker)
    source.note_durable(source.generation, poll_all(source))
    source.commit(source.position())
    assert not source.violations


def test_what_was_given_back_and_is_still_there_must_be_treated_again(source: Source) -> None:
    polled = poll_all(source)
    source.rewind()
    again = poll_all(source)
    assert sorted((record.partition, record.offset) for record in again) == sorted(
        (record.partition, record.offset) for record in polled
    )
    source.commit(source.position())
    assert source.violations
