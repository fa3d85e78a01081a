"""Outcomes of the same users under the control and under a treatment, as sums that merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from abbotify.stats import Moments
from abbotify.stats.mergeable import Mergeable

Form = Literal["total", "equal_data"]


@dataclass(frozen=True)
class Joint(Mergeable):
    """The same users under the control and under a treatment.

    Attributes:
        means: metric -> moments of (value under the control, under the treatment), over users of
            the run for whom both are defined.
        ratios: metric -> moments of (numerator, denominator under the control, then under the
            treatment) over exposed users; a user who does not come there counts as 0.
    """

    means: Mapping[str, Moments]
    ratios: Mapping[str, Moments]

    def mean(self, metric: str) -> tuple[float, float] | None:
        """The metric's mean under control and treatment; None without users."""
        moments = self.means.get(metric)
        if moments is None or moments.n == 0:
            return None
        return float(moments.mean[0]), float(moments.mean[1])

    def ratio(self, metric: str) -> tuple[float, float] | None:
        """Its ratio of sums under control and treatment; None where one has no denominator."""
        moments = self.ratios.get(metric)
        if moments is None or moments.mean[1] == 0 or moments.mean[3] == 0:
            return None
        y0, d0, y1, d1 = (float(value) for value in moments.mean)
        return y0 / d0, y1 / d1


@dataclass(frozen=True)
class Truth(Mergeable):
    """The truth in one form.

    Attributes:
        form: which.
        arms: treatment -> its users' outcomes beside those under the control.
        note: what a reader has to know of it.
    """

    form: Form
    arms: Mapping[str, Joint]
    note: str = ""
