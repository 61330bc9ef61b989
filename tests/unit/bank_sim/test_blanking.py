"""No secret reaches the log of API requests, however a client writes it."""

from __future__ import annotations

import json

import pytest

from bank_sim.application.credentials.blanking import blanked_json, blanked_pairs, body_of
from bank_sim.domain.credentials.request_log import BLANK, BODY_BYTES_MAX

SECRET = "s3cr3t-of-the-tests"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"client_secret": SECRET, "scope": "pix.read"}),
        json.dumps({"a": [{"ACCESS_TOKEN": SECRET}]}, indent=2),
        json.dumps({"client_secret": SECRET}).replace("secret", "s\\u0065cret"),
        json.dumps({"client_secret": SECRET}).replace("s3cr3t", "s3cr\\u0033t"),
        f'{{"client_secret": "{SECRET}", "cut": "here',
        f'{{"client_secret": "{SECRET}',
        f'{{"client_secret" : "{SECRET}\\"-and-more", "x": 1',
        f"client_secret={SECRET}&x=1",
    ],
)
def test_a_secret_in_json_is_blanked_also_where_the_body_is_cut(text: str) -> None:
    found = blanked_json(text)
    assert "s3cr" not in found and "tests" not in found and "and-more" not in found
    assert BLANK in found


@pytest.mark.parametrize("name", ["client_secret", "client%5Fsecret", "CLIENT_SECRET", "access_token"])
def test_a_secret_in_a_form_or_a_query_is_blanked(name: str) -> None:
    assert blanked_pairs(f"a=1&{name}={SECRET}&b=2") == f"a=1&{name}={BLANK}&b=2"
    assert SECRET not in body_of(f"{name}={SECRET}".encode(), f"{FORM}; charset=utf-8", 1).text


def test_what_has_no_secret_stays_as_it_is() -> None:
    for text in ('{ "valor": "1.00",  "x": [1, null] }', "", "plain", "[" * 100_000, '"client_secret"', "a=b&c"):
        assert blanked_json(text) == text
    body = body_of(b"\xff\0" + b"x" * BODY_BYTES_MAX, "text/plain" * 100, BODY_BYTES_MAX + 2)
    assert len(body.text) == BODY_BYTES_MAX and "\0" not in body.text and len(body.content_type) == 200
