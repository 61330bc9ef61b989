"""What the banks have booked for a transfer, by their own word."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hub.application.ports import BankBooks, BankBooksUnavailable, BankPosting
from hub.application.queries import Queries
from hub.domain.bank import Bank
from hub.domain.flows.transfer.model import Transfer
from pix.scheme.values import value_object


class NoBankBooks:
    def postings(self, bank: Bank, end_to_end_id: str) -> list[BankPosting]:  # noqa: ARG002 - the port's
        raise BankBooksUnavailable("The hub does not query the banks here.")


@value_object
class Bookings:
    """What a bank has booked for a transfer, or why it does not tell."""

    ispb: str
    postings: tuple[BankPosting, ...]
    why_silent: str
    """Empty when it has told."""


def bookings_of(transfer: Transfer, queries: Queries, books: BankBooks) -> list[Bookings]:
    """Asks the banks of both sides at once, outside of any transaction; the payer's comes first."""
    known = {bank.ispb: bank for bank in queries.list_banks()}
    parties = [transfer.payer] if transfer.payee is None else [transfer.payer, transfer.payee]
    ispbs = list(dict.fromkeys(party.ispb for party in parties))

    def ask(ispb: str) -> Bookings:
        if ispb not in known:
            return Bookings(ispb, (), str(BankBooksUnavailable("The hub does not know this bank.")))
        try:
            return Bookings(ispb, tuple(books.postings(known[ispb], transfer.end_to_end_id)), "")
        except BankBooksUnavailable as error:
            return Bookings(ispb, (), error.why)

    with ThreadPoolExecutor(len(ispbs)) as pool:
        return list(pool.map(ask, ispbs))
