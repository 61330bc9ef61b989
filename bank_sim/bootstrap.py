"""The bank's composition root: only this module knows adapters and entrypoints. Its import opens nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

from bank_sim.adapters.background_publisher import ThreadedPublisher
from bank_sim.adapters.gauges import watch_database
from bank_sim.adapters.hub_client import GrpcHub
from bank_sim.adapters.observed import FlowWatch, TracedOrders
from bank_sim.adapters.payloads.jose import JosePayloadSeal
from bank_sim.adapters.payloads.reader import HttpPayloadReader
from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.adapters.postgres.counters import PostgresCounter
from bank_sim.adapters.postgres.histories import histories_of
from bank_sim.adapters.receivers import HttpReceivers
from bank_sim.application.request_transfer import RequestTransfer
from bank_sim.application.use_cases import compose
from bank_sim.application.webhooks.use_cases import Delivering
from bank_sim.entrypoints.cli import make_app
from bank_sim.entrypoints.gateway import bank_gateway
from bank_sim.entrypoints.kafka import open_source
from bank_sim.entrypoints.scheduler import (
    HUB_ABSENT_MS,
    noting_the_hub,
    outbox_sweep,
    periodic_tasks,
    planned_payments,
    scheduled_payments,
)
from bank_sim.entrypoints.webhooks import WebhookDelivery
from bank_sim.settings import BankSettings, Switch
from pix.messaging.consumer import PausableSource
from pix.messaging.kafka.acls import bank_group
from pix.participant.clock.following import following
from pix.participant.clock.model import NetworkClock
from pix.participant.clock.roles import ReportClock, WatchClock
from pix.participant.gateway import ProcessMessages
from pix.participant.observers import ObservedUnitsOfWork
from pix.participant.participant import Participant
from pix.participant.process import Role, heed_interrupts
from pix.participant.reachability import noting_senders
from pix.participant.scheduler import Heartbeat
from pix.rpc.tls import channel_credentials
from pix.runtime.allowed_hosts import parse_allowed_hosts
from pix.runtime.clock import SchemeClock, SystemClock
from pix.runtime.outages import DatabaseUnavailable
from pix.runtime.trace_context import current_traceparent
from pix.runtime.version import codepix_version
from pix.scheme.features import Feature
from pix.scheme.seed import CountedRandom, seeded_uuid
from pix.wire.protobuf_v1.codec import ProtobufV1Codec
from pix.wire.record import Record
from pix.wire.topics import bank_topic


class Bank(Participant[BankSettings]):
    command = "codepix-bank"
    migrations = MIGRATIONS
    absent_ms = HUB_ABSENT_MS

    def __init__(self, settings: BankSettings) -> None:
        super().__init__(settings)
        self.topic_and_group = bank_topic(settings.bank_code), bank_group(settings.bank_code)
        clock = SystemClock(settings.clock_error_seconds)
        network = NetworkClock(clock, settings.first_time) if settings.virtual_clock else None
        watch_database(self.engine, self.telemetry.metrics, network or clock)
        self._hub = GrpcHub(
            settings.hub_grpc_address,
            settings.bank_ispb,
            settings.bank_secret,
            traceparent=current_traceparent,
            interceptors=self.telemetry.grpc_client(),
            tls=channel_credentials(settings.hub_tls_ca, settings.hub_tls_certificate, settings.hub_tls_key),
            tls_name=settings.hub_tls_name,
        )
        self._scheme_clock: SchemeClock = network or clock
        self._hub_is_known_to_read_batches = False
        gateway = bank_gateway(
            settings.bank_ispb,
            settings.bank_secret,
            settings.bank_secret_other,
            partial(ProtobufV1Codec, leaves_unsigned=settings.message_batches),
            self._hub_reads_batches,
        )
        self._publisher = ThreadedPublisher(lambda: self.new_sink("publisher"), gateway.encode)
        application = compose(
            identity=settings.identity,
            units=ObservedUnitsOfWork(PostgresUnitsOfWork(self.engine), FlowWatch(self.telemetry.metrics)),
            hub=self._hub,
            publisher=self._publisher,
            process_again=lambda envelope: self._publisher.enqueue_records(self._handle([cast(Record, envelope)])),
            scheme_clock=network or clock,
            clock=clock,
            policy=settings.retransmission_policy,
            public_url=settings.public_url,
            payload_host=settings.payload_host,
            payload_seal=JosePayloadSeal(),
            payload_reader=HttpPayloadReader(),
            version=codepix_version(),
            health=self.health,
            try_times=settings.try_times,
            limits=settings.limit_policy,
            unknown_charges=settings.unknown_charges,
            network_clock=network,
            token_secret=settings.bank_secret,
            token_seconds=settings.api_pix_token_seconds,
            delivering=_delivering(settings),
            has_sandbox=settings.sandbox,
            features=settings.features,
            histories=self.keep_histories(histories_of(self.engine), network or clock),
            **self._seeded_ids(),
        )
        process: ProcessMessages = noting_senders(self.reachability, application.process_messages)
        if application.follow_clock is not None:
            process = following(application.follow_clock, process)
        self._handle = self.handler(gateway, process, application.dead_letters)
        request_transfers = TracedOrders(application.request_transfers, self.telemetry.tracing)
        self.application = replace(
            application,
            request_transfers=request_transfers,
            request_transfer=RequestTransfer(request_transfers),
        )

    def _hub_reads_batches(self) -> bool:
        """As the hub's list of participants had it when the database last answered."""
        try:
            known = self.application.queries.hub_knows(Feature.BATCHES, self.settings.bank_ispb)
            self._hub_is_known_to_read_batches = known
        except DatabaseUnavailable:
            # A message that waits for the broker alone must not wait for the database.
            pass
        return self._hub_is_known_to_read_batches

    def _seeded_ids(self) -> dict[str, Any]:
        """With a seed the ids of this bank depend on it, and on how many were made before."""
        seed, code = self.settings.sandbox_seed, self.settings.bank_code
        if not seed:
            return {}
        ids = PostgresCounter(self.engine, "sandbox_ids")
        end_to_end_ids = PostgresCounter(self.engine, "sandbox_end_to_end_ids")
        return {
            "new_id": lambda: seeded_uuid(seed, code, str(ids())),
            "random": CountedRandom(seed, code, end_to_end_ids),
        }

    def make_roles(self, name: str, own_lag: Callable[[], int] | None) -> dict[str, Role]:
        return self._roles_of(name, own_lag) | self._clock_roles()

    def _clock_roles(self) -> dict[str, Role]:
        follow, read = self.application.follow_clock, self.application.read_clock_report
        if follow is None or read is None:
            return {}
        moved = threading.Event()
        watch = WatchClock(follow, lambda stop: self._hub.watch_clock(read.instance, stop), moved)
        return {"clock": watch.run, "clock report": ReportClock(read, self._hub.report_clock, moved).run}

    def _roles_of(self, name: str, own_lag: Callable[[], int] | None) -> dict[str, Role]:
        application = self.application
        match name:
            case "kafka":
                return {name: self.consume(self._open_source, self._handle)}
            case "http":
                return {name: self._http_role(), **self._api_pix_role()}
            case _:
                return {
                    name: outbox_sweep(
                        application, self.lag_of_group(own_lag), self.reachability, self.broker_answers
                    ).run,
                    "periodic tasks": periodic_tasks(application).run,
                    "scheduled payments": scheduled_payments(application),
                    "webhooks": WebhookDelivery(application.webhooks.deliver_due, application.health).run,
                    **({"payments on demand": planned_payments(application)} if self.settings.sandbox else {}),
                    "heartbeat": Heartbeat(
                        application.send_heartbeat, own_lag or (lambda: None), noting_the_hub(self.reachability)
                    ).run,
                }

    def close(self) -> None:
        self._publisher.close()
        self._hub.close()
        super().close()

    def _open_source(self) -> PausableSource[Any]:
        return open_source(
            self.kafka(), self.settings.bank_code, lambda: self.application.queries.behaviour().consuming
        )

    def _http_role(self) -> Role:
        # A process without this role needs no web framework in its memory.
        from bank_sim.entrypoints.http.app import create_app

        # With a separate port the API must not be reached by another: there may be no TLS.
        api_pix = self.settings.api_pix if self.settings.api_pix_port is None else None
        has_contract = self.settings.bank_contract is Switch.ON
        app = create_app(self.application, self.settings, self._scheme_clock, api_pix, has_contract=has_contract)
        return self.serve_http(app)

    def _api_pix_role(self) -> dict[str, Role]:
        settings = self.settings
        if settings.api_pix_port is None:
            return {}
        from bank_sim.entrypoints.http.api_pix import serve_api_pix_alone
        from pix.web.server import ServerTls

        tls = None
        if settings.api_pix_tls_certificate:
            tls = ServerTls(settings.api_pix_tls_certificate, settings.api_pix_tls_key, settings.api_pix_tls_client_ca)
        app = serve_api_pix_alone(self.application, self._scheme_clock, settings.api_pix)
        return {"api pix": self.serve_http(app, settings.api_pix_port, tls)}


def _delivering(settings: BankSettings) -> Delivering:
    receivers = HttpReceivers(
        parse_allowed_hosts(settings.webhook_hosts), settings.webhook_timeout_seconds, settings.webhook_ca
    )
    return Delivering(receivers, settings.webhook_policy, settings.webhook_pix_max)


def main() -> None:
    heed_interrupts()
    make_app(Bank)()
