"""The hub's transfers on PostgreSQL: the table that three writes per transfer go through.

What a batch costs here decides what the hub can do in a second, so nothing is done per value that can be done per
batch: new rows come by COPY, changed ones by one UPDATE joined to arrays, and a row that this process wrote a moment
ago is not read again (`CachedTransfers`). Replicas rely on optimistic concurrency: each update names the revision that
it read.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from sqlalchemy import Connection, text

from hub.adapters.postgres.folding import folded
from hub.application.ports import Activity, Found, Latency, RowChange, TransferFilter
from hub.domain.flows.transfer.model import NAME, HistoryStep, Transfer, TransferStatus, Trigger
from pix.postgres.bulk import (
    COPY_NULL,
    copy_numbers,
    copy_rows,
    copy_text,
    copy_texts,
    execute_bulk,
    fetch_bulk,
    number_array,
    text_array,
    word_array,
)
from pix.postgres.engine import is_storable
from pix.postgres.exports import ExportedTable
from pix.postgres.prepared import quoted_element
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.exports import EXPORTED_BY_HUB, ExportKey, ExportPage
from pix.scheme.flows import Step
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Party, Side
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import by_value

CACHED_TRANSFERS_MAX: Final = 10_000
"""Some 2 KB each. With more than this under way the rows are read again, as after a restart."""

_WRITTEN_ONCE: Final = (
    "end_to_end_id, amount_centavos, "
    "payer_ispb, payer_branch, payer_account_number, payer_name, payer_tax_id_masked, "
    "payee_ispb, payee_branch, payee_account_number, payee_name, payee_tax_id_masked, "
    "key_kind, key, requested_tax_id_masked, description, requested_at_ms, received_at_ms, offered_at_ms, traceparent, "
    "received_real_at_ms, initiation, txid"
)
_UPDATED: Final[Mapping[str, str]] = {
    "status": "text",
    "reason": "text",
    "decided_at_ms": "bigint",
    "payer_processed_at_ms": "bigint",
    "payee_processed_at_ms": "bigint",
    "closed_at_ms": "bigint",
    "resend_at_ms": "bigint",
    "resend_count": "integer",
    "resends": "integer",
    "duplicates": "integer",
    "refusals": "integer",
}
"""The columns that change after the row is made, with their types."""

_COPIED: Final = f"{_WRITTEN_ONCE}, {', '.join(_UPDATED)}, history"
_UPDATE: Final = (
    "UPDATE transfers AS t SET "  # noqa: S608 - names are constants of this module
    + ", ".join(f"{name} = v.{name}" for name in _UPDATED)
    + ", history = t.history || v.history, revision = t.revision + 1 FROM unnest("
    + "%(end_to_end_id)s::text[], %(revision)s::integer[], "
    + ", ".join(f"%({name})s::{kind}[]" for name, kind in _UPDATED.items())
    + f", %(history)s::text[]) AS v(end_to_end_id, revision, {', '.join(_UPDATED)}, history) "
    "WHERE t.end_to_end_id = v.end_to_end_id AND t.revision = v.revision"
)
_READ: Final = (
    "end_to_end_id, status, reason, amount_centavos, "
    "payer_ispb, payer_branch, payer_account_number, payer_name, payer_tax_id_masked, "
    "payee_ispb, payee_branch, payee_account_number, payee_name, payee_tax_id_masked, "
    "key_kind, key, requested_tax_id_masked, description, requested_at_ms, received_at_ms, offered_at_ms, "
    "decided_at_ms, payer_processed_at_ms, payee_processed_at_ms, closed_at_ms, "
    "resend_at_ms, resend_count, resends, duplicates, refusals, traceparent, received_real_at_ms, initiation, txid"
)
"""In the order of Transfer's fields."""
_SELECT: Final = f"SELECT {_READ} FROM transfers"  # noqa: S608 - names are constants of this module
_SELECT_WITH_REVISION: Final = f"SELECT revision, {_READ} FROM transfers"  # noqa: S608 - the same
_LOCK: Final = f"{_SELECT_WITH_REVISION} WHERE end_to_end_id = ANY(%(ids)s::text[]) ORDER BY end_to_end_id FOR UPDATE"
# Two conditions, of which each is one range of the index: due by now, or later than any row waits.
_DUE: Final = ("resend_at_ms <= %(now_ms)s", "resend_at_ms > %(horizon_ms)s")
_WAITING_SINCE: Final = "coalesce(received_real_at_ms, received_at_ms)"
_EXPIRED: Final = f" AND status = 'pending' AND ({_WAITING_SINCE} < %(before_ms)s OR {_WAITING_SINCE} > %(after_ms)s)"
_SKIPPING: Final = " ORDER BY resend_at_ms LIMIT %(size)s FOR UPDATE SKIP LOCKED"
_LOCK_DUE: Final = [f"{_SELECT_WITH_REVISION} WHERE {due}{_SKIPPING}" for due in _DUE]
_LOCK_WAITING: Final = (
    f"{_SELECT_WITH_REVISION} WHERE resend_at_ms > %(now_ms)s AND resend_at_ms < %(before_ms)s "
    "AND (payer_ispb = %(ispb)s OR payee_ispb = %(ispb)s) "
    "ORDER BY resend_at_ms DESC LIMIT %(size)s FOR UPDATE SKIP LOCKED"
)
_LOCK_EXPIRED: Final = [f"{_SELECT_WITH_REVISION} WHERE {due}{_EXPIRED}{_SKIPPING}" for due in _DUE]
_EXPORTED: Final = ExportedTable("transfers", ("end_to_end_id",), EXPORTED_BY_HUB[NAME])
_COUNT_OPEN: Final = text("SELECT count(*) FROM transfers WHERE resend_at_ms IS NOT NULL")
_STATUSES: Final = by_value(TransferStatus)
_KINDS: Final = by_value(KeyKind)
_INITIATIONS: Final = by_value(Initiation)


_IN_TIME: Final[Mapping[str, str]] = {
    "received_from_ms": "received_at_ms >= :received_from_ms",
    "received_before_ms": "received_at_ms < :received_before_ms",
}
_WANTED: Final[Mapping[str, str]] = {
    "ispb": "(payer_ispb = :ispb OR payee_ispb = :ispb)",
    "status": "status = :status",
    "reason": "reason = :reason",
    "whole_id": "end_to_end_id = :whole_id",
    "part_of_id": "position(:part_of_id in end_to_end_id) > 0",
    "key": "key = :key",
    "txid": "txid = :txid",
    "name_part": (
        f"(position(:name_part in {folded('payer_name')}) > 0 "
        f"OR position(:name_part in {folded('coalesce(payee_name, chr(32))')}) > 0)"
    ),
    "key_beginnings": "key ^@ ANY(CAST(:key_beginnings AS text[]))",
    "amount_centavos": "amount_centavos = :amount_centavos",
}
"""The condition of each field of a filter."""


def _conditions(known: Mapping[str, str], narrow: TransferFilter, values: dict[str, Any]) -> str:
    """The conditions of the fields that are given; adds their values to `values`."""
    given = {name: getattr(narrow, name) for name in known if getattr(narrow, name) not in (None, "", ())}
    values |= {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    return " AND ".join(["true", *(known[name] for name in given)])


class CachedTransfers:
    """A cache of the open transfers that this process has written last, each with the revision of its row.

    A transfer's next message mostly comes to the process that decided on the one before. Then the row need not be read:
    optimistic concurrency, since the update names the revision that it starts from, and updates no row when another
    replica has written since. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Transfer, int]] = {}

    def find(self, end_to_end_ids: Iterable[str]) -> dict[str, tuple[Transfer, int]]:
        """Those that are cached."""
        known = self._known
        with self._lock:
            return {each: known[each] for each in end_to_end_ids if each in known}

    def keep(self, written: Mapping[str, tuple[Transfer, int]]) -> None:
        """Caches committed rows; drops closed ones, and the oldest beyond `CACHED_TRANSFERS_MAX`."""
        with self._lock:
            for end_to_end_id, entry in written.items():
                # Removed first, so that it becomes the newest.
                self._known.pop(end_to_end_id, None)
                if entry[0].closed_at_ms is None:
                    self._known[end_to_end_id] = entry
            for end_to_end_id in list(islice(self._known, max(0, len(self._known) - CACHED_TRANSFERS_MAX))):
                del self._known[end_to_end_id]

    def forget(self, end_to_end_ids: Iterable[str]) -> None:
        """Drops them, so that the next transaction reads their rows."""
        with self._lock:
            for end_to_end_id in end_to_end_ids:
                self._known.pop(end_to_end_id, None)


def _transfer_of(row: Sequence[Any]) -> Transfer:
    (
        end_to_end_id, status, reason, amount_centavos,
        payer_ispb, payer_branch, payer_account, payer_name, payer_tax_id,
        payee_ispb, payee_branch, payee_account, payee_name, payee_tax_id,
        key_kind, key, requested_tax_id_masked, description, requested_at_ms, received_at_ms, *rest,
    ) = row  # fmt: skip
    rest[-2] = _INITIATIONS[rest[-2]]
    return Transfer(
        end_to_end_id,
        _STATUSES[status],
        None if reason is None else ReasonCode(reason),
        amount_centavos,
        Party(payer_ispb, payer_branch, payer_account, payer_name, payer_tax_id),
        None if payee_ispb is None else Party(payee_ispb, payee_branch, payee_account, payee_name, payee_tax_id),
        None if key_kind is None else PixKey(_KINDS[key_kind], key),
        requested_tax_id_masked,
        description,
        requested_at_ms,
        received_at_ms,
        *rest,
    )


def _copy_line(change: RowChange[Transfer]) -> str:
    """A new row as a line of COPY, in the order of `_COPIED`."""
    transfer, payer, payee = change.row, change.row.payer, change.row.payee
    key = transfer.payee_key
    payer_texts = copy_texts(payer.ispb, payer.branch, payer.account_number, payer.name, payer.tax_id_masked)
    payee_texts = (
        _NO_PAYEE
        if payee is None
        else copy_texts(payee.ispb, payee.branch, payee.account_number, payee.name, payee.tax_id_masked)
    )
    key_texts = _NO_KEY if key is None else copy_texts(key.kind, key.key)
    more_texts = copy_texts(transfer.payee_tax_id_masked, transfer.description)
    times = copy_numbers(
        transfer.decided_at_ms,
        transfer.payer_processed_at_ms,
        transfer.payee_processed_at_ms,
        transfer.closed_at_ms,
        transfer.resend_at_ms,
    )
    return (
        f"{copy_text(transfer.end_to_end_id)}\t{transfer.amount_centavos}\t{payer_texts}\t{payee_texts}\t"
        f"{key_texts}\t{more_texts}\t"
        f"{transfer.requested_at_ms}\t{transfer.received_at_ms}\t{copy_numbers(transfer.offered_at_ms)}\t"
        f"{copy_text(transfer.traceparent)}\t{copy_numbers(transfer.received_real_at_ms)}\t{transfer.initiation}\t"
        f"{copy_text(transfer.txid)}\t{transfer.status}\t"
        f"{COPY_NULL if transfer.reason is None else transfer.reason}\t{times}\t{transfer.resend_count}\t"
        f"{transfer.resends}\t{transfer.duplicates}\t{transfer.refusals}\t{copy_text(_history_lines(change.steps))}"
    )


_NO_PAYEE: Final = "\t".join([COPY_NULL] * 5)
_NO_KEY: Final = "\t".join([COPY_NULL] * 2)


def _history_lines(steps: Sequence[HistoryStep]) -> str:
    """Each step as a JSON array on a line: a history grows by appending text."""
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
                _STATUSES[status],
                ReasonCode(reason) if reason else None,
                ignored,
            )
        )
    return steps


def _update_values(changes: Sequence[RowChange[Transfer]], revisions: Sequence[int]) -> dict[str, str]:
    transfers = [change.row for change in changes]
    return {
        "end_to_end_id": text_array([transfer.end_to_end_id for transfer in transfers]),
        "revision": number_array(revisions),
        "status": word_array([transfer.status for transfer in transfers]),
        "reason": word_array([transfer.reason for transfer in transfers]),
        "decided_at_ms": number_array([transfer.decided_at_ms for transfer in transfers]),
        "payer_processed_at_ms": number_array([transfer.payer_processed_at_ms for transfer in transfers]),
        "payee_processed_at_ms": number_array([transfer.payee_processed_at_ms for transfer in transfers]),
        "closed_at_ms": number_array([transfer.closed_at_ms for transfer in transfers]),
        "resend_at_ms": number_array([transfer.resend_at_ms for transfer in transfers]),
        "resend_count": number_array([transfer.resend_count for transfer in transfers]),
        "resends": number_array([transfer.resends for transfer in transfers]),
        "duplicates": number_array([transfer.duplicates for transfer in transfers]),
        "refusals": number_array([transfer.refusals for transfer in transfers]),
        "history": "{" + ",".join([quoted_element(_history_lines(change.steps)) for change in changes]) + "}",
    }


class PostgresTransfers:
    """Transfers; see `hub.application.ports.TransferRepository`."""

    def __init__(self, connection: Connection, cached: CachedTransfers) -> None:
        self._connection = connection
        self._cached = cached
        self._revisions: dict[str, int] = {}
        """Of what was read or written in this transaction: the revision that its row has now."""
        self._written: dict[str, tuple[Transfer, int]] = {}

    def lock(self, ids: Collection[str], *, surely: Collection[str] = ()) -> dict[str, Transfer]:
        # Of a row that is warm not even the lock is taken: should another replica write it meanwhile, `save` finds out.
        cached = self._cached.find([each for each in ids if each not in surely] if surely else ids)
        transfers = {}
        for end_to_end_id, (transfer, revision) in cached.items():
            transfers[end_to_end_id] = transfer
            self._revisions[end_to_end_id] = revision
        cold = sorted(each for each in ids if each not in cached and is_storable(each))
        if cold:
            for transfer in self._locked(_LOCK, {"ids": text_array(cold)}):
                transfers[transfer.end_to_end_id] = transfer
        return transfers

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        return self._skipping(_LOCK_DUE, size, real_now_ms, wait_ms_max, {})

    def lock_waiting(self, real_now_ms: int, before_ms: int, ispb: str, size: int) -> list[Transfer]:
        values = {"now_ms": real_now_ms, "before_ms": before_ms, "ispb": ispb, "size": size}
        return self._locked(_LOCK_WAITING, values)

    def lock_expired(self, real_now_ms: int, timeout_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        received = {"before_ms": real_now_ms - timeout_ms, "after_ms": real_now_ms + timeout_ms}
        return self._skipping(_LOCK_EXPIRED, size, real_now_ms, wait_ms_max, received)

    def _skipping(
        self, queries: Sequence[str], size: int, now_ms: int, wait_ms_max: int, values: Mapping[str, int]
    ) -> list[Transfer]:
        by_now, out_of_reach = queries
        locked = self._locked(by_now, {**values, "now_ms": now_ms, "size": size})
        if len(locked) < size:
            more = {**values, "horizon_ms": now_ms + wait_ms_max, "size": size - len(locked)}
            locked += self._locked(out_of_reach, more)
        return locked

    def _locked(self, query: str, values: Mapping[str, Any]) -> list[Transfer]:
        transfers = []
        for row in fetch_bulk(self._connection, query, values):
            transfer = _transfer_of(row[1:])
            self._revisions[transfer.end_to_end_id] = row[0]
            transfers.append(transfer)
        return transfers

    def save(self, changes: Sequence[RowChange[Transfer]]) -> None:
        # Both in the order of their ids, and rows that exist before new ones, so that two replicas that treat the same
        # transfers do not wait for each other.
        in_order = sorted(changes, key=lambda change: change.row.end_to_end_id)
        added = [change for change in in_order if change.is_new]
        changed = [change for change in in_order if not change.is_new]
        if changed:
            self.lock({each.row.end_to_end_id for each in changed} - self._revisions.keys())
            revisions = [self._revisions[change.row.end_to_end_id] for change in changed]
            if execute_bulk(self._connection, _UPDATE, _update_values(changed, revisions)) != len(changed):
                self._cached.forget([change.row.end_to_end_id for change in changed])
                raise DatabaseUnavailable("another replica has changed one of these transfers")
        if added:
            copy_rows(self._connection, "transfers", _COPIED, map(_copy_line, added))
        for change in changes:
            transfer = change.row
            revision = 0 if change.is_new else self._revisions[transfer.end_to_end_id] + 1
            self._revisions[transfer.end_to_end_id] = revision
            self._written[transfer.end_to_end_id] = (transfer, revision)

    def committed(self) -> None:
        """What was written is durable, and may be written on from."""
        self._cached.keep(self._written)

    def find(self, row_id: str) -> tuple[Transfer, list[HistoryStep]] | None:
        if not is_storable(row_id):
            return None
        row = self._connection.execute(
            text(f"SELECT history, {_READ} FROM transfers WHERE end_to_end_id = :id"),  # noqa: S608 - constants
            {"id": row_id},
        ).one_or_none()
        return None if row is None else (_transfer_of(row[1:]), _history_of(row[0]))

    def find_many(self, ids: Collection[str]) -> list[Transfer]:
        rows = self._connection.execute(
            text(f"{_SELECT} WHERE end_to_end_id = ANY(CAST(:ids AS text[]))"),
            {"ids": [each for each in ids if is_storable(each)]},
        )
        return [_transfer_of(row) for row in rows]

    def export(self, after: ExportKey | None, size: int) -> ExportPage:
        return _EXPORTED.read(self._connection, after, size)

    def count_open(self) -> int:
        open_rows: int = self._connection.execute(_COUNT_OPEN).scalar_one()
        return open_rows

    def search(self, narrow: TransferFilter) -> Found[Transfer, tuple[int, str]]:
        texts = (narrow.ispb, narrow.id_part, narrow.key, narrow.txid, narrow.name_part, *narrow.key_beginnings)
        if not all(map(is_storable, texts)):
            return Found([], None)
        values: dict[str, Any] = {"size": narrow.size, "examined_max": narrow.examined_max}
        in_time = _conditions(_IN_TIME, narrow, values)
        wanted = _conditions(_WANTED, narrow, values)
        newest_first = "ORDER BY received_at_ms DESC, end_to_end_id DESC"
        if narrow.before is not None:
            in_time += " AND (received_at_ms, end_to_end_id) < (:before_ms, :before_id)"
            values["before_ms"], values["before_id"] = narrow.before
        if narrow.open_only:
            wanted += " AND resend_at_ms IS NOT NULL"
        if not narrow.is_search:
            query = f"{_SELECT} WHERE {in_time} AND {wanted} {newest_first} LIMIT :size"
            return Found([_transfer_of(row) for row in self._connection.execute(text(query), values)], None)
        window = f"{_SELECT} WHERE {in_time} {newest_first} LIMIT :examined_max"
        query = f"SELECT {_READ} FROM ({window}) AS examined WHERE {wanted} {newest_first} LIMIT :size"  # noqa: S608 - constants
        rows = [_transfer_of(row) for row in self._connection.execute(text(query), values)]
        last = None
        if len(rows) < narrow.size:
            query = (
                f"SELECT received_at_ms, end_to_end_id FROM transfers WHERE {in_time} {newest_first} "  # noqa: S608 - constants
                "OFFSET :examined_max - 1 LIMIT 1"
            )
            last = self._connection.execute(text(query), values).one_or_none()
        return Found(rows, None if last is None else (last[0], last[1]))

    def latencies(self, from_ms: int, until_ms: int, step_ms: int, size: int) -> list[Latency]:
        return [
            Latency(each.from_ms, each.completed, each.p50_ms, each.p99_ms)
            for each in self.activity(from_ms, until_ms, step_ms, size)
            if each.p50_ms is not None and each.p99_ms is not None
        ]

    def activity(self, from_ms: int, until_ms: int, step_ms: int, size: int) -> list[Activity]:
        rows = self._connection.execute(
            text(
                "SELECT step.from_ms, count(*), min(newest.received_at_ms), "
                "count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'), "
                "percentile_disc(0.5) WITHIN GROUP (ORDER BY closed_at_ms - received_at_ms) "
                "FILTER (WHERE status = 'completed'), "
                "percentile_disc(0.99) WITHIN GROUP (ORDER BY closed_at_ms - received_at_ms) "
                "FILTER (WHERE status = 'completed') "
                "FROM generate_series(CAST(:from_ms AS bigint), :until_ms - 1, :step_ms) AS step(from_ms) "
                "CROSS JOIN LATERAL (SELECT status, received_at_ms, closed_at_ms FROM transfers "
                "WHERE received_at_ms >= step.from_ms AND received_at_ms < least(step.from_ms + :step_ms, :until_ms) "
                "ORDER BY received_at_ms DESC LIMIT :size) AS newest GROUP BY 1 ORDER BY 1"
            ),
            {"from_ms": from_ms, "until_ms": until_ms, "step_ms": step_ms, "size": size},
        )
        return [Activity(*row) for row in rows]

    def open_ids(self, size: int) -> list[str]:
        rows = self._connection.execute(
            text(
                "SELECT end_to_end_id FROM transfers WHERE resend_at_ms IS NOT NULL ORDER BY resend_at_ms LIMIT :size"
            ),
            {"size": size},
        )
        return [row[0] for row in rows]

    def oldest_offers(self, size: int) -> dict[str, int]:
        rows = self._connection.execute(
            text(
                "SELECT payee_ispb, min(since_ms) FROM ("  # noqa: S608 - constants
                f"SELECT payee_ispb, {_WAITING_SINCE} AS since_ms FROM transfers "
                "WHERE resend_at_ms IS NOT NULL AND status = 'pending' "
                "ORDER BY resend_at_ms LIMIT :size) AS oldest GROUP BY payee_ispb"
            ),
            {"size": size},
        )
        return {ispb: since_ms for ispb, since_ms in rows if ispb is not None}


def transfers_of_process() -> Callable[[Connection], PostgresTransfers]:
    """Makes the repository of each transaction; those of a process share what it has written last."""
    cached = CachedTransfers()
    return lambda connection: PostgresTransfers(connection, cached)


IN_POSTGRES: Final = transfers_of_process
