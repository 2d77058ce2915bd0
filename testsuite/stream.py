# SPDX-License-Identifier: Apache-2.0
"""Streams of numbered datagrams, and the way that each of them took.

    stream.py receive N END-FILE        waits for streams 0 to N-1, until END-FILE is there
    stream.py send ADDRESS N END-FILE   1000 datagrams a second in all, until END-FILE is there
    stream.py judge SENT RECEIVED [--allow N] WAY...
    stream.py ways RECEIVED             the ways, and whether each stream kept to one

Hops add their weight (1, 4, 16 or 64) to the type of service (hop forward eth0 WEIGHT), so that a
datagram says which it passed, and how often.  A WAY is a sum of weights, as 1+4; 0:1+4 is one for
stream 0 alone.  `send` prints
how many datagrams each stream sent, `receive` what came of each, both as JSON; `judge` says in
words what became of them: lost or doubled (N may be each, without a word), or on no way that is named.
"""

import json
import os
import socket
import sys
import time

PORT = 9000  # Of stream 0.


def send(address, n, end_file):
    """Prints how many each stream sent."""
    sent = [0] * n
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        start = time.monotonic()
        total = 0
        while not os.path.exists(end_file):
            stream = total % n
            out.sendto(f"{stream} {sent[stream]}".encode(), (address, PORT + stream))
            sent[stream] += 1
            total += 1
            time.sleep(max(0.0, start + total / 1000 - time.monotonic()))
    print(json.dumps(sent))


def receive(n, end_file):
    """Prints, for each stream, the ways of its datagrams by their number."""
    ways = [{} for _ in range(n)]
    sockets = []
    for stream in range(n):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        one.bind(("", PORT + stream))
        one.setblocking(False)
        sockets.append(one)
    print("ready", flush=True)
    quiet_since = time.monotonic()
    # What is on its way at the end counts too: half a second without any.
    while not os.path.exists(end_file) or time.monotonic() - quiet_since < 0.5:
        if any([take(one, ways) for one in sockets]):
            quiet_since = time.monotonic()
        time.sleep(0.005)
    print(json.dumps(ways))


def take(one, ways):
    """Takes what lies in a socket; whether there was anything."""
    any_came = False
    while True:
        try:
            data, control, _, _ = one.recvmsg(64, 64)
        except BlockingIOError:
            return any_came
        any_came = True
        stream, number = data.decode().split()
        tos = next(value[0] for level, kind, value in control if kind == socket.IP_TOS)
        ways[int(stream)].setdefault(number, []).append(tos)


def last_line_of(file_name):
    """What `receive` printed last."""
    with open(file_name) as file:
        return json.loads(file.read().splitlines()[-1])


def ways(received_file):
    """Prints one line."""
    taken = [set().union(*ways.values()) for ways in last_line_of(received_file)]
    several = sum(len(one) != 1 for one in taken)
    print(f"{several or 'none'} on several ways or none; ways", *sorted(set().union(*taken)))
    print([sorted(one) for one in taken], file=sys.stderr)


def judge(sent_file, received_file, *named):
    """Prints one line."""
    allowed_few = 0
    if named[0] == "--allow":
        allowed_few, named = int(named[1]), named[2:]
    allowed = set()  # (stream, or "" for all; sum)
    for way in named:
        stream, _, weights = way.rpartition(":")
        allowed.add((stream, sum(int(weight) for weight in weights.split("+"))))
    with open(sent_file) as file:
        sent = json.load(file)
    came = last_line_of(received_file)
    lost = [f"{stream}/{number}" for stream, ways in enumerate(came)
            for number in range(sent[stream]) if str(number) not in ways]
    doubled = sum(len(tos) > 1 for ways in came for tos in ways.values())
    strayed = [f"{stream}/{number}: {tos}" for stream, ways in enumerate(came)
               for number, all_tos in ways.items() for tos in all_tos
               if not allowed & {("", tos), (str(stream), tos)}]
    print(f"{len(lost) if len(lost) > allowed_few else 'none'} lost, "
          f"{doubled if doubled > allowed_few else 'none'} doubled, {len(strayed) or 'none'} astray")
    print(f"{sum(sent)} sent; doubled {doubled}; lost {lost[:20]}; astray {strayed[:20]}", file=sys.stderr)


VERBS = {"send": lambda words: send(words[0], int(words[1]), words[2]),
         "receive": lambda words: receive(int(words[0]), words[1]),
         "judge": lambda words: judge(*words),
         "ways": lambda words: ways(*words)}

if __name__ == "__main__":
    VERBS[sys.argv[1]](sys.argv[2:])
