"""The profile `sandbox`: `codepix sandbox` in one container, used as a test of an integrator uses it."""

from __future__ import annotations

import re
from typing import Final

from lab.compose.stack import Stack
from lab.compose.summary import Summary
from lab.network.parts.errors import PartError
from lab.sandbox.client import CodePixNetwork, SandboxError, attached_sandbox

SERVICE: Final = "sandbox"
TOKEN_DEFAULT: Final = re.compile(r"\$\{SANDBOX_TOKEN:-([^}]+)\}")
PAID_CENTAVOS: Final = 12_34


def use_sandbox(stack: Stack, summary: Summary) -> None:
    """Starts the container, pays in it, and puts it back to the start. Raises `PartError`."""
    with summary.step("up with the profile sandbox, and a payment in it") as said:
        stack.choose_ports_in_a_row("SANDBOX_BANKS_PORT", "SANDBOX_SECOND_BANK_PORT")
        stack.up("--no-deps", SERVICE, profile=SERVICE)
        token = TOKEN_DEFAULT.search(stack.text)
        if token is None:
            raise PartError("docker-compose.yml has no default for SANDBOX_TOKEN.")
        try:
            with attached_sandbox(f"http://127.0.0.1:{stack.port('SANDBOX_CONTROL_PORT')}", token.group(1)) as network:
                before = _balance(network)
                _pay(network)
                if _balance(network) != before + PAID_CENTAVOS:
                    raise PartError(f"The shop has {_balance(network)} centavos after a payment, {before} before it.")
                network.reset()
                if _balance(network) != before:
                    raise PartError(f"The shop has {_balance(network)} centavos after a reset, {before} at the start.")
        except SandboxError as error:
            raise PartError(f"{error}\n{stack.problems()}") from None
        said.append("paid, at rest, and put back to the start")


def _pay(network: CodePixNetwork) -> None:
    key = next(key for key in network.merchant["keys"] if key["kind"] == "EVP")
    network.call(
        "POST",
        f"{network.payer['api_url']}/accounts/{network.payer['account_number']}/transfers",
        json={"payee_key": key, "amount_centavos": PAID_CENTAVOS, "description": "Order 4711"},
        headers={"Idempotency-Key": "4711"},
    )
    network.wait_at_rest()


def _balance(network: CodePixNetwork) -> int:
    shop = network.merchant
    account = network.call("GET", f"{shop['api_url']}/accounts/{shop['account_number']}")
    return int(account["balance_centavos"])
