"""The edge of the course adapter: records of both wires in, records of both wires out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from hub.application.course.process import (
    CourseAdapter,
    FromCourseBank,
    FromHub,
    Incoming,
    Outgoing,
    ToHub,
)
from hub.domain.course.model import CourseBank
from hub.entrypoints.gateway import WireKeys, bank_peers
from pix.messaging.batches import BatchHandler
from pix.runtime.clock import monotonic_ms
from pix.scheme.course import COURSE_CODES
from pix.scheme.deliveries import HUB, Arrival, Rejected
from pix.scheme.deliveries import Outgoing as ToParticipant
from pix.scheme.messages import MESSAGES_OF_HUB
from pix.wire.codec import FixedPeers, Peer
from pix.wire.course_v1.codec import CourseArrival, CourseV1Codec
from pix.wire.course_v1.topics import CONFIRMATIONS, TRANSACTIONS, course_bank_topic
from pix.wire.protobuf_v1.codec import ProtobufV1Codec
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic

CONSUMER_GROUP: Final = "codepix-course"
BANK_TOPICS: Final = {bank_topic(code): code for code in COURSE_CODES}
"""What the hub sends to the banks for which the adapter speaks."""
TOPICS: Final = (TRANSACTIONS, CONFIRMATIONS, *BANK_TOPICS)
"""What the adapter reads."""
COURSE_TOPICS: Final = (TRANSACTIONS, CONFIRMATIONS, *(course_bank_topic(code) for code in COURSE_CODES))
"""The topics of the course's wire, with one partition each."""


class CourseGateway:
    def __init__(
        self,
        wire_keys: WireKeys,
        course_banks: Callable[[], Mapping[str, CourseBank]],
        monotonic_ms: Callable[[], int] = monotonic_ms,
    ) -> None:
        self._peers = bank_peers(wire_keys, monotonic_ms)
        self._course_banks = course_banks
        self._course = CourseV1Codec()

    def handler(self, adapter: CourseAdapter) -> BatchHandler:
        """Processes a batch of one topic, and returns what to publish once it is durable."""

        def handle(records: Sequence[Record]) -> list[Record]:
            arrivals, rejected = self.decode(records)
            return self.encode(adapter(arrivals, rejected)) if arrivals or rejected else []

        return handle

    def decode(self, records: Sequence[Record]) -> tuple[list[Incoming], list[Rejected]]:
        """Leaves out what the hub sends to a bank that is no course bank. Raises DatabaseUnavailable."""
        self._peers.refresh()
        banks = {bank.code: bank for bank in self._course_banks().values()}
        arrivals: list[Incoming] = []
        rejected: list[Rejected] = []
        for record in records:
            code = BANK_TOPICS.get(record.topic)
            read: Incoming | Rejected | None
            if code is None:
                read = self._read_course(record)
            elif code in banks:
                read = self._read_protocol(record, banks[code].ispb)
            else:
                continue
            if isinstance(read, Rejected):
                rejected.append(read)
            else:
                arrivals.append(read)
        return arrivals, rejected

    def encode(self, outgoing: Iterable[Outgoing]) -> list[Record]:
        """Raises DatabaseUnavailable."""
        self._peers.refresh()
        codes = {bank.ispb: bank.code for bank in self._course_banks().values()}
        records: list[Record] = []
        for each in outgoing:
            if isinstance(each, ToHub):
                record = self._codec_of(each.ispb).encode(ToParticipant(HUB, each.message))
                if record is not None:
                    records.append(record)
            else:
                records.append(self._course.encode(course_bank_topic(codes[each.ispb]), each.message))
        return records

    def _read_course(self, record: Record) -> Incoming | Rejected:
        read = self._course.decode(record)
        return FromCourseBank(read.message, read.envelope) if isinstance(read, CourseArrival) else read

    def _read_protocol(self, record: Record, ispb: str) -> Incoming | Rejected:
        read = self._codec_of(ispb).decode(record)
        if isinstance(read, Rejected) and self._peers.refresh(age_ms_max=0):
            read = self._codec_of(ispb).decode(record)
        if isinstance(read, Arrival):
            return FromHub(ispb, read.message, record)  # type: ignore[arg-type]  # the codec allows no other
        return read

    def _codec_of(self, ispb: str) -> ProtobufV1Codec:
        """The wire of a bank that the adapter speaks for."""
        peer = self._peers.find(ispb)
        hub = {} if peer is None else {HUB: Peer(HUB_TOPIC, peer.keys)}
        return ProtobufV1Codec(ispb, FixedPeers(hub), MESSAGES_OF_HUB)
