"""What is looked at before the effects are believed: each check a function of plain numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from abbotify.eventlog.soundness import Repeats
from abbotify.metrics.definitions import COLUMNS, Limits
from abbotify.report.result import Arm, Check
from abbotify.report.text.numbers import plural
from abbotify.stats import Effect, GuardrailResult
from abbotify.stats.effects import LEAST_USERS, MEAN
from abbotify.stats.sample_ratio import ALPHA
from abbotify.stats.sample_ratio import sample_ratio as sample_ratio_test

Status = Literal["pass", "warn", "fail", "info"]


def sample_ratio(
    names: Sequence[str], counts: Sequence[int], weights: Sequence[float | None]
) -> Check:
    """Whether the arms have the users their weights promise; equal ones where none are known."""
    known = [weight for weight in weights if weight is not None]
    all_known = len(known) == len(weights)
    test = sample_ratio_test(counts, known if all_known else [1.0] * len(counts))
    details = {
        "counts": dict(zip(names, test.counts, strict=True)),
        "expected": dict(zip(names, test.expected, strict=True)),
        "statistic": test.statistic,
        "p_value": test.p_value,
        "alpha": ALPHA,
        "weights_known": all_known,
    }
    if test.mismatch is None:
        return Check("sample_ratio", "info", f"Not tested: {test.note}.", details)
    promised = "their weights" if all_known else "equal weights (the log names none)"
    p_value = f"p = {test.p_value:.3g}"
    if not test.mismatch:
        summary = f"Arm sizes match {promised} ({p_value})."
        return Check("sample_ratio", "pass", summary, details)
    summary = f"The arms' numbers of users do not match {promised} ({p_value})."
    if all_known:
        summary += " Users were lost or moved, so the effects cannot be trusted."
    return Check("sample_ratio", "fail" if all_known else "warn", summary, details)


CROSSOVER: Final = 0.01
"""The share of users seen in two arms above which an experiment is invalid."""


def two_arms(users: int, others: int) -> Check:
    """Users seen in more than one arm belong to none; too many of them, and the split is none.

    Args:
        users: seen in two arms.
        others: seen in one of the arms compared.
    """
    if not users:
        return Check("users_in_two_arms", "pass", "No user was seen in two arms.")
    share = users / (users + others)
    details = {"users": users, "share": share, "limit": CROSSOVER}
    were = "was" if users == 1 else "were"
    summary = (
        f"{plural(users, 'user')} ({share:.2%}) {were} seen in two arms and left out of the "
        "comparison"
    )
    if share <= CROSSOVER:
        return Check("users_in_two_arms", "warn", f"{summary}.", details)
    summary += f": above {CROSSOVER:.0%} the arms are no longer those of a random split."
    return Check("users_in_two_arms", "fail", summary, details)


def interference(reasons: Sequence[str]) -> Check:
    """Whether arms share what they learn from or are served by, which the plan says.

    Args:
        reasons: why they do, a clause each; none: they do not.
    """
    if not reasons:
        return Check("interference", "pass", "Arms share neither training data nor servers.")
    effect = "The measured effect may differ from that of a full rollout."
    return Check("interference", "warn", f"{'; '.join(reasons)}. {effect}")


def assigned(absent: int) -> Check:
    """That all assigned users are analysed, and how those without a session count."""
    summary = (
        f"All assigned users are analysed: {plural(absent, 'user')} without a session count as 0 "
        "in sums and are left out of means."
    )
    return Check("population", "info", summary, {"absent": absent})


def sizes(arms: Sequence[Arm]) -> Check:
    """Arms too small to be compared."""
    counts = {arm.name: arm.users for arm in arms}
    empty = tuple(name for name, users in counts.items() if users == 0)
    few = tuple(name for name, users in counts.items() if 0 < users < LEAST_USERS)
    if not empty and not few:
        return Check("arm_sizes", "pass", "Every arm has enough users.", {"users": counts})
    parts = [f"{name} has no users" for name in empty]
    parts += [f"{name} has {plural(counts[name], 'user')}" for name in few]
    summary = f"{'; '.join(parts)}: a decision needs {LEAST_USERS} in each arm."
    return Check("arm_sizes", "fail" if empty else "warn", summary, {"users": counts}, empty or few)


def untested_metrics(effects: Sequence[Effect], success: Sequence[str]) -> Iterator[Check]:
    """Success metrics that could not be tested."""
    rows = [row for row in effects if row.metric in success and row.estimand == MEAN]
    notes = _untested(rows)
    if notes:
        summary = f"Success metrics without a test: {_listed(notes)}."
        yield Check("success_tested", "warn", summary, {"notes": notes})


def untested_guardrails(rows: Sequence[GuardrailResult]) -> Iterator[Check]:
    """Guardrails that could not be tested."""
    notes = _untested([row for row in rows if row.verdict is None])
    if notes:
        summary = f"Guardrails without a test: {_listed(notes)}."
        yield Check("guardrails_untested", "warn", summary)


def _untested(rows: Sequence[Effect | GuardrailResult]) -> dict[str, str]:
    """Treatment and metric -> why there is no p-value."""
    return {
        f"{row.arm}, {COLUMNS[row.metric].label.lower()}": row.note
        for row in rows
        if row.p_value is None
    }


def _listed(notes: Mapping[str, str]) -> str:
    return "; ".join(f"{name} ({why or 'undefined'})" for name, why in notes.items())


_COUNTED: tuple[tuple[str, tuple[str, str], Status], ...] = (
    (
        "truncated_sessions",
        ("No session reached the track limit.", "Sessions truncated at the track limit"),
        "warn",
    ),
    ("errors", ("No recommender failed.", "Requests on which the recommender failed"), "warn"),
    ("timeouts", ("No request timed out.", "Requests timed out"), "warn"),
    (
        "fallbacks",
        ("No request was answered by the fallback.", "Requests answered by the fallback"),
        "info",
    ),
)


def counted(arms: Sequence[Arm], limits: Limits) -> Iterator[Check]:
    """Sessions truncated at the limit, and answers that were not the recommender's own.

    Args:
        arms: with their counters.
        limits: shares of errors and of fallbacks above which an arm did not run as described.
    """
    most = {"errors": limits.errors, "fallbacks": limits.fallbacks}
    for name, texts, status in _COUNTED:
        if any(name in (arm.counters or {}) for arm in arms):
            parts = {arm.name: (_of(arm, name), _whole(arm, name)) for arm in arms}
            yield _share(name, parts, texts, status, most.get(name))


def _share(
    name: str,
    parts: Mapping[str, tuple[int, int]],
    texts: tuple[str, str],
    status: Status,
    limit: float | None = None,
) -> Check:
    details: dict[str, Any] = {
        arm: {"count": count, "of": of, "share": count / of if of else None}
        for arm, (count, of) in parts.items()
    }
    if not any(count for count, _ in parts.values()):
        return Check(name, "pass", texts[0], details)
    listed = ", ".join(
        f"{arm} {count:,}{f' ({count / of:.2%})' if of else ''}"
        for arm, (count, of) in parts.items()
        if count
    )
    over = tuple(
        arm for arm, (count, of) in parts.items() if limit is not None and of and count / of > limit
    )
    if over:
        summary = f"{texts[1]}: {listed}; above the limit of {limit:.2%}."
        return Check(name, "fail", summary, details, over)
    return Check(name, status, f"{texts[1]}: {listed}.", details)


def _whole(arm: Arm, counter: str) -> int:
    """What a counter is a share of: sessions or requests; a session's "last" asks for no answer."""
    if counter == "truncated_sessions":
        return arm.sessions or 0
    requests = _of(arm, "requests")
    return requests if counter == "timeouts" else requests - (arm.sessions or 0)


def _of(arm: Arm, counter: str) -> int:
    return (arm.counters or {}).get(counter, 0)


def undetermined(reasons: Mapping[str, str]) -> Iterator[Check]:
    """Metrics the input says nothing of."""
    if reasons:
        listed = "; ".join(f"{name}: {why}" for name, why in reasons.items())
        yield Check("metrics_not_determined", "info", f"{listed}.", {"reasons": dict(reasons)})


def open_sessions(sessions: int, of: int) -> Check:
    """Sessions that the log's end cut off."""
    if not sessions:
        return Check("open_sessions", "pass", "Every session has its last event.")
    summary = f"{plural(sessions, 'session')} of {of:,} without a last event, counted so far."
    return Check("open_sessions", "info", summary, {"sessions": sessions, "of": of})


def broken_lines(broken: int, lines: int, reason: str) -> Check:
    """Lines of a log that are no events."""
    if not broken:
        return Check("broken_lines", "pass", "Every line of the log is an event.")
    summary = f"{plural(broken, 'line')} of {lines:,} left out as invalid; the first one {reason}."
    return Check("broken_lines", "warn", summary, {"broken": broken, "lines": lines})


REPEATED: Final = 0.01
"""The share of rows that are certainly copies of others above which a log is invalid."""
ALIKE: Final = 1 / 3
"""The share of rows that are equal to others, by chance or not, above which a log is invalid."""


def rows_given_twice(repeats: Repeats, of: int) -> Check:
    """Rows of a log that are copies of others: a file read twice counts its users' time twice."""
    details = {"rows": repeats.rows, "sure": repeats.sure, "of": of, "limit": REPEATED}
    if not repeats.rows:
        return Check("rows_given_twice", "pass", "The log has no duplicate rows.", details)
    where = f"the first one of user {repeats.user} at timestamp {repeats.timestamp}"
    share = f"{plural(repeats.rows, 'row')} of {of:,} ({repeats.rows / of:.2%})"
    if repeats.sure <= REPEATED * of and repeats.rows <= ALIKE * of:
        summary = f"{share} duplicate another row of the same user and time, {where}"
        return Check("rows_given_twice", "warn", f"{summary}.", details)
    summary = f"{share} are duplicates, {where}"
    summary += ": a file was given twice, or a service wrote its log twice."
    return Check("rows_given_twice", "fail", summary, details)


def timestamps(doubts: Sequence[str], *, derived: bool) -> Check:
    """Timestamps that cannot be milliseconds, or do not distinguish rows."""
    if not derived:
        unused = "Days, sessions and steps are in the log; timestamps are not used."
        return Check("timestamps", "pass", unused)
    if not doubts:
        return Check("timestamps", "pass", "Timestamps look like milliseconds.")
    return Check("timestamps", "warn", f"Timestamps: {'; '.join(doubts)}.")
