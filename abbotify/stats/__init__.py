"""Estimators as pure functions of mergeable aggregates; the unit is the randomised user."""

from abbotify.stats.contrast import (
    Contrast,
    Estimate,
    Lift,
    difference,
    fieller,
    naive_relative,
    relative,
)
from abbotify.stats.effects import EFFECT_COLUMNS, ArmMoments, Effect, compare
from abbotify.stats.means import mean, welch
from abbotify.stats.moments import Moments
from abbotify.stats.multiplicity import holm
from abbotify.stats.ratio import ratio_of_sums
from abbotify.stats.srm import SampleRatio, sample_ratio
from abbotify.stats.survival import Survival, kaplan_meier

__all__ = [
    "EFFECT_COLUMNS",
    "ArmMoments",
    "Contrast",
    "Effect",
    "Estimate",
    "Lift",
    "Moments",
    "SampleRatio",
    "Survival",
    "compare",
    "difference",
    "fieller",
    "holm",
    "kaplan_meier",
    "mean",
    "naive_relative",
    "ratio_of_sums",
    "relative",
    "sample_ratio",
    "welch",
]
