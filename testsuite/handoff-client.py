#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of handoff/counter that check every byte.

usage: handoff-client.py PORT N [ADDRESS...]

Opens N connections of each kind to each address (127.0.0.1 and ::1), says "running" once all have had an
answer, and goes on until the file "stop" is there; then each has two more exchanges, all end, and
it says how many were right.  Exit 1 if one was not.
"""

import array
import os
import socket
import sys
import threading

STEP = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def summed(data, total=0xCBF29CE484222325):
    """FNV-1a, 64 bits."""
    for byte in data:
        total = ((total ^ byte) * 0x100000001B3) & MASK
    return total


def count(peer, number):
    """Each line is answered by the bytes and the checksum of all."""
    lines = peer.makefile("rb")
    peer.sendall(b"count\n")
    n, total, turn = 0, summed(b""), 0
    while True:
        line = f"line {turn} of {number}\n".encode()
        n, total, turn = n + len(line), summed(line, total), turn + 1
        peer.sendall(line[:5])
        peer.sendall(line[5:])
        if lines.readline() != f"{n} {total:016x}\n".encode():
            raise AssertionError(f"turn {turn}: wrong count")
        yield


def echo(peer, number):
    """All comes back."""
    peer.sendall(b"echo\n")
    stream = peer.makefile("rb")
    for turn in range(1 << 30):
        data = (f"{number}.{turn} " * 1000).encode()
        peer.sendall(data)
        if stream.read(len(data)) != data:
            raise AssertionError(f"turn {turn}: wrong echo")
        yield


def sink(peer, number):
    """All is counted: the sum comes at the end, after the generator's last turn."""
    peer.sendall(b"sink\n")
    n, total = 0, summed(b"")
    try:
        for turn in range(1 << 30):
            data = (f"{number}.{turn} " * 1000).encode()
            peer.sendall(data)
            n, total = n + len(data), summed(data, total)
            yield
    finally:
        peer.shutdown(socket.SHUT_WR)
        answer = peer.makefile("rb").readline()
        if answer != f"{n} {total:016x}\n".encode():
            raise AssertionError(f"wrong sum {answer} of {n} {total:016x}")


def source(peer, number):
    """An endless stream of words that are known."""
    peer.sendall(f"source {number}\n".encode())
    stream = peer.makefile("rb")
    size = 8192
    for begin in range(number, 1 << 40, size):
        words = array.array("Q", stream.read(size * 8))
        if words != array.array("Q", [(k * STEP) & MASK for k in range(begin, begin + size)]):
            raise AssertionError(f"wrong words from {begin - number} on")
        yield


class Client(threading.Thread):
    """One connection."""

    def __init__(self, kind, address, number):
        super().__init__(daemon=True)
        self.kind, self.address, self.number = kind, address, number
        self.begun = threading.Event()
        self.failure = "did not end"

    def run(self):
        try:
            with socket.create_connection(self.address, timeout=300) as peer:
                turns = self.kind(peer, self.number)
                next(turns)
                self.begun.set()
                while not os.path.exists("stop"):
                    next(turns)
                next(turns)
                next(turns)
                turns.close()
            self.failure = None
        except (OSError, AssertionError, StopIteration) as error:
            self.failure = f"{self.kind.__name__} {self.number} to {self.address[0]}: {error!r}"
            self.begun.set()


def main():
    port, n = int(sys.argv[1]), int(sys.argv[2])
    clients = [Client(kind, (host, port), number)
               for kind in (count, echo, sink, source)
               for host in sys.argv[3:] or ("127.0.0.1", "::1") for number in range(n)]
    for client in clients:
        client.start()
    for client in clients:
        client.begun.wait()
    print("running", flush=True)
    for client in clients:
        client.join()
    failures = [client.failure for client in clients if client.failure]
    print("\n".join(failures + [f"{len(clients) - len(failures)} of {len(clients)} right"]))
    sys.exit(1 if failures else 0)


main()
