"""The table of the bank's sides of transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bank_sim.adapters.postgres.columns import Column
from bank_sim.adapters.postgres.rows import RowTable, history_json, party_columns
from bank_sim.domain.behaviour import AnswerStyle
from bank_sim.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus, Trigger
from pix.scheme.flows import Step
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Party, Side
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode

_FIXED: Final[list[Column[Transfer]]] = [
    Column("amount_centavos", "bigint", lambda transfer: transfer.amount_centavos),
    Column("account_number", "text", lambda transfer: transfer.account_number),
    *party_columns("payer"),
    Column("key_kind", "text", lambda transfer: transfer.payee_key and transfer.payee_key.kind.value),
    Column("key", "text", lambda transfer: transfer.payee_key and transfer.payee_key.key),
    Column("description", "text", lambda transfer: transfer.description),
    Column("shown_tax_id_masked", "text", lambda transfer: transfer.payee_tax_id_masked),
    Column("shown_name", "text", lambda transfer: transfer.payee_name),
    Column("shown_bank_name", "text", lambda transfer: transfer.payee_bank_name),
    Column("requested_at_ms", "bigint", lambda transfer: transfer.requested_at_ms),
    Column("idempotency_key", "text", lambda transfer: transfer.idempotency_key),
    Column("traceparent", "text", lambda transfer: transfer.traceparent),
    Column("initiation", "text", lambda transfer: transfer.initiation.value),
    Column("txid", "text", lambda transfer: transfer.txid),
]
_CHANGING: Final[list[Column[Transfer]]] = [
    Column("status", "text", lambda transfer: transfer.status.value),
    Column("reason", "text", lambda transfer: None if transfer.reason is None else transfer.reason.value),
    *party_columns("payee"),
    Column("answered_at_ms", "bigint", lambda transfer: transfer.answered_at_ms),
    Column("decided_at_ms", "bigint", lambda transfer: transfer.decided_at_ms),
    Column("offered_at_ms", "bigint", lambda transfer: transfer.offered_at_ms),
    Column("completed_at_ms", "bigint", lambda transfer: transfer.completed_at_ms),
    Column("resend_at_ms", "bigint", lambda transfer: transfer.resend_at_ms),
    Column("resend_count", "integer", lambda transfer: transfer.resend_count),
    Column("duplicates", "integer", lambda transfer: transfer.duplicates),
    Column("answer_style", "text", lambda transfer: transfer.answer_style.value),
    Column("refusals", "integer", lambda transfer: transfer.refusals),
    Column("history", "jsonb", lambda transfer: history_json(transfer.history)),
]


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
        requested_at_ms, idempotency_key, traceparent, initiation, txid,
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
        payee_key=None if key_kind is None else PixKey(KeyKind(key_kind), key),
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
        initiation=Initiation(initiation),
        txid=txid,
    )


TABLE: Final = RowTable("transfers", "end_to_end_id", "end_to_end_id", _FIXED, _CHANGING, _transfer_of)
