"""The parameters of the shipped recommenders that learn: from the log, or from each answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from abbotify.scenario.base import FilePath, Tuple
from abbotify.scenario.recommenders import Anchor, Pick, RecommenderSpec, Size

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Dims = Annotated[int, Field(ge=1, le=4096)]
Rate = Annotated[float, Field(gt=0, le=100)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Weight = Annotated[float, Field(ge=0, le=1e6)]


class Learner(RecommenderSpec):
    """A recommender that is trained on the log before it serves; `size` tracks a list."""

    size: Size = 50
    pick: Pick = "uniform"


class Neural(Learner):
    """F(start, track, user) = (start_embedding + user_embedding) . track_embedding.

    Trained by mean squared error on the listened fraction. `user_embedding: false` trains the
    baseline without users; `user_aware: false` trains with users but serves lists of tracks alone.
    `head` puts fully connected layers on top, `network` is a `torch.nn.Module` of the user's own;
    both need the extra `torch`.
    """

    recommender: Literal["neural"]
    embedding_size: Dims = 64
    learning_rate: Rate = 0.05
    batch_size: Count = 2048
    epochs: Count = 300
    optimizer: Literal["lazy_adam", "adagrad_rows", "adam"] = "adagrad_rows"
    weight_decay: Weight = 0.0
    user_embedding: bool = True
    user_aware: bool = True
    anchor: Anchor = "first"
    validation_share: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    early_stopping: Count | None = None
    reduce_on_plateau: Count | None = None
    head: Tuple[Dims] = ()
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    shortlist: Size = 1000
    network: Annotated[str, Field(pattern=r"^[^:]+:[A-Za-z_][A-Za-z0-9_]*$")] | None = None

    @property
    def per_user(self) -> bool:
        """Whether a list depends on the user, beside the anchor track."""
        return self.user_aware and self.user_embedding

    @model_validator(mode="after")
    def _consistent(self) -> Neural:
        patience = self.early_stopping or self.reduce_on_plateau
        if patience is not None and self.validation_share == 0.0:
            raise ValueError("early_stopping and reduce_on_plateau need a validation_share above 0")
        if self.dropout and not self.head:
            raise ValueError("dropout needs a head")
        if self.shortlist != type(self).model_fields["shortlist"].default and not self.head:
            raise ValueError("shortlist needs a head")
        if self.optimizer != "adagrad_rows" and (self.head or self.network):
            raise ValueError("a head or a network is trained by torch's Adam: leave optimizer out")
        if self.network is not None and self.head:
            raise ValueError("head and network exclude each other")
        if self.network is not None and not self.user_aware:
            raise ValueError("a network of your own is asked for users: it needs user_aware: true")
        return self


class Factorised(Learner):
    """Factors of users and tracks; serves the lists of users, or of tracks by their factors."""

    factors: Dims = 64
    key: Literal["user", "previous", "first"] = "user"


class ALS(Factorised):
    """Alternating least squares on listened time (implicit); needs the extra `als`."""

    recommender: Literal["als"]
    iterations: Count = 15
    regularization: Weight = 0.05
    alpha: Weight = 10.0


class BPR(Factorised):
    """Bayesian personalised ranking of heard over unheard tracks (implicit); extra `als`."""

    recommender: Literal["bpr"]
    iterations: Count = 30
    learning_rate: Rate = 0.05
    regularization: Weight = 0.01


class LightGCN(Factorised):
    """Factors smoothed over the graph of listening (torch_geometric); extra `lightgcn`."""

    recommender: Literal["lightgcn"]
    layers: Annotated[int, Field(ge=1, le=10)] = 3
    epochs: Count = 3
    batch_size: Count = 2048
    learning_rate: Rate = 0.01
    regularization: Weight = 0.0001


class Item2Item(Learner):
    """Tracks heard by the same users or in the same session: cosine, shrunk for rare pairs."""

    recommender: Literal["item2item"]
    together: Literal["session", "user"] = "session"
    shrinkage: Weight = 10.0
    key: Literal["history", "previous", "first"] = "history"

    @model_validator(mode="after")
    def _first_of_a_history(self) -> Item2Item:
        if self.key == "history" and self.pick != "uniform":
            raise ValueError("key: history picks as i2i does: pick is for previous and first")
        return self


class Bandit(RecommenderSpec):
    """Learns from every answer which of some candidate tracks are listened to.

    `thompson` draws each candidate's listened fraction from the Beta posterior of the track;
    `linucb` fits one ridge regression on popularity, genre, and what the track shares with those
    played. Candidates are the most popular tracks, those of the previous track's artist filled up
    with them, or the previous track's list in a file as `contextual` reads.
    """

    recommender: Literal["bandit"]
    policy: Literal["thompson", "linucb"] = "thompson"
    candidates: Literal["top_pop", "artist", "file"] = "top_pop"
    size: Size = 100
    file: FilePath | None = None
    alpha: Weight = 1.0
    prior: Annotated[Tuple[Positive], Field(min_length=2, max_length=2)] = (1.0, 1.0)
    skip_heard: bool = True

    @model_validator(mode="after")
    def _file_for_lists(self) -> Bandit:
        if (self.candidates == "file") != (self.file is not None):
            raise ValueError("candidates: file and the key file belong together")
        return self

    @model_validator(mode="after")
    def _keys_of_the_policy(self) -> Bandit:
        key, other = ("prior", "thompson") if self.policy == "linucb" else ("alpha", "linucb")
        # Not `model_fields_set`: a scenario written out in full names every key.
        if getattr(self, key) != type(self).model_fields[key].default:
            raise ValueError(f"{key} belongs to the policy {other}, not {self.policy}")
        return self


LEARNERS: dict[str, type[Learner]] = {
    "neural": Neural,
    "als": ALS,
    "bpr": BPR,
    "item2item": Item2Item,
    "lightgcn": LightGCN,
}
NAMES = frozenset({*LEARNERS, "bandit"})
