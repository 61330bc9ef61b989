"""A gRPC server with health and reflection, run in a role's thread until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, Protocol

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from pix.rpc.fit import why_core_does_not_fit
from pix.rpc.kinds import GrpcServerKind
from pix.rpc.turns import PeriodicTask
from pix.runtime.addresses import cannot_listen, join_host_port
from pix.runtime.logs import logger

THREADS: Final = 16
STREAM_THREADS: Final = 4
"""Who holds all of them with streams keeps others from streams, which are for looking around, and from nothing else."""
STOP_SECONDS: Final = 3.0
"""Then the calls that are still under way are cancelled."""
STOP_GRACE_SECONDS: Final = 1.0
MESSAGE_BYTES_MAX: Final = 64 * 1024
"""No call of the contract comes near this."""
CONNECTION_AGE_MS_MAX: Final = 30_000
"""Then the caller connects anew, call by call unharmed, and looks up the name anew: so it learns of new replicas."""
CONNECTION_GRACE_MS: Final = 5_000
"""What a call may still take on a connection that is too old."""
CONNECTIONS_MAX: Final = 1_000
STREAMS_PER_CONNECTION_MAX: Final = 1_000
"""Calls under way at the same time."""
HANDSHAKE_MS_MAX: Final = 10_000
"""A connection that has not said by then that it speaks HTTP/2 is closed."""
KEEPALIVE_MS: Final = 10_000
KEEPALIVE_ANSWER_MS_MAX: Final = 5_000
"""A caller whose machine is gone answers no ping, and is let go."""
PING_INTERVAL_MS_MIN: Final = 4_000
"""Callers find out with pings whether a replica hangs; who pings more often than this is cut off."""


@dataclass(frozen=True, slots=True)
class GrpcLimits:
    message_bytes: int = MESSAGE_BYTES_MAX
    connections: int = CONNECTIONS_MAX
    streams_per_connection: int = STREAMS_PER_CONNECTION_MAX
    connection_age_ms: int = CONNECTION_AGE_MS_MAX
    connection_grace_ms: int = CONNECTION_GRACE_MS
    handshake_ms: int = HANDSHAKE_MS_MAX
    keepalive_ms: int = KEEPALIVE_MS
    keepalive_answer_ms: int = KEEPALIVE_ANSWER_MS_MAX
    ping_interval_ms: int = PING_INTERVAL_MS_MIN

    def options(self) -> list[tuple[str, int]]:
        return [
            ("grpc.max_receive_message_length", self.message_bytes),
            ("grpc.max_connection_age_ms", self.connection_age_ms),
            ("grpc.max_connection_age_grace_ms", self.connection_grace_ms),
            ("grpc.max_allowed_incoming_connections", self.connections),
            ("grpc.max_concurrent_streams", self.streams_per_connection),
            ("grpc.server_handshake_timeout_ms", self.handshake_ms),
            ("grpc.keepalive_time_ms", self.keepalive_ms),
            ("grpc.keepalive_timeout_ms", self.keepalive_answer_ms),
            # The one of the two that the library (1.85) heeds.
            ("grpc.http2.ping_timeout_ms", self.keepalive_answer_ms),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", self.ping_interval_ms),
        ]


DEFAULT_LIMITS: Final = GrpcLimits()

log = logger(__name__)


Watch = Callable[[str, Any], Any]
"""Makes a handler of a handler, given the method's full name: `/package.Service/Method`."""


class CallTaker(Protocol):
    """A server as generated code sees it while services are added to it, and its beginning and end."""

    runs_coroutines: bool
    """Whether handlers may be coroutines, and errands may be added; see `pix.rpc.turns`."""

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Generated code adds the same handlers in this way too; the other one has their names."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """The handlers of a service, by the names of its methods."""

    def add_fallback(self, handler: grpc.GenericRpcHandler[Any, Any]) -> None:
        """Answers calls of methods that no service has."""

    def watched_by(self, watches: Sequence[Watch]) -> CallTaker:
        """The same server, for services whose handlers are wrapped in other watches."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """Takes no more calls; those under way are answered."""


def serve_grpc(
    add_services: Callable[[Any], Sequence[str]],
    host: str,
    port: int,
    stop: threading.Event,
    watches: Sequence[Watch] = (),
    credentials: grpc.ServerCredentials | None = None,
    limits: GrpcLimits = DEFAULT_LIMITS,
    kind: GrpcServerKind = GrpcServerKind.CORE,
    why_unfit: Callable[[], str] = why_core_does_not_fit,
    more_streams: int = 0,
) -> None:
    """Serves until `stop` is set; `add_services` returns the full names of the services that it added.

    With `credentials` it speaks TLS and nothing else. The first of the `watches` is the outermost. Where the installed
    grpcio lacks what `GrpcServerKind.CORE` needs, the plain server takes its place, and the log says so.
    `more_streams` are threads for streams that services hold for long, beside those of every server.
    """
    if kind is GrpcServerKind.CORE and (reason := why_unfit()):
        log.warning("the plain gRPC server takes the calls, which is slower", reason=reason)
        kind = GrpcServerKind.PLAIN
    address = join_host_port(host, port)
    with (
        ThreadPoolExecutor(THREADS + more_streams, thread_name_prefix="grpc") as threads,
        ThreadPoolExecutor(STREAM_THREADS + more_streams, thread_name_prefix="grpc-streams") as streams,
    ):
        is_core = kind is GrpcServerKind.CORE
        server = grpc.server(streams if is_core else threads, options=[("grpc.so_reuseport", 0), *limits.options()])
        taker: CallTaker = _core_taker(server, threads, credentials) if is_core else _PlainTaker(server)
        names = list(add_services(taker.watched_by(watches)))
        health_servicer = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(health_servicer, taker)
        reflected = [*names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection.ReflectionServicer(reflected), taker)
        try:
            if credentials is None:
                server.add_insecure_port(address)
            else:
                server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise cannot_listen("GRPC", host, port) from error
        for name in ["", *names]:
            health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        taker.start()
        stop.wait()
        health_servicer.enter_graceful_shutdown()
        taker.stop()
        server.stop(STOP_SECONDS).wait(STOP_SECONDS + STOP_GRACE_SECONDS)


def _watched(service: str, handlers: Mapping[str, Any], watches: Sequence[Watch]) -> dict[str, Any]:
    """The handlers by their names, wrapped once and not for each call."""
    return {
        name: reduce(lambda inner, watch: watch(f"/{service}/{name}", inner), reversed(watches), handler)
        for name, handler in handlers.items()
    }


class _PlainTaker:
    """gRPC's own server. Streams share the threads of all calls: as many of them hold every thread as there are."""

    runs_coroutines = False

    def __init__(self, server: grpc.Server, watches: Sequence[Watch] = ()) -> None:
        self._server = server
        self._watches = watches

    def watched_by(self, watches: Sequence[Watch]) -> _PlainTaker:
        return _PlainTaker(self._server, watches)

    def add_generic_rpc_handlers(self, _handlers: Sequence[Any]) -> None:
        pass

    def add_fallback(self, handler: grpc.GenericRpcHandler[Any, Any]) -> None:
        self._server.add_generic_rpc_handlers((handler,))

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        generic = grpc.method_handlers_generic_handler(service, _watched(service, handlers, self._watches))
        self._server.add_generic_rpc_handlers((generic,))

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        """The end of the server itself is all that it takes."""


class _CoreTaker:
    """Unary calls on gRPC's core; streams in the threads of gRPC's own server around it."""

    runs_coroutines = True

    def __init__(self, server: Any, calls: Any, watches: Sequence[Watch] = ()) -> None:
        self._server = server
        self._calls = calls
        self._watches = watches

    def watched_by(self, watches: Sequence[Watch]) -> _CoreTaker:
        return _CoreTaker(self._server, self._calls, watches)

    def add_task(self, task: PeriodicTask) -> None:
        """What the thread that takes the calls does when there are none."""
        self._calls.add_task(task)

    def add_generic_rpc_handlers(self, _handlers: Sequence[Any]) -> None:
        pass

    def add_fallback(self, handler: grpc.GenericRpcHandler[Any, Any]) -> None:
        self._server.add_generic_rpc_handlers((handler,))

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        for name, watched in _watched(service, handlers, self._watches).items():
            if watched.unary_unary:
                self._calls.add(f"/{service}/{name}", watched)
            else:
                self._server.add_registered_method_handlers(service, {name: watched})

    def start(self) -> None:
        self._calls.start()

    def stop(self) -> None:
        self._calls.stop()


def _core_taker(
    server: grpc.Server, threads: ThreadPoolExecutor, credentials: grpc.ServerCredentials | None
) -> _CoreTaker:
    # Imported here, for it names what another grpcio may lack.
    from pix.rpc.calls import UnaryCalls

    return _CoreTaker(server, UnaryCalls(server, threads, is_secure=credentials is not None))
