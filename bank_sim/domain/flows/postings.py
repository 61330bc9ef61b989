"""What a change of a row's state books, in any flow: the postings that the new state demands beyond the old one's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bank_sim.domain.books import CLEARING, SETTLEMENT, Posting, customer_ledger
from bank_sim.domain.flows.flow import FlowRow
from pix.scheme.postings import POSTINGS_DUE, PostingKind

_LEDGERS: Final[Mapping[PostingKind, Callable[[str], tuple[str, str]]]] = {
    PostingKind.PAYMENT: lambda customer: (customer, CLEARING),
    PostingKind.SETTLEMENT_OUT: lambda _: (CLEARING, SETTLEMENT),
    PostingKind.REFUND: lambda customer: (CLEARING, customer),
    PostingKind.CREDIT: lambda customer: (SETTLEMENT, customer),
}
"""The ledger account that a kind debits, and the one that it credits."""


def posting(row: FlowRow, kind: PostingKind, at_ms: int) -> Posting:
    """A posting of a row."""
    customer = customer_ledger(row.account_number)
    debit_account, credit_account = _LEDGERS[kind](customer)
    touches_customer = customer in (debit_account, credit_account)
    return Posting(
        kind=kind,
        debit_account=debit_account,
        credit_account=credit_account,
        amount_centavos=row.amount_centavos,
        posted_at_ms=at_ms,
        end_to_end_id=row.row_id[0],
        direction=row.direction,
        account_number=row.account_number if touches_customer else None,
    )


def postings(before: FlowRow | None, after: FlowRow, at_ms: int) -> tuple[Posting, ...]:
    """The postings that a change of state demands; `before` is None for a new row."""
    booked = () if before is None else POSTINGS_DUE[before.direction, before.status]
    due = POSTINGS_DUE[after.direction, after.status]
    return tuple(posting(after, kind, at_ms) for kind in due if kind not in booked)
