"""A whole CodePix network on this machine: PostgreSQL, a broker, hubs and banks, each a process of its own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Final, Self

from lab.course_bank.fixtures import accounts_of
from lab.network.certs import Certificates, make_certificates
from lab.network.folder import (
    MARKER_FILE,
    SECRET_BYTES,
    NetworkSecrets,
    keep_logs,
    network_folder,
    new_secrets,
    remove_network,
    write_banks_file,
    write_privately,
)
from lab.network.parts.apache_kafka import ApacheKafkaBroker, fetch_jars
from lab.network.parts.broker import Broker, EmbeddedBroker
from lab.network.parts.environment import prepare_folder
from lab.network.parts.errors import FolderUnusable, PortInUse
from lab.network.parts.ports import LOOPBACK, check_port_free, free_port
from lab.network.parts.postgres import DatabaseServer, EmbeddedPostgres
from lab.network.parts.process import ChildProcesses, wait_until
from lab.network.services import Service
from lab.network.settings import (
    BANKS_MAX,
    DEMO_BANKS,
    HUB_DATABASE,
    BankSpec,
    KafkaKind,
    NetworkSettings,
    bank_specs,
    database_of,
)
from pix.runtime.addresses import http_url, join_host_port
from pix.web.client import new_http_client

__all__ = [
    "BANKS_MAX",
    "CONSUMER_SUFFIX",
    "DEMO_BANKS",
    "FETCH_WAIT_MS",
    "HUB_DATABASE",
    "MARKER_FILE",
    "SECRET_BYTES",
    "SESSION_TIMEOUT_MS",
    "BankSpec",
    "KafkaKind",
    "Network",
    "NetworkSecrets",
    "NetworkSettings",
    "RunningBank",
    "bank_specs",
    "database_of",
    "keep_logs",
    "network_folder",
    "new_secrets",
    "remove_network",
    "write_banks_file",
    "write_privately",
]

SESSION_TIMEOUT_MS: Final = 6_000
"""The least that Apache Kafka allows: the partitions of a replica that was killed are free again after this."""
ALL_READY_DEADLINE_SECONDS: Final = 120.0
CONSUMER_SUFFIX: Final = "-consumer"
"""Ends the name of a process that only consumes and resends, where roles are split."""
ANSWERING_ROLES_OF_HUB: Final = "grpc,http"
ANSWERING_ROLES_OF_BANK: Final = "http"
CONSUMING_ROLES: Final = "kafka,sweeper"


FETCH_WAIT_MS: Final = {KafkaKind.EMBEDDED: 20, KafkaKind.APACHE: 100}
"""The embedded broker answers an empty fetch at this interval, whatever comes meanwhile."""


class RunningBank:
    def __init__(self, spec: BankSpec, port: int, secret: str) -> None:
        self.spec = spec
        self.port = port
        self.secret = secret
        self.url = http_url(LOOPBACK, port)
        self.ispb = spec.code.zfill(8)
        self.services: list[Service] = []
        """Its process, and where roles are split, the one that consumes."""

    @property
    def code(self) -> str:
        return self.spec.code

    @property
    def service(self) -> Service:
        return self.services[0]

    @property
    def consumer(self) -> Service | None:
        return self.services[1] if len(self.services) > 1 else None


class Network:
    """Starts everything in the right order when its block is entered, and stops everything when it is left."""

    def __init__(self, settings: NetworkSettings, progress: Callable[[str], None] = lambda _: None) -> None:
        """`progress` is given each step. Raises `PortInUse` for a port that was asked for and is taken."""
        self.settings = settings
        self.folder = settings.folder.absolute()
        self._progress = progress
        self._children = ChildProcesses(self.folder / "logs")
        self._client = new_http_client()
        self._check_ports()
        self.hub_ports = [settings.hub_port or free_port(), *(free_port() for _ in range(settings.hubs - 1))]
        self.grpc_ports = [settings.hub_grpc_port or free_port(), *(free_port() for _ in range(settings.hubs - 1))]
        self.secrets: NetworkSecrets
        self.transfer_timeout_seconds = settings.transfer_timeout_seconds
        """Of hubs that are started from now on."""
        self._certificates: Certificates | None = None
        self.postgres = EmbeddedPostgres(self.folder / "postgres", durable=settings.durable)
        self.broker = self._make_broker()
        self.hubs: list[Service] = []
        self.hub_consumers: list[Service] = []
        """The hub's other process, where roles are split."""
        self.banks: list[RunningBank] = []
        self.course_banks: list[RunningBank] = []
        """Stand-ins for banks of the original course; they speak neither the protocol nor our REST API."""
        self.course_grpc_port = settings.course_grpc_port or free_port()

    @property
    def hub_url(self) -> str:
        return http_url(LOOPBACK, self.hub_ports[0])

    @property
    def panel_url(self) -> str | None:
        """Of the lab's panel, without its token; None without a panel."""
        return None if self.settings.lab_port is None else http_url(LOOPBACK, self.settings.lab_port)

    @property
    def services(self) -> list[Service]:
        banks = (*self.banks, *self.course_banks)
        return [*self.hubs, *self.hub_consumers, *(service for bank in banks for service in bank.services)]

    def bank(self, code: str) -> RunningBank:
        """The bank with this code. Raises KeyError."""
        return {bank.code: bank for bank in self.banks}[code]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts everything; returns when every part is ready. Raises `PartError`, and `stop` must still be called."""
        prepare_folder(self.folder, "--folder")
        (self.folder / "logs").mkdir(exist_ok=True)
        self.secrets = self._keep_secrets()
        if self.settings.kafka is KafkaKind.APACHE:
            # Before the threads: it may take minutes the first time, and Ctrl-C must be able to end it.
            self._progress("Looking for Apache Kafka (fetched once, 45 MB)")
            fetch_jars()
        self._progress("Starting PostgreSQL and the broker")
        self._children.own(self.postgres)
        self._children.own(self.broker)
        with ThreadPoolExecutor(2) as pool:
            try:
                for started in [pool.submit(self.postgres.start), pool.submit(self.broker.start)]:
                    started.result()
            except BaseException:
                # The pool awaits both, so both are ended first.
                for part in (self.postgres, self.broker):
                    part.retire()
                    part.kill()
                raise
        self._make_services()
        own_banks = [bank for bank in self.banks if bank.services and bank.spec.small is None]
        for name in [HUB_DATABASE, *(database_of(bank.spec) for bank in own_banks)]:
            self._server_of(name).create_database(name)
        self._progress(f"Starting the hub and {len(self.banks)} banks")
        first_hub, *other_hubs = self.hubs
        self._launch(first_hub, *(bank.service for bank in self.banks if bank.services))
        first_hub.await_ready()
        # The first one has brought the schema up; so has each bank's, for its consumer.
        self._launch(*other_hubs, *self.hub_consumers, *(bank.service for bank in self.course_banks if bank.services))
        for bank in self.banks:
            for service in bank.services[:1]:
                service.await_ready()
            self._launch(*bank.services[1:])
        for service in self.services:
            service.await_ready()

    def _launch(self, *services: Service) -> None:
        for service in services:
            self._children.own(service)
            service.launch()

    def stop(self) -> None:
        """Stops everything, all services at the same time, then broker and database. Does nothing the second time."""
        try:
            for service in self.services:
                service.request_stop()
        finally:
            self._children.stop()
            self._client.close()

    def await_ready(self) -> None:
        """Waits until every service is ready; starts none of them. Raises `PartNotReady`."""
        wait_until(
            lambda: all(service.is_ready() for service in self.services),
            ALL_READY_DEADLINE_SECONDS,
            "all services to be ready",
        )

    def restart_services(self, services: Sequence[Service], *, kill: bool = False) -> None:
        """Ends these at the same time, and starts them again, on the broker's address of now."""
        for service in services:
            if kill:
                service.kill()
            else:
                service.request_stop()
        for service in services:
            service.stop()
        for service in services:
            service.launch()
        for service in services:
            service.await_ready()

    def wipe_broker(self) -> None:
        """The broker loses its log in mid-flight. One that moves by it takes the services down, killed as they are."""
        address = self.broker.bootstrap_servers
        self.broker.wipe()
        if self.broker.bootstrap_servers != address:
            self.restart_services(self.services, kill=True)

    def _check_ports(self) -> None:
        settings = self.settings
        wanted = [
            (settings.hub_port, "the hub's console", "--hub-port"),
            (settings.hub_grpc_port, "the hub's gRPC", "--hub-grpc-port"),
            *((spec.port, f"{spec.name} ({spec.code})", f"--bank-{spec.code}-port") for spec in settings.banks),
            *((spec.port, f"{spec.name} ({spec.code})", f"--bank-{spec.code}-port") for spec in settings.course_banks),
            (settings.course_grpc_port, "the hub's gRPC for course banks", "--course-grpc-port"),
            (settings.lab_port, "the lab's panel", "--lab-port"),
        ]
        owners: dict[int, str] = {}
        for port, purpose, option in wanted:
            if port is None:
                continue
            if port in owners:
                raise PortInUse(
                    f"Port {port} is wanted for {owners[port]} and for {purpose}. Choose another with {option}."
                )
            check_port_free(port, purpose, option)
            owners[port] = purpose

    def _make_broker(self) -> Broker:
        if self.settings.kafka is KafkaKind.APACHE:
            return ApacheKafkaBroker(self.folder / "kafka", self.settings.kafka_port)
        return EmbeddedBroker(self.folder / "logs" / "broker.log")

    def _keep_secrets(self) -> NetworkSecrets:
        file = self.folder / MARKER_FILE
        kept = json.loads(file.read_text()) if file.exists() else {}
        banks = dict(kept.get("banks", {}))
        missing = sorted(banks.keys() - {spec.code for spec in self.settings.banks})
        if missing:
            raise FolderUnusable(
                f"--banks: {self.folder} has the books of bank {missing[-1]} from an earlier start, without which the "
                f"network cannot be audited. Start at least {len(banks)} banks, or another network with --fresh."
            )
        for spec in self.settings.banks:
            banks.setdefault(spec.code, secrets.token_urlsafe(SECRET_BYTES))
        found = NetworkSecrets(
            banks=banks,
            sessions=kept.get("sessions") or secrets.token_urlsafe(SECRET_BYTES),
            operator=kept.get("operator") or secrets.token_urlsafe(SECRET_BYTES),
        )
        write_privately(file, json.dumps(asdict(found), indent=2))
        return found

    def _make_services(self) -> None:
        logs = self.folder / "logs"
        if self.settings.tls:
            self._certificates = make_certificates(self.folder / "tls", [spec.code for spec in self.settings.banks])
        banks_file = write_banks_file(self.folder, self.settings.banks, self.secrets)
        for number, (port, grpc_port) in enumerate(zip(self.hub_ports, self.grpc_ports, strict=True)):
            name = "hub" if number == 0 else f"hub-{number + 1}"
            arguments = ["serve", "--migrate", *(["--banks", str(banks_file)] if number == 0 else [])]
            if number == 0 and self.settings.course_banks:
                arguments += ["--course-banks", str(self._write_course_banks_file())]
            if self.settings.splits_roles:
                arguments += ["--roles", ANSWERING_ROLES_OF_HUB]
            environment = self._hub_environment(port, grpc_port)
            url = http_url(LOOPBACK, port)
            self.hubs.append(Service(name, "hub", arguments, environment, url, logs, self._client))
            if self.settings.splits_roles:
                self.hub_consumers.append(self._consumer(name, "hub", environment))
        for spec in self.settings.banks:
            bank = RunningBank(spec, spec.port or free_port(), self.secrets.banks[spec.code])
            self.banks.append(bank)
            if not self.settings.starts_banks or spec.is_guest:
                continue
            name = f"bank-{spec.code}"
            if spec.small is not None:
                bank.services.append(self._small_bank(name, bank, spec.small))
                continue
            arguments = ["serve", "--migrate", "--seed"]
            environment = self._bank_environment(bank)
            if self.settings.splits_roles:
                arguments += ["--roles", ANSWERING_ROLES_OF_BANK]
            bank.services.append(Service(name, "bank_sim", arguments, environment, bank.url, logs, self._client))
            if self.settings.splits_roles:
                bank.services.append(self._consumer(name, "bank_sim", environment))
        for spec in self.settings.course_banks:
            course_bank = RunningBank(spec, spec.port or free_port(), "")
            self.course_banks.append(course_bank)
            if not self.settings.starts_course_banks:
                continue
            name, environment = f"course-bank-{spec.code}", self._course_bank_environment(course_bank)
            course_bank.services.append(
                Service(name, "lab.course_bank", [], environment, course_bank.url, logs, self._client)
            )

    def _small_bank(self, name: str, bank: RunningBank, arguments: Sequence[str]) -> Service:
        """A bank of docs/bank-contract.md, which has a folder in place of a database."""

        def environment() -> Mapping[str, str]:
            return {
                **self._bank_environment(bank)(),
                "BANK_ISPB": bank.ispb,
                "DATA_DIR": str(self.folder / f"small-bank-{bank.code}"),
            }

        logs = self.folder / "logs"
        return Service(name, "lab.broken_banks", arguments, environment, bank.url, logs, self._client)

    def _consumer(self, name: str, module: str, environment: Callable[[], Mapping[str, str]]) -> Service:
        """The process of a participant that consumes and resends; it says how it is on a port of its own."""
        port = free_port()

        def its_own() -> Mapping[str, str]:
            return {**environment(), "METRICS_PORT": str(port)}

        return Service(
            f"{name}{CONSUMER_SUFFIX}",
            module,
            ["serve", "--roles", CONSUMING_ROLES],
            its_own,
            http_url(LOOPBACK, port),
            self.folder / "logs",
            self._client,
        )

    def _write_course_banks_file(self) -> Path:
        file = self.folder / "course-banks.json"
        banks = [
            {
                "code": spec.code,
                "name": spec.name,
                "color": spec.color,
                "settlement_funds": spec.settlement_funds_centavos,
                "accounts": [
                    {"account_id": each.account_id, "number": each.number, "owner_name": each.owner_name}
                    for each in accounts_of(spec.code)
                ],
            }
            for spec in self.settings.course_banks
        ]
        write_privately(file, json.dumps(banks, ensure_ascii=False, indent=2))
        return file

    def _course_bank_environment(self, bank: RunningBank) -> Callable[[], Mapping[str, str]]:
        def environment() -> Mapping[str, str]:
            return {
                "BANK_CODE": bank.code,
                "HUB_GRPC_ADDRESS": join_host_port(LOOPBACK, self.course_grpc_port),
                "KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap_servers,
                "HTTP_PORT": str(bank.port),
                "DATA_DIR": str(self.folder / "course-banks"),
            }

        return environment

    def _hub_environment(self, port: int, grpc_port: int) -> Callable[[], Mapping[str, str]]:
        def environment() -> Mapping[str, str]:
            timeout = self.transfer_timeout_seconds
            return {
                **self._common_environment(HUB_DATABASE, port, replicas=self.settings.hubs),
                "GRPC_HOST": LOOPBACK,
                "GRPC_PORT": str(grpc_port),
                **({} if timeout is None else {"TRANSFER_TIMEOUT": str(timeout)}),
                **({} if self.panel_url is None else {"LAB_PANEL_URL": self.panel_url}),
                **(self._certificates.hub_settings() if self._certificates else {}),
                **(
                    {"COURSE_MODE": "true", "COURSE_GRPC_PORT": str(self.course_grpc_port)}
                    if self.settings.course_banks
                    else {}
                ),
            }

        return environment

    def _bank_environment(self, bank: RunningBank) -> Callable[[], Mapping[str, str]]:
        def environment() -> Mapping[str, str]:
            addresses = ",".join(join_host_port(LOOPBACK, port) for port in self.grpc_ports)
            return {
                **self._common_environment(database_of(bank.spec), bank.port, replicas=1),
                "BANK_CODE": bank.code,
                "BANK_NAME": bank.spec.name,
                "BANK_COLOR": bank.spec.color,
                "BANK_SECRET": bank.secret,
                "HUB_GRPC_ADDRESS": addresses if len(self.grpc_ports) == 1 else f"ipv4:{addresses}",
                "PUBLIC_URL": bank.url,
                "HUB_CONSOLE_URL": self.hub_url,
                **(self._certificates.bank_settings(bank.code) if self._certificates else {}),
                # An address may name several hubs, and none of them is then a host.
                **({"HUB_TLS_NAME": "localhost"} if self._certificates else {}),
            }

        return environment

    def _server_of(self, database: str) -> DatabaseServer:
        return self.settings.database_servers.get(database, self.postgres)

    def _common_environment(self, database: str, port: int, *, replicas: int) -> dict[str, str]:
        settings = self.settings
        # One instance alone need not wait for a group to notice that the last one was killed.
        alone = replicas == 1 and settings.kafka is KafkaKind.EMBEDDED
        return {
            "DATABASE_URL": self._server_of(database).url(database),
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap_servers,
            "KAFKA_ASSIGNMENT": "all" if alone else "group",
            "KAFKA_SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS),
            "KAFKA_FETCH_WAIT_MS": str(FETCH_WAIT_MS[settings.kafka]),
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(port),
            "RESEND_FIRST_SECONDS": str(settings.resend_first_seconds),
            "RESEND_CAP_SECONDS": str(settings.resend_cap_seconds),
            "SESSION_SECRET": self.secrets.sessions,
            "OPERATOR_PASSWORD": self.secrets.operator,
            "DEMO_MODE": str(settings.demo_mode).lower(),
            "VIRTUAL_CLOCK": str(settings.virtual_clock).lower(),
            **settings.extra_environment,
        }
