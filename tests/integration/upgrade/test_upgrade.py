"""A network with data of an older version is migrated and goes on until every transfer is completed or closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple
from typing import Final

import pytest

from bank_sim.adapters.memory.hub import MemoryHub, MemoryPublisher
from bank_sim.adapters.postgres import MIGRATIONS as BANK_MIGRATIONS
from bank_sim.adapters.postgres import PostgresUnitsOfWork as BankUnitsOfWork
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.flows.transfer.timeline import step_name as step_name_at_bank
from hub.adapters.postgres.unit_of_work import MIGRATIONS as HUB_MIGRATIONS
from hub.adapters.postgres.unit_of_work import PostgresUnitsOfWork as HubUnitsOfWork
from hub.application.use_cases import HubApplication
from hub.domain.flows import timeline
from hub.domain.flows.transfer.model import Transfer
from hub.domain.flows.transfer.timeline import step_name
from hub.domain.tallies import count_by_status
from pix.postgres.engine import make_engine
from pix.postgres.migrations import migrate
from pix.runtime.health import Health
from pix.scheme.deliveries import HUB, Arrival, Outgoing
from pix.scheme.flows import MessageEvent
from pix.scheme.postings import Direction
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.protobuf_v1.signatures import signing_key
from tests.integration.upgrade.data import (
    AURORA,
    CASES,
    DEPOSIT,
    FUNDS,
    IPE,
    NOW_MS,
    Case,
    events_of,
    make_bank,
    make_hub,
    steps_of,
)
from tests.support.clock import TurnedClock
from tests.support.participants import compose_bank, compose_hub

SECRETS: Final = {AURORA: "a-secret-of-bank-001", IPE: "a-secret-of-bank-002"}
POLICY: Final = RetransmissionPolicy(first_ms=2_000, cap_ms=60_000)
ROUNDS_MAX: Final = 10
"""With a minute between them: a row that owes something is due in each."""
IDS: Final = [case.name for case in CASES]


class Network:
    """Today's hub and banks on the databases, with a wire that loses nothing."""

    def __init__(self, new_database: Callable[[], str], opened: ExitStack) -> None:
        self.clock = TurnedClock(NOW_MS + 60_000)
        self.urls = {HUB: new_database(), AURORA: new_database(), IPE: new_database()}
        make_hub(self.urls[HUB], {ispb: (secret, signing_key(secret)) for ispb, secret in SECRETS.items()})
        for ispb in SECRETS:
            make_bank(self.urls[ispb], ispb)
        migrate(self.urls[HUB], HUB_MIGRATIONS)
        for ispb in SECRETS:
            migrate(self.urls[ispb], BANK_MIGRATIONS)
        engines = {name: make_engine(url) for name, url in self.urls.items()}
        for engine in engines.values():
            opened.callback(engine.dispose)
        self.hub: HubApplication = compose_hub(HubUnitsOfWork(engines[HUB]), self.clock, Health(), POLICY, None)
        self.outboxes = {ispb: MemoryPublisher() for ispb in SECRETS}
        self.banks: dict[str, BankApplication] = {
            ispb: compose_bank(
                identity=(identity := BankIdentity(code, ispb, f"Bank {code}", "#5b2a86")),
                secret=SECRETS[ispb],
                units=BankUnitsOfWork(engines[ispb]),
                hub=MemoryHub(identity, self.clock),
                publisher=self.outboxes[ispb],
                clock=self.clock,
                policy=POLICY,
            )
            for code, ispb in (("001", AURORA), ("002", IPE))
        }

    def go_on(self) -> None:
        """Sweeps and delivers until the hub has closed every transfer that it knows and the banks owe nothing."""
        for _ in range(ROUNDS_MAX):
            self._deliver(HUB, self.hub.retransmit_due())
            for ispb, bank in self.banks.items():
                bank.retransmit_due()
                self._deliver(ispb, self.outboxes[ispb].collect())
            self.clock.at_ms += POLICY.cap_ms
        assert self.hub.retransmit_due() == []

    def _deliver(self, sender: str, outgoing: Sequence[Outgoing]) -> None:
        """Delivers messages, and the answers to them, until there are no more."""
        for each in outgoing:
            arrival = Arrival(each.message, sender, each.traceparent)
            receiver = self.hub if each.receiver == HUB else self.banks[each.receiver]
            self._deliver(each.receiver, receiver.process_messages([arrival]))

    def transfer(self, case: Case) -> Transfer:
        """At the hub."""
        return self.hub.queries.find_transfer(case.end_to_end_id)[0]


@pytest.fixture(scope="module")
def opened() -> Iterator[ExitStack]:
    """Closes what the network opens."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def migrated(new_database: Callable[[], str], opened: ExitStack) -> Network:
    """Migrated, and not started."""
    return Network(new_database, opened)


@pytest.fixture(scope="module")
def network(new_database: Callable[[], str], opened: ExitStack) -> Network:
    """Migrated, and at rest again."""
    network = Network(new_database, opened)
    network.go_on()
    return network


@pytest.mark.parametrize("case", [case for case in CASES if case.hub], ids=lambda case: case.name)
def test_old_steps_at_the_hub_are_named_as_before_and_stand_in_the_timeline(migrated: Network, case: Case) -> None:
    transfer, history = migrated.hub.queries.find_transfer(case.end_to_end_id)
    shown = [
        [step.at_ms, step.author, step_name(step), step.status.value, step.ignored, step.reason or ""]
        for step in history
    ]
    assert shown == steps_of(case)
    messages = [entry.name for entry in timeline(transfer, history) if isinstance(entry, MessageEvent)]
    assert set(messages) >= {str(step[1]).partition(" ")[0] for step in case.hub_steps} - {"timeout"}


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_old_steps_at_the_banks_are_named_as_before(migrated: Network, case: Case, direction: Direction) -> None:
    old, ispb = (case.payer, AURORA) if direction is Direction.OUTGOING else (case.payee, IPE)
    if old is None:
        return
    row = migrated.banks[ispb].queries.find_transfer(case.end_to_end_id, direction)
    shown = [
        {"at_ms": step.at_ms, "author": step.author, "event": step_name_at_bank(step), "status": step.status.value}
        | ({"reason": step.reason.value} if step.reason else {})
        | ({"refused": step.ignored} if step.ignored else {})
        for step in row.history
    ]
    assert shown == events_of(case, direction.value)
    assert {step.side for step in row.history} == {direction.side}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_open_transfer_comes_to_its_end(network: Network, case: Case) -> None:
    transfer = network.transfer(case)
    assert (transfer.status.value, transfer.resend_at_ms) == (case.ends, None)
    assert transfer.closed_at_ms is not None
    payer = network.banks[AURORA].queries.find_transfer(case.end_to_end_id, Direction.OUTGOING)
    assert payer.status.value == ("confirmed" if case.ends == "completed" else "failed")
    assert (payer.reason, payer.resend_at_ms) == (transfer.reason, None)
    if case.offered:
        payee = network.banks[IPE].queries.find_transfer(case.end_to_end_id, Direction.INCOMING)
        assert (payee.status, payee.reason, payee.resend_at_ms) == (payer.status, payer.reason, None)


def test_the_money_is_where_it_belongs(network: Network) -> None:
    moved = sum(case.amount_centavos for case in CASES if case.ends == "completed")
    accounts = network.hub.queries.settlement_accounts()
    settled: Mapping[str, int] = {AURORA: FUNDS - moved, IPE: FUNDS + moved}
    for ispb, bank in network.banks.items():
        books = bank.queries.books()
        assert books.is_balanced and books.clearing_centavos == 0
        sums = bank.queries.sums_of_books()
        assert astuple(sums) == astuple(books)[: len(astuple(sums))]
        assert (accounts[ispb].balance_centavos, accounts[ispb].reserved_centavos) == (settled[ispb], 0)
        assert books.settlement_centavos == settled[ispb]
        assert books.customers_centavos == DEPOSIT + settled[ispb] - FUNDS
    counts = count_by_status(network.hub.queries.tallies())
    ended = {name: sum(case.ends == name for case in CASES) for name in ("completed", "failed")}
    assert {status.value: count for status, count in counts.items() if count} == ended
