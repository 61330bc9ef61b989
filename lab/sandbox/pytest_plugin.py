"""The pytest plugin: the fixture `codepix_network` is a network of the whole session, put back before each test.

Options go into the configuration of pytest: `codepix_sandbox = --seed 7 --banks 3`, or on its command line.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.sandbox.client import CodePixNetwork

SEED_DEFAULT = "1"
ADDRESS = "CODEPIX_SANDBOX_URL"
TOKEN = "CODEPIX_SANDBOX_TOKEN"  # noqa: S105 - its name
"""The control address and token of a sandbox that runs already, such as one in a container."""


def pytest_addoption(parser: pytest.Parser) -> None:
    rule = "Options of `codepix sandbox` for the fixture codepix_network"
    parser.addini("codepix_sandbox", f"{rule}, such as: --seed 7 --banks 3", default="")
    parser.getgroup("codepix").addoption("--codepix-sandbox", default=None, help=f"{rule}; instead of the ini option.")


@pytest.fixture(scope="session")
def codepix_session(request: pytest.FixtureRequest) -> Iterator[CodePixNetwork]:
    """The session's network, as tests leave it. It starts when the first test asks for it."""
    # Imported here, since most runs of pytest with this plugin installed need no network.
    from lab.sandbox.client import attached_sandbox, running_sandbox

    if address := os.environ.get(ADDRESS):
        with attached_sandbox(address, os.environ.get(TOKEN, "")) as network:
            yield network
        return
    chosen = request.config.getoption("--codepix-sandbox")
    options = shlex.split(request.config.getini("codepix_sandbox") if chosen is None else chosen)
    if "--seed" not in options:
        options = ["--seed", SEED_DEFAULT, *options]
    with running_sandbox("--quiet", *options) as network:
        yield network


@pytest.fixture
def codepix_network(codepix_session: CodePixNetwork) -> CodePixNetwork:
    """The session's network as it was at its start: the same people, balances, keys, credentials and time."""
    codepix_session.reset()
    return codepix_session
