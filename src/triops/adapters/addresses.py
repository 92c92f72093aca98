"""Which addresses a server may connect to on behalf of those who name them."""

import ipaddress
from typing import Final

_TRANSLATING: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address behind a network's translation


def reachable(address: str, *, allow_private: bool) -> bool:
    """`address`: as it will really be connected to, after any name was looked up. Addresses of the public internet are;
    private ones where they are allowed; link-local ones never, since a cloud's metadata with its credentials is there.
    """
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or _translated(ip) or ip
    if ip.is_link_local:
        return False
    site = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    return allow_private or (ip.is_global and not (ip.is_multicast or ip.is_reserved or site))


def _translated(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _TRANSLATING else None
