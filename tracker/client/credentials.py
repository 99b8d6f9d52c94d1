"""Which tracker this user has logged in to: `~/.tracker.yaml`, for this user alone. The environment goes before it."""

import os
from contextlib import suppress
from pathlib import Path

import yaml
from pydantic import BaseModel, Field, ValidationError

from tracker.errors import NotDone

_MOST_BYTES = 64 * 1024


class Credentials(BaseModel):
    """A tracker's address, without a slash at its end, and the token for it."""

    server: str = Field(max_length=2000, pattern=r"^https?://")
    token: str = Field("", max_length=2000)


def path() -> Path:
    return Path.home() / ".tracker.yaml"


def read() -> Credentials | None:
    """What `tracker auth login` wrote; None where nobody has logged in. Raises NotDone for a file that is something else."""
    try:
        with path().open("rb") as file:
            return Credentials.model_validate(yaml.safe_load(file.read(_MOST_BYTES)))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, yaml.YAMLError) as e:
        why = e.strerror if isinstance(e, OSError) else "it does not hold server and token"
        raise NotDone(f"{path()} cannot be read: {why}; `tracker auth login` writes it anew") from e


def write(credentials: Credentials) -> None:
    """Whole or not at all, and never readable by others."""
    new = path().with_name(f".tracker.yaml.{os.getpid()}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            yaml.safe_dump(credentials.model_dump(), file)
        new.replace(path())
    except OSError as e:
        with suppress(OSError):
            new.unlink()
        raise NotDone(f"{path()} cannot be written: {e.strerror}") from e


def forget() -> bool:
    """Whether there was anything to forget."""
    try:
        path().unlink()
    except FileNotFoundError:
        return False
    return True
