"""What a run leaves for `--resume`: its manifest while it is played, and what it must be equal to.

A run that goes on must be the one that was interrupted: the same scenario, world, data files, code
of plug-ins and versions of libraries. Workers, engine, cluster and paths change nothing.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from abbotify import __version__
from abbotify.digests import digest_file
from abbotify.errors import LostWorkers, ResumeError, UserError
from abbotify.files.folders import replacing
from abbotify.files.lock import is_left
from abbotify.files.replacement import leftovers
from abbotify.recommenders.extras import versions
from abbotify.recommenders.shipped import Learner
from abbotify.scenario import Scenario, plain, resolve
from abbotify.simulation.prepare import Plan
from abbotify.simulation.shard import STATE

MANIFEST: Final = "manifest.json"
REPORT: Final = "report.json"
_FINISHED: Final = "execution"  # an entry of the manifest of a run that is over
_IDENTITY: Final = "identity"
_LIBRARIES: Final = ("numpy", "scipy", "numba", "pyarrow")
WORLDS: Final = "worlds"  # the folder of what everybody would do under each arm
_ABSENT: Final = "absent"


def identity(plan: Plan) -> dict[str, Any]:
    """What must be equal in a run that goes on."""
    return {
        "scenario": plain(plan.scenario),
        "versions": dict(_versions(plan.scenario)),
        "world": plan.world_digest,
        "files": dict(_files(plan.scenario)),
    }


def _versions(scenario: Scenario) -> Iterator[tuple[str, str]]:
    yield "abbotify", __version__
    yield "python", ".".join(platform.python_version_tuple()[:2])
    for name in _LIBRARIES:
        yield name, importlib.metadata.version(name)
    for arm in scenario.arms.values():
        if isinstance(arm, Learner):
            yield from versions(arm.extra).items()


def _files(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """The digests of the files that the arms and metrics name, and of the code beside plug-ins."""
    data = plain(scenario)
    folders = set()
    for text in sorted(set(_texts([data["arms"], data.get("metrics")]))):
        path = _path(scenario, text)
        if path is not None:
            yield text, digest_file(path)
            folders |= {path.parent} if path.suffix == ".py" else set()
    for name, module in sorted(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "")
        if path.parent in folders and path.is_file() and not name.startswith("abbotify_plugin"):
            yield f"module {name}", digest_file(path)


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        data = list(data.values())
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)


def _path(scenario: Scenario, text: str) -> Path | None:
    """The file that a text of the scenario names, or that of a class; None if there is none."""
    target = text.rpartition(":")[0]
    module = sys.modules.get(target)
    if module is not None:
        return Path(module.__file__) if module.__file__ else None
    for name in filter(None, (text, target)):
        try:
            path = resolve(scenario, name, ())
        except UserError:
            continue
        if path.is_file():
            return path.resolve()
    return None


def write_manifest(folder: Path, data: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Writes the manifest of a run.

    Args:
        folder: of the run.
        data: what it says.
        known: see `identity`.
    """
    text = json.dumps({**data, _IDENTITY: known}, ensure_ascii=False, indent=2)
    with replacing(folder / MANIFEST) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def interrupted_run(out: Path) -> Path | None:
    """What the latest interrupted run into a folder has left; None where there is nothing."""
    known = [path for path in leftovers(out.resolve()) if outputs_in(path) or is_finished(path)]
    left = [path for path in known if is_left(path)]
    return max(left, key=lambda path: (path / MANIFEST).stat().st_mtime, default=None)


def keeper(out: Path, notice: Callable[[str], None]) -> Callable[[Path, BaseException], bool]:
    """Whether what is done stays when a run ends with an error: it must not be to blame.

    Args:
        out: the run folder, for what is told.
        notice: receives what stays.
    """

    def keeps(folder: Path, error: BaseException) -> bool:
        outside = isinstance(error, KeyboardInterrupt | OSError | LostWorkers)
        units = outputs_in(folder) if outside else 0
        if units:
            notice(f"{out}: kept for --resume, finished units of work: {units}")
        return units > 0

    return keeps


def remove_state(folder: Path) -> None:
    """Removes what a run goes on from; a finished one never does."""
    for name in (STATE, WORLDS):
        shutil.rmtree(folder / name, ignore_errors=True)


def is_finished(folder: Path) -> bool:
    """Whether a folder has all that a run writes; it may still have what the run went on from."""
    return _FINISHED in _manifest(folder) and (folder / REPORT).exists()


def _manifest(folder: Path) -> Mapping[str, Any]:
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = None
    return data if isinstance(data, dict) else {}


def outputs_in(folder: Path) -> int:
    """How many units of a run that is not over are done."""
    return len(list((folder / STATE).glob("output-*.npz")))


def differences(folder: Path, known: Mapping[str, Any]) -> str:
    """What keeps a run from going on with a folder: names and values; empty when nothing does.

    Args:
        folder: of a run, finished or not.
        known: of the run to be, see `identity`.
    """
    before = _manifest(folder).get(_IDENTITY)
    if before is None:
        return f"{MANIFEST} does not tell of which run it is"
    for key, value in _leaves(json.loads(json.dumps(known))):
        was = _value(before, key)
        if was != value:
            return _difference(key, was, value)
    for key, was in _leaves(before):
        if key[0] != "files" and _value(known, key) == _ABSENT:
            return _difference(key, was, _ABSENT)
    return ""


def _difference(key: tuple[Any, ...], was: Any, value: Any) -> str:
    kind, *rest = key
    name = ".".join(map(str, rest if kind == "scenario" else key))
    if kind in ("files", "world"):
        return f"{' '.join(map(str, rest)) or kind} has changed"
    return f"{name} is {value}, it was {was}"


def _leaves(data: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    parts: Any = ()
    if isinstance(data, Mapping):
        parts = data.items()
    elif isinstance(data, list):
        parts = enumerate(data)
    else:
        yield above, data
    for key, value in parts:
        yield from _leaves(value, (*above, key))


def _value(data: Any, key: tuple[Any, ...]) -> Any:
    for part in key:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return data


def refuse_differences(out: Path, folder: Path, known: Mapping[str, Any]) -> None:
    """Refuses to go on with a run that is another one.

    Args:
        out: the run folder, for the error.
        folder: with what was played: that of a finished run, or what an interrupted one has left.
        known: of the run to be, see `identity`.

    Raises:
        ResumeError: something differs; it is named.
    """
    what = differences(folder, known)
    if what:
        raise ResumeError(f"cannot go on: {what}; without --resume it starts afresh", file=out)
