"""The report as one page of HTML, which needs no other file."""

from __future__ import annotations

from lab.prove.conform.verdict import Examination


def html_report(examination: Examination) -> str:
    return f"<!doctype html><title>{examination.bank}</title>"
