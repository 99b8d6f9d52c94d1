"""What runners say of an error, made readable: without codes of terminals, and in one line. Pure."""

import re

#: ECMA-48, with ESC or as one character: CSI sequences (colours, cursor), strings that end (titles, links), and the rest. A
#: string holds no beginning of another, or each of many that never end would be walked through to the end of the text.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n\x90\x98\x9d-\x9f]*+(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]+[0-~]|\x1b[0-~]|[\x1b\x9b]"
)
#: ESC as programs spell it that show what cannot be shown.
_SPELLED = re.compile(r"(?:\^\[|\\u001[bB]|\\x1[bB]|\\033|\\e|\u241b)(?=\[[0-9;:]*[A-Za-z])")
#: Colours whose ESC was lost on the way. Where one that can be nothing else stands, all others are taken for colours too.
_ORPHANS = re.compile(r"\[(?:\d{1,3}(?:[;:]\d{1,3})*)?m(?!\])")
_SURE = re.compile(r"\[(?:\d{1,3};)+\d{1,3}m|\[0m|(?<![\w\[])\[\d{1,3}m(?!\])")
_BULLET = re.compile(r"^(?:[-*•>]|\d+[.)])\s+")

#: Characters of a report that are looked at for its line, and of the line.
_HEAD = 20_000
_LINE = 300


def plain(text: str) -> str:
    """The text without escape codes."""
    text = _ESCAPES.sub("", _SPELLED.sub("\x1b", text))
    return _ORPHANS.sub("", text) if _SURE.search(text) else text


def sentence(text: str) -> str:
    """The text as a sentence beside others: with a capital, unless it begins with an address or a quotation, and a full stop."""
    text = text.strip()
    if text and not text.endswith((".", "!", "?")):
        text += "."
    return text if "://" in text.partition(" ")[0] else text[:1].upper() + text[1:]


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
