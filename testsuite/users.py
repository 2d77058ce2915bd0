# SPDX-License-Identifier: Apache-2.0
"""A user who does what users should not: at hookd's users' socket, each thing with a line of what came of it.

    users.py SOCKET
"""

import json
import socket
import sys
import time


def connect():
    """A connection that waits for nobody for ever."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(20)
    peer.connect(sys.argv[1])
    return peer


def rest_of(peer):
    """What comes until the other end closes."""
    data = b""
    try:
        while part := peer.recv(4096):
            data += part
    except ConnectionResetError:
        pass  # It did not read all of ours.
    return data.decode()


def answer(data):
    """What is said to bytes of ours, or of it what says why not."""
    with connect() as peer:
        try:
            peer.sendall(data)
        except BrokenPipeError:
            pass
        text = rest_of(peer)
    reply = json.loads(text) if text else {}
    return reply.get("error") or reply.get("result")


def question(method, **arguments):
    """A question as the command asks it."""
    return json.dumps({"id": 1, "method": method, "params": [json.dumps(arguments)]}).encode()


def until(condition):
    """Waits for it."""
    while not condition():
        time.sleep(0.05)


def main():
    """All of it."""
    idle = [connect() for _ in range(8)]
    print("the ninth:", json.loads(rest_of(connect()))["error"])
    idle[0].sendall(b'{"id":1,"meth')  # And no more.
    for peer in idle[1:]:
        peer.close()
    until(lambda: "connections already" not in (answer(b"good day\n") or ""))
    print("no object:", bool(answer(b"good day\n")))
    print("no question:", bool(answer(b"{}")))
    print("too long:", bool(answer(b'{"id":1,"method":"' + b"x" * 100_000)))
    print("deep:", bool(answer(b'{"a":' * 600 + b"1" + b"}" * 600)))
    print("other:", answer(question("service/stop", service="web")))
    print("none:", answer(question("service/show")) == answer(question("list-commands")))
    print("shape:", bool(answer(question("service/migrate", service=["web"], to=7))))
    print("task:", answer(question("service/task", task="1")))
    print("list:", [row["name"] for row in json.loads(answer(question("service/list")))["services"]])
    for _ in range(1000):
        if "times a second" in answer(question("service/task", task="1")):
            print("too often")
            break


main()
