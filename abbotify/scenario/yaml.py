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


class _CoreLoader(yaml.CSafeLoader):
    """A loader whose plain scalars are resolved by the YAML 1.2 core schema."""


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
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


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
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, i)) for i, child in enumerate(node.value)]
        return self.scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.fail("a key must be plain text", key_node, path)
            key = key_node.value
            if key in out:
                raise self.fail("the key stands twice", key_node, (*path, key))
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            out[key] = self.read(value_node, (*path, key))
        return out

    def scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        text, tag = str(node.value), node.tag.rpartition(":")[2]
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            return self.integer(text, node, path)
        if tag == "float":
            number = float(text.replace(".inf", "inf").replace(".nan", "nan").lower())
            if not math.isfinite(number):
                raise self.fail(f"must be a finite number, got {text}", node, path)
            return number
        if tag == "str":
            return text
        raise self.fail(f"the tag {node.tag} is not allowed", node, path)

    def integer(self, text: str, node: yaml.Node, path: KeyPath) -> int:
        if len(text) > 1000:
            raise self.fail("must be a number of reasonable size", node, path)
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)


def parse(text: bytes | str, file: str) -> Source:
    """Reads one YAML document.

    Raises:
        ScenarioError: not YAML, several documents, equal keys, non-finite numbers, foreign tags.
    """
    loader = _CoreLoader(text)
    try:
        node = loader.get_single_node()
        reader = _Reader(file)
        data = None if node is None else reader.read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise ScenarioError(f"not valid YAML: {error.problem}", file=file, line=line) from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"not valid YAML: {error}", file=file) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise ScenarioError(f"not valid YAML: {error}", file=file) from None
    except RecursionError:
        raise ScenarioError(f"nested deeper than {_MAX_DEPTH} levels", file=file) from None
    finally:
        loader.dispose()
    return Source(file, data, reader.lines)


def read(path: Path) -> Source:
    """Reads a YAML file.

    Raises:
        ScenarioError: the file is missing, unreadable, too large, or not YAML (see `parse`).
    """
    try:
        if path.is_dir():
            raise ScenarioError("is a folder, not a scenario file", file=path)
        if path.stat().st_size > _MAX_BYTES:
            raise ScenarioError(f"is larger than {_MAX_BYTES:,} bytes", file=path)
        return parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise ScenarioError("no such file", file=path) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(f"cannot be read: {reason}", file=path) from None
