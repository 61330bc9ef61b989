"""The hub's main use case: a batch of messages from banks is decided in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.application.ports import RowChange, SettlementConflict, UnitOfWork, UnitsOfWork
from hub.domain.bank import Bank
from hub.domain.flows import decide, keys_by_flow, name_of, pix_keys
from hub.domain.flows.flow import Decision, Facts, Network
from hub.domain.settlement import SettlementAccount, apply_movement, changes_of
from hub.domain.tallies import tally_changes
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy


@dataclass(slots=True)
class _Fold:
    """A batch in the making: what is known, what has changed, what is owed."""

    rows: dict[str, Any]
    accounts_before: Mapping[str, SettlementAccount]
    banks: Mapping[str, Bank]
    accounts: dict[str, SettlementAccount] = field(init=False)
    before: dict[str, Any] = field(default_factory=dict)
    """What has changed, as it was before the batch; None for a new one."""
    changes: dict[str, RowChange[Any]] = field(default_factory=dict)
    outgoing: list[Outgoing] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts = dict(self.accounts_before)

    def apply(self, decision: Decision[Any]) -> None:
        """Takes a decision into the batch."""
        row = decision.row
        if row is not None:
            row_id = row.row_id
            before = self.rows.get(row_id)
            if row is not before:
                self.rows[row_id] = row
                self.before.setdefault(row_id, before)
                earlier = self.changes.get(row_id)
                self.changes[row_id] = RowChange(
                    row,
                    decision.steps if earlier is None else earlier.steps + decision.steps,
                    is_new=before is None if earlier is None else earlier.is_new,
                )
        for reading in decision.readings:
            self.rows[reading.row_id] = reading
        for movement in decision.movements:
            apply_movement(self.accounts, movement)
        traceparent = "" if row is None else row.traceparent
        self.outgoing += [Outgoing(ispb, message, traceparent) for ispb, message in decision.messages]

    def save(self, unit: UnitOfWork, now_ms: int) -> None:
        """Writes what has changed, in a few statements. Raises SettlementConflict, here or at the commit."""
        of_flows: dict[str, list[RowChange[Any]]] = {}
        for change in self.changes.values():
            of_flows.setdefault(name_of(change.row), []).append(change)
        for flow, rows in unit.rows.items():
            rows.save(of_flows.get(flow, ()))
        unit.tallies.add(tally_changes((self.before[each], change.row) for each, change in self.changes.items()))
        unit.dead_letters.add(self.rejected, now_ms)
        # Last, since the other replicas wait for these rows from here to the commit.
        unit.settlement.add(changes_of(self.accounts_before, self.accounts))


class ProcessMessages:
    """Decides on a batch, durably; returns what to send once it is."""

    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        clock: Clock,
        policy: RetransmissionPolicy,
        timeout_ms: int | None = None,
        decide_on: Callable[..., Decision[Any]] = decide,
    ) -> None:
        """`timeout_ms` is how long a transfer may be pending; None: as long as it takes.

        `decide_on` is the domain's function; the simulation plants faulty ones to see whether it notices.
        """
        self._units = units
        self._scheme_clock = scheme_clock
        self._clock = clock
        self._policy = policy
        self._timeout_ms = timeout_ms
        self._decide_on = decide_on

    def __call__(self, arrivals: Sequence[Arrival], rejected: Sequence[Rejected] = ()) -> list[Outgoing]:
        """Stores `rejected`, which came in the same batch, as dead letters. Raises DatabaseUnavailable.

        Optimistic concurrency: replicas read the settlement accounts without locks and add what a batch moves at its
        end. Retries the batch once with the settlement rows locked when that leaves an account short, because a stale
        balance must not reject a transfer.
        """
        try:
            return self._process(arrivals, rejected, holds_accounts=False)
        except SettlementConflict:
            return self._process(arrivals, rejected, holds_accounts=True)

    def _process(
        self, arrivals: Sequence[Arrival], rejected: Sequence[Rejected], *, holds_accounts: bool
    ) -> list[Outgoing]:
        now_ms, real_now_ms = self._scheme_clock.now_ms(), self._clock.real_now_ms()
        with self._units() as unit:
            fold = self._load(unit, arrivals, holds_accounts)
            fold.rejected += rejected
            keys = unit.keys.find_many(pix_keys(arrival.message for arrival in arrivals))
            network = Network(fold.banks, keys, fold.accounts)
            for arrival in arrivals:
                facts = Facts(
                    arrival.sender,
                    network,
                    now_ms,
                    real_now_ms,
                    self._policy,
                    self._timeout_ms,
                    arrival.traceparent,
                )
                decision = self._decide_on(fold.rows, arrival.message, facts)
                if not holds_accounts and _lacks_funds(decision, fold.rows):
                    raise SettlementConflict
                if decision.dead_letter:
                    fold.rejected.append(Rejected(arrival.envelope, arrival.sender, decision.dead_letter))
                fold.apply(decision)
            fold.save(unit, now_ms)
            unit.commit()
        return fold.outgoing

    def _load(self, unit: UnitOfWork, arrivals: Sequence[Arrival], holds_accounts: bool) -> _Fold:
        rows: dict[str, Any] = {}
        for flow, ids in keys_by_flow(arrival.message for arrival in arrivals).items():
            rows |= unit.rows[flow].lock(ids.all, surely=ids.all if holds_accounts else ids.of_others)
        if holds_accounts:
            # Everything that is locked before the accounts, as `UnitOfWork` has it, though it is written after them.
            unit.tallies.lock()
        banks = unit.banks.all()
        # Every account, not only those of this batch: they are as few as the banks, and one order of locking suits all.
        accounts = unit.settlement.lock(banks) if holds_accounts else unit.settlement.all()
        return _Fold(rows, accounts, banks)


def _lacks_funds(decision: Decision[Any], rows: Mapping[str, Any]) -> bool:
    """Whether the decision makes a row that failed for want of settlement money."""
    row = decision.row
    return row is not None and row.reason is ReasonCode.AM04 and row.row_id not in rows
