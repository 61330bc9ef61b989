"""Retention: moves the histories of old, finished rows to an archive, batch by batch.

The row stays, with its id, content, outcome and times: a duplicate is still found out (`DUPL`), lists and the audit are
as before, and postings are never touched. Only the steps go.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

from pix.runtime.clock import SchemeClock
from pix.scheme.errors import SchemeError
from pix.scheme.retention import HistoryBatch, Place, archive_before_ms

ROWS_PER_BATCH: Final = 2_000
"""Examined in one transaction."""


class Histories(Protocol):
    """The histories of a participant's flows. Methods raise `pix.runtime.outages.DatabaseUnavailable`."""

    @property
    def flows(self) -> Sequence[str]: ...

    def batch(self, flow: str, before_ms: int, after: Place | None, size: int) -> AbstractContextManager[HistoryBatch]:
        """At most `size` rows that began before a time, locked until the block ends, which commits what it dropped.

        Only rows that are finished before `before_ms`, owe no message and have no open return are in its lines.
        """

    def archived_at_ms(self, flow: str, *row_id: str) -> int | None:
        """When a row's history was archived; None when it was not."""


class NoHistories:
    """The histories of a participant whose rows are in memory: nothing is archived."""

    flows: Sequence[str] = ()

    def batch(
        self,
        flow: str,
        before_ms: int,  # noqa: ARG002 - the port's, as the next two
        after: Place | None,  # noqa: ARG002
        size: int,  # noqa: ARG002
    ) -> AbstractContextManager[HistoryBatch]:
        raise LookupError(f"{flow}: no histories of this flow are stored")

    def archived_at_ms(self, flow: str, *row_id: str) -> int | None:  # noqa: ARG002 - the port's
        return None


NO_HISTORIES: Final = NoHistories()


class Archive(Protocol):
    def write(self, flow: str, lines: Iterable[str]) -> None:
        """Stores the lines durably, before it returns. Raises SchemeError when it cannot."""


class ArchiveFolder:
    """Compressed files of JSON lines in a folder, one for each batch."""

    def __init__(self, folder: Path, service: str) -> None:
        """The folder is made when it is first needed."""
        self._folder = folder
        self._service = service

    def write(self, flow: str, lines: Iterable[str]) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        file = self._folder / f"{self._service}-{flow}s-{moment}-{uuid4().hex[:8]}.jsonl.gz"
        draft = file.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with draft.open("xb") as stream:
                with gzip.GzipFile(fileobj=stream, mode="wb", filename="") as packed:
                    packed.writelines(f"{line}\n".encode() for line in lines)
                stream.flush()
                os.fsync(stream.fileno())
            draft.rename(file)
            _sync_folder(self._folder)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise SchemeError("ARCHIVE_FOLDER", f"cannot write to {self._folder}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    """Makes the name of a new file durable too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class ArchiveHistories:
    """Archives what is old enough. A file is durable before the database drops what is in it.

    A crash between the two leaves a file whose steps are archived once more: twice in the archive, and never in none.
    Replicas may run it at the same time: each skips the rows that another holds.
    """

    def __init__(self, histories: Histories, archive: Archive, scheme_clock: SchemeClock, days: int) -> None:
        self._histories = histories
        self._archive = archive
        self._scheme_clock = scheme_clock
        self._days = days

    def __call__(self) -> int:
        """The number of histories that it has moved. Raises SchemeError("ARCHIVE_FOLDER"), DatabaseUnavailable."""
        now_ms = self._scheme_clock.now_ms()
        before_ms = archive_before_ms(now_ms, self._days)
        return sum(self._archive_flow(flow, before_ms, now_ms) for flow in self._histories.flows)

    def _archive_flow(self, flow: str, before_ms: int, now_ms: int) -> int:
        moved, after = 0, None
        while True:
            with self._histories.batch(flow, before_ms, after, ROWS_PER_BATCH) as batch:
                if batch.lines:
                    self._archive.write(flow, batch.lines)
                    batch.drop(now_ms)
                    moved += len(batch.lines)
                after = batch.last
            if after is None:
                return moved
