"""Reads parts of files that jobs leave on disk. A file that is not there, or cannot be read, gives nothing."""

import os

_LOG_BYTES = 4096


def end_of_log(path: str, most: int = _LOG_BYTES) -> str:
    """The last lines of a log, at most 4 KiB."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
