import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.executor.core.address_rules import is_address_allowed
from pointsman.registry.core.addresses import url_fault

PUBLIC = [
    "https://api.openai.com/v1",
    "https://api.openai.com:8443",
    "https://1.1.1.1",
    "https://[2606:4700:4700::1111]/v1",
    "https://xn--bcher-kva.example",
    "https://models.github.ai/inference",
]
PRIVATE = [
    "http://api.openai.com",
    "https://localhost",
    "https://localhost.",
    "https://sub.localhost",
    "https://127.0.0.1",
    "https://10.1.2.3",
    "https://192.168.0.1",
    "https://172.16.0.1",
    "https://100.64.0.1",
    "https://100.127.255.254",
    "https://[::ffff:100.64.0.1]",
    "https://[::1]",
    "https://[::ffff:10.0.0.1]",
    "https://[::ffff:127.0.0.1]",
    "https://[fc00::1]",
    "https://[64:ff9b::7f00:1]",
    "https://[2002:7f00:1::]",
    "https://ollama:11434",
    "https://printer.local",
    "https://db.internal",
    "https://api.example.com:22",
    "https://api.example.com:6379",
]
NEVER = [
    "",
    "file:///etc/passwd",
    "gopher://x.example",
    "ftp://x.example",
    "//x.example",
    "https://",
    "https:///v1",
    "https://0x7f.1",
    "https://2130706433",
    "https://0177.0.0.1",
    "https://127.1",
    "https://1.2.3.4.5",
    "https://169.254.169.254",
    "https://169.254.1.1",
    "https://100.100.100.200",
    "https://[fe80::1]",
    "https://[2001:0:4136:e378:8000:63bf:5601:5601]",
    "https://[::ffff:169.254.169.254]",
    "https://[fd00:ec2::254]",
    "https://metadata.google.internal",
    "https://metadata.google.internal.",
    "https://0.0.0.0",
    "https://[::]",
    "https://224.0.0.1",
    "https://240.0.0.1",
    "https://[::7f00:1]",
    "https://[64:ff9b:1::a9fe:a9fe]",
    "https://[fec0::1]",
    "https://[fe80::1%25eth0]",
    "https://user:pw@api.example.com",
    "https://user@api.example.com",
    "https://api.example.com#@10.0.0.1",
    "https://api.example.com\\@10.0.0.1",
    "https://api.example.com?x=1",
    "https://api.example.com/a b",
    "https://bücher.example",
    "https://api.example.com:0",
    "https://api.example.com:99999",
    "https://api.example.com:x",
    "https://-a.example",
    "https://a..example",
    "https://[::1",
    "https://x.example/" + "a" * 2_048,
]


@pytest.mark.parametrize("url", PUBLIC)
@pytest.mark.parametrize("allow", [False, True])
def test_a_public_https_address_is_allowed(url: str, allow: bool) -> None:  # noqa: FBT001  # a table's column
    assert url_fault(url, allow_private_address=allow) is None


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_needs_permission(url: str) -> None:
    assert url_fault(url, allow_private_address=False) is not None
    assert url_fault(url, allow_private_address=True) is None


@pytest.mark.parametrize("url", NEVER)
@pytest.mark.parametrize("allow", [False, True])
def test_a_disguised_or_broken_address_is_never_allowed(url: str, allow: bool) -> None:  # noqa: FBT001  # a table's column
    assert url_fault(url, allow_private_address=allow) is not None


LITERALS = ["0.0.0.0", "0.1.2.3", "1.1.1.1", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "169.254.1.1", "169.254.169.254"]
LITERALS += ["172.16.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"]
LITERALS += ["::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:100.64.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1"]
LITERALS += ["100::1", "2001:0:4136:e378:8000:63bf:5601:5601", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "2606:4700:4700::1111"]
LITERALS += ["3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1"]


def is_accepted(literal: str, *, allow: bool) -> bool:
    host = f"[{literal}]" if ":" in literal else literal
    return url_fault(f"https://{host}", allow_private_address=allow) is None


@pytest.mark.parametrize("literal", LITERALS)
@pytest.mark.parametrize("allow", [False, True])
def test_what_is_accepted_here_is_what_the_executor_calls(literal: str, allow: bool) -> None:  # noqa: FBT001  # a table's column
    assert is_accepted(literal, allow=allow) == is_address_allowed(literal, allow_private=allow)


@given(st.ip_addresses(), st.booleans())
def test_the_same_holds_for_any_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, allow: bool) -> None:  # noqa: FBT001  # drawn
    assert is_accepted(str(address), allow=allow) == is_address_allowed(str(address), allow_private=allow)
