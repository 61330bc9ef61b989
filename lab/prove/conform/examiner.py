"""The examiner: a network in which the bank under examination is the only real bank, shared by all cases."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx

from lab.network.network import FETCH_WAIT_MS, SECRET_BYTES, KafkaKind
from lab.network.parts.apache_kafka import ApacheKafkaBroker, fetch_jars
from lab.network.parts.broker import Broker, EmbeddedBroker
from lab.network.parts.postgres import EmbeddedPostgres
from lab.network.parts.process import ChildProcesses
from lab.prove.conform.case import Need
from lab.prove.conform.contract import Account, BankApi, account_of, new_client
from lab.prove.conform.evidence import Evidence
from lab.prove.conform.examined import OWN_BANK, Examined, StartedBank, command_of, is_address
from lab.prove.conform.hub import Bank, ScriptedHub
from lab.prove.conform.people import People
from lab.prove.conform.verdict import CannotExamine, Failed
from lab.prove.conform.wire import HubWire
from lab.read.report import errors
from pix.scheme.ids import ispb_of_code
from pix.scheme.messages import Party
from pix.scheme.people import mask_tax_id

if TYPE_CHECKING:
    from lab.prove.conform.bench import Bench

CODE: Final = "501"
NAME: Final = "Banco Examinado"
OTHER_CODE: Final = "502"
PLAIN_CODE: Final = "503"
"""A bank that announces no feature."""
RESEND_FIRST_SECONDS: Final = 1
RESEND_CAP_SECONDS: Final = 4
"""Short, so that retransmissions need no long examination."""

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class ExamineOptions:
    bank: str
    """`ours`, a command, or an address."""
    kafka: KafkaKind = KafkaKind.EMBEDDED
    seed: int = 1


@dataclass(slots=True)
class Examiner:
    """Everything that cases share."""

    own: Bank
    """The bank under examination."""
    other: Bank
    """The bank of the counterparts; it has every feature."""
    plain: Bank
    """Another one, without features."""
    hub: ScriptedHub
    wire: HubWire
    examined: Examined
    client: httpx.Client
    people: People
    folder: Path
    options: ExamineOptions
    ends: ExitStack
    """What is begun for a case and used by others is ended by it."""
    has: set[Need] = field(default_factory=set)
    features: tuple[str, ...] = ()
    _fence: Account | None = None
    _seen: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the bank under examination."""
        return self.own.name

    def once(self, name: str, observe: Callable[[], ResultT]) -> ResultT:
        """What was seen under this name, or is seen now: for observations that several cases share."""
        if name not in self._seen:
            self._seen[name] = observe()
        found: ResultT = self._seen[name]
        return found

    def bench(self, evidence: Evidence) -> Bench:
        """For one case."""
        # The bench knows the examiner: only one of the two can import the other.
        from lab.prove.conform.bench import Bench

        return Bench(self, self.api(evidence), evidence)

    def api(self, evidence: Evidence) -> BankApi:
        """The bank's endpoints, for one case."""
        return BankApi(self.examined.url, self.client, evidence)

    def fence_party(self) -> Party:
        """The account that receives the offers of fences."""
        if self._fence is None:
            raise CannotExamine("The examiner has no account at the bank.")
        return Party(
            self.own.ispb,
            self._fence.branch,
            self._fence.number,
            self._fence.owner_name,
            mask_tax_id(self._fence.owner_document),
        )

    def look(self) -> None:
        """Finds out what the bank can do, and opens the examiner's account. Raises `CannotExamine`."""
        api = self.api(Evidence())
        try:
            document = api.bank()
            found = document.get("features")
            self.features = tuple(str(each) for each in found) if isinstance(found, list) else ()
            self.has = {need for need in Need if need.value in self.features} - {Need.MONEY, Need.PROCESS}
            owner = self.people.person()
            answer = api.call(
                "POST",
                "/accounts",
                {"owner_name": owner.name, "owner_document": owner.document, "opening_balance_centavos": 0},
            )
            if not answer.is_success:
                raise CannotExamine(f"The bank opens no account: POST /contract/v1/accounts gave {answer.status}.")
            self._fence = account_of(answer.body)
            reads = ("/accounts", f"/accounts/{self._fence.number}/postings", "/books")
            if all(api.call("GET", path).is_success for path in reads):
                self.has.add(Need.MONEY)
        except Failed as error:
            raise CannotExamine(f"The bank cannot be examined: {error}") from None
        if self.examined.can_restart:
            self.has.add(Need.PROCESS)


@contextmanager
def open_examiner(options: ExamineOptions, folder: Path, progress: Callable[[str], None]) -> Iterator[Examiner]:
    """Starts broker, hub and bank; the bank is ready. Raises `CannotExamine` and `PartError`."""
    with ExitStack() as stack:
        children = stack.enter_context(ChildProcesses(folder / "logs"))
        client = new_client()
        stack.callback(client.close)
        broker = make_broker(options.kafka, folder, progress)
        children.own(broker)
        broker.start()
        own = Bank(CODE, ispb_of_code(CODE), NAME, secrets.token_urlsafe(SECRET_BYTES))
        other = Bank(
            OTHER_CODE, ispb_of_code(OTHER_CODE), "Banco do Exame", secrets.token_urlsafe(), ("returns", "manu")
        )
        plain = Bank(PLAIN_CODE, ispb_of_code(PLAIN_CODE), "Banco Simples", secrets.token_urlsafe(SECRET_BYTES))
        hub = ScriptedHub((own, other, plain))
        hub.start()
        stack.callback(hub.stop)
        wire = HubWire(broker.bootstrap_servers, own.code, {own.ispb: own.secret})
        stack.callback(wire.close)
        environment = contract_environment(own, hub.address, broker.bootstrap_servers)
        if options.bank == OWN_BANK:
            postgres = EmbeddedPostgres(folder / "postgres", durable=False)
            children.own(postgres)
            postgres.start()
            environment |= own_environment(postgres, "bank", options.kafka)
        examined = _examined(options, environment, folder, client, progress)
        stack.callback(examined.stop)
        progress("Waiting for the bank to be ready")
        if isinstance(examined, StartedBank):
            examined.start()
        else:
            examined.await_ready()
        examiner = Examiner(
            own, other, plain, hub, wire, examined, client, People(options.seed), folder, options, stack
        )
        examiner.look()
        yield examiner


def contract_environment(bank: Bank, hub_address: str, bootstrap_servers: str) -> dict[str, str]:
    """The variables of docs/bank-contract.md, without those of the process."""
    return {
        "BANK_CODE": bank.code,
        "BANK_ISPB": bank.ispb,
        "BANK_NAME": bank.name,
        "BANK_SECRET": bank.secret,
        "HUB_GRPC_ADDRESS": hub_address,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "RESEND_FIRST_SECONDS": str(RESEND_FIRST_SECONDS),
        "RESEND_CAP_SECONDS": str(RESEND_CAP_SECONDS),
    }


def make_broker(kafka: KafkaKind, folder: Path, progress: Callable[[str], None]) -> Broker:
    if kafka is KafkaKind.APACHE:
        progress("Looking for Apache Kafka (fetched once, 45 MB)")
        fetch_jars()
        return ApacheKafkaBroker(folder / "kafka", None)
    return EmbeddedBroker(folder / "logs" / "broker.log")


def own_environment(postgres: EmbeddedPostgres, database: str, kafka: KafkaKind) -> dict[str, str]:
    """What our own bank needs beside the contract; makes the database."""
    postgres.create_database(database)
    return {
        "DATABASE_URL": postgres.url(database),
        "BANK_CONTRACT": "on",
        "KAFKA_ASSIGNMENT": "all",
        "KAFKA_FETCH_WAIT_MS": str(FETCH_WAIT_MS[kafka]),
        "SESSION_SECRET": secrets.token_urlsafe(SECRET_BYTES),
        "LOG_JSON": "false",
    }


def show_variables(environment: Mapping[str, str]) -> None:
    """Prints a line for each variable, to be copied into a shell."""
    for name, value in environment.items():
        errors.print(f"export {name}={quote(value)}", markup=False, highlight=False, soft_wrap=True)


def _examined(
    options: ExamineOptions,
    environment: Mapping[str, str],
    folder: Path,
    client: httpx.Client,
    progress: Callable[[str], None],
) -> Examined:
    if not is_address(options.bank):
        return StartedBank(command_of(options.bank), environment, folder, client)
    progress("Start the bank now with these variables, and with HTTP_HOST, HTTP_PORT and DATA_DIR of your choice")
    show_variables(environment)
    return Examined(options.bank.rstrip("/"), client)
