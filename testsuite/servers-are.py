#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Judges the servers of a balancer: `holdfast balancer show NAME --json | servers-are.py EXPRESSION`.

The expression is Python's; it has, by the servers' VMs: weight and connections as the switch counts
them, state, cpu and memory as their hypervisors have found them (None where they have not).
"""

import json
import sys


def main(expression):
    """Exit status 1 if it is false."""
    servers = json.load(sys.stdin)["servers"]

    def each(part, key):
        return {one["vm"]: one[part] and one[part][key] for one in servers}

    names = {"weight": each("counters", "weight"), "connections": each("counters", "connections"),
             "state": each("health", "state"), "cpu": each("health", "cpu_permille"),
             "memory": each("health", "memory_permille")}
    print(names)
    return not eval(expression, names)


sys.exit(main(sys.argv[1]))
