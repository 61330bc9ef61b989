"""The telemetry of one process, as a composition root needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pix.messaging.batches import BatchHandler, RecordSink
from pix.participant.monitor import monitor_role
from pix.participant.process import Role
from pix.participant.settings import ServiceSettings
from pix.rpc.server import Watch
from pix.runtime.health import Health
from pix.telemetry.grpc_calls import ObservedClient, ObservedServer
from pix.telemetry.http import AsgiApplication, ObservedHttp
from pix.telemetry.metrics import Metrics
from pix.telemetry.records import MeasuredSink, measured_handler, naming_its_record, traced_handler
from pix.telemetry.traces import Tracing, open_tracing


class Telemetry:
    """Metrics always; traces when the settings say where they go."""

    def __init__(self, service: str, version: str, settings: ServiceSettings) -> None:
        """Opens the file of the traces if there is one. Raises OSError when it cannot be written."""
        self._settings = settings
        self.metrics = Metrics(service, version)
        self.tracing: Tracing | None = open_tracing(
            service, version, settings.otel_exporter_otlp_endpoint, settings.telemetry_traces
        )

    def handler(self, handle: BatchHandler) -> BatchHandler:
        handle = naming_its_record(handle)
        if self.tracing is not None:
            handle = traced_handler(handle, self.tracing)
        return measured_handler(handle, self.metrics)

    def sink(self, sink: RecordSink) -> RecordSink:
        return MeasuredSink(sink, self.metrics)

    def http(self, app: AsgiApplication, *, is_public: bool = False) -> AsgiApplication:
        """The application, measured and traced, with `/metrics` unless METRICS_PORT is set or it is for strangers."""
        serves_metrics = self._settings.metrics_port is None and not is_public
        return ObservedHttp(app, self.metrics, self.tracing, serves_metrics=serves_metrics)

    def grpc_server(self) -> Sequence[Watch]:
        return [ObservedServer(self.metrics, self.tracing).watch]

    def grpc_client(self) -> Sequence[Any]:
        return [ObservedClient(self.metrics, self.tracing)]

    def roles(self, health: Health) -> dict[str, Role]:
        """The port for metrics and health alone, if the settings name one."""
        if self._settings.metrics_port is None:
            return {}
        return {"monitor": monitor_role(self.metrics, health, self._settings.http_host, self._settings.metrics_port)}

    def close(self) -> None:
        if self.tracing is not None:
            self.tracing.close()
