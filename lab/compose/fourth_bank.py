"""The lines that docs/add-a-bank.md tells to paste, read from the page, so that the page is under test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from lab.network.parts.errors import PartError

CODE: Final = "004"
AFTER_THE_BANKS: Final = "\n  postgres:\n"
"""The line after the banks in docker-compose.yml."""
AFTER_THE_SECURED_BANKS: Final = "\n  kafka-ui:\n"
"""The line after the banks in docker-compose.sasl.yml."""
LAST_USER: Final = "        user_bank-003="
"""Above what the page tells to put the bank among the broker's users."""


class FourthBank:
    def __init__(self, page: Path) -> None:
        """Raises `PartError` when the page shows something else."""
        text = page.read_text(encoding="utf-8")
        services = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        users = re.findall(r"^```\n( +user_.*?\n)```", text, re.MULTILINE)
        if len(services) != 2 or len(users) != 1 or not all(f"bank-{CODE}:" in block for block in services):
            raise PartError(f"{page.name} does not show the lines for bank {CODE}.")
        self.services, self._secured_services = services
        self._user = users[0]

    def added_to(self, compose: str) -> str:
        """docker-compose.yml with the bank, as a person would have it who edits the file."""
        return _with(self.services, compose, AFTER_THE_BANKS)

    def added_to_secured(self, override: str) -> str:
        before, user, after = override.partition(LAST_USER)
        return _with(self._secured_services, f"{before}{self._user}{user}{after}", AFTER_THE_SECURED_BANKS)


def _with(block: str, text: str, following: str) -> str:
    banks, mark, rest = text.partition(following)
    if not mark:
        raise PartError(f"There is no {following.strip()} after which the banks would end.")
    return f"{banks}{block.rstrip()}\n{mark}{rest}"
