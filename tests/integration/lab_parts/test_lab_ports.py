"""Free ports are free, and a port in use gets a clear sentence."""

import socket

import pytest

from lab.network.parts.errors import PortInUse
from lab.network.parts.ports import FREE_PORT_FIRST, FREE_PORT_LAST, check_port_free, free_port


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == len(ports)
    assert all(FREE_PORT_FIRST <= port <= FREE_PORT_LAST for port in ports)
    with socket.create_server(("127.0.0.1", ports[0])):
        pass


def test_a_port_in_use_is_named_with_its_purpose_and_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            check_port_free(port, "the hub's console", "--hub-port")
    assert str(caught.value) == (
        f"Port {port}, wanted for the hub's console, is in use by another program. Choose another with --hub-port."
    )


def test_a_free_port_passes() -> None:
    check_port_free(free_port(), "the hub's console", "--hub-port")


def test_a_port_beyond_the_range_is_refused() -> None:
    with pytest.raises(PortInUse, match="does not exist"):
        check_port_free(70_000, "the hub's console", "--hub-port")
