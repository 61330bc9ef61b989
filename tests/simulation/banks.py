"""Banks, composed on the simulated network, and the hub as they ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bank_sim.adapters.memory.unit_of_work import BankStore, MemoryUnitsOfWork
from bank_sim.application.charges.use_cases import Charges, compose_charges
from bank_sim.application.ports import SettlementAccount, SettlementFunding
from bank_sim.application.process_messages import ProcessMessages
from bank_sim.application.returns.request_return import RequestReturn
from bank_sim.application.returns.use_cases import compose_returns
from bank_sim.application.use_cases import BankApplication
from bank_sim.application.use_cases import compose as compose_bank
from bank_sim.domain.account import Account, AccountKey
from bank_sim.domain.bank import BankIdentity, Participant
from bank_sim.domain.errors import HubUnavailable
from bank_sim.domain.flows.flow import WITHHELD
from bank_sim.domain.flows.transfer.model import Progress
from bank_sim.entrypoints.gateway import bank_gateway
from hub.application.use_cases import HubApplication
from pix.messaging.consumer import isolating_poison
from pix.scheme.features import FEATURES
from pix.scheme.keys import KeyKind, PixKey
from pix.wire.topics import bank_topic
from tests.simulation.callbacks import ignore, storing
from tests.simulation.calm import rows_of
from tests.simulation.network import PARTITIONS, ParticipantClock
from tests.simulation.processes import BackgroundPublisher, Fate, FatefulUnits, ForgetfulUnits, Instance, Sink
from tests.simulation.races import publishing, race_at_bank

if TYPE_CHECKING:
    from tests.simulation.world import World

BANKS = (("001", "Banco Aurora"), ("002", "Banco Ipe"), ("003", "Banco Mare"))
SETTLEMENT_FUNDS_CENTAVOS = 5_000_000
SECRET_CHANGE_CHANCE = 0.3


class HubByHand:
    """The bank's questions, asked of the hub's use cases; see `bank_sim.application.ports.Hub`."""

    def __init__(self, world: World, ispb: str) -> None:
        self._world = world
        self._ispb = ispb

    def _hub(self) -> HubApplication:
        if not any(instance.is_up for instance in self._world.hubs):
            raise HubUnavailable
        return self._world.hub

    def register_key(self, account: Account, kind: KeyKind, key: str, request_id: str) -> AccountKey:
        """As gRPC would."""
        hub = self._hub()
        asked = hub.register_key.check(
            bank=next(bank for bank in hub.queries.list_banks() if bank.ispb == self._ispb),
            kind=kind,
            key=key,
            branch=account.branch,
            account_number=account.number,
            holder_name=account.holder_name,
            holder_kind=account.holder_kind,
            holder_tax_id=account.tax_id,
            request_id=request_id,
        )
        entry = hub.register_key(asked)
        return AccountKey(account.number, entry.key, entry.registered_at_ms)

    def settlement_account(self) -> SettlementAccount:
        """As gRPC would."""
        account, fundings = self._hub().queries.settlement_account(self._ispb)
        return SettlementAccount(
            account.balance_centavos,
            account.reserved_centavos,
            tuple(SettlementFunding(each.funding_id, each.amount_centavos, each.funded_at_ms) for each in fundings),
        )

    def list_participants(self) -> Sequence[Participant]:
        """The simulation shows no names."""
        return ()

    def find_progress(self, end_to_end_ids: Sequence[str]) -> Mapping[str, Progress]:
        """The simulation shows no pages."""
        return {}

    def __getattr__(self, name: str) -> Any:
        raise HubUnavailable


@dataclass(slots=True)
class SimulatedBank:
    """A bank's store and its process."""

    identity: BankIdentity
    secret: str
    store: BankStore
    clock: ParticipantClock
    fate: Fate
    application: BankApplication
    """On the fateful units, for its process."""
    quiet: BankApplication
    """On the store itself, for the set-up and the audit."""
    instance: Instance
    keys: list[PixKey]
    accounts: list[str]
    charges: Charges
    """On the store itself: merchants have nothing to do with crashes."""
    request_forgetfully: RequestReturn
    """The same use case, of a bank that overlooks the earlier returns of a payment."""


def make_bank(world: World, code: str, name: str) -> SimulatedBank:
    identity = BankIdentity(code=code, ispb=code.zfill(8), name=name, color="#123456")
    secret = f"secret of the bank {code}"
    world.hub.add_bank(
        code=code,
        name=name,
        color="#123456",
        secret=secret,
        settlement_funds_centavos=world.random.choice((30_000, SETTLEMENT_FUNDS_CENTAVOS)),
    )
    if world.clock_random.random() < SECRET_CHANGE_CHANCE:
        # The bank knows its new secret alone, and the hub still both.
        secret = f"new secret of the bank {code}"
        world.hub.add_bank(code=code, name=name, color="#123456", secret=secret)
    world.hub.join_network(
        ispb=identity.ispb, code=code, name=name, color="#123456", url="", version="", features=FEATURES
    )
    store = BankStore()
    clock = world.new_clock()
    fate = Fate(world.random)
    units = FatefulUnits(MemoryUnitsOfWork(store), fate)
    sink = Sink(world.broker, fate)
    gateway = bank_gateway(identity.ispb, secret, codec=world.codec, hub_reads_batches=lambda: True)
    publisher = BackgroundPublisher(sink, gateway)
    ids = (f"{code}-{number}" for number in range(10_000))
    hub = HubByHand(world, identity.ispb)

    def made(on: Any) -> BankApplication:
        return compose_bank(
            identity=identity,
            units=on,
            process_again=ignore,
            hub=hub,
            publisher=publisher,
            scheme_clock=clock,
            clock=clock,
            policy=world.policy,
            new_id=lambda: next(ids),
            random=world.random,
        )

    parts = (clock, clock, identity, world.policy, world.plant.decide_at_bank, world.unknown_charges)
    process = world.plant.process_at_bank(units, *parts)
    quiet = made(MemoryUnitsOfWork(store))
    application = replace(
        made(units),
        process_messages=process,
        retransmit_due=world.plant.resend_at_bank(units, publisher, clock, world.policy),
    )
    topic = bank_topic(code)
    instance = Instance(
        name=f"bank {code}",
        topic=topic,
        group=f"codepix-bank-{code}",
        partitions=tuple(range(PARTITIONS)),
        timeline=world.timeline,
        broker=world.broker,
        random=world.random,
        trace=world.trace,
        fate=fate,
        handle=gateway.unpacking(isolating_poison(gateway.handler(process), storing(application))),
        sweep=lambda: ignore(application.retransmit_due()),
        next_due_ms=lambda: _due_ms(world, store, clock),
        loop_of=world.plant.loop_of,
        violations=world.violations,
    )
    if world.comebacks is not None:
        retransmit = application.retransmit_waiting
        world.comebacks.join(
            instance, identity.ispb, clock, lambda comeback, before_ms: retransmit(comeback.since_ms, before_ms)
        )
    # Another replica of the bank.
    replica = gateway.unpacking(gateway.handler(ProcessMessages(MemoryUnitsOfWork(store), *parts)))
    race_at_bank(instance, units, publishing(world, replica), store, world.race_random)
    world.broker.create(topic, instance.plan_turn)
    forgetful = ForgetfulUnits(units)
    returns = compose_returns(forgetful, publisher, clock, clock, identity, world.policy, world.random)
    charges = compose_charges(MemoryUnitsOfWork(store), clock, world.charge_random)
    return SimulatedBank(
        identity, secret, store, clock, fate, application, quiet, instance, [], [], charges, returns.request
    )


def _due_ms(world: World, store: BankStore, clock: ParticipantClock) -> int | None:
    """When the next sweep has something to do, in true time; late answers may wait for longer than others."""
    due_ms: int | None = None
    horizon_ms = clock.now_ms() + world.policy.cap_ms
    for row in rows_of(store):
        at_ms = row.resend_at_ms
        if at_ms is not None:
            if at_ms > horizon_ms and row.resend_count != WITHHELD:
                return world.timeline.now_ms()
            if due_ms is None or at_ms < due_ms:
                due_ms = at_ms
    return None if due_ms is None else due_ms - clock.off_ms
