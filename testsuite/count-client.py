#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A quiet client of several instances of handoff/counter: one line a moment to each.

usage: count-client.py PORT ADDRESS...

Says "running" once all have answered, and goes on until the file "stop" is there.  Each answer is
the bytes and the checksum of all that was said in that connection, so a connection that was made
anew, or lost a byte, is seen.  Says how many were right; exit 1 if one was not.
"""

import os
import socket
import sys
import time

MASK = (1 << 64) - 1


class Peer:
    """One connection."""

    def __init__(self, address, port):
        self.address = address
        self.socket = socket.create_connection((address, port), timeout=60)
        self.lines = self.socket.makefile("rb")
        self.size, self.total = 0, 0xCBF29CE484222325
        self.socket.sendall(b"count\n")

    def turn(self, number):
        """Says a line, and checks the answer."""
        line = f"line {number}\n".encode()
        self.size += len(line)
        for byte in line:
            self.total = ((self.total ^ byte) * 0x100000001B3) & MASK
        self.socket.sendall(line)
        answer = self.lines.readline()
        if answer != f"{self.size} {self.total:016x}\n".encode():
            raise AssertionError(f"{self.address}, line {number}: {answer!r}")


def main():
    peers = [Peer(address, int(sys.argv[1])) for address in sys.argv[2:]]
    number, failures = 0, {}
    while number == 0 or not os.path.exists("stop"):
        for peer in peers:
            try:
                if peer.address not in failures:
                    peer.turn(number)
            except (OSError, AssertionError) as wrong:
                failures[peer.address] = f"{peer.address}: {wrong!r}"
        if number == 0:
            print("running", flush=True)
        number += 1
        time.sleep(0.1)
    print(*failures.values(), f"{len(peers) - len(failures)} of {len(peers)} right", sep="\n")
    sys.exit(1 if failures else 0)


main()
