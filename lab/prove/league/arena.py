"""The network in which an entrant plays: a hub, another bank of ours, and the other bank's customers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import httpx

from lab.drive.customers import Customer, Key, Population
from lab.network.network import FETCH_WAIT_MS, BankSpec, KafkaKind, NetworkSettings
from lab.network.parts.errors import PartError
from lab.network.parts.ports import LOOPBACK
from lab.network.run import Run, open_run
from lab.prove.league.entrants import Entrant
from lab.prove.league.plan import TIMEOUT_SECONDS
from lab.read.rest import Json
from lab.read.tap import Tap
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.kafka.topics import ensure_topics
from pix.runtime.addresses import join_host_port
from pix.runtime.outages import BrokerUnavailable, PublishFailed
from pix.wire.record import Record
from pix.wire.topics import bank_topic

OTHER_BANK: Final = BankSpec("001", "Banco Aurora", "#5b2a86")
ENTRANT_CODE_FIRST: Final = 301
ENTRANT_FUNDS_CENTAVOS: Final = 1_000_000_00
RESEND_FIRST_SECONDS: Final = 0.5
RESEND_CAP_SECONDS: Final = 2.0
LATE_SECONDS: Final = TIMEOUT_SECONDS + 2.0
"""How long the other bank takes to accept what is paid to its late customer."""
LOOK_UPS: Final = 1_000_000
"""So many that no entrant meets the directory's rate limit, which is no part of the league."""
HEAR_SECONDS: Final = 0.1
REPEAT_AFTER_SECONDS: Final = 0.4
REPEATED_MAX: Final = 20_000
"""Records that wait to be repeated; further ones are not."""
DATABASE: Final = "entrant"
FAULT_SECONDS_MAX: Final = 5.0
FAULT_POLL_SECONDS: Final = 0.3

ENVIRONMENT: Final = {
    # Rules at the other bank: one customer is paid late.
    "SANDBOX": "on",
    "LOOK_UP_BUCKET": str(LOOK_UPS),
    "LOOK_UPS_PER_MINUTE": str(LOOK_UPS),
}


class OtherCustomers:
    """The customers of the other bank, by what they are good for."""

    def __init__(self, population: Population) -> None:
        code = OTHER_BANK.code
        *self.friends, self.late = population.friends(code)
        self.payer: Customer = population.rich(code)
        self.blocked: Customer = population.blocked(code)
        self.closed: Customer = population.closed(code)

    def friend_key(self, number: int) -> Key:
        return self.friends[number % len(self.friends)].keys[0]


class Arena:
    """A running network with a place for one entrant."""

    def __init__(self, run: Run, entrant: Entrant, code: str) -> None:
        self._run = run
        self._entrant = entrant
        self.code = code
        self.guest = run.network.bank(code)
        self.other_bank = run.rest[OTHER_BANK.code]
        self.customers = OtherCustomers(Population.of({OTHER_BANK.code: self.other_bank}))
        self.hub = run.reader.hub
        self.log_file = run.network.folder / "logs" / f"entrant-{code}.log"
        self._database_url: str | None = None
        self._make_late_customer()
        self._make_topic()

    def _make_late_customer(self) -> None:
        """Raises `PartError` when the other bank does not take the rule."""
        rule = {
            "kind": "answer",
            "match": {"account_number": self.customers.late.account_number},
            "action": {"mode": "by_account", "delay_ms": round(LATE_SECONDS * 1000)},
        }
        try:
            answer = self._run.client.post(f"{self._run.network.bank(OTHER_BANK.code).url}/sandbox/rules", json=rule)
        except httpx.HTTPError as error:
            raise PartError(f"{OTHER_BANK.name} does not answer ({type(error).__name__}).") from None
        if not answer.is_success:
            raise PartError(f"{OTHER_BANK.name} does not take the rule for late answers: {answer.text}")

    def _make_topic(self) -> None:
        """The hub's operator makes a bank's topic, for a consumer alone makes none. Raises `PartError`."""
        try:
            ensure_topics(self.kafka_settings, [bank_topic(self.code)])
        except BrokerUnavailable as error:
            raise PartError(f"The topic {bank_topic(self.code)} cannot be made: {error}") from None

    @property
    def kafka_settings(self) -> KafkaSettings:
        """Of the league's own clients."""
        return KafkaSettings(bootstrap_servers=self._run.network.broker.bootstrap_servers, client_id="codepix-league")

    @property
    def url(self) -> str:
        return self.guest.url

    def environment(self, data_folder: Path) -> Mapping[str, str]:
        """What the entrant's process gets, by the bank contract."""
        network = self._run.network
        variables = {
            **self._entrant.environment,
            "BANK_CODE": self.code,
            "BANK_ISPB": self.guest.ispb,
            "BANK_NAME": self._entrant.name,
            "BANK_SECRET": self.guest.secret,
            "HUB_GRPC_ADDRESS": join_host_port(LOOPBACK, network.grpc_ports[0]),
            "KAFKA_BOOTSTRAP_SERVERS": network.broker.bootstrap_servers,
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(self.guest.port),
            "DATA_DIR": str(data_folder),
            "RESEND_FIRST_SECONDS": str(RESEND_FIRST_SECONDS),
            "RESEND_CAP_SECONDS": str(RESEND_CAP_SECONDS),
        }
        if self._entrant.has_database:
            variables["DATABASE_URL"] = self._database()
        if self._entrant.is_ours:
            secrets = network.secrets
            variables |= {
                "BANK_CONTRACT": "on",
                "SESSION_SECRET": secrets.sessions,
                "OPERATOR_PASSWORD": secrets.operator,
                # As for a network's own banks: one process alone owns its topic.
                "KAFKA_ASSIGNMENT": "all",
                "KAFKA_FETCH_WAIT_MS": str(FETCH_WAIT_MS[network.settings.kafka]),
            }
        return variables

    def _database(self) -> str:
        if self._database_url is None:
            postgres = self._run.network.postgres
            postgres.create_database(DATABASE)
            self._database_url = postgres.url(DATABASE)
        return self._database_url

    # The hub's view.

    def settlement_centavos(self) -> int:
        """Of the entrant. Raises `Unreachable`."""
        accounts = {account["ispb"]: account for account in self.hub.settlement_accounts()}
        return int(accounts[self.guest.ispb]["balance_centavos"])

    def transfers(self, *, open_only: bool = False) -> list[Json]:
        """Those in which the entrant takes part, newest first. Raises `Unreachable`."""
        narrow = {"open_only": True} if open_only else {}
        ispb = self.guest.ispb
        return [
            row
            for row in self.hub.transfers(**narrow)
            if ispb in (row["payer"]["ispb"], (row["payee"] or {}).get("ispb"))
        ]

    def network_fault(self) -> str | None:
        """Why the result cannot count: money is wrong outside of the entrant, and stays so. None when it is right."""
        fault = self._network_fault()
        deadline = monotonic() + FAULT_SECONDS_MAX
        while fault is not None and monotonic() < deadline:
            # The other bank may be about to book what the hub has just decided.
            sleep(FAULT_POLL_SECONDS)
            fault = self._network_fault()
        return fault

    def _network_fault(self) -> str | None:
        accounts = self.hub.settlement_accounts()
        if sum(account["balance_centavos"] - account["funded_centavos"] for account in accounts):
            return "the settlement accounts at the hub do not sum up to what was paid into them"
        other = next(each for each in accounts if each["ispb"] == self._run.network.bank(OTHER_BANK.code).ispb)
        if self.other_bank.books()["settlement_centavos"] != other["balance_centavos"]:
            return f"the books of {OTHER_BANK.name} do not agree with the hub's"
        return None


@contextmanager
def open_arena(
    entrant: Entrant, number: int, folder: Path, kafka: KafkaKind, progress: Callable[[str], None]
) -> Iterator[Arena]:
    """Starts a network for the entrant with this number, from 0. Raises `PartError`, `PortInUse`, `Unreachable`."""
    code = str(ENTRANT_CODE_FIRST + number)
    settings = NetworkSettings(
        folder=folder,
        banks=(OTHER_BANK, BankSpec(code, entrant.name, "#37474f", None, ENTRANT_FUNDS_CENTAVOS, is_guest=True)),
        kafka=kafka,
        transfer_timeout_seconds=TIMEOUT_SECONDS,
        resend_first_seconds=RESEND_FIRST_SECONDS,
        resend_cap_seconds=RESEND_CAP_SECONDS,
        # Only who has the password may act as the operator: no entrant funds its own account.
        demo_mode=False,
        durable=False,
        extra_environment=ENVIRONMENT,
    )
    with open_run(settings, progress) as run:
        yield Arena(run, entrant, code)


class Repeater:
    """Sends the hub's records to the entrant a second time, while it is switched on."""

    def __init__(self, arena: Arena) -> None:
        self._code = arena.code
        self._topic = bank_topic(arena.code)
        self._settings = arena.kafka_settings
        self._is_on = threading.Event()
        self.repeated = 0
        self.failure: Exception | None = None

    def switch(self, *, on: bool) -> None:
        if on:
            self._is_on.set()
        else:
            self._is_on.clear()

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; a failure is kept."""
        try:
            sink = KafkaSink(self._settings)
            try:
                with closing(Tap(self._settings.bootstrap_servers, [self._code])) as tap:
                    self._repeat(tap, sink, stop)
            finally:
                sink.close()
        except (PartError, PublishFailed) as failure:
            self.failure = failure

    def _repeat(self, tap: Tap, sink: KafkaSink, stop: threading.Event) -> None:
        waiting: deque[tuple[float, Record]] = deque(maxlen=REPEATED_MAX)
        seen: set[tuple[bytes, bytes]] = set()
        while not stop.is_set():
            for record in tap.poll_records(HEAR_SECONDS):
                identity = (record.key, record.value)
                # What was repeated arrives here too, and so does what the hub retransmits.
                if record.topic == self._topic and self._is_on.is_set() and identity not in seen:
                    seen.add(identity)
                    waiting.append((monotonic() + REPEAT_AFTER_SECONDS, record))
            due = []
            while waiting and waiting[0][0] <= monotonic():
                due.append(waiting.popleft()[1])
            if due:
                sink.publish(due)
                self.repeated += len(due)
