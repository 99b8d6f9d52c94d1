"""Files and folders that only we may read. Small files are written whole or not at all, and refused when others could have
written them."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)


def open_private_folder(path: Path) -> None:
    """Make the folder, for its owner alone. Warns of one that is there and that others may look into. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = [path, *(entry for entry in path.iterdir() if not entry.is_symlink())]
    readable = [str(entry) for entry in entries if stat.S_IMODE(entry.stat().st_mode) & 0o077]
    if str(path) in readable:
        _log.warning(f"others may read what the tracker keeps; run: chmod -R go= {path}", of=readable[:5])


def write_private(path: Path, content: bytes) -> None:
    """Put the file in place, mode 0600, durably: after a crash it is the old one or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read_private(path: Path) -> bytes:
    """The file's content. Raises OSError, and PermissionError if others than its owner may read or write it."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise PermissionError(
                f"{path} may be read or written by others (mode {mode:o}); run: chmod 600 {path}"
            )
        return file.read()
