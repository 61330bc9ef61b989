"""Tokens and scopes: who may use the API, and how every error looks."""

from __future__ import annotations

from tests.integration.api_pix.conftest import Shop

TYPE = "https://pix.bcb.gov.br/api/v2/error/"


def test_a_token_is_given_for_form_and_json_with_the_secret_in_header_or_body(shop: Shop) -> None:
    grant = {"grant_type": "client_credentials"}
    in_body = {**grant, "client_id": shop.credential_id, "client_secret": shop.secret}
    answers = [
        shop.client.post("/oauth/token", data=grant, auth=(shop.credential_id, shop.secret)),
        shop.client.post("/oauth/token", json=grant, auth=(shop.credential_id, shop.secret)),
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
        assert shop.get("/nothing").status_code == 404


def test_a_token_on_postgres_opens_the_api(shop_on_postgres: Shop) -> None:
    assert shop_on_postgres.get("/rec/RN1").json()["type"] == f"{TYPE}AcessoNegado"


def test_without_a_token_the_api_answers_401_and_says_how(shop: Shop) -> None:
    for headers in ({}, {"Authorization": "Bearer nothing"}, {"Authorization": "Basic YTpi"}):
        answer = shop.client.get("/v2/rec", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["status"] == 401 and answer.json()["detail"]
