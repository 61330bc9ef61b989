"""The bank's main use case: decides on a batch of messages from the hub in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from bank_sim.application.ports import RowExists, TransferId, UnitOfWork, UnitsOfWork
from bank_sim.domain import books
from bank_sim.domain.account import Account
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.books import Posting
from bank_sim.domain.flows.transfer.decisions import Decision, Facts, account_needed, decide, direction_of
from bank_sim.domain.flows.transfer.model import Transfer
from pix.runtime.clock import Clock
from pix.scheme.deliveries import HUB, Arrival, Outgoing, Rejected
from pix.scheme.ids import is_end_to_end_id
from pix.scheme.messages import HubMessage
from pix.scheme.retransmission import RetransmissionPolicy

ATTEMPTS_MAX: Final = 3


@dataclass(slots=True)
class _Fold:
    """A batch in the making: known rows, changed rows, messages to send. Statements are few, whatever its size."""

    transfers: dict[TransferId, Transfer]
    accounts: dict[str, Account]
    known: frozenset[TransferId]
    changed: dict[TransferId, Transfer] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    postings: list[Posting] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

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

    def save(self, unit: UnitOfWork, now_ms: int) -> None:
        """Writes what has changed."""
        unit.transfers.add(
            [transfer for transfer_id, transfer in self.changed.items() if transfer_id not in self.known]
        )
        unit.transfers.save([transfer for transfer_id, transfer in self.changed.items() if transfer_id in self.known])
        unit.postings.add(self.postings)
        unit.accounts.save([self.accounts[number] for number in sorted(self.booked)])
        unit.dead_letters.add(self.rejected, now_ms)


class ProcessMessages:
    """Decides on what the hub has sent, durably; returns what to send once it is.

    Locks transfers in the order of their ids, then accounts in the order of their numbers, as everybody here does.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        clock: Clock,
        identity: BankIdentity,
        policy: RetransmissionPolicy,
        decide_on: Callable[..., Decision] = decide,
    ) -> None:
        """`decide_on` is the domain's function; the simulation plants faulty ones to see whether it notices."""
        self._decide_on = decide_on
        self._units = units
        self._clock = clock
        self._identity = identity
        self._policy = policy

    def __call__(self, arrivals: Sequence[Arrival], rejected: Sequence[Rejected] = ()) -> list[Outgoing]:
        """Stores `rejected`, which came in the same batch, as dead letters. Raises DatabaseUnavailable."""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with self._units() as unit:
                    outgoing = self.within(unit, arrivals, rejected)
                    unit.commit()
                return outgoing
            except RowExists:
                # While partitions change hands two replicas may process the same record; the second one reads again.
                if attempt == ATTEMPTS_MAX:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def within(
        self, unit: UnitOfWork, arrivals: Sequence[Arrival], rejected: Sequence[Rejected] = ()
    ) -> list[Outgoing]:
        """The same within the caller's transaction."""
        now_ms = self._clock.now_ms()
        messages = [cast(HubMessage, arrival.message) for arrival in arrivals]
        fold = self._load(unit, messages)
        fold.rejected += rejected
        behaviour = unit.switches.behaviour()
        for arrival, message in zip(arrivals, messages, strict=True):
            transfer_id = _transfer_id_of(message)
            transfer = fold.transfers.get(transfer_id)
            decision = self._decide_on(
                transfer,
                message,
                fold.accounts.get(account_needed(transfer, message)),
                Facts(self._identity.ispb, now_ms, behaviour, self._policy, arrival.traceparent),
            )
            fold.apply(transfer_id, decision)
            trace = arrival.traceparent if decision.transfer is None else decision.transfer.traceparent
            fold.outgoing += [Outgoing(HUB, answer, trace) for answer in decision.messages]
            if decision.dead_letter:
                fold.rejected.append(Rejected(arrival.envelope, arrival.sender, decision.dead_letter))
        fold.save(unit, now_ms)
        return fold.outgoing

    def _load(self, unit: UnitOfWork, messages: Sequence[HubMessage]) -> _Fold:
        transfer_ids = {_transfer_id_of(message) for message in messages if is_end_to_end_id(message.end_to_end_id)}
        transfers = unit.transfers.lock(transfer_ids)
        numbers = {account_needed(transfers.get(_transfer_id_of(message)), message) for message in messages} - {""}
        return _Fold(transfers, unit.accounts.lock(numbers), frozenset(transfers))


def _transfer_id_of(message: HubMessage) -> TransferId:
    return message.end_to_end_id, direction_of(message)
