"""Names the transfer and the trace of a record in the lines of the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from structlog.contextvars import bound_contextvars

from pix.runtime.trace_context import checked_traceparent, within_trace
from pix.wire.record import HEADER_TRACEPARENT, Record

END_TO_END_ID_LENGTH: Final = 32
"""What is longer than an id is not written down as one."""


def end_to_end_id_of(record: Record) -> str:
    return record.key[:END_TO_END_ID_LENGTH].decode("ascii", "replace")


def traceparent_of(record: Record) -> str:
    """The trace that a record belongs to; empty for none."""
    header = record.headers.get(HEADER_TRACEPARENT)
    return checked_traceparent(header.decode("ascii", "replace")) if header else ""


@contextmanager
def about(record: Record) -> Iterator[None]:
    """Lines of the log in the block name the transfer and the trace of the record."""
    with bound_contextvars(end_to_end_id=end_to_end_id_of(record)), within_trace(traceparent_of(record)):
        yield
