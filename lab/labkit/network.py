# SPDX-License-Identifier: Apache-2.0
"""The wires: an underlay for VMs and tunnels, and a second network for migrations and the fleet."""

import hashlib
import ipaddress
from dataclasses import dataclass

from . import spaces
from .base import SOURCE, STATE, LabError, forget, load, run, save

BRIDGE = "br0"  # Where guests and clients are plugged in, unless told otherwise.
UNDERLAY_MTU = 1650  # Room for a full guest frame in VXLAN over VLAN, with some to spare.


@dataclass
class Network:
    """A network that a router joins to the others."""

    vlan: int       # 0: without a tag.
    address: str    # The router's own, ADDRESS/PREFIX.
    strict: bool    # What comes from there has to be from an address whose way back leads there.


@dataclass
class Port:
    """A port of a switch with a client or router behind it."""

    name: str       # In the switch.
    inside: str     # The interface at its other end.
    mac: str        # Of that interface.
    vlan: int       # 0 or None: without a tag.
    iface_id: str


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
    """Gives hypervisor `number` its eth0 (underlay) and mig0 (migrations, fleet), the same cards each
    time that it is started."""
    underlay = load("space", "underlay")
    inside = spaces.enter(underlay)
    for bridge, theirs, mtu, mac in (("under0", "eth0", UNDERLAY_MTU, "02:92:00:00:00"),
                                     ("mig0", "mig0", 1500, "02:91:00:00:00")):
        ours = f"{bridge}-hv{number}"
        run(["nsenter", "-t", underlay["pid"], "-n", "ip", "link", "add", ours, "mtu", mtu,
             "type", "veth", "peer", "name", theirs, "mtu", mtu, "address", f"{mac}:{number:02x}",
             "netns", record["pid"]])
        run([*inside, "ip", "link", "set", ours, "master", bridge, "up"])
    hypervisor = spaces.enter(record)
    run([*hypervisor, "ip", "link", "set", "eth0", "up"])
    run([*hypervisor, "ip", "address", "add", f"10.91.0.{number}/24", "dev", "mig0"])
    run([*hypervisor, "ip", "link", "set", "mig0", "up"])


def unplug_hypervisor(number):
    """Takes the wires of a hypervisor away."""
    inside = spaces.enter(load("space", "underlay"))
    for bridge in ("under0", "mig0"):
        run([*inside, "ip", "link", "del", f"{bridge}-hv{number}"])


def client_up(name, on, address, vlan, bridge=BRIDGE, gateway=None):
    """Plugs a new client into the switch of hypervisor `on`.

    address is ADDRESS/PREFIX; vlan a tag or None; gateway the address of its default route or None.
    """
    check_gateway(address, gateway)
    port = f"c-{name}"
    if len(port) > 15:
        raise LabError(f"client {name}: the name is too long: at most 13 characters")
    record = space_up("client", name, on)
    record.update(mac=mac_for("client " + name), address=address)
    plug("client", name, record, Port(port, "eth0", record["mac"], vlan, name), bridge)
    add_address(record, "eth0", address)
    if gateway:
        run([*spaces.enter(record), "ip", "route", "add", "default", "via", gateway])
    return record


def router_up(name, on, networks, bridge=BRIDGE):
    """Plugs a new router into the switch of hypervisor `on`, with one port for each VLAN.

    networks is a list of Network; one VLAN may be in it several times.
    """
    vlans = {network.vlan for network in networks}
    if len({(network.vlan, network.strict) for network in networks}) > len(vlans):
        raise LabError(f"router {name}: a VLAN is either --strict or not")
    if len(name) > 8:
        raise LabError(f"router {name}: the name is too long: at most 8 characters")
    record = space_up("router", name, on)
    record["networks"] = [f"{network.vlan}:{network.address}" for network in networks]
    inside = spaces.enter(record)
    run([*inside, "sysctl", "-q", "-w", "net.ipv4.conf.all.rp_filter=0",
         "net.ipv4.conf.default.rp_filter=0", "net.ipv4.ip_forward=1",
         "net.ipv6.conf.all.forwarding=1"])
    for vlan in sorted(vlans):
        plug("router", name, record,
             Port(f"r-{name}-{vlan}", f"v{vlan}", mac_for(f"router {name} {vlan}"), vlan,
                  f"{name}-{vlan}"), bridge)
    for network in networks:
        add_address(record, f"v{network.vlan}", network.address)
        if network.strict:
            run([*inside, "sysctl", "-q", "-w", f"net.ipv4.conf.v{network.vlan}.rp_filter=1"])
    return record


def check_gateway(address, gateway):
    """Refuses a gateway that one with ADDRESS/PREFIX (or None) could not reach."""
    if gateway is None:
        return
    if address is None:
        raise LabError(f"--gateway {gateway} needs --ip: an address in the gateway's network")
    if ipaddress.ip_address(gateway) not in ipaddress.ip_interface(address).network:
        raise LabError(f"--gateway {gateway} is not in the network of --ip {address}")


def space_up(kind, name, on):
    """Makes the namespaces of a client or router (kind) of hypervisor `on` anew; no port yet."""
    if not spaces.alive(load("hv", on)):
        raise LabError(f"{kind} {name}: no hypervisor {on}: lab/lab up N first")
    space_down(kind, name)
    record = spaces.create(name, STATE / kind / name, "plain-init.sh")
    record.update(on=on, ports=[])
    save(kind, name, record)
    return record


def plug(kind, name, record, port, bridge):
    """Plugs a client or router into a bridge of its hypervisor, and keeps its record."""
    hypervisor = load("hv", record["on"])
    record["ports"].append(port.name)
    save(kind, name, record)
    run(["nsenter", "-t", hypervisor["pid"], "-n", "ip", "link", "add", port.name, "type", "veth",
         "peer", "name", port.inside, "address", port.mac, "netns", record["pid"]])
    inside = spaces.enter(record)
    run([*inside, "/usr/bin/python3", SOURCE / "lab" / "labkit" / "offload.py", port.inside])
    run([*inside, "ip", "link", "set", port.inside, "up"])
    outside = spaces.enter(hypervisor)
    run([*outside, "ip", "link", "set", port.name, "up"])
    tag = [f"tag={port.vlan}"] if port.vlan else []
    run([*outside, "ovs-vsctl", "--timeout=10", "--may-exist", "add-port", bridge, port.name, *tag,
         "--", "set", "Interface", port.name, f"external_ids:iface-id={port.iface_id}",
         f'external_ids:attached-mac="{port.mac}"', "external_ids:iface-status=active"])


def add_address(record, interface, address):
    """Gives an interface of a client or router an ADDRESS/PREFIX."""
    # Without duplicate detection an IPv6 address is good for use at once.
    at_once = ["nodad"] if ":" in address else []
    run([*spaces.enter(record), "ip", "address", "add", address, "dev", interface, *at_once])


def space_down(kind, name):
    """Removes a client or router and its ports; one that is not there is fine."""
    record = load(kind, name)
    if record is None:
        return
    hypervisor = load("hv", record["on"])
    if spaces.alive(hypervisor):
        for port in record["ports"]:
            run([*spaces.enter(hypervisor), "ovs-vsctl", "--timeout=10", "--if-exists", "del-port",
                 port], check=False)
    spaces.end(record)
    forget(kind, name)
