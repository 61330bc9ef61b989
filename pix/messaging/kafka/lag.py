"""The consumer lag of a group: for a sweeper whose process reads none, or not all, of the topic's partitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pix.messaging.kafka.client import client_configuration, one_line
from pix.messaging.kafka.settings import KafkaAssignment, KafkaSettings
from pix.runtime.logs import logger

LAG_RECORDS_MAX: Final = 100
"""With more waiting than this the answers may well be among them: nothing is resent until they are read."""
LAG_SECONDS_MAX: Final = 30.0
"""After so long behind, one sweep resends nevertheless: a topic that is kept busy must not keep what was lost lost."""
AGE_SECONDS_MAX: Final = 1.0
"""How old a reading may be."""
ANSWER_SECONDS_MAX: Final = 2.0

log = logger(__name__)


def lag_seen_by(settings: KafkaSettings, topic: str, group: str, own: Callable[[], int] | None) -> Callable[[], int]:
    """What tells a sweeper how many records wait: its own process's consumer where that reads every partition."""
    if own is not None and settings.assignment is KafkaAssignment.ALL:
        return ForgivenLag(own).records
    return ForgivenLag(GroupLag(settings, topic, group).records).records


class ForgivenLag:
    """A lag that says 0 once whenever it has been too large for LAG_SECONDS_MAX."""

    def __init__(self, lag: Callable[[], int], seconds: Callable[[], float] = time.monotonic) -> None:
        self._lag = lag
        self._seconds = seconds
        self._behind_since_seconds: float | None = None

    def records(self) -> int:
        records = self._lag()
        now_seconds = self._seconds()
        if records <= LAG_RECORDS_MAX:
            self._behind_since_seconds = None
        elif self._behind_since_seconds is None:
            self._behind_since_seconds = now_seconds
        elif now_seconds - self._behind_since_seconds >= LAG_SECONDS_MAX:
            log.warning("behind for long, one sweep resends nevertheless", records=records)
            self._behind_since_seconds = now_seconds
            return 0
        return records


class GroupLag:
    """Records of a topic that a group has left waiting, by the offsets that it has committed.

    What came since the reading before does not count: a group that keeps up has always just begun with some.
    """

    def __init__(
        self, settings: KafkaSettings, topic: str, group: str, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is asked before it is needed. `seconds` is the clock."""
        self._configuration = {**client_configuration(settings), "group.id": group, "enable.auto.commit": False}
        self._topic = topic
        self._group = group
        self._seconds = seconds
        self._consumer: Consumer | None = None
        self._ends: Mapping[int, int] = {}
        """By partition, the offset behind the last record of the reading before."""
        self._records = 0
        self._read_at_seconds = float("-inf")
        self._answers = True

    def records(self) -> int:
        """As of a second ago at most; 0 while the broker does not say: to resend for nothing is the lesser evil."""
        if self._seconds() - self._read_at_seconds >= AGE_SECONDS_MAX:
            self._records = self._read_with_retries()
            self._read_at_seconds = self._seconds()
        return self._records

    def _read_with_retries(self) -> int:
        try:
            records = self._read()
        except KafkaException as error:
            if self._answers:
                log.warning("the lag of the group is unknown", group=self._group, error=one_line(error))
            self._answers = False
            return 0
        self._answers = True
        return records

    def _read(self) -> int:
        if self._consumer is None:
            # It subscribes to nothing, and so is no member of the group whose offsets it asks for. An AdminClient could
            # ask for several offsets at once, but its `list_offsets` crashes when the broker is late (version 2.16).
            self._consumer = Consumer(self._configuration)
        numbers = self._consumer.list_topics(self._topic, timeout=ANSWER_SECONDS_MAX).topics[self._topic].partitions
        positions = [TopicPartition(self._topic, number) for number in numbers]
        if not positions:
            return 0
        # In this order, what is read and committed in between is not taken for waiting.
        bounds = {position.partition: self._bounds(position) for position in positions}
        committed = self._consumer.committed(positions, timeout=ANSWER_SECONDS_MAX)
        waiting = 0
        for position in committed:
            if position.error is not None:
                raise KafkaException(position.error)
            low, high = bounds[position.partition]
            due = min(high, self._ends.get(position.partition, high))
            waiting += max(0, due - (position.offset if position.offset >= 0 else low))
        self._ends = {number: high for number, (_, high) in bounds.items()}
        return waiting

    def _bounds(self, position: TopicPartition) -> tuple[int, int]:
        """The partition's first offset, and the one behind its last."""
        assert self._consumer is not None
        found = self._consumer.get_watermark_offsets(position, timeout=ANSWER_SECONDS_MAX, cached=False)
        if found is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return found
