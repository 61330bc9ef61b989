"""Kafka calls the bank: the topic that it consumes, unless its operator has switched that off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from pix.messaging.consumer import PausableSource
from pix.messaging.kafka.acls import bank_group
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.source import KafkaSource
from pix.messaging.kafka.topics import ensure_topics
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic

SWITCH_AGE_SECONDS_MAX: Final = 0.5
"""How old the answer to "are we to consume?" may be."""


class SwitchedSource:
    """A source that takes nothing while the bank is switched to play one that is down."""

    def __init__(
        self,
        source: PausableSource[Any],
        is_consuming: Callable[[], bool],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._is_consuming = is_consuming
        self._seconds = seconds
        self._asked_at_seconds = float("-inf")
        self._consuming = True

    def poll(self, timeout_seconds: float) -> Sequence[Record]:
        if not self._may_consume():
            self._source.wait(timeout_seconds)
            return []
        return self._source.poll(timeout_seconds)

    def _may_consume(self) -> bool:
        now_seconds = self._seconds()
        if now_seconds - self._asked_at_seconds > SWITCH_AGE_SECONDS_MAX:
            self._consuming = self._is_consuming()
            self._asked_at_seconds = now_seconds
        return self._consuming

    def position(self) -> Any:
        return self._source.position()

    def commit(self, position: Any) -> None:
        self._source.commit(position)

    def rewind(self) -> None:
        self._source.rewind()

    def lag(self) -> int:
        return self._source.lag()

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        self._source.wait(seconds, stop)

    def close(self) -> None:
        self._source.close()


def open_source(settings: KafkaSettings, bank_code: str, is_consuming: Callable[[], bool]) -> PausableSource[Any]:
    """The bank's topic. Raises BrokerUnavailable."""
    topic = bank_topic(bank_code)
    ensure_topics(settings, [topic, HUB_TOPIC])
    return SwitchedSource(KafkaSource(settings, topic, bank_group(bank_code)), is_consuming)
