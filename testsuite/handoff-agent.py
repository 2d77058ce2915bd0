#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An agent by the letter of doc/handoff.md that ends in the middle of a giving.

usage: handoff-agent.py PATH N

Listens at PATH, says "listening", has the service give, and ends after N sockets have come.
"""

import os
import socket
import struct
import sys


def main():
    path, most = sys.argv[1], int(sys.argv[2])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    print("listening", flush=True)
    service, _ = listener.accept()
    version, kind, size, roles = struct.unpack_from(">BBxxII", hello := service.recv(70000))
    print(f"version {version} type {kind} size {size} roles {roles} name {hello[12:].decode()}")
    sys.stdin.readline()
    service.send(bytes.fromhex("01 02 00 00 00 00 00 00"))
    for _ in range(most):
        packet, descriptors, _, _ = socket.recv_fds(service, 70000, 4)
        n_name = struct.unpack_from(">I", packet, 12)[0]
        print(packet[1], packet[16:16 + n_name].decode(), len(descriptors), flush=True)
    os._exit(9)


main()
