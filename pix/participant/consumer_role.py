"""The role that consumes a participant's topic."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaException

from pix.messaging.batches import BatchHandler, RecordSink
from pix.messaging.consumer import ConsumerThread, PausableSource
from pix.runtime.health import Health
from pix.runtime.logs import logger

RESTART_SECONDS: Final = 1.0

log = logger(__name__)


class ConsumerRole:
    """Waits for an absent broker, and opens another consumer when the Kafka client fails."""

    def __init__(
        self,
        open_source: Callable[[], PausableSource[Any]],
        handle: BatchHandler,
        sink: RecordSink,
        health: Health,
        part: str = "consumer",
    ) -> None:
        """`part` is the name of the consumer in the health."""
        self._part = part
        self._consumer = ConsumerThread(open_source, handle, sink, health, part)
        self._health = health
        # A participant is ready when its consumer is.
        health.trouble(part, "starting")

    def lag(self) -> int:
        return self._consumer.lag()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._consumer.run(stop)
            except KafkaException as error:
                self._health.trouble(self._part, f"waiting for the broker: {error}")
                log.warning("the consumer restarts", error=str(error), seconds=RESTART_SECONDS)
                stop.wait(RESTART_SECONDS)
