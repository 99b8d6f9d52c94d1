"""Objects in folders of this machine, as far as TRACKER_LOCAL_ROOTS allows.

A runner's word for a path is not to be trusted: links are resolved before anything is opened, what was opened is looked at
once more, and only regular files inside of an allowed folder are read. A link to a file counts as that file; a link to a
folder is not followed. Deleting takes away a link, never what it leads to.
"""

import os
import stat
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from stores.objects.paths import Folder, is_key
from stores.objects.port import PAGE, Entry, Failure, Level, NotDeleted, Part, StoreFailure, Version

_DEPTH_MAX = 100
_CHUNK = 2**18
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: A pipe would hold up whoever opens it, for ever.
_OPEN_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)


def allowed(path: str, roots: Sequence[Path]) -> str | None:
    """The path with all links resolved, if it is there and is then inside of an allowed folder."""
    if "\0" in path or not os.path.isabs(path):
        return None
    try:
        real = os.path.realpath(path, strict=True)
        inside = any(Path(real).is_relative_to(os.path.realpath(root, strict=True)) for root in roots)
    except (OSError, ValueError):
        return None
    return real if inside else None


def open_file(path: str, roots: Sequence[Path]) -> tuple[int, os.stat_result] | None:
    """The descriptor of a regular file inside of an allowed folder, and what is known of it; None for anything else."""
    real = allowed(path, roots)
    if real is None:
        return None
    try:
        descriptor = os.open(real, _OPEN_FILE)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and _still_there(descriptor, real):
        return descriptor, status
    os.close(descriptor)
    return None


def _still_there(descriptor: int, real: str) -> bool:
    """Whether what was opened is what was resolved: a folder on the way may have become a link meanwhile."""
    opened = f"/proc/self/fd/{descriptor}"
    if os.path.exists(opened):
        return os.readlink(opened) == real
    return os.path.samestat(os.fstat(descriptor), os.lstat(os.path.realpath(real)))


class LocalObjects:
    """The files below one folder. A folder that is not there is empty, as it is on S3."""

    def __init__(self, folder: Folder, roots: Sequence[Path]) -> None:
        """Raises StoreFailure if the folder lies outside of the roots."""
        self.folder, self.roots = folder, roots
        path = folder.prefix.rstrip("/") or "/"
        if not roots:
            raise StoreFailure(
                Failure.NOT_ALLOWED, "no folder may be read here: TRACKER_LOCAL_ROOTS is not set"
            )
        real = allowed(path, roots)
        if real is None and (os.path.lexists(path) or not _lexically_inside(path, roots)):
            raise StoreFailure(
                Failure.NOT_ALLOWED, "it lies outside of the folders that TRACKER_LOCAL_ROOTS allows"
            )
        self._real = real if real is not None and os.path.isdir(real) else None

    def entries(self, after: str = "") -> Iterator[Sequence[Entry]]:
        with closing(self._walk(after)) as walk:
            while page := list(islice(walk, PAGE)):
                yield page

    def level(self, path: str = "", most: int = PAGE) -> Level:
        if path and not (is_key(path) and path.endswith("/")):
            raise StoreFailure(Failure.NOT_FOUND, "there is no such folder")
        if self._real is None:
            return Level([], [], False)
        try:
            descriptor = self._open_below(path.split("/")[:-1])
        except OSError as e:
            raise StoreFailure(Failure.NOT_FOUND, "there is no such folder") from e
        try:
            names = _listed(descriptor)
            folders = [path + name for name, is_folder in names[:most] if is_folder]
            entries = [
                found
                for name, is_folder in names[:most]
                if not is_folder and (found := self._entry(descriptor, path, name))
            ]
        finally:
            os.close(descriptor)
        return Level(folders, entries, len(names) > most)

    def versions(self) -> Iterator[Sequence[Version]]:
        for page in self.entries():
            yield [Version(e.key, "", e.size) for e in page]

    def keeps_versions(self) -> bool | None:
        return False

    def read(self, key: str, start: int, most: int) -> Part:
        descriptor, status = self._open(key)
        try:
            begin = max(0, status.st_size + start) if start < 0 else start
            return Part(os.pread(descriptor, most, begin), begin, status.st_size, _ms(status))
        except OSError as e:
            raise StoreFailure(Failure.AWAY, f"the file cannot be read: {e.strerror}") from e
        finally:
            os.close(descriptor)

    def stream(self, key: str) -> tuple[int, Iterator[bytes]]:
        descriptor, status = self._open(key)

        def chunks() -> Iterator[bytes]:
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                left = status.st_size  # a file that grows is not followed
                while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                    left -= len(chunk)
                    yield chunk

        return status.st_size, chunks()

    def presigned(self, key: str, file_name: str, seconds: int) -> str | None:
        return None

    def delete(self, versions: Sequence[Version]) -> Sequence[NotDeleted]:
        """Folders that are empty then are taken away too."""
        failed = []
        for version in versions:
            try:
                self._unlink(version.key)
            except FileNotFoundError:
                pass
            except (OSError, ValueError) as e:
                failed.append(NotDeleted(version, getattr(e, "strerror", None) or str(e)))
        return failed

    # --- how ---------------------------------------------------------------------------------------

    def _open(self, key: str) -> tuple[int, os.stat_result]:
        opened = None
        if is_key(key) and self._real is not None:
            opened = open_file(os.path.join(self._real, key), self.roots)
        if opened is None:
            raise StoreFailure(Failure.NOT_FOUND, "there is no such file, or it may not be read")
        return opened

    def _open_below(self, parts: Sequence[str]) -> int:
        """The descriptor of a folder, on the way to which there is no link. Raises OSError."""
        descriptor = os.open(self._real or "", _OPEN_FOLDER)
        for part in parts:
            try:
                below = os.open(part, _OPEN_FOLDER, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor

    def _unlink(self, key: str) -> None:
        """Raises OSError, and ValueError for what is no key."""
        if not is_key(key) or self._real is None:
            raise ValueError("no file is called so")
        *folders, name = key.split("/")
        parent = self._open_below(folders)
        try:
            os.unlink(name, dir_fd=parent)
        finally:
            os.close(parent)
        with suppress(OSError):  # until one is not empty
            while folders:
                parent = self._open_below(folders[:-1])
                try:
                    os.rmdir(folders.pop(), dir_fd=parent)
                finally:
                    os.close(parent)
            os.rmdir(self._real)

    def _walk(self, after: str) -> Generator[Entry, None, None]:
        """Every file, folder by folder, so that at no time more is open than the folders on the way to one."""
        if self._real is None:
            return
        limit = os.fsencode(after)
        stack: list[tuple[int, str, Iterator[tuple[str, bool]]]] = []
        try:
            try:
                top = self._open_below([])
            except FileNotFoundError:  # it was deleted since
                return
            stack.append((top, "", iter(_listed(top))))
            while stack:
                descriptor, path, names = stack[-1]
                name, is_folder = next(names, ("", False))
                if not name:
                    os.close(descriptor)
                    stack.pop()
                elif not is_folder:
                    if (not after or os.fsencode(path + name) > limit) and (
                        entry := self._entry(descriptor, path, name)
                    ):
                        yield entry
                elif not after or os.fsencode(path + name) > limit or after.startswith(path + name):
                    if len(stack) >= _DEPTH_MAX:
                        raise StoreFailure(
                            Failure.NOT_ALLOWED, f"folders are nested more than {_DEPTH_MAX} levels deep"
                        )
                    with suppress(OSError):  # it went, or became a link meanwhile
                        below = os.open(name.rstrip("/"), _OPEN_FOLDER, dir_fd=descriptor)
                        stack.append((below, path + name, iter(_listed(below))))
        except OSError as e:
            raise StoreFailure(Failure.AWAY, f"the folder cannot be read: {e.strerror}") from e
        finally:
            for descriptor, _, _ in stack:
                os.close(descriptor)

    def _entry(self, descriptor: int, path: str, name: str) -> Entry | None:
        """None for what went meanwhile. What is no regular file, or leads to none that may be read, has no size."""
        try:
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                target = allowed(os.path.join(self._real or "", path, name), self.roots)
                status = os.stat(target) if target else status
        except OSError:
            return None
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        return Entry(path + name, size, _ms(status), f"{status.st_mtime_ns:x}-{size:x}", "")


def _listed(descriptor: int) -> list[tuple[str, bool]]:
    """What lies in a folder, in the order of the keys: names, those of folders with `/` at the end, and which are folders."""
    with os.scandir(descriptor) as found:
        names = [(f"{e.name}/", True) if e.is_dir(follow_symlinks=False) else (e.name, False) for e in found]
    return sorted(names, key=lambda n: os.fsencode(n[0]))


def _lexically_inside(path: str, roots: Sequence[Path]) -> bool:
    return any(Path(path).is_relative_to(root) for root in roots)


def _ms(status: os.stat_result) -> int:
    return max(0, status.st_mtime_ns // 1_000_000)
