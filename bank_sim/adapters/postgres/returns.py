"""The table of the bank's sides of returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bank_sim.adapters.postgres.columns import Column
from bank_sim.adapters.postgres.rows import RowTable, history_json, party_columns
from bank_sim.domain.behaviour import AnswerStyle
from bank_sim.domain.flows.returns.model import HistoryStep, Return, ReturnStatus, Trigger
from pix.scheme.flows import Step
from pix.scheme.messages import Party, Side
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode

_FIXED: Final[list[Column[Return]]] = [
    Column("original_end_to_end_id", "text", lambda row: row.original_end_to_end_id),
    Column("amount_centavos", "bigint", lambda row: row.amount_centavos),
    Column("account_number", "text", lambda row: row.account_number),
    Column("return_reason", "text", lambda row: row.return_reason.value),
    *party_columns("payer"),
    *party_columns("payee"),
    Column("description", "text", lambda row: row.description),
    Column("requested_at_ms", "bigint", lambda row: row.requested_at_ms),
    Column("idempotency_key", "text", lambda row: row.idempotency_key),
    Column("traceparent", "text", lambda row: row.traceparent),
    Column("answer_style", "text", lambda row: row.answer_style.value),
]
_CHANGING: Final[list[Column[Return]]] = [
    Column("status", "text", lambda row: row.status.value),
    Column("reason", "text", lambda row: None if row.reason is None else row.reason.value),
    Column("answered_at_ms", "bigint", lambda row: row.answered_at_ms),
    Column("decided_at_ms", "bigint", lambda row: row.decided_at_ms),
    Column("resend_at_ms", "bigint", lambda row: row.resend_at_ms),
    Column("resend_count", "integer", lambda row: row.resend_count),
    Column("duplicates", "integer", lambda row: row.duplicates),
    Column("refusals", "integer", lambda row: row.refusals),
    Column("history", "jsonb", lambda row: history_json(row.history)),
]


def _step_of(line: Mapping[str, Any], side: Side) -> HistoryStep:
    return Step(
        line["at_ms"],
        line["author"],
        Trigger(line["trigger"]),
        side,
        ReturnStatus(line["status"]),
        ReasonCode(line["reason"]) if "reason" in line else None,
        line.get("ignored", ""),
    )


def _return_of(row: Sequence[Any]) -> Return:
    (
        return_id, direction,
        original_end_to_end_id, amount_centavos, account_number, return_reason,
        payer_ispb, payer_branch, payer_account, payer_name, payer_tax_id,
        payee_ispb, payee_branch, payee_account, payee_name, payee_tax_id,
        description, requested_at_ms, idempotency_key, traceparent, answer_style,
        status, reason, answered_at_ms, decided_at_ms, resend_at_ms, resend_count, duplicates, refusals, history,
    ) = row  # fmt: skip
    side = Direction(direction).side.other
    return Return(
        return_id=return_id,
        direction=Direction(direction),
        status=ReturnStatus(status),
        original_end_to_end_id=original_end_to_end_id,
        amount_centavos=amount_centavos,
        account_number=account_number,
        return_reason=ReasonCode(return_reason),
        payer=Party(payer_ispb, payer_branch, payer_account, payer_name, payer_tax_id),
        payee=Party(payee_ispb, payee_branch, payee_account, payee_name, payee_tax_id),
        description=description,
        requested_at_ms=requested_at_ms,
        reason=None if reason is None else ReasonCode(reason),
        answered_at_ms=answered_at_ms,
        decided_at_ms=decided_at_ms,
        resend_at_ms=resend_at_ms,
        resend_count=resend_count,
        duplicates=duplicates,
        refusals=refusals,
        answer_style=AnswerStyle(answer_style),
        idempotency_key=idempotency_key,
        traceparent=traceparent,
        history=tuple(_step_of(line, side) for line in history),
    )


TABLE: Final = RowTable("returns", "return_id", "original_end_to_end_id", _FIXED, _CHANGING, _return_of)
