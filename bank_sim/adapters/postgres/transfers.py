"""The table of the bank's sides of transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bank_sim.adapters.postgres.columns import Column, of_field
from bank_sim.adapters.postgres.rows import RowTable, history_json, party_columns
from bank_sim.domain.behaviour import AnswerStyle
from bank_sim.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus, Trigger
from pix.scheme.flows import Step
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Party, Side
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import by_value

_FIXED: Final[list[Column[Transfer]]] = [
    of_field("amount_centavos", "bigint"),
    of_field("account_number", "text"),
    *party_columns("payer"),
    Column("key_kind", "text", lambda transfer: transfer.payee_key and transfer.payee_key.kind),
    Column("key", "text", lambda transfer: transfer.payee_key and transfer.payee_key.key),
    of_field("description", "text"),
    of_field("shown_tax_id_masked", "text", "payee_tax_id_masked"),
    of_field("shown_name", "text", "payee_name"),
    of_field("shown_bank_name", "text", "payee_bank_name"),
    of_field("requested_at_ms", "bigint"),
    of_field("idempotency_key", "text"),
    of_field("traceparent", "text"),
    of_field("initiation", "text"),
    of_field("txid", "text"),
]
_CHANGING: Final[list[Column[Transfer]]] = [
    of_field("status", "text"),
    of_field("reason", "text"),
    *party_columns("payee"),
    of_field("answered_at_ms", "bigint"),
    of_field("decided_at_ms", "bigint"),
    of_field("offered_at_ms", "bigint"),
    of_field("completed_at_ms", "bigint"),
    of_field("resend_at_ms", "bigint"),
    of_field("resend_count", "integer"),
    of_field("duplicates", "integer"),
    of_field("answer_style", "text"),
    of_field("refusals", "integer"),
    Column("history", "jsonb", lambda transfer: history_json(transfer.history)),
]


_DIRECTIONS: Final = by_value(Direction)
_STATUSES: Final = by_value(TransferStatus)
_TRIGGERS: Final = by_value(Trigger)
_KINDS: Final = by_value(KeyKind)
_STYLES: Final = by_value(AnswerStyle)
_INITIATIONS: Final = by_value(Initiation)


def _step_of(line: Mapping[str, Any], side: Side) -> HistoryStep:
    return Step(
        line["at_ms"],
        line["author"],
        _TRIGGERS[line["trigger"]],
        side,
        _STATUSES[line["status"]],
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
    direction = _DIRECTIONS[direction]
    side = direction.side
    return Transfer(
        end_to_end_id=end_to_end_id,
        direction=direction,
        status=_STATUSES[status],
        reason=None if reason is None else ReasonCode(reason),
        amount_centavos=amount_centavos,
        account_number=account_number,
        payer=Party(payer_ispb, payer_branch, payer_account, payer_name, payer_tax_id),
        payee=None if payee_ispb is None else Party(payee_ispb, payee_branch, payee_account, payee_name, payee_tax_id),
        payee_key=None if key_kind is None else PixKey(_KINDS[key_kind], key),
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
        answer_style=_STYLES[answer_style],
        idempotency_key=idempotency_key,
        traceparent=traceparent,
        history=tuple(_step_of(line, side) for line in history),
        refusals=refusals,
        initiation=_INITIATIONS[initiation],
        txid=txid,
    )


TABLE: Final = RowTable("transfers", "end_to_end_id", "end_to_end_id", _FIXED, _CHANGING, _transfer_of)
