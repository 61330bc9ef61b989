"""The log of API requests: what a merchant's developers see, and what nobody sees."""

from __future__ import annotations

from bank_sim.domain.credentials.request_log import BLANK, BODY_BYTES_MAX, ApiRequest
from lab.network.parts.process import wait_until
from tests.integration.api_pix.conftest import Shop

WAIT_SECONDS = 5.0


def logged(shop: Shop, path: str, count: int = 1) -> list[ApiRequest]:
    """The requests whose path has this part, newest first, once there are so many."""

    def found() -> list[ApiRequest]:
        page = shop.bank.api_credentials.requests.list(shop.account.number, search=path)
        return list(page.requests) if len(page.requests) >= count else []

    return wait_until(found, WAIT_SECONDS, "the log of requests", poll_seconds=0.01)


def test_a_request_is_noted_with_both_bodies(shop: Shop) -> None:
    answer = shop.put("/pix/E1/devolucao/7", {"valor": "1.00"})
    (noted,) = logged(shop, "devolucao/7")
    assert (noted.method, noted.path, noted.status) == ("PUT", "/v2/pix/E1/devolucao/7", 404)
    assert noted.credential_id == shop.credential_id
    assert noted.request.text == '{"valor":"1.00"}' and noted.request.content_type == "application/json"
    assert noted.response.text == answer.text and noted.response.content_type == "application/problem+json"
    assert noted.request_id == answer.json()["correlationId"]
    shop.list("/pix", txid="pedido7")
    (listed,) = logged(shop, "txid=pedido7")
    assert listed.succeeded and listed.response.text.startswith('{"parametros"')


def test_secrets_and_tokens_are_blanked(shop: Shop) -> None:
    body = {"grant_type": "client_credentials", "client_id": shop.credential_id, "client_secret": shop.secret}
    given = shop.client.post("/oauth/token", data=body).json()["access_token"]
    shop.client.post("/oauth/token", json=body)
    shop.client.post("/oauth/token", json={**body, "client_secret": "a wrong one"})
    noted = logged(shop, "/oauth/token", 4)
    assert [each.status for each in noted] == [401, 200, 200, 200]
    for each in noted:
        texts = f"{each.request.text} {each.response.text} {each.path}"
        assert shop.secret not in texts and "a wrong one" not in texts and given not in texts
    assert f"client_secret={BLANK}" in noted[2].request.text
    assert f'"client_secret":"{BLANK}"' in noted[1].request.text
    assert f'"access_token":"{BLANK}"' in noted[1].response.text


def test_what_is_long_is_cut_and_what_has_no_owner_is_not_noted(shop: Shop, other_shop: Shop) -> None:
    long = " " * (BODY_BYTES_MAX + 100)
    shop.request("PUT", "/pix/E1/devolucao/8", content=long, headers={"Content-Type": "application/json"})
    (noted,) = logged(shop, "devolucao/8")
    assert len(noted.request.text) == BODY_BYTES_MAX and noted.request.whole_bytes == BODY_BYTES_MAX + 100
    shop.client.get("/v2/pix/without-a-token")
    shop.client.get("/v2/pix/forged", headers={"Authorization": "Bearer unknown-client.content.signature"})
    other_shop.get("/pix/of-another")
    logged(other_shop, "of-another")
    page = shop.bank.api_credentials.requests.list(shop.account.number, search="pix/")
    assert [each.path for each in page.requests] == ["/v2/pix/E1/devolucao/8"]


def test_a_request_with_a_token_that_has_ended_is_noted_for_its_credential(shop: Shop) -> None:
    shop.bank.api_credentials.rotate(account_number=shop.account.number, credential_id=shop.credential_id)
    shop.get("/pix/with-an-old-token")
    (noted,) = logged(shop, "with-an-old-token")
    assert (noted.status, noted.credential_id) == (401, shop.credential_id)


def test_a_request_on_postgres_is_noted(shop_on_postgres: Shop) -> None:
    shop_on_postgres.get("/pix/E%C3%A7")
    (noted,) = logged(shop_on_postgres, "/v2/pix/Eç")
    assert noted.status == 404
