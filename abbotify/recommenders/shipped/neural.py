"""The keys of the neural recommender; `neural` has its code, `neural_torch` that of heads."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from abbotify.recommenders.shipped import Learner
from abbotify.scenario.base import Tuple
from abbotify.scenario.recommenders import Anchor, Count, Dims, Rate, Size, Weight

if TYPE_CHECKING:
    from abbotify.files.yaml import KeyPath
    from abbotify.scenario import Scenario
    from abbotify.world.base import World


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

    @property
    def with_torch(self) -> bool:
        """Whether torch trains and serves it."""
        return bool(self.head or self.network)

    @property
    def home(self) -> str:
        """The package with the code."""
        return f"abbotify.recommenders.{'neural_torch' if self.with_torch else 'neural'}"

    @property
    def extra(self) -> str:
        """The extra that has its libraries; empty for none."""
        return "torch" if self.with_torch else ""

    def code_place(self, scenario: Scenario, key: KeyPath) -> tuple[Any, ...]:
        """See `Learner`."""
        return (scenario, key) if self.with_torch else ()

    def require(self, world: World, scenario: Scenario, key: KeyPath) -> None:
        """See `Learner`."""
        if self.with_torch:
            import_module(self.home).check(self, world, scenario, key)

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
