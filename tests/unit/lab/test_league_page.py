"""The ranking page: what it shows, in both languages, without anything from elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lab.prove.league.entrants import Entrant, Entries
from lab.prove.league.judging import Finding, Judgement, Wrong
from lab.prove.league.league import LeagueOptions, LeagueResult, league_document, place
from lab.prove.league.limits import Limits
from lab.prove.league.page import page
from lab.prove.league.plan import FaultKind, make_plan
from lab.prove.league.scoring import NO_SCORE, Results, score
from lab.prove.league.table import league_remarks, league_table
from lab.prove.league.traffic import Course, Struck
from lab.prove.league.turn import NOT_READY_NOTE, TurnResult
from lab.read.report import console
from pix.web.languages import Language

EVIL = "<script>alert(1)</script>"


def turn(name: str, centavos_wrong: int = 0, p99_ms: int | None = 700) -> TurnResult:
    results = Results(
        144, 140, 120, is_examined=True, centavos_wrong=centavos_wrong, p99_ms=p99_ms, recoveries_ms=(900,)
    )
    finding = Finding(Wrong.DOUBLED, centavos_wrong, "000001-1", "E0000030120261129", "booked 3 times instead of once")
    return TurnResult(
        entrant=Entrant(name, ("./bank",), Path(), students=EVIL),
        code="301",
        results=results,
        score=score(results),
        judgement=Judgement([finding] if centavos_wrong else []),
        completed_ms=[100, 200, 700, 12_500],
        course=Course(struck=[Struck(FaultKind.KILL, 1_000, 2_000), Struck(FaultKind.DUPLICATES, 0, 6_000)]),
    )


def absent(name: str) -> TurnResult:
    results = Results(144, 0, 0, is_examined=False, centavos_wrong=0, p99_ms=None, recoveries_ms=())
    entrant = Entrant(name, ("./bank",), Path())
    note = NOT_READY_NOTE.format(30)
    return TurnResult(entrant, "303", results, NO_SCORE, Judgement(), notes=[note], log_tail=["no such table: <x>"])


@pytest.fixture(scope="module")
def result() -> LeagueResult:
    turns = [turn("Banco Quebrado", 152_350), absent("Banco Ausente"), turn("Banco Certo")]
    options = LeagueOptions(Entries([each.entrant for each in turns], Limits()), seed=4)
    return LeagueResult(options, make_plan(4), "rlimits", "only root can make a cgroup", place(turns), 101.0)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("</style>")[2])).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_the_best_stands_first_and_the_worst_last(result: LeagueResult) -> None:
    text = text_of(page(result))
    assert text.index("Banco Certo") < text.index("Banco Ausente") < text.index("Banco Quebrado")
    assert "Every centavo is right" in text
    assert "R$ 1.523,50 wrong" in text and "doubled: R$ 1.523,50" in text
    assert "Money could not be examined" in text
    assert "was not ready within 30 seconds" in text
    assert f"Seed 4, plan {result.plan.digest}." in text


def test_it_is_portuguese_where_asked(result: LeagueResult) -> None:
    html = page(result, Language.PORTUGUESE)
    text = text_of(html)
    assert '<html lang="pt-BR">' in html
    assert "Nenhum centavo errado" in text
    assert "lançado 3 vezes em vez de uma" in text
    assert "não ficou pronto em 30 segundos" in text
    assert "0,70 s" in text
    for english in ("points", "wrong", "payments", "recovery", "cores"):
        assert english not in text


def test_it_asks_nothing_of_the_network_and_escapes_what_students_write(result: LeagueResult) -> None:
    html = page(result)
    assert EVIL not in html and "&lt;script&gt;" in html
    assert "&lt;x&gt;" in html
    assert not re.search(r"https?://|<script|@import|url\(", html.replace("http://www.w3.org/2000/svg", ""))


def test_the_document_is_json_with_ranks_points_and_findings(result: LeagueResult) -> None:
    document = json.loads(json.dumps(league_document(result)))
    assert [(each["rank"], each["name"]) for each in document["ranking"]] == [
        (1, "Banco Certo"),
        (2, "Banco Ausente"),
        (3, "Banco Quebrado"),
    ]
    best, _, worst = document["ranking"]
    assert best["points"]["total"] == sum(best["points"][name] for name in ("money", "payments", "speed", "recovery"))
    assert worst["points"]["money"] == -152_350
    assert worst["money"]["doubled"] == 152_350
    assert worst["money"]["findings"][0]["transfer_id"] == "E0000030120261129"
    assert document["limits"]["by"] == "rlimits"
    assert document["plan"]["digest"] == result.plan.digest


def test_the_table_and_its_remarks_name_what_went_wrong(result: LeagueResult) -> None:
    with console.capture() as captured:
        console.print(league_table(result))
    assert "R$ 1,523.50" in captured.get()
    assert "not examined" in captured.get()
    remarks = league_remarks(result)
    assert "Banco Quebrado: R$ 1,523.50 doubled" in remarks
    assert "    E0000030120261129: booked 3 times instead of once" in remarks
    assert "Banco Ausente: was not ready within 30 seconds" in remarks
    assert "    no such table: <x>" in remarks
