"""report.md, exactly, and with text that would break it."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.report.pages import render_markdown
from abbotify.report.result import Result
from abbotify.report.text.labels import escaped

EXPECTED = """\
# tiny

Experiment TINY · 7 days · 200 users · simulated

**Ship** — Ship neural: time per session rises by 10.0% against sticky (95% interval \
[+4.0%, +16.0%], p = 0.002), and no success metric is worse.

**Rule:** ship when at least one success metric (time per session) is significantly better at \
α = 0.05, none is significantly worse, no guardrails are declared, no check has failed and each \
arm has 100 users or more.

## Health

- **pass** Sample ratio: users per arm are as planned
- **note** the world was fitted to the lists it judges

## Success metrics

| Metric | Relative effect | Difference | Means (treatment, control) | p, Holm | Result |
| --- | --: | --: | --: | --: | --- |
| Time per session | +10.0% [+4.0%, +16.0%] | +0.50 tracks [+0.20, +0.80] | 5.50 (5.00) \
| 0.002 | **better** |

## Exploratory

| Metric | Relative effect | Difference | Means (treatment, control) | p | Result |
| --- | --: | --: | --: | --: | --- |
| Skip rate (unbounded: the control's mean is not told apart from 0) | – \
| +0.10 [−0.30, +0.50] | 0.10 (0.00) | 0.620 | not significant |

## Arms

| Arm | Label | Recommender | Weight | Planned | Share | Users | Assigned | Sessions | Tracks |
| --- | --- | --- | --: | --: | --: | --: | --: | --: | --: |
| sticky | C (control) | – | – | – | 50.00% | 100 | – | – | – |
| neural | T1 | – | – | – | 50.00% | 100 | – | – | – |

## How to run it again

- abbotify 0.1.0
- world seed 1
- dynamics seed 31337
- scenario sha256:aa
- world sha256:bb
"""


def test_exact_text(small: Result) -> None:
    assert render_markdown(small) == EXPECTED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("<script>", r"\<script>"),
        ("`x`", r"\`x\`"),
        ("two\r\nlines\x00", "two lines"),
        ("*bold* _it_ snake_case", r"\*bold\* \_it\_ snake_case"),
        ("$x$", r"\$x\$"),
        ("&lt; R&B R & B", r"\&lt; R\&B R & B"),
        ("[a](http://b)", r"[a\](http://b)"),
        ("a\\|b", r"a\\\|b"),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_escaping(text: str, expected: str) -> None:
    assert escaped(text) == expected


LEARNING = """\
## Listened fraction by position

| Position | sticky | neural |
| --- | --: | --: |
| 1 | 50.0% | – |
| 3 | 25.4% | – |

## Training

| Arm | Trainings | Day | Plays | Epochs | First loss | Last loss | Best held-out loss | Model |
| --- | --: | --: | --: | --: | --: | --: | --: | --- |
| neural | 2 | 2 | 9 | 3 | 0.5000 | 0.1235 | 0.4000 (epoch 2) | sha256:dd |
"""


def test_positions_and_trainings(hand: dict[str, Any]) -> None:
    hand["arms"][0]["by_position"] = [
        {"step": 1, "n": 60, "mean": 0.5},
        {"step": 3, "n": 50, "mean": 0.2541},
        {"step": 4, "n": 50, "mean": 0.2},
    ]
    losses = [(0.5, 0.6), (0.25, 0.4), (0.12345, 0.4)]
    curve = [
        {"number": number, "loss": loss, "validation": validation}
        for number, (loss, validation) in enumerate(losses, 1)
    ]
    hand["arms"][1]["trainings"] = [
        {"day": 1, "plays": 9, "curve": [], "digest": "sha256:cc"},
        {"day": 2, "plays": 9, "curve": curve, "digest": "sha256:dd"},
    ]
    text = render_markdown(Result.from_dict(hand))
    assert text[text.index("## Listened") : text.index("\n## Arms")] == LEARNING


def test_every_table_keeps_its_columns(hostile: Result) -> None:
    blocks = render_markdown(hostile).split("\n\n")
    tables = [block.splitlines() for block in blocks if block.startswith("|")]
    assert len(tables) == 12
    for table in tables:
        bars = {line.replace("\\\\", "").replace("\\|", "").count("|") for line in table}
        assert len(bars) == 1
