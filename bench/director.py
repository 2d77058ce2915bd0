# SPDX-License-Identifier: Apache-2.0
"""What the built-in director takes for a new connection, beside OVN's load balancer, and which
connections move when a server leaves.

One switch with the userspace datapath; a client's port, where connections of very many addresses
come in, and the servers' ports on the same switch.  Both ends are played by `frames connect`, which
looks at each frame that the switch delivers: a connection counts when its SYN is at the MAC address, the
address and the port of a server (`syn`), or when both sides have closed it (`whole`)."""

import json
import statistics
from dataclasses import dataclass

from ovn import Ovn
from switchkit import FRAMES, OUR_SWITCH, LabError, World, row, run, say, synthetic

VIP, VIP_PORT, PORT = "10.0.1.100", 80, 8080
CLIENT_MAC, NOBODY = "52:54:00:00:00:02", "52:54:00:00:00:ff"
SERVERS = [(f"s{i}", f"10.0.0.1{i}", f"52:54:00:00:00:1{i}") for i in range(1, 4)]
OVN, NORMAL = "OVN's load balancer", "NORMAL, our own switch"
POLICIES = ("mh", "wlc")  # Sides of ours.
WINDOW, WARM, N_CONNECTIONS = 128, 2000, 100_000
N_SERVERS, N_PLACED = 100, 100_000


# Linux shares processors among sessions first, so what others compile would have half of one, however
# idle its priority.
FIRST_SELF = "if [ -e /proc/self/autogroup ]; then echo -20 >/proc/self/autogroup; fi"


def favour(pid):
    """The switch has the second processor to itself, as far as other work goes; `frames connect`
    has the first one."""
    run(["sh", "-c", FIRST_SELF.replace("self", str(pid))])
    run(["taskset", "-a", "-c", "-p", "1", pid])


@dataclass
class Side:
    """A switch, and what `frames connect` is to know of it."""

    world: World
    ends: str
    next: int = 0  # The first client's number that was not used yet.

    def measure(self, extent, ends=None):
        """(connections a second, microseconds of the switch's processors each, what was found)."""
        used = -self.world.switch.processor_seconds()
        found, _ = self.connect(extent, N_CONNECTIONS, ends)
        used += self.world.switch.processor_seconds()
        return found["done"] / found["seconds"], used / found["done"] * 1e6, found

    def connect(self, extent, count, ends=None):
        """Opens `count` connections of new clients; (what was found, the servers' numbers)."""
        text = run(["setsid", "--wait", "sh", "-c", f"{FIRST_SELF}; exec taskset -c 0 \"$0\" \"$@\"",
                    FRAMES, "connect", extent, self.next, count, WINDOW],
                   stdin=ends or self.ends, limit=120)
        self.next += count
        found, _, places = text.partition("\n")
        found = json.loads(found)
        if not found["done"]:
            raise LabError(f"{self.world.switch.name}: no connection came about")
        return found, [int(word) for word in places.split()]


def ends_of(world, vip_mac, servers):
    """The lines of `frames connect`; servers are (place, address, MAC address)."""
    return "".join(
        [f"client {world.places['c1'].pid} eth0 {CLIENT_MAC}\n", f"vip {vip_mac} {VIP} {VIP_PORT}\n"]
        + [f"server {world.places[place].pid} eth0 {mac} {address} {PORT}\n"
           for place, address, mac in servers])


def known(world, places):
    """The switch knows where these (place, MAC address) are: what they send goes to each other."""
    pairs = list(zip(places, places[1:] + places[:1]))
    for _ in range(2):
        run([FRAMES, "send", 5, 1000], stdin="".join(
            f"{world.places[place].pid} eth0 {(to + mac).replace(':', '')}88b5{'00' * 46}\n"
            for (place, mac), (_, to) in pairs))


def balance(world, servers, policy):
    """The balancer of the built-in director; servers are (place, address), a place's addresses all
    at its VM."""
    at = {place: [] for place, _ in servers}
    for place, address in servers:
        at[place].append(address)
    macs = {place: mac for place, _, mac in SERVERS}
    world.switch.write_store(
        ["self hv1 1 10.90.0.1 br0"]
        + [f"vm {place} {0x1011 + i} hv1 {macs[place]} running {','.join(addresses)}"
           for i, (place, addresses) in enumerate(at.items())]
        + [f"balancer web {VIP} {VIP_PORT} tcp builtin "
           + ",".join(f"{address}={PORT}={synthetic(address)}" for _, address in servers)
           + f" policy={policy} vip_mac={synthetic(VIP)}"])


def plugged(world, places):
    """The client and these places of SERVERS are there.  To the kernel there all frames are for
    another machine: looking whose they are would be done in the switch's time."""
    for place, mac in [("c1", CLIENT_MAC)] + [(place, mac) for place, _, mac in places]:
        world.plug(place, mac).run("ip", "link", "set", "eth0", "address", NOBODY)


def our_side(folder, name, policy):
    """A switch of ours that holds no connection yet."""
    world = World(folder, name, OUR_SWITCH)
    plugged(world, SERVERS)
    known(world, [("c1", CLIENT_MAC)] + [(place, mac) for place, _, mac in SERVERS])
    balance(world, [one[:2] for one in SERVERS], policy)
    return Side(world, ends_of(world, synthetic(VIP), SERVERS))


def ovn_side(folder, name):
    """OVN that holds no connection yet, with the same places on a logical switch; the VIP is another subnet's, past its router."""
    world = Ovn(folder, name)
    plugged(world, SERVERS)
    world.balance((VIP, VIP_PORT), [(address, PORT) for _, address, _ in SERVERS],
                  [("c1", CLIENT_MAC, None)] + [(place, mac, address)
                                                for place, address, mac in SERVERS])
    return Side(world, ends_of(world, world.ROUTER_MAC, SERVERS))


# --- connections ---

EXTENTS = {"syn": "new connections", "whole": "connections opened and closed"}


def turn(side, figures, faults):
    """Measures each extent; bytes of memory that a connection takes."""
    switch = side.world.switch
    favour(switch.switch_pid)
    side.connect("whole", WARM)
    before, held = switch.memory(), 0
    for extent in EXTENTS:
        rate, cost, found = side.measure(extent)
        figures["rates"][extent].append(rate)
        figures["costs"][extent].append(cost)
        held += found["done"]
        for fault in faults:
            faults[fault] += found[fault]
    return (switch.memory() - before) / held


def straight(side, figures):
    """The same SYNs to a server's own address: what the switch takes for frames that it forwards."""
    place, address, mac = SERVERS[0]
    known(side.world, [("c1", CLIENT_MAC), (place, mac)])
    rate, cost, _ = side.measure("syn", ends_of(side.world, mac, SERVERS).replace(
        f"vip {mac} {VIP} {VIP_PORT}", f"vip {mac} {address} {PORT}"))
    figures["rates"].append(rate)
    figures["costs"].append(cost)


def measure_connections(folder, n_runs):
    """Connections a second, and memory."""
    sides = (*POLICIES, "ovn")
    figures = {side: {"rates": {extent: [] for extent in EXTENTS},
                      "costs": {extent: [] for extent in EXTENTS}, "memory": []} for side in sides}
    normal = {"rates": [], "costs": []}
    faults = {side: {"wrong": 0, "missing": 0} for side in sides}
    for i in range(n_runs):
        for name in sorted(sides, reverse=bool(i % 2)):
            side = (ovn_side(folder, f"ovn{i}") if name == "ovn" else
                    our_side(folder, f"{name}{i}", name))
            try:
                figures[name]["memory"].append(turn(side, figures[name], faults[name]))
                if name == POLICIES[0]:
                    straight(side, normal)
            finally:
                side.world.end()
        say(f"connections, run {i + 1} of {n_runs}: " + "; ".join(
            f"{name} " + ", ".join(f"{extent} {figures[name]['rates'][extent][-1]:.0f}/s, "
                                   f"{figures[name]['costs'][extent][-1]:.2f} us"
                                   for extent in EXTENTS)
            for name in sides) + f"; NORMAL {normal['rates'][-1]:.0f}/s")
    say(f"connections, what was not right: {json.dumps(faults)}")
    yield from connection_rows(figures, faults)
    first = POLICIES[0]
    yield row(f"new connections, {first}, or none: NORMAL", "1/s", figures[first]["rates"]["syn"],
              normal["rates"], NORMAL, worst=min)
    yield row("  processor time a frame", "us", figures[first]["costs"]["syn"], normal["costs"],
              NORMAL)


def connection_rows(figures, faults):
    """Of measure_connections()."""
    for extent, words in EXTENTS.items():
        for policy in POLICIES:
            mine, peers = (figures[side]["rates"][extent] for side in (policy, "ovn"))
            ratio = round(statistics.median(a / b for a, b in zip(mine, peers)), 4)
            goal = extent == "syn"
            yield row(f"{words}, {policy}", "1/s", mine, peers, OVN,
                      "1.5 times the peer's" if goal else None, ratio >= 1.5 if goal else None,
                      ratio, worst=min)
            mine, peers = (figures[side]["costs"][extent] for side in (policy, "ovn"))
            yield row("  processor time a connection", "us", mine, peers, OVN, ratio=round(
                statistics.median(a / b for a, b in zip(mine, peers)), 4))
    for policy in POLICIES:
        wrong, peers = (sum(faults[side].values()) for side in (policy, "ovn"))
        yield row(f"connections wrong or missing, {policy}", "", [wrong], [peers], OVN, "0",
                  wrong == 0)
    for policy in POLICIES:
        mine, peers = ([round(bytes_each * 100_000 / 1e6, 1) for bytes_each
                        in figures[side]["memory"]] for side in (policy, "ovn"))
        yield row(f"memory of 100,000 connections, {policy}", "MB", mine, peers, OVN)


# --- moved ---

def measure_moved(folder):
    """The same clients on two switches that know nothing of each other, one of them without one
    server; all servers' addresses are at one port."""
    place, _, mac = SERVERS[0]
    servers = [(place, f"10.0.2.{i}", mac) for i in range(1, N_SERVERS + 1)]
    left = servers[N_SERVERS // 2]
    places = {}
    for name in ("all", "without"):
        there = [one for one in servers if name == "all" or one != left]
        world = World(folder, f"moved-{name}", OUR_SWITCH)
        try:
            plugged(world, SERVERS[:1])
            known(world, [("c1", CLIENT_MAC), (place, mac)])
            balance(world, [one[:2] for one in there], "mh")
            found, places[name] = Side(world, ends_of(world, synthetic(VIP), servers)).connect(
                "places", N_PLACED)
        finally:
            world.end()
        if found["done"] != N_PLACED or found["wrong"]:
            raise LabError(f"of {N_PLACED} connections {found['done']} were placed, {found['wrong']} "
                           "wrongly")
    gone = servers.index(left)
    others = [(before, after) for before, after in zip(places["all"], places["without"])
              if before != gone]
    moved = sum(before != after for before, after in others)
    say(f"moved: {N_PLACED - len(others)} connections were the server's that left; of {len(others)} "
        f"others {moved} are elsewhere")
    share = 100 * moved / len(others)
    yield row(f"moved when 1 of {N_SERVERS} leaves, mh", "%", [share], [], "", "1", share <= 1)
