"""Reads what the audit needs from a running network, through the REST APIs of the hub and of the banks alone."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

import httpx

from lab.read.audit import (
    UNDECIDED_AT_BANK,
    AuditReport,
    BankTransfer,
    BankView,
    Books,
    HubTransfer,
    Place,
    Posting,
    SettlementAccount,
    Snapshot,
    audit,
)
from lab.read.rest import BankRest, HubRest, Json, NotAllowed, Refused, Unreachable

SIGNS_POLL_SECONDS: Final = 0.25
"""Between two looks at whether anything has moved."""


class Say(Protocol):
    """Is given each step; `values` stand where the text has `{}`."""

    def __call__(self, text: str, *values: object) -> None:
        """Says it."""


def quietly(text: str, *values: object) -> None:
    """Says nothing."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What changes whenever anything moves, and how much is still under way."""

    state: Hashable
    open_transfers: int


class Surveyor:
    """Looks at one network."""

    def __init__(self, hub_url: str, client: httpx.Client, addresses: Mapping[str, str] | None = None) -> None:
        """`addresses` are those of banks, by ISPB, that are reached from here otherwise than they have announced."""
        self._client = client
        self._addresses = addresses or {}
        self.hub = HubRest(hub_url, client)

    def banks(self) -> dict[str, BankRest]:
        """The banks' APIs by ISPB, at the addresses that they announced to the hub unless told better.

        Raises `Unreachable`.
        """
        found = {}
        for bank in self.hub.banks():
            name = f"Bank {bank['code']} ({bank['name']})"
            url = self._addresses.get(bank["ispb"]) or bank["url"]
            if not url:
                raise Unreachable(f"{name} has never told the hub where it is.")
            found[str(bank["ispb"])] = BankRest(name, str(url), self._client)
        return found

    def signs(self) -> Signs:
        """Whether anything moves is seen by comparing two of these."""
        open_at_hub = frozenset((row["end_to_end_id"], row["status"]) for row in self.hub.transfers(open_only=True))
        settlement = frozenset(
            (account["ispb"], account["balance_centavos"], account["reserved_centavos"])
            for account in self.hub.settlement_accounts()
        )
        counts = frozenset(self.hub.get("/transfers/counts").items())
        at_banks = []
        undecided = 0
        for ispb, bank in self.banks().items():
            books = bank.books()
            rows = frozenset((row["end_to_end_id"], row["direction"]) for row in bank.transfers(undecided=True))
            undecided += len(rows)
            sums = (books["customers_centavos"], books["clearing_centavos"], books["settlement_centavos"])
            at_banks.append((ispb, books["postings"], sums, rows))
        return Signs((open_at_hub, settlement, counts, tuple(at_banks)), len(open_at_hub) + undecided)

    def snapshot(self, say: Say = quietly) -> Snapshot:
        """Reads everything. Raises `Unreachable`."""
        names = {str(bank["ispb"]): bank for bank in self.hub.banks()}
        say("Reading the hub's data.")
        before = tuple(_hub_transfer(row) for row in self.hub.transfers())
        banks = []
        for ispb, bank in self.banks().items():
            name = str(names[ispb]["name"])
            say("Reading the books of {}.", name)
            banks.append(
                BankView(
                    ispb=ispb,
                    code=str(names[ispb]["code"]),
                    name=name,
                    books=_books(bank.books()),
                    transfers=tuple(_bank_transfer(row) for row in bank.transfers()),
                    postings=tuple(_posting(row) for row in bank.postings()),
                )
            )
        say("Reading the hub again.")
        settlement = {
            str(account["ispb"]): SettlementAccount(
                account["balance_centavos"], account["reserved_centavos"], account["funded_centavos"]
            )
            for account in self.hub.settlement_accounts()
        }
        after = tuple(_hub_transfer(row) for row in self.hub.transfers())
        return Snapshot(before, settlement, tuple(banks), after)

    def find_transfer(self, end_to_end_id: str) -> Json | None:
        """The hub's row with its history; None when the hub does not know it. Raises `Unreachable`."""
        try:
            return self.hub.transfer(end_to_end_id)
        except Refused as refused:
            if refused.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def wait_for_quiet(self, seconds_max: float) -> bool:
        """Waits until nothing is under way and nothing moves. False when it does not come to that in time.

        Services that do not answer are waited for too. Raises `Unreachable` when one is still away at the end.
        """
        deadline = time.monotonic() + seconds_max
        last: Signs | None = None
        while True:
            try:
                signs = self.signs()
                if signs == last and signs.open_transfers == 0:
                    return True
                last = signs
            except NotAllowed:
                raise
            except Unreachable:
                last = None
                if time.monotonic() >= deadline:
                    raise
            if time.monotonic() >= deadline:
                return False
            time.sleep(SIGNS_POLL_SECONDS)

    def audit(self, wait_seconds: float, say: Say = quietly) -> AuditReport:
        """Audits the network once it is quiet, or as it is when it has not become so in time.

        What is still under way after the wait is allowed for. Only when things move while they are read, in each of
        the attempts, does the report say so. `say` is given each step. Raises `Unreachable`.
        """
        deadline = time.monotonic() + wait_seconds
        say("Waiting for pending transfers.")
        self.wait_for_quiet(wait_seconds)
        while True:
            before = self.signs()
            snapshot = self.snapshot(say)
            is_still = self.signs() == before
            if is_still or time.monotonic() >= deadline:
                return audit(snapshot, moving=not is_still)


def _place(party: Json | None) -> Place | None:
    return None if party is None else Place(str(party["ispb"]), str(party["account_number"]))


def _required_place(party: Json) -> Place:
    return Place(str(party["ispb"]), str(party["account_number"]))


def _hub_transfer(row: Json) -> HubTransfer:
    return HubTransfer(
        end_to_end_id=row["end_to_end_id"],
        status=row["status"],
        reason=row["reason"],
        amount_centavos=row["amount_centavos"],
        payer=_required_place(row["payer"]),
        payee=_place(row["payee"]),
        is_closed=row["closed_at_ms"] is not None,
    )


def _bank_transfer(row: Json) -> BankTransfer:
    undecided = row["status"] in UNDECIDED_AT_BANK
    return BankTransfer(
        end_to_end_id=row["end_to_end_id"],
        direction=row["direction"],
        status=row["status"],
        reason=row["reason"],
        amount_centavos=row["amount_centavos"],
        payer=_required_place(row["payer"]),
        payee=_place(row["payee"]),
        owes_message=undecided if "resend_at_ms" not in row else row["resend_at_ms"] is not None,
    )


def _posting(row: Json) -> Posting:
    return Posting(
        posting_id=row["posting_id"],
        kind=row["kind"],
        debit_account=row["debit_account"],
        credit_account=row["credit_account"],
        amount_centavos=row["amount_centavos"],
        end_to_end_id=row["end_to_end_id"],
        direction=row["direction"],
        operation_id=row["operation_id"],
    )


def _books(row: Json) -> Books:
    return Books(
        customers_centavos=row["customers_centavos"],
        customers_posted_centavos=row["customers_posted_centavos"],
        clearing_centavos=row["clearing_centavos"],
        settlement_centavos=row["settlement_centavos"],
        cash_centavos=row["cash_centavos"],
        capital_centavos=row["capital_centavos"],
        deposits_centavos=row["deposits_centavos"],
        negative_accounts=tuple(row["negative_accounts"]),
        unbalanced_accounts=tuple(row["unbalanced_accounts"]),
        unbalanced_transfers=tuple(row["unbalanced_transfers"]),
    )
