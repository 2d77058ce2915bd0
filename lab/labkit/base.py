# SPDX-License-Identifier: Apache-2.0
"""Paths, errors, running commands and waiting for conditions: what every part of the lab uses."""

import fcntl
import json
import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

# LAB_STATE names another folder: a second lab beside the first, each knowing nothing of the other.
STATE = Path(os.environ.get("LAB_STATE", "/run/holdfast-lab"))
FAILED = STATE.with_name(STATE.name + ".failed")  # The logs of a lab that did not come up.
SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LAB_BUILD", SOURCE / "build"))
CACHE = Path(os.environ.get("HOLDFAST_CACHE", "/var/cache/holdfast"))

# Every process of the lab carries this in its environment; `down` goes by it after a crash.
MARK = {"LAB": STATE.name}


class LabError(Exception):
    """What the user is told in one line: what went wrong, where, and which log to read."""


def run(command, *, limit=30, check=True, stdin=None):
    """Runs a command and returns its standard output.

    limit is in seconds.  A failure is a LabError with the last line that the command wrote.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=limit,
                              env={**os.environ, **MARK})
    except FileNotFoundError:
        raise LabError(f"{words[0]} is missing: run ./boot.sh build") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"no answer in {limit} s from: {' '.join(words)}") from None
    if check and done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise LabError(f"{' '.join(words)} failed ({done.returncode}): {lines[-1]}")
    return done.stdout


def wait_for(condition, what, *, limit=20.0, log=None, every=0.03):
    """Polls condition() until it returns something true, and returns that.

    limit and every are in seconds.  After the limit: a LabError that names the log.
    """
    end = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            where = f"; its last line: {last_line(log)} (log: {log})" if log else ""
            raise LabError(f"{what}: not within {limit:.0f} s{where}")
        time.sleep(every)


def last_line(log):
    """The last line of a log file that is not empty, or a word on why there is none."""
    try:
        lines = [line for line in Path(log).read_text(errors="replace").splitlines() if line]
    except OSError as why:
        return f"no log ({why.strerror})"
    return lines[-1] if lines else "the log is empty"


@contextmanager
def locked(path):
    """Holds an exclusive lock on a file for the length of a with statement."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def save(kind, name, record):
    """Writes the record of one thing (kind: hv, vm, client or router) in one step."""
    folder = STATE / "state"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{name}.json"
    path.with_suffix(".tmp").write_text(json.dumps(record))
    path.with_suffix(".tmp").rename(path)


def load(kind, name):
    """The record of one thing, or None."""
    try:
        return json.loads((STATE / "state" / f"{kind}-{name}.json").read_text())
    except FileNotFoundError:
        return None


def names(kind):
    """The names of all recorded things of a kind, in order."""
    found = (STATE / "state").glob(f"{kind}-*.json")
    return sorted(path.stem[len(kind) + 1:] for path in found)


def forget(kind, name):
    """Removes a record; one that is not there is fine."""
    (STATE / "state" / f"{kind}-{name}.json").unlink(missing_ok=True)
