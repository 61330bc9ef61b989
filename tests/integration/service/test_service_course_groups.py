"""Which course banks take records, on a broker that does not tell the members of a group."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import Consumer, TopicPartition

from hub.adapters.course.groups import KafkaBankReadiness
from hub.domain.course.model import CourseBank, Edition
from hub.entrypoints.course.roles import ensure_course_topics
from pix.messaging.kafka.settings import KafkaSettings

BANK = CourseBank("00000001", "001", Edition.Y2023, "nest_bank_001-server", "a-uuid")
PARTITIONS = 4
"""Of a topic that the embedded broker has made."""


def _commit(settings: KafkaSettings, partitions: int) -> None:
    consumer = Consumer(
        {"bootstrap.servers": settings.bootstrap_servers, "group.id": BANK.group, "enable.auto.commit": False}
    )
    consumer.commit(offsets=[TopicPartition("bank001", number, 0) for number in range(partitions)], asynchronous=False)
    consumer.close()


def test_a_bank_is_ready_once_its_group_has_committed_on_every_partition(
    settings: Callable[..., KafkaSettings],
) -> None:
    ensure_course_topics(settings())
    readiness = KafkaBankReadiness(settings())
    assert not readiness.is_ready(BANK.ispb)

    def look_twice() -> bool:
        readiness.look([BANK])
        return BANK.ispb in readiness.look([BANK])

    # What is sent to a group that has never committed is lost.
    assert not look_twice()
    _commit(settings(), PARTITIONS - 1)
    assert not look_twice()
    _commit(settings(), PARTITIONS)
    assert look_twice() and readiness.is_ready(BANK.ispb)


def test_a_broker_that_does_not_answer_makes_no_bank_ready(settings: Callable[..., KafkaSettings]) -> None:
    nowhere = settings().model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    readiness = KafkaBankReadiness(nowhere)

    assert readiness.look([BANK]) == frozenset()
    assert not readiness.is_ready(BANK.ispb)
