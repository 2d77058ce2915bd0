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


def serve(connection, peer, name):
    """One connection."""
    with connection:
        while request := connection.recv(4096):
            if b"later" in request:
                time.sleep(3)
            if b"much" in request:
                connection.sendall(bytes(300_000))
                return
            connection.sendall(f"{name} from {peer[0]}\n".encode())


def datagrams(name, port):
    """All datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("", port))
        while True:
            request, peer = listener.recvfrom(65535)
            answer = f"{name} from {peer[0]}\n".encode()
            # What came is told by what goes back: a byte spoilt on the way is seen.
            listener.sendto(answer + request[len(answer):], peer)


def main():
    """Until killed."""
    name, port = sys.argv[1], int(sys.argv[2])
    threading.Thread(target=datagrams, args=(name, port), daemon=True).start()
    with socket.create_server(("", port), backlog=128) as listener:
        while True:
            connection, peer = listener.accept()
            threading.Thread(target=serve, args=(connection, peer, name), daemon=True).start()


main()
