# SPDX-License-Identifier: Apache-2.0
"""Ends and removes all of a lab, also one that crashed; touches no process that is not its own."""

import os
import shutil
import signal
from pathlib import Path

from . import spaces
from .base import FAILED, MARK, STATE, load, names, wait_for

MARKED = b"LAB=" + MARK["LAB"].encode()


def marked_processes():
    """The numbers of all processes that carry the lab's mark, except this one and its parents."""
    spared = {os.getpid()}
    parent = os.getppid()
    while parent > 1:
        spared.add(parent)
        parent = int(Path(f"/proc/{parent}/stat").read_text().rsplit(")", 1)[1].split()[1])
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in spared:
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # It ended meanwhile, or is not ours to look at.
        if MARKED in variables:
            found.append(int(entry.name))
    return found


def kill(pid):
    """Kills a process; one that ended meanwhile is fine."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def down(keep_logs=False):
    """Ends every process of the lab and removes its folder.  Returns how many were ended.

    keep_logs leaves the folder, less the copies of /etc, as FAILED, since an error names its logs.
    """
    ended = 0
    for kind in ("client", "router", "hv", "space"):
        for name in names(kind):
            record = load(kind, name)
            if spaces.alive(record):
                spaces.end(record)
                ended += 1

    def none_left():
        nonlocal ended
        left = marked_processes()
        for pid in left:
            kill(pid)
        ended += len(left)
        return not left

    wait_for(none_left, "end of the lab's processes", limit=20)
    if FAILED.exists():
        shutil.rmtree(FAILED)
    if keep_logs and STATE.exists():
        for copy in STATE.glob("*/etc"):
            shutil.rmtree(copy)
        STATE.rename(FAILED)
    elif STATE.exists():
        shutil.rmtree(STATE)
    return ended
