"""Tokens, redirects, static files, error tables and event streams, each by itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import pytest
from fastapi import Request
from fastapi.sse import EventSourceResponse

from bank_sim.domain import errors
from bank_sim.entrypoints.http.errors import PROBLEMS, sentence_of
from pix.scheme.errors import SchemeError
from pix.web.assets import asset_url
from pix.web.events import Scene, stream_scenes
from pix.web.folders import templates_folder
from pix.web.htmx import local_url
from pix.web.languages import Language
from pix.web.problems import SCHEME_RULE, find_kind, first_fault
from pix.web.sessions import TokenRefused, Tokens, session_secret


def test_a_token_is_read_by_its_own_purpose_and_secret_alone() -> None:
    tokens = Tokens("secret", "order", 60)
    token = tokens.sign(["a", 1, None])
    assert tokens.read(token) == ["a", 1, None]
    for other in (Tokens("secret", "payee", 60), Tokens("another", "order", 60), Tokens("secret", "order", -1)):
        with pytest.raises(TokenRefused):
            other.read(token)
    for changed in ("", token[:-1], token + "x", "x" + token, "Ä"):
        with pytest.raises(TokenRefused):
            tokens.read(changed)


def test_a_secret_is_made_when_none_is_set() -> None:
    assert session_secret("mine") == "mine"
    assert len(session_secret("")) > 30 and session_secret("") != session_secret("")


@pytest.mark.parametrize(
    "url", ["//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:x", "/a\nb"]
)
def test_a_redirect_never_leads_to_strangers(url: str) -> None:
    assert local_url(url) == "/"


def test_a_redirect_leads_to_our_pages() -> None:
    assert local_url("/statement?direction=in") == "/statement?direction=in"


def test_static_files_are_addressed_by_their_content() -> None:
    assert asset_url("/static/app.js").startswith("/static/app.js?v=")
    assert asset_url("/vendor/htmx.min.js").startswith("/vendor/htmx.min.js?v=")
    with pytest.raises(ValueError, match="not the address"):
        asset_url("/etc/passwd")


def test_the_templates_are_found() -> None:
    assert (templates_folder() / "base.html").is_file()


def test_every_error_of_the_bank_has_its_place_in_the_table() -> None:
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.BankError) and error is not errors.BankError:
            assert error in PROBLEMS, error


def test_the_nearest_class_counts_and_rules_need_no_row() -> None:
    assert find_kind(SchemeError("x", "y"), PROBLEMS) is SCHEME_RULE
    assert find_kind(RuntimeError("secret"), PROBLEMS) is None
    found = find_kind(errors.KeyTaken("Banco Ipê"), PROBLEMS)
    assert found is not None and found.status == 409


def test_an_unknown_error_says_nothing_of_itself() -> None:
    assert "secret" not in sentence_of(RuntimeError("secret"), Language.ENGLISH)
    assert "Banco Ipê" in sentence_of(errors.KeyTaken("Banco Ipê"), Language.PORTUGUESE)


def test_the_first_fault_of_a_validation_is_told() -> None:
    assert first_fault([{"loc": ("body", "payee_key", "kind"), "msg": "is wrong"}]) == ("payee_key.kind", "is wrong.")
    assert first_fault([]) == ("", "The request is malformed.")


class Visit:
    """As much of a request as a stream looks at."""

    headers: Mapping[str, str] = {}

    def __init__(self, leaves_after: int = 1_000, last_id: str = "") -> None:
        self._looks = leaves_after
        self.query_params = {"last": last_id}

    async def is_disconnected(self) -> bool:
        self._looks -= 1
        return self._looks < 0


def sent_by(response: EventSourceResponse) -> str:
    async def collect() -> str:
        chunks = cast(AsyncIterator[bytes], response.body_iterator)
        return "".join([chunk.decode() async for chunk in chunks])

    return asyncio.run(collect())


def stream(scenes: list[Any], **options: Any) -> str:
    left = iter(scenes)

    def look() -> Scene:
        scene = next(left, scenes[-1])
        if isinstance(scene, Exception):
            raise scene
        return cast(Scene, scene)

    visit = cast(Request, options.pop("visit", Visit()))
    return sent_by(stream_scenes(visit, look, poll_seconds=0.0, **options))


def test_a_stream_sends_what_has_changed_and_ends_with_the_final_scene() -> None:
    one, two = Scene(1, lambda: "<b>one</b>\n<i>1</i>"), Scene(2, lambda: "two", is_final=True)
    sent = stream([one, one, one, two])
    assert sent.count("event: fragment") == 2
    assert "data: <b>one</b>\ndata: <i>1</i>\n" in sent
    assert sent.endswith("event: final\ndata: \n\n")


def test_a_stream_does_not_repeat_what_the_page_has_already() -> None:
    sent = stream([Scene(1, lambda: "one"), Scene(1, lambda: "one", is_final=True)], seen=1)
    assert "event: fragment" not in sent and "event: final" in sent


def test_a_stream_that_is_opened_again_goes_on_behind_the_last_event() -> None:
    one, two = Scene("one", lambda: "1"), Scene("two", lambda: "2", is_final=True)
    last_id = re.findall(r"^id: (.*)$", stream([one, two]), re.MULTILINE)
    assert "data: 2" in stream([two], visit=Visit(last_id=last_id[0]))
    assert "data: 2" not in stream([two], visit=Visit(last_id=last_id[1]))
    assert "data: 2" in stream([two], visit=Visit(last_id="nonsense&%%%")), "who sends another id gets everything"


def test_a_stream_ends_when_the_visitor_leaves_and_when_its_time_is_over() -> None:
    endless = [Scene(1, lambda: "one")]
    assert "event: final" not in stream(endless, visit=Visit(leaves_after=3))
    assert "event: fragment" not in stream(endless, seconds_max=0.0)


def test_a_stream_looks_again_after_a_failure() -> None:
    sent = stream([RuntimeError("the database is down"), Scene(1, lambda: "back", is_final=True)])
    assert "data: back" in sent and "database" not in sent
