"""Rounding, against a table worked out by hand."""

from __future__ import annotations

import pytest

from abbotify.report.text import numbers


@pytest.mark.parametrize(
    ("half_width", "places"),
    [
        (0.31, 2),
        (0.3, 2),
        (3.0, 1),
        (0.0996, 2),  # rounds to 0.10, not to 0.100
        (0.099, 3),
        (12.3, 0),
        (9.96, 0),  # rounds to 10
        (1234.0, -2),
        (0.0, 2),
    ],
)
def test_places_of_an_uncertainty(half_width: float, places: int) -> None:
    assert numbers.decimals(half_width) == places


@pytest.mark.parametrize(
    ("value", "lower", "upper", "texts"),
    [
        (0.41234, 0.1123, 0.7123, ("+0.41", "[+0.11, +0.71]")),
        (-2.5, -5.04, 0.04, ("−2.50", "[−5.04, +0.04]")),  # an end at 0.0 would hide the sign
        (12345.6, 11111.0, 13579.0, ("+12,300", "[+11,100, +13,600]")),
        (0.0, -0.2, 0.2, ("0.00", "[−0.20, +0.20]")),
        (0.3, 0.0004, 0.6, ("+0.3000", "[+0.0004, +0.6000]")),
        (0.3, 0.0, 0.6, ("+0.30", "[0.00, +0.60]")),
        (0.3, None, None, ("+0.30", "–")),
        (None, None, None, ("–", "–")),
        (5.0, 5.0, 5.0, ("+5.0", "[+5.0, +5.0]")),
    ],
)
def test_an_estimate_and_its_interval(
    value: float | None, lower: float | None, upper: float | None, texts: tuple[str, str]
) -> None:
    shown = numbers.estimate(value, lower, upper)
    assert (shown.value, shown.interval) == texts


def test_percentages() -> None:
    shown = numbers.estimate(7.51, 5.33, 9.77, unit="%")
    assert (shown.value, shown.interval) == ("+7.5%", "[+5.3%, +9.8%]")
    assert numbers.percent(0.254831, 2) == "25.48%"
    assert numbers.percent(None) == "–"


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1e-12, 13, "1.0e−12"),
        (-2.34e-10, 11, "−2.3e−10"),
        (1.5e-9, 10, "0.0000000015"),
        (1e12, -11, "1.0e12"),
        (12_345_678_912.4, 1, "12,345,678,912.4"),
        (1e300, 2, "1.000000000000000e300"),
        (1e-300, 2, "0.00"),
    ],
)
def test_very_large_and_very_small_numbers(value: float, places: int, text: str) -> None:
    assert numbers.number(value, places) == text


def test_numbers() -> None:
    assert numbers.number(-1234567.891, 1) == "−1,234,567.9"
    assert numbers.number(-0.001, 2) == "0.00"
    assert numbers.number(0.001, 2, sign=True) == "0.00"
    assert numbers.number(None, 2) == "–"
    assert numbers.count(12345) == "12,345"
    assert numbers.count(0) == "0"


@pytest.mark.parametrize(
    ("p", "alpha", "text"),
    [
        (0.0009, None, "< 0.001"),
        (0.001, None, "0.001"),
        (0.0321, 0.05, "0.032"),
        (0.0499, 0.05, "0.0499"),  # 0.050 would read as not significant
        (0.04996, 0.05, "0.04996"),
        (0.05, 0.05, "0.050"),
        (1.0, 0.05, "1.000"),
        (None, 0.05, "–"),
    ],
)
def test_p_values(p: float | None, alpha: float | None, text: str) -> None:
    assert numbers.p_value(p, alpha) == text


def test_words() -> None:
    assert numbers.p_equals(0.0001) == "p < 0.001"
    assert numbers.p_equals(0.25) == "p = 0.250"
    assert numbers.level(0.05) == "95%"
    assert numbers.level(0.001) == "99.9%"
    told = [numbers.plural(number, "user") for number in (0, 1, 1200)]
    assert told == ["0 users", "1 user", "1,200 users"]


def test_an_interval_of_rounding_is_no_uncertainty() -> None:
    found = numbers.estimate(-100.0, -100.00000000000001, -100.0, unit="%")
    assert (found.value, found.interval) == ("−100%", "[−100%, −100%]")


@pytest.mark.parametrize(
    ("alpha", "text"), [(0.05, "95%"), (0.001, "99.9%"), (1e-6, "99.9999%"), (1e-9, "99.9999999%")]
)
def test_a_level_below_all_is_never_all(alpha: float, text: str) -> None:
    assert numbers.level(alpha) == text


@pytest.mark.parametrize(
    ("p", "alpha", "text"),
    [(0.0007, 0.0005, "0.001"), (0.0003, 0.0005, "< 0.0005"), (0.0007, 0.05, "< 0.001")],
)
def test_p_stays_on_its_side_of_a_small_alpha(p: float, alpha: float, text: str) -> None:
    assert numbers.p_value(p, alpha) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_234_567, "1,234,567"),
        (10**15 - 1, "999,999,999,999,999"),
        (173_793_946 * 10**15, "1.74e23"),
    ],
)
def test_counts_have_no_digits_beyond_sense(value: int, text: str) -> None:
    assert numbers.count(value) == text


@pytest.mark.parametrize(
    ("column", "places"),
    [
        ([(45.5, 42.0, 49.2), (11.91, 11.02, 12.81), (-86.293, -86.353, -86.233)], [2, 2, 2]),
        ([(45.5, 42.0, 49.2), (44.0, 40.0, 48.0), (-86.293, -86.353, -86.233)], [1, 1, 1]),
        ([(4.6, 2.9, 6.3), (0.1, 0.04, 0.16), (3.0, 1.0, 5.0)], [2, 2, 2]),  # 0.04 is not 0.0
        ([(4.6, 2.9, 6.3), (1e-6, 1e-7, 2e-6), (3.0, 1.0, 5.0)], [1, 8, 1]),
        ([(None, None, None), (3.0, 1.0, 5.0)], [1, 1]),
        ([(0.5, None, None), (3.0, 1.0, 5.0), (0.01, None, None)], [1, 1, 3]),
        ([(0.5, None, None), (None, None, None)], [None, None]),
        ([(4.0, 2.0, 6.0), (5.002, 5.001, 5.003)], [1, 4]),  # ends that would be alike
        ([], []),
    ],
)
def test_a_column_is_rounded_alike(
    column: list[tuple[float | None, float | None, float | None]], places: list[int | None]
) -> None:
    assert numbers.aligned(column) == places


def test_days_that_follow_one_another() -> None:
    assert numbers.days([4]) == "4"
    assert numbers.days([3, 4, 5]) == "3 to 5"
    assert numbers.days([1, 3]) == "1, 3"
    assert numbers.days(range(0, 40, 2)) == "0, 2, 4, 6, 8, 10, 12, 14, …"
