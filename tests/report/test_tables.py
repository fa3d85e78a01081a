"""effects.csv, cell by cell."""

from __future__ import annotations

import csv
import io
from typing import Any

from abbotify import stats
from abbotify.report.document import Document
from abbotify.report.headline import summary_table
from abbotify.report.tables import effects_csv
from abbotify.stats import EFFECT_COLUMNS


def test_exact_text(small: Document) -> None:
    assert effects_csv(small.effects) == (
        "arm,metric,estimand,n_control,n_treatment,control_mean,treatment_mean,effect,lower,upper,"
        "relative_effect,relative_lower,relative_upper,naive_lower,naive_upper,p_value,p_adjusted,"
        "significant,note,simultaneous_lower,simultaneous_upper,p_simultaneous,variance_reduction\n"
        "neural,mean_time_per_session,mean,100,100,5.0,5.5,0.5,0.2,0.8,10.0,4.0,16.0,4.0,16.0,"
        "0.002,0.002,true,,,,,\n"
        "neural,skip_rate,mean,99,100,0.0,0.1,0.1,-0.3,0.5,,,,,,0.62,,false,"
        "unbounded: the control's mean is not told apart from 0,,,,\n"
    )


def test_full_precision_and_quoting(hand: dict[str, Any]) -> None:
    hand["arms"][1]["name"] = hand["effects"][1]["arm"] = 'a,"b"\nc'
    hand["effects"][0]["arm"] = 'a,"b"\nc'
    hand["effects"][0]["effect"] = 1 / 3
    text = effects_csv(Document.from_dict(hand).effects)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert '"a,""b""\nc"' in text
    assert rows[0]["arm"] == 'a,"b"\nc'
    assert float(rows[0]["effect"]) == 1 / 3
    assert tuple(rows[0]) == EFFECT_COLUMNS


def test_no_effects_is_a_header() -> None:
    assert effects_csv([]) == ",".join(EFFECT_COLUMNS) + "\n"


def test_rows_of_the_estimators_are_rows_of_the_report(hand: dict[str, Any]) -> None:
    """One meaning of every column, per cent included: means 5 and 5.5 are 10 per cent apart."""
    arms = [
        stats.ArmMoments("sticky", {"time": stats.Moments.of([[4.0], [5.0], [6.0]])}),
        stats.ArmMoments("neural", {"time": stats.Moments.of([[4.5], [5.5], [6.5]])}),
    ]
    hand["scenario"]["metrics"]["success"] = ["time"]
    hand["effects"] = [row.row() for row in stats.compare(arms, ["time"], {"time"}, 0.05)]
    (row,) = summary_table(Document.from_dict(hand))
    assert tuple(hand["effects"][0]) == EFFECT_COLUMNS
    assert (row.metric, row.arm) == ("Listened time", "neural")
    assert row.effect.startswith("+10")
    assert row.effect.endswith("%")
