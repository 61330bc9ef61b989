"""Reads what the audit needs from a running network, through the REST APIs of the hub and of the banks alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Hashable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

import httpx
from pydantic import TypeAdapter

from lab.read.audit import (
    AuditReport,
    BankView,
    Books,
    CourseBankView,
    NetworkSnapshot,
    OwedMoney,
    SettlementAccount,
    audit,
)
from lab.read.exported import BankRows, HubRows, read_postings
from lab.read.per_transfer import OutOfOrder
from lab.read.rest import BankRest, HubRest, Json, NotAllowed, Refused, Unreachable
from lab.read.spill import Unfit

ACTIVITY_POLL_SECONDS: Final = 0.25
"""Between two readings of the activity."""
BANKS_AT_ONCE: Final = 4
"""So many banks are read at the same time."""


_SETTLEMENT: Final = TypeAdapter(SettlementAccount)
_BOOKS: Final = TypeAdapter(Books)
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
        at_hub, under_way = self._open_at_hub()
        accounts = {str(account["ispb"]): account for account in self.hub.settlement_accounts()}
        settlement = frozenset(
            (ispb, account["balance_centavos"], account["reserved_centavos"], account["funded_centavos"])
            for ispb, account in accounts.items()
        )
        counts = frozenset(self.hub.get("/transfers/counts").items())
        at_banks = []
        for ispb, bank in self.banks().items():
            at_bank, undecided, funded_centavos = _open_at_bank(bank)
            at_banks.append((ispb, at_bank))
            # A bank books a funding only when it next asks the hub for its settlement account.
            under_way += undecided + (funded_centavos != accounts.get(ispb, {}).get("funded_centavos", 0))
        at_adapter = tuple(tuple(bank.items()) for bank in self.hub.course()["banks"])
        state = (at_hub, settlement, counts, tuple(at_banks), at_adapter)
        return NetworkActivity(state, under_way)

    def _open_at_hub(self) -> tuple[Hashable, int]:
        """What changes when an open row does, beside the counts by status; and how many are open."""
        counts = self.hub.under_way()
        if counts is not None:
            return frozenset(counts.items()), counts["transfers"] + counts["returns"]
        rows = (*self.hub.transfers(open_only=True), *self.hub.returns("before", "next", open_only=True))
        ids = frozenset((row.get("return_id") or row["end_to_end_id"], row["status"]) for row in rows)
        return ids, len(ids)

    @contextmanager
    def snapshot(self, report_step: StepReporter = no_report) -> Iterator[NetworkSnapshot]:
        """Reads everything, onto the disk: the rows are there until the block ends. Raises `Unreachable`."""
        try:
            with tempfile.TemporaryDirectory(prefix="codepix-audit-") as folder:
                yield self._read(Path(folder), report_step)
        except (Unfit, OutOfOrder) as error:
            raise Unreachable(f"{error}.") from None
        except OSError as error:
            raise Unreachable(f"The audit cannot use {tempfile.gettempdir()}: {error.strerror}.") from error

    def _read(self, folder: Path, report_step: StepReporter) -> NetworkSnapshot:
        names = {str(bank["ispb"]): bank for bank in self.hub.banks()}
        report_step("Reading the hub's data.")
        before = HubRows(self.hub, folder, "before")
        banks = self.banks()
        for ispb in banks:
            report_step("Reading the books of {}.", str(names[ispb]["name"]))

        def read_bank(number: int, ispb: str) -> BankView:
            rest, folder_name = banks[ispb], f"bank{number}"
            return BankView(
                ispb=ispb,
                code=str(names[ispb]["code"]),
                name=str(names[ispb]["name"]),
                books=_BOOKS.validate_python(rest.books()),
                transfers=BankRows(rest, folder, folder_name),
                postings=read_postings(rest, folder, folder_name),
            )

        # A bank's database and service are the slow part, and each bank has others.
        with ThreadPoolExecutor(BANKS_AT_ONCE) as pool:
            views_of_banks = tuple(pool.map(read_bank, range(len(banks)), banks))
        report_step("Reading the hub again.")
        settlement = {
            str(account["ispb"]): _SETTLEMENT.validate_python(account) for account in self.hub.settlement_accounts()
        }
        after = HubRows(self.hub, folder, "after")
        course = self.hub.course()
        views = tuple(
            _COURSE_BANK.validate_python({**bank, "name": names[bank["ispb"]]["name"]}) for bank in course["banks"]
        )
        owed = tuple(_OWED.validate_python(row) for row in course["owed"])
        return NetworkSnapshot(before, settlement, views_of_banks, after, views, owed)

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
            with self.snapshot(report_step) as snapshot:
                is_still = self.activity() == before
                if is_still or time.monotonic() >= deadline:
                    report_step("Comparing all rows.")
                    return audit(snapshot, moving=not is_still)


def _open_at_bank(bank: BankRest) -> tuple[Hashable, int, int]:
    """What changes when a bank's rows or books do, how many rows are undecided, and the fundings that are booked."""
    counts = bank.under_way()
    if counts is not None:
        return frozenset(counts.items()), counts["transfers"] + counts["returns"], counts["funded_centavos"]
    books = bank.books()
    undecided = (*bank.transfers(undecided=True), *bank.returns("after", "next_cursor", undecided=True))
    rows = frozenset((row.get("return_id") or row["end_to_end_id"], row["direction"]) for row in undecided)
    sums = (books["customers_centavos"], books["clearing_centavos"], books["settlement_centavos"])
    return (books["postings"], sums, rows), len(rows), books["capital_centavos"]
