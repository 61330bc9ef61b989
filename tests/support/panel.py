"""The lab's panel over a network that runs, as `codepix demo` serves it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx

from lab.classroom.walkthrough import Walkthrough
from lab.network.network import Network
from lab.network.parts.ports import free_port
from lab.network.run import Run
from lab.network.supervisor import Supervisor
from lab.panel.serving import PanelServer


@contextmanager
def serving_panel(
    network: Network, client: httpx.Client, *, is_classroom: bool = False, reset: threading.Event | None = None
) -> Iterator[str]:
    """The panel's address, with its token. At the end every part is kept running, and ready.

    `reset` is set when the page of the reset is confirmed; without it there is no such page.
    """
    with ExitStack() as afterwards:
        run = Run(network, client, afterwards)
        supervisor = Supervisor.of(network)
        try:
            walkthrough = None
            if is_classroom:
                walkthrough = Walkthrough(run)
                walkthrough.begin()
            run.in_background(supervisor.run)
            panel = PanelServer(run, supervisor, network.settings.lab_port or free_port(), walkthrough, reset=reset)
            panel.start()
            yield panel.address
        finally:
            for name, supervised in supervisor.parts.items():
                supervised.part.thaw()
                supervisor.release(name)
            supervisor.check()
            run.ends.set()
    network.await_ready()
