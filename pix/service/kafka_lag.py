"""How far a consumer group is behind: for a sweeper whose process reads none, or not all, of the topic's partitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from pix.service.kafka import client_configuration, one_line
from pix.service.logs import logger
from pix.service.settings import KafkaAssignment, KafkaSettings

AGE_SECONDS_MAX: Final = 1.0
"""How old a reading may be: two questions to the broker a second."""
ANSWER_SECONDS_MAX: Final = 2.0

Offsets = Mapping[int, int]
"""By partition."""

_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]

log = logger(__name__)


def lag_seen_by(settings: KafkaSettings, topic: str, group: str, own: Callable[[], int] | None) -> Callable[[], int]:
    """What tells a sweeper how many records wait: its own process's consumer where that reads every partition."""
    if own is not None and settings.assignment is KafkaAssignment.ALL:
        return own
    return GroupLag(settings, topic, group).records


class GroupLag:
    """Records of a topic that a group has left waiting, by the offsets that it has committed.

    What came since the reading before does not count: a group that keeps up has always just begun with some.
    """

    def __init__(
        self, settings: KafkaSettings, topic: str, group: str, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is asked before it is needed. `seconds` is the clock."""
        self._configuration = client_configuration(settings)
        self._topic = topic
        self._group = group
        self._seconds = seconds
        self._admin: AdminClient | None = None
        self._ends: Offsets = {}
        self._records = 0
        self._read_at_seconds = float("-inf")
        self._answers = True

    def records(self) -> int:
        """As of a second ago at most; 0 while the broker does not say: to resend for nothing is the lesser evil."""
        if self._seconds() - self._read_at_seconds >= AGE_SECONDS_MAX:
            self._records = self._read_patiently()
            self._read_at_seconds = self._seconds()
        return self._records

    def _read_patiently(self) -> int:
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
        if self._admin is None:
            self._admin = AdminClient(self._configuration)
        numbers = self._admin.list_topics(self._topic, timeout=ANSWER_SECONDS_MAX).topics[self._topic].partitions
        places = [TopicPartition(self._topic, number) for number in numbers]
        if not places:
            return 0
        # In this order, what is read and committed in between is not taken for waiting.
        ends = self._offsets(places, _LATEST)
        committed = self._committed(places)
        never = [place for place in places if place.partition not in committed]
        starts = {**(self._offsets(never, _EARLIEST) if never else {}), **committed}
        due = {number: min(end, self._ends.get(number, end)) for number, end in ends.items()}
        self._ends = ends
        return sum(max(0, end - starts.get(number, end)) for number, end in due.items())

    def _committed(self, places: list[TopicPartition]) -> Offsets:
        assert self._admin is not None
        asked = ConsumerGroupTopicPartitions(self._group, places)
        answer = self._admin.list_consumer_group_offsets([asked], request_timeout=ANSWER_SECONDS_MAX)
        found = answer[self._group].result()
        return {each.partition: each.offset for each in found.topic_partitions if each.offset >= 0}

    def _offsets(self, places: list[TopicPartition], of: OffsetSpec) -> Offsets:
        assert self._admin is not None
        answers = self._admin.list_offsets(dict.fromkeys(places, of), request_timeout=ANSWER_SECONDS_MAX)
        return {place.partition: answer.result().offset for place, answer in answers.items()}
