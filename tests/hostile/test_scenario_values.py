"""A wrong value of the scenario file is told in one line that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Command, learning_scenario, small_scenario
from tests.hostile.conftest import assert_refused
from tests.hostile.files import DELETE, base, changed, write_scenario
from tests.hostile.values import VALUES, Case


def shown(case: Case) -> str:
    path, value, _ = case
    return f"{path}={'nothing' if value is DELETE else repr(value)[:25]}"


@pytest.mark.parametrize(("path", "value", "named"), VALUES, ids=map(shown, VALUES))
def test_a_wrong_value_is_told(
    abbotify: Command, workspace: Path, path: str, value: Any, named: tuple[str, ...]
) -> None:
    write_scenario(workspace, changed(base(), path, value))
    line = assert_refused(abbotify, workspace, named)
    checked = abbotify("check", workspace / "s.yaml", "--out", workspace / "out")
    assert (checked.code, checked.out, checked.err) == (2, "", line)


MEANINGLESS = {
    "experiment.alpha=1e-300": "must lie between 1e-06 and 0.5",
    "experiment.alpha=.9999999": "must lie between 1e-06 and 0.5",
    "metrics.success=[timeouts]": "timeouts is always 0: no arm of the experiment has a service",
    "metrics.success=[artist_diversity]": "it decides nothing",
    "metrics.guardrails=[timeouts]": "timeouts is always 0",
    "metrics.retained_days=9": "must not exceed the experiment's 2 days",
    "metrics={success: [retained], retained_days: 2}": "retained is always 1: every exposed user",
    "metrics.guardrails=[{metric: skip_rate, absolute: 1.5}]": "no skip_rate can differ by more",
    "metrics.guardrails=[{metric: mean_tracks_per_session, absolute: 1e5}]": "must be below 1000",
    "metrics.guardrails=[{metric: minutes, absolute: 1e300}]": "must be below 1e+09",
}
# Of two overrides the first alone is sound.
TOGETHER: dict[tuple[str, ...], str] = {
    ("listener.max_tracks=1", "metrics.success=[skip_rate]"): "skip_rate is undefined: sessions of",
    ("listener.max_tracks=1", "metrics.success=[mean_tracks_per_session]"): "is always 1: sessions",
    ("listener.skip_below=0.0", "metrics.success=[skip_rate]"): "skip_rate is always 0: no track",
    ("service={timeout_ms: 5}", "metrics.success=[timeouts]"): "latency_ms: nobody waits",
    (
        "arms.sticky.latency_ms=40",
        "metrics.guardrails=[{metric: mean_request_latency, absolute: 40}]",
    ): "must be below 40: no mean_request_latency can differ by more",
}
REFUSED = TOGETHER | {(override,): what for override, what in MEANINGLESS.items()}


@pytest.mark.parametrize("overrides", REFUSED, ids=" ".join)
def test_what_can_mean_nothing_is_refused_by_check_and_run_alike(
    overrides: tuple[str, ...], abbotify: Command, tmp_path: Path
) -> None:
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(small_scenario(), sort_keys=False))
    sets = [part for override in overrides for part in ("--set", override)]
    command = (tmp_path / "s.yaml", *sets, "--out", tmp_path / "out")
    checked, played = (abbotify(name, *command) for name in ("check", "run"))
    assert (checked.code, checked.out, checked.err.count("\n")) == (2, "", 1)
    assert checked == played
    assert REFUSED[overrides] in checked.err
    assert "s.yaml" in checked.err
    assert overrides[-1].partition("=")[0] in checked.err
    assert not (tmp_path / "out").exists()
    sound = abbotify("check", tmp_path / "s.yaml", *sets[:-2], "--out", tmp_path / "out")
    assert sound.code == 0


MEANINGFUL = (
    ("arms.sticky.latency_ms=40", "metrics.success=[mean_request_latency]"),
    ("arms.sticky.latency_ms=40", "service={timeout_ms: 5}", "metrics.success=[timeouts]"),
    ("service={timeout_ms: 0}", "metrics.success=[timeouts]"),
    ("metrics={success: [retained], retained_days: 1}",),
    ("metrics={success: [retained], retained_days: 2, population: assigned}",),
    ("metrics.guardrails=[{metric: skip_rate, absolute: 0.99}, artist_diversity]",),
    ("experiment.alpha=1e-6",),
    ("experiment.alpha=.5",),
)


@pytest.mark.parametrize("overrides", MEANINGFUL, ids=" ".join)
def test_what_can_mean_something_is_not_refused(
    overrides: tuple[str, ...], abbotify: Command, tmp_path: Path
) -> None:
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(small_scenario(), sort_keys=False))
    sets = [part for override in overrides for part in ("--set", override)]
    assert abbotify("check", tmp_path / "s.yaml", *sets).code == 0


WARNED = {
    "listener.max_tracks=1": "listener.max_tracks: sessions of one track",
    "listener.max_tracks=5": "every session is cut there",
    "world.users.count=150": "arms.random: about 69 users are expected, and a decision needs 100",
    "arrivals.sessions=20": "a decision needs 100 in each arm",
    "metrics.success=[mean_request_latency]": "metrics.success.0: mean_request_latency is always 0",
    "metrics.guardrails=[mean_request_latency]": "guardrails.0: mean_request_latency is always 0",
    "experiment.traffic=[0.3, 0.5, 1.0]": "traffic: the experiment's 2 days never reach the last",
    "service={replicas: 2}": "wait in one queue",
    "arms.sticky.latency_ms=86400000": "arms.sticky.latency_ms: an answer takes about 24 hours",
    "arms.sticky.latency_ms={distribution: exponential, mean: 7200000}": "takes about 2 hours",
    "world.users.bias=1e300": "world.users.bias: nobody listens to any track",
    "world.users.bias=-1e300": "world.users.bias: all tracks are heard in full",
    "world.users.sharpness=-1.0": "world.users.sharpness: with a sharpness of 0 or below",
    "world.catalogue={tracks: 1, artists: 1, genres: 1}": "of one track no recommender",
    "metrics.guardrails=[{metric: time, margin: 0}]": "guardrails.0: with a margin of 0 time has",
    "metrics.guardrails=[{metric: time, absolute: 0.0}]": "with a margin of 0 time has to get bett",
    "metrics.guardrails=[{metric: time, margin: 99}]": "lets time get worse by half",
    "metrics.guardrails=[{metric: sessions, absolute: 7}]": "no less than all sessions of a user",
    "monitoring.planned_users=1000000": "planned_users: the world's 1,000 users never",
    "monitoring.planned_users=2": "monitoring.planned_users: the first looks spend the whole",
}


@pytest.mark.parametrize("override", WARNED)
def test_check_warns_of_what_a_run_would_be_of_no_use_for(
    override: str, abbotify: Command, tmp_path: Path
) -> None:
    plain = small_scenario()
    plain["world"]["users"]["count"] = 1000
    plain["arrivals"] = {"sessions": 2000}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    command = ("check", tmp_path / "s.yaml", "--out", tmp_path / "out")
    assert "Warning" not in abbotify(*command).out
    finished = abbotify(*command, "--set", override)
    assert finished.code == 0
    warned = [line for line in finished.out.splitlines() if line.startswith("Warning")]
    assert any(WARNED[override] in line for line in warned)
    assert all("s.yaml" in line or "Service: " in line for line in warned)


LEARNING = {
    "arrivals.sessions=40": "timeline: about 40 sessions are expected before",
    "arms.deep.learning_rate=50": "arms.deep.learning_rate: the training may diverge at a rate of",
    "arms.deep.validation_share=0.01": "arms.deep.validation_share: 0.01 of about 600 sessions",
}


@pytest.mark.parametrize("override", LEARNING)
def test_check_warns_of_trainings_that_may_fail(
    override: str, abbotify: Command, tmp_path: Path
) -> None:
    deep = {"deep": {"recommender": "neural", "epochs": 1, "embedding_size": 4}}
    plain = learning_scenario(100, 700, 600, deep)
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    command = ("check", tmp_path / "s.yaml", "--out", tmp_path / "out")
    assert "Warning" not in abbotify(*command).out
    finished = abbotify(*command, "--set", override)
    assert finished.code == 0
    assert LEARNING[override] in finished.out


CERTAIN = {
    "listener.max_tracks=1": "listener.max_tracks: deep learns from recommended tracks",
    "arrivals.sessions=0.5": "arrivals: no session is expected before deep are trained",
    "experiment.traffic=[0.0, 1.0]": "gets none of the 700 users",
}


@pytest.mark.parametrize("override", CERTAIN)
def test_what_is_certain_to_fail_is_refused_before_it_is_played(
    override: str, abbotify: Command, tmp_path: Path
) -> None:
    deep = {"deep": {"recommender": "neural", "epochs": 1, "embedding_size": 4}}
    plain = learning_scenario(100, 700, 600, deep)
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    command = (tmp_path / "s.yaml", "--out", tmp_path / "out", "--set", override)
    checked, played = (abbotify(name, *command) for name in ("check", "run"))
    assert (checked.code, checked.out, checked.err.count("\n")) == (2, "", 1)
    assert checked == played
    assert CERTAIN[override] in checked.err
