"""The background publisher: a thread publishes records after the commit, so that a customer never waits for the broker.

A request is durable before its record comes here, so losing a record is harmless: the caller continues at once, the
thread publishes all waiting records as one batch, and drops what it cannot publish, because the sweep retransmits it
when its row is due. Publishing within the request, even with a short limit, would make every payment as slow as a
broker that is down.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from pix.messaging.batches import RecordPublisher
from pix.runtime.logs import logger
from pix.runtime.outages import PublishFailed
from pix.scheme.deliveries import Outgoing
from pix.wire.record import Record

RECORDS_WAITING_MAX: Final = 10_000
"""Beyond this nothing more is enqueued: the broker is down, and the rows have it all."""

CLOSE_SECONDS_MAX: Final = 2.0

log = logger(__name__)


class ThreadedPublisher:
    """See `bank_sim.application.ports.Courier`. Opens its sink, and starts its thread, with the first record."""

    def __init__(
        self, make_sink: Callable[[], RecordPublisher], encode: Callable[[Sequence[Outgoing]], Sequence[Record]]
    ) -> None:
        self._make_sink = make_sink
        self._encode = encode
        self._waiting: deque[Outgoing | Record] = deque()
        self._arrived = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._sink: RecordPublisher | None = None

    def enqueue(self, outgoing: Sequence[Outgoing]) -> None:
        """Never waits and never raises. The thread encodes, so what gathers meanwhile shares records."""
        if outgoing:
            self._enqueue(outgoing)

    def enqueue_records(self, records: Sequence[Record]) -> None:
        """The same for what is encoded already."""
        self._enqueue(records)

    def _enqueue(self, waiting: Sequence[Outgoing | Record]) -> None:
        with self._lock:
            if len(self._waiting) + len(waiting) > RECORDS_WAITING_MAX:
                log.warning("the broker is behind, records are left to the outbox sweep", records=len(waiting))
                return
            self._waiting.extend(waiting)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="background publisher", daemon=True)
                self._thread.start()
        self._arrived.set()

    def close(self) -> None:
        """Sends what waits, for at most 2 seconds."""
        self._closing.set()
        self._arrived.set()
        thread = self._thread
        if thread is not None:
            thread.join(CLOSE_SECONDS_MAX)

    def _run(self) -> None:
        while True:
            with self._lock:
                batch = list(self._waiting)
                self._waiting.clear()
            if batch:
                self._publish(batch)
            elif self._closing.is_set():
                return
            else:
                self._arrived.wait()
                self._arrived.clear()

    def _publish(self, batch: list[Outgoing | Record]) -> None:
        try:
            records = [each for each in batch if isinstance(each, Record)]
            records += self._encode([each for each in batch if isinstance(each, Outgoing)])
            if self._sink is None:
                self._sink = self._make_sink()
            self._sink.publish(records)
        except PublishFailed as error:
            log.warning("not published, the outbox sweep retransmits it", records=len(batch), error=str(error))
        except Exception:
            log.exception("not published, the outbox sweep retransmits it", records=len(batch))
