"""Whether this machine has IPv6, which many containers have not."""

from __future__ import annotations

import socket

import pytest


def has_ipv6() -> bool:
    """Whether its loopback address can be listened on."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
