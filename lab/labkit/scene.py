# SPDX-License-Identifier: Apache-2.0
"""The scene of demo and benchmark: client → fw → ids → web over two hypervisors, and one VM of it
that moves while a strict 1 kHz probe runs through the whole."""

import json
import subprocess
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from . import guest, hypervisor, measure, network, ovn, passages
from .base import LabError, run, wait_for

LAB = Path(__file__).resolve().parent.parent / "lab"
CHAIN = "web-chain"
WEB, CLIENT = "10.0.0.20", "10.0.0.1"
HOPS = ("fw", "ids")
HYPERVISORS = ("hv1", "hv2")
LOST_AT_MOST = 1  # As the specification allows in the worst of 20 moves; the aim is none.
PLACES = {"fw": "hv1", "ids": "hv2", "web": "hv2"}  # Where each VM begins.


@dataclass
class Move:
    """One migration to be measured."""

    vm: str
    source: str
    destination: str

    def command(self):
        """What an operator types at the source."""
        return ["virsh", "migrate", "--live", self.vm, f"qemu+tcp://{self.destination}/system"]

    def back(self):
        """The same the other way."""
        return Move(self.vm, self.destination, self.source)


@dataclass
class Measured:
    """What was seen of one migration; times are CLOCK_REALTIME nanoseconds."""

    report: dict  # The probe's.
    stopped: dict  # QEMU's events at the source, each with its time.
    resumed: dict  # The same at the destination.
    woken_ns: int | None  # The guest's first own frame at the destination.
    downtime_ms: float | None  # libvirt's own figure.
    seen: dict  # What passages.Taps saw of every packet.


def lab(*words):
    """Runs lab/lab and returns what it printed."""
    done = subprocess.run([str(LAB), *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(done.stderr.strip().removeprefix("lab: "))
    return done.stdout


def holdfast(on, *words, limit=40):
    """Runs the holdfast command on a hypervisor."""
    return run([*hypervisor.inside(on), "holdfast", *words], limit=limit)


def side_by_side(*calls):
    """Runs lab commands at the same time; returns their lines, or raises the first failure."""
    results = [None] * len(calls)

    def one(place, words):
        try:
            results[place] = lab(*words)
        except LabError as failure:
            results[place] = failure

    threads = [threading.Thread(target=one, args=(i, words)) for i, words in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, LabError):
            raise result
    return results


def start(hops=HOPS, bridge=network.BRIDGE):
    """Brings up the lab, the guests and the client, and the chain if there are hops.

    bridge is where they are plugged in; at OVN's, OVN joins them, and there is no chain.
    Returns what the lab said, a line each.
    """
    lab("down")
    lines = [lab("up", "2")]
    if bridge == ovn.BRIDGE:
        ovn.start(HYPERVISORS)
    lines += side_by_side(
        *(("vm", name, "--on", PLACES[name], "--role", "forward", "--bridge", bridge)
          for name in hops),
        ("vm", "web", "--on", PLACES["web"], "--ip", f"{WEB}/24", "--role", "serve",
         "--bridge", bridge))
    lines.append(lab("client", "c1", "--on", "hv1", "--ip", f"{CLIENT}/24", "--bridge", bridge))
    if bridge == ovn.BRIDGE:
        ovn.connect("hv1", network.mac_for("client c1"), CLIENT)
        ovn.connect(PLACES["web"], network.mac_for("web"), WEB)
    if hops:
        holdfast("hv1", "chain", "add", CHAIN, "--match", f"ip,nw_dst={WEB}",
                 "--via", ",".join(hops), "--symmetric")
        wait_for(is_ready, f"chain {CHAIN} ready on both hypervisors", every=0.2)
    return lines


def is_ready():
    """Whether both hypervisors have the chain as it is meant, and nothing is under way."""
    return all(chain_state(on) == "ready" and chain_problem(on) is None for on in HYPERVISORS)


def chain_state(on):
    """What a hypervisor says of the chain: ready, pending, or nothing if it does not know it."""
    shown = run([*hypervisor.inside(on), "holdfast", "chain", "show", CHAIN, "--json"],
                check=False, limit=40)
    return json.loads(shown or "{}").get("state")


def chain_problem(on):
    """Why the flows of a hypervisor are not the intended ones, or a move is left over; or None."""
    try:
        holdfast(on, "chain", "check")
    except LabError as failure:
        return f"{on}: {failure}"
    left = json.loads(holdfast(on, "status", "--json"))["moves"]
    return f"{on}: a move is left over: {left}" if left else None


def migrate(move, hops=HOPS, around=nullcontext()):
    """Moves the guest while the probe runs.  Returns the measurements.

    around is what else is done before and after the migration, as a context manager.
    """
    for name in (*hops, "web"):
        guest.command(name, "count reset")
    stopped = measure.QemuEvents(move.source, move.vm)
    resumed = measure.QemuEvents(move.destination, move.vm)
    woken = measure.FirstFrame(move.destination)
    taps = passages.Taps(HYPERVISORS, move.vm)
    probe = measure.Probe("c1", WEB)
    try:
        measure.pause(2)
        if not probe.running():
            probe.finish()  # Raises what it said.
        with around:
            run([*hypervisor.inside(move.source), *move.command()], limit=120)
        measure.pause(2)
    finally:
        report = json.loads(probe.finish())
        stopped.close()
        resumed.close()
        woken.close()
        seen = taps.close()
    downtime = measure.downtime_ms(move.source, move.vm)
    if downtime is None:
        downtime = measure.downtime_ms(move.destination, move.vm)
    return Measured(report, stopped.times, resumed.times, woken.time_ns, downtime, seen)


def told_by_holdfast(move):
    """The newest move as `holdfast events --move` tells it, once its source has cleaned up."""
    def ended():
        moves = json.loads(holdfast(move.destination, "events", "--move", "--vm", move.vm, "--json"))
        return moves[-1] if moves and moves[-1]["outcome"] == "done" else None

    return wait_for(ended, f"end of the move of {move.vm} in the store", every=0.2)


def milliseconds(later_ns, earlier_ns):
    """Milliseconds between two times; None if one is missing."""
    if later_ns is None or earlier_ns is None:
        return None
    return round((later_ns - earlier_ns) / 1e6, 3)


def figures(measured, told=None):
    """What the probe, QEMU and libvirt say of one move; the keys of the demo's --json."""
    report, downtime, resumed_ns = measured.report, measured.downtime_ms, measured.resumed.get("RESUME")
    if downtime is None and told:
        downtime = told["figures"].get("downtime_ms")
    wake = milliseconds(measured.woken_ns, resumed_ns)
    stood_still = milliseconds(resumed_ns, measured.stopped.get("STOP"))
    whole = None not in (downtime, wake)
    return {"sent": report["sent"], "lost": report["lost"], "doubled": report["doubled"],
            "reordered": report["reordered"], "gap_ms": report["gap_ms"],
            "downtime_ms": downtime, "guest_wake_ms": wake,
            "network_ms": round(report["gap_ms"] - downtime - wake, 3) if whole else None,
            "stop_to_resume_ms": stood_still,
            "network_by_qemu_ms": round(report["gap_ms"] - stood_still - wake, 3)
            if None not in (stood_still, wake) else None,
            "network_outside_guests_ms": outside_guests_ms(measured),
            "round_trip_ms": report["round_trip_ms"],
            "lateness_max_ms": report["lateness_max_ms"], "lost_list": report["lost_list"]}


def outside_guests_ms(measured):
    """The part of the gap in which the moved guest did not stand still, and the packet that ended the
    gap was in no guest, nor waited for one in its tap; None if QEMU's times are not known."""
    stopped_ns, resumed_ns = measured.stopped.get("STOP"), measured.resumed.get("RESUME")
    if None in (stopped_ns, resumed_ns):
        return None
    report = measured.report
    spans = [(stopped_ns, resumed_ns)]
    times = measured.seen.get((report["run"], report["gap_to_seq"]), [])
    spans += [(one.entered_ns, one.left_ns) for one in passages.passages(times)]
    begin_ns, end_ns = report["gap_from_ns"], report["gap_to_ns"]
    return milliseconds(passages.outside_ns(begin_ns, end_ns, spans), 0)


def timeline(move, measured, told):
    """The marks of Holdfast's own time line and what was seen from outside, in order; ms since the
    guest's stop."""
    report = measured.report
    zero = measured.stopped.get("STOP") or told["begun_ns"]
    marks = [{"what": mark["what"], "hypervisor": mark["hypervisor"],
              "ms": milliseconds(mark["time_ns"], zero)} for mark in told["marks"]]
    outside = [("guest stopped (QEMU)", move.source, measured.stopped.get("STOP")),
               ("guest runs (QEMU)", move.destination, measured.resumed.get("RESUME")),
               ("guest's first own frame", move.destination, measured.woken_ns),
               ("last answer before the gap", "client", report["gap_from_ns"]),
               ("first answer after the gap", "client", report["gap_to_ns"])]
    marks += [{"what": what, "hypervisor": on, "ms": milliseconds(time_ns, zero)}
              for what, on, time_ns in outside if time_ns]
    return sorted(marks, key=lambda mark: mark["ms"])


def record(move, measured, told):
    """Text that tells a move by Holdfast's marks, QEMU's, and each of the probe's packets at each tap."""
    marks = [(mark["time_ns"], f"{mark['hypervisor']}: {mark['what']}")
             for mark in (told["marks"] if told else ())]
    marks += [(time_ns, f"{move.source}: QEMU {what}") for what, time_ns in measured.stopped.items()]
    marks += [(time_ns, f"{move.destination}: QEMU {what}")
              for what, time_ns in measured.resumed.items()]
    return passages.record(measured.seen, measured.report["run"], marks)


def count_hops(run_number, hops=HOPS):
    """What each guest counted of the probe's run: packets there, packets back."""
    counts = {}
    for name in (*hops, "web"):
        code, output = guest.command(name, "count")
        if code != 0:
            raise LabError(f"VM {name}: count failed: {output.decode(errors='replace').strip()}")
        mine = json.loads(output)["runs"].get(str(run_number))
        counts[name] = {way: {key: mine[way][key] if mine else 0
                              for key in ("probe_distinct", "probe_doubled", "last")}
                        for way in ("request", "answer")}
    return counts


def faults(move, result):
    """What is not as it should be, one reason a line; empty if it did."""
    found = []
    answered = result["sent"] - result["lost"]
    if result["lost"] > LOST_AT_MOST:
        found.append(f"{result['lost']} packets lost")
    if result["doubled"]:
        found.append(f"{result['doubled']} packets doubled")
    for name, ways in result["hops"].items():
        for way, packets in ways.items():
            if packets["probe_distinct"] < answered:
                found.append(f"{answered - packets['probe_distinct']} answered packets passed "
                             f"{name} by ({way})")
    if result["sent"] == 0:
        found.append("nothing was sent")
    try:
        wait_for(lambda: not any(chain_problem(on) for on in HYPERVISORS), "end of the move",
                 limit=10, every=0.2)
    except LabError:
        found += filter(None, map(chain_problem, HYPERVISORS))
    if guest.where(move.vm) != move.destination:
        found.append(f"{move.vm} runs on {guest.where(move.vm)}")
    return found
