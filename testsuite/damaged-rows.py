# SPDX-License-Identifier: Apache-2.0
#
# Rows with a column that holds what no program of ours writes, and the same rows as they were.
#
#     damaged-rows.py ovsdb TABLE KEY VALUE < ANSWER    ANSWER: of a select of that row
#     damaged-rows.py sqlite FILE TABLE KEY VALUE
#
# A line each: the column, what damages it, and what mends it, with tabs between; as transactions
# of ovsdb-client(1), or as statements.
import json
import sqlite3
import sys

FREE = {  # Text that may be anything, or names what another program may know.
    "name", "directors", "policy", "check_target", "id", "hypervisor", "text", "user", "exit",
    "environment", "ips", "balancer", "address", "bridge", "vm", "peer"}


def wrongs(value):
    """What a column with this value may not hold."""
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [-7, 2**32 + max(value, 1)]
    if isinstance(value, str):
        return ["nonsense", "zz:zz:zz:zz:zz:zz"]
    return []


def wrong_servers(pairs):
    """The same of a map from places to servers, which are texts of JSON."""
    for text in "{", "[]", "7":
        yield [[pairs[0][0], text]] + pairs[1:]
    first = json.loads(pairs[0][1])
    for key, value in first.items():
        for wrong in wrongs(value) + [None]:
            yield [[pairs[0][0], json.dumps({**first, key: wrong})]] + pairs[1:]
    for key in first:
        less = {one: value for one, value in first.items() if one != key}
        if key != "limit" and key != "way":
            yield [[pairs[0][0], json.dumps(less)]] + pairs[1:]


def wrong_numbers(pairs):
    """The same of a map from names to numbers."""
    for i, (name, _) in enumerate(pairs):
        yield pairs[:i] + [[name, -7]] + pairs[i + 1:]


def of_ovsdb(table, key, name):
    row = json.load(sys.stdin)[0]["rows"][0]

    def change(column, value):
        return json.dumps(["Holdfast", {"op": "update", "table": table, "where": [[key, "==", name]],
                                        "row": {column: value}}])

    for column, value in row.items():
        if column.startswith("_") or column in FREE:
            continue
        if isinstance(value, list) and value[0] == "map" and value[1]:
            wrongs_of = wrong_servers if column == "servers" else wrong_numbers
            wrong = [["map", pairs] for pairs in wrongs_of(value[1])]
        else:
            wrong = wrongs(value)
        for one in wrong:
            print(column, change(column, one), change(column, value), sep="\t")


def of_sqlite(path, table, key, name):
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    store.row_factory = sqlite3.Row
    row = store.execute(f"SELECT * FROM {table} WHERE {key} = ?", (name,)).fetchone()

    def change(column, value):
        text = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
        return (f"UPDATE {table} SET {column} = {text} WHERE {key} = '{name}'; "
                "UPDATE change SET version = version + 1")

    for column in row.keys():
        if column in FREE or column == "place":
            continue
        extra = ["soon"] if isinstance(row[column], int) else []
        for one in wrongs(row[column]) + extra:
            told = {"connections_max": "limit", "check_kind": "check"}.get(column, column)
            print(told, change(column, one), change(column, row[column]), sep="\t")


if sys.argv[1] == "ovsdb":
    of_ovsdb(*sys.argv[2:])
else:
    of_sqlite(*sys.argv[2:])
