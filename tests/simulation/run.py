"""One run: a hub and three banks, customers who pay, everything that can go wrong, and then quiet and an audit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from hub.application.ports import SettlementConflict
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.returns.model import Return
from tests.simulation.calm import rows_of
from tests.simulation.incidents import heal, plan_clock_steps, plan_incidents, plan_leaving, plan_suspension
from tests.simulation.invariants import find_violations
from tests.simulation.network import START_MS, Faults, Trace
from tests.simulation.opening import open_accounts, pay_in_advance
from tests.simulation.traffic import CALM_PAYING_MS, PAYING_MS, plan_charge, plan_payment, plan_return
from tests.simulation.world import HOUR_MS, Plant, World

TRANSFERS_DEFAULT = 50
QUIET_MS_MAX = 60 * HOUR_MS
"""Virtual time after the last fault within which everything must have ended."""
PAYMENTS_IN_CALM = 6
"""Of the transfers of a run, those that customers order when everything is healed."""
RETURNS_SHARE = 0.4
"""Orders to give money back, for each order to pay."""
RETURNS_IN_CALM = 3
SEEDS_WITH_CHARGES = (1, 3)
"""Remainders of five: the other runs are as they were before there were charges."""
CHARGES = 4
CHARGES_IN_CALM = 1
EVENTS_MAX = 400_000
TRACE_LINES_SHOWN = 25


@dataclass(slots=True)
class Outcome:
    """What a run showed."""

    seed: int
    violations: list[str]
    trace: Trace
    statuses: dict[str, int] = field(default_factory=dict)
    returns: dict[str, int] = field(default_factory=dict)
    """Those that reached the hub, by status, and by reason where they failed."""
    charges: dict[str, int] = field(default_factory=dict)
    """Those of all merchants, by status."""
    crashes: dict[str, int] = field(default_factory=dict)
    published: int = 0
    resends: int = 0
    duplicates: int = 0
    virtual_ms: int = 0
    fingerprint: str = ""
    """Of everything durable at the end: the same for the same seed."""

    def explanation(self) -> str:
        """The seed, what is broken, and the end of the trace."""
        lines = [f"seed {self.seed}:", *self.violations[:10], "…", *self.trace.lines[-TRACE_LINES_SHOWN:]]
        return "\n".join(lines)


def simulate(seed: int, transfers: int = TRANSFERS_DEFAULT, plant: Plant | None = None) -> Outcome:
    """One run. The same seed, number of transfers and plant always give the same outcome."""
    world = World(seed, transfers, plant or Plant())
    play(world)
    return finish(world)


def play(world: World) -> None:
    """Sets up, lets things happen for a while, heals everything, and waits until nothing is owed."""
    for hub in world.hubs:
        hub.start()
    for number, bank in enumerate(world.banks):
        open_accounts(world, bank, number)
        bank.quiet.mirror_settlement()
        bank.instance.start()
    pay_in_advance(world)
    faults = Faults.drawn(world.random)
    for fate in world.fates():
        fate.faults = faults
    world.broker.faults = faults
    world.trace.note(f"{faults} timeout {world.timeout_ms} ms, {len(world.hubs)} hubs")
    in_calm = min(PAYMENTS_IN_CALM, world.transfers // 2)
    for number in range(in_calm, world.transfers):
        plan_payment(world, number, world.timeline.now_ms(), PAYING_MS)
    for number in range(RETURNS_IN_CALM, int(world.transfers * RETURNS_SHARE)):
        plan_return(world, number, world.timeline.now_ms(), PAYING_MS)
    has_charges = world.seed % 5 in SEEDS_WITH_CHARGES
    for number in range(CHARGES if has_charges else 0):
        plan_charge(world, number, world.timeline.now_ms(), PAYING_MS)
    healed_ms = plan_incidents(world)
    plan_suspension(world, healed_ms)
    plan_leaving(world, healed_ms)
    plan_clock_steps(world, healed_ms)
    world.timeline.at(healed_ms, partial(heal, world))
    for number in range(in_calm):
        plan_payment(world, number, healed_ms, CALM_PAYING_MS)
    for number in range(RETURNS_IN_CALM):
        plan_return(world, number, healed_ms, CALM_PAYING_MS)
    for number in range(CHARGES, CHARGES + CHARGES_IN_CALM if has_charges else CHARGES):
        plan_charge(world, number, healed_ms, CALM_PAYING_MS)
    _wait_for_quiet(world, healed_ms)


def _wait_for_quiet(world: World, healed_ms: int) -> None:
    events = 0
    while True:
        try:
            next_ms = world.timeline.next_ms()
            if next_ms is None:
                return
            if world.watch is not None and not world.watch.is_satisfied(next_ms):
                return
            world.timeline.advance()
        except SettlementConflict:
            # A sweeper found accounts that are too poor for what it only gives back: it would stand still for ever.
            world.violations.append("money: a settlement account cannot bear the release of what it reserved")
            return
        events += 1
        if world.timeline.now_ms() > healed_ms + QUIET_MS_MAX or events > EVENTS_MAX:
            world.violations.append(f"not quiet {QUIET_MS_MAX // HOUR_MS} hours after the last fault")
            return


def finish(world: World) -> Outcome:
    """Audits, and says what the run was like."""
    for instance in world.instances():
        instance.stop()
    world.timeline.forget()
    world.violations += find_violations(world)
    transfers = list(world.hub_store.transfers.values())
    returns: list[Return] = list(world.hub_store.rows[RETURN].values())
    charges = [charge for bank in world.banks for charge in bank.store.charges.values()]
    rows = list(rows_of(world.hub_store))
    crashes: Counter[str] = Counter()
    for fate in world.fates():
        crashes.update(fate.crashes)
    return Outcome(
        seed=world.seed,
        violations=world.violations,
        trace=world.trace,
        statuses=dict(Counter(transfer.status.value for transfer in transfers)),
        returns=dict(Counter(f"{row.status} {row.reason or ''}".strip() for row in returns)),
        charges=dict(Counter(charge.status.value for charge in charges)),
        crashes=dict(crashes),
        published=world.broker.published,
        resends=sum(row.resends for row in rows),
        duplicates=sum(row.duplicates for row in rows),
        virtual_ms=world.timeline.now_ms() - START_MS,
        fingerprint=_fingerprint(world),
    )


def _fingerprint(world: World) -> str:
    """Of everything that is durable."""
    digest = hashlib.sha256()
    for row in _sorted_rows(rows_of(world.hub_store)):
        digest.update(row.encode())
    for bank in world.banks:
        for row in _sorted_rows((*rows_of(bank.store), *bank.store.charges.values())):
            digest.update(row.encode())
    digest.update(str(world.timeline.now_ms()).encode())
    return digest.hexdigest()


def _sorted_rows(rows: Iterable[object]) -> list[str]:
    return sorted(repr(row) for row in rows)
