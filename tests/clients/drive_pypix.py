"""Runs in the environment of pypix-api: makes the calls that come by standard input, a line of JSON each."""

from __future__ import annotations

import json
import sys

from pypix_api.auth.oauth2 import OAuth2Client
from pypix_api.banks.base import BankPixAPIBase
from pypix_api.exceptions import PixAPIException

told = json.loads(sys.argv[1])


class OurBank(BankPixAPIBase):  # type: ignore[misc]  # the library has no types
    BASE_URL = f"{told['address']}/v2"
    TOKEN_URL = f"{told['address']}/oauth/token"

    def get_base_url(self) -> str:
        return self.BASE_URL

    def get_bank_code(self) -> str:
        """Asks for the scopes that the library knows of Sicoob: all of those that are not recurring."""
        return "756"


token = OAuth2Client(
    OurBank.TOKEN_URL,
    client_id=told["client_id"],
    client_secret=told["client_secret"],
    client_auth=told.get("client_auth", "basic"),
    sandbox_mode=True,
)
bank = OurBank(token)
for line in sys.stdin:
    name, arguments = json.loads(line)
    try:
        answer = {"result": getattr(bank, name)(**arguments)}
    except PixAPIException as error:
        answer = {"error": type(error).__name__, "status": error.status, "type": error.type, "found": error.violacoes}
    print(json.dumps(answer), flush=True)
