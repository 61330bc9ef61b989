"""Reads what the audit needs from a running network, through the REST APIs of the hub and of the banks alone."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

import httpx
from pydantic import TypeAdapter

from lab.read.audit import (
    UNDECIDED_AT_BANK,
    AuditReport,
    BankTransfer,
    BankView,
    Books,
    CourseBankView,
    HubTransfer,
    NetworkSnapshot,
    OwedMoney,
    Posting,
    SettlementAccount,
    audit,
)
from lab.read.rest import BankRest, HubRest, Json, NotAllowed, Refused, Unreachable

ACTIVITY_POLL_SECONDS: Final = 0.25
"""Between two readings of the activity."""


_HUB_TRANSFER: Final = TypeAdapter(HubTransfer)
_BANK_TRANSFER: Final = TypeAdapter(BankTransfer)
_SETTLEMENT: Final = TypeAdapter(SettlementAccount)
_BOOKS: Final = TypeAdapter(Books)
_POSTING: Final = TypeAdapter(Posting)
_COURSE_BANK: Final = TypeAdapter(CourseBankView)
_OWED: Final = TypeAdapter(OwedMoney)


class StepReporter(Protocol):
    """Called with each step; `values` stand where the text has `{}`."""

    def __call__(self, text: str, *values: object) -> None:
        """Says it."""


def no_report(text: str, *values: object) -> None:
    """Says nothing."""


@dataclass(frozen=True, slots=True)
class NetworkActivity:
    """A fingerprint that changes whenever money moves, and how many transfers and fundings are under way."""

    state: Hashable
    under_way: int
    """Open transfers, and banks that have yet to book a funding of their settlement account."""


class NetworkReader:
    """Reads one network through its REST APIs."""

    def __init__(self, hub_url: str, client: httpx.Client, addresses: Mapping[str, str] | None = None) -> None:
        """`addresses` are those of banks, by ISPB, that are reached from here otherwise than they have announced."""
        self._client = client
        self._addresses = addresses or {}
        self.hub = HubRest(hub_url, client)

    def banks(self) -> dict[str, BankRest]:
        """The banks' APIs by ISPB, at the addresses that they announced to the hub, unless `addresses` names another.

        Leaves out banks of the original course, which have no such API. Raises `Unreachable`.
        """
        found = {}
        course = {bank["ispb"] for bank in self.hub.course()["banks"]}
        for bank in self.hub.banks():
            if bank["ispb"] in course:
                continue
            name = f"Bank {bank['code']} ({bank['name']})"
            url = self._addresses.get(bank["ispb"]) or bank["url"]
            if not url:
                raise Unreachable(f"{name} has never told the hub where it is.")
            found[str(bank["ispb"])] = BankRest(name, str(url), self._client)
        return found

    def activity(self) -> NetworkActivity:
        """The network's activity now; two equal ones in a row mean that nothing moves."""
        open_at_hub = frozenset(
            (row.get("return_id") or row["end_to_end_id"], row["status"])
            for row in (*self.hub.transfers(open_only=True), *self.hub.returns("before", "next", open_only=True))
        )
        accounts = {str(account["ispb"]): account for account in self.hub.settlement_accounts()}
        settlement = frozenset(
            (ispb, account["balance_centavos"], account["reserved_centavos"], account["funded_centavos"])
            for ispb, account in accounts.items()
        )
        counts = frozenset(self.hub.get("/transfers/counts").items())
        at_banks = []
        under_way = len(open_at_hub)
        for ispb, bank in self.banks().items():
            books = bank.books()
            rows = frozenset(
                (row.get("return_id") or row["end_to_end_id"], row["direction"])
                for row in (
                    *bank.transfers(undecided=True),
                    *bank.returns("after", "next_cursor", undecided=True),
                )
            )
            under_way += len(rows)
            # A bank books a funding only when it next asks the hub for its settlement account.
            funded_centavos = accounts.get(ispb, {}).get("funded_centavos", 0)
            under_way += books["capital_centavos"] != funded_centavos
            sums = (books["customers_centavos"], books["clearing_centavos"], books["settlement_centavos"])
            at_banks.append((ispb, books["postings"], sums, rows))
        at_adapter = tuple(tuple(bank.items()) for bank in self.hub.course()["banks"])
        state = (open_at_hub, settlement, counts, tuple(at_banks), at_adapter)
        return NetworkActivity(state, under_way)

    def snapshot(self, report_step: StepReporter = no_report) -> NetworkSnapshot:
        """Reads everything. Raises `Unreachable`."""
        names = {str(bank["ispb"]): bank for bank in self.hub.banks()}
        report_step("Reading the hub's data.")
        before = self._hub_rows()
        banks = []
        for ispb, bank in self.banks().items():
            name = str(names[ispb]["name"])
            report_step("Reading the books of {}.", name)
            banks.append(
                BankView(
                    ispb=ispb,
                    code=str(names[ispb]["code"]),
                    name=name,
                    books=_BOOKS.validate_python(bank.books()),
                    transfers=tuple(
                        _bank_transfer(row)
                        for row in (*bank.transfers(), *map(_as_transfer, bank.returns("after", "next_cursor")))
                    ),
                    postings=tuple(_POSTING.validate_python(row) for row in bank.postings()),
                )
            )
        report_step("Reading the hub again.")
        settlement = {
            str(account["ispb"]): _SETTLEMENT.validate_python(account) for account in self.hub.settlement_accounts()
        }
        after = self._hub_rows()
        course = self.hub.course()
        views = tuple(
            _COURSE_BANK.validate_python({**bank, "name": names[bank["ispb"]]["name"]}) for bank in course["banks"]
        )
        owed = tuple(_OWED.validate_python(row) for row in course["owed"])
        return NetworkSnapshot(before, settlement, tuple(banks), after, views, owed)

    def _hub_rows(self) -> tuple[HubTransfer, ...]:
        # A return without parties is of a transfer that the bank may not return: no bank but that one knows it.
        returns = (_as_transfer(row) for row in self.hub.returns("before", "next") if row["payer"] is not None)
        return tuple(_hub_transfer(row) for row in (*self.hub.transfers(), *returns))

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
        last: NetworkActivity | None = None
        while True:
            try:
                activity = self.activity()
                if activity == last and activity.under_way == 0:
                    return True
                last = activity
            except NotAllowed:
                raise
            except Unreachable:
                last = None
                if time.monotonic() >= deadline:
                    raise
            if time.monotonic() >= deadline:
                return False
            time.sleep(ACTIVITY_POLL_SECONDS)

    def audit(self, wait_seconds: float, report_step: StepReporter = no_report) -> AuditReport:
        """Audits the network once it is quiet, or as it is when it has not become so in time.

        What is still under way after the wait is allowed for. Only when things move while they are read, in each of
        the attempts, does the report say so. `report_step` is given each step. Raises `Unreachable`.
        """
        deadline = time.monotonic() + wait_seconds
        report_step("Waiting for pending transfers.")
        self.wait_for_quiet(wait_seconds)
        while True:
            before = self.activity()
            snapshot = self.snapshot(report_step)
            is_still = self.activity() == before
            if is_still or time.monotonic() >= deadline:
                return audit(snapshot, moving=not is_still)


def _as_transfer(row: Json) -> Json:
    """A return as what it is for the books: a transfer of the original's payee to its payer."""
    return {**row, "end_to_end_id": row["return_id"], "payer": row["payee"], "payee": row["payer"]}


def _hub_transfer(row: Json) -> HubTransfer:
    return _HUB_TRANSFER.validate_python({**row, "is_closed": row["closed_at_ms"] is not None})


def _bank_transfer(row: Json) -> BankTransfer:
    undecided = row["status"] in UNDECIDED_AT_BANK
    owes_message = undecided if "resend_at_ms" not in row else row["resend_at_ms"] is not None
    return _BANK_TRANSFER.validate_python({**row, "owes_message": owes_message})
