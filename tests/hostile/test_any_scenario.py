"""Any valid scenario runs."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Command
from tests.hostile.conftest import report_of
from tests.hostile.files import Plain

latencies = st.one_of(
    st.integers(0, 100_000),
    st.builds(lambda m: {"distribution": "exponential", "mean": m}, st.floats(0.1, 1e5)),
    st.builds(
        lambda low, more: {"distribution": "uniform", "low": low, "high": low + more},
        st.integers(0, 1000),
        st.integers(0, 1000),
    ),
    st.builds(
        lambda median, sigma: {"distribution": "lognormal", "median": median, "sigma": sigma},
        st.floats(0.1, 1e4),
        st.floats(0, 3),
    ),
)
services = st.fixed_dictionaries(
    {"replicas": st.integers(1, 3)},
    optional={"timeout_ms": st.integers(0, 10**6), "patience_ms": st.integers(0, 10**6)},
)
names = st.sampled_from(["random", "sticky_artist", "sticky_artist_mixed", "top_pop"])
arms = st.fixed_dictionaries(
    {"recommender": names},
    optional={
        "weight": st.sampled_from([0.5, 1, 2.5]),
        "latency_ms": latencies,
        "fallback": names,
        "service": services,
    },
)
arrivals = st.one_of(
    st.fixed_dictionaries(
        {"sessions": st.floats(1, 60), "profile": st.sampled_from(["flat", "evening"])}
    ),
    st.fixed_dictionaries({"visits_per_day": st.floats(0.1, 3)}),
)
listeners = st.fixed_dictionaries(
    {"max_tracks": st.integers(1, 60)},
    optional={
        "session_budget": st.integers(1, 10),
        "artist_discount_gamma": st.floats(0, 1),
        "interest_neighbours": st.integers(1, 60),
        "skip_below": st.floats(0, 1),
    },
)


@st.composite
def timelines(draw: st.DrawFn, labels: list[str]) -> list[Plain]:
    days: list[Plain] = [{"phase": "experiment", "days": draw(st.integers(1, 2))}]
    if draw(st.booleans()):
        share = {label: 1 / len(labels) for label in labels}
        days.insert(0, {"phase": "collect", "days": 1, "traffic": share})
    if draw(st.booleans()):
        days.insert(0, {"phase": "pre", "days": 1, "recommender": labels[0]})
    return days


@st.composite
def experiments(draw: st.DrawFn, labels: list[str]) -> Plain:
    control = draw(st.sampled_from(labels))
    first: Plain = {"name": "ONE", "control": control, "traffic": draw(st.sampled_from([1.0, 0.8]))}
    if draw(st.booleans()):
        return {"experiment": first}
    return {"experiments": [first, {"name": "TWO", "control": labels[0], "arms": labels[:2]}]}


@st.composite
def scenarios(draw: st.DrawFn) -> Plain:
    chosen = draw(st.lists(arms, min_size=2, max_size=4))
    labels = [f"arm {n}" for n in range(len(chosen))]
    level = draw(st.sampled_from(["events", "sessions", "users"]))
    scenario: Plain = {
        "name": "any",
        "seeds": {"world": draw(st.integers(0, 2**64 - 1)), "dynamics": draw(st.integers(0, 99))},
        "world": {
            "catalogue": {"tracks": draw(st.integers(2, 40)), "artists": 2, "genres": 1, "dims": 3},
            "users": {"count": 60},
        },
        "arrivals": draw(arrivals),
        "listener": draw(listeners),
        "timeline": draw(timelines(labels)),
        "arms": {label: dict(arm) for label, arm in zip(labels, chosen, strict=True)},
        "shards": draw(st.sampled_from(["auto", 1, 3])),
        "log": {"level": level, "botify": level == "events"},
        "metrics": {"population": draw(st.sampled_from(["exposed", "assigned"]))},
        **draw(experiments(labels)),
    }
    if draw(st.booleans()):
        scenario["service"] = draw(services)
    return scenario


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenario=scenarios())
def test_any_valid_scenario_runs(abbotify: Command, tmp_path: Path, scenario: Plain) -> None:
    result = report_of(abbotify, tmp_path, scenario)
    sessions = sum(arm["sessions"] for arm in result["arms"])
    assert all(arm["tracks"] >= arm["sessions"] for arm in result["arms"])
    assert sessions >= sum(arm["users"] for arm in result["arms"])
