"""The key of the prompts' hash: shared where there is a token, else kept."""

from pathlib import Path

from pydantic import SecretStr

from pointsman.gateway.adapters.prompt_hash import prompt_hasher


def test_gateways_with_the_same_token_hash_alike(tmp_path: Path) -> None:
    first, second = (prompt_hasher(tmp_path / name, SecretStr("token")) for name in "ab")
    assert first(b"x") == second(b"x") != prompt_hasher(tmp_path, SecretStr("other"))(b"x")
    assert len(first(b"x")) == 32


def test_without_a_token_the_key_is_kept_for_the_next_start(tmp_path: Path) -> None:
    first = prompt_hasher(tmp_path / "gateway", None)
    assert prompt_hasher(tmp_path / "gateway", None)(b"x") == first(b"x") != prompt_hasher(tmp_path / "other", None)(b"x")
    assert (tmp_path / "gateway" / "prompt_hash.key").stat().st_mode & 0o077 == 0


def test_a_damaged_key_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "prompt_hash.key").write_bytes(b"short")
    assert prompt_hasher(tmp_path, None)(b"x") == prompt_hasher(tmp_path, None)(b"x")
