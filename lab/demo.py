"""`codepix demo`: a network to look at and to play with, until somebody presses Ctrl-C."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table

from lab.network import Network
from lab.people import DEMO_PIN, Customer, Population
from lab.rest import BankRest, new_client
from pix.scheme.money import format_brl


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
