"""A whole network on the hosts of a cluster: brokers, a database with standbys, hubs, banks, and hosts for the load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import httpx

from lab.network.cluster.brokers import REPLICATION, BrokerCluster
from lab.network.cluster.database import DatabaseCluster
from lab.network.cluster.etcd import etcd_program
from lab.network.cluster.hosts import SEED_DEFAULT, Host, HostNetwork
from lab.network.cluster.links import Link
from lab.network.cluster.patroni import patroni_command
from lab.network.cluster.state import ClusterReport, report_of
from lab.network.folder import new_secrets, write_banks_file
from lab.network.network import SESSION_TIMEOUT_MS
from lab.network.parts.apache_kafka import fetch_jars
from lab.network.parts.environment import prepare_folder
from lab.network.parts.errors import PartError
from lab.network.parts.process import is_true_within
from lab.network.services import Service
from lab.network.settings import DEMO_BANKS, HUB_DATABASE, BankSpec, database_of
from lab.read.rest import BankRest, Unreachable, new_client
from lab.read.snapshot import NetworkReader
from pix.runtime.addresses import http_url, join_host_port

DATA_HOSTS: Final = 3
"""With a broker, etcd and PostgreSQL each."""
HUBS_MAX: Final = 3
HUBS_DEFAULT: Final = 2
REPLICAS_OF_FIRST_BANK: Final = 2
LOAD_HOSTS: Final = 3
"""One of them divides the load among the others."""
HUB_HTTP_PORT: Final = 8_000
BANK_HTTP_PORT: Final = 8_001
GRPC_PORT: Final = 50_051
READY_SECONDS_MAX: Final = 240.0
"""Of a service: a cluster has some twenty processes, which may have to share two processors."""
SOURCE: Final = "PYTHONPATH"
"""The setting of a service's environment that decides which version of its source it runs."""
FETCH_WAIT_MS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    folder: Path
    """Keeps the data and the logs."""
    hubs: int = HUBS_DEFAULT
    banks: Sequence[BankSpec] = DEMO_BANKS
    replicas_of_first_bank: int = REPLICAS_OF_FIRST_BANK
    load_hosts: int = LOAD_HOSTS
    link: Link = field(default_factory=Link)
    """Between any two hosts, in each direction."""
    seed: int = SEED_DEFAULT
    """Chooses which packets are lost."""
    older_source: Path | None = None
    """The folder of another version's source: hubs and banks run it until they are started without `SOURCE`."""
    transfer_timeout_seconds: float | None = None
    resend_first_seconds: float = 2.0
    resend_cap_seconds: float = 10.0

    @property
    def host_count(self) -> int:
        return DATA_HOSTS + self.hubs + len(self.banks) + self.replicas_of_first_bank - 1 + self.load_hosts


class HostService(Service):
    """A hub or a bank on a host."""

    def __init__(
        self,
        host: Host,
        name: str,
        module: str,
        arguments: Sequence[str],
        environment: Callable[[], Mapping[str, str]],
        url: str,
        folder: Path,
        client: httpx.Client,
    ) -> None:
        self.extra_environment: dict[str, str] = {}
        """From the next start on: another setting, or a library that is loaded first."""
        super().__init__(
            name, module, arguments, lambda: {**environment(), **self.extra_environment}, url, folder, client
        )
        self.host = host
        self._command = host.command(self._command)
        host.adopt(self)


@dataclass(frozen=True, slots=True)
class ClusterBank:
    spec: BankSpec
    secret: str
    replicas: Sequence[HostService]

    @property
    def code(self) -> str:
        return self.spec.code

    @property
    def ispb(self) -> str:
        return self.spec.code.zfill(8)


class ReplicatedBank(BankRest):
    """The API of a bank with replicas, which are asked in turn; one that does not answer is left out."""

    def __init__(self, name: str, urls: Sequence[str], client: httpx.Client) -> None:
        super().__init__(name, urls[0], client)
        self._replicas = [BankRest(name, url, client) for url in urls]
        self._turn = 0

    def _request(self, method: str, path: str, **arguments: object) -> tuple[int, bytes]:
        self._turn += 1
        failure: Unreachable | None = None
        for number in range(len(self._replicas)):
            replica = self._replicas[(self._turn + number) % len(self._replicas)]
            try:
                return replica._request(method, path, **arguments)
            except Unreachable as error:
                failure = error
        raise failure or Unreachable(f"{self.name} has no replicas.")


class Cluster:
    """Starts everything in the right order when its block is entered, and stops everything when it is left."""

    def __init__(self, settings: ClusterSettings, progress: Callable[[str], None] = lambda _: None) -> None:
        """Raises `PartMissing`, in one sentence, where this machine lacks what a cluster needs."""
        if not 1 <= settings.hubs <= HUBS_MAX:
            raise ValueError(f"a cluster has 1 to {HUBS_MAX} hubs")
        self.settings = settings
        self.folder = settings.folder.absolute()
        self._progress = progress
        self.network = HostNetwork(settings.host_count, self.folder / "network", link=settings.link, seed=settings.seed)
        etcd_program()
        patroni_command(Path())
        fetch_jars()
        self.secrets = new_secrets(settings.banks)
        self.client = new_client(self.secrets.operator)
        self.brokers: BrokerCluster
        self.database: DatabaseCluster
        self._parts: list[BrokerCluster | DatabaseCluster] = []
        self.hubs: list[HostService] = []
        self.banks: list[ClusterBank] = []

    @property
    def data_hosts(self) -> list[Host]:
        return self.network.hosts[:DATA_HOSTS]

    @property
    def load_hosts(self) -> list[Host]:
        """The first divides the load among the others."""
        return self.network.hosts[len(self.network.hosts) - self.settings.load_hosts :]

    @property
    def services(self) -> list[HostService]:
        return [*self.hubs, *(replica for bank in self.banks for replica in bank.replicas)]

    @property
    def rest(self) -> dict[str, BankRest]:
        """The banks' APIs by code; of a bank with replicas, any that answers."""
        return {
            bank.code: ReplicatedBank(f"Bank {bank.code}", [each.url for each in bank.replicas], self.client)
            for bank in self.banks
        }

    def reader(self) -> NetworkReader:
        """Reads by a hub and by replicas that are ready now. Raises `PartError` when no hub is."""
        hub = _first_ready(self.hubs)
        if hub is None:
            raise PartError("No hub of the cluster is ready.")
        ready = {bank.ispb: _first_ready(bank.replicas) for bank in self.banks}
        addresses = {ispb: replica.url for ispb, replica in ready.items() if replica is not None}
        return NetworkReader(hub.url, self.client, addresses)

    def report(self) -> ClusterReport:
        """The hosts, their parts and the links as they are now."""
        return report_of(self)

    @property
    def hub_url(self) -> str:
        """Of the first hub's pages, whether or not it is up."""
        return self.hubs[0].url

    def layout(self) -> list[tuple[Host, str]]:
        """Each host, and what is on it, for people."""
        names: dict[str, list[str]] = {host.name: [] for host in self.network.hosts}
        for host in self.data_hosts:
            names[host.name] += ["Apache Kafka", "etcd"]
        for member in self.database.members:
            names[member.name].append("PostgreSQL")
        for service in self.services:
            names[service.host.name].append(service.name)
        for number, host in enumerate(self.load_hosts):
            names[host.name].append("load: divides" if number == 0 else "load")
        return [(host, ", ".join(names[host.name])) for host in self.network.hosts]

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
        prepare_folder(self.folder, "--keep")
        (self.folder / "logs").mkdir(exist_ok=True)
        self._progress(f"Making {self.settings.host_count} hosts")
        self.network.start()
        self.brokers = BrokerCluster(self.data_hosts, self.folder / "kafka")
        self.database = DatabaseCluster(self.data_hosts, self.folder / "database")
        self._parts = [self.brokers, self.database]
        self._progress(f"Starting Apache Kafka, etcd and PostgreSQL on {DATA_HOSTS} hosts each")
        with ThreadPoolExecutor(2) as pool:
            try:
                for started in [pool.submit(self.database.start), pool.submit(self.brokers.start)]:
                    started.result()
            except BaseException:
                # The pool awaits both, so the other one is ended first.
                for host in self.network.hosts:
                    host.kill()
                raise
        self._make_services()
        for name in [HUB_DATABASE, *(database_of(bank.spec) for bank in self.banks)]:
            self.database.create_database(name)
        self._start_services()

    def _start_services(self) -> None:
        # The first of each brings the schema up, so the others wait for it.
        first = [self.hubs[0], *(bank.replicas[0] for bank in self.banks)]
        others = [service for service in self.services if service not in first]
        for services in (first, others):
            if services:
                self._progress(f"Starting {', '.join(service.name for service in services)}")
            for service in services:
                service.launch()
            for service in services:
                service.await_ready(READY_SECONDS_MAX)

    def stop(self) -> None:
        """Mends and stops everything; the folder stays. Does nothing the second time."""
        self.network.calm()
        try:
            for service in self.services:
                service.request_stop()
            for service in self.services:
                service.stop()
            for part in self._parts:
                part.stop()
        finally:
            self.network.stop()
            self.client.close()

    def await_ready(self, seconds_max: float = READY_SECONDS_MAX) -> bool:
        """Waits until every service is ready; starts none of them. False when that takes longer."""
        return is_true_within(seconds_max, lambda: all(service.is_ready() for service in self.services))

    def _make_services(self) -> None:
        banks_file = write_banks_file(self.folder, self.settings.banks, self.secrets)
        hosts = iter(self.network.hosts[DATA_HOSTS:])
        hub_hosts = [next(hosts) for _ in range(self.settings.hubs)]
        grpc = ",".join(join_host_port(host.address, GRPC_PORT) for host in hub_hosts)
        for number, host in enumerate(hub_hosts):
            arguments = ["serve", "--migrate", *(["--banks", str(banks_file)] if number == 0 else [])]
            environment = self._hub_environment(host)
            name = f"hub-{number + 1}"
            self.hubs.append(self._service(host, name, "hub", arguments, environment, HUB_HTTP_PORT))
        for number, spec in enumerate(self.settings.banks):
            count = self.settings.replicas_of_first_bank if number == 0 else 1
            bank_hosts = [next(hosts) for _ in range(count)]
            replicas = []
            for replica, host in enumerate(bank_hosts):
                name = f"bank-{spec.code}" if count == 1 else f"bank-{spec.code}-{replica + 1}"
                arguments = ["serve", "--migrate", *(["--seed"] if replica == 0 else [])]
                environment = self._bank_environment(host, bank_hosts[0], spec, f"ipv4:{grpc}")
                replicas.append(self._service(host, name, "bank_sim", arguments, environment, BANK_HTTP_PORT))
            self.banks.append(ClusterBank(spec, self.secrets.banks[spec.code], replicas))

    def _service(
        self, host: Host, name: str, module: str, arguments: Sequence[str], environment: Mapping[str, str], port: int
    ) -> HostService:
        logs = self.folder / "logs"
        url = http_url(host.address, port)
        service = HostService(host, name, module, arguments, lambda: environment, url, logs, self.client)
        if self.settings.older_source is not None:
            service.extra_environment[SOURCE] = str(self.settings.older_source.absolute())
        return service

    def _hub_environment(self, host: Host) -> dict[str, str]:
        timeout = self.settings.transfer_timeout_seconds
        return {
            **self._common_environment(host, HUB_DATABASE, HUB_HTTP_PORT),
            "GRPC_HOST": host.address,
            "GRPC_PORT": str(GRPC_PORT),
            **({} if timeout is None else {"TRANSFER_TIMEOUT": str(timeout)}),
        }

    def _bank_environment(self, host: Host, first: Host, spec: BankSpec, hubs: str) -> dict[str, str]:
        return {
            **self._common_environment(host, database_of(spec), BANK_HTTP_PORT),
            "BANK_CODE": spec.code,
            "BANK_NAME": spec.name,
            "BANK_COLOR": spec.color,
            "BANK_SECRET": self.secrets.banks[spec.code],
            "HUB_GRPC_ADDRESS": hubs,
            # One address of the bank, whichever replica tells the hub.
            "PUBLIC_URL": http_url(first.address, BANK_HTTP_PORT),
            "HUB_CONSOLE_URL": self.hubs[0].url,
        }

    def _common_environment(self, host: Host, database: str, port: int) -> dict[str, str]:
        settings = self.settings
        return {
            "DATABASE_URL": self.database.url(database),
            "KAFKA_BOOTSTRAP_SERVERS": self.brokers.bootstrap_servers,
            "KAFKA_ASSIGNMENT": "group",
            "KAFKA_REPLICATION": str(REPLICATION),
            "KAFKA_SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS),
            "KAFKA_FETCH_WAIT_MS": str(FETCH_WAIT_MS),
            "HTTP_HOST": host.address,
            "HTTP_PORT": str(port),
            "RESEND_FIRST_SECONDS": str(settings.resend_first_seconds),
            "RESEND_CAP_SECONDS": str(settings.resend_cap_seconds),
            "SESSION_SECRET": self.secrets.sessions,
            "OPERATOR_PASSWORD": self.secrets.operator,
            "DEMO_MODE": "true",
        }


def _first_ready(services: Sequence[HostService]) -> HostService | None:
    return next((service for service in services if service.is_ready()), None)
