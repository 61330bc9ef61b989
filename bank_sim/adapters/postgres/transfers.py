"""Transfers on PostgreSQL: the row is the outbox, its history is a column of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, update_statement
from bank_sim.application.views import TransferFilter
from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerStyle
from bank_sim.domain.flows.flow import RowId
from bank_sim.domain.flows.transfer.model import HistoryStep, Progress, Transfer, TransferStatus, Trigger
from pix.postgres.bulk import execute_bulk, fetch_bulk, postpone_bulk
from pix.scheme.flows import Step
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Party, Side
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode


def _party_columns(side: str) -> list[Column[Transfer]]:
    def value_of(attribute: str) -> Any:
        def value(transfer: Transfer) -> str | None:
            party = transfer.payer if side == "payer" else transfer.payee
            return None if party is None else getattr(party, attribute)

        return value

    attributes = ("ispb", "branch", "account_number", "name", "tax_id_masked")
    return [Column(f"{side}_{attribute}", "text", value_of(attribute)) for attribute in attributes]


_ID: Final[list[Column[Transfer]]] = [
    Column("end_to_end_id", "text", lambda transfer: transfer.end_to_end_id),
    Column("direction", "text", lambda transfer: transfer.direction.value),
]
_FIXED: Final[list[Column[Transfer]]] = [
    Column("amount_centavos", "bigint", lambda transfer: transfer.amount_centavos),
    Column("account_number", "text", lambda transfer: transfer.account_number),
    *_party_columns("payer"),
    Column("key_kind", "text", lambda transfer: transfer.payee_key.kind.value),
    Column("key", "text", lambda transfer: transfer.payee_key.key),
    Column("description", "text", lambda transfer: transfer.description),
    Column("shown_tax_id_masked", "text", lambda transfer: transfer.payee_tax_id_masked),
    Column("shown_name", "text", lambda transfer: transfer.payee_name),
    Column("shown_bank_name", "text", lambda transfer: transfer.payee_bank_name),
    Column("requested_at_ms", "bigint", lambda transfer: transfer.requested_at_ms),
    Column("idempotency_key", "text", lambda transfer: transfer.idempotency_key),
    Column("traceparent", "text", lambda transfer: transfer.traceparent),
]
_CHANGING: Final[list[Column[Transfer]]] = [
    Column("status", "text", lambda transfer: transfer.status.value),
    Column("reason", "text", lambda transfer: None if transfer.reason is None else transfer.reason.value),
    *_party_columns("payee"),
    Column("answered_at_ms", "bigint", lambda transfer: transfer.answered_at_ms),
    Column("decided_at_ms", "bigint", lambda transfer: transfer.decided_at_ms),
    Column("offered_at_ms", "bigint", lambda transfer: transfer.offered_at_ms),
    Column("completed_at_ms", "bigint", lambda transfer: transfer.completed_at_ms),
    Column("resend_at_ms", "bigint", lambda transfer: transfer.resend_at_ms),
    Column("resend_count", "integer", lambda transfer: transfer.resend_count),
    Column("duplicates", "integer", lambda transfer: transfer.duplicates),
    Column("answer_style", "text", lambda transfer: transfer.answer_style.value),
    Column("refusals", "integer", lambda transfer: transfer.refusals),
    Column("history", "jsonb", lambda transfer: _history_json(transfer.history)),
]
_ALL: Final = [*_ID, *_FIXED, *_CHANGING]

_ADD: Final = insert_statement("transfers", _ALL)
_SAVE: Final = update_statement("transfers", _ID, _CHANGING)
_SELECT: Final = f"SELECT {names(_ALL)} FROM transfers"  # noqa: S608 - names are constants of this module
_FIND: Final = f"{_SELECT} WHERE end_to_end_id = %(id)s AND direction = %(direction)s"
_LOCK: Final = (
    f"{_SELECT} WHERE (end_to_end_id, direction) IN "  # noqa: S608 - names are constants of this module
    "(SELECT * FROM unnest(%(ids)s::text[], %(directions)s::text[])) "
    "ORDER BY end_to_end_id, direction FOR UPDATE OF transfers"
)
_SKIPPING: Final = "ORDER BY resend_at_ms LIMIT %(size)s FOR UPDATE SKIP LOCKED"
_LOCK_DUE: Final = f"{_SELECT} WHERE resend_at_ms <= %(now_ms)s {_SKIPPING}"
_LOCK_OUT_OF_REACH: Final = (
    f"{_SELECT} WHERE resend_at_ms > %(horizon_ms)s AND "
    f"(answered_at_ms IS DISTINCT FROM resend_at_ms OR resend_at_ms > %(answer_horizon_ms)s) {_SKIPPING}"
)
_FIND_BY_IDEMPOTENCY_KEYS: Final = (
    f"{_SELECT} WHERE (account_number, idempotency_key) IN "  # noqa: S608 - names are constants of this module
    "(SELECT * FROM unnest(%(numbers)s::text[], %(keys)s::text[])) AND idempotency_key <> ''"
)
_SPENT: Final = (
    "SELECT account_number, sum(amount_centavos) FROM transfers WHERE account_number = ANY(%(numbers)s::text[]) "
    "AND requested_at_ms >= %(from_ms)s AND requested_at_ms < %(to_ms)s "
    "AND direction = 'outgoing' AND status <> 'failed' GROUP BY account_number"
)
_MIRROR_PROGRESS: Final = (
    "UPDATE transfers AS t SET offered_at_ms = coalesce(t.offered_at_ms, v.offered_at_ms), completed_at_ms = "
    "CASE WHEN t.status = 'confirmed' THEN coalesce(t.completed_at_ms, v.completed_at_ms) ELSE t.completed_at_ms END "
    "FROM unnest(%(ids)s::text[], %(offered)s::bigint[], %(completed)s::bigint[]) "
    "AS v(end_to_end_id, offered_at_ms, completed_at_ms) WHERE t.end_to_end_id = v.end_to_end_id"
)


def _history_json(history: Sequence[HistoryStep]) -> str:
    """Without the side, which is the row's."""
    steps = []
    for step in history:
        line = {"at_ms": step.at_ms, "author": step.author, "trigger": step.trigger, "status": step.status}
        if step.reason is not None:
            line["reason"] = step.reason
        if step.ignored:
            line["ignored"] = step.ignored
        steps.append(line)
    return json.dumps(steps)


def _step_of(line: Mapping[str, Any], side: Side) -> HistoryStep:
    return Step(
        line["at_ms"],
        line["author"],
        Trigger(line["trigger"]),
        side,
        TransferStatus(line["status"]),
        ReasonCode(line["reason"]) if "reason" in line else None,
        line.get("ignored", ""),
    )


def _transfer_of(row: Sequence[Any]) -> Transfer:
    (
        end_to_end_id, direction,
        amount_centavos, account_number,
        payer_ispb, payer_branch, payer_account, payer_name, payer_tax_id,
        key_kind, key, description, shown_tax_id, shown_name, shown_bank_name,
        requested_at_ms, idempotency_key, traceparent,
        status, reason,
        payee_ispb, payee_branch, payee_account, payee_name, payee_tax_id,
        answered_at_ms, decided_at_ms, offered_at_ms, completed_at_ms, resend_at_ms, resend_count, duplicates,
        answer_style, refusals, history,
    ) = row  # fmt: skip
    side = Direction(direction).side
    return Transfer(
        end_to_end_id=end_to_end_id,
        direction=Direction(direction),
        status=TransferStatus(status),
        reason=None if reason is None else ReasonCode(reason),
        amount_centavos=amount_centavos,
        account_number=account_number,
        payer=Party(payer_ispb, payer_branch, payer_account, payer_name, payer_tax_id),
        payee=None if payee_ispb is None else Party(payee_ispb, payee_branch, payee_account, payee_name, payee_tax_id),
        payee_key=PixKey(KeyKind(key_kind), key),
        description=description,
        payee_tax_id_masked=shown_tax_id,
        payee_name=shown_name,
        payee_bank_name=shown_bank_name,
        requested_at_ms=requested_at_ms,
        answered_at_ms=answered_at_ms,
        decided_at_ms=decided_at_ms,
        offered_at_ms=offered_at_ms,
        completed_at_ms=completed_at_ms,
        resend_at_ms=resend_at_ms,
        resend_count=resend_count,
        duplicates=duplicates,
        answer_style=AnswerStyle(answer_style),
        idempotency_key=idempotency_key,
        traceparent=traceparent,
        history=tuple(_step_of(line, side) for line in history),
        refusals=refusals,
    )


class PostgresTransfers:
    """See `bank_sim.application.ports.TransferRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, ids: Collection[RowId]) -> dict[RowId, Transfer]:
        if not ids:
            return {}
        ordered = sorted(ids)
        rows = fetch_bulk(
            self._connection,
            _LOCK,
            {"ids": [place[0] for place in ordered], "directions": [place[1].value for place in ordered]},
        )
        return {(row[0], Direction(row[1])): _transfer_of(row) for row in rows}

    def lock_due(self, now_ms: int, size: int, wait_ms_max: int) -> list[Transfer]:
        rows = fetch_bulk(self._connection, _LOCK_DUE, {"now_ms": now_ms, "size": size})
        if len(rows) < size:
            horizons = {
                "horizon_ms": now_ms + wait_ms_max,
                "answer_horizon_ms": now_ms + max(ANSWER_DELAY_MS_MAX, wait_ms_max),
                "size": size - len(rows),
            }
            rows += fetch_bulk(self._connection, _LOCK_OUT_OF_REACH, horizons)
        return [_transfer_of(row) for row in rows]

    def add(self, transfers: Sequence[Transfer]) -> None:
        if transfers:
            # In the order of the ids, so that two replicas with the same new rows do not wait for each other.
            in_order = sorted(transfers, key=lambda transfer: (transfer.end_to_end_id, transfer.direction))
            postpone_bulk(self._connection, _ADD, arrays(_ALL, in_order))

    def save(self, transfers: Sequence[Transfer]) -> None:
        if transfers:
            postpone_bulk(self._connection, _SAVE, arrays([*_ID, *_CHANGING], transfers))

    def learn(self, progress: Mapping[str, Progress]) -> None:
        if progress:
            # In the order of the ids, as every transaction locks these rows.
            ids = sorted(progress)
            self.lock([(end_to_end_id, direction) for end_to_end_id in ids for direction in Direction])
            offered = [progress[each].offered_at_ms for each in ids]
            completed = [progress[each].completed_at_ms for each in ids]
            execute_bulk(self._connection, _MIRROR_PROGRESS, {"ids": ids, "offered": offered, "completed": completed})

    def find(self, end_to_end_id: str, direction: Direction) -> Transfer | None:
        rows = fetch_bulk(self._connection, _FIND, {"id": end_to_end_id, "direction": direction.value})
        return _transfer_of(rows[0]) if rows else None

    def find_by_idempotency_keys(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Transfer]:
        if not keys:
            return {}
        rows = fetch_bulk(
            self._connection,
            _FIND_BY_IDEMPOTENCY_KEYS,
            {"numbers": [number for number, _ in keys], "keys": [key for _, key in keys]},
        )
        found = [_transfer_of(row) for row in rows]
        return {(transfer.account_number, transfer.idempotency_key): transfer for transfer in found}

    def spent(self, account_numbers: Collection[str], from_ms: int, to_ms: int) -> dict[str, int]:
        rows = fetch_bulk(
            self._connection, _SPENT, {"numbers": list(account_numbers), "from_ms": from_ms, "to_ms": to_ms}
        )
        return {number: int(centavos) for number, centavos in rows}

    def has_undecided(self, account_number: str) -> bool:
        exists: bool = self._connection.execute(
            text(
                "SELECT EXISTS (SELECT 1 FROM transfers "
                "WHERE account_number = :number AND status IN ('pending', 'accepted'))"
            ),
            {"number": account_number},
        ).scalar_one()
        return exists

    def list(self, narrow: TransferFilter) -> list[Transfer]:
        conditions = ["true"]
        values: dict[str, Any] = {"size": narrow.size}
        if narrow.direction is not None:
            conditions.append("direction = :direction")
            values["direction"] = narrow.direction.value
        if narrow.status is not None:
            conditions.append("status = :status")
            values["status"] = narrow.status.value
        if narrow.account_number:
            conditions.append("account_number = :account_number")
            values["account_number"] = narrow.account_number
        if narrow.undecided:
            conditions.append("status IN ('pending', 'accepted', 'rejected')")
        order = "DESC" if narrow.newest_first else "ASC"
        if narrow.after is not None:
            conditions.append(
                f"(requested_at_ms, end_to_end_id, direction) {'<' if narrow.newest_first else '>'} "
                "(:after_ms, :after_id, :after_direction)"
            )
            values["after_ms"], values["after_id"], values["after_direction"] = narrow.after
        rows = self._connection.execute(
            text(
                f"{_SELECT} WHERE {' AND '.join(conditions)} "
                f"ORDER BY requested_at_ms {order}, end_to_end_id {order}, direction {order} LIMIT :size"
            ),
            values,
        )
        return [_transfer_of(row) for row in rows]

    def count(self) -> Mapping[tuple[Direction, TransferStatus], int]:
        rows = self._connection.execute(
            text("SELECT direction, status, count(*) FROM transfers GROUP BY direction, status")
        )
        return {(Direction(direction), TransferStatus(status)): count for direction, status, count in rows}
