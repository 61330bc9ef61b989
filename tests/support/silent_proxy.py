"""A TCP proxy that can stop passing bytes on the connections that it has, and go on serving new ones.

So does a host that lost its power, a router that forgot a connection, or an address that has moved; but here each end's
kernel goes on acknowledging what it is sent, which is the hardest of these to notice.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

BYTES_MAX = 65_536
LOOK_SECONDS = 0.02


class SilentProxy:
    """In front of a server's Unix socket; listens on a free port of the loopback address while its block lasts."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._speaking: set[tuple[socket.socket, socket.socket]] = set()
        self._mute: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, name="silent-proxy")

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def fall_silent(self) -> None:
        """Nothing passes any more on the connections that there are."""
        with self._lock:
            for pair in self._speaking:
                self._mute.extend(pair)
            self._speaking.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for each in [self._listener, *self._mute, *(one for pair in self._speaking for one in pair)]:
            each.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock, selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ, None)
                for one, other in self._speaking:
                    selector.register(one, selectors.EVENT_READ, (one, other))
                    selector.register(other, selectors.EVENT_READ, (other, one))
                for key, _ in selector.select(LOOK_SECONDS):
                    if key.data is None:
                        self._accept()
                    else:
                        self._pass(*key.data)

    def _accept(self) -> None:
        caller, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._target)
        self._speaking.add((caller, server))

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if data := source.recv(BYTES_MAX):
                target.sendall(data)
                return
        self._speaking -= {(source, target), (target, source)}
        source.close()
        target.close()


def proxy_of(url: str) -> SilentProxy:
    """A proxy in front of the database server of a URL that names a folder of sockets."""
    address = make_url(url)
    return SilentProxy(f"{address.query['host']}/.s.PGSQL.{address.port or 5432}")


def through(proxy: SilentProxy, url: str) -> str:
    """The same database by way of the proxy."""
    address = make_url(url)
    address = address.set(host="127.0.0.1", port=proxy.port, query={})
    return address.render_as_string(hide_password=False)
