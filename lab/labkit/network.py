# SPDX-License-Identifier: Apache-2.0
"""The wires: an underlay for VMs and tunnels, and a second network for migrations and the fleet."""

import hashlib

from . import spaces
from .base import SOURCE, STATE, LabError, forget, load, run, save

BRIDGE = "br0"  # Where guests and clients are plugged in, unless told otherwise.
UNDERLAY_MTU = 1650  # Room for a full guest frame in VXLAN over VLAN, with some to spare.


def mac_for(name):
    """A MAC address that is always the same for a name, from QEMU's own prefix."""
    digest = hashlib.sha256(name.encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])


def underlay_up():
    """Makes the namespace that holds the two switches between the hypervisors."""
    record = spaces.create("underlay", STATE / "underlay", "plain-init.sh")
    inside = spaces.enter(record)
    for bridge, mtu in (("under0", UNDERLAY_MTU), ("mig0", 1500)):
        run([*inside, "ip", "link", "add", bridge, "mtu", mtu, "type", "bridge",
             "mcast_snooping", "0"])
        run([*inside, "ip", "link", "set", bridge, "up"])
    save("space", "underlay", record)


def plug_hypervisor(number, record):
    """Gives hypervisor `number` its eth0 (underlay) and mig0 (migrations, fleet)."""
    underlay = load("space", "underlay")
    inside = spaces.enter(underlay)
    for bridge, theirs, mtu in (("under0", "eth0", UNDERLAY_MTU), ("mig0", "mig0", 1500)):
        ours = f"{bridge}-hv{number}"
        run(["nsenter", "-t", underlay["pid"], "-n", "ip", "link", "add", ours, "mtu", mtu,
             "type", "veth", "peer", "name", theirs, "mtu", mtu, "netns", record["pid"]])
        run([*inside, "ip", "link", "set", ours, "master", bridge, "up"])
    hypervisor = spaces.enter(record)
    run([*hypervisor, "ip", "link", "set", "eth0", "up"])
    run([*hypervisor, "ip", "address", "add", f"10.91.0.{number}/24", "dev", "mig0"])
    run([*hypervisor, "ip", "link", "set", "mig0", "up"])


def client_up(name, on, address, vlan, bridge=BRIDGE):
    """Plugs a new client into the switch of hypervisor `on`.

    address is ADDRESS/PREFIX; vlan a tag or None.
    """
    hypervisor = load("hv", on)
    if not spaces.alive(hypervisor):
        raise LabError(f"client {name}: no hypervisor {on}: lab/lab up N first")
    port = f"c-{name}"
    if len(port) > 15:
        raise LabError(f"client {name}: the name is too long: at most 13 characters")
    client_down(name)
    record = spaces.create(name, STATE / "client" / name, "plain-init.sh")
    record.update(on=on, port=port, mac=mac_for("client " + name), address=address)
    save("client", name, record)
    run(["nsenter", "-t", hypervisor["pid"], "-n", "ip", "link", "add", port, "type", "veth",
         "peer", "name", "eth0", "address", record["mac"], "netns", record["pid"]])
    inside = spaces.enter(record)
    run([*inside, "/usr/bin/python3", SOURCE / "lab" / "labkit" / "offload.py", "eth0"])
    # Without duplicate detection an IPv6 address is good for use at once.
    at_once = ["nodad"] if ":" in address else []
    run([*inside, "ip", "address", "add", address, "dev", "eth0", *at_once])
    run([*inside, "ip", "link", "set", "eth0", "up"])
    outside = spaces.enter(hypervisor)
    run([*outside, "ip", "link", "set", port, "up"])
    tag = [f"tag={vlan}"] if vlan else []
    run([*outside, "ovs-vsctl", "--timeout=10", "--may-exist", "add-port", bridge, port, *tag, "--",
         "set", "Interface", port, f"external_ids:iface-id={name}",
         f'external_ids:attached-mac="{record["mac"]}"', "external_ids:iface-status=active"])
    return record


def client_down(name):
    """Removes a client and its port; one that is not there is fine."""
    record = load("client", name)
    if record is None:
        return
    hypervisor = load("hv", record["on"])
    if spaces.alive(hypervisor):
        run([*spaces.enter(hypervisor), "ovs-vsctl", "--timeout=10", "--if-exists", "del-port",
             record["port"]], check=False)
    spaces.end(record)
    forget("client", name)


