"""Settings that every service shares, from the environment.

A secret may also come from a file: `NAME_FILE` names it, as container platforms do.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pix.scheme.resending import ResendPolicy


class SettingsError(Exception):
    """A setting is missing or wrong; the text names the variable and the rule, a line each."""


class KafkaAssignment(StrEnum):
    """How a consumer gets its partitions."""

    GROUP = "group"
    """Replicas share the topic's partitions through the consumer group."""
    ALL = "all"
    """This one instance owns every partition: it starts again in a tenth of a second, but must be alone."""


class KafkaSettings(BaseModel):
    """What a Kafka client needs to know."""

    bootstrap_servers: str
    client_id: str
    assignment: KafkaAssignment = KafkaAssignment.GROUP
    session_timeout_ms: int = 10_000
    partitions: int = 4
    replication: int = 1
    extra: dict[str, Any] = Field(default_factory=dict)


class ServiceSettings(BaseSettings):
    """The part of the environment that hub and banks have in common."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: str
    """`postgresql+psycopg2://…`; one database per participant."""
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_assignment: KafkaAssignment = KafkaAssignment.GROUP
    kafka_session_timeout_ms: Annotated[int, Field(ge=4_000, le=300_000)] = 10_000
    kafka_partitions: Annotated[int, Field(ge=1, le=1_000)] = 4
    kafka_replication: Annotated[int, Field(ge=1, le=10)] = 1
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    log_level: str = "INFO"
    log_json: bool = True
    resend_first_seconds: Annotated[float, Field(gt=0, le=86_400)] = 5.0
    resend_cap_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    session_secret: str = ""
    """Signs the pages' cookies and forms; empty makes one for the life of the process."""

    def kafka(self, client_id: str) -> KafkaSettings:
        """The settings of a Kafka client of this service."""
        return KafkaSettings(
            bootstrap_servers=self.kafka_bootstrap_servers,
            client_id=client_id,
            assignment=self.kafka_assignment,
            session_timeout_ms=self.kafka_session_timeout_ms,
            partitions=self.kafka_partitions,
            replication=self.kafka_replication,
        )

    @property
    def resend_policy(self) -> ResendPolicy:
        """When an unanswered message is sent again."""
        return ResendPolicy(
            first_ms=round(self.resend_first_seconds * 1000), cap_ms=round(self.resend_cap_seconds * 1000)
        )


Settings = TypeVar("Settings", bound=ServiceSettings)


def load_settings(settings_class: type[Settings]) -> Settings:
    """Reads the environment. Raises SettingsError, a line per variable that is missing or wrong."""
    from_files: dict[str, Any] = dict(_from_files(settings_class))
    try:
        return settings_class(**from_files)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}" for problem in error.errors()
        ]
        raise SettingsError("\n".join(lines)) from None


def _from_files(settings_class: type[BaseSettings]) -> dict[str, str]:
    values = {}
    for name in settings_class.model_fields:
        path = os.environ.get(f"{name.upper()}_FILE")
        if path:
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{name.upper()}_FILE: cannot read {path}: {error.strerror}") from None
    return values
