"""One run: a hub and three banks, customers who pay, everything that can go wrong, and then quiet and an audit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

from bank_sim.adapters.memory.unit_of_work import BankStore, MemoryUnitsOfWork
from bank_sim.application.charges.use_cases import Charges, compose_charges
from bank_sim.application.ports import SettlementAccount, SettlementFunding
from bank_sim.application.process_messages import ProcessMessages
from bank_sim.application.returns.request_return import RequestReturn
from bank_sim.application.returns.use_cases import compose_returns
from bank_sim.application.sweep_transfers import RetransmitDue
from bank_sim.application.use_cases import BankApplication
from bank_sim.application.use_cases import compose as compose_bank
from bank_sim.domain import books
from bank_sim.domain.account import Account, AccountKey, AccountStatus
from bank_sim.domain.bank import BankIdentity, Participant
from bank_sim.domain.behaviour import AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.charges.model import ChargeKind, Immediate
from bank_sim.domain.charges.offers import UnknownCharges
from bank_sim.domain.charges.orders import ChargeChange, ChargeOrder
from bank_sim.domain.errors import HubUnavailable
from bank_sim.domain.flows import decide as decide_at_bank
from bank_sim.domain.flows.flow import WITHHELD
from bank_sim.domain.flows.returns.requests import left_to_return
from bank_sim.domain.flows.transfer.model import Progress
from bank_sim.domain.flows.transfer.model import Transfer as BankTransfer
from bank_sim.domain.flows.transfer.model import TransferStatus as BankStatus
from bank_sim.entrypoints.gateway import bank_gateway
from hub.adapters.memory.unit_of_work import HubStore
from hub.adapters.memory.unit_of_work import MemoryUnitsOfWork as HubUnitsOfWork
from hub.application.ports import SettlementConflict
from hub.application.process_messages import ProcessMessages as HubProcessMessages
from hub.application.sweep_transfers import FailExpired
from hub.application.sweep_transfers import RetransmitDue as HubResendDue
from hub.application.use_cases import HubApplication, compose
from hub.domain.flows import decide as decide_at_hub
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.returns.model import Return
from hub.entrypoints.gateway import hub_gateway
from hub.entrypoints.kafka import CONSUMER_GROUP
from pix.messaging.batches import BatchHandler, BatchLoop
from pix.messaging.consumer import isolating_poison
from pix.participant.gateway import MessageGateway
from pix.participant.reachability import Comeback, RetransmitMissed
from pix.runtime.health import Health
from pix.scheme.deliveries import HUB
from pix.scheme.errors import SchemeError
from pix.scheme.features import FEATURES, Feature
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.people import HolderKind
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.protobuf_v1.batches import pack
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.simulation.callbacks import ignore, storing, try_to
from tests.simulation.calm import CalmWatch, rows_of
from tests.simulation.comebacks import Comebacks, RetransmitWaiting
from tests.simulation.invariants import contents_of_transfer, find_violations, returns_of_payment
from tests.simulation.network import PARTITIONS, START_MS, Broker, Faults, ParticipantClock, Timeline, Trace
from tests.simulation.object_codec import codec_of
from tests.simulation.processes import BackgroundPublisher, Fate, FatefulUnits, ForgetfulUnits, Instance, LoopOf, Sink
from tests.simulation.races import now_and_then, race, race_at_bank

BANKS = (("001", "Banco Aurora"), ("002", "Banco Ipe"), ("003", "Banco Mare"))
ACCOUNTS_PER_BANK = 3
SETTLEMENT_FUNDS_CENTAVOS = 5_000_000
TRANSFERS_DEFAULT = 50
PAYING_MS = 60_000
HOUR_MS = 3_600_000
QUIET_MS_MAX = 60 * HOUR_MS
"""Virtual time after the last fault within which everything must have ended."""
RESENDS_WHILE_AWAY = 100
"""Nobody is away for more times the longest pause between resends: another 700 of the same would teach nothing new.

With pauses of up to a minute that is 100 minutes; with longer ones the 14 hours remain: more than the 12 that an
end-to-end id may be old.
"""
PAYMENTS_IN_CALM = 6
"""Of the transfers of a run, those that customers order when everything is healed."""
CALM_PAYING_MS = 20_000
PAID_IN_ADVANCE_CENTAVOS_MAX = 5_000
IN_ADVANCE_MS_MAX = 60_000
RETURNS_SHARE = 0.4
"""Orders to give money back, for each order to pay."""
RETURNS_IN_CALM = 3
RETURNS_AT_ONCE = (1, 1, 1, 2, 3)
"""How many orders for one payment come at the same time."""
FORGETFUL_SHARE = 0.15
"""Of the orders, those in which the bank overlooks earlier returns, and so may ask for more than is left."""
SEEN_AGAIN_SHARE = 0.5
"""Of the orders, those for a payment that was returned in part before."""
RETURN_REASONS = (ReasonCode.MD06, ReasonCode.MD06, ReasonCode.MD06, ReasonCode.BE08, ReasonCode.FR01)
LOOK_FOR_PAYMENT_MS = 5_000
LOOK_FOR_PAYMENT_MS_MAX = 14 * HOUR_MS
"""As long as any participant stays away; the wait doubles from look to look."""
SEEDS_WITH_CHARGES = (1, 3)
"""Remainders of five: the other runs are as they were before there were charges."""
SEEDS_WITH_COMEBACKS = (3, 6)
"""Remainders of seven: in these runs the participants notice who comes back; the others are as they were."""
SEEDS_PER_ACCEPTING_RUN = 20
"""In one run of so many the banks accept what no charge wants."""
CHARGES = 4
CHARGES_IN_CALM = 1
CHARGED_CENTAVOS_MAX = 5_000
CHARGE_EXPIRY_SECONDS = (20, 86_400, 86_400)
REMOVAL_CHANCE = 0.2
SUSPENSION_CHANCE = 0.3
LEAVING_CHANCE = 0.5
LONGEST_WAITS_AWAY = 3
"""How many times the longest pause between resends the last participant to come back stays away."""
CLOCKS_OFF_MS = (0, 0, 0, 0, 0, 0, 0, 50, 50, 300, 2_000, 2_000, 60_000, HOUR_MS, 13 * HOUR_MS)
"""How wrong a participant's clock may be from the start, ahead or behind."""
CLOCK_STEPS_MS = (500, 5_000, 40_000, 600_000, HOUR_MS, HOUR_MS, 14 * HOUR_MS)
REPLICA_SKEWS_MS = (0, 0, -50, 300, 2_000)
SECRET_CHANGE_CHANCE = 0.3
EVENTS_MAX = 400_000
TRACE_LINES_SHOWN = 25

CPFS = ("52998224725", "11144477735", "39053344705", "86288366757", "15350946056", "01234567890", "98765432100")


@dataclass(frozen=True, slots=True)
class Plant:
    """What a planted bug puts in the place of the real thing."""

    decide_at_hub: Callable[..., Any] = decide_at_hub
    decide_at_bank: Callable[..., Any] = decide_at_bank
    resend_at_hub: Callable[..., HubResendDue] = HubResendDue
    fail_expired: Callable[..., FailExpired] = FailExpired
    process_at_bank: Callable[..., ProcessMessages] = ProcessMessages
    resend_at_bank: Callable[..., Any] = RetransmitDue
    retransmit_missed: Callable[..., Callable[[], int]] = RetransmitMissed
    loop_of: LoopOf = BatchLoop
    hub_store: Callable[[], HubStore] = HubStore
    has_unique_key: bool = True
    """Of the hub's tables: without it a second row takes the place of the first."""
    locks_originals: bool = True
    """The hub holds a transfer while it adds up the returns of it."""


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
        """Nobody looks at names here."""
        return ()

    def find_progress(self, end_to_end_ids: Sequence[str]) -> Mapping[str, Progress]:
        """Nobody looks at pages here."""
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


class World:
    """A whole network, made from a seed."""

    def __init__(self, seed: int, transfers: int, plant: Plant) -> None:
        self.seed = seed
        self.random = Random(seed)
        # What is newer than the rest has chance of its own: what else happens in a run does not depend on it.
        self.clock_random = Random(f"clocks {seed}")
        self.calm_random = Random(f"calm {seed}")
        self.race_random = Random(f"races {seed}")
        self.return_random = Random(f"returns {seed}")
        self.charge_random = Random(f"charges {seed}")
        accepts = seed % SEEDS_PER_ACCEPTING_RUN == 1
        self.unknown_charges = UnknownCharges.ACCEPT if accepts else UnknownCharges.REFUSE
        self.timeline = Timeline()
        self.trace = Trace(self.timeline)
        # Every other run, with chance of its own: what else happens in a run does not depend on it.
        self.broker = Broker(self.timeline, self.random, Random(f"tardiness {seed}") if seed % 2 == 0 else None)
        self.plant = plant
        self.policy = RetransmissionPolicy(first_ms=2_000, cap_ms=self.random.choice((60_000, 600_000, 3_600_000)))
        self.timeout_ms = self.random.choice((None, None, 15_000, 40_000))
        self.violations: list[str] = []
        self.retention_has_struck = False
        self.garbage: list[Record] = []
        self.codec = codec_of(seed)
        self.accepted_orders: dict[tuple[str, str], str] = {}
        self.accepted_returns: dict[tuple[str, str], str] = {}
        """Return ids, by the bank's ISPB and the idempotency key."""
        self.originals: dict[str, dict[str, object]] = {}
        """What the hub and the banks had of each transfer when the first money of it was to go back."""
        self.hub_store = plant.hub_store()
        self.hub = self._compose_hub(HubUnitsOfWork(self.hub_store), self.timeline)
        self.hub_skews_ms: list[int] = []
        self.watch: CalmWatch | None = None
        self.hub_clocks: list[ParticipantClock] = []
        self.hub_fate = Fate(self.random)
        self.comebacks = Comebacks(self.timeline, plant.retransmit_missed) if seed % 7 in SEEDS_WITH_COMEBACKS else None
        """None: comebacks go unnoticed."""
        self.last_back_ms: int | None = None
        """When the last participant came back that stayed away after all was healed."""
        self.hubs = self._make_hubs()
        self.banks = [self._make_bank(code, name) for code, name in BANKS]
        self.transfers = transfers

    # Building

    def _new_clock(self) -> ParticipantClock:
        clock = ParticipantClock(self.timeline)
        clock.off_ms = self.clock_random.choice(CLOCKS_OFF_MS) * self.clock_random.choice((-1, 1))
        return clock

    def _compose_hub(self, units: Any, clock: Any) -> HubApplication:
        return compose(
            units,
            clock,
            clock,
            Health(),
            self.policy,
            self.timeout_ms,
            monotonic_ms=self.timeline.now_ms,
            derive_wire_key=signing_key,
            process_again=ignore,
        )

    def _make_hubs(self) -> list[Instance]:
        replicas = self.random.choice((1, 1, 2))
        hubs: list[Instance] = []
        handlers = []
        held: set[str] = set()
        off_ms = self._new_clock().off_ms
        for number in range(replicas):
            units = FatefulUnits(
                HubUnitsOfWork(self.hub_store),
                self.hub_fate,
                held,
                locks_originals=self.plant.locks_originals,
                has_unique_key=self.plant.has_unique_key,
            )
            # Replicas agree within seconds: their clocks are one participant's, and step together.
            clock = ParticipantClock(self.timeline)
            self.hub_skews_ms.append(self.clock_random.choice(REPLICA_SKEWS_MS))
            clock.off_ms = off_ms + self.hub_skews_ms[-1]
            self.hub_clocks.append(clock)
            process = HubProcessMessages(units, clock, clock, self.policy, self.timeout_ms, self.plant.decide_at_hub)
            application = replace(
                self._compose_hub(units, clock),
                retransmit_due=self.plant.resend_at_hub(units, clock, clock, self.policy, self.timeout_ms),
                fail_expired=self.plant.fail_expired(units, clock, clock, self.policy, self.timeout_ms),
            )
            gateway = hub_gateway(self.hub.queries.wire_keys, self.timeline.now_ms, self.codec, self._batch_readers)
            handler = gateway.handler(process)
            handlers.append((units, gateway.unpacking(handler)))
            sink = Sink(self.broker, self.hub_fate)
            hubs.append(
                Instance(
                    name=f"hub {number}",
                    topic=HUB_TOPIC,
                    group=CONSUMER_GROUP,
                    partitions=tuple(range(number, PARTITIONS, replicas)),
                    timeline=self.timeline,
                    broker=self.broker,
                    random=self.random,
                    trace=self.trace,
                    fate=self.hub_fate,
                    handle=gateway.unpacking(isolating_poison(handler, storing(application))),
                    sweep=_hub_sweep(application, gateway, sink),
                    next_due_ms=partial(self._hub_due_ms, clock),
                    loop_of=self.plant.loop_of,
                    violations=self.violations,
                )
            )
            if self.comebacks is not None:
                self.comebacks.join(hubs[-1], HUB, clock, _retransmit_waiting(application, gateway, sink))
        if replicas == 2:
            for number, (units, _) in enumerate(handlers):
                race(hubs[number], units, self._publishing(handlers[1 - number][1]), self.random)
                units.beside = now_and_then(hubs[1 - number], self.random)

        def wake() -> None:
            for hub in hubs:
                hub.plan_turn()

        self.broker.create(HUB_TOPIC, wake)
        return hubs

    def _batch_readers(self) -> frozenset[str]:
        return self.hub.queries.banks_with(Feature.BATCHES)

    def _publishing(self, handle: BatchHandler) -> BatchHandler:
        """Another replica's handler: it publishes what it owes once all is healed; before that it dies in between."""

        def handle_and_publish(records: Sequence[Record]) -> Sequence[Record]:
            outgoing = handle(records)
            if self.watch is not None:
                self.broker.publish(pack(outgoing, lambda _: PARTITIONS))
            return outgoing

        return handle_and_publish

    def _hub_due_ms(self, clock: ParticipantClock) -> int | None:
        """When the next sweep has something to do, in true time."""
        due = [row.resend_at_ms for row in rows_of(self.hub_store) if row.resend_at_ms is not None]
        if not due:
            return None
        is_out_of_reach = max(due) > clock.now_ms() + self.policy.cap_ms
        return self.timeline.now_ms() if is_out_of_reach else min(due) - clock.off_ms

    def _bank_due_ms(self, store: BankStore, clock: ParticipantClock) -> int | None:
        """The same of a bank, whose late answers may wait for longer."""
        due_ms: int | None = None
        horizon_ms = clock.now_ms() + self.policy.cap_ms
        for row in rows_of(store):
            at_ms = row.resend_at_ms
            if at_ms is not None:
                if at_ms > horizon_ms and row.resend_count != WITHHELD:
                    return self.timeline.now_ms()
                if due_ms is None or at_ms < due_ms:
                    due_ms = at_ms
        return None if due_ms is None else due_ms - clock.off_ms

    def _make_bank(self, code: str, name: str) -> SimulatedBank:
        identity = BankIdentity(code=code, ispb=code.zfill(8), name=name, color="#123456")
        secret = f"secret of the bank {code}"
        self.hub.add_bank(
            code=code,
            name=name,
            color="#123456",
            secret=secret,
            settlement_funds_centavos=self.random.choice((30_000, SETTLEMENT_FUNDS_CENTAVOS)),
        )
        if self.clock_random.random() < SECRET_CHANGE_CHANCE:
            # The bank knows its new secret alone, and the hub still both.
            secret = f"new secret of the bank {code}"
            self.hub.add_bank(code=code, name=name, color="#123456", secret=secret)
        self.hub.join_network(
            ispb=identity.ispb, code=code, name=name, color="#123456", url="", version="", features=FEATURES
        )
        store = BankStore()
        clock = self._new_clock()
        fate = Fate(self.random)
        units = FatefulUnits(MemoryUnitsOfWork(store), fate)
        sink = Sink(self.broker, fate)
        gateway = bank_gateway(identity.ispb, secret, codec=self.codec, hub_reads_batches=lambda: True)
        publisher = BackgroundPublisher(sink, gateway)
        ids = (f"{code}-{number}" for number in range(10_000))
        hub = HubByHand(self, identity.ispb)

        def made(on: Any) -> BankApplication:
            return compose_bank(
                identity=identity,
                units=on,
                process_again=ignore,
                hub=hub,
                publisher=publisher,
                scheme_clock=clock,
                clock=clock,
                policy=self.policy,
                new_id=lambda: next(ids),
                random=self.random,
            )

        parts = (clock, clock, identity, self.policy, self.plant.decide_at_bank, self.unknown_charges)
        process = self.plant.process_at_bank(units, *parts)
        quiet = made(MemoryUnitsOfWork(store))
        application = replace(
            made(units),
            process_messages=process,
            retransmit_due=self.plant.resend_at_bank(units, publisher, clock, self.policy),
        )
        topic = bank_topic(code)
        instance = Instance(
            name=f"bank {code}",
            topic=topic,
            group=f"codepix-bank-{code}",
            partitions=tuple(range(PARTITIONS)),
            timeline=self.timeline,
            broker=self.broker,
            random=self.random,
            trace=self.trace,
            fate=fate,
            handle=gateway.unpacking(isolating_poison(gateway.handler(process), storing(application))),
            sweep=lambda: ignore(application.retransmit_due()),
            next_due_ms=lambda: self._bank_due_ms(store, clock),
            loop_of=self.plant.loop_of,
            violations=self.violations,
        )
        if self.comebacks is not None:
            retransmit = application.retransmit_waiting
            self.comebacks.join(
                instance, identity.ispb, clock, lambda comeback, before_ms: retransmit(comeback.since_ms, before_ms)
            )
        # Another replica of the bank.
        replica = gateway.unpacking(gateway.handler(ProcessMessages(MemoryUnitsOfWork(store), *parts)))
        race_at_bank(instance, units, self._publishing(replica), store, self.race_random)
        self.broker.create(topic, instance.plan_turn)
        forgetful = ForgetfulUnits(units)
        returns = compose_returns(forgetful, publisher, clock, clock, identity, self.policy, self.random)
        charges = compose_charges(MemoryUnitsOfWork(store), clock, self.charge_random)
        return SimulatedBank(
            identity, secret, store, clock, fate, application, quiet, instance, [], [], charges, returns.request
        )

    # What happens

    def play(self) -> None:
        """Sets up, lets things happen for a while, heals everything, and waits until nothing is owed."""
        for hub in self.hubs:
            hub.start()
        for number, bank in enumerate(self.banks):
            self._open_accounts(bank, number)
            bank.quiet.mirror_settlement()
            bank.instance.start()
        self._pay_in_advance()
        faults = Faults.drawn(self.random)
        for fate in (self.hub_fate, *(bank.fate for bank in self.banks)):
            fate.faults = faults
        self.broker.faults = faults
        self.trace.note(f"{faults} timeout {self.timeout_ms} ms, {len(self.hubs)} hubs")
        in_calm = min(PAYMENTS_IN_CALM, self.transfers // 2)
        for number in range(in_calm, self.transfers):
            self._plan_payment(number, self.timeline.now_ms(), PAYING_MS)
        for number in range(RETURNS_IN_CALM, int(self.transfers * RETURNS_SHARE)):
            self._plan_return(number, self.timeline.now_ms(), PAYING_MS)
        has_charges = self.seed % 5 in SEEDS_WITH_CHARGES
        for number in range(CHARGES if has_charges else 0):
            self._plan_charge(number, self.timeline.now_ms(), PAYING_MS)
        healed_ms = self._plan_incidents()
        self._plan_suspension(healed_ms)
        self._plan_leaving(healed_ms)
        self._plan_clock_steps(healed_ms)
        self.timeline.at(healed_ms, self._heal)
        for number in range(in_calm):
            self._plan_payment(number, healed_ms, CALM_PAYING_MS)
        for number in range(RETURNS_IN_CALM):
            self._plan_return(number, healed_ms, CALM_PAYING_MS)
        for number in range(CHARGES, CHARGES + CHARGES_IN_CALM if has_charges else CHARGES):
            self._plan_charge(number, healed_ms, CALM_PAYING_MS)
        self._run(healed_ms)

    def _open_accounts(self, bank: SimulatedBank, number: int) -> None:
        for each in range(ACCOUNTS_PER_BANK):
            cpf = CPFS[(number * ACCOUNTS_PER_BANK + each) % len(CPFS)]
            account = self._open_account(bank, each, cpf)
            key = bank.quiet.register_key(
                account_number=account.number, kind=KeyKind.EMAIL, key=f"c{each}@bank{bank.identity.code}.example"
            )
            bank.accounts.append(account.number)
            bank.keys.append(key.key)

    def _pay_in_advance(self) -> None:
        """A few payments while all is well, so that there is something to give back in every run."""
        clocks = [*self.hub_clocks, *(bank.clock for bank in self.banks)]
        offs_ms = [clock.off_ms for clock in clocks]
        for clock in clocks:
            clock.off_ms = 0
        for number, bank in enumerate(self.banks):
            bank.application.request_transfer(
                account_number=bank.accounts[0],
                payee_key=self.banks[(number + 1) % len(self.banks)].keys[0],
                amount_centavos=self.return_random.randrange(1, PAID_IN_ADVANCE_CENTAVOS_MAX),
                description="in advance",
                idempotency_key="in advance",
                payee_tax_id_masked="",
            )
        # With some of the planted bugs it would never be quiet.
        until_ms = self.timeline.now_ms() + IN_ADVANCE_MS_MAX
        while (next_ms := self.timeline.next_ms()) is not None and next_ms <= until_ms:
            self.timeline.advance()
        for clock, off_ms in zip(clocks, offs_ms, strict=True):
            clock.off_ms = off_ms
        for bank in self.banks:
            if self.random.random() < 0.5:
                bank.quiet.block_account(account_number=bank.accounts[-1])
            bank.quiet.choose_behaviour(behaviour=self._behaviour())

    def _open_account(self, bank: SimulatedBank, each: int, cpf: str) -> Account:
        """As the use case does, without the memory-hard hash of a PIN that nobody enters here."""
        now_ms = self.timeline.now_ms()
        opened = Account(
            f"00000{each}-0", f"Customer {each}", HolderKind.PERSON, cpf, AccountStatus.ACTIVE, 0, opened_at_ms=now_ms
        )
        amount_centavos = self.random.randrange(PAID_IN_ADVANCE_CENTAVOS_MAX, 200_000)
        account, posting = books.book(opened, books.deposit(opened.number, f"opening-{each}", amount_centavos, now_ms))
        with MemoryUnitsOfWork(bank.store)() as unit:
            unit.accounts.add(account, "")
            unit.postings.add([posting])
            unit.commit()
        return account

    def _behaviour(self) -> Behaviour:
        calm = Behaviour()
        return self.random.choice(
            (
                calm,
                calm,
                calm,
                Behaviour(answer_delay_ms=self.random.randrange(60_000)),
                Behaviour(answer_style=AnswerStyle.TWICE),
                Behaviour(answer_style=AnswerStyle.YES_AND_NO),
                Behaviour(mode=AnswerMode.SILENT),
                Behaviour(mode=AnswerMode.REJECT),
            )
        )

    def _plan_payment(self, number: int, from_ms: int, within_ms: int) -> None:
        bank = self.random.choice(self.banks)
        account_number = self.random.choice(bank.accounts)
        keys = [key for other in self.banks for key in other.keys]
        key = self.random.choice((*keys, *keys, PixKey(KeyKind.EMAIL, "nobody@nowhere.example")))
        order: dict[str, Any] = {
            "account_number": account_number,
            "payee_key": key,
            "amount_centavos": self.random.randrange(1, 40_000),
            "description": f"payment {number}",
            "idempotency_key": f"order-{number}",
            "payee_tax_id_masked": "",
        }

        self.timeline.at(from_ms + self.random.randrange(within_ms), partial(self._pay, bank, order, self.random))

    def _pay(self, bank: SimulatedBank, order: dict[str, Any], random: Random, attempts_left: int = 100) -> None:
        def request() -> None:
            try:
                transfer = bank.application.request_transfer(**order)
            except SchemeError:
                return
            self.accepted_orders[order["account_number"], order["idempotency_key"]] = transfer.end_to_end_id

        # A customer who got no answer asks again for the same.
        if not bank.instance.act(request) and attempts_left:
            again_ms = self.timeline.now_ms() + random.randrange(500, 30_000)
            self.timeline.at(again_ms, partial(self._pay, bank, order, random, attempts_left - 1))

    def _plan_charge(self, number: int, from_ms: int, within_ms: int) -> None:
        """A merchant makes a charge, and two customers pay it; now and then the merchant removes it meanwhile."""
        random = self.charge_random
        bank = random.choice(self.banks)
        place = random.randrange(len(bank.accounts))
        order = ChargeOrder(
            account_number=bank.accounts[place],
            kind=ChargeKind.IMMEDIATE,
            key=bank.keys[place],
            amount_centavos=random.randrange(1, CHARGED_CENTAVOS_MAX),
            terms=Immediate(random.choice(CHARGE_EXPIRY_SECONDS)),
        )
        others = [
            (each, account_number)
            for each in self.banks
            for account_number in each.accounts
            if each is not bank or account_number != order.account_number
        ]
        payers = random.sample(others, 2)

        def ask() -> None:
            try:
                charge, _ = bank.charges.create(order)
            except SchemeError:
                return
            for payer, account_number in payers:
                payment: dict[str, Any] = {
                    "account_number": account_number,
                    "payee_key": order.key,
                    "amount_centavos": order.amount_centavos,
                    "description": "",
                    "idempotency_key": f"charge-{number}",
                    "payee_tax_id_masked": "",
                    "initiation": Initiation.QRDN,
                    "txid": charge.txid,
                }
                at_ms = self.timeline.now_ms() + random.choice((0, random.randrange(3_000), random.randrange(30_000)))
                self.timeline.at(at_ms, partial(self._pay, payer, payment, random))
            if random.random() < REMOVAL_CHANCE:
                remove = partial(
                    bank.charges.change, charge.tax_id, charge.txid, charge.kind, ChargeChange(is_removed=True)
                )
                self.timeline.at(self.timeline.now_ms() + random.randrange(5_000), partial(try_to, remove))

        self.timeline.at(from_ms + random.randrange(within_ms), ask)

    def _plan_return(self, number: int, from_ms: int, within_ms: int) -> None:
        """Somebody gives money back, as soon as there is a payment that has come."""

        def begin(wait_ms: int = LOOK_FOR_PAYMENT_MS) -> None:
            found = self._choose_received()
            if found is not None:
                is_forgetful = self.return_random.random() < FORGETFUL_SHARE
                for part in range(self.return_random.choice(RETURNS_AT_ONCE)):
                    self._order_return(*found, f"return-{number}-{part}", is_forgetful)
            elif wait_ms < LOOK_FOR_PAYMENT_MS_MAX:
                self.timeline.at(self.timeline.now_ms() + wait_ms, lambda: begin(2 * wait_ms))

        self.timeline.at(from_ms + self.return_random.randrange(within_ms), begin)

    def _choose_received(self) -> tuple[SimulatedBank, BankTransfer] | None:
        received = [
            (bank, row)
            for bank in self.banks
            for row in bank.store.transfers.values()
            if row.direction is Direction.INCOMING and row.status is BankStatus.CONFIRMED
        ]
        before = [each for each in received if each[1].end_to_end_id in self.originals]
        if before and self.return_random.random() < SEEN_AGAIN_SHARE:
            return self.return_random.choice(before)
        return self.return_random.choice(received) if received else None

    def _order_return(
        self, bank: SimulatedBank, original: BankTransfer, idempotency_key: str, is_forgetful: bool
    ) -> None:
        end_to_end_id = original.end_to_end_id
        self.originals.setdefault(end_to_end_id, contents_of_transfer(self, end_to_end_id))
        whole = original.amount_centavos
        left = left_to_return(original, returns_of_payment(bank.store, end_to_end_id))
        order: dict[str, Any] = {
            "account_number": original.account_number,
            "original_end_to_end_id": end_to_end_id,
            "amount_centavos": self.return_random.choice(
                (whole, max(1, left), max(1, left), 1 + self.return_random.randrange(whole), max(1, whole // 3))
            ),
            "description": idempotency_key,
            "idempotency_key": idempotency_key,
            "reason": self.return_random.choice(RETURN_REASONS),
        }
        request_return = bank.request_forgetfully if is_forgetful else bank.application.returns.request

        def give_back(attempts_left: int = 100) -> None:
            def request() -> None:
                try:
                    row = request_return(**order)
                except SchemeError:
                    return
                self.accepted_returns[bank.identity.ispb, idempotency_key] = row.return_id

            if not bank.instance.act(request) and attempts_left:
                again_ms = self.timeline.now_ms() + self.return_random.randrange(500, 30_000)
                self.timeline.at(again_ms, lambda: give_back(attempts_left - 1))

        give_back()

    def _plan_suspension(self, until_ms: int) -> None:
        """The operator suspends a bank for a while."""
        if self.return_random.random() >= SUSPENSION_CHANCE:
            return
        code = self.return_random.choice(self.banks).identity.code
        from_ms, to_ms = sorted(self.return_random.randrange(self.timeline.now_ms(), until_ms) for _ in range(2))

        def suspend() -> None:
            self.trace.note(f"bank {code} is suspended until {to_ms - START_MS} ms")
            self.hub.suspend_bank(code)

        self.timeline.at(from_ms, suspend)
        self.timeline.at(to_ms, lambda: ignore(self.hub.resume_bank(code)))

    def _plan_leaving(self, until_ms: int) -> None:
        """A customer pays everything away and closes the account: what comes back finds it closed, or blocked."""
        bank = self.return_random.choice(self.banks)
        number = self.return_random.choice(bank.accounts)
        at_ms = self.return_random.randrange(self.timeline.now_ms(), until_ms)
        if self.return_random.random() >= LEAVING_CHANCE:
            self.timeline.at(at_ms, lambda: try_to(partial(bank.quiet.block_account, account_number=number)))
            return
        keys = [key for other in self.banks if other is not bank for key in other.keys]

        def leave(attempts_left: int = 20) -> None:
            account = bank.store.accounts.get(number)
            assert account is not None
            if not account.balance_centavos:
                try_to(partial(bank.quiet.close_account, account_number=number))
            else:
                pay = partial(
                    bank.application.request_transfer,
                    account_number=number,
                    payee_key=self.return_random.choice(keys),
                    amount_centavos=account.balance_centavos,
                    description="everything",
                    idempotency_key=f"leaving-{attempts_left}",
                    payee_tax_id_masked="",
                )
                bank.instance.act(partial(try_to, pay))
            if attempts_left and account.status is AccountStatus.ACTIVE:
                again_ms = self.timeline.now_ms() + self.return_random.randrange(1_000, 10_000)
                self.timeline.at(again_ms, lambda: leave(attempts_left - 1))

        self.timeline.at(at_ms, leave)

    def _plan_incidents(self) -> int:
        """Plans what strikes from outside; returns when all of it is over."""
        now_ms = self.timeline.now_ms()
        healed_ms = now_ms + PAYING_MS + self.random.randrange(PAYING_MS)
        for _ in range(self.random.randrange(4)):
            at_ms = now_ms + self.random.randrange(PAYING_MS)
            incident = self.random.choice((self._absence, self._absence, self._lost_log, self._garbage, self._mood))
            healed_ms = max(healed_ms, incident(at_ms))
        return healed_ms

    def _plan_clock_steps(self, until_ms: int) -> None:
        """Clocks are set right, or wrong, while things happen, and in half of the runs right at the end."""
        now_ms = self.timeline.now_ms()
        for _ in range(self.clock_random.randrange(4)):
            number = self.clock_random.randrange(1 + len(self.banks))
            step_ms = self.clock_random.choice(CLOCK_STEPS_MS) * self.clock_random.choice((-1, 1))
            at_ms = self.clock_random.randrange(now_ms, until_ms)
            self.timeline.at(at_ms, partial(self._step_clock, number, step_ms))
        if self.clock_random.random() < 0.5:
            for number in range(1 + len(self.banks)):
                self.timeline.at(until_ms, partial(self._step_clock, number, None))

    def _step_clock(self, number: int, step_ms: int | None) -> None:
        """Steps the clock of the hub (0) or of a bank by so much; None: to the true time."""
        if number == 0:
            clocks, instances = self.hub_clocks, self.hubs
        else:
            bank = self.banks[number - 1]
            clocks, instances = [bank.clock], [bank.instance]
        for clock, instance, skew_ms in zip(clocks, instances, self.hub_skews_ms if number == 0 else [0], strict=True):
            clock.off_ms = skew_ms if step_ms is None else clock.off_ms + step_ms
            self.trace.note(f"the clock of {instance.name} steps, and is {clock.off_ms} ms ahead now")
            instance.plan_sweep()

    def _absence(self, at_ms: int) -> int:
        """A participant is away, for seconds or for hours, maybe longer than retention."""
        instances = [*self.hubs, *(bank.instance for bank in self.banks)]
        instance = self.random.choice(instances)
        away_ms = self.random.choice((1_000, 10_000, 30_000, 30_000, HOUR_MS, 14 * HOUR_MS))
        back_ms = at_ms + min(away_ms, RESENDS_WHILE_AWAY * self.policy.cap_ms)
        retained = self.random.choice((0.0, 0.0, 0.5, 1.0))

        def go() -> None:
            self.trace.note(f"{instance.name} goes away until {back_ms - START_MS} ms")
            instance.stop()
            instance.lifetime += 1

        def come_back() -> None:
            if retained:
                self.retention_has_struck = True
                self.broker.retain(instance.topic, retained)
            self.trace.note(f"{instance.name} comes back, {retained:.0%} of its topic is gone")
            instance.start()

        self.timeline.at(at_ms, go)
        self.timeline.at(back_ms, come_back)
        return back_ms + 1_000

    def _lost_log(self, at_ms: int) -> int:
        def lose() -> None:
            self.trace.note("the broker loses its log")
            self.broker.lose_log()

        self.timeline.at(at_ms, lose)
        return at_ms + 1_000

    def _garbage(self, at_ms: int) -> int:
        """Somebody writes what nobody can read; nobody sends it again, so it must not be skipped."""
        topic = self.random.choice((HUB_TOPIC, *(bank_topic(code) for code, _ in BANKS)))
        number = len(self.garbage)
        record = Record(topic, f"garbage-{number}".encode(), b"\xff\xfe garbage", {"codepix-sender": b"stranger"})
        self.garbage.append(record)

        def arrive() -> None:
            self.trace.note(f"garbage comes to {topic}")
            self.broker.append(record)

        self.timeline.at(at_ms, arrive)
        return at_ms + 1_000

    def _mood(self, at_ms: int) -> int:
        bank, behaviour = self.random.choice(self.banks), self._behaviour()

        def change() -> None:
            self.trace.note(f"bank {bank.identity.code} behaves: {behaviour}")
            bank.quiet.choose_behaviour(behaviour=behaviour)

        self.timeline.at(at_ms, change)
        return at_ms

    def _heal(self) -> None:
        self.trace.note("everything is healed")
        for fate in (self.hub_fate, *(bank.fate for bank in self.banks)):
            fate.faults = Faults()
        self.broker.faults = Faults()
        for bank in self.banks:
            bank.quiet.choose_behaviour(behaviour=Behaviour())
        away = self._last_to_come_back()
        for instance in (*self.hubs, *(bank.instance for bank in self.banks)):
            if any(instance is each for each in away):
                instance.stop()
                instance.lifetime += 1
            else:
                instance.start()
        self.watch = CalmWatch(self, self.timeline.now_ms())

    def _last_to_come_back(self) -> list[Instance]:
        """Who stays away when all else is healed, in half of the runs: for longer than the longest wait."""
        away = self.calm_random.choice(([], [], [], self.hubs, *([bank.instance] for bank in self.banks)))
        if away:
            back_ms = self.timeline.now_ms() + LONGEST_WAITS_AWAY * self.policy.cap_ms
            self.last_back_ms = back_ms
            if self.comebacks is not None:
                # What the broker kept for it is gone: only what is retransmitted reaches it.
                self.timeline.at(back_ms, lambda: self._forget_topic(away[0].topic))
            self.trace.note(f"{away[0].name} stays away until {back_ms - START_MS} ms")
            for instance in away:
                self.timeline.at(back_ms, instance.start)
        return list(away)

    def _forget_topic(self, topic: str) -> None:
        self.retention_has_struck = True
        self.broker.retain(topic, 1.0)

    def _run(self, healed_ms: int) -> None:
        events = 0
        while True:
            try:
                next_ms = self.timeline.next_ms()
                if next_ms is None:
                    return
                if self.watch is not None and not self.watch.is_satisfied(next_ms):
                    return
                self.timeline.advance()
            except SettlementConflict:
                # A sweeper found accounts that are too poor for what it only gives back: it would stand still for ever.
                self.violations.append("money: a settlement account cannot bear the release of what it reserved")
                return
            events += 1
            if self.timeline.now_ms() > healed_ms + QUIET_MS_MAX or events > EVENTS_MAX:
                self.violations.append(f"not quiet {QUIET_MS_MAX // HOUR_MS} hours after the last fault")
                return

    # The end

    def finish(self) -> Outcome:
        """Audits, and says what the run was like."""
        for instance in (*self.hubs, *(bank.instance for bank in self.banks)):
            instance.stop()
        self.timeline.forget()
        self.violations += find_violations(self)
        transfers = list(self.hub_store.transfers.values())
        returns: list[Return] = list(self.hub_store.rows[RETURN].values())
        charges = [charge for bank in self.banks for charge in bank.store.charges.values()]
        rows = list(rows_of(self.hub_store))
        crashes: Counter[str] = Counter()
        for fate in (self.hub_fate, *(bank.fate for bank in self.banks)):
            crashes.update(fate.crashes)
        return Outcome(
            seed=self.seed,
            violations=self.violations,
            trace=self.trace,
            statuses=dict(Counter(transfer.status.value for transfer in transfers)),
            returns=dict(Counter(f"{row.status} {row.reason or ''}".strip() for row in returns)),
            charges=dict(Counter(charge.status.value for charge in charges)),
            crashes=dict(crashes),
            published=self.broker.published,
            resends=sum(row.resends for row in rows),
            duplicates=sum(row.duplicates for row in rows),
            virtual_ms=self.timeline.now_ms() - START_MS,
            fingerprint=self.fingerprint(),
        )

    def fingerprint(self) -> str:
        """Of everything that is durable."""
        digest = hashlib.sha256()
        for row in _sorted_rows(rows_of(self.hub_store)):
            digest.update(row.encode())
        for bank in self.banks:
            for row in _sorted_rows((*rows_of(bank.store), *bank.store.charges.values())):
                digest.update(row.encode())
        digest.update(str(self.timeline.now_ms()).encode())
        return digest.hexdigest()


def simulate(seed: int, transfers: int = TRANSFERS_DEFAULT, plant: Plant | None = None) -> Outcome:
    """One run. The same seed, number of transfers and plant always give the same outcome."""
    world = World(seed, transfers, plant or Plant())
    world.play()
    return world.finish()


def _sorted_rows(rows: Iterable[object]) -> list[str]:
    return sorted(repr(row) for row in rows)


def _hub_sweep(application: HubApplication, gateway: MessageGateway, sink: Sink) -> Callable[[], None]:
    def sweep() -> None:
        sink.publish(gateway.encode(application.fail_expired()))
        sink.publish(gateway.encode(application.retransmit_due()))

    return sweep


def _retransmit_waiting(application: HubApplication, gateway: MessageGateway, sink: Sink) -> RetransmitWaiting:
    def retransmit_waiting(comeback: Comeback, before_ms: int | None) -> tuple[int, int | None]:
        outgoing, remaining_ms = application.retransmit_waiting(comeback.counterpart, comeback.since_ms, before_ms)
        sink.publish(gateway.encode(outgoing))
        return len(outgoing), remaining_ms

    return retransmit_waiting
