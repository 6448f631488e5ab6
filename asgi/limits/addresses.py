"""Whom limits count: one customer of a network provider, by the address that a connection comes from."""

from ipaddress import IPv4Address, IPv6Network, ip_address

UNKNOWN_CUSTOMER = "unknown"
IPV6_CUSTOMER_BITS = 64
"""One customer has at least so many addresses of IPv6, and is counted as one."""


def customer_address(host: str) -> str:
    """Return the address as limits count it; of IPv6 the network of one customer. All that is no address counts as one:
    a proxy may pass on what clients wrote."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return UNKNOWN_CUSTOMER
    if isinstance(address, IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_CUSTOMER_BITS), strict=False))
