"""How a case is declared: what it examines, the rule behind it, what it needs, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Profile(StrEnum):
    """What a bank is examined for."""

    MINIMAL = "minimal"
    """What every bank must do to take part."""
    FULL = "full"
    """`minimal`, and all that the protocol offers."""
    COURSE = "course"
    """A bank of the course's wire."""


class Need(StrEnum):
    """What a case needs of a bank beside the profile `minimal`. Without it the case is not examined."""

    MONEY = "money"
    """The endpoints of accounts, postings and books."""
    PROCESS = "process"
    """The examiner has started the bank, and may kill it."""
    ACCOUNTS = "accounts"
    """Accounts can be blocked and closed."""
    RETURNS = "returns"
    MANU = "manu"
    ACCOUNT_TYPES = "account_types"
    COMPANIES = "companies"


NEEDS: Final = {
    Need.MONEY: "the endpoints of accounts, postings and books",
    Need.PROCESS: "a bank that the examiner starts, and may kill (--bank COMMAND)",
    Need.ACCOUNTS: "the feature `accounts`",
    Need.RETURNS: "the feature `returns`",
    Need.MANU: "the feature `manu`",
    Need.ACCOUNT_TYPES: "the feature `account_types`",
    Need.COMPANIES: "the feature `companies`",
}
"""In words for people."""


class Stage(StrEnum):
    """When a case runs."""

    TOGETHER = "together"
    """With others at the same time: it touches its own accounts and transfers alone."""
    RESTART = "restart"
    """With others around one restart: a generator that yields `DOWN` and `UP` (see `Restart`)."""
    ALONE = "alone"
    """After the others, one at a time: it freezes or stops the bank, or reads the books of all."""
    NETWORK = "network"
    """In a network with the real hub and another bank, one at a time."""


class Restart(StrEnum):
    """What a case of the stage `restart` yields. When it goes on, that has happened."""

    DOWN = "down"
    """The bank was killed with SIGKILL, and does not run."""
    UP = "up"
    """The bank runs again and is ready."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a bank must do, in a sentence, and where it is written."""

    text: str
    where: str
    """A page and a heading of it, `docs/protocol.md#retransmission`, or the scheme's own text."""


Run = Callable[[Any], Generator[Restart, None, None] | None]
"""A function of a `Bench`, or of a `CourseBench` in the profile `course`."""
Declare = Callable[[Run], Run]
"""The decorator of a case."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `id` is `group.name`."""

    id: str
    title: str
    """What is shown when it passes: "a repeated request with one key makes one transfer"."""
    rule: Rule
    run: Run
    profile: Profile = Profile.MINIMAL
    """The smallest profile that has it: a case of `minimal` is in `full` too."""
    needs: frozenset[Need] = frozenset()
    stage: Stage = Stage.TOGETHER
    slow: bool = False
    """It waits for seconds: it is begun before the others."""

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]

    def is_of(self, profile: Profile) -> bool:
        """Whether the profile has the case."""
        return self.profile is profile or (profile is Profile.FULL and self.profile is Profile.MINIMAL)


@dataclass(slots=True)
class Group:
    """Cases of one subject. `add` is a decorator that declares a case."""

    name: str
    title: str
    cases: list[Case] = field(default_factory=list)

    def add(
        self,
        name: str,
        title: str,
        rule: Rule,
        *,
        profile: Profile = Profile.MINIMAL,
        needs: Collection[Need] = (),
        stage: Stage = Stage.TOGETHER,
        slow: bool = False,
    ) -> Declare:
        def declare(run: Run) -> Run:
            given: dict[str, Any] = {"profile": profile, "needs": frozenset(needs), "stage": stage, "slow": slow}
            self.cases.append(Case(f"{self.name}.{name}", title, rule, run, **given))
            return run

        return declare
