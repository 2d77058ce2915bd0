#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A VLAN device of eth0, as the module 8021q makes them, for kernels that have none.

usage: vlan-tap.py ID

Makes the interface vlanID with eth0's MAC address, and carries its frames with the tag until it is
killed."""

import fcntl
import os
import select
import socket
import struct
import sys

ALL_FRAMES = 3  # ETH_P_ALL
TAG = 0x8100
SOL_PACKET, PACKET_AUXDATA = 263, 8
TCI_VALID = 1 << 4  # TP_STATUS_VLAN_VALID
TUNSETIFF, IFF_TAP_NO_PI = 0x400454CA, 0x1002
SIOCSIFHWADDR, SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8924, 0x8913, 0x8914, 1
ETHERNET = 1
MOST = 65536


def make_tap(name, mac):
    """The tap, up."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", name, IFF_TAP_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFHWADDR, struct.pack("16sH6s8x", name, ETHERNET, mac))
        known = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sH14x", name, 0))
        flags = struct.unpack_from("16sH", known)[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", name, flags | IFF_UP))
    return tap


def vlan_of(ancillary):
    """The VLAN that the kernel took out of a frame; 0: none."""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
            return tci & 0xFFF if status & TCI_VALID else 0
    return 0


def main():
    vlan = int(sys.argv[1])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES)) as wire:
        wire.bind(("eth0", ALL_FRAMES))
        wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        tap = make_tap(f"vlan{vlan}".encode(), wire.getsockname()[4])
        tag = struct.pack("!HH", TAG, vlan)
        while True:
            for ready in select.select([wire, tap], [], [])[0]:
                if ready == tap:
                    frame = os.read(tap, MOST)
                    wire.send(frame[:12] + tag + frame[12:])
                    continue
                frame, ancillary, _, sender = wire.recvmsg(MOST, 256)
                if sender[2] != socket.PACKET_OUTGOING and vlan_of(ancillary) == vlan:
                    os.write(tap, frame)


main()
