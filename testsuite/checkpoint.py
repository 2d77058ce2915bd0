#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""testsuite/checkpoint: services of unmodified servers move by checkpoint, with connections that are busy.

Runs in a guest whose kernel CRIU knows.  Home and target are places of their own for files
(RUNDIR) on one machine, with a bridge between the ports; the processes of the move are the real ones,
`holdfast-service move-out` and `move-in`, and what they ask of their hookd is answered here: the
bridge takes the service's frames from one port to the other.

    checkpoint.py HOLDFAST-SERVICE FOLDER STEP...

STEP: `without` (the target has no CRIU: it is refused before anything is touched), `stay` (when all
is at the target, home gives it up: it goes on at home), `killed` (move-out is killed then: the
same), `move`.  After each step every connection must go on, and a line says so.
"""

import hashlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

ADDRESS = "10.9.0.10"
PORT = 6652
LIMIT = 120  # Seconds for what is waited for.
SIDES = {"home": "hfshome", "target": "hfstarget"}
NAMES = {"home": "hv1", "target": "hv2"}  # As hypervisors, in their certificates.
COMMAND = """\
mkdir -p /run/nginx
cat >/run/nginx/conf <<'END'
pid /run/nginx/pid;
error_log stderr;
worker_processes 1;
events {}
http {
    access_log off;
    keepalive_timeout 3600;
    client_header_timeout 3600;
    client_body_temp_path /run/nginx/body;
    proxy_temp_path /run/nginx/proxy;
    fastcgi_temp_path /run/nginx/fastcgi;
    uwsgi_temp_path /run/nginx/uwsgi;
    scgi_temp_path /run/nginx/scgi;
    server { listen 8000; location / { return 200 "request $connection_requests\\n"; } }
}
END
nginx -c /run/nginx/conf
busybox nc -ll -p 7 -e cat &
exec python3 -u -m http.server --directory /srv/files 8001
"""


def call(*words):
    """Runs a command that must succeed; returns its output."""
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


def until(what, condition):
    """Waits for it."""
    end = time.monotonic() + LIMIT
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise SystemExit(f"not in {LIMIT} s: {what}")
        time.sleep(0.05)


def connect(port):
    """A connection to the service, once it listens."""
    def attempt():
        try:
            return socket.create_connection((ADDRESS, port), timeout=LIMIT)
        except (ConnectionRefusedError, OSError):
            return None
    return until(f"port {port}", attempt)


class Nginx:
    """Idle keep-alive connections, of which nginx counts the requests."""

    def __init__(self):
        self.clients = [connect(8000) for _ in range(5)]
        self.n = 0

    def check(self):
        """Each connection is at the same number."""
        self.n += 1
        for client in self.clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: service\r\n\r\n")
        for client in self.clients:
            answer = client.recv(65536).decode()
            if not answer.endswith(f"request {self.n}\n"):
                raise SystemExit(f"nginx: {answer!r}, not request {self.n}")


class Echo:
    """Connections that are written to and read from all the time, by `nc -e cat`."""

    def __init__(self):
        self.clients = [connect(7) for _ in range(2)]
        self.read = [0] * len(self.clients)
        self.wrong = []
        for i, client in enumerate(self.clients):
            threading.Thread(target=self.write, args=(client,), daemon=True).start()
            threading.Thread(target=self.compare, args=(i, client), daemon=True).start()

    @staticmethod
    def pattern(begin, size):
        """Octets that say where in the stream they are."""
        first = begin // 8
        words = b"".join(n.to_bytes(8, "big") for n in range(first, (begin + size) // 8 + 1))
        return words[begin - first * 8:][:size]

    def write(self, client):
        """Some 200 KB a second: the machine is to have time for the move, too."""
        sent = 0
        try:
            while True:
                client.sendall(self.pattern(sent, 4096))
                sent += 4096
                time.sleep(0.02)
        except OSError as why:
            self.wrong.append(f"written {sent}: {why}")

    def compare(self, i, client):
        """Octet by octet."""
        try:
            while True:
                part = client.recv(65536)
                if not part or part != self.pattern(self.read[i], len(part)):
                    self.wrong.append(f"connection {i} is wrong after {self.read[i]} octets")
                    return
                self.read[i] += len(part)
        except OSError as why:
            self.wrong.append(f"read {self.read[i]}: {why}")

    def check(self):
        """More comes back on each, and all of it right."""
        before = list(self.read)
        until(f"more than {before} echoed; {self.wrong}",
              lambda: self.wrong or all(now > then + 100_000 for now, then in zip(self.read, before)))
        if self.wrong:
            raise SystemExit(f"echo: {self.wrong}")


class Download:
    """A large file on its way, from a Python program: more than buffers take, to the end."""

    def __init__(self, file):
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()
        self.client = connect(8001)
        self.client.sendall(b"GET /large HTTP/1.0\r\n\r\n")
        self.got = b""

    def check(self):
        """More of it comes."""
        n = len(self.got)
        while len(self.got) < n + 1_000_000:
            part = self.client.recv(65536)
            if not part:
                raise SystemExit(f"download: ended after {len(self.got)} bytes")
            self.got += part

    def end(self):
        """All of it came, as it is."""
        while part := self.client.recv(1 << 20):
            self.got += part
        body = self.got.split(b"\r\n\r\n", 1)[1]
        if hashlib.sha256(body).hexdigest() != self.digest:
            raise SystemExit(f"download: {len(body)} bytes, not those of the file")


class Job:
    """A process of the move: what it says, and the answers to what it asks."""

    def __init__(self, program, verb, order, answers, extra=None, path=None):
        self.answers = answers
        self.said = {}
        ours, theirs = socket.socketpair()
        give = (lambda: os.dup2(extra, 3)) if extra is not None else None
        self.process = subprocess.Popen([program, verb], stdin=theirs, stdout=theirs, preexec_fn=give,
                                        pass_fds=[3] if extra is not None else [],
                                        env={**os.environ, "PATH": path or os.environ["PATH"]})
        theirs.close()
        self.file = ours.makefile("rw")
        self.tell(order)
        self.thread = threading.Thread(target=self.listen, args=(verb,), daemon=True)
        self.thread.start()

    def tell(self, line):
        """An answer, or the order."""
        try:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
        except BrokenPipeError:
            pass

    def listen(self, verb):
        """Until it ends."""
        for text in self.file:
            line = json.loads(text)
            print(f"{time.monotonic():.2f} {verb}: {text.strip()[:300]}", file=sys.stderr, flush=True)
            if "ask" in line:
                answer = self.answers[line["ask"]]()
                if answer is not None:
                    self.tell(answer)
            else:
                self.said[line["say"]] = line

    def end(self):
        """Its last words, once it has ended."""
        self.process.wait(LIMIT)
        self.thread.join(LIMIT)
        return self.said


class World:
    """The bridge, the certificates, the service at home."""

    def __init__(self, program, folder, command=COMMAND):
        self.program, self.folder, self.command = program, folder, command
        # Else it has the lowest of its ports' addresses: with them it would change in the pause.
        call("ip", "link", "add", "bridge", "address", "02:00:00:00:00:01", "type", "bridge")
        call("ip", "address", "add", "10.9.0.1/24", "dev", "bridge")
        call("ip", "link", "set", "bridge", "up")
        self.listener = socket.create_server(("127.0.0.1", PORT))
        for side in SIDES:
            shutil.copytree(folder / side, f"/run/{side}")
        self.make("home")
        call(program, "make", "/run/home", "web")
        self.plug("home")
        call(program, "run", "/run/home", "web")

    def definition(self, side):
        """As hookd writes it."""
        return json.dumps({
            "name": "web", "interface": SIDES[side], "mac": "02:00:00:00:00:10",
            "ips": [f"{ADDRESS}/24"], "gateway": "", "offloads": True, "user": "root",
            "command": ["/bin/sh", "-c", self.command], "directory": "/", "environment": [],
            "checkpoint": True})

    def make(self, side):
        """The service's folder there."""
        root = Path(f"/run/{side}/service")
        (root / "web").mkdir(parents=True, mode=0o700)
        (root / "web/definition").write_text(self.definition(side), encoding="utf-8")

    @staticmethod
    def plug(side):
        """The bridge has this side's port alone."""
        for other, port in SIDES.items():
            if Path(f"/sys/class/net/{port}").exists():
                call("ip", "link", "set", port, *(["master", "bridge"] if other == side else ["nomaster"]))
        return {}

    @staticmethod
    def credentials(side):
        """Where its certificate is."""
        return {"ca_certificate": f"/run/{side}/ca.pem", "certificate": f"/run/{side}/certificate.pem",
                "private_key": f"/run/{side}/key.pem"}

    def move(self, step, home="home", target="target"):
        """One move: what move-out and move-in said."""
        out = Job(self.program, "move-out", {
            "rundir": f"/run/{home}", "service": "id", "name": "web", "move": step,
            "home": NAMES[home], "mode": "checkpoint", "target": NAMES[target],
            "address": "127.0.0.1", "port": PORT, "credentials": self.credentials(home)},
            {"turn": lambda: self.plug(target), "commit": lambda: self.committed(step, out)})
        self.listener.settimeout(LIMIT)
        connection = self.listener.accept()[0]
        into = Job(self.program, "move-in", {
            "rundir": f"/run/{target}", "members": ["hv1", "hv2"], "credentials": self.credentials(target)},
            {"welcome": lambda: {"definition": self.definition(target)},
             "plug": lambda: {}, "commit": lambda: {}, "activate": lambda: {}},
            connection.fileno(),
            "/nowhere" if step == "without" else None)
        connection.close()
        said = out.end(), into.end()
        if step == "move":
            if "live" not in said[0] or "live" not in said[1]:
                raise SystemExit(f"it did not move: {said}")
            call(self.program, "undo", f"/run/{home}", "web", "forget")
            return said
        if "live" in said[0] or "live" in said[1]:
            raise SystemExit(f"it moved: {said}")
        if step == "without":
            print(said[0]["failed"]["why"])
        call(self.program, "undo", "/run/target", "web", "forget")
        self.plug("home")
        call(self.program, "go-on", "/run/home", "web")
        return said

    @staticmethod
    def own(side):
        """What is in the service's own file systems there, and how they are mounted."""
        first = Path(f"/run/{side}/service/web/init").read_text(encoding="utf-8").split()[0]
        mounts = [(words[4], words[5], words[words.index("-") + 1]) for words in
                  map(str.split, Path(f"/proc/{first}/mountinfo").read_text(encoding="utf-8").splitlines())]
        found = {"mounts": sorted(mounts)}
        for place in ("dev", "run", "tmp"):
            root = Path(f"/proc/{first}/root/{place}")
            for path in [root, *root.rglob("*")]:
                told = path.lstat()
                if "pts" not in path.parts:  # Of its own kind: CRIU's.
                    found[str(path.relative_to(root.parent))] = (
                        told.st_mode, told.st_uid, told.st_gid, told.st_rdev,
                        # CRIU makes something in folders, and takes it away.
                        0 if stat.S_ISDIR(told.st_mode) else told.st_mtime_ns,
                        path.read_bytes() if stat.S_ISREG(told.st_mode) else b"")
        return found

    @staticmethod
    def committed(step, out):
        """Everything is at the target: here the step decides."""
        if step == "killed":
            out.process.kill()
            return None
        return {} if step == "move" else {"error": "its move is not under way any more"}


def main():
    """All steps, in turn."""
    program, folder, steps = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    shutil.copytree(folder / "files", "/srv/files", dirs_exist_ok=True)
    world = World(program, folder)
    clients = [Nginx(), Echo(), Download(folder / "files/large")]
    for step in ["before", *steps]:
        if step != "before":
            before = world.own("home")
            world.move(step)
            after = world.own("target" if step == "move" else "home")
            different = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
            if different:
                raise SystemExit(f"{step}: not as they were: "
                                 f"{[(name, before.get(name), after.get(name)) for name in different]}")
        for client in clients:
            client.check()
        print(f"{step}: all connections go on", flush=True)
    clients[-1].end()
    print("download: whole")
    left = call("ls", "/run/home/service")
    if left and steps[-1] == "move":
        raise SystemExit(f"left at home: {left}")


if __name__ == "__main__":
    main()
