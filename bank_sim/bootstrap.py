"""The bank's composition root: here alone use cases meet the real adapters. Importing it opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from sqlalchemy import Engine

from bank_sim.adapters.courier import BackgroundCourier
from bank_sim.adapters.hub_client import GrpcHub
from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.application.use_cases import BankApplication, compose
from bank_sim.settings import BankSettings
from pix.service.clock import SystemClock
from pix.service.database import database_answers, is_migrated, make_engine, migrate
from pix.service.health import Health
from pix.service.kafka import KafkaSink
from pix.service.tls import channel_credentials

__all__ = ["BankApplication", "RunningBank", "build", "has_newest_schema", "migrate_database", "start"]

PACKAGE: Final = "codepix"


@dataclass(frozen=True, slots=True)
class RunningBank:
    """A bank on PostgreSQL, Kafka and gRPC, with what has to be closed at the end."""

    application: BankApplication
    engine: Engine
    hub: GrpcHub
    courier: BackgroundCourier

    def close(self) -> None:
        """Sends what the courier has, and closes every connection."""
        self.courier.close()
        self.hub.close()
        self.engine.dispose()


def start(settings: BankSettings) -> RunningBank:
    """A bank on the real adapters. Nothing is connected yet: each connection is made when it is first needed."""
    engine = make_engine(settings.database_url)
    hub = GrpcHub(
        settings.hub_grpc_address,
        settings.bank_ispb,
        settings.bank_secret,
        tls=channel_credentials(settings.hub_tls_ca, settings.hub_tls_certificate, settings.hub_tls_key),
        tls_name=settings.hub_tls_name,
    )
    courier = BackgroundCourier(lambda: KafkaSink(settings.kafka(f"codepix-bank-{settings.bank_code}-courier")))
    health = Health()
    health.add_probe("database", lambda: "" if database_answers(engine) else "the database does not answer")
    application = compose(
        identity=settings.identity,
        secret=settings.bank_secret,
        secret_other=settings.bank_secret_other,
        units=PostgresUnitsOfWork(engine),
        hub=hub,
        courier=courier,
        clock=SystemClock(),
        policy=settings.resend_policy,
        public_url=settings.public_url,
        version=_version(),
        health=health,
    )
    return RunningBank(application, engine, hub, courier)


def build(settings: BankSettings) -> BankApplication:
    """The application alone, for whoever lives as long as the process."""
    return start(settings).application


def migrate_database(settings: BankSettings) -> None:
    """Brings the bank's database to the newest schema. Raises DatabaseUnavailable."""
    migrate(settings.database_url, MIGRATIONS)


def has_newest_schema(engine: Engine) -> bool:
    """Whether `migrate_database` has been done. Raises DatabaseUnavailable."""
    return is_migrated(engine, MIGRATIONS)


def _version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "0"
