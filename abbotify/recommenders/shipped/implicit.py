"""Alternating least squares and Bayesian personalised ranking, by the library `implicit`.

Sources: Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets (2008);
Rendle et al., BPR: Bayesian personalized ranking from implicit feedback (2009).

Both fit factors to the time that each user listened to each track; BPR takes any time as heard.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from abbotify.progress import Epoch
from abbotify.recommenders.shipped import Factorisation
from abbotify.scenario.recommenders import Count, Rate, Weight

if TYPE_CHECKING:
    from abbotify.recommenders.factors import Listened
    from abbotify.recommenders.training_log import Fitted, OnPass, TrainingLog


class ALS(Factorisation):
    """Alternating least squares on listened time (implicit); needs the extra `als`."""

    recommender: Literal["als"]
    iterations: Count = 15
    regularization: Weight = 0.05
    alpha: Weight = 10.0

    @property
    def extra(self) -> str:
        """The extra that has its libraries."""
        return "als"


class BPR(Factorisation):
    """Bayesian personalised ranking of heard over unheard tracks (implicit); extra `als`."""

    recommender: Literal["bpr"]
    iterations: Count = 30
    learning_rate: Rate = 0.05
    regularization: Weight = 0.01

    @property
    def extra(self) -> str:
        """The extra that has its libraries."""
        return "als"


def fit(
    params: ALS | BPR,
    log: TrainingLog,
    seed: int,
    progress: OnPass,
    *,
    threads: int = 0,
) -> Fitted:
    """Factors of all users and tracks with listened time.

    Args:
        params: the recommender's keys in the scenario file.
        log: what it learns from.
        seed: of the starting values, and of the pairs that BPR draws.
        progress: called after each iteration.
        threads: of ALS; 0 for all cores. Any number gives the same bits.

    Returns:
        The arrays of `factors.as_arrays`. The curve of ALS is implicit's training loss (squared
        error weighted by confidence, over all pairs of user and track, and the regularisation);
        it has no learning rate (0). BPR has no curve.

    Raises:
        UserError: the extra `als` is missing, nobody listened to anything, or the training
            went astray.
    """
    from abbotify.recommenders.factors import listened

    listening = listened(log)
    if isinstance(params, ALS):
        return _als(params, listening, seed, progress, threads)
    return _bpr(params, listening, seed, progress)


def _als(params: ALS, listening: Listened, seed: int, progress: OnPass, threads: int) -> Fitted:
    from abbotify.recommenders.extras import require

    require(params.recommender, "als")
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    from abbotify import rng
    from abbotify.recommenders.factors import as_arrays
    from abbotify.recommenders.training_log import Fitted

    curve: list[Epoch] = []

    def after(iteration: int, seconds: float, loss: float) -> None:
        curve.append(Epoch(iteration + 1, float(loss), None, 0.0))
        progress(iteration + 1, params.iterations, float(loss))

    # One BLAS thread: the bits of implicit's Y'Y must not depend on the number of cores, and
    # its own threads are faster without BLAS's beside them (it warns otherwise).
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=params.factors,
            iterations=params.iterations,
            regularization=params.regularization,
            alpha=params.alpha,
            calculate_training_loss=True,
            num_threads=threads,
            random_state=rng.generator_seed(seed, rng.Purpose.FACTORISATION),
        )
        _run(model, listening, after)
    return Fitted(
        as_arrays(params, listening, model.user_factors, model.item_factors), tuple(curve)
    )


def _bpr(params: BPR, listening: Listened, seed: int, progress: OnPass) -> Fitted:
    from abbotify.recommenders.extras import require

    require(params.recommender, "als")
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    from abbotify import rng
    from abbotify.recommenders.factors import as_arrays
    from abbotify.recommenders.training_log import Fitted

    def after(iteration: int, *rest: Any) -> None:
        progress(iteration + 1, params.iterations, None)

    model = BayesianPersonalizedRanking(
        factors=params.factors,
        iterations=params.iterations,
        learning_rate=params.learning_rate,
        regularization=params.regularization,
        num_threads=1,  # its threads write the same factors without locks
        random_state=rng.generator_seed(seed, rng.Purpose.FACTORISATION),
    )
    _run(model, listening, after)
    # The last column is a track's bias, times 1 for every user.
    return Fitted(as_arrays(params, listening, model.user_factors, model.item_factors))


def _run(model: Any, listening: Listened, after: Any) -> None:
    import scipy.sparse
    from implicit.recommender_base import ModelFitError

    times = scipy.sparse.csr_matrix(listening.hundredths / 100.0, dtype="float32")
    with suppress(ModelFitError):  # not finite: `as_arrays` says so
        model.fit(times, show_progress=False, callback=after)
