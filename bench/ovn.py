# SPDX-License-Identifier: Apache-2.0
"""OVN on one switch of this folder's programs (lab/labkit/ovn.py has the lab's)."""

from switchkit import STOCK_SWITCH, LabError, World, run  # Leads to labkit, too.

from labkit.ovn import check_installed


class Ovn(World):
    """Debian's ovs-vswitchd with OVN's databases, ovn-northd and ovn-controller beside it."""

    ROUTER_MAC = "52:54:00:00:00:fe"

    def __init__(self, folder, name):
        check_installed()
        super().__init__(folder, name, STOCK_SWITCH, "br-int")
        for which in ("nb", "sb"):
            file = self.switch.folder / f"ovn-{which}.db"
            run(["ovsdb-tool", "create", file, f"/usr/share/ovn/ovn-{which}.ovsschema"])
            self._start("ovsdb-server", file, f"--remote=punix:{self._socket(which)}",
                        log=f"ovsdb-{which}")
        self._start("ovn-northd", f"--ovnnb-db=unix:{self._socket('nb')}",
                    f"--ovnsb-db=unix:{self._socket('sb')}")
        self.switch.vsctl("set", "Bridge", "br-int", "fail_mode=secure", "--",
                          "set", "Open_vSwitch", ".", "external-ids:system-id=hv1",
                          f"external-ids:ovn-remote=unix:{self._socket('sb')}",
                          "external-ids:ovn-encap-type=geneve", "external-ids:ovn-encap-ip=127.0.0.1",
                          "external-ids:ovn-bridge-datapath-type=netdev")
        self._start("ovn-controller", f"unix:{self.switch.folder}/db.sock")

    def _socket(self, which):
        return self.switch.folder / f"ovn-{which}.sock"

    def _start(self, program, *arguments, log=None):
        folder, log = self.switch.folder, log or program
        self.switch.run(program, *arguments, f"--pidfile={folder}/{log}.pid", "--detach",
                        "--no-chdir", f"--log-file={folder}/{log}.log", "-vconsole:off")

    def northbound(self, *words):
        """Runs ovn-nbctl, and waits until the switch does what it says."""
        return self.switch.run("ovn-nbctl", "--timeout=30", "--wait=hv",
                               f"--db=unix:{self._socket('nb')}", *words)

    def balance(self, vip, backends, ports):
        """A logical switch of these plugged places (name, MAC address, address or None: it is many),
        its router, and on the switch a load balancer of (address, port) ends."""
        self.northbound("ls-add", "ls", "--", "lr-add", "lr", "--",
                        "lrp-add", "lr", "to-ls", self.ROUTER_MAC, "10.0.0.1/24", "--",
                        "lsp-add", "ls", "to-lr", "--", "lsp-set-type", "to-lr", "router", "--",
                        "lsp-set-addresses", "to-lr", "router", "--",
                        "lsp-set-options", "to-lr", "router-port=to-ls")
        for name, mac, address in ports:
            self.northbound("lsp-add", "ls", name, "--", "lsp-set-addresses", name,
                            *([f"{mac} {address}"] if address else [mac, "unknown"]))
        self.northbound("lb-add", "web", f"{vip[0]}:{vip[1]}",
                        ",".join(f"{address}:{port}" for address, port in backends), "tcp", "--",
                        "ls-lb-add", "ls", "web")
        state = self.northbound("get", "Logical_Switch_Port", ports[0][0], "up").strip()
        if state != "true":
            raise LabError(f"OVN: port {ports[0][0]} is not up: {state}")
