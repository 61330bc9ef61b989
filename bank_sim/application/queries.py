"""What may be asked of the bank without moving anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bank_sim.application.demo_people import cpf_of
from bank_sim.application.mirror_progress import MirrorProgress
from bank_sim.application.ports import Hub, SettlementAccount, UnitOfWork, UnitsOfWork
from bank_sim.application.searching import Wanted
from bank_sim.application.searching import search as search_rows
from bank_sim.application.statement_lines import statement_lines
from bank_sim.application.views import (
    PAGE_SIZE_DEFAULT,
    PAGE_SIZE_MAX,
    AccountPage,
    BooksSummary,
    BooksSums,
    DemoPerson,
    HomePage,
    PostingPage,
    RowFilter,
    StatementFilter,
    StatementLine,
    StatementPage,
    TransferPage,
)
from bank_sim.domain.account import Account, AccountKey
from bank_sim.domain.bank import Participant
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.books import Posting
from bank_sim.domain.errors import AccountNotFound, ScheduleNotFound, TransferNotFound
from bank_sim.domain.flows.flow import FlowRow
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.schedules.model import Execution, Schedule
from pix.scheme.errors import SchemeError
from pix.scheme.features import Feature
from pix.scheme.keys import PixKey
from pix.scheme.postings import Direction

EXAMPLE_CPFS: Final = tuple(cpf_of(f"{123_456_789 + number}") for number in range(50))
"""None of them is a demo person's."""

SCHEDULES_ON_HOME_MAX: Final = 10


class Queries:
    """Reads, each in a separate transaction. Pages are bounded, and their cursors are opaque texts."""

    def __init__(self, units: UnitsOfWork, hub: Hub, mirror_progress: MirrorProgress) -> None:
        self._units = units
        self._hub = hub
        self._mirror_progress = mirror_progress

    def find_account(self, account_number: str) -> Account:
        """Raises AccountNotFound."""
        with self._units() as unit:
            account = unit.accounts.find(account_number)
        if account is None:
            raise AccountNotFound
        return account

    def list_accounts(self, after: str = "", size: int = PAGE_SIZE_DEFAULT) -> AccountPage:
        """By number. Raises SchemeError(field="size")."""
        check_size(size)
        with self._units() as unit:
            accounts = unit.accounts.list(after, size + 1)
        page = accounts[:size]
        return AccountPage(tuple(page), page[-1].number if len(accounts) > size else "")

    def free_tax_id(self) -> str:
        """A valid CPF that has no account here, to try the pages with; empty when all examples are taken."""
        with self._units() as unit:
            taken = unit.accounts.open_tax_ids(EXAMPLE_CPFS)
        return next((example for example in EXAMPLE_CPFS if example not in taken), "")

    def demo_people(self) -> list[DemoPerson]:
        """The demo people who have been seeded, in the order of their account numbers."""
        with self._units() as unit:
            found = {story: unit.accounts.find(number) for story, number in unit.switches.seeded_stories().items()}
        return [DemoPerson(story, account) for story, account in found.items() if account is not None]

    def find_transfer_of_order(self, account_number: str, idempotency_key: str) -> Transfer | None:
        """The transfer that an account's order with this idempotency key has made; None as long as it is not made."""
        place = (account_number, idempotency_key)
        with self._units() as unit:
            return unit.transfers.find_by_idempotency_keys([place]).get(place)

    def keys_of(self, account_number: str) -> list[AccountKey]:
        """In the order of registration. Raises AccountNotFound."""
        with self._units() as unit:
            if unit.accounts.find(account_number) is None:
                raise AccountNotFound
            return unit.keys.of_account(account_number)

    def owner_of_key(self, key: PixKey) -> str | None:
        """The number of the account of this bank that has the key; None when none has."""
        with self._units() as unit:
            return unit.keys.owners([key]).get(key)

    def statement(
        self,
        account_number: str,
        narrow: StatementFilter | None = None,
        before: str = "",
        size: int = PAGE_SIZE_DEFAULT,
    ) -> StatementPage:
        """Newest first. Raises AccountNotFound, SchemeError(field="before" | "size")."""
        check_size(size)
        before_posting_id = _posting_cursor(before)
        with self._units() as unit:
            if unit.accounts.find(account_number) is None:
                raise AccountNotFound
            narrow = narrow or StatementFilter()
            if narrow.search.strip():
                return _search_statement(unit, account_number, narrow, before_posting_id, size)
            lines = statement_lines(unit, account_number, narrow, before_posting_id, size + 1)
        page = lines[:size]
        return StatementPage(tuple(page), str(page[-1].posting_id) if len(lines) > size else "")

    def home(self, account_number: str, lines: int, under_way: int) -> HomePage:
        """The newest lines, undecided payments, and the account, in one transaction. Raises AccountNotFound.

        The account last: a payment that comes between two reads then shows as a line of the next look, and no balance
        is older than the lines beside it.
        """
        # The payee is told of money when it is in the account; before the hub's decision it may still fail.
        narrow = RowFilter(account_number=account_number, direction=Direction.OUTGOING, undecided=True, size=under_way)
        with self._units() as unit:
            newest = statement_lines(unit, account_number, StatementFilter(), None, lines)
            undecided = unit.transfers.list(narrow)
            scheduled = unit.schedules.of_account(account_number, SCHEDULES_ON_HOME_MAX, shown=True)
            account = unit.accounts.find(account_number)
        if account is None:
            raise AccountNotFound
        return HomePage(account, tuple(newest), tuple(undecided), tuple(scheduled))

    def schedules_of(self, account_number: str, size: int = PAGE_SIZE_DEFAULT) -> list[Schedule]:
        """The active ones by the next try, then the others, newest first.

        Raises AccountNotFound, SchemeError(field="size").
        """
        check_size(size)
        with self._units() as unit:
            if unit.accounts.find(account_number) is None:
                raise AccountNotFound
            return unit.schedules.of_account(account_number, size)

    def find_schedule(self, account_number: str, schedule_id: str) -> Schedule:
        """Raises ScheduleNotFound, also for another account's."""
        with self._units() as unit:
            schedule = unit.schedules.find(schedule_id)
        if schedule is None or schedule.account_number != account_number:
            raise ScheduleNotFound
        return schedule

    def executions_of(
        self, account_number: str, schedule_id: str = "", size: int = PAGE_SIZE_DEFAULT
    ) -> list[Execution]:
        """What became of an account's scheduled payments, newest first. Raises SchemeError("size")."""
        check_size(size)
        with self._units() as unit:
            return unit.schedules.executions(account_number, schedule_id, size)

    def find_schedule_of_order(self, account_number: str, idempotency_key: str) -> Schedule | None:
        """The schedule that an account's order with this idempotency key has made; None as long as it is not made."""
        with self._units() as unit:
            return unit.schedules.find_by_idempotency_key(account_number, idempotency_key)

    def find_transfer(self, end_to_end_id: str, direction: Direction) -> Transfer:
        """One side of a transfer; asks the hub whether it is completed, when that is still open.

        Raises TransferNotFound.
        """
        with self._units() as unit:
            transfer = unit.transfers.find(end_to_end_id, direction)
        if transfer is None:
            raise TransferNotFound
        return self._mirror_progress([transfer])[0]

    def list_transfers(
        self,
        *,
        direction: Direction | None = None,
        status: TransferStatus | None = None,
        account_number: str = "",
        undecided: bool = False,
        search: str = "",
        after: str = "",
        size: int = PAGE_SIZE_DEFAULT,
        newest_first: bool = True,
    ) -> TransferPage:
        """As narrowed, by the time of the request. Raises SchemeError(field="after" | "size")."""
        check_size(size)
        narrow = RowFilter(
            direction=direction,
            status=status,
            account_number=account_number,
            undecided=undecided,
            search=search,
            after=read_cursor(after),
            newest_first=newest_first,
            size=size + 1,
        )
        with self._units() as unit:
            if search.strip():
                return _search_transfers(unit, narrow, size)
            transfers = unit.transfers.list(narrow)
        page = transfers[:size]
        return TransferPage(tuple(page), cursor_of(place_of(page[-1])) if len(transfers) > size else "")

    def count_transfers(self) -> Mapping[tuple[Direction, str], int]:
        with self._units() as unit:
            return unit.transfers.count()

    def sums_of_books(self) -> BooksSums:
        """At once, however long the history is."""
        with self._units() as unit:
            return unit.postings.sums()

    def books(self, *, compare_rows: bool = True) -> BooksSummary:
        with self._units() as unit:
            return unit.postings.summary(compare_rows=compare_rows)

    def postings(self, before: str = "", size: int = PAGE_SIZE_DEFAULT) -> PostingPage:
        """Every posting, newest first. Raises SchemeError(field="before" | "size")."""
        check_size(size)
        with self._units() as unit:
            postings = unit.postings.list(_posting_cursor(before), size + 1)
        page = postings[:size]
        return PostingPage(tuple(page), str(page[-1][0]) if len(postings) > size else "")

    def postings_of_transfer(self, end_to_end_id: str) -> list[tuple[int, Posting]]:
        """What is booked for a transfer, oldest first; nothing for one that this bank does not know."""
        with self._units() as unit:
            return unit.postings.of_transfer(end_to_end_id)

    def settlement_at_hub(self) -> SettlementAccount:
        """The account of record, to compare with the books. Raises HubUnavailable."""
        return self._hub.settlement_account()

    def participants(self) -> dict[str, Participant]:
        """The banks of the network as last heard, by ISPB."""
        with self._units() as unit:
            return unit.switches.participants()

    def hub_knows(self, feature: Feature, own_ispb: str) -> bool:
        """Whether the hub's list, as last heard, has the feature among this bank's; it has none that the hub lacks."""
        own = self.participants().get(own_ispb)
        return own is not None and feature in own.features

    def behaviour(self) -> Behaviour:
        with self._units() as unit:
            return unit.switches.behaviour()


def _search_statement(
    unit: UnitOfWork, account_number: str, narrow: StatementFilter, before: int | None, size: int
) -> StatementPage:
    wanted = Wanted.of(narrow.search)

    def is_wanted(line: StatementLine) -> bool:
        texts = (line.counterpart_name, line.counterpart_bank, line.description)
        return wanted.is_in(texts, line.end_to_end_id, line.amount_centavos, line.txid)

    lines, place, is_cut = search_rows(
        lambda after, most: statement_lines(unit, account_number, narrow, after, most),
        lambda line: line.posting_id,
        is_wanted,
        before,
        size,
    )
    return StatementPage(tuple(lines), "" if place is None else str(place), is_cut)


def _search_transfers(unit: UnitOfWork, narrow: RowFilter, size: int) -> TransferPage:
    wanted = Wanted.of(narrow.search)

    def is_wanted(transfer: Transfer) -> bool:
        payee_name = transfer.payee.name if transfer.payee else ""
        texts = (transfer.payer.name, payee_name, transfer.payee_name, transfer.description)
        return wanted.is_in(texts, transfer.end_to_end_id, transfer.amount_centavos, transfer.txid)

    transfers, place, _ = search_rows(
        lambda after, most: unit.transfers.list(replace(narrow, after=after, size=most)),
        place_of,
        is_wanted,
        narrow.after,
        size,
    )
    return TransferPage(tuple(transfers), "" if place is None else cursor_of(place))


def check_size(size: int) -> None:
    """Raises SchemeError(field="size")."""
    if not 1 <= size <= PAGE_SIZE_MAX:
        raise SchemeError("size", f"A page has 1 to {PAGE_SIZE_MAX} entries.")


def _posting_cursor(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise SchemeError("before", "This cursor is not from an earlier page.")
    return int(text)


def read_cursor(text: str) -> tuple[int, str, str] | None:
    """The place behind which a page begins; None for the first. Raises SchemeError(field="after")."""
    if not text:
        return None
    time, _, rest = text.partition(".")
    key, _, direction = rest.partition(".")
    if not (time.isascii() and time.isdigit() and len(time) <= 18 and direction in tuple(Direction)):
        raise SchemeError("after", "This cursor is not from an earlier page.")
    return int(time), key, direction


def place_of(row: FlowRow) -> tuple[int, str, str]:
    """Where a row stands in lists of its flow."""
    return row.requested_at_ms, row.row_id[0], row.direction.value


def cursor_of(place: tuple[int, str, str]) -> str:
    """The cursor of the page that begins behind a row."""
    return ".".join(map(str, place))
