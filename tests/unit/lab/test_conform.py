"""The kit's cases are declared in full, and its engine and reports tell passed, failed and not examined apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.prove.conform.bench import Bench
from lab.prove.conform.case import Case, Group, Need, Profile, Restart, Rule, Stage
from lab.prove.conform.contract import Account, BankApi
from lab.prove.conform.engine import examine
from lab.prove.conform.evidence import ENTRIES_MAX, TEXT_LENGTH_MAX, Evidence, Way
from lab.prove.conform.examiner import Examiner
from lab.prove.conform.people import People
from lab.prove.conform.registry import GROUPS, all_cases, cases_of
from lab.prove.conform.reports.files import html_report, json_report, junit_report
from lab.prove.conform.verdict import Examination, Failed, NotExamined, Verdict
from pix.scheme.people import check_cnpj, check_cpf
from tests.support.course_mutants import COURSE_MUTANTS
from tests.unit.house.conformance_page import PAGE, page_with_list

ROOT = Path(__file__).parents[3]
CASES_MIN = 160
RULE = Rule("A bank does what it must.", "docs/protocol.md#one-transfer")
PEOPLE = 300
ACCOUNT = Account("0001", "1", "CACC", "Ana", "39053344705", "open", 0)


def anchors_of(page: Path) -> set[str]:
    """The fragments of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(plain)


def test_there_are_enough_cases_and_each_has_its_name() -> None:
    ids = [case.id for case in all_cases()]
    assert len(ids) == len(set(ids)) >= CASES_MIN
    assert all(re.fullmatch(r"[a-z-]+\.[a-z0-9-]+", each) for each in ids)
    titles = [(case.group, case.title) for case in all_cases()]
    assert len(set(titles)) == len(titles)


def test_each_rule_is_written_where_the_case_says() -> None:
    pages = {case.rule.where.partition("#")[0] for case in all_cases()}
    anchors = {page: anchors_of(ROOT / page) for page in pages}
    missing = [
        f"{case.id}: {case.rule.where}"
        for case in all_cases()
        for page, _, anchor in [case.rule.where.partition("#")]
        if anchor and anchor not in anchors[page]
    ]
    assert missing == []


def test_every_case_of_the_course_is_failed_by_a_deviation() -> None:
    # `test_broken_banks_matrix` has the other profiles.
    named = {case for cases in COURSE_MUTANTS.values() for case in cases}
    assert named == {case.id for case in cases_of(Profile.COURSE)}


def test_cases_around_a_restart_are_generators_that_need_a_process() -> None:
    for case in all_cases():
        is_generator = bool(cast(Any, case.run).__code__.co_flags & 0x20)
        assert is_generator == (case.stage is Stage.RESTART), case.id
        if case.stage is Stage.RESTART:
            assert Need.PROCESS in case.needs, case.id


def test_the_full_profile_has_the_minimal_one() -> None:
    minimal, full = cases_of(Profile.MINIMAL), cases_of(Profile.FULL)
    assert {case.id for case in minimal} < {case.id for case in full}
    assert {case.group for case in cases_of(Profile.FULL, ["keys"])} == {"keys"}
    assert [case.id for case in cases_of(Profile.FULL, (), ["keys.cpf"])] == ["keys.cpf"]


@pytest.mark.parametrize(("groups", "ids"), [(["nonsense"], []), ([], ["keys.nonsense"])])
def test_an_unknown_group_or_case_is_named(groups: list[str], ids: list[str]) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        cases_of(Profile.FULL, groups, ids)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--bank: give a command, an address, or `ours`"),
        (("--bank", "'"), "--bank: the command cannot be read"),
        (("--bank", " "), "--bank: the command is empty"),
        (("--bank", "ours", "--group", "nonsense"), "--group: nonsense unknown; choose from"),
        (("--bank", "ours", "--case", "keys.nonsense"), "--case: keys.nonsense unknown"),
        (("--bank", "ours", "--html", "/nowhere/report.html"), "--html: /nowhere/report.html cannot be written"),
        (("--bank", "ours", "--group", "returns"), "no case of this profile is chosen"),
    ],
)
def test_a_wrong_option_is_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    finished = CliRunner().invoke(app, ["conform", *arguments])
    assert finished.exit_code == 2, finished.output
    assert said in finished.output


def test_the_cases_can_be_listed() -> None:
    finished = CliRunner().invoke(app, ["conform", "--list", "--profile", "full", "--group", "keys"])
    assert finished.exit_code == 0 and "keys.limit-of-pers" in finished.output


def test_the_list_on_the_page_is_that_of_the_registry() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_list(page), "run python -m tests.unit.house.conformance_page"


def test_evidence_has_a_bound_and_says_what_it_left_out() -> None:
    evidence = Evidence()
    for number in range(ENTRIES_MAX + 7):
        evidence.add(Way.SENT, f"message {number}", "x" * (2 * TEXT_LENGTH_MAX))
    entries = evidence.entries()
    assert len(entries) == ENTRIES_MAX + 1
    assert entries[0].what == "message 0" and "7 more" in entries[-1].what
    assert all(len(entry.text) < TEXT_LENGTH_MAX + 50 for entry in entries)


def test_people_are_valid_and_no_two_share_anything() -> None:
    people = People(1)
    persons = [people.person() for _ in range(PEOPLE)]
    for person in persons:
        check_cpf(person.document)
    for name in ("document", "phone", "email"):
        assert len({getattr(person, name) for person in persons}) == PEOPLE
    check_cnpj(people.company().document)


# The engine, on a bank that is never asked


class NoBank:
    """A bank at an address that no case of these tests calls."""

    can_restart = False

    def check_alive(self) -> None:
        """It runs."""


def examined_with(group: Group, *has: Need) -> Examination:
    examiner = SimpleNamespace(
        options=SimpleNamespace(bank="nobody", seed=1),
        own=SimpleNamespace(code="501", name="Banco"),
        features=(),
        has=set(has),
        examined=NoBank(),
        wire=SimpleNamespace(wait=lambda *_: True),
    )
    examiner.bench = lambda evidence: Bench(cast(Examiner, examiner), cast(BankApi, None), evidence)
    return examine(cast(Examiner, examiner), group.cases, Profile.FULL)


@pytest.fixture
def group() -> Group:
    return Group("sample", "A sample")


def add(group: Group, name: str, run: Callable[[Bench], Generator[Restart, None, None] | None], **more: Any) -> None:
    group.add(name, f"it is {name}", RULE, **more)(run)


def test_verdicts_tell_passed_failed_and_not_examined_apart(group: Group) -> None:
    def fails(bench: Bench) -> None:
        bench.evidence.add(Way.SENT, "TransferOffered", {"amount_centavos": 1500})
        bench.check_equal(2, 1, "The number")

    def cannot(_bench: Bench) -> None:
        raise NotExamined("there is none")

    def breaks(_bench: Bench) -> None:
        raise ZeroDivisionError("a fault of the examiner's")

    add(group, "right", lambda _bench: None)
    add(group, "wrong", fails)
    add(group, "absent", cannot)
    add(group, "needy", lambda _bench: None, needs=[Need.RETURNS])
    add(group, "broken", breaks)
    results = {result.case.id.partition(".")[2]: result for result in examined_with(group).results}
    verdicts = {name: result.verdict for name, result in results.items()}
    assert verdicts == {
        "right": Verdict.PASSED,
        "wrong": Verdict.FAILED,
        "absent": Verdict.NOT_EXAMINED,
        "needy": Verdict.NOT_EXAMINED,
        "broken": Verdict.FAILED,
    }
    assert results["wrong"].why == "The number is 2, and should be 1."
    assert "returns" in results["needy"].why
    assert "ZeroDivisionError" in results["broken"].why


def test_what_is_met_by_need_is_examined(group: Group) -> None:
    add(group, "needy", lambda _bench: None, needs=[Need.RETURNS])
    assert examined_with(group, Need.RETURNS).is_green


def test_nothing_examined_is_not_green(group: Group) -> None:
    add(group, "needy", lambda _bench: None, needs=[Need.RETURNS])
    assert not examined_with(group).is_green


def test_without_the_endpoints_of_money_its_checks_are_left_out_and_told(group: Group) -> None:
    def checks_money(bench: Bench) -> None:
        bench.check_balance(ACCOUNT, 1)
        bench.check_postings(ACCOUNT, "E1", 1)

    add(group, "money", checks_money)
    add(group, "other", lambda _bench: None)
    examination = examined_with(group)
    assert [result.money_not_examined for result in examination.results] == [True, False]
    assert "In 1 cases the checks of money were left out" in html_report(examination)
    assert json.loads(json_report(examination))["cases"][0]["money_not_examined"]


@pytest.fixture
def mixed(group: Group) -> Examination:
    """One case of each verdict, with a text that no report may take for markup."""

    def fails(bench: Bench) -> None:
        bench.evidence.add(Way.CAME, "TransferRejected", "<script>alert('\x00')</script>")
        raise Failed("The balance is <b>1</b>, and should be 2.")

    add(group, "right", lambda _bench: None)
    add(group, "wrong", fails)
    add(group, "needy", lambda _bench: None, needs=[Need.RETURNS])
    return examined_with(group)


def test_the_page_shows_what_is_wrong_and_needs_nothing_else(mixed: Examination) -> None:
    # A group of this test is unknown to the registry, so only the failed case is shown by name.
    page = html_report(mixed)
    assert "The balance is &lt;b&gt;1&lt;/b&gt;" in page and "<script>alert" not in page
    assert RULE.text in page and RULE.where in page and "TransferRejected" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_junit_counts_and_carries_the_rule(mixed: Examination) -> None:
    suites = ElementTree.fromstring(junit_report(mixed))
    suite = suites.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None and failure.text is not None
    assert RULE.where in failure.text and "TransferRejected" in failure.text


def test_json_has_the_evidence_of_what_failed(mixed: Examination) -> None:
    document = json.loads(json_report(mixed))
    assert document["counts"] == {"passed": 1, "failed": 1, "not examined": 1}
    assert not document["is_green"]
    by_id = {case["id"]: case for case in document["cases"]}
    assert by_id["sample.wrong"]["evidence"][0]["what"] == "TransferRejected"
    assert by_id["sample.wrong"]["rule"] == {"text": RULE.text, "where": RULE.where}
    assert "evidence" not in by_id["sample.right"]


def test_every_group_has_cases() -> None:
    assert all(group.cases for group in GROUPS)
    assert all(isinstance(case, Case) for group in GROUPS for case in group.cases)
