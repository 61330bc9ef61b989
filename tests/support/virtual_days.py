"""Days of a network with a virtual clock, in one process: traffic, jumps from midnight to midnight, and an audit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Final

from bank_sim.domain.flows.returns.model import NAME as RETURN
from bank_sim.domain.flows.returns.model import ReturnStatus as BankReturn
from bank_sim.domain.flows.transfer.model import TransferStatus as BankStatus
from hub.domain.flows.returns.model import ReturnStatus as HubReturn
from hub.domain.flows.transfer.model import TransferStatus as HubStatus
from pix.scheme.days import day_of, start_of_day_ms
from tests.support.clock import TurnedClock
from tests.support.village import Village

STEP_MS: Final = 250
"""Of real time, between two looks of the hub at a jump."""
STEPS_MAX: Final = 10_000

Traffic = Callable[[Village, int, Random], None]
"""What happens on a day, by its number from 0."""


def pass_days(village: Village, days: int, traffic: Traffic, seed: int, act: Callable[[], None] | None = None) -> str:
    """Plays days with traffic, and audits at the end of each; returns a digest of all that is durable.

    `act` is what banks do by time, such as trying due schedules. Fails with the first finding of an audit.
    """
    random = Random(seed)
    control = village.hub.network_clock
    assert control is not None, "the village has a virtual clock"
    for number in range(days):
        traffic(village, number, random)
        village.deliver()
        today = day_of(control.network.now_ms())
        move_until(village, start_of_day_ms(today + timedelta(days=1)), act)
        assert not (found := list(faults(village))), f"day {number}: {found}"
    return digest(village)


def move_until(village: Village, target_ms: int, act: Callable[[], None] | None = None) -> None:
    """Moves the network's clock, as the roles of its processes do."""
    control, real = village.hub.network_clock, village.clock
    assert control is not None and isinstance(real, TurnedClock)
    control.until(target_ms)
    for _ in range(STEPS_MAX):
        village.follow_clock()
        if act is not None:
            act()
        village.deliver()
        village.resend()
        village.deliver()
        village.report_clock()
        control.step()
        if not control.show().is_moving:
            village.follow_clock()
            village.report_clock()
            return
        real.turn(STEP_MS)
    raise AssertionError(f"the clock has not arrived: {control.show()}")


def faults(village: Village) -> Iterator[str]:
    """What is wrong with the books of a network at rest, in sentences."""
    customers = clearing = deposits = 0
    accounts = village.hub.queries.settlement_accounts()
    for code, bank in village.banks.items():
        bank.mirror_settlement()
        books = bank.queries.books()
        customers += books.customers_centavos
        clearing += books.clearing_centavos
        deposits += books.deposits_centavos
        if not books.is_balanced:
            yield f"the books of bank {code} do not hold together: {books}"
        if books.clearing_centavos:
            yield f"bank {code} has {books.clearing_centavos} in clearing"
        account = accounts[bank.identity.ispb]
        if account.reserved_centavos or account.balance_centavos != books.settlement_centavos:
            yield f"bank {code} has {books.settlement_centavos} in settlement, the hub {account}"
    if customers + clearing != deposits:
        yield f"customers have {customers}, clearing {clearing}, but {deposits} was put in"
    yield from _faults_of_returns(village)
    outcomes = {HubStatus.COMPLETED: BankStatus.CONFIRMED, HubStatus.FAILED: BankStatus.FAILED}
    at_hub = {row.end_to_end_id: row for row in village.hub_store.transfers.values()}
    for code, units in village.units.items():
        for row in units.store.transfers.values():
            hub_row = at_hub.get(row.end_to_end_id)
            if hub_row is None or outcomes.get(hub_row.status) is not row.status:
                yield f"transfer {row.end_to_end_id} is {row.status} at bank {code}"


def _faults_of_returns(village: Village) -> Iterator[str]:
    """Returns that the hub and the banks do not agree on, and payments of which more than all was given back."""
    outcomes = {HubReturn.COMPLETED: BankReturn.CONFIRMED, HubReturn.FAILED: BankReturn.FAILED}
    at_hub = {row.return_id: row for row in village.hub_store.rows[RETURN].values()}
    for code, units in village.units.items():
        for row in units.store.rows[RETURN].values():
            hub_row = at_hub.get(row.return_id)
            if hub_row is None or outcomes.get(hub_row.status) is not row.status:
                yield f"return {row.return_id} is {row.status} at bank {code}"
    given_back: Counter[str] = Counter()
    for row in at_hub.values():
        if row.status is HubReturn.COMPLETED:
            given_back[row.original_end_to_end_id] += row.amount_centavos
    originals = {row.end_to_end_id: row for row in village.hub_store.transfers.values()}
    for end_to_end_id, centavos in given_back.items():
        if centavos > originals[end_to_end_id].amount_centavos:
            yield f"{centavos} of transfer {end_to_end_id} was given back"


def digest(village: Village) -> str:
    """Of everything that is durable of transfers, returns and schedules."""
    stores = [units.store for units in village.units.values()]
    rows = [repr(row) for table in village.hub_store.rows.values() for row in table.values()]
    rows += [repr(row) for store in stores for table in store.rows.values() for row in table.values()]
    rows += [repr(row) for store in stores for row in (*store.schedules.values(), *store.executions.values())]
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
