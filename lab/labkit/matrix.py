# SPDX-License-Identifier: Apache-2.0
"""A fault matrix: each party of something with steps is killed at each of them, and a table tells what
became of it."""

import argparse
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import hypervisor, scene
from .base import LabError


@dataclass
class Matrix:
    """What one is made of."""

    program: str
    text: str                                # Of --help.
    steps: tuple
    stride: int                              # Prime to the number of steps: so many rounds give every cell once.
    parties: Callable[[], list]
    there: Callable                          # Whether a party is there at all at a step.
    start_lab: Callable[[], None]
    cell: Callable                           # Runs one; its word in the table.  A LabError says why it failed.

    def cells(self, rounds):
        """Party by party in each round, each at another step: any one round meets every step."""
        for turn in rounds:
            for place, party in enumerate(self.parties()):
                yield party, self.steps[(place + self.stride * turn) % len(self.steps)]

    def show(self, table):
        """The matrix, a line for each party."""
        names = list(dict.fromkeys(name for name, _ in table))
        width = max(map(len, names), default=0)
        print(" ".join([" " * width, *(f"{step:>9}" for step in self.steps)]))
        for name in names:
            words = (table.get((name, step), "")[:9] for step in self.steps)
            print(" ".join([f"{name:{width}}", *(f"{word:>9}" for word in words)]).rstrip())

    def run_all(self, options, out=sys.stderr):
        """Runs the cells that are asked for.  Returns words by cell, and why those failed that did."""
        table, reasons, fresh = {}, {}, False
        for party, step in self.cells(options.rounds):
            key = (party.name, step)
            if options.only and not {party.name, step, f"{party.name}:{step}"} & set(options.only):
                continue
            if not self.there(party, step):
                table[key] = "-"
                continue
            begin = time.monotonic()
            try:
                if not fresh:
                    self.start_lab()
                    fresh = True
                table[key] = self.cell(party, step)
            except LabError as failure:
                table[key], reasons[key] = "FAIL", str(failure)
                keep_logs(options.logs, party, step)
                fresh = False  # Nothing is known of a lab in which a cell failed.
            print(f"{party.name} at {step}: {table[key]} {reasons.get(key, '')} "
                  f"({time.monotonic() - begin:.1f} s)", file=out, flush=True)
        return table, reasons

    def parse(self, arguments):
        """The command line."""
        parser = argparse.ArgumentParser(prog=f"lab/{self.program}", description=self.text,
                                         formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--rounds", metavar="N[-M]", default=f"1-{len(self.steps)}",
                            help=f"some of the {len(self.steps)} rounds that make the whole matrix; "
                                 "each meets every party and every step")
        parser.add_argument("--only", metavar="PARTY, STEP or PARTY:STEP", action="append",
                            help="those cells alone; can be given again")
        parser.add_argument("--logs", metavar="FOLDER", type=Path,
                            default=Path(f"{self.program}-logs"),
                            help="where the logs of failed cells go (default: %(default)s)")
        options = parser.parse_args(arguments)
        first, _, last = options.rounds.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            parser.error(f"--rounds {options.rounds}: give one number, or two with - between")
        options.rounds = range(int(first) - 1, int(last or first))
        return options

    def main(self):
        """Runs it and prints the table.  Returns the exit status."""
        options = self.parse(sys.argv[1:])
        if os.geteuid() != 0:
            print(f"{self.program}: needs root: it makes namespaces and starts daemons in them",
                  file=sys.stderr)
            return 1
        try:
            table, reasons = self.run_all(options)
        except KeyboardInterrupt:
            return 130
        finally:
            scene.lab("down")
        self.show(table)
        for (name, step), reason in reasons.items():
            print(f"{name} at {step}: {reason}")
        return 1 if reasons else 0


def keep_logs(folder, party, step):
    """The logs of a cell that failed."""
    for on in scene.HYPERVISORS:
        log = hypervisor.folder_of(on) / "var-log"
        if log.exists():
            shutil.copytree(log, folder / f"{party.name}-{step}" / on, dirs_exist_ok=True)
