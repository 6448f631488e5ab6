"""Tell the service manager that this process is ready (systemd's `Type=notify`): one datagram, if it asked for it."""

import socket
from contextlib import suppress

from workers.config.settings import find_notify_socket


def announce_ready() -> None:
    """Say that start-up is over; nothing is said where no service manager listens."""
    address = find_notify_socket()
    if address is None:
        return
    # A name that begins with "@" is of the abstract namespace.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        manager.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        manager.sendall(b"READY=1")
