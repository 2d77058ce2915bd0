# SPDX-License-Identifier: Apache-2.0
"""What has to be so after a fault in a move: the guest is found, its chain is whole, and nothing
of the move is left in any switch, store or the fleet database."""

import json

from . import guest, hypervisor, scene, spaces
from .base import BUILD, LabError, load, run, wait_for

MOVES = """\
import json, sqlite3
store = sqlite3.connect("file:/var/lib/holdfast/holdfast.db?mode=ro", uri=True)
print(json.dumps(list(store.execute("SELECT role, hypervisor, state FROM move"))))
"""
ENDED = ("back", "cleaned", "active", "failed")
SETTLED_LIMIT = 45  # Seconds.  A heartbeat of 15 s, and a reconnect after it, fit in.


def states(name):
    """What libvirt says of the guest on each hypervisor that has a QEMU of it."""
    found = {}
    for on in scene.HYPERVISORS:
        if guest.qemu_of(on, name):
            told = run([*hypervisor.inside(on), "virsh", "domstate", name], check=False)
            found[on] = told.strip()
    return found


def find(name, source):
    """Where the guest runs in the end, or None; and whether libvirt left one paused at the source.

    A libvirtd that is restarted between the end of the copying and the word of the destination
    does so: somebody who knows both sides has to end it (libvirt, qemuProcessRecoverMigrationOut).
    That is done here.
    """
    def at_rest():
        now = states(name)
        running = [on for on, state in now.items() if state == "running"]
        paused = [on for on, state in now.items() if state == "paused"]
        alone = len(running) == len(now) <= 1
        return (running, paused) if alone or (running and paused == [source]) else None

    running, paused = wait_for(at_rest, f"VM {name}: one that runs, or none", limit=30, every=0.2)
    for on in paused:
        run([*hypervisor.inside(on), "virsh", "-q", "destroy", name])
    return (running[0] if running else None), bool(paused)


def holdfast(on, *words):
    """What the holdfast command of a hypervisor answers, as JSON."""
    return json.loads(scene.holdfast(on, *words, "--json"))


def place_problem(name, where):
    """Why the records do not say that the guest is there (None: that it is stopped), or None."""
    for on in scene.HYPERVISORS:
        record = next(vm for vm in holdfast(on, "vm", "list") if vm["name"] == name)
        told = record["hypervisor"] if record["state"] == "running" else None
        if told != where:
            return f"{on} says that {name} is {told or 'stopped'}, not {where or 'stopped'}"
    return None


def switch_problem(on, name, where):
    """What is left of a move in a switch, or None."""
    inside = hypervisor.inside(on)
    status = json.loads(run([*inside, "ovs-appctl", "holdfast/status"]))
    if status["moves"] or (where and status["problems"]):
        return f"{on}: the switch has {status['moves'] or status['problems']}"
    label = next(vm for vm in holdfast(on, "vm", "list") if vm["name"] == name)["label"]
    for flow in run([*inside, "ovs-appctl", "holdfast/flows"]).splitlines():
        if "priority=135000" in flow or (
                on != where and f"priority=110000,reg0={label:#x}," in flow):
            return f"{on}: a flow of the move is left: {flow}"
    for line in run([*inside, "ovs-appctl", "fdb/show", "br0"]).splitlines():
        if "static" in line and "LOCAL" not in line:  # The bridge's own stays.
            return f"{on}: a MAC address is still pinned: {line}"
    return None


def rows_problem():
    """What is left of a move in a store or the fleet database, or None."""
    for on in scene.HYPERVISORS:
        rows = run([*hypervisor.inside(on), "/usr/bin/python3", "-c", MOVES])
        for role, owner, state in json.loads(rows):
            if state not in ENDED:
                return f"store of {on}: the {role}'s row of {owner} is {state}"
    query = ["Holdfast"] + [{"op": "select", "table": table, "where": []}
                            for table in ("Move", "Task", "VM")]
    told = run([*hypervisor.inside("hv1"), "ovsdb-client", "query", "unix:/run/holdfast/fleet.sock",
                json.dumps(query)])
    moves, tasks, _vms = (answer["rows"] for answer in json.loads(told))
    for row in moves:
        if row["state"] not in ENDED:
            return f"fleet: the {row['role']}'s row of {row['hypervisor']} is {row['state']}"
    if tasks:
        return f"fleet: task {tasks[0]['verb']} is left"
    return None


def whole(name, where):
    """The guest is at `where` by everybody's word, its chain is whole, and nothing is left."""
    settled(name, where)
    reached()
    nothing_left(name, where)


def settled(name, where):
    """Waits until everybody says that the guest is at `where`, and that all is well there."""
    def problem():
        at_hand = scene.HYPERVISORS if where else ()
        return place_problem(name, where) or first(hypervisor_problem(on) for on in at_hand)

    wait_until_none(problem)


def nothing_left(name, where):
    """Waits until no switch, no store and not the fleet database has anything of the move."""
    wait_until_none(lambda: rows_problem() or first(switch_problem(on, name, where)
                                                    for on in scene.HYPERVISORS))


def first(problems):
    """The first of some problems that is one, or None."""
    return next(filter(None, problems), None)


def wait_until_none(problem):
    """Waits until there is no problem any more; what it was to the last is the error."""
    found = ["it was not looked at"]

    def is_none():
        try:
            found[0] = problem()
        except LabError as failure:
            found[0] = str(failure)
        return found[0] is None

    try:
        wait_for(is_none, "", limit=SETTLED_LIMIT, every=0.2)
    except LabError:
        raise LabError(found[0]) from None


def hypervisor_problem(on):
    """Why a hypervisor is not at rest with its flows as intended, or None."""
    problem = scene.chain_problem(on)
    if problem:
        return problem
    wrong = holdfast(on, "status")["problems"]
    return f"{on}: {wrong[0]}" if wrong else None


def reached():
    """The probe passes the whole chain, there and back, nothing is lost or doubled."""
    for name in (*scene.HOPS, "web"):
        guest.command(name, "count reset")
    client = spaces.enter(load("client", "c1"))
    report = json.loads(run([*client, BUILD / "lab/probe", "--to", scene.WEB, "--json", "--rate",
                             "1000", "--seconds", "1", "--drain", "300"]))
    if report["lost"] or report["doubled"]:
        raise LabError(f"afterwards {report['lost']} packets of {report['sent']} are lost, "
                       f"{report['doubled']} doubled")
    for name, ways in scene.count_hops(report["run"]).items():
        for way, counts in ways.items():
            if counts["probe_distinct"] != report["sent"]:
                raise LabError(f"afterwards {report['sent'] - counts['probe_distinct']} packets "
                               f"pass {name} by ({way})")
