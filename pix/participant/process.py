"""Runs the roles of a service in one process until a signal, and stops them."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pix.runtime.addresses import CannotListen
from pix.runtime.logs import logger

STOP_SECONDS_MAX: Final = 6.0
"""For all roles together, which stop at the same time. The next start resumes unfinished work."""

YOUNG_OBJECTS_MAX: Final = 50_000
"""A batch of records is that many short-lived objects in no cycles. To look for some after each 700 of them, which is
Python's default, took a quarter of the hub's time under load."""
YOUNG_COLLECTIONS_MAX: Final = 20
"""Between two collections of the next generation."""

HEAPS_MAX: Final = 2
"""One of Python's threads runs at a time, and allocates. A heap for each of them, up to eight a core, which is glibc's
default, keeps the freed memory of each apart: a tenth of a bank's."""
_M_ARENA_MAX: Final = -8
"""As glibc's malloc.h has it."""

SIGNAL_CHECK_SECONDS: Final = 0.1

Role = Callable[[threading.Event], None]
"""Works until the event is set, then returns. An exception stops the whole process: its supervisor starts it again."""

log = logger(__name__)


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Looks for no garbage in the block until `run_roles`: what a start imports stays, and that took a sixth of it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _settle_garbage_collection() -> None:
    """Excludes the objects of the start, which stay, and collects new ones less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS_MAX, YOUNG_COLLECTIONS_MAX, YOUNG_COLLECTIONS_MAX)
    gc.enable()


def share_heaps() -> None:
    """Has the threads that start from now on share `HEAPS_MAX` heaps, where the C library is glibc.

    What MALLOC_ARENA_MAX says stays.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS_MAX)


def heed_interrupts() -> None:
    """Lets SIGINT raise KeyboardInterrupt, as Python does unless it finds the signal ignored.

    A shell ignores it in what it starts in the background, such as `nohup make demo &`. For the main thread.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run_roles(roles: Mapping[str, Role]) -> int:
    """Runs each role in a separate thread until SIGTERM or SIGINT; returns the process's exit code."""
    stop = threading.Event()
    failed: list[str] = []
    asked: list[bool] = []

    def run(name: str, role: Role) -> None:
        try:
            role(stop)
            if not stop.is_set():
                failed.append(name)
                log.error("a role ended before the stop", role=name)
        except CannotListen as error:
            failed.append(name)
            log.error("a role cannot start", role=name, error=str(error))
        except Exception:
            failed.append(name)
            log.exception("a role failed", role=name)
        finally:
            stop.set()

    _settle_garbage_collection()
    share_heaps()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not `stop.set()`: a second signal may come amid the first one's handler, which holds the event's lock then.
        signal.signal(number, lambda *_: asked.append(True))
    threads = [threading.Thread(target=run, args=item, name=item[0], daemon=True) for item in roles.items()]
    # Before the roles, which write lines as well: the log of a process begins with this one.
    log.info("started", roles=list(roles), process=os.getpid())
    for thread in threads:
        thread.start()
    # The kernel may hand a signal to another thread; Python runs its handler once this one looks up.
    while not asked and not stop.wait(SIGNAL_CHECK_SECONDS):
        pass
    stop.set()
    deadline = time.monotonic() + STOP_SECONDS_MAX
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = [thread.name for thread in threads if thread.is_alive()]
    if late:
        log.error("roles did not stop in time", roles=late)
    log.info("stopped")
    return 1 if failed or late else 0
