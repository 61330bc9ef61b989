"""What a sweeper is told of a topic that other processes consume."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from lab.network.parts.broker import EmbeddedBroker
from lab.network.parts.process import wait_until
from pix.messaging.kafka import lag as kafka_lag
from pix.messaging.kafka.lag import AGE_SECONDS_MAX, GroupLag, lag_seen_by
from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import KafkaSource
from pix.wire.record import Record

DEADLINE_SECONDS = 60.0
MANY = 100
Settings = Callable[..., KafkaSettings]


class Watch:
    """A clock that each look finds old readings with."""

    def __init__(self) -> None:
        self.now_seconds = 0.0

    def __call__(self) -> float:
        return self.now_seconds

    def turn(self) -> None:
        self.now_seconds += AGE_SECONDS_MAX


def records(topic: str, count: int) -> list[Record]:
    return [Record(topic, f"key {number}".encode(), b"value") for number in range(count)]


def take(source: KafkaSource, count: int) -> None:
    """Polls so many records, and commits them."""
    taken = 0

    def is_enough() -> bool:
        nonlocal taken
        taken += len(source.poll(0.1))
        return taken >= count

    wait_until(is_enough, DEADLINE_SECONDS, f"{count} records to come")
    source.commit(source.position())


def test_what_a_group_has_not_committed_waits_and_what_has_just_come_does_not(
    settings: Settings, topic: str, sink: KafkaSink
) -> None:
    group = uuid4().hex
    watch = Watch()
    lag = GroupLag(settings(), topic, group, watch)
    assert lag.records() == 0
    sink.publish(records(topic, 40))
    assert lag.records() == 0, "a reading is good for a second"
    watch.turn()
    assert lag.records() == 0, "they have come since the reading before"
    watch.turn()
    assert lag.records() == 40
    assert GroupLag(settings(), topic, group, watch).records() == 40, "who starts now has no reading before"

    with closing(KafkaSource(settings(), topic, group)) as source:
        take(source, 40)
        sink.publish(records(topic, 20))

        def is_up_to_date() -> bool:
            watch.turn()
            return GroupLag(settings(), topic, group, watch).records() == 20

        wait_until(is_up_to_date, DEADLINE_SECONDS, "the commit to be seen")
    watch.turn()
    assert lag.records() == 0
    watch.turn()
    assert lag.records() == 20


def test_a_broker_that_does_not_answer_keeps_nobody_from_resending(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kafka_lag, "ANSWER_SECONDS_MAX", 0.5)
    broker = EmbeddedBroker(tmp_path / "broker.log")
    broker.start()
    try:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, client_id="test")
        with closing(KafkaSink(settings)) as sink:
            sink.publish(records("test.lag", 7))
        watch = Watch()
        lag = GroupLag(settings, "test.lag", "group", watch)

        def reads(count: int) -> bool:
            watch.turn()
            return lag.records() == count

        wait_until(lambda: reads(7), DEADLINE_SECONDS, "the lag to be known")
        broker.freeze()
        wait_until(lambda: reads(0), DEADLINE_SECONDS, "nothing to be known")
        broker.thaw()
        wait_until(lambda: reads(7), DEADLINE_SECONDS, "the lag to be known again")
        monkeypatch.setattr(kafka_lag, "ANSWER_SECONDS_MAX", 0.001)
        for _ in range(MANY):
            assert reads(7) or lag.records() == 0, "answers that come late do no harm"
    finally:
        broker.kill()


def test_a_process_that_reads_every_partition_knows_by_itself(settings: Settings, topic: str, sink: KafkaSink) -> None:
    def own() -> int:
        return 5

    sink.publish(records(topic, 9))
    assert lag_seen_by(settings(KafkaAssignment.ALL), topic, "group", own)() == own()
    # One of several replicas reads a part, a process without a consumer none.
    assert lag_seen_by(settings(KafkaAssignment.GROUP), topic, "group", own)() == 9
    assert lag_seen_by(settings(KafkaAssignment.ALL), topic, "group", None)() == 9
