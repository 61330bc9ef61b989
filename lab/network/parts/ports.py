"""Ports on the loopback interface: free ones for a lab that may choose, and clear words for one that may not."""

import random
import socket

from lab.network.parts.errors import PartError, PortInUse

__all__ = ["PortInUse", "check_port_free", "free_port", "free_ports_in_a_row"]

LOOPBACK = "127.0.0.1"
# Below every system's range for outgoing connections (Linux: 32768 and up, macOS: 49152 and up). From that range, a
# client that keeps calling a server which was just killed may be given the server's own port, talk to itself, and so
# keep the server from coming back.
FREE_PORT_FIRST = 20_000
FREE_PORT_LAST = 31_999
FREE_PORT_ATTEMPTS_MAX = 200

_handed_out: set[int] = set()
# Not the shared generator: two labs that were given the same seed must not be given the same ports.
_random = random.SystemRandom()


def free_port() -> int:
    """A port that nothing listens on, and that this process has not handed out before."""
    for _ in range(FREE_PORT_ATTEMPTS_MAX):
        port = _random.randint(FREE_PORT_FIRST, FREE_PORT_LAST)
        if port not in _handed_out and _why_not_free(port) is None:
            _handed_out.add(port)
            return port
    raise PartError(f"No free port was found between {FREE_PORT_FIRST} and {FREE_PORT_LAST}.")


def free_ports_in_a_row(count: int) -> range:
    """Ports that follow one another, as `free_port` gives one."""
    for _ in range(FREE_PORT_ATTEMPTS_MAX):
        first = free_port()
        ports = range(first, first + count)
        if not _handed_out & set(ports[1:]) and all(_why_not_free(port) is None for port in ports):
            _handed_out.update(ports)
            return ports
    raise PartError(f"No {count} free ports in a row were found between {FREE_PORT_FIRST} and {FREE_PORT_LAST}.")


def check_port_free(port: int, purpose: str, option: str) -> None:
    """Raises `PortInUse` when the port cannot be listened on.

    `purpose` is who wants the port ("the hub's console"), `option` what chooses another one ("--hub-port").
    """
    reason = _why_not_free(port)
    if reason is not None:
        raise PortInUse(f"Port {port}, wanted for {purpose}, {reason}. Choose another with {option}.")


def _why_not_free(port: int) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an earlier server that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            return "may not be used by this user"
        except OverflowError:
            return "does not exist (ports go from 1 to 65535)"
        except OSError:
            return "is in use by another program"
    return None
