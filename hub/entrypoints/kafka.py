"""Kafka calls the hub: the topic that it consumes, and the group in which its replicas do."""

from __future__ import annotations

from typing import Final

from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.wire.topics import HUB_TOPIC

CONSUMER_GROUP: Final = "codepix-hub"


def open_source(settings: KafkaSettings) -> KafkaSource:
    """Raises BrokerUnavailable."""
    ensure_topics(settings, [HUB_TOPIC])
    return KafkaSource(settings, HUB_TOPIC, CONSUMER_GROUP)
