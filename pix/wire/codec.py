"""How messages look on the outside: the port of a wire.

A codec turns a message for a participant into a record, and a record into a message with its sender. Applications take
and return messages; codecs are used at the edge alone (`pix.participant.gateway`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from pix.runtime.clock import monotonic_ms
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.scheme.values import value_object
from pix.wire.record import Record

PEERS_AGE_MS_MAX: Final = 2_000


class Codec(Protocol):
    """One wire: Protobuf with signatures, or another."""

    @property
    def proves_sender(self) -> bool:
        """Whether a record proves who sent it. Where it does not, the adapter decides who may have sent what."""

    def encode(self, outgoing: Outgoing) -> Record | None:
        """The record of a message. None when its receiver has no address or no key."""

    def is_packed(self, record: Record) -> bool:
        """Whether the record says that it holds several messages."""

    def unpack(self, record: Record) -> Sequence[Record]:
        """The messages of a record that holds several, a record each, which `decode` takes as proven.

        The record itself when it holds one, or cannot be unpacked: `decode` then says why. Raises nothing.
        """

    def decode(self, record: Record) -> Arrival | Rejected:
        """The message in a record and its sender, or why it is a dead letter. Raises nothing for a record's content.

        The envelope of either is the record.
        """


@value_object
class Peer:
    """Another participant, as this one writes to it and verifies it."""

    topic: str
    """On which it gets messages."""
    keys: tuple[bytes, ...]
    """Shared with it and valid now, newest first; never empty."""
    takes_batches: bool = False
    """Whether it has announced that it reads several messages in one record."""


class Peers(Protocol):
    """The participants with which this one exchanges messages."""

    def find(self, participant: str) -> Peer | None:
        """By ISPB or `hub`; None for a stranger."""

    def refresh(self, age_ms_max: int = PEERS_AGE_MS_MAX) -> bool:
        """Reads the peers if the last reading is older than this; tells whether it did. Raises DatabaseUnavailable."""


MakeCodec = Callable[[str, Peers, frozenset[type]], Codec]
"""Makes the codec of a participant (ISPB or `hub`) with these peers, which may get messages of these classes."""


class FixedPeers:
    """Peers that never change, such as a bank's only peer, the hub."""

    def __init__(self, peers: Mapping[str, Peer]) -> None:
        self._peers = peers

    def find(self, participant: str) -> Peer | None:
        return self._peers.get(participant)

    def refresh(self, age_ms_max: int = PEERS_AGE_MS_MAX) -> bool:  # noqa: ARG002 - the port's
        return False


class CachedPeers:
    """Peers that are read from a store, with a time to live."""

    def __init__(self, read: Callable[[], Mapping[str, Peer]], monotonic_ms: Callable[[], int] = monotonic_ms) -> None:
        """`monotonic_ms` must not go back: a retired secret would stay valid for as long as it did."""
        self._read = read
        self._monotonic_ms = monotonic_ms
        self._peers: Mapping[str, Peer] = {}
        self._read_at_ms: int | None = None

    def find(self, participant: str) -> Peer | None:
        return self._peers.get(participant)

    def refresh(self, age_ms_max: int = PEERS_AGE_MS_MAX) -> bool:
        now_ms = self._monotonic_ms()
        if self._read_at_ms is not None and now_ms - self._read_at_ms <= age_ms_max:
            return False
        self._peers = self._read()
        self._read_at_ms = now_ms
        return True
