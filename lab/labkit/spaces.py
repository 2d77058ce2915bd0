# SPDX-License-Identifier: Apache-2.0
"""Namespaces, each kept by a first process of its own: when that ends, all inside ends with it.

A PID namespace comes with every one, so that cleaning up is one kill however many daemons and
QEMUs have detached themselves, and so that `pkill` typed inside reaches that hypervisor alone.
"""

import os
import signal
import subprocess
from pathlib import Path

from .base import MARK, SOURCE, LabError, wait_for


def start_time(pid):
    """When a process started (clock ticks since boot); None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat[stat.rindex(")") + 2:].split()[19])


def create(name, folder, init, arguments=()):
    """Makes new namespaces and starts the shell script `init` as their first process.

    Returns {"pid": outside's view of that process, "start": its start time}.  The script
    writes the file `ready` into folder when it is done; its output goes to folder/init.log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ready").unlink(missing_ok=True)
    log = folder / "init.log"
    with open(log, "w") as output:
        outer = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child",
             "--mount-proc", "--propagation", "private", "/bin/sh", "-e",
             SOURCE / "lab" / "labkit" / init, name, folder, *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **MARK, "LAB_NAME": name})

    def is_ready():
        if outer.poll() is not None:
            raise LabError(f"{name}: no namespaces (log: {log}): "
                           f"{log.read_text().strip() or 'unshare ended'}")
        return (folder / "ready").exists()

    wait_for(is_ready, f"{name}: namespaces", limit=10, log=log)
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
    pid = int(children[0])
    return {"pid": pid, "start": start_time(pid), "groups": str(folder).replace("/", "-")}


def alive(record):
    """Whether the first process of a record is still that same process."""
    return record is not None and start_time(record["pid"]) == record["start"]


def enter(record, environment=None):
    """The words to put before a command so that it runs inside."""
    pid = str(record["pid"])
    variables = {**MARK, **(environment or {})}
    return ["nsenter", "-t", pid, "-m", "-n", "-u", "-i", "-p", "-C", "--",
            "env", *(f"{key}={value}" for key, value in variables.items())]


def end(record):
    """Ends the first process, and with it everything inside; waits until it is gone."""
    if not alive(record):
        return
    try:
        os.kill(record["pid"], signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_for(lambda: not alive(record), f"end of process {record['pid']}", limit=20)
    remove_groups(record)


def remove_groups(record):
    """Takes away the folders of control groups that the first process made, once they are empty."""
    for top in Path("/sys/fs/cgroup").glob(f"*/{record.get('groups')}"):
        for folder, _, _ in os.walk(top, topdown=False):
            os.rmdir(folder)

