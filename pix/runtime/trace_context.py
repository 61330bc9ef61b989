"""The current trace, as a W3C `traceparent`.

It is a context variable, so it follows a request into the threads that serve it, and the log reads the trace id there.
A service that traces nothing still hands on the traceparent that it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Final

TRACEPARENT: Final = "traceparent"
"""Its name as a header of HTTP and of Kafka, and in the metadata of gRPC."""

END_TO_END_ID: Final = "end_to_end_id"
"""Its name as a field of the log, as a part of paths, and as a note about a request."""

_FORM: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_FORM_LENGTH: Final = 55

_request_notes: Final[ContextVar[dict[str, str] | None]] = ContextVar("request_notes", default=None)
_current: Final[ContextVar[str]] = ContextVar("traceparent", default="")
_call: Final[ContextVar[tuple[str, str] | None]] = ContextVar("call", default=None)


def current_traceparent() -> str:
    """Empty outside of any trace."""
    return _current.get()


def trace_id_of(traceparent: str) -> str:
    """The 32 hexadecimal digits of the trace; empty for none."""
    return traceparent[3:35]


def checked_traceparent(text: str) -> str:
    """The text if it is a well-formed traceparent, else an empty text; for input from outside."""
    return text if len(text) == _FORM_LENGTH and _FORM.fullmatch(text) else ""


def note_for_request(name: str, value: str) -> None:
    """Adds a field to the log line and the span of the current request; without one, does nothing."""
    notes = _request_notes.get()
    if notes is not None:
        notes[name] = value


@contextmanager
def taking_request_notes() -> Iterator[dict[str, str]]:
    """The notes of the block, from any thread that serves the request."""
    notes: dict[str, str] = {}
    token = _request_notes.set(notes)
    try:
        yield notes
    finally:
        _request_notes.reset(token)


def begin_trace(traceparent: str) -> Token[str]:
    """Sets the current trace, until `end_trace`; empty for none."""
    return _current.set(traceparent)


def end_trace(token: Token[str]) -> None:
    _current.reset(token)


def begin_call(method: str, caller: str) -> Token[tuple[str, str] | None]:
    """Sets the current gRPC call, which log lines name, until `end_call`."""
    return _call.set((method, caller))


def end_call(token: Token[tuple[str, str] | None]) -> None:
    _call.reset(token)


def current_call() -> tuple[str, str] | None:
    """Method and caller of the current gRPC call."""
    return _call.get()


@contextmanager
def within_trace(traceparent: str) -> Iterator[None]:
    """The block as part of this trace; empty for none."""
    token = begin_trace(traceparent)
    try:
        yield
    finally:
        end_trace(token)
