"""The hub's sweeper in a process of its own: it waits for a consumer of another process that is behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.bootstrap import Hub
from hub.entrypoints.kafka import CONSUMER_GROUP
from hub.settings import HubSettings
from lab.network.parts.broker import EmbeddedBroker
from lab.network.parts.process import wait_until
from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.messaging.kafka.settings import KafkaAssignment
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.runtime.clock import SystemClock
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.support.hub import World

DEADLINE_SECONDS = 60.0
SOME_SWEEPS_SECONDS = 1.2
LONG_AGO_MS = 60_000


@pytest.fixture
def bootstrap_servers(tmp_path: Path) -> Iterator[str]:
    broker = EmbeddedBroker(tmp_path / "broker.log")
    broker.start()
    yield broker.bootstrap_servers
    broker.stop()


def test_nothing_is_resent_while_another_process_has_not_read_the_answers(
    world: World, database_url: str, bootstrap_servers: str
) -> None:
    world.clock.at_ms = SystemClock().now_ms() - LONG_AGO_MS
    world.pay(1)
    hub = Hub(
        HubSettings(
            database_url=database_url,
            kafka_bootstrap_servers=bootstrap_servers,
            kafka_assignment=KafkaAssignment.ALL,
        )
    )
    kafka = hub.settings.kafka("test")
    ensure_topics(kafka, [HUB_TOPIC, bank_topic("002")])
    stop = threading.Event()
    sweeper = threading.Thread(target=hub.roles(["sweeper"])["sweeper"], args=(stop,))
    with (
        closing(KafkaSink(kafka)) as sink,
        closing(KafkaSource(kafka, HUB_TOPIC, CONSUMER_GROUP)) as consumer,
        closing(KafkaSource(kafka, bank_topic("002"), "test")) as payees_bank,
    ):
        sink.publish([Record(HUB_TOPIC, b"key", b"an answer")] * (LAG_RECORDS_MAX + 1))
        sweeper.start()
        try:
            assert list(payees_bank.poll(SOME_SWEEPS_SECONDS)) == []
            read = 0

            def all_are_read() -> bool:
                nonlocal read
                read += len(consumer.poll(0.1))
                return read > LAG_RECORDS_MAX

            wait_until(all_are_read, DEADLINE_SECONDS, "the consumer to have read all")
            consumer.commit(consumer.position())
            wait_until(lambda: payees_bank.poll(0.1), DEADLINE_SECONDS, "the offer to be sent again")
        finally:
            stop.set()
            sweeper.join(DEADLINE_SECONDS)
            hub.close()
    assert not sweeper.is_alive()
