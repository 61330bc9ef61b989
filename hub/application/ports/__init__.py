"""What the hub's use cases need from outside, as they need it. Adapters and the simulation's memory stores provide it.

Every method of a repository works inside its unit of work's transaction and may raise
`pix.runtime.outages.DatabaseUnavailable`; then nothing of the transaction has happened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from hub.application.ports.trail import TrailRepository
from hub.domain.bank import Bank, BankSecret
from hub.domain.directory import Account, KeyEntry, KeyEvent
from hub.domain.flows.transfer.model import Transfer, TransferStatus
from hub.domain.liveness import BankInstance
from hub.domain.look_ups import DirectoryReading
from hub.domain.settlement import AccountChange, Funding, SettlementAccount
from hub.domain.tallies import Tally, TallyKey
from pix.participant.clock.model import ClockReport, ClockRepository
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.scheme.exports import ExportKey, ExportPage
from pix.scheme.flows import Step
from pix.scheme.ids import END_TO_END_ID_LENGTH
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Message
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object

Row = TypeVar("Row")
Position = TypeVar("Position")


@value_object
class Found(Generic[Row, Position]):
    """What a search has found, and how far it has looked."""

    rows: list[Row]
    cut_at: Position | None
    """The last place that was looked at, when the search ended there because it had looked at enough."""


@value_object
class Latency:
    """How long the transfers took that the hub received in a step of time, from then until they were completed."""

    from_ms: int
    transfers: int
    """That were looked at and are completed."""
    p50_ms: int
    p99_ms: int


@value_object
class Activity:
    """The transfers that the hub received in a step of time, of which the newest were looked at."""

    from_ms: int
    seen: int
    """That were looked at."""
    oldest_ms: int
    """When the oldest of them was received."""
    completed: int
    failed: int
    p50_ms: int | None
    """From receipt to completion; None when none is completed."""
    p99_ms: int | None


@value_object
class TransferFilter:
    """What a list of transfers shows; empty fields do not narrow it."""

    ispb: str = ""
    """Either side."""
    status: TransferStatus | None = None
    before: tuple[int, str] | None = None
    """Only those older than this (received_at_ms, end_to_end_id): the last of the previous page."""
    open_only: bool = False
    """Only those of which something is still owed."""
    id_part: str = ""
    """Only those with this in their end-to-end id; case matters, as it does in the id."""
    key: str = ""
    """Only those paid to this key, in its stored form."""
    key_beginnings: tuple[str, ...] = ()
    """Only those paid to a key whose stored form begins with one of these."""
    txid: str = ""
    """Only those with this txid; case matters."""
    name_part: str = ""
    """Only those whose payer or payee has this in the name; without accents and case (`pix.scheme.searching.fold`)."""
    amount_centavos: int | None = None
    reason: ReasonCode | None = None
    received_from_ms: int | None = None
    """Only those that the hub received at this time or later."""
    received_before_ms: int | None = None
    """Only those that the hub received before this time."""
    size: int = 50
    examined_max: int = 50_000
    """No more of the newest transfers are looked at, so that a search costs the same in a long history."""

    @property
    def whole_id(self) -> str:
        """The id, if a whole one is given: then there is nothing to search."""
        return self.id_part if len(self.id_part) == END_TO_END_ID_LENGTH else ""

    @property
    def part_of_id(self) -> str:
        """The part of an id, if no whole one is given."""
        return "" if self.whole_id else self.id_part

    @property
    def is_search(self) -> bool:
        """Whether it may have to look at many transfers to find a few."""
        is_narrow = (
            self.ispb
            or self.status
            or self.id_part
            or self.key
            or self.key_beginnings
            or self.reason
            or self.txid
            or self.name_part
        )
        return not (self.open_only or self.whole_id) and (bool(is_narrow) or self.amount_centavos is not None)


@value_object
class KeyFilter:
    """Which keys a search of the directory finds; empty fields do not narrow it."""

    beginnings: tuple[str, ...] = ()
    """Of the key in its stored form, one of these; none begins with another."""
    kind: KeyKind | None = None
    ispb: str = ""
    holder_part: str = ""
    """Only those whose holder has this in the name, without accents and case; folded."""
    after: tuple[str, str] | None = None
    """Only those behind this (key, kind): the last of the previous page."""
    size: int = 50
    examined_max: int = 20_000
    """No more keys with this beginning are looked at, so that a search costs the same in a large directory."""


@value_object
class RowChange(Generic[Row]):
    """What a transaction makes of one row."""

    row: Row
    """As it stands afterwards."""
    steps: tuple[Step[Any, Any], ...]
    """New lines of its history, oldest first."""
    is_new: bool = False


class SettlementConflict(Exception):
    """Another transaction has moved settlement money since it was read: read it again, and hold it this time."""


class RowRepository(Protocol[Row]):
    """The rows of one flow, each with its history."""

    def lock(self, ids: Collection[str], *, surely: Collection[str] = ()) -> dict[str, Row]:
        """Those that exist, for this transaction to change; with the readings that are asked for by their ids.

        Locked until its end, taken in the order of their ids; or as this process wrote them last, and then `save` finds
        out whether another replica has changed them since. Those of `surely` are locked and read in any case.
        """

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Row]:
        """At most `size` of which a message is due to be sent again; skips what another replica holds.

        One that is due later than `wait_ms_max` from now is due as well: no row waits longer than that, so the clock
        has gone back since.
        """

    def lock_waiting(self, real_now_ms: int, before_ms: int, ispb: str, size: int) -> list[Row]:
        """At most `size` of this bank's that are due later than now and before that time, the last due first.

        The bank is one of the two sides, and need not be the one whose answer is missing. Skips what another replica
        holds.
        """

    def lock_expired(self, real_now_ms: int, timeout_ms: int, size: int, wait_ms_max: int) -> list[Row]:
        """At most `size` of those that are due, pending, and older than the timeout; skips what another replica holds.

        One that was received later than `timeout_ms` from now has expired as well: the clock has gone back since, and
        clocks of replicas that differ by less than the timeout fail nothing early.
        """

    def save(self, changes: Sequence[RowChange[Row]]) -> None:
        """New rows, and rows that were locked in this transaction, each with the new lines of its history.

        A new id that exists by now, or a row that is not as `lock` gave it, is a DatabaseUnavailable: another replica
        was quicker, read the batch again.
        """

    def find(self, row_id: str) -> tuple[Row, list[Step[Any, Any]]] | None:
        """A row and its history, oldest step first."""

    def open_ids(self, size: int) -> list[str]:
        """At most `size` of the rows that owe something, due first."""

    def find_many(self, ids: Collection[str]) -> list[Row]:
        """Those that exist, in no order; without locks."""

    def export(self, after: ExportKey | None, size: int) -> ExportPage:
        """At most `size` rows behind an id, or the first ones, by id: `EXPORTED_BY_HUB` of each."""

    def count_open(self) -> int:
        """How many rows owe something."""


class TransferRepository(RowRepository[Transfer], Protocol):
    """The transfers."""

    def search(self, narrow: TransferFilter) -> Found[Transfer, tuple[int, str]]:
        """Newest first. It is cut at a (received_at_ms, end_to_end_id)."""

    def latencies(self, from_ms: int, until_ms: int, step_ms: int, size: int) -> list[Latency]:
        """How long transfers took that were received in this time, a step each; of `size` in each step at most."""

    def activity(self, from_ms: int, until_ms: int, step_ms: int, size: int) -> list[Activity]:
        """What was received in this time, by steps, oldest first; without empty steps. Looks at `size` of each."""

    def oldest_offers(self, size: int) -> dict[str, int]:
        """When the oldest unanswered offer to each bank was made, in real time, by ISPB, among the `size` due first."""


@value_object
class ClockJump:
    """A move of the network's clock to a later time, which stops at every due item on its way."""

    target_ms: int
    """In scheme time."""
    stopped_at_ms: int
    """When it last stopped, or began, in real time."""
    given_up: tuple[str, ...] = ()
    """What was still open when the wait at a stop was over: later stops do not wait for it."""
    is_done: bool = False


@value_object
class BankClock:
    """What a process of a bank said last of the clock."""

    ispb: str
    report: ClockReport
    reported_at_ms: int
    """In real time."""


class ClockJumpRepository(Protocol):
    """How the network's clock is moved, beside its row in `ClockRepository`."""

    def find(self) -> ClockJump | None:
        """The last one."""

    def save(self, jump: ClockJump) -> None:
        """Stores it in place of the last one."""

    def put_report(self, report: BankClock) -> None:
        """What a process says now."""

    def forget_reports(self, before_ms: int, after_ms: int) -> None:
        """Drops what was said before the one time, or after the other."""

    def reports(self) -> list[BankClock]:
        """What is not forgotten, by ISPB and process."""


class TallyRepository(Protocol):
    """How many transfers stand how, kept by what each transaction changes."""

    def lock(self) -> None:
        """Takes the lock that `add` takes, before anything that is locked after the tallies."""

    def add(self, changes: Mapping[TallyKey, Tally]) -> None:
        """Adds what this transaction has changed in the transfers, under a lock of this process's tallies."""

    def all(self) -> dict[TallyKey, Tally]:
        """Every sort of which there are transfers."""

    def recount(self) -> None:
        """Counts every transfer anew under a lock of the table, for transfers of a version without tallies."""


class BankRepository(Protocol):
    """The participants."""

    def all(self) -> dict[str, Bank]:
        """By ISPB."""

    def secrets(self) -> dict[str, list[BankSecret]]:
        """The valid secrets of each bank, newest first, by ISPB."""

    def add(self, bank: Bank) -> None:
        """A new bank. Raises BankAlreadyAdded."""

    def update(self, bank: Bank) -> None:
        """What a bank that exists says of itself; whether it is active it does not say."""

    def set_active(self, ispb: str, *, active: bool) -> None:
        """Whether a bank that exists may take part."""

    def add_secret(self, secret: BankSecret) -> None:
        """One more secret, or one that is there with another time; the caller retires the old ones."""

    def retire_secrets(self, ispb: str, keep: int) -> None:
        """Forgets all but the newest `keep` secrets of a bank."""


class HeartbeatRepository(Protocol):
    """What the banks' processes have said of themselves."""

    def put(self, instance: BankInstance) -> None:
        """What a process says now; a word that is older than what is known changes nothing.

        Unless it is older by more than `HEARTBEAT_AGE_MS_MAX`: then the hub's clock has gone back.
        """

    def forget(self, last_seen_before_ms: int, last_seen_after_ms: int) -> None:
        """Drops processes that were last heard of before the one time, or after the other."""

    def all(self) -> list[BankInstance]:
        """Every process that is not forgotten."""


class SettlementRepository(Protocol):
    """The settlement accounts: the last thing that a transaction locks (see `UnitOfWork`)."""

    def lock(self, ispbs: Collection[str]) -> dict[str, SettlementAccount]:
        """Those that exist, locked until the end of the transaction, taken in the order of the ISPBs."""

    def save(self, accounts: Sequence[SettlementAccount]) -> None:
        """Accounts that were locked in this transaction."""

    def add(self, changes: Sequence[AccountChange]) -> None:
        """Adds to accounts, whatever they hold by now.

        When one would break a rule by it (less than nothing reserved, or more than there is), this or the commit raises
        SettlementConflict out of the unit of work.
        """

    def open(self, ispb: str) -> None:
        """An empty account for a new bank."""

    def all(self) -> dict[str, SettlementAccount]:
        """By ISPB; without locks."""

    def add_funding(self, funding: Funding) -> bool:
        """Notes a funding; the caller saves the account. False when there is one with this id."""

    def find_funding(self, funding_id: str) -> Funding | None:
        """One of them."""

    def fundings(self, ispb: str) -> list[Funding]:
        """Oldest first."""

    def largest_fundings(self) -> dict[str, int]:
        """The largest amount that each bank was funded with at once, by ISPB."""


class KeyRepository(Protocol):
    """The directory."""

    def find_many(self, keys: Collection[PixKey]) -> dict[PixKey, KeyEntry]:
        """Those that exist."""

    def find_by_requests(self, requests: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], KeyEntry]:
        """The random keys that banks registered with ids of their own: by (ISPB, request id), those that exist."""

    def lock_accounts(self, accounts: Collection[Account]) -> Mapping[Account, int]:
        """How many keys each has; no other transaction registers one for them until this one ends."""

    def add(self, entries: Sequence[KeyEntry]) -> int:
        """Adds keys, notes each in the key's history, and returns how many those are.

        Fewer than were given when one exists by now, or its bank has used the request's id for another.
        """

    def remove(self, key: PixKey, ispb: str, now_ms: int, account: tuple[str, str] | None = None) -> bool:
        """Removes a key, and notes it in the key's history. False when the bank has no such key.

        With `account` (branch and number) only while the key pays into it.
        """

    def history(self, key: PixKey) -> list[KeyEvent]:
        """The history of a key, oldest first; empty if it was never registered."""

    def search(self, narrow: KeyFilter) -> Found[KeyEntry, tuple[str, str]]:
        """In the order of (key, kind)."""

    def list_of_bank(
        self, ispb: str, branch: str, account_number: str, after: tuple[int, str] | None, size: int
    ) -> list[KeyEntry]:
        """In the order of registration, after this (registered_at_ms, key). Empty branch and number: all accounts."""

    def count_by_kind(self) -> Mapping[tuple[str, KeyKind], int]:
        """How many keys each bank has of each kind, by (ISPB, kind)."""


class Directory(Protocol):
    """The directory as look-ups read it: many hundred times a second, and never to change it."""

    def read(self, keys: Collection[PixKey]) -> DirectoryReading:
        """The banks, their secrets and those of the keys that exist, all of one moment after this call began.

        Raises `pix.runtime.outages.DatabaseUnavailable`.
        """

    def begin(self, keys: Collection[PixKey]) -> ReadingUnderWay | None:
        """Begins to read, and returns at once. None when that cannot be without a wait: then `read` does it."""


class ReadingUnderWay(Protocol):
    """A reading of the directory that was begun. It is to be asked until it has, or raises, something."""

    def reading(self) -> DirectoryReading | None:
        """What was read; None while it is not there. Never waits.

        Raises `pix.runtime.outages.ConnectionLost`, after which `read` may do, and DatabaseUnavailable.
        """

    def wait(self, seconds: float) -> None:
        """Until there is something new to know, but not longer."""


class UnitOfWork(Protocol):
    """One transaction. Leaving it without `commit` undoes all.

    Every transaction locks in one order, so that no two wait for each other:

    1. the letter that a person replays or discards, alone in its transaction, or after the transfers at a bank;
    2. rows that exist, flow by flow, each in the order of their ids (sweepers skip what is locked, and so wait for
       none); then new rows, in the same order;
    3. the tallies of the process;
    4. dead letters, in the order of their digests;
    5. settlement accounts, in the order of their ISPBs, until the commit.

    A recount locks the table of the transfers, and then the tallies. A funding and an admission lock settlement
    accounts alone. Rows that a process knows from its last commit are locked when they are saved, and new rows when
    they are added; while partitions change hands two replicas may so meet on the same transfers in another order. Then
    PostgreSQL ends one of the two transactions after its `deadlock_timeout`, and the batch is read again.
    """

    @property
    def rows(self) -> Mapping[str, RowRepository[Any]]:
        """By the name of the flow, in the order of locking."""

    @property
    def transfers(self) -> TransferRepository:
        """Those of the flow `transfer`."""

    @property
    def tallies(self) -> TallyRepository:
        """How many transfers stand how."""

    @property
    def banks(self) -> BankRepository:
        """The participants."""

    @property
    def heartbeats(self) -> HeartbeatRepository:
        """What the banks' processes have said of themselves."""

    @property
    def settlement(self) -> SettlementRepository:
        """The settlement accounts."""

    @property
    def keys(self) -> KeyRepository:
        """The directory."""

    @property
    def clock(self) -> ClockRepository:
        """The network's clock."""

    @property
    def clock_jump(self) -> ClockJumpRepository:
        """How it is moved."""

    @property
    def dead_letters(self) -> DeadLetterRepository:
        """The dead letters."""

    @property
    def trail(self) -> TrailRepository:
        """The operators' audit trail: appended to at the end of a transaction, and never waited for."""

    def __enter__(self) -> UnitOfWork:
        """Begins."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends; undoes what was not committed."""

    def commit(self) -> None:
        """Makes it durable."""


class UnitsOfWork(Protocol):
    """Opens units of work."""

    def __call__(self) -> UnitOfWork:
        """A new one."""


@value_object
class BankPosting:
    """One entry of a bank's books, as that bank tells it."""

    kind: str
    debit_account: str
    credit_account: str
    amount_centavos: int
    posted_at_ms: int
    direction: str
    """`outgoing` at the payer's bank, `incoming` at the payee's."""


class BankBooksUnavailable(Exception):
    """A bank does not tell what it has booked; `why` is a sentence for people."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class BankBooks(Protocol):
    """The books of the banks."""

    def postings(self, bank: Bank, end_to_end_id: str) -> list[BankPosting]:
        """The bank's postings of a transfer, oldest first. Waits for seconds at most. Raises BankBooksUnavailable."""


@value_object
class ReadMessage:
    """A message with its participants: `hub`, a bank's three digits, or empty for a stranger."""

    sender: str
    receiver: str
    message: Message | None
    """None when its receiver rejects it."""
    reason: str = ""
    """Why its receiver rejects it."""


class PassedMessage(Protocol):
    """A message that has passed; it is read only if it is shown."""

    @property
    def at_ms(self) -> int:
        """When it was sent, by its sender's clock."""

    @property
    def claimed_id(self) -> bytes:
        """The end-to-end id that it claims to be about, unchecked."""

    def read(self) -> ReadMessage:
        """Raises DatabaseUnavailable."""


class MessageTap(Protocol):
    """Copies of the messages that pass between the hub and the banks."""

    def poll(self, timeout_seconds: float) -> Sequence[PassedMessage]:
        """Those that passed since the last call; waits at most this long.

        Raises BrokerUnavailable; then the tap is closed, and another one made.
        """

    def close(self) -> None:
        """Ends the tap."""
