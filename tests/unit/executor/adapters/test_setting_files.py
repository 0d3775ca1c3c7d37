"""Settings that lie in files: those that can not be read."""

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.executor.adapters.setting_files import ReferenceUnset, SettingFiles, authority_files, key_files


@pytest.mark.parametrize(("files", "what"), [(key_files, "the key file"), (authority_files, "the tls_ca_file")])
def test_what_is_no_path_is_told_as_a_file_that_can_not_be_read(files: Callable[[], SettingFiles[Any]], what: str) -> None:
    seen = files()
    seen.look_at(["no\0path"])
    with pytest.raises(ReferenceUnset) as caught:
        seen.content("no\0path")
    assert caught.value.reason == f"{what} no\0path cannot be read"
