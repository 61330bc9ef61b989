"""Names the transfer or return, and the trace, of a record in the lines of the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from structlog.contextvars import bound_contextvars

from pix.runtime.trace_context import checked_traceparent, within_trace
from pix.wire.record import HEADER_TRACEPARENT, Record

ID_LENGTH: Final = 32
"""Of an end-to-end id and of a return id; a longer key is cut before it is written down."""


def id_of(record: Record) -> str:
    """The id of the transfer or return that a record is about: its key."""
    return record.key[:ID_LENGTH].decode("ascii", "replace")


def name_of_id(row_id: str) -> str:
    """How lines and spans call an id: a return's begins with D, as pacs.004 has it."""
    return "return_id" if row_id.startswith("D") else "end_to_end_id"


def traceparent_of(record: Record) -> str:
    """The trace that a record belongs to; empty for none."""
    header = record.headers.get(HEADER_TRACEPARENT)
    return checked_traceparent(header.decode("ascii", "replace")) if header else ""


@contextmanager
def about(record: Record) -> Iterator[None]:
    """Lines of the log in the block name the transfer or return, and the trace, of the record."""
    row_id = id_of(record)
    with bound_contextvars(**{name_of_id(row_id): row_id}), within_trace(traceparent_of(record)):
        yield
