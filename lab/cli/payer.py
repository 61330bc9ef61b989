"""`codepix payer`: tells a payer of a bank in a sandbox what to do with a code. Times are São Paulo's."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import httpx
import typer

from lab.cli.clock import time_ms
from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, refuse, reporting_errors, web_address
from lab.read.report import console, print_json
from lab.read.rest import Unreachable, new_client
from pix.scheme.days import local
from pix.scheme.errors import SchemeError
from pix.scheme.money import format_brl, parse_brl

BANK_URL_DEFAULT: Final = "http://127.0.0.1:8002"
NOT_FOUND: Final = 404

payer = typer.Typer(help="Decides what payers of a sandbox do.", no_args_is_help=True)

Bank = Annotated[str, typer.Option(help="The address of the payer's bank.", envvar="CODEPIX_PAYER_BANK")]
Password = Annotated[
    str, typer.Option(envvar="OPERATOR_PASSWORD", help="Of the bank; a demo asks for none.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]


@payer.command()
def pay(
    code: Annotated[str, typer.Argument(help="The copia e cola.")],
    bank: Bank = BANK_URL_DEFAULT,
    person: Annotated[
        str, typer.Option("--payer", help="An account number, or a story such as everyday.", show_default="rich")
    ] = "",
    in_seconds: Annotated[int | None, typer.Option("--in", min=0, help="Seconds from now, of the clock.")] = None,
    at: Annotated[str, typer.Option(help="A time in São Paulo, such as 2027-01-31T20:00.")] = "",
    after_expiry: Annotated[bool, typer.Option("--after-expiry", help="Pay too late.")] = False,
    never: Annotated[bool, typer.Option("--never", help="Never pay it.")] = False,
    amount: Annotated[str, typer.Option(help="Another amount, such as 12,34.", show_default="the code's")] = "",
    twice: Annotated[bool, typer.Option("--twice", help="Pay the same code twice.")] = False,
    another_person: Annotated[
        bool, typer.Option("--another-person", help="Neither the usual payer nor the debtor pays.")
    ] = False,
    operator_password: Password = "",
    json: AsJson = False,
) -> None:
    """Pays a code now, or as the options say."""
    ways: list[tuple[str, dict[str, Any]]] = []
    if in_seconds is not None:
        ways.append(("in_seconds", {"in_seconds": in_seconds}))
    if at:
        ways.append(("at", {"at_ms": time_ms(at)}))
    if after_expiry:
        ways.append(("after_expiry", {}))
    if never:
        ways.append(("never", {}))
    if len(ways) > 1:
        raise refuse("--in, --at, --after-expiry and --never: choose one.", EXIT_USAGE)
    when, more = ways[0] if ways else ("now", {})
    body = {"code": code, "payer": person, "when": when, "times": 2 if twice else 1, **more}
    if amount:
        body["amount_centavos"] = _centavos(amount)
    if another_person:
        body["by_another_person"] = True
    with _bank_of(bank, operator_password) as ask:
        _print([ask("POST", "/payments", json=body)], json)


@payer.command("list")
def list_payments(bank: Bank = BANK_URL_DEFAULT, operator_password: Password = "", json: AsJson = False) -> None:
    """Shows the payments that were asked for, newest first."""
    with _bank_of(bank, operator_password) as ask:
        _print(ask("GET", "/payments")["payments"], json)


@payer.command()
def cancel(
    payment_id: Annotated[str, typer.Argument(help="As `codepix payer list` shows it.")],
    bank: Bank = BANK_URL_DEFAULT,
    operator_password: Password = "",
    json: AsJson = False,
) -> None:
    """Cancels a payment that waits."""
    with _bank_of(bank, operator_password) as ask:
        _print([ask("DELETE", f"/payments/{payment_id}")], json)


@payer.command()
def rules(bank: Bank = BANK_URL_DEFAULT, operator_password: Password = "", json: AsJson = False) -> None:
    """Shows the bank's rules in the order in which they are tried."""
    with _bank_of(bank, operator_password) as ask:
        found = ask("GET", "/rules")["rules"]
    if json:
        print_json({"rules": found})
        return
    for rule in found:
        state = "" if rule["enabled"] else " (off)"
        console.print(
            f"{rule['rule_id']}{state}: {rule['kind']} {json_text.dumps(rule['match'])} → "
            f"{json_text.dumps(rule['action'])}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@payer.command()
def rule(
    document: Annotated[
        str, typer.Argument(help='Such as {"kind": "answer", "match": {"txid": "abc*"}, "action": {"mode": "silent"}}.')
    ],
    bank: Bank = BANK_URL_DEFAULT,
    operator_password: Password = "",
) -> None:
    """Adds a rule."""
    try:
        body = json_text.loads(document)
    except ValueError as error:
        raise refuse(f"The rule is no JSON: {error}.", EXIT_USAGE) from None
    with _bank_of(bank, operator_password) as ask:
        print_json(ask("POST", "/rules", json=body))


@payer.command("remove-rule")
def remove_rule(
    rule_id: Annotated[str, typer.Argument(help="As `codepix payer rules` shows it.")],
    bank: Bank = BANK_URL_DEFAULT,
    operator_password: Password = "",
) -> None:
    """Removes a rule."""
    with _bank_of(bank, operator_password) as ask:
        ask("DELETE", f"/rules/{rule_id}")


def _centavos(text: str) -> int:
    try:
        return parse_brl(text)
    except SchemeError as error:
        raise refuse(f"--amount: {error.rule}", EXIT_USAGE) from None


@contextmanager
def _bank_of(bank: str, operator_password: str) -> Iterator[Any]:
    address = web_address("--bank", bank)
    with reporting_errors():
        client = new_client(operator_password)

        def ask(method: str, path: str, **arguments: Any) -> Any:
            try:
                answer = client.request(method, f"{address}/sandbox{path}", **arguments)
            except httpx.HTTPError as error:
                raise Unreachable(f"The bank at {address} does not answer ({type(error).__name__}).") from error
            document = _json_of(answer)
            if answer.is_success:
                return document
            if answer.status_code == NOT_FOUND and not str(document.get("type", "")).endswith("-not-found"):
                raise refuse(f"The bank at {address} is in no sandbox (SANDBOX).", EXIT_USAGE)
            rule = document.get("rule") or document.get("detail") or f"HTTP status {answer.status_code}"
            field = document.get("field")
            raise refuse(f"{field}: {rule}" if field else str(rule), EXIT_BROKEN)

        try:
            yield ask
        finally:
            client.close()


def _json_of(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _print(payments: list[dict[str, Any]], json: bool) -> None:
    if json:
        print_json({"payments": payments})
        return
    for payment in payments:
        amount = payment["amount_centavos"]
        parts = [payment["payment_id"], payment["status"]]
        if amount is not None:
            parts.append(format_brl(amount))
        if payment["due_at_ms"] is not None:
            parts.append(f"due {local(payment['due_at_ms']).strftime('%Y-%m-%dT%H:%M:%S')}")
        parts += payment["end_to_end_ids"]
        if payment["refusal"]:
            parts.append(payment["refusal"])
        console.print("  ".join(parts), markup=False, highlight=False, soft_wrap=True)
