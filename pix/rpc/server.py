"""A gRPC server with health and reflection, run in a role's thread until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from pix.rpc.calls import UnaryCalls
from pix.rpc.turns import Errand
from pix.runtime.addresses import cannot_listen, join_host_port

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
    """The limits of one server."""

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
        """The same for gRPC."""
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

Watch = Callable[[str, Any], Any]
"""Makes a handler of a handler, given the method's full name: `/package.Service/Method`."""


def serve_grpc(
    add_services: Callable[[Any], Sequence[str]],
    host: str,
    port: int,
    stop: threading.Event,
    watches: Sequence[Watch] = (),
    credentials: grpc.ServerCredentials | None = None,
    limits: GrpcLimits = DEFAULT_LIMITS,
) -> None:
    """Serves until `stop` is set; `add_services` returns the full names of the services that it added.

    With `credentials` it speaks TLS and nothing else. The first of the `watches` is the outermost.
    """
    address = join_host_port(host, port)
    with (
        ThreadPoolExecutor(THREADS, thread_name_prefix="grpc") as threads,
        ThreadPoolExecutor(STREAM_THREADS, thread_name_prefix="grpc-streams") as streams,
    ):
        server = grpc.server(
            streams,
            options=[("grpc.so_reuseport", 0), *limits.options()],
        )
        calls = UnaryCalls(server, threads, is_secure=credentials is not None)
        names = list(add_services(_Registrar(server, calls, watches)))
        health_servicer = health.HealthServicer()
        unwatched = _Registrar(server, calls, [])
        health_pb2_grpc.add_HealthServicer_to_server(health_servicer, unwatched)
        reflected = [*names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection.ReflectionServicer(reflected), unwatched)
        try:
            if credentials is None:
                server.add_insecure_port(address)
            else:
                server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise cannot_listen("GRPC", host, port) from error
        for name in ["", *names]:
            health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        calls.start()
        stop.wait()
        health_servicer.enter_graceful_shutdown()
        calls.stop()
        server.stop(STOP_SECONDS).wait(STOP_SECONDS + STOP_GRACE_SECONDS)


class _Registrar:
    """The server as it is to the services that are being added: it wraps their handlers once, and not for each call."""

    def __init__(self, server: Any, calls: UnaryCalls, watches: Sequence[Watch]) -> None:
        self._server = server
        self._calls = calls
        self._watches = watches

    def add_errand(self, errand: Errand) -> None:
        """What the thread that takes the calls does when there are none."""
        self._calls.add_errand(errand)

    def add_generic_rpc_handlers(self, _handlers: Sequence[Any]) -> None:
        """Generated code adds the same handlers in the other way, which has their names."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """The handlers of a service, by the names of its methods."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            watched = reduce(lambda inner, watch: watch(method, inner), reversed(self._watches), handler)
            if watched.unary_unary:
                self._calls.add(method, watched)
            else:
                self._server.add_registered_method_handlers(service, {name: watched})
