"""The result: there and back again, and one clear error for everything that is not one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from abbotify.errors import DataError
from abbotify.report.result import Result, loads

Plain = dict[str, Any]


def broken(data: Plain) -> DataError:
    with pytest.raises(DataError) as caught:
        Result.from_dict(data)
    return caught.value


def trained(day: int, passes: tuple[int, ...] = (1, 2)) -> Plain:
    curve = [{"number": number, "loss": 0.5} for number in passes]
    return {"day": day, "plays": 5, "curve": curve, "digest": "sha256:cc"}


@pytest.mark.parametrize("name", ["small", "usual", "hostile"])
def test_reads_back_what_it_writes(name: str, request: pytest.FixtureRequest) -> None:
    result: Result = request.getfixturevalue(name)
    text = result.dumps()
    assert loads(text) == result
    assert loads(text).dumps() == text


def test_reads_a_report_from_before_positions_and_trainings(usual: Result) -> None:
    data = usual.to_dict()
    for arm in data["arms"]:
        del arm["by_position"], arm["trainings"]
    result = loads(json.dumps(data))
    assert [(arm.by_position, arm.trainings) for arm in result.arms] == [(None, None)] * 2


def test_text_of_the_file(small: Result) -> None:
    text = small.dumps()
    assert text.endswith("}\n")
    first = ["scenario", "run", "arms", "effects", "checks"]
    rest = ["guardrails", "segments", "monitored", "truth", "pairs", "decisions"]
    assert list(json.loads(text)) == [*first, *rest]
    assert list(json.loads(text)["effects"][0])[:4] == ["arm", "metric", "estimand", "n_control"]
    assert '"relative_lower": null' in text


def test_full_precision_and_unicode(hand: Plain) -> None:
    hand["effects"][0]["effect"] = 0.1 + 0.2
    hand["scenario"]["name"] = "тест 夜"
    text = Result.from_dict(hand).dumps()
    assert '"effect": 0.30000000000000004' in text
    assert "тест 夜" in text


def test_half_a_surrogate_pair_is_replaced(hand: Plain) -> None:
    hand["run"]["notes"] = ["\ud800"]
    assert json.loads(Result.from_dict(hand).dumps())["run"]["notes"] == ["?"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_refuses_numbers_that_are_not_finite(hand: Plain, number: float) -> None:
    hand["effects"][0]["p_value"] = number
    error = broken(hand)
    assert error.key == "effects[0].p_value"
    assert "null" in error.what


def test_dumps_refuses_nan_in_a_document_built_by_hand(small: Result) -> None:
    small.scenario["name"] = float("nan")
    with pytest.raises(ValueError, match="JSON compliant"):
        small.dumps()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda data: data.pop("arms"), "arms"),
        (lambda data: data.update(more=1), "more"),
        (lambda data: data["run"].pop("alpha"), "run.alpha"),
        (lambda data: data["run"].update(alpha="x"), "run.alpha"),
        (lambda data: data["run"].update(alpha=1.5), "run.alpha"),
        (lambda data: data["run"].update(days=True), "run.days"),
        (lambda data: data["run"].update(source="dream"), "run.source"),
        (lambda data: data["run"]["formats"].update(report=3), "run.formats.report"),
        (lambda data: data["run"].update(notes="text"), "run.notes"),
        (lambda data: data["run"].update(seeds=[1]), "run.seeds"),
        (lambda data: data.update(effects=[3]), "effects[0]"),
        (lambda data: data["effects"][1].update(arm="who"), "effects[1].arm"),
        (lambda data: data["arms"][1].update(control=True), "arms"),
        (lambda data: data["arms"][1].update(name="sticky"), "arms"),
        (lambda data: data["checks"][0].update(status="odd"), "checks[0].status"),
        (lambda data: data["checks"][0].update(details={"x": {1}}), "checks[0].details.x"),
        (
            lambda data: data["arms"][0].update(
                distribution={"metric": "time", "edges": [0.0], "counts": [1]}
            ),
            "arms[0].distribution",
        ),
        (
            lambda data: data["arms"][0].update(
                distribution={"metric": "time", "edges": [0.0, 0.0], "counts": [1]}
            ),
            "arms[0].distribution.edges",
        ),
        (
            lambda data: data["arms"][0].update(survival={"tracks": [1], "alive": []}),
            "arms[0].survival",
        ),
        (
            lambda data: data["arms"][0].update(
                by_position=[{"step": step, "n": 60, "mean": 0.5} for step in (2, 1)]
            ),
            "arms[0].by_position",
        ),
        (
            lambda data: data["arms"][0].update(trainings=[trained(1), {}]),
            "arms[0].trainings[1].day",
        ),
        (
            lambda data: data["arms"][0].update(trainings=[trained(2), trained(2)]),
            "arms[0].trainings",
        ),
        (
            lambda data: data["arms"][0].update(trainings=[trained(1, (1, 1))]),
            "arms[0].trainings[0].curve",
        ),
    ],
)
def test_names_the_key_of_what_is_wrong(hand: Plain, change: Any, key: str) -> None:
    change(hand)
    error = broken(hand)
    assert error.key == key
    assert "\n" not in str(error)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"run": 3}', "[" * 100_000])
def test_what_is_not_a_document_is_one_data_error(text: str) -> None:
    with pytest.raises(DataError):
        loads(text)


@pytest.mark.parametrize("split", [7, "seven", 2**64 - 1])
def test_a_split_is_a_number_or_a_text(hand: Plain, split: int | str) -> None:
    hand["run"]["seeds"] = {"world": 1, "split": split}
    result = Result.from_dict(hand)
    assert result.run.seeds["split"] == split
    assert loads(result.dumps()) == result


@pytest.mark.parametrize("split", [None, 1.5, True, ["a"], {}])
def test_a_split_of_another_kind_is_refused(hand: Plain, split: object) -> None:
    hand["run"]["seeds"] = {"world": 1, "split": split}
    assert broken(hand).key == "run.seeds.split"
