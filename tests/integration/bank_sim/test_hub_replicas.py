"""A bank asks every replica of the hub in turn, does without one that dies or hangs, and finds new ones by name."""

from __future__ import annotations

import inspect
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import grpc
import pytest

from bank_sim.adapters import hub_client
from bank_sim.adapters.hub_client import GrpcHub
from hub.adapters.memory.unit_of_work import HubStore, MemoryUnitsOfWork
from hub.application.use_cases import HubApplication
from hub.entrypoints.grpc.server import add_services
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.rpc.server import DEFAULT_LIMITS, GrpcLimits, serve_grpc
from pix.runtime.clock import SystemClock
from pix.runtime.health import Health
from pix.scheme.retransmission import RetransmissionPolicy
from tests.support.participants import compose_hub

AURORA_ISPB: Final = "00000001"
SECRET: Final = "a-secret-of-the-bank-001"
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
DEADLINE_SECONDS: Final = 30.0
CALLS: Final = 20
PACKET_BYTES_MAX: Final = 512
ADDRESS_RECORD, INTERNET = 1, 1
TIME_TO_LIVE_SECONDS: Final = 0


class NameServer:
    """Answers every question of DNS with the addresses that the hub has at the moment, as Docker's own does."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((FIRST, 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            packet, caller = self._socket.recvfrom(PACKET_BYTES_MAX)
            if not packet:
                return
            self._socket.sendto(self._answer(packet), caller)

    def _answer(self, packet: bytes) -> bytes:
        end_of_name = packet.index(b"\0", 12) + 1
        question = packet[12 : end_of_name + 4]
        (kind,) = struct.unpack_from("!H", packet, end_of_name)
        answers = [
            # The name is a pointer to that of the question.
            struct.pack("!HHHIH4s", 0xC00C, kind, INTERNET, TIME_TO_LIVE_SECONDS, 4, socket.inet_aton(address))
            for address in (self.addresses if kind == ADDRESS_RECORD else ())
        ]
        return packet[:2] + struct.pack("!HHHHH", 0x8180, 1, len(answers), 0, 0) + question + b"".join(answers)

    def close(self) -> None:
        """Ends."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", (FIRST, self.port))
        self._thread.join(DEADLINE_SECONDS)
        self._socket.close()


class Counting:
    """Counts what a replica is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def watch(self, _method: str, handler: Any) -> Any:
        """The handler, counted."""
        act = handler.unary_unary

        def answer(request: Any, context: Any) -> Any:
            self.calls += 1
            return act(request, context)

        async def answer_in_turns(request: Any, context: Any) -> Any:
            self.calls += 1
            return await act(request, context)

        return grpc.unary_unary_rpc_method_handler(
            answer_in_turns if inspect.iscoroutinefunction(act) else answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def listens(host: str, port: int) -> bool:
    """Whether anybody does."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


class Replica:
    """One process of the hub, in a thread."""

    def __init__(self, application: HubApplication, host: str, port: int, limits: GrpcLimits) -> None:
        self._counting = Counting()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=serve_grpc,
            args=(lambda server: add_services(server, application), host, port, self._stop, [self._counting.watch]),
            kwargs={"limits": limits},
        )
        self._thread.start()
        wait_until(lambda: listens(host, port), DEADLINE_SECONDS, "the replica to listen")

    @property
    def calls(self) -> int:
        """How many it was asked to answer."""
        return self._counting.calls

    def stop(self) -> None:
        """Ends it, with all of its connections."""
        self._stop.set()
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()


class Wire:
    """Carries what is said between the bank and a replica, until it is cut without a word to either."""

    def __init__(self, host: str, port: int, target_port: int) -> None:
        self._target_port = target_port
        self._listening = socket.create_server((host, port))
        self._ends: list[socket.socket] = []
        self._is_cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection((FIRST, self._target_port))
            self._ends += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if not self._is_cut.is_set():
                    sink.sendall(data)
        except OSError:
            return

    def cut(self) -> None:
        """From now on nothing arrives, and nobody is told."""
        self._is_cut.set()

    def close(self) -> None:
        """Ends every connection."""
        for each in (self._listening, *self._ends):
            each.close()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes, in reverse, what a test opens."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def application() -> HubApplication:
    """What the replicas have in common."""
    application = compose_hub(MemoryUnitsOfWork(HubStore()), SystemClock(), Health(), RetransmissionPolicy(), None)
    application.add_bank(code="001", name="Aurora", color="#5b2a86", secret=SECRET, settlement_funds_centavos=0)
    return application


def replica(
    opened: ExitStack, application: HubApplication, host: str, port: int, limits: GrpcLimits = DEFAULT_LIMITS
) -> Replica:
    started = Replica(application, host, port, limits)
    opened.callback(started.stop)
    return started


def bank(opened: ExitStack, names: NameServer, port: int) -> GrpcHub:
    opened.callback(names.close)
    client = GrpcHub(f"dns://{FIRST}:{names.port}/hub:{port}", AURORA_ISPB, SECRET)
    opened.callback(client.close)
    return client


def await_calls(client: GrpcHub, *replicas: Replica) -> None:
    """Asks until each of the replicas has been asked from now on."""
    before = [each.calls for each in replicas]

    def all_are_asked() -> bool:
        client.settlement_account()
        return all(each.calls > calls for each, calls in zip(replicas, before, strict=True))

    wait_until(all_are_asked, DEADLINE_SECONDS, "every replica to be asked")


def test_calls_are_spread_and_the_death_of_a_replica_refuses_nobody(
    opened: ExitStack, application: HubApplication
) -> None:
    port = free_port()
    first, second = (replica(opened, application, host, port) for host in (FIRST, SECOND))
    client = bank(opened, NameServer(FIRST, SECOND), port)
    await_calls(client, first, second)
    before = (first.calls, second.calls)
    for _ in range(CALLS):
        client.settlement_account()
    assert (first.calls - before[0], second.calls - before[1]) == (CALLS / 2, CALLS / 2)

    first.stop()
    before = (first.calls, second.calls)
    for _ in range(CALLS):
        client.settlement_account()
    assert (first.calls - before[0], second.calls - before[1]) == (0, CALLS)
    await_calls(client, replica(opened, application, FIRST, port), second)


def test_a_new_replica_is_found_by_the_name_once_a_connection_is_old(
    opened: ExitStack, application: HubApplication
) -> None:
    port = free_port()
    names = NameServer(FIRST)
    first = replica(opened, application, FIRST, port, GrpcLimits(connection_age_ms=1_000))
    client = bank(opened, names, port)
    await_calls(client, first)

    second = replica(opened, application, SECOND, port)
    names.addresses.append(SECOND)
    await_calls(client, first, second)

    names.addresses.remove(FIRST)
    first.stop()
    for _ in range(CALLS):
        client.settlement_account()


def test_a_replica_that_hangs_is_found_out_by_pings_and_left_out(
    opened: ExitStack, application: HubApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_client, "KEEPALIVE_MS", 1_000)
    monkeypatch.setattr(hub_client, "KEEPALIVE_ANSWER_MS_MAX", 500)
    limits = GrpcLimits(ping_interval_ms=500)
    port, hanging_port = free_port(), free_port()
    first = replica(opened, application, FIRST, port, limits)
    hanging = replica(opened, application, FIRST, hanging_port, limits)
    wire = Wire(SECOND, port, hanging_port)
    opened.callback(wire.close)
    client = bank(opened, NameServer(FIRST, SECOND), port)
    await_calls(client, first, hanging)

    wire.cut()

    def is_left_out() -> bool:
        before = first.calls
        asked = time.monotonic()
        for _ in range(CALLS):
            client.settlement_account()
        return first.calls - before == CALLS and time.monotonic() - asked < hub_client.CALL_SECONDS_MAX

    wait_until(is_left_out, DEADLINE_SECONDS, "the replica that hangs to be left out")
