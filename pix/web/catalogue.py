"""The texts of all pages, collected from the source: what a catalogue of a language has to translate.

`python -m pix.web.catalogue` brings the catalogues in `templates/locale` up to date with the source: new texts
come in untranslated, old ones go. A test fails while one is untranslated.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from pix.web.languages import Language

_ROOT: Final = Path(__file__).resolve().parents[2]
_KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "pgettext": ((1, "c"), 2),
    "ngettext": (1, 2),
    "translate": (2,),
    "translatable": None,
    "report_step": None,
    "say": None,
}
_OPTIONS: Final = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false", "newstyle_gettext": "true"}
_PAGES: Final = (
    ("templates", (("**.html", "jinja2"),)),
    ("bank_sim/entrypoints/http", (("**.py", "python"),)),
    ("hub/entrypoints/http", (("**.py", "python"),)),
    ("pix/web", (("**.py", "python"),)),
    ("lab", (("**.py", "python"),)),
)
_RULES: Final = (
    "pix/scheme",
    "pix/participant/dead_letters",
    "bank_sim/domain",
    "bank_sim/application",
    "bank_sim/entrypoints/http",
    "hub/application",
    "hub/adapters",
    "hub/entrypoints/http",
)
"""Where the sentences of errors are written, which pages show as they are."""
_REASONS: Final = ("pix/wire", "hub/domain", "bank_sim/domain", "hub/application/course")
"""Where the reasons of dead letters and ignored messages are written, which pages show behind the place of a fault."""
_RECORD_ERRORS: Final = frozenset({"RecordError", "CourseRecordError"})
_REASON_NAMES: Final = frozenset({"dead_letter", "why", "unknown"})
"""Arguments and variables that hold a reason."""
_REASON_FUNCTIONS: Final = frozenset({"too_long", "_fault_of", "_why_unknown", "_why_not_booked"})
"""They return one."""
_PLACE: Final = re.compile(r"^(?:record key|[\w{}-]+): ")
_IN_PORTUGUESE: Final = ("bank_sim/entrypoints/http/api_pix", "bank_sim/entrypoints/http/payloads.py")
"""The API Pix answers programs, in the Central Bank's language."""
_REFUSALS: Final = frozenset(
    {
        "BankNotFound",
        "BankBooksUnavailable",
        "DeadLetterNotFound",
        "FundingConflict",
        "KeyNotFound",
        "LimitExceeded",
        "SettlementFundsTooLow",
        "TransferNotFound",
        "WebhookUrlInvalid",
    }
)
"""Errors whose names say what was refused, and whose sentences pages show."""
_OF_PROGRAMS: Final = frozenset({"PixApiError", "TokenError"})
"""Errors of the API Pix: it answers programs, in Portuguese, and OAuth in English."""


def collect_messages(root: Path = _ROOT) -> Catalog:
    """Every text of templates and pages, and every rule; what a rule fills in is `{}`."""
    catalog = Catalog(project="CodePix", charset="utf-8", fuzzy=False)
    for folder, methods in _PAGES:
        found = extract_from_dir(
            root / folder,
            method_map=list(methods),
            options_map={pattern: _OPTIONS for pattern, method in methods if method == "jinja2"},
            keywords=_KEYWORDS,
        )
        for name, _, message, _, context in found:
            catalog.add(message, locations=[(f"{folder}/{name}", 0)], context=context)
    for folder in _RULES:
        for path in sorted((root / folder).rglob("*.py")):
            if any(path.is_relative_to(root / place) for place in _IN_PORTUGUESE):
                continue
            for rule in _rules_in(path.read_text(encoding="utf-8")):
                catalog.add(rule, locations=[(path.relative_to(root).as_posix(), 0)])
    for folder in _REASONS:
        for path in sorted((root / folder).rglob("*.py")):
            for reason in _reasons_in(path.read_text(encoding="utf-8")):
                catalog.add(reason, locations=[(path.relative_to(root).as_posix(), 0)])
    return catalog


def update_catalogue(path: Path, language: Language, template: Catalog) -> None:
    """Writes the catalogue anew: the texts of the source with the translations that it had."""
    if path.exists():
        with path.open("rb") as source:
            catalog = read_po(source, locale=language.locale)
    else:
        catalog = Catalog(locale=language.locale, project="CodePix", charset="utf-8", fuzzy=False)
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    text = BytesIO()
    # Without a header, which has the time in it: the file changes only with the texts.
    write_po(text, catalog, sort_output=True, omit_header=True, no_location=True, width=118, ignore_obsolete=True)
    path.write_bytes(text.getvalue().rstrip() + b"\n")


def _rules_in(source: str) -> Iterator[str]:
    """The last argument of every `…Error("field", "sentence")` and of `super().__init__` in an error's class."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _makes_error(node.func, len(node.args)):
            sentence = _sentence(node.args[-1])
            if sentence and " " in sentence:
                yield sentence


def _reasons_in(source: str) -> Iterator[str]:
    """The sentences of dead letters and of ignored messages, without the place of the fault in front."""
    for node in ast.walk(ast.parse(source)):
        for value in _reason_values(node):
            reason = _PLACE.sub("", _sentence(value), count=1)
            if re.search(r"[A-Za-z]{2,} ", reason):
                yield reason


def _reason_values(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[only]) if name in _RECORD_ERRORS:
            yield only
        case ast.Call(func=ast.Name(id="Rejected"), args=[_, _, reason]):
            yield reason
        case ast.Call(func=ast.Name(id="_ignore"), args=[_, _, _, reason, *_]):
            yield reason
        case ast.keyword(arg=name, value=value) if name in _REASON_NAMES:
            yield value
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _REASON_NAMES:
            yield value
        case ast.FunctionDef(name=name) if name in _REASON_FUNCTIONS:
            yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)


def _makes_error(function: ast.expr, arguments: int) -> bool:
    if isinstance(function, ast.Name):
        if function.id in _OF_PROGRAMS:
            return False
        return (arguments == 2 and function.id.endswith("Error")) or (arguments > 0 and function.id in _REFUSALS)
    return arguments == 2 and isinstance(function, ast.Attribute) and function.attr == "__init__"


def _sentence(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def main() -> int:
    """Updates every catalogue but that of English, the language of the source."""
    template = collect_messages()
    for language in Language:
        if language is not Language.ENGLISH:
            update_catalogue(_ROOT / "templates" / "locale" / f"{language.locale}.po", language, template)
    return 0


if __name__ == "__main__":
    sys.exit(main())
