"""Training the network: our row-wise optimizers beside a plain dense PyTorch loop, side by side.

One million pairs, 50,000 tracks, 10,000 users, 64 dimensions, batches of 2048: what a plain loop
spends on moving rows that a batch has not touched. Both start from the same embeddings, see the
same pairs and are judged by the loss on the same held-out pairs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pytest

from abbotify.recommenders.neural import fit
from abbotify.recommenders.neural.training import embeddings, split, training_pairs
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import TrainingLog
from abbotify.vectors import padded, top_k

pytestmark = pytest.mark.bench

PAIRS, TRACKS, USERS, DIMS, BATCH, SEED = 1_000_000, 50_000, 10_000, 64, 2048, 7
DENSE_PASSES: Final = 4
RATIO: Final = 5.0
# Each at the better of 0.01 and 0.05.
SETTINGS: Final = {
    "adagrad_rows": {"optimizer": "adagrad_rows", "learning_rate": 0.05, "epochs": 12},
    "lazy_adam": {"optimizer": "lazy_adam", "learning_rate": 0.01, "epochs": 6},
    "adam": {"optimizer": "adam", "learning_rate": 0.01, "epochs": 5},
}


class Pass(NamedTuple):
    """A pass: how long it took, and the loss on held-out pairs after it."""

    seconds: float
    validation: float


def planted() -> TrainingLog:
    """Tastes of four dimensions, heard with noise."""
    draw = np.random.default_rng(SEED)
    start, track, user = (draw.normal(size=(n, 4)) * 0.35 for n in (TRACKS, TRACKS, USERS))
    row, first, later = (draw.integers(n, size=PAIRS) for n in (USERS, TRACKS, TRACKS))
    expected = 0.4 + ((start[first] + user[row]) * track[later]).sum(axis=1)
    heard = np.clip(expected + 0.05 * draw.normal(size=PAIRS), 0, 1).round(2)
    order = np.argsort(row, kind="stable")
    return TrainingLog(
        row=row[order],
        session=np.arange(PAIRS),
        step=np.ones(PAIRS, np.int64),
        first=first[order],
        track=later[order],
        time=heard[order],
        users=USERS,
        tracks=TRACKS,
    )


def ours(log: TrainingLog, settings: dict[str, Any]) -> list[Pass]:
    params = Neural.model_validate(
        {"recommender": "neural", "validation_share": 0.1, "batch_size": BATCH, **settings}
    )
    ends = [time.perf_counter()]
    fitted = fit(params, log, SEED, lambda *told: ends.append(time.perf_counter()))
    losses = [epoch.validation or 0.0 for epoch in fitted.curve]
    return [Pass(s, loss) for s, loss in zip(np.diff(ends).tolist(), losses, strict=True)]


def torch_dense(log: TrainingLog, torch: Any) -> list[Pass]:
    """The homework's loop: dense Adam over three `nn.Embedding`s."""
    pairs, (chosen, held) = training_pairs(log), split(log, 0.1, SEED)
    tables = [
        torch.nn.Embedding.from_pretrained(
            torch.tensor(embeddings(kind, rows, DIMS, SEED)), freeze=False
        )
        for kind, rows in enumerate((TRACKS, USERS, TRACKS))
    ]
    adam = torch.optim.Adam([table.weight for table in tables], lr=0.01)
    row, start, track, heard = (torch.tensor(column) for column in pairs)

    def loss_of(batch: Any) -> Any:
        guess = ((tables[0](start[batch]) + tables[1](row[batch])) * tables[2](track[batch])).sum(1)
        return torch.nn.functional.mse_loss(guess, heard[batch])

    draw, passes = np.random.default_rng(1), []
    for _ in range(DENSE_PASSES):
        begun = time.perf_counter()
        for batch in torch.tensor(draw.permutation(chosen)).split(BATCH):
            adam.zero_grad()
            loss_of(batch).backward()
            adam.step()
        seconds = time.perf_counter() - begun
        with torch.no_grad():
            passes.append(Pass(seconds, float(loss_of(torch.tensor(held)))))
    return passes


def to_reach(passes: list[Pass], loss: float) -> float:
    """Seconds until the loss on held-out pairs is as low; infinite when it never is."""
    total = 0.0
    for each in passes:
        total += each.seconds
        if each.validation <= loss:
            return total
    return float("inf")


def median(passes: list[Pass]) -> float:
    return float(np.median([each.seconds for each in passes]))


def table(measured: dict[str, list[Pass]], target: float) -> Iterator[str]:
    yield f"{'':16} {'s a pass':>9} {'least held-out loss':>20} {'s to the dense one':>20}"
    for name, passes in measured.items():
        least = min(each.validation for each in passes)
        yield f"{name:16} {median(passes):9.2f} {least:20.5f} {to_reach(passes, target):20.1f}"


@pytest.mark.timeout(0)
def test_the_default_is_five_times_as_fast(capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    log = planted()
    for settings in SETTINGS.values():  # compiled before it is timed
        ours(log, {**settings, "epochs": 1})
    measured = {name: ours(log, settings) for name, settings in SETTINGS.items()}
    measured["torch dense"] = torch_dense(log, torch)
    target = min(each.validation for each in measured["torch dense"])
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(table(measured, target)) + "\n")
    assert median(measured["torch dense"]) / median(measured["adagrad_rows"]) >= RATIO
    dense = to_reach(measured["torch dense"], target)
    assert dense / to_reach(measured["adagrad_rows"], target) >= RATIO


def test_lists_take_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """The best 50 of 50,000 tracks for each of 50,000, as an export needs them."""
    draw = np.random.default_rng(SEED)
    vectors = padded(draw.normal(size=(TRACKS, DIMS)))
    top_k(vectors[:100], vectors, 50)
    begun = time.perf_counter()
    top_k(vectors, vectors, 50)
    seconds = time.perf_counter() - begun
    with capsys.disabled():
        sys.stdout.write(f"\n50 best of {TRACKS:,} x {DIMS} for each of them: {seconds:.1f} s\n")
    assert seconds < 30
