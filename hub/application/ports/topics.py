"""A look into the broker's topics, for the console: bounded, and without influence on any consumer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hub.application.ports import ReadMessage
from hub.domain.errors import HubError
from pix.scheme.values import value_object


class TopicNotFound(HubError):
    """Neither the hub nor a bank has a topic of this name."""


@value_object
class PartitionLog:
    """A partition, and which of its records the broker still has."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    """Of the record that comes next: one behind the last."""

    @property
    def records(self) -> int:
        """How many the broker has, at most: places in a log may be empty."""
        return self.next_offset - self.first_offset


@value_object
class LoggedRecord:
    """A record in its place, decoded as its receiver does it."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    """When it was sent, by its sender's clock."""
    key: bytes
    headers: Mapping[str, bytes]
    value: bytes
    """Of a large value a part."""
    read: ReadMessage
    packed: Sequence[ReadMessage] = ()
    """The messages of a record that holds several; `read` then has none."""


class TopicBrowser(Protocol):
    """Both may raise `pix.runtime.outages.BrokerUnavailable` and DatabaseUnavailable."""

    def logs(self) -> Sequence[PartitionLog]:
        """Every partition of the hub's topic and of the banks' topics, in the order of topic and number."""

    def read(self, topic: str, partition: int | None, before: int | None, size: int) -> Sequence[LoggedRecord]:
        """The latest records of a topic, newest first, at most `size`; of one partition if one is given.

        With `before`, which needs a partition, those with a lower offset. None of an unknown topic.
        """


class NoTopics:
    """A hub whose console shows no topics."""

    def logs(self) -> Sequence[PartitionLog]:
        return ()

    def read(self, topic: str, partition: int | None, before: int | None, size: int) -> Sequence[LoggedRecord]:  # noqa: ARG002 - port
        return ()
