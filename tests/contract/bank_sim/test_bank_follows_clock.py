"""A bank follows the hub's clock over gRPC, with either kind of server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bank_sim.adapters.hub_client import GrpcHub
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.errors import ClockNotVirtual, HubCredentialsRejected, HubUnavailable
from hub.entrypoints.grpc.clock import WATCHERS_MAX
from hub.entrypoints.grpc.server import add_services
from lab.network.parts.ports import free_port
from pix.participant.clock.model import ClockReport
from pix.participant.clock.roles import ReportClock, WatchClock
from pix.rpc.kinds import GrpcServerKind
from pix.rpc.server import serve_grpc
from pix.scheme.errors import SchemeError
from tests.support.banks import BANKS
from tests.support.clock import NOON_MS, TurnedClock
from tests.support.village import Village

DEADLINE_SECONDS = 20.0
DAY_MS = 86_400_000
AURORA = BANKS[0]
SECRET = f"the secret of the bank {AURORA.code}"

Serve = Callable[[Village], GrpcHub]


@pytest.fixture(params=list(GrpcServerKind))
def serve(request: pytest.FixtureRequest) -> Iterator[Serve]:
    stop = threading.Event()
    with ExitStack() as afterwards:

        def start(village: Village, secret: str = SECRET) -> GrpcHub:
            port = free_port()
            thread = threading.Thread(
                target=serve_grpc,
                args=(lambda server: add_services(server, village.hub), "127.0.0.1", port, stop),
                kwargs={"kind": request.param, "more_streams": WATCHERS_MAX},
            )
            thread.start()
            afterwards.callback(thread.join, DEADLINE_SECONDS)
            client = GrpcHub(f"127.0.0.1:{port}", AURORA.ispb, secret)
            afterwards.callback(client.close)
            return client

        afterwards.callback(stop.set)
        yield start
        stop.set()


@pytest.fixture
def village() -> Village:
    return Village(BANKS, TurnedClock(), is_virtual=True)


def first(client: GrpcHub) -> Any:
    """The first revision of a stream, once the server is up."""
    for _ in range(100):
        try:
            return next(client.watch_clock("one", threading.Event()))
        except HubUnavailable:
            threading.Event().wait(0.1)
    raise AssertionError("the hub does not answer")


def test_a_bank_gets_each_revision_and_stores_it(serve: Serve, village: Village) -> None:
    client = serve(village)
    assert first(client).revision == 0
    bank: BankApplication = village.banks[AURORA.code]
    control = village.hub.network_clock
    assert bank.follow_clock is not None and bank.read_clock_report is not None and control is not None
    moved, stop = threading.Event(), threading.Event()
    watch = WatchClock(bank.follow_clock, lambda stop: client.watch_clock("one", stop), moved)
    report = ReportClock(bank.read_clock_report, client.report_clock, moved)
    threads = [threading.Thread(target=each.run, args=(stop,)) for each in (watch, report)]
    for thread in threads:
        thread.start()
    try:
        control.set_rate(60)
        clock = bank.follow_clock.clock
        assert clock.wait_beyond(0, DEADLINE_SECONDS) is not None
        control.set_rate(1)
        assert clock.wait_beyond(1, DEADLINE_SECONDS) is not None
    finally:
        stop.set()
        # Ends the stream, which waits for the next revision.
        control.set_rate(2)
        moved.set()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
    with village.units[AURORA.code]() as unit:
        assert unit.clock.read().revision >= 2


def test_a_report_reaches_the_hub_and_a_wrong_one_is_refused(serve: Serve, village: Village) -> None:
    client = serve(village)
    first(client)
    client.report_clock(ClockReport("one", 0, ("E1 outgoing",), NOON_MS + DAY_MS))
    control = village.hub.network_clock
    assert control is not None
    seen = control.show()
    assert [each.due_ms for each in seen.due] == [NOON_MS + DAY_MS] and seen.open == (f"{AURORA.code} E1 outgoing",)
    with pytest.raises(SchemeError) as refused:
        client.report_clock(ClockReport("x" * 41, 0))
    assert refused.value.field == "instance"


def test_a_hub_without_a_virtual_clock_has_no_such_service(serve: Serve) -> None:
    with pytest.raises(ClockNotVirtual):
        first(serve(Village(BANKS, TurnedClock())))


def test_a_stranger_watches_nothing(serve: Any, village: Village) -> None:
    with pytest.raises(HubCredentialsRejected):
        first(serve(village, "no such secret of a bank"))
