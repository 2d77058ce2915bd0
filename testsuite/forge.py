# SPDX-License-Identifier: Apache-2.0
"""Sends frames that claim to be another's, as fast as they go.

    forge.py INTERFACE N OWN-MAC MAC IPV4 IPV6     N of each kind

The kinds: an IPv4 packet of MAC's, one of IPV4 from the own MAC, a gratuitous ARP for IPV4, an
ARP of MAC, a RARP for MAC, and a neighbour advertisement for IPV6.
"""

import errno
import os
import socket
import sys


def mac_of(text):
    """The bytes of aa:bb:cc:dd:ee:ff."""
    return bytes.fromhex(text.replace(":", ""))


def ipv4(source):
    """An empty UDP packet's header; nobody looks at its checksum on the way."""
    return bytes.fromhex("45000014000000004011 0000") + source + socket.inet_aton("10.0.0.1")


def arp(operation, sender, address, target):
    """RFC 826."""
    return (bytes.fromhex("000108000604") + operation.to_bytes(2, "big") + sender + address +
            target + address)


def advertisement(source, target, link):
    """RFC 4861, section 4.4."""
    return (bytes.fromhex("6000000000203aff") + source +
            socket.inet_pton(socket.AF_INET6, "ff02::1") + bytes.fromhex("8800000020000000") +
            target + b"\x02\x01" + link)


def send(out, frame):
    """Sends a frame, as soon as the kernel has room for it: the kernel's datapath is slower than we are."""
    while True:
        try:
            out.send(frame)
            return
        except OSError as failure:
            if failure.errno != errno.ENOBUFS:
                raise
            os.sched_yield()


def main(interface, number, own, mac, address, address6):
    """Sends them."""
    own, mac = mac_of(own), mac_of(mac)
    address, address6 = socket.inet_aton(address), socket.inet_pton(socket.AF_INET6, address6)
    link_local = socket.inet_pton(socket.AF_INET6, "fe80::1")
    everybody = b"\xff" * 6
    frames = [everybody + source + kind + payload for source, kind, payload in (
        (mac, b"\x08\x00", ipv4(address)),
        (own, b"\x08\x00", ipv4(address)),
        (own, b"\x08\x06", arp(2, own, address, own)),
        (own, b"\x08\x06", arp(2, mac, address, mac)),
        (own, b"\x80\x35", arp(3, own, bytes(4), mac)),
        (own, b"\x86\xdd", advertisement(link_local, address6, own)))]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        for _ in range(number):
            for frame in frames:
                send(out, frame.ljust(60, b"\0"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
