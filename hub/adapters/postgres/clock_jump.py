"""How the network's clock is moved, on PostgreSQL."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from hub.application.ports import BankClock, ClockJump
from pix.participant.clock.model import ClockReport

_FIND: Final = text("SELECT target_ms, stopped_at_ms, given_up, is_done FROM clock_jump")
_SAVE: Final = text(
    "INSERT INTO clock_jump (target_ms, stopped_at_ms, given_up, is_done) "
    "VALUES (:target_ms, :stopped_at_ms, CAST(:given_up AS text[]), :is_done) "
    "ON CONFLICT (only_row) DO UPDATE SET target_ms = excluded.target_ms, stopped_at_ms = excluded.stopped_at_ms, "
    "given_up = excluded.given_up, is_done = excluded.is_done"
)
_PUT_REPORT: Final = text(
    "INSERT INTO clock_reports (ispb, instance, revision, open_ids, next_due_ms, reported_at_ms) "
    "VALUES (:ispb, :instance, :revision, CAST(:open_ids AS text[]), :next_due_ms, :reported_at_ms) "
    "ON CONFLICT (ispb, instance) DO UPDATE SET revision = excluded.revision, open_ids = excluded.open_ids, "
    "next_due_ms = excluded.next_due_ms, reported_at_ms = excluded.reported_at_ms"
)
_FORGET: Final = text("DELETE FROM clock_reports WHERE reported_at_ms < :before_ms OR reported_at_ms > :after_ms")
_REPORTS: Final = text(
    "SELECT ispb, instance, revision, open_ids, next_due_ms, reported_at_ms FROM clock_reports ORDER BY ispb, instance"
)


class PostgresClockJump:
    """See `hub.application.ports.ClockJumpRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self) -> ClockJump | None:
        row = self._connection.execute(_FIND).one_or_none()
        return None if row is None else ClockJump(row[0], row[1], tuple(row[2]), row[3])

    def save(self, jump: ClockJump) -> None:
        values = {
            "target_ms": jump.target_ms,
            "stopped_at_ms": jump.stopped_at_ms,
            "given_up": list(jump.given_up),
            "is_done": jump.is_done,
        }
        self._connection.execute(_SAVE, values)

    def put_report(self, report: BankClock) -> None:
        said = report.report
        values = {
            "ispb": report.ispb,
            "instance": said.instance,
            "revision": said.revision,
            "open_ids": list(said.open_ids),
            "next_due_ms": said.next_due_ms,
            "reported_at_ms": report.reported_at_ms,
        }
        self._connection.execute(_PUT_REPORT, values)

    def forget_reports(self, before_ms: int, after_ms: int) -> None:
        self._connection.execute(_FORGET, {"before_ms": before_ms, "after_ms": after_ms})

    def reports(self) -> list[BankClock]:
        return [
            BankClock(ispb, ClockReport(instance, revision, tuple(open_ids), next_due_ms), reported_at_ms)
            for ispb, instance, revision, open_ids, next_due_ms, reported_at_ms in self._connection.execute(_REPORTS)
        ]
