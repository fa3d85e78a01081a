"""The page in docs/ is that of its table, and the table that of the code."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from abbotify.studies.validation.characteristics import COLUMNS, banded, outside, rate
from benchmarks.estimators import Calibration, Row
from benchmarks.estimators.report import HEADER, from_csv, summary, to_csv, to_markdown
from benchmarks.estimators.suite import THEMES

DOCS = Path(__file__).parents[3] / "docs"
TABLE = (DOCS / "calibration.csv").read_text(encoding="utf-8")
PAGE = (DOCS / "calibration.md").read_text(encoding="utf-8")


def rows(inside: bool) -> list[Row]:
    hits = 50 if inside else 500
    found = banded(
        [
            rate("welch", "users, 50/50", "rate", hits, 1000, 0.05, True),
            rate("welch", "x", "coverage", 3, 7),
        ]
    )
    return [Row("Power", each) for each in found]


@pytest.mark.parametrize("inside", [True, False])
def test_the_table_reads_back(inside: bool) -> None:
    assert from_csv(to_csv(rows(inside))) == rows(inside)
    assert HEADER[1:-2] == COLUMNS


def test_another_table_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the columns theme, method"):
        from_csv("a,b\n1,2\n")


def test_the_page_is_that_of_the_table() -> None:
    seconds = re.search(r"(\d+) s of one processor", PAGE)
    assert seconds
    assert to_markdown(from_csv(TABLE), float(seconds[1])) == PAGE


def test_the_page_begins_with_what_was_found() -> None:
    begins = PAGE.split("\n## ")[1]
    assert begins.startswith("In short\n")
    lines = begins.strip().splitlines()[2:]
    assert 8 <= len(lines) <= 15
    published = [row for row in from_csv(TABLE) if row.found.gated]
    named = {line.split("**")[1] for line in lines[1:] if "**" in line}
    assert named == {row.theme for row in published}
    for theme in named:
        (line,) = (line for line in lines if line.startswith(f"* **{theme}**"))
        counted = sum(int(rows) for rows in re.findall(r"\((\d+) rows?\)", line))
        assert counted == sum(row.theme == theme for row in published)


def test_a_summary_says_what_left_its_band_and_what_was_shipped() -> None:
    assert "All 1 promised rates lie" in summary(rows(inside=True))
    told = summary(rows(inside=False))
    assert "**1 of 1 promised rates left their bands: welch (users, 50/50).**" in told
    assert "* **Power**: rate 0.5 where 0.05 is expected (1 row)." in told
    shipped = [
        Row("D", rate("decision", name, "ship", hits, 200, 0.0, True, True))
        for name, hits in (("log given twice", 3), ("treatment crashes", 0))
    ]
    told = summary(shipped)
    assert "2 kinds of sabotage the one shipped most often: log given twice, 1.5%." in told
    assert "most often: none of them ever." in summary(shipped[1:])


def test_the_bands_are_those_of_the_measurements() -> None:
    published = from_csv(TABLE)
    assert to_csv(published) == TABLE
    assert list(dict.fromkeys(row.theme for row in published)) == list(THEMES)
    measured = [
        rate(
            found.method,
            found.metric,
            found.quantity,
            round((found.measured or 0.0) * found.replications),
            found.replications,
            found.expected,
            found.gated,
            found.method in BOUNDS or "sequential" in found.method,
        )
        for _, found in published
    ]
    for row, again in zip(published, banded(measured), strict=True):
        if row.found.quantity not in ("estimate", "exaggeration"):  # means
            assert again == row.found


BOUNDS = ("always_valid", "cuped, always_valid", "holm", "decision")


# What the paragraphs say, and the rows that say it: method, setting (its beginning), figure.
SAID = [
    ("with 100 users and .07 with 1 000", "welch", "lognormal s = 1.0, n = 1000, 90/10", 0.07),
    ("Welch at s = 1 .12", "welch", "lognormal s = 1.0, n = 100, 90/10", 0.12),
    ("`delta` .065", "delta", "lognormal s = 1.0, n = 10000, 90/10", 0.065),
    ("`max_z` .07", "max_z", "lognormal s = 1.0, n = 10000, 90/5/5", 0.07),
    (".31 with five users", "max_z", "lognormal s = 1.0, n = 100, 90/5/5", 0.31),
    (".067\nat s = 1", "guardrail", "lognormal s = 1.0, 9000/1000 users, a rise", 0.067),
    (".034 where a fall", "guardrail", "lognormal s = 1.0, 9000/1000 users, a fall", 0.034),
    ("about .01 here", "always_valid", "lognormal s = 0.5, 10 looks", 0.01),
    (".256 of the time", "srm at 0.05, looking again", "10 000 users split 50/50", 0.256),
    ("about .963", "quantile", "lognormal s = 1.0, 500 users an arm, quantile 0.95", 0.963),
    (".905 with 100", "bootstrap", "lognormal s = 1.0, 100 users", 0.905),
    (".927 with 500", "bootstrap", "lognormal s = 1.0, 500 users", 0.927),
]


@pytest.mark.parametrize(("words", "method", "setting", "figure"), SAID)
def test_the_paragraphs_say_what_the_rows_do(
    words: str, method: str, setting: str, figure: float
) -> None:
    digits = len(str(figure)) - 2
    said = [r.found for r in from_csv(TABLE) if r.found.method == method]
    measured = [one.measured for one in said if one.metric.startswith(setting)]
    assert words in PAGE
    assert len(measured) == 1
    assert measured[0] == pytest.approx(figure, abs=0.51 * 10**-digits)


def test_the_warning_comes_where_the_error_is_not_kept_and_seldom_where_it_is() -> None:
    published = from_csv(TABLE)
    warned = {
        row.found.metric.partition(", skewness")[0]: row.found.measured or 0.0
        for row in published
        if row.found.method == "warning, two-sided"
    }
    welch = [
        r.found for r in published if r.theme == "Nothing to find" and r.found.method == "welch"
    ]
    assert {found.metric for found in welch} == set(warned)
    bad = [warned[found.metric] for found in welch if (found.measured or 0.0) > 0.06]
    gated = [warned[found.metric] for found in welch if found.gated]
    assert len(bad) >= 5
    assert min(bad) > 0.83
    assert len(gated) >= 10
    assert max(gated) < 0.09


def test_no_published_gate_is_left() -> None:
    assert list(outside(row.found for row in from_csv(TABLE))) == []


@pytest.mark.parametrize("inside", [True, False])
def test_the_command_writes_both_and_fails_outside_a_band(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    made = Calibration(tuple(rows(inside)), {"Power": 1.5})
    monkeypatch.setattr("benchmarks.estimators.suite.calibrate", lambda tell: made)
    monkeypatch.setattr(sys, "argv", ["estimators", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("benchmarks.estimators", run_name="__main__")
    assert stopped.value.code == (0 if inside else 1)
    assert from_csv((tmp_path / "calibration.csv").read_text()) == rows(inside)
    assert "**no**" in (tmp_path / "calibration.md").read_text() or inside
