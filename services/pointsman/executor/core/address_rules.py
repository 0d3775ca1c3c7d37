"""Which network addresses may be called, and what a base URL may look like.

Providers are named by operators, but names resolve to what others say (CVE-2024-6587, DNS rebinding), so each
address is looked at when it is connected to.
"""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_SITE_LOCAL = ipaddress.ip_network("fec0::/10")  # RFC 3879
# Where clouds keep credentials and no range says so: Alibaba's is within shared address space, Amazon's within a private one.
_METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254")))
DEFAULT_PATH = "/v1"  # where a base URL has none, as Ollama's usually has not


def is_address_allowed(text: str, *, allow_private: bool) -> bool:
    """Whether this IP address may be called.

    Public ones may; with allow_private also private, shared (100.64.0.0/10) and loopback ones. Link-local ones and
    others where clouds keep credentials, site-local, multicast, reserved and unspecified ones may not, nor what hides
    such an address inside IPv6.
    """
    try:
        address = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if address.is_loopback:
        return allow_private
    # Before is_global, which takes reserved and site-local IPv6 addresses for public ones.
    if address.is_link_local or address.is_multicast or address.is_reserved or address in _SITE_LOCAL:
        return False
    if address.is_unspecified or address in _METADATA:
        return False
    return address.is_global or allow_private


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return inner or address


@dataclass(frozen=True, slots=True)
class BadBaseUrl:
    """Why a base URL is refused."""

    reason: str


@lru_cache(maxsize=256)  # asked for several times in each call, and there are few
def checked_base_url(text: str, *, allow_private: bool, default_path: str) -> str | BadBaseUrl:
    """The base URL without a slash at its end, its path filled in where it has none."""
    try:
        parts = urlsplit(text.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        return BadBaseUrl("is not a URL")
    if parts.scheme not in ("https", "http") or not host:
        return BadBaseUrl("is not an https URL")
    if parts.scheme == "http" and not allow_private:
        return BadBaseUrl("is not encrypted; use https, or allow_private_address for a server of your own")
    if parts.username is not None or parts.query or parts.fragment:
        return BadBaseUrl("holds more than an address")
    path = parts.path.rstrip("/") or default_path
    return f"{parts.scheme}://{parts.netloc}{path}"
