# SPDX-License-Identifier: Apache-2.0
"""What guests boot from (Debian's kernel, an initramfs of our own), and whether KVM works here."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .base import BUILD, CACHE, SOURCE, LabError, locked, run
from .kernel import unpacked

GUEST = SOURCE / "lab" / "guest"
KERNEL = CACHE / "kernel"
BOOT_LIMIT = 25  # Seconds that a guest may take under KVM before it counts as hanging.
# The last line: what a guest need not look for, or guard against, for a test.
COMMAND_LINE = ("console=ttyS0 quiet panic=-1 net.ifnames=0 ipv6.disable_ipv6=0 random.trust_cpu=on "
                "mitigations=off no_timer_check tsc=reliable cryptomgr.notests")


def prepare():
    """Builds what is missing in the cache.  Returns (kernel, initramfs, "kvm" or "qemu")."""
    with locked(CACHE / "image.lock"):
        run([GUEST / "fetch-kernel", KERNEL], limit=300)
        initramfs = build_initramfs()
        return unpacked(KERNEL / "vmlinuz"), initramfs, accelerator(initramfs)


def prepare_switch():
    """The same for a guest that has a switch, and this machine's files (lab/kernel-check)."""
    kernel, initramfs, accelerated = prepare()
    with locked(CACHE / "image.lock"):
        image = image_of("switch", [GUEST / "switch-init", GUEST / "switch-modules",
                                    GUEST / "make-switch-image", kernel])
        if not image.exists():
            run([GUEST / "make-switch-image", KERNEL, image], limit=60)
        return kernel, image, accelerated


def prepare_director():
    """The same as prepare() for a guest with IPVS in it (role director)."""
    kernel, initramfs, accelerated = prepare()
    with locked(CACHE / "image.lock"):
        programs = [installed("ipvsadm"), installed("keepalived")]
        image = image_of("director", [initramfs, GUEST / "director-modules",
                                      GUEST / "make-director-image", kernel, *programs])
        if not image.exists():
            run([GUEST / "make-director-image", KERNEL, initramfs, image, *programs], limit=60)
        return kernel, image, accelerated


def installed(program):
    """Where a program of this machine is."""
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise LabError(f"{program} is missing: run ./boot.sh build")
    return Path(path)


def build_initramfs():
    """The initramfs for what it is made of now."""
    hop = BUILD / "lab" / "guest" / "hop"
    if not hop.exists():
        raise LabError(f"{hop} is not built: run ./boot.sh build, or set LAB_BUILD to your build folder")
    image = image_of("guest", [hop, GUEST / "init", GUEST / "count", GUEST / "make-image",
                               KERNEL / "vmlinuz"])
    if not image.exists():
        run([GUEST / "make-image", KERNEL, hop, image], limit=60)
    return image


def image_of(kind, parts):
    """Where the initramfs that is made of these files is kept: one file for each content."""
    digest = hashlib.sha256()
    for path in parts:
        digest.update(path.read_bytes())
    return CACHE / f"{kind}-{digest.hexdigest()[:12]}.cpio"


def accelerator(initramfs):
    """"kvm" if a guest really boots with it here, else "qemu".  Tried once for each kernel of
    this machine, since /dev/kvm can be there while guests hang on it."""
    asked = os.environ.get("LAB_ACCELERATOR")
    if asked:
        return asked
    known = CACHE / f"accelerator-{os.uname().release}"
    if not Path("/dev/kvm").exists():
        return "qemu"
    if not known.exists():
        answer = "kvm" if boots_with_kvm(initramfs) else "qemu"
        known.write_text(answer + "\n")
    return known.read_text().strip()


def boots_with_kvm(initramfs):
    """Boots a guest under KVM with a time limit."""
    with tempfile.TemporaryDirectory() as folder:
        console = Path(folder) / "console"
        guest = subprocess.Popen(
            ["qemu-system-x86_64", "-nodefaults", "-nographic", "-machine", "pc,accel=kvm",
             "-m", "128", "-kernel", unpacked(KERNEL / "vmlinuz"), "-initrd", initramfs,
             "-append", f"{COMMAND_LINE} lab.name=try", "-netdev", "hubport,hubid=0,id=net",
             "-device", "virtio-net-pci,netdev=net", "-serial", f"file:{console}",
             "-serial", "null"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            guest.wait(0.3)
            return False
        except subprocess.TimeoutExpired:
            return sees_ready(guest, console)
        finally:
            guest.kill()
            guest.wait()


def sees_ready(guest, console):
    """Whether the guest says that it is ready before the limit."""
    for _ in range(BOOT_LIMIT * 10):
        if console.exists() and b"LAB-READY" in console.read_bytes():
            return True
        try:
            guest.wait(0.1)
            return False
        except subprocess.TimeoutExpired:
            continue
    return False
