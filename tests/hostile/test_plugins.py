"""A plug-in that is wrong, or that answers wrongly, is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Command
from tests.hostile.conftest import assert_refused
from tests.hostile.files import HUGE, OWN, TRACKS, base, changed, write_scenario

PLUGINS = {
    "broken": "class Own(:\n",
    "raises when imported": "raise RuntimeError('no\\nluck')\n",
    "exits when imported": "import sys\nsys.exit(3)\n",
    "imports nothing there": "import nothing_of_that_name\n",
    "no class": "Own = 7\n",
    "no recommend": "class Own:\n    def __init__(self, params, world): pass\n",
    "raises when made": OWN.replace("self.size = params.size", "raise ValueError('no\\\\nluck')"),
    "wrong arguments": OWN.replace("(self, params, world)", "(self)"),
    "null bytes": "class Own:\n    x = '\x00'\n",
}


@pytest.mark.parametrize("code", PLUGINS.values(), ids=PLUGINS)
def test_a_wrong_plugin_is_told(abbotify: Command, fresh: Path, code: str) -> None:
    (fresh / "data" / "own.py").write_text(code)
    assert_refused(abbotify, fresh, ("own.py",))


ANSWERS = ("-1", str(TRACKS), "0.5", "'1'", "True", "[1]", str(HUGE), "1 // 0", "object()")


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_wrong_answer_is_told_or_replaced(abbotify: Command, fresh: Path, answer: str) -> None:
    code = OWN.replace("request.previous % self.size", answer)
    (fresh / "data" / "own.py").write_text(code)
    write_scenario(fresh, changed(base(), "arms.own.on_error", "stop"))
    assert_refused(abbotify, fresh, ("own",))
    small = changed(
        base(), "arms", {name: base()["arms"][name] for name in ("random", "top", "own")}
    )
    write_scenario(fresh, small)
    assert abbotify("run", fresh / "s.yaml", "--out", fresh / "out").code == 0
