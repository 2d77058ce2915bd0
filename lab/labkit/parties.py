# SPDX-License-Identifier: Apache-2.0
"""What can be killed under a move: each party by name, with how it dies and how it comes back."""

import os
import signal
from dataclasses import dataclass
from typing import Callable

from . import guest, hypervisor, spaces
from .base import LabError, load, run, wait_for


@dataclass
class Party:
    """One party of a move."""

    name: str
    kill: Callable[[], None]
    restart: Callable[[], None]
    late: bool = False          # It comes back only when the migration has ended.
    carries: bool = False       # Frames need it: some are lost while it is away.
    loses_guest: bool = False   # The guest may die of it.


def nothing():
    """It comes back by itself, or never."""


def daemon(title, on, program):
    """A daemon of a hypervisor.

    A switch that has lost its ovsdb-server does not run its userspace datapath until it has it
    again, which takes a second at least (Open vSwitch, bridge_run()).
    """
    return Party(title, lambda: hypervisor.stop_daemon(on, program, "KILL"),
                 lambda: hypervisor.start_daemon(on, program),
                 carries=program in ("ovs-vswitchd", "ovsdb-server"))


def kill_qemu(on, name):
    """Kills a guest's process."""
    pid = guest.qemu_of(on, name)
    if pid is None:
        raise LabError(f"VM {name} has no process on {on}")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: guest.qemu_of(on, name) != pid, f"end of process {pid}")


def kill_fleet(on):
    """Kills the server of the fleet database; the hookd that began the fleet starts it again."""
    run([*hypervisor.inside(on), "pkill", "-KILL", "-F", "/run/holdfast/fleet.pid"])


def set_link(on, state):
    """Cuts a hypervisor off the underlay, or plugs it in again."""
    inside = spaces.enter(load("space", "underlay"))
    run([*inside, "ip", "link", "set", f"under0-{on}", state])


def parties(name, source, destination):
    """All parties of a move of guest `name`."""
    both = (("source", source), ("destination", destination))
    found = []
    for title, program in (("switch", "ovs-vswitchd"), ("hookd", "holdfast-hookd"),
                           ("libvirtd", "libvirtd"), ("ovsdb", "ovsdb-server")):
        found += [daemon(f"{title}-{side}", on, program) for side, on in both]
    found += [Party(f"qemu-{side}", lambda on=on: kill_qemu(on, name), nothing, carries=True,
                    loses_guest=True)
              for side, on in both]
    # The lab's fleet database runs on hv1.
    found.append(Party("fleet-database", lambda: kill_fleet("hv1"), nothing))
    found.append(Party("underlay", lambda: set_link(source, "down"), lambda: set_link(source, "up"),
                       late=True, carries=True))
    return found
