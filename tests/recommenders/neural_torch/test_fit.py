"""Heads and networks of the user's own learn as the plain loop does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import UserError
from abbotify.recommenders.neural.kernels import Pairs, shuffle
from abbotify.recommenders.neural.training import embeddings, training_pairs
from abbotify.recommenders.neural_torch.module import network, repeatable
from abbotify.recommenders.ranked_lists import Ranker
from abbotify.rng import Purpose, seed_word
from abbotify.testing import generated_log
from tests.conftest import assert_same_arrays
from tests.recommenders.neural_torch.own import KEY, WORLD, params_of, scenario_of, trained
from tests.recommenders.planted import planted_log

ROOT = Path(__file__).parents[3]


@pytest.mark.extras
@pytest.mark.parametrize(
    "given", [{"head": [16, 8], "dropout": 0.3, "shortlist": 20}, {"network": "net.py:Net"}]
)
def test_it_trains_alike_twice_and_lists_do_not_depend_on_who_asks(
    torch: Any, given: dict[str, Any], tmp_path: Path
) -> None:
    scenario = scenario_of(tmp_path, size=7, **given)
    state = torch.random.get_rng_state()
    one, two = trained(scenario), trained(scenario)
    assert torch.equal(state, torch.random.get_rng_state())
    assert one.curve == two.curve
    assert_same_arrays(one.arrays, two.arrays)
    together, alone = (
        params_of(scenario).lowered(one.arrays, WORLD, scenario, KEY) for _ in range(2)
    )
    assert isinstance(together, Ranker)
    assert isinstance(alone, Ranker)
    rows, anchors = (column.ravel() for column in np.meshgrid(np.arange(20), np.arange(60)))
    together.foresee(rows, anchors)
    lists = [together.list_of(int(r), int(a)).tolist() for r, a in zip(rows, anchors, strict=True)]
    assert lists == [
        alone.list_of(int(r), int(a)).tolist() for r, a in zip(rows, anchors, strict=True)
    ]
    assert {len(of) for of in lists} <= {0, 7}
    seen = set(np.flatnonzero(one.arrays["seen_track"]).tolist())
    assert all(seen >= set(of) for of in lists)


def plain_pass(
    torch: Any, adam: Any, layers: Any, tables: list[Any], pairs: Pairs, order: Any
) -> float:
    """A pass over the pairs as torch's tutorials write it, in batches of 64; the mean error."""
    squares: list[float] = []
    for begin in range(0, len(order), 64):
        some = order[begin : begin + 64]
        start, track, *user = tables
        query = start[pairs.start[some]]
        query = query + user[0][pairs.row[some]] if user else query
        guess = layers(query * track[pairs.track[some]])[:, 0]
        errors = (guess - torch.tensor(pairs.time[some])) ** 2
        adam.zero_grad()
        errors.mean().backward()
        adam.step()
        squares += errors.tolist()
    return float(np.mean(squares))


@pytest.mark.extras
@pytest.mark.parametrize("with_users", [True, False])
def test_a_training_is_the_plain_loop(torch: Any, with_users: bool, tmp_path: Path) -> None:
    log = generated_log(WORLD)
    settings = {"weight_decay": 0.001, "epochs": 2, "user_embedding": with_users}
    scenario = scenario_of(tmp_path, head=[16, 8], **settings)
    fitted = trained(scenario, log)
    params, seed = params_of(scenario), scenario.seeds.dynamics
    pairs, losses = training_pairs(log), []
    with repeatable(seed):
        layers = network(params, log.users, log.tracks).module.head
        tables = [
            torch.tensor(embeddings(kind, rows, 6, seed)[:, :6], requires_grad=True)
            for kind, rows in ((0, log.tracks), (2, log.tracks), (1, log.users))[: 2 + with_users]
        ]
        adam = torch.optim.Adam([*tables, *layers.parameters()], lr=0.01, weight_decay=0.001)
        for number in (1, 2):
            order = np.arange(len(pairs.row))
            shuffle(order, seed_word(seed), Purpose.SHUFFLE, number)
            losses.append(plain_pass(torch, adam, layers, tables, pairs, order))
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
    assert_same_arrays(trained(stopped).arrays, fitted.arrays)


@pytest.mark.extras
def test_a_training_that_diverges_says_so(torch: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="diverges in pass 1: learning_rate is too high, got 90"):
        trained(scenario_of(tmp_path, head=[16], learning_rate=90.0))


@pytest.mark.extras
def test_a_head_learns_what_was_planted(torch: Any, tmp_path: Path) -> None:
    planted = planted_log(30_000, users=20, tracks=60)
    scenario = scenario_of(
        tmp_path, head=[32], epochs=12, validation_share=0.2, batch_size=256, early_stopping=3
    )
    curve = trained(scenario, planted.log).curve
    spread = planted.log.time[planted.log.step > 0].var()
    assert min(epoch.validation or 1.0 for epoch in curve) < 0.5 * spread


@pytest.mark.extras
def test_the_network_of_the_docs_learns(torch: Any, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "learners.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?class Towers.*?)^```", page, re.MULTILINE | re.DOTALL)
    settings = {"epochs": 8, "validation_share": 0.2, "batch_size": 256}
    scenario = scenario_of(tmp_path, network="towers.py:Towers", **settings)
    (tmp_path / "towers.py").write_text(code)
    planted = planted_log(20_000, users=20, tracks=60)
    spread = planted.log.time[planted.log.step > 0].var()
    assert (trained(scenario, planted.log).curve[-1].validation or 1.0) < 0.5 * spread
