# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
"""Is anything lost?  Runs iommunest-replay and judges what it says.

Knows the capture format and the descriptors by itself, and nothing of the
library.  For each run it checks, event by event, that every descriptor went
where it belongs exactly once, that no wait was completed before what precedes
it was done, and that the summary adds up.

Usage: check_replay.py REPLAY CAPTURE-FOLDER
"""

import bisect
import collections
import glob
import json
import os
import subprocess
import sys
import tempfile

from guest_capture import Capture, PAGES

ALL = 0xffffffffffffffff
EBADMSG = 74
EIO = 5
ETIMEDOUT = 110
# FSTS_REG
IQE, ITE = 1 << 4, 1 << 6
EINVAL = 22

KEYS = {
    "hwpt": {"hwpt", "did", "pasid"},
    "device": {"hwpt", "sid", "pasid"},
    "submit": {"hwpt", "entries", "handled", "errno"},
    "wait": {"seq", "index", "addr", "data"},
    "vmm": {"seq", "index", "type"},
    "covered": {"seq", "index", "type", "hwpt"},
    "failure": {"seq", "index", "hwpt", "errno", "cause", "fsts", "iqercd"},
    "summary": {"descriptors", "forwarded", "entries", "calls", "waits",
                "kicks", "failed"},
}
ENTRY_KEYS = {"seq", "index", "addr", "npages", "leaf"}


class Wrong(Exception):
    pass


def expect(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(w) for w in what))


def hexadecimal(text):
    expect(isinstance(text, str) and text.startswith("0x"), "no hex", text)
    return int(text, 16)


# ---- Sets of pages, as sorted lists of intervals ----

def union(intervals):
    out = []
    for first, end in sorted(intervals):
        if out and first <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((first, end))
    return out


def holds(united, inner):
    """Is an interval within what union() gave?"""
    at = bisect.bisect_right(united, (inner[0], PAGES)) - 1
    return at >= 0 and united[at][0] <= inner[0] and inner[1] <= united[at][1]


# ---- What is to happen ----

class Options:
    def __init__(self, batch=1, per_descriptor=False, coalesce=False,
                 policy=None, faults=()):
        self.batch, self.per_descriptor = batch, per_descriptor
        self.coalesce, self.policy, self.faults = coalesce, policy, faults

    def arguments(self):
        out = []
        if self.batch != 1:
            out.append("--batch-kicks=%d" % self.batch)
        if self.per_descriptor:
            out.append("--per-descriptor")
        if self.coalesce:
            out.append("--coalesce")
        if self.policy:
            out.append("--policy=" + self.policy)
        for option, nth, error in self.faults:
            out.append("--%s=%d:%s" % (option, nth, error))
        return out


class Plan:
    """Runs of the engine, and segments that may share a submission."""

    def __init__(self, capture, options):
        self.capture = capture
        # Each run: (kicks that it brings, descriptors)
        self.runs = []
        for ring in capture.rings:
            self._add_runs(ring, options)
        self.order = [d for _, run in self.runs for d in run]
        self.stop = next((d.seq for d in self.order if d.refused), None)
        self.segment = {}
        # Descriptors that become no entry, with their scope: the entry before
        # has the range of a device TLB, or is a flush of all like they are.
        self.piggybacked = set()
        self.members = collections.defaultdict(list)
        self._add_segments()

    def _add_runs(self, ring, options):
        late, run = 0, []
        for kick in ring.kicks:
            if late and len(run) + len(kick) > ring.size - 1:
                self._add_run(late, run, options)
                late, run = 0, []
            late, run = late + 1, run + kick
            if late == options.batch:
                self._add_run(late, run, options)
                late, run = 0, []
        if late:
            self._add_run(late, run, options)

    def _add_run(self, kicks, run, options):
        if not options.per_descriptor or not run:
            self.runs.append((kicks, run))
            return
        for i, desc in enumerate(run):
            self.runs.append((0 if i else kicks, [desc]))

    def hwpts(self, desc):
        """The scopes that a descriptor is forwarded to."""
        if not desc.scalable or desc.refused:
            return []
        if desc.type == 6:
            return [(desc.did, desc.pasid)]
        if desc.sid is not None:
            scopes = [scope for (sid, pasid), scope
                      in self.capture.devices.items()
                      if sid == desc.sid and
                      desc.dev_pasid in ("all", pasid)]
            return [s for s in self.capture.scopes if s in scopes]
        if desc.type != 2:
            return []
        return [s for s in self.capture.scopes
                if desc.granularity == 1 or s[0] == desc.did]

    @staticmethod
    def _needs_no_entry(before, desc):
        if desc.sid is not None:
            return holds([before.pages], desc.pages)
        return desc.is_all() and (before.is_all() or
                                  before.sid is not None and
                                  before.pages == (0, PAGES))

    def _add_segments(self):
        # The last one of each segment that becomes an entry.
        number, host_entries = 0, {}
        for _, run in self.runs:
            number += 1
            for desc in run:
                if desc.refused:
                    return
                scopes = self.hwpts(desc)
                for scope in scopes:
                    self.segment[desc.seq, scope] = number
                    self.members[number, scope].append(desc)
                    last = host_entries.get((number, scope))
                    if last and self._needs_no_entry(last, desc):
                        self.piggybacked.add((desc.seq, scope))
                    else:
                        host_entries[number, scope] = desc
                # The VMM gets it when all before it is done.
                if desc.type != 5 and not scopes:
                    number += 1

    def calls(self):
        return len(self.members)

    def kicks_until(self, seq):
        kicks = 0
        for more, run in self.runs:
            kicks += more
            if seq is not None and any(d.seq == seq for d in run):
                return kicks
        return kicks


# ---- What happened ----

class Judge:
    def __init__(self, capture, options, events, status):
        self.capture, self.options = capture, options
        self.plan = Plan(capture, options)
        self.events, self.status = events, status
        self.scope_of = {}
        # (seq, scope) -> entries that the kernel handled under that name
        self.handled = collections.defaultdict(list)
        # (segment, scope) -> the same, whoever's name they have
        self.effect = collections.defaultdict(list)
        # Of both, what was computed for how many of them.
        self.reach, self.wide = {}, {}
        self.covered, self.failed = set(), {}
        self.failures = []
        self.done = -1
        self.entries = 0
        self.flushed = set()
        self.broken = None
        self.last_failure = None
        self.current = {}

    def judge(self):
        expect(self.events, "no events")
        expect(self.events[-1]["event"] == "summary", "no summary at the end")
        self._hwpts()
        self._devices()
        begin = len(self.capture.scopes) + len(self.capture.devices)
        for event in self.events[begin:-1]:
            getattr(self, "_" + event["event"])(event)
        self._end(self.events[-1])

    def _hwpts(self):
        first = self.events[:len(self.capture.scopes)]
        expect(all(e["event"] == "hwpt" for e in first), "hwpts not first")
        expect([(e["did"], e["pasid"]) for e in first] ==
               self.capture.scopes, "scopes differ", first)
        self.scope_of = {e["hwpt"]: (e["did"], e["pasid"]) for e in first}
        expect(len(self.scope_of) == len(first), "an HWPT twice")

    def _devices(self):
        begin = len(self.capture.scopes)
        events = self.events[begin:begin + len(self.capture.devices)]
        expect(all(e["event"] == "device" for e in events), "devices missing")
        found = [((e["sid"], e["pasid"]), self.scope_of[e["hwpt"]])
                 for e in events]
        expect(found == list(self.capture.devices.items()), "devices differ",
               found)

    def _device(self, event):
        raise Wrong("not with the others: %s" % event)

    _hwpt = _device

    def _desc(self, event):
        expect(0 <= event["seq"] < len(self.capture.descs), "seq", event)
        desc = self.capture.descs[event["seq"]]
        expect(desc.index == event["index"], "index", event, desc.index)
        return desc

    # -- submit --

    def _entry(self, scope, entry):
        expect(set(entry) == ENTRY_KEYS, "members", entry)
        desc = self._desc(entry)
        expect((desc.seq, scope) in self.plan.segment,
               "not to be forwarded there", entry)
        first = hexadecimal(entry["addr"])
        npages = hexadecimal(entry["npages"])
        expect(first % 4096 == 0, "unaligned", entry)
        first >>= 12
        pages = (0, PAGES) if npages == ALL else (first, first + npages)
        expect(npages and pages[1] <= PAGES, "range", entry)
        expect(npages == ALL or (npages & (npages - 1) == 0 and
                                 first % npages == 0), "block", entry)
        return desc, pages, entry["leaf"]

    def _is_flush(self, event, scope):
        """The one "all" that replaces what failed and all after it."""
        entries = event["entries"]
        return (self.options.policy == "flush" and len(entries) == 1 and
                hexadecimal(entries[0]["npages"]) == ALL and
                self.broken == (scope, entries[0]["seq"]))

    def _submit(self, event):
        expect(event["hwpt"] in self.scope_of, "unknown HWPT", event)
        scope, entries = self.scope_of[event["hwpt"]], event["entries"]
        flush = self._is_flush(event, scope)
        done = event["handled"]
        expect(0 <= done <= len(entries), "handled", event)
        if event["errno"] and done == len(entries):
            done = 0
        expect(event["errno"] or done == len(entries), "silent loss", event)
        parsed = [self._entry(scope, entry) for entry in entries]
        seqs = [desc.seq for desc, _, _ in parsed]
        expect(seqs == sorted(seqs), "out of order", event)
        expect(len({self.plan.segment[s, scope] for s in seqs}) <= 1,
               "across an ordering point", event)
        for desc, pages, leaf in parsed[:done]:
            self._handled(desc, scope, pages, leaf, flush)
        self.entries += done
        if entries:
            self.broken = (scope, seqs[done]) if event["errno"] else None
            self.last_failure = ((event["hwpt"], event["errno"])
                                 if event["errno"] else self.last_failure)

    def _handled(self, desc, scope, pages, leaf, flush):
        key = (desc.seq, scope)
        segment = (self.plan.segment[key], scope)
        expect(desc.seq > self.done, "after its wait", desc.seq)
        self.handled[key].append((pages, leaf))
        self.effect[segment].append((pages, leaf))
        if flush:
            self.flushed.add(segment)
        elif not self.options.coalesce:
            for other, _ in self.handled[key][:-1]:
                expect(other[1] <= pages[0], "handled twice", desc.seq)

    # -- completion --

    def _settled(self, upto):
        """All lines before `upto` that were not judged yet are done."""
        for seq in range(self.done + 1, upto):
            desc = self.capture.descs[seq]
            expect(not desc.refused, "past a refused one", seq)
            for scope in self.plan.hwpts(desc):
                self._judge_forwarded(desc, scope)
        self.done = max(self.done, upto - 1)

    def _judge_forwarded(self, desc, scope):
        key = (desc.seq, scope)
        segment = (self.plan.segment[key], scope)
        outcomes = [key in self.handled, key in self.covered, key in self.failed]
        if key in self.failed:
            # What failed may then be flushed with all of its HWPT.
            outcomes[0] = False
        expect(sum(outcomes) == 1, "line", desc.seq, "handled, covered, failed:",
               outcomes)
        if key in self.failed:
            return
        if key in self.plan.piggybacked:
            expect(key in self.covered, "line", desc.seq, "has an entry")
        expect(holds(self._reach(segment, desc.leaf), desc.pages), "line",
               desc.seq, "is not flushed")
        if segment in self.flushed or key in self.plan.piggybacked:
            return
        if self.options.coalesce:
            self._judge_width(segment)
            return
        own = self.handled[key]
        expect([p for p, _ in own] == [desc.pages], "line", desc.seq,
               "is not one entry of its range:", own)
        expect(desc.pages == (0, PAGES) or own[0][1] == desc.leaf,
               "leaf of line", desc.seq)

    def _reach(self, segment, leaf):
        """What was flushed for a descriptor with that hint."""
        count = len(self.effect[segment])
        known = self.reach.get((segment, leaf))
        if not known or known[0] != count:
            known = (count, union(p for p, only in self.effect[segment]
                                  if leaf or not only))
            self.reach[segment, leaf] = known
        return known[1]

    def _judge_width(self, segment):
        """Merged entries flush what was asked for, and no more."""
        if self.wide.get(segment) == len(self.effect[segment]):
            return
        allowed = union(d.pages for d in self.plan.members[segment])
        for pages, _ in self.effect[segment]:
            expect(holds(allowed, pages), "wider:", pages, segment)
        self.wide[segment] = len(self.effect[segment])

    def _wait(self, event):
        desc = self._desc(event)
        expect(desc.type == 5 and desc.status, "not a wait", event)
        expect(desc.seq > self.done, "wait out of order", event)
        expect(hexadecimal(event["addr"]) == desc.addr, "addr", event)
        expect(event["data"] == desc.data, "data", event)
        self._between(desc.seq)
        self.done = desc.seq

    def _vmm(self, event):
        desc = self._desc(event)
        expect(desc.type not in (5, 6), "not the VMM's", event)
        expect(desc.type == 2 or not self.plan.hwpts(desc), "forwarded",
               event)
        expect(event["type"] == desc.name, "type", event)
        expect(desc.seq > self.done, "VMM out of order", event)
        self._between(desc.seq)
        self._settled(desc.seq + 1)

    def _between(self, upto):
        """No wait and nothing for the VMM was left out on the way."""
        self._silent(upto)
        self._settled(upto)

    def _silent(self, upto):
        for seq in range(self.done + 1, upto):
            desc = self.capture.descs[seq]
            expect(desc.type == 6 or desc.type == 5 and not desc.status or
                   desc.sid is not None and self.plan.hwpts(desc),
                   "left out: line", seq, desc.name)

    def _covered(self, event):
        desc = self._desc(event)
        expect(event["type"] == desc.name, "type", event)
        expect(desc.seq > self.done, "covered late", event)
        key = (desc.seq, self.scope_of.get(event["hwpt"]))
        expect(key in self.plan.segment, "covered, but not to be forwarded",
               event)
        expect(self.options.coalesce or self.options.policy == "flush" or
               key in self.plan.piggybacked, "covered by what?", event)
        expect(key not in self.covered, "covered twice", event)
        self.covered.add(key)

    def _failure(self, event):
        desc = self._desc(event)
        expect(event["cause"] in ("host", "guest"), "cause", event)
        expect(desc.seq > self.done, "failed late", event)
        self.failures.append(event)
        self.current = event
        if event["cause"] == "guest":
            expect(desc.refused and event["errno"] == EBADMSG, "guest", event)
            expect(event["hwpt"] == 0, "a guest's fault on an HWPT", event)
            return
        scope = self.scope_of.get(event["hwpt"])
        expect((desc.seq, scope) in self.plan.segment, "failed HWPT", event)
        expect(event["errno"], "no errno", event)
        self.failed[desc.seq, scope] = event["errno"]

    # -- the end --

    def _end(self, summary):
        last = self.capture.descs[-1].seq if self.capture.descs else -1
        stop = None
        if self.current and summary["descriptors"] != last + 1:
            stop = self.current["seq"]
            expect(self.events[-2] is self.current, "went on after a stop")
        for event in self.failures:
            self._judge_registers(event, stop is not None and
                                  event is self.current)
        upto = last + 1 if stop is None else stop
        self._between(upto)
        if self.plan.stop is not None and stop is not None:
            expect(stop <= self.plan.stop, "past a refused descriptor")
        if self.plan.stop is not None and not self.options.faults:
            expect(stop == self.plan.stop, "not stopped at a refused one")
        skipped = {seq for seq, _ in self.failed if seq != stop}
        expect(not skipped or self.options.policy == "skip", "skipped")
        self._summary(summary, upto, stop, skipped)
        if not self.options.faults and not self.options.coalesce:
            expect(stop is not None or
                   summary["calls"] == self.plan.calls(), "calls",
                   summary["calls"], self.plan.calls())
        if self.options.coalesce:
            expect(summary["calls"] <= self.plan.calls() or
                   self.options.faults, "calls when merging")

    def _judge_registers(self, event, stopped):
        """What the guest reads of a failure: nothing of the host's."""
        fsts, iqercd = 0, 0
        if event["cause"] == "guest":
            fsts = IQE
            iqercd = self.capture.descs[event["seq"]].refused
        expect(hexadecimal(event["fsts"]) == fsts and
               hexadecimal(event["iqercd"]) == iqercd, "registers", event)

    def _summary(self, summary, upto, stop, skipped):
        descs = self.capture.descs[:upto]
        forwarded = [d for d in descs
                     if self.plan.hwpts(d) and d.seq not in skipped]
        submits = [e for e in self.events if e["event"] == "submit"]
        wanted = {
            "event": "summary",
            "descriptors": upto,
            "forwarded": len(forwarded),
            "entries": self.entries,
            "calls": len(submits),
            "waits": sum(d.type == 5 for d in descs),
            "kicks": self.plan.kicks_until(stop),
            "failed": len(skipped) + (stop is not None),
        }
        expect(summary == wanted, "summary", summary, "is not", wanted)
        expect(self.status == (1 if wanted["failed"] else 0), "exit status",
               self.status)


# ---- Running it ----

class Checker:
    def __init__(self, replay):
        self.replay, self.count, self.bad = replay, 0, 0

    def events(self, output):
        out = []
        for line in output.splitlines():
            event = json.loads(line)
            expect(set(event) == KEYS[event["event"]] | {"event"}, "members",
                   line)
            out.append(event)
        return out

    def run(self, capture, options):
        """Judges one run; returns its events, or None."""
        command = [self.replay, "--json"] + options.arguments()
        command.append(capture.path)
        self.count += 1
        try:
            done = subprocess.run(command, capture_output=True, check=False,
                                  timeout=120)
            expect(done.returncode in (0, 1), "status", done.returncode,
                   done.stderr.decode())
            expect(not done.stderr, "complaint", done.stderr.decode())
            events = self.events(done.stdout.decode())
            Judge(capture, options, events, done.returncode).judge()
            return events
        except (Wrong, ValueError, KeyError,
                subprocess.TimeoutExpired) as wrong:
            self.fail("%s: %s" % (" ".join(command), wrong))
            return None

    def fail(self, what):
        self.bad += 1
        if self.bad <= 20:
            print("FAIL", what)

    # -- without failures --

    def succeeds(self, capture, batches=(1, 2, 7, 64, 100000)):
        for batch in batches:
            self.run(capture, Options(batch))
            self.run(capture, Options(batch, coalesce=True))
            self.run(capture, Options(batch, per_descriptor=True))
        self.run(capture, Options(7, per_descriptor=True, coalesce=True))

    # -- with failures --

    def faulty(self, capture, options, spread=None):
        """Fails each call and each entry in turn, or `spread` of them."""
        events = self.run(capture, options)
        if events is None:
            return
        summary = events[-1]
        for kind, many in (("fail", summary["calls"]),
                           ("fail-entry", summary["entries"])):
            step = -(-many // spread) if spread and many else 1
            for nth in range(1, many + 1, step):
                for policy in ("stop", "skip", "flush"):
                    self.fault(capture, options, policy, ((kind, nth, "EIO"),))

    def fault(self, capture, options, policy, faults):
        options = Options(options.batch, options.per_descriptor,
                          options.coalesce, policy, faults)
        events = self.run(capture, options)
        if events is None:
            return
        numbers = {"EIO": EIO, "EINVAL": EINVAL, "ETIMEDOUT": ETIMEDOUT}
        # Work may end before a second one.
        error = numbers[faults[0][2]]
        if not any(e["event"] == "submit" and e["errno"] == error
                   for e in events):
            self.fail("%s never happened: %s" % (faults, capture.path))
        if len(faults) == 1:
            self.outcome(capture, policy, events, faults)

    def outcome(self, capture, policy, events, faults):
        """One entry failed: each policy does what its name says."""
        refused = any(desc.refused for desc in capture.descs)
        failures = sum(e["event"] == "failure" for e in events)
        ended = events[-1]["descriptors"] != len(capture.descs)
        wanted = {
            "stop": failures == 1 and ended,
            "skip": failures >= 1 and ended == refused,
            "flush": failures == refused and ended == refused,
        }
        if not wanted[policy]:
            self.fail("%s, %s, %s: %d failures, ended early: %s" % (
                capture.path, policy, faults, failures, ended))


# ---- Captures made for a purpose ----

def wait(slot, data=2, flags=0x20):
    return (data << 32 | flags | 5, 0x1042c00 + 4 * slot, 0, 0)


def pages(addr, am, did=4, pasid=0, leaf=True):
    return (pasid << 32 | did << 16 | 0x36, addr | leaf << 6 | am, 0, 0)


def whole(did=4, pasid=0):
    return (pasid << 32 | did << 16 | 0x26, 0, 0, 0)


def range_of(addr, am, s):
    """ADDR and S of a device TLB."""
    if am == 0:
        return addr
    low = (1 << (11 + min(am, 52))) - 4096
    return addr & ~((1 << (12 + min(am, 52))) - 1) & ALL | low | s


def dev_tlb(sid, addr, am, pfsid=0):
    return (pfsid >> 4 << 52 | (pfsid & 0xf) << 12 | sid << 32 | 3,
            range_of(addr, am, 1), 0, 0)


def pasid_dev_tlb(sid, addr, am, pasid=0, everything=0):
    return (pasid << 32 | sid << 16 | 0x8, range_of(addr, am, 1 << 11) |
            everything, 0, 0)


def iotlb(granularity, did=0, low=0):
    return (did << 16 | granularity << 4 | 2, low, 0, 0)


IEC = (4, 0, 0, 0)


def synthetic():
    """Name -> rings -> (IQA, kicks -> descriptors)."""
    small, wide, narrow = 0x9800, 0x5801, 0x7000
    mixed = [
        [pages(0x1000, 0), wait(1)],
        [pages(0x2000, 0, 5), pages(0x3000, 0), wait(4)],
        [pages(0x200000, 9, 4, leaf=False), whole(5), IEC,
         pages(0x4000, 2, 4, 7), wait(0, 3, 0x30)],
        [wait(0), wait(0, 1, 0x40), pages(0x7000, 0, 5)],
        [iotlb(1), wait(0)],
        [pages(0x5000, 0), iotlb(2, 5), pages(0x6000, 0, 5)],
        [iotlb(2, 99), iotlb(3, 4, 0x7fff003), wait(0)],
        [],
        [pages(0x8000, 0, 4, 7), pages(0x9000, 0, 4, 7), whole(4, 7)],
    ]
    near = [pages(0x1000 * i, 0) for i in range(16)]
    far = [pages(0x100000 * i, 0, 5, leaf=bool(i & 1)) for i in range(16)]
    large = [pages(0x1000, 0), pages(0, 19), pages(0, 19), pages(0, 23),
             pages(0, 24), pages(0, 51), pages(0xfffff000, 63), pages(0, 52),
             pages(0x80000000, 20, leaf=False), pages(0x80001000, 0),
             wait(0)]
    hints = [pages(0, 4), pages(0x1000, 0, leaf=False), pages(0x2000, 0),
             pages(0x3000, 0, leaf=False), pages(0x20000, 4, leaf=False),
             pages(0x21000, 0), pages(0x40000, 0, leaf=False),
             pages(0x40000, 4), pages(0x40000, 5, leaf=False), wait(9)]
    # Devices 1 and 2 go through one HWPT, 3 through another, 4 through none;
    # 5 has two PASIDs, each with an HWPT of its own.
    devices = [
        [pages(0x1000, 0), dev_tlb(1, 0x1000, 0), dev_tlb(2, 0x1000, 0),
         pages(0x2000, 0, 5), dev_tlb(3, 0x2000, 0, 0x123), wait(5)],
        # Beside the entry before it, larger than it, after another's.
        [pages(0x200000, 9), dev_tlb(1, 0x201000, 0), dev_tlb(1, 0x400000, 0),
         dev_tlb(2, 0x400000, 0), dev_tlb(2, 0x200000, 9),
         dev_tlb(1, 0x200000, 10), dev_tlb(1, 0x3ff000, 0)],
        [dev_tlb(3, 0x7000, 0), wait(0), whole(), dev_tlb(1, 0, 52),
         dev_tlb(4, 0x1000, 0), dev_tlb(1, 0, 52), dev_tlb(2, 0x8000, 3)],
        [pages(0x5000, 0, 4, 7), pasid_dev_tlb(5, 0x5000, 0, 7),
         pages(0x6000, 1, 5), pasid_dev_tlb(5, 0x7000, 0, 8), wait(0)],
        [pages(0x9000, 0, 4, 7), pasid_dev_tlb(5, 0, 52, 0, 1), IEC,
         pasid_dev_tlb(5, 0x9000, 0, 9), pasid_dev_tlb(5, 0x9000, 0, 8),
         pages(0xa000, 0, 5), pasid_dev_tlb(5, 0xa000, 0, 0, 1), wait(0)],
        [iotlb(2, 5), dev_tlb(3, 0x1000, 0), pages(0x1000, 0, 5),
         dev_tlb(3, 0x1000, 0), wait(0), dev_tlb(3, 0x1000, 0),
         dev_tlb(3, 0, 51), dev_tlb(3, 1 << 62, 40)],
        [pages(0, 20), dev_tlb(1, 0, 20), dev_tlb(1, 1 << 33, 20), wait(2)],
        # The same address, and larger.
        [pages(0x800000, 0), dev_tlb(1, 0x800000, 4), dev_tlb(2, 0x800000, 5),
         dev_tlb(1, 0x800000, 5), wait(2)],
    ]
    # The second HWPT's slots lie between those of the first.
    woven = [pages(0x10000, 0), pages(0x20000, 0, 5), pages(0x30000, 0, 5),
             wait(3), pages(0x40000, 0, 6), pages(0x50000, 0),
             pages(0x60000, 0, 5), wait(7), pages(0x70000, 0, 6)]
    return {
        "hints": [(small, [hints])],
        "devices": [(small, devices), (narrow, [[dev_tlb(1, 0, 0), wait(1)]]),
                    (small, devices[1:])],
        "devices-unknown": [(small, [[dev_tlb(1, 0, 0), wait(1)],
                                     [pages(0, 0), wait(3),
                                      dev_tlb(1, 0, 0)]])],
        "woven": [(small, [woven])],
        "mixed": [(small, mixed)],
        "near": [(small, [near + [wait(0)], near + far, [wait(0)]] * 9)],
        "large": [(wide, [large, large[:2] + large[:1]])],
        "full": [(small, [near * 7 + far[:15], near * 7, far * 7])],
        "rings": [(wide, mixed), (narrow, [[IEC, wait(1)], [iotlb(1)],
                                           [iotlb(3, 4), wait(3)]]),
                  (small, []), (small, mixed), (wide, [])],
        "refused": [(small, [[pages(0x1000, 0), wait(1)],
                             [pages(0x2000, 0), wait(3),
                              pages(0x3000, 0, 5), (0x6, 0, 0, 0),
                              wait(6)], [whole(), wait(0)]])],
        "refused-narrow": [(narrow, [[IEC, wait(1), pages(0, 0)], [IEC]])],
        "refused-dev-tlb": [(small, [[pages(0, 0), dev_tlb(1, 0, 0),
                                      (0x100000013, 0, 0, 0)]])],
        "refused-pasid-dev-tlb": [(small, [[pages(0, 0),
                                            (0x10008, 1 << 10, 0, 0)]])],
        "refused-pasid-cache": [(small, [[pages(0, 0), (0x27, 0, 0, 0)]])],
        "refused-context": [(small, [[pages(0, 0), (0x1, 0, 0, 0)]])],
        "refused-response": [(small, [[(0x9, 0, 0, 0), (0x9, 1, 0, 0)]])],
        "refused-type": [(small, [[pages(0, 0), (0xa, 0, 0, 0)]])],
        "refused-wait": [(small, [[pages(0, 0), (0x1005, 0, 0, 0)]])],
        "no-scope": [(small, [[iotlb(1), wait(1)], [IEC, wait(0)]])],
        "nothing": [],
        "no-kick": [(small, [])],
    }


def write_capture(path, rings):
    with open(path, "w", encoding="utf-8") as out:
        out.write("iq-capture 1\n")
        for iqa, kicks in rings:
            count = 4 if iqa >> 11 & 1 else 2
            size = (128 if count == 4 else 256) << (iqa & 7)
            out.write("iqa %#x\n" % iqa)
            tail = 0
            for kick in kicks:
                tail = (tail + len(kick)) % size
                out.write("kick %d\n" % tail)
                for words in kick:
                    out.write("d %s\n" % " ".join(
                        "%#x" % word for word in words[:count]))


def check_made(checker, folder):
    captures = {}
    for name, rings in synthetic().items():
        path = os.path.join(folder, name + ".iq")
        write_capture(path, rings)
        captures[name] = Capture(path)
        checker.succeeds(captures[name], (1, 2, 3, 100000))
    # Nine times two runs of 16 neighbours and 16 that are none.
    for coalesce, entries in ((False, 9 * 48), (True, 9 * 18)):
        events = checker.run(captures["near"], Options(coalesce=coalesce))
        if events and events[-1]["entries"] != entries:
            checker.fail("near, %s: not %d entries" % (coalesce, entries))
    # The first failing slot wins, whoever is asked first.
    for first in range(1, 8):
        for second in range(first + 1, 9):
            for policy in ("stop", "skip", "flush"):
                checker.fault(captures["woven"], Options(), policy,
                              (("fail-entry", first, "EIO"),
                               ("fail-entry", second, "EINVAL")))
    for name in ("mixed", "large", "hints", "woven", "refused", "devices"):
        for batch in (1, 100):
            for coalesce in (False, True):
                checker.faulty(captures[name],
                               Options(batch, coalesce=coalesce))
    checker.faulty(captures["mixed"], Options(per_descriptor=True))
    checker.faulty(captures["near"], Options(100, coalesce=True), 16)
    checker.faulty(captures["rings"], Options(3), 16)
    # The call itself is at fault: its failure and the empty call's.
    for policy in ("stop", "skip", "flush"):
        for nth in range(1, 6):
            checker.fault(captures["mixed"], Options(100), policy,
                          (("fail", nth, "EINVAL"),
                           ("fail", nth + 1, "EINVAL")))
    # A time-out has its own bit in FSTS_REG.
    for policy in ("stop", "skip", "flush"):
        for nth in range(1, 20):
            checker.fault(captures["devices"], Options(100), policy,
                          (("fail-entry", nth, "ETIMEDOUT"),))
    # An interrupted call goes on, and nothing has failed.
    for nth in range(1, 9):
        checker.run(captures["mixed"],
                    Options(100, faults=(("fail-entry", nth, "EINTR"),
                                         ("fail", 2, "EAGAIN"))))


def main():
    if len(sys.argv) != 3:
        print(__doc__.strip().rsplit("\n", 1)[-1], file=sys.stderr)
        return 2
    checker = Checker(sys.argv[1])
    paths = sorted(glob.glob(os.path.join(sys.argv[2], "*.iq")))
    expect(len(paths) >= 6, "captures are missing from", sys.argv[2])
    long_tests = os.environ.get("IOMMUNEST_LONG_TESTS") == "yes"
    for path in paths:
        capture = Capture(path)
        if not long_tests:
            checker.succeeds(capture, (1, 64))
            checker.faulty(capture, Options(50, coalesce=True), 1)
            continue
        checker.succeeds(capture)
        every = os.path.basename(path) == "flts-lazy.iq"
        checker.faulty(capture, Options(), None if every else 4)
        checker.faulty(capture, Options(50), 4)
        checker.faulty(capture, Options(50, coalesce=True), 4)
    with tempfile.TemporaryDirectory() as folder:
        check_made(checker, folder)
    print("%d runs judged, %d wrong" % (checker.count, checker.bad))
    return 1 if checker.bad else 0


if __name__ == "__main__":
    sys.exit(main())
