"""The page in a real browser; skipped where there is none."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from abbotify.report.document import Document
from abbotify.report.html import render_html
from tests.report.conftest import CHARTS

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--enable-logging=stderr",
    "--v=0",
)


@pytest.fixture(scope="module")
def shown(
    chromium: str, hostile: Document, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """The page's DOM as the browser built it, and what the browser logged."""
    folder: Path = tmp_path_factory.mktemp("browser")
    page = folder / "report.html"
    page.write_text(render_html(hostile), encoding="utf-8")
    command = [
        chromium,
        *_FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, done.stderr


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
