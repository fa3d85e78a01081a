"""The map of the package is kept: layers, one home for each heavy dependency, one voice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "abbotify"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

CLI = ("cli/*",)
HOMES = {
    "simpy": ("simulation/event_driven/*",),
    "dask": ("simulation/parallel/*",),
    "distributed": ("simulation/parallel/*",),
    "torch": ("recommenders/*",),
    "typer": CLI,
    "rich": CLI,
    "pydantic": ("scenario/*", "recommenders/shipped/*", "typed.py"),
}
EXITS = {"exit", "quit", "SystemExit", "sys.exit", "os._exit"}


def is_in(module: str, homes: tuple[str, ...]) -> bool:
    return any(fnmatch(module, home) for home in homes)


def imported(source: str) -> set[str]:
    """The top-level packages imported anywhere in a source text, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


def voices(source: str) -> Iterator[str]:
    """The places of a source text that print or end the program, as ``line: name``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name | ast.Attribute):
            name = ast.unparse(node)
            if name == "print" or name in EXITS:
                yield f"{node.lineno}: {name}"


def test_contracts_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT)  # has the path restored that the linter itself extends
    status = lint_imports(config_filename="setup.cfg", no_cache=True, no_logo=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


@pytest.mark.parametrize("module", MODULES)
def test_heavy_dependencies_stay_at_home(module: str) -> None:
    names = imported((PACKAGE / module).read_text(encoding="utf-8"))
    astray = [name for name in names & HOMES.keys() if not is_in(module, HOMES[name])]
    assert not astray, f"{module} imports {astray}; their homes: {HOMES}"


@pytest.mark.parametrize("module", [name for name in MODULES if not is_in(name, CLI)])
def test_only_the_command_line_prints_or_exits(module: str) -> None:
    found = list(voices((PACKAGE / module).read_text(encoding="utf-8")))
    assert not found, f"{module} speaks for itself: {found}"


def test_the_scanners_see_what_they_look_for() -> None:
    source = "import os.path\ndef f():\n    from torch.nn import x\n    sys.exit(print(1))\n"
    assert imported(source) == {"os", "torch"}
    assert sorted(voices(source)) == ["4: print", "4: sys.exit"]
