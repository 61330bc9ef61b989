"""The BR Code: the text inside a Pix QR code, also pasted as "copia e cola".

Sources: EMV QR Code Specification for Payment Systems (merchant-presented mode) and the Central Bank's Manual of the
BR Code. A code is a row of fields: a two-digit tag, a two-digit length in characters, and the value; some values are
rows of fields again. A static code carries a key. A dynamic one carries a location: the address, without a scheme, at
which the payee's bank serves the payload of a charge.
"""

import binascii
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from anyascii import anyascii

from pix.scheme.errors import SchemeError
from pix.scheme.keys import KEY_LENGTH_MAX
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, check_amount
from pix.scheme.texts import check_plain_text

BRCODE_LENGTH_MAX: Final = 512
"""The longest code that EMV allows, in characters; longer texts are refused unread."""

MERCHANT_NAME_LENGTH_MAX: Final = 25
MERCHANT_CITY_LENGTH_MAX: Final = 15
TXID_LENGTH_MAX: Final = 25
LOCATION_LENGTH_MAX: Final = 77

NAME_OF_ANY_PAYEE: Final = "RECEBEDOR"
"""Stands for a name of which ASCII has no letter; EMV wants one."""
CITY_OF_ANY_PAYEE: Final = "BRASIL"

_FIELD_LENGTH_MAX: Final = 99
_BEGINNING: Final = "000201"
# Control characters and line breaks, and what has no width: e-mails, chats and word processors put them in, and no
# field of EMV holds any.
_CATEGORIES_DROPPED: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
_GUI: Final = "br.gov.bcb.pix"
_NO_TXID: Final = "***"
_SINGLE_USE: Final = "12"
_MANY_USES: Final = "11"
_CRC_HEAD: Final = "6304"
_CRC_LENGTH: Final = 4

_AMOUNT = re.compile(r"([0-9]{1,10})(?:\.([0-9]{0,2}))?")
_CATEGORY = re.compile(r"[0-9]{4}")
_KEY = re.compile(r"[!-~]{1,77}")
# A host, perhaps a port, and a path; no user, no query and no fragment.
_LOCATION = re.compile(r"(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?(/(?!\.{1,2}(?:/|$))[0-9A-Za-z._~-]+)+")
_TAG_AND_LENGTH = re.compile(r"[0-9]{4}")
_TXID = re.compile(r"[a-zA-Z0-9]{1,25}")


@dataclass(frozen=True, slots=True)
class BRCode:
    """What a code says: whom to pay, and, if set, how much (centavos), what for, and under which number.

    `key` is in stored form when this network wrote the code; one read from elsewhere may be any text of 1 to 77
    printable ASCII characters, so ask `pix.scheme.keys` what it is. `txid` is the payee's own number for the payment.

    A dynamic code has a `location` (`host[:port]/path`) and no key, amount, information or txid: its payload says them.
    """

    key: str
    merchant_name: str
    merchant_city: str
    amount_centavos: int | None = None
    information: str | None = None
    txid: str | None = None
    single_use: bool = False
    location: str | None = None


def dynamic_code(location: str, merchant_name: str, merchant_city: str) -> BRCode:
    """The code of a charge that is served at a location."""
    return BRCode("", merchant_name, merchant_city, single_use=True, location=location)


def encode(brcode: BRCode) -> str:
    """Write the code.

    Name, city and information are transliterated to ASCII ("Łukasz" becomes "Lukasz", "Straße" "Strasse"; case is
    kept), so that banks that count bytes and banks that count characters agree; name and city are then cut to 25 and
    15 characters, and replaced where nothing is left of them. So `decode(encode(brcode)) == brcode` for texts that are
    ASCII and short enough already.

    Raises SchemeError(field="brcode") if the key is no key, a text has line breaks or control characters, the
    information does not fit (see `information_length_max`), the amount cannot be transferred, the txid is not 1 to
    25 letters and digits, or a location is malformed or stands beside what its payload says.
    """
    if brcode.txid is not None and _TXID.fullmatch(brcode.txid) is None:
        raise SchemeError("brcode", f"The txid must have 1 to {TXID_LENGTH_MAX} letters or digits.")
    account = _field("00", _GUI) + (_static_account(brcode) if brcode.location is None else _dynamic_account(brcode))
    name = _ascii_line(brcode.merchant_name)[:MERCHANT_NAME_LENGTH_MAX].rstrip() or NAME_OF_ANY_PAYEE
    city = _ascii_line(brcode.merchant_city)[:MERCHANT_CITY_LENGTH_MAX].rstrip() or CITY_OF_ANY_PAYEE
    fields = [
        _field("00", "01"),
        _field("01", _SINGLE_USE) if brcode.single_use else "",
        _field("26", account),
        _field("52", "0000"),
        _field("53", "986"),
        "" if brcode.amount_centavos is None else _field("54", _write_amount(brcode.amount_centavos)),
        _field("58", "BR"),
        _field("59", name),
        _field("60", city),
        _field("62", _field("05", brcode.txid or _NO_TXID)),
        _CRC_HEAD,
    ]
    checked = "".join(fields)
    return f"{checked}{_crc_text(checked)}"


def decode(text: str) -> BRCode:
    """Read a code, as scanned or pasted: line breaks, tabs, characters without width, and space around it go.

    Strict in what it relies on: the CRC, every length, no field twice, currency 986 (BRL), country BR, name and city
    present and within their limits, an amount of at most two decimals and above zero. Tolerant where EMV says so:
    fields that it does not know are skipped, the Pix account may be in any of the tags 26 to 51, and its GUI in any
    case, as is the CRC. A txid from elsewhere may have other characters than the letters and digits that `encode`
    takes. Of a dynamic code the amount, the information and the txid are skipped: its payload has them.

    Raises SchemeError(field="brcode").
    """
    if len(text) > 2 * BRCODE_LENGTH_MAX:
        raise _too_long()
    code = _clean(text)
    if not code:
        raise SchemeError("brcode", "Paste a Pix code.")
    if len(code) > BRCODE_LENGTH_MAX:
        raise _too_long()
    if not code.startswith(_BEGINNING):
        raise SchemeError("brcode", "That isn't a Pix code.")
    checked, crc = code[:-_CRC_LENGTH], code[-_CRC_LENGTH:]
    if not checked.endswith(_CRC_HEAD):
        raise SchemeError("brcode", "The code is incomplete: it does not end with its check (CRC).")
    if _crc_text(checked) != crc.upper():
        raise SchemeError("brcode", "This code is incomplete or was changed. Copy it again.")
    fields = _read_fields(code)
    if "63" not in fields:
        raise SchemeError("brcode", "The code is malformed: its check (CRC) is not a separate field.")

    account = _pix_account(fields)
    if _CATEGORY.fullmatch(fields.get("52", "")) is None:
        raise SchemeError("brcode", "The merchant category must be four digits.")
    if fields.get("53") != "986":
        raise SchemeError("brcode", "The currency of a Pix code must be the real (986).")
    if fields.get("58") != "BR":
        raise SchemeError("brcode", "The country of a Pix code must be BR.")
    initiation = fields.get("01", _MANY_USES)
    if initiation not in (_MANY_USES, _SINGLE_USE):
        raise SchemeError("brcode", "The code's point of initiation must be 11 or 12.")
    merchant_name = _read_text(fields, "59", "name", MERCHANT_NAME_LENGTH_MAX)
    merchant_city = _read_text(fields, "60", "city", MERCHANT_CITY_LENGTH_MAX)
    if "25" in account:
        return BRCode("", merchant_name, merchant_city, single_use=initiation == _SINGLE_USE, location=account["25"])
    return BRCode(
        key=account["01"],
        merchant_name=merchant_name,
        merchant_city=merchant_city,
        amount_centavos=_read_amount(fields["54"]) if "54" in fields else None,
        information=check_plain_text(account.get("02", ""), "brcode").strip() or None,
        txid=_read_txid(fields),
        single_use=initiation == _SINGLE_USE,
    )


def check_location(location: str) -> str:
    """Return the location as it is if it is `host[:port]/path` in at most 77 characters.

    Raises SchemeError(field="brcode").
    """
    if len(location) > LOCATION_LENGTH_MAX or _LOCATION.fullmatch(location) is None:
        raise SchemeError("brcode", "The location in the code is not a valid address.")
    return location


def split_location(location: str) -> tuple[str, str]:
    """The `host[:port]` of a location, in lower case, and its path, which begins with a slash."""
    host, _, path = location.partition("/")
    return host.lower(), f"/{path}"


def is_like_code(text: str) -> bool:
    """Tell whether a text means to be a Pix code, right or wrong: it begins as one, and names the Pix scheme."""
    if len(text) > 2 * BRCODE_LENGTH_MAX:
        return False
    code = _clean(text)
    return code.startswith(_BEGINNING) and _GUI in code.lower()


def information_length_max(key: str) -> int:
    """Return how many characters of information fit beside a key: both share one field of 99. At most 72, at least 0.

    A form can use it as the limit of its input.
    """
    taken = len(_field("00", _GUI)) + len(_field("01", key)) + len("02") + len("99")
    return max(0, _FIELD_LENGTH_MAX - taken)


def crc16_ccitt_false(data: bytes) -> int:
    """Return the CRC-16/CCITT-FALSE (0 to 65535): polynomial 0x1021, initial 0xFFFF, unreflected, no final xor.

    Over `b"123456789"` it is 0x29B1.
    """
    return binascii.crc_hqx(data, 0xFFFF)


def _crc_text(checked: str) -> str:
    # A lone surrogate cannot be in a code that is right; here it must only not raise.
    return f"{crc16_ccitt_false(checked.encode('utf-8', 'surrogatepass')):04X}"


def _too_long() -> SchemeError:
    return SchemeError("brcode", f"A Pix code has at most {BRCODE_LENGTH_MAX} characters.")


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(c for c in text if unicodedata.category(c) not in _CATEGORIES_DROPPED).strip()


def _ascii_line(text: str) -> str:
    check_plain_text(text, "brcode")
    return " ".join(anyascii(unicodedata.normalize("NFC", text)).split())


def _static_account(brcode: BRCode) -> str:
    if _KEY.fullmatch(brcode.key) is None:
        raise SchemeError("brcode", f"The key must have 1 to {KEY_LENGTH_MAX} printable ASCII characters.")
    information = _ascii_line(brcode.information or "")
    if len(information) > information_length_max(brcode.key):
        raise SchemeError("brcode", "The message is too long. Shorten it.")
    return _field("01", brcode.key) + (_field("02", information) if information else "")


def _dynamic_account(brcode: BRCode) -> str:
    if brcode.key or brcode.amount_centavos is not None or brcode.information or brcode.txid:
        raise SchemeError("brcode", "A dynamic code has no key, amount, message or txid.")
    return _field("25", check_location(brcode.location or ""))


def _write_amount(amount_centavos: int) -> str:
    reais, centavos = divmod(check_amount(amount_centavos, "brcode"), 100)
    return f"{reais}.{centavos:02d}"


def _read_fields(text: str) -> dict[str, str]:
    """Return the values by tag; the lengths must end exactly where the text does."""
    fields: dict[str, str] = {}
    position = 0
    while position < len(text):
        head = text[position : position + 4]
        if _TAG_AND_LENGTH.fullmatch(head) is None:
            raise SchemeError("brcode", "The code is malformed: a tag or a length is not two digits.")
        tag, length = head[:2], int(head[2:])
        value = text[position + 4 : position + 4 + length]
        if len(value) != length:
            raise SchemeError("brcode", "The code is malformed: a field is shorter than its length says.")
        if tag in fields:
            raise SchemeError("brcode", "The code is malformed: a field appears twice.")
        fields[tag] = value
        position += 4 + length
    return fields


def _pix_account(fields: dict[str, str]) -> dict[str, str]:
    """Return the fields of the one Pix account: GUI, and a key, perhaps with information, or a location; checked."""
    accounts = []
    for tag, value in fields.items():
        # Other schemes share these tags; only what names Pix has to be well formed.
        if "26" <= tag <= "51" and _GUI in value.lower():
            account = _read_fields(value)
            if account.get("00", "").lower() == _GUI:
                accounts.append(account)
    if len(accounts) != 1:
        raise SchemeError("brcode", "This is a payment code, but it does not have exactly one Pix account.")
    account = accounts[0]
    if "25" in account:
        if "01" in account:
            raise SchemeError("brcode", "The code has both a Pix key and a location.")
        check_location(account["25"])
        return account
    if _KEY.fullmatch(account.get("01", "")) is None:
        raise SchemeError("brcode", "The code has no Pix key.")
    return account


def _read_text(fields: dict[str, str], tag: str, name: str, length_max: int) -> str:
    value = check_plain_text(fields.get(tag, ""), "brcode").strip()
    if not value:
        raise SchemeError("brcode", f"The code lacks the recipient's {name}.")
    if len(value) > length_max:
        raise SchemeError("brcode", f"The recipient's {name} has more than {length_max} characters.")
    return value


def _read_amount(text: str) -> int:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise SchemeError(
            "brcode", "The amount in the code must have only digits, with at most two decimals after a point."
        )
    amount_centavos = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if amount_centavos == 0:
        raise SchemeError("brcode", "The amount in the code is zero. A code for any amount leaves it out.")
    if amount_centavos > AMOUNT_CENTAVOS_MAX:
        raise SchemeError("brcode", "The amount in the code is over the limit.")
    return amount_centavos


def _read_txid(fields: dict[str, str]) -> str | None:
    txid = check_plain_text(_read_fields(fields.get("62", "")).get("05", ""), "brcode").strip()
    if len(txid) > TXID_LENGTH_MAX:
        raise SchemeError("brcode", f"The txid in the code has more than {TXID_LENGTH_MAX} characters.")
    return None if txid in ("", _NO_TXID) else txid
