"""The bank's composition root: here alone use cases meet the real adapters. Importing it opens nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from sqlalchemy import Engine

from bank_sim.adapters.background_publisher import ThreadedPublisher
from bank_sim.adapters.gauges import watch_database
from bank_sim.adapters.hub_client import GrpcHub
from bank_sim.adapters.observed import ObservedUnitsOfWork, TracedOrders, TransferWatch
from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.application.request_transfer import RequestTransfer
from bank_sim.application.use_cases import BankApplication, compose
from bank_sim.entrypoints.gateway import bank_gateway
from bank_sim.settings import BankSettings
from pix.messaging.batches import BatchHandler
from pix.messaging.consumer import isolating_poison
from pix.messaging.kafka.clients import KafkaSink
from pix.participant.telemetry import Telemetry
from pix.postgres.engine import WRITE_PROBE_AGE_SECONDS_MAX, make_engine, why_database_is_not_ready
from pix.postgres.migrations import is_migrated, migrate_in_child
from pix.rpc.tls import channel_credentials
from pix.runtime.clock import SystemClock
from pix.runtime.health import Health
from pix.runtime.outages import DatabaseUnavailable
from pix.runtime.trace_context import current_traceparent
from pix.runtime.version import codepix_version
from pix.scheme.deliveries import Rejected
from pix.wire.record import Record

__all__ = ["BankApplication", "RunningBank", "build", "has_newest_schema", "migrate_database", "start"]


@dataclass(frozen=True, slots=True)
class RunningBank:
    """A bank on PostgreSQL, Kafka and gRPC, with what has to be closed at the end."""

    application: BankApplication
    engine: Engine
    hub: GrpcHub
    publisher: ThreadedPublisher
    telemetry: Telemetry
    handle: BatchHandler
    """Processes records of the hub, and returns the answers."""

    def close(self) -> None:
        """Publishes what waits, and closes every connection."""
        self.publisher.close()
        self.hub.close()
        self.engine.dispose()
        self.telemetry.close()


def start(settings: BankSettings) -> RunningBank:
    """A bank on the real adapters. Nothing is connected yet: each connection is made when it is first needed."""
    engine = make_engine(settings.database_url)
    telemetry = Telemetry(f"codepix-bank-{settings.bank_code}", codepix_version(), settings)
    telemetry.metrics.watch_pool(engine)
    watch_database(engine, telemetry.metrics)
    hub = GrpcHub(
        settings.hub_grpc_address,
        settings.bank_ispb,
        settings.bank_secret,
        traceparent=current_traceparent,
        interceptors=telemetry.grpc_client(),
        tls=channel_credentials(settings.hub_tls_ca, settings.hub_tls_certificate, settings.hub_tls_key),
        tls_name=settings.hub_tls_name,
    )
    for_publisher = settings.kafka(f"codepix-bank-{settings.bank_code}-courier")
    gateway = bank_gateway(settings.bank_ispb, settings.bank_secret, settings.bank_secret_other)
    publisher = ThreadedPublisher(lambda: telemetry.sink(KafkaSink(for_publisher)), gateway.encode)
    health = Health()
    telemetry.metrics.watch_health(health)
    health.add_probe("database", lambda: why_database_is_not_ready(engine), WRITE_PROBE_AGE_SECONDS_MAX)
    health.add_probe("schema", lambda: _why_schema_is_not_ready(engine))
    application = compose(
        identity=settings.identity,
        units=ObservedUnitsOfWork(PostgresUnitsOfWork(engine), TransferWatch(telemetry.metrics)),
        hub=hub,
        publisher=publisher,
        process_again=lambda envelope: publisher.enqueue_records(handle([cast(Record, envelope)])),
        clock=SystemClock(),
        policy=settings.retransmission_policy,
        public_url=settings.public_url,
        version=codepix_version(),
        health=health,
    )
    handle = telemetry.handler(
        isolating_poison(
            gateway.handler(application.process_messages),
            lambda record, reason: application.dead_letters.store(Rejected(record, "", reason)),
            lambda: not why_database_is_not_ready(engine),
        )
    )
    request_transfers = TracedOrders(application.request_transfers, telemetry.tracing)
    application = replace(
        application,
        request_transfers=request_transfers,
        request_transfer=RequestTransfer(request_transfers),
    )
    return RunningBank(application, engine, hub, publisher, telemetry, handle)


def build(settings: BankSettings) -> BankApplication:
    """The application alone, for whoever lives as long as the process."""
    return start(settings).application


def migrate_database(settings: BankSettings) -> None:
    """Brings the bank's database to the newest schema. Raises DatabaseUnavailable."""
    migrate_in_child(settings.database_url, MIGRATIONS)


def has_newest_schema(engine: Engine) -> bool:
    """Whether `migrate_database` has been done. Raises DatabaseUnavailable."""
    return is_migrated(engine, MIGRATIONS)


def _why_schema_is_not_ready(engine: Engine) -> str:
    try:
        return "" if has_newest_schema(engine) else "the database schema is out of date: run codepix-bank migrate"
    except DatabaseUnavailable:
        return "unknown, the database does not answer"
