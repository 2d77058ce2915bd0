# SPDX-License-Identifier: Apache-2.0
"""A stand-in for QEMU with a hop as its guest: makes a tap, and sends back what it reads from it.

    tap-vm.py INTERFACE      its process and descriptor go to INTERFACE.vm, for holdfast/arm

At SIGUSR1 the guest stops.  As QEMU does (doc/cutover.md), it reads one frame more, keeps it, and
reads no more: the file INTERFACE.kept tells; at SIGUSR2 the guest goes on, with that frame.
"""

import fcntl
import os
import select
import signal
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
HEADER = 10  # Of virtio-net, before each frame.


class Guest:
    """Passes frames back while it runs."""

    def __init__(self, interface):
        self._tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._tap, TUNSETIFF,
                    struct.pack("16sH22x", interface.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        self._interface = interface
        self._runs = True
        self._kept = None
        with open(interface + ".vm.new", "w", encoding="ascii") as file:
            file.write(f"{os.getpid()} {self._tap}\n")
        os.rename(interface + ".vm.new", interface + ".vm")

    def stop(self, *_):
        """Its processors stand still."""
        self._runs = False

    def go_on(self, *_):
        """They run again."""
        self._runs = True

    def _pass_back(self, frame):
        if not frame[HEADER] & 1:  # What is for all is no hop's to hand on.
            os.write(self._tap, frame)

    def run(self):
        """One frame after the other."""
        poller = select.poll()
        poller.register(self._tap, select.POLLIN)
        nothing = select.poll()
        while True:
            reads = self._runs or self._kept is None
            (poller if reads else nothing).poll(1000)
            if self._runs and self._kept:
                self._pass_back(self._kept)
                self._kept = None
            if not reads:
                continue
            try:
                frame = os.read(self._tap, 65536)
            except BlockingIOError:
                continue
            if self._runs:
                self._pass_back(frame)
            else:
                self._kept = frame
                open(self._interface + ".kept", "w", encoding="ascii").close()


if __name__ == "__main__":
    guest = Guest(sys.argv[1])
    signal.signal(signal.SIGUSR1, guest.stop)
    signal.signal(signal.SIGUSR2, guest.go_on)
    guest.run()
