"""YAML 1.2 core in, plain data out, with the line of every key.

Plain PyYAML reads `1e-3` as a string, `no` as false, `12:30:00` as 45000, and lets the last of
two equal keys win in silence. Here scalars follow the YAML 1.2 core schema, equal keys are an
error, and every key path knows its line.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from abbotify.errors import ScenarioError

KeyPath = tuple[str | int, ...]

_MAX_BYTES: Final = 10_000_000
_MAX_NODES: Final = 200_000  # aliases of aliases can unfold a small file into billions of nodes
_MAX_DEPTH: Final = 100


@dataclass(frozen=True)
class Source:
    """A YAML document with the line of every key.

    Attributes:
        file: the file's name as the user gave it.
        data: the document as dicts, lists and scalars.
        lines: key path -> line, counted from 1.
    """

    file: str
    data: Any
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """The line of a key path, or of the nearest parent that has one."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None

    def error(self, what: str, path: KeyPath) -> ScenarioError:
        """An error about a key, with file and line; line 0 is a value given by `--set`."""
        file, line = self.place(path)
        return ScenarioError(what, file=file, line=line, key=dotted(path) or None)

    def place(self, path: KeyPath) -> tuple[str, int | None]:
        """The file of a key as errors name it, and its line; a value of `--set` has none."""
        line = self.line(path)
        return (f"{self.file} (--set)", None) if line == 0 else (self.file, line)


class _CoreLoader(yaml.CSafeLoader):
    """A loader whose plain scalars are resolved by the YAML 1.2 core schema."""


class _CoreDumper(yaml.SafeDumper):
    """A dumper that quotes every text that YAML 1.1 or 1.2 would read as something else."""


_TAG: Final = "tag:yaml.org,2002:"
_PATTERNS: Final[dict[str, re.Pattern[str]]] = {}
_CoreLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
):
    _PATTERNS[_tag] = re.compile(_pattern)
    _CoreLoader.add_implicit_resolver(_TAG + _tag, _PATTERNS[_tag], _first)
    _CoreDumper.add_implicit_resolver(_TAG + _tag, _PATTERNS[_tag], _first)


def dotted(path: KeyPath) -> str:
    """A key path as the user writes it: `timeline.0.days`."""
    return ".".join(str(part) for part in path)


class _Reader:
    """Turns the nodes of one document into plain data and notes their lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.nodes = 0

    def fail(self, what: str, node: yaml.Node, path: KeyPath) -> ScenarioError:
        line = node.start_mark.line + 1
        return ScenarioError(what, file=self.file, line=line, key=dotted(path) or None)

    def read(self, node: yaml.Node, path: KeyPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self.nodes += 1
        if self.nodes > _MAX_NODES:
            raise self.fail(f"the document unfolds to over {_MAX_NODES:,} values", node, ())
        if len(path) > _MAX_DEPTH:
            raise self.fail(f"nested deeper than {_MAX_DEPTH} levels", node, ())
        self.check_tag(node, path)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, i)) for i, child in enumerate(node.value)]
        return self.scalar(node, path)

    def check_tag(self, node: yaml.Node, path: KeyPath) -> None:
        known = {"str", *_PATTERNS}
        if isinstance(node, yaml.CollectionNode):
            known = {"map"} if isinstance(node, yaml.MappingNode) else {"seq"}
        if node.tag.removeprefix(_TAG) not in known:
            raise self.fail(f"the tag {node.tag} is not allowed", node, path)

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.fail("a key must be plain text", key_node, path)
            self.check_tag(key_node, path)
            key = key_node.value
            if key in out:
                raise self.fail("the key stands twice", key_node, (*path, key))
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            out[key] = self.read(value_node, (*path, key))
        return out

    def scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        text, tag = str(node.value), node.tag.removeprefix(_TAG)
        if tag in _PATTERNS and not _PATTERNS[tag].match(text):
            raise self.fail(f"{text!r} is not of the type {tag}", node, path)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            return self.integer(text, node, path)
        if tag == "float":
            number = float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
            if not math.isfinite(number):
                raise self.fail(f"must be a finite number, got {text}", node, path)
            return number
        return text

    def integer(self, text: str, node: yaml.Node, path: KeyPath) -> int:
        if len(text) > 1000:
            raise self.fail("must be a number of reasonable size", node, path)
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)


def write(data: Any) -> str:
    """Plain data as YAML that `parse` reads as the same data."""
    text: str = yaml.dump(
        data,
        Dumper=_CoreDumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )
    return text


def _refuse_depth(text: bytes | str, file: str) -> None:
    # libyaml's composer recurses in C: 100 kB of "[" would end the process, not the parsing.
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth <= _MAX_DEPTH and count <= 2 * _MAX_NODES:
            continue
        deep = f"nested deeper than {_MAX_DEPTH} levels"
        what = deep if depth > _MAX_DEPTH else f"the document holds over {_MAX_NODES:,} values"
        mark = event.start_mark
        raise ScenarioError(what, file=file, line=None if mark is None else mark.line + 1)


def _compose(text: bytes | str) -> yaml.Node | None:
    loader = _CoreLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def parse(text: bytes | str, file: str) -> Source:
    """Reads one YAML document.

    Raises:
        ScenarioError: not YAML, several documents, equal keys, non-finite numbers, foreign tags.
    """
    reader, data = _Reader(file), None
    try:
        _refuse_depth(text, file)
        node = _compose(text)
        if node is not None:
            data = reader.read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        problem = str(error.problem)
        if problem.startswith("but "):
            problem = f"{error.context} {problem}"
        raise ScenarioError(f"not valid YAML: {problem}", file=file, line=line) from None
    except yaml.reader.ReaderError as error:
        line = None if isinstance(text, str) else text.count(b"\n", 0, error.position) + 1
        raise ScenarioError(f"not valid YAML: {error.reason}", file=file, line=line) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ScenarioError(f"not valid YAML: {error}", file=file) from None
    return Source(file, data, reader.lines)


def read(path: Path) -> Source:
    """Reads a YAML file.

    Raises:
        ScenarioError: the file is missing, unreadable, too large, or not YAML (see `parse`).
    """
    try:
        if path.is_dir():
            raise ScenarioError("is a folder, not a scenario file", file=path)
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ScenarioError("no such file", file=path) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(f"cannot be read: {reason}", file=path) from None
    if len(text) > _MAX_BYTES:
        raise ScenarioError(f"is larger than {_MAX_BYTES:,} bytes", file=path)
    return parse(text, str(path))
