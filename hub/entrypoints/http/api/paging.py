"""Pages of rows, newest first."""

from __future__ import annotations

from typing import Final

from pix.scheme.errors import SchemeError

PAGE_SIZE_MAX: Final = 5_000
TIME_DIGITS_MAX: Final = 15


def page_cursor(before: str) -> tuple[int, str] | None:
    """Reads a `before` parameter. Raises SchemeError when it is not one that we gave."""
    if not before:
        return None
    received_at_ms, _, end_to_end_id = before.partition(":")
    is_time = received_at_ms.isascii() and received_at_ms.isdigit() and len(received_at_ms) <= TIME_DIGITS_MAX
    if not is_time or not end_to_end_id.isprintable():
        raise SchemeError("before", "must be the `next` of the previous page")
    return int(received_at_ms), end_to_end_id
