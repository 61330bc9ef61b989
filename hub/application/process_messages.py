"""The hub's main use case: a batch of messages from banks is decided in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hub.application.ports import Outgoing, TransferChange, UnitOfWork, UnitsOfWork
from hub.domain.bank import Bank, BankSecret
from hub.domain.decisions import Decision, Network, decide
from hub.domain.settlement import SettlementAccount, apply_movement
from hub.domain.tallies import tally_changes
from hub.domain.transfer import Transfer
from pix.scheme.messages import BankMessage, HubMessage, OutcomeProcessed, TransferRequested
from pix.scheme.resending import ResendPolicy
from pix.scheme.values import value_object
from pix.service.clock import Clock
from pix.service.dead_letters import DeadLetter, dead_letter
from pix.service.records import Record


@value_object
class Arrival:
    """A message whose sender is proven, and the record that it came in, should it have to be buried."""

    message: BankMessage
    sender: str
    """ISPB."""
    record: Record
    traceparent: str = ""


@dataclass(slots=True)
class _Fold:
    """A batch in the making: what is known, what has changed, what is owed."""

    transfers: dict[str, Transfer]
    accounts: dict[str, SettlementAccount]
    banks: Mapping[str, Bank]
    before: dict[str, Transfer | None] = field(default_factory=dict)
    """What has changed, as it was before the batch; None for a new one."""
    changes: dict[str, TransferChange] = field(default_factory=dict)
    touched_accounts: set[str] = field(default_factory=set)
    messages: list[tuple[str, HubMessage, str]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)

    def apply(self, end_to_end_id: str, decision: Decision) -> None:
        """Takes a decision into the batch."""
        before, after = self.transfers.get(end_to_end_id), decision.transfer
        if after is not None and after is not before:
            self.transfers[end_to_end_id] = after
            self.before.setdefault(end_to_end_id, before)
            earlier = self.changes.get(end_to_end_id)
            self.changes[end_to_end_id] = TransferChange(
                after,
                decision.steps if earlier is None else earlier.steps + decision.steps,
                is_new=before is None if earlier is None else earlier.is_new,
            )
        if decision.movement is not None:
            apply_movement(self.accounts, decision.movement)
            self.touched_accounts |= {decision.movement.payer_ispb, decision.movement.payee_ispb}
        traceparent = "" if after is None else after.traceparent
        self.messages += [(ispb, message, traceparent) for ispb, message in decision.messages]

    def save(self, unit: UnitOfWork) -> None:
        """Writes what has changed, in a few statements."""
        unit.transfers.save(list(self.changes.values()))
        unit.settlement.save([self.accounts[ispb] for ispb in sorted(self.touched_accounts) if ispb in self.accounts])
        unit.tallies.add(tally_changes((self.before[each], change.transfer) for each, change in self.changes.items()))
        unit.dead_letters.bury(self.letters)


class ProcessMessages:
    """Decides on a batch, durably; returns what to send once it is."""

    def __init__(
        self, units: UnitsOfWork, clock: Clock, policy: ResendPolicy, decide_on: Callable[..., Decision] = decide
    ) -> None:
        """`decide_on` is the domain's function; the simulation plants faulty ones to see whether it notices."""
        self._units = units
        self._clock = clock
        self._policy = policy
        self._decide_on = decide_on

    def __call__(self, arrivals: Sequence[Arrival], letters: Sequence[DeadLetter] = ()) -> list[Outgoing]:
        """`letters` are records of the same batch that could not be read; they are buried in the same transaction."""
        now_ms = self._clock.now_ms()
        with self._units() as unit:
            fold = self._load(unit, arrivals)
            fold.letters += letters
            keys = unit.keys.find_many(
                {arrival.message.payee_key for arrival in arrivals if isinstance(arrival.message, TransferRequested)}
            )
            network = Network(fold.banks, keys, fold.accounts)
            for arrival in arrivals:
                end_to_end_id = arrival.message.end_to_end_id
                decision = self._decide_on(
                    fold.transfers.get(end_to_end_id),
                    arrival.message,
                    arrival.sender,
                    network,
                    now_ms,
                    self._policy,
                    arrival.traceparent,
                )
                if decision.dead_letter:
                    fold.letters.append(dead_letter(arrival.record, arrival.sender, decision.dead_letter, now_ms))
                fold.apply(end_to_end_id, decision)
            fold.save(unit)
            outgoing = address(fold.messages, fold.banks, unit.banks.secrets())
            unit.commit()
        return outgoing

    def _load(self, unit: UnitOfWork, arrivals: Sequence[Arrival]) -> _Fold:
        transfers = unit.transfers.lock({arrival.message.end_to_end_id for arrival in arrivals})
        banks = unit.banks.all()
        # Every account, not only those of this batch: they are as few as the banks, and one order of locking suits all.
        # A batch that only closes transfers moves no settlement money, and leaves the accounts to the other replicas.
        needs_accounts = any(not isinstance(arrival.message, OutcomeProcessed) for arrival in arrivals)
        return _Fold(transfers, unit.settlement.lock(banks) if needs_accounts else {}, banks)


def address(
    messages: Iterable[tuple[str, HubMessage, str]],
    banks: Mapping[str, Bank],
    secrets: Mapping[str, Sequence[BankSecret]],
) -> list[Outgoing]:
    """Gives each message its bank's topic code and newest signing key. A bank without a secret cannot be spoken to."""
    outgoing = []
    for ispb, message, traceparent in messages:
        bank, keys = banks.get(ispb), secrets.get(ispb)
        if bank is not None and keys:
            outgoing.append(Outgoing(bank.code, keys[0].signing_key, message, traceparent))
    return outgoing
