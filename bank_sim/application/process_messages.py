"""The bank's main use case: a batch of records from the hub is decided in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bank_sim.application.message_signer import Seal
from bank_sim.application.ports import RowExists, TransferId, UnitOfWork, UnitsOfWork
from bank_sim.domain import books
from bank_sim.domain.account import Account
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.books import Posting
from bank_sim.domain.flows.transfer.decisions import Decision, Facts, account_needed, decide, direction_of
from bank_sim.domain.flows.transfer.model import Transfer
from pix.participant.dead_letters import DeadLetter, dead_letter
from pix.runtime.clock import Clock
from pix.scheme.ids import is_end_to_end_id
from pix.scheme.messages import HubMessage, TransferConfirmed, TransferFailed, TransferOffered
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.records import HUB_SENDER, MESSAGES_OF_HUB, Received, Record, Unreadable, decode_record

ATTEMPTS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of a batch: the records that are owed for it, and what died."""

    outgoing: tuple[Record, ...]
    letters: tuple[DeadLetter, ...]


@dataclass(slots=True)
class _Fold:
    """A batch in the making: what is known, what has changed, what is owed. Statements are few, whatever its size."""

    transfers: dict[TransferId, Transfer]
    accounts: dict[str, Account]
    known: frozenset[TransferId]
    changed: dict[TransferId, Transfer] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    postings: list[Posting] = field(default_factory=list)
    outgoing: list[Record] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)

    def apply(self, transfer_id: TransferId, decision: Decision) -> None:
        """Takes a decision into the batch."""
        if decision.transfer is not None:
            self.transfers[transfer_id] = self.changed[transfer_id] = decision.transfer
        for posting in decision.postings:
            if posting.account_number is not None:
                account, booked = books.book(self.accounts[posting.account_number], posting)
                self.accounts[account.number] = account
                self.booked.add(account.number)
                self.postings.append(booked)
            else:
                self.postings.append(posting)

    def save(self, unit: UnitOfWork) -> None:
        """Writes what has changed."""
        unit.transfers.add(
            [transfer for transfer_id, transfer in self.changed.items() if transfer_id not in self.known]
        )
        unit.transfers.save([transfer for transfer_id, transfer in self.changed.items() if transfer_id in self.known])
        unit.postings.add(self.postings)
        unit.accounts.save([self.accounts[number] for number in sorted(self.booked)])
        unit.dead_letters.add(self.letters)


class ProcessMessages:
    """Decides on what the hub has sent, durably; returns what to send once it is.

    Locks transfers in the order of their ids, then accounts in the order of their numbers, as everybody here does.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        seal: Seal,
        clock: Clock,
        identity: BankIdentity,
        policy: RetransmissionPolicy,
        decide_on: Callable[..., Decision] = decide,
    ) -> None:
        """`decide_on` is the domain's function; the simulation plants faulty ones to see whether it notices."""
        self._decide_on = decide_on
        self._units = units
        self._seal = seal
        self._clock = clock
        self._identity = identity
        self._policy = policy

    def __call__(self, records: Sequence[Record]) -> Sequence[Record]:
        """One transaction. Raises DatabaseUnavailable."""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with self._units() as unit:
                    processed = self.within(unit, records)
                    unit.commit()
                return processed.outgoing
            except RowExists:
                # While partitions change hands two replicas may treat the same record; who comes second reads again.
                if attempt == ATTEMPTS_MAX:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def within(self, unit: UnitOfWork, records: Sequence[Record]) -> Processed:
        """The same within the caller's transaction."""
        now_ms = self._clock.now_ms()
        arrivals: list[tuple[Received, HubMessage]] = []
        letters: list[DeadLetter] = []
        for record in records:
            read = decode_record(record, self._seal.keys_of_sender, MESSAGES_OF_HUB)
            if isinstance(read, Unreadable):
                letters.append(dead_letter(record, read.sender, read.reason, now_ms))
            else:
                assert isinstance(read.message, (TransferOffered, TransferConfirmed, TransferFailed)), "checked above"
                arrivals.append((read, read.message))
        fold = self._load(unit, [message for _, message in arrivals])
        fold.letters += letters
        behaviour = unit.switches.behaviour()
        for received, message in arrivals:
            transfer_id = _transfer_id_of(message)
            transfer = fold.transfers.get(transfer_id)
            decision = self._decide_on(
                transfer,
                message,
                fold.accounts.get(account_needed(transfer, message)),
                Facts(self._identity.ispb, now_ms, behaviour, self._policy, received.traceparent),
            )
            fold.apply(transfer_id, decision)
            trace = received.traceparent if decision.transfer is None else decision.transfer.traceparent
            fold.outgoing += self._seal.records_of(decision.messages, trace)
            if decision.dead_letter:
                fold.letters.append(dead_letter(received.record, received.sender, decision.dead_letter, now_ms))
        fold.save(unit)
        return Processed(tuple(fold.outgoing), tuple(fold.letters))

    def _load(self, unit: UnitOfWork, messages: Sequence[HubMessage]) -> _Fold:
        transfer_ids = {_transfer_id_of(message) for message in messages if is_end_to_end_id(message.end_to_end_id)}
        transfers = unit.transfers.lock(transfer_ids)
        numbers = {account_needed(transfers.get(_transfer_id_of(message)), message) for message in messages} - {""}
        return _Fold(transfers, unit.accounts.lock(numbers), frozenset(transfers))


class StoreDeadLetter:
    """Stores a record that could not be processed among the dead letters."""

    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self, record: Record, reason: str) -> None:
        """Raises DatabaseUnavailable."""
        with self._units() as unit:
            unit.dead_letters.add([dead_letter(record, HUB_SENDER, reason, self._clock.now_ms())])
            unit.commit()


def _transfer_id_of(message: HubMessage) -> TransferId:
    return message.end_to_end_id, direction_of(message)
