"""What every part of the benchmark runs on: Apache Kafka, PostgreSQL with fsync, and hubs, as real processes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lab.network.network import write_privately
from lab.network.parts.apache_kafka import ApacheKafkaBroker
from lab.network.parts.ports import LOOPBACK, free_port
from lab.network.parts.postgres import EmbeddedPostgres
from lab.network.parts.process import Supervisor
from lab.network.services import Service
from lab.read.rest import HubRest, new_client
from pix.messaging.kafka.clients import ensure_topics
from pix.messaging.kafka.settings import KafkaSettings
from pix.postgres.limits import MAINTENANCE_LIMITS
from pix.postgres.plain_connection import connect_plainly
from pix.runtime.addresses import http_url, join_host_port
from pix.scheme.ids import ispb_of_code
from pix.wire.topics import HUB_TOPIC, bank_topic

BANKS: Final = 3
SECRET_BYTES: Final = 24
SETTLEMENT_FUNDS_CENTAVOS: Final = 10**14
"""More than any run can move."""
HUB_DATABASE: Final = "hub"
LOOK_UPS_MAX: Final = 1_000_000_000
RESEND_FIRST_SECONDS: Final = 30.0
"""Under full load answers take longer than on an idle network; resending them would only measure the resends."""


@dataclass(frozen=True, slots=True)
class StageBank:
    """A bank that the hub knows; who plays it is the part's affair."""

    code: str
    ispb: str
    name: str
    secret: str


class Stage:
    """Starts the servers when its block is entered, and stops everything when it is left."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds data and logs; the caller removes it."""
        self.folder = folder.absolute()
        self.supervisor = Supervisor(self.folder / "logs")
        self.postgres = EmbeddedPostgres(self.folder / "postgres")
        self.broker = ApacheKafkaBroker(self.folder / "kafka")
        self.operator = secrets.token_urlsafe(SECRET_BYTES)
        self.client = new_client(self.operator)
        self.banks = [
            StageBank(code, ispb_of_code(code), f"Banco {code}", secrets.token_urlsafe(SECRET_BYTES))
            for code in (f"{number:03d}" for number in range(1, BANKS + 1))
        ]
        self.hubs: list[Service] = []
        self.grpc_ports: list[int] = []

    def __enter__(self) -> Self:
        try:
            (self.folder / "logs").mkdir(parents=True, exist_ok=True)
            self.supervisor.start_part(self.postgres)
            self.supervisor.start_part(self.broker)
            self.postgres.create_database(HUB_DATABASE)
            # Before anybody subscribes: who asks for a topic that is not there learns of it much too late.
            ensure_topics(
                KafkaSettings(bootstrap_servers=self.broker.bootstrap_servers, client_id="codepix-bench"),
                [HUB_TOPIC, *(bank_topic(bank.code) for bank in self.banks)],
            )
        except BaseException:
            self.supervisor.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.supervisor.stop()
        self.client.close()

    def start_hub(self) -> Service:
        """One more hub process on the same topics and database; ready when this returns."""
        number, port, grpc_port = len(self.hubs) + 1, free_port(), free_port()
        banks_file = self.folder / "banks.json"
        write_privately(
            banks_file,
            json.dumps(
                [
                    {
                        "code": bank.code,
                        "name": bank.name,
                        "secret": bank.secret,
                        "settlement_funds": SETTLEMENT_FUNDS_CENTAVOS,
                    }
                    for bank in self.banks
                ]
            ),
        )
        environment = self.hub_environment(port, grpc_port)
        hub = Service(
            f"hub-{number}",
            "hub",
            ["serve", "--migrate", "--banks", str(banks_file)],
            lambda: environment,
            http_url(LOOPBACK, port),
            self.folder / "logs",
            self.client,
        )
        self.supervisor.start_part(hub)
        self.hubs.append(hub)
        self.grpc_ports.append(grpc_port)
        return hub

    def stop_hubs(self) -> None:
        """Ends every hub in good order."""
        for hub in self.hubs:
            hub.request_stop()
        for hub in self.hubs:
            hub.stop()
        self.hubs.clear()
        self.grpc_ports.clear()

    def hub_environment(self, port: int, grpc_port: int) -> Mapping[str, str]:
        """The settings of a hub process on this stage."""
        return {
            "DATABASE_URL": self.postgres.url(HUB_DATABASE),
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap_servers,
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(port),
            "GRPC_HOST": LOOPBACK,
            "GRPC_PORT": str(grpc_port),
            "RESEND_FIRST_SECONDS": str(RESEND_FIRST_SECONDS),
            "LOG_LEVEL": "WARNING",
            "OPERATOR_PASSWORD": self.operator,
            # The limit on look-ups is per bank, and three banks ask here as all of a country's would.
            "LOOK_UP_BUCKET": str(LOOK_UPS_MAX),
            "LOOK_UPS_PER_MINUTE": str(LOOK_UPS_MAX),
        }

    @property
    def hub_rest(self) -> HubRest:
        """The first hub's REST API, as its operator."""
        return HubRest(self.hubs[0].url, self.client)

    @property
    def grpc_address(self) -> str:
        """Of the first hub."""
        return self.grpc_addresses[0]

    @property
    def grpc_addresses(self) -> list[str]:
        """Of every hub."""
        return [join_host_port(LOOPBACK, port) for port in self.grpc_ports]

    def postgres_version(self) -> str:
        """As the server says."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SHOW server_version")
                return str(cursor.fetchone()[0])
        finally:
            connection.close()

    def processes(self) -> dict[str, int]:
        """The process ids of what is measured, by name."""
        hubs = {hub.name: hub.pid for hub in self.hubs}
        return {**hubs, "kafka": self.broker.pid, "postgres": self.postgres.pid}

    def connect(self) -> Any:
        """A psycopg2 connection to the hub's database, for measuring and for the limits; in autocommit."""
        return connect_to(self.postgres.url(HUB_DATABASE))


def connect_to(url: str) -> Any:
    """A psycopg2 connection in autocommit, for statements that may read whole tables."""
    return connect_plainly(url, MAINTENANCE_LIMITS)
