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
    from abbotify.recommenders.extras import require
    from abbotify.recommenders.factors import as_arrays, listened
    from abbotify.recommenders.training_log import Fitted

    listening = listened(log)
    require(params.recommender, params.extra)
    import scipy.sparse
    from implicit.recommender_base import ModelFitError
    from threadpoolctl import threadpool_limits

    curve: list[Epoch] = []

    def after(iteration: int, *rest: Any) -> None:
        loss = float(rest[1]) if isinstance(params, ALS) else None
        if loss is not None:
            curve.append(Epoch(iteration + 1, loss, None, 0.0))
        progress(iteration + 1, params.iterations, loss)

    model = _model(params, seed, threads)
    times = scipy.sparse.csr_matrix(listening.hundredths / 100.0, dtype="float32")
    # One BLAS thread: the bits of implicit's Y'Y must not depend on the number of cores, and
    # its own threads are faster without BLAS's beside them (it warns otherwise).
    with threadpool_limits(1, "blas"), suppress(ModelFitError):  # not finite: `as_arrays` says so
        model.fit(times, show_progress=False, callback=after)
    # The last column of BPR is a track's bias, times 1 for every user.
    arrays = as_arrays(params, listening, model.user_factors, model.item_factors)
    return Fitted(arrays, tuple(curve))


def _model(params: ALS | BPR, seed: int, threads: int) -> Any:
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    from abbotify import rng

    keys = {
        "factors": params.factors,
        "iterations": params.iterations,
        "regularization": params.regularization,
        "random_state": rng.generator_seed(seed, rng.Purpose.FACTORISATION),
    }
    if isinstance(params, ALS):
        keys |= {"alpha": params.alpha, "calculate_training_loss": True, "num_threads": threads}
        return AlternatingLeastSquares(**keys)
    # Its threads write the same factors without locks.
    keys |= {"learning_rate": params.learning_rate, "num_threads": 1}
    return BayesianPersonalizedRanking(**keys)
