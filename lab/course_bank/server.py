"""The stand-in as a process: its HTTP side, its consumer and producer, and its calls of the hub."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import grpc
from confluent_kafka import Consumer, KafkaException, Producer
from fastapi import FastAPI, Response
from pydantic import BaseModel

from codepix.course import pix_service_pb2 as wire
from codepix.course import pix_service_pb2_grpc
from lab.course_bank.bank import Answer, CourseBank, Failed, HubError, KeyExists
from lab.course_bank.fixtures import accounts_of
from lab.course_bank.store import Store
from pix.participant.process import run_roles
from pix.rpc.client import open_channel
from pix.runtime.logs import logger
from pix.scheme.course import COURSE_CODES
from pix.web.server import serve_http

CALL_SECONDS_MAX: Final = 5.0
POLL_SECONDS: Final = 0.2
PUBLISH_SECONDS_MAX: Final = 10.0
SESSION_MS: Final = 10_000
"""After an abrupt end its next start waits so long for its partitions."""
GROUP_CLIENT: Final = "nestjs-consumer-server"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class CourseBankSettings:
    code: str
    hub_grpc_address: str
    kafka_bootstrap_servers: str
    http_port: int
    folder: Path
    opening_balance: int
    """Of each account, in whole reais."""

    @property
    def group(self) -> str:
        return f"nest_bank_{self.code}-server"


class GrpcHub:
    """See `lab.course_bank.bank.Hub`."""

    def __init__(self, address: str) -> None:
        self._stub = pix_service_pb2_grpc.PixServiceStub(open_channel(address))

    def find(self, kind: str, key: str) -> None:
        try:
            self._stub.Find(wire.PixKey(kind=kind, key=key), timeout=CALL_SECONDS_MAX)
        except grpc.RpcError as error:
            raise HubError(error.details() or "") from error

    def register(self, kind: str, key: str, account_id: str) -> None:
        asked = wire.PixKeyRegistration(kind=kind, key=key, accountId=account_id)
        try:
            self._stub.RegisterPixKey(asked, timeout=CALL_SECONDS_MAX)
        except grpc.RpcError as error:
            raise HubError(error.details() or "") from error


class Publisher:
    """Records without key and headers, as the bank sends them."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 0, "log_level": 2})

    def publish(self, answers: Sequence[Answer]) -> None:
        for topic, value in answers:
            self._producer.produce(topic, value=value.encode())
        self._producer.flush(PUBLISH_SECONDS_MAX)


class Listener:
    """The consumer: reads the topics of both banks from their end, and lets the client commit by time."""

    def __init__(self, settings: CourseBankSettings, bank: CourseBank, publisher: Publisher) -> None:
        self._settings = settings
        self._bank = bank
        self._publisher = publisher
        self.is_ready = False

    def run(self, stop: threading.Event) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._settings.kafka_bootstrap_servers,
                "group.id": self._settings.group,
                "client.id": GROUP_CLIENT,
                "auto.offset.reset": "latest",
                "enable.auto.commit": True,
                "auto.commit.interval.ms": 1_000,
                "session.timeout.ms": SESSION_MS,
                "topic.metadata.refresh.interval.ms": 2_000,
                "fetch.wait.max.ms": 50,
                "log_level": 2,
            }
        )
        consumer.subscribe([f"bank{code}" for code in COURSE_CODES], on_assign=lambda *_: self._begin())
        try:
            while not stop.is_set():
                message = consumer.poll(POLL_SECONDS)
                if message is None or message.error() is not None:
                    continue
                answers = self._bank.take(message.topic() or "", message.value() or b"")
                log.info("took a record", topic=message.topic(), answers=len(answers))
                self._publisher.publish(answers)
        except KafkaException as error:
            log.error("the consumer has failed", error=str(error))
            raise
        finally:
            consumer.close()

    def _begin(self) -> None:
        self.is_ready = True


class KeyRequest(BaseModel):
    kind: str
    key: str


class PaymentRequest(BaseModel):
    pix_key_kind: str
    pix_key_key: str
    amount: Any = None
    description: Any = None


def make_app(bank: CourseBank, store: Store, listener: Listener, publisher: Publisher) -> FastAPI:
    app = FastAPI(title="Course bank", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health/ready")
    def ready(response: Response) -> dict[str, Any]:
        if not listener.is_ready:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return {"parts": {"consumer": "ok" if listener.is_ready else "starting"}}

    @app.get("/bank-accounts")
    def list_accounts() -> list[dict[str, Any]]:
        return [asdict(account) for account in store.accounts()]

    @app.get("/bank-accounts/{account_id}/transactions")
    def list_transactions(account_id: str) -> list[dict[str, Any]]:
        return [asdict(each) for each in store.transactions() if each.account_id == account_id]

    @app.post("/bank-accounts/{account_id}/pix-keys", status_code=HTTPStatus.CREATED)
    def register_key(account_id: str, body: KeyRequest, response: Response) -> dict[str, Any]:
        try:
            bank.register_key(account_id, body.kind, body.key)
        except KeyExists:
            response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
            return {"statusCode": HTTPStatus.UNPROCESSABLE_ENTITY, "message": "Pix Key already exists"}
        except Failed as error:
            return _fail(response, error)
        return {"kind": body.kind, "key": body.key, "bank_account_id": account_id}

    @app.post("/bank-accounts/{account_id}/transactions", status_code=HTTPStatus.CREATED)
    def pay(account_id: str, body: PaymentRequest, response: Response) -> dict[str, Any]:
        try:
            debit, answer = bank.pay(account_id, body.pix_key_kind, body.pix_key_key, body.amount, body.description)
        except Failed as error:
            return _fail(response, error)
        publisher.publish([answer])
        return asdict(debit)

    return app


def _fail(response: Response, error: Failed) -> dict[str, Any]:
    log.warning("a request failed", error=str(error))
    response.status_code = HTTPStatus.INTERNAL_SERVER_ERROR
    return {"statusCode": HTTPStatus.INTERNAL_SERVER_ERROR, "message": "Internal server error"}


def run_course_bank(settings: CourseBankSettings, make_bank: type[CourseBank] = CourseBank) -> int:
    """Runs until SIGTERM or SIGINT; returns the exit code. `make_bank` is another class where a test deviates."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    store = Store(settings.folder / f"course-bank-{settings.code}.sqlite")
    store.seed(accounts_of(settings.code), settings.opening_balance)
    bank = make_bank(settings.code, store, GrpcHub(settings.hub_grpc_address))
    publisher = Publisher(settings.kafka_bootstrap_servers)
    listener = Listener(settings, bank, publisher)
    app = make_app(bank, store, listener, publisher)

    def serve(stop: threading.Event) -> None:
        serve_http(app, "127.0.0.1", settings.http_port, stop)

    try:
        return run_roles({"consumer": listener.run, "http": serve})
    finally:
        store.close()
