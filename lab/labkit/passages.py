# SPDX-License-Identifier: Apache-2.0
"""Where the probe's packets are, and when: each time that one goes into a guest's tap or comes out.

The kernel stamps and keeps the frames; they are read once the move is over, so that the reading takes
no processor from what is measured.  Times are CLOCK_REALTIME nanoseconds, as the probe's."""

import ctypes
import errno
import fcntl
import socket
import struct
import threading
from dataclasses import dataclass

from . import network
from .base import LabError, load, names
from .measure import ETH_P_ALL, SO_TIMESTAMPNS, SOL_PACKET, enter_network

PROBE_PORT = 7077  # As in lab/probe-packet.h, whose ProbePacket PACKET is.
PACKET = struct.Struct("=QIIq")
MAGIC = 0x484f4c4446415354
HEADERS = 14 + 20 + 8  # Ethernet, IPv4 without options, UDP.
SIZE = HEADERS + PACKET.size
PACKET_STATISTICS = 6
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
SIOCGIFHWADDR = 0x8927
ROOM = 512 << 20  # Bytes of frames that wait to be read: some minutes of the probe.
# Classic BPF: a whole IPv4 datagram from or to the probe's port, cut after what is read of it.
FILTER = ((0x28, 0, 0, 12), (0x15, 0, 9, 0x0800), (0x30, 0, 0, 23), (0x15, 0, 7, 17),
          (0x28, 0, 0, 20), (0x45, 5, 0, 0x1fff), (0x28, 0, 0, 34), (0x15, 2, 0, PROBE_PORT),
          (0x28, 0, 0, 36), (0x15, 0, 1, PROBE_PORT), (0x06, 0, 0, SIZE), (0x06, 0, 0, 0))


@dataclass
class Passage:
    """A packet's way through a guest: from its tap into it, and out of it again."""

    vm: str
    entered_ns: int
    left_ns: int


class Taps:
    """Listens at all taps of some hypervisors, for the probe's packets, while a VM moves."""

    def __init__(self, hypervisors, moved):
        self._sockets = {on: listen(on) for on in hypervisors}
        self._vms = {network.mac_for(name)[2:]: name for name in names("vm")}
        self._moved = moved

    def close(self):
        """Ends the listening.  Returns {(run, sequence): [(time, VM, into the guest)]}, in the order
        of time."""
        seen = {}
        for on, wire in self._sockets.items():
            with wire:
                self._read(on, wire, seen)
        for times in seen.values():
            times.sort()
        return seen

    def _read(self, on, wire, seen):
        vms = {"": self._moved}  # The one tap that has gone is that at its source.
        while True:
            try:
                frame, control, _flags, address = wire.recvmsg(SIZE, 64)
            except BlockingIOError:
                break
            except OSError as why:
                if why.errno == errno.ENETDOWN:
                    continue  # Said once of an interface that went.
                raise
            name, kind = address[0], address[2]
            if name not in vms:
                vms[name] = self._vms.get(mac_of(wire, name))
            if vms[name] is None or len(frame) < SIZE:
                continue
            magic, run, sequence, _sent = PACKET.unpack_from(frame, HEADERS)
            if magic == MAGIC:
                seen.setdefault((run, sequence), []).append(
                    (time_of(control), vms[name], kind == socket.PACKET_OUTGOING))
        _seen, lost = struct.unpack("II", wire.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if lost:
            raise LabError(f"{on}: {lost} of the frames at its taps were not kept: no room")


def listen(on):
    """A packet socket at all interfaces of a hypervisor, with a filter for the probe."""
    made = []

    def make():
        with open(f"/proc/{load('hv', on)['pid']}/ns/net") as space:
            enter_network(space)
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        code = b"".join(struct.pack("HBBI", *line) for line in FILTER)
        keep = ctypes.create_string_buffer(code)
        wire.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                        struct.pack("HP", len(FILTER), ctypes.addressof(keep)))
        wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        wire.setblocking(False)
        made.append(wire)

    thread = threading.Thread(target=make)  # Of its own: it stays in that namespace.
    thread.start()
    thread.join()
    if not made:
        raise LabError(f"{on}: its taps cannot be listened at")
    return made[0]


def mac_of(wire, interface):
    """The MAC address, less its first byte, of an interface where a socket is; None if it went: a
    tap has the guest's, but for that byte."""
    try:
        told = fcntl.ioctl(wire, SIOCGIFHWADDR, struct.pack("40s", interface.encode()))
    except OSError:
        return None
    return ":" + ":".join(f"{byte:02x}" for byte in told[19:24])


def time_of(control):
    """The kernel's time of a frame."""
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return seconds * 10**9 + nanoseconds
    raise LabError("the kernel gave no time for a frame")


def passages(times):
    """A packet's passages, from what Taps saw of it.  The moved guest may have taken it in at one place
    and give it out at the other; what is put into its tap again was not taken in before."""
    entered, found = {}, []
    for time_ns, vm, into in times:
        if into:
            entered[vm] = time_ns
        elif vm in entered:
            found.append(Passage(vm, entered.pop(vm), time_ns))
    return found


def outside_ns(begin_ns, end_ns, spans):
    """How much of a time is in none of some spans of time, (begin, end) each."""
    outside, reached = 0, begin_ns
    for begin, end in sorted(spans):
        outside += max(0, min(begin, end_ns) - reached)
        reached = max(reached, min(end, end_ns))
    return outside + max(0, end_ns - reached)


def record(seen, run, marks):
    """Text of a move: its marks, (time, what happened) each, then every packet of the probe's run and
    where it was when, a line each; ms since the first mark.  A line that begins with "!" tells of a
    place that a packet came to after a later one."""
    zero = min((time_ns for time_ns, _ in marks), default=0)
    lines = [f"{(time_ns - zero) / 1e6:10.3f} {what}" for time_ns, what in sorted(marks)]
    visits, latest = [], {}
    for (of, sequence), times in seen.items():
        if of == run:
            visits += [(time_ns, sequence, (visit, vm, into))
                       for visit, (time_ns, vm, into) in enumerate(times)]
    for time_ns, sequence, place in sorted(visits):
        visit, vm, into = place
        late = sequence < latest.get(place, -1)
        latest[place] = max(sequence, latest.get(place, -1))
        lines.append(f"{'!' if late else ' '}{(time_ns - zero) / 1e6:9.3f} {sequence} "
                     f"{visit} {'into' if into else 'from'} {vm}")
    return "\n".join(lines) + "\n"
