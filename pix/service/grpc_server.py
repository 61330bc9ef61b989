"""A gRPC server with health and reflection, run in a role's thread until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

THREADS: Final = 16
STOP_SECONDS: Final = 3.0
MESSAGE_BYTES_MAX: Final = 64 * 1024
"""No call of the contract comes near this."""


def serve_grpc(
    add_services: Callable[[grpc.Server], Sequence[str]],
    host: str,
    port: int,
    stop: threading.Event,
    interceptors: Sequence[Any] = (),
    credentials: grpc.ServerCredentials | None = None,
) -> None:
    """Serves until `stop` is set; `add_services` returns the full names of the services that it added.

    With `credentials` it speaks TLS and nothing else.
    """
    server = grpc.server(
        ThreadPoolExecutor(THREADS, thread_name_prefix="grpc"),
        interceptors=list(interceptors),
        options=[
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.so_reuseport", 0),
        ],
    )
    names = list(add_services(server))
    health_servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    try:
        if credentials is None:
            server.add_insecure_port(f"{host}:{port}")
        else:
            server.add_secure_port(f"{host}:{port}", credentials)
    except RuntimeError as error:
        raise RuntimeError(f"GRPC_PORT: cannot listen on {host}:{port}, it is in use") from error
    server.start()
    for name in ["", *names]:
        health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    stop.wait()
    health_servicer.enter_graceful_shutdown()
    server.stop(STOP_SECONDS).wait()
