"""Scenarios with an arm `it` that is a network, among them networks of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from abbotify.files.yaml import Source
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import Fitted, TrainingLog
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.testing import generated_log, small_world
from tests.conftest import learning_scenario

WORLD = small_world()
KEY = ("arms", "it")
HEAD = {"head": [16, 8], "embedding_size": 6, "epochs": 3, "learning_rate": 0.01, "batch_size": 64}
OWN = """\
import torch

class Net(torch.nn.Module):
    def __init__(self, users, tracks, embedding_size):
        super().__init__()
        self.start = torch.nn.Embedding(tracks, embedding_size)
        self.track = torch.nn.Embedding(tracks, embedding_size)
        self.user = torch.nn.Embedding(users, 1)

    def forward(self, user, start, track):
        score = (self.start(start) * self.track(track)).sum(1) + self.user(user)[:, 0]
        return torch.sigmoid(score)

class Wide(Net):
    def forward(self, user, start, track):
        return super().forward(user, start, track)[:, None]

class Broken(Net):
    def forward(self, user, start, track):
        raise RuntimeError("no idea")

class Late(Net):
    def forward(self, user, start, track):
        if self.training:
            raise RuntimeError("not in training")
        return super().forward(user, start, track)

class Nan(Net):
    def forward(self, user, start, track):
        return super().forward(user, start, track) / 0 * 0

class Whole(Net):
    def forward(self, user, start, track):
        return track

class Squeezed(Net):
    def forward(self, user, start, track):
        return super().forward(user, start, track).squeeze()

class Few(torch.nn.Module):
    def __init__(self, users, tracks):
        super().__init__()

class Other:
    pass
"""


def scenario_of(folder: Path, **given: Any) -> Scenario:
    (folder / "net.py").write_text(OWN)
    arm = {"recommender": "neural", **HEAD, "head": [], **given}
    data = learning_scenario(80, 60, 200, {"it": arm})
    return from_source(Source("made", data, {}), folder)


def params_of(scenario: Scenario) -> Neural:
    arm = scenario.arms["it"]
    assert isinstance(arm, Neural)
    return arm


def trained(scenario: Scenario, log: TrainingLog | None = None) -> Fitted:
    log = generated_log(WORLD) if log is None else log
    told: list[int] = []
    fitted = params_of(scenario).fit(log, scenario, KEY, lambda epoch, *_: told.append(epoch))
    assert told == [epoch.number for epoch in fitted.curve]
    return fitted
