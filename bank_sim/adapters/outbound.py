"""HTTP to hosts that others name: resolved once, judged, and connected to exactly there, in bounded time and size.

Against server-side request forgery: a name may resolve to another address a moment later, so the address that was
judged is the one that is connected to. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import httpcore

from pix.runtime.addresses import join_host_port
from pix.runtime.allowed_hosts import AllowedHosts

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
"""Loopback and private addresses (RFC 1122, RFC 1918, RFC 4193)."""
NEVER: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "fe80::/10", "::/128",
        # Where clouds tell their machines secrets, beside the link-local address.
        "100.100.100.200/32", "fd00:ec2::/32", "192.0.0.192/32",
        # Tunnels and translations, with an IPv4 address inside.
        "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::ffff:0:0:0/96",
    )
)  # fmt: skip
"""Refused whatever the settings are."""

ADDRESSES_MAX: Final = 4
"""Of a name that are tried."""
RESOLVERS_MAX: Final = 8
HEADERS_MAX: Final = 100
_SCHEMES: Final = {"http": 80, "https": 443}


class Unreachable(Exception):
    """No answer; the text says more, for developers."""


class NameUnknown(Unreachable): ...


class AddressRefused(Unreachable): ...


class TimedOut(Unreachable): ...


class NotConnected(Unreachable): ...


class CertificateRefused(Unreachable): ...


class BrokenOff(Unreachable): ...


def why_refused(address: Address, scheme: str, *, allowed: bool) -> str:
    """Why an address is not connected to; empty: it is. `allowed` tells that the host is one of `AllowedHosts`."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_multicast or any(address in network for network in NEVER):
        return f"{address} is never connected to"
    if any(address in network for network in PRIVATE):
        return ""
    if not address.is_global or not allowed:
        return f"{address} is neither loopback nor private"
    return "" if scheme == "https" else f"{address} is public and needs https"


def is_private(address: Address) -> bool:
    """Whether an address is of this machine or of a private network, where http is spoken."""
    return not why_refused(address, "http", allowed=False)


_resolvers = ThreadPoolExecutor(RESOLVERS_MAX, "resolver")


def resolve(host: str, seconds: float) -> list[Address]:
    """At most `ADDRESSES_MAX` addresses of a host. Raises NameUnknown, also when no name server answers in time."""
    with suppress(ValueError):
        return [ipaddress.ip_address(host)]
    # The system's resolver has another time-out, which may be long.
    looking = _resolvers.submit(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
    try:
        found = looking.result(seconds)
    except FutureTimeout:
        looking.cancel()
        raise NameUnknown("no name server answered in time") from None
    except (OSError, UnicodeError) as error:
        raise NameUnknown(_reason(error)) from None
    return list(dict.fromkeys(ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found))[
        :ADDRESSES_MAX
    ]


def judged_addresses(url: httpcore.URL, hosts: AllowedHosts, seconds: float) -> list[Address]:
    """The addresses of a URL, if every one of them may be connected to. Raises NameUnknown, AddressRefused."""
    scheme, host = url.scheme.decode(), url.host.decode().strip("[]").lower()
    if scheme not in _SCHEMES:
        raise AddressRefused("only http and https are spoken")
    addresses = resolve(host, seconds)
    for address in addresses:
        if why := why_refused(address, scheme, allowed=host in hosts):
            raise AddressRefused(why)
    return addresses


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """With names in lower case; of several with one name, the last."""
    body: bytes
    is_whole: bool
    """Whether the body ended, within the bounds of size and time."""


class OutboundHttp:
    """One request at a time, each on a new connection."""

    def __init__(self, hosts: AllowedHosts, seconds_max: float, tls: ssl.SSLContext | None = None) -> None:
        """`seconds_max` bounds a whole request, name and all. `tls` says whose certificates are trusted."""
        self.hosts = hosts
        self.seconds_max = seconds_max
        self._tls = tls or ssl.create_default_context()

    def request(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]] = (),
        content: bytes = b"",
        body_bytes_max: int = 65_536,
        tls: ssl.SSLContext | None = None,
    ) -> Reply:
        """The answer, whatever its status. Raises Unreachable's subclasses."""
        ends_at = time.monotonic() + self.seconds_max
        target = httpcore.URL(url)
        addresses = judged_addresses(target, self.hosts, self.seconds_max)
        pinned = _Pinned(addresses, ends_at)
        try:
            with (
                pinned,
                httpcore.ConnectionPool(
                    ssl_context=tls or self._tls, max_connections=1, retries=0, network_backend=pinned
                ) as pool,
                pool.stream(method, target, headers=_headers(target, headers), content=content) as response,
            ):
                return _read(response, body_bytes_max)
        except Exception as error:
            raise _unreachable(error, is_late=time.monotonic() >= ends_at) from error


def _headers(url: httpcore.URL, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    port = url.port
    is_default = port is None or port == _SCHEMES[url.scheme.decode()]
    host = url.host.decode()
    named = host if is_default or port is None else join_host_port(host, port)
    return [("Host", named), ("Accept-Encoding", "identity"), ("Connection", "close"), *headers]


def _read(response: httpcore.Response, body_bytes_max: int) -> Reply:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers[:HEADERS_MAX]
    }
    body = bytearray()
    is_whole = False
    with suppress(httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > body_bytes_max:
                break
        else:
            is_whole = True
    return Reply(response.status, headers, bytes(body[:body_bytes_max]), is_whole)


def _unreachable(error: Exception, *, is_late: bool) -> Unreachable:
    if isinstance(error, Unreachable):
        return error
    if is_late or isinstance(error, httpcore.TimeoutException):
        return TimedOut("the time is up")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CertificateRefused(cause.verify_message or "the certificate is not trusted")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError):
        return NotConnected(_reason(error))
    if isinstance(error, httpcore.NetworkError | httpcore.ProtocolError | OSError):
        return BrokenOff(_reason(error))
    raise error


def _reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__


class _Pinned(httpcore.NetworkBackend):
    """Connects to the judged addresses alone, and cuts every connection when the time is up.

    Time-outs of single reads would not do: a peer that sends a byte now and then would keep the request for hours.
    """

    def __init__(self, addresses: Sequence[Address], ends_at: float) -> None:
        self._addresses = addresses
        self._ends_at = ends_at
        self._plain = httpcore.SyncBackend()
        self._guard: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> _Pinned:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._guard is not None:
            self._guard.close()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        del host, timeout, local_address
        failure: Exception = NotConnected("no address")
        for number, address in enumerate(self._addresses):
            share = (self._ends_at - time.monotonic()) / (len(self._addresses) - number)
            try:
                stream = self._plain.connect_tcp(str(address), port, max(0.01, share), None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                self._watch(stream)
                return stream
        raise failure

    def _watch(self, stream: httpcore.NetworkStream) -> None:
        # A copy of the descriptor: TLS takes the stream's away.
        self._guard = stream.get_extra_info("socket").dup()
        self._timer = threading.Timer(max(0.0, self._ends_at - time.monotonic()), _cut, [self._guard])
        self._timer.daemon = True
        self._timer.start()


def _cut(guard: socket.socket) -> None:
    with suppress(OSError):
        guard.shutdown(socket.SHUT_RDWR)
