"""Session survival: by hand, statsmodels, the geometric session's closed form through the cuts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom
from statsmodels.duration.survfunc import SurvfuncRight

from abbotify.stats import kaplan_meier

BUDGET, LISTENED = 5, 0.6


def test_by_hand() -> None:
    # 10 sessions: 2 end at 1, 1 is cut at 1, 3 end at 3, 4 are cut at 4.
    # S(1) = 8/10, S(2) the same, S(3) = 8/10 * 4/7, S(4) the same.
    curve = kaplan_meier(ended=[0, 2, 0, 3], cut=[0, 1, 0, 0, 4])
    assert curve.tracks == (0, 1, 2, 3, 4)
    assert curve.alive == pytest.approx((1, 0.8, 0.8, 3.2 / 7, 3.2 / 7), rel=1e-14)


def test_without_cuts_it_is_the_share_still_alive() -> None:
    assert kaplan_meier([0, 1, 2, 1], []).alive == pytest.approx((1, 0.75, 0.25, 0), abs=1e-15)


def test_only_cut_sessions_never_end() -> None:
    assert kaplan_meier([], [0, 0, 7]).alive == (1, 1, 1)


def test_a_session_may_have_no_tracks() -> None:
    assert kaplan_meier([1, 1], [0]).alive == pytest.approx((0.5, 0), abs=1e-15)


COUNTS = st.lists(st.integers(0, 5000), max_size=30)


@given(COUNTS, COUNTS)
def test_equals_statsmodels_to_the_last_bit(ended: list[int], cut: list[int]) -> None:
    curve = kaplan_meier(ended, cut)
    counts = [(t, 1, n) for t, n in enumerate(ended)] + [(t, 0, n) for t, n in enumerate(cut)]
    if any(ended):
        time, status, weight = np.array([row for row in counts if row[2]]).T
        oracle = SurvfuncRight(time, status, freq_weights=weight)
        alive = [curve.alive[tracks] for tracks in oracle.surv_times]
        assert alive == oracle.surv_prob.tolist()


@pytest.mark.parametrize("counts", [[], [0, 0, 0]])
def test_no_sessions_no_curve(counts: list[int]) -> None:
    curve = kaplan_meier(counts, counts)
    assert (curve.tracks, curve.alive) == ((), ())


def test_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="negative"):
        kaplan_meier([0, -1], [0, 3])


def closed_form(tracks: int) -> float:
    """Chance of more than so many tracks: the first one and N, N - b ~ NegBin(b, 1 - p)."""
    return float(nbinom.sf(tracks - 1 - BUDGET, BUDGET, 1 - LISTENED))


def geometric_counts(longest: int) -> list[int]:
    """Sessions by length out of 2^50, as the closed form expects them."""
    pmf = nbinom.pmf(np.arange(longest + 1) - 1 - BUDGET, BUDGET, 1 - LISTENED)
    return [int(count) for count in np.rint(pmf * 2**50)]


def test_geometric_session_cut_at_its_longest() -> None:
    ended = geometric_counts(12)
    cut = [0] * 12 + [2**50 - sum(ended)]
    curve = kaplan_meier(ended, cut)
    expected = [closed_form(tracks) for tracks in curve.tracks]
    assert curve.alive == pytest.approx(expected, rel=1e-9)


def test_geometric_sessions_cut_at_random_lengths() -> None:
    # Independent censoring: half of the sessions are cut at 8 tracks if they get beyond them.
    ended = geometric_counts(80)
    halves = [count // 2 if tracks > 8 else count for tracks, count in enumerate(ended)]
    cut = [0] * 8 + [sum(ended) - sum(halves)]
    curve = kaplan_meier(halves, cut)
    expected = [closed_form(tracks) for tracks in curve.tracks]
    assert curve.alive[:41] == pytest.approx(expected[:41], rel=1e-6)
