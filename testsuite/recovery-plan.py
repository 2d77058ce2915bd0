# SPDX-License-Identifier: Apache-2.0
"""Prints a plan of `holdfast recovery plan VM --json` (standard input), a line each for what would
be done and for each candidate."""

import json
import sys

plan = json.load(sys.stdin)
print(plan["vm"]["vm"], "on", plan["vm"]["hypervisor"] + ":", plan["way"], plan["replacement"],
      "on", plan["hypervisor"])
for one in plan["candidates"]:
    print(one["vm"], f"{one['similarity']:.3f}", "passes" if one["passes"] else "-", one["way"],
          "missing", *sorted(element["name"] for element in one["missing"]))
