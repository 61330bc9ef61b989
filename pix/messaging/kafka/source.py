"""Records of a topic from Kafka, behind the port `RecordSource` of `pix.messaging.batches`."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast
from uuid import uuid4

from confluent_kafka import OFFSET_STORED, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from pix.messaging.kafka.client import METADATA_TIMEOUT_SECONDS, broker_answers, client_configuration, one_line
from pix.messaging.kafka.records import ERRORS_OF_BATCHES, ERRORS_THAT_PASS, fetch_limits, is_placed, record_of
from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.runtime.logs import logger
from pix.runtime.outages import BrokerUnavailable, ConsumerStalled
from pix.wire.record import Record, unreadable_record

BATCH_RECORDS_MAX: Final = 700
"""A batch takes what is there, so it is only as large as this when the service is behind. Then the larger the better: a
commit, the acknowledgements and a look at the accounts cost the same for ten records as for thousands."""
BATCH_VALUES_BYTES_MAX: Final = 128 * 1024
"""The same by the length of the values: a record may hold hundreds of messages, of 60 to 250 bytes each."""
LINGER_SECONDS: Final = 0.005
LINGER_BYTES_MIN: Final = 16 * 1024
"""After a batch as large as this the next one waits so long for more: under load fewer and larger transactions cost
less. At 50 transfers a second no batch comes near it, so there nothing waits."""
PATIENCE_SECONDS: Final = 10.0
"""After so long without a record the source asks the broker whether some are there; after twice as long it has stalled.

A client does not always recover when a broker has lost its log, or from a rebalance; a new one does.
"""
SILENCES_MAX: Final = 3
"""So often in a row that may stay unanswered although the broker answers a new client; then the client is replaced.

While the broker answers no client this one stays: it is still a member of its group when the broker is back. A new one
would wait for the session of the old one to time out.
"""
WATERMARK_TIMEOUT_SECONDS: Final = 2.0
CLOSING_SECONDS_MAX: Final = 10.0
LEAVING_SECONDS_MAX: Final = 3.0
"""Of these, until the broker has heard that the client leaves its group."""
MAX_POLL_INTERVAL_MS: Final = 300_000
STOP_CHECK_SECONDS: Final = 0.2
COMMIT_INTERVAL_SECONDS: Final = 0.2

Offsets = dict[tuple[str, int], int]
"""By topic and partition."""

log = logger(__name__)


@dataclass(slots=True)
class _Gap:
    """Records of a partition that the client cannot read: how far they are known to reach.

    The client says where a batch begins that it cannot unpack, not where it ends, and fetches it again for ever. So we
    look for the end: further ahead by steps that double, then back by halves.
    """

    bad: int
    """The last offset that is known not to be readable."""
    good: int | None = None
    """The first offset that is known to be."""
    sought: int = 0
    """Where the client was told to go on."""
    step: int = 1

    def next_cursor(self, end: int) -> int:
        """Where to look next; `end` is the end of the partition, where whatever comes next is readable."""
        if self.good is not None:
            return (self.bad + 1 + self.good) // 2
        position = self.bad + self.step
        self.step *= 2
        if position <= self.bad + 1 or position < end:
            return position
        self.good = max(end, self.bad + 1)
        return (self.bad + 1 + self.good) // 2


class KafkaSource:
    """Records of one topic, by consumer group or with every partition assigned to this one instance."""

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        group: str,
        patience_seconds: float = PATIENCE_SECONDS,
        closing_seconds_max: float = CLOSING_SECONDS_MAX,
        commit_interval_seconds: float = COMMIT_INTERVAL_SECONDS,
    ) -> None:
        """Raises BrokerUnavailable when every partition is to be assigned and the broker does not say which.

        `patience_seconds` is how long no record may come before the broker is asked whether there are any;
        `closing_seconds_max` how long the client may take to close; `commit_interval_seconds` how long the broker may
        not be told of commits while records come.
        """
        self._settings = settings
        self._topic = topic
        self._patience_seconds = patience_seconds
        self._closing_seconds_max = closing_seconds_max
        self._patient_until = time.monotonic() + patience_seconds
        self._left_behind: Offsets = {}
        """Where records were waiting at the last look."""
        self._silences = 0
        """Looks in a row at which the broker did not say whether records wait."""
        self._polled: Offsets = {}
        """The first offset of what was polled since the last commit."""
        self._next: Offsets = {}
        """The offset behind what was polled since the last commit."""
        self._done: Offsets = {}
        """What is to be committed, and the broker has not been told yet."""
        self._gaps: dict[tuple[str, int], _Gap] = {}
        self._taken_bytes = 0
        """Of the values in the last batch."""
        self._told_at_seconds = float("-inf")
        self._commit_interval_seconds = commit_interval_seconds
        self._assigned_directly = settings.assignment is KafkaAssignment.ALL
        # Static membership (KIP-345): a client that has not reached its coordinator for a session's length joins again
        # as a new member, and without a name the group would wait another session for the old one, once the broker is
        # back. So would it for a client that was replaced.
        self._consumer = Consumer(
            {
                **client_configuration(settings),
                "group.id": group,
                **(
                    {}
                    if self._assigned_directly
                    else {"group.instance.id": f"{settings.member or uuid4().hex}-{topic}"}
                ),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "allow.auto.create.topics": True,
                "session.timeout.ms": settings.session_timeout_ms,
                "max.poll.interval.ms": MAX_POLL_INTERVAL_MS,
                "partition.assignment.strategy": "cooperative-sticky",
                **fetch_limits(settings),
            }
        )
        if self._assigned_directly:
            self._assign_all()
        else:
            self._consumer.subscribe([topic], on_revoke=self._give_back, on_lost=self._forget)

    def _assign_all(self) -> None:
        try:
            metadata = self._consumer.list_topics(self._topic, timeout=METADATA_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise BrokerUnavailable(one_line(error)) from error
        partitions = metadata.topics[self._topic].partitions
        if not partitions:
            # A topic that was just made; to be assigned nothing would mean to read nothing, for ever.
            raise BrokerUnavailable(f"the topic {self._topic} has no partitions yet")
        self._consumer.assign([TopicPartition(self._topic, number, OFFSET_STORED) for number in partitions])

    def _forget(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Another instance owns these now and reads them from the last commit: ours must neither commit nor rewind them.
        for partition in partitions:
            position = (partition.topic, partition.partition)
            self._polled.pop(position, None)
            self._next.pop(position, None)
            self._done.pop(position, None)
            self._gaps.pop(position, None)

    def _give_back(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # While they are still ours, so that their next owner begins where we end.
        self._tell_the_broker()
        self._forget(consumer, partitions)

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """One record when idle, all that is there under load: low latency in the one case, large batches in the other.

        Raises KafkaException on an error that the client does not get over: then the process must start anew.
        """
        message = self._consumer.poll(timeout_seconds)
        if message is None:
            self._taken_bytes = 0
            self._tell_the_broker()
            self._check_stalled()
            return []
        records: list[Record] = []
        taken, taken_bytes = 0, 0
        lingers_until = time.monotonic() + LINGER_SECONDS if self._taken_bytes >= LINGER_BYTES_MIN else 0.0
        # One by one: a value of many megabytes is replaced by a part of it before the next one is made.
        while message is not None:
            taken += 1
            error = message.error()
            if error is None:
                if not self._gaps or self._ends_gap(message):
                    records.append(record := record_of(message))
                    taken_bytes += len(record.value)
                    self._note_polled(message)
            elif error.code() in ERRORS_OF_BATCHES and is_placed(message):
                records += self._skip_unreadable(message, error)
            elif error.code() == KafkaError._FATAL:
                # Its own earlier request to join was heard late, and took its place. The next client takes it back.
                raise ConsumerStalled(f"the group of {self._topic} has another member by this client's name")
            elif error.code() not in ERRORS_THAT_PASS:
                raise KafkaException(error)
            is_full = taken >= BATCH_RECORDS_MAX or taken_bytes >= BATCH_VALUES_BYTES_MAX
            message = None if is_full else self._poll_more(lingers_until)
        self._taken_bytes = taken_bytes
        if records:
            self._silences = 0
            self._restart_patience()
        else:
            # A client may tell of one error after the other and fetch nothing.
            self._check_stalled()
        return records

    def _poll_more(self, lingers_until: float) -> KafkaMessage | None:
        """What is there already, or comes before that time."""
        message = self._consumer.poll(0)
        if message is None and (left := lingers_until - time.monotonic()) > 0:
            message = self._consumer.poll(left)
        return message

    def _skip_unreadable(self, message: KafkaMessage, error: KafkaError) -> list[Record]:
        """Goes on behind what the client cannot read; returns what stands for it in the dead letters."""
        position = (self._topic, cast(int, message.partition()))
        # Where the batch begins, which may be before the place where we stand.
        begin = cast(int, message.offset())
        gap = self._gaps.get(position)
        if gap is not None and begin <= gap.bad:
            gap.bad = max(gap.bad, gap.sought)
        elif gap is not None and begin > gap.bad + 1:
            # Another one: what is between the two may be readable.
            gap.good = begin
        else:
            stands = [each.offset for each in self._consumer.position([TopicPartition(*position)])]
            bad = max([begin, *stands]) if gap is None else max(begin, gap.sought)
            gap = self._gaps[position] = _Gap(bad)
            log.warning("records cannot be read and are skipped", partition=position[1], offset=bad, error=error.str())
            self._seek_in(position, gap)
            return [unreadable_record(*position, bad, f"batch of records: {error.str()}")]
        self._seek_in(position, gap)
        return []

    def _ends_gap(self, message: KafkaMessage) -> bool:
        """Whether the message comes right behind what could not be read, or its partition has nothing of that kind."""
        position = (self._topic, cast(int, message.partition()))
        gap = self._gaps.get(position)
        if gap is None:
            return True
        if gap.sought <= gap.bad + 1:
            del self._gaps[position]
            return True
        gap.good = gap.sought
        self._seek_in(position, gap)
        return False

    def _seek_in(self, position: tuple[str, int], gap: _Gap) -> None:
        _low, end = self._consumer.get_watermark_offsets(TopicPartition(*position), cached=True)
        gap.sought = gap.next_cursor(end)
        if gap.sought == gap.bad + 1:
            # To be committed, also when what comes before it has been in the meantime.
            self._polled.setdefault(position, gap.bad)
            self._next[position] = gap.sought
        try:
            self._consumer.seek(TopicPartition(*position, gap.sought))
        except KafkaException as error:
            # As at a rewind: its next owner finds the same, and does the same.
            log.warning("partition not moved on", partition=position[1], error=one_line(error))

    def _restart_patience(self) -> None:
        self._patient_until = time.monotonic() + self._patience_seconds
        self._left_behind = {}

    def _check_stalled(self) -> None:
        """Raises ConsumerStalled when records wait at the same offset as at the last look, and none has come since.

        Also when the client got no answer for several looks.
        """
        if time.monotonic() < self._patient_until:
            return
        earlier = self._left_behind
        self._restart_patience()
        try:
            self._left_behind = self._waiting()
        except KafkaException as error:
            self._left_behind = earlier
            self._silences += 1
            log.info("the broker does not say whether records wait", error=one_line(error), times=self._silences)
            if not broker_answers(self._settings, WATERMARK_TIMEOUT_SECONDS):
                # The broker is absent: that says nothing of this client, which needs a moment once it is back.
                self._silences = 0
            if self._silences < SILENCES_MAX:
                return
            raise ConsumerStalled(f"the broker says nothing about {self._topic}: {one_line(error)}") from error
        self._silences = 0
        stalled = [position for position, offset in self._left_behind.items() if earlier.get(position) == offset]
        if stalled:
            raise ConsumerStalled(
                f"{len(stalled)} partitions of {self._topic} have records that the client does not fetch"
            )

    def _waiting(self) -> Offsets:
        """The partitions with records that we should have read, and the place of the first. Raises KafkaException."""
        waiting: Offsets = {}
        # Who has no partition is asked about all of them: others may have them, or the client lost its way to its own.
        partitions = self._consumer.assignment() or self._every_partition()
        read = {each.partition: each.offset for each in self._consumer.position(partitions)}
        for partition in self._consumer.committed(partitions, timeout=WATERMARK_TIMEOUT_SECONDS):
            low, high = self._consumer.get_watermark_offsets(partition, timeout=WATERMARK_TIMEOUT_SECONDS)
            # What was read so long ago is committed. What is not comes again, and where it does not, to a new client.
            known = [offset for offset in (partition.offset, read[partition.partition]) if offset >= 0]
            offset = max(min(known, default=low), low)
            # Who stands behind the end read a log that is no more.
            if high > low and offset != high:
                waiting[partition.topic, partition.partition] = offset
        return waiting

    def _every_partition(self) -> list[TopicPartition]:
        topic = self._consumer.list_topics(self._topic, timeout=WATERMARK_TIMEOUT_SECONDS).topics[self._topic]
        return [TopicPartition(self._topic, number) for number in topic.partitions]

    def _note_polled(self, message: KafkaMessage) -> None:
        partition, offset = message.partition(), message.offset()
        assert partition is not None and offset is not None, "a consumed message has a place"
        position = (self._topic, partition)
        self._polled.setdefault(position, offset)
        self._next[position] = offset + 1

    def position(self) -> Offsets:
        """The offsets behind what was polled since the last commit."""
        return dict(self._next)

    def commit(self, position: Offsets) -> None:
        """Commits these offsets: the broker is told when nothing comes, and a few times a second while something does.

        A commit costs a small batch as much as publishing its records does. Records of which the broker has not been
        told come again to the partition's next owner, as after a commit that fails.
        """
        for partition, offset in position.items():
            # What was taken from us since is its next owner's to commit.
            if self._polled.get(partition, offset) < offset:
                self._done[partition] = offset
                self._note_done(partition, offset)
        if time.monotonic() - self._told_at_seconds >= self._commit_interval_seconds:
            self._tell_the_broker()

    def _tell_the_broker(self) -> None:
        if not self._done:
            return
        self._told_at_seconds = time.monotonic()
        offsets = [TopicPartition(topic, number, offset) for (topic, number), offset in self._done.items()]
        self._done.clear()
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            log.warning("offsets not committed, the records will come again", error=str(error))

    def _note_done(self, partition: tuple[str, int], offset: int) -> None:
        if self._next[partition] <= offset:
            del self._polled[partition], self._next[partition]
        else:
            self._polled[partition] = offset

    def rewind(self) -> None:
        """Seeks every partition back to the first record polled since the last commit."""
        for (topic, number), offset in self._polled.items():
            try:
                self._consumer.seek(TopicPartition(topic, number, offset))
            except KafkaException as error:
                # Only a partition that is no longer ours cannot be sought; its next owner starts at the last commit.
                log.warning("partition not rewound", partition=number, error=str(error))
        self._polled.clear()
        self._next.clear()
        self._gaps.clear()

    def lag(self) -> int:
        waiting = 0
        for partition in self._consumer.position(self._consumer.assignment()):
            _low, high = self._consumer.get_watermark_offsets(partition, cached=True)
            if high > 0 and partition.offset >= 0:
                waiting += max(0, high - partition.offset)
        return waiting

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        self._tell_the_broker()
        paused = self._consumer.assignment()
        self._consumer.pause(paused)
        try:
            deadline = time.monotonic() + seconds
            while (left := deadline - time.monotonic()) > 0 and not (stop is not None and stop.is_set()):
                message = self._consumer.poll(min(left, STOP_CHECK_SECONDS))
                if message is not None and message.error() is None:
                    # A partition that was assigned while we waited: give the record back.
                    self._note_polled(message)
                    self.rewind()
        finally:
            # Also what was taken from us meanwhile: the client would still hold it paused when it comes back to us.
            self._consumer.resume([*paused, *self._consumer.assignment()])

    def close(self) -> None:
        """Leaves the group, so that its other members need not wait for a timeout.

        A client that does not come to an end is left to itself; the group then waits for its session's timeout.
        """
        self._tell_the_broker()
        closing = threading.Thread(target=self._leave_and_close, name="closing-consumer", daemon=True)
        closing.start()
        closing.join(self._closing_seconds_max)
        if closing.is_alive():
            log.warning("the consumer does not close and is left to itself", topic=self._topic)

    def _leave_and_close(self) -> None:
        deadline = time.monotonic() + min(LEAVING_SECONDS_MAX, self._closing_seconds_max)
        if not self._assigned_directly:
            # A static member that only closes stays in its group until its session ends. A fenced one is in none.
            with suppress(KafkaException):
                self._consumer.unsubscribe()
                while self._consumer.memberid() and time.monotonic() < deadline:
                    self._consumer.poll(STOP_CHECK_SECONDS)
        self._consumer.close()
