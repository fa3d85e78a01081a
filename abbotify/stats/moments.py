"""First and second moments that merge, all the estimators know of the data; records of sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

# The sum of (x - x_mean) (y - y_mean) over units, of x, x_mean, y and y_mean: in numpy's pairwise
# order, not BLAS's, which depends on the threads.
SumOfProducts: TypeAlias = Callable[[Floats, float, Floats, float], float]

_COMPILED: Final = 20_000  # units from which compiled sums are worth the import of numba


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, means and centred second moments of k variables over n units.

    Variances are kept as centred sums, so a large offset costs no digits, and merging in one
    fixed order of the shards gives the same bits whoever computed the shards.

    Attributes:
        n: Number of units (users).
        mean: Shape (k,), in the variables' own units; zeros when n is 0.
        comoments: Shape (k, k), symmetric: the sum over units of
            (x_i - mean_i)(x_j - mean_j).
    """

    n: int
    mean: Floats
    comoments: Floats

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"n must not be negative, got {self.n}")
        k = len(self.mean)
        if self.mean.shape != (k,) or self.comoments.shape != (k, k):
            shapes = f"{self.mean.shape} and {self.comoments.shape}"
            raise ValueError(f"mean and comoments must have shapes (k,) and (k, k), got {shapes}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.comoments).all()):
            raise ValueError("mean and comoments must be finite")

    @classmethod
    def empty(cls, k: int) -> Moments:
        """The moments of no units: what every merge may start from."""
        return cls(0, np.zeros(k), np.zeros((k, k)))

    @classmethod
    def of(cls, matrix: ArrayLike) -> Moments:
        """The moments of a table by the two-pass algorithm.

        Args:
            matrix: Shape (n, k), one row per unit; shape (n,) is taken as (n, 1).

        Raises:
            ValueError: On a shape of more than two dimensions, or a value that is not finite
                (undefined values have to be left out before, so that n counts the defined ones).

        Source: Chan, Golub, LeVeque (1983), Algorithms for computing the sample variance.
        """
        columns = _columns(matrix)
        if columns.shape[1] == 0:
            return cls.empty(len(columns))
        k, n = columns.shape
        mean, ones, total = columns.mean(axis=1), np.broadcast_to(1.0, n), _sum_of_products(n)
        # The second step makes the mean of equal values exact: their variance is 0, not 1e-34.
        mean = mean + [total(x, at, ones, 0.0) / n for x, at in zip(columns, mean, strict=True)]
        comoments = np.empty((k, k))
        for i, j in zip(*np.tril_indices(k), strict=True):
            products = total(columns[i], mean[i], columns[j], mean[j])
            comoments[i, j] = comoments[j, i] = products
        return cls(n, mean, comoments)

    @classmethod
    def of_rows(cls, columns: Sequence[ArrayLike], rows: NDArray[np.intp]) -> Moments:
        """The moments of some rows of a table by columns, as `of` gives them.

        Args:
            columns: k of them, each of shape (units,).
            rows: Shape (n,), row numbers, as `np.flatnonzero(arm == 0)` makes them.

        Raises:
            IndexError: On a row that a column does not have.
            ValueError: On what `of` refuses.
        """
        table = np.empty((len(columns), len(rows)))
        least, largest = rows.min(initial=0), rows.max(initial=0)
        for column, place in zip(columns, table, strict=True):
            values = np.asarray(column, dtype=np.float64)
            if len(rows) and not 0 <= least <= largest < len(values):
                raise IndexError(f"rows up to {largest} of a column of {len(values)}")
            # A tenth of the time of a mask; with "clip" without a copy in between.
            values.take(rows, out=place, mode="clip")
        return cls.of(table.T)

    @classmethod
    def by_arm(
        cls, columns: Sequence[ArrayLike], codes: NDArray[np.integer], arms: int
    ) -> tuple[Moments, ...]:
        """The moments of each arm's units, of a table by columns.

        Args:
            columns: k of them, each of shape (n,).
            codes: Shape (n,), the unit's arm, from 0; units of another code are in no arm.
            arms: How many there are.

        Raises:
            ValueError: On columns that are not as long as `codes`, or what `of` refuses.
        """
        shapes = [np.shape(column) for column in columns]
        if any(shape != codes.shape for shape in shapes):
            raise ValueError(f"expected columns of the codes' shape {codes.shape}, got {shapes}")
        return tuple(cls.of_rows(columns, np.flatnonzero(codes == arm)) for arm in range(arms))

    def leading(self, k: int) -> Moments:
        """The moments of the first k variables alone, to the bit those of a table of them."""
        return Moments(self.n, self.mean[:k].copy(), self.comoments[:k, :k].copy())

    def merge(self, other: Moments) -> Moments:
        """The moments of both sets of units together.

        The order of merging is the caller's and shows in the last bits: merge in shard order.

        Raises:
            ValueError: When the two have different numbers of variables.

        Source: Chan, Golub, LeVeque (1983); with cross products.
        """
        if len(self.mean) != len(other.mean):
            raise ValueError(f"cannot merge {len(self.mean)} with {len(other.mean)} variables")
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        delta = other.mean - self.mean
        between = np.outer(delta, delta) * (self.n * (other.n / n))
        return Moments(
            n, self.mean + delta * (other.n / n), self.comoments + other.comoments + between
        )

    @property
    def covariance(self) -> Floats:
        """Sample covariance, ddof 1, shape (k, k).

        Raises:
            ValueError: With fewer than 2 units, where it is undefined.
        """
        if self.n < 2:
            raise ValueError(f"a covariance needs at least 2 units, got {self.n}")
        return self.comoments / (self.n - 1)

    @property
    def variance(self) -> Floats:
        """Sample variance, ddof 1, shape (k,).

        Raises:
            ValueError: With fewer than 2 units, where it is undefined.
        """
        return self.covariance.diagonal().copy()


def _sum_of_products(units: int) -> SumOfProducts:
    """The fastest way to the sum; all give the same bits."""
    if units >= _COMPILED:
        from abbotify.jit import INTERPRETED

        if not INTERPRETED:
            from abbotify.stats.sums import products

            return lambda x, x_mean, y, y_mean: products(x, x_mean, y, y_mean, 0, len(x))
    return lambda x, x_mean, y, y_mean: float(((x - x_mean) * (y - y_mean)).sum())


def _columns(matrix: ArrayLike) -> Floats:
    values = np.asarray(matrix, dtype=np.float64)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise ValueError(f"expected a table of shape (n, k), got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("moments are of finite values: leave undefined ones out")
    return np.ascontiguousarray(values.T)


class Mergeable:
    """A dataclass of sums over units; those of two sets of units make those of both."""

    def merge(self, other: Self) -> Self:
        """The sums over both sets of units, this one's first.

        The order of merging shows in the last bits of moments: merge in shard order.

        Raises:
            ValueError: they are about different things, such as other arms or columns.
        """
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]
        return type(self)(
            **{name: merged(getattr(self, name), getattr(other, name)) for name in names}
        )


def merged(first: Any, second: Any) -> Any:
    """Two values of a record as one: numbers and arrays add, lists join, what merges merges.

    Mappings merge by key, tuples item by item; a text stays as it is.

    Raises:
        ValueError: texts differ, or tuples in length.
    """
    if isinstance(first, str):
        if first != second:
            raise ValueError(f"sums of {first!r} and {second!r} do not merge")
        return first
    if hasattr(first, "merge"):
        return first.merge(second)
    if isinstance(first, Mapping):
        both = {key: merged(value, second[key]) for key, value in first.items() if key in second}
        return {**first, **second, **both}
    if isinstance(first, tuple):
        if len(first) != len(second):
            raise ValueError(f"sums of {len(first)} and {len(second)} parts do not merge")
        return tuple(merged(*pair) for pair in zip(first, second, strict=True))
    return first + second
