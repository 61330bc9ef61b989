"""What runs for the course adapter: a consumer for each topic, and a sweep by time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hub.application.course.process import Outgoing
from hub.application.course.use_cases import CourseApplication
from hub.application.heartbeats import LeaveNetwork, RecordHeartbeat
from hub.domain.course.model import CourseBank
from hub.entrypoints.course.gateway import BANK_TOPICS, CONSUMER_GROUP, COURSE_TOPICS
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.runtime.health import Health
from pix.runtime.logs import logger
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from pix.wire.course_v1.topics import PARTITIONS

SWEEP_SECONDS: Final = 1.0
SWEEP_SECONDS_MAX: Final = 30.0
HEALTH_PART: Final = "course sweep"
INSTANCE: Final = "course adapter"

Look = Callable[[Sequence[CourseBank]], frozenset[str]]
"""Finds the ISPBs of the banks that take records now; see `hub.adapters.course.groups`."""

log = logger(__name__)


def ensure_course_topics(settings: KafkaSettings) -> None:
    """Raises BrokerUnavailable."""
    ensure_topics(settings.model_copy(update={"partitions": PARTITIONS}), COURSE_TOPICS)
    ensure_topics(settings, list(BANK_TOPICS))


def open_course_source(settings: KafkaSettings, topic: str) -> KafkaSource:
    """Raises BrokerUnavailable."""
    ensure_course_topics(settings)
    return KafkaSource(settings, topic, CONSUMER_GROUP)


@dataclass(frozen=True, slots=True)
class CourseSweep:
    """Looks which banks take records, tells the hub of them as heartbeats, and does what is due."""

    application: CourseApplication
    look: Look
    publish: Callable[[Sequence[Outgoing]], None]
    """Raises BrokerUnavailable."""
    record_heartbeat: RecordHeartbeat
    leave_network: LeaveNetwork
    health: Health

    def run(self, stop: threading.Event) -> None:
        there: frozenset[str] = frozenset()
        while not stop.wait(SWEEP_SECONDS):
            try:
                there = self._sweep(there)
            except (DatabaseUnavailable, BrokerUnavailable) as error:
                self.health.trouble(HEALTH_PART, f"waiting: {error}")
                log.warning("sweep failed, the next one retries", error=str(error))
            else:
                self.health.ok(HEALTH_PART, SWEEP_SECONDS_MAX)

    def _sweep(self, there: frozenset[str]) -> frozenset[str]:
        banks = list(self.application.queries.banks().values())
        ready = self.look(banks)
        for bank in banks:
            if bank.ispb in ready:
                version = f"course {bank.edition}"
                self.record_heartbeat(ispb=bank.ispb, instance=INSTANCE, version=version, lag=None)
            elif bank.ispb in there:
                self.leave_network(ispb=bank.ispb, instance=INSTANCE)
        outgoing = self.application.adapter.sweep()
        if outgoing:
            self.publish(outgoing)
        return ready
