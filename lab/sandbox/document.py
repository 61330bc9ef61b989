"""What `codepix sandbox` prints: one JSON object with everything that a test needs to know of the network."""

from __future__ import annotations

from typing import Any, Final

import httpx

from lab.network.network import RunningBank
from lab.network.run import Run
from lab.read.rest import Unreachable
from pix.runtime.version import codepix_version
from pix.scheme.seed import seeded_uuid

SandboxDocument = dict[str, Any]

MERCHANT_STORY: Final = "company"
PAYER_STORY: Final = "rich"
ACTIVE: Final = "active"


def describe(
    run: Run, seed: str, chance_or_seed: str, start_at_ms: int | None, control_url: str, token: str
) -> SandboxDocument:
    """Addresses, credentials, keys and people; credentials depend on `chance_or_seed`. Raises `Unreachable`."""
    network = run.network
    banks = {bank.code: _bank(run, bank, network.secrets.operator, chance_or_seed) for bank in network.banks}
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


def _bank(run: Run, bank: RunningBank, operator_password: str, seed: str) -> SandboxDocument:
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
        "people": _people(run, bank, seed),
    }


def _people(run: Run, bank: RunningBank, seed: str) -> list[SandboxDocument]:
    return [
        {**person, **(_credential(bank, person, seed) if person["status"] == ACTIVE else {})}
        for person in _read_people(run.client, bank)
    ]


def make_credentials(run: Run, seed: str) -> None:
    """Gives each active person a credential of the API Pix. Raises `Unreachable`."""
    for bank in run.network.banks:
        for person in _read_people(run.client, bank):
            if person["status"] == ACTIVE:
                body = {"account_number": person["account_number"], **_credential(bank, person, seed)}
                try:
                    run.client.post(f"{bank.url}/sandbox/credentials", json=body).raise_for_status()
                except httpx.HTTPError as error:
                    raise Unreachable(f"Bank {bank.code} at {bank.url} makes no credential ({error}).") from error


def _credential(bank: RunningBank, person: SandboxDocument, seed: str) -> SandboxDocument:
    """The same for the same seed."""
    parts = (bank.code, str(person["account_number"]))
    return {
        "client_id": seeded_uuid(seed, "client id", *parts),
        "client_secret": seeded_uuid(seed, "client secret", *parts) + seeded_uuid(seed, "and more", *parts),
    }


def _read_people(client: httpx.Client, bank: RunningBank) -> list[SandboxDocument]:
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
