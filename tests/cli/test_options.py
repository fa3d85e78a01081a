"""How the texts of shared options are read, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify.cli.options import form_of, load_scenario, numbers_of, pairs_of, question_of
from abbotify.errors import UserError
from abbotify.report.inputs import Question
from abbotify.stats.non_inferiority import METRIC, PERCENT, GuardrailSpec

LATENCY = "mean_request_latency"


def test_a_scenario_has_its_overrides_and_its_seed(tmp_path: Path, small: dict[str, Any]) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(small))
    assert load_scenario(path, None, None).name == "small"
    scenario = load_scenario(path, ["name=other", "seeds.dynamics=4"], 5)
    assert (scenario.name, scenario.seeds.dynamics) == ("other", 5)


def test_the_form_of_lists() -> None:
    assert [form_of(text) for text in (None, "tracks", "users")] == [None, "tracks", "users"]
    with pytest.raises(UserError, match=r"--form: must be .* or .*, got 'track'"):
        form_of("track")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("", {}),
        ("C=random", {"C": "random"}),
        (" C = random , T1=sticky, ", {"C": "random", "T1": "sticky"}),
        ("C=a=b", {"C": "a=b"}),
    ],
)
def test_pairs(text: str | None, expected: dict[str, str]) -> None:
    assert pairs_of(text, "--arms") == expected


@pytest.mark.parametrize("text", ["C", "=random", "C=", "C=a,C=b", "C=a;T1=b,T1"])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"--arms: must read C=\.\.\.,T1=\.\.\., got") as caught:
        pairs_of(text, "--arms")
    assert repr(text) in str(caught.value)


def test_weights_are_numbers() -> None:
    assert numbers_of("C=1,T1=2.5") == {"C": 1.0, "T1": 2.5}
    for text in ("C=one", "C"):
        with pytest.raises(UserError, match="--weights: must read C=") as caught:
            numbers_of(text)
        assert repr(text) in str(caught.value)


def test_a_question_names_metrics_and_margins() -> None:
    question = question_of(["time", "latency"], ["latency:5", "skip_rate:=0.02"], "mean")
    assert question.success == ("time", LATENCY)
    assert question.estimator == "mean"
    assert question.rails == (
        GuardrailSpec(LATENCY, 5.0, PERCENT),
        GuardrailSpec("skip_rate", 0.02, METRIC),
    )


def test_without_options_it_is_the_usual_question() -> None:
    assert question_of(None, None, "auto") == Question()


@pytest.mark.parametrize(
    ("success", "guardrails", "estimator", "message"),
    [
        ((), (), "median", "--estimator: must be auto, mean or cuped, got 'median'"),
        (("tiem",), (), "auto", "--success: no metric is named 'tiem'; did you mean time?"),
        (("???",), (), "auto", r"--success: no metric is named '\?\?\?' \(time, sessions, "),
        (("time", "time"), (), "auto", "--success: names a metric twice: time, time"),
        ((), ("latency:1", f"{LATENCY}:2"), "auto", "--guardrail: names a metric twice"),
        (
            (),
            ("skip_rat:5",),
            "auto",
            "--guardrail: no metric is named 'skip_rat'; did you mean skip_rate?",
        ),
    ],
)
def test_a_question_of_no_sense_is_refused(
    success: tuple[str, ...], guardrails: tuple[str, ...], estimator: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        question_of([*success], [*guardrails], estimator)


@pytest.mark.parametrize("margin", ["", ":", ":x", ":0", ":-1", ":100", ":nan", ":=0", ":=inf"])
def test_a_margin_is_a_finite_number_above_nothing(margin: str) -> None:
    with pytest.raises(UserError, match="--guardrail: must read METRIC:PER CENT") as caught:
        question_of(None, [f"time{margin}"], "auto")
    assert f"got 'time{margin}'" in str(caught.value)


def test_a_margin_in_units_may_exceed_a_hundred() -> None:
    assert question_of(None, ["latency:=150"], "auto").rails[0].margin == 150.0
