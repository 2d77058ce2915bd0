# SPDX-License-Identifier: Apache-2.0
"""What can be killed under a move of a service: each party by name, with how it dies and how it comes back."""

from . import hypervisor, service_halts
from .base import LabError, load, run, wait_for
from .parties import Party, daemon, nothing, set_link

FILL = {"run": "/run/holdfast/service/fill", "store": "/var/lib/holdfast/fill"}


def install(on):
    """Small disks of its own for what a move writes, which can be filled."""
    inner = hypervisor.inside(on)
    hypervisor.stop_daemon(on, "holdfast-hookd", "TERM")
    run([*inner, "sh", "-ec", "cp -a /var/lib/holdfast /run/matrix/store && "
         "mount -t tmpfs -o size=16m,mode=755 tmpfs /var/lib/holdfast && "
         "cp -a /run/matrix/store/. /var/lib/holdfast && mkdir -p /run/holdfast/service && "
         "mount -t tmpfs -o size=4m,mode=700 tmpfs /run/holdfast/service"])
    hypervisor.start_daemon(on, "holdfast-hookd")


def kill(on, pids, signal="KILL"):
    """Ends processes of a hypervisor, and waits for it."""
    if not pids:
        raise LabError(f"{on}: there is no such process")
    run([*hypervisor.inside(on), "kill", f"-{signal}", *pids])
    wait_for(lambda: all(service_halts.state_of(on, pid) in (None, "Z") for pid in pids),
             f"{on}: end of {' '.join(pids)}")


def keeper_of(on, name):
    """The process that keeps the service, as a list; empty if there is none."""
    init = run([*hypervisor.inside(on), "cat", f"/run/holdfast/service/{name}/init"], check=False).split()
    stat = init and run([*hypervisor.inside(on), "cat", f"/proc/{init[0]}/stat"], check=False)
    parent = stat.rpartition(")")[2].split()[1] if stat else "1"
    return [] if parent in ("0", "1") else [parent]


def fill(on, file):
    """Leaves no byte on the disk that the file is on."""
    run([*hypervisor.inside(on), "dd", "if=/dev/zero", f"of={file}", "bs=512"], check=False)


def cut(on, state):
    """Cuts a hypervisor off all others, or plugs it in again."""
    for link in ("eth0", "mig0"):
        run([*hypervisor.inside(on), "ip", "link", "set", link, state])


def come_back(name, home, target):
    """The end of a target that was lost: what stands still at home is taken back before the target is there again."""
    def words(*command):
        return run([*hypervisor.inside(home), "holdfast", *command])

    def still():
        return "stands still" in words("status")

    wait_for(lambda: still() or '"moving"' not in words("service", "show", name, "--json"),
             f"service {name} has come to its end, or stands still", limit=60, every=0.5)
    if still():
        wait_for(lambda: "take-back" in words("status"), f"{target} is lost", limit=120, every=0.5)
        words("service", "take-back", name, "--fenced")
    cut(target, "up")


def parties(name, home, target):
    """All parties of a move of service `name`."""
    both = (("home", home), ("target", target))
    found = [Party("move-out", lambda: kill(home, [service_halts.mover(home, "move-out")]), nothing),
             Party("move-in", lambda: kill(target, [service_halts.mover(target, "move-in")]), nothing)]
    for title, program in (("hookd", "holdfast-hookd"), ("switch", "ovs-vswitchd")):
        found += [daemon(f"{title}-{side}", on, program) for side, on in both]
    for side, on in both:
        found.append(Party(f"keeper-{side}", lambda on=on: kill(on, keeper_of(on, name)), nothing))
        found.append(Party(f"service-{side}", lambda on=on: kill(on, service_halts.copies(on)), nothing,
                           loses_guest=True))
    found.append(Party("link", lambda: set_link(home, "down"), lambda: set_link(home, "up"), late=True))
    found.append(Party("lost", lambda: cut(target, "down"), lambda: come_back(name, home, target), late=True))
    for disk, file in FILL.items():
        found.append(Party(f"disk-{disk}", lambda file=file: fill(target, file),
                           lambda file=file: run([*hypervisor.inside(target), "rm", "-f", file]), late=True))
    return found
