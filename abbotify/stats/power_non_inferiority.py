"""Design of guardrails: the power to show that a treatment without an effect is not worse."""

from __future__ import annotations

import math

from abbotify.stats.contrast import t_quantile, welch_df
from abbotify.stats.power import FEWEST, Pilot
from abbotify.stats.roots import reached

_CERTAIN = 100.0  # standard errors between margin and effect, beyond which nothing is undecided


def non_inferiority_power(
    pilot: Pilot, margin: float, users: tuple[float, float], alpha: float, ratio: float = 1.0
) -> float:
    """The chance that a guardrail is found non-inferior when the treatment changes nothing.

    The test is that of `guardrails`: one-sided, of treatment - ratio control, with Welch's degrees
    of freedom of the plain difference.

    Args:
        pilot: The metric.
        margin: The largest loss tolerated, in the metric's units, not negative.
        users: (control, treatment), at least 2 each, not necessarily whole.
        alpha: One-sided level.
        ratio: Of treatment to control at the margin where that is relative to the control (.95
            for 5 per cent of a metric that must not fall); 1 where it is absolute.

    Raises:
        ValueError: On a negative margin, fewer users, or an alpha outside (0, .5).

    Source: Julious (2004), Statistics in Medicine 23; Hauschke, Kieser, Diletti, Burke (1999),
    Statistics in Medicine 18, for a relative margin.
    """
    from scipy.special import nctdtr

    if not 0 <= margin < math.inf:
        raise ValueError(f"the margin must not be negative, got {margin}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"a one-sided alpha must lie between 0 and .5, got {alpha}")
    if not (min(users) >= FEWEST and max(users) < math.inf):
        raise ValueError(f"each arm needs at least 2 users, got {users}")
    control, treatment = pilot.variance / users[0], pilot.variance_at(0.0) / users[1]
    shift = margin / math.sqrt(ratio * ratio * control + treatment)
    df = welch_df(control, users[0], treatment, users[1])
    critical = t_quantile(df, 2 * alpha)
    if shift > _CERTAIN + 20 * critical:
        return 1.0
    return 1 - float(nctdtr(df, shift, critical))


def non_inferiority_users(
    pilot: Pilot,
    margin: float,
    wanted: float,
    alpha: float,
    shares: tuple[float, float] = (0.5, 0.5),
    ratio: float = 1.0,
) -> float | None:
    """The users of the whole experiment with whom a guardrail has the wanted power.

    The exact inverse of `non_inferiority_power`, not a whole number, at least `FEWEST` an arm.
    None when no number a double holds is enough, such as for a margin of 0.

    Args:
        pilot: The metric.
        margin: As in `non_inferiority_power`, likewise alpha and ratio.
        wanted: Power, above alpha and below 1.
        alpha: One-sided level.
        shares: Of all users in the control and in this treatment.
        ratio: As above.

    Raises:
        ValueError: On what `non_inferiority_power` refuses, or a power outside (alpha, 1).
    """
    if not alpha < wanted < 1:
        raise ValueError(f"power must lie between alpha and 1, got {wanted}")
    if margin == 0:
        return None
    fewest = FEWEST / min(shares)

    def found(more: float) -> float:
        total = fewest + more
        users = (max(FEWEST, shares[0] * total), max(FEWEST, shares[1] * total))
        return non_inferiority_power(pilot, margin, users, alpha, ratio)

    more = reached(found, wanted, fewest)
    return None if more is None else fewest + more
