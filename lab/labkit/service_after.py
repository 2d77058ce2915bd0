# SPDX-License-Identifier: Apache-2.0
"""What has to be so after a fault in a service's move: it lives on one side, and nothing of the move is
left on either."""

from . import aftermath, hypervisor, scene, service_halts
from .base import LabError, run, wait_for
from .service_parties import keeper_of

FOLDER = "/run/holdfast/service"
PORTS = ("ovs-vsctl list-ports br0", "ip -o link show type veth")


def words(on, command):
    """What a shell command of a hypervisor prints."""
    return run([*hypervisor.inside(on), "sh", "-c", command], check=False).split()


def ours(on):
    """holdfast-service's processes there."""
    return set(words(on, "pgrep -x holdfast-servic"))


def find(name):
    """Where the service runs in the end; None if it has ended."""
    def at_rest():
        rows = [next(row for row in aftermath.holdfast(on, "service", "list") if row["name"] == name)
                for on in scene.HYPERVISORS]
        if len({(row["state"], row["hypervisor"]) for row in rows}) > 1 or rows[0]["state"] == "moving":
            return None
        if rows[0]["state"] == "running" and not service_halts.copies(rows[0]["hypervisor"]):
            return None  # Its end is not told yet.
        return rows[0]

    row = wait_for(at_rest, f"service {name}: both say where it is", limit=60, every=0.2)
    return row["hypervisor"] if row["state"] == "running" else None


def service_problem(on, name, where):
    """What is of the service on a hypervisor and should not, or is not and should be; or None."""
    here = on == where
    if len(service_halts.copies(on)) != here:
        return f"{on}: {len(service_halts.copies(on))} copies of the service run"
    init = words(on, f"cut -d ' ' -f 1 {FOLDER}/{name}/init") if here else []
    left = ours(on) - set(init) - set(keeper_of(on, name) if here else [])
    if left:
        return f"{on}: left of holdfast-service: " + " ".join(words(on, f"ps -o pid,args {' '.join(left)}"))
    if where and words(on, f"ls {FOLDER}") != [name] * here:
        return f"{on}: {FOLDER} has {words(on, f'ls {FOLDER}')}"
    n = len(words(on, f"grep -o ' {FOLDER}/[^ ]*' /proc/self/mountinfo"))
    if n != here:
        return f"{on}: {n} networks of services are kept"
    for ports in PORTS:
        n = len(words(on, f"{ports} | grep -o 'hfs[0-9a-f]*' | sort -u"))
        if n != here:
            return f"{on}: {n} ports of services ({ports})"
    return service_halts.gate_problem(on, name) if here else None


def whole(name, where):
    """The service is at `where` (None: nowhere) by everybody's word, and nothing is left."""
    aftermath.settled(name, where)
    aftermath.nothing_left(name, where)
    aftermath.wait_until_none(lambda: aftermath.first(service_problem(on, name, where)
                                                      for on in scene.HYPERVISORS))


def move(name, source, target):
    """One move that nobody disturbs."""
    run([*hypervisor.inside(source), "holdfast", "service", "migrate", name, "--to", target, "--follow"], limit=60)
    if find(name) != target:
        raise LabError(f"a move that nobody disturbed has not brought {name} to {target}")
    whole(name, target)
