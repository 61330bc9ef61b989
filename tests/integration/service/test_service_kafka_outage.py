"""What clients do about a broker that was away, or that lost what it knew of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError

from lab.network.parts.broker import EmbeddedBroker
from lab.network.parts.process import wait_until
from pix.messaging.batches import BatchLoop
from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.runtime.outages import PublishFailed
from pix.wire.record import Record

SESSION_TIMEOUT_MS = 3_000
HEARTBEAT_MS = 500
AWAY_SECONDS = 3.5
WAIT_SECONDS = 0.5
DEADLINE_SECONDS = 60.0


@pytest.fixture
def frail_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of this test's own, to be broken."""
    broker = EmbeddedBroker(tmp_path / "broker.log")
    broker.start()
    yield broker
    broker.stop()


@contextmanager
def thawed_in_the_end(broker: EmbeddedBroker) -> Iterator[None]:
    """A client whose broker stands still would wait for it when it is closed."""
    try:
        yield
    finally:
        broker.thaw()


@pytest.mark.slow
def test_partitions_that_were_taken_away_while_it_waited_are_read_again(frail_broker: EmbeddedBroker) -> None:
    settings = KafkaSettings(
        bootstrap_servers=frail_broker.bootstrap_servers,
        client_id="test",
        assignment=KafkaAssignment.GROUP,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        extra={"heartbeat.interval.ms": HEARTBEAT_MS},
    )
    topic = f"test.{uuid4().hex}"
    ensure_topics(settings, [topic])
    with closing(KafkaSink(settings)) as sink, closing(KafkaSource(settings, topic, "group")) as source:
        seen: set[bytes] = set()

        def has_come(key: bytes) -> bool:
            seen.update(record.key for record in source.poll(0.1))
            source.commit(source.position())
            return key in seen

        sink.publish([Record(topic, b"before", b"")])
        wait_until(lambda: has_come(b"before"), DEADLINE_SECONDS, "the record of before the outage")
        frail_broker.freeze()
        thawing = threading.Timer(AWAY_SECONDS, frail_broker.thaw)
        thawing.start()
        while thawing.is_alive():
            # As the consumer's thread does while the database is away. Meanwhile the group gives this member up.
            source.rewind()
            source.wait(WAIT_SECONDS)
        sink.publish([Record(topic, f"after {number}".encode(), b"") for number in range(20)])
        for number in range(20):
            key = f"after {number}".encode()
            wait_until(lambda key=key: has_come(key), DEADLINE_SECONDS, f"the record {key!r}")  # type: ignore[misc]


def test_what_the_client_could_not_deliver_is_not_published(frail_broker: EmbeddedBroker) -> None:
    settings = KafkaSettings(bootstrap_servers=frail_broker.bootstrap_servers, client_id="test")
    ensure_topics(settings, ["topic"])
    with closing(KafkaSink(settings, delivery_seconds_max=0.5)) as sink, thawed_in_the_end(frail_broker):
        frail_broker.freeze()
        publication = sink.begin([Record("topic", b"key", b"value")])

        def has_given_up() -> bool:
            publication.producer.poll(0.1)
            return bool(publication.failures)

        wait_until(has_given_up, DEADLINE_SECONDS, "the client to give up")
        with pytest.raises(PublishFailed, match="1 of 1 records not published"):
            publication.wait()


def test_offsets_stay_while_what_is_owed_for_them_is_not_acknowledged(
    settings: Callable[[], KafkaSettings], topic: str, sink: KafkaSink, frail_broker: EmbeddedBroker
) -> None:
    away = KafkaSettings(bootstrap_servers=frail_broker.bootstrap_servers, client_id="test")
    ensure_topics(away, ["answers"])
    sink.publish([Record(topic, b"asked", b"")])
    with closing(KafkaSink(away, acks_seconds_max=0.5)) as answers, thawed_in_the_end(frail_broker):
        with closing(KafkaSource(settings(), topic, "group")) as source:
            loop = BatchLoop(source, lambda _: [Record("answers", b"answered", b"")], answers)
            frail_broker.freeze()
            wait_until(lambda: loop.turn(0.1), DEADLINE_SECONDS, "the record to be treated")
            with pytest.raises(PublishFailed, match="1 records not acknowledged in time"):
                loop.flush()
        # Another one of the group reads it again.
        with closing(KafkaSource(settings(), topic, "group")) as source:
            assert [record.key for record in source.poll(DEADLINE_SECONDS)] == [b"asked"]


def test_what_was_taken_away_is_not_committed(
    settings: Callable[..., KafkaSettings], topic: str, sink: KafkaSink
) -> None:
    def read(source: KafkaSource, key: bytes) -> None:
        sink.publish([Record(topic, key, b"")])
        wait_until(lambda: key in [record.key for record in source.poll(0.1)], DEADLINE_SECONDS, f"the record {key!r}")
        source.commit(source.position())

    with closing(KafkaSource(settings(), topic, "group", commit_interval_seconds=3_600)) as source:
        # The broker is told of the first commit at once, and not yet of the second one.
        read(source, b"one key")
        read(source, b"one key")
        assert source._done
        # As the client calls it when the partitions are another's: from here on that one commits.
        source._forget(source._consumer, source._consumer.assignment())
    with closing(KafkaSource(settings(), topic, "group")) as source:
        assert [record.key for record in source.poll(DEADLINE_SECONDS)] == [b"one key"]


@pytest.mark.parametrize("code", [KafkaError._FATAL, KafkaError._FENCED, KafkaError._MSG_TIMED_OUT])
def test_a_producer_that_cannot_go_on_is_replaced_by_one_that_can(frail_broker: EmbeddedBroker, code: int) -> None:
    settings = KafkaSettings(bootstrap_servers=frail_broker.bootstrap_servers, client_id="test")
    topic = f"test.{uuid4().hex}"
    ensure_topics(settings, [topic])
    with closing(KafkaSink(settings)) as sink:
        broken = sink._producer
        # What the client tells once a broker that lost its log has refused this producer's sequence of records, or has
        # taken none of them for as long as one may take.
        sink._renew_if_hopeless(broken, KafkaError(code, "broken", fatal=code == KafkaError._FENCED))
        assert sink._producer is not broken
        replaced = sink._producer
        sink._renew_if_hopeless(broken, KafkaError(code, "told a second time", fatal=True))
        assert sink._producer is replaced
        sink.publish([Record(topic, b"key", b"value")])
