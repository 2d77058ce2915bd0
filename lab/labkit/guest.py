# SPDX-License-Identifier: Apache-2.0
"""Guests: their domain XML, their start, and commands run inside them over a serial port."""

import base64
import os
import random
import socket
import time
import uuid
from pathlib import Path

from . import hypervisor, image, network, spaces
from .base import STATE, LabError, last_line, load, locked, names, run, save, wait_for

BOOT_LIMIT = 90  # Seconds; several guests that start at once on two cores are slow.
MEMORY = {"director": 160}  # MiB by role: IPVS's programs have many libraries.
USUAL_MEMORY = 112  # Of the other roles.

DOMAIN = """\
<domain type='{accelerator}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <metadata>
    <holdfast:vm xmlns:holdfast='https://holdfast.example/vm'>{ip}</holdfast:vm>
  </metadata>
  <memory unit='MiB'>{memory}</memory>
  {vcpu}
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initramfs}</initrd>
    <cmdline>{command_line} lab.name={name} lab.ip={address} lab.gateway={gateway} lab.role={role}</cmdline>
  </os>
  <features><acpi/></features>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>{disk}{interfaces}
    <serial type='file'>
      <source path='{console}' append='on'/>
      <target port='0'/>
    </serial>
    <serial type='unix'>
      <source mode='bind' path='/run/guest/{name}'/>
      <target port='1'/>
    </serial>
    <memballoon model='none'/>
  </devices>{odd_memory}
</domain>
"""

# Before version 9.0, QEMU without KVM can lose what a guest writes while it migrates: the quick way
# to read 64 pages' dirty bits at once leaves the emulated TLB believing that they are still set
# (QEMU's "physmem: Fix migration dirty bitmap coherency with TCG memory access").  The guest then
# wakes with some of its memory from before, and dies of it.  Memory that is no multiple of 64 pages
# is read page by page, which is right.  libvirt rounds to whole MiB, so QEMU is told after it.
ODD_MEMORY = """
  <qemu:commandline>
    <qemu:arg value='-object'/>
    <qemu:arg value='memory-backend-ram,id=odd.ram,size={kib}K'/>
    <qemu:arg value='-machine'/>
    <qemu:arg value='memory-backend=odd.ram'/>
    <qemu:arg value='-m'/>
    <qemu:arg value='{kib}K'/>
  </qemu:commandline>"""

# Before version 8.1, QEMU without KVM leaves memory barriers out where a guest can have one processor
# only (QEMU's "tcg: Do not elide memory barriers for !CF_PARALLEL in system mode").  A guest's card
# then misses now and again that there are frames to send, and is silent for seconds (its kernel says
# "NETDEV WATCHDOG: transmit queue 0 timed out").  Room for a second processor, which is never there,
# brings the barriers back.
ROOM_FOR_TWO = "<vcpu current='1'>2</vcpu>"

INTERFACE = """
    <interface type='bridge'>
      <mac address='{mac}'/>
      <source bridge='{bridge}'/>
      <virtualport type='openvswitch'/>{vlan}
      <model type='virtio'/>
      <driver>
        <host csum='off' gso='off' tso4='off' tso6='off' ecn='off' ufo='off' mrg_rxbuf='on'/>
        <guest csum='off' tso4='off' tso6='off' ecn='off' ufo='off'/>
      </driver>
    </interface>"""

DISK = """
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/var/lib/libvirt/images/{name}.raw'/>
      <target dev='vda' bus='virtio'/>
    </disk>"""


def make_disk(name, on, mebibytes):
    """The guest's disk: full where it runs, and of the same size, empty, everywhere else."""
    for other in names("hv"):
        file = hypervisor.folder_of(other) / f"var-lib/libvirt/images/{name}.raw"
        with open(file, "wb") as disk:
            if other == on:
                disk.write(os.urandom(mebibytes << 20))
            disk.truncate(mebibytes << 20)


def console_of(name):
    """Where a guest's console is written, wherever it runs."""
    return STATE / "guest" / f"{name}.console"


def start(name, on, address, vlan, role, memory=None, disk=None, bridge=network.BRIDGE,
          gateway=None):
    """Defines and starts a guest, and waits until it says that it is ready.

    address is ADDRESS/PREFIX or None; memory (None: as the role needs) and disk are in MiB.
    Returns its record.
    """
    inside = hypervisor.inside(on)
    if where(name):
        raise LabError(f"VM {name} runs already: lab/lab in {on} virsh destroy {name} ends it")
    network.check_gateway(address, gateway)
    prepare = image.prepare_director if role == "director" else image.prepare
    kernel, initramfs, accelerator = prepare()
    memory = memory or MEMORY.get(role, USUAL_MEMORY)
    console = console_of(name)
    console.parent.mkdir(parents=True, exist_ok=True)
    console.write_text("")
    record = {"name": name, "uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
              "macs": [network.mac_for(name + more) for more in ("", "+")[:2 if role == "wire" else 1]],
              "ip": address, "vlan": vlan, "role": role, "on": on}
    plain = address.split("/")[0] if address else None
    if disk:
        make_disk(name, on, disk)
    xml = DOMAIN.format(
        **record | {"ip": f"<holdfast:ip>{plain}</holdfast:ip>" if plain else ""},
        interfaces="".join(INTERFACE.format(
            mac=mac, bridge=bridge, vlan=f"\n      <vlan><tag id='{vlan}'/></vlan>" if vlan else "")
            for mac in record["macs"]),
        accelerator=accelerator, kernel=kernel, initramfs=initramfs, memory=memory,
        disk=DISK.format(name=name) if disk else "",
        vcpu=ROOM_FOR_TWO if accelerator == "qemu" else "<vcpu>1</vcpu>",
        odd_memory=ODD_MEMORY.format(kib=memory * 1024 - 8) if accelerator == "qemu" else "",
        command_line=image.COMMAND_LINE, address=address or "none", gateway=gateway or "none",
        console=console)
    file = STATE / "guest" / f"{name}.xml"
    file.write_text(xml)
    run([*inside, "virsh", "-q", "define", file])
    run([*inside, "virsh", "-q", "start", name], limit=60)
    save("vm", name, record)
    log = hypervisor.folder_of(on) / "var-log/libvirt/qemu" / f"{name}.log"

    def is_ready():
        if "LAB-READY" in console.read_text(errors="replace"):
            return True
        if not where(name):
            raise LabError(f"VM {name} ended while booting: {last_line(log)} (log: {log}, {console})")
        return False

    wait_for(is_ready, f"VM {name}: boot", limit=BOOT_LIMIT, log=console, every=0.1)
    hypervisor.keep_capabilities(on)
    return record


def where(name):
    """The hypervisor where guest `name` runs, or None.

    While it moves there are two QEMUs of it; the one that is older still has it.
    """
    found = []
    for on in names("hv"):
        record = load("hv", on)
        if not spaces.alive(record):
            continue
        pid = qemu_of(on, name)
        if pid:
            found.append((spaces.start_time(pid) or 0, on))
    return min(found)[1] if found else None


def qemu_of(on, name):
    """The machine's number of the QEMU process of guest `name` on hypervisor `on`, or None."""
    record = load("hv", on)
    if not spaces.alive(record):
        return None
    space = os.readlink(f"/proc/{record['pid']}/ns/pid")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if (words and words[0].endswith(b"qemu-system-x86_64")
                    and f"guest={name},".encode() in b" ".join(words[:6])
                    and os.readlink(entry / "ns/pid") == space):
                return int(entry.name)
        except OSError:
            continue  # It ended meanwhile.
    return None


def command(name, text, *, limit=60):
    """Runs a shell command inside a guest, wherever it is, also while it moves.

    Returns (exit code, output as bytes).  limit is in seconds.
    """
    if load("vm", name) is None:
        raise LabError(f"no VM {name}: there are {' '.join(names('vm')) or 'none'}")
    number = random.randrange(1, 1 << 60)
    line = f"\n{number} {base64.b64encode(text.encode()).decode()}\n".encode()
    with locked(STATE / "guest" / f"{name}.lock"):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            on = where(name)
            if on is None:
                raise LabError(f"VM {name} does not run (console: {console_of(name)})")
            answer = ask(on, name, line, number, end)
            if answer is not None:
                return answer
    raise LabError(f"VM {name}: no answer in {limit} s (console: {console_of(name)})")


def ask(on, name, line, number, end):
    """One attempt to have a command answered: None if the guest moved away meanwhile."""
    path = hypervisor.folder_of(on) / "run" / "guest" / name
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as port:
        try:
            port.connect(str(path))
            port.sendall(line)
        except OSError:
            time.sleep(0.05)  # It is between two hypervisors; the caller's limit holds.
            return None
        received = b""
        asked = time.monotonic()
        while time.monotonic() < end:
            port.settimeout(max(0.01, min(1.0, end - time.monotonic())))
            try:
                piece = port.recv(65536)
            except TimeoutError:
                if where(name) != on:
                    return None
                if time.monotonic() - asked > 3:
                    return None  # Bytes can be lost in a move: ask again, with the same number.
                continue
            except OSError:
                return None
            if not piece:
                return None
            received += piece
            for done in received.split(b"\n")[:-1]:
                words = done.split(b" ")
                if words[0] == str(number).encode() and len(words) >= 2:
                    output = base64.b64decode(words[2]) if len(words) > 2 else b""
                    return int(words[1]), output
    return None
