# SPDX-License-Identifier: Apache-2.0
"""Measures one live migration from outside: when QEMU stopped and went on, when the guest woke.

All times are CLOCK_REALTIME nanoseconds of this one machine, so they line up with the probe's.
"""

import ctypes
import errno
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time

from . import hypervisor, spaces
from .base import BUILD, STATE, LabError, load, run

ETH_P_ALL = 3
RTMGRP_LINK = 1
SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
CLONE_NEWNET = 0x40000000
SO_TIMESTAMPNS = 35
RARP = b"\x80\x35"  # Ethernet types as they are in a frame.
ARP = b"\x08\x06"
EVENT = re.compile(r"event (\w+) at (\d+)\.(\d{6}) for domain '?([^':]+)")


class QemuEvents:
    """QEMU's own STOP and RESUME events of one guest on one hypervisor, with QEMU's times."""

    def __init__(self, on, name):
        self.times = {}
        self._process = subprocess.Popen(
            [*hypervisor.inside(on), "virsh", "qemu-monitor-event", "--loop", "--regex",
             "--event", "^(STOP|RESUME)$"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True)
        self._reader = threading.Thread(target=self._read, args=(name,), daemon=True)
        self._reader.start()

    def _read(self, name):
        for line in self._process.stdout:
            found = EVENT.match(line)
            if found and found[4] == name:
                self.times[found[1]] = int(found[2]) * 10**9 + int(found[3]) * 1000

    def close(self):
        """Ends the listening."""
        # The group: entering a PID namespace makes virsh a child of the process started here.
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()


def announces(frame):
    """Whether a frame only tells where its sender is: QEMU's RARP, or a guest's ARP for itself,
    which its kernel sends by a timer of its own, before or after it is at its work again."""
    return frame[12:14] == RARP or (frame[12:14] == ARP and frame[28:32] == frame[38:42])


class FirstFrame(threading.Thread):
    """Waits for a guest's new tap on a hypervisor and keeps the time of the first frame that the
    guest itself sends there and that is more than an announcement."""

    def __init__(self, on):
        super().__init__(daemon=True)
        self.time_ns = None
        self.failure = None
        self._space = f"/proc/{load('hv', on)['pid']}/ns/net"
        self._ending = threading.Event()
        self._listening = threading.Event()
        self.start()
        self._listening.wait()

    def run(self):
        """The thread: its network namespace is the hypervisor's."""
        try:
            with open(self._space) as space:
                enter_network(space)
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as links:
                links.bind((0, RTMGRP_LINK))
                known = taps()
                self._listening.set()
                tap = self._new_tap(links, known)
            if tap:
                self._first_frame(tap)
        except OSError as why:
            self.failure = str(why)
        finally:
            self._listening.set()

    def _new_tap(self, links, known):
        """The name of a tap that was not there at the start; None when told to stop."""
        while not self._ending.is_set():
            fresh = taps() - known
            if fresh:
                return fresh.pop()
            if select.select([links], [], [], 0.1)[0]:
                links.recv(65536)
        return None

    def _first_frame(self, tap):
        """Keeps the kernel's time of the first frame out of the tap that is no announcement."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
            wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            wire.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            wire.bind((tap, ETH_P_ALL))
            while not self._ending.is_set():
                if not select.select([wire], [], [], 0.1)[0]:
                    continue
                try:
                    frame, control, _flags, _address = wire.recvmsg(64, 64)
                except OSError as why:
                    if why.errno == errno.ENETDOWN:
                        continue  # Said once of a tap that was not up yet.
                    raise
                if announces(frame):
                    continue
                for level, kind, data in control:
                    if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                        seconds, nanoseconds = struct.unpack("qq", data[:16])
                        self.time_ns = seconds * 10**9 + nanoseconds
                        return

    def close(self):
        """Ends the waiting."""
        self._ending.set()
        self.join()


def taps():
    """The names of the guests' taps in this thread's network namespace."""
    return {name for _, name in socket.if_nameindex() if name.startswith("vnet")}


def enter_network(space):
    """Moves the calling thread into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(space.fileno(), CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Probe:
    """A running lab/probe in a client, and its report."""

    def __init__(self, client, to, rate=1000):
        self._end = STATE / "client" / client / "probe-end"
        self._end.unlink(missing_ok=True)
        record = load("client", client)
        # A session of its own: Ctrl-C is for what runs the probe, which then ends it by the file.
        self._process = subprocess.Popen(
            [*spaces.enter(record), str(BUILD / "lab" / "probe"), "--to", to, "--rate", str(rate),
             "--seconds", "300", "--json", "--until-file", str(self._end)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)

    def finish(self):
        """Ends the sending, waits for the last answers; returns the report's JSON text."""
        self._end.touch()
        output, errors = self._process.communicate(timeout=60)
        if self._process.returncode != 0:
            raise LabError(errors.strip() or "the probe ended without a report")
        return output

    def running(self):
        """Whether it still sends."""
        return self._process.poll() is None


def downtime_ms(on, name):
    """libvirt's own figure for the guest's downtime in its last migration, in ms."""
    text = run([*hypervisor.inside(on), "virsh", "domjobinfo", name, "--completed",
                "--keep-completed"], check=False)
    found = re.search(r"Total downtime:\s+(\d+)", text)
    return int(found[1]) if found else None


def pause(seconds):
    """Lets traffic run for a while: a length of measurement, not a wait for something."""
    time.sleep(seconds)
