"""effects.csv, cell by cell."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import abbotify
from abbotify import stats
from abbotify.report.csv import csv_text, effects_csv, read_csv
from abbotify.report.result import Result
from abbotify.report.text.headline import summary_table
from abbotify.stats import EFFECT_COLUMNS


def test_exact_text(small: Result) -> None:
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
    text = effects_csv(Result.from_dict(hand).effects)
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
    (row,) = summary_table(Result.from_dict(hand))
    assert tuple(hand["effects"][0]) == EFFECT_COLUMNS
    assert (row.metric, row.arm) == ("Listened time", "neural")
    assert row.effect.startswith("+10")
    assert row.effect.endswith("%")


FORMULAS = [
    "=1+1",
    "+HYPERLINK(1)",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "'=1",
    "''-x",
    "'\t1",
    "\uff1d1",
    "\uff0b1",
    "\uff0dx",
    "\uff20x",
    "-",
    "=",
    "-1-1",
    "+1 555",
    '=cmd|"/c calc"!A1',
]
PLAIN = ["sticky", "a-b", "a=b", "'quoted'", "", "e@mail", "−5", "'", "it's", "a\rb", 'a"b', "a,b"]
NUMBERS = ["-0.5", "+3", "-1e-12", "7", ".5", "-1."]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    table = csv_text(["name", text], [[text, -1.5]])
    header, line = csv.reader(io.StringIO(table, newline=""))
    assert header[1] == line[0] == "'" + text
    assert line[1] == "-1.5"
    assert read_csv(table) == (("name", text), [{"name": text, text: "-1.5"}])


@pytest.mark.parametrize("text", [*PLAIN, *NUMBERS])
def test_plain_texts_and_numbers_stay(text: str) -> None:
    table = csv_text(["name", "n"], [[text, 1]])
    assert next(iter(list(csv.reader(io.StringIO(table, newline="")))[1:])) == [text, "1"]
    assert read_csv(table) == (("name", "n"), [{"name": text, "n": "1"}])


def test_a_table_as_pandas_reads_it() -> None:
    """The documented way to have names back, and negative numbers as numbers."""
    names = [*FORMULAS, "sticky"]
    table = csv_text(["arm", "effect"], [[name, -0.25] for name in names])
    frame = pd.read_csv(io.StringIO(table), keep_default_na=False)
    assert frame.effect.tolist() == [-0.25] * len(names)
    back = frame.arm.str.replace(r"^'(?='*[\s=+\-@＝＋－＠])", "", regex=True)
    assert back.tolist() == names


def test_every_csv_is_written_by_one_function() -> None:
    package = Path(abbotify.__file__).parent
    own = re.compile(r"csv\.(writer|DictWriter)|\.(to_csv|write_csv)\(")
    assert not [
        str(path) for path in package.rglob("*.py") if own.search(path.read_text(encoding="utf-8"))
    ]
