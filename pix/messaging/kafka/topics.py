"""The topics at the broker: made, and limited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from pix.messaging.kafka.client import BATCH_BYTES_MAX, METADATA_TIMEOUT_SECONDS, client_configuration, one_line
from pix.messaging.kafka.settings import KafkaSettings
from pix.runtime.logs import logger
from pix.runtime.outages import BrokerUnavailable

TOPIC_CREATION_TIMEOUT_SECONDS: Final = 10.0
EMBEDDED_CLUSTER_ID: Final = "mockCluster"
"""How the broker inside the client library names itself; it has no CreateTopics, and asking it only times out."""
TOPIC_LIMITS: Final = {"max.message.bytes": str(BATCH_BYTES_MAX), "compression.type": "uncompressed"}
"""Of each topic that we make. The broker unpacks what comes packed, and refuses what is too large then; so no batch on
the topic unpacks to more than it takes there."""

log = logger(__name__)


def ensure_topics(settings: KafkaSettings, topics: Sequence[str]) -> None:
    """Makes the topics exist. Creates them with the settings' partitions where the broker can, else by first use.

    Raises BrokerUnavailable.
    """
    try:
        _ensure_topics(settings, topics)
    except KafkaException as error:
        raise BrokerUnavailable(one_line(error)) from error


def _ensure_topics(settings: KafkaSettings, topics: Sequence[str]) -> None:
    admin = AdminClient(client_configuration(settings))
    known = admin.list_topics(timeout=METADATA_TIMEOUT_SECONDS)
    missing = [topic for topic in topics if topic not in known.topics]
    if missing and not str(known.cluster_id).startswith(EMBEDDED_CLUSTER_ID):
        creations = admin.create_topics(
            [NewTopic(topic, settings.partitions, settings.replication, config=TOPIC_LIMITS) for topic in missing],
            operation_timeout=TOPIC_CREATION_TIMEOUT_SECONDS,
        )
        for creation in creations.values():
            try:
                creation.result()
            except KafkaException as error:
                # Another participant may have been quicker.
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
    for topic in topics:
        # Asking the embedded broker for a topic makes it there.
        admin.list_topics(topic, timeout=METADATA_TIMEOUT_SECONDS)


def limit_topics(settings: KafkaSettings, topics: Sequence[str]) -> None:
    """Sets TOPIC_LIMITS on topics that exist. Raises BrokerUnavailable."""
    admin = AdminClient(client_configuration(settings))
    try:
        cluster_id = admin.list_topics(timeout=METADATA_TIMEOUT_SECONDS).cluster_id
    except KafkaException as error:
        raise BrokerUnavailable(one_line(error)) from error
    if str(cluster_id).startswith(EMBEDDED_CLUSTER_ID):
        return
    changes = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in TOPIC_LIMITS.items()
            ],
        )
        for topic in topics
    ]
    for topic, change in zip(topics, admin.incremental_alter_configs(changes).values(), strict=True):
        try:
            change.result(TOPIC_CREATION_TIMEOUT_SECONDS)
        except (KafkaException, TimeoutError) as error:
            # The broker's operators may keep this right for themselves: then it is theirs to do.
            log.warning("the topic is not limited, see docs/operating.md", topic=topic, error=str(error))
