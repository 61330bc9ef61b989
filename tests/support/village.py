"""A whole network in one process, for tests of pages: the real hub and real banks on memory, and a postman between.

The postman carries records when a test says so (`deliver`), or by himself (`Postman`), for tests with a browser. Parts
can be switched off, as if they were down: the hub for questions, and each bank and the hub for records.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID, uuid4

from fastapi import FastAPI

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork as BankUnitsOfWork
from bank_sim.application.ports import SettlementAccount, SettlementFunding
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain import errors
from bank_sim.domain.account import BRANCH, Account, AccountKey, Payee
from bank_sim.domain.bank import BankIdentity, Participant
from bank_sim.domain.flows.transfer.model import Progress
from bank_sim.entrypoints.gateway import bank_gateway
from hub.adapters.memory.tap import MemoryWire
from hub.adapters.memory.topics import MemoryTopicBrowser
from hub.adapters.memory.unit_of_work import HubStore
from hub.adapters.memory.unit_of_work import MemoryUnitsOfWork as HubUnitsOfWork
from hub.adapters.message_tap import RecordMessageTap
from hub.application.live_messages import LiveMessages
from hub.application.ports import BankPosting
from hub.application.ports import UnitOfWork as HubUnit
from hub.application.ports import UnitsOfWork as HubUnits
from hub.application.use_cases import HubApplication
from hub.domain import errors as hub_errors
from hub.domain.bank import Bank as HubBank
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.gateway import bank_peers, hub_gateway
from hub.entrypoints.http.app import create_app as create_console
from pix.messaging.batches import BatchHandler
from pix.messaging.tap import NO_TAP, WireTap
from pix.participant.clock.model import DueItems, NetworkClock
from pix.participant.gateway import MessageGateway
from pix.runtime.clock import SystemClock
from pix.runtime.health import Health
from pix.scheme.deliveries import Outgoing
from pix.scheme.features import Feature
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.support.banks import BANKS
from tests.support.participants import bank_handler, compose_bank, compose_hub, hub_handler
from tests.support.village_payloads import QuickSeal, VillagePayloads

SETTLEMENT_FUNDS_CENTAVOS = 100_000_000
RESEND = RetransmissionPolicy(first_ms=500, cap_ms=2_000)
LOOK_SECONDS = 0.02
KEEP_IN_TOUCH_SECONDS = 1.0
PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class VillageSettings:
    """What a bank's pages want to know."""

    session_secret: str = "a secret of the tests"
    demo_mode: bool = True
    operator_password: str = "the operator of the tests"
    operator_password_hash: str = ""
    public_url: str = ""
    hub_console_url: str = ""
    sandbox: bool = True
    api_pix_port: int | None = None
    api_pix_tls_certificate: str = ""


@dataclass
class Switches:
    """What is up."""

    answers: bool = True
    """Whether the hub answers questions."""
    hears: set[str] = field(default_factory=set)
    """The topics whose reader is up."""


class VillageHub:
    """The hub's answers to one bank: `bank_sim.application.ports.Hub` on the hub's own use cases."""

    def __init__(self, hub: HubApplication, ispb: str, switches: Switches, lock: threading.RLock) -> None:
        self._hub_application = hub
        self._ispb = ispb
        self._switches = switches
        self._lock = lock

    @contextmanager
    def _hub(self) -> Iterator[HubApplication]:
        if not self._switches.answers:
            raise errors.HubUnavailable
        with self._lock:
            try:
                yield self._hub_application
            except hub_errors.KeyTaken as taken:
                raise errors.KeyTaken(taken.bank_name) from None
            except hub_errors.KeyNotFound:
                raise errors.KeyNotFound from None
            except hub_errors.KeyLimitReached as limit:
                raise errors.KeyLimitReached(limit.rule) from None

    def join_network(
        self, identity: BankIdentity, url: str, version: str, features: Collection[Feature], payload_host: str
    ) -> None:
        with self._hub() as hub:
            hub.join_network(
                ispb=self._ispb,
                code=identity.code,
                name=identity.name,
                color=identity.color,
                url=url,
                version=version,
                features=features,
                payload_host=payload_host,
            )

    def send_heartbeat(self, instance: str, version: str, lag: int | None) -> None:
        with self._hub() as hub:
            hub.record_heartbeat(ispb=self._ispb, instance=instance, version=version, lag=lag)

    def leave_network(self, instance: str) -> None:
        with self._hub() as hub:
            hub.leave_network(ispb=self._ispb, instance=instance)

    def list_participants(self) -> Sequence[Participant]:
        with self._hub() as hub:
            return [
                Participant(bank.ispb, bank.code, bank.name, bank.color, "", True, bank.features, bank.payload_host)
                for bank in hub.queries.list_banks()
            ]

    def register_key(self, account: Account, kind: KeyKind, key: str, request_id: str) -> AccountKey:
        with self._hub() as hub:
            bank = next(bank for bank in hub.queries.list_banks() if bank.ispb == self._ispb)
            asked = hub.register_key.check(
                bank=bank,
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

    def find_key(self, key: PixKey) -> Payee:
        with self._hub() as hub:
            entry, bank = hub.find_key(kind=key.kind, key=key.key)
        return Payee(
            key=entry.key,
            name=entry.holder_name,
            tax_id_masked=entry.tax_id_masked,
            holder_kind=entry.holder_kind,
            ispb=bank.ispb,
            bank_code=bank.code,
            bank_name=bank.name,
        )

    def list_keys(self) -> Iterable[AccountKey]:
        with self._hub() as hub:
            entries = hub.list_keys(ispb=self._ispb, after=None, size=1_000)
        return [AccountKey(entry.account_number, entry.key, entry.registered_at_ms) for entry in entries]

    def remove_key(self, key: PixKey, account_number: str = "") -> None:
        with self._hub() as hub:
            hub.remove_key(
                ispb=self._ispb,
                kind=key.kind,
                key=key.key,
                branch=BRANCH if account_number else "",
                account_number=account_number,
            )

    def settlement_account(self) -> SettlementAccount:
        with self._hub() as hub:
            account, fundings = hub.queries.settlement_account(self._ispb)
        return SettlementAccount(
            account.balance_centavos,
            account.reserved_centavos,
            tuple(SettlementFunding(each.funding_id, each.amount_centavos, each.funded_at_ms) for each in fundings),
        )

    def find_progress(self, end_to_end_ids: Sequence[str]) -> Mapping[str, Progress]:
        with self._hub() as hub:
            found = hub.queries.find_transfers_of(self._ispb, end_to_end_ids)
        return {
            transfer.end_to_end_id: Progress(
                transfer.offered_at_ms,
                transfer.closed_at_ms if transfer.status is TransferStatus.COMPLETED else None,
            )
            for transfer in found
        }


class LockedUnits:
    """Units of work on a store in memory, one at a time: the console reads while the postman walks."""

    def __init__(self, units: HubUnits, lock: threading.RLock) -> None:
        self._units = units
        self._lock = lock

    def __call__(self) -> HubUnit:
        """A new one."""
        return cast(HubUnit, _LockedUnit(self._units(), self._lock))


class _LockedUnit:
    def __init__(self, unit: HubUnit, lock: threading.RLock) -> None:
        self._unit = unit
        self._lock = lock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)

    def __enter__(self) -> _LockedUnit:
        self._lock.acquire()
        self._unit.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            self._unit.__exit__(*error)
        finally:
            self._lock.release()


class _VillagePublisher:
    """See `bank_sim.application.ports.BackgroundPublisher`."""

    def __init__(self, gateway: MessageGateway, publish: Callable[[Sequence[Record]], None]) -> None:
        self._gateway = gateway
        self._publish = publish

    def enqueue(self, outgoing: Sequence[Outgoing]) -> None:
        self._publish(self._gateway.encode(outgoing))


class Village:
    """A hub and its banks."""

    def __init__(
        self,
        identities: Sequence[BankIdentity],
        clock: Any = None,
        *,
        is_virtual: bool = False,
        seed: int | None = None,
        due_items: Mapping[str, DueItems] = MappingProxyType({}),
    ) -> None:
        """With `is_virtual` it has a virtual clock, with `seed` ids that repeat.

        `due_items` are those of banks, by code, in place of their scheduled payments.
        """
        self._lock = threading.RLock()
        self._queue: deque[Record] = deque()
        self.arrived = threading.Event()
        self.switches = Switches()
        self.wire = MemoryWire()
        """Where the hub's console watches what is carried."""
        clock = clock or SystemClock()
        self.hub_store = HubStore()
        self.clock = clock
        units = LockedUnits(HubUnitsOfWork(self.hub_store), self._lock)
        network = NetworkClock(clock) if is_virtual else None
        self.hub = compose_hub(
            units,
            clock,
            Health(),
            RESEND,
            None,
            scheme_clock=network,
            network_clock=network,
            publish=self._queue.extend,
        )
        if network is not None:
            # A store in memory takes one transaction at a time: the first reading is not within another.
            network.now_ms()
        self._readers: dict[str, BatchHandler] = {HUB_TOPIC: hub_handler(self.hub)}
        self.banks: dict[str, BankApplication] = {}
        self.payloads = VillagePayloads(self.banks)
        """What the banks' locations serve."""
        self.units: dict[str, BankUnitsOfWork] = {}
        """The banks' stores, by code."""
        for identity in identities:
            secret = f"the secret of the bank {identity.code}"
            network = NetworkClock(clock) if is_virtual else None
            random = None if seed is None else Random(f"{identity.code} {seed}")
            self.hub.add_bank(
                code=identity.code,
                name=identity.name,
                color=identity.color,
                secret=secret,
                settlement_funds_centavos=SETTLEMENT_FUNDS_CENTAVOS,
                ispb=identity.ispb,
            )
            bank = compose_bank(
                identity=identity,
                secret=secret,
                publish=self._queue.extend,
                units=self.units.setdefault(identity.code, BankUnitsOfWork()),
                hub=VillageHub(self.hub, identity.ispb, self.switches, self._lock),
                publisher=_VillagePublisher(bank_gateway(identity.ispb, secret), self.publish),
                clock=clock,
                scheme_clock=network,
                network_clock=network,
                due_items=due_items.get(identity.code),
                policy=RESEND,
                random=random,
                payload_host=f"bank-{identity.code}.example",
                payload_seal=QuickSeal(),
                payload_reader=self.payloads,
                new_id=_new_ids(random),
            )
            if network is not None:
                network.now_ms()
            self.banks[identity.code] = bank
            self._readers[bank_topic(identity.code)] = bank_handler(bank, secret)
        self.switches.hears = set(self._readers)
        for bank in self.banks.values():
            bank.join_network()
        for bank in self.banks.values():
            bank.meet_participants()
            bank.mirror_settlement()
            bank.health.ok("database")

    def bank_reads(self, code: str, *records: Record) -> None:
        """The bank processes these records, whoever made them."""
        self._queue.extend(self._readers[bank_topic(code)](records))

    def watch(self) -> LiveMessages:
        """What the hub's console watches."""
        return LiveMessages(lambda: self._decoder(self.wire.tap()))

    def _decoder(self, tap: WireTap = NO_TAP) -> RecordMessageTap:
        queries = self.hub.queries
        return RecordMessageTap(
            tap,
            bank_peers(queries.wire_keys),
            lambda: {bank.ispb: bank.code for bank in queries.list_banks()},
        )

    def publish(self, records: Sequence[Record]) -> None:
        self._queue.extend(records)
        self.arrived.set()

    def deliver(self) -> None:
        """Carries records until there are none left; what is for somebody who is down is lost, and sent again later."""
        with self._lock:
            while self._queue:
                record = self._queue.popleft()
                self.wire.pass_on([record])
                if record.topic in self.switches.hears and self._reads(record.topic):
                    self._queue.extend(self._readers[record.topic]([record]))

    def resend(self) -> None:
        """What a sweeper does: everything that is due goes out again."""
        with self._lock:
            for bank in self.banks.values():
                bank.retransmit_due()
            self._queue.extend(hub_gateway(self.hub.queries.wire_keys).encode(self.hub.retransmit_due()))

    def follow_clock(self) -> None:
        """Every bank takes the hub's revision of a virtual clock, as by the stream."""
        control = self.hub.network_clock
        assert control is not None, "the village has a virtual clock"
        for bank in self.banks.values():
            assert bank.follow_clock is not None
            bank.follow_clock.take(control.network.time)

    def report_clock(self) -> None:
        """Every bank reports to the hub how it stands to a virtual clock."""
        control = self.hub.network_clock
        assert control is not None, "the village has a virtual clock"
        for bank in self.banks.values():
            assert bank.read_clock_report is not None
            control.report(bank.identity.ispb, bank.read_clock_report())

    def keep_time(self) -> None:
        """What roles of hub and banks do for a virtual clock: one step of a jump, and what is due by then."""
        control = self.hub.network_clock
        if control is None:
            return
        with self._lock:
            control.step()
            self.follow_clock()
            for bank in self.banks.values():
                bank.run_due_schedules()
            self.report_clock()

    def send_heartbeat(self) -> None:
        """Each bank that hears says that it is there."""
        if not self.switches.answers:
            return
        for code, bank in self.banks.items():
            if bank_topic(code) in self.switches.hears:
                bank.send_heartbeat(0)

    def postings(self, bank: HubBank, end_to_end_id: str) -> list[BankPosting]:
        """See `hub.application.ports.BankBooks`: the banks' word, without the way over HTTP."""
        with self._lock:
            booked = self.banks[bank.code].queries.postings_of_transfer(end_to_end_id)
        return [
            BankPosting(
                kind=posting.kind.value,
                debit_account=posting.debit_account,
                credit_account=posting.credit_account,
                amount_centavos=posting.amount_centavos,
                posted_at_ms=posting.posted_at_ms,
                direction=posting.direction.value if posting.direction else "",
            )
            for _, posting in booked
        ]

    def console(self, **options: Any) -> FastAPI:
        """The hub's console."""
        watch = self.watch()
        topics = MemoryTopicBrowser(self.wire, self._decoder)
        return create_console(self.hub, wire=watch, bank_books=self, topics=topics, **options)

    def resend_until(self, is_done: Callable[[], bool]) -> None:
        """Lets time pass and sweepers sweep until it is done."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_done():
            if time.monotonic() > deadline:
                raise TimeoutError("the village did not get there")
            time.sleep(LOOK_SECONDS)
            self.resend()
            self.deliver()

    def stop_hearing(self, code: str) -> None:
        """The bank is down for records; its pages live on."""
        self.switches.hears.discard(bank_topic(code))

    def hear_again(self, code: str) -> None:
        """The bank is back."""
        self.switches.hears.add(bank_topic(code))

    def _reads(self, topic: str) -> bool:
        return all(bank.queries.behaviour().consuming for code, bank in self.banks.items() if bank_topic(code) == topic)


def _new_ids(random: Random | None) -> Callable[[], str]:
    return lambda: str(uuid4() if random is None else UUID(int=random.getrandbits(128)))


class Postman:
    """Delivers and resends by himself until he is stopped."""

    def __init__(self, village: Village) -> None:
        self._village = village
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._walk, name="postman", daemon=True)

    def __enter__(self) -> Postman:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._village.arrived.set()
        self._thread.join(5)

    def _walk(self) -> None:
        due_at_seconds = 0.0
        while not self._stop.is_set():
            if time.monotonic() >= due_at_seconds:
                self._village.send_heartbeat()
                due_at_seconds = time.monotonic() + KEEP_IN_TOUCH_SECONDS
            self._village.arrived.wait(LOOK_SECONDS)
            self._village.arrived.clear()
            self._village.keep_time()
            self._village.deliver()
            self._village.resend()


def found_village(*, with_people: bool = True, clock: Any = None, is_virtual: bool = False) -> Village:
    """The three banks of the demo, with their people."""
    village = Village(BANKS, clock, is_virtual=is_virtual)
    if with_people:
        for bank in village.banks.values():
            bank.seed_demo_people()
    return village
