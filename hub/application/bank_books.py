"""What the banks have booked for a transfer or a return, read from the banks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hub.application.ports import BankBooks, BankBooksUnavailable, BankPosting
from hub.application.queries import Queries
from hub.domain.bank import Bank
from hub.domain.flows.returns.model import Return
from hub.domain.flows.transfer.model import Transfer
from pix.scheme.values import value_object


class NoBankBooks:
    def postings(self, bank: Bank, end_to_end_id: str) -> list[BankPosting]:  # noqa: ARG002 - the port's
        raise BankBooksUnavailable("The hub does not query the banks here.")


@value_object
class Bookings:
    """What a bank has booked for a row, or why it does not tell."""

    ispb: str
    postings: tuple[BankPosting, ...]
    why_silent: str
    """Empty when it has told."""


def bookings_of(row: Transfer | Return, queries: Queries, books: BankBooks) -> list[Bookings]:
    """Asks the banks of both sides at once, outside of any transaction; the payer's comes first.

    Of a return that was refused at once the hub may know the requesting bank alone.
    """
    known = {bank.ispb: bank for bank in queries.list_banks()}
    ispbs = list(dict.fromkeys(party.ispb for party in (row.payer, row.payee) if party is not None))
    if isinstance(row, Return) and row.requester_ispb not in ispbs:
        ispbs.append(row.requester_ispb)

    def ask(ispb: str) -> Bookings:
        if ispb not in known:
            return Bookings(ispb, (), str(BankBooksUnavailable("The hub does not know this bank.")))
        try:
            return Bookings(ispb, tuple(books.postings(known[ispb], row.row_id)), "")
        except BankBooksUnavailable as error:
            return Bookings(ispb, (), error.why)

    with ThreadPoolExecutor(len(ispbs)) as pool:
        return list(pool.map(ask, ispbs))
