"""Tables of the arms: users, means and counters; the effect that decided."""

from __future__ import annotations

from typing import Any

from abbotify.report.decision import decisions
from abbotify.report.result import Result
from abbotify.report.tables import arms

SPACE = "\N{NO-BREAK SPACE}"


def test_shares_are_planned_by_weights_and_seen_by_users(hand: dict[str, Any]) -> None:
    for arm, weight, users in zip(hand["arms"], (3.0, 1.0), (60, 40), strict=True):
        arm |= {"weight": weight, "users": users, "sessions": 1200}
    table = arms.arms(Result.from_dict(hand))
    rows = [row[3:] for row in table.texts()[1]]
    missing = "\N{EN DASH}"
    assert rows == [
        ["3", "75.00%", "60.00%", "60", missing, "1,200", missing],
        ["1", "25.00%", "40.00%", "40", missing, "1,200", missing],
    ]
    assert table.texts()[1][0][1] == "C (control)"


def test_means_are_rounded_by_their_standard_error(hand: dict[str, Any]) -> None:
    """1.96 * sqrt(4 / 400) = 0.196: two digits of it are hundredths."""
    for arm, mean in zip(hand["arms"], (5.12345, 6.0), strict=True):
        arm["metrics"] = {"time": {"n": 400, "mean": mean, "variance": 4.0}}
    table = arms.means(Result.from_dict(hand))
    assert table is not None
    assert [row[1:] for row in table.texts()[1]] == [["5.12", "6.00"]]


def test_a_counter_that_should_be_zero_is_marked(hand: dict[str, Any], small: Result) -> None:
    hand["arms"][0]["counters"] = {"requests": 1000, "errors": 0, "timeouts": 0}
    hand["arms"][1]["counters"] = {"requests": 1000, "errors": 2, "timeouts": 0}
    table = arms.counters(Result.from_dict(hand))
    assert table is not None
    assert [row.tone for row in table.rows] == ["", "marked", ""]
    assert table.texts()[1][1] == ["Errors", "0", "2"]
    assert arms.counters(small) is None


def test_the_effect_that_decided_is_a_number_with_a_unit(hand: dict[str, Any]) -> None:
    (decision,) = decisions(Result.from_dict(hand))
    value, unit = arms.leading_value(decision)
    assert (value.value, value.interval, unit) == ("+10.0%", "[+4.0%, +16.0%]", "")
    hand["effects"][0] |= dict.fromkeys(("relative_effect", "relative_lower", "relative_upper"))
    (decision,) = decisions(Result.from_dict(hand))
    value, unit = arms.leading_value(decision)
    assert (value.value, unit) == ("+0.50", f"{SPACE}tracks")
    hand["effects"] = []
    (decision,) = decisions(Result.from_dict(hand))
    assert arms.leading_value(decision)[1] == ""
