"""The gRPC server under callers and handlers that do not behave: everybody else is answered, and it ends in order."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from codepix.v1 import directory_pb2 as directory
from codepix.v1 import directory_pb2_grpc
from lab.network.parts.ports import LOOPBACK, free_port
from lab.network.parts.process import wait_until
from pix.rpc.calls import EXPECTED
from pix.rpc.client import open_channel
from pix.rpc.fit import why_core_does_not_fit
from pix.rpc.server import DEFAULT_LIMITS, STREAM_THREADS, THREADS, GrpcLimits, serve_grpc
from pix.rpc.turns import RunOn, wait_for
from pix.runtime.addresses import CannotListen, join_host_port, reachable_host, split_host_port
from tests.support.channels import TRIES_AT_ONCE
from tests.support.ipv6 import needs_ipv6

DEADLINE_SECONDS = 20
CALLS = 200
SERVICE = directory.DESCRIPTOR.services_by_name["DirectoryService"].full_name


class Gate:
    """Holds coroutines and threads until the test opens it."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self._opened = threading.Event()
        self._waiting: list[RunOn] = []

    def begin(self, run_on: RunOn) -> None:
        """A coroutine waits."""
        self._waiting.append(run_on)
        self.reached.release()

    def pass_through(self) -> None:
        """A thread waits."""
        self.reached.release()
        assert self._opened.wait(DEADLINE_SECONDS)

    def open(self) -> None:
        """Everybody may go on."""
        self._opened.set()
        for run_on in self._waiting:
            run_on(None, None)


class PeriodicTasks:
    """What coroutines leave for the thread that takes the calls: it is done after some looks at it."""

    def __init__(self) -> None:
        self._left: list[tuple[RunOn, int]] = []
        self.looks = 5
        self.seen_idle = False
        self.reached = threading.Semaphore(0)

    def begin(self, run_on: RunOn) -> None:
        """A coroutine waits."""
        self._left.append((run_on, self.looks))
        self.reached.release()

    def go_on(self, *, is_idle: bool) -> bool:
        """Looks at each."""
        self.seen_idle |= is_idle
        done = [run_on for run_on, looks in self._left if looks == 0]
        self._left = [(run_on, looks - 1) for run_on, looks in self._left if looks]
        for run_on in done:
            run_on(None, None)
        return bool(self._left)

    def wait(self, seconds: float) -> None:
        """Nothing comes sooner."""
        threading.Event().wait(seconds)


class Handlers(directory_pb2_grpc.DirectoryServiceServicer):
    """`FindKey` is a coroutine and `ListKeys` a plain function; what is asked for says what happens."""

    def __init__(self, gate: Gate, tasks: PeriodicTasks) -> None:
        self._gate = gate
        self._tasks = tasks

    async def FindKey(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answers with the key as the name."""
        if request.key.key == "fail":
            raise OSError("a secret of the database")
        if request.key.key == "nonsense":
            return "no message at all"
        if request.key.key == "abort":
            context.abort(grpc.StatusCode.NOT_FOUND, "não há", (("codepix-field", "key"), ("owner-bin", b"\xc3\xa3")))
        if request.key.key == "wait":
            await wait_for(self._gate)
        if request.key.key.startswith("errand"):
            await wait_for(self._tasks)
        return directory.FindKeyResponse(holder_name=request.key.key)

    def RegisterKey(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nobody calls it."""

    def RemoveKey(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nobody calls it."""

    def ListKeys(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answers with the branch as the token."""
        if request.branch == "fail":
            raise OSError("a secret of the database")
        if request.branch == "abort":
            context.set_trailing_metadata((("codepix-field", "branch"),))
            context.abort(grpc.StatusCode.NOT_FOUND, "não há")
        if request.branch == "wait":
            self._gate.pass_through()
        return directory.ListKeysResponse(next_page_token=request.branch)


class Served:
    """The server in a thread, and a channel to it."""

    def __init__(self, host: str = LOOPBACK, limits: GrpcLimits = DEFAULT_LIMITS) -> None:
        self.gate = Gate()
        self.tasks = PeriodicTasks()
        port = free_port()
        self.address = join_host_port(reachable_host(host), port)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=serve_grpc, args=(self._add, host, port, self.stop, (), None, limits))
        self.thread.start()
        self.channel: Any = open_channel(self.address, TRIES_AT_ONCE)
        grpc.channel_ready_future(self.channel).result(DEADLINE_SECONDS)
        self.stub = directory_pb2_grpc.DirectoryServiceStub(self.channel)

    def _add(self, server: Any) -> Sequence[str]:
        directory_pb2_grpc.add_DirectoryServiceServicer_to_server(Handlers(self.gate, self.tasks), server)
        server.add_task(self.tasks)
        return [SERVICE]

    def find(self, key: str, seconds: float = DEADLINE_SECONDS) -> str:
        """By the coroutine."""
        request = directory.FindKeyRequest()
        request.key.key = key
        return self.stub.FindKey(request, timeout=seconds).holder_name

    def list(self, branch: str, seconds: float = DEADLINE_SECONDS) -> str:
        """By the plain function."""
        return self.stub.ListKeys(directory.ListKeysRequest(branch=branch), timeout=seconds).next_page_token

    def ends(self) -> bool:
        """Whether it ends when it is told to."""
        self.stop.set()
        self.thread.join(DEADLINE_SECONDS)
        return not self.thread.is_alive()


def turns_of_grpcs_own_threads(pid: int) -> int:
    """How often they have had a turn, as the kernel counts it."""
    turns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "event_engine":
            turns += int((task / "status").read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return turns


@pytest.fixture
def served() -> Iterator[Served]:
    """A server, which must end in the end."""
    server = Served()
    yield server
    server.gate.open()
    server.channel.close()
    assert server.ends()


Ask = Callable[[Served, str], str]
BOTH = pytest.mark.parametrize("ask", [Served.find, Served.list], ids=["coroutine", "function"])


@pytest.mark.parametrize(
    "host", [pytest.param("::1", marks=needs_ipv6), pytest.param("::", marks=needs_ipv6), "0.0.0.0", "localhost"]
)
def test_it_listens_on_every_kind_of_address(host: str) -> None:
    server = Served(host)
    assert server.find("again") == "again"
    server.channel.close()
    assert server.ends()


def test_it_says_why_it_cannot_listen(served: Served) -> None:
    port = split_host_port(served.address)[1]
    stop = threading.Event()
    with pytest.raises(CannotListen, match=rf"^GRPC_PORT: cannot listen on {served.address}: Address already in use$"):
        serve_grpc(lambda _server: [], LOOPBACK, port, stop)
    # Of the addresses for documentation (RFC 5737), which no machine has.
    with pytest.raises(CannotListen, match=r"^GRPC_HOST: cannot listen on 192\.0\.2\.1:\d+: (?!Address already)"):
        serve_grpc(lambda _server: [], "192.0.2.1", port, stop)


@BOTH
def test_a_handler_that_fails_fails_its_call_alone_and_tells_nothing_of_the_inside(served: Served, ask: Ask) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        ask(served, "fail")
    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.UNKNOWN, "the call failed")
    assert ask(served, "again") == "again"


@BOTH
def test_an_abort_tells_the_code_the_reason_and_what_goes_with_it(served: Served, ask: Ask) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        ask(served, "abort")
    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.NOT_FOUND, "não há")
    trailer: Any = refused.value.trailing_metadata()
    assert dict(trailer)["codepix-field"] in ("key", "branch")


def test_an_answer_that_is_no_message_fails_its_call_alone(served: Served) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        served.find("nonsense")
    assert refused.value.code() is grpc.StatusCode.UNKNOWN
    assert served.find("again") == "again"


def test_a_request_that_cannot_be_read_is_refused(served: Served) -> None:
    call = served.channel.unary_unary(f"/{SERVICE}/FindKey")
    with pytest.raises(grpc.RpcError) as refused:
        call(b"\xff\xff\xff", timeout=DEADLINE_SECONDS)
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert "Protobuf" in str(refused.value.details())
    assert served.find("again") == "again"


def test_a_method_that_is_not_there_is_said_to_be_unknown(served: Served) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        served.channel.unary_unary(f"/{SERVICE}/Nothing")(b"", timeout=DEADLINE_SECONDS)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@BOTH
def test_more_callers_than_are_expected_are_all_answered(served: Served, ask: Ask) -> None:
    names = [str(number) for number in range(EXPECTED * 12)]
    with ThreadPoolExecutor(EXPECTED * 4) as callers:
        assert list(callers.map(lambda name: ask(served, name), names)) == names


def test_errands_are_gone_on_while_nobody_calls_and_while_many_do(served: Served) -> None:
    assert served.find("errand alone") == "errand alone"
    assert served.tasks.seen_idle
    names = [f"{'errand' if number % 3 else 'call'} {number}" for number in range(300)]
    with ThreadPoolExecutor(32) as callers:
        assert list(callers.map(served.find, names)) == names


def test_an_errand_under_way_keeps_the_server_neither_from_answering_nor_from_stopping(served: Served) -> None:
    served.tasks.looks = 300
    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(served.find, "errand")
        assert served.tasks.reached.acquire(timeout=DEADLINE_SECONDS)
        assert served.find("call") == "call"
        served.stop.set()
        assert waiting.result(DEADLINE_SECONDS) == "errand"
    served.thread.join(DEADLINE_SECONDS)
    assert not served.thread.is_alive()


def test_the_hubs_server_reads_its_connections_in_the_thread_that_takes_the_calls() -> None:
    program = (
        "import hub.entrypoints.grpc.server, sys, threading\n"
        "from loadtest.bench.empty_server import add_services\n"
        "from pix.rpc.server import serve_grpc\n"
        "serve_grpc(add_services, sys.argv[1], int(sys.argv[2]), threading.Event())\n"
    )
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_EXPERIMENTS"}
    with subprocess.Popen([sys.executable, "-c", program, LOOPBACK, str(port)], env=environment) as server:
        try:
            with open_channel(join_host_port(LOOPBACK, port), TRIES_AT_ONCE) as channel:
                grpc.channel_ready_future(channel).result(DEADLINE_SECONDS)
                stub = directory_pb2_grpc.DirectoryServiceStub(channel)
                before = turns_of_grpcs_own_threads(server.pid)
                for _ in range(CALLS):
                    stub.FindKey(directory.FindKeyRequest(), timeout=DEADLINE_SECONDS)
                assert turns_of_grpcs_own_threads(server.pid) - before < CALLS / 2
        finally:
            server.kill()


@contextmanager
def serving(limits: GrpcLimits) -> Iterator[Served]:
    """A server with these limits, which must end in the end."""
    server = Served(limits=limits)
    try:
        yield server
    finally:
        server.gate.open()
        server.channel.close()
        assert server.ends()


def silent_callers(server: Served, count: int, stack: ExitStack) -> list[socket.socket]:
    """Connections that say nothing."""
    place = split_host_port(server.address)
    return [stack.enter_context(socket.create_connection(place, DEADLINE_SECONDS)) for _ in range(count)]


def is_closed(caller: socket.socket) -> bool:
    """Whether the server ends the connection before the test's patience does."""
    with suppress(ConnectionResetError):
        while caller.recv(65_536):
            pass
    return True


def test_so_many_connections_are_taken_and_a_call_on_one_of_them_is_answered() -> None:
    patient = GrpcLimits(connections=5, handshake_ms=3_600_000)
    with serving(patient) as server, ExitStack() as stack:
        callers = silent_callers(server, 20, stack)
        readable: list[socket.socket] = []

        def closed() -> int:
            readable[:] = [caller for caller in callers if has_ended(caller)]
            return len(readable)

        wait_until(lambda: closed() >= 20 - patient.connections, DEADLINE_SECONDS, "the others to be closed")
        assert server.find("again") == "again"


def has_ended(caller: socket.socket) -> bool:
    """Whether the server has closed the connection by now."""
    caller.setblocking(False)
    try:
        while caller.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return True


def test_a_connection_that_says_nothing_is_closed() -> None:
    with serving(GrpcLimits(handshake_ms=300)) as server, ExitStack() as stack:
        assert all(is_closed(caller) for caller in silent_callers(server, 3, stack))
        assert server.find("again") == "again"


def test_a_caller_whose_machine_answers_no_ping_is_let_go() -> None:
    with serving(GrpcLimits(keepalive_ms=300, keepalive_answer_ms=300)) as server, ExitStack() as stack:
        (caller,) = silent_callers(server, 1, stack)
        # HTTP/2's greeting and empty settings (RFC 9113, section 3.4): then nothing, not even to a ping.
        caller.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))
        assert is_closed(caller)
        assert server.find("again") == "again"


def test_calls_beyond_the_limit_of_a_connection_wait_for_their_turn() -> None:
    with serving(GrpcLimits(streams_per_connection=2)) as server, ThreadPoolExecutor(5) as callers:
        waiting = [callers.submit(server.list, "wait") for _ in range(2)]
        for _ in waiting:
            assert server.gate.reached.acquire(timeout=DEADLINE_SECONDS)
        with pytest.raises(grpc.RpcError) as given_up:
            server.find("third", 0.3)
        assert given_up.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        server.gate.open()
        assert [call.result(DEADLINE_SECONDS) for call in waiting] == ["wait", "wait"]


def test_a_request_that_is_too_large_is_refused_and_the_next_is_answered() -> None:
    with serving(GrpcLimits(message_bytes=1_000)) as server:
        with pytest.raises(grpc.RpcError) as refused:
            server.find("x" * 1_001)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert server.find("again") == "again"


def test_a_call_without_a_time_of_its_own_ends() -> None:
    with serving(DEFAULT_LIMITS) as server, open_channel(server.address, call_seconds_max=0.5) as channel:
        request = directory.FindKeyRequest()
        request.key.key = "wait"
        with pytest.raises(grpc.RpcError) as given_up:
            directory_pb2_grpc.DirectoryServiceStub(channel).FindKey(request)
        assert given_up.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@BOTH
def test_who_hangs_up_is_forgotten(served: Served, ask: Any) -> None:
    with pytest.raises(grpc.RpcError) as given_up:
        ask(served, "wait", 0.3)
    assert given_up.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert served.gate.reached.acquire(timeout=DEADLINE_SECONDS)
    served.gate.open()
    assert ask(served, "again") == "again"


@BOTH
def test_a_call_under_way_is_answered_when_the_server_is_told_to_stop(served: Served, ask: Ask) -> None:
    with ThreadPoolExecutor(1) as callers:
        under_way = callers.submit(ask, served, "wait")
        assert served.gate.reached.acquire(timeout=DEADLINE_SECONDS)
        served.stop.set()
        served.gate.open()
        assert under_way.result(DEADLINE_SECONDS) == "wait"
    assert served.ends()
    with pytest.raises(grpc.RpcError) as refused:
        ask(served, "too late")
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_call_that_never_ends_does_not_keep_the_server_from_stopping(served: Served) -> None:
    with ThreadPoolExecutor(1) as callers:
        under_way = callers.submit(served.find, "wait")
        assert served.gate.reached.acquire(timeout=DEADLINE_SECONDS)
        assert served.ends()
        with pytest.raises(grpc.RpcError):
            under_way.result(DEADLINE_SECONDS)


def test_who_begins_calls_and_never_sends_the_request_keeps_nobody_waiting(served: Served) -> None:
    never = threading.Event()

    def nothing() -> Iterator[bytes]:
        never.wait(DEADLINE_SECONDS)
        yield from ()

    begun = [served.channel.stream_unary(f"/{SERVICE}/ListKeys").future(nothing()) for _ in range(THREADS * 3)]
    assert [served.list("a"), served.find("b")] == ["a", "b"]
    for call in begun:
        call.cancel()
    never.set()
    assert [served.list("c"), served.find("d")] == ["c", "d"]


def test_who_holds_streams_keeps_nobody_from_calls(served: Served) -> None:
    never = threading.Event()

    def nothing() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        never.wait(DEADLINE_SECONDS)

    streams = [
        reflection_pb2_grpc.ServerReflectionStub(served.channel).ServerReflectionInfo(nothing())
        for _ in range(STREAM_THREADS * 3)
    ]
    listed = next(streams[0]).list_services_response.service
    assert SERVICE in {service.name for service in listed}
    check = health_pb2_grpc.HealthStub(served.channel).Check(
        health_pb2.HealthCheckRequest(service=SERVICE), timeout=DEADLINE_SECONDS
    )
    assert check.status == health_pb2.HealthCheckResponse.SERVING
    assert [served.list("a"), served.find("b")] == ["a", "b"]
    for stream in streams:
        stream.cancel()
    never.set()


def test_where_the_core_does_not_fit_the_plain_server_takes_the_calls_and_says_so() -> None:
    assert why_core_does_not_fit() == ""
    reason = why_core_does_not_fit({"grpc._server": ("_no_such_name",)})
    assert reason.endswith("has no grpc._server._no_such_name")
    assert why_core_does_not_fit({"grpc._no_such_module": ()}).endswith("has no grpc._no_such_module")
    port, stop, gate = free_port(), threading.Event(), Gate()

    def add(server: Any) -> Sequence[str]:
        assert not server.runs_coroutines
        directory_pb2_grpc.add_DirectoryServiceServicer_to_server(Handlers(gate, PeriodicTasks()), server)
        return [SERVICE]

    thread = threading.Thread(target=serve_grpc, args=(add, LOOPBACK, port, stop), kwargs={"why_unfit": lambda: reason})
    with capture_logs() as logged:
        thread.start()
        wait_until(lambda: logged, DEADLINE_SECONDS, "the warning")
    assert (logged[0]["log_level"], logged[0]["reason"]) == ("warning", reason)
    try:
        with open_channel(join_host_port(LOOPBACK, port), TRIES_AT_ONCE) as channel:
            grpc.channel_ready_future(channel).result(DEADLINE_SECONDS)
            stub = directory_pb2_grpc.DirectoryServiceStub(channel)
            answer = stub.ListKeys(directory.ListKeysRequest(branch="0001"), timeout=DEADLINE_SECONDS)
            assert answer.next_page_token == "0001"
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=SERVICE))
            assert health.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        stop.set()
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
