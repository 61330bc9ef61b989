"""The broker's topics for programs: what the console's topic browser shows, bounded in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final, Self

from fastapi import Path, Query
from pydantic import BaseModel, Field

from hub.application.ports.topics import LoggedRecord, PartitionLog, TopicNotFound
from hub.entrypoints.http.api.documents import Base64
from hub.entrypoints.http.api.routing import SiteOf, api_router
from pix.scheme.errors import SchemeError
from pix.web.documents import Document
from pix.web.problems import ProblemKind, ProblemTable

router = api_router("topics")

RECORDS_PER_PAGE_MAX: Final = 50
VALUE_BYTES_MAX: Final = 16 * 1024
TOPIC_LENGTH_MAX: Final = 249
"""Kafka's limit for the name of a topic."""

TOPIC_PROBLEMS: Final[ProblemTable] = {TopicNotFound: ProblemKind("topic-not-found", 404, "The topic does not exist")}

Partition = Annotated[int | None, Query(ge=0, lt=2**31)]


class PartitionDocument(Document):
    """A partition, and which of its records the broker still has."""

    partition: int
    first_offset: int
    next_offset: int = Field(description="Of the next record: one behind the last.")
    records: int = Field(description="The number of stored records, at most.")


class TopicDocument(BaseModel):
    """A topic of the hub or of a bank."""

    topic: str
    partitions: list[PartitionDocument]


class RecordDocument(BaseModel):
    """A record in its place, decoded as its receiver does it."""

    partition: int
    offset: int
    at_ms: int = Field(description="Time of sending, from the sender's clock.")
    sender: str = Field(description="The three digits of a bank, `hub`, or empty for an unknown sender.")
    receiver: str = Field(description="The three digits of a bank, or `hub`.")
    message: str | None = Field(description="The message's name; null for a record that its receiver cannot process.")
    fields: dict[str, Any] | None = Field(description="The decoded message.")
    why_not: str = Field(description="Why its receiver cannot process it; empty otherwise.")
    key_base64: Base64
    headers_base64: dict[str, Base64]
    value_base64: Base64 = Field(description=f"At most the first {VALUE_BYTES_MAX} bytes.")

    @classmethod
    def of(cls, record: LoggedRecord) -> Self:
        message = record.read.message
        return cls.model_validate(
            {
                "partition": record.partition,
                "offset": record.offset,
                "at_ms": record.at_ms,
                "sender": record.read.sender,
                "receiver": record.read.receiver,
                "message": None if message is None else type(message).__name__,
                "fields": None if message is None else asdict(message),
                "why_not": record.read.reason,
                "key_base64": record.key,
                "headers_base64": record.headers,
                "value_base64": record.value[:VALUE_BYTES_MAX],
            }
        )


class RecordPage(BaseModel):
    """The latest records, newest first."""

    records: list[RecordDocument]
    next: int | None = Field(
        description="Pass as `before` to get older records; null without a `partition`, and on the last page."
    )


@router.get("/topics")
def list_topics(site: SiteOf) -> list[TopicDocument]:
    """The topics of the hub and of the banks with their partitions."""
    partitions: dict[str, list[PartitionDocument]] = {}
    for log in site.topics.logs():
        partitions.setdefault(log.topic, []).append(PartitionDocument.of(log))
    return [TopicDocument(topic=topic, partitions=found) for topic, found in partitions.items()]


@router.get("/topics/{topic}/records")
def list_records(
    site: SiteOf,
    topic: Annotated[str, Path(max_length=TOPIC_LENGTH_MAX)],
    partition: Partition = None,
    before: Annotated[
        int | None, Query(ge=0, lt=2**63, description="Only records with a lower offset; needs `partition`")
    ] = None,
    size: Annotated[int, Query(ge=1, le=RECORDS_PER_PAGE_MAX)] = 20,
) -> RecordPage:
    """The latest records of a topic, or of one partition. Reading them moves no consumer."""
    if before is not None and partition is None:
        raise SchemeError("before", "needs a partition: offsets count in one partition")
    logs = [log for log in site.topics.logs() if log.topic == topic]
    if not logs:
        raise TopicNotFound("topic", "the hub and its banks have no topic of this name")
    records = site.topics.read(topic, partition, before, size)
    return RecordPage(records=[RecordDocument.of(each) for each in records], next=_next(logs, partition, records))


def _next(logs: Sequence[PartitionLog], partition: int | None, records: Sequence[LoggedRecord]) -> int | None:
    first_offset = next((log.first_offset for log in logs if log.partition == partition), None)
    if first_offset is None or not records or records[-1].offset <= first_offset:
        return None
    return records[-1].offset
