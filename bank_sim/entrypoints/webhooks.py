"""The role that delivers webhooks: apart from the other roles, since receivers may be slow."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from bank_sim.application.webhooks.deliver import DeliverDue, Post
from pix.runtime.health import Health
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable

POLL_SECONDS: Final = 0.2
SENDERS: Final = 16
"""Requests at once. Slow receivers take a sender each, for the time-out at most."""
NOTICES_PER_SENDER: Final = 20
QUIET_SECONDS_MAX: Final = 30.0

log = logger(__name__)


class WebhookDelivery:
    """Claims what is due while a sender is free, and has the senders send it."""

    def __init__(self, deliver_due: DeliverDue, health: Health) -> None:
        self._deliver_due = deliver_due
        self._health = health
        self._posts: SimpleQueue[Post] = SimpleQueue()
        self._free = threading.Semaphore(SENDERS)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; what is under way then is sent again after its lease, unless it ends in time."""
        for number in range(SENDERS):
            threading.Thread(target=self._send, args=[stop], name=f"webhook {number}", daemon=True).start()
        while not stop.wait(POLL_SECONDS):
            while not stop.is_set() and self._claim():
                pass

    def _claim(self) -> bool:
        """Whether something was due. Posts wait for a sender only as long as their lease; then they are due again."""
        if not self._posts.empty():
            return False
        free = 0
        while free < SENDERS and self._free.acquire(blocking=False):
            free += 1
        if not free:
            return False
        self._free.release(free)
        try:
            posts = self._deliver_due.claim(free * NOTICES_PER_SENDER)
        except DatabaseUnavailable as error:
            self._health.trouble("webhooks", f"waiting for the database: {error}")
            return False
        self._health.ok("webhooks", QUIET_SECONDS_MAX)
        for post in posts:
            self._posts.put(post)
        return bool(posts)

    def _send(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with suppress(Empty):
                post = self._posts.get(timeout=1.0)
                with self._free:
                    self._try(post)

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
