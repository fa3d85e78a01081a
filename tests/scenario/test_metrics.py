"""What an experiment is judged by: margins, segments, covariates, and names given twice."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from abbotify.scenario.metrics import MARGIN, Guardrail, Metrics, Segments


def test_a_guardrail_has_one_margin() -> None:
    assert Guardrail.model_validate("time").margin == MARGIN
    assert Guardrail.model_validate({"metric": "time"}).margin == MARGIN
    assert Guardrail.model_validate({"metric": "time", "margin": 0}).margin == 0
    absolute = Guardrail.model_validate({"metric": "time", "absolute": 0.5})
    assert (absolute.margin, absolute.absolute) == (None, 0.5)
    with pytest.raises(ValidationError, match="one of margin and absolute, not both"):
        Guardrail(metric="time", margin=1.0, absolute=1.0)


@pytest.mark.parametrize(
    "keys",
    [
        {"by": "pre_time"},
        {"by": "bias", "quantiles": 10},
        {"by": "sharpness", "bounds": [-1, 0.5]},
        {"file": "kinds.jsonl"},
    ],
)
def test_segments_by_a_value_or_a_file(keys: dict[str, Any]) -> None:
    assert Segments.model_validate(keys).model_dump(exclude_none=True).keys() == keys.keys()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "exactly one of by and file"),
        ({"by": "bias", "file": "x"}, "exactly one of by and file"),
        ({"file": "x", "quantiles": 2}, "a file names the segments"),
        ({"file": "x", "bounds": [1]}, "a file names the segments"),
        ({"by": "bias", "quantiles": 2, "bounds": [1]}, "one of quantiles and bounds, not both"),
        ({"by": "bias", "bounds": [1, 1]}, r"must ascend, got \[1.0, 1.0\]"),
        ({"by": "time"}, "Input should be"),  # what happens in the experiment makes no segments
    ],
)
def test_segments_of_no_sense(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Segments.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "place", "message"),
    [
        ({"success": ["time", "time"]}, ("success",), "names a metric twice"),
        ({"guardrails": ["time", {"metric": "time"}]}, ("guardrails",), "names a metric twice"),
        ({"covariates": ["pre_time", "pre_time"]}, ("covariates",), "names a covariate twice"),
        ({"quantiles": [0.5, 0.5]}, ("quantiles",), "names a quantile twice"),
        (
            {"success": ["time"], "guardrails": ["tracks", "time"]},
            ("guardrails", 1),
            "time is a success metric, which may not be worse at all",
        ),
        (
            {"covariates": ["pre_time", "tracks"]},
            (1,),
            "tracks is counted after the first exposure, so the treatment may have moved it; "
            "pre_tracks is from before",
        ),
    ],
)
def test_metrics_of_no_sense(keys: dict[str, Any], place: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Metrics.model_validate(keys)
    (mistake,) = caught.value.errors()
    assert (mistake["msg"], mistake["ctx"]["key"]) == (message, place)


def test_a_covariate_of_ones_own_has_a_name_of_its_own() -> None:
    own = {"name": "pre_time", "file": "x.jsonl"}
    with pytest.raises(ValidationError, match="names a covariate twice"):
        Metrics.model_validate({"covariates": ["pre_time", own]})
    given = Metrics.model_validate({"covariates": ["pre_time", own | {"name": "age"}]})
    assert len(given.covariates) == 2
