"""A broker with passwords and rights: a bank writes to the hub and reads its own topic, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import KafkaException

from hub.settings import HubSettings
from lab.network.parts.apache_kafka import ApacheKafkaBroker, ApacheKafkaSettings
from lab.network.parts.process import wait_until
from pix.messaging.kafka.acls import allow_banks, bank_group, bank_user
from pix.messaging.kafka.client import broker_answers
from pix.messaging.kafka.lag import GroupLag
from pix.messaging.kafka.settings import KafkaSecurity, KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.runtime.outages import BrokerUnavailable, PublishFailed
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic

pytestmark = pytest.mark.apache_kafka

PASSWORDS = {
    "hub": "the password of the hub",
    bank_user("001"): "the password of Aurora",
    bank_user("002"): "the password of Ipe",
}
BANKS = ("001", "002")
READ_SECONDS_MAX = 30.0


def settings_of(broker: ApacheKafkaBroker, user: str, password: str | None = None) -> KafkaSettings:
    """As a service makes them from its environment."""
    return HubSettings(
        database_url="postgresql://unused",
        kafka_bootstrap_servers=broker.bootstrap_servers,
        kafka_security_protocol=KafkaSecurity.SASL_PLAINTEXT,
        kafka_sasl_username=user,
        kafka_sasl_password=password or PASSWORDS[user],
    ).kafka(f"test-{user}")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafkaBroker]:
    settings = ApacheKafkaSettings(first_compiler_only=True, passwords=PASSWORDS)
    broker = ApacheKafkaBroker(tmp_path_factory.mktemp("kafka"), settings=settings)
    try:
        broker.start()
        hub = settings_of(broker, "hub")
        ensure_topics(hub, [HUB_TOPIC, *(bank_topic(code) for code in BANKS)])
        allow_banks(hub, BANKS)
        allow_banks(hub, BANKS)
        # The broker takes its time until what was given is in force.
        wait_until(lambda: all(sees_its_topics(broker, code) for code in BANKS), READ_SECONDS_MAX, "the rights")
        yield broker
    finally:
        broker.stop()


def sees_its_topics(broker: ApacheKafkaBroker, code: str) -> bool:
    """Whether the bank finds the topics, neither of which it may make."""
    try:
        ensure_topics(settings_of(broker, bank_user(code)), [bank_topic(code), HUB_TOPIC])
    except BrokerUnavailable:
        return False
    return True


def publish(settings: KafkaSettings, *records: Record) -> None:
    sink = KafkaSink(settings)
    try:
        sink.publish(records)
    finally:
        sink.close()


def read(settings: KafkaSettings, topic: str, group: str) -> Sequence[Record]:
    """The first records of a topic. Raises KafkaException when one may not read it."""
    source = KafkaSource(settings, topic, group)
    try:
        records: list[Record] = []

        def has_come() -> bool:
            records.extend(source.poll(0.2))
            return bool(records)

        wait_until(has_come, READ_SECONDS_MAX, f"a record of {topic}")
        return records
    finally:
        source.close()


def test_a_bank_writes_to_the_hub_and_reads_its_own_topic(broker: ApacheKafkaBroker) -> None:
    hub, aurora = settings_of(broker, "hub"), settings_of(broker, bank_user("001"))
    publish(aurora, Record(HUB_TOPIC, b"id", b"from a bank"))
    assert [record.value for record in read(hub, HUB_TOPIC, "codepix-hub")] == [b"from a bank"]
    publish(hub, Record(bank_topic("001"), b"id", b"from the hub"))
    # A bank's sweeper may ask how far its own consumer is behind.
    assert GroupLag(aurora, bank_topic("001"), bank_group("001")).records() == 1
    assert [record.value for record in read(aurora, bank_topic("001"), bank_group("001"))] == [b"from the hub"]


@pytest.mark.parametrize("topic", [bank_topic("001"), bank_topic("002"), "codepix.new"])
def test_a_bank_writes_nowhere_else(broker: ApacheKafkaBroker, topic: str) -> None:
    with pytest.raises(PublishFailed, match=r"(?i)authoriz"):
        publish(settings_of(broker, bank_user("001")), Record(topic, b"id", b"forged"))


@pytest.mark.parametrize(
    ("topic", "group"),
    [
        (bank_topic("002"), bank_group("001")),
        (HUB_TOPIC, bank_group("001")),
        (bank_topic("001"), bank_group("002")),
        (bank_topic("001"), "codepix-hub"),
    ],
)
def test_a_bank_reads_no_other_banks_topic_and_joins_no_other_group(
    broker: ApacheKafkaBroker, topic: str, group: str
) -> None:
    with pytest.raises(KafkaException, match=r"(?i)authoriz"):
        read(settings_of(broker, bank_user("001")), topic, group)


def test_who_has_no_password_or_a_wrong_one_is_not_answered(broker: ApacheKafkaBroker) -> None:
    assert broker_answers(settings_of(broker, bank_user("001")), 5.0)
    assert not broker_answers(settings_of(broker, bank_user("001"), "another password"), 1.0)
    plain = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, client_id="test-plain")
    assert not broker_answers(plain, 1.0)
