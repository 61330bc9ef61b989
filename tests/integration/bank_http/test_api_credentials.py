"""Credentials of the API Pix over the bank's own REST API."""

from __future__ import annotations

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from tests.integration.bank_http.conftest import Visit


def test_a_secret_is_shown_once_and_ends_with_a_rotation(aurora: BankApplication, ana: Account, visit: Visit) -> None:
    client = visit(aurora).client
    address = f"/api/v1/accounts/{ana.number}/api-credentials"
    made = client.post(address, json={"name": "Loja", "scopes": ["pix.read"]})
    assert made.status_code == 201 and made.headers["location"] == f"{address}/{made.json()['credential_id']}"
    credential = made.json()
    secret = credential.pop("secret")
    assert credential["scopes"] == ["pix.read"] and credential["is_active"]
    assert client.get(f"{address}/{credential['credential_id']}").json() == credential
    assert client.get(address).json() == {"credentials": [credential]}

    basic = (credential["credential_id"], secret)
    grant = {"grant_type": "client_credentials"}
    assert client.post("/oauth/token", data=grant, auth=basic).json()["scope"] == "pix.read"
    rotated = client.post(f"{address}/{credential['credential_id']}/rotate").json()
    assert rotated["secret"] != secret and rotated["version"] == 2
    assert client.post("/oauth/token", data=grant, auth=basic).status_code == 401
    revoked = client.delete(f"{address}/{credential['credential_id']}").json()
    assert not revoked["is_active"] and revoked["revoked_at_ms"]
    again = client.post(f"{address}/{credential['credential_id']}/rotate")
    assert (again.status_code, again.json()["type"]) == (409, "urn:codepix:problem:credential-revoked")


def test_what_is_wrong_with_a_new_credential_is_named(aurora: BankApplication, ana: Account, visit: Visit) -> None:
    client = visit(aurora).client
    address = f"/api/v1/accounts/{ana.number}/api-credentials"
    bodies: list[dict[str, object]] = [{"scopes": ["rec.read"]}, {"scopes": []}, {"name": "x" * 61}, {"nothing": 1}]
    for body in bodies:
        answer = client.post(address, json=body)
        assert answer.status_code == 422 and answer.json()["field"]
    assert client.post(address.replace(ana.number, "999999-9"), json={}).status_code == 404
    assert client.get(f"{address}/unknown-one").status_code == 404


def test_the_request_log_is_read_by_rest(aurora: BankApplication, ana: Account, visit: Visit) -> None:
    client = visit(aurora).client
    answer = client.get(f"/api/v1/accounts/{ana.number}/api-requests").json()
    assert answer == {"requests": [], "next_cursor": ""}
