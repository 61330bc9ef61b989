"""Kafka calls the bank: records of the hub in, decided upon, records for the hub out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaException

from bank_sim.application.use_cases import BankApplication
from bank_sim.settings import BankSettings
from pix.messaging.batches import BatchHandler, RecordSink
from pix.messaging.consumer import ConsumerThread, PausableSource
from pix.messaging.kafka.acls import bank_group
from pix.messaging.kafka.clients import KafkaSink, KafkaSource, ensure_topics
from pix.runtime.logs import logger
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic

RESTART_SECONDS: Final = 1.0
SWITCH_AGE_SECONDS_MAX: Final = 0.5
"""How old the answer to "are we to consume?" may be."""

log = logger(__name__)


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
        """The source's next batch; none while the switch is off."""
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
        """As the source does."""
        return self._source.position()

    def commit(self, position: Any) -> None:
        """As the source does."""
        self._source.commit(position)

    def rewind(self) -> None:
        """As the source does."""
        self._source.rewind()

    def lag(self) -> int:
        """As the source does."""
        return self._source.lag()

    def wait(self, seconds: float, stop: threading.Event | None = None) -> None:
        """As the source does."""
        self._source.wait(seconds, stop)

    def close(self) -> None:
        """As the source does."""
        self._source.close()


class KafkaRole:
    """Consumes the bank's topic; begins again when the client fails, and waits for a broker that is not there yet."""

    def __init__(
        self,
        application: BankApplication,
        settings: BankSettings,
        handle: BatchHandler,
        observe: Callable[[RecordSink], RecordSink] = lambda sink: sink,
    ) -> None:
        """`observe` may wrap the sink through which answers go out."""
        self._application = application
        self._handle = handle
        self._observe = observe
        self._settings = settings.kafka(f"codepix-bank-{settings.bank_code}")
        self._code = settings.bank_code
        self._consumer: ConsumerThread | None = None
        # A service is ready when its consumer is.
        application.health.trouble("consumer", "starting")

    def lag(self) -> int:
        """Records of the hub that wait to be read by this process."""
        return 0 if self._consumer is None else self._consumer.lag()

    def run(self, stop: threading.Event) -> None:
        """Consumes until told to stop."""
        sink = KafkaSink(self._settings)
        self._consumer = ConsumerThread(
            self._make_source,
            self._handle,
            self._observe(sink),
            self._application.health,
        )
        while not stop.is_set():
            try:
                self._consumer.run(stop)
            except KafkaException as error:
                self._application.health.trouble("consumer", f"waiting for the broker: {error}")
                log.warning("the consumer restarts", error=str(error), seconds=RESTART_SECONDS)
                stop.wait(RESTART_SECONDS)
        sink.close()

    def _make_source(self) -> PausableSource[Any]:
        topic = bank_topic(self._code)
        ensure_topics(self._settings, [topic, HUB_TOPIC])
        source = KafkaSource(self._settings, topic, bank_group(self._code))
        return SwitchedSource(source, lambda: self._application.queries.behaviour().consuming)
