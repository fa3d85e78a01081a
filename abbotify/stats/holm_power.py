"""Power of several hypotheses at once, decided by Holm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

DRAWS = 1 << 16  # Monte-Carlo error .002 at most
_KEY = np.array([0, 0x401A], dtype=np.uint64)


@dataclass(frozen=True)
class HolmPower:
    """Chances under Holm's rule, by Monte Carlo over the same draws every time.

    Attributes:
        each: Of each hypothesis to be rejected.
        some: Of one at least.
        all: Of all of them.
    """

    each: tuple[float, ...]
    some: float
    all: float


def holm_power(
    shifts: Sequence[float], correlation: ArrayLike, alpha: float, draws: int = DRAWS
) -> HolmPower:
    """The power of hypotheses whose statistics are jointly normal.

    Args:
        shifts: Each one's expected z, its effect over its standard error; 0 for a true null.
        correlation: Of the statistics, shape (h, h): see `shared_control`.
        alpha: Two-sided family-wise level.
        draws: How many experiments are drawn.

    Raises:
        ValueError: On no hypotheses, a matrix of another shape or no correlation matrix, or an
            alpha outside (0, 1).

    Source: Holm (1979), Scand. J. Statist. 6.
    """
    from scipy.special import ndtri

    matrix = _correlation(correlation, len(shifts))
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    hypotheses = len(shifts)
    size = np.abs(np.asarray(shifts) + _normals(draws, hypotheses) @ _root(matrix).T)
    order = np.argsort(-size, axis=1)
    critical = -ndtri(alpha / 2 / np.arange(hypotheses, 0, -1))
    passed = np.take_along_axis(size, order, axis=1) > critical
    rejected = np.empty_like(passed)
    np.put_along_axis(rejected, order, np.logical_and.accumulate(passed, axis=1), axis=1)
    return HolmPower(
        tuple(rejected.mean(axis=0).tolist()),
        float(rejected.any(axis=1).mean()),
        float(rejected.all(axis=1).mean()),
    )


def shared_control(control: float, treatments: Sequence[float]) -> Floats:
    """Correlation of the statistics of several treatments against one control.

    Args:
        control: Sampling variance of the control's estimate.
        treatments: Those of the treatments'.

    Returns:
        Shape (h, h): .5 beside the diagonal for equal arms.

    Source: Dunnett (1955), JASA 50.
    """
    variances = control + np.asarray(treatments, dtype=np.float64)
    matrix = control / np.sqrt(np.outer(variances, variances))
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(matrix)


def _correlation(correlation: ArrayLike, hypotheses: int) -> Floats:
    matrix = np.asarray(correlation, dtype=np.float64)
    if hypotheses == 0 or matrix.shape != (hypotheses, hypotheses):
        raise ValueError(f"{hypotheses} hypotheses and a matrix of shape {matrix.shape}")
    if not (np.allclose(matrix, matrix.T) and np.allclose(matrix.diagonal(), 1)):
        raise ValueError("a correlation matrix is symmetric with ones on its diagonal")
    return matrix


def _root(matrix: Floats) -> Floats:
    """A square root, also of a singular matrix."""
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < -1e-9:
        raise ValueError("a correlation matrix has no negative eigenvalue")
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))


def _normals(draws: int, columns: int) -> Floats:
    """Standard normals, shape (draws, columns), by inversion of Philox's own words.

    A generator's `standard_normal` may change with numpy's version.
    """
    from scipy.special import ndtri

    words = np.random.Philox(key=_KEY).random_raw(draws * columns)
    return np.asarray(ndtri(((words >> np.uint64(11)) + 0.5) * 2.0**-53)).reshape(draws, columns)
