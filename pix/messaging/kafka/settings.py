"""What a Kafka client needs to know."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field


class KafkaAssignment(StrEnum):
    """How a consumer gets its partitions."""

    GROUP = "group"
    """Replicas share the topic's partitions through the consumer group."""
    ALL = "all"
    """This one instance owns every partition: it starts again in a tenth of a second, but must be alone."""


class KafkaSecurity(StrEnum):
    """How a Kafka client speaks to the broker."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def has_sasl(self) -> bool:
        """Whether the client says who it is, with a password."""
        return self in (KafkaSecurity.SASL_PLAINTEXT, KafkaSecurity.SASL_SSL)

    @property
    def has_tls(self) -> bool:
        return self in (KafkaSecurity.SSL, KafkaSecurity.SASL_SSL)


class SaslMechanism(StrEnum):
    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class KafkaSettings(BaseModel):
    bootstrap_servers: str
    client_id: str
    assignment: KafkaAssignment = KafkaAssignment.GROUP
    member: str = ""
    """The name under which this process is a member of its consumer groups; by default each source makes its own."""
    session_timeout_ms: int = 10_000
    fetch_wait_ms: int = 100
    partitions: int = 4
    replication: int = 1
    extra: dict[str, Any] = Field(default_factory=dict, repr=False)
    """More of librdkafka's settings: how the connection is secured. May hold a password."""
