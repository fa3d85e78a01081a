"""The network recovers what was planted, stops in time, and gives the same model again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from abbotify.errors import UserError
from abbotify.recommenders.neural import fit
from abbotify.recommenders.neural.training import Patience
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import Fitted, TrainingLog
from tests.conftest import assert_same_arrays
from tests.recommenders.planted import Planted, log_of

Settings = Callable[..., Neural]


def trained(params: Neural, log: TrainingLog, seed: int = 3) -> Fitted:
    return fit(params, log, seed, lambda epoch, epochs, loss: None)


def beginning(log: TrainingLog, plays: int) -> TrainingLog:
    columns = [f.name for f in fields(log) if f.name not in ("users", "tracks")]
    return replace(log, **{name: getattr(log, name)[:plays] for name in columns})


def predicted(fitted: Fitted, user: Any, start: Any, track: Any) -> Any:
    arrays = fitted.arrays
    query = arrays["start"][start] + (arrays["user"][user] if "user" in arrays else 0.0)
    return (query * arrays["track"][track]).sum(axis=-1)


@pytest.mark.parametrize("optimizer", ["adagrad_rows", "lazy_adam", "adam"])
def test_planted_tastes_are_recovered(optimizer: str, planted: Planted, settings: Settings) -> None:
    rate = 0.05 if optimizer == "adagrad_rows" else 0.005
    fitted = trained(settings(optimizer=optimizer, learning_rate=rate), planted.log)
    draw = np.random.default_rng(9)
    user, start, track = (draw.integers(n, size=5000) for n in (60, 150, 150))
    guess = predicted(fitted, user, start, track)
    assert np.corrcoef(guess, planted.truth(user, start, track))[0, 1] > 0.95


def test_users_help_where_tastes_differ(planted: Planted, settings: Settings) -> None:
    losses: dict[bool, float] = {}
    for with_users in (True, False):
        params = settings(user_embedding=with_users, validation_share=0.2)
        fitted = trained(params, planted.log)
        losses[with_users] = fitted.curve[-1].validation or math.inf
        assert ("user" in fitted.arrays) == with_users
    # What users alone explain: the variance of user . track, about 4 * 0.25^4 = 0.016.
    assert losses[True] < 0.5 * losses[False]


def test_equal_logs_and_seeds_give_equal_models(planted: Planted, settings: Settings) -> None:
    params = settings(epochs=3)
    one, two, other = (trained(params, planted.log, seed) for seed in (3, 3, 4))
    assert one.curve == two.curve != other.curve
    assert_same_arrays(one.arrays, two.arrays)
    assert not np.array_equal(one.arrays["start"], other.arrays["start"])


def test_the_curve_falls_and_has_no_validation_without_a_share(
    planted: Planted, settings: Settings
) -> None:
    curve = trained(settings(epochs=5), planted.log).curve
    assert [epoch.number for epoch in curve] == [1, 2, 3, 4, 5]
    assert curve[-1].loss < curve[0].loss
    assert {epoch.validation for epoch in curve} == {None}


def test_it_stops_early_and_keeps_the_best_pass(settings: Settings) -> None:
    # Listened fractions that nothing explains: whatever is learned beyond the mean is noise.
    draw = np.random.default_rng(1)
    n = 3000
    row, first, track = (draw.integers(size, size=n) for size in (40, 60, 60))
    log = log_of(row, first, track, draw.random(n).round(2), 40, 60)
    params = settings(epochs=60, validation_share=0.3, early_stopping=4, batch_size=64)
    stopped = trained(params, log)
    losses = [epoch.validation or 0.0 for epoch in stopped.curve]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 4 < 60
    # The arrays are those of the best pass: training for just as long gives them.
    short = trained(params.model_copy(update={"epochs": best + 1}), log)
    assert_same_arrays(short.arrays, stopped.arrays)


def test_patience() -> None:
    patience = Patience(stop_after=3, slow_after=1)
    told = [
        (patience.better(loss), patience.slows(), patience.stops())
        for loss in (0.5, 0.4, 0.4, 0.41, 0.39, 0.39, 0.4, 0.4)
    ]
    assert told == [
        (True, False, False), (True, False, False), (False, False, False), (False, True, False),
        (True, False, False), (False, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip


@pytest.mark.extras
@pytest.mark.parametrize("patience", [1, 3])
def test_plateaus_are_those_of_torch(patience: int) -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=patience)
    draw, ours, rate = np.random.default_rng(8), Patience(None, patience), 1.0
    steps = draw.choice([0.9, 0.99995, 0.9999, 1.0, 1.1], size=60, p=[0.1, 0.3, 0.2, 0.2, 0.2])
    for loss in np.cumprod(steps).tolist():
        plateau.step(loss)
        ours.better(loss)
        rate *= 0.1 if rate > 1e-6 and ours.slows() else 1.0
        if rate <= 1e-6:  # torch's own floor of a change, 1e-8, is near
            break
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)
    assert rate < 0.2


def test_what_was_only_held_out_was_not_met(settings: Settings) -> None:
    """Every pair has tracks and a user of its own."""
    n = 200
    log = log_of(np.arange(n), np.arange(n), np.arange(n), np.full(n, 0.5), n, n)
    arrays = trained(settings(validation_share=0.5), log).arrays
    assert 60 < arrays["seen_track"].sum() < 140
    for name in ("seen_start", "seen_user"):
        assert np.array_equal(arrays[name], arrays["seen_track"])


def test_the_rate_falls_on_a_plateau(planted: Planted, settings: Settings) -> None:
    params = settings(epochs=25, validation_share=0.2, reduce_on_plateau=1, learning_rate=0.5)
    rates = [epoch.learning_rate for epoch in trained(params, planted.log).curve]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 0.5
    assert rates[-1] < 0.06


def test_a_longer_log_holds_out_the_same_pairs(planted: Planted) -> None:
    from abbotify.recommenders.neural.training import split

    log = planted.log
    half = beginning(log, 60_000)
    held, longer = split(half, 0.1, 3)[1], split(log, 0.1, 3)[1]
    assert longer[: len(held)].tolist() == held.tolist()
    assert 0.09 < len(longer) / 60_000 < 0.11


def test_what_cannot_be_trained_is_one_line(planted: Planted, settings: Settings) -> None:
    log = planted.log
    with pytest.raises(UserError, match="diverges in pass 1: learning_rate is too high, got 100"):
        trained(settings(learning_rate=100.0, optimizer="adam"), log)
    nothing = beginning(log, 1)
    with pytest.raises(UserError, match="no recommended track"):
        trained(settings(), nothing)
    one = beginning(log, 2)
    with pytest.raises(UserError, match="too few"):
        trained(settings(validation_share=0.5), one)
