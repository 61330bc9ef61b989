"""What `codepix demo --course` says: where the course's banks are, and what to try with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from rich.table import Table

from lab.course_bank.fixtures import FixtureAccount, accounts_of
from lab.drive.customers import Population
from lab.network.network import Network
from lab.network.parts.ports import LOOPBACK
from pix.runtime.addresses import join_host_port

KEY_OF_COURSE: Final = "dora@example.com"
KEY_OF_PAYER: Final = "paulo@example.com"


def course_accounts(network: Network) -> Table:
    table = Table("bank", "account", "owner", "id", title="Banks of the original course", title_justify="left")
    for bank in network.course_banks:
        for account in accounts_of(bank.code):
            table.add_row(f"{bank.spec.name} ({bank.code})", account.number, account.owner_name, account.account_id)
        table.add_section()
    return table


def course_hints(network: Network, population: Population) -> Sequence[str]:
    """Lines: what a course bank has to be told to take part, and what to try with the stand-ins."""
    address = join_host_port(LOOPBACK, network.course_grpc_port)
    connections = (
        "A course bank of your own connects to",
        f"  gRPC   {address} (github.com.codeedu.codepix.PixService, no TLS)",
        f"  Kafka  {network.broker.bootstrap_servers}",
        f"Banks, accounts and what is owed: {network.hub_url}/course",
    )
    if all(bank.services for bank in network.course_banks):
        return (*connections, *_ideas(network, population))
    return (*connections, "Start your banks 001 and 002, register a key there, and pay.")


def _ideas(network: Network, population: Population) -> Sequence[str]:
    payer_bank, payee_bank = network.course_banks
    payer, payee = accounts_of(payer_bank.code)[0], accounts_of(payee_bank.code)[0]
    ours = network.banks[0]
    lines = [
        "Try:",
        "  1. Register a key at a course bank, and pay it from the other one:",
        f"     {_register(payee_bank.url, payee, KEY_OF_COURSE)}",
        f"     {_pay(payer_bank.url, payer, KEY_OF_COURSE, 25)}",
        f"     curl {payee_bank.url}/bank-accounts",
    ]
    try:
        rich = population.rich(ours.code)
        key = next(key.key for key in rich.keys if key.kind == "EMAIL")
    except (LookupError, ValueError, StopIteration):
        pass
    else:
        lines += [
            f"  2. Pay {rich.name} of {ours.spec.name} from the course bank, and see the transfer in the console:",
            f"     {_pay(payer_bank.url, payer, key, 10)}",
            f"  3. At {ours.url} sign in as {rich.name} and pay {KEY_OF_COURSE}: first R$ 12, then R$ 1,50.",
            "     The course bank keeps no centavos, so that the hub refuses the second at once (AM09).",
        ]
    lines += [
        "  4. Pay an unknown key. The course's wire knows no refusal, so that the money is listed as owed at",
        f"     {network.hub_url}/course; once the payer has a key, it comes back to that key within a minute.",
        f"     {_pay(payer_bank.url, payer, 'nobody@example.com', 5)}",
        f"     {_register(payer_bank.url, payer, KEY_OF_PAYER)}",
        f"  5. kill -9 {payee_bank.service.pid}: the bank restarts, and what it is sent meanwhile is held back for it.",
        f"  6. In another terminal: codepix audit --hub {network.hub_url}",
    ]
    return lines


def _register(url: str, account: FixtureAccount, key: str) -> str:
    return _post(f"{url}/bank-accounts/{account.account_id}/pix-keys", {"kind": "email", "key": key})


def _pay(url: str, account: FixtureAccount, key: str, amount: int) -> str:
    body = {"pix_key_kind": "email", "pix_key_key": key, "amount": amount, "description": "coffee"}
    return _post(f"{url}/bank-accounts/{account.account_id}/transactions", body)


def _post(address: str, body: dict[str, object]) -> str:
    return f"curl -H 'content-type: application/json' -d '{json.dumps(body)}' {address}"
