"""Links to where an S3 folder can be looked at. Pure."""

import re
from urllib.parse import quote

_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.{0,1024}))?", re.DOTALL)


def s3_link(path: str | None, browser: str) -> str | None:
    """Where the S3 folder can be looked at: `browser` is the setting `s3_browser`. None for what is no s3://bucket/prefix."""
    match = _S3.fullmatch(path or "")
    if not browser or not match or ".." in match[1]:
        return None
    prefix = (match[2] or "").strip("/")
    if any(part in (".", "..") for part in prefix.split("/")):
        return None
    folder = quote(f"{prefix}/", errors="replace") if prefix else ""
    return browser.replace("{bucket}", match[1]).replace("{prefix}", folder)
