#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Answers each connection and each datagram with its name and who asked: name-server NAME PORT.

What a connection says is answered, "later" after three seconds, "much" by
300,000 bytes and the end.  A datagram is answered by one as long.
"""

import socket
import sys
import threading
import time


def address(peer):
    """Who asked; of IPv4, the socket says ::ffff:ADDRESS."""
    return peer[0].removeprefix("::ffff:")


def serve(connection, peer, name):
    """One connection."""
    with connection:
        while request := connection.recv(4096):
            if b"later" in request:
                time.sleep(3)
            if b"much" in request:
                connection.sendall(bytes(300_000))
                return
            connection.sendall(f"{name} from {address(peer)}\n".encode())


def datagrams(name, port):
    """All datagrams."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("", port))
        while True:
            request, peer = listener.recvfrom(65535)
            answer = f"{name} from {address(peer)}\n".encode()
            # What came is told by what goes back: a byte spoilt on the way is seen.
            listener.sendto(answer + request[len(answer):], peer)


def main():
    """Until killed."""
    name, port = sys.argv[1], int(sys.argv[2])
    threading.Thread(target=datagrams, args=(name, port), daemon=True).start()
    with socket.create_server(("", port), family=socket.AF_INET6, backlog=128,
                              dualstack_ipv6=True) as listener:
        while True:
            connection, peer = listener.accept()
            threading.Thread(target=serve, args=(connection, peer, name), daemon=True).start()


main()
