"""A keyed hash of prompts: tells whether two requests ask the same, and nothing of what they ask."""

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

HASH_BYTES = 32
PURPOSE = b"pointsman prompt hash"


def prompt_hasher(folder: Path, service_token: SecretStr | None) -> Callable[[bytes], bytes]:
    """The hash function. Its key comes from the service token, which all gateways share; without one it is kept in the folder."""
    key = _key_from_token(service_token) if service_token is not None else _key_from_file(folder / "prompt_hash.key")
    return lambda prompt: hashlib.blake2b(prompt, key=key, digest_size=HASH_BYTES).digest()


def _key_from_token(token: SecretStr) -> bytes:
    return hashlib.blake2b(PURPOSE, key=hashlib.sha256(token.get_secret_value().encode()).digest(), digest_size=HASH_BYTES).digest()


def _key_from_file(path: Path) -> bytes:
    """The key in the file, which is made where it is missing; only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) == HASH_BYTES:
            return key
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    key = secrets.token_bytes(HASH_BYTES)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
    return key
