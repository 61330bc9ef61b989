"""An entrant's bank as a child of the lab: confined, restarted when it ends, and watched."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

from lab.network.parts.errors import PartError
from lab.network.parts.process import ChildProcess, describe_exit_code
from lab.prove.league.confinement import Confinement
from lab.prove.league.entrants import Entrant
from lab.prove.league.limits import MEGABYTE, Limits
from pix.web.marks import translatable

WATCH_SECONDS: Final = 0.2
STOP_GRACE_SECONDS: Final = 3.0
"""After the judgement; a bank that takes longer is killed."""
RESTARTS_MAX: Final = 5
"""Of a bank that ends unexpectedly; then it stays down."""
DISK_EACH_LOOKS: Final = 5
"""The data folder is looked at each second."""
DISK_ENTRIES_MAX: Final = 10_000
LOG_LINES_SHOWN: Final = 6
LOG_LINE_LENGTH_MAX: Final = 120

ENDED_NOTE: Final = translatable("ended unexpectedly: {}")
OUTPUT_NOTE: Final = translatable("wrote too much output; {} MB of it were dropped")
GAVE_UP_NOTE: Final = translatable("was not started again after it had ended {} times")
DISK_NOTE: Final = translatable("exceeded {} MB of disk; kills: {}")


class EntrantProcess:
    """Thread-safe. `close` must be called."""

    def __init__(
        self,
        entrant: Entrant,
        limits: Limits,
        confinement: Confinement,
        environment: Callable[[], Mapping[str, str]],
        data_folder: Path,
        log_file: Path,
    ) -> None:
        self._entrant = entrant
        self._limits = limits
        self._confinement = confinement
        self._environment = environment
        self._data_folder = data_folder
        self._log_file = log_file
        self._child = ChildProcess(log_file.stem, STOP_GRACE_SECONDS)
        self._acting = threading.Lock()
        """One of us at a time starts or ends it."""
        self._is_held = True
        self._ends = threading.Event()
        self._watch = threading.Thread(target=self._run, daemon=True)
        self._endings: list[str] = []
        self._dropped_bytes = 0
        self._disk_kills = 0
        self._gave_up = ""
        self._cpu_seconds: dict[tuple[int, float], float] = {}
        self.memory_peak_bytes = 0

    @property
    def cpu_seconds(self) -> float:
        """Of all its processes in all its lives, as far as they were seen."""
        return sum(self._cpu_seconds.values())

    @property
    def is_down_for_good(self) -> bool:
        """It has ended unexpectedly too often, or cannot be started."""
        return bool(self._gave_up)

    def start(self) -> None:
        """Starts it for the first time, and watches it from then on."""
        self._launch()
        self._watch.start()

    def kill(self) -> None:
        """SIGKILL; it stays down until `revive`."""
        with self._acting:
            self._is_held = True
            self._child.kill()

    def revive(self) -> None:
        """Starts it again, unless it has been given up."""
        if not self._gave_up:
            self._launch()

    def freeze(self) -> None:
        """SIGSTOP, as long as it runs. Raises `PartError` when it does not stand still."""
        with self._acting:
            self._child.freeze()

    def thaw(self) -> None:
        with self._acting:
            self._child.thaw()

    def close(self) -> None:
        """Ends it, and removes its cgroup."""
        self._ends.set()
        if self._watch.ident is not None:
            self._watch.join()
        with self._acting:
            self._is_held = True
            self._child.retire()
            try:
                self._child.stop()
            finally:
                self._confinement.close()

    def log_tail(self) -> list[str]:
        """The last lines of its output, each cut to a length that fits a report."""
        return [line[:LOG_LINE_LENGTH_MAX] for line in self._child.log_tail(LOG_LINES_SHOWN).splitlines()]

    def notes(self) -> list[str]:
        """What went wrong with the process, for the report."""
        notes = list(self._confinement.notes())
        if self._disk_kills:
            notes.append(DISK_NOTE.format(self._limits.disk_mb, self._disk_kills))
        if self._endings:
            counts = {ending: self._endings.count(ending) for ending in dict.fromkeys(self._endings)}
            said = ", ".join(ending if count == 1 else f"{ending} ({count} times)" for ending, count in counts.items())
            notes.append(ENDED_NOTE.format(said))
        if self._gave_up:
            notes.append(self._gave_up)
        if self._dropped_bytes:
            notes.append(OUTPUT_NOTE.format(self._dropped_bytes // MEGABYTE + 1))
        return notes

    def _launch(self, *, again: bool = False) -> None:
        """`again`: it has ended unexpectedly, and is left down if it was killed for a fault meanwhile."""
        with self._acting:
            if self._child.is_running() or (again and self._is_held):
                return
            self._is_held = False
            command = self._confinement.wrap(self._entrant.program)
            try:
                self._child.start(command, self._environment(), self._log_file, working_folder=self._entrant.folder)
            except PartError as error:
                self._is_held = True
                self._gave_up = str(error).splitlines()[0]

    def _run(self) -> None:
        looks = 0
        while not self._ends.wait(WATCH_SECONDS):
            looks += 1
            # An action on it is in progress.
            if not self._acting.acquire(blocking=False):
                continue
            try:
                ended = not self._is_held and not self._child.is_running()
                if not ended and not self._is_held:
                    self._look(looks)
            finally:
                self._acting.release()
            if ended:
                self._restart()

    def _restart(self) -> None:
        # It wrote faster than we look, so that a write to the log failed: our limit, and no fault of the bank's.
        if self._bound_log() >= self._limits.file_bytes:
            self._launch(again=True)
            return
        self._endings.append(describe_exit_code(self._child.exit_code))
        if len(self._endings) > RESTARTS_MAX:
            self._is_held = True
            self._gave_up = GAVE_UP_NOTE.format(len(self._endings))
            return
        self._launch(again=True)

    def _look(self, looks: int) -> None:
        family = self._family()
        used = 0
        for process in family:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self._cpu_seconds[process.pid, process.create_time()] = times.user + times.system
                used += process.memory_info().rss
        self.memory_peak_bytes = max(self.memory_peak_bytes, used)
        self._bound_log()
        is_full = looks % DISK_EACH_LOOKS == 0 and folder_bytes(self._data_folder) > self._limits.disk_bytes
        self._disk_kills += is_full
        if is_full or self._confinement.excess(family) is not None:
            self._child.kill()

    def _family(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self._child.pid)
            return [process, *process.children(recursive=True)]
        except (psutil.Error, PartError):
            return []

    def _bound_log(self) -> int:
        """Empties a log that has grown too long: the bank appends to it, and goes on at its new end.

        Returns how many bytes it had.
        """
        try:
            size = self._log_file.stat().st_size
            if size > self._limits.log_bytes:
                os.truncate(self._log_file, 0)
                self._dropped_bytes += size
        except OSError:
            return 0
        return size


@contextmanager
def data_folder(folder: Path, user: str | None) -> Iterator[Path]:
    """A new folder for an entrant's data: below the network's, or for another user in a place where they may go."""
    if user is None:
        made = folder / "data"
        made.mkdir()
        yield made
        return
    with tempfile.TemporaryDirectory(prefix="codepix-bank-", ignore_cleanup_errors=True) as temporary:
        shutil.chown(temporary, user)
        yield Path(temporary)


def folder_bytes(folder: Path) -> int:
    """What the files in a folder take; of a folder with very many files, what the first ones take."""
    total = 0
    seen = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            seen += 1
            if seen > DISK_ENTRIES_MAX:
                return total
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).lstat().st_size
    return total
