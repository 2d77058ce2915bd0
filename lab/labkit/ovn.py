# SPDX-License-Identifier: Apache-2.0
"""OVN over the lab's hypervisors: a peer to measure Holdfast against.

The databases and ovn-northd run in the first hypervisor, an ovn-controller in each; all guests and
clients are plugged into the integration bridge and form one logical switch, whose frames go
between the hypervisors in Geneve.  For a live migration it does what a cloud's manager does: it
lets the port be at both places, to be opened at the new one by the guest's announcement (RARP).

All of it lives in the hypervisors' namespaces and files, and ends with them.
"""

import re
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from . import hypervisor, network
from .base import LabError, names, run

BRIDGE = "br-int"
CENTRAL = "hv1"  # Where the databases are.
SOUTHBOUND_PORT, SOUTHBOUND_ADDRESS = 6642, "10.91.0.1"  # On the network of the migrations.
LOGICAL_SWITCH = "lab"
PROGRAMS = ("/usr/bin/ovn-northd", "/usr/bin/ovn-controller", "/usr/bin/ovn-nbctl")
LIMIT = 30  # Seconds for a change to be in force on every hypervisor.


def check_installed():
    """Raises what is to be installed, if something is missing."""
    for program in PROGRAMS:
        if not Path(program).exists():
            raise LabError(f"{program}, the peer, is not there: "
                           "apt-get install ovn-central ovn-host")


def start(hypervisors):
    """Puts OVN over running hypervisors; each has registered itself when this returns."""
    for name in hypervisors:
        for part in ("run/ovn", "var-lib/ovn", "var-log/ovn"):
            (hypervisor.folder_of(name) / part).mkdir(parents=True)
    start_database("nb")
    start_database("sb", f"--remote=ptcp:{SOUTHBOUND_PORT}:{SOUTHBOUND_ADDRESS}")
    start_daemon(CENTRAL, "ovn-northd")
    for name in hypervisors:
        start_controller(name)
        southbound("wait-until", "Chassis", name)
    northbound("ls-add", LOGICAL_SWITCH)


def start_database(which, *remotes):
    """One of the two databases ("nb", "sb"), empty, where OVN's commands look for it."""
    file = f"/var/lib/ovn/{which}.db"
    run([*hypervisor.inside(CENTRAL), "ovsdb-tool", "create", file,
         f"/usr/share/ovn/ovn-{which}.ovsschema"])
    start_daemon(CENTRAL, "ovsdb-server", file, f"--remote=punix:/run/ovn/ovn{which}_db.sock",
                 *remotes, f"--unixctl=/run/ovn/ovn{which}_db.ctl", log=f"ovsdb-{which}")


def start_controller(name):
    """The integration bridge, and the ovn-controller that fills it."""
    number = hypervisor.number_of(name)
    # ovn-controller would make the bridge itself, but later: guests are plugged in meanwhile.
    run([*hypervisor.inside(name), "ovs-vsctl", "--timeout=20", "add-br", BRIDGE, "--",
         "set", "Bridge", BRIDGE, "datapath_type=netdev", "fail_mode=secure", "--",
         "set", "Open_vSwitch", ".",
         f"external-ids:ovn-remote=tcp:{SOUTHBOUND_ADDRESS}:{SOUTHBOUND_PORT}",
         "external-ids:ovn-encap-type=geneve", f"external-ids:ovn-encap-ip=10.90.0.{number}",
         f"external-ids:ovn-bridge={BRIDGE}", "external-ids:ovn-bridge-datapath-type=netdev"])
    start_daemon(name, "ovn-controller", "unix:/run/openvswitch/db.sock")


def take_holdfast_along(name):
    """Has Holdfast use the integration bridge, and no longer the lab's own one."""
    inside = hypervisor.inside(name)
    hypervisor.stop_daemon(name, "holdfast-hookd", "TERM")
    file = hypervisor.folder_of(name) / "etc/holdfast/holdfast.conf"
    file.write_text(re.sub("^bridge = .*", f"bridge = {BRIDGE}", file.read_text(), flags=re.M))
    run([*inside, "ovs-vsctl", "--timeout=10", "--if-exists", "del-port", "br0", "holdfast0", "--",
         "set", "Interface", "br0", f"mtu_request={network.UNDERLAY_MTU}"])
    hypervisor.start_daemon(name, "holdfast-hookd")


def start_daemon(name, program, *arguments, log=None):
    """Starts one of OVN's daemons in a hypervisor; it is ready when this returns."""
    log = log or program
    hypervisor.launch(name, [program, *arguments, f"--pidfile=/run/ovn/{log}.pid", "--detach",
                             "--no-chdir", f"--log-file=/var/log/ovn/{log}.log", "-vconsole:off"],
                      hypervisor.folder_of(name) / f"var-log/ovn/{log}.log")


def northbound(*words):
    """Runs ovn-nbctl and waits until every hypervisor has done what it says."""
    return command("ovn-nbctl", "--wait=hv", *words)


def southbound(*words):
    """Runs ovn-sbctl."""
    return command("ovn-sbctl", *words)


def command(program, *words):
    """Runs one of OVN's commands where the databases are, and returns what it printed."""
    done = subprocess.run([*hypervisor.inside(CENTRAL), program, f"--timeout={LIMIT}", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    why = (f"not within {LIMIT} s" if done.returncode == -signal.SIGALRM
           else (done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    raise LabError("; ".join([f"OVN: {program} {' '.join(words)}: {why}", *ended()]))


def ended():
    """What to say of each of OVN's daemons that no longer runs."""
    for name in names("hv"):
        for file in sorted((hypervisor.folder_of(name) / "run/ovn").glob("*.pid")):
            pid = file.read_text().strip()
            if subprocess.run([*hypervisor.inside(name), "kill", "-0", pid],
                              capture_output=True).returncode != 0:
                yield f"{name}: {file.stem} has ended"


def port_of(on, mac):
    """The name of the logical port of what is plugged in with this MAC address: its iface-id, which
    libvirt makes up for a guest and takes along when the guest moves."""
    inside = hypervisor.inside(on)
    found = run([*inside, "ovs-vsctl", "--timeout=10", "--bare", "--columns=name", "find",
                 "Interface", f'external_ids:attached-mac="{mac}"']).split()
    if len(found) != 1:
        raise LabError(f"{on}: {len(found)} interfaces have the MAC address {mac}, and not one")
    return run([*inside, "ovs-vsctl", "--timeout=10", "get", "Interface", found[0],
                "external_ids:iface-id"]).strip().strip('"')


def connect(on, mac, address):
    """Makes what is plugged in on a hypervisor with this MAC address a port of the logical switch,
    and waits until it can be reached at this IP address."""
    port = port_of(on, mac)
    northbound("lsp-add", LOGICAL_SWITCH, port, "--",
               "lsp-set-addresses", port, f"{mac} {address}", "--",
               "set", "Logical_Switch_Port", port, f"options:requested-chassis={on}")
    await_port(port, on)


def await_port(port, on):
    """Waits until a port is at one hypervisor alone, and every hypervisor acts by it."""
    chassis = southbound("--bare", "--columns=_uuid", "find", "Chassis", f"name={on}").strip()
    southbound("wait-until", "Port_Binding", port, f"chassis={chassis}", "additional_chassis=[]",
               "up=true")
    northbound("sync")


@contextmanager
def moving(mac, source, destination):
    """For the length of a migration, a guest's port may be at both hypervisors; then at the new one
    alone.

    A failed migration leaves it at both: whoever measures ends the lab then.
    """
    port = port_of(source, mac)
    northbound("set", "Logical_Switch_Port", port, "options:activation-strategy=rarp",
               f'options:requested-chassis="{source},{destination}"')
    yield
    northbound("remove", "Logical_Switch_Port", port, "options", "activation-strategy", "--",
               "set", "Logical_Switch_Port", port, f"options:requested-chassis={destination}")
    await_port(port, destination)
