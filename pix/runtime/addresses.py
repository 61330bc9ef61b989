"""Network addresses as people write them: one function splits each form, and one joins it.

A host is a name, an IPv4 address or an IPv6 address. Brackets around an IPv6 address (RFC 3986, section 3.2.2) belong
to the joined form alone: a host is kept without them. Every `check_…` and `split_…` raises ValueError with a rule that
can be shown to people, and that never repeats its input: an address may hold a password.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from pix.scheme.errors import SchemeError

PORT_MAX: Final = 65_535
HOST_LENGTH_MAX: Final = 253
"""Of a name in DNS."""
PARTICIPANT_URL_LENGTH_MAX: Final = 200
PAYLOAD_HOST_LENGTH_MAX: Final = 43
"""Of 77 characters of a location, 12 are the longest path before the token, and 22 the token."""
LOOPBACK_IPV4: Final = "127.0.0.1"
LOOPBACK_IPV6: Final = "::1"

_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
"""With the underscore, which no host on the internet has, and containers' names do."""
_GRPC_SCHEME: Final = re.compile(r"(dns|ipv4|ipv6|unix|unix-abstract):(.*)", re.DOTALL)
_PATH: Final = re.compile(r"(?:/[0-9A-Za-z._~!$&'()*+,;=:@%/-]*)?")
"""RFC 3986, section 3.3, without the check of what follows a percent sign."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def check_host(text: str) -> str:
    """The host to listen on or to reach, without brackets and in lower case."""
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            raise ValueError("only an IPv6 address stands in brackets")
    if not host:
        raise ValueError("must name a host")
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise ValueError("must be a host without a port: a name, an IPv4 or an IPv6 address") from None
    if re.fullmatch(r"[\d.]+", host):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("is no IPv4 address") from None
    if len(host) > HOST_LENGTH_MAX or not _NAME.fullmatch(host):
        raise ValueError("must be a host: a name, an IPv4 or an IPv6 address")
    return host.lower()


def check_port(text: str) -> int:
    """1 to 65535."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= PORT_MAX:
        raise ValueError(f"must have a port from 1 to {PORT_MAX}")
    return int(text)


def join_host_port(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address, whether or not it has them already."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def split_host_port(text: str) -> tuple[str, int]:
    """The host without brackets, and the port."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or host.endswith(":") or (":" in host and not host.startswith("[")):
        raise ValueError("must be host:port, an IPv6 address in brackets")
    return check_host(host), check_port(port)


def split_host_ports(text: str) -> list[tuple[str, int]]:
    """Of a list with commas; spaces around an item are no part of it."""
    return [split_host_port(item) for item in text.split(",")]


def join_host_ports(addresses: Sequence[tuple[str, int]]) -> str:
    """The same list as one text."""
    return ",".join(join_host_port(host, port) for host, port in addresses)


def check_host_ports(text: str) -> str:
    """A list of host:port, in its plainest form."""
    return join_host_ports(split_host_ports(text))


def check_grpc_address(text: str) -> str:
    """`host:port`, or a name of gRPC's own: `dns:///host:port`, `ipv4:a:1,b:2`, `ipv6:[a]:1,[b]:2`, `unix:path`."""
    address = text.strip()
    named = _GRPC_SCHEME.fullmatch(address)
    if named is None or address.removeprefix(f"{named[1]}:").isdecimal():
        return join_host_port(*split_host_port(address))
    scheme, rest = named[1], named[2]
    if scheme.startswith("unix"):
        if not rest.strip("/"):
            raise ValueError("must name a socket after unix:")
        return address
    if scheme == "dns":
        # dns://server/host:port asks that server for the name.
        server, slash, name = rest.removeprefix("//").rpartition("/") if rest.startswith("//") else ("", "", rest)
        if rest.startswith("//") and not slash:
            raise ValueError("must be dns:///host:port, with three strokes")
        return f"dns://{server}/{join_host_port(*split_host_port(name))}"
    return f"{scheme}:{check_host_ports(rest)}"


def check_web_address(text: str) -> str:
    """`http://host` or `https://host`, with a port and a path if need be; scheme and host come back in lower case.

    The port that goes without saying and strokes at the end are left out, so that equal addresses are equal texts.
    """
    address = text.strip()
    if any(character.isspace() for character in address):
        raise ValueError("must be a web address without spaces")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ValueError(f"must be a web address with a valid host, and a port from 1 to {PORT_MAX}") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise ValueError("must be a web address without a user or a password in it")
    if parts.query or parts.fragment or address.endswith(("?", "#")):
        raise ValueError("must be a web address without ? and #")
    if port == 0:
        raise ValueError(f"must have a port from 1 to {PORT_MAX}")
    if _PATH.fullmatch(parts.path) is None:
        raise ValueError("must have a path of ASCII letters, digits and the punctuation of addresses")
    host = check_host(parts.hostname)
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        place = join_host_port(host, port)
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))


def check_participant_url(text: str) -> str:
    """The web address that a participant tells the others, at most 200 characters; empty for none.

    Raises SchemeError(field="url").
    """
    if len(text) > PARTICIPANT_URL_LENGTH_MAX:
        raise SchemeError("url", f"must have at most {PARTICIPANT_URL_LENGTH_MAX} characters")
    try:
        return check_web_address(text) if text else ""
    except ValueError as error:
        raise SchemeError("url", str(error)) from None


def check_payload_host(text: str) -> str:
    """`host` or `host:port` of the payloads of a bank's dynamic codes, in lower case; empty for none.

    Raises SchemeError(field="payload_host").
    """
    if len(text) > PAYLOAD_HOST_LENGTH_MAX:
        raise SchemeError("payload_host", f"must have at most {PAYLOAD_HOST_LENGTH_MAX} characters")
    try:
        return join_payload_host(*split_payload_host(text)) if text else ""
    except ValueError as error:
        raise SchemeError("payload_host", str(error)) from None


def split_payload_host(text: str) -> tuple[str, int | None]:
    """The host without brackets, and the port if there is one. Raises ValueError."""
    has_port = text.rpartition("]")[2].startswith(":") if text.startswith("[") else text.count(":") == 1
    return split_host_port(text) if has_port else (check_host(text), None)


def join_payload_host(host: str, port: int | None) -> str:
    """The same as one text, with brackets around an IPv6 address."""
    return (f"[{host}]" if ":" in host else host) if port is None else join_host_port(host, port)


def http_url(host: str, port: int) -> str:
    """The URL, on the same machine, of a service that listens on this host and port."""
    return f"http://{join_host_port(reachable_host(host), port)}"


def reachable_host(host: str) -> str:
    """The host to connect to, on the same machine, for a listening host: loopback where it is all addresses."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return LOOPBACK_IPV4 if address.version == 4 else LOOPBACK_IPV6


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a service that listens on this host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class CannotListen(RuntimeError):
    """A service cannot listen where its settings say; the text names the setting and the system's reason."""


def cannot_listen(service: str, host: str, port: int) -> CannotListen:
    """Why not, found by trying it once more: gRPC and uvicorn do not pass the system's reason on.

    `service` begins the settings' names: `HTTP` of `HTTP_HOST` and `HTTP_PORT`.
    """
    place = join_host_port(host, port)
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen(1)
    except socket.gaierror as error:
        return CannotListen(f"{service}_HOST: cannot listen on {place}: {error.strerror}")
    except OSError as error:
        # A port that is taken or reserved is the port's fault; a foreign address is the host's.
        setting = "PORT" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "HOST"
        return CannotListen(f"{service}_{setting}: cannot listen on {place}: {error.strerror}")
    return CannotListen(f"{service}_PORT: cannot listen on {place}, for a reason that has passed meanwhile")
