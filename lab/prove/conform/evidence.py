"""What was sent to a bank and what came from it during a case, within bounds."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from typing import Any, Final

ENTRIES_MAX: Final = 60
"""Of a case. The first ones are kept: they show how it began."""
TEXT_LENGTH_MAX: Final = 1_500


class Way(StrEnum):
    SENT = "sent"
    CAME = "came"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Entry:
    at_ms: int
    """Since the case began."""
    way: Way
    what: str
    """`TransferOffered`, `POST /contract/v1/transfers`, or a note in words."""
    text: str = ""
    """The content."""


class Evidence:
    """The entries of one case. Thread-safe."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._entries: list[Entry] = []
        self._left_out = 0
        self._lock = threading.Lock()

    def add(self, way: Way, what: str, content: object = "", *, at: float | None = None) -> None:
        """`at` is a monotonic time; None: now."""
        text = content if isinstance(content, str) else as_json(content)
        if len(text) > TEXT_LENGTH_MAX:
            text = f"{text[:TEXT_LENGTH_MAX]}… ({len(text)} characters)"
        at_ms = round(((time.monotonic() if at is None else at) - self._began) * 1000)
        with self._lock:
            if len(self._entries) < ENTRIES_MAX:
                self._entries.append(Entry(max(0, at_ms), way, what, text))
            else:
                self._left_out += 1

    def note(self, sentence: str) -> None:
        self.add(Way.NOTE, sentence)

    def entries(self) -> tuple[Entry, ...]:
        """In the order of time."""
        with self._lock:
            entries = sorted(self._entries, key=lambda entry: entry.at_ms)
            if self._left_out:
                entries.append(Entry(entries[-1].at_ms, Way.NOTE, f"{self._left_out} more are left out"))
        return tuple(entries)


def as_json(content: object) -> str:
    """A message, a document or bytes, on one line."""
    return json.dumps(_plain(content), ensure_ascii=False, default=str)


def _plain(content: Any) -> Any:
    if isinstance(content, Enum):
        return content.value
    if is_dataclass(content) and not isinstance(content, type):
        found = {field.name: _plain(getattr(content, field.name)) for field in fields(content)}
        return {name: value for name, value in found.items() if value not in ("", None)}
    if isinstance(content, bytes):
        return content.hex()
    if isinstance(content, dict):
        return {str(name): _plain(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return content
