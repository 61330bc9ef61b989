"""The hub's composition root: here alone adapters meet use cases. Importing it opens nothing."""

from __future__ import annotations

import threading
from typing import cast

from sqlalchemy import Engine

from hub.adapters.gauges import watch_database
from hub.adapters.message_tap import RecordMessageTap
from hub.adapters.observed import ObservedUnitsOfWork, TransferWatch
from hub.adapters.postgres.directory import PostgresDirectory
from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.adapters.rest_bank_books import RestBankBooks
from hub.application.live_messages import LiveMessages
from hub.application.use_cases import compose
from hub.entrypoints.gateway import bank_peers, hub_gateway
from hub.entrypoints.grpc.server import add_services
from hub.entrypoints.http.app import create_app
from hub.entrypoints.kafka import CONSUMER_GROUP
from hub.entrypoints.scheduler import Sweeper
from hub.settings import HubSettings
from pix.messaging.batches import RecordSink
from pix.messaging.consumer import ConsumerThread, isolating_poison
from pix.messaging.kafka.acls import allow_banks
from pix.messaging.kafka.clients import KafkaSink, KafkaSource, broker_answers, ensure_topics, limit_topics
from pix.messaging.kafka.lag import lag_seen_by
from pix.messaging.kafka.tap import KafkaTap
from pix.participant.process import Role
from pix.participant.telemetry import Telemetry
from pix.postgres.engine import WRITE_PROBE_AGE_SECONDS_MAX, make_engine, why_database_is_not_ready
from pix.postgres.migrations import is_migrated, migrate_in_child
from pix.rpc.server import serve_grpc
from pix.rpc.tls import server_credentials
from pix.runtime.clock import SystemClock
from pix.runtime.health import Health
from pix.runtime.outages import DatabaseUnavailable
from pix.runtime.version import codepix_version
from pix.scheme.deliveries import Rejected
from pix.web.server import serve_http
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic

BROKER_PROBE_SECONDS = 2.0
ROLES = ("grpc", "kafka", "http", "sweeper")


class Hub:
    """The hub of one process: its application, and the roles that it can play."""

    def __init__(self, settings: HubSettings) -> None:
        self.settings = settings
        self.engine: Engine = make_engine(settings.database_url)
        self.telemetry = Telemetry("codepix-hub", codepix_version(), settings)
        self.telemetry.metrics.watch_pool(self.engine)
        watch_database(self.engine, self.telemetry.metrics)
        clock = SystemClock()
        health = Health()
        self.telemetry.metrics.watch_health(health)
        self._directory = PostgresDirectory(settings.database_url, self._note_reading)
        self.application = compose(
            ObservedUnitsOfWork(PostgresUnitsOfWork(self.engine), TransferWatch(self.telemetry.metrics)),
            clock,
            health,
            settings.retransmission_policy,
            settings.transfer_timeout_ms,
            settings.look_up_policy,
            self._directory,
            derive_wire_key=signing_key,
            process_again=self.process_again,
        )
        self._kafka = settings.kafka("codepix-hub")
        self._gateway = hub_gateway(self.application.queries.wire_keys)
        self._handle = self.telemetry.handler(
            isolating_poison(
                self._gateway.handler(self.application.process_messages),
                lambda record, reason: self.application.dead_letters.store(Rejected(record, "", reason)),
                lambda: not why_database_is_not_ready(self.engine),
            )
        )
        self._sink: RecordSink | None = None
        self._consumer: ConsumerThread | None = None

    def migrate(self) -> None:
        """Brings the database to the newest schema. Raises DatabaseUnavailable."""
        migrate_in_child(self.settings.database_url, MIGRATIONS)

    def is_migrated(self) -> bool:
        """Whether the database has the newest schema. Raises DatabaseUnavailable."""
        return is_migrated(self.engine, MIGRATIONS)

    def roles(self, names: list[str]) -> dict[str, Role]:
        """The named roles, ready to run."""
        health = self.application.health
        health.add_probe("database", lambda: why_database_is_not_ready(self.engine), WRITE_PROBE_AGE_SECONDS_MAX)
        health.add_probe("schema", self._probe_schema)
        roles: dict[str, Role] = {}
        if {"kafka", "sweeper"} & set(names):
            health.add_probe("broker", self._probe_broker)
            sink = self.sink()
            if "kafka" in names:
                # Not on the board before it consumes: a service is ready when its consumer is.
                health.trouble("consumer", "starting")
                self._consumer = ConsumerThread(self._make_source, self._handle, sink, health)
                self.telemetry.metrics.watch_lag(self._consumer.lag)
                roles["kafka"] = self._consumer.run
            if "sweeper" in names:
                own = None if self._consumer is None else self._consumer.lag
                lag = lag_seen_by(self._kafka, HUB_TOPIC, CONSUMER_GROUP, own)
                roles["sweeper"] = Sweeper(
                    self.application.retransmit_due,
                    self.application.fail_expired,
                    lambda outgoing: sink.publish(self._gateway.encode(outgoing)),
                    lag,
                    health,
                ).run
        if "grpc" in names:
            # Look-ups have a connection of their own.
            health.add_probe("look-ups", self._probe_look_ups)
            roles["grpc"] = self._run_grpc
        if "http" in names:
            roles["http"] = self._run_http
        return roles | self.telemetry.roles(health)

    def close(self) -> None:
        """Closes every connection, and sends the spans that wait."""
        self.engine.dispose()
        self._directory.close()
        self.telemetry.close()

    def sink(self) -> RecordSink:
        """The producer of this process, made when it is first needed."""
        if self._sink is None:
            self._sink = self.telemetry.sink(KafkaSink(self._kafka))
        return self._sink

    def process_again(self, envelope: object) -> None:
        """Processes a dead letter's record as if it had just come from the broker."""
        self.sink().publish(self._handle([cast(Record, envelope)]))

    def lag(self) -> int:
        """Records of the banks that wait to be read by this process."""
        return 0 if self._consumer is None else self._consumer.lag()

    def ensure_topics(self) -> None:
        """Makes the hub's topic and those of the banks that it knows; with SASL, says who may read and write them."""
        codes = [bank.code for bank in self.application.queries.list_banks()]
        topics = [HUB_TOPIC, *(bank_topic(code) for code in codes)]
        ensure_topics(self._kafka, topics)
        limit_topics(self._kafka, topics)
        if self.settings.kafka_security_protocol.has_sasl:
            allow_banks(self._kafka, codes)

    def _note_reading(self, outcome: str, seconds: float) -> None:
        self.telemetry.metrics.transaction_seconds.observe({(outcome,): [seconds]})

    def _make_source(self) -> KafkaSource:
        ensure_topics(self._kafka, [HUB_TOPIC])
        return KafkaSource(self._kafka, HUB_TOPIC, CONSUMER_GROUP)

    def _tap(self) -> RecordMessageTap:
        def topics() -> list[str]:
            return [HUB_TOPIC, *(bank_topic(bank.code) for bank in self.application.queries.list_banks())]

        return RecordMessageTap(
            KafkaTap(self.settings.kafka("codepix-hub-tap"), topics),
            bank_peers(self.application.queries.wire_keys),
            lambda: {bank.ispb: bank.code for bank in self.application.queries.list_banks()},
        )

    def _run_grpc(self, stop: threading.Event) -> None:
        serve_grpc(
            lambda server: add_services(server, self.application),
            self.settings.grpc_host,
            self.settings.grpc_port,
            stop,
            watches=self.telemetry.grpc_server(),
            credentials=server_credentials(
                self.settings.grpc_tls_certificate, self.settings.grpc_tls_key, self.settings.grpc_tls_client_ca
            ),
            kind=self.settings.grpc_server,
        )

    def _run_http(self, stop: threading.Event) -> None:
        app = create_app(
            self.application,
            configured_secret=self.settings.session_secret,
            operators=self.settings,
            wire=LiveMessages(self._tap),
            bank_books=RestBankBooks(self.settings.banks_operator_password, self.settings.banks_url),
            lab_panel_url=self.settings.lab_panel_url,
            public_url=self.settings.public_url,
        )
        serve_http(self.telemetry.http(app), self.settings.http_host, self.settings.http_port, stop)

    def _probe_schema(self) -> str:
        try:
            return "" if self.is_migrated() else "the database schema is out of date: run codepix-hub migrate"
        except DatabaseUnavailable:
            return "unknown, the database does not answer"

    def _probe_look_ups(self) -> str:
        try:
            self._directory.read([])
        except DatabaseUnavailable as error:
            return f"the directory cannot be read: {error}"
        return ""

    def _probe_broker(self) -> str:
        return "" if broker_answers(self._kafka, BROKER_PROBE_SECONDS) else "the broker does not answer"
