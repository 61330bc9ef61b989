"""How an entrant is kept within its limits: by a cgroup where the system lets us, else by rlimits and a look at it."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Final, Protocol

import psutil  # type: ignore[import-untyped]

from lab.prove.league import confined
from lab.prove.league.limits import MEGABYTE, Limits
from pix.web.marks import translatable

CGROUP_ROOT: Final = Path("/sys/fs/cgroup")
CONTROLLERS: Final = ("cpu", "memory", "pids")
PERIOD_MICROSECONDS: Final = 100_000
TASKS_PER_PROCESS: Final = 16
"""A cgroup counts threads as well, of which a runtime may have some dozens."""
DATA_BYTES_MORE: Final = 2_048 * MEGABYTE
"""RLIMIT_DATA counts what a runtime reserves for stacks and heaps and never touches; what it uses is looked at."""
REMOVE_ATTEMPTS_MAX: Final = 50
REMOVE_PAUSE_SECONDS: Final = 0.02


MEMORY_NOTE: Final = translatable("exceeded {} MB of memory; kills: {}")
PROCESSES_NOTE: Final = translatable("exceeded {} processes; kills: {}")
TASKS_NOTE: Final = translatable("wanted more than {} processes and threads; refusals: {}")


class Excess(Enum):
    MEMORY = auto()
    PROCESSES = auto()


class Confinement(Protocol):
    """The limits of one entrant in one league."""

    def wrap(self, command: Sequence[str]) -> list[str]:
        """The command that runs this one under the limits."""

    def excess(self, family: Sequence[psutil.Process]) -> Excess | None:
        """Which limit these processes exceed, and must therefore be ended; None where the system sees to it."""

    def notes(self) -> list[str]:
        """What the system has done, for the report."""

    def close(self) -> None:
        """Removes what was made for it; its processes have ended."""


class Confiner(Protocol):
    """A way to confine. `name` is shown in the report, with `why`, the reason for this way."""

    name: str
    why: str
    user: str | None
    """The system user whom the entrants run as; None: the one who runs the league."""

    def confine(self, name: str) -> Confinement: ...

    def close(self) -> None: ...


def choose_confiner(limits: Limits, user: str | None = None, root: Path = CGROUP_ROOT) -> Confiner:
    """Cgroups (version 2) where this process may make them, else rlimits. `user` is the system user to run as."""
    why_not = _why_no_cgroup(root)
    if why_not is None:
        try:
            return CgroupConfiner(limits, user, root)
        except OSError as error:
            why_not = f"{error.filename or root}: {error.strerror}"
    return RlimitConfiner(limits, user, why_not)


def _why_no_cgroup(root: Path) -> str | None:
    if sys.platform != "linux":
        return "only Linux has cgroups"
    if os.geteuid() != 0:
        return "only root can make a cgroup"
    try:
        available = (root / "cgroup.controllers").read_text().split()
    except OSError:
        return f"{root} is no cgroup of version 2"
    missing = [name for name in CONTROLLERS if name not in available]
    return f"the cgroup of version 2 has no controller {', '.join(missing)}" if missing else None


class CgroupConfiner:
    name = "cgroup v2"

    def __init__(self, limits: Limits, user: str | None, root: Path) -> None:
        """Raises OSError where the cgroup cannot be made."""
        self.why = "run as root on a system with cgroups of version 2"
        self._limits = limits
        self.user = user
        self._folder = root / f"codepix-league-{os.getpid()}"
        wanted = " ".join(f"+{name}" for name in CONTROLLERS)
        (root / "cgroup.subtree_control").write_text(wanted)
        self._folder.mkdir()
        try:
            (self._folder / "cgroup.subtree_control").write_text(wanted)
        except OSError:
            self._folder.rmdir()
            raise

    def confine(self, name: str) -> Confinement:
        return CgroupConfinement(self._folder / name, self._limits, self.user)

    def close(self) -> None:
        _remove_cgroup(self._folder)


class CgroupConfinement:
    def __init__(self, folder: Path, limits: Limits, user: str | None) -> None:
        self._folder = folder
        self._limits = limits
        self._user = user
        folder.mkdir()
        quota = round(limits.cpus * PERIOD_MICROSECONDS)
        (folder / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
        (folder / "memory.max").write_text(str(limits.memory_bytes))
        (folder / "pids.max").write_text(str(limits.processes * TASKS_PER_PROCESS))
        # Absent where the system has no swap.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            (folder / "memory.swap.max").write_text("0")

    def wrap(self, command: Sequence[str]) -> list[str]:
        options = ["--cgroup", str(self._folder), "--file", str(self._limits.file_bytes)]
        return _wrapped(options, self._user, command)

    def excess(self, family: Sequence[psutil.Process]) -> Excess | None:  # noqa: ARG002 - as the protocol has it
        return None

    def notes(self) -> list[str]:
        notes = []
        if killed := self._counted("memory.events", "oom_kill"):
            notes.append(MEMORY_NOTE.format(self._limits.memory_mb, killed))
        if refused := self._counted("pids.events", "max"):
            notes.append(TASKS_NOTE.format(self._limits.processes * TASKS_PER_PROCESS, refused))
        return notes

    def _counted(self, file: str, event: str) -> int:
        try:
            lines = (self._folder / file).read_text().splitlines()
        except OSError:
            return 0
        return sum(int(count) for name, _, count in (line.partition(" ") for line in lines) if name == event)

    def close(self) -> None:
        _remove_cgroup(self._folder)


class RlimitConfiner:
    name = "rlimits"

    def __init__(self, limits: Limits, user: str | None, why: str) -> None:
        self.why = why
        self.user = user
        self._limits = limits

    def confine(self, name: str) -> Confinement:  # noqa: ARG002 - as the protocol has it
        return RlimitConfinement(self._limits, self.user)

    def close(self) -> None:
        """There is nothing to remove."""


class RlimitConfinement:
    """Bounds what one process reserves and writes, keeps to some cores, and ends a family that grows too large."""

    def __init__(self, limits: Limits, user: str | None) -> None:
        self._limits = limits
        self._user = user
        self._exceeded: Counter[Excess] = Counter()

    def wrap(self, command: Sequence[str]) -> list[str]:
        limits = self._limits
        options = [
            "--cores",
            str(math.ceil(limits.cpus)),
            "--data",
            str(limits.memory_bytes + DATA_BYTES_MORE),
            "--file",
            str(limits.file_bytes),
        ]
        return _wrapped(options, self._user, command)

    def excess(self, family: Sequence[psutil.Process]) -> Excess | None:
        if len(family) > self._limits.processes:
            return self._note(Excess.PROCESSES)
        used = 0
        for process in family:
            with contextlib.suppress(psutil.Error):
                used += process.memory_info().rss
        return self._note(Excess.MEMORY) if used > self._limits.memory_bytes else None

    def _note(self, excess: Excess) -> Excess:
        self._exceeded[excess] += 1
        return excess

    def notes(self) -> list[str]:
        notes = {
            Excess.MEMORY: MEMORY_NOTE.format(self._limits.memory_mb, self._exceeded[Excess.MEMORY]),
            Excess.PROCESSES: PROCESSES_NOTE.format(self._limits.processes, self._exceeded[Excess.PROCESSES]),
        }
        return [notes[each] for each in self._exceeded if self._exceeded[each]]

    def close(self) -> None:
        """There is nothing to remove."""


def _wrapped(options: Sequence[str], user: str | None, command: Sequence[str]) -> list[str]:
    as_user = [] if user is None else ["--user", user]
    return [sys.executable, "-P", confined.__file__, *options, *as_user, "--", *command]


def _remove_cgroup(folder: Path) -> None:
    """A cgroup is busy for a moment after its last process has ended; one that stays busy is left."""
    for _ in range(REMOVE_ATTEMPTS_MAX):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(REMOVE_PAUSE_SECONDS)
        else:
            return
