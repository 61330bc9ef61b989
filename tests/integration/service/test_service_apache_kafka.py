"""What the embedded broker cannot show: limits of topics, and producers that the broker gives numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from lab.network.parts.apache_kafka import ApacheKafkaBroker, ApacheKafkaSettings
from lab.network.parts.process import wait_until
from pix.messaging.kafka.client import BATCH_BYTES_MAX
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics, limit_topics
from pix.runtime.outages import ConsumerStalled, PublishFailed
from pix.wire.record import Record
from tests.support.raw_records import RawRecord, raw_producer

pytestmark = [pytest.mark.apache_kafka, pytest.mark.slow]

DEADLINE_SECONDS = 60.0
PARTITION = 2


@pytest.fixture(scope="module")
def real_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafkaBroker]:
    """Apache Kafka."""
    broker = ApacheKafkaBroker(
        tmp_path_factory.mktemp("apache") / "kafka", settings=ApacheKafkaSettings(first_compiler_only=True)
    )
    broker.start()
    yield broker
    broker.stop()


def test_topics_refuse_what_unpacks_to_more_than_a_batch_may_have(real_broker: ApacheKafkaBroker) -> None:
    settings = KafkaSettings(bootstrap_servers=real_broker.bootstrap_servers, client_id="test")
    ensure_topics(settings, ["made_by_us"])
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap_servers})
    for made in admin.create_topics([NewTopic("made_by_others", 4, 1)]).values():
        made.result(DEADLINE_SECONDS)
    limit_topics(settings, ["made_by_others"])
    for topic in ("made_by_us", "made_by_others"):
        for codec in ("gzip", "snappy", "lz4", "zstd"):
            with raw_producer(
                real_broker.bootstrap_servers, {"compression.type": codec, "message.max.bytes": 1_000_000}
            ) as producer:
                producer.send(topic, RawRecord(bytes(2 * BATCH_BYTES_MAX), codec.encode(), partition=PARTITION))
        with raw_producer(real_broker.bootstrap_servers) as producer:
            producer.send(topic, RawRecord(b"plain", partition=PARTITION))
        with closing(KafkaSource(settings, topic, f"group of {topic}")) as source:
            found: list[Record] = []

            def has_come(found: list[Record] = found, source: KafkaSource = source) -> bool:
                found.extend(source.poll(0.1))
                return any(record.value == b"plain" for record in found)

            wait_until(has_come, DEADLINE_SECONDS, "the record behind the refused ones")
            assert [record.value for record in found] == [b"plain"]


def test_producers_of_before_go_on_when_the_broker_has_lost_its_log(real_broker: ApacheKafkaBroker) -> None:
    settings = KafkaSettings(bootstrap_servers=real_broker.bootstrap_servers, client_id="test")
    topic = f"test.{uuid4().hex}"
    ensure_topics(settings, [topic])
    batch = [Record(topic, f"key {number}".encode(), b"value") for number in range(5)]

    def is_published(sink: KafkaSink) -> bool:
        try:
            sink.publish(batch)
        except PublishFailed:
            return False
        return True

    with ExitStack() as stack:
        old = [stack.enter_context(closing(KafkaSink(settings))) for _ in range(3)]
        for sink in old * 5:
            sink.publish(batch)
        real_broker.wipe()
        # These are given the numbers that the old ones believe to be theirs.
        new = [stack.enter_context(closing(KafkaSink(settings))) for _ in range(3)]
        for sink in new:
            wait_until(lambda sink=sink: is_published(sink), DEADLINE_SECONDS, "a new producer")  # type: ignore[misc]
        for sink in old:
            wait_until(lambda sink=sink: is_published(sink), DEADLINE_SECONDS, "an old producer")  # type: ignore[misc]


def test_a_member_reads_on_at_once_when_the_broker_was_away_for_longer_than_its_session(
    real_broker: ApacheKafkaBroker,
) -> None:
    settings = members_of(real_broker, session_seconds=20)
    topic = f"test.{uuid4().hex}"
    ensure_topics(settings, [topic])
    with closing(KafkaSource(settings, topic, topic)) as source, closing(KafkaSink(settings)) as sink:
        read_until(source, sink, topic, DEADLINE_SECONDS)
        real_broker.kill()
        back_at = time.monotonic() + 22
        while time.monotonic() < back_at:
            source.poll(0.1)
        real_broker.start()
        # A group that waited for its former member would do so for the 20 seconds of a session.
        read_until(source, sink, topic, 18)


def test_a_client_takes_the_place_of_a_stalled_one_of_its_process_at_once(real_broker: ApacheKafkaBroker) -> None:
    settings = members_of(real_broker, session_seconds=120, member=uuid4().hex)
    topic = f"test.{uuid4().hex}"
    ensure_topics(settings, [topic])
    with closing(KafkaSource(settings, topic, topic)) as stalled, closing(KafkaSink(settings)) as sink:
        read_until(stalled, sink, topic, DEADLINE_SECONDS)
        with closing(KafkaSource(settings, topic, topic)) as next_one:
            read_until(next_one, sink, topic, DEADLINE_SECONDS)

            def is_fenced() -> bool:
                try:
                    stalled.poll(0.1)
                except ConsumerStalled:
                    return True
                return False

            wait_until(is_fenced, DEADLINE_SECONDS, "the former client to hear that it is none any more")
            read_until(next_one, sink, topic, DEADLINE_SECONDS)


def test_a_member_that_closes_leaves_its_partitions_to_the_others_at_once(real_broker: ApacheKafkaBroker) -> None:
    settings = members_of(real_broker, session_seconds=120)
    topic = f"test.{uuid4().hex}"
    ensure_topics(settings, [topic])
    with closing(KafkaSource(settings, topic, topic)) as stays, closing(KafkaSink(settings)) as sink:
        read: dict[str, int] = {"stays": 0, "leaves": 0}
        with closing(KafkaSource(settings, topic, topic)) as leaves:

            def both_have_read() -> bool:
                sink.publish([Record(topic, uuid4().hex.encode(), b"value")])
                read["stays"] += len(stays.poll(0.05))
                read["leaves"] += len(leaves.poll(0.05))
                return all(read.values())

            wait_until(both_have_read, DEADLINE_SECONDS, "both to have partitions")
        names = {f"key {number}".encode() for number in range(100)}
        sink.publish([Record(topic, name, b"value") for name in names])
        found: set[bytes] = set()

        def has_all() -> bool:
            found.update(record.key for record in stays.poll(0.1))
            return names <= found

        wait_until(has_all, DEADLINE_SECONDS, "the one that stays to read every partition")


def members_of(broker: ApacheKafkaBroker, session_seconds: int, member: str = "") -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=broker.bootstrap_servers,
        client_id="test",
        member=member,
        session_timeout_ms=session_seconds * 1000,
    )


def read_until(source: KafkaSource, sink: KafkaSink, topic: str, seconds_max: float) -> None:
    """Publishes one record, and waits until it is read."""
    name = uuid4().hex.encode()
    sink.publish([Record(topic, name, b"value")])
    wait_until(lambda: any(each.key == name for each in source.poll(0.1)), seconds_max, "the record to be read")
