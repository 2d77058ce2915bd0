# SPDX-License-Identifier: Apache-2.0
"""One hypervisor: its files, its switch, its libvirtd and Holdfast's daemon."""

import json
import os
import shutil
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor

from . import network, spaces
from .base import BUILD, CACHE, STATE, LabError, load, locked, names, run, save, wait_for

QEMU_CONF = """\
# Written by the lab.
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
migration_host = "10.91.0.{number}"
"""

LIBVIRTD_CONF = """\
# Written by the lab.
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
host_uuid = "{uuid}"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
"""

HOLDFAST_CONF = """\
# Written by the lab.
hypervisor = {name}
bridge = br0
vtep = 10.90.0.{number}
store = /var/lib/holdfast/holdfast.db
migration_uri = qemu+tcp://{{hypervisor}}/system
"""


# As ovs-ctl starts Open vSwitch's daemons: its service's default.
SWITCH_PRIORITY = ["nice", "-n", "-10"]


def number_of(name):
    """The number in a hypervisor's name (hv3: 3)."""
    if not (name.startswith("hv") and name[2:].isdigit()):
        raise LabError(f"{name} is not a hypervisor's name: hv1, hv2 and so on")
    return int(name[2:])


def folder_of(name):
    """Where a hypervisor's own files lie, as seen from the machine."""
    return STATE / name


def switch_program():
    """The ovs-vswitchd that the lab runs: LAB_VSWITCHD, ours if it is built, else Debian's."""
    chosen = os.environ.get("LAB_VSWITCHD")
    if chosen:
        return chosen
    ours = BUILD / "ovs-plugin" / "ovs-vswitchd"
    return str(ours) if ours.exists() else "/usr/sbin/ovs-vswitchd"


def with_holdfast():
    """Whether the hypervisors run Holdfast: its daemon is built, and the switch is its own."""
    return ((BUILD / "ctl/holdfast").exists() and (BUILD / "hookd/holdfast-hookd").exists()
            and "LAB_VSWITCHD" not in os.environ)


def environment(name):
    """What a process inside a hypervisor finds in its environment."""
    return {"PATH": f"{BUILD}/ctl:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LIBVIRT_DEFAULT_URI": "qemu:///system", "LAB_NAME": name, "HOME": "/root",
            "HOLDFAST_CONF": "/etc/holdfast/holdfast.conf",
            "HOLDFAST_LIBEXECDIR": f"{folder_of(name)}/libexec"}


def inside(name):
    """The words to put before a command so that it runs in hypervisor `name`."""
    record = load("hv", name)
    if not spaces.alive(record):
        raise LabError(f"no hypervisor {name}: running are {' '.join(names('hv')) or 'none'}")
    return spaces.enter(record, environment(name))


# What lies in a hypervisor's /run before any daemon starts.
RUN_FOLDERS = ("openvswitch", "libvirt", "holdfast", "lock", "guest")


def write_files(name, count):
    """Lays out the private files of a hypervisor: /etc, /run, /var/lib, /var/log."""
    number, folder = number_of(name), folder_of(name)
    if folder.exists():
        shutil.rmtree(folder)
    for part in ("var-lib/libvirt/images", "var-lib/openvswitch", "var-lib/holdfast",
                 "var-log/openvswitch", "var-log/libvirt/qemu", "var-log/holdfast",
                 "var-cache-libvirt/qemu"):
        (folder / part).mkdir(parents=True)
    empty_run(name)
    run(["cp", "-a", "/etc", folder / "etc"])
    etc = folder / "etc"
    for part in ("libvirt/qemu", "openvswitch", "holdfast"):
        shutil.rmtree(etc / part, ignore_errors=True)
    for part in ("libvirt/hooks/qemu.d", "libvirt/qemu", "openvswitch", "holdfast"):
        (etc / part).mkdir(parents=True, exist_ok=True)
    facts = {"name": name, "number": number, "uuid": uuid.uuid5(uuid.NAMESPACE_DNS, name)}
    (etc / "libvirt/qemu.conf").write_text(QEMU_CONF.format(**facts))
    (etc / "libvirt/libvirtd.conf").write_text(LIBVIRTD_CONF.format(**facts))
    (etc / "holdfast/holdfast.conf").write_text(HOLDFAST_CONF.format(**facts))
    (etc / "hostname").write_text(name + "\n")
    hosts = ["127.0.0.1 localhost"] + [f"10.91.0.{i} hv{i}" for i in range(1, count + 1)]
    (etc / "hosts").write_text("\n".join(hosts) + "\n")
    (folder / "libexec").mkdir()
    for program in ("service/holdfast-service", "env/holdfast-env"):
        (folder / "libexec" / program.split("/")[-1]).symlink_to(BUILD / program)
    hook = BUILD / "hookd" / "holdfast-hook"
    if hook.exists():
        shutil.copy2(hook, etc / "libvirt/hooks/qemu.d/holdfast")
    known = CACHE / "libvirt-capabilities"
    if known.is_dir():
        shutil.copytree(known, folder / "var-cache-libvirt/qemu/capabilities")


def empty_run(name):
    """Lays out a hypervisor's /run as it is after the machine's start."""
    folder = folder_of(name) / "run"
    if folder.exists():
        shutil.rmtree(folder)
    for part in RUN_FOLDERS:
        (folder / part).mkdir(parents=True)


def make_space(name):
    """Starts the namespaces of hypervisor `name`, with its wires and no daemon yet."""
    record = spaces.create(name, folder_of(name), "hypervisor-init.sh", [STATE])
    record["number"] = number_of(name)
    save("hv", name, record)
    network.plug_hypervisor(record["number"], record)


def halt(name):
    """Ends everything in a hypervisor at once, as if its power failed."""
    inside(name)  # Says so if there is none.
    network.unplug_hypervisor(number_of(name))  # First: nobody is told that it ends.
    spaces.end(load("hv", name))


def boot(name):
    """Starts a hypervisor that was halted: with all of its files but /run."""
    if load("hv", name) is None or spaces.alive(load("hv", name)):
        raise LabError(f"{name} is not halted: lab/lab host {name} halt does it")
    empty_run(name)
    make_space(name)
    for daemon in ("ovsdb-server", "ovs-vswitchd", *(["holdfast-hookd"] if with_holdfast() else []),
                   "libvirtd"):
        start_daemon(name, daemon)


def start(name, count):
    """Brings up hypervisor `name` of `count` as far as its libvirtd."""
    number = number_of(name)
    write_files(name, count)
    make_space(name)
    start_daemon(name, "ovsdb-server")
    start_daemon(name, "ovs-vswitchd")
    inner = inside(name)
    run([*inner, "ovs-vsctl", "--timeout=20", "--may-exist", "add-br", "br0", "--",
         "set", "Bridge", "br0", "datapath_type=netdev", "fail_mode=standalone",
         f"other-config:hwaddr=02:90:00:00:00:{number:02x}", "--",
         "--may-exist", "add-port", "br0", "eth0"])
    address_bridge(name)
    if with_holdfast():
        start_daemon(name, "holdfast-hookd")
    start_daemon(name, "libvirtd")


def launch(name, words, log, *, limit=20):
    """Runs a program that detaches itself, in hypervisor `name`."""
    with open(folder_of(name) / "daemons.log", "a") as output:
        done = subprocess.run([*inside(name), *(str(word) for word in words)],
                              stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                              timeout=limit)
    if done.returncode != 0:
        program = words[len(SWITCH_PRIORITY) if words[0] == "nice" else 0]
        raise LabError(f"{name}: {program} did not start (logs: {output.name}, {log})")


def start_daemon(name, daemon):
    """Starts one daemon of a hypervisor and waits until it answers."""
    starters = {"ovsdb-server": start_ovsdb, "ovs-vswitchd": start_switch,
                "libvirtd": start_libvirtd, "holdfast-hookd": start_hookd,
                "holdfast-schedd": start_schedd,
                "holdfast-recoveryd": start_recoveryd}
    if daemon not in starters:
        raise LabError(f"no daemon {daemon}: one of {' '.join(starters)}")
    starters[daemon](name)


def start_ovsdb(name):
    """ovsdb-server with a database of this hypervisor's own, made when it is not there."""
    folder = folder_of(name)
    log = folder / "var-log/openvswitch/ovsdb-server.log"
    fresh = not (folder / "etc/openvswitch/conf.db").exists()
    if fresh:
        run([*inside(name), "ovsdb-tool", "create", "/etc/openvswitch/conf.db",
             "/usr/share/openvswitch/vswitch.ovsschema"])
    launch(name, [*SWITCH_PRIORITY, "ovsdb-server", "/etc/openvswitch/conf.db",
                  "--remote=punix:/run/openvswitch/db.sock", "--pidfile", "--detach",
                  "--no-chdir", "--log-file", "-vconsole:off"], log)
    if fresh:
        run([*inside(name), "ovs-vsctl", "--no-wait", "--timeout=10", "init", "--",
             "set", "Open_vSwitch", ".", f"external-ids:hostname={name}",
             f"external-ids:system-id={name}"])


def start_switch(name):
    """ovs-vswitchd; it answers when its control socket does."""
    log = folder_of(name) / "var-log/openvswitch/ovs-vswitchd.log"
    launch(name, [*SWITCH_PRIORITY, switch_program(), "unix:/run/openvswitch/db.sock",
                  "--pidfile=/run/openvswitch/ovs-vswitchd.pid", "--detach", "--no-chdir",
                  "--log-file=/var/log/openvswitch/ovs-vswitchd.log", "-vconsole:off"], log)
    bridges = run([*inside(name), "ovs-vsctl", "--timeout=10", "--no-wait", "list-br"]).split()
    if "br0" in bridges:
        address_bridge(name)


def address_bridge(name):
    """Gives br0 the tunnel's address; the userspace datapath makes br0 anew with every start."""
    inner = inside(name)
    log = folder_of(name) / "var-log/openvswitch/ovs-vswitchd.log"
    wait_for(lambda: run([*inner, "ip", "link", "show", "dev", "br0"], check=False).strip(),
             f"{name}: interface br0", log=log)
    run([*inner, "ip", "address", "replace", f"10.90.0.{number_of(name)}/24", "dev", "br0"])
    run([*inner, "ip", "link", "set", "br0", "up"])


# What starts a command in the hypervisor's own control groups: libvirt makes its domains' beside it.
IN_GROUPS = ["sh", "-c", 'for group in /sys/fs/cgroup/*/cgroup.procs; do '
             'test ! -e "$group" || echo $$ >"$group" || exit; done; exec "$@"', "sh"]


def start_libvirtd(name):
    """libvirtd, which has read its hooks' folder by the time it answers."""
    log = folder_of(name) / "var-log/libvirt/libvirtd.log"
    launch(name, [*IN_GROUPS, "libvirtd", "-d", "-l"], log)
    socket = folder_of(name) / "run/libvirt/libvirt-sock"
    wait_for(socket.exists, f"{name}: libvirtd", log=log)


def start_hookd(name):
    """Holdfast's daemon, if it is built."""
    start_ours(name, "hookd")


def start_schedd(name):
    """Holdfast's daemon of users' shares; the lab starts it when it is asked for alone."""
    start_ours(name, "schedd")


def start_recoveryd(name):
    """Holdfast's daemon of recovery; likewise."""
    start_ours(name, "recoveryd")


def start_ours(name, short):
    """A daemon of Holdfast, if it is built."""
    daemon = f"holdfast-{short}"
    program = BUILD / short / daemon
    if not program.exists():
        return
    log = folder_of(name) / f"var-log/holdfast/{short}.log"
    # A child of the namespaces' own first process: what starts it here may be stopped with it.
    start = f'setsid "$0" </dev/null >>/var/log/holdfast/{short}.log 2>&1 & echo $!'
    pid = run([*inside(name), "sh", "-c", start, program]).strip()

    def answers():
        if subprocess.run([*inside(name), "kill", "-0", pid], capture_output=True).returncode != 0:
            raise LabError(f"{name}: {daemon} ended: {log.read_text().strip()[-300:]} "
                           f"(log: {log})")
        asked = subprocess.run([*inside(name), "ovs-appctl", "-t",
                                f"/run/holdfast/{daemon}.ctl", "list-commands"],
                               capture_output=True)
        return asked.returncode == 0

    wait_for(answers, f"{name}: {daemon}", log=log, every=0.1)


def stop_daemon(name, daemon, how):
    """Ends one daemon of a hypervisor with signal `how` (TERM or KILL) and waits for its end."""
    inner = inside(name)
    # Beside the switch's ovsdb-server there can be that of the fleet database.
    which = (["-F", "/run/openvswitch/ovsdb-server.pid"] if daemon == "ovsdb-server"
             else ["-x", daemon[:15]])
    run([*inner, "pkill", f"-{how}", *which], check=False)
    wait_for(lambda: not run([*inner, "pgrep", *which], check=False).strip(),
             f"{name}: end of {daemon}")


def join_fleet(count):
    """Makes hv1 the fleet's first member, the others join; waits until all know each other.

    Nothing to do without Holdfast.
    """
    if not with_holdfast():
        return
    if count == 1:
        give_certificates(count)
        wait_for(lambda: is_whole("hv1", 1), "hv1: holdfast status without problems", every=0.2,
                 log=folder_of("hv1") / "var-log/holdfast/hookd.log")
        return
    run([*inside("hv1"), "holdfast", "fleet", "init", "--listen", "10.91.0.1:6650"])
    for number in range(2, count + 1):
        run([*inside(f"hv{number}"), "holdfast", "fleet", "join", "tcp:10.91.0.1:6650"])
    give_certificates(count)
    for name in (f"hv{number}" for number in range(1, count + 1)):
        wait_for(lambda name=name: is_whole(name, count),
                 f"{name}: holdfast status without problems", every=0.2,
                 log=folder_of(name) / "var-log/holdfast/hookd.log")


def give_certificates(count):
    """Has hv1 make the fleet's CA, and each hypervisor's key and certificate where it looks."""
    for number in range(1, count + 1):
        run([*inside("hv1"), "holdfast", "fleet", "certificate", f"hv{number}",
             "--out", folder_of(f"hv{number}") / "etc/holdfast/pki"])


def is_whole(name, count):
    """Whether hypervisor `name` knows `count` hypervisors and finds nothing wrong."""
    answer = run([*inside(name), "holdfast", "status", "--json"], check=False)
    try:
        status = json.loads(answer)
    except json.JSONDecodeError:
        return False
    return status.get("ok") and len(status.get("hypervisors", [])) == count


def start_all(count):
    """Brings up hv1 to hvN side by side, then their fleet."""
    with ThreadPoolExecutor(max_workers=count) as pool:
        jobs = [pool.submit(start, f"hv{number}", count) for number in range(1, count + 1)]
    for job in jobs:
        job.result()
    join_fleet(count)


def keep_capabilities(name):
    """Keeps what libvirt found out about QEMU for the next lab: asking QEMU takes seconds."""
    found = folder_of(name) / "var-cache-libvirt/qemu/capabilities"
    known = CACHE / "libvirt-capabilities"
    with locked(CACHE / "image.lock"):
        if found.is_dir() and any(found.iterdir()) and not known.exists():
            fresh = known.with_suffix(".tmp")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(found, fresh)
            fresh.rename(known)
