"""The pages of banks, hub and lab, collected once for the room in each language."""

from __future__ import annotations

import pytest

from lab.panel.site import Laboratory
from tests.integration.bank_http.conftest import clients, village, visit  # noqa: F401 - fixtures
from tests.integration.lab_panel.conftest import lab, port, sample  # noqa: F401 - fixtures
from tests.integration.pages.collecting import Collection
from tests.integration.pages.scenes import collect

_COLLECTED: dict[str, Collection] = {}


# Two hundred pages a language, and the checker's Java, take a quarter of a minute of a processor. The suite takes the
# language with the longer words.
@pytest.fixture(params=["pt-BR", pytest.param("en-GB", marks=pytest.mark.prove)])
def collection(request: pytest.FixtureRequest) -> Collection:
    language: str = request.param
    if language not in _COLLECTED:
        laboratory: Laboratory = request.getfixturevalue("lab")
        _COLLECTED[language] = collect(language, laboratory, request.getfixturevalue("port"))
    return _COLLECTED[language]
