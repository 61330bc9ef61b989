"""CPU seconds and memory of the processes under measurement."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Self

import psutil  # type: ignore[import-untyped]

BYTES_PER_MB = 1_000_000


class CpuMeter:
    """Measures the CPU time of processes, with all that run below them, while its block lasts."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        """Process ids by the name under which they are reported."""
        self._processes = processes
        self._before: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.memory_mb: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._before = {name: cpu_seconds_of(pid) for name, pid in self._processes.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for name, pid in self._processes.items():
            self.cpu_seconds[name] = cpu_seconds_of(pid) - self._before[name]
            with contextlib.suppress(psutil.Error):
                self.memory_mb[name] = psutil.Process(pid).memory_info().rss // BYTES_PER_MB


def cpu_seconds_of(pid: int) -> float:
    """User and system time of a process and of its descendants, those that have ended too."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total
