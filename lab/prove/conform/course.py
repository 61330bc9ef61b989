"""The examiner for a bank of the original course: plays that course's hub, and drives the bank by its own HTTP."""
# ruff: noqa: N802 - the methods have the names of the contract

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import grpc
import httpx
from confluent_kafka import Consumer, Producer, TopicPartition

from codepix.course import pix_service_pb2 as wire
from codepix.course import pix_service_pb2_grpc
from lab.course_bank.fixtures import NAMES, FixtureAccount, accounts_of
from lab.network.parts.broker import Broker
from lab.network.parts.ports import LOOPBACK, free_port
from lab.network.parts.process import ChildProcesses
from lab.prove.conform.bench import ANSWER_SECONDS
from lab.prove.conform.case import Need
from lab.prove.conform.contract import ANSWER_SECONDS_MAX, Json, new_client
from lab.prove.conform.evidence import Evidence, Way
from lab.prove.conform.examined import Examined, StartedBank, command_of, is_address
from lab.prove.conform.examiner import ExamineOptions, make_broker, show_variables
from lab.prove.conform.hub import Bank
from lab.prove.conform.people import People
from lab.prove.conform.verdict import CannotExamine, Failed
from pix.messaging.kafka.client import client_configuration
from pix.messaging.kafka.records import record_of
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.topics import ensure_topics
from pix.rpc.kinds import GrpcServerKind
from pix.rpc.server import serve_grpc
from pix.runtime.addresses import join_host_port
from pix.runtime.outages import BrokerUnavailable
from pix.wire.course_v1.topics import CONFIRMATIONS, PARTITIONS, TRANSACTIONS, course_bank_topic

CODE: Final = "001"
OTHER_CODE: Final = "002"
ACCOUNTS_PATH: Final = "/bank-accounts"
NOT_FOUND: Final = "no key was found"
READS_SECONDS_MAX: Final = 60.0
"""Until the bank's consumer has its partition; Nest's takes its time."""
PROBE_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.05
STOP_SECONDS_MAX: Final = 10.0


@dataclass(slots=True)
class CourseHub:
    """The course's gRPC service and topics, played by the examiner. Thread-safe."""

    bootstrap_servers: str
    address: str = field(default_factory=lambda: join_host_port(LOOPBACK, free_port()))
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    """(kind, key) to the id of the account."""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, kind and key, oldest first."""
    came: list[tuple[str, str]] = field(default_factory=list)
    """Topic and value of the records of the bank, in the order in which they were read."""
    news: threading.Condition = field(default_factory=threading.Condition)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Runs the service and reads the topics. Raises `CannotExamine`."""
        settings = KafkaSettings(
            bootstrap_servers=self.bootstrap_servers, client_id="codepix-conform", partitions=PARTITIONS
        )
        topics = [TRANSACTIONS, CONFIRMATIONS, course_bank_topic(CODE), course_bank_topic(OTHER_CODE)]
        try:
            ensure_topics(settings, topics)
        except BrokerUnavailable as error:
            raise CannotExamine(f"The broker does not answer: {error}.") from None
        port = int(self.address.rpartition(":")[2])
        threads = [
            threading.Thread(
                target=serve_grpc,
                args=(self._add_services, LOOPBACK, port, self._stop),
                kwargs={"kind": GrpcServerKind.PLAIN},
                daemon=True,
            ),
            threading.Thread(target=self._read, args=(settings,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(STOP_SECONDS_MAX)

    def send(self, code: str, value: bytes) -> None:
        """Puts a record on a bank's topic, without key and headers as the course's hub does."""
        settings = KafkaSettings(bootstrap_servers=self.bootstrap_servers, client_id="codepix-conform")
        producer = Producer({**client_configuration(settings), "linger.ms": 0})
        producer.produce(course_bank_topic(code), value=value, partition=0)
        if producer.flush(STOP_SECONDS_MAX):
            raise CannotExamine("The broker acknowledges nothing.")

    def _add_services(self, server: Any) -> Sequence[str]:
        pix_service_pb2_grpc.add_PixServiceServicer_to_server(_PixServicer(self), server)
        return [wire.DESCRIPTOR.services_by_name["PixService"].full_name]

    def _read(self, settings: KafkaSettings) -> None:
        consumer = Consumer(
            {
                **client_configuration(settings),
                "group.id": "codepix-conform",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
            }
        )
        metadata = consumer.list_topics(timeout=STOP_SECONDS_MAX)
        consumer.assign(
            [
                TopicPartition(topic, number, 0)
                for topic in (TRANSACTIONS, CONFIRMATIONS)
                for number in metadata.topics[topic].partitions
            ]
        )
        while not self._stop.is_set():
            message = consumer.poll(POLL_SECONDS)
            if message is None or message.error() is not None:
                continue
            record = record_of(message)
            with self.news:
                self.came.append((record.topic, record.value.decode("utf-8", "replace")))
                self.news.notify_all()
        consumer.close()


class _PixServicer(pix_service_pb2_grpc.PixServiceServicer):
    def __init__(self, hub: CourseHub) -> None:
        self._hub = hub

    def Find(self, request: Any, context: Any) -> Any:
        with self._hub.news:
            self._hub.calls.append(("Find", request.kind, request.key))
            account_id = self._hub.keys.get((request.kind, request.key), "")
        if not account_id:
            context.abort(grpc.StatusCode.UNKNOWN, NOT_FOUND)
        account = wire.Account(accountId=account_id, bankId=str(uuid4()), bankName=NAMES[CODE])
        return wire.PixKeyInfo(id=str(uuid4()), kind=request.kind, key=request.key, account=account)

    def RegisterPixKey(self, request: Any, context: Any) -> Any:
        with self._hub.news:
            self._hub.calls.append(("RegisterPixKey", request.kind, request.key))
            if request.accountId not in {account.account_id for account in accounts_of(CODE)}:
                context.abort(grpc.StatusCode.UNKNOWN, "no account found")
            if request.kind not in ("email", "cpf"):
                context.abort(grpc.StatusCode.UNKNOWN, "invalid type of key")
            self._hub.keys.setdefault((request.kind, request.key), request.accountId)
        return wire.PixKeyCreatedResult(id=str(uuid4()), status="created")


@dataclass(slots=True)
class CourseExaminer:
    """What the engine and the cases of the course share."""

    own: Bank
    hub: CourseHub
    examined: Examined
    client: httpx.Client
    people: People
    options: ExamineOptions
    features: tuple[str, ...] = ()
    has: frozenset[Need] = frozenset()
    key: str = ""
    """An e-mail key of the first account, by which it is seen that the bank reads."""

    def bench(self, evidence: Evidence) -> CourseBench:
        """For one case."""
        return CourseBench(self, evidence)


@dataclass(slots=True)
class CourseBench:
    """What a case of the course's wire is given."""

    examiner: CourseExaminer
    evidence: Evidence
    money_left_out: bool = False

    @property
    def accounts(self) -> Sequence[FixtureAccount]:
        """The accounts that the course gives this bank."""
        return accounts_of(CODE)

    def call(self, method: str, path: str, document: Json = None) -> tuple[int, Json]:
        """A call of the bank's own HTTP: status and JSON."""
        self.evidence.add(Way.SENT, f"{method} {path}", "" if document is None else document)
        try:
            response = self.examiner.client.request(method, f"{self.examiner.examined.url}{path}", json=document)
        except httpx.HTTPError as error:
            raise Failed(f"{method} {path} had no answer within {ANSWER_SECONDS_MAX:g} s: {error}.") from None
        self.evidence.add(Way.CAME, f"{response.status_code} of {method} {path}", response.text)
        try:
            return response.status_code, response.json()
        except ValueError:
            return response.status_code, None

    def balance(self, account: FixtureAccount) -> int:
        """In whole reais."""
        _, rows = self.call("GET", ACCOUNTS_PATH)
        for row in rows if isinstance(rows, list) else ():
            if row.get("id") == account.account_id:
                return int(row["balance"])
        raise Failed(f"GET {ACCOUNTS_PATH} does not list the account {account.account_id}.")

    def register_key(self, account: FixtureAccount, kind: str, key: str) -> int:
        """The status of the answer."""
        path = f"{ACCOUNTS_PATH}/{account.account_id}/pix-keys"
        return self.call("POST", path, {"kind": kind, "key": key})[0]

    def own_key(self, account: FixtureAccount) -> str:
        """A new e-mail key that hub and bank have for the account."""
        key = self.examiner.people.email()
        status = self.register_key(account, "email", key)
        self.check(status == 201, f"The registration of a key was answered with {status}.")
        return key

    def pay(self, account: FixtureAccount, key: str, amount: int) -> int:
        """The status of the answer."""
        path = f"{ACCOUNTS_PATH}/{account.account_id}/transactions"
        order = {"pix_key_kind": "email", "pix_key_key": key, "amount": amount, "description": "Almoço"}
        return self.call("POST", path, order)[0]

    def send(self, value: bytes | dict[str, Any], code: str = CODE) -> None:
        """Puts a record on the bank's topic."""
        content = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        self.evidence.add(Way.SENT, course_bank_topic(code), content.decode("utf-8", "replace"))
        self.examiner.hub.send(code, content)

    def pending(self, key: str, amount: int, **changes: Any) -> dict[str, Any]:
        """Step 2: a payment of another bank's customer."""
        message = {
            "id": str(uuid4()),
            "accountId": str(uuid4()),
            "amount": amount,
            "pixKeyTo": key,
            "pixKeyKindTo": "email",
            "description": "Almoço",
            "status": "pending",
            "error": "",
        }
        return {**message, **changes}

    def records(self, topic: str, fits: Callable[[dict[str, str]], bool]) -> list[dict[str, Any]]:
        """The bank's records on a topic that fit, with field names in small letters."""
        found = []
        with self.examiner.hub.news:
            came = list(self.examiner.hub.came)
        for where, value in came:
            record = _read(value)
            if where == topic and record is not None and fits(record):
                found.append(record)
        return found

    def await_record(
        self, topic: str, fits: Callable[[dict[str, Any]], bool], what: str, *, count: int = 1
    ) -> dict[str, Any]:
        """The record that fits, once it has come `count` times."""
        hub = self.examiner.hub
        deadline = time.monotonic() + ANSWER_SECONDS
        with hub.news:
            while len(found := self.records(topic, fits)) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failed(f"Within {ANSWER_SECONDS:g} s this did not come on {topic}: {what}.")
                hub.news.wait(left)
        self.evidence.add(Way.CAME, topic, found[count - 1])
        return found[count - 1]

    def await_confirmed(self, message: dict[str, Any], *, count: int = 1) -> dict[str, Any]:
        """Step 3, the answer to `pending`."""

        def fits(record: dict[str, Any]) -> bool:
            return bool(record.get("id") == message["id"] and record.get("status") == "confirmed")

        return self.await_record(CONFIRMATIONS, fits, f"`confirmed` of {message['id']}", count=count)

    def fence(self) -> None:
        """Returns when the bank has read all that was sent before: a later payment is answered."""
        probe = self.pending(self.examiner.key, 1)
        self.send(probe)
        self.await_confirmed(probe)

    def check(self, condition: object, sentence: str) -> None:
        if not condition:
            raise Failed(sentence)

    def check_equal(self, found: object, expected: object, what: str) -> None:
        if found != expected:
            raise Failed(f"{what} is {found!r}, and should be {expected!r}.")

    def conclude(self) -> None:
        """Nothing is left open: the course's hub sends nothing again."""


def _read(value: str) -> dict[str, Any] | None:
    try:
        record = json.loads(value)
    except ValueError:
        return None
    return {name.lower(): part for name, part in record.items()} if isinstance(record, dict) else None


@contextmanager
def open_course_examiner(
    options: ExamineOptions, folder: Path, progress: Callable[[str], None]
) -> Iterator[CourseExaminer]:
    """Starts broker, hub and bank; the bank reads its topic. Raises `CannotExamine` and `PartError`."""
    with ExitStack() as stack:
        children = stack.enter_context(ChildProcesses(folder / "logs"))
        client = new_client()
        stack.callback(client.close)
        broker: Broker = make_broker(options.kafka, folder, progress)
        children.own(broker)
        broker.start()
        hub = CourseHub(broker.bootstrap_servers)
        stack.enter_context(hub.open())
        environment = {
            "BANK_CODE": CODE,
            "HUB_GRPC_ADDRESS": hub.address,
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        }
        if is_address(options.bank):
            progress("Start the bank now with these variables")
            show_variables(environment)
            examined = Examined(options.bank.rstrip("/"), client, ACCOUNTS_PATH)
            examined.await_ready()
        else:
            started = StartedBank(command_of(options.bank), environment, folder, client, ready_path=ACCOUNTS_PATH)
            stack.callback(started.stop)
            started.start()
            examined = started
        own = Bank(CODE, CODE.zfill(8), NAMES[CODE], "")
        examiner = CourseExaminer(own, hub, examined, client, People(options.seed), options)
        progress("Waiting for the bank to read its topic")
        _await_reading(examiner)
        yield examiner


def _await_reading(examiner: CourseExaminer) -> None:
    """A course bank reads from the end of its topic, so it is sent payments until it answers one."""
    bench = examiner.bench(Evidence())
    try:
        examiner.key = bench.own_key(bench.accounts[0])
    except Failed as error:
        raise CannotExamine(f"The bank cannot be examined: {error}") from None
    deadline = time.monotonic() + READS_SECONDS_MAX
    while not bench.records(CONFIRMATIONS, lambda record: record.get("status") == "confirmed"):
        if time.monotonic() > deadline:
            raise CannotExamine(f"The bank answered no `pending` within {READS_SECONDS_MAX:g} s.")
        bench.send(bench.pending(examiner.key, 1))
        with examiner.hub.news:
            examiner.hub.news.wait(PROBE_SECONDS)
