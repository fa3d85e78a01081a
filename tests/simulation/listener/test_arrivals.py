"""When users come: Poisson counts, the day's profile, gaps between visits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate, stats

from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.simulation.listener.arrivals import (
    first_visits,
    intensity,
    next_visit,
    profile,
    visit_time,
    visits,
    visits_of_day,
)

Words = Callable[[int, int, int, int, int], list[int]]
HOUR = 3_600_000
SEED = 31337
FLAT, EVENING = profile("flat"), profile("evening")
SURE = 1e-3


def evening_at(hour: float) -> float:
    """The evening profile between its hours, by numpy's own interpolation."""
    return float(np.interp(hour % 24, np.arange(25), [*EVENING, EVENING[0]]))


@pytest.mark.parametrize("mean", [0.01, 0.5, 3.0, 20.0, 100.0])
def test_visits_of_a_day_are_poisson(mean: float) -> None:
    n = 20_000
    offsets, times = visits_of_day(SEED, np.arange(n), 3, mean, FLAT)
    counts = np.diff(offsets)
    assert len(times) == offsets[-1]
    assert abs(counts.mean() - mean) < 4 * np.sqrt(mean / n)
    # The variance of a sample variance: (fourth central moment - variance**2) / n.
    assert abs(counts.var(ddof=1) - mean) < 4 * np.sqrt((mean + 2 * mean**2) / n)
    edges = np.unique(stats.poisson.ppf(np.linspace(0.02, 0.98, 15), mean))
    expected = np.diff(np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])) * n
    observed = np.bincount(np.searchsorted(edges, counts), minlength=len(expected))
    assert stats.chisquare(observed, expected).pvalue > SURE


def test_counts_are_the_quantiles_of_their_words(words: Words) -> None:
    for user in range(100):
        u = (words(SEED, 4, user, 5, 0)[0] >> 11) * 2.0**-53
        assert visits(SEED, user, 4, 2.5) == int(stats.poisson.ppf(u, 2.5))


def test_times_are_accepted_by_the_profile(words: Words) -> None:
    for user in range(50):
        attempt = 0
        while True:
            drawn = words(SEED, 2, user, 6 + (attempt << 32), 1)
            ms, u = drawn[0] * MS_PER_DAY >> 64, (drawn[1] >> 11) * 2.0**-53
            if u < evening_at(ms / HOUR):
                break
            attempt += 1
        assert visit_time(SEED, user, 2, 1, EVENING) == ms


def test_the_evening_has_its_trough_and_peaks() -> None:
    minutes = np.array([intensity(EVENING, 60_000 * m) for m in range(1440)])
    assert minutes.max() == 1.0
    assert minutes.argmin() == 2 * 60
    assert np.flatnonzero(minutes == 1.0).tolist() == list(range(18 * 60, 19 * 60 + 1))
    assert minutes[4 * 60 : 13 * 60].argmax() == 5 * 60  # nine o'clock
    assert minutes[9 * 60] > minutes[13 * 60] < minutes[18 * 60]
    assert intensity(EVENING, MS_PER_DAY - 1) == pytest.approx(EVENING[0], abs=1e-6)


@pytest.mark.parametrize("ms", [0, 1, HOUR // 2, 7 * HOUR + 12_345, 23 * HOUR + 59 * 60_000])
def test_between_the_hours_the_profile_is_linear(ms: int) -> None:
    assert intensity(EVENING, ms) == pytest.approx(evening_at(ms / HOUR), abs=1e-12)
    assert intensity(FLAT, ms) == 1.0


@pytest.mark.parametrize("name", ["flat", "evening"])
def test_times_of_visits_follow_the_profile(name: str) -> None:
    day = 5
    offsets, times = visits_of_day(SEED, np.arange(30_000), day, 4.0, profile(name))
    of_day = times - day * MS_PER_DAY
    assert 0 <= of_day.min() <= of_day.max() < MS_PER_DAY
    parts = np.linspace(0, 24, 97)
    weights = np.array(
        [
            integrate.quad(evening_at if name == "evening" else lambda h: 1.0, low, high)[0]
            for low, high in pairwise(parts)
        ]
    )
    observed = np.histogram(of_day / HOUR, parts)[0]
    expected = weights / weights.sum() * len(times)
    assert stats.chisquare(observed, expected).pvalue > SURE
    ascending = np.diff(times) >= 0
    ascending[offsets[1:-1][(offsets[1:-1] > 0) & (offsets[1:-1] < len(times))] - 1] = True
    assert ascending.all()


def test_a_user_s_visits_do_not_depend_on_the_others() -> None:
    some = np.array([3, 1000, 2**40])
    offsets, times = visits_of_day(SEED, some, 1, 5.0, EVENING)
    for i, user in enumerate(some):
        alone = visits_of_day(SEED, np.array([user]), 1, 5.0, EVENING)[1]
        assert alone.tolist() == times[offsets[i] : offsets[i + 1]].tolist()
    again = visits_of_day(SEED, some, 1, 5.0, EVENING)
    assert again[1].tolist() == times.tolist()
    assert visits_of_day(SEED + 1, some, 1, 5.0, EVENING)[1].tolist() != times.tolist()
    assert visits_of_day(SEED, some, 2, 5.0, EVENING)[1].tolist() != times.tolist()


def gaps(per_day: float, hours: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    after = 1_000_000
    return np.array(
        [next_visit(SEED, user, 3, after, per_day, hours) - after for user in range(5000)]
    )


@pytest.mark.parametrize("per_day", [0.2, 1.2, 50.0])
def test_gaps_are_exponential_under_a_flat_profile(per_day: float) -> None:
    drawn = gaps(per_day, FLAT)
    assert drawn.min() >= 0
    assert stats.kstest(drawn, stats.expon(scale=MS_PER_DAY / per_day).cdf).pvalue > SURE


@pytest.mark.parametrize("per_day", [0.3, 2.0, 24.0])
def test_visits_come_at_the_mean_rate_and_by_the_profile(per_day: float) -> None:
    days, times = 50, []
    users = round(6000 / (per_day * days))
    for user in range(users):
        time, session = 0, 0
        while (time := next_visit(SEED, user, session, time, per_day, EVENING)) < days * MS_PER_DAY:
            times.append(time)
            session += 1
    expected = per_day * days * users
    assert abs(len(times) - expected) < 4 * np.sqrt(expected)
    weights = [integrate.quad(evening_at, hour, hour + 1)[0] for hour in range(24)]
    observed = np.bincount(np.array(times) % MS_PER_DAY // HOUR, minlength=24)
    wanted = np.array(weights) / sum(weights) * len(times)
    assert stats.chisquare(observed, wanted).pvalue > SURE


@pytest.mark.parametrize("hours", [FLAT, EVENING], ids=["flat", "evening"])
@pytest.mark.parametrize("per_day", [5e-324, 1e-300, 1e-12, 1000.0, 1e9])
def test_rates_of_any_size_end(per_day: float, hours: npt.NDArray[np.float64]) -> None:
    time = next_visit(SEED, 1, 0, 7, per_day, hours)
    assert 7 <= time <= 2**60
    if per_day < 1e-9:
        assert time > 10**6 * MS_PER_DAY


def test_first_visits_are_those_of_session_0() -> None:
    users = np.array([5, 9, 2**50])
    expected = [next_visit(SEED, int(user), 0, 0, 1.5, EVENING) for user in users]
    assert first_visits(SEED, users, 1.5, EVENING).tolist() == expected
