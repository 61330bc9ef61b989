"""The violations that the Central Bank's description lists: each is provoked, and its answer names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.integration.api_pix.conftest import new_shop
from tests.integration.api_pix.scene import Scene
from tests.integration.api_pix.violations import KEYS, LEFT_OUT, cases
from tests.support.banks import ANAS_CPF, BRUNOS_CPF
from tests.support.village import found_village

CASES = cases()


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """One for all of them: what is refused leaves nothing behind."""
    with ExitStack() as clients:
        village = found_village(with_people=False)
        shop = new_shop(clients, village, "001", "Ana Souza", ANAS_CPF, "ana@example.com")
        other_shop = new_shop(clients, village, "002", "Bruno Lima", BRUNOS_CPF, "bruno@example.com")
        yield Scene(shop, other_shop, "ana@example.com", "bruno@example.com")


@pytest.mark.parametrize("key", CASES)
def test_a_violation_is_answered_with_its_kind_and_its_property(scene: Scene, key: str) -> None:
    case = CASES[key]
    found = case.ask(scene)
    for answer in found if isinstance(found, list) else [found]:
        problem = answer if isinstance(answer, dict) else answer.json()
        assert (problem["type"], problem["status"]) == (case.kind.type, case.kind.status), problem
        violations = {each["propriedade"]: each["razao"] for each in problem["violacoes"]}
        assert case.property in violations, problem
        assert all(violations.values()), "each says in a sentence what is wrong"
        if not isinstance(answer, dict):
            assert answer.status_code == case.kind.status
            assert answer.headers["content-type"] == "application/problem+json"


def test_every_violation_has_a_case_or_a_reason() -> None:
    known = CASES.keys() | LEFT_OUT.keys()
    print(f"\n{len(CASES)} of {len(KEYS)} violations are tests.")
    for key, reason in LEFT_OUT.items():
        print(f"left out: {key}: {reason}")
    assert not known - set(KEYS), "every key is one of the description's"
    assert not CASES.keys() & LEFT_OUT.keys()
    assert not set(KEYS) - known, "neither a case nor a reason"
