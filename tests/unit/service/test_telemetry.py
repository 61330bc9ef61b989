"""Metrics, spans and the context of lines: what wraps does its work, and changes nothing of what it wraps."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pix.messaging.log_context import about
from pix.participant.monitor import CONNECTIONS_MAX, SCRAPES_MAX, monitor_role
from pix.runtime.addresses import http_url
from pix.runtime.health import Health
from pix.runtime.logs import configure_logs, logger
from pix.runtime.outages import DatabaseUnavailable, PublishFailed
from pix.runtime.sampled import Sampled
from pix.runtime.trace_context import checked_traceparent, current_traceparent, note_for_request, within_trace
from pix.telemetry.http import ObservedHttp
from pix.telemetry.metrics import Metrics
from pix.telemetry.records import MeasuredSink, measured_handler, naming_its_record, traced_handler
from pix.telemetry.traces import Tracing, open_tracing
from pix.web.client import new_http_client
from pix.wire.record import HEADER_TRACEPARENT, HEADER_TYPE, Record
from tests.support.ipv6 import needs_ipv6

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
ID = "E0000000120260921141300000000001"
DEADLINE_SECONDS = 10.0


def record(message_type: str = "TransferRequested", traceparent: str = "", key: str = ID) -> Record:
    headers = {HEADER_TYPE: message_type.encode()}
    if traceparent:
        headers[HEADER_TRACEPARENT] = traceparent.encode()
    return Record("topic", key.encode(), b"", headers)


def samples(metrics: Metrics) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in metrics.exposition().decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("service", "1")


# Metrics.


def test_calls_are_noted_one_by_one_and_all_of_them_counted_when_somebody_looks(metrics: Metrics) -> None:
    def call_often() -> None:
        for _ in range(1_001):
            metrics.grpc_calls.record("/a/b", "OK", 0.002)

    threads = [threading.Thread(target=call_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    metrics.grpc_calls.record("/a/b", "NOT_FOUND", 0.2)
    seen = samples(metrics)
    assert seen['codepix_grpc_requests_total{code="OK",method="/a/b"}'] == 4_004
    assert seen['codepix_grpc_requests_total{code="NOT_FOUND",method="/a/b"}'] == 1
    assert seen['codepix_grpc_request_seconds_bucket{le="0.0025",method="/a/b"}'] == 4_004
    assert seen['codepix_grpc_request_seconds_count{method="/a/b"}'] == 4_005


def test_many_values_at_once_fall_into_their_buckets(metrics: Metrics) -> None:
    histogram = metrics.histogram("codepix_test_seconds", "Time.", ("step",), (0.1, 1.0))
    histogram.observe({("a",): [0.05, 0.1, 0.5], ("b",): [7.0]})
    histogram.observe({("a",): [2.0]})
    found = samples(metrics)
    assert [found[f'codepix_test_seconds_bucket{{le="{le}",step="a"}}'] for le in ("0.1", "1.0", "+Inf")] == [2, 3, 4]
    assert found['codepix_test_seconds_count{step="a"}'] == 4
    assert found['codepix_test_seconds_sum{step="a"}'] == pytest.approx(2.65)
    assert found['codepix_test_seconds_bucket{le="1.0",step="b"}'] == 0


def test_a_counter_without_labels_is_there_from_the_start(metrics: Metrics) -> None:
    assert samples(metrics)["codepix_resends_total"] == 0
    metrics.resends.add({(): 2.0})
    metrics.resends.add({(): 1.0})
    assert samples(metrics)["codepix_resends_total"] == 3


def test_gauges_without_a_value_are_left_out(metrics: Metrics) -> None:
    metrics.gauges({"codepix_test": ("A gauge.", ("of",))}, lambda: None)
    assert "# TYPE codepix_test gauge" in metrics.exposition().decode()
    assert not any(name.startswith("codepix_test") for name in samples(metrics))


def test_what_hangs_is_not_waited_for_and_is_asked_once() -> None:
    release, asked = threading.Event(), []

    def read() -> int:
        asked.append(1)
        release.wait(DEADLINE_SECONDS)
        return 7

    sampled = Sampled("slow", read, age_seconds_max=60, wait_seconds_max=0.01)
    assert sampled.value() is None
    assert sampled.value() is None
    release.set()
    assert sampled.value(DEADLINE_SECONDS) == 7
    assert sampled.value() == 7
    assert asked == [1]


def test_what_cannot_be_read_has_no_value() -> None:
    def read() -> int:
        raise DatabaseUnavailable("gone")

    assert Sampled("gone", read).value() is None


def test_health_names_a_probe_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pix.runtime.health.PROBE_SECONDS_MAX", 0.01)
    health, release = Health(), threading.Event()
    health.add_probe("database", lambda: str(release.wait(DEADLINE_SECONDS)))
    assert health.report() == {"database": "no answer within 0.01 s"}
    release.set()


# Batches.


def test_a_batch_is_counted_by_type_and_by_its_end(metrics: Metrics) -> None:
    handle = measured_handler(list, metrics)
    batch = [record(), record(), record("TransferAccepted"), record("Forged")]
    assert handle(batch) == batch
    found = samples(metrics)
    assert found['codepix_messages_received_total{type="TransferRequested"}'] == 2
    assert found['codepix_messages_received_total{type="unknown"}'] == 1
    assert found['codepix_batch_seconds_count{outcome="ok"}'] == 1
    assert found["codepix_batch_records_sum"] == 4


@pytest.mark.parametrize(
    ("error", "outcome"), [(DatabaseUnavailable("gone"), "database_unavailable"), (ValueError("no"), "failed")]
)
def test_a_batch_that_fails_is_counted_and_fails(metrics: Metrics, error: Exception, outcome: str) -> None:
    def fails(_: Sequence[Record]) -> Sequence[Record]:
        raise error

    with pytest.raises(type(error)):
        measured_handler(fails, metrics)([record()])
    assert samples(metrics)[f'codepix_batch_seconds_count{{outcome="{outcome}"}}'] == 1


def test_only_what_the_broker_took_counts_as_sent(metrics: Metrics) -> None:
    class Sink:
        failure: Exception | None = None

        def publish(self, records: Sequence[Record]) -> None:
            self.begin(records).wait()

        def begin(self, records: Sequence[Record]) -> Sink:
            return self

        def wait(self) -> None:
            if self.failure:
                raise self.failure

    sink = Sink()
    measured = MeasuredSink(sink, metrics)
    measured.publish([])
    measured.publish([record(), record()])
    sink.failure = PublishFailed("no")
    with pytest.raises(PublishFailed):
        measured.publish([record()])
    found = samples(metrics)
    assert found['codepix_messages_sent_total{type="TransferRequested"}'] == 2
    assert found['codepix_publish_seconds_count{outcome="ok"}'] == 1
    assert found['codepix_publish_seconds_count{outcome="failed"}'] == 1


# Traces.


@contextmanager
def traced(file: Path) -> Iterator[tuple[Tracing, list[dict[str, Any]]]]:
    """Tracing into a file, and the spans in the order of their end once the block is over."""
    tracing = open_tracing("service", "1", "", f"file:{file}")
    assert tracing is not None
    spans: list[dict[str, Any]] = []
    yield tracing, spans
    tracing.close()
    spans += [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_nothing_is_traced_unless_somebody_says_where_to() -> None:
    assert open_tracing("service", "1", "", "") is None


def test_the_answer_follows_the_message_that_it_answers(tmp_path: Path) -> None:
    other = "E0000000120260921141300000000002"
    with traced(tmp_path / "spans") as (tracing, spans):
        handle = traced_handler(
            lambda _: [record("TransferOffered"), record("TransferOffered", key="nobody's")], tracing
        )
        incoming = [record(traceparent=PARENT), record(key=other, traceparent="rubbish")]
        answer, unrelated = handle(incoming)
        assert incoming[0].headers[HEADER_TRACEPARENT] == PARENT.encode(), "what came is left as it is"
    first, second = sorted(spans, key=lambda span: str(span["attributes"]["codepix.end_to_end_id"]))
    assert answer.headers[HEADER_TRACEPARENT] == f"00-{TRACE_ID}-{first['context']['span_id'][2:]}-01".encode()
    assert HEADER_TRACEPARENT not in unrelated.headers
    assert (first["name"], first["parent_id"]) == ("process TransferRequested", "0x00f067aa0ba902b7")
    assert second["parent_id"] is None and second["context"]["trace_id"] != f"0x{TRACE_ID}"


def test_a_batch_that_fails_fails_its_spans(tmp_path: Path) -> None:
    def fails(_: Sequence[Record]) -> Sequence[Record]:
        raise DatabaseUnavailable("gone")

    with traced(tmp_path / "spans") as (tracing, spans), pytest.raises(DatabaseUnavailable):
        traced_handler(fails, tracing)([record(traceparent=PARENT)])
    assert [span["status"] for span in spans] == [{"status_code": "ERROR", "description": "DatabaseUnavailable: gone"}]


def test_who_asks_not_to_be_sampled_is_not(tmp_path: Path) -> None:
    with traced(tmp_path / "spans") as (tracing, spans):
        (answer,) = traced_handler(list, tracing)([record(traceparent=f"{PARENT[:-2]}00")])
        assert answer.headers[HEADER_TRACEPARENT].startswith(f"00-{TRACE_ID}-".encode())
        assert answer.headers[HEADER_TRACEPARENT].endswith(b"-00")
    assert spans == []


@pytest.mark.parametrize(
    "text", ["", "00-1-2-01", PARENT.upper(), PARENT + "0", f"ff{PARENT[2:]}", PARENT.replace("4", "g")]
)
def test_only_a_traceparent_is_one(text: str) -> None:
    assert checked_traceparent(text) == ""
    assert checked_traceparent(PARENT) == PARENT


# The log.


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs("service", "DEBUG", as_json=True)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def last(lines: io.StringIO) -> dict[str, Any]:
    return dict(json.loads(lines.getvalue().splitlines()[-1]))


def test_a_line_names_service_transfer_and_trace_in_any_thread(lines: io.StringIO) -> None:
    def work() -> None:
        with about(record(traceparent=PARENT)):
            logger("test").info("inside")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    inside = last(lines)
    assert (inside["service"], inside["end_to_end_id"], inside["trace_id"]) == ("service", ID, TRACE_ID)
    logger("test").info("outside")
    assert not {"end_to_end_id", "trace_id"} & last(lines).keys()


def test_a_record_treated_alone_is_named_and_a_batch_is_not(lines: io.StringIO) -> None:
    def handle(records: Sequence[Record]) -> Sequence[Record]:
        logger("test").info("treated")
        return records

    naming_its_record(handle)([record()])
    assert last(lines)["end_to_end_id"] == ID
    naming_its_record(handle)([record(), record()])
    assert "end_to_end_id" not in last(lines)


# HTTP.


def site(metrics: Metrics, tracing: Tracing | None = None, *, serves_metrics: bool = True) -> TestClient:
    def show(request: Any) -> Response:
        note_for_request("end_to_end_id", ID)
        return PlainTextResponse(current_traceparent())

    def fail(request: Any) -> Response:
        raise ValueError("no")

    app = Starlette(routes=[Route("/things/{name}", show), Route("/fail", fail)])
    return TestClient(ObservedHttp(app, metrics, tracing, serves_metrics=serves_metrics), raise_server_exceptions=False)


def answer_of(client: TestClient, path: str, **headers: str) -> httpx2.Response:
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_trace_from_outside_goes_through_though_nobody_traces(metrics: Metrics) -> None:
    with site(metrics) as client:
        assert answer_of(client, "/things/one", traceparent=PARENT).text == PARENT
        assert answer_of(client, "/things/one", traceparent="rubbish").text == ""


def test_requests_have_an_id_of_their_own_or_a_sane_one_of_the_callers(metrics: Metrics) -> None:
    with site(metrics) as client:
        assert answer_of(client, "/things/one", x_request_id="mine-1").headers["x-request-id"] == "mine-1"
        assert len(answer_of(client, "/things/one", x_request_id="a b\x7f").headers["x-request-id"]) == 32


def test_an_error_of_ours_counts_as_one_and_fails_its_span(metrics: Metrics, tmp_path: Path) -> None:
    with traced(tmp_path / "spans") as (tracing, spans), site(metrics, tracing) as client:
        assert answer_of(client, "/fail").status_code == 500
        assert answer_of(client, "/things/one").status_code == 200
        assert answer_of(client, "/things/one", accept="text/event-stream").status_code == 200
    assert [(span["status"]["status_code"], span["attributes"]["http.response.status_code"]) for span in spans] == [
        ("ERROR", 500),
        ("UNSET", 200),
    ]
    assert spans[1]["attributes"]["codepix.end_to_end_id"] == ID
    assert sum(value for name, value in samples(metrics).items() if 'status="500"' in name) == 1


def test_metrics_may_be_kept_from_the_port_of_the_users(metrics: Metrics) -> None:
    with site(metrics) as client:
        assert "codepix_service" in answer_of(client, "/metrics").text
    with site(metrics, serves_metrics=False) as client:
        assert answer_of(client, "/metrics").status_code == 404


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_a_port_of_its_own_shows_metrics_and_health(metrics: Metrics, host: str) -> None:
    from lab.network.parts.ports import free_port

    health, stop, port = Health(), threading.Event(), free_port()
    health.trouble("consumer", "starting")
    thread = threading.Thread(target=monitor_role(metrics, health, host, port), args=(stop,), daemon=True)
    thread.start()
    with new_http_client(base_url=http_url(host, port), transport=httpx.HTTPTransport(retries=5)) as client:
        assert "codepix_service" in client.get("/metrics").text
        assert client.get("/health/live").status_code == 200
        unready = client.get("/health/ready")
        assert (unready.status_code, unready.json()["parts"]) == (503, {"consumer": "starting"})
        health.ok("consumer")
        assert client.get("/health/ready").status_code == 200
        assert client.get("/elsewhere").status_code == 404
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


@contextmanager
def monitor(metrics: Metrics, health: Health) -> Iterator[int]:
    """The port of one that listens."""
    from lab.network.parts.ports import free_port

    stop, port = threading.Event(), free_port()
    thread = threading.Thread(target=monitor_role(metrics, health, "127.0.0.1", port), args=(stop,), daemon=True)
    thread.start()
    with new_http_client(transport=httpx.HTTPTransport(retries=5)) as client:
        assert client.get(f"http://127.0.0.1:{port}/health/live").is_success
    yield port
    stop.set()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_silent_callers_hold_few_threads_of_the_port_and_block_no_other(metrics: Metrics) -> None:
    threads_before = threading.active_count()
    with monitor(metrics, Health()) as port, ExitStack() as stack, new_http_client() as client:
        for _ in range(4 * CONNECTIONS_MAX):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS))
            assert threading.active_count() <= threads_before + CONNECTIONS_MAX + 3
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert client.get(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE_SECONDS).status_code == 200, path


def test_scrapes_that_hang_do_not_block_the_health_of_the_port(metrics: Metrics) -> None:
    reached, opened = threading.Semaphore(0), threading.Event()

    class Hanging(Collector):
        def describe(self) -> list[Any]:
            return []

        def collect(self) -> list[Any]:
            reached.release()
            assert opened.wait(DEADLINE_SECONDS)
            return []

    metrics.registry.register(Hanging())
    with (
        monitor(metrics, Health()) as port,
        ExitStack() as stack,
        new_http_client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_SECONDS) as client,
    ):
        for _ in range(SCRAPES_MAX):
            scrape = stack.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS))
            scrape.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert reached.acquire(timeout=DEADLINE_SECONDS)
        assert client.get("/metrics").status_code == 503
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 200
        opened.set()


def test_a_block_within_a_trace_ends_with_it() -> None:
    with within_trace(PARENT):
        assert current_traceparent() == PARENT
    assert current_traceparent() == ""
