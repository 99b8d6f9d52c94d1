"""What the tracker keeps is for its user alone."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stores.files import open_private_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_private_and_one_that_others_may_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> str:
        """What is logged, wherever a test before this one has sent it."""
        text = capsys.readouterr().out + caplog.text
        caplog.clear()
        return text

    folder = tmp_path / "data"
    open_private_folder(folder)
    assert mode(folder) == 0o700 and "others may read" not in said()
    (folder / "log.sqlite").write_bytes(b"")
    (folder / "log.sqlite").chmod(0o644)
    (folder / "link").symlink_to("nowhere")
    open_private_folder(folder)
    assert "others may read" not in said(), "nobody gets to the file"
    folder.chmod(0o755)
    open_private_folder(folder)
    told = said()
    assert f"chmod -R go= {folder}" in told and "log.sqlite" in told
    assert mode(folder) == 0o755, "that is for its owner to change"


def test_what_a_command_writes_only_its_user_may_read(tmp_path: Path) -> None:
    """A token is made in the embedded tables, beside the local log."""
    data = tmp_path / "data"
    command = [
        sys.executable,
        "-c",
        "from tracker.cli import app; app()",
        "token",
        "create",
        "ann",
        "--role",
        "admin",
    ]
    done = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "TRACKER_DATA": str(data), "UMASK": "022"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = [p for p in (data, *data.rglob("*")) if not p.is_symlink()]
    assert len(found) > 5 and [str(p) for p in found if mode(p) & 0o077] == []
