#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Speaks on all guests' taps of the hypervisor that it runs on, past the switch, as its kernel does
now and then (an IPv6 router solicitation): 50 frames a second to each, until it is killed."""

import socket
import time

ALL_ROUTERS = bytes.fromhex("333300000002")
FRAME = ALL_ROUTERS + bytes.fromhex("fe5400112233" "86dd") + bytes(60)


def speak(taps):
    """One frame into each tap; `taps` has their sockets, by name."""
    for _, name in socket.if_nameindex():
        if not name.startswith("vnet"):
            continue
        try:
            if name not in taps:
                taps[name] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                taps[name].bind((name, 0))
            taps[name].send(FRAME)
        except OSError:  # It has gone, or is not up yet.
            taps.pop(name, None)


def main():
    """Until killed."""
    taps = {}
    while True:
        speak(taps)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
