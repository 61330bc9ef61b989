"""The metrics of one service's process, as Prometheus reads them.

What happens per message is counted per batch: one addition for each set of labels, however large the batch. What needs
SQL is read when Prometheus asks, and not more often than every few seconds.
"""

from __future__ import annotations

import collections
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, text
from sqlalchemy.pool import QueuePool

from pix.postgres.engine import POOL_OVERFLOW_MAX, POOL_SIZE
from pix.runtime.cached_reading import CachedReading
from pix.runtime.health import PROBE_SECONDS_MAX, Health

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

# A second series per counter, which Prometheus does not use.
disable_created_metrics()  # type: ignore[no-untyped-call]

WORK_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds for the work of a machine: a batch, a transaction, a request."""
STEP_SECONDS: Final = (
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 40.0, 120.0, 600.0, 3_600.0, 86_400.0),
)
"""Bounds for the steps of a transfer, which may wait for a bank that is down; 40 s is the real scheme's limit."""
BATCH_RECORDS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0)

CALLS_NOTED_MAX: Final = 256

DEAD_LETTERS: Final = {"codepix_dead_letters": ("Dead letters, by their state.", ("state",))}
"""A gauge of every service."""

STATEMENT_TIMEOUT: Final = text("SET LOCAL statement_timeout = '2s'")
"""Goes before the statements of a scrape: no value is better than a database that scrapes keep busy."""

Labels = tuple[str, ...]
Samples = Mapping[Labels, float]


class BulkCounter(Counter):
    """A counter that takes a batch's counts of many label sets in one call."""

    def add(self, counts: Samples) -> None:
        for labels, count in counts.items():
            (self.labels(*labels) if labels else self).inc(count)


class BulkHistogram(Collector):
    """A histogram that takes many values at once, under one lock.

    The client library's own takes one value a call: 2.4 µs instead of 0.25 µs each, which the consumers and the hub's
    look-ups would notice.
    """

    def __init__(self, name: str, documentation: str, label_names: Sequence[str], bounds: Sequence[float]) -> None:
        """`bounds` ascend; above the last is infinity."""
        self._name = name
        self._documentation = documentation
        self._label_names = tuple(label_names)
        self._bounds = tuple(bounds)
        self._lock = threading.Lock()
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, values: Mapping[Labels, Sequence[float]]) -> None:
        with self._lock:
            for labels, of_labels in values.items():
                counts = self._counts.setdefault(labels, [0] * (len(self._bounds) + 1))
                for value in of_labels:
                    counts[bisect_left(self._bounds, value)] += 1
                self._sums[labels] = self._sums.get(labels, 0.0) + sum(of_labels)

    def describe(self) -> Iterable[Metric]:
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        with self._lock:
            copies = [(labels, list(counts), self._sums[labels]) for labels, counts in self._counts.items()]
        for labels, counts, total in copies:
            so_far = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip([*map(str, self._bounds), "+Inf"], counts, strict=True):
                so_far += count
                buckets.append((bound, float(so_far)))
            family.add_metric(labels, buckets, total)
        return [family]

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self._name, self._documentation, labels=self._label_names)


class CallRecords:
    """Counts calls in batches, because thousands a second come one by one."""

    def __init__(self, requests: BulkCounter, seconds: BulkHistogram) -> None:
        """`requests` are by method and code, `seconds` by method."""
        self._requests = requests
        self._seconds = seconds
        self._noted: list[tuple[str, str, float]] = []
        self._counting = threading.Lock()

    def record(self, method: str, code: str, seconds: float) -> None:
        """Adds a call to the batch. Thread-safe."""
        self._noted.append((method, code, seconds))
        if len(self._noted) >= CALLS_NOTED_MAX:
            self.count()

    def count(self) -> None:
        """Counts the batch; call it before the counters are read."""
        with self._counting:
            # Calls that come meanwhile stay for the next batch.
            noted = self._noted[:]
            del self._noted[: len(noted)]
        seconds: dict[Labels, list[float]] = {}
        for method, _, took_seconds in noted:
            seconds.setdefault((method,), []).append(took_seconds)
        self._requests.add(collections.Counter((method, code) for method, code, _ in noted))
        self._seconds.observe(seconds)


class Gauges(Collector):
    """Gauges that are read together at each scrape: `read` returns each family's samples by labels."""

    def __init__(
        self, families: Mapping[str, tuple[str, Sequence[str]]], read: Callable[[], Mapping[str, Samples] | None]
    ) -> None:
        """`families` are name → (documentation, label names). None from `read` means that there are no values now."""
        self._families = families
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return [self._family(name) for name in self._families]

    def collect(self) -> Iterable[Metric]:
        samples = self._read() or {}
        for name in self._families:
            family = self._family(name)
            for labels, value in samples.get(name, {}).items():
                family.add_metric(labels, value)
            yield family

    def _family(self, name: str) -> GaugeMetricFamily:
        documentation, label_names = self._families[name]
        return GaugeMetricFamily(name, documentation, labels=label_names)


class Metrics:
    def __init__(self, service: str, version: str) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._families: dict[str, tuple[str, tuple[str, ...], str]] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.gauges(
            {"codepix_service": ("Always 1; names the service and its version.", ("service", "version"))},
            lambda: {"codepix_service": {(service, version): 1.0}},
        )

        self.batch_records = self.histogram(
            "codepix_batch_records", "Records in a batch, which is one transaction.", (), BATCH_RECORDS
        )
        self.batch_seconds = self.histogram(
            "codepix_batch_seconds", "Time to process a batch durably.", ("outcome",), WORK_SECONDS
        )
        self.publish_seconds = self.histogram(
            "codepix_publish_seconds",
            "Time until the broker had acknowledged what was published.",
            ("outcome",),
            WORK_SECONDS,
        )
        self.messages_received = self.counter(
            "codepix_messages_received_total", "Records read from Kafka, by the type in their header.", ("type",)
        )
        self.messages_sent = self.counter(
            "codepix_messages_sent_total", "Records that the broker has acknowledged.", ("type",)
        )
        self.transaction_seconds = self.histogram(
            "codepix_transaction_seconds",
            "Time of database transactions, including the wait for a connection.",
            ("outcome",),
            WORK_SECONDS,
        )
        self.resends = self.counter(
            "codepix_resends_total", "Retransmissions: transfers with a message sent again for want of an answer.", ()
        )
        self.duplicates = self.counter(
            "codepix_duplicates_total", "Duplicates: repeated messages that changed nothing.", ()
        )
        self.refusals = self.counter(
            "codepix_refusals_total", "Ignored messages: recorded in a history and not applied.", ()
        )
        self.stored = self.counter(
            "codepix_dead_letters_buried_total", "Records that became dead letters, including repeated ones.", ()
        )
        self.http_requests = self.counter(
            "codepix_http_requests_total", "HTTP requests answered.", ("method", "route", "status")
        )
        self.http_seconds = self.histogram(
            "codepix_http_request_seconds",
            "Time to answer an HTTP request, without event streams.",
            ("route",),
            WORK_SECONDS,
        )
        self.grpc_requests = self.counter(
            "codepix_grpc_requests_total", "gRPC calls that were answered.", ("method", "code")
        )
        self.grpc_seconds = self.histogram(
            "codepix_grpc_request_seconds", "Time to answer a gRPC call.", ("method",), WORK_SECONDS
        )
        self.grpc_calls = CallRecords(self.grpc_requests, self.grpc_seconds)
        self.hub_calls = self.counter(
            "codepix_hub_calls_total", "gRPC calls that this process made, as they ended here.", ("method", "code")
        )
        self.hub_call_seconds = self.histogram(
            "codepix_hub_call_seconds",
            "Time until a gRPC call made by this process was answered.",
            ("method",),
            WORK_SECONDS,
        )

    def histogram(
        self, name: str, documentation: str, label_names: Sequence[str], bounds: Sequence[float]
    ) -> BulkHistogram:
        made = BulkHistogram(name, documentation, label_names, bounds)
        self._families[name] = ("histogram", tuple(label_names), documentation)
        self.registry.register(made)
        return made

    def counter(self, name: str, documentation: str, label_names: Sequence[str]) -> BulkCounter:
        self._families[name] = ("counter", tuple(label_names), documentation)
        return BulkCounter(name, documentation, label_names, registry=self.registry)

    def gauges(
        self, families: Mapping[str, tuple[str, Sequence[str]]], read: Callable[[], Mapping[str, Samples] | None]
    ) -> None:
        self.registry.register(Gauges(families, read))
        self._families |= {
            name: ("gauge", tuple(label_names), documentation)
            for name, (documentation, label_names) in families.items()
        }

    def watch_pool(self, engine: Engine) -> None:
        pool = engine.pool
        assert isinstance(pool, QueuePool), "make_engine makes such a pool"
        self.gauges(
            {
                "codepix_database_connections": ("Connections of this process to its database.", ("state",)),
            },
            lambda: {
                "codepix_database_connections": {
                    ("in_use",): float(pool.checkedout()),
                    ("idle",): float(pool.checkedin()),
                    ("limit",): float(POOL_SIZE + POOL_OVERFLOW_MAX),
                }
            },
        )

    def watch_health(self, health: Health) -> None:
        parts = CachedReading("health", health.report, wait_seconds_max=2 * PROBE_SECONDS_MAX)
        self.gauges(
            {"codepix_part_up": ("1 when a part of the service works, 0 when it does not.", ("part",))},
            lambda: {
                "codepix_part_up": {(part,): float(state == "ok") for part, state in (parts.value() or {}).items()}
            },
        )

    def watch_lag(self, lag: Callable[[], int]) -> None:
        self.gauges(
            {
                "codepix_consumer_lag_records": (
                    "Consumer lag: records after the last batch in this process's partitions.",
                    (),
                )
            },
            lambda: {"codepix_consumer_lag_records": {(): float(lag())}},
        )

    def families(self) -> dict[str, tuple[str, tuple[str, ...], str]]:
        """Every metric of ours by name: its kind, its labels, and what it says."""
        return dict(self._families)

    def exposition(self) -> bytes:
        self.grpc_calls.count()
        return generate_latest(self.registry)
