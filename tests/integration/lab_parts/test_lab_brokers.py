"""One suite for both brokers: what CodePix relies on, and what each does when it is broken."""

import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_STORED, Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from lab.network.parts.apache_kafka import (
    ApacheKafkaBroker,
    ApacheKafkaSettings,
    fetch_jars,
    java_and_maven_available,
    kafka_version,
)
from lab.network.parts.broker import Broker, EmbeddedBroker
from lab.network.parts.errors import PartError, PartMissing, PortInUse
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until

DEADLINE_SECONDS = 30.0
SESSION_MILLISECONDS = {"EmbeddedBroker": 4_000, "ApacheKafkaBroker": 6_000}
"""The shortest that each allows. The embedded broker refuses a member whose SyncGroup comes later than the leader's, as
it may on a busy machine, and the group tries anew when a session less a second has passed."""
POLL_SECONDS = 0.2
PARTITIONS = 4
QUICK_START = ApacheKafkaSettings(first_compiler_only=True)
NOT_ACKNOWLEDGED_SECONDS = 1.0


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("apache_kafka", marks=pytest.mark.apache_kafka)], name="broker"
)
def _broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp(request.param)
    broker: Broker
    broker = (
        EmbeddedBroker(folder / "broker.log")
        if request.param == "embedded"
        else ApacheKafkaBroker(folder, settings=QUICK_START)
    )
    broker.start()
    yield broker
    broker.stop()
    shutil.rmtree(folder)


@pytest.fixture
def topic() -> str:
    """A name that no other test uses."""
    return f"contract.{uuid.uuid4().hex}"


@pytest.fixture
def consumer_for(broker: Broker) -> Iterator[Callable[[str], Consumer]]:
    """Makes consumers that are closed after the test. They are told where to begin and commit nothing by themselves."""
    consumers: list[Consumer] = []

    def make(group: str) -> Consumer:
        consumer = Consumer(
            {
                "bootstrap.servers": broker.bootstrap_servers,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                # Members learn of each other by their heartbeats.
                "heartbeat.interval.ms": 200,
                "session.timeout.ms": SESSION_MILLISECONDS[type(broker).__name__],
                "log_level": 0,
            }
        )
        consumers.append(consumer)
        return consumer

    yield make
    for consumer in consumers:
        consumer.close()


def make_producer(broker: Broker, **settings: str | int | bool) -> Producer:
    return Producer({"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 1, "log_level": 0, **settings})


def produce(producer: Producer, topic: str, values: list[bytes], key: bytes | None = None) -> None:
    """Produces, and returns when every record is acknowledged."""
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    for value in values:
        producer.produce(
            topic,
            value,
            key=key,
            headers={"type": b"TransferRequested", "signature": b"\x00\xff"},
            on_delivery=delivered,
        )
    assert producer.flush(DEADLINE_SECONDS) == 0
    assert not failures


def consume(consumer: Consumer, count: int) -> list[Message]:
    """Polls until `count` records have come. Errors that a client recovers from are passed over."""
    records: list[Message] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(records) < count and time.monotonic() < deadline:
        record = consumer.poll(POLL_SECONDS)
        if record is not None and record.error() is None:
            records.append(record)
    assert len(records) == count
    return records


def all_partitions(topic: str, offset: int) -> list[TopicPartition]:
    return [TopicPartition(topic, partition, offset) for partition in range(PARTITIONS)]


def values_of(records: list[Message]) -> set[bytes | None]:
    return {record.value() for record in records}


def topics_of(broker: Broker) -> set[str]:
    client = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    return set(client.list_topics(timeout=DEADLINE_SECONDS).topics)


def test_records_arrive_with_key_value_and_headers(
    broker: Broker, topic: str, consumer_for: Callable[[str], Consumer]
) -> None:
    produce(make_producer(broker), topic, [b"\x08\x01"], key=b"E2E")
    consumer = consumer_for("reader")
    consumer.assign(all_partitions(topic, 0))
    (record,) = consume(consumer, 1)
    assert (record.key(), record.value()) == (b"E2E", b"\x08\x01")
    assert record.headers() == [("type", b"TransferRequested"), ("signature", b"\x00\xff")]


def test_a_topic_appears_with_four_partitions_on_first_use(broker: Broker, topic: str) -> None:
    produce(make_producer(broker), topic, [b"first"])
    client = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    assert len(client.list_topics(topic, timeout=DEADLINE_SECONDS).topics[topic].partitions) == PARTITIONS


def test_a_consumer_with_assigned_partitions_goes_on_from_its_commits(
    broker: Broker, topic: str, consumer_for: Callable[[str], Consumer]
) -> None:
    producer = make_producer(broker)
    produce(producer, topic, [b"%d" % number for number in range(10)])
    first = consumer_for("replica")
    first.assign(all_partitions(topic, OFFSET_STORED))
    seen = values_of(consume(first, 6))
    # What was polled is committed; what the client fetched ahead is not.
    first.commit(offsets=first.position(all_partitions(topic, OFFSET_STORED)), asynchronous=False)
    first.close()

    produce(producer, topic, [b"later"])
    second = consumer_for("replica")
    second.assign(all_partitions(topic, OFFSET_STORED))
    rest = values_of(consume(second, 5))
    assert seen | rest == {b"later", *(b"%d" % number for number in range(10))}
    assert second.poll(POLL_SECONDS) is None


def test_an_idempotent_producer_keeps_the_order_of_a_key(
    broker: Broker, topic: str, consumer_for: Callable[[str], Consumer]
) -> None:
    values = [b"%d" % number for number in range(500)]
    produce(make_producer(broker, **{"enable.idempotence": True}), topic, values, key=b"same")
    consumer = consumer_for("reader")
    consumer.assign(all_partitions(topic, 0))
    records = consume(consumer, len(values))
    assert [record.value() for record in records] == values
    assert len({record.partition() for record in records}) == 1


def test_two_members_of_a_group_share_the_partitions(
    broker: Broker, topic: str, consumer_for: Callable[[str], Consumer]
) -> None:
    producer = make_producer(broker)
    produce(producer, topic, [b"before"])
    members = [consumer_for("group"), consumer_for("group")]
    for member in members:
        member.subscribe([topic])
    received: list[bytes | None] = []

    def poll_all() -> None:
        for member in members:
            record = member.poll(POLL_SECONDS / 4)
            if record is not None and record.error() is None:
                received.append(record.value())

    def is_shared() -> bool:
        poll_all()
        return sorted(len(member.assignment()) for member in members) == [2, 2]

    wait_until(is_shared, DEADLINE_SECONDS, "both members to have two partitions each")
    for number in range(40):
        produce(producer, topic, [b"%d" % number], key=b"%d" % number)

    def has_all() -> bool:
        poll_all()
        return set(received) == {b"before", *(b"%d" % number for number in range(40))}

    wait_until(has_all, DEADLINE_SECONDS, "the members to receive every record between them")


def test_a_frozen_broker_acknowledges_after_its_thaw(broker: Broker, topic: str) -> None:
    producer = make_producer(broker, **{"enable.idempotence": True})
    produce(producer, topic, [b"before"])
    broker.freeze()
    acknowledged: list[KafkaError | None] = []
    producer.produce(topic, b"during", on_delivery=lambda error, _: acknowledged.append(error))
    assert producer.flush(NOT_ACKNOWLEDGED_SECONDS) == 1
    assert not acknowledged
    broker.thaw()
    assert producer.flush(DEADLINE_SECONDS) == 0
    assert acknowledged == [None]


@pytest.mark.parametrize("broker", [pytest.param("apache_kafka", marks=pytest.mark.apache_kafka)], indirect=True)
def test_apache_kafka_keeps_acknowledged_records_and_commits_through_sigkill(
    broker: Broker, topic: str, consumer_for: Callable[[str], Consumer]
) -> None:
    producer = make_producer(broker, **{"enable.idempotence": True})
    address = broker.bootstrap_servers
    produce(producer, topic, [b"%d" % number for number in range(100)])
    consumer = consumer_for("survivor")
    consumer.assign(all_partitions(topic, OFFSET_STORED))
    consume(consumer, 100)
    consumer.commit(offsets=consumer.position(all_partitions(topic, OFFSET_STORED)), asynchronous=False)

    broker.kill()
    assert not broker.is_running()
    broker.restart()

    assert broker.bootstrap_servers == address
    # The clients that were connected go on as if nothing had happened.
    produce(producer, topic, [b"after"])
    assert values_of(consume(consumer, 1)) == {b"after"}
    reader = consumer_for("reader")
    reader.assign(all_partitions(topic, 0))
    assert values_of(consume(reader, 101)) == {b"after", *(b"%d" % number for number in range(100))}
    successor = consumer_for("survivor")
    successor.assign(all_partitions(topic, OFFSET_STORED))
    assert values_of(consume(successor, 1)) == {b"after"}


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
def test_the_embedded_broker_says_when_it_has_no_address(broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(PartError, match="no address"):
        _ = EmbeddedBroker(tmp_path / "broker.log").bootstrap_servers


def test_wiping_loses_every_record(broker: Broker, topic: str) -> None:
    produce(make_producer(broker), topic, [b"lost"])
    assert topic in topics_of(broker)
    broker.wipe()
    assert broker.is_running()
    assert topic not in topics_of(broker)
    produce(make_producer(broker), topic, [b"new"])


@pytest.mark.apache_kafka
def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server, pytest.raises(PortInUse, match="--kafka-port"):
        ApacheKafkaBroker(tmp_path, server.getsockname()[1]).start()


def test_a_machine_without_java_or_maven_gets_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert java_and_maven_available(tmp_path / "none") == (
        "Apache Kafka needs Java 17 or later, and there is no java on the PATH."
    )
    with pytest.raises(PartMissing, match="no mvn on the PATH"):
        fetch_jars(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_pom_names_the_version() -> None:
    assert kafka_version().split(".")[0] == "4"


@pytest.mark.apache_kafka
def test_maven_that_fails_gets_one_line_and_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tmp_path / "bin" / "mvn"
    failing.parent.mkdir()
    failing.write_text("#!/bin/sh\necho '[ERROR] the network is away'\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{failing.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(PartMissing) as caught:
        fetch_jars(tmp_path / "cache" / "kafka")
    assert str(caught.value).endswith("is missing, and Maven could not fetch it: [ERROR] the network is away")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").iterdir())
