# SPDX-License-Identifier: Apache-2.0
"""A guest with Debian's kernel, which sees this machine's files, read only, and keeps in memory what
it writes.  It runs the file `command` of the folder that it shares with us, /mnt/holdfast there, and
writes its exit status to the file `status`."""

import subprocess
import threading

from labkit import image


def guest(shared):
    """The command that runs a guest which has folder `shared`, and goes when we go."""
    kernel, initramfs, accelerator = image.prepare_switch()
    processor = "host" if accelerator == "kvm" else "max"
    return ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64",
            "-nodefaults", "-display", "none", "-vga", "none", "-no-reboot",
            "-machine", f"pc,accel={'kvm' if accelerator == 'kvm' else 'tcg'}",
            "-cpu", processor, "-smp", "2", "-m", "1024", "-serial", "stdio",
            "-kernel", str(kernel), "-initrd", str(initramfs), "-append", image.COMMAND_LINE,
            "-virtfs", "local,path=/,mount_tag=machine,security_model=none,readonly=on,"
                       "multidevs=remap",
            "-virtfs", f"local,path={shared},mount_tag=shared,security_model=none"]


def run_guest(shared, limit, show=lambda line: print(line, end="", flush=True)):
    """Shows the guest's console until it ends, and keeps it in the folder."""
    with (open(shared / "console", "w", encoding="utf-8") as log,
          subprocess.Popen(guest(shared), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, errors="replace") as process):
        clock = threading.Timer(limit, process.kill)
        clock.start()
        try:
            for line in process.stdout:
                log.write(line)
                show(line)
        finally:
            clock.cancel()
            process.kill()
