"""Runs in the environment of efipay: makes the calls that come by standard input, a line of JSON each."""

from __future__ import annotations

import json
import sys

from efipay import EfiPay
from efipay.constants import Constants

told = json.loads(sys.argv[1])
Constants.APIS["PIX"]["URL"] = {"sandbox": told["address"], "production": told["address"]}
# Over http the certificate is not read; the library wants a file that exists.
efi = EfiPay(
    {
        "client_id": told["client_id"],
        "client_secret": told["client_secret"],
        "sandbox": True,
        "certificate": told.get("certificate", __file__),
    }
)
for line in sys.stdin:
    name, arguments = json.loads(line)
    answer = getattr(efi, name)(**arguments)
    print(json.dumps({"result": answer if isinstance(answer, (dict, list, str)) else repr(answer)}), flush=True)
