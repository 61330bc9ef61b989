"""Rows on disk, so that memory does not grow with a network's history: sorted, and read batch by batch."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

BATCH_BYTES: Final = 64 * 1024
RUN_ROWS: Final = 50_000
"""So many rows are sorted in memory at once."""
LINE_BYTES_MAX: Final = 64 * 1024
FILE_BYTES_MAX: Final = 16 * 1024**3
"""A hundred million rows."""

Row_co = TypeVar("Row_co", covariant=True)
Values = Sequence[Any]


class Unfit(Exception):
    """A file is not what it should be; the text can be shown as it is."""


class SpilledRows(Generic[Row_co]):
    """The rows of a file of JSON arrays, one on a line; may be read more than once.

    Iterating raises `Unfit` for a line that has other values than `types`.
    """

    def __init__(self, file: Path, name: str, types: Any, make: Callable[[Values], Row_co], header: int = 0) -> None:
        """`types` is the type of a row's values, `header` the bytes before the first row, and `name` is for errors."""
        self._file = file
        self._name = name
        self._batches: TypeAdapter[list[Values]] = TypeAdapter(list[types])
        self._make = make
        self._header = header

    def __iter__(self) -> Iterator[Row_co]:
        with self._file.open("rb") as stream:
            stream.seek(self._header)
            # Line feeds between values are blanks to JSON.
            while lines := stream.readlines(BATCH_BYTES):
                try:
                    rows = self._batches.validate_json(b"[" + b",".join(lines) + b"]")
                except ValidationError as error:
                    what = error.errors(include_url=False, include_input=False)[0]["msg"]
                    raise Unfit(f"{self._name} has a row that does not fit: {what}") from None
                yield from map(self._make, rows)


def read_first_line(file: Path) -> bytes:
    """With its end."""
    with file.open("rb") as stream:
        return stream.readline(LINE_BYTES_MAX)


def write_bytes(file: Path, pieces: Iterable[bytes], name: str) -> None:
    """Writes what comes, as it comes. Raises `Unfit` for long lines, and beyond `FILE_BYTES_MAX`."""
    written = unbroken = 0
    with file.open("wb") as stream:
        for piece in pieces:
            written += len(piece)
            unbroken = unbroken + len(piece) if b"\n" not in piece else 0
            if written > FILE_BYTES_MAX:
                raise Unfit(f"{name} has more than {FILE_BYTES_MAX // 1024**3} GiB")
            if unbroken > LINE_BYTES_MAX:
                raise Unfit(f"{name} has a line of more than {LINE_BYTES_MAX} bytes")
            stream.write(piece)


def write_sorted(file: Path, rows: Iterable[Values], key: Callable[[Values], Any]) -> None:
    """Writes rows of any order in that of `key`: sorted runs on disk, which are merged."""
    runs: list[Path] = []
    whole = iter(rows)
    while run := sorted(islice(whole, RUN_ROWS), key=key):
        runs.append(file.with_suffix(f".run{len(runs)}"))
        _write_rows(runs[-1], run)
    _write_rows(file, heapq.merge(*map(_read_rows, runs), key=key))
    for each in runs:
        each.unlink()


def _write_rows(file: Path, rows: Iterable[Values]) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _read_rows(file: Path) -> Iterator[Values]:
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)
