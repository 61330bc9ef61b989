"""Pages from Jinja templates: an environment per language, the filters, and a page or a block of it as an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pix.scheme.days import day_of
from pix.web import formats
from pix.web.assets import asset_url
from pix.web.folders import templates_folder
from pix.web.languages import Language, choose_language, translate_reason, translate_rule, translations
from pix.web.notices import take_notice
from pix.web.places import page_address, with_query
from pix.web.preferences import LANGUAGE_COOKIE, THEME_COOKIE, Theme

EXTENSIONS: Final = ("jinja2.ext.i18n", "jinja2.ext.do")

PageContext = Callable[[Request], Mapping[str, Any]]
"""What every page of an app needs to know, from the request."""


class Pages:
    def __init__(self, context: PageContext, folder: Path | None = None) -> None:
        self._context = context
        self._environments = {language: _environment(folder or templates_folder(), language) for language in Language}

    def page(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        block: str | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        """The template as an answer, or one block of it for a page that is there already."""
        html = self.html(request, template, context, block=block)
        return HTMLResponse(html, status_code=status, headers={"Vary": "Cookie, Accept-Language, HX-Request"})

    def html(
        self, request: Request, template: str, context: Mapping[str, Any] | None = None, *, block: str | None = None
    ) -> str:
        language = language_of(request)
        found = self._environments[language].get_template(template)
        values: dict[str, Any] = {
            "language": language,
            "languages": list(Language),
            "theme": theme_of(request),
            "path": request.url.path,
            "here": page_address(request),
            **self._context(request),
            **(context or {}),
        }
        if block is None:
            return found.render(values | {"notice": take_notice(request, language)})
        return "".join(found.blocks[block](found.new_context(values)))


def language_of(request: Request) -> Language:
    return choose_language(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))


def theme_of(request: Request) -> Theme:
    chosen = request.cookies.get(THEME_COOKIE, "")
    return Theme(chosen) if chosen in set(Theme) else Theme.AUTO


@cache
def _environment(folder: Path, language: Language) -> Environment:
    """The templates in a language, each compiled once in the life of the process, whatever number of apps show them."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        # Else each page asks the file system whether one of its templates has changed.
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=EXTENSIONS,
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.globals["asset"] = asset_url
    environment.globals["with_query"] = with_query
    environment.filters.update(
        brl=formats.brl,
        brl_signed=formats.brl_signed,
        brl_plain=formats.brl_plain,
        initiation_name=partial(formats.initiation_name, language=language),
        localtime=partial(formats.localtime, language=language),
        day_month=partial(formats.day_month, language=language),
        localtime_full=partial(formats.localtime_full, language=language),
        localtime_year=partial(formats.localtime_year, language=language),
        month_name=partial(formats.month_name, language=language),
        full_day=partial(formats.full_day, language=language),
        clock_time=formats.clock_time,
        minute_time=formats.minute_time,
        iso_time=formats.iso_time,
        local_day=day_of,
        day_heading=lambda day, today: _day_heading(day, today, language),
        seconds_between=partial(formats.seconds_between, language=language),
        decimal=partial(formats.decimal, language=language),
        tax_id=formats.tax_id,
        pix_key=formats.pix_key,
        initials=formats.initials,
        code_spans=formats.code_spans,
        first_name=formats.first_name,
        rule=partial(translate_rule, language),
        record_reason=partial(translate_reason, language),
    )
    # A block that is rendered by itself sees no import of its template, so what every page uses is known everywhere.
    environment.globals["ui"] = environment.get_template("components.html").module
    return environment


def _day_heading(day: date, today: date, language: Language) -> str:
    return formats.day_heading(day, today, language)
