"""One broker for the room, and topics of their own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from lab.network.parts.broker import EmbeddedBroker
from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.topics import ensure_topics


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """librdkafka's own, in a process of its own."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker") / "broker.log")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def settings(broker: EmbeddedBroker) -> Callable[..., KafkaSettings]:
    """The settings of a client; one that owns every partition unless told otherwise."""

    def make(assignment: KafkaAssignment = KafkaAssignment.ALL) -> KafkaSettings:
        return KafkaSettings(
            bootstrap_servers=broker.bootstrap_servers,
            client_id="test",
            assignment=assignment,
            session_timeout_ms=6_000,
        )

    return make


@pytest.fixture
def topic(settings: Callable[..., KafkaSettings]) -> str:
    """An empty topic."""
    name = f"test.{uuid4().hex}"
    ensure_topics(settings(), [name])
    return name


@pytest.fixture
def sink(settings: Callable[..., KafkaSettings]) -> Iterator[KafkaSink]:
    """A producer."""
    sink = KafkaSink(settings())
    yield sink
    sink.close()
