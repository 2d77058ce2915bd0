# SPDX-License-Identifier: Apache-2.0
"""Sends frames that nobody sends who means well.

    raw.py storm INTERFACE IPV4 N         ARP requests of IPV4 for N addresses of nobody
    raw.py as INTERFACE MAC TO N          N frames from MAC to TO, which nobody is to receive
    raw.py count INTERFACE FOLDER         makes the file `listening`, and says how many of those
                                          came once `enough` is there
"""

import socket
import sys
import time
from pathlib import Path

EVERYBODY = b"\xff" * 6
STRANGE = b"\x88\xb6"  # A local experimental type.


def mac_of(text):
    """The bytes of aa:bb:cc:dd:ee:ff."""
    return bytes.fromhex(text.replace(":", ""))


def own_mac(interface):
    """The interface's address."""
    return mac_of(Path(f"/sys/class/net/{interface}/address").read_text().strip())


def send(interface, frames):
    """Puts them on the wire, one after the other."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        for frame in frames:
            out.send(frame.ljust(60, b"\0"))


def storm(interface, address, number):
    """RFC 826."""
    mac, sender = own_mac(interface), socket.inet_aton(address)
    head = EVERYBODY + mac + bytes.fromhex("0806000108000604") + b"\0\1" + mac + sender + bytes(6)
    send(interface, (head + (0xac100000 + i).to_bytes(4, "big") for i in range(number)))


def count(interface, folder):
    """What comes of the strange type."""
    came = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x88b6) as ears:
        ears.bind((interface, 0x88b6))
        ears.settimeout(0.1)
        (folder / "listening").touch()
        while not (folder / "enough").exists():
            try:
                came += ears.recvfrom(100)[1][2] != socket.PACKET_OUTGOING
            except TimeoutError:
                continue
    print(came)


def main(what, interface, *words):
    """Does what is asked for."""
    if what == "storm":
        storm(interface, words[0], int(words[1]))
    elif what == "as":
        frame = mac_of(words[1]) + mac_of(words[0]) + STRANGE
        send(interface, [frame] * int(words[2]))
    else:
        count(interface, Path(words[0]))


main(*sys.argv[1:])
