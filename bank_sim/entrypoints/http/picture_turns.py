"""Pictures are read and drawn one at a time: each takes a core and much memory, and PDFium has no threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pix.web.marks import translatable

WAITING_MAX: Final = 4
"""So many may wait for their turn beside the one that has it."""
WAIT_SECONDS_MAX: Final = 5.0


class PicturesBusy(Exception):
    rule = translatable("Other images are being processed. Please try again in a few seconds.")
    retry_after_seconds = 5


_places = threading.BoundedSemaphore(1 + WAITING_MAX)
_turn = threading.Lock()


@contextmanager
def picture_turn() -> Iterator[None]:
    """Waits for the turn. Raises PicturesBusy when too many wait, or when it does not come in time."""
    if not _places.acquire(blocking=False):
        raise PicturesBusy
    try:
        if not _turn.acquire(timeout=WAIT_SECONDS_MAX):
            raise PicturesBusy
        try:
            yield
        finally:
            _turn.release()
    finally:
        _places.release()
