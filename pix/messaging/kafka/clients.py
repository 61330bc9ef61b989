"""Kafka clients behind the ports of `pix.messaging.batches`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Final, cast

from confluent_kafka import (
    OFFSET_STORED,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.runtime.logs import logger
from pix.runtime.outages import BrokerUnavailable, ConsumerStalled, PublishFailed
from pix.wire.record import Record, received_record, unreadable_record

BATCH_RECORDS_MAX: Final = 700
"""A batch takes what is there, so it is only as large as this when the service is behind. Then the larger the better: a
commit, the acknowledgements and a look at the accounts cost the same for ten records as for thousands."""
BATCH_VALUES_BYTES_MAX: Final = 128 * 1024
"""The same by the length of the values: a record may hold hundreds of messages, of 60 to 250 bytes each."""
LINGER_SECONDS: Final = 0.005
LINGER_BYTES_MIN: Final = 16 * 1024
"""After a batch as large as this the next one waits so long for more: under load fewer and larger transactions cost
less. At 50 transfers a second no batch comes near it, so there nothing waits."""
PUBLISH_TIMEOUT_SECONDS: Final = 30.0
METADATA_TIMEOUT_SECONDS: Final = 10.0
FLUSH_STEP_SECONDS: Final = 0.5
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
TOPIC_CREATION_TIMEOUT_SECONDS: Final = 10.0
EMBEDDED_CLUSTER_ID: Final = "mockCluster"
"""How the broker inside the client library names itself; it has no CreateTopics, and asking it only times out."""
BATCH_BYTES_MAX: Final = 32 * 1024
"""Of a batch of records as a broker stores it. Two of the largest messages fit into one.

The client library unpacks whole batches in memory, gzip up to a thousandfold and without a limit (2.16). Topics that we
make refuse larger batches, and store none packed: see TOPIC_LIMITS.
"""
BATCH_BYTES_SENT_MAX: Final = 30 * 1024
"""Of a batch as we send it; a single record may be larger."""
FETCH_BYTES_MAX: Final = 16 * BATCH_BYTES_MAX
"""Of one answer of the broker with records, which always has at least one batch.

A topic with TOPIC_LIMITS stores no batch packed, so an answer takes no more than this in memory. On a topic without
them many small packed batches unpack to as much as a single large one, which any limit lets pass. One batch an answer
costs time: 2,800 records of a full topic took 6.4 ms, and take 2.6 ms (the best of 60), on a busy machine 73 and 5.5.
"""
RESPONSE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of any answer of the broker, and of a batch packed with Zstandard once it is unpacked. It has to be larger than a
batch on a topic without limits, 1 MiB by default: a client cannot get past what is larger."""
QUEUED_KBYTES_MAX: Final = 4_096
"""What the client library fetches ahead, unpacked."""
TOPIC_LIMITS: Final = {"max.message.bytes": str(BATCH_BYTES_MAX), "compression.type": "uncompressed"}
"""Of each topic that we make. The broker unpacks what comes packed, and refuses what is too large then; so no batch on
the topic unpacks to more than it takes there."""
PARTITIONS_TIMEOUT_SECONDS: Final = 1.0
PARTITIONS_AGE_SECONDS_MAX: Final = 30.0
PARTITIONS_RETRY_SECONDS: Final = 2.0
"""After a topic's partitions could not be read."""
MAX_POLL_INTERVAL_MS: Final = 300_000
STOP_CHECK_SECONDS: Final = 0.2
COMMIT_INTERVAL_SECONDS: Final = 0.2

log = logger(__name__)


def client_configuration(settings: KafkaSettings) -> dict[str, Any]:
    """What every client of the broker is told, in librdkafka's words."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": settings.client_id,
        # A topic that appears after we subscribed is learned of at a refresh; the library's own 5 minutes are too long.
        "topic.metadata.refresh.interval.ms": 2_000,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,
        **settings.extra,
    }


def fetch_limits(settings: KafkaSettings) -> dict[str, Any]:
    """How much a consumer takes into memory, in librdkafka's words."""
    return {
        "fetch.wait.max.ms": settings.fetch_wait_ms,
        "fetch.error.backoff.ms": 100,
        # After a large record has filled the queue, too.
        "fetch.queue.backoff.ms": 100,
        "message.max.bytes": BATCH_BYTES_MAX,
        "fetch.message.max.bytes": FETCH_BYTES_MAX,
        "fetch.max.bytes": FETCH_BYTES_MAX,
        "receive.message.max.bytes": RESPONSE_BYTES_MAX,
        "queued.max.messages.kbytes": QUEUED_KBYTES_MAX,
    }


def one_line(error: KafkaException) -> str:
    cause = error.args[0] if error.args else error
    return " ".join(str(cause.str() if isinstance(cause, KafkaError) else cause).split())


Offsets = dict[tuple[str, int], int]
"""By topic and partition."""


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
        self._consumer = Consumer(
            {
                **client_configuration(settings),
                "group.id": group,
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
        self._assigned_directly = settings.assignment is KafkaAssignment.ALL
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
        closing = threading.Thread(target=self._consumer.close, name="closing-consumer", daemon=True)
        closing.start()
        closing.join(self._closing_seconds_max)
        if closing.is_alive():
            log.warning("the consumer does not close and is left to itself", topic=self._topic)


ERRORS_THAT_PASS: Final = frozenset(
    {
        KafkaError._PARTITION_EOF,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._MAX_POLL_EXCEEDED,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)
"""The client retries after these."""


ERRORS_OF_BATCHES: Final = frozenset(
    {
        KafkaError._BAD_COMPRESSION,
        KafkaError._BAD_MSG,
        KafkaError._NOT_IMPLEMENTED,
        KafkaError._CRIT_SYS_RESOURCE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)
"""What the client says of records that it cannot unpack or take apart, at each fetch anew."""


def is_placed(message: KafkaMessage) -> bool:
    """Whether an error is about a place in a log."""
    partition, offset = message.partition(), message.offset()
    return partition is not None and offset is not None and partition >= 0 and offset >= 0


_headers_of: Final = methodcaller("headers")
"""Calls a message's `headers` in the one way that is safe (confluent-kafka 2.16).

For a name that is not UTF-8 the library returns tuples without a name, and sets an exception besides. A call through
`methodcaller` is checked by Python, which raises SystemError. A call that is written out, `message.headers()`, is not
checked any more once Python has specialised it, after a few calls: to unpack what it returns ends the process.
"""


def record_of(message: KafkaMessage) -> Record:
    """A message of the client library's as a record of ours. Raises nothing, whatever the message contains."""
    fault = ""
    headers: list[tuple[str, bytes]] = []
    try:
        found = cast("list[tuple[str, bytes | None]]", _headers_of(message) or [])
        headers = [(name, content or b"") for name, content in found]
    except (SystemError, ValueError) as error:
        # SystemError for a name that is not UTF-8. The message must not be asked a second time.
        fault = f"headers: cannot be read: {error.__cause__ or error}"
    return received_record(
        message.topic() or "",
        _bytes(message.key()),
        _bytes(message.value()),
        headers,
        message.partition() or 0,
        message.offset() or 0,
        fault,
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


class _Publication:
    """Records that a producer has; see `pix.messaging.batches.Publication`."""

    def __init__(self, sink: KafkaSink, producer: Producer, size: int) -> None:
        self._sink = sink
        self.producer = producer
        self.size = size
        self.failures: list[KafkaError] = []

    def note(self, error: KafkaError | None, _message: KafkaMessage) -> None:
        """The client's word on a record that was not delivered."""
        if error is not None:
            self.failures.append(error)

    def wait(self) -> None:
        if self.size:
            self._sink.await_acks(self)


class KafkaSink:
    """Publishes with acks from all replicas and an idempotent producer. Thread-safe."""

    def __init__(
        self,
        settings: KafkaSettings,
        delivery_seconds_max: float = PUBLISH_TIMEOUT_SECONDS,
        acks_seconds_max: float = PUBLISH_TIMEOUT_SECONDS,
    ) -> None:
        """The client tries `delivery_seconds_max` to deliver a record; who publishes waits `acks_seconds_max`."""
        self._acks_seconds_max = acks_seconds_max
        self._configuration = {
            **client_configuration(settings),
            "acks": "all",
            "enable.idempotence": True,
            # Records gather while a batch is handed over; `flush` sends them without lingering any longer.
            "linger.ms": 5,
            # CRC-32 of the key: `pix.wire.protobuf_v1.batches.pack` counts on it.
            "partitioner": "consistent_random",
            "queue.buffering.max.messages": 500_000,
            "message.max.bytes": BATCH_BYTES_MAX,
            "batch.size": BATCH_BYTES_SENT_MAX,
            "delivery.timeout.ms": int(delivery_seconds_max * 1000),
            # `flush` tells when all are acknowledged; a call of ours for each one that was would only cost time.
            "delivery.report.only.error": True,
        }
        self._producer = Producer(self._configuration)
        self._partitions: dict[str, tuple[int, float]] = {}
        """Of each topic: how many, and until when that counts."""
        self._unanswered_until = 0.0
        """The broker has left the question unanswered, and is not asked again before."""

    def partitions_of(self, topic: str) -> int:
        """See `pix.messaging.packing.PartitionedSink`. Asks the broker twice a minute."""
        known, until_seconds = self._partitions.get(topic, (0, 0.0))
        now_seconds = time.monotonic()
        if now_seconds < max(until_seconds, self._unanswered_until):
            return known
        try:
            known_topics = self._producer.list_topics(topic, timeout=PARTITIONS_TIMEOUT_SECONDS).topics
        except KafkaException:
            # Every message goes alone for a while; `begin` and `wait` tell of an absent broker.
            self._unanswered_until = time.monotonic() + PARTITIONS_RETRY_SECONDS
            return known
        count = len(known_topics[topic].partitions) if topic in known_topics else 0
        age_seconds_max = PARTITIONS_AGE_SECONDS_MAX if count else PARTITIONS_RETRY_SECONDS
        self._partitions[topic] = count, now_seconds + age_seconds_max
        return count

    def publish(self, records: Sequence[Record]) -> None:
        self.begin(records).wait()

    def begin(self, records: Sequence[Record]) -> _Publication:
        """Hands the records to the client; `wait` raises PublishFailed when they are not acknowledged within 30 s."""
        publication = _Publication(self, self._producer, len(records))
        with self._telling_failures(publication.producer):
            for record in records:
                self._produce(publication.producer, record, publication.note)
        return publication

    def await_acks(self, publication: _Publication) -> None:
        producer, failures = publication.producer, publication.failures
        with self._telling_failures(producer):
            # It sends at once what still lingers. Other records may be among those it waits for, too.
            unacknowledged = producer.flush(self._acks_seconds_max)
        if failures:
            self._renew_if_hopeless(producer, failures[0])
            raise PublishFailed(f"{len(failures)} of {publication.size} records not published: {failures[0].str()}")
        if unacknowledged:
            self._renew(producer, "nothing was acknowledged in time")
            raise PublishFailed(f"{unacknowledged} records not acknowledged in time")

    @contextmanager
    def _telling_failures(self, producer: Producer) -> Iterator[None]:
        """What the client raises becomes PublishFailed."""
        try:
            yield
        except KafkaException as error:
            self._renew_if_hopeless(producer, error.args[0])
            raise PublishFailed(str(error)) from error
        except SystemError as error:
            # What is fatal the client raises out of the call that is running; where that is a callback, as this.
            self._renew(producer, str(error.__cause__ or error))
            raise PublishFailed(str(error.__cause__ or error)) from error

    def _renew_if_hopeless(self, producer: Producer, error: KafkaError) -> None:
        # The error that broke it says so of itself; each call after that only repeats the code. One that could deliver
        # nothing for as long as a record may take need not find back by itself either, and a new one costs nothing.
        if error.fatal() or error.code() in (KafkaError._FATAL, KafkaError._MSG_TIMED_OUT):
            self._renew(producer, error.str())

    def _renew(self, producer: Producer, error: str) -> None:
        """A broker that lost its log leaves an idempotent producer unusable for good; a new one starts afresh.

        Such a broker gives the numbers of its earlier producers to new ones, and refuses the sequences of the old.
        """
        if producer is self._producer:
            log.warning("the producer cannot go on and is replaced", error=error)
            self._producer = Producer(self._configuration)

    def _produce(self, producer: Producer, record: Record, on_delivery: Any) -> None:
        while True:
            try:
                producer.produce(
                    record.topic,
                    # The protocol's records have keys; a wire without any has null.
                    key=record.key or None,
                    value=record.value,
                    headers=dict(record.headers),
                    on_delivery=on_delivery,
                )
                return
            except BufferError:
                # The queue is full: let deliveries make room. Their timeout bounds how long this can last.
                producer.poll(FLUSH_STEP_SECONDS)

    def close(self) -> None:
        self._producer.flush(PUBLISH_TIMEOUT_SECONDS)


def ensure_topics(settings: KafkaSettings, topics: Sequence[str]) -> None:
    """Makes the topics exist. Creates them with the settings' partitions where the broker can, else by first use.

    Raises BrokerUnavailable.
    """
    try:
        _ensure_topics(settings, topics)
    except KafkaException as error:
        raise BrokerUnavailable(one_line(error)) from error


def _ensure_topics(settings: KafkaSettings, topics: Sequence[str]) -> None:
    admin = AdminClient(client_configuration(settings))
    known = admin.list_topics(timeout=METADATA_TIMEOUT_SECONDS)
    missing = [topic for topic in topics if topic not in known.topics]
    if missing and not str(known.cluster_id).startswith(EMBEDDED_CLUSTER_ID):
        creations = admin.create_topics(
            [NewTopic(topic, settings.partitions, settings.replication, config=TOPIC_LIMITS) for topic in missing],
            operation_timeout=TOPIC_CREATION_TIMEOUT_SECONDS,
        )
        for creation in creations.values():
            try:
                creation.result()
            except KafkaException as error:
                # Another participant may have been quicker.
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
    for topic in topics:
        # Asking the embedded broker for a topic makes it there.
        admin.list_topics(topic, timeout=METADATA_TIMEOUT_SECONDS)


def limit_topics(settings: KafkaSettings, topics: Sequence[str]) -> None:
    """Sets TOPIC_LIMITS on topics that exist. Raises BrokerUnavailable."""
    admin = AdminClient(client_configuration(settings))
    try:
        cluster_id = admin.list_topics(timeout=METADATA_TIMEOUT_SECONDS).cluster_id
    except KafkaException as error:
        raise BrokerUnavailable(one_line(error)) from error
    if str(cluster_id).startswith(EMBEDDED_CLUSTER_ID):
        return
    changes = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in TOPIC_LIMITS.items()
            ],
        )
        for topic in topics
    ]
    for topic, change in zip(topics, admin.incremental_alter_configs(changes).values(), strict=True):
        try:
            change.result(TOPIC_CREATION_TIMEOUT_SECONDS)
        except (KafkaException, TimeoutError) as error:
            # The broker's operators may keep this right for themselves: then it is theirs to do.
            log.warning("the topic is not limited, see docs/operating.md", topic=topic, error=str(error))


def broker_answers(settings: KafkaSettings, timeout_seconds: float) -> bool:
    """Whether the broker answers a metadata request."""
    try:
        AdminClient(client_configuration(settings)).list_topics(timeout=timeout_seconds)
    except KafkaException:
        return False
    return True
