"""Settings that lie in files: read on a thread, kept in memory, read again when the file has changed."""

import os
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

MAX_KEY_FILE_BYTES = 64 << 10  # a key is one line
Signature: TypeAlias = tuple[int, int, int, int]


class ReferenceUnset(Exception):
    """What a reference names is not there. reason: which, for people; never a value."""

    def __init__(self, reason: str) -> None:
        """Take the reason."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SeenFile(Generic[T]):
    """A file as it was. signature: None where there was none. content: or why it can not be used."""

    signature: Signature | None
    content: T | ReferenceUnset


class SettingFiles(Generic[T]):
    """Contents of files as they were when last looked at. Asking for one does no I/O."""

    def __init__(self, read: Callable[[str], T], *, what: str) -> None:
        """read: the content of a path; raises ReferenceUnset, OSError, ValueError. what: what such a file is, for people."""
        self._read = read
        self._what = what
        self._seen: dict[str, SeenFile[T]] = {}

    def content(self, path: str) -> T:
        """The content. Raises ReferenceUnset."""
        seen = self._seen.get(path)
        if seen is None:
            raise ReferenceUnset(f"{self._what} {path} has not been read yet")
        if isinstance(seen.content, ReferenceUnset):
            raise ReferenceUnset(seen.content.reason)
        return seen.content

    def look_at(self, paths: Iterable[str]) -> frozenset[str]:
        """Read those that have changed and forget all others; those whose content is now another one. Blocks: call it on a thread."""
        seen: dict[str, SeenFile[T]] = {}
        changed: set[str] = set()
        for path in paths:
            known, signature = self._seen.get(path), _signature_of(path)
            if known is None or known.signature != signature:
                seen[path] = SeenFile(signature, self._content_of(path))
                changed |= {path} if known is None or known.content != seen[path].content else set()
            else:
                seen[path] = known
        self._seen = seen
        return frozenset(changed)

    def _content_of(self, path: str) -> T | ReferenceUnset:
        try:
            return self._read(path)
        except ReferenceUnset as unset:
            return unset
        except (OSError, ValueError):  # an SSLError is the one; no path, or no UTF-8, the other
            return ReferenceUnset(f"{self._what} {path} cannot be read")


def key_files() -> SettingFiles[str]:
    """Files that hold a key in one line."""
    return SettingFiles(_line_in, what="the key file")


def authority_files() -> SettingFiles[ssl.SSLContext]:
    """Files with certificate authorities, each as a context that trusts them alone: one a file, so that connections can be shared."""
    return SettingFiles(lambda path: ssl.create_default_context(cafile=path), what="the tls_ca_file")


def _signature_of(path: str) -> Signature | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    # The time of a change tells of permissions too; the inode, of a link that leads elsewhere now.
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def _line_in(path: str) -> str:
    with open(path, "rb") as file:
        text = file.read(MAX_KEY_FILE_BYTES).decode().strip()
    if not text:
        raise ReferenceUnset(f"the key file {path} is empty")
    return text
