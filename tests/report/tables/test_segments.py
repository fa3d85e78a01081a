"""Effects by segment, and in words whether they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.report.html import render_html
from abbotify.report.result import Result
from abbotify.report.tables.segments import SegmentTable, segments
from tests.report.found import segments as made

Plain = dict[str, Any]


@pytest.fixture
def parts(hand: Plain) -> Plain:
    hand["segments"] = made({"neural": 1.0}, ("time",), np.random.default_rng(1))
    found: Plain = hand["segments"]
    return found


def table(hand: Plain) -> SegmentTable:
    found = segments(Result.from_dict(hand))
    assert found is not None
    return found


def test_a_segment(hand: Plain, parts: Plain) -> None:
    parts["rows"][0] |= {
        "relative_effect": 10.0,
        "relative_lower": 6.0,
        "relative_upper": 14.0,
        "p_adjusted": 0.049,
    }
    parts["rows"][1] |= {"p_adjusted": 0.051}
    (group,) = table(hand).groups
    first, second, _ = group.lines
    assert (first.relative, first.relative_interval) == ("+10.0%", "[+6.0%, +14.0%]")
    assert first.difference.endswith("\N{NO-BREAK SPACE}tracks")
    assert (first.users, first.significant, second.significant) == ("1,498 / 1,530", True, False)


def test_what_users_are_told_apart_by(hand: Plain, parts: Plain) -> None:
    assert table(hand).told == (
        "Users are told apart by their listened time before the experiment, cut at 3.2 and 7.8. "
        "412 users have no such value and are in no segment."
    )
    parts |= {"by": "file", "bounds": [], "without": 1}
    assert table(hand).told == (
        "Users are told apart by the segments of a file. "
        "1 user has no such value and is in no segment."
    )


@pytest.mark.parametrize(
    ("p", "told", "differs"),
    [
        (0.049, "The effect differs between segments (Cochran’s Q = 10, 2 df, p = 0.049).", True),
        (0.05, "not shown to differ between segments (Cochran’s Q = 10, 2 df, p = 0.050).", False),
        (None, "was not tested: too few.", False),
    ],
)
def test_heterogeneity_in_words(
    hand: Plain, parts: Plain, p: float | None, told: str, differs: bool
) -> None:
    parts["tests"][0] |= {"p_value": p, "note": "" if p else "too few"}
    (group,) = table(hand).groups
    assert group.test.endswith(told)
    assert group.differs is differs


def test_a_group_without_a_test(hand: Plain, parts: Plain) -> None:
    parts["tests"] = []
    (group,) = table(hand).groups
    assert group.test.endswith("was not tested: undefined.")


def test_metrics_of_a_treatment_stay_apart(hostile: Result) -> None:
    found = segments(hostile)
    assert found is not None
    keys = [(group.metric, group.arm) for group in found.groups]
    assert len(keys) == len(set(keys)) == 6
    assert {len(group.lines) for group in found.groups} == {3}


def test_names_are_escaped(hostile: Result) -> None:
    page = render_html(hostile)
    assert "&lt;b&gt;ages&lt;/b&gt; `18|24` $x$ 夜" in page
    assert "was not tested: &lt;none&gt;." in page


def test_without_segments_there_is_no_section(small: Result) -> None:
    assert segments(small) is None
    assert 'id="segments"' not in render_html(small)
