"""The operators' audit trail on PostgreSQL."""

from __future__ import annotations

from typing import Any

from hub.application.ports.trail import ENTRIES_KEPT_MAX, TrailFilter
from hub.domain.trail import Act, Author, Channel, TrailEntry
from pix.postgres.engine import is_storable
from pix.postgres.unit_of_work import PostgresRepository


class PostgresTrail(PostgresRepository):
    """See `hub.application.ports.trail.TrailRepository`."""

    def add(self, entry: TrailEntry) -> None:
        author = entry.author
        number = self._execute(
            "INSERT INTO operator_trail (at_ms, act, channel, author, address, code, subject, amount_centavos, detail) "
            "VALUES (:at_ms, :act, :channel, :author, :address, :code, :subject, :amount_centavos, :detail) "
            "RETURNING number",
            at_ms=entry.at_ms,
            act=entry.act.value,
            channel=author.channel.value,
            author=author.name,
            address=author.address,
            code=entry.code,
            subject=entry.subject,
            amount_centavos=entry.amount_centavos,
            detail=entry.detail,
        ).scalar_one()
        self._execute("DELETE FROM operator_trail WHERE number <= :number", number=number - ENTRIES_KEPT_MAX)

    def list(self, narrow: TrailFilter) -> list[TrailEntry]:
        if not is_storable(narrow.code):
            return []
        conditions, values = ["true"], dict[str, Any](size=narrow.size)
        for name, condition, value in (
            ("code", "code = :code", narrow.code or None),
            ("act", "act = :act", None if narrow.act is None else narrow.act.value),
            ("before", "number < :before", narrow.before),
        ):
            if value is not None:
                conditions.append(condition)
                values[name] = value
        rows = self._execute(
            "SELECT number, at_ms, act, channel, author, address, code, subject, amount_centavos, detail "  # noqa: S608 - constants
            f"FROM operator_trail WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT :size",
            **values,
        )
        return [
            TrailEntry(at_ms, Act(act), Author(Channel(channel), name, address), code, subject, amount, detail, number)
            for number, at_ms, act, channel, name, address, code, subject, amount, detail in rows
        ]
