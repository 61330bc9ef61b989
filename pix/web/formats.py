"""Money, times and keys as people read them. Pages use these filters; nothing else formats an amount or a time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from babel.dates import format_date, format_skeleton
from markupsafe import Markup, escape

from pix.scheme.days import LOCAL_MS_MAX, LOCAL_MS_MIN, local
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind
from pix.scheme.money import format_brl
from pix.scheme.people import format_tax_id
from pix.web.languages import Language, translate
from pix.web.marks import translatable

_DAY_OF_THIS_YEAR: Final = {Language.ENGLISH: "EEEE, MMMM d", Language.PORTUGUESE: "EEEE, d 'de' MMMM"}
_INITIATIONS: Final = {
    Initiation.MANU: translatable("Bank and account typed"),
    Initiation.DICT: translatable("Pix key"),
    Initiation.QRES: translatable("Static QR code"),
    Initiation.QRDN: translatable("Dynamic QR code"),
}
_INITIALS_MAX: Final = 2
_SMALL_WORDS: Final = frozenset({"de", "da", "do", "das", "dos", "e", "of", "the", "banco", "bank"})


def brl(amount_centavos: int) -> str:
    """R$ 1.234,56, in every language; the space does not break."""
    return format_brl(amount_centavos).replace("R$ ", "R$\N{NO-BREAK SPACE}").replace("-", "\N{MINUS SIGN}")


def brl_signed(amount_centavos: int) -> str:
    """An amount that came (+) or went (-)."""
    return ("+" if amount_centavos > 0 else "") + brl(amount_centavos)


def brl_plain(amount_centavos: int) -> str:
    """1.234,56: for an input that has R$ before it, and for spreadsheets."""
    return format_brl(amount_centavos).replace("R$ ", "")


def code_spans(text: str) -> Markup:
    """A description of an API as HTML: what stands between backticks becomes `<code>`, and all of it is escaped."""
    words, *rest = text.split("`")
    pieces = [escape(words)]
    for number, piece in enumerate(rest):
        is_code = number % 2 == 0 and number + 1 < len(rest)
        pieces.append(Markup("<code>{}</code>").format(piece) if is_code else escape(piece))
    return Markup("").join(pieces)


def localtime(at_ms: int, language: Language) -> str:
    """Day, month and time to the minute: "14 Oct, 15:32". Takes any integer, as all filters of times do."""
    if not LOCAL_MS_MIN <= at_ms <= LOCAL_MS_MAX:
        return _raw(at_ms)
    separator = " às " if language is Language.PORTUGUESE else ", "
    return f"{day_month(at_ms, language)}{separator}{local(at_ms):%H:%M}"


def day_month(at_ms: int, language: Language) -> str:
    """Day and month: "14 Oct"."""
    if not LOCAL_MS_MIN <= at_ms <= LOCAL_MS_MAX:
        return _raw(at_ms)
    at = local(at_ms)
    if language is Language.PORTUGUESE:
        return at.strftime("%d/%m")
    return str(format_skeleton("MMMd", at, locale=language.locale))


def localtime_full(at_ms: int, language: Language) -> str:
    """Day, month, year and time to the second, as a receipt has it."""
    if not LOCAL_MS_MIN <= at_ms <= LOCAL_MS_MAX:
        return _raw(at_ms)
    at = local(at_ms)
    return _day_and_time(format_date(at, "long", locale=language.locale), f"{at:%H:%M:%S}", language)


def localtime_year(at_ms: int, language: Language) -> str:
    """Day, month, year and time to the minute: what is on paper is read in other years too."""
    at = local(at_ms)
    return _day_and_time(full_day(at.date(), language), f"{at:%H:%M}", language)


def full_day(day: date, language: Language) -> str:
    pattern = "dd/MM/yyyy" if language is Language.PORTUGUESE else "medium"
    return str(format_date(day, pattern, locale=language.locale))


def month_name(day: date, language: Language) -> str:
    """The month, short: "Nov", in Portuguese "nov."."""
    return str(format_date(day, "LLL", locale=language.locale))


def _day_and_time(day: str, time: str, language: Language) -> str:
    return f"{day} às {time}" if language is Language.PORTUGUESE else f"{day}, {time}"


def clock_time(at_ms: int) -> str:
    return local(at_ms).strftime("%H:%M:%S") if LOCAL_MS_MIN <= at_ms <= LOCAL_MS_MAX else _raw(at_ms)


def minute_time(at_ms: int) -> str:
    return local(at_ms).strftime("%H:%M") if LOCAL_MS_MIN <= at_ms <= LOCAL_MS_MAX else _raw(at_ms)


def iso_time(at_ms: int) -> str:
    return local(at_ms).isoformat(timespec="milliseconds") if LOCAL_MS_MIN <= at_ms <= LOCAL_MS_MAX else _raw(at_ms)


def _raw(at_ms: int) -> str:
    """An integer that is no time, as it is stored: nothing that a participant has sent may hide a page."""
    return f"{at_ms} ms"


def day_heading(day: date, today: date, language: Language) -> str:
    """The day with its weekday, or "Today" or "Yesterday"."""
    if day == today:
        return translate(language, "Today")
    if today - day == timedelta(days=1):
        return translate(language, "Yesterday")
    pattern = _DAY_OF_THIS_YEAR[language] if day.year == today.year else "full"
    heading: str = format_date(day, pattern, locale=language.locale)
    return heading[:1].upper() + heading[1:]


def seconds_between(start_ms: int, end_ms: int, language: Language) -> str:
    """How long it took: "0.8 s"."""
    return f"{decimal(max(0, end_ms - start_ms) / 1000, language)} s"


def decimal(value: float, language: Language, digits: int = 1) -> str:
    """A number that is no money, with its decimals: "2.9", in Portuguese "2,9"."""
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language is Language.PORTUGUESE else text


def tax_id(text: str) -> str:
    """A CPF or CNPJ with its punctuation; anything else (a masked one) as it is."""
    try:
        return format_tax_id(text)
    except SchemeError:
        return text


def initiation_name(initiation: Initiation, language: Language) -> str:
    """How the payer named the payee, in words."""
    return translate(language, _INITIATIONS[initiation])


def pix_key(key: str, kind: KeyKind | str) -> str:
    """A key in stored form as people write it: a CPF with its points, a Brazilian phone with its brackets."""
    if kind in (KeyKind.CPF, KeyKind.CNPJ):
        return tax_id(key)
    if kind == KeyKind.PHONE and key.startswith("+55") and len(key) in (13, 14):
        return f"+55 ({key[3:5]}) {key[5:-4]}-{key[-4:]}"
    return key


def initials(name: str) -> str:
    """One or two letters that stand for a person, a company or a bank."""
    words = [word for word in name.split() if word[0].isalnum()]
    telling = [word for word in words if word.lower() not in _SMALL_WORDS] or words
    chosen = telling if len(telling) <= _INITIALS_MAX else [telling[0], telling[-1]]
    return "".join(word[0].upper() for word in chosen) or "?"


def first_name(name: str) -> str:
    return name.split()[0] if name.split() else name
