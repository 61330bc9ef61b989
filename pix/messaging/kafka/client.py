"""How every client of the Kafka broker is configured."""

from __future__ import annotations

from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from pix.messaging.kafka.settings import KafkaSettings

METADATA_TIMEOUT_SECONDS: Final = 10.0
BATCH_BYTES_MAX: Final = 32 * 1024
"""Of a batch of records as a broker stores it. Two of the largest messages fit into one.

The client library unpacks whole batches in memory, gzip up to a thousandfold and without a limit (2.16). Topics that we
make refuse larger batches, and store none packed: see TOPIC_LIMITS.
"""


def client_configuration(settings: KafkaSettings) -> dict[str, Any]:
    """What every client of the broker is told, in librdkafka's words."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": settings.client_id,
        # A topic that appears after we subscribed is learned of at a refresh; the library's own 5 minutes are too long.
        "topic.metadata.refresh.interval.ms": 2_000,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,
        **settings.extra,
    }


def one_line(error: KafkaException) -> str:
    cause = error.args[0] if error.args else error
    return " ".join(str(cause.str() if isinstance(cause, KafkaError) else cause).split())


def broker_answers(settings: KafkaSettings, timeout_seconds: float) -> bool:
    """Whether the broker answers a metadata request."""
    try:
        AdminClient(client_configuration(settings)).list_topics(timeout=timeout_seconds)
    except KafkaException:
        return False
    return True
