"""After the restore of an older backup: the transfers that the hub has decided since, and that the backup lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.application.webhooks.notices import note_receipts
from bank_sim.domain import books
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.errors import BankError
from bank_sim.domain.flows.flow import Facts
from bank_sim.domain.flows.postings import postings as postings_of
from bank_sim.domain.flows.transfer.decisions import charge_needed, decide, direction_of
from bank_sim.domain.flows.transfer.requests import requested_before
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.errors import SchemeError
from pix.scheme.messages import TransferConfirmed, TransferFailed
from pix.scheme.postings import Direction
from pix.scheme.retransmission import RetransmissionPolicy


@dataclass(slots=True)
class Restored:
    """End-to-end ids with their direction; of what could not be restored, with the reason."""

    booked: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class RestoreTransfers:
    """Books the hub's outcomes for which this bank has no row, as if it had requested or been offered the transfer.

    A transfer that has a row needs nothing: what the row owes is sent again, and the hub answers with the outcome.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        clock: Clock,
        identity: BankIdentity,
        policy: RetransmissionPolicy,
    ) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._clock = clock
        self._identity = identity
        self._policy = policy

    def __call__(self, outcomes: Sequence[TransferConfirmed | TransferFailed]) -> Restored:
        """One transaction for each, in this order; a second time changes nothing. Raises DatabaseUnavailable.

        The caller vouches for the outcomes: they are read from the hub's records. One that an account cannot bear, or
        whose account the backup lacks, is refused, and is for people to decide on.
        """
        restored = Restored()
        for outcome in outcomes:
            name = f"{outcome.end_to_end_id} {direction_of(outcome)}"
            try:
                with self._units() as unit:
                    is_new = self._book(unit, outcome)
                    unit.commit()
                (restored.booked if is_new else restored.known).append(name)
            except (BankError, SchemeError) as error:
                restored.refused.append(f"{name}: {error}")
        return restored

    def _book(self, unit: UnitOfWork, outcome: TransferConfirmed | TransferFailed) -> bool:
        direction = direction_of(outcome)
        if unit.transfers.lock([(outcome.end_to_end_id, direction)]):
            return False
        party = outcome.payer if direction is Direction.OUTGOING else outcome.payee
        if party is None or party.ispb != self._identity.ispb:
            raise SchemeError("transfer", "is not this bank's")
        place = charge_needed(None, outcome)
        charge = None if place is None else unit.charges.lock_of_transfers([place]).get(place)
        account = unit.accounts.lock([party.account_number]).get(party.account_number)
        if account is None:
            raise SchemeError("account_number", f"the backup has no account {party.account_number}")
        now_ms = self._scheme_clock.now_ms()
        before = requested_before(outcome, now_ms) if direction is Direction.OUTGOING else None
        facts = Facts(
            self._identity.ispb, now_ms, self._clock.real_now_ms(), self._policy, Behaviour(), account, charge=charge
        )
        decision = decide(before, outcome, facts)
        why = decision.dead_letter or "".join(step.ignored for step in decision.steps)
        if decision.row is None or why:
            raise SchemeError("transfer", why)
        postings = [*(() if before is None else postings_of(None, before, now_ms)), *decision.postings]
        for number, posting in enumerate(postings):
            if posting.account_number is not None:
                account, postings[number] = books.book(account, posting)
        unit.transfers.add([decision.row])
        if decision.charge is not None:
            unit.charges.save([decision.charge])
        unit.postings.add(postings)
        unit.accounts.save([account])
        note_receipts(unit, [decision.row], now_ms, facts.real_now_ms)
        return True
