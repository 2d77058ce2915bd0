# SPDX-License-Identifier: Apache-2.0
"""never-beside.py DATABASE UPPER LOWER: reads the log of the fleet's database, every transaction from
the first on, and says how often each of two chains was changed, and whether it ever was while UPPER
came or went.  Used by change.at."""

import json
import sys


def transactions(path):
    """What each transaction did: {table: {uuid: row, or None for one that goes}}."""
    with open(path, "rb") as log:
        while header := log.readline():
            size = int(header.split()[2])
            yield json.loads(log.read(size))


def verb_of(rows, name):
    """What is being done to the chain: add, over, set, del, or nothing."""
    change = next((row["change"] for row in rows.values() if row["name"] == name), "")
    return change.partition(" ")[0]


def main():
    path, upper, lower = sys.argv[1:]
    rows, before, n_upper, n_lower = {}, ("", ""), 0, 0
    for transaction in transactions(path):
        for uuid, row in transaction.get("Chain", {}).items():
            if row is None:
                del rows[uuid]
            else:
                rows[uuid] = {"name": "", "change": "", **rows.get(uuid, {}), **row}
        now = verb_of(rows, upper), verb_of(rows, lower)
        n_upper += now[0] in ("add", "over", "del") and not before[0]
        n_lower += bool(now[1]) and not before[1]
        if now[0] in ("add", "over", "del") and now[1]:
            print(f"{upper}: {now[0]} beside {lower}: {now[1]}")
            return
        before = now
    print(f"{upper} came or went {n_upper} times, {lower} was changed {n_lower} times", file=sys.stderr)
    print("never both" if n_upper and n_lower else "not both were seen at all")


main()
