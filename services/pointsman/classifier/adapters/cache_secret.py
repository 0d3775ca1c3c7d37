"""The secret behind the cache's keys and seals: all replicas that share judgements have to share it."""

import fcntl
import hashlib
import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from pointsman.classifier.core.cache_key import SECRET_BYTES

FILE_NAME = "cache.key"
PURPOSE = b"pointsman classification cache"


def cache_secret(folder: Path, service_token: SecretStr | None) -> bytes:
    """Made of the service token, which all replicas have; without one kept in the folder, which those of one volume share.

    Raises OSError where the folder cannot be used.
    """
    return secret_from_token(service_token) if service_token is not None else secret_in_file(folder / FILE_NAME)


def secret_from_token(token: SecretStr) -> bytes:
    """The secret of this purpose; the token cannot be told from it."""
    key = hashlib.sha256(token.get_secret_value().encode()).digest()
    return hashlib.blake2b(PURPOSE, key=key, digest_size=SECRET_BYTES).digest()


def secret_in_file(path: Path) -> bytes:
    """The secret in the file, which is made where it is missing or damaged; only its owner can read it.

    Of several processes that come at once one makes it: reading and making happen behind the file's lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
        secret = file.read(SECRET_BYTES + 1)
        if len(secret) != SECRET_BYTES:
            secret = secrets.token_bytes(SECRET_BYTES)
            file.seek(0)
            file.truncate()
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
    return secret
