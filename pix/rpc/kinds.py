"""The kinds of gRPC server that there are."""

from __future__ import annotations

from enum import StrEnum


class GrpcServerKind(StrEnum):
    """What takes the calls; README.md of this folder says what each costs."""

    CORE = "core"
    """Unary calls are taken on gRPC's core, through names of grpcio that are no public interface."""
    PLAIN = "plain"
    """gRPC's own server of threads, through its public interface alone."""
