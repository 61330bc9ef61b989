"""Whether the consumer group of a course bank takes what is sent to its topic.

Such a bank reads from the end of its topic when its group has never committed, so that a record which is sent before is
lost. The broker is asked for the members of the group, and where it does not tell them (the broker inside the client
library does not) for the offsets that the group has committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from hub.domain.course.model import CourseBank
from pix.messaging.kafka.client import client_configuration, one_line
from pix.messaging.kafka.settings import KafkaSettings
from pix.runtime.logs import logger
from pix.wire.course_v1.topics import course_bank_topic

ANSWER_SECONDS_MAX: Final = 3.0

log = logger(__name__)


class KafkaBankReadiness:
    """See `hub.application.course.ports.BankReadiness`. One thread looks, others ask."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Nothing is connected before the first look."""
        self._settings = settings
        self._admin: AdminClient | None = None
        self._taking: frozenset[str] = frozenset()
        """At the look before."""
        self._ready: frozenset[str] = frozenset()

    def is_ready(self, ispb: str) -> bool:
        return ispb in self._ready

    def look(self, banks: Iterable[CourseBank]) -> frozenset[str]:
        """Asks the broker; returns the ISPBs of the banks that are ready. A broker that does not answer has none.

        A bank is ready at the second look in a row that finds its group so: a new member asks for the end of the
        topic a moment after it was assigned, and what is sent in between is lost.
        """
        taking = frozenset(bank.ispb for bank in banks if self._takes_records(bank))
        ready = taking & self._taking
        self._taking = taking
        for ispb in ready ^ self._ready:
            log.info("course bank", ispb=ispb, takes_records=ispb in ready)
        self._ready = ready
        return ready

    def _takes_records(self, bank: CourseBank) -> bool:
        topic = course_bank_topic(bank.code)
        try:
            if self._admin is None:
                self._admin = AdminClient(client_configuration(self._settings))
            numbers = set(self._admin.list_topics(topic, timeout=ANSWER_SECONDS_MAX).topics[topic].partitions)
            if not numbers:
                return False
            assigned = self._assigned_partitions(bank.group, topic)
            return numbers <= assigned if assigned is not None else self._has_committed(bank.group, topic, numbers)
        except KafkaException as error:
            log.warning("the broker does not say whether a course bank reads", bank=bank.code, error=one_line(error))
            return False

    def _assigned_partitions(self, group: str, topic: str) -> set[int] | None:
        """Of the topic, those that members of the group read; None when the broker does not tell."""
        assert self._admin is not None
        asked = self._admin.describe_consumer_groups([group], request_timeout=ANSWER_SECONDS_MAX)
        try:
            found = asked[group].result(ANSWER_SECONDS_MAX * 2)
        except (KafkaException, TimeoutError):
            return None
        if found.state is not ConsumerGroupState.STABLE:
            return set()
        return {
            partition.partition
            for member in found.members
            if member.assignment is not None
            for partition in member.assignment.topic_partitions
            if partition.topic == topic
        }

    def _has_committed(self, group: str, topic: str, numbers: Iterable[int]) -> bool:
        # It subscribes to nothing, and so is no member of the group whose offsets it asks for.
        consumer = Consumer({**client_configuration(self._settings), "group.id": group, "enable.auto.commit": False})
        try:
            asked = [TopicPartition(topic, number) for number in numbers]
            return all(each.offset >= 0 for each in consumer.committed(asked, timeout=ANSWER_SECONDS_MAX))
        finally:
            consumer.close()
