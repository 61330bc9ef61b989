"""`codepix demo`: a network to look at and to play with, until somebody presses Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table

from lab.network import Network
from lab.parts.errors import PartError
from lab.parts.process import Part
from lab.people import DEMO_PIN, Customer, Population
from lab.rest import BankRest, new_client
from pix.scheme.money import format_brl

WATCH_SECONDS: Final = 0.5
RESTARTS_MAX: Final = 5
"""Of one part within `RESTARTS_WINDOW_SECONDS`; a part that keeps falling over is not helped by another start."""
RESTARTS_WINDOW_SECONDS: Final = 60.0


def welcome(network: Network) -> RenderableType:
    """Where to look, who lives there, and what to try."""
    addresses = Table("what", "where", title="Open in a browser", title_justify="left")
    addresses.add_row("Hub: console, REST API", f"{network.hub_url}  {network.hub_url}/api/docs")
    addresses.add_row("Hub: gRPC", f"127.0.0.1:{network.grpc_ports[0]} (with reflection)")
    for bank in network.banks:
        addresses.add_row(f"{bank.spec.name} ({bank.code})", f"{bank.url}  {bank.url}/api/docs")
    with_client = new_client(network.secrets.operator)
    try:
        rest = {bank.code: BankRest(bank.spec.name, bank.url, with_client) for bank in network.banks}
        population = Population.of(rest)
    finally:
        with_client.close()
    return Group(addresses, _people(network, population), _ideas(network, population))


def _people(network: Network, population: Population) -> Table:
    table = Table(
        "bank",
        "account",
        "name",
        "balance",
        "keys",
        title=f"People; everybody's PIN is {DEMO_PIN}",
        title_justify="left",
    )
    for bank in network.banks:
        for customer in population.customers[bank.code]:
            balance = format_brl(customer.balance_centavos)
            table.add_row(
                bank.code,
                customer.account_number,
                customer.name,
                balance if customer.is_active else f"{balance} ({customer.status})",
                ", ".join(key.key for key in customer.keys),
            )
        table.add_section()
    return table


def _ideas(network: Network, population: Population) -> str:
    first, other = network.banks[0], network.banks[-1]
    try:
        payer, payee = population.rich(first.code), population.rich(other.code)
        refused, poor = population.blocked(other.code), population.broke(first.code)
    except (LookupError, ValueError):
        return "Everybody of the demo has changed; open an account at a bank and pay somebody."
    return "\n".join(
        (
            "Try:",
            f"  1. At {first.url} sign in as {payer.name}, pay {_key(payee)}, and watch it complete.",
            f"  2. Pay {_key(refused)}: the account is blocked, the money comes back, and the page says why.",
            f"  3. Sign in as {poor.name} and pay anything: refused before it leaves the bank.",
            f"  4. kill -9 {other.service.pid}: {other.spec.name} comes back, and no payment to it is lost.",
            f"  5. In another terminal: codepix audit --hub {network.hub_url}",
        )
    )  # fmt: skip


def _key(customer: Customer) -> str:
    """The key that people know best of those that the customer has."""
    return min(customer.keys, key=lambda key: key.kind != "EMAIL").key


class Keeper:
    """Starts parts again that ended by themselves, as a container platform would."""

    def __init__(self, network: Network, tell: Callable[[str], None]) -> None:
        self._network = network
        self._tell = tell
        self._restarts: list[tuple[str, float]] = []

    def watch(self) -> None:
        """Until interrupted. Raises `PartError` when a part does not stay up."""
        while True:
            self.look()
            time.sleep(WATCH_SECONDS)

    def look(self) -> None:
        """Starts again what has ended since the last look."""
        network = self._network
        if not network.postgres.is_running():
            self._restart(network.postgres)
        if not network.broker.is_running():
            address = network.broker.bootstrap_servers
            self._restart(network.broker)
            if network.broker.bootstrap_servers != address:
                self._tell("The broker has another address now: starting the hub and the banks again")
                network.restart_services(network.services)
        for service in network.services:
            if not service.is_running():
                self._restart(service)

    def _restart(self, part: Part) -> None:
        now = time.monotonic()
        self._restarts.append((part.name, now))
        recent = [at for name, at in self._restarts if name == part.name and now - at < RESTARTS_WINDOW_SECONDS]
        if len(recent) > RESTARTS_MAX:
            raise PartError(f"{part.name} has ended {len(recent)} times within a minute; its log is in the folder.")
        self._tell(f"{part.name} has ended; starting it again")
        part.start()
        self._tell(f"{part.name} is back")
