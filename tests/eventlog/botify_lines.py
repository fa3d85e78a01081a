"""Lines as botify's services write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EVENT = {
    "message": "next",
    "timestamp": 1_700_000_000_000,
    "user": 1,
    "track": 10,
    "time": 0.3,
    "latency": 0.002,
    "recommendation": 20,
    "experiments": {"NAME": "T1"},
}


def line(**changed: Any) -> str:
    return json.dumps({**EVENT, **changed})


def last(**changed: Any) -> str:
    document = {**EVENT, "message": "last", **changed}
    del document["recommendation"]
    return json.dumps(document)


def without(key: str, **changed: Any) -> str:
    return json.dumps({k: v for k, v in {**EVENT, **changed}.items() if k != key})


def write(path: Path, *lines: str | bytes) -> Path:
    path.write_bytes(b"".join((t if isinstance(t, bytes) else t.encode()) + b"\n" for t in lines))
    return path
