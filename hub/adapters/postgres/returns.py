"""The hub's returns on PostgreSQL. They are fewer than the transfers: every row is locked and read, none is cached."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from sqlalchemy import Connection, text

from hub.application.ports import Found, RowChange
from hub.application.ports.returns import ReturnFilter
from hub.domain.flows.returns.model import (
    NAME,
    RETURNED_PREFIX,
    HistoryStep,
    Return,
    Returned,
    ReturnStatus,
    Trigger,
)
from pix.postgres.bulk import execute_bulk, fetch_bulk, number_array, text_array, word_array
from pix.postgres.engine import is_storable
from pix.postgres.exports import ExportedTable
from pix.postgres.prepared import quoted_element
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.exports import EXPORTED_BY_HUB, ExportKey, ExportPage
from pix.scheme.flows import Step
from pix.scheme.messages import Party, Side
from pix.scheme.reasons import ReasonCode

_PARTY: Final = ("ispb", "branch", "account_number", "name", "tax_id_masked")


def _of_party(side: str, attribute: str) -> Callable[[Return], str | None]:
    def value(row: Return) -> str | None:
        party = row.payer if side == "payer" else row.payee
        return None if party is None else str(getattr(party, attribute))

    return value


def _of(attribute: str) -> Callable[[Return], Any]:
    def value(row: Return) -> Any:
        return getattr(row, attribute)

    return value


_WRITTEN_ONCE: Final[Mapping[str, tuple[str, Callable[[Return], Any]]]] = {
    "return_id": ("text", _of("return_id")),
    "original_end_to_end_id": ("text", _of("original_end_to_end_id")),
    "amount_centavos": ("bigint", _of("amount_centavos")),
    "return_reason": ("text", _of("return_reason")),
    **{f"payer_{name}": ("text", _of_party("payer", name)) for name in _PARTY},
    **{f"payee_{name}": ("text", _of_party("payee", name)) for name in _PARTY},
    "description": ("text", _of("description")),
    "requested_at_ms": ("bigint", _of("requested_at_ms")),
    "received_at_ms": ("bigint", _of("received_at_ms")),
    "offered_at_ms": ("bigint", _of("offered_at_ms")),
    "traceparent": ("text", _of("traceparent")),
    "received_real_at_ms": ("bigint", _of("received_real_at_ms")),
}
"""Columns that never change: type, and value of a row."""
_UPDATED: Final[Mapping[str, tuple[str, Callable[[Return], Any]]]] = {
    "status": ("text", _of("status")),
    "reason": ("text", _of("reason")),
    **{
        name: ("bigint", _of(name))
        for name in (
            "decided_at_ms",
            "payer_processed_at_ms",
            "payee_processed_at_ms",
            "closed_at_ms",
            "resend_at_ms",
        )
    },
    **{name: ("integer", _of(name)) for name in ("resend_count", "resends", "duplicates", "refusals")},
}
"""Columns that change after the row is made."""

_ADDED: Final = {**_WRITTEN_ONCE, **_UPDATED}
_CHANGED: Final = {"return_id": _WRITTEN_ONCE["return_id"], **_UPDATED}


def _arrays(columns: Mapping[str, tuple[str, Any]]) -> str:
    return ", ".join(f"%({name})s::{kind}[]" for name, (kind, _) in columns.items())


_INSERT: Final = (
    # In the order of the ids, so that two replicas with the same new rows wait for each other in one direction only.
    f"INSERT INTO returns ({', '.join(_ADDED)}, history) "  # noqa: S608 - names are constants of this module
    f"SELECT * FROM unnest({_arrays(_ADDED)}, %(history)s::text[]) ORDER BY 1"
)
_UPDATE: Final = (
    f"UPDATE returns AS r SET {', '.join(f'{name} = v.{name}' for name in _UPDATED)}, "  # noqa: S608 - the same
    f"history = r.history || v.history FROM unnest({_arrays(_CHANGED)}, %(history)s::text[]) "
    f"AS v({', '.join(_CHANGED)}, history) WHERE r.return_id = v.return_id"
)
_READ: Final = ", ".join(
    (
        "return_id, original_end_to_end_id, status, reason, amount_centavos, return_reason",
        *(f"{side}_{name}" for side in ("payer", "payee") for name in _PARTY),
        "description, requested_at_ms, received_at_ms, offered_at_ms, decided_at_ms, payer_processed_at_ms",
        "payee_processed_at_ms, closed_at_ms, resend_at_ms, resend_count, resends, duplicates, refusals, traceparent",
        "received_real_at_ms",
    )
)
_SELECT: Final = f"SELECT {_READ} FROM returns"  # noqa: S608 - names are constants of this module
_LOCK: Final = f"{_SELECT} WHERE return_id = ANY(%(ids)s::text[]) ORDER BY return_id FOR UPDATE"
_RETURNED: Final = (
    # A statement after the one that locks the originals, so it sees what was committed before they were ours.
    "SELECT original_end_to_end_id, sum(amount_centavos) FROM returns "
    "WHERE original_end_to_end_id = ANY(%(ids)s::text[]) AND status <> 'failed' GROUP BY 1"
)
_WAITING_SINCE: Final = "coalesce(received_real_at_ms, received_at_ms)"
_EXPIRED: Final = f" AND status = 'pending' AND ({_WAITING_SINCE} < %(before_ms)s OR {_WAITING_SINCE} > %(after_ms)s)"
_DUE: Final = ("resend_at_ms <= %(now_ms)s", "resend_at_ms > %(horizon_ms)s")
_SKIPPING: Final = " ORDER BY resend_at_ms LIMIT %(size)s FOR UPDATE SKIP LOCKED"
_LOCK_DUE: Final = [f"{_SELECT} WHERE {due}{_SKIPPING}" for due in _DUE]
_LOCK_WAITING: Final = (
    f"{_SELECT} WHERE resend_at_ms > %(now_ms)s AND resend_at_ms < %(before_ms)s "
    "AND (payer_ispb = %(ispb)s OR payee_ispb = %(ispb)s) "
    "ORDER BY resend_at_ms DESC LIMIT %(size)s FOR UPDATE SKIP LOCKED"
)
_LOCK_EXPIRED: Final = [f"{_SELECT} WHERE {due}{_EXPIRED}{_SKIPPING}" for due in _DUE]

_EXPORTED: Final = ExportedTable("returns", ("return_id",), EXPORTED_BY_HUB[NAME])
_COUNT_OPEN: Final = text("SELECT count(*) FROM returns WHERE resend_at_ms IS NOT NULL")

_IN_TIME: Final[Mapping[str, str]] = {
    "received_from_ms": "received_at_ms >= :received_from_ms",
    "received_before_ms": "received_at_ms < :received_before_ms",
}
_WANTED: Final[Mapping[str, str]] = {
    "ispb": "(payer_ispb = :ispb OR payee_ispb = :ispb)",
    "status": "status = :status",
    "reason": "reason = :reason",
    "return_reason": "return_reason = :return_reason",
    "original_end_to_end_id": "original_end_to_end_id = :original_end_to_end_id",
    "whole_id": "return_id = :whole_id",
    "part_of_id": "position(:part_of_id in return_id) > 0",
    "amount_centavos": "amount_centavos = :amount_centavos",
}
"""The condition of each field of a filter."""


def _conditions(known: Mapping[str, str], narrow: ReturnFilter, values: dict[str, Any]) -> str:
    given = {name: getattr(narrow, name) for name in known if getattr(narrow, name) not in (None, "")}
    values |= given
    return " AND ".join(["true", *(known[name] for name in given)])


class PostgresReturns:
    """See `hub.application.ports.returns.ReturnRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, ids: Collection[str], *, surely: Collection[str] = ()) -> dict[str, Any]:  # noqa: ARG002 - all are
        found: dict[str, Any] = {}
        return_ids = sorted(each for each in ids if not each.startswith(RETURNED_PREFIX) and is_storable(each))
        if return_ids:
            found |= {row.return_id: row for row in self._locked(_LOCK, {"ids": text_array(return_ids)})}
        originals = [each.removeprefix(RETURNED_PREFIX) for each in ids if each.startswith(RETURNED_PREFIX)]
        originals = [each for each in originals if is_storable(each)]
        if originals:
            rows = fetch_bulk(self._connection, _RETURNED, {"ids": text_array(originals)})
            sums = {original_id: int(centavos) for original_id, centavos in rows}
            readings = [Returned(original_id, sums.get(original_id, 0)) for original_id in originals]
            found |= {returned.row_id: returned for returned in readings}
        return found

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Return]:
        return self._skipping(_LOCK_DUE, size, real_now_ms, wait_ms_max, {})

    def lock_waiting(self, real_now_ms: int, before_ms: int, ispb: str, size: int) -> list[Return]:
        values = {"now_ms": real_now_ms, "before_ms": before_ms, "ispb": ispb, "size": size}
        return self._locked(_LOCK_WAITING, values)

    def lock_expired(self, real_now_ms: int, timeout_ms: int, size: int, wait_ms_max: int) -> list[Return]:
        received = {"before_ms": real_now_ms - timeout_ms, "after_ms": real_now_ms + timeout_ms}
        return self._skipping(_LOCK_EXPIRED, size, real_now_ms, wait_ms_max, received)

    def _skipping(
        self, queries: Sequence[str], size: int, now_ms: int, wait_ms_max: int, values: Mapping[str, int]
    ) -> list[Return]:
        by_now, out_of_reach = queries
        locked = self._locked(by_now, {**values, "now_ms": now_ms, "size": size})
        if len(locked) < size:
            more = {**values, "horizon_ms": now_ms + wait_ms_max, "size": size - len(locked)}
            locked += self._locked(out_of_reach, more)
        return locked

    def _locked(self, query: str, values: Mapping[str, Any]) -> list[Return]:
        return [_return_of(row) for row in fetch_bulk(self._connection, query, values)]

    def save(self, changes: Sequence[RowChange[Return]]) -> None:
        # Rows that exist before new ones, as with transfers.
        changed = [change for change in changes if not change.is_new]
        added = [change for change in changes if change.is_new]
        if changed and execute_bulk(self._connection, _UPDATE, _values(_CHANGED, changed)) != len(changed):
            raise DatabaseUnavailable("another replica has removed one of these returns")
        if added:
            execute_bulk(self._connection, _INSERT, _values(_ADDED, added))

    def committed(self) -> None:
        """Nothing is cached."""

    def open_ids(self, size: int) -> list[str]:
        rows = self._connection.execute(
            text("SELECT return_id FROM returns WHERE resend_at_ms IS NOT NULL ORDER BY resend_at_ms LIMIT :size"),
            {"size": size},
        )
        return [row[0] for row in rows]

    def find(self, row_id: str) -> tuple[Return, list[HistoryStep]] | None:
        if not is_storable(row_id):
            return None
        row = self._connection.execute(
            text(f"SELECT history, {_READ} FROM returns WHERE return_id = :id"),  # noqa: S608 - constants
            {"id": row_id},
        ).one_or_none()
        return None if row is None else (_return_of(row[1:]), _history_of(row[0]))

    def find_many(self, ids: Collection[str]) -> list[Return]:
        rows = self._connection.execute(
            text(f"{_SELECT} WHERE return_id = ANY(CAST(:ids AS text[]))"),
            {"ids": [each for each in ids if is_storable(each)]},
        )
        return [_return_of(row) for row in rows]

    def export(self, after: ExportKey | None, size: int) -> ExportPage:
        return _EXPORTED.read(self._connection, after, size)

    def count_open(self) -> int:
        open_rows: int = self._connection.execute(_COUNT_OPEN).scalar_one()
        return open_rows

    def search(self, narrow: ReturnFilter) -> Found[Return, tuple[int, str]]:
        if not all(map(is_storable, (narrow.ispb, narrow.id_part, narrow.original_end_to_end_id))):
            return Found([], None)
        values: dict[str, Any] = {"size": narrow.size, "examined_max": narrow.examined_max}
        in_time = _conditions(_IN_TIME, narrow, values)
        wanted = _conditions(_WANTED, narrow, values)
        newest_first = "ORDER BY received_at_ms DESC, return_id DESC"
        if narrow.before is not None:
            in_time += " AND (received_at_ms, return_id) < (:before_ms, :before_id)"
            values["before_ms"], values["before_id"] = narrow.before
        if narrow.open_only:
            wanted += " AND resend_at_ms IS NOT NULL"
        if not narrow.is_search:
            query = f"{_SELECT} WHERE {in_time} AND {wanted} {newest_first} LIMIT :size"
            return Found([_return_of(row) for row in self._connection.execute(text(query), values)], None)
        window = f"{_SELECT} WHERE {in_time} {newest_first} LIMIT :examined_max"
        query = f"SELECT {_READ} FROM ({window}) AS examined WHERE {wanted} {newest_first} LIMIT :size"  # noqa: S608 - constants
        rows = [_return_of(row) for row in self._connection.execute(text(query), values)]
        last = None
        if len(rows) < narrow.size:
            query = (
                f"SELECT received_at_ms, return_id FROM returns WHERE {in_time} {newest_first} "  # noqa: S608 - constants
                "OFFSET :examined_max - 1 LIMIT 1"
            )
            last = self._connection.execute(text(query), values).one_or_none()
        return Found(rows, None if last is None else (last[0], last[1]))


def _values(columns: Mapping[str, tuple[str, Any]], changes: Sequence[RowChange[Return]]) -> dict[str, str]:
    values = {}
    for name, (kind, value_of) in columns.items():
        column = [value_of(change.row) for change in changes]
        if kind != "text":
            values[name] = number_array(column)
        elif name in ("status", "reason", "return_reason"):
            values[name] = word_array(column)
        elif None in column:
            # Texts may be anything, NULL is written bare.
            values[name] = "{" + ",".join(["NULL" if each is None else quoted_element(each) for each in column]) + "}"
        else:
            values[name] = text_array(column)
    histories = [quoted_element(_history_lines(change.steps)) for change in changes]
    return {**values, "history": "{" + ",".join(histories) + "}"}


def _return_of(row: Sequence[Any]) -> Return:
    return_id, original_id, status, reason, amount_centavos, return_reason, *rest = row
    payer, payee, others = rest[:5], rest[5:10], rest[10:]
    return Return(
        return_id,
        original_id,
        ReturnStatus(status),
        None if reason is None else ReasonCode(reason),
        amount_centavos,
        ReasonCode(return_reason),
        None if payer[0] is None else Party(*payer),
        None if payee[0] is None else Party(*payee),
        *others,
    )


def _history_lines(steps: Sequence[HistoryStep]) -> str:
    """Each step as a JSON array on a line, as in the history of a transfer."""
    quote = encode_basestring_ascii
    return "".join(
        [
            f'[{step.at_ms},{quote(step.author)},"{step.trigger}","{step.side or ""}","{step.status}",'
            f'"{step.reason or ""}",{quote(step.ignored)}]\n'
            for step in steps
        ]
    )


def _history_of(lines: str) -> list[HistoryStep]:
    steps = []
    for line in lines.splitlines():
        at_ms, author, trigger, side, status, reason, ignored = json.loads(line)
        steps.append(
            Step(
                at_ms,
                author,
                Trigger(trigger),
                Side(side) if side else None,
                ReturnStatus(status),
                ReasonCode(reason) if reason else None,
                ignored,
            )
        )
    return steps


def returns_of_process() -> Callable[[Connection], PostgresReturns]:
    """Makes the repository of each transaction."""
    return PostgresReturns


IN_POSTGRES: Final = returns_of_process
