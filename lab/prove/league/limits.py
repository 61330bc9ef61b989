"""What an entrant may take of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MEGABYTE: Final = 1024 * 1024
FILE_BYTES_MORE: Final = 256 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Limits:
    """Alike for every entrant of a league."""

    cpus: float = 1.0
    """Cores."""
    memory_mb: int = 512
    """Of all its processes together."""
    processes: int = 64
    """Processes under rlimits; processes and threads (tasks) under a cgroup get `TASKS_PER_PROCESS` times as many."""
    disk_mb: int = 256
    """In its data folder."""
    log_mb: int = 8
    """Of output; what exceeds it is dropped, and the entrant goes on."""

    @property
    def memory_bytes(self) -> int:
        return self.memory_mb * MEGABYTE

    @property
    def disk_bytes(self) -> int:
        return self.disk_mb * MEGABYTE

    @property
    def file_bytes(self) -> int:
        """Of a single file (RLIMIT_FSIZE). The log, which it bounds as well, is usually emptied earlier."""
        return self.disk_bytes + FILE_BYTES_MORE

    @property
    def log_bytes(self) -> int:
        return self.log_mb * MEGABYTE


CPUS_BOUNDS: Final = (0.1, 16.0)
BOUNDS: Final = {
    "memory_mb": (64, 16_384),
    "processes": (1, 1_000),
    "disk_mb": (16, 16_384),
    "log_mb": (1, 1_024),
}
"""The least and the most of each of the other limits."""
