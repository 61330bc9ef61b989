"""The hub's composition root: only this module knows adapters and entrypoints. Its import opens nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from hub.adapters.course.groups import KafkaBankReadiness
from hub.adapters.course.postgres import PostgresCourseUnits
from hub.adapters.gauges import watch_database
from hub.adapters.message_tap import RecordMessageTap
from hub.adapters.observed import FlowWatch
from hub.adapters.postgres.directory import PostgresDirectory
from hub.adapters.postgres.histories import histories_of
from hub.adapters.postgres.unit_of_work import MIGRATIONS, PostgresUnitsOfWork
from hub.adapters.rest_bank_books import RestBankBooks
from hub.adapters.topic_browser import KafkaTopicBrowser
from hub.application.course.process import Outgoing as CourseOutgoing
from hub.application.course.use_cases import compose_course
from hub.application.keys import by_chance
from hub.application.live_messages import LiveMessages
from hub.application.use_cases import compose
from hub.domain.liveness import HEARTBEAT_AGE_MS_MAX
from hub.entrypoints.cli import make_app
from hub.entrypoints.course.gateway import TOPICS as COURSE_TOPICS_READ
from hub.entrypoints.course.gateway import CourseGateway
from hub.entrypoints.course.grpc import add_pix_service
from hub.entrypoints.course.roles import CourseSweep, ensure_course_topics, open_course_source
from hub.entrypoints.gateway import bank_peers, hub_gateway
from hub.entrypoints.grpc.clock import WATCHERS_MAX
from hub.entrypoints.grpc.server import add_services
from hub.entrypoints.kafka import CONSUMER_GROUP, open_source
from hub.entrypoints.scheduler import outbox_sweep
from hub.settings import HubSettings
from pix.messaging.kafka.acls import allow_banks, allow_course_banks
from pix.messaging.kafka.browser import KafkaBrowser
from pix.messaging.kafka.tap import KafkaTap
from pix.messaging.kafka.topics import ensure_topics, limit_topics
from pix.messaging.tap import NO_TAP, WireTap
from pix.participant.clock.model import NetworkClock
from pix.participant.clock.roles import MoveClock
from pix.participant.consumer_role import ConsumerRole
from pix.participant.observers import ObservedUnitsOfWork
from pix.participant.participant import Participant
from pix.participant.process import Role, heed_interrupts
from pix.participant.reachability import noting_senders
from pix.rpc.kinds import GrpcServerKind
from pix.rpc.server import serve_grpc
from pix.rpc.tls import server_credentials
from pix.runtime.clock import SystemClock
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.deliveries import Outgoing
from pix.scheme.features import Feature
from pix.scheme.seed import seeded_uuid
from pix.wire.protobuf_v1.codec import ProtobufV1Codec
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic


class Hub(Participant[HubSettings]):
    command = "codepix-hub"
    migrations = MIGRATIONS
    absent_ms = HEARTBEAT_AGE_MS_MAX
    topic_and_group = (HUB_TOPIC, CONSUMER_GROUP)

    def __init__(self, settings: HubSettings) -> None:
        super().__init__(settings)
        metrics = self.telemetry.metrics
        watch_database(self.engine, metrics)
        clock = SystemClock(settings.clock_error_seconds)
        network = NetworkClock(clock, settings.first_time) if settings.virtual_clock else None
        units = ObservedUnitsOfWork(PostgresUnitsOfWork(self.engine), FlowWatch(metrics))
        self._directory = PostgresDirectory(
            settings.database_url,
            lambda outcome, seconds: metrics.transaction_seconds.observe({(outcome,): [seconds]}),
        )
        self.application = compose(
            units,
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
            features=settings.features,
            histories=self.keep_histories(histories_of(self.engine), network or clock),
            new_random_key=partial(seeded_uuid, settings.sandbox_seed) if settings.sandbox_seed else by_chance,
        )
        queries = self.application.queries
        codec = partial(ProtobufV1Codec, leaves_unsigned=settings.message_batches)
        if network is not None:
            codec = partial(codec, clock=lambda: network.time)
        self._gateway = hub_gateway(
            queries.wire_keys, codec=codec, batch_readers=lambda: queries.banks_with(Feature.BATCHES)
        )
        process = noting_senders(self.reachability, self.application.process_messages)
        self._handle = self.handler(self._gateway, process, self.application.dead_letters)
        self._readiness = KafkaBankReadiness(self.kafka("course"))
        self.course = compose_course(
            PostgresCourseUnits(self.engine),
            units,
            self.application,
            network or clock,
            clock,
            settings.retransmission_policy,
            self._readiness,
            settings.course_answer_ms,
        )
        self._course_gateway = CourseGateway(queries.wire_keys, self.course.queries.banks)
        self._handle_course = self.isolated(
            self._course_gateway.handler(self.course.adapter), self.application.dead_letters
        )

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
            case "course":
                return self._course_roles() if self.settings.course_mode else {}
            case _:
                role = outbox_sweep(
                    self.application,
                    self._publish,
                    self.lag_of_group(own_lag),
                    self.reachability,
                    self.broker_answers,
                ).run
        return {name: role, **clock}

    def close(self) -> None:
        super().close()
        self._directory.close()

    def ensure_topics(self) -> None:
        """Makes the topics of the hub and of each known bank; with SASL, gives the banks their rights to them."""
        topics = self._topics()
        ensure_topics(self.kafka(), topics)
        if self.settings.course_mode:
            ensure_course_topics(self.kafka())
        limit_topics(self.kafka(), topics)
        if self.settings.kafka_security_protocol.has_sasl:
            allow_banks(self.kafka(), [bank.code for bank in self.application.queries.list_banks()])
            if self.settings.course_mode:
                allow_course_banks(self.kafka(), [bank.group for bank in self.course.queries.banks().values()])

    def process_again(self, envelope: object) -> None:
        record = cast(Record, envelope)
        handle = self._handle_course if record.topic in COURSE_TOPICS_READ else self._handle
        self.sink().publish(handle([record]))

    def _course_roles(self) -> dict[str, Role]:
        """A consumer for each topic of the course adapter, its sweep, and the gRPC service of the course."""

        def publish(outgoing: Sequence[CourseOutgoing]) -> None:
            self.sink().publish(self._course_gateway.encode(outgoing))

        sweep = CourseSweep(
            self.course,
            self._readiness.look,
            publish,
            self.application.record_heartbeat,
            self.application.leave_network,
            self.health,
        )
        consumers = {
            f"course {topic}": ConsumerRole(
                partial(open_course_source, self.kafka("course"), topic),
                self._handle_course,
                self.sink(),
                self.health,
                f"course {topic}",
            ).run
            for topic in COURSE_TOPICS_READ
        }
        return {**consumers, "course sweep": sweep.run, "course grpc": self._serve_course_grpc}

    def _serve_course_grpc(self, stop: threading.Event) -> None:
        serve_grpc(
            lambda server: add_pix_service(server, self.course.find_key, self.course.register_key),
            self.settings.course_grpc_host,
            self.settings.course_grpc_port,
            stop,
            watches=self.telemetry.grpc_server(),
            # Calls are few, and the fallback for unknown methods needs gRPC's own server.
            kind=GrpcServerKind.PLAIN,
        )

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
            course=self.course if self.settings.course_mode else None,
            public_url=self.settings.public_url,
            topics=KafkaTopicBrowser(KafkaBrowser(self.kafka("browser")), self._topics, self._decoder),
        )
        return self.serve_http(app)

    def _tap(self) -> RecordMessageTap:
        return self._decoder(KafkaTap(self.kafka("tap"), self._topics))

    def _decoder(self, tap: WireTap = NO_TAP) -> RecordMessageTap:
        queries = self.application.queries
        return RecordMessageTap(
            tap,
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
