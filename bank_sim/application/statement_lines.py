"""A customer's postings as lines of a statement: each with what its row says of the other side."""

from __future__ import annotations

from collections.abc import Mapping

from bank_sim.application.flow_rows import find_rows
from bank_sim.application.ports import UnitOfWork
from bank_sim.application.views import StatementFilter, StatementLine
from bank_sim.domain.bank import Participant
from bank_sim.domain.books import Posting, customer_ledger
from bank_sim.domain.flows.flow import FlowRow, RowId


def statement_lines(
    unit: UnitOfWork, account_number: str, narrow: StatementFilter, before_posting_id: int | None, size: int
) -> list[StatementLine]:
    """Newest first; the search of the filter is left to the caller."""
    postings = unit.postings.statement(account_number, narrow, before_posting_id, size)
    rows = find_rows(unit, {row_id for _, posting in postings if (row_id := _row_id_of(posting)) is not None})
    participants = unit.switches.participants() if rows else {}
    lines = []
    for posting_id, posting in postings:
        row_id = _row_id_of(posting)
        flow, row = ("", None) if row_id is None else rows.get(row_id, ("", None))
        lines.append(_line_of(posting_id, posting, flow, row, participants))
    return lines


def _row_id_of(posting: Posting) -> RowId | None:
    if posting.end_to_end_id is None or posting.direction is None:
        return None
    return posting.end_to_end_id, posting.direction


def _line_of(
    posting_id: int, posting: Posting, flow: str, row: FlowRow | None, participants: Mapping[str, Participant]
) -> StatementLine:
    is_debit = posting.debit_account == customer_ledger(posting.account_number or "")
    return StatementLine(
        posting_id=posting_id,
        posted_at_ms=posting.posted_at_ms,
        kind=posting.kind,
        end_to_end_id=posting.end_to_end_id or "",
        direction=posting.direction,
        counterpart_name="" if row is None else row.counterpart_name,
        counterpart_bank="" if row is None else _bank_of(row, participants),
        description="" if row is None else row.description,
        amount_centavos=-posting.amount_centavos if is_debit else posting.amount_centavos,
        balance_after_centavos=posting.balance_after_centavos or 0,
        transfer_status=None if row is None else row.status,
        flow=flow,
        initiation=None if row is None else row.initiation,
        txid="" if row is None else row.txid,
    )


def _bank_of(row: FlowRow, participants: Mapping[str, Participant]) -> str:
    bank = participants.get(row.counterpart_ispb)
    return bank.name if bank is not None else row.counterpart_bank_name or row.counterpart_ispb
