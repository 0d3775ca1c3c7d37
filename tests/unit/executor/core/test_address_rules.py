"""Which addresses may be called."""

import pytest

from pointsman.executor.core.address_rules import BadBaseUrl, checked_base_url, is_address_allowed

ADDRESSES = {
    "8.8.8.8": (True, True),
    "2606:4700::1111": (True, True),
    "127.0.0.1": (False, True),
    "::1": (False, True),
    "10.0.0.1": (False, True),
    "172.17.0.1": (False, True),
    "100.64.0.1": (False, True),
    "100.127.255.254": (False, True),
    "::ffff:100.64.0.1": (False, True),
    "100.100.100.200": (False, False),
    "fd00:ec2::254": (False, False),
    "0.0.0.0": (False, False),
    "192.168.1.1": (False, True),
    "fd00::1": (False, True),
    "::ffff:10.0.0.1": (False, True),
    "169.254.169.254": (False, False),
    "::ffff:169.254.169.254": (False, False),
    "64:ff9b::a9fe:a9fe": (False, False),
    "64:ff9b::808:808": (True, True),
    "2002:7f00:1::": (False, True),
    "::7f00:1": (False, False),
    "::ffff:0:7f00:1": (False, False),
    "64:ff9b:1::a9fe:a9fe": (False, False),
    "fec0::1": (False, False),
    "::": (False, False),
    "fe80::1": (False, False),
    "fe80::1%eth0": (False, False),
    "224.0.0.1": (False, False),
    "ff02::1": (False, False),
    "255.255.255.255": (False, False),
    "240.0.0.1": (False, False),
    "not an address": (False, False),
}


@pytest.mark.parametrize(("address", "allowed"), ADDRESSES.items(), ids=ADDRESSES.keys())
def test_public_addresses_may_be_called_and_private_ones_where_allowed(address: str, allowed: tuple[bool, bool]) -> None:
    public_only, private_too = (is_address_allowed(address, allow_private=flag) for flag in (False, True))
    assert (public_only, private_too) == allowed


URLS = {
    "plain": ("https://api.openai.com/v1", False, "https://api.openai.com/v1"),
    "slash at the end": ("https://api.openai.com/v1/", False, "https://api.openai.com/v1"),
    "path filled in after a slash": ("http://127.0.0.1:11434/", True, "http://127.0.0.1:11434/v1"),
    "path filled in after a name": ("http://box", True, "http://box/v1"),
    "path filled in": ("http://127.0.0.1:11434", True, "http://127.0.0.1:11434/v1"),
    "path of its own": ("https://models.github.ai/inference", False, "https://models.github.ai/inference"),
    "unencrypted": ("http://api.openai.com/v1", False, None),
    "other scheme": ("file:///etc/passwd", True, None),
    "no scheme": ("api.openai.com", True, None),
    "user and password": ("https://user:pw@host/v1", True, None),
    "query": ("https://host/v1?key=1", True, None),
    "fragment": ("https://host/v1#x", True, None),
    "bad port": ("https://host:99999/v1", True, None),
}


@pytest.mark.parametrize(("text", "allow_private", "url"), URLS.values(), ids=URLS.keys())
def test_base_url(text: str, allow_private: bool, url: str | None) -> None:  # noqa: FBT001
    checked = checked_base_url(text, allow_private=allow_private, default_path="/v1")
    assert checked == url if url is not None else isinstance(checked, BadBaseUrl)
