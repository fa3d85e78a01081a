"""Heads and networks of the user's own, in torch."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from abbotify import pipeline
from abbotify.errors import PluginError, ScenarioError, UserError
from abbotify.plan import prepare
from abbotify.recommenders import learners
from abbotify.recommenders.network.module import network, repeatable
from abbotify.recommenders.neural.kernels import shuffle
from abbotify.recommenders.neural.pairs import embeddings, training_pairs
from abbotify.recommenders.ranker import Ranker
from abbotify.recommenders.training import Fitted, TrainingLog
from abbotify.rng import Purpose, seed_word
from abbotify.scenario import Scenario
from abbotify.scenario.learners import Neural
from abbotify.scenario.load import from_source
from abbotify.scenario.yaml import Source
from abbotify.testing import generated_log, small_world

if TYPE_CHECKING:
    from tests.recommenders.neural.conftest import Planted

WORLD = small_world()
ROOT = Path(__file__).parents[2]
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


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def scenario_of(folder: Path, **given: Any) -> Scenario:
    (folder / "net.py").write_text(OWN)
    data = {
        "world": {
            "catalogue": {
                "source": "synthetic", "tracks": 80, "artists": 16, "genres": 4, "dims": 8,
            },
            "users": {"source": "synthetic", "count": 60},
        },
        "arrivals": {"sessions": 200},
        "timeline": [
            {"phase": "collect", "days": 1, "traffic": {"random": 1.0}},
            {"phase": "train"},
            {"phase": "experiment", "days": 1},
        ],
        "arms": {
            "random": {"recommender": "random"},
            "it": {"recommender": "neural", **HEAD, "head": [], **given},
        },
        "experiment": {"control": "random"},
    }  # fmt: skip
    return from_source(Source("made", data, {}), folder)


def params_of(scenario: Scenario) -> Neural:
    arm = scenario.arms["it"]
    assert isinstance(arm, Neural)
    return arm


def trained(scenario: Scenario, log: TrainingLog | None = None) -> Fitted:
    log = generated_log(WORLD) if log is None else log
    told: list[int] = []
    fitted = learners.fit(
        params_of(scenario), log, WORLD, scenario, KEY, lambda epoch, *_: told.append(epoch)
    )
    assert told == [epoch.number for epoch in fitted.curve]
    return fitted


@pytest.mark.extras
@pytest.mark.parametrize("given", [{"head": [16, 8], "dropout": 0.3}, {"network": "net.py:Net"}])
def test_it_trains_alike_twice_and_lists_do_not_depend_on_who_asks(
    torch: Any, given: dict[str, Any], tmp_path: Path
) -> None:
    scenario = scenario_of(tmp_path, shortlist=20, size=7, **given)
    state = torch.random.get_rng_state()
    one, two = trained(scenario), trained(scenario)
    assert torch.equal(state, torch.random.get_rng_state())
    assert one.curve == two.curve
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, two.arrays[name])
    together, alone = (
        learners.lowered(params_of(scenario), one.arrays, WORLD, scenario, KEY) for _ in range(2)
    )
    assert isinstance(together, Ranker)
    assert isinstance(alone, Ranker)
    rows, anchors = (column.ravel() for column in np.meshgrid(np.arange(20), np.arange(60)))
    together.foresee(rows, anchors)
    lists = [together.list_of(int(r), int(a)) for r, a in zip(rows, anchors, strict=True)]
    assert lists == [alone.list_of(int(r), int(a)) for r, a in zip(rows, anchors, strict=True)]
    assert {len(of) for of in lists} <= {0, 7}
    seen = set(np.flatnonzero(one.arrays["seen_track"]).tolist())
    assert all(seen >= set(of) for of in lists)


def predicted(arrays: dict[str, Any], row: int, anchor: int) -> Any:
    """What a head [16, 8] says of all tracks, in numpy."""
    user, start, track = (arrays[f"network.{name}.weight"] for name in ("user", "start", "track"))
    mean = user[arrays["seen_user"]].mean(axis=0)
    taste = start[anchor] + (user[row] if row >= 0 and arrays["seen_user"][row] else mean)
    out = taste * track
    layers = sorted({name.split(".")[2] for name in arrays if name.startswith("network.head.")})
    for layer in layers:
        name = f"network.head.{layer}"
        out = out @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]
        out = np.maximum(out, 0) if layer != layers[-1] else out
    return out[:, 0]


def assert_best(got: list[int], scores: Any, seen: Any) -> None:
    """The largest scores, but for rounding; `seen` are the tracks that may be listed."""
    assert len(set(got)) == len(got)
    best = np.sort(scores[seen])[::-1][: len(got)]
    np.testing.assert_allclose(scores[got], best, rtol=1e-4)


@pytest.mark.extras
@pytest.mark.parametrize("rows", [(0, 7, 19), (-1,)])
def test_lists_are_those_of_the_heads_predictions_without_dropout(
    torch: Any, rows: tuple[int, ...], tmp_path: Path
) -> None:
    aware = rows != (-1,)
    scenario = scenario_of(
        tmp_path, head=[16, 8], dropout=0.5, size=5, shortlist=60, user_aware=aware
    )
    arrays = dict(trained(scenario).arrays)
    lists = learners.lowered(params_of(scenario), arrays, WORLD, scenario, KEY)
    seen = np.flatnonzero(arrays["seen_track"])
    for anchor in np.flatnonzero(arrays["seen_start"])[:5].tolist():
        for row in rows:
            if isinstance(lists, Ranker):
                got = lists.list_of(row, anchor)
            else:
                place = lists.lists.offsets[anchor]
                got = lists.lists.tracks[place : place + 5].tolist()
            assert_best(got, predicted(arrays, row, anchor), seen)


@pytest.mark.extras
def test_lists_are_those_of_an_own_networks_predictions(torch: Any, tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, network="net.py:Net", size=5)
    arrays = trained(scenario).arrays
    ranker = learners.lowered(params_of(scenario), arrays, WORLD, scenario, KEY)
    assert isinstance(ranker, Ranker)
    start, track = (arrays[f"network.{name}.weight"] for name in ("start", "track"))
    user = arrays["network.user.weight"][:, 0]
    for row, anchor in ((0, 3), (7, 20)):
        scores = 1 / (1 + np.exp(-(track @ start[anchor] + user[row])))
        assert_best(ranker.list_of(row, anchor), scores, np.flatnonzero(arrays["seen_track"]))


@pytest.mark.extras
def test_the_shortlist_holds_what_the_head_likes_best(torch: Any, tmp_path: Path) -> None:
    """Also where the head likes what the inner product does not."""
    from tests.recommenders.neural.conftest import planted_log

    log = planted_log(40_000, users=20, tracks=60).log
    scenario = scenario_of(tmp_path, head=[32], epochs=12, batch_size=256, shortlist=15, size=5)
    arrays = dict(trained(scenario, log).arrays)
    ranker = learners.lowered(params_of(scenario), arrays, WORLD, scenario, KEY)
    assert isinstance(ranker, Ranker)
    found = 0
    for pair in range(100):
        best = np.argsort(-predicted(arrays, pair % 20, pair % 60), kind="stable")[:5]
        found += len({*best.tolist()} & {*ranker.list_of(pair % 20, pair % 60)})
    assert found >= 450  # of 500; 15 tracks taken at random would hold 125


@pytest.mark.extras
@pytest.mark.parametrize("with_users", [True, False])
def test_a_training_is_the_plain_loop(torch: Any, with_users: bool, tmp_path: Path) -> None:
    log = generated_log(WORLD)
    settings = {"weight_decay": 0.001, "epochs": 2, "user_embedding": with_users}
    scenario = scenario_of(tmp_path, head=[16, 8], **settings)
    fitted = trained(scenario, log)
    params, seed = params_of(scenario), scenario.seeds.dynamics
    pairs = training_pairs(log)
    with repeatable(seed):
        layers = network(params, log.users, log.tracks).module.head
        tables = [
            torch.tensor(embeddings(kind, rows, 6, seed)[:, :6], requires_grad=True)
            for kind, rows in ((0, log.tracks), (1, log.users), (2, log.tracks))
        ]
        used = tables if with_users else tables[::2]
        adam = torch.optim.Adam([*used, *layers.parameters()], lr=0.01, weight_decay=0.001)
        losses = []
        for number in (1, 2):
            order, squares = np.arange(len(pairs.row)), []
            shuffle(order, seed_word(seed), Purpose.SHUFFLE, number)
            for begin in range(0, len(order), 64):
                some = order[begin : begin + 64]
                query = tables[0][pairs.start[some]]
                query = query + tables[1][pairs.row[some]] if with_users else query
                guess = layers(query * tables[2][pairs.track[some]])[:, 0]
                errors = (guess - torch.tensor(pairs.time[some])) ** 2
                adam.zero_grad()
                errors.mean().backward()
                adam.step()
                squares += errors.tolist()
            losses.append(np.mean(squares))
    np.testing.assert_allclose([epoch.loss for epoch in fitted.curve], losses, rtol=1e-4)
    start = fitted.arrays["network.start.weight"]
    np.testing.assert_allclose(start, tables[0].detach().numpy(), rtol=1e-3, atol=1e-5)
    assert ("network.user.weight" in fitted.arrays) == with_users


@pytest.mark.extras
def test_the_best_pass_is_kept_and_the_rate_falls(torch: Any, tmp_path: Path) -> None:
    scenario = scenario_of(
        tmp_path, head=[16], epochs=30, learning_rate=0.05, validation_share=0.3,
        early_stopping=4, reduce_on_plateau=1,
    )  # fmt: skip
    fitted = trained(scenario)
    losses = [epoch.validation or 1.0 for epoch in fitted.curve]
    best = int(np.argmin(losses))
    assert len(losses) == best + 5 < 30
    assert fitted.curve[-1].learning_rate == pytest.approx(0.005)
    stopped = scenario_of(
        tmp_path, head=[16], epochs=best + 1, learning_rate=0.05, validation_share=0.3
    )
    for name, array in trained(stopped).arrays.items():
        np.testing.assert_array_equal(array, fitted.arrays[name])


@pytest.mark.extras
def test_a_training_that_diverges_says_so(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="diverges in pass 1: learning_rate is too high, got 90"):
        trained(scenario_of(tmp_path, head=[16], learning_rate=90.0))


@pytest.mark.extras
def test_a_class_that_has_changed_since_is_refused(torch: Any, tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, network="net.py:Net")
    arrays = trained(scenario).arrays
    (tmp_path / "net.py").write_text(OWN.replace("self.user", "self.listener"))
    with pytest.raises(PluginError, match=r"Net.load_state_dict\(state\) raised RuntimeError"):
        learners.lowered(params_of(scenario), arrays, WORLD, scenario, KEY)


@pytest.mark.extras
def test_a_head_learns_what_was_planted(torch: Any, tmp_path: Path) -> None:
    from tests.recommenders.neural.conftest import planted_log

    planted: Planted = planted_log(30_000, users=20, tracks=60)
    scenario = scenario_of(
        tmp_path, head=[32], epochs=12, validation_share=0.2, batch_size=256, early_stopping=3
    )
    curve = trained(scenario, planted.log).curve
    spread = planted.log.time[planted.log.step > 0].var()
    assert min(epoch.validation or 1.0 for epoch in curve) < 0.5 * spread


@pytest.mark.extras
@pytest.mark.parametrize(
    "given",
    [
        {"head": [8]},
        {"head": [8], "user_aware": False, "anchor": "previous", "pick": "rank"},
        {"head": [8], "user_embedding": False},
        {"network": "net.py:Net"},
        {"network": "net.py:Net", "user_embedding": False},
    ],
)
def test_it_serves_in_a_run(torch: Any, given: dict[str, Any], tmp_path: Path) -> None:
    document = pipeline.run(scenario_of(tmp_path, **given), tmp_path / "run")
    arm = next(arm for arm in document.arms if arm.name == "it")
    assert arm.counters is not None
    assert arm.counters["requests"] > arm.counters["misses"] > -1
    assert arm.trainings is not None
    assert len(arm.trainings[0].curve) == 3


@pytest.mark.extras
def test_the_network_of_the_docs_learns(torch: Any, tmp_path: Path) -> None:
    from tests.recommenders.neural.conftest import planted_log

    page = (ROOT / "docs" / "learners.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?class Towers.*?)^```", page, re.MULTILINE | re.DOTALL)
    settings = {"epochs": 8, "validation_share": 0.2, "batch_size": 256}
    scenario = scenario_of(tmp_path, network="towers.py:Towers", **settings)
    (tmp_path / "towers.py").write_text(code)
    planted = planted_log(20_000, users=20, tracks=60)
    spread = planted.log.time[planted.log.step > 0].var()
    assert (trained(scenario, planted.log).curve[-1].validation or 1.0) < 0.5 * spread


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


@pytest.mark.extras
def test_processes_that_share_a_run_give_the_same_lists(torch: Any, tmp_path: Path) -> None:
    """Twice as many shards as processes; each process imports the class anew."""
    scenario = scenario_of(tmp_path, network="net.py:Net")
    scenario = scenario.model_copy(update={"shards": 4})
    for workers in (1, 2):
        pipeline.run(scenario, tmp_path / f"run{workers}", workers=workers)
    one, two = (
        {p.relative_to(run): p.read_bytes() for p in sorted(run.rglob("*.parquet"))}
        for run in (tmp_path / "run1", tmp_path / "run2")
    )
    assert one
    assert one == two


def test_without_torch_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    scenario = scenario_of(tmp_path, head=[8])
    with pytest.raises(UserError, match=r"pip install 'abbotify\[torch\]'"):
        trained(scenario)
    with pytest.raises(UserError, match=r"arms.it: .*pip install 'abbotify\[torch\]'"):
        prepare(scenario)  # before anything is played


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"head": [8], "network": "net.py:Net"}, "exclude each other"),
        ({"dropout": 0.2}, "dropout needs a head"),
        ({"network": "net.py"}, "must read file.py:Class"),
        ({"network": "net.py:Net", "user_aware": False}, "needs user_aware: true"),
    ],
)
def test_settings_that_contradict_are_refused(
    given: dict[str, Any], what: str, tmp_path: Path
) -> None:
    with pytest.raises(ScenarioError, match=what):
        scenario_of(tmp_path, **given)
