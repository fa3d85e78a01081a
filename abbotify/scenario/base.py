"""What every part of the scenario file shares: strictness, and the types of its values."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from abbotify.typed import nearest, one_line

T = TypeVar("T")

# YAML gives lists; only the container is read leniently, its items stay strict.
Tuple = Annotated[tuple[T, ...], Field(strict=False)]
Pair = Annotated[tuple[float, float], Field(strict=False)]

Seed = Annotated[int, Field(ge=0, lt=2**64)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Days = Annotated[int, Field(ge=1, le=3650)]
Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]
# Names become column and folder names and are hashed; slashes and control characters do not, nor
# characters that change the direction of the text around them (Unicode's bidirectional controls).
CONTROLS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=rf"^[^/\\{CONTROLS}]+$")]


def _switched(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in _SWITCH:
        raise ValueError(f"must be on or off, got {one_line(value)}")
    return _SWITCH[value]


# To YAML 1.2 `on` and `off` are texts.
_SWITCH: Final = {"on": True, "off": False}
Switch = Annotated[
    bool, BeforeValidator(_switched), WithJsonSchema({"enum": [True, False, *_SWITCH]})
]


class Model(BaseModel):
    """A frozen part of the scenario; unknown keys are refused with the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict) or cls.model_config.get("extra") == "allow":
            return data
        for key in data:
            if key not in cls.model_fields:
                raise PydanticCustomError(
                    "unknown_key",
                    "unknown key{hint}",
                    {"key": (str(key),), "hint": nearest(str(key), list(cls.model_fields))},
                )
        return data


class Exponential(Model):
    """Exponentially distributed, with a mean in ms."""

    distribution: Literal["exponential"]
    mean: Annotated[float, Field(gt=0, le=86_400_000)]


class Uniform(Model):
    """Uniform over the whole numbers low .. high, in ms."""

    distribution: Literal["uniform"]
    low: Milliseconds
    high: Milliseconds

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not exceed high ({self.high})")
        return self


class Lognormal(Model):
    """Lognormal, with a median in ms and the standard deviation of the logarithm."""

    distribution: Literal["lognormal"]
    median: Annotated[float, Field(gt=0, le=86_400_000)]
    sigma: Annotated[float, Field(ge=0, le=5)]


Drawn = Annotated[Exponential | Uniform | Lognormal, Field(discriminator="distribution")]
Latency = Milliseconds | Drawn


def at_key(key: tuple[str | int, ...], what: str) -> PydanticCustomError:
    """An error of a model about a key below it."""
    return PydanticCustomError("at_key", "{what}", {"key": key, "what": what})
