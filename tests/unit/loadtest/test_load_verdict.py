"""The verdict of a load: its lines, and how it is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from lab.read.audit import AuditReport, Finding
from loadtest.users.measures import Counts, Samples
from loadtest.users.pass_lines import PassLine, Times, are_passed, pass_lines
from loadtest.users.report import print_verdict, verdict_html
from loadtest.users.verdict import Verdict

AT_THE_LINES = Times(40_000.0, 2_800.0, 4_600.0, 1_400.0, 2_300.0, 1_000.0)
NOTHING = Times(None, None, None, None, None, None)
AUDIT = AuditReport(
    (Finding("money_is_conserved", "money in = money there", True, {"difference_centavos": 0}),), {"completed": 3}, ()
)
SETTINGS = {
    "rate_per_second": 5.0, "seconds": 60.0, "shape": "soak", "share_of_first_bank": 0.7, "mix": "people=1",
    "customers": 60, "think_seconds": 1.0, "banks": ["Banco <Um> (001)"],
}  # fmt: skip
VERDICT = Verdict(
    pass_lines(AT_THE_LINES, 0, 0, must_settle=True), {"settled_p50_ms": 250.0}, {"AC06": 2}, [], SETTINGS, AUDIT
)
LOCUST_PAGE = (
    '<html><head><link rel="shortcut icon" href="x.png"><title>Locust</title></head>'
    '<body><div id="root"></div></body></html>'
)


def printed(verdict: Verdict) -> str:
    text = StringIO()
    print_verdict(verdict, Console(file=text, width=160))
    return text.getvalue()


def test_what_is_just_within_the_service_levels_passes() -> None:
    assert are_passed(pass_lines(AT_THE_LINES, 0, 0, must_settle=True))


@pytest.mark.parametrize("field", Times.__dataclass_fields__)
def test_each_line_can_be_missed_by_itself(field: str) -> None:
    lines = pass_lines(replace(AT_THE_LINES, **{field: getattr(AT_THE_LINES, field) + 1.0}), 0, 0, must_settle=True)
    assert [line.is_passed for line in lines].count(False) == 1
    assert not are_passed(lines)


@pytest.mark.parametrize(("failures", "broken"), [(1, 0), (0, 1), (0, None)])
def test_a_failure_a_red_audit_and_no_audit_fail(failures: int, broken: int | None) -> None:
    assert not are_passed(pass_lines(AT_THE_LINES, failures, broken, must_settle=True))


def test_a_kind_without_users_is_not_judged_but_a_load_that_settled_nothing_fails() -> None:
    assert are_passed(pass_lines(NOTHING, 0, 0, must_settle=False))
    assert not are_passed(pass_lines(NOTHING, 0, 0, must_settle=True))


def test_the_verdict_survives_its_document() -> None:
    assert Verdict.of(json.loads(json.dumps(VERDICT.document()))) == VERDICT
    assert VERDICT.document()["ok"] is True


def test_the_tables_say_what_was_measured_and_what_it_may_be() -> None:
    text = printed(VERDICT)
    assert "2,800 ms" in text and "40,000 ms" in text
    assert "refused as it must be: AC06" in text
    assert "Every line is passed." in text and "FAIL" not in text


def test_a_missed_line_is_seen_in_both_forms() -> None:
    missed = replace(VERDICT, lines=[PassLine("look-up", 1_001.0, 1_000.0)], troubles=["E1: not final within 40 s"])
    for text in (printed(missed), verdict_html(missed, LOCUST_PAGE)):
        assert "FAIL" in text and "NOT every line is passed." in text and "E1: not final within 40 s" in text


def test_late_arrivals_make_the_figures_doubtful() -> None:
    assert "arrived late" in printed(replace(VERDICT, figures={"late_p99_ms": 900.0}))


def test_a_run_that_could_not_begin_says_why() -> None:
    assert printed(Verdict([], {}, {}, [], SETTINGS, None, "The hub does not answer.")).strip() == (
        "NOT judged: The hub does not answer."
    )


def test_the_page_is_locusts_own_below_the_verdict() -> None:
    page = verdict_html(VERDICT, LOCUST_PAGE)
    assert page.index("Every line is passed.") < page.index('<div id="root">')
    assert "Banco &lt;Um&gt; (001)" in page and "shortcut icon" not in page
    assert "<title>CodePix: load</title>" in page


def test_samples_keep_the_longest_and_a_fair_choice_of_the_rest() -> None:
    samples = Samples(kept_max=100)
    assert samples.percentile(50) is None
    for milliseconds in range(10_000):
        samples.add(float(milliseconds))
    assert (samples.count, samples.longest) == (10_000, 9_999.0)
    median = samples.percentile(50)
    assert median is not None and 3_500 < median < 6_500


def test_rates_are_of_the_time_in_which_users_arrived() -> None:
    assert Counts(seconds=20.0, settled=50).per_second(50) == 2.5
    assert Counts().per_second(50) == 0.0
