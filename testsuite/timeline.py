# SPDX-License-Identifier: Apache-2.0
"""Says whether the newest move of `holdfast events --move --json` (standard input) is as it must
be, in words without times:

    ids from hv2 to hv1: done, steps in order

The steps that both sides note are causes and effects: what comes before what is fixed for those
below, and no time between them is judged."""

import json
import sys

# Each step of a move that is done, with those that must have come before it.
BEFORE = {
    "staged": [],
    "armed": ["staged"],
    "suspended": ["armed"],
    "turned": ["suspended"],
    "first frame": ["suspended"],
    "resumed": ["suspended"],
    "activated": ["suspended"],
    "cleaned": ["turned", "activated", "resumed", "first frame"],
}


def faults(marks):
    """What is missing or too early, one line each."""
    times = {mark["what"]: mark["time_ns"] for mark in marks}
    found = [f"no '{step}'" for step in BEFORE if step not in times]
    for step, earlier in BEFORE.items():
        found += [f"'{step}' before '{other}'" for other in earlier
                  if step in times and other in times and times[step] < times[other]]
    return found


def main():
    """Prints the line."""
    moves = json.load(sys.stdin)
    if not moves:
        print("no move")
        return
    move = moves[-1]
    print(json.dumps(move), file=sys.stderr)
    wrong = faults(move["marks"]) if move["outcome"] == "done" else []
    steps = ", ".join(wrong) if wrong else "steps in order"
    print(f"{move['vm']} from {move['from']} to {move['to']}: {move['outcome']}"
          + (f", {steps}" if move["outcome"] == "done" else ""))


main()
