"""What `check` lets pass a run does not refuse, and what it refuses a run refuses in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.conftest import Command
from tests.hostile.files import Plain, everything, write_scenario
from tests.hostile.test_any_scenario import latencies, names, services

LEARNERS = ("neural", "item2item", "bandit")
METRICS = (
    *("time", "sessions", "tracks", "mean_time_per_session", "mean_tracks_per_session", "minutes"),
    *(
        "mean_request_latency",
        "skip_rate",
        "repeat_rate",
        "artist_diversity",
        "retained",
        "timeouts",
    ),
)
metrics = st.sampled_from(METRICS)


def mostly(usual: Any, *odd: Any) -> st.SearchStrategy[Any]:
    """A value that is odd now and then: of many odd ones the first refused hides the others."""
    return st.integers(0, 9).flatmap(
        lambda number: st.sampled_from(odd) if number == 7 else st.just(usual)
    )


rails = st.one_of(
    st.builds(lambda name, m: {"metric": name, "margin": m}, metrics, st.sampled_from([0, 5, 99])),
    st.builds(
        lambda name, m: {"metric": name, "absolute": m},
        metrics,
        st.sampled_from([0, 1e-300, 0.5, 1, 7, 1e8, 1e12]),
    ),
)


def learner(name: str, size: int, rate: float, share: float) -> Plain:
    arm: Plain = {"recommender": name}
    if name == "neural":
        arm |= {"epochs": 1, "embedding_size": 2, "learning_rate": rate, "validation_share": share}
    return arm | ({"size": size} if size else {})


arms = st.one_of(
    st.fixed_dictionaries({"recommender": names}, optional={"latency_ms": latencies}),
    st.fixed_dictionaries({"recommender": names}, optional={"service": services}),
    st.builds(
        learner,
        st.sampled_from(LEARNERS),
        st.sampled_from([0, 1, 10**8]),
        st.sampled_from([1e-9, 0.05, 100]),
        st.sampled_from([0.0, 0.01, 0.5]),
    ),
)
weights = mostly(1, 0, 1e-9, 1e9)
worlds = st.fixed_dictionaries(
    {
        "catalogue": st.sampled_from(
            [
                {"tracks": 60, "artists": 9, "genres": 3, "dims": 3},
                {"tracks": 1, "artists": 1, "genres": 1, "dims": 1},
                {"source": "planted", "groups": {"g": 0.5, "h": 0.99}, "tracks_per_group": 9},
            ]
        ),
        "users": st.fixed_dictionaries(
            {"count": mostly(200, 1, 3, 60)},
            optional={
                "bias": st.sampled_from([-1e308, 0.0, 1e308]),
                "sharpness": st.sampled_from([-1.0, 0.0, 1e308]),
                "interests": st.sampled_from([1, 1000]),
            },
        ),
    }
)
traffic = mostly(1.0, 0.0, 0.01, [0.0, 1.0], [0.0, 0.0, 0.0, 1.0])


@st.composite
def hostile(draw: st.DrawFn) -> Plain:
    """A scenario of values at the ends of what they may be, most of them of use for nothing."""
    chosen = draw(st.lists(arms, min_size=1, max_size=3))
    labels = ["plain", *(f"arm {n}" for n in range(len(chosen)))]
    days = draw(st.integers(1, 3))
    experiment: Plain = {"phase": "experiment", "days": days}
    if draw(st.booleans()):
        experiment |= {"retrain": "daily", "training": draw(st.sampled_from(["pooled", "own"]))}
    before: list[Plain] = [{"phase": "collect", "days": 1, "traffic": {"plain": 1.0}}]
    before += [{"phase": "train"}] * draw(mostly(1, 0))
    phases = [*(before if draw(mostly(True, False)) else []), experiment]
    success = st.lists(metrics, min_size=1, max_size=2, unique=True)
    scenario: Plain = {
        "name": draw(st.sampled_from(["hostile", "é" * 99])),
        "world": draw(worlds),
        "arrivals": draw(
            st.one_of(
                st.builds(lambda n: {"sessions": n}, mostly(300, 1e-9, 2, 20, 1e12)),
                st.builds(lambda n: {"visits_per_day": n}, mostly(1.5, 1e-300, 0.01)),
            )
        ),
        "listener": draw(
            st.fixed_dictionaries(
                {"max_tracks": mostly(30, 1, 2)},
                optional={"skip_below": st.sampled_from([0.0, 1.0])},
            )
        ),
        "timeline": phases,
        "arms": {
            label: arm | {"weight": draw(weights)}
            for label, arm in zip(labels, [{"recommender": "random"}, *chosen], strict=True)
        },
        "experiment": {
            "control": "plain",
            "traffic": draw(traffic),
            "alpha": draw(mostly(0.05, 0.5, 1e-6, 1e-300)),
        },
        "metrics": {
            "guardrails": draw(st.lists(rails, max_size=2, unique_by=lambda rail: rail["metric"])),
            "retained_days": draw(mostly(1, 3)),
        },
    }
    if draw(mostly(False, True)):
        scenario["metrics"]["success"] = draw(success)
    return scenario


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenario=hostile())
def test_check_and_run_refuse_alike(abbotify: Command, tmp_path: Path, scenario: Plain) -> None:
    write_scenario(tmp_path, scenario)
    command = (tmp_path / "s.yaml", "--out", tmp_path / "out")
    before = everything(tmp_path)
    checked = abbotify("check", *command)
    assert everything(tmp_path) == before
    played = abbotify("run", *command, "--quiet")
    note(f"{checked}\n{played}")
    if checked.code:
        assert (checked.code, checked.err.count("\n")) == (2, 1)
        assert played == checked
        assert not checked.out
        assert everything(tmp_path)[str(tmp_path / "s.yaml")] == before[str(tmp_path / "s.yaml")]
    elif played.code:
        # Whether a training succeeds is known when it is over; that it may not is known before.
        assert any(text in checked.out for text in WARNINGS), played.err
        assert any(text in played.err for text in FAILURES), played.err


WARNINGS = ("too few to learn from", "may diverge", "too few to hold out", "nobody listens")
FAILURES = ("nothing to learn from", "diverges", "too few to hold out")
