"""The role that delivers webhooks: apart from the other roles, since receivers may be slow."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Final

from bank_sim.application.webhooks.deliver import DeliverDue, Post
from pix.runtime.health import Health
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable

POLL_SECONDS: Final = 0.2
SENDERS: Final = 8
"""Requests at once. Slow receivers take a sender each, for the time-out at most."""
NOTICES_PER_SENDER: Final = 20
QUIET_SECONDS_MAX: Final = 30.0

log = logger(__name__)


class WebhookDelivery:
    """Claims what is due while a sender is free, and has the senders send it."""

    def __init__(self, deliver_due: DeliverDue, health: Health) -> None:
        self._deliver_due = deliver_due
        self._health = health
        self._posts: SimpleQueue[Post | None] = SimpleQueue()
        """None ends a sender."""
        self._lock = threading.Lock()
        self._busy = 0

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; what is under way then is sent again after its lease, unless it ends in time."""
        for number in range(SENDERS):
            threading.Thread(target=self._send, name=f"webhook {number}", daemon=True).start()
        while not stop.wait(POLL_SECONDS):
            try:
                while not stop.is_set() and self._claim():
                    pass
            except DatabaseUnavailable as error:
                self._health.trouble("webhooks", f"waiting for the database: {error}")
            else:
                self._health.ok("webhooks", QUIET_SECONDS_MAX)
        for _ in range(SENDERS):
            self._posts.put(None)

    def _claim(self) -> bool:
        """Whether something was due. Posts wait for a sender only as long as their claim; then they are due again."""
        free = self._count_free()
        if not free or not self._posts.empty():
            return False
        posts = self._deliver_due.claim(free * NOTICES_PER_SENDER)
        for post in posts:
            self._posts.put(post)
        return bool(posts)

    def _count_free(self) -> int:
        with self._lock:
            return SENDERS - self._busy

    def _send(self) -> None:
        while (post := self._posts.get()) is not None:
            self._count(1)
            try:
                self._try(post)
            finally:
                self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._busy += change

    def _try(self, post: Post) -> None:
        try:
            failure = self._deliver_due.send(post)
        except DatabaseUnavailable as error:
            log.warning("a delivery was not noted, it is sent again", error=str(error))
        except Exception:
            log.exception("a webhook was not sent, it is tried again")
        else:
            if failure is not None:
                log.info("a webhook was not delivered, it is tried again", reason=failure.value, pix=len(post.notices))
