"""Effects by segment, and whether they differ between segments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.report.pages import render_html
from abbotify.report.result import Result
from abbotify.report.table import Table
from abbotify.report.tables.segments import segment_tests, segmented_by, segments
from tests.report.found import segments as made

Plain = dict[str, Any]


@pytest.fixture
def parts(hand: Plain) -> Plain:
    hand["segments"] = made({"neural": 1.0}, ("time",), np.random.default_rng(1))
    parts: Plain = hand["segments"]
    return parts


def table(hand: Plain) -> Table:
    built = segments(Result.from_dict(hand))
    assert built is not None
    return built


def test_a_segment(hand: Plain, parts: Plain) -> None:
    parts["rows"][0] |= {
        "relative_effect": 10.0,
        "relative_lower": 6.0,
        "relative_upper": 14.0,
        "p_adjusted": 0.049,
    }
    parts["rows"][1] |= {"p_adjusted": 0.051}
    heading, first, second, _ = table(hand).rows
    assert heading.heading
    assert heading.cells[0].plain == "Listened time (neural)"
    _, users, drawn, relative, difference, _, adjusted = first.cells
    assert (users.text, relative.plain) == ("1,498 / 1,530", "+10.0% [+6.0%, +14.0%]")
    assert difference.text.endswith("\N{NO-BREAK SPACE}tracks")
    assert adjusted.text == "0.049"
    assert "hollow" not in drawn.svg
    assert "hollow" in second.cells[2].svg


def test_the_attribute_of_segments(hand: Plain, parts: Plain) -> None:
    assert segmented_by(Result.from_dict(hand)) == (
        "Segmented by listened time before the experiment, cut at 3.2 and 7.8. "
        "412 users without this value are left out."
    )
    parts |= {"by": "file", "bounds": [], "without": 1}
    assert segmented_by(Result.from_dict(hand)) == (
        "Segmented by a file of segments. 1 user without this value is left out."
    )


@pytest.mark.parametrize(
    ("p", "sentence"),
    [
        (0.049, "the effect differs between segments (Cochran’s Q = 10, 2 df, p = 0.049)."),
        (0.05, "no significant difference between segments (Cochran’s Q = 10, 2 df, p = 0.050)."),
        (None, "no test of a difference between segments (too few)."),
    ],
)
def test_heterogeneity(hand: Plain, parts: Plain, p: float | None, sentence: str) -> None:
    parts["tests"][0] |= {"p_value": p, "note": "" if p else "too few"}
    assert segment_tests(Result.from_dict(hand)) == (f"Listened time, neural: {sentence}",)


def test_a_group_without_a_test(hand: Plain, parts: Plain) -> None:
    parts["tests"] = []
    (sentence,) = segment_tests(Result.from_dict(hand))
    assert sentence.endswith("no test of a difference between segments (undefined).")


def test_metrics_of_a_treatment_stay_apart(hostile: Result) -> None:
    built = segments(hostile)
    assert built is not None
    headings = [row.cells[0] for row in built.rows if row.heading]
    assert len(headings) == len(set(headings)) == 6
    assert len(built.rows) == 6 * (1 + 3)


def test_names_are_escaped(hostile: Result) -> None:
    page = render_html(hostile)
    assert "&lt;b&gt;ages&lt;/b&gt; `18|24` $x$ 夜" in page
    assert "no test of a difference between segments (&lt;none&gt;)." in page


def test_without_segments_there_is_no_section(small: Result) -> None:
    assert segments(small) is None
    assert segment_tests(small) == ()
    assert segmented_by(small) == ""
    assert 'id="segments"' not in render_html(small)
