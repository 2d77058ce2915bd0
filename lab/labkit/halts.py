# SPDX-License-Identifier: Apache-2.0
"""A live migration that stands still at a step of its own until it is let go.

Nothing here waits for a length of time: libvirt's own hooks stop it (a script of the test's that
waits for a lock), a libvirtd or hookd that is stopped (SIGSTOP) while the others go on, and a
speed limit.  That a step is reached is read where it is written down: in Holdfast's store, the
switch's events, and libvirt's own file of the domain's state.
"""

import fcntl
import json
import subprocess

from . import hypervisor
from .base import LabError, run, wait_for

HOOK = """\
#!/bin/sh
# Of a test: operation $2 on VM $1 waits as long as somebody holds the lock of that name.
cat >/dev/null
place=/run/matrix/$1-$2
test -e "$place" || exit 0
: >"$place.reached"
exec flock --shared "$place" true
"""

STEPS = ("prepare", "staged", "copying", "suspended", "activated", "resumed", "cleaning")


def install(on):
    """Puts the hook before Holdfast's own, so that hookd has not heard of the operation yet."""
    place = hypervisor.folder_of(on) / "etc/libvirt/hooks/qemu.d/00-matrix"
    place.write_text(HOOK)
    place.chmod(0o755)
    (hypervisor.folder_of(on) / "run/matrix").mkdir(exist_ok=True)


class Halt:
    """A migration of guest `name`, halted at one step."""

    def __init__(self, name, source, destination):
        self.name, self.source, self.destination = name, source, destination
        self._locks = []
        self._stopped = []
        self._process = None

    def at(self, step):
        """Starts the migration and returns when it stands at the step."""
        getattr(self, f"_to_{step}")()

    def let_go(self):
        """Nothing holds it any more."""
        for place, lock in self._locks:
            place.unlink()
            lock.close()
        for on, program in self._stopped:
            self._signal(on, program, "CONT")
        self._locks, self._stopped = [], []
        self._speed(1000)

    def ended(self, limit=60):
        """Waits for the end of the migration; whether it was a success, by libvirt's word."""
        try:
            return self._process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise LabError(f"virsh migrate has not ended within {limit} s") from None

    def stop(self):
        """Whatever has become of it: nothing of it is left running."""
        self.let_go()
        if self._process and self._process.poll() is None:
            self._process.kill()

    # The steps.

    def _to_prepare(self):
        self._halted_by_hook(self.destination, "prepare")

    def _to_staged(self):
        self._halted_by_hook(self.destination, "started")
        wait_for(lambda: {"staged", "plugged", "armed"} <= self._marks(self.source), "step staged")

    def _to_copying(self):
        self._speed(1)
        self._begin()
        wait_for(self._copies, "first data of the migration")

    def _to_suspended(self):
        """All is copied and the guest stands still: the destination's libvirtd is to go on."""
        self._to_copying()
        self._halt(self.destination, "libvirtd")
        self._speed(1000)
        wait_for(lambda: "phase='perform3_done'" in self._state_of_domain(self.source), "end of the copying")
        wait_for(lambda: "turned" in self._marks(self.source), "step turned")

    def _to_activated(self):
        """The guest runs there and the switch has turned; neither hookd nor the source knows."""
        self._to_suspended()
        self._halt(self.source, "libvirtd")
        newest = self._switch_events(0)["seq"]
        self._halt(self.destination, "holdfast-hookd")
        self._go_on(self.destination, "libvirtd")

        def activated():
            return any(event["kind"] == "activated"
                       for event in self._switch_events(newest)["events"])
        wait_for(activated, "the switch's event activated")
        self._to_answered()

    def _to_resumed(self):
        """All hypervisors know that the guest runs there; the source's QEMU is still there."""
        self._to_suspended()
        self._halt(self.source, "libvirtd")
        self._go_on(self.destination, "libvirtd")
        wait_for(lambda: {"resumed", "activated"} <= self._marks(self.source), "step resumed")
        self._to_answered()

    def _to_answered(self):
        """The destination's libvirtd has done its part, too.  One that is killed after the guest runs
        and before it says so leaves two that run: the source's has it go on, as libvirt does."""
        wait_for(lambda: "async='migration in'" not in self._state_of_domain(self.destination),
                 "end of the migration at the destination")

    def _to_cleaning(self):
        self._halted_by_hook(self.source, "stopped")

    # What halts it.

    def _begin(self):
        command = ["virsh", "-q", "migrate", "--live", self.name,
                   f"qemu+tcp://{self.destination}/system"]
        log = open(hypervisor.folder_of(self.source) / "var-log/migrate.log", "w")
        with log:
            self._process = subprocess.Popen([*hypervisor.inside(self.source), *command],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _halted_by_hook(self, on, operation):
        place = hypervisor.folder_of(on) / f"run/matrix/{self.name}-{operation}"
        reached = place.with_name(place.name + ".reached")
        reached.unlink(missing_ok=True)
        lock = open(place, "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        self._locks.append((place, lock))
        self._begin()
        wait_for(reached.exists, f"{on}: hook {operation}")

    def _halt(self, on, program):
        self._signal(on, program, "STOP")
        self._stopped.append((on, program))

    def _go_on(self, on, program):
        self._stopped.remove((on, program))
        self._signal(on, program, "CONT")

    @staticmethod
    def _signal(on, program, name):
        """One that was killed meanwhile, and another in its place, takes no harm."""
        run([*hypervisor.inside(on), "pkill", f"-{name}", "-x", program], check=False)

    def _speed(self, mebibytes):
        """In MiB a second; of no use where the guest is not there any more."""
        run([*hypervisor.inside(self.source), "virsh", "-q", "migrate-setspeed", self.name,
             mebibytes], check=False)

    # What tells that a step is reached.

    def _copies(self):
        told = run([*hypervisor.inside(self.source), "virsh", "domjobinfo", self.name], check=False)
        return any(line.startswith("Data processed:") and " 0.000" not in line
                   for line in told.splitlines())

    def _state_of_domain(self, on):
        """libvirt's own file of the domain on `on`; it is written at each phase."""
        file = hypervisor.folder_of(on) / f"run/libvirt/qemu/{self.name}.xml"
        return file.read_text() if file.exists() else ""

    def _marks(self, on):
        """What the newest move of the guest has behind it, as hypervisor `on` knows it."""
        told = run([*hypervisor.inside(on), "holdfast", "events", "--move", "--vm", self.name,
                    "--json"], check=False)
        moves = json.loads(told or "[]")
        under_way = moves and moves[-1]["outcome"] == "under way"
        return {mark["what"] for mark in moves[-1]["marks"]} if under_way else set()

    def _switch_events(self, after):
        """The events of the destination's switch that are newer; waits for one."""
        told = run([*hypervisor.inside(self.destination), "ovs-appctl", "holdfast/watch", after])
        return json.loads(told)
