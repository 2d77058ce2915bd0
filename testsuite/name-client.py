#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a balanced address who answers.

    name-client ADDRESS PORT COUNT [tcp|udp [SIZE]]   how many each server answered, or "none"
    name-client --much ADDRESS PORT                   how many bytes come of a long answer
    name-client --forgotten ADDRESS PORT FOLDER       makes the file `due` when an answer is due,
                                                      and says what came once `forgotten` is there
    name-client --held ADDRESS PORT COUNT FOLDER      holds connections: makes the file `held`, and
                                                      counts those that go on once `go-on` is there
    name-client --echo ADDRESS PORT COUNT FOLDER      has connections echoed, again and again, until
                                                      `go-on` is there; makes the file `held` first
"""

import collections
import socket
import sys
import time
from pathlib import Path

LIMIT = 2  # Seconds for an answer.


def over_tcp(address, port):
    """The answer of one connection."""
    with socket.create_connection((address, port), LIMIT) as connection:
        connection.sendall(b"who?\n")
        return connection.recv(4096).decode()


def over_udp(address, port, size):
    """The answer of one datagram of `size` bytes."""
    request = bytes(i * 7 % 251 for i in range(size))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.settimeout(LIMIT)
        asker.connect((address, port))
        asker.send(request)
        answer = asker.recv(65535)
    line, _, _ = answer.partition(b"\n")
    if answer[len(line) + 1:] != request[len(line) + 1:]:
        raise OSError("what came back is not what was sent")
    return line.decode()


def much(address, port):
    """A long answer."""
    with socket.create_connection((address, port), LIMIT) as connection:
        connection.settimeout(20)
        connection.sendall(b"much\n")
        print(sum(len(part) for part in iter(lambda: connection.recv(65536), b"")))
    return 0


def forgotten(address, port, folder):
    """What comes when the switch forgets the connection before the server answers."""
    with socket.create_connection((address, port), LIMIT) as connection:
        connection.sendall(b"later\n")
        (folder / "due").touch()
        while not (folder / "forgotten").exists():
            time.sleep(0.01)
        connection.settimeout(LIMIT + 3)
        try:
            print("came:", connection.recv(4096).decode().strip())
            return 1
        except TimeoutError:
            pass
        # The client's next words are taken up again.
        connection.settimeout(10)
        connection.sendall(b"who?\n")
        print("nothing came, then", connection.recv(4096).decode().split()[0])
    return 0


def held(address, port, count, folder):
    """Half of them wait for an answer all the while, the others say nothing."""
    connections = []
    for _ in range(count):
        connection = socket.create_connection((address, port), 20)
        connection.sendall(b"now\n")
        connection.recv(4096)
        connections.append(connection)
    waiting, silent = connections[::2], connections[1::2]
    for connection in waiting:
        connection.sendall(b"later\n")
    (folder / "held").touch()
    while not (folder / "go-on").exists():
        time.sleep(0.05)
    answered = sum(bool(connection.recv(4096)) for connection in waiting)
    for connection in silent:
        connection.sendall(b"now\n")
    spoke = sum(bool(connection.recv(4096)) for connection in silent)
    print(f"{answered} answered, {spoke} spoke")
    return 0


def echo(address, port, count, folder):
    """All connections, one after the other, round by round."""
    connections = [socket.create_connection((address, port), 20) for _ in range(count)]
    broken = rounds = 0
    while not (folder / "go-on").exists():
        for number, connection in enumerate(connections):
            said = f"{rounds} {number}\n".encode()
            connection.settimeout(120)  # A director may be away, and TCP waits ever longer.
            connection.sendall(said)
            broken += connection.recv(4096) != said
        rounds += 1
        (folder / "held").touch()
        time.sleep(0.05)
    print(f"{count} connections, {broken} answers wrong, {'many' if rounds > 10 else rounds} rounds")
    return 0


def main():
    """Exit status 1 if one was not answered."""
    if sys.argv[1] == "--much":
        return much(sys.argv[2], int(sys.argv[3]))
    if sys.argv[1] == "--forgotten":
        return forgotten(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    if sys.argv[1] == "--echo":
        return echo(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
    if sys.argv[1] == "--held":
        return held(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
    address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    udp = sys.argv[4:5] == ["udp"]
    size = int(sys.argv[5]) if len(sys.argv) > 5 else 100
    answers = collections.Counter()
    for _ in range(count):
        try:
            answers[(over_udp(address, port, size) if udp else over_tcp(address, port)).strip()] += 1
        except OSError as error:
            print("none" if isinstance(error, TimeoutError) else error)
            return 1
    for answer, n in sorted(answers.items()):
        name, _, asker = answer.partition(" ")
        print(name, n, asker)
    return 0


sys.exit(main())
