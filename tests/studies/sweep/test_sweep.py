"""A sweep is its runs: every row equals a run of its own."""

from __future__ import annotations

import csv
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from abbotify import pipeline
from abbotify.errors import OutputError, ResumeError, UserError
from abbotify.scenario import load
from abbotify.studies.sweep import Sweep, sweep, varied
from abbotify.studies.sweep.report import (
    chart,
    effects,
    loss_chart,
    matters,
    sentence,
    sweep_csv,
    sweep_page,
    write,
)
from tests.browser import assert_fits
from tests.studies.pages import assert_closed

TEXT = """\
world:
  catalogue: {source: synthetic, tracks: 200, artists: 40, genres: 4, dims: 8}
  users: {source: synthetic, count: 300}
arrivals: {sessions: 300}
timeline: [{phase: experiment, days: 1}]
arms:
  random: {recommender: random}
  top<b>|: {recommender: top_pop, size: 100}
experiment: {name: AB, control: random}
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "small.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def swept(scenario: Path) -> Sweep:
    keys = [varied("listener.session_budget=2,8"), varied("listener.skip_below=0.1, 0.3")]
    return sweep(scenario, keys, scenario.parent / "out", seed=7)


def test_every_setting_is_a_run_of_its_own(swept: Sweep, scenario: Path, tmp_path: Path) -> None:
    values = [setting.values for setting in swept.settings]
    assert values == [("2", "0.1"), ("2", "0.3"), ("8", "0.1"), ("8", "0.3")]
    changes = ["listener.session_budget=8", "listener.skip_below=0.3"]
    result = pipeline.run(load(scenario, changes, 7), tmp_path / "alone")
    expected = [e for e in result.effects if e.metric == "mean_time_per_session"]
    assert list(swept.settings[3].effects) == [e for e in expected if e.estimand == "mean"]
    report = (scenario.parent / "out" / swept.settings[3].folder / "report.json").read_bytes()
    assert report == (tmp_path / "alone" / "report.json").read_bytes()


def test_resuming_leaves_finished_runs(scenario: Path, tmp_path: Path) -> None:
    keys, out = [varied("listener.session_budget=2,3")], tmp_path / "out"
    first = sweep(scenario, keys, out, seed=7)
    (out / "000" / "report.html").unlink()  # to be seen whether it is written again
    shutil.rmtree(out / "001")
    assert sweep(scenario, keys, out, seed=7, resume=True) == first
    assert not (out / "000" / "report.html").exists()
    assert (out / "001" / "report.html").exists()
    with pytest.raises(ResumeError, match=r"000: cannot go on: seeds\.dynamics is 8, it was 7"):
        sweep(scenario, keys, out, seed=8, resume=True)


def test_how_much_a_key_matters_is_the_range_of_means(swept: Sweep) -> None:
    (arm,) = swept.arms
    effects = [setting.effects[0].relative_effect or 0.0 for setting in swept.settings]
    low, high = (effects[0] + effects[1]) / 2, (effects[2] + effects[3]) / 2
    assert swept.spread("listener.session_budget", arm) == pytest.approx(abs(high - low))
    # What counts as a skip changes nobody's time.
    assert swept.spread("listener.skip_below", arm) == 0.0
    assert [key for _, key, _ in matters(swept)] == [*swept.keys]


def test_the_files_have_a_row_for_each_setting(swept: Sweep, tmp_path: Path) -> None:
    write(swept, tmp_path)
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines()))
    assert [row["listener.session_budget"] for row in rows] == ["2", "2", "8", "8"]
    assert [float(row["relative_effect"]) for row in rows] == [
        setting.effects[0].relative_effect for setting in swept.settings
    ]
    assert sweep_csv(swept) == (tmp_path / "sweep.csv").read_text()
    page = sweep_page(swept).html()
    assert page.count("<tr>") == 1 + 4 + 1 + 2
    assert "loss" not in page.lower()  # nothing is trained: no empty columns
    assert "top<b>" not in page
    assert "top&lt;b&gt;" in page
    assert "<svg" in page
    assert_closed(page)
    assert "top\\<b>\\|" in sweep_page(swept).markdown()


@pytest.mark.parametrize(
    ("keys", "shared"),
    [
        (("listener.session_budget",), False),
        (("seeds.dynamics", "listener.skip_below"), True),
        (("seeds.dynamics", "seeds.split"), False),
        (("seeds.split",), False),
    ],
)
def test_settings_that_share_a_split_by_another_seed_are_told(
    swept: Sweep, keys: tuple[str, ...], shared: bool
) -> None:
    told = sentence(replace(swept, keys=keys))
    assert ("vary seeds.split to draw others" in told) is shared
    assert ("with the same seeds" in told) is not any(key.startswith("seeds.") for key in keys)


def trained(swept: Sweep) -> Sweep:
    """The sweep with losses, and with a run that failed."""
    first, *others = swept.settings
    settings = [
        replace(setting, losses={swept.arms[0]: (0.07 + place, 0.08)})
        for place, setting in enumerate(others)
    ]
    failed = replace(first, effects=(), failure="a training diverged")
    return replace(swept, settings=(*settings, failed))


@pytest.mark.parametrize("narrow", [False, True])
def test_the_picture_has_a_titled_axis_and_a_level_name_for_each_setting(
    swept: Sweep, narrow: bool
) -> None:
    for each in (swept, trained(swept)):
        drawn = chart(each, narrow)
        assert not re.search(r"rotate\((?!-?0[ ,)])", drawn)
        assert "Effect on time per session" in drawn
        assert all(" · ".join(setting.values) in drawn for setting in each.settings)
        assert ("failed" in drawn) == (each is not swept)
        losses = loss_chart(each, narrow)
        assert ("Loss" in (losses or "")) == (each is not swept)


def test_effects_on_a_control_near_zero_are_differences(swept: Sweep) -> None:
    (arm,) = swept.arms
    wide = [replace(setting.effects[0], relative_upper=5e4) for setting in swept.settings]
    far = replace(
        swept,
        settings=tuple(
            replace(setting, effects=(effect,))
            for setting, effect in zip(swept.settings, wide, strict=True)
        ),
    )
    head, body = effects(far).texts()
    assert "effect, tracks" in head
    assert not any("%" in cell for row in body for cell in row)
    assert "%" not in chart(far, narrow=False)
    low, high = ((wide[at].effect or 0) + (wide[at + 1].effect or 0) for at in (0, 2))
    assert far.spread("listener.session_budget", arm) == pytest.approx(abs(high - low) / 2)
    assert "points" not in sweep_page(far).markdown()


def test_the_page_fits_every_screen(swept: Sweep, chromium: str, tmp_path: Path) -> None:
    assert_fits(chromium, sweep_page(trained(swept)).html(), tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line(swept: Sweep, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        write(swept, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_workers_change_nothing(swept: Sweep, scenario: Path, tmp_path: Path) -> None:
    keys = [varied("listener.session_budget=2,8"), varied("listener.skip_below=0.1, 0.3")]
    assert sweep(scenario, keys, tmp_path / "out", seed=7, workers=2) == swept


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("nothing", "must read key.path=1,2,3"),
        ("=1", "must read key.path=1,2,3"),
        ("a.b=", "must read key.path=1,2,3"),
        ("a.b=[1", "a.b"),
        ("a.b=1,1", "twice"),
    ],
)
def test_what_is_no_list_of_values_is_refused(text: str, what: str) -> None:
    with pytest.raises(UserError, match=what):
        varied(text)


def test_values_are_yaml() -> None:
    assert varied("a.b=[1, 2], {c: 1}, yes, 1e-3").values == (
        "[1, 2]",
        '{"c": 1}',
        '"yes"',
        "0.001",
    )


def test_a_mistake_in_any_setting_is_told_before_the_first_run(
    scenario: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="session_budget"):
        sweep(scenario, [varied("listener.session_budget=2,0")], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="none twice"):
        sweep(scenario, [varied("seeds.world=1,2"), varied("seeds.world=3")], tmp_path / "out")


def test_settings_that_compare_something_else_are_refused(scenario: Path, tmp_path: Path) -> None:
    for text in (
        "experiment.control=random,top<b>|",
        "metrics.success=[time],[tracks]",
    ):
        with pytest.raises(UserError, match="differ in the control, the treatments or"):
            sweep(scenario, [varied(text)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_that_fails_is_told_and_the_others_are_kept(scenario: Path, tmp_path: Path) -> None:
    (tmp_path / "two.jsonl").write_text('{"track": 0, "recommendations": [999999]}\n')
    (tmp_path / "one.jsonl").write_text('{"track": 0, "recommendations": [1]}\n')
    text = TEXT.replace(
        "top<b>|: {recommender: top_pop, size: 100}",
        f"it: {{recommender: contextual, file: {tmp_path}/one.jsonl}}",
    )
    path = tmp_path / "failing.yaml"
    path.write_text(text)
    keys = [varied(f"arms.it.file={tmp_path}/one.jsonl,{tmp_path}/two.jsonl")]
    result = sweep(path, keys, tmp_path / "out")
    assert [bool(setting.failure) for setting in result.settings] == [False, True]
    assert result.spread("arms.it.file", "it") is None
    write(result, tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "sweep.csv").read_text().splitlines()))
    assert [row["relative_effect"] != "" for row in rows] == [True, False]
    assert "999999" in rows[1]["failure"]
    assert "failed" in (tmp_path / "out" / "sweep.md").read_text()
    with pytest.raises(UserError, match="every run failed"):
        sweep(path, [varied(f"arms.it.file={tmp_path}/two.jsonl")], tmp_path / "none")


def test_a_setting_tells_the_effect_that_decides(tmp_path: Path) -> None:
    path = tmp_path / "before.yaml"
    phases = "[{phase: pre, days: 1, recommender: random}, {phase: experiment, days: 1}]"
    path.write_text(TEXT.replace("[{phase: experiment, days: 1}]", phases))
    found = sweep(path, [varied("metrics.estimator=mean,cuped,auto")], tmp_path / "out", seed=7)
    told = [[effect.estimand for effect in setting.effects] for setting in found.settings]
    assert told == [["mean"], ["cuped"], ["cuped"]]
    assert "CUPED-adjusted" in sweep_page(found).markdown()
