"""The gRPC service of the network's virtual clock; a hub without one does not add it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

import grpc

from codepix.v1 import clock_pb2 as clock
from codepix.v1 import clock_pb2_grpc
from hub.application.network_clock import NetworkClockControl
from hub.application.use_cases import HubApplication
from hub.domain.bank import Bank
from hub.entrypoints.grpc.calls import answer
from pix.participant.clock.model import ClockReport
from pix.scheme.clock import VirtualTime

WATCHERS_MAX: Final = 80
"""Processes of banks that watch at the same time, each in a thread: four of each of twenty banks."""
LOOK_SECONDS: Final = 0.5
"""So often a stream sees whether its caller is gone."""


class ClockServicer(clock_pb2_grpc.ClockServiceServicer):
    """`codepix.v1.ClockService`: also for a bank that is suspended, which has the same time."""

    def __init__(self, application: HubApplication, control: NetworkClockControl) -> None:
        self._hub = application
        self._control = control
        self._places = threading.BoundedSemaphore(WATCHERS_MAX)

    def WatchClock(  # noqa: N802 - the contract's name
        self, request: clock.WatchClockRequest, context: grpc.ServicerContext
    ) -> Iterator[clock.VirtualTime]:
        answer(self._hub.authenticate_bank.even_suspended, lambda bank, _: bank, request, context)
        if not self._places.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"more than {WATCHERS_MAX} processes watch the clock")
        try:
            network = self._control.network
            time = network.time
            yield _to_wire(time)
            while context.is_active():
                later = network.wait_beyond(time.revision, LOOK_SECONDS)
                if later is not None:
                    time = later
                    yield _to_wire(time)
        finally:
            self._places.release()

    def ReportClock(  # noqa: N802 - the contract's name
        self, request: clock.ReportClockRequest, context: grpc.ServicerContext
    ) -> clock.ReportClockResponse:
        return answer(self._hub.authenticate_bank.even_suspended, self._report, request, context)

    def _report(self, bank: Bank, request: clock.ReportClockRequest) -> clock.ReportClockResponse:
        next_due_ms = request.next_due_ms if request.HasField("next_due_ms") else None
        report = ClockReport(request.instance, request.revision, tuple(request.open_ids), next_due_ms)
        self._control.report(bank.ispb, report)
        return clock.ReportClockResponse()


def _to_wire(time: VirtualTime) -> clock.VirtualTime:
    return clock.VirtualTime(revision=time.revision, anchor_ms=time.anchor_ms, offset_ms=time.offset_ms, rate=time.rate)
