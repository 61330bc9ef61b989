"""What `codepix sandbox` prints: one JSON object with everything that a test needs to know of the network."""

from __future__ import annotations

from typing import Any, Final

import httpx

from lab.network.network import RunningBank
from lab.network.run import Run
from lab.read.rest import Unreachable
from pix.runtime.version import codepix_version

SandboxDocument = dict[str, Any]

MERCHANT_STORY: Final = "company"
PAYER_STORY: Final = "rich"


def describe(run: Run, seed: str, start_at_ms: int | None, control_url: str, token: str) -> SandboxDocument:
    """Addresses, credentials, keys and people. Raises `Unreachable`."""
    network = run.network
    banks = {bank.code: _bank(run, bank, network.secrets.operator) for bank in network.banks}
    first, *others = banks.values()
    return {
        "codepix": codepix_version(),
        "seed": seed,
        "start_at_ms": start_at_ms,
        "control": {"url": control_url, "token": token},
        "hub": {
            "url": network.hub_url,
            "api_url": f"{network.hub_url}/api/v1",
            "grpc": f"127.0.0.1:{network.grpc_ports[0]}",
            "operator_password": network.secrets.operator,
        },
        "merchant": _person(first, MERCHANT_STORY),
        "payer": _person((others or [first])[0], PAYER_STORY),
        "banks": banks,
    }


def _bank(run: Run, bank: RunningBank, operator_password: str) -> SandboxDocument:
    return {
        "code": bank.code,
        "ispb": bank.ispb,
        "name": bank.spec.name,
        "url": bank.url,
        "api_url": f"{bank.url}/api/v1",
        "api_pix_url": f"{bank.url}/v2",
        "token_url": f"{bank.url}/oauth/token",
        "sandbox_url": f"{bank.url}/sandbox",
        "operator_password": operator_password,
        "people": _people(run.client, bank),
    }


def _people(client: httpx.Client, bank: RunningBank) -> list[SandboxDocument]:
    try:
        answer = client.get(f"{bank.url}/sandbox/people").raise_for_status()
        return list(answer.json()["people"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise Unreachable(f"Bank {bank.code} at {bank.url} names no people ({error}).") from error


def _person(bank: SandboxDocument, story: str) -> SandboxDocument:
    """The person of a bank, with the addresses that their programs need."""
    person = next(each for each in bank["people"] if each["story"] == story)
    addresses = {name: bank[name] for name in ("api_url", "api_pix_url", "token_url", "sandbox_url")}
    return {"bank": bank["code"], **addresses, **person}
