"""`codepix demo`: a network with its pages and the lab's panel, until Ctrl-C."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.table import Table

from lab.classroom.walkthrough import Walkthrough
from lab.drive.customers import DEMO_PIN, Customer, Population
from lab.network.course_demo import course_accounts, course_hints
from lab.network.network import Network, NetworkSettings, remove_network
from lab.network.run import Run, open_run
from lab.network.supervisor import RESTARTS_MAX, Supervisor
from lab.read.report import console
from pix.scheme.money import format_brl

if TYPE_CHECKING:
    from lab.panel.operator_sign_in import OperatorSignIn

PANEL_LINE: Final = "Lab panel, to break components, play scenarios and audit (on this machine only):"
CLASSROOM_LINE: Final = "Classroom, to follow a transfer step by step (on this machine only):"


KEY_WIDTH: Final = 36
"""Of a random key, the longest of the demo."""
CLASSROOM_IDEAS: Final = "\n".join(
    (
        "In the classroom everything stands still until you press Next:",
        "  1. Open the classroom's address below on the projector, and press Next (or the right arrow key).",
        "  2. Choose Present for large type. The notes for the speaker have a page of their own.",
        "  3. Watch each message on the map, in the lanes and in the books of both banks.",
        "  4. A payment at a bank's own page waits here too: its processes are paused. Use codepix demo for that.",
    )
)


def run_demo(settings: NetworkSettings, fresh: bool, progress: Callable[[str], None]) -> None:
    """Starts the network and the lab's panel, says where to look, and runs until interrupted.

    Where the settings split the roles, the panel is a classroom. The panel may ask for a reset: then all of it starts
    again without its data, at the same addresses. Raises `PortInUse`, `PartError`.
    """
    # The panel needs a web server, which no other command of the lab does.
    from lab.panel.operator_sign_in import OperatorSignIn

    sign_in = OperatorSignIn()
    while _run_once(settings, sign_in, fresh, progress):
        progress("Resetting the demo's data")
        fresh = True


def _run_once(settings: NetworkSettings, sign_in: OperatorSignIn, fresh: bool, progress: Callable[[str], None]) -> bool:
    """Whether a reset has been asked for."""
    from lab.panel.serving import PanelServer

    reset = threading.Event()

    def forget() -> None:
        if fresh:
            remove_network(settings.folder)

    with open_run(settings, progress, forget) as run:
        supervisor = Supervisor.of(run.network, progress, RESTARTS_MAX)
        console.print(welcome(run))
        if run.network.course_banks:
            # Commands to copy: no line is broken.
            hints = course_hints(run.network, Population.of(run.rest))
            console.print("\n".join(hints), markup=False, highlight=False, soft_wrap=True)
        if settings.lab_port is not None:
            walkthrough = _begin_walkthrough(run, progress) if settings.splits_roles else None
            panel = PanelServer(run, supervisor, settings.lab_port, walkthrough, sign_in=sign_in, reset=reset)
            panel.start()
            console.print(CLASSROOM_LINE if walkthrough else PANEL_LINE, highlight=False)
            console.print(f"  {panel.address}", markup=False, highlight=False, soft_wrap=True)
        folder = run.network.folder
        console.print(f"Data, logs and secrets are in {folder}. Ctrl-C stops everything.", highlight=False)
        sys.stdout.flush()
        try:
            supervisor.watch(reset.is_set)
        except KeyboardInterrupt:
            progress("Stopping")
            return False
    return reset.is_set()


def _begin_walkthrough(run: Run, progress: Callable[[str], None]) -> Walkthrough:
    progress("Pausing the services")
    walkthrough = Walkthrough(run)
    walkthrough.begin()
    return walkthrough


def welcome(run: Run) -> RenderableType:
    network = run.network
    addresses = Table("what", "where", title="Open in a browser", title_justify="left")
    addresses.add_row("Hub: console, REST API", f"{network.hub_url}  {network.hub_url}/api/docs")
    addresses.add_row("Hub: gRPC", f"127.0.0.1:{network.grpc_ports[0]} (with reflection)")
    for bank in network.banks:
        addresses.add_row(f"{bank.spec.name} ({bank.code})", f"{bank.url}  {bank.url}/api/docs")
    population = Population.of(run.rest)
    # The addresses come last, so that they are still in view.
    if network.course_banks:
        return Group(people_table(network, population), course_accounts(network), addresses)
    ideas = CLASSROOM_IDEAS if network.settings.splits_roles else _ideas(network, population)
    return Group(people_table(network, population), ideas, addresses)


def people_table(network: Network, population: Population) -> Table:
    """Fits into 80 columns without cutting a key: each has a line, so that it can be copied."""
    table = Table(title=f"Demo people (PIN of each: {DEMO_PIN})", title_justify="left")
    table.add_column("bank")
    table.add_column("person", overflow="fold")
    table.add_column("keys", no_wrap=True, min_width=KEY_WIDTH)
    for bank in network.banks:
        for customer in population.customers[bank.code]:
            balance = format_brl(customer.balance_centavos)
            stands = balance if customer.is_active else f"{balance} ({customer.status})"
            table.add_row(
                bank.code,
                f"{customer.name}\n{customer.account_number} · {stands}",
                "\n".join(key.key for key in customer.keys),
            )
        table.add_section()
    return table


def _ideas(network: Network, population: Population) -> str:
    first, other = network.banks[0], network.banks[-1]
    try:
        payer, payee = population.rich(first.code), population.rich(other.code)
        refused, poor = population.blocked(other.code), population.broke(first.code)
    except (LookupError, ValueError):
        return "All demo accounts have changed. Open an account at a bank and make a payment."
    return "\n".join(
        (
            "Try:",
            f"  1. At {first.url} sign in as {payer.name}, pay {_key(payee)}, and watch it complete.",
            f"  2. Pay {_key(refused)}: the account is blocked, the payer is refunded, and the page shows the reason.",
            f"  3. Sign in as {poor.name} and pay any amount: the bank rejects it for lack of balance.",
            f"  4. kill -9 {other.service.pid}: {other.spec.name} restarts, and no payment to it is lost.",
            f"  5. In another terminal: codepix audit --hub {network.hub_url}",
        )
    )  # fmt: skip


def _key(customer: Customer) -> str:
    """The key that people know best of those that the customer has."""
    return min(customer.keys, key=lambda key: key.kind != "EMAIL").key
