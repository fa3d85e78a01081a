"""Thompson sampling: its draws have the Beta distribution and depend on their request alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from abbotify import rng
from abbotify.recommenders.bandit.thompson import Thompson, beta_log_odds

PURPOSE = rng.Purpose.RECOMMEND


def draws(a: float, b: float, count: int, track: int = 0) -> Any:
    odds = [beta_log_odds(a, b, 1, 1, 7, PURPOSE, session, track) for session in range(count)]
    return 1.0 / (1.0 + np.exp(-np.array(odds)))


@pytest.mark.parametrize(
    ("a", "b"),
    [(1.0, 1.0), (0.5, 0.5), (0.1, 3.0), (1.0, 40.0), (3.2, 0.7), (250.5, 900.0), (1.0, 0.2)],
)
def test_draws_have_the_beta_distribution(a: float, b: float) -> None:
    assert stats.kstest(draws(a, b, 20_000), stats.beta(a, b).cdf).pvalue > 0.01


def test_draws_of_two_tracks_are_independent() -> None:
    first, second = draws(2.0, 3.0, 20_000), draws(2.0, 3.0, 20_000, track=1)
    assert abs(stats.spearmanr(first, second).statistic) < 0.02


def test_a_draw_depends_on_each_part_of_its_request() -> None:
    parts = (1, 2, 3, PURPOSE, 5, 6)
    changed = [
        (*parts[:place], parts[place] + 256, *parts[place + 1 :]) for place in range(len(parts))
    ]
    values = [beta_log_odds(2.0, 3.0, *given) for given in (parts, *changed)]
    assert len(set(values)) == len(values)
    assert beta_log_odds(2.0, 3.0, *parts) == values[0]


def test_shapes_near_nothing_neither_overflow_nor_tie() -> None:
    odds = [beta_log_odds(1e-6, 1e-6, 1, 1, 7, PURPOSE, s, 0) for s in range(1000)]
    assert np.isfinite(odds).all()
    assert len(set(odds)) == 1000
    assert 400 < sum(value > 0 for value in odds) < 600


def test_a_large_id_has_draws_of_its_own() -> None:
    top = (1 << 27) - 1
    values = {beta_log_odds(2.0, 3.0, 1, 1, 7, PURPOSE, 0, track) for track in (0, 1, top)}
    assert len(values) == 3
    with pytest.raises(ValueError, match="has draws for 134217728 tracks"):
        Thompson((1 << 27) + 1, (1.0, 1.0))


def test_the_largest_draw_is_chosen_whatever_the_order(ask: Any) -> None:
    policy = Thompson(60, (1.0, 2.0))
    policy.learn(3, 0.25)
    assert (policy.successes[3], policy.failures[3]) == (1.25, 2.75)
    chosen = set()
    for session in range(50):
        request = ask(session=session)
        drawn = [
            beta_log_odds(
                policy.successes[track], policy.failures[track],
                request.seed, request.step, request.user, request.purpose, session, track,
            )
            for track in range(60)
        ]  # fmt: skip
        for tracks in (np.arange(60), np.arange(60)[::-1]):
            track, told = policy.choose(tracks.astype(np.int32), request)
            assert track == told == int(np.argmax(drawn))
        chosen.add(track)
    assert len(chosen) > 20
