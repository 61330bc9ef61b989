"""Tokens and scopes: who may use the API, and what is refused."""

from __future__ import annotations

import base64
import json

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.api_pix_options import ApiPixOptions
from bank_sim.entrypoints.http.api_pix.access import WRONG_SECRETS_MAX
from bank_sim.entrypoints.http.api_pix.recurring import OPERATIONS
from tests.integration.api_pix.conftest import OpenShop, Shop
from tests.integration.bank_http.conftest import changed_tokens

TYPE = "https://pix.bcb.gov.br/api/v2/error/"
GRANT = {"grant_type": "client_credentials"}


def test_a_token_is_given_for_form_and_json_with_the_secret_in_header_or_body(shop: Shop) -> None:
    in_body = {**GRANT, "client_id": shop.credential_id, "client_secret": shop.secret}
    basic = (shop.credential_id, shop.secret)
    answers = [
        shop.client.post("/oauth/token", data=GRANT, auth=basic),
        shop.client.post("/oauth/token", json=GRANT, auth=basic),
        shop.client.post("/oauth/token", data=in_body),
        shop.client.post("/oauth/token", json=in_body),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()
        assert token["token_type"] == "Bearer" and token["expires_in"] == 3_600
        assert set(token["scope"].split()) >= {"cob.write", "pix.read"}
        shop.token = token["access_token"]
        assert shop.list("/pix").status_code == 200


def test_a_token_has_the_part_of_the_scopes_that_its_credential_has(
    open_shop: OpenShop, aurora: BankApplication, ana: Account
) -> None:
    shop = open_shop(aurora, ana, scopes=("pix.read", "cob.read"))
    answer = shop.ask_token(scope="rec.write pix.read pix.write").json()
    assert answer["scope"] == "pix.read"
    refused = shop.ask_token(scope="pix.write rec.read")
    assert refused.status_code == 400 and refused.json()["error"] == "invalid_scope"


def test_each_way_to_ask_wrongly_has_the_error_of_the_rfc(shop: Shop) -> None:
    basic = (shop.credential_id, shop.secret)
    post = shop.client.post
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    cases = [
        (post("/oauth/token", data={}, auth=basic), 400, "invalid_request"),
        (post("/oauth/token", data={"grant_type": "password"}, auth=basic), 400, "unsupported_grant_type"),
        (post("/oauth/token", data=GRANT), 401, "invalid_client"),
        (post("/oauth/token", data={**GRANT, "client_id": shop.credential_id}), 401, "invalid_client"),
        (post("/oauth/token", data=GRANT, auth=(shop.credential_id, "wrong")), 401, "invalid_client"),
        (post("/oauth/token", data=GRANT, auth=("unknown", shop.secret)), 401, "invalid_client"),
        (post("/oauth/token", data=GRANT, headers={"Authorization": "Basic ???"}), 401, "invalid_client"),
        (post("/oauth/token", data={**GRANT, "client_secret": shop.secret}, auth=basic), 400, "invalid_request"),
        (post("/oauth/token", content=b"{", headers={"Content-Type": "application/json"}), 400, "invalid_request"),
        (post("/oauth/token", json=[1], auth=basic), 400, "invalid_request"),
        (post("/oauth/token", content=b"[" * 60_000, headers={"Content-Type": "application/json"}), 400, None),
        (post("/oauth/token", content=b"\xff=\xfe", headers=form, auth=basic), 400, "invalid_request"),
        (post("/oauth/token", content="&".join(["a=b"] * 100), headers=form, auth=basic), 400, "invalid_request"),
    ]
    for answer, status, error in cases:
        document = answer.json()
        assert (answer.status_code, document["error"]) == (status, error or "invalid_request")
        assert document["error_description"]
        assert answer.headers["cache-control"] == "no-store"
    assert cases[4][0].headers["www-authenticate"] == "Basic"


def test_wrong_secrets_have_to_wait_and_the_right_one_does_not(shop: Shop) -> None:
    for _ in range(WRONG_SECRETS_MAX):
        assert shop.client.post("/oauth/token", data=GRANT, auth=(shop.credential_id, "wrong")).status_code == 401
    guess = shop.client.post("/oauth/token", data=GRANT, auth=(shop.credential_id, "wrong"))
    assert guess.status_code == 429 and int(guess.headers["retry-after"]) > 0
    assert shop.ask_token().status_code == 200


def test_a_credential_has_a_rate_limit_and_another_is_not_touched(
    open_shop: OpenShop, aurora: BankApplication, ana: Account
) -> None:
    shop = open_shop(aurora, ana, options=ApiPixOptions(requests_per_minute=3))
    statuses = [shop.list("/pix").status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    refused = shop.list("/pix")
    assert refused.json()["status"] == 429 and int(refused.headers["retry-after"]) > 0
    other = aurora.api_credentials.create(account_number=ana.number)
    shop.credential_id, shop.secret = other.credential.credential_id, other.secret
    shop.token = shop.ask_token().json()["access_token"]
    assert shop.list("/pix").status_code == 200


def test_without_a_token_the_api_answers_401_and_says_how(shop: Shop) -> None:
    for headers in ({}, {"Authorization": "Bearer nothing"}, {"Authorization": "Basic YTpi"}):
        answer = shop.client.get("/v2/rec", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["status"] == 401 and answer.json()["detail"]


def test_a_token_without_the_scope_is_refused(open_shop: OpenShop, aurora: BankApplication, ana: Account) -> None:
    shop = open_shop(aurora, ana, scopes=("pix.read",))
    answer = shop.put("/pix/E1/devolucao/1", {"valor": "1.00"})
    assert (answer.status_code, answer.json()["type"]) == (403, f"{TYPE}AcessoNegado")
    assert "pix.write" in answer.json()["detail"]


def test_a_forged_token_is_none(shop: Shop, other_shop: Shop) -> None:
    credential_id, _, signed = shop.token.partition(".")
    content, _, signature = signed.rpartition(".")
    others_id, _, others_signed = other_shop.token.partition(".")
    wider = base64.urlsafe_b64encode(json.dumps([["cob.write"], 2**60, ""]).encode()).decode().rstrip("=")
    forged = [
        *changed_tokens(shop.token),
        f"{credential_id}.{wider}.{signature}",
        f"{credential_id}.{wider}.",
        f"{credential_id}..",
        f"{credential_id}",
        f"{others_id}.{content}.{signature}",
        f"{credential_id}.{others_signed}",
        other_shop.token,
        f"{shop.token}.{signature}",
        "a." + "b" * 10_000,
        "eyJhbGciOiJub25lIn0.e30.",
    ]
    for token in forged:
        shop.token = token
        assert shop.list("/pix").status_code == 401, token


def test_rotating_and_revoking_end_the_tokens(shop: Shop) -> None:
    bank, number = shop.bank.api_credentials, shop.account.number
    shop.secret = bank.rotate(account_number=number, credential_id=shop.credential_id).secret
    assert shop.list("/pix").status_code == 401
    shop.token = shop.ask_token().json()["access_token"]
    assert shop.list("/pix").status_code == 200
    bank.revoke(account_number=number, credential_id=shop.credential_id)
    assert shop.list("/pix").status_code == 401
    assert shop.ask_token().json()["error"] == "invalid_client"


def test_pix_automatico_is_refused_to_every_token(shop: Shop) -> None:
    token = shop.token
    for method, path in OPERATIONS:
        address = path.format(location_id=1, recurrence_id="RN1", request_id="SC1", txid="a" * 26, day="2026-01-01")
        shop.token = token
        answer = shop.request(method, address)
        assert (answer.status_code, answer.json()["type"]) == (403, f"{TYPE}AcessoNegado"), address
        shop.token = ""
        assert shop.request(method, address).status_code == 401, address


def test_no_recurrence_has_a_payload(shop: Shop) -> None:
    answer = shop.client.get("/qr/v2/rec/2353c790eefb11eaadc10242ac120002")
    assert (answer.status_code, answer.json()["type"]) == (404, f"{TYPE}RecPayloadNaoEncontrado")
    assert answer.headers["content-type"] == "application/problem+json"
