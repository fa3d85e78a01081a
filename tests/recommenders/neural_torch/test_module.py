"""Mistakes in a network, or in what is said of it, are told in one line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from abbotify import pipeline
from abbotify.errors import PluginError, ScenarioError, UserError
from abbotify.recommenders.extras import install_command
from abbotify.simulation.prepare import prepare
from tests.recommenders.neural_torch.own import KEY, OWN, WORLD, params_of, scenario_of, trained


@pytest.mark.extras
def test_a_class_that_has_changed_since_is_refused(torch: Any, tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, network="net.py:Net")
    arrays = trained(scenario).arrays
    (tmp_path / "net.py").write_text(OWN.replace("self.user", "self.listener"))
    with pytest.raises(PluginError, match=r"Net.load_state_dict\(state\) raised RuntimeError"):
        params_of(scenario).lowered(arrays, WORLD, scenario, KEY)


@pytest.mark.extras
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("Wide", r"returned the shape \(3, 1\) for 3 pairs, not \(n,\)"),
        ("Squeezed", r"returned the shape \(\) for 1 pairs, not \(n,\)"),
        ("Nan", "returned a prediction that is not a finite number"),
        ("Whole", "returned torch.int64, not a tensor of floats"),
        ("Broken", r"net.py:\d+: .*forward\(user, start, track\) raised RuntimeError: no idea"),
        ("Few", "unexpected keyword argument 'embedding_size'"),
        ("Other", "net.py:Other is not a subclass of torch.nn.Module"),
        ("None", "net.py has no class None"),
        ("Late", r"net.py:\d+: .*forward\(user, start, track\) raised .*not in training"),
    ],
)
def test_a_bad_network_is_one_line(torch: Any, name: str, what: str, tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, network=f"net.py:{name}")
    with pytest.raises(PluginError, match=what) as caught:
        pipeline.run(scenario, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
    if name != "Late":  # it shows before anything is played
        with pytest.raises(PluginError, match=what):
            prepare(scenario)


def test_without_torch_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    scenario = scenario_of(tmp_path, head=[8])
    with pytest.raises(UserError, match=re.escape(install_command("torch"))):
        trained(scenario)
    with pytest.raises(UserError, match="arms.it: .*" + re.escape(install_command("torch"))):
        prepare(scenario)  # before anything is played


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"head": [8], "network": "net.py:Net"}, "exclude each other"),
        ({"dropout": 0.2}, "dropout needs a head"),
        ({"shortlist": 5}, "shortlist needs a head"),
        ({"head": [8], "optimizer": "adam"}, "leave optimizer out"),
        ({"network": "net.py"}, "must read file.py:Class"),
        ({"network": "net.py:Net", "user_aware": False}, "needs user_aware: true"),
    ],
)
def test_settings_that_contradict_are_refused(
    given: dict[str, Any], what: str, tmp_path: Path
) -> None:
    with pytest.raises(ScenarioError, match=what):
        scenario_of(tmp_path, **given)
