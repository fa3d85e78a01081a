"""Estimators as pure functions of mergeable aggregates; the unit is the randomised user."""

from abbotify.stats.compare import compare, deciding_estimates
from abbotify.stats.contrast import (
    Contrast,
    Estimate,
    Lift,
    difference,
    fieller,
    naive_relative,
    relative,
    variance_of_difference,
)
from abbotify.stats.cuped import (
    Adjusted,
    cuped_means,
    cuped_ratios,
    refuse_later,
    sign_flip,
    with_indicator,
)
from abbotify.stats.effects import EFFECT_COLUMNS, ArmMoments, Effect
from abbotify.stats.heterogeneity import SegmentEffect, SegmentTest, heterogeneity
from abbotify.stats.means import mean, ratio_of_sums, welch
from abbotify.stats.moments import Moments
from abbotify.stats.multiplicity import all_pairs, benjamini_hochberg, holm, max_z
from abbotify.stats.non_inferiority import GuardrailResult, GuardrailSpec, guardrail
from abbotify.stats.resampling import bootstrap, quantile_effect
from abbotify.stats.sample_ratio import sample_ratio
from abbotify.stats.survival import Survival, kaplan_meier

__all__ = [
    "EFFECT_COLUMNS",
    "Adjusted",
    "ArmMoments",
    "Contrast",
    "Effect",
    "Estimate",
    "GuardrailResult",
    "GuardrailSpec",
    "Lift",
    "Moments",
    "SegmentEffect",
    "SegmentTest",
    "Survival",
    "all_pairs",
    "benjamini_hochberg",
    "bootstrap",
    "compare",
    "cuped_means",
    "cuped_ratios",
    "deciding_estimates",
    "difference",
    "fieller",
    "guardrail",
    "heterogeneity",
    "holm",
    "kaplan_meier",
    "max_z",
    "mean",
    "naive_relative",
    "quantile_effect",
    "ratio_of_sums",
    "refuse_later",
    "relative",
    "sample_ratio",
    "sign_flip",
    "variance_of_difference",
    "welch",
    "with_indicator",
]
