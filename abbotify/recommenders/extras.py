"""Libraries that only some recommenders need: extras, imported when used."""

from __future__ import annotations

import json
import shlex
import warnings
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

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
        extra: its name, as in `pip install '.[NAME]'`.

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
        raise UserError(f"{what}: {install_command(extra)}") from None


def install_command(extra: str) -> str:
    """The command that installs an extra here.

    From a clone it is the one of the README, with the versions that are tested; where there is no
    clone any more, it names the libraries themselves.
    """
    clone, editable = _clone()
    if clone is None:
        return shlex.join(["pip", "install", *_requirements(extra)])
    where = "" if clone == Path.cwd() else f"{clone}/"
    target = f"{where.rstrip('/') or '.'}[{extra}]"
    how = ["-e"] if editable else []
    return shlex.join(["pip", "install", "-c", f"{where}constraints.txt", *how, target])


def _clone() -> tuple[Path | None, bool]:
    """The folder of the sources that this package runs or was installed from; whether it runs."""
    beside = Path(__file__).resolve().parents[2]
    if _is_clone(beside):
        return beside, True
    try:
        text = metadata.distribution("abbotify").read_text("direct_url.json")
        origin: dict[str, Any] = json.loads(text or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return None, False
    url = urlsplit(origin.get("url", ""))
    folder = Path(unquote(url.path))
    return (folder if url.scheme == "file" and _is_clone(folder) else None), False


def _is_clone(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("pyproject.toml", "constraints.txt"))


def _requirements(extra: str) -> list[str]:
    """What an extra installs, as the installed package declares it."""
    try:
        declared = metadata.requires("abbotify") or []
    except metadata.PackageNotFoundError:
        declared = []
    parts = (text.partition(";") for text in declared)
    wanted = f'extra == "{extra}"'
    names = [name.strip() for name, _, marker in parts if wanted in marker.replace("'", '"')]
    return names or [module.replace("_", "-") for module in _MODULES[extra]]


def versions(extra: str) -> dict[str, str]:
    """The installed versions of what an extra installs, by module; none for no extra."""
    return {module: str(import_module(module).__version__) for module in _MODULES.get(extra, ())}
