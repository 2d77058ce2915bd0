# SPDX-License-Identifier: Apache-2.0
"""Switches in namespaces of their own, without guests, and what the programs of this folder ask of
them.  Everything that is started here ends with the program, however that ends."""

import atexit
import functools
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "lab"))

from labkit import spaces  # noqa: E402
from labkit.base import BUILD, SOURCE, LabError, run, wait_for  # noqa: E402,F401

STOCK_SWITCH = "/usr/lib/openvswitch-switch/ovs-vswitchd"
OUR_SWITCH = BUILD / "ovs-plugin" / "ovs-vswitchd"
FRAMES = BUILD / "bench" / "frames"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


# So that atexit's work is done.
signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def say(text):
    """Progress."""
    print(text, file=sys.stderr, flush=True)


class Control:
    """A control socket, kept open: JSON-RPC as `ovs-appctl` speaks it, without a process a call."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(str(path))
        self._decoder = json.JSONDecoder()
        self._text = ""

    def send(self, method, params):
        """Asks, and does not wait."""
        self._socket.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode())

    def answer(self):
        """The next answer."""
        while True:
            try:
                reply, end = self._decoder.raw_decode(self._text)
            except ValueError:
                data = self._socket.recv(1 << 16)
                if not data:
                    raise LabError("the switch has ended") from None
                self._text += data.decode()
                continue
            self._text = self._text[end:].lstrip()
            if reply.get("method") == "echo":  # The database looks whether we live.
                self._socket.sendall(json.dumps(
                    {"id": reply["id"], "result": reply["params"], "error": None}).encode())
                continue
            if reply.get("error"):
                raise LabError(f"the switch refuses: {reply['error']}")
            return reply["result"]

    def call(self, method, *params):
        """Asks, and waits for the answer."""
        self.send(method, list(params))
        return self.answer()


class Space:
    """A set of namespaces."""

    def __init__(self, folder, name):
        self.name = name
        self.folder = folder / name
        self.record = spaces.create(name, self.folder, "plain-init.sh")
        self.pid = self.record["pid"]
        atexit.register(self.end)

    def run(self, *command, **options):
        """Runs a command inside."""
        return run([*spaces.enter(self.record, self.environment()), *command], **options)

    def start(self, *command, **options):
        """Starts a command inside."""
        words = [*spaces.enter(self.record, self.environment()), *command]
        return subprocess.Popen([str(word) for word in words], **options)

    def environment(self):
        """Beside the caller's own."""
        return {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}

    def end(self):
        """With all inside."""
        spaces.end(self.record)


class Switch(Space):
    """ovsdb-server, one ovs-vswitchd, and a bridge with the userspace datapath."""

    def __init__(self, folder, name, program, bridge="br0"):
        super().__init__(folder, name)
        self.bridge = bridge
        self.store = self.folder / "holdfast.db"
        self.openflow = f"unix:{self.folder}/{bridge}.mgmt"
        database = self.folder / "db.sock"
        run(["ovsdb-tool", "create", self.folder / "conf.db", SCHEMA])
        self.run("ovsdb-server", self.folder / "conf.db", f"--remote=punix:{database}",
                 "--detach", "--no-chdir", f"--pidfile={self.folder}/ovsdb-server.pid",
                 f"--unixctl={self.folder}/ovsdb.ctl", f"--log-file={self.folder}/ovsdb.log",
                 "-vconsole:off")
        self.vsctl("--no-wait", "init")
        self.run(program, f"unix:{database}", "--detach", "--no-chdir",
                 f"--pidfile={self.folder}/ovs-vswitchd.pid", f"--unixctl={self.folder}/switch.ctl",
                 f"--log-file={self.folder}/switch.log", "-vconsole:off")
        self.vsctl("add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev")

    def environment(self):
        return {**super().environment(), "OVS_RUNDIR": str(self.folder),
                "OVN_RUNDIR": str(self.folder), "HOLDFAST_DB": str(self.store)}

    def vsctl(self, *words):
        """Changes the switch's configuration, and waits until it is so."""
        return self.run("ovs-vsctl", "--timeout=20", f"--db=unix:{self.folder}/db.sock", *words)

    def control(self):
        """A connection to the switch's control socket."""
        return Control(self.folder / "switch.ctl")

    def database(self):
        """A connection to the switch's configuration database."""
        return Control(self.folder / "db.sock")

    def write_store(self, lines):
        """As hookd would, and waits until the switch has it."""
        run([BUILD / "testsuite" / "write-store", self.store], stdin="\n".join(lines) + "\n",
            limit=120)
        self.control().call("holdfast/sync")

    def plug(self, port, peer, peer_space=None, **external_ids):
        """A port of the bridge; its other end is `peer`, inside or in another space.  Offloads are off."""
        other = peer_space or self
        run(["ip", "link", "add", port, "netns", self.pid, "type", "veth", "peer", "name", peer,
             "netns", other.pid])
        other.run("/usr/bin/python3", "-B", SOURCE / "lab" / "labkit" / "offload.py", peer)
        other.run("ip", "link", "set", peer, "up")
        self.run("ip", "link", "set", port, "up")
        words = [f"external_ids:{key.replace('_', '-')}=\"{value}\""
                 for key, value in external_ids.items()]
        self.vsctl("add-port", self.bridge, port, *(["--", "set", "Interface", port, *words]
                                              if words else []))

    @functools.cached_property
    def switch_pid(self):
        """Of ovs-vswitchd, as seen from outside."""
        inside = (self.folder / "ovs-vswitchd.pid").read_text().strip()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                numbers = (process / "status").read_text().split("NSpid:")[1].splitlines()[0].split()
                if numbers[-1] == inside and (process / "ns" / "pid").samefile(
                        f"/proc/{self.pid}/ns/pid"):
                    return int(process.name)
            except OSError:
                continue  # It has ended, or is none of ours.
        raise LabError(f"{self.name}: its ovs-vswitchd has ended (log: {self.folder}/switch.log)")

    def memory(self):
        """Resident bytes of ovs-vswitchd."""
        status = Path(f"/proc/{self.switch_pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def processor_seconds(self):
        """That all threads of ovs-vswitchd have used."""
        threads = Path(f"/proc/{self.switch_pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


class World:
    """A switch, and places plugged into it."""

    def __init__(self, folder, name, program, bridge="br0"):
        self.folder, self.places = folder, {}
        self.switch = Switch(folder, name, program, bridge)

    def plug(self, place, mac, address=None):
        """A place with eth0 on a port p-PLACE."""
        space = Space(self.folder, f"{self.switch.name}-{place}")
        self.places[place] = space
        # Nothing is sent that was not asked for.
        space.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        self.switch.plug(f"p-{place}", "eth0", space, iface_id=place, attached_mac=mac)
        space.run("ip", "link", "set", "eth0", "address", mac)
        if address:
            space.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        return space

    def lookups(self):
        """(flows of the datapath, lookups that missed so far)."""
        control = self.switch.control()
        flows = sum("actions:" in line for line in control.call("dpctl/dump-flows").splitlines())
        return flows, int(re.search(r"missed:(\d+)", control.call("dpctl/show")).group(1))

    def without_flows(self):
        """Throws the datapath's flows away, so that none of them goes meanwhile; how many are left."""
        control = self.switch.control()
        control.call("revalidator/purge")
        return self.lookups()[0]

    def end(self):
        """All of it."""
        for space in self.places.values():
            space.end()
        self.switch.end()


def ip_bytes(address):
    """In network order."""
    return bytes(int(part) for part in address.split("."))


def mac_bytes(mac):
    """In network order."""
    return bytes.fromhex(mac.replace(":", ""))


def synthetic(address):
    """As the layout `prefix` makes it."""
    return "ae:48:" + ip_bytes(address).hex(":")


def udp_frame(to_mac, from_mac, address, port):
    """A small frame with UDP from 10.0.0.1 to `address`, whose UDP checksum is left out."""
    ip = (b"\x45\x00\x00\x2e\x00\x00\x40\x00\x40\x11\x00\x00" + socket.inet_aton("10.0.0.1")
          + socket.inet_aton(address))
    total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + (0xffff - total).to_bytes(2, "big") + ip[12:]
    udp = port.to_bytes(2, "big") + b"\x00\x07\x00\x1a\x00\x00" + bytes(18)
    return to_mac + from_mac + b"\x08\x00" + ip + udp


def needed():
    """Refuses what cannot be measured."""
    for program in (OUR_SWITCH, BUILD / "testsuite" / "write-store"):
        if not program.exists():
            raise LabError(f"{program} is not built: ./boot.sh build")
    if not Path(STOCK_SWITCH).exists():
        raise LabError(f"{STOCK_SWITCH}, the peer, is not there: apt-get install openvswitch-switch")


def row(figure, unit, ours, peers, peer_name, target=None, holds=None, ratio=None, worst=max):
    """One line of the result; `ours` and `peers` are what each run measured; `worst` picks the worst
    of them."""
    def median(values):
        return round(statistics.median(values), 3) if values else None

    mine, theirs = median(ours), median(peers)
    if ratio is None and mine is not None and theirs:
        ratio = round(mine / theirs, 3)
    return {"figure": figure, "unit": unit, "ours": mine,
            "ours_worst": round(worst(ours), 3) if ours else None, "peer": theirs,
            "peer_worst": round(worst(peers), 3) if peers else None, "peer_name": peer_name,
            "ratio": ratio, "target": target, "holds": holds, "runs": len(ours), "values": ours,
            "peer_values": peers}


def show(table, as_json):
    """The table for people, or one object a line."""
    if as_json:
        for one in table:
            print(json.dumps(one))
        return

    def shown(value):
        return "-" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")

    print(f"{'figure':<50}{'unit':<10}{'median':>10}{'worst':>10}{'peer':>10}{'worst':>10}"
          f"{'ratio':>8}  target")
    for one in table:
        verdict = {True: "holds", False: "MISSED", None: ""}[one["holds"]]
        print(f"{one['figure']:<50}{one['unit']:<10}"
              + "".join(f"{shown(one[key]):>10}" for key in ("ours", "ours_worst", "peer",
                                                             "peer_worst"))
              + f"{shown(one['ratio']):>8}  {one['target'] or ''} {verdict}".rstrip())


def pyplot():
    """matplotlib, drawing into files."""
    try:
        import matplotlib
    except ImportError:
        raise LabError("--plot needs python3-matplotlib: apt-get install python3-matplotlib") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot as drawing
    return drawing


def until(condition, what, limit=60.0):
    """Waits without a pause between looks: each look is itself a measurement."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {limit:.0f} s")
