"""What runners say of an error, made readable: without codes of terminals, and in one line. Pure."""

import re

#: ECMA-48: CSI sequences (colours, cursor), OSC sequences (titles, links), and the two-character ones.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
#: A colour whose escape character was lost on the way.
_ORPHANS = re.compile(r"\[(?:\d{1,3};)+\d{1,3}m|\[0m|(?<![\w\[])\[\d{1,3}m")
_BULLET = re.compile(r"^(?:[-*•>]|\d+[.)])\s+")

#: Characters of a report that are looked at for its line, and of the line.
_HEAD = 20_000
_LINE = 300


def plain(text: str) -> str:
    """The text without escape codes."""
    if "\x1b" not in text and "m" not in text:
        return text
    return _ORPHANS.sub("", _ESCAPES.sub("", text)).replace("\x1b", "")


def error_summary(message: str, report: str) -> str:
    """The line that says most: the message's last, else the cause in Nextflow's report, else the report's first; '' for none.

    A line that ends with a colon only announces what follows.
    """
    message, report = plain(message[:_HEAD]), plain(report[:_HEAD])
    _, caused, cause = report.partition("Caused by:")
    for text in (message, cause if caused else "", report):
        lines = [_BULLET.sub("", line.strip()) for line in text.splitlines() if line.strip()]
        telling = [line for line in lines if not line.endswith(":")] or lines
        if telling:
            return telling[-1 if text is message else 0][:_LINE]
    return ""
