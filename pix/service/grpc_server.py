"""A gRPC server with health and reflection, run in a role's thread until it is told to stop.

It runs on an event loop, which answers two to three times as many calls a second as gRPC's server of threads does. A
handler that is a plain function may wait for a database, so it is called in a thread; one that is a coroutine runs on
the loop, and must never wait there.
"""

from __future__ import annotations

import asyncio
import fcntl
import inspect
import sys
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import grpc
import uvloop
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

THREADS: Final = 16
STOP_SECONDS: Final = 3.0
STOP_POLL_SECONDS: Final = 0.1
MESSAGE_BYTES_MAX: Final = 64 * 1024
"""No call of the contract comes near this."""
CONNECTION_AGE_MS_MAX: Final = 30_000
"""Then the caller connects anew, call by call unharmed, and looks up the name anew: so it learns of new replicas."""
CONNECTION_GRACE_MS: Final = 5_000
"""What a call may still take on a connection that is too old."""
PING_INTERVAL_MS_MIN: Final = 4_000
"""Callers find out with pings whether a replica hangs; who pings more often than this is cut off."""


GRPC_EVENTS: Final = "PollerCompletionQueue"
"""The class in gRPC whose method reads its events on the loop."""

Watch = Callable[[str, Any], Any]
"""Makes a handler of a handler, given the method's full name: `/package.Service/Method`."""


def serve_grpc(
    add_services: Callable[[Any], Sequence[str]],
    host: str,
    port: int,
    stop: threading.Event,
    watches: Sequence[Watch] = (),
    credentials: grpc.ServerCredentials | None = None,
) -> None:
    """Serves until `stop` is set; `add_services` returns the full names of the services that it added.

    With `credentials` it speaks TLS and nothing else. The first of the `watches` is the outermost.
    """
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(_serve(add_services, f"{host}:{port}", stop, watches, credentials))


class _Loop(uvloop.Loop):
    """An event loop that turns once for all of gRPC's events that are there.

    gRPC's thread writes a byte into a socket for each of its events, of which a call has four; its reader takes one
    byte and all events, so the loop turned around for every byte, most of the time for nothing.
    """

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """As every loop's; gRPC's own reader finds a single byte."""
        if type(getattr(callback, "__self__", None)).__name__ != GRPC_EVENTS:
            super().add_reader(fd, callback, *args)
            return

        def read() -> None:
            waiting = int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
            if waiting > 1:
                fd.recv(waiting - 1)
            callback(*args)

        super().add_reader(fd, read)


async def _serve(
    add_services: Callable[[Any], Sequence[str]],
    address: str,
    stop: threading.Event,
    watches: Sequence[Watch],
    credentials: grpc.ServerCredentials | None,
) -> None:
    with ThreadPoolExecutor(THREADS, thread_name_prefix="grpc") as threads:
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
                ("grpc.so_reuseport", 0),
                ("grpc.max_connection_age_ms", CONNECTION_AGE_MS_MAX),
                ("grpc.max_connection_age_grace_ms", CONNECTION_GRACE_MS),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", PING_INTERVAL_MS_MIN),
            ],
        )
        in_threads = _InThreads(threads)
        names = list(add_services(_Registrar(server, [in_threads.watch, *watches])))
        health_servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]
        unwatched = _Registrar(server, [])
        health_pb2_grpc.add_HealthServicer_to_server(health_servicer, unwatched)
        reflected = [*names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection_servicer = reflection.aio.ReflectionServicer(reflected)  # type: ignore[attr-defined]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection_servicer, unwatched)
        try:
            if credentials is None:
                server.add_insecure_port(address)
            else:
                server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise RuntimeError(f"GRPC_PORT: cannot listen on {address}, it is in use") from error
        await server.start()
        for name in ["", *names]:
            await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        while not stop.is_set():
            await asyncio.sleep(STOP_POLL_SECONDS)
        await health_servicer.enter_graceful_shutdown()
        await server.stop(STOP_SECONDS)


class _Registrar:
    """The server as it is to the services that are being added: it wraps their handlers once, and not for each call.

    gRPC's interceptors would make the handler anew for every call, which takes as long as a short call itself. And all
    methods come in by gRPC's one door for any method: with a door for each, it waits at all of them anew for every
    call, which takes 10 µs for our seventeen.
    """

    def __init__(self, server: Any, watches: Sequence[Watch]) -> None:
        self._server = server
        self._watches = watches

    def add_generic_rpc_handlers(self, _handlers: Sequence[Any]) -> None:
        """Generated code adds the same handlers in the other way, which has their names."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """The handlers of a service, by the names of its methods."""
        watched = {name: self._watched(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, watched),))

    def _watched(self, method: str, handler: Any) -> Any:
        for watch in reversed(self._watches):
            handler = watch(method, handler)
        return handler


class _InThreads:
    """The outermost watch: reads requests, and calls plain functions in threads. Streams stay as they are."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def watch(self, _method: str, handler: Any) -> Any:
        """The handler for the event loop."""
        if not handler.unary_unary:
            return handler
        act, read = handler.unary_unary, handler.request_deserializer
        is_on_the_loop = inspect.iscoroutinefunction(act)

        async def answer(written: bytes, context: Any) -> Any:
            try:
                request = read(written)
            except DecodeError:
                await context.abort(grpc.StatusCode.INTERNAL, "the request is not the call's message in Protobuf")
            if is_on_the_loop:
                return await act(request, context)
            in_thread = ThreadContext(context)
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, act, request, in_thread)
            except Aborted as abortion:
                await context.abort(abortion.code, abortion.details, in_thread.trailer)

        return grpc.unary_unary_rpc_method_handler(answer, response_serializer=handler.response_serializer)


class Aborted(Exception):
    """A handler has ended its call with a status."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


class ThreadContext:
    """What a plain function may ask of the context of its call, and do with it, away from the event loop."""

    def __init__(self, context: Any) -> None:
        self._metadata = context.invocation_metadata() or ()
        self._auth: Mapping[str, Sequence[bytes]] = context.auth_context()
        self._peer: str = context.peer()
        self._code: grpc.StatusCode | None = None
        self.trailer: tuple[tuple[str, str | bytes], ...] = ()

    def invocation_metadata(self) -> Any:
        """The caller's metadata."""
        return self._metadata

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What TLS knows of the caller."""
        return self._auth

    def peer(self) -> str:
        """The caller's address."""
        return self._peer

    def set_trailing_metadata(self, trailer: tuple[tuple[str, str | bytes], ...]) -> None:
        """What goes with the status."""
        self.trailer = trailer

    def code(self) -> grpc.StatusCode | None:
        """The status, once it is known."""
        return self._code

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """Ends the call. Raises Aborted."""
        self._code = code
        raise Aborted(code, details)
