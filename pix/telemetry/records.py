"""Metrics, spans and log context of records: wrappers of the batch handler and of the sink."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Final

from pix.messaging.batches import BatchHandler, Publication, RecordSink
from pix.messaging.log_context import about, id_of, name_of_id, traceparent_of
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.messages import MESSAGES_OF_BANKS, MESSAGES_OF_HUB
from pix.telemetry.metrics import Metrics
from pix.telemetry.traces import Span, SpanKind, Tracing
from pix.wire.record import HEADER_TRACEPARENT, HEADER_TYPE, Record

OK: Final = ("ok",)
FAILED: Final = ("failed",)
NO_DATABASE: Final = ("database_unavailable",)

TYPES_KNOWN: Final = frozenset(message.__name__ for message in MESSAGES_OF_BANKS | MESSAGES_OF_HUB)

SpansOfBatch = Mapping[str, Sequence[Span]]

_spans_of_batch: Final[ContextVar[SpansOfBatch]] = ContextVar("spans_of_batch", default={})  # noqa: B039 - never changed


def spans_of_batch() -> SpansOfBatch:
    """The spans of the current batch by end-to-end id; none without tracing."""
    return _spans_of_batch.get()


def _known_type(header: bytes) -> str:
    """The message type that a record claims, if it exists; else `unknown`, which bounds the number of series."""
    name = header.decode("ascii", "replace")
    return name if name in TYPES_KNOWN else "unknown"


def _types(records: Sequence[Record]) -> dict[tuple[str, ...], float]:
    by_type: dict[tuple[str, ...], float] = {}
    for header, count in Counter(record.headers.get(HEADER_TYPE, b"") for record in records).items():
        labels = (_known_type(header),)
        by_type[labels] = by_type.get(labels, 0.0) + count
    return by_type


def naming_its_record(handle: BatchHandler) -> BatchHandler:
    """A handler whose log lines name the transfer and the trace of a record that is processed alone."""

    def handle_batch(records: Sequence[Record]) -> Sequence[Record]:
        if len(records) != 1:
            return handle(records)
        with about(records[0]):
            return handle(records)

    return handle_batch


def measured_handler(handle: BatchHandler, metrics: Metrics) -> BatchHandler:
    """A handler that counts and times its batches."""

    def handle_batch(records: Sequence[Record]) -> Sequence[Record]:
        metrics.messages_received.add(_types(records))
        metrics.batch_records.observe({(): [float(len(records))]})
        started = time.perf_counter()
        outcome = FAILED
        try:
            outgoing = handle(records)
            outcome = OK
        except DatabaseUnavailable:
            outcome = NO_DATABASE
            raise
        finally:
            metrics.batch_seconds.observe({outcome: [time.perf_counter() - started]})
        return outgoing

    return handle_batch


def traced_handler(handle: BatchHandler, tracing: Tracing) -> BatchHandler:
    """A handler with a span for each message, whose parent is the span that sent it.

    What is sent in answer carries the span of the message that it answers, so the trace shows cause and effect. Rows
    keep the traceparent that the transfer came with: what is sent again later belongs to the same trace.
    """

    def handle_batch(records: Sequence[Record]) -> Sequence[Record]:
        spans: dict[str, list[Span]] = {}
        for record in records:
            spans.setdefault(id_of(record), []).append(_begin(tracing, record, len(records)))
        token = _spans_of_batch.set(spans)
        try:
            return [_following(record, spans) for record in handle(records)]
        except Exception as error:
            for span in (span for of_transfer in spans.values() for span in of_transfer):
                span.fail(f"{type(error).__name__}: {error}")
            raise
        finally:
            _spans_of_batch.reset(token)
            for span in (span for of_transfer in spans.values() for span in of_transfer):
                span.end()

    return handle_batch


def _begin(tracing: Tracing, record: Record, batch_size: int) -> Span:
    return tracing.start(
        f"process {_known_type(record.headers.get(HEADER_TYPE, b''))}",
        SpanKind.CONSUMER,
        traceparent_of(record),
        {
            f"codepix.{name_of_id(id_of(record))}": id_of(record),
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": record.topic,
            "messaging.destination.partition.id": str(record.partition),
            "messaging.kafka.offset": record.offset,
            "messaging.batch.message_count": batch_size,
        },
    )


def _following(record: Record, spans: SpansOfBatch) -> Record:
    """The record with the span of the last message about its transfer. Signatures do not cover the traceparent."""
    causes = spans.get(id_of(record))
    if not causes:
        return record
    return replace(record, headers={**record.headers, HEADER_TRACEPARENT: causes[-1].traceparent.encode()})


class MeasuredSink:
    def __init__(self, sink: RecordSink, metrics: Metrics) -> None:
        self._sink = sink
        self._metrics = metrics

    def publish(self, records: Sequence[Record]) -> None:
        self.begin(records).wait()

    def begin(self, records: Sequence[Record]) -> Publication:
        if not records:
            return self._sink.begin(records)
        started = time.perf_counter()
        try:
            publication = self._sink.begin(records)
        except Exception:
            self._metrics.publish_seconds.observe({FAILED: [time.perf_counter() - started]})
            raise
        return _MeasuredPublication(publication, self._metrics, _types(records), started)


class _MeasuredPublication:
    def __init__(
        self, publication: Publication, metrics: Metrics, types: dict[tuple[str, ...], float], started: float
    ) -> None:
        self._publication = publication
        self._metrics = metrics
        self._types = types
        self._started = started

    def wait(self) -> None:
        outcome = FAILED
        try:
            self._publication.wait()
            outcome = OK
        finally:
            self._metrics.publish_seconds.observe({outcome: [time.perf_counter() - self._started]})
        self._metrics.messages_sent.add(self._types)
