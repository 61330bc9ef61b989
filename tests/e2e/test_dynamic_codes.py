"""A dynamic code from the merchant's program to the customer of another bank, through processes."""

from __future__ import annotations

import httpx

from lab.network.network import Network
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, Json, Refused

PAID_SECONDS_MAX = 30.0
TXID = "pedido20261129testdeponta0001"


def person(client: httpx.Client, bank: BankRest, story: str) -> Json:
    people = client.get(f"{bank.url}/sandbox/people").json()["people"]
    return dict(next(person for person in people if person["story"] == story))


def test_a_charge_is_read_paid_and_concluded(
    quiet_network: Network, banks: dict[str, BankRest], client: httpx.Client
) -> None:
    payers_bank, merchants_bank = banks["001"], banks["002"]
    merchant, payer = person(client, merchants_bank, "company"), person(client, payers_bank, "rich")
    key = next(key["key"] for key in merchant["keys"] if key["kind"] == "EVP")
    number = merchant["account_number"]
    credential = merchants_bank.call("POST", f"/accounts/{number}/api-credentials", json={"name": "Loja"})
    token = client.post(
        f"{merchants_bank.url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(credential["credential_id"], credential["secret"]),
    ).json()["access_token"]
    place, headers = f"{merchants_bank.url}/v2/cob/{TXID}", {"Authorization": f"Bearer {token}"}
    body = {"calendario": {"expiracao": 3_600}, "valor": {"original": "27.90"}, "chave": key}
    made = client.put(place, json=body, headers=headers)
    assert made.status_code == 201, made.text
    code = made.json()["pixCopiaECola"]

    read = payers_bank.call("POST", "/codes/read", json={"brcode": code})
    assert (read["initiation"], read["txid"], read["amount_centavos"]) == ("QRDN", TXID, 27_90)
    assert read["payee"]["name"] == merchant["name"]

    order = {"brcode": code, "amount_centavos": 27_90}
    paid = payers_bank.call(
        "POST", f"/accounts/{payer['account_number']}/transfers", json=order, headers={"Idempotency-Key": TXID}
    )

    def concluded() -> Json | None:
        charge: Json = client.get(place, headers=headers).json()
        return charge if charge["status"] == "CONCLUIDA" else None

    charge = wait_until(concluded, PAID_SECONDS_MAX, "the charge to be concluded")
    assert charge is not None
    assert [pix["endToEndId"] for pix in charge["pix"]] == [paid["end_to_end_id"]]
    try:
        payers_bank.call("POST", "/codes/read", json={"brcode": code})
    except Refused as refusal:
        assert refusal.name == "code-not-payable"
    else:
        raise AssertionError("a paid charge cannot be paid again")
