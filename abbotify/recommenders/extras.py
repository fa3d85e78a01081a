"""Libraries that only some recommenders need: extras, imported when used."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Final

from abbotify.errors import UserError

_MODULES: Final = {
    "als": ("implicit", "threadpoolctl"),
    "lightgcn": ("torch", "torch_geometric"),
    "torch": ("torch",),
}


def require(who: str, extra: str) -> None:
    """Imports what an extra installs.

    Args:
        who: needs it.
        extra: its name, as in `pip install 'abbotify[NAME]'`.

    Raises:
        UserError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # torch_geometric compiles with what torch deprecates.
            warnings.simplefilter("ignore")
            for module in _MODULES[extra]:
                import_module(module)
    except ImportError:
        what = f"recommender {who} needs the extra {extra}"
        raise UserError(f"{what}: pip install 'abbotify[{extra}]'") from None


def versions(extra: str) -> dict[str, str]:
    """The installed versions of what an extra installs, by module."""
    return {module: str(import_module(module).__version__) for module in _MODULES[extra]}
