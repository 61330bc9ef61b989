"""The part of a composition root that hub and banks have in common."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic
from uuid import uuid4

from pix.messaging.batches import BatchHandler, RecordSink
from pix.messaging.consumer import PausableSource, isolating_poison
from pix.messaging.kafka.client import broker_answers
from pix.messaging.kafka.lag import lag_seen_by
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.messaging.packing import PackingSink
from pix.participant.archive_role import archive_role
from pix.participant.consumer_role import ConsumerRole
from pix.participant.dead_letters.use_cases import DeadLetters
from pix.participant.gateway import MessageGateway, ProcessMessages
from pix.participant.process import Role
from pix.participant.reachability import Reachability, WatchedSink
from pix.participant.retention import ArchiveFolder, ArchiveHistories, Histories
from pix.participant.settings import Settings
from pix.participant.telemetry import Telemetry
from pix.postgres.engine import WRITE_PROBE_AGE_SECONDS_MAX, make_engine, why_database_is_not_ready
from pix.postgres.migrations import is_migrated, migrate_in_child
from pix.runtime.clock import SchemeClock, SystemClock, monotonic_ms
from pix.runtime.health import Health
from pix.runtime.outages import DatabaseUnavailable
from pix.runtime.version import codepix_version
from pix.scheme.deliveries import Rejected
from pix.telemetry.http import AsgiApplication

if TYPE_CHECKING:
    from pix.web.server import ServerTls

BROKER_PROBE_SECONDS: Final = 2.0


class Participant(ABC, Generic[Settings]):
    """A participant in one process, on the real adapters: its database, telemetry, health, and roles.

    Nothing is connected before it is first needed.
    """

    command: ClassVar[str]
    """The console script, for sentences that name it."""
    migrations: ClassVar[Path]
    absent_ms: ClassVar[int]
    """A counterpart without a sign of life for so long is absent."""
    topic_and_group: tuple[str, str]
    """The topic that it consumes, and the consumer group in which its replicas do."""
    archive_histories: ArchiveHistories | None = None
    """None without `ARCHIVE_AFTER_DAYS`."""

    def __init__(self, settings: Settings) -> None:
        """Raises OSError when the traces' file cannot be written."""
        self.settings = settings
        self.engine = make_engine(settings.database_url)
        self.telemetry = Telemetry(settings.service, codepix_version(), settings)
        self.telemetry.metrics.watch_pool(self.engine)
        self.health = Health()
        self.telemetry.metrics.watch_health(self.health)
        self.health.add_probe("database", lambda: why_database_is_not_ready(self.engine), WRITE_PROBE_AGE_SECONDS_MAX)
        self.health.add_probe("schema", self._why_schema_is_not_ready)
        self.reachability = Reachability(SystemClock(), monotonic_ms, self.absent_ms)
        self._member = uuid4().hex
        self._sink: RecordSink | None = None
        self._consumer: ConsumerRole | None = None

    @abstractmethod
    def make_roles(self, name: str, own_lag: Callable[[], int] | None) -> dict[str, Role]:
        """What runs for a role, a thread each. `own_lag` is None when this process does not consume."""

    def roles(self, names: Collection[str]) -> dict[str, Role]:
        """The named roles, ready to run, with the health probes that they need."""
        if {"kafka", "sweeper"} & set(names):
            self.health.add_probe("broker", self._why_broker_is_not_ready)
        own_lag = self.lag if "kafka" in names else None
        roles = {part: role for name in names for part, role in self.make_roles(name, own_lag).items()}
        if "sweeper" in names and self.archive_histories is not None:
            roles["archive"] = archive_role(self.archive_histories)
        return roles | self.telemetry.roles(self.health)

    def keep_histories(self, histories: Histories, scheme_clock: SchemeClock) -> Histories:
        """The histories, which are archived when the settings say so."""
        settings = self.settings
        if settings.archive_after_days is not None:
            archive = ArchiveFolder(Path(settings.archive_folder), settings.service)
            self.archive_histories = ArchiveHistories(histories, archive, scheme_clock, settings.archive_after_days)
        return histories

    def migrate(self) -> None:
        migrate_in_child(self.settings.database_url, self.migrations)

    def is_migrated(self) -> bool:
        return is_migrated(self.engine, self.migrations)

    def close(self) -> None:
        self.engine.dispose()
        self.telemetry.close()

    def lag(self) -> int:
        return 0 if self._consumer is None else self._consumer.lag()

    def kafka(self, part: str = "") -> KafkaSettings:
        """The settings of a Kafka client; `part` tells this participant's clients apart in the broker's log."""
        client_id = f"{self.settings.service}-{part}" if part else self.settings.service
        return self.settings.kafka(client_id, self._member)

    def sink(self) -> RecordSink:
        """The producer of the roles, opened when it is first needed."""
        if self._sink is None:
            self._sink = self.new_sink()
        return self._sink

    def new_sink(self, part: str = "") -> RecordSink:
        """A producer that packs and signs what has no signature yet, and notes whether the broker takes it.

        Its metrics count messages.
        """
        return WatchedSink(self.telemetry.sink(PackingSink(KafkaSink(self.kafka(part)))), self.reachability)

    def handler(self, gateway: MessageGateway, process: ProcessMessages, dead_letters: DeadLetters) -> BatchHandler:
        """Processes records, and returns the answers; a record that cannot be processed becomes a dead letter."""
        return gateway.unpacking(self.isolated(gateway.handler(process), dead_letters))

    def isolated(self, handle: BatchHandler, dead_letters: DeadLetters) -> BatchHandler:
        """The same for a handler of records."""
        return self.telemetry.handler(
            isolating_poison(
                handle,
                lambda record, reason: dead_letters.store(Rejected(record, "", reason)),
                lambda: not why_database_is_not_ready(self.engine),
            )
        )

    def consume(self, open_source: Callable[[], PausableSource[Any]], handle: BatchHandler) -> Role:
        self._consumer = ConsumerRole(open_source, handle, self.sink(), self.health)
        self.telemetry.metrics.watch_lag(self.lag)
        return self._consumer.run

    def lag_of_group(self, own_lag: Callable[[], int] | None) -> Callable[[], int]:
        """The records that wait for the participant, whichever process reads them."""
        return lag_seen_by(self.kafka("sweeper"), *self.topic_and_group, own_lag)

    def serve_http(self, app: AsgiApplication, port: int | None = None, tls: ServerTls | None = None) -> Role:
        """Serves on `HTTP_PORT`, or on another port what is for strangers: then without metrics."""
        # A process without this role needs no web server in its memory.
        from pix.web.server import serve_http

        observed = self.telemetry.http(app, is_public=port is not None)

        def serve(stop: threading.Event) -> None:
            serve_http(observed, self.settings.http_host, port or self.settings.http_port, stop, tls=tls)

        return serve

    def _why_schema_is_not_ready(self) -> str:
        try:
            return "" if self.is_migrated() else f"the database schema is out of date: run {self.command} migrate"
        except DatabaseUnavailable:
            return "unknown, the database does not answer"

    def _why_broker_is_not_ready(self) -> str:
        return "" if self.broker_answers() else "the broker does not answer"

    def broker_answers(self) -> bool:
        return broker_answers(self.kafka("probe"), BROKER_PROBE_SECONDS)
