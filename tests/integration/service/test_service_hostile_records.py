"""What the clients of a broker do about records that nobody of the protocol sends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest
from sqlalchemy import text

from lab.network.parts.broker import EmbeddedBroker
from lab.network.parts.process import wait_until
from pix.messaging.consumer import ConsumerThread, isolating_poison
from pix.messaging.kafka.records import RESPONSE_BYTES_MAX
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.tap import KafkaTap
from pix.postgres.engine import make_engine, transaction, why_database_is_not_ready
from pix.runtime.health import Health
from pix.wire.record import Record
from tests.support.raw_records import NOT_UTF8, SPECIAL, RawRecord, raw_producer, repeated_often

DEADLINE_SECONDS = 60.0
ZSTANDARD = {"compression.type": "zstd", "message.max.bytes": 100_000_000, "batch.size": 100_000_000}
PARTITION = 2

Settings = Callable[..., KafkaSettings]


def test_the_tap_shows_what_passes_whatever_else_comes(
    broker: EmbeddedBroker, settings: Settings, topic: str, sink: KafkaSink
) -> None:
    with closing(KafkaTap(settings(), lambda: [topic])) as tap:
        seen: list[Record] = []

        def has_passed(key: bytes) -> bool:
            seen.extend(tapped.record for tapped in tap.poll(0.1))
            return any(record.key == key for record in seen)

        def is_at_the_ends() -> bool:
            sink.publish([Record(topic, b"first", b"")])
            return has_passed(b"first")

        wait_until(is_at_the_ends, DEADLINE_SECONDS, "the tap to be at the ends")
        with raw_producer(broker.bootstrap_servers) as producer:
            for record in [*repeated_often(NOT_UTF8), *SPECIAL]:
                producer.send(topic, record)
        with raw_producer(broker.bootstrap_servers, ZSTANDARD) as producer:
            producer.send(topic, RawRecord(bytes(2 * RESPONSE_BYTES_MAX), b"bomb"))

        def passes_again() -> bool:
            sink.publish([Record(topic, b"last", b"")])
            return has_passed(b"last")

        wait_until(passes_again, DEADLINE_SECONDS, "records behind the hostile ones")


@pytest.mark.parametrize(("in_a_batch", "batches"), [(1, 1), (1, 4), (9, 1), (9, 3), (200, 2)])
def test_what_cannot_be_unpacked_is_skipped_and_nothing_else(
    broker: EmbeddedBroker, settings: Settings, topic: str, sink: KafkaSink, in_a_batch: int, batches: int
) -> None:
    size = 2 * RESPONSE_BYTES_MAX // in_a_batch
    with closing(KafkaSource(settings(), topic, "group")) as source:
        found: list[Record] = []

        def readable() -> list[bytes]:
            # A client that learns of its topic while it flushes may part a batch, so that a part can be unpacked.
            return [record.value for record in found if record.flaw is None and record.value != bytes(size)]

        def have_come(count: int) -> bool:
            found.extend(source.poll(0.1))
            return len(readable()) >= count

        with raw_producer(broker.bootstrap_servers) as producer:
            producer.send(topic, RawRecord(b"before", partition=PARTITION))
        for _ in range(batches):
            with raw_producer(broker.bootstrap_servers, ZSTANDARD | {"linger.ms": 60_000}) as producer:
                for _ in range(in_a_batch):
                    producer.send(topic, RawRecord(bytes(size), partition=PARTITION))
        with raw_producer(broker.bootstrap_servers, {"batch.num.messages": 1}) as producer:
            for number in range(30):
                producer.send(topic, RawRecord(str(number).encode(), partition=PARTITION))
        wait_until(lambda: have_come(31), DEADLINE_SECONDS, "what can be read")
        source.commit(source.position())
    assert readable() == [b"before", *(str(number).encode() for number in range(30))]
    skipped = [record for record in found if record.flaw is not None]
    assert 1 <= len(skipped) <= batches
    assert all("batch of records: Decompression" in record.flaw.reason for record in skipped if record.flaw)
    # All of it is committed: nothing comes again.
    with closing(KafkaSource(settings(), topic, "group")) as source:
        sink.publish([Record(topic, b"next", b"next")])
        wait_until(lambda: bool(again := source.poll(0.1)) and again[0].value == b"next", DEADLINE_SECONDS, "the next")


def test_a_record_that_ends_its_connection_to_the_database_is_a_dead_letter_and_the_rest_goes_on(
    new_database: Callable[[], str], settings: Settings, topic: str, sink: KafkaSink
) -> None:
    engine = make_engine(new_database())
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE done (key bytea); CREATE TABLE dead (key bytea, reason text)"))

    def handle(records: Sequence[Record]) -> Sequence[Record]:
        with transaction(engine) as connection:
            for record in records:
                if record.key == b"breaks":
                    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
                connection.execute(text("INSERT INTO done VALUES (:key)"), {"key": record.key})
        return []

    def store_dead_letter(record: Record, reason: str) -> None:
        with transaction(engine) as connection:
            connection.execute(text("INSERT INTO dead VALUES (:key, :reason)"), {"key": record.key, "reason": reason})

    def kept(table: str) -> list[bytes]:
        with transaction(engine) as connection:
            return sorted(bytes(key) for key in connection.execute(text(f"SELECT DISTINCT key FROM {table}")).scalars())

    health, stop = Health(), threading.Event()
    consumer = ConsumerThread(
        lambda: KafkaSource(settings(), topic, "group"),
        isolating_poison(handle, store_dead_letter, lambda: not why_database_is_not_ready(engine)),
        sink,
        health,
    )
    sink.publish([Record(topic, key, b"") for key in (b"a", b"breaks", b"b")])
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: kept("dead") == [b"breaks"], DEADLINE_SECONDS, "the record to be a dead letter")
        wait_until(lambda: kept("done") == [b"a", b"b"], DEADLINE_SECONDS, "the others to be treated")
        wait_until(lambda: health.report() == {"consumer": "ok"}, DEADLINE_SECONDS, "the consumer to be well")
    finally:
        stop.set()
        thread.join(DEADLINE_SECONDS)
    engine.dispose()
    assert not thread.is_alive()
