"""The page in a real browser; skipped where there is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abbotify.report.pages import render_html
from abbotify.report.result import Result
from tests.browser import assert_fits, dumped, faults
from tests.report.conftest import CHARTS


@pytest.fixture(scope="module")
def shown(
    chromium: str, hostile: Result, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """The page's DOM as the browser built it, and what the browser logged."""
    folder: Path = tmp_path_factory.mktemp("browser")
    page = folder / "report.html"
    page.write_text(render_html(hostile), encoding="utf-8")
    return dumped(chromium, page, folder / "profile")


def test_the_console_is_silent(shown: tuple[str, str]) -> None:
    assert not re.findall(r".*CONSOLE.*", shown[1])


def test_tables_and_charts_are_there(shown: tuple[str, str]) -> None:
    dom = shown[0]
    assert dom.count("<table") >= 8
    assert sorted(re.findall(r'<svg class="chart ([^"]*)" role="img"', dom)) == sorted(
        (*CHARTS, "watching-2")
    )
    assert "<script" not in dom
    assert "&lt;script&gt;alert('x')&lt;/script&gt;" in dom


@pytest.mark.parametrize("name", ["usual", "hostile", "huge"])
def test_nothing_is_cut_on_any_screen(
    chromium: str, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert_fits(chromium, render_html(request.getfixturevalue(name)), tmp_path)


def test_what_is_cut_is_seen(chromium: str, usual: Result, tmp_path: Path) -> None:
    """The measurement itself: columns that leave the screen, marks outside, blank pictures."""
    page = render_html(usual)
    columns = page.replace("@media screen and (max-width: 760px) {", "@media (max-width: 1px) {")
    found = faults(chromium, columns, tmp_path)
    assert any(fault.startswith("a cell is cut") for fault in found["380"])
    circles = re.sub(r'(<use [^>]*x=")[\d.]+', r"\g<1>4000", page)
    (tmp_path / "circles").mkdir()
    found = faults(chromium, circles, tmp_path / "circles")
    assert any("outside lies" in fault for fault in found["1100"])
    taller = re.sub(r'viewBox="0 0 400 280"', 'viewBox="0 0 400 380"', page)
    (tmp_path / "taller").mkdir()
    found = faults(chromium, taller, tmp_path / "taller")
    assert any(fault.endswith("blank at the bottom") for fault in found["1100"])
