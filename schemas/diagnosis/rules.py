"""What a rule of the diagnosis is, and how the first one that fits is found. Pure: facts go in, a cause comes out.

A rule costs a search for each of its phrases in texts of bounded length; nothing here backtracks.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from schemas.diagnosis.causes import Cause, Certainty, Evidence
from schemas.diagnosis.facts import NO_EXIT, Facts, last_lines

#: Characters of a line that is shown as evidence.
_LINE = 300
#: Where a line stands.
_RUNNER, _TOOL = "error report", "command output"

#: Says in a sentence what of the figures fits, or gives None.
Judge = Callable[[Facts], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """Fits where each condition that it has is met; its parts that are empty are none.

    `exits`: one of these exit statuses. `runner_says`, `tool_says`: one of these phrases, in lower case, in what the runner said
    of the cause or in what the command wrote. `figures`: a judgement of the figures.
    """

    id: str
    certainty: Certainty
    cause: str
    advice: str
    exits: frozenset[int] = frozenset()
    runner_says: tuple[str, ...] = ()
    tool_says: tuple[str, ...] = ()
    figures: Judge | None = None
    config: Callable[[Facts], str | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class _Searched:
    """Facts with their texts in lower case, made once for all rules."""

    facts: Facts
    runner: str
    tool: str


def diagnose(rules: Sequence[Rule], facts: Facts) -> Cause:
    """Pure. The cause by the first rule that fits; one that says so where none does."""
    searched = _Searched(facts, _lower(facts.runner_text), _lower(facts.tool_text))
    for rule in rules:
        evidence = _evidence(rule, searched)
        if evidence:
            return Cause(
                rule=rule.id,
                certainty=rule.certainty,
                cause=rule.cause,
                evidence=evidence,
                advice=rule.advice,
                config=rule.config(facts),
            )
    return unknown(facts)


def unknown(facts: Facts) -> Cause:
    """Pure. That no rule fits, with what is known all the same."""
    evidence = [_exit(facts.exit)] if facts.exit is not None else []
    tool, runner = last_lines(facts.tool_text, 1, _LINE), last_lines(facts.runner_text, 1, _LINE)
    if tool or runner:
        evidence.append(Evidence(what="last line", value=tool or runner, source=_TOOL if tool else _RUNNER))
    return Cause(
        rule=None,
        certainty=Certainty.UNKNOWN,
        cause="The cause is not known: no rule fits.",
        evidence=evidence,
        advice="Read what the command wrote, and its script in the work directory." if facts.process
        else "Read the error report and the runner's log.",
        config=None,
    )  # fmt: skip


def _evidence(rule: Rule, searched: _Searched) -> list[Evidence]:
    """What the rule goes by; empty where it does not fit."""
    facts = searched.facts
    found: list[Evidence] = []
    if rule.exits:
        if facts.exit not in rule.exits:
            return []
        found.append(_exit(facts.exit))
    if rule.runner_says or rule.tool_says:
        said = _line_of(rule.runner_says, searched.runner, facts.runner_text)
        line = said or _line_of(rule.tool_says, searched.tool, facts.tool_text)
        if line is None:
            return []
        found.append(Evidence(what="line", value=line, source=_RUNNER if said else _TOOL))
    if rule.figures:
        words = rule.figures(facts)
        if words is None:
            return []
        found.append(Evidence(what="figures", value=words, source="task"))
    return found


def _line_of(phrases: Iterable[str], lower: str, text: str) -> str | None:
    """The line of the text in which a phrase stands."""
    for phrase in phrases:
        place = lower.find(phrase)
        if place >= 0:
            start = text.rfind("\n", 0, place) + 1
            end = text.find("\n", place)
            # The phrase itself is shown, however long its line.
            start = max(start, place - _LINE // 2)
            return text[start : min(end if end >= 0 else len(text), start + _LINE)].strip()
    return None


def _lower(text: str) -> str:
    """In lower case, at the same places: some letters become two, which are left as they are."""
    lower = text.lower()
    return (
        lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    )


def _exit(exit_status: int | None) -> Evidence:
    value = "" if exit_status in (None, NO_EXIT) else str(exit_status)
    return Evidence(what="exit status", value=value, source="task")
