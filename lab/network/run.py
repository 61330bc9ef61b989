"""A run of the lab: a network of its own, those who work on it, and the order in which all of that comes to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import httpx

from lab.network.network import Network, NetworkSettings
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader


class Background:
    """Threads of the lab that end together."""

    def __init__(self, afterwards: ExitStack) -> None:
        self.afterwards = afterwards
        """Callbacks that run after what the threads work on has stopped."""
        self.ends = threading.Event()
        """Set before that is stopped."""

    def in_background(self, work: Callable[[threading.Event], None]) -> threading.Thread:
        """Starts a thread that works until its event is set. Whatever it waits for of the network ends with that."""
        thread = threading.Thread(target=work, args=(self.ends,), daemon=True)

        def join() -> None:
            if thread.ident is not None:
                thread.join()

        # Before the start, for an interruption may come while it starts.
        self.afterwards.callback(join)
        thread.start()
        return thread


class Run(Background):
    """A network while it runs, and how to speak to it. Its client is closed after the callbacks of `afterwards`."""

    def __init__(self, network: Network, client: httpx.Client, afterwards: ExitStack) -> None:
        super().__init__(afterwards)
        self.network = network
        self.client = client
        self.reader = NetworkReader(network.hub_url, client)
        self.rest: Mapping[str, BankRest] = {
            bank.code: BankRest(f"Bank {bank.code}", bank.url, client) for bank in network.banks
        }
        """The banks' APIs by code."""


@contextmanager
def open_run(
    settings: NetworkSettings, progress: Callable[[str], None], before_start: Callable[[], None] = lambda: None
) -> Iterator[Run]:
    """Starts a network; at the end, also when interrupted: tells the threads, stops the network, awaits the threads.

    In this order, since a thread that asks a bank goes on as soon as the bank is gone; and the client is closed last of
    all. To close the sockets of threads that still read from them would leave those waiting for as long as a request
    may take: a number of a closed file is soon another file's, and it is that one which they would wait for.

    `before_start` is called once the ports are known to be free. Raises `PortInUse`, `PartError`.
    """
    made = Network(settings, progress)
    before_start()
    with ExitStack() as afterwards, made as network:
        client = new_client(network.secrets.operator)
        afterwards.callback(client.close)
        run = Run(network, client, afterwards)
        try:
            yield run
        finally:
            run.ends.set()
