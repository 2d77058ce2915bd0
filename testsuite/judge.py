# SPDX-License-Identifier: Apache-2.0
"""Says in words that do not depend on numbers what became of a probe's packets.

    judge.py REPORT [--allow N] NAME[=PLACE+PLACE...]...

REPORT is what lab/probe --json printed; NAME/counts.json is what `hop count` printed of a hop,
PLACE/counts.json of one that was at several places.  Prints a line for the probe, then one for
each NAME:

    probe: none lost, none doubled
    fw: every request once, every answer once
    ids: every request once, no answer

At most N packets (--allow) of the whole run may be missing, and N doubled, without a word: where
the guest's own count of its frames cannot be used, as on a machine so loaded that it was never
compared, the frame that QEMU purges at the stop is lost (doc/cutover.md).  The figures go to standard
error.
"""

import json
import sys


def read(path):
    """One JSON object of a file."""
    with open(path) as file:
        return json.load(file)


def merged(paths, run):
    """The counts of one hop, request and answer, summed over the places where it was."""
    total = {way: {"probe_distinct": 0, "probe_doubled": 0} for way in ("request", "answer")}
    for path in paths:
        counted = read(path)["runs"].get(str(run))
        for way in total if counted else ():
            for key in total[way]:
                total[way][key] += counted[way][key]
    return total


def word(way, counts, sent, allowed):
    """What one hop saw of one way: every, no, or how many; doubled ones are named."""
    distinct, doubled = counts["probe_distinct"], counts["probe_doubled"]
    if distinct == 0:
        text = f"no {way}"
    elif sent - allowed <= distinct <= sent:
        text = f"every {way} once"
    else:
        text = f"{distinct} of {sent} {way}s"
    return text + (f" ({doubled} doubled)" if doubled > allowed else "")


def main(arguments):
    """Prints the lines."""
    report = read(arguments[0])
    arguments = arguments[1:]
    allowed = 0
    if arguments and arguments[0] == "--allow":
        allowed = int(arguments[1])
        arguments = arguments[2:]
    sent, lost = report["sent"], report["lost"]
    print("probe: sent {sent}, lost {lost}, doubled {doubled}, out of order {reordered}, "
          "gap {gap_ms} ms".format(**report), file=sys.stderr)
    print("lost: {lost_list}".format(**report), file=sys.stderr)
    lost_word = "none" if sent and lost <= allowed else f"{lost} of {sent}"
    doubled_word = report["doubled"] if report["doubled"] > allowed else "none"
    print(f"probe: {lost_word} lost, {doubled_word} doubled")
    for argument in arguments:
        name, _, places = argument.partition("=")
        paths = [f"{place}/counts.json" for place in (places or name).split("+")]
        counts = merged(paths, report["run"])
        print(f"{name}: {json.dumps(counts)}", file=sys.stderr)
        looped = sum(read(path).get("looped", 0) for path in paths)
        print(f"{name}: {word('request', counts['request'], sent, allowed)}, "
              f"{word('answer', counts['answer'], sent, allowed)}"
              + (f", {looped} frames went round" if looped else ""))


main(sys.argv[1:])
