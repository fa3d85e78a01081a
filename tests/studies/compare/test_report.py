"""What a comparison shows: texts, tables and files, with names as nasty as they come."""

from __future__ import annotations

import copy
import csv
import re
from pathlib import Path

import pytest

from abbotify.errors import OutputError
from abbotify.report import Result
from abbotify.studies.compare import tables
from abbotify.studies.compare.compare import Comparison, compare
from abbotify.studies.compare.report import (
    COLUMNS,
    KIND,
    check,
    compare_csv,
    compare_page,
    write,
)
from tests.browser import assert_fits
from tests.report.nasty import nasty
from tests.report.realistic import realistic
from tests.studies.pages import assert_closed

NASTY = ("runs/<img src=x onerror=alert(1)>", "runs/`b`|\n*c*\x1b[31m")


def compared(one: dict[str, object], two: dict[str, object], names: tuple[str, str]) -> Comparison:
    two = copy.deepcopy(two)
    two["run"] |= {"seeds": {"world": 1, "dynamics": 6}}  # type: ignore[operator]
    return compare(Result.from_dict(one), Result.from_dict(two), names)


@pytest.fixture(scope="module")
def usual() -> Comparison:
    data = realistic()
    for row in data["effects"]:
        if row["metric"] == "time" and row["estimand"] == "mean":
            row |= {"relative_effect": 50.0, "relative_lower": 40.0, "relative_upper": 60.0}
    return compared(realistic(), data, ("first", "second"))


@pytest.fixture(scope="module")
def hostile() -> Comparison:
    other = nasty()
    other["scenario"] = {
        **other["scenario"],
        "note": "<script>alert(9)</script>",
        "x|y`": {"<i>": ["<b>"]},
    }
    other["arms"] = [arm for arm in other["arms"] if not arm["name"].startswith("i2i")]
    for part in ("effects", "guardrails", "truth"):
        other[part] = [row for row in other.get(part, ()) if not row["arm"].startswith("i2i")]
    return compared(nasty(), other, NASTY)


def test_rows_say_what_is_better(usual: Comparison) -> None:
    rows = {
        f"{row.cells[0].text} {row.cells[0].under}".strip(): row.cells
        for row in tables.effects(usual).rows
    }
    _, _, _, b, difference, _, result = rows["Listened time"]
    assert (b.text, b.under) == ("+50.0%", "[+40.0%, +60.0%]")
    assert (result.tone, result.text) == ("good", "better in B")
    assert re.fullmatch(r"\+\d+\.\d pp", difference.text)
    *_, p, result = rows["Skip rate"]
    assert (result.tone, result.text, p.text) == ("quiet", "not significant", "1.000")
    assert rows["Skip rate ratio of sums"][1].text == "neural"
    first = tables.effects(usual).rows[0].cells[0]
    assert first.text == "Time per session"  # the success metric leads


def test_a_flat_metric_has_its_note(usual: Comparison) -> None:
    rows = {row.cells[0].text: row.cells for row in tables.effects(usual).rows}
    *_, difference, p, result = rows["Timeouts"]
    assert (difference.text, p.text) == ("0.00", "–")
    assert (result.text, result.tone) == ("a run has no interval", "quiet")


def test_the_csv_has_full_precision(usual: Comparison) -> None:
    rows = list(csv.DictReader(compare_csv(usual).splitlines()))
    assert tuple(rows[0]) == COLUMNS
    found = next(row for row in rows if (row["what"], row["metric"]) == ("relative_effect", "time"))
    first = next(e for e in usual.a.effects if e.metric == "time" and e.estimand == "mean")
    assert first.relative_effect is not None
    assert float(found["a"]) == first.relative_effect
    assert float(found["difference"]) == 50.0 - first.relative_effect
    assert len(rows) == 2 * len(usual.effects) + len(usual.levels)
    flat = next(row for row in rows if row["metric"] == "timeouts" and row["what"] == "effect")
    assert flat["difference_lower"] == ""


def test_hostile_names_are_shown_as_they_are(hostile: Comparison) -> None:
    page = compare_page(hostile).html()
    for raw in ("<script>", "<img", "<arms>", "neural <b>&amp;</b>", "\x1b"):
        assert raw not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "neural &lt;b&gt;&amp;amp;&lt;/b&gt;" in page
    assert "&lt;script&gt;alert(9)&lt;/script&gt;" in page
    assert "only in A: i2i|`тест` 夜" in page
    assert "&lt;wbr" not in page
    text = compare_page(hostile).markdown()
    assert "\x1b" not in text
    assert "x\\|y\\`.\\<i>" in text
    assert "x|y`.&lt;i&gt;" in page
    found = re.findall(r"^\|.*\|$(?:\n^\|.*\|$)+", text, re.MULTILINE)
    assert len(found) == 3
    for table in found:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(bars) == 1


def test_the_page_is_self_contained(usual: Comparison, hostile: Comparison) -> None:
    assert_closed(compare_page(usual).html())
    page = compare_page(hostile).html()
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert page.count('<svg class="chart') == 2
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_the_page_is_the_same_again(usual: Comparison) -> None:
    assert compare_page(usual).html() == compare_page(usual).html()


def test_the_folder_is_replaced_and_others_are_refused(usual: Comparison, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    write(usual, out)
    (out / "left over").write_text("")
    write(usual, out)
    assert {path.name for path in out.iterdir()} == {*KIND.files, "left over"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(OutputError, match="no comparison"):
        check(tmp_path / "mine", ())
    with pytest.raises(OutputError, match="holds the run"):
        check(out, (out / "run",))
    with pytest.raises(OutputError, match="holds the run"):
        check(out, (out,))
    assert (tmp_path / "mine" / "thesis.tex").exists()


@pytest.mark.parametrize("name", ["usual", "hostile"])
def test_the_page_fits_every_screen(
    name: str, chromium: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert_fits(chromium, compare_page(request.getfixturevalue(name)).html(), tmp_path)
