"""The role that archives old histories; see `pix.participant.retention`."""

from __future__ import annotations

from typing import Final

from pix.participant.process import Role
from pix.participant.retention import ArchiveHistories
from pix.participant.scheduler import PeriodicTask, repeat
from pix.runtime.logs import logger

ARCHIVE_SECONDS: Final = 6 * 3_600.0
"""Between two runs."""

log = logger(__name__)


def archive_role(archive_histories: ArchiveHistories) -> Role:
    """Archives at its start and then every few hours."""

    def archive() -> None:
        if moved := archive_histories():
            log.info("archived histories", histories=moved)

    return lambda stop: repeat((PeriodicTask("archive", archive, ARCHIVE_SECONDS),), stop)
