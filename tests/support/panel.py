"""The lab's panel over a network that runs, as `codepix demo` serves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx

from lab.classroom.director import Director
from lab.network.network import Network
from lab.network.parts.ports import free_port
from lab.network.run import Run
from lab.network.supervisor import Keeper
from lab.panel.serving import PanelServer


@contextmanager
def serving_panel(network: Network, client: httpx.Client, *, tells_story: bool = False) -> Iterator[str]:
    """The panel's address, with its token. At the end every part is kept running, and ready."""
    with ExitStack() as afterwards:
        run = Run(network, client, afterwards)
        keeper = Keeper.of(network)
        try:
            director = None
            if tells_story:
                director = Director(network, keeper, run.rest, run.surveyor, run.ends)
                afterwards.callback(director.close)
                director.begin()
            run.in_background(keeper.run)
            panel = PanelServer(run, keeper, network.settings.lab_port or free_port(), director)
            panel.start()
            yield panel.address
        finally:
            for name, kept in keeper.parts.items():
                kept.part.thaw()
                keeper.release(name)
            keeper.look()
            run.ends.set()
    network.await_ready()
