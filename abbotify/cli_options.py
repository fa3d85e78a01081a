"""The options that several commands share, and what their texts mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from abbotify.scenario import Scenario

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="The scenario file (YAML).")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Replace a value of the scenario."),
]
SeedOption = Annotated[int | None, typer.Option("--seed", min=0, help="Set seeds.dynamics.")]
EngineOption = Annotated[str, typer.Option("--engine", help="auto, compiled or simpy.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]


def load_scenario(path: Path, overrides: list[str] | None, seed: int | None) -> Scenario:
    """The scenario of the first three options."""
    from abbotify.scenario import load

    return load(path, overrides or (), seed)


def form_of(text: str | None) -> Any:
    """The form of an export, or None for the usual one."""
    from abbotify.deploy import FORMS
    from abbotify.errors import UserError

    if text is not None and text not in FORMS:
        raise UserError(
            f"must be {', '.join(FORMS[:-1])} or {FORMS[-1]}, got {text!r}", key="--form"
        )
    return text


def pairs_of(text: str | None, option: str) -> dict[str, str]:
    """What `C=random,T1=sticky` says."""
    from abbotify.errors import UserError

    pairs: dict[str, str] = {}
    for part in (text or "").split(","):
        label, equals, name = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not (label and equals and name) or label in pairs:
            raise UserError(f"must read C=...,T1=..., got {text!r}", key=option)
        pairs[label] = name
    return pairs


def numbers_of(text: str | None) -> dict[str, float]:
    """What `C=1,T1=2` says."""
    from abbotify.errors import UserError

    try:
        return {name: float(value) for name, value in pairs_of(text, "--weights").items()}
    except ValueError:
        raise UserError(f"must read C=1,T1=2, got {text!r}", key="--weights") from None
