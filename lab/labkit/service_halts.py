# SPDX-License-Identifier: Apache-2.0
"""A move of a service that stands still at a step of its own until it is let go.

Nothing here waits for a length of time, and the programs are those of every build: one that stands
in for holdfast-service hands the lines on that move-out and move-in exchange with their hookd, and
keeps back the one that is named (halting-service).
"""

import subprocess
from pathlib import Path

from . import hypervisor
from .base import BUILD, run, wait_for

PROGRAM = BUILD / "handoff/counter"  # What the service runs.

# Each with the side and the line that it begins with, in the order of doc/service-move.md.
LINES = {
    "plug": ("target", "move-in:plug"),                # Namespaces are made there, the port is not plugged in.
    "flush": ("home", "move-out:flush"),               # The peers stop sending.
    "stopped": ("home", "move-out:turn"),              # The program has given its sockets and stands still.
    "turned": ("home", "move-out:turn:answer"),        # Home's switch sends to the target's.
    "saved": ("home", "move-out:saved"),               # All is sent.
    "restored": ("home", "move-out:commit"),           # All is made at the target.
    "committed": ("home", "move-out:commit:answer"),   # Home's row says so.
    "commit": ("target", "move-in:commit"),            # The target has heard.
    "gate": ("target", "move-in:commit:answer"),       # The target's row says so; the gate is shut.
    "opened": ("target", "move-in:activate"),          # It lives there, and neither the switch nor a peer knows.
    "live": ("target", "move-in:live"),                # It lives there, and its hookd does not know.
    "removed": ("home", "move-out:live"),              # Home's copy is to be removed.
}
STEPS = tuple(LINES)
REAL = "/run/matrix/real"


def install(on):
    """Puts the one that halts in the place of holdfast-service, in this hypervisor alone."""
    program = BUILD / "service/holdfast-service"
    stand_in = Path(__file__).with_name("halting-service")
    inner = hypervisor.inside(on)
    run([*inner, "mkdir", "-p", REAL])
    run([*inner, "touch", f"{REAL}/holdfast-service"])
    run([*inner, "mount", "--bind", program, f"{REAL}/holdfast-service"])
    run([*inner, "mount", "--bind", stand_in, program])


class Halt:
    """A move of service `name`, halted at one step."""

    def __init__(self, name, home, target):
        self.name, self.home, self.target = name, home, target
        self._file = None
        self._process = None

    def at(self, step):
        """Begins the move and returns when it stands at the step."""
        side, line = LINES[step]
        on = self.home if side == "home" else self.target
        self._file = hypervisor.folder_of(on) / "run/matrix" / line
        reached = self._file.with_name(self._file.name + ".reached")
        reached.unlink(missing_ok=True)
        self._file.touch()
        self._process = subprocess.Popen(
            [*hypervisor.inside(self.home), "holdfast", "service", "migrate", self.name, "--to", self.target],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(reached.exists, f"step {step}")

    def let_go(self):
        """Nothing holds it any more."""
        if self._file:
            self._file.unlink(missing_ok=True)

    def movers_ended(self, limit=90):
        """Waits until neither side's process of the move is left; home's hookd may still ask."""
        def left():
            return [verb for on, verb in ((self.home, "move-out"), (self.target, "move-in"))
                    if state_of(on, mover(on, verb)) not in (None, "Z")]
        wait_for(lambda: not left(), "end of move-out and move-in", limit=limit)

    def stop(self):
        """Whatever has become of it: nothing of it is left running."""
        self.let_go()
        if self._process and self._process.poll() is None:
            self._process.kill()
        if self._process:
            self._process.wait()


def mover(on, verb):
    """The number of the newest move-out or move-in of a hypervisor."""
    file = hypervisor.folder_of(on) / f"run/matrix/{verb}.pid"
    return file.read_text(encoding="ascii") if file.exists() else None


def state_of(on, pid):
    """The state of a process of a hypervisor, a letter (proc(5)); None if there is none."""
    stat = pid and run([*hypervisor.inside(on), "cat", f"/proc/{pid}/stat"], check=False)
    return stat.rpartition(")")[2].split()[0] if stat else None


def copies(on):
    """The processes of the service's program there."""
    return run([*hypervisor.inside(on), "pgrep", "-x", PROGRAM.name], check=False).split()


def gate_problem(on, name):
    """Why nothing passes to the service's network or from it, or None."""
    net = f"/run/holdfast/service/{name}/net"
    tables = run([*hypervisor.inside(on), "nsenter", f"--net={net}", "nft", "list", "tables"])
    return f"{on}: nftables in the service's network: {tables.strip()}" if "holdfast" in tables else None
