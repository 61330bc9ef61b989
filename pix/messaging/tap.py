"""A tap: a copy of the records on topics, without influence on their consumers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pix.scheme.values import value_object
from pix.wire.record import Record


@value_object
class TappedRecord:
    """A record, and when it was sent, in Unix milliseconds by its sender's clock."""

    at_ms: int
    record: Record


class WireTap(Protocol):
    """A look at the records that pass."""

    def poll(self, timeout_seconds: float) -> Sequence[TappedRecord]:
        """What has passed since the last look; waits at most this long.

        Raises BrokerUnavailable; then the tap is closed, and another one made.
        """

    def close(self) -> None: ...


class _NoTap:
    """Of a reader who brings the records himself."""

    def poll(self, timeout_seconds: float) -> Sequence[TappedRecord]:  # noqa: ARG002 - protocol
        return ()

    def close(self) -> None:
        """Nothing is open."""


NO_TAP: WireTap = _NoTap()
