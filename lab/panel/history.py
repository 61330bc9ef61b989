"""The runs of the panel's scenarios and audits: kept in the network's folder, so that they outlive the lab."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from pix.runtime.logs import logger

RUNS_KEPT_MAX: Final = 200
RUN_BYTES_MAX: Final = 4 * 1024 * 1024

log = logger(__name__)


class RunHistory:
    """Thread-safe. A folder that cannot be written loses the history and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "runs"
        self._lock = threading.Lock()

    def add(self, document: Mapping[str, Any]) -> int:
        """The number under which a run is kept; the oldest beyond `RUNS_KEPT_MAX` are forgotten."""
        with self._lock:
            number = max(self._numbers(), default=0) + 1
            text = json.dumps({**document, "number": number}, ensure_ascii=False)
            if len(text) > RUN_BYTES_MAX:
                log.warning("a run is too large to be kept", number=number)
                return number
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._path(number).write_text(text, encoding="utf-8")
                for old in self._numbers():
                    if old <= number - RUNS_KEPT_MAX:
                        self._path(old).unlink(missing_ok=True)
            except OSError as error:
                log.warning("a run cannot be kept", number=number, error=str(error))
            return number

    def list(self) -> Sequence[Mapping[str, Any]]:
        """Newest first."""
        found = (self.find(number) for number in sorted(self._numbers(), reverse=True))
        return [each for each in found if each is not None]

    def find(self, number: int) -> Mapping[str, Any] | None:
        """One of them; None when it is not there, or is no run."""
        try:
            document = json.loads(self._path(number).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        is_run = isinstance(document, dict) and document.get("number") == number
        return cast("Mapping[str, Any]", document) if is_run else None

    @property
    def version(self) -> int:
        """The number of the newest run; 0 without one."""
        return max(self._numbers(), default=0)

    def _numbers(self) -> Sequence[int]:
        try:
            names = [path.stem for path in self._folder.iterdir() if path.suffix == ".json"]
        except OSError:
            return ()
        return [int(name) for name in names if name.isascii() and name.isdigit() and len(name) <= 9]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.json"
