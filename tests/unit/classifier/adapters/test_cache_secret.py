import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from pointsman.classifier.adapters.cache_secret import cache_secret
from pointsman.classifier.core.cache_key import SECRET_BYTES


def test_secret_of_a_token_is_the_same_everywhere_and_is_not_the_token(tmp_path: Path) -> None:
    one, again, other = (cache_secret(tmp_path, SecretStr(token)) for token in ("token", "token", "other"))
    assert one == again != other
    assert len(one) == SECRET_BYTES
    assert list(tmp_path.iterdir()) == []


def test_secret_without_a_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    secret = cache_secret(tmp_path / "classifier", None)
    (path,) = (tmp_path / "classifier").iterdir()
    assert cache_secret(tmp_path / "classifier", None) == secret == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cache_secret(tmp_path / "other", None) != secret


@pytest.mark.parametrize("content", [b"", b"short", b"x" * (SECRET_BYTES + 1)], ids=["empty", "short", "long"])
def test_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cache.key"
    path.write_bytes(content)
    secret = cache_secret(tmp_path, None)
    assert secret == path.read_bytes()
    assert len(secret) == SECRET_BYTES


def test_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="File exists"):
        cache_secret(tmp_path / "file", None)
