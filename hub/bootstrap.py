"""The hub's composition root: only this module knows adapters and entrypoints. Its import opens nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from hub.adapters.gauges import watch_database
from hub.adapters.message_tap import RecordMessageTap
from hub.adapters.observed import FlowWatch
from hub.adapters.postgres.directory import PostgresDirectory
from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.adapters.rest_bank_books import RestBankBooks
from hub.application.keys import by_chance
from hub.application.live_messages import LiveMessages
from hub.application.use_cases import compose
from hub.entrypoints.cli import make_app
from hub.entrypoints.gateway import bank_peers, hub_gateway
from hub.entrypoints.grpc.clock import WATCHERS_MAX
from hub.entrypoints.grpc.server import add_services
from hub.entrypoints.kafka import CONSUMER_GROUP, open_source
from hub.entrypoints.scheduler import outbox_sweep
from hub.settings import HubSettings
from pix.messaging.kafka.acls import allow_banks
from pix.messaging.kafka.clients import ensure_topics, limit_topics
from pix.messaging.kafka.tap import KafkaTap
from pix.participant.clock.model import NetworkClock
from pix.participant.clock.roles import MoveClock
from pix.participant.observers import ObservedUnitsOfWork
from pix.participant.participant import Participant
from pix.participant.process import Role, heed_interrupts
from pix.rpc.server import serve_grpc
from pix.rpc.tls import server_credentials
from pix.runtime.clock import SystemClock
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.deliveries import Outgoing
from pix.scheme.seed import seeded_uuid
from pix.wire.protobuf_v1.codec import ProtobufV1Codec
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic


class Hub(Participant[HubSettings]):
    command = "codepix-hub"
    migrations = MIGRATIONS
    topic_and_group = (HUB_TOPIC, CONSUMER_GROUP)

    def __init__(self, settings: HubSettings) -> None:
        super().__init__(settings)
        metrics = self.telemetry.metrics
        watch_database(self.engine, metrics)
        clock = SystemClock()
        network = NetworkClock(clock, settings.first_time) if settings.virtual_clock else None
        self._directory = PostgresDirectory(
            settings.database_url,
            lambda outcome, seconds: metrics.transaction_seconds.observe({(outcome,): [seconds]}),
        )
        self.application = compose(
            ObservedUnitsOfWork(PostgresUnitsOfWork(self.engine), FlowWatch(metrics)),
            network or clock,
            clock,
            self.health,
            settings.retransmission_policy,
            settings.transfer_timeout_ms,
            settings.look_up_policy,
            self._directory,
            derive_wire_key=signing_key,
            process_again=self.process_again,
            network_clock=network,
            may_start_over=settings.sandbox,
            new_random_key=partial(seeded_uuid, settings.sandbox_seed) if settings.sandbox_seed else by_chance,
        )
        codec = ProtobufV1Codec if network is None else partial(ProtobufV1Codec, clock=lambda: network.time)
        self._gateway = hub_gateway(self.application.queries.wire_keys, codec=codec)
        self._handle = self.handler(self._gateway, self.application.process_messages, self.application.dead_letters)

    def make_roles(self, name: str, own_lag: Callable[[], int] | None) -> dict[str, Role]:
        control = self.application.network_clock
        clock = {} if control is None else {"clock": MoveClock(control.refresh, control.step).run}
        role: Role
        match name:
            case "grpc":
                # Look-ups have a connection of their own.
                self.health.add_probe("look-ups", self._why_look_ups_are_not_ready)
                role = self._serve_grpc
            case "kafka":
                role = self.consume(lambda: open_source(self.kafka()), self._handle)
            case "http":
                role = self._http_role()
            case _:
                role = outbox_sweep(self.application, self._publish, self.lag_of_group(own_lag)).run
        return {name: role, **clock}

    def close(self) -> None:
        super().close()
        self._directory.close()

    def ensure_topics(self) -> None:
        """Makes the topics of the hub and of each known bank; with SASL, gives the banks their rights to them."""
        topics = self._topics()
        ensure_topics(self.kafka(), topics)
        limit_topics(self.kafka(), topics)
        if self.settings.kafka_security_protocol.has_sasl:
            allow_banks(self.kafka(), [bank.code for bank in self.application.queries.list_banks()])

    def process_again(self, envelope: object) -> None:
        self.sink().publish(self._handle([cast(Record, envelope)]))

    def _publish(self, outgoing: Sequence[Outgoing]) -> None:
        self.sink().publish(self._gateway.encode(outgoing))

    def _serve_grpc(self, stop: threading.Event) -> None:
        settings = self.settings
        serve_grpc(
            lambda server: add_services(server, self.application),
            settings.grpc_host,
            settings.grpc_port,
            stop,
            watches=self.telemetry.grpc_server(),
            credentials=server_credentials(
                settings.grpc_tls_certificate, settings.grpc_tls_key, settings.grpc_tls_client_ca
            ),
            kind=settings.grpc_server,
            more_streams=WATCHERS_MAX if settings.virtual_clock else 0,
        )

    def _http_role(self) -> Role:
        # A process without this role needs no web framework in its memory.
        from hub.entrypoints.http.app import create_app

        app = create_app(
            self.application,
            configured_secret=self.settings.session_secret,
            operators=self.settings,
            wire=LiveMessages(self._tap),
            bank_books=RestBankBooks(self.settings.banks_operator_password, self.settings.banks_url),
            lab_panel_url=self.settings.lab_panel_url,
            public_url=self.settings.public_url,
        )
        return self.serve_http(app)

    def _tap(self) -> RecordMessageTap:
        queries = self.application.queries
        return RecordMessageTap(
            KafkaTap(self.kafka("tap"), self._topics),
            bank_peers(queries.wire_keys),
            lambda: {bank.ispb: bank.code for bank in queries.list_banks()},
        )

    def _topics(self) -> list[str]:
        return [HUB_TOPIC, *(bank_topic(bank.code) for bank in self.application.queries.list_banks())]

    def _why_look_ups_are_not_ready(self) -> str:
        try:
            self._directory.read([])
        except DatabaseUnavailable as error:
            return f"the directory cannot be read: {error}"
        return ""


def main() -> None:
    heed_interrupts()
    make_app(Hub)()
