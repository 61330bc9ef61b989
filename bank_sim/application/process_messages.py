"""The bank's main use case: decides on a batch of messages from the hub in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bank_sim.application.ports import RowExists, UnitOfWork, UnitsOfWork
from bank_sim.application.webhooks.notices import note_receipts
from bank_sim.domain import books
from bank_sim.domain.account import Account
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.books import Posting
from bank_sim.domain.charges.model import Charge, ChargeId, ChargePlace
from bank_sim.domain.charges.offers import UnknownCharges
from bank_sim.domain.flows import account_needed, by_flow, charge_needed, decide, has_offer, keys_by_flow
from bank_sim.domain.flows.flow import Decision, Facts, RowId
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.deliveries import HUB, Arrival, Outgoing, Rejected
from pix.scheme.messages import Message
from pix.scheme.retransmission import RetransmissionPolicy

ATTEMPTS_MAX: Final = 3


@dataclass(slots=True)
class _Fold:
    """A batch in the making: known rows, changed rows, messages to send. Statements are few, whatever its size."""

    rows: dict[RowId, Any]
    numbers: Sequence[str]
    """For each message the number of the account that its decision needs; empty for none."""
    accounts: dict[str, Account]
    charges: dict[ChargeId, Charge]
    charge_ids: dict[ChargePlace, ChargeId]
    known: frozenset[RowId]
    changed: dict[RowId, Any] = field(default_factory=dict)
    booked: set[str] = field(default_factory=set)
    changed_charges: dict[ChargeId, Charge] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def charge_at(self, place: ChargePlace | None) -> Charge | None:
        """The charge as it stands in this batch."""
        charge_id = None if place is None else self.charge_ids.get(place)
        return None if charge_id is None else self.charges[charge_id]

    def apply(self, decision: Decision[Any]) -> None:
        """Takes a decision into the batch."""
        if decision.row is not None:
            self.rows[decision.row.row_id] = self.changed[decision.row.row_id] = decision.row
        if decision.charge is not None and decision.charge != self.charges[decision.charge.charge_id]:
            charge_id = decision.charge.charge_id
            self.charges[charge_id] = self.changed_charges[charge_id] = decision.charge
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
        changed = by_flow(self.changed.values())
        for flow, rows in unit.rows.items():
            of_flow = changed.get(flow, ())
            rows.add([row for row in of_flow if row.row_id not in self.known])
            rows.save([row for row in of_flow if row.row_id in self.known])
        unit.charges.save(list(self.changed_charges.values()))
        unit.postings.add(self.postings)
        unit.accounts.save([self.accounts[number] for number in sorted(self.booked)])
        unit.dead_letters.add(self.rejected, now_ms)


class ProcessMessages:
    """Decides on what the hub has sent, durably; returns what to send once it is.

    Locks in the order of `bank_sim.application.ports.UnitOfWork`: rows, charges, accounts.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        clock: Clock,
        identity: BankIdentity,
        policy: RetransmissionPolicy,
        decide_on: Callable[..., Decision[Any]] = decide,
        unknown_charges: UnknownCharges = UnknownCharges.REFUSE,
    ) -> None:
        """`decide_on` is the domain's function; the simulation plants faulty ones to see whether it notices."""
        self._decide_on = decide_on
        self._units = units
        self._scheme_clock = scheme_clock
        self._clock = clock
        self._identity = identity
        self._policy = policy
        self._unknown_charges = unknown_charges

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
        now_ms, real_now_ms = self._scheme_clock.now_ms(), self._clock.real_now_ms()
        fold = self._load(unit, [arrival.message for arrival in arrivals])
        fold.rejected += rejected
        # Only the answer to an offer depends on it: batches of outcomes cost no statement.
        behaviour = unit.switches.behaviour() if has_offer(arrival.message for arrival in arrivals) else Behaviour()
        for arrival, number in zip(arrivals, fold.numbers, strict=True):
            facts = Facts(
                ispb=self._identity.ispb,
                now_ms=now_ms,
                real_now_ms=real_now_ms,
                policy=self._policy,
                behaviour=behaviour,
                account=fold.accounts.get(number),
                traceparent=arrival.traceparent,
                charge=fold.charge_at(charge_needed(fold.rows, arrival.message)) if fold.charges else None,
                unknown_charges=self._unknown_charges,
            )
            decision = self._decide_on(fold.rows, arrival.message, facts)
            fold.apply(decision)
            trace = arrival.traceparent if decision.row is None else decision.row.traceparent
            fold.outgoing += [Outgoing(HUB, answer, trace) for answer in decision.messages]
            if decision.dead_letter:
                fold.rejected.append(Rejected(arrival.envelope, arrival.sender, decision.dead_letter))
        fold.save(unit, now_ms)
        note_receipts(unit, fold.changed.values(), now_ms, real_now_ms)
        return fold.outgoing

    def _load(self, unit: UnitOfWork, messages: Sequence[Message]) -> _Fold:
        rows: dict[RowId, Any] = {}
        for flow, ids in keys_by_flow(messages).items():
            rows |= unit.rows[flow].lock(ids)
        wanted = (charge_needed(rows, message) for message in messages)
        places = {place for place in wanted if place is not None}
        # Only payments by dynamic code have a charge: other batches cost no statement.
        charges = unit.charges.lock_of_transfers(places) if places else {}
        # No message of a batch changes which account a later one needs.
        numbers = [account_needed(rows, message) for message in messages]
        return _Fold(
            rows=rows,
            numbers=numbers,
            accounts=unit.accounts.lock(set(numbers) - {""}),
            charges={charge.charge_id: charge for charge in charges.values()},
            charge_ids={place: charge.charge_id for place, charge in charges.items()},
            known=frozenset(rows),
        )
