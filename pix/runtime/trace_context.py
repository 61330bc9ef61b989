"""The trace that the work at hand belongs to, in the form of the W3C's `traceparent`.

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
    """Of the work at hand; empty when it belongs to no trace."""
    return _current.get()


def trace_id_of(traceparent: str) -> str:
    """The 32 hexadecimal digits of the trace; empty for none."""
    return traceparent[3:35]


def checked_traceparent(text: str) -> str:
    """The text when it is a traceparent, else nothing: what came from outside is not believed to be one."""
    return text if len(text) == _FORM_LENGTH and _FORM.fullmatch(text) else ""


def note_for_request(name: str, value: str) -> None:
    """Tells whoever observes the request at hand what it was about; nobody, when there is no request."""
    notes = _request_notes.get()
    if notes is not None:
        notes[name] = value


@contextmanager
def taking_request_notes() -> Iterator[dict[str, str]]:
    """What is noted while the block runs, in whichever thread serves the request."""
    notes: dict[str, str] = {}
    token = _request_notes.set(notes)
    try:
        yield notes
    finally:
        _request_notes.reset(token)


def begin_trace(traceparent: str) -> Token[str]:
    """From now on what happens belongs to this trace, to none when it is empty; until `end_trace`."""
    return _current.set(traceparent)


def end_trace(token: Token[str]) -> None:
    """It belongs again to the trace of before."""
    _current.reset(token)


def begin_call(method: str, caller: str) -> Token[tuple[str, str] | None]:
    """From now on what happens is done for this caller of gRPC, and the log says so; until `end_call`."""
    return _call.set((method, caller))


def end_call(token: Token[tuple[str, str] | None]) -> None:
    """It is done for whoever it was done for before."""
    _call.reset(token)


def current_call() -> tuple[str, str] | None:
    """The method and the caller of the call at hand."""
    return _call.get()


@contextmanager
def within_trace(traceparent: str) -> Iterator[None]:
    """What happens in the block belongs to this trace; to none when it is empty."""
    token = begin_trace(traceparent)
    try:
        yield
    finally:
        end_trace(token)
