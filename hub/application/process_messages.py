"""The hub's main use case: a batch of messages from banks is decided in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hub.application.ports import Outgoing, SettlementConflict, TransferChange, UnitOfWork, UnitsOfWork
from hub.domain.bank import Bank, BankSecret
from hub.domain.flows.transfer.decisions import Decision, Network, decide
from hub.domain.flows.transfer.model import Transfer
from hub.domain.settlement import SettlementAccount, apply_movement, changes_of
from hub.domain.tallies import tally_changes
from pix.participant.dead_letters import DeadLetter, dead_letter
from pix.runtime.clock import Clock
from pix.scheme.ids import is_end_to_end_id
from pix.scheme.messages import BankMessage, HubMessage, TransferRequested
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object
from pix.wire.records import Record


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
    accounts_before: Mapping[str, SettlementAccount]
    banks: Mapping[str, Bank]
    accounts: dict[str, SettlementAccount] = field(init=False)
    before: dict[str, Transfer | None] = field(default_factory=dict)
    """What has changed, as it was before the batch; None for a new one."""
    changes: dict[str, TransferChange] = field(default_factory=dict)
    messages: list[tuple[str, HubMessage, str]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts = dict(self.accounts_before)

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
        traceparent = "" if after is None else after.traceparent
        self.messages += [(ispb, message, traceparent) for ispb, message in decision.messages]

    def save(self, unit: UnitOfWork) -> None:
        """Writes what has changed, in a few statements. Raises SettlementConflict, here or at the commit."""
        unit.transfers.save(list(self.changes.values()))
        unit.tallies.add(tally_changes((self.before[each], change.transfer) for each, change in self.changes.items()))
        unit.dead_letters.add(self.letters)
        # Last, since the other replicas wait for these rows from here to the commit.
        unit.settlement.add(changes_of(self.accounts_before, self.accounts))


class ProcessMessages:
    """Decides on a batch, durably; returns what to send once it is."""

    def __init__(
        self,
        units: UnitsOfWork,
        clock: Clock,
        policy: RetransmissionPolicy,
        timeout_ms: int | None = None,
        decide_on: Callable[..., Decision] = decide,
    ) -> None:
        """`timeout_ms` is how long a transfer may be pending; None: as long as it takes.

        `decide_on` is the domain's function; the simulation plants faulty ones to see whether it notices.
        """
        self._units = units
        self._clock = clock
        self._policy = policy
        self._timeout_ms = timeout_ms
        self._decide_on = decide_on

    def __call__(self, arrivals: Sequence[Arrival], letters: Sequence[DeadLetter] = ()) -> list[Outgoing]:
        """`letters` are records of the same batch that could not be read; they are buried in the same transaction.

        The settlement accounts are read without holding them, so that replicas work side by side, and what the batch
        moves is added to them at its end. Only when that leaves one of them short, or a transfer would be refused for
        want of money, is the batch decided anew with the accounts held: so nobody is refused by a stale balance.
        """
        try:
            return self._process(arrivals, letters, holds_accounts=False)
        except SettlementConflict:
            return self._process(arrivals, letters, holds_accounts=True)

    def _process(
        self, arrivals: Sequence[Arrival], letters: Sequence[DeadLetter], *, holds_accounts: bool
    ) -> list[Outgoing]:
        now_ms = self._clock.now_ms()
        with self._units() as unit:
            fold = self._load(unit, arrivals, holds_accounts)
            fold.letters += letters
            # A key that no directory can hold is not looked up: the database would refuse the whole batch for it.
            keys = unit.keys.find_many(
                {
                    arrival.message.payee_key
                    for arrival in arrivals
                    if isinstance(arrival.message, TransferRequested) and arrival.message.payee_key.key.isprintable()
                }
            )
            network = Network(fold.banks, keys, fold.accounts)
            for arrival in arrivals:
                end_to_end_id = arrival.message.end_to_end_id
                transfer = fold.transfers.get(end_to_end_id)
                decision = self._decide_on(
                    transfer,
                    arrival.message,
                    arrival.sender,
                    network,
                    now_ms,
                    self._policy,
                    arrival.traceparent,
                    self._timeout_ms,
                )
                if transfer is None and _lacks_funds(decision) and not holds_accounts:
                    raise SettlementConflict
                if decision.dead_letter:
                    fold.letters.append(dead_letter(arrival.record, arrival.sender, decision.dead_letter, now_ms))
                fold.apply(end_to_end_id, decision)
            # Before anything is saved: nothing that is read keeps the accounts' rows from the other replicas then.
            outgoing = address(fold.messages, fold.banks, unit.banks.secrets())
            fold.save(unit)
            unit.commit()
        return outgoing

    def _load(self, unit: UnitOfWork, arrivals: Sequence[Arrival], holds_accounts: bool) -> _Fold:
        ids = {arrival.message.end_to_end_id for arrival in arrivals}
        transfers = unit.transfers.lock({each for each in ids if is_end_to_end_id(each)}, surely=holds_accounts)
        if holds_accounts:
            # Everything that is locked before the accounts, as `UnitOfWork` has it, though it is written after them.
            unit.tallies.lock()
        banks = unit.banks.all()
        # Every account, not only those of this batch: they are as few as the banks, and one order of locking suits all.
        accounts = unit.settlement.lock(banks) if holds_accounts else unit.settlement.all()
        return _Fold(transfers, accounts, banks)


def _lacks_funds(decision: Decision) -> bool:
    return decision.transfer is not None and decision.transfer.reason is ReasonCode.AM04


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
