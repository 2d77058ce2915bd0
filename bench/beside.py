#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench/service's part in a guest with Debian's kernel: handoff/counter is moved there and back by
Holdfast (mode checkpoint) and by CRIU alone, in turn, while peers talk to it.

    beside.py BUILD FOLDER MOVES KIND...

FOLDER has the certificates of both sides (`home`, `target`).  Prints one JSON object a move.

Holdfast's processes of the move are the real ones; what they ask of hookd is answered here, and a
bridge of Linux stands in for the switches, which drops what they would keep.  CRIU alone: the service
has a network of its own on each side, as containers have; `criu dump --tcp-established` there, with
its own lock; the images are copied; the bridge leads to the other side; `criu restore`."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "testsuite"))

import checkpoint  # noqa: E402
from checkpoint import call, until  # noqa: E402

PORT = 7000
SECOND = 10**9


class Peers:
    """bench/peers, with one connection."""

    def __init__(self, program, address, kind):
        self._process = subprocess.Popen([program, address, str(PORT), kind, "1"], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._process.stdout.readline()

    def order(self, word):
        """tell or end; what it answers."""
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Holdfast:
    """The service, moved by move-out and move-in."""

    name, address = "Holdfast", checkpoint.ADDRESS

    def __init__(self, build, folder):
        self.places = ["home", "target"]
        self.world = checkpoint.World(build / "service/holdfast-service", folder,
                                      f"exec {build}/handoff/counter {PORT}")

    def move(self):
        """When the service was told to stop, and when it ran again: ns; and what the sockets' part of
        it was: per cent of what home did, and of what the target did."""
        out, into = self.world.move("move", *self.places)
        self.places.reverse()
        times, figures = out["marks"]["times"], out["marks"]["figures"]
        begin, end = times["flushed"], into["live"]["time_ns"]
        return begin, end, {
            "save_part": figures["save_us"] * 1e5 / (times["copied"] - begin),
            "restore_part": figures["restore_us"] * 1e5 / (end - times["copied"])}


class Alone:
    """The same program, moved by criu."""

    name, address = "CRIU alone", "10.9.0.20"

    def __init__(self, build, folder):
        self.places, self.images = ["left", "right"], folder / "images"
        for place in self.places:
            call("ip", "netns", "add", place)
            call("ip", "link", "add", f"b-{place}", "type", "veth", "peer", "eth0", "netns", place,
                 "address", "02:00:00:00:00:20")
            call("ip", "-n", place, "address", "add", f"{self.address}/24", "dev", "eth0", "nodad")
            for link in ("lo", "eth0"):
                call("ip", "-n", place, "link", "set", link, "up")
            call("ip", "link", "set", f"b-{place}", "up")
        self.plug("left")
        with open("/dev/null", "r+b") as null:
            self.pid = subprocess.Popen(
                ["nsenter", "--net=/run/netns/left", build / "handoff/counter", str(PORT)],
                stdin=null, stdout=null, stderr=null, start_new_session=True).pid

    def plug(self, place):
        """The bridge leads to this side alone."""
        for other in self.places:
            call("ip", "link", "set", f"b-{other}",
                 *(["master", "bridge"] if other == place else ["nomaster"]))

    def criu(self, verb, folder, *more, **how):
        """One run of it; what it says is in its log."""
        done = subprocess.run(["criu", verb, "-D", folder, "-o", "log", "-v1", "--tcp-established",
                               "--network-lock", "nftables", "--manage-cgroups=ignore", *more],
                              check=False, **how)
        if done.returncode != 0:
            raise SystemExit(f"criu {verb}: {(folder / 'log').read_text()}")

    def move(self):
        """When criu was started, and when the service ran again: ns."""
        source, target = self.places
        shutil.rmtree(self.images, ignore_errors=True)
        old, new = self.images / "old", self.images / "new"
        old.mkdir(parents=True)
        space = os.stat(f"/run/netns/{source}").st_ino
        begin = time.time_ns()
        self.criu("dump", old, "-t", str(self.pid), "--external", f"net[{space}]:place")
        shutil.copytree(old, new)
        self.plug(target)
        with open(f"/run/netns/{target}", "rb") as there:
            self.criu("restore", new, "--restore-detached", "--inherit-fd",
                      f"fd[{there.fileno()}]:place", pass_fds=[there.fileno()])
        end = time.time_ns()
        self.places.reverse()
        return begin, end, {}


def measure(mover, peers):
    """The figures of one move."""
    peers.order("tell")
    time.sleep(1.5)
    begin, end, more = mover.move()
    time.sleep(2.5)
    told = peers.order("tell")
    link = told["links"][0]
    within = max(0, min(link["to"], end) - max(link["from"], begin))
    width = told["bin_ns"]
    first = (begin - SECOND - told["bins_from"]) // width
    return {"mover": mover.name, "kind": link["kind"], "pause_ms": (link["to"] - link["from"]) / 1e6,
            "share_ms": (link["to"] - link["from"] - within) / 1e6,
            "stood_ms": (end - begin) / 1e6, **more, "wrong": bool(link["failure"]),
            "bin_ms": width / 1e6, "bins": told["bins"][max(0, first):first + 4 * SECOND // width]}


def main():
    """All moves, in turn."""
    build, folder, n_moves, kinds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    movers = [Holdfast(build, folder), Alone(build, folder)]
    for mover in movers:
        until(f"{mover.name}'s service", lambda: subprocess.run(
            ["busybox", "nc", "-w", "1", mover.address, str(PORT)], input=b"", check=False,
            capture_output=True).returncode == 0)
    for kind in kinds:
        peers = [Peers(build / "bench/peers", mover.address, kind) for mover in movers]
        for _ in range(n_moves):
            for mover, peer in zip(movers, peers):
                print(json.dumps(measure(mover, peer)), flush=True)
        for mover, peer in zip(movers, peers):
            for link in peer.order("end")["links"]:
                if link["failure"]:
                    raise SystemExit(f"{mover.name}, {kind}: {link['failure']}")


main()
