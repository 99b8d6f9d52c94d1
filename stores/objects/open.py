"""Opens folders: which backend, and whether the settings allow it."""

import threading
from typing import Any

from schemas.settings import Settings
from stores.objects.local import LocalObjects, allowed
from stores.objects.paths import Folder, folder_of
from stores.objects.port import Failure, Objects, StoreFailure
from stores.objects.s3 import S3Objects
from stores.s3.client import make_client


class ObjectStores:
    """Opens folders of objects. Thread-safe; nothing is connected before the first call of what it opens."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.s3_roots = tuple(folder_of(root) for root in settings.s3_folders)
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def roots(self) -> tuple[Folder, ...]:
        """Every folder that the settings allow, with links resolved."""
        local = (allowed(str(root), [root]) for root in self.settings.roots)
        return (*self.s3_roots, *(folder_of(root) for root in local if root))

    def open(self, folder: Folder) -> Objects:
        """The objects of the folder. Raises StoreFailure (NOT_ALLOWED) outside of TRACKER_S3_ROOTS and TRACKER_LOCAL_ROOTS."""
        if not folder.on_s3:
            return LocalObjects(folder, self.settings.roots)
        if not self.s3_roots:
            raise StoreFailure(Failure.NOT_ALLOWED, "no S3 folder may be read: TRACKER_S3_ROOTS is not set")
        if not any(root.contains(folder) for root in self.s3_roots):
            raise StoreFailure(
                Failure.NOT_ALLOWED, "it lies outside of the folders that TRACKER_S3_ROOTS allows"
            )
        return S3Objects(folder, self._connected(), self.settings.presigns)

    def resolved(self, folder: Folder) -> Folder:
        """The same folder with all links resolved, to be compared with others."""
        if folder.on_s3:
            return folder
        real = allowed(folder.prefix.rstrip("/") or "/", self.settings.roots)
        return folder_of(real) if real else folder

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = make_client(self.settings.s3_endpoint)
            return self._client
