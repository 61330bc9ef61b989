"""Runs the roles of a service in one process, until a signal, and stops them in good order."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from pix.service.logs import logger

STOP_SECONDS_MAX: Final = 6.0
"""For all roles together, which stop at the same time. What is not done by then is done after the next start."""

Role = Callable[[threading.Event], None]
"""Works until the event is set, then returns. An exception stops the whole process: its supervisor starts it again."""

log = logger(__name__)


def run_roles(roles: Mapping[str, Role]) -> int:
    """Runs each role in a thread of its own until SIGTERM or SIGINT; returns the process's exit code."""
    stop = threading.Event()
    failed: list[str] = []

    def run(name: str, role: Role) -> None:
        try:
            role(stop)
            if not stop.is_set():
                failed.append(name)
                log.error("a role ended by itself", role=name)
        except Exception:
            failed.append(name)
            log.exception("a role failed", role=name)
        finally:
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [threading.Thread(target=run, args=item, name=item[0], daemon=True) for item in roles.items()]
    for thread in threads:
        thread.start()
    log.info("started", roles=list(roles), process=os.getpid())
    stop.wait()
    deadline = time.monotonic() + STOP_SECONDS_MAX
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = [thread.name for thread in threads if thread.is_alive()]
    if late:
        log.error("roles did not stop in time", roles=late)
    log.info("stopped")
    return 1 if failed or late else 0
