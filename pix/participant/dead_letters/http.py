"""The filter of dead letters in addresses, forms and documents, and what became of a replay of many."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Form, Query
from pydantic import BaseModel, ConfigDict, Field

from pix.participant.dead_letters.model import SENDER_LENGTH_MAX, DeadLetterFilter
from pix.scheme.deliveries import REASON_LENGTH_MAX
from pix.web.documents import Document

TOPIC_LENGTH_MAX: Final = 249
"""Apache Kafka's limit."""

_SENDER: Final = "The sender that the message claims"
_REASON: Final = "A part of the reason"
_TOPIC: Final = "The topic that the message came from"


class ReplayFilter(BaseModel):
    """Which dead letters to replay; what is empty narrows nothing."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "knows no transfer"}})

    sender: str = Field(default="", max_length=SENDER_LENGTH_MAX, description=_SENDER)
    reason: str = Field(default="", max_length=REASON_LENGTH_MAX, description=_REASON)
    topic: str = Field(default="", max_length=TOPIC_LENGTH_MAX, description=_TOPIC)

    def narrow(self) -> DeadLetterFilter:
        return DeadLetterFilter(self.sender, self.reason, self.topic)


class ReplayReportDocument(Document):
    """What became of the dead letters of a filter."""

    replayed: int
    failed_again: int = Field(description="Dead again, and counted up.")
    settled_meanwhile: int = Field(description="Replayed or discarded by another operator before their turn.")
    left: int = Field(description="Not tried: more than are replayed at once.")
    truncated: int = Field(description="Not tried: only a part of their records is stored.")


async def letter_filter(
    sender: Annotated[str, Query(max_length=SENDER_LENGTH_MAX, description=_SENDER)] = "",
    reason: Annotated[str, Query(max_length=REASON_LENGTH_MAX, description=_REASON)] = "",
    topic: Annotated[str, Query(max_length=TOPIC_LENGTH_MAX, description=_TOPIC)] = "",
) -> DeadLetterFilter:
    """The filter of a list."""
    return DeadLetterFilter(sender, reason, topic)


async def letter_filter_of_form(
    sender: Annotated[str, Form(max_length=SENDER_LENGTH_MAX)] = "",
    reason: Annotated[str, Form(max_length=REASON_LENGTH_MAX)] = "",
    topic: Annotated[str, Form(max_length=TOPIC_LENGTH_MAX)] = "",
) -> DeadLetterFilter:
    return DeadLetterFilter(sender, reason, topic)


def as_query(narrow: DeadLetterFilter) -> str:
    """The filter for an address; empty for every letter."""
    pairs = {"sender": narrow.sender, "reason": narrow.reason, "topic": narrow.topic}
    return urlencode({name: value for name, value in pairs.items() if value}, errors="replace")
