"""A study's files in its folder: whole, or one line that says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbotify.errors import OutputError
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.studies.page import Card, Figure, Page, Section, write

TABLE = Table(
    "Numbers", (Column("name"), Column("n", number=True)), (Row((Cell("a|b"), Cell("1"))),)
)


def page() -> Page:
    return Page(
        "sweep",
        "A <b>",
        "A sentence.",
        (
            Section("Picture", figure=Figure("T", "C", lambda narrow: f"<svg>{narrow}</svg>")),
            Section("Rows", "Text.", Figure("T", "C", lambda narrow: None), TABLE, ("A note.",)),
        ),
        (
            Card("3 of 3", ("All kept.",), "good"),
            Card("run", ("Ship.",), "good", "A", (("bad", "Ratio"),)),
        ),
    )


def test_a_page_is_rendered_as_html_and_as_markdown() -> None:
    html = page().html()
    assert "A &lt;b&gt;" in html
    assert "<svg>False</svg>" in html
    assert "<svg>True</svg>" in html
    assert html.count("<figure>") == 1
    assert html.count("<table") == 1
    text = page().markdown()
    assert text.startswith("# A \\<b>\n\nA sentence.\n\n**3 of 3**\n\n- All kept.\n\n**A: run**")
    assert "- **bad** Ratio" in text
    assert "## Picture" not in text  # it has no words
    assert "## Rows\n\nText.\n\n| name | n |\n" in text
    assert text.endswith("\n\n- A note.\n")


def test_a_page_that_cannot_be_made_is_returned_beside_the_other_file(tmp_path: Path) -> None:
    def broken() -> Page:
        raise ValueError("no")

    fault = write(tmp_path, "a", lambda: "x", broken)
    assert "a.html: cannot be made (ValueError: no)" in str(fault)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_files_are_written_into_a_folder_made_for_them(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "out", "a", lambda: "x\ny\n\N{EN DASH}", page)
    assert (tmp_path / "deep" / "out" / "a.csv").read_bytes() == "x\ny\n\N{EN DASH}".encode()
    write(tmp_path / "deep" / "out", "a", lambda: "z", page)
    assert {path.name for path in (tmp_path / "deep" / "out").iterdir()} == {
        *("a.csv", "a.md", "a.html")
    }
    assert (tmp_path / "deep" / "out" / "a.csv").read_text() == "z"


def test_what_cannot_be_written_is_told_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be written"):
        write(tmp_path / "file", "a", lambda: "", page)
    (tmp_path / "out" / "a.csv").mkdir(parents=True)
    with pytest.raises(OutputError, match="out: cannot be written"):
        write(tmp_path / "out", "a", lambda: "", page)
    with pytest.raises(OutputError, match="other: cannot be written"):
        write(tmp_path / "out", "a", lambda: "", page, shown=tmp_path / "other")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.csv"]
