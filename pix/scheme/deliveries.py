"""Messages on their way into and out of a participant, apart from how any wire carries them."""

from __future__ import annotations

from typing import Final

from pix.scheme.clock import VirtualTime
from pix.scheme.messages import Message
from pix.scheme.values import value_object

HUB: Final = "hub"
"""The hub's name as sender and receiver; a bank's is its ISPB."""

REASON_LENGTH_MAX: Final = 500


@value_object
class Arrival:
    """A message that was read, and its sender, proven by its envelope or by the adapter."""

    message: Message
    sender: str
    """ISPB or `hub`."""
    traceparent: str = ""
    """W3C trace context; empty for none."""
    envelope: object = None
    """Opaque: it is stored if the message becomes a dead letter."""
    clock: VirtualTime | None = None
    """The revision of the network's clock by which the sender counted, proven; None when it tells none."""


@value_object
class Rejected:
    """An envelope that becomes a dead letter."""

    envelope: object
    sender: str
    """As the envelope claims, unproven; may be empty."""
    reason: str


@value_object
class Outgoing:
    receiver: str
    """ISPB or `hub`."""
    message: Message
    traceparent: str = ""
