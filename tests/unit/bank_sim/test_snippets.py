"""Commands that the developers' pages offer, and bodies as they show them."""

from __future__ import annotations

import json
import shlex

import pytest

from bank_sim.entrypoints.http.snippets import colored, curl, indented, token_command


@pytest.mark.parametrize("body", ['{"a": "it\'s $HOME `x` \\" \\n"}', "@/etc/passwd", "a=1&b=2"])
def test_a_shell_reads_the_body_of_the_command_as_it_is(body: str) -> None:
    words = shlex.split(curl("PUT", "http://bank/v2/cob/a?x=1&y=2", body).replace("\\\n", ""))
    assert words[:4] == ["curl", "-X", "PUT", "http://bank/v2/cob/a?x=1&y=2"]
    assert words[words.index("--data-raw") + 1] == indented(body)


def test_the_token_stays_a_variable_of_the_shell() -> None:
    command = curl("GET", "http://bank/v2/cob/a'$(rm)")
    assert '"Authorization: Bearer $TOKEN"' in command
    assert shlex.split(command.replace("\\\n", ""))[1] == "http://bank/v2/cob/a'$(rm)"


def test_the_command_for_a_token_signs_in_with_id_and_secret() -> None:
    command = token_command("http://bank/oauth/token", "id", "secret")
    assert command.startswith("TOKEN=$(curl -s -u id:secret ") and "http://bank/oauth/token" in command


def test_json_gets_a_line_for_each_member_and_no_markup_of_its_own() -> None:
    text = json.dumps({"nome": "<b>Ação</b>", "valor": [1, True, None]}, ensure_ascii=False)
    assert indented(text).splitlines()[1] == '  "nome": "<b>Ação</b>",'
    assert "&lt;b&gt;Ação" in colored(text) and "<b>" not in colored(text)


@pytest.mark.parametrize("text", ['{"a": 1, "b": "cut o', "<html>", "", "[" * 20_000])
def test_what_is_no_json_stays_as_it_is(text: str) -> None:
    assert indented(text) == text
    assert "<html>" not in colored(text)
