"""A page's event stream, as a browser holds it open while its page is shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import gevent

from loadtest.users.load_run import VisitFailed

EVENT_END: Final = b"\n\n"


def read_events(client: Any, address: str, name: str, seconds: float) -> Iterator[tuple[str, str]]:
    """The events of the stream, each with its name and its data, until it ends or the time is over.

    The server looks whether anything has changed and says so at once: who looks asks nothing again. Raises
    `VisitFailed` when the stream cannot be had.
    """
    deadline = time.perf_counter() + seconds
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
    with client.get(address, name=name, headers=headers, stream=True, catch_response=True) as response:
        if response.status_code != HTTPStatus.OK:
            response.failure(f"{response.status_code or response.error!r}")
            raise VisitFailed
        response.success()
        stream = response.stream
    try:
        while (left := deadline - time.perf_counter()) > 0:
            block = b""
            with gevent.Timeout(left, False):
                block = stream.readline(EVENT_END)
            if not block:
                return
            event = _parse(block.decode("utf-8", "replace"))
            if event is not None:
                yield event
    finally:
        # Read to its end or not: a stream that was left open would be polled for on the other side.
        stream.release()


def _parse(block: str) -> tuple[str, str] | None:
    """An event; None for what only keeps the connection alive."""
    name, data = "message", []
    for line in block.splitlines():
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return (name, "\n".join(data)) if data or name != "message" else None
