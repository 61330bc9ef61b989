"""The edge between a participant's messages and the records of a wire, the same for the hub and the banks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pix.messaging.batches import BatchHandler
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.wire.codec import Codec, Peers
from pix.wire.record import Record

ProcessMessages = Callable[[Sequence[Arrival], Sequence[Rejected]], Sequence[Outgoing]]
"""The use case: decides on a batch in one transaction, stores what was rejected in it, and returns what to send."""


class MessageGateway:
    def __init__(self, codec: Codec, peers: Peers) -> None:
        self._codec = codec
        self._peers = peers

    def unpack(self, records: Sequence[Record]) -> list[Record]:
        """A record for each message, in order. Raises DatabaseUnavailable when the peers cannot be read."""
        is_fresh = self._peers.refresh()
        unpacked: list[Record] = []
        for record in records:
            parts = self._codec.unpack(record)
            if parts[0] is record and self._codec.is_packed(record) and not is_fresh:
                # As in `decode`.
                is_fresh = True
                if self._peers.refresh(age_ms_max=0):
                    parts = self._codec.unpack(record)
            unpacked += parts
        return unpacked

    def unpacking(self, handle: BatchHandler) -> BatchHandler:
        """The handler of records with one message each, for records that may hold several."""
        return lambda records: handle(self.unpack(records))

    def handler(self, process: ProcessMessages) -> Callable[[Sequence[Record]], list[Record]]:
        """A `pix.messaging.batches.BatchHandler`: processes a batch, and returns what to publish once it is durable."""
        return lambda records: self.encode(process(*self.decode(records)))

    def decode(self, records: Sequence[Record]) -> tuple[list[Arrival], list[Rejected]]:
        """Reads a batch. Raises DatabaseUnavailable when the peers cannot be read."""
        is_fresh = self._peers.refresh()
        arrivals: list[Arrival] = []
        rejected: list[Rejected] = []
        for record in records:
            read = self._codec.decode(record)
            if isinstance(read, Rejected) and not is_fresh:
                # Its sender may have joined, or have a new secret, since the peers were read. Once per batch.
                is_fresh = True
                if self._peers.refresh(age_ms_max=0):
                    read = self._codec.decode(record)
            if isinstance(read, Arrival):
                arrivals.append(read)
            else:
                rejected.append(read)
        return arrivals, rejected

    def encode(self, outgoing: Iterable[Outgoing]) -> list[Record]:
        """The records of messages. Leaves out those without an address: their rows are due again later.

        Raises DatabaseUnavailable when the peers cannot be read.
        """
        self._peers.refresh()
        records: list[Record] = []
        is_fresh = False
        for each in outgoing:
            record = self._codec.encode(each)
            if record is None and not is_fresh:
                is_fresh = True
                if self._peers.refresh(age_ms_max=0):
                    record = self._codec.encode(each)
            if record is not None:
                records.append(record)
        return records
