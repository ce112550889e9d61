# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
"""Is any command lost?  Runs iommunest-replay and judges what it says.

Knows the capture format and the commands by itself, and nothing of the library.
For each run it checks, event by event, that every command went where it belongs
exactly once, that no CMD_SYNC was completed before what precedes it was done,
that no array has what a CMD_SYNC keeps apart, and that the summary adds up.

Usage: check_cmdq_replay.py REPLAY CAPTURE-FOLDER
"""

import bisect
import glob
import json
import os
import subprocess
import sys
import tempfile

from guest_cmdq import (ATC_INV, CFGI_CD, CMDQEN, Capture, PREFETCH, SYNC,
                        TLBI, VMM)

EBADMSG = 74
GROUP = 63
ERRORS = {"EIO": 5, "EINTR": 4, "ENOMEM": 12, "EINVAL": 22, "ETIMEDOUT": 110}
CERROR_ILL, GERROR_CMDQ = 1, 1

KEYS = {
    "viommu": {"id"},
    "submit": {"id", "commands", "handled", "errno"},
    "sync": {"seq", "index"},
    "vmm": {"seq", "index", "type"},
    "dropped": {"seq", "index"},
    "failure": {"seq", "index", "errno", "cause", "reason", "cerror",
                "gerror"},
    "summary": {"commands", "forwarded", "calls", "syncs", "kicks", "failed"},
}
COMMAND_KEYS = {"seq", "index", "w0", "w1"}


class Wrong(Exception):
    pass


def expect(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(w) for w in what))


def hexadecimal(text):
    expect(isinstance(text, str) and text.startswith("0x"), "no hex", text)
    return int(text, 16)


# ---- What is to happen ----

class Options:
    def __init__(self, batch=1, per_descriptor=False, policy=None, faults=(),
                 profile=None, vmm=(), nobody=()):
        self.batch, self.per_descriptor = batch, per_descriptor
        self.policy, self.faults, self.profile = policy, tuple(faults), profile
        self.vmm, self.nobody = tuple(vmm), tuple(nobody)

    def but(self, **changes):
        return Options(**{**self.__dict__, **changes})

    def arguments(self):
        out = []
        if self.batch != 1:
            out.append("--batch-kicks=%d" % self.batch)
        if self.per_descriptor:
            out.append("--per-descriptor")
        if self.policy:
            out.append("--policy=" + self.policy)
        if self.profile:
            out.append("--profile=" + self.profile)
        out += ["--vmm-stream=%#x" % sid for sid in self.vmm]
        out += ["--no-stream=%d" % sid for sid in self.nobody]
        out += ["--%s=%d:%s" % fault for fault in self.faults]
        return out


class Plan:
    """Runs of the engine, and segments that may share an array."""

    def __init__(self, capture, options):
        self.options = options
        # Each run: the kicks up to it, and its commands.
        self.runs = []
        self._size, self._prod, self._cons = 1, 0, 0
        self._kicks, self._late, self._late_kicks = 0, [], 0
        self._known = []
        enabled = False
        for write in capture.writes:
            if write.reg == "prod":
                self._on_prod(write, enabled)
                continue
            self._catch_up()
            if write.reg == "base":
                self._size, self._known = write.size, []
            elif write.reg == "cons":
                self._cons = write.value & 0xfffff
            elif write.reg == "cr0":
                if write.value & CMDQEN and not enabled:
                    self._enable()
                enabled = bool(write.value & CMDQEN)
        self._catch_up()
        self.kicks = self._kicks
        self.order = [c for _, run in self.runs for c in run]
        self.segment = {}
        self._add_segments()
        self.refused = next((c for c in self.order if c.refused), None)
        if self.refused:
            del self.order[self.order.index(self.refused):]
        self.syncs = [c.seq for c in self.order if c.opcode == SYNC]

    def _on_prod(self, write, enabled):
        commands = write.commands
        if enabled and len(self._late) + len(commands) > self._size:
            self._catch_up()
        self._kicks += 1
        moved = (write.value - self._prod) % (2 * self._size)
        self._prod = write.value
        self._known = self._known if moved == len(commands) else []
        self._known = (self._known + commands)[-self._size:]
        if not enabled:
            return
        self._late += commands
        self._late_kicks += 1
        self._cons = self._prod
        if self._late_kicks == self.options.batch:
            self._catch_up()

    def _enable(self):
        pending = (self._prod - self._cons) % (2 * self._size)
        if pending:
            self._add_run(self._known[-pending:])
        self._cons = self._prod

    def _catch_up(self):
        if self._late_kicks:
            self._add_run(self._late)
        self._late, self._late_kicks = [], 0

    def _add_run(self, commands):
        step = 1 if self.options.per_descriptor else max(1, len(commands))
        for i in range(0, len(commands), step):
            self.runs.append((self._kicks, commands[i:i + step]))

    def whose(self, command):
        """"host", "vmm", "nobody", or None: nothing is done."""
        if command.opcode in TLBI:
            return "host"
        if command.opcode in VMM:
            return "vmm"
        if command.opcode == SYNC:
            return None
        if command.sid in self.options.vmm:
            return "vmm"
        if command.sid in self.options.nobody:
            return "nobody"
        return None if command.opcode in PREFETCH else "host"

    def _add_segments(self):
        number = 0
        for _, run in self.runs:
            number += 1
            for command in run:
                self.segment[command.seq] = number
                # The VMM gets it when all before it is done.
                if (self.whose(command) == "vmm" and
                        command.opcode not in PREFETCH):
                    number += 1

    def kicks_until(self, seq):
        return next(kicks for kicks, run in self.runs
                    if any(c.seq == seq for c in run))

    def may_share(self, commands):
        """What a CMD_SYNC keeps apart: what is of another class."""
        kinds = {}
        for command in commands:
            # The last CMD_SYNC before it names its place.
            place = bisect.bisect(self.syncs, command.seq)
            if any(other < place and kind != command.kind()
                   for kind, other in kinds.items()):
                return False
            kinds.setdefault(command.kind(), place)
        return True

    def calls(self):
        """As few as the rules allow, and one more here and there: what is
        gathered is bounded, and may end with the ring."""
        calls = 0
        for _, run in self.runs:
            array, segment = [], None
            for command in run:
                if command.refused or command.opcode == SYNC:
                    continue
                # What is nobody's may end an array, too.
                if (self.whose(command) == "nobody" and
                        command.opcode not in PREFETCH):
                    calls += 1
                if self.whose(command) != "host":
                    continue
                array.append(command)
                if (segment != self.segment[command.seq] or
                        len(array) > GROUP or not self.may_share(array)):
                    calls, array = calls + 1, [command]
                segment = self.segment[command.seq]
            calls += len(run) // 128 + any(c.index == 0 for c in run[1:])
        return calls


# ---- What happened ----

class Judge:
    def __init__(self, capture, plan, options, events, status):
        self.capture, self.plan, self.options = capture, plan, options
        self.events, self.status = events, status
        self.order = {c.seq: c for c in plan.order}
        # Where the next one of plan.order is that no event has passed.
        self.at = 0
        self.seqs = [c.seq for c in plan.order]
        self.done, self.skipped = set(), {}
        # What a call failed on: its commands, and what flushes them.
        self.pending, self.flushed = {}, []
        # The one that a kernel named: it is sent alone, and in its turn.
        self.named, self.last = None, -1
        # Of the last call that failed, whether they are done by now or not.
        self.broken = set()
        self.calls, self.syncs = 0, 0
        self.failures, self.viommu = [], None

    def judge(self):
        expect(self.events, "no events")
        expect(self.events[0]["event"] == "viommu", "no vIOMMU at first")
        expect(self.events[-1]["event"] == "summary", "no summary at the end")
        self.viommu = self.events[0]["id"]
        for event in self.events[1:-1]:
            getattr(self, "_" + event["event"])(event)
        self._end(self.events[-1])

    def _viommu(self, event):
        raise Wrong("not at first: %s" % event)

    _summary = _viommu

    def _command(self, event):
        expect(event["seq"] in self.order, "never run", event)
        command = self.order[event["seq"]]
        expect(command.index == event["index"], "index", event, command.index)
        return command

    # -- submit --

    def _submit(self, event):
        expect(event["id"] == self.viommu, "unknown vIOMMU", event)
        self.calls += 1
        sent = event["commands"]
        expect(0 < len(sent) <= GROUP, "how many?", event)
        expect(all(set(c) == COMMAND_KEYS for c in sent), "members", event)
        expect(0 <= event["handled"] <= len(sent), "handled", event)
        expect(event["errno"] or event["handled"] == len(sent), "silent loss",
               event)
        words = [[hexadecimal(c["w0"]), hexadecimal(c["w1"])] for c in sent]
        commands = [self._command(c) for c in sent]
        if [c.words for c in commands] != words:
            self._flush(event, commands, words)
            return
        self._array(commands)
        if event["errno"]:
            self.broken = {c.seq for c in commands}
            for command in commands:
                if command.seq not in self.done:
                    self.pending[command.seq] = command
            if len(commands) > event["handled"] and len(commands) > 1:
                self.named = commands[event["handled"]].seq
            return
        if [c.seq for c in commands] == [self.named]:
            self._hand_over_named(commands[0])
        else:
            for command in commands:
                self._hand_over(command)
        self._flush_by(words)

    def _hand_over_named(self, command):
        """Alone, and it may come again."""
        if command.seq in self.done:
            self.last = max(self.last, command.seq)
        self.done.add(command.seq)
        self.pending.pop(command.seq, None)

    def _array(self, commands):
        seqs = [c.seq for c in commands]
        expect(seqs == sorted(set(seqs)), "out of order", seqs)
        expect(seqs[0] >= self._next(), "after its CMD_SYNC", seqs)
        for command in commands:
            expect(self.plan.whose(command) == "host", "not to be forwarded",
                   command.seq)
        expect(len({self.plan.segment[s] for s in seqs}) == 1,
               "across an ordering point", seqs)
        expect(self.plan.may_share(commands), "classes of", seqs)
        # Only what failed is sent again, and nothing else before that.
        if self.pending:
            expect(all(s in self.pending or s == self.named for s in seqs),
                   "while", sorted(self.pending), "are pending:", seqs)

    def _hand_over(self, command):
        expect(command.seq not in self.done, "twice:", command.seq)
        expect(command.seq > self.last, "out of order:", command.seq)
        self.last = command.seq
        self.done.add(command.seq)
        self.pending.pop(command.seq, None)

    def _flush(self, event, commands, words):
        """What takes the place of what failed."""
        expect(self.options.policy == "flush", "not its words", event)
        # One that asks for all itself looks like what takes its place.
        expect(len({c.seq for c in commands}) == 1 and
               commands[0].seq in self.broken, "not what failed", event)
        if not event["errno"]:
            self._flush_by(words)

    def _flush_by(self, words):
        """Streams, then translations, then device TLBs cover what they are."""
        if not self.pending or self.options.policy != "flush":
            return
        for w0, w1 in words:
            self.flushed.append((w0 & 0xff, w0 >> 32 if w0 & 0xff != 0x30
                                 else None, w1))
        tlb = (0x30, None, 0)
        sids = {c.sid for c in self.pending.values() if c.sid is not None}
        devices = {c.sid for c in self.pending.values()
                   if c.opcode in ATC_INV}
        after = self.flushed.index(tlb) if tlb in self.flushed else None
        if after is None:
            return
        if not all((6, sid, 0) in self.flushed[:after] for sid in sids):
            return
        if not all((0x40, sid, 52) in self.flushed[after:]
                   for sid in devices):
            return
        self.done |= set(self.pending)
        self.pending, self.flushed = {}, []

    # -- what is told in the order of the ring --

    def _next(self):
        return self.seqs[self.at] if self.at < len(self.seqs) else None

    def _pass(self, upto):
        """Nothing that is to be told of is left out before a line."""
        while self._next() is not None and self._next() < upto:
            command = self.order[self._next()]
            whose = self.plan.whose(command)
            if whose == "host":
                expect(command.seq in self.done or
                       command.seq in self.skipped, "line", command.seq,
                       "is not done before line", upto)
            else:
                expect(whose is None and command.opcode != SYNC,
                       "left out: line", command.seq, command.name)
            self.at += 1
        expect(not self.pending or upto <= min(self.pending), "line", upto,
               "is past what failed")

    def _told(self, event):
        self.broken = set()
        command = self._command(event)
        self._pass(command.seq)
        expect(self._next() == command.seq, "told twice", event)
        self.at += 1
        return command

    def _sync(self, event):
        expect(self._told(event).opcode == SYNC, "no CMD_SYNC", event)
        self.syncs += 1

    def _vmm(self, event):
        command = self._told(event)
        expect(self.plan.whose(command) == "vmm", "not the VMM's", event)
        expect(event["type"] == command.name, "type", event)

    def _dropped(self, event):
        expect(self.plan.whose(self._told(event)) == "nobody",
               "somebody has it", event)

    def _failure(self, event):
        self.failures.append(event)
        refused = self.plan.refused
        if event["cause"] == "guest":
            expect(refused and event["seq"] == refused.seq and
                   event["index"] == refused.index, "refused", event)
            expect(event["errno"] == EBADMSG and event["reason"] and
                   event["cerror"] == CERROR_ILL, "guest", event)
            expect(hexadecimal(event["gerror"]) == GERROR_CMDQ, "GERROR",
                   event)
            return
        command = self._command(event)
        expect(event["cause"] == "host" and event["errno"] and
               event["reason"] is None, "host", event)
        # The guest sees nothing of the host's failures.
        expect(event["cerror"] == 0 and hexadecimal(event["gerror"]) == 0,
               "registers", event)
        expect(self.plan.whose(command) == "host", "failed, and not sent",
               event)
        expect(command.seq not in self.done, "done, and failed", event)
        self.skipped[command.seq] = command
        self.pending.pop(command.seq, None)

    # -- the end --

    def _end(self, summary):
        expect(all(f is self.events[-2] for f in self.failures
                   if f["cause"] == "guest"), "went on after a refused one")
        stop = None
        if self.failures and summary["commands"] < len(self.seqs):
            stop = self.failures[-1]["seq"]
            expect(self.events[-2] is self.failures[-1], "went on")
            expect(self.failures[-1]["cause"] == "host", "who stopped it?")
            self.skipped.pop(stop)
            # What comes after it may be done, or not; none is told of.
            self.pending = {}
        self._pass(stop if stop is not None else len(self.capture.commands))
        if stop is None and self.plan.refused:
            expect(self.failures and
                   self.failures[-1]["cause"] == "guest", "not refused")
        expect(not self.skipped or self.options.policy == "skip", "skipped")
        passed = self.plan.order[:self.at]
        wanted = {
            "event": "summary",
            "commands": len(passed),
            "forwarded": sum(self.plan.whose(c) == "host" and
                             c.seq not in self.skipped for c in passed),
            "calls": self.calls,
            "syncs": self.syncs,
            "kicks": self.plan.kicks if stop is None
                     else self.plan.kicks_until(stop),
            "failed": len(self.failures),
        }
        expect(summary == wanted, "summary", summary, "is not", wanted)
        expect(self.status == (1 if self.failures else 0), "exit status",
               self.status)
        if not self.options.faults:
            expect(self.calls <= self.plan.calls(), self.calls, "calls, and",
                   self.plan.calls(), "would do")


# ---- Running it ----

class Checker:
    def __init__(self, replay):
        self.replay, self.count, self.bad = replay, 0, 0
        self.plans = {}

    def events(self, output):
        out = []
        for line in output.splitlines():
            event = json.loads(line)
            expect(set(event) == KEYS[event["event"]] | {"event"}, "members",
                   line)
            out.append(event)
        return out

    def plan(self, capture, options):
        key = (capture.path, options.batch, options.per_descriptor,
               options.vmm, options.nobody)
        if key not in self.plans:
            self.plans[key] = Plan(capture, options)
        return self.plans[key]

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
            Judge(capture, self.plan(capture, options), options, events,
                  done.returncode).judge()
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

    def succeeds(self, capture, options, batches=(1, 2, 7, 64, 100000)):
        for batch in batches:
            self.run(capture, options.but(batch=batch))
        self.run(capture, options.but(batch=7, per_descriptor=True))

    # -- with failures --

    def faulty(self, capture, options, spread=None):
        """Fails each call and each entry in turn, or `spread` of them."""
        events = self.run(capture, options)
        if events is None:
            return
        summary = events[-1]
        for kind, many in (("fail", summary["calls"]),
                           ("fail-entry", summary["forwarded"])):
            step = -(-many // spread) if spread and many else 1
            for nth in range(1, many + 1, step):
                self.fault(capture, options, ((kind, nth, "EIO"),))
                # Sent again alone, it fails again: it is at fault.
                self.fault(capture, options, ((kind, nth, "EIO"),
                                              (kind, nth + 1, "EIO")))
                for error in ("ENOMEM", "ETIMEDOUT", "EINTR", "EINVAL"):
                    self.fault(capture, options, ((kind, nth, error),),
                               (("flush", "skip", "stop")[nth % 3],))

    def fault(self, capture, options, faults,
              policies=("stop", "skip", "flush")):
        for policy in policies:
            events = self.run(capture,
                              options.but(policy=policy, faults=faults))
            if events is None:
                continue
            # Work may end before a second one.
            if not any(e["event"] == "submit" and
                       e["errno"] == ERRORS[faults[0][2]] for e in events):
                self.fail("%s never happened: %s" % (faults, capture.path))
            self.outcome(capture, policy, events, faults)

    def outcome(self, capture, policy, events, faults):
        """Each policy does what its name says."""
        host = [e for e in events if e["event"] == "failure" and
                e["cause"] == "host"]
        first = next((e for e in events
                      if e["event"] == "submit" and e["errno"]), None)
        if not first or not host:
            return
        # The same again, one by one, or in halves: nobody is at fault.
        again = {"EINTR": True, "EIO": len(first["commands"]) > 1,
                 "ENOMEM": len(first["commands"]) > 1}
        if len(faults) == 1 and (again.get(faults[0][2]) or
                                 policy == "flush"):
            self.fail("%s, %s, %s: fails" % (capture.path, policy, faults))

    def outcome_of_many(self, capture, options):
        """Alone they fail again, so that they are at fault."""
        faults = [("fail-entry", nth, "EIO") for nth in range(2, 20)]
        for policy in ("stop", "skip"):
            events = self.run(capture,
                              options.but(policy=policy, faults=faults))
            if events is None:
                continue
            found = [e["seq"] for e in events if e["event"] == "failure"]
            ended = events[-1]["commands"] < len(capture.commands)
            if not found or ended != (policy == "stop"):
                self.fail("%s, %s: %s failed, ended early: %s" % (
                    capture.path, policy, found, ended))


# ---- Captures made for a purpose ----

SYNC_NONE, SYNC_SEV = (0x46, 0), (0xfc02046, 0)
NSNH_ALL, CFGI_ALL = (0x30, 0), (0x4, 0x1f)


def sync_msi(addr):
    return (0x1046 | 1 << 32, addr)


def nh_va(page, asid=1):
    return (0x12 | asid << 48, page << 12 | 1)


def nh_asid(asid):
    return (0x11 | asid << 48, 0)


def of_range(page, num, scale, tg=1, ttl=0):
    return (0x12 | num << 12 | scale << 20 | 1 << 48,
            page << 12 | tg << 10 | ttl << 8)


def cfgi_cd(sid, ssid=0):
    return (0x05 | ssid << 12 | sid << 32, 1)


def cfgi_cd_all(sid):
    return (0x06 | sid << 32, 0)


def cfgi_ste(sid):
    return (0x03 | sid << 32, 1)


def atc_inv(sid, page=0, log2=52):
    return (0x40 | sid << 32, page << 12 | log2)


def prefetch(sid, addr=False):
    return ((2 if addr else 1) | sid << 32, 0)


ON, OFF = ("cr0", 0x8), ("cr0", 0)


def base(log2, addr=0x10000):
    return ("base", addr | log2)


def kick(*commands):
    return ("kick", commands)


def position(reg, value):
    return (reg, value)


def synthetic():
    """Name -> writes; "kick" is a PROD with its commands."""
    pages = [nh_va(i) for i in range(40)]
    mixed = [
        base(6), ON,
        kick(CFGI_ALL, SYNC_NONE, NSNH_ALL, SYNC_NONE),
        kick(prefetch(1), cfgi_cd(1), SYNC_NONE, cfgi_ste(1), SYNC_SEV),
        # What one SYNC keeps apart from another, and what it does not.
        kick(nh_va(1), SYNC_NONE, nh_va(2), SYNC_NONE, nh_asid(7)),
        kick(cfgi_cd(1), nh_va(3), SYNC_NONE, nh_va(4), SYNC_NONE),
        kick(nh_va(5), SYNC_NONE, atc_inv(1, 5, 0), SYNC_NONE, atc_inv(2),
             SYNC_NONE, nh_va(6), atc_inv(1, 6, 0), SYNC_NONE),
        kick(cfgi_cd_all(2), SYNC_NONE, cfgi_cd(3, 9), SYNC_NONE, nh_va(7),
             SYNC_NONE, cfgi_cd(1)),
        kick(), kick(SYNC_NONE), kick(SYNC_NONE, SYNC_SEV),
        kick(nh_va(8), prefetch(2, True), nh_va(9), cfgi_ste(2), nh_va(10)),
        kick(sync_msi(0x10000 + 16 * 40), sync_msi(0xfee00000), nh_va(11)),
        kick(of_range(0x100, 3, 1), of_range(0x200, 0, 0, 1, 3)),
        kick(cfgi_cd(2), cfgi_cd_all(3), atc_inv(3), atc_inv(2, 7, 3)),
        ("gerrorn", 1), ("cr0", 0xd),
        kick((0x44 | 1 << 32, 0), (0x41 | 2 << 32, 0), (0x45 | 3 << 32, 0)),
    ]
    full = [base(8), ON]
    for i in range(4):
        full += [kick(*(pages * 6 + [SYNC_NONE] * 16)),
                 kick(*[cfgi_cd(s % 5) for s in range(100)], SYNC_NONE)]
    small = [base(2), ON] + [
        kick(nh_va(1), SYNC_NONE, nh_va(2), SYNC_NONE), kick(nh_va(3)),
        kick(SYNC_NONE, nh_va(4), cfgi_cd(1))] * 5
    return {
        "mixed": mixed,
        "small": small,
        "one-slot": [base(0), ON] + [kick(nh_va(1)), kick(SYNC_NONE)] * 4,
        "full": full,
        "many": [base(10), ON, kick(*(pages * 12 + [SYNC_NONE])),
                 kick(*[c for p in pages * 10 for c in (p, SYNC_NONE)])],
        "disabled": [
            base(4), kick(nh_va(1), SYNC_NONE), kick(nh_va(2)), ON,
            kick(nh_va(3), SYNC_NONE), OFF, kick(nh_va(4), nh_va(5)),
            kick(SYNC_NONE), ON, kick(nh_va(6)), OFF,
            position("prod", 0x1e), position("cons", 0x1e), ON,
            kick(nh_va(7), SYNC_NONE, nh_va(8), SYNC_NONE),
            OFF, kick(nh_va(9)),
        ],
        "cons": [base(4), kick(nh_va(1), nh_va(2), SYNC_NONE),
                 position("cons", 1), ON, kick(nh_va(3)), OFF,
                 position("cons", 9), position("prod", 9), ON,
                 kick(nh_va(4), SYNC_NONE)],
        "queues": mixed + [OFF, base(3, 0x4000), position("prod", 0),
                           position("cons", 0), ON,
                           kick(*([nh_va(1), SYNC_NONE] * 4)),
                           kick(nh_va(2))] + [OFF] + [
                               base(6), position("prod", 0),
                               position("cons", 0), ON] + mixed[2:],
        "refused-opcode": [base(4), ON, kick(nh_va(1), SYNC_NONE),
                           kick(nh_va(2), SYNC_NONE, (0x99, 0), nh_va(3)),
                           kick(nh_va(4))],
        "refused-el2": [base(4), ON, kick(cfgi_cd(1), (0x20, 0))],
        "refused-sync": [base(4), ON, kick(nh_va(1), (0x3046, 0))],
        "refused-secure": [base(4), ON, kick(nh_va(1), (0x3 | 1 << 10, 0))],
        "refused-bits": [base(4), ON, kick(nh_va(1), (0x30, 1))],
        "refused-size": [base(4), ON, kick(SYNC_NONE, atc_inv(1, 0, 53))],
        "refused-range": [base(4), ON, kick(nh_va(1), of_range(1, 0, 0))],
        "refused-first": [base(4), ON, kick((0, 0)), kick(nh_va(1))],
        "nothing": [],
        "no-kick": [base(4), ON],
    }


def write_capture(path, writes):
    size, prod = 1, 0
    with open(path, "w", encoding="utf-8") as out:
        out.write("cmdq-capture 1\n")
        for reg, value in writes:
            if reg == "kick":
                prod = (prod + len(value)) % (2 * size)
                out.write("prod %#x\n" % prod)
                for words in value:
                    out.write("c %#x %#x\n" % words)
                continue
            if reg == "base":
                size = 1 << (value & 0x1f)
                prod %= 2 * size
            if reg == "prod":
                prod = value
            out.write("%s %#x\n" % (reg, value))


def make_captures(folder):
    captures = {}
    for name, writes in synthetic().items():
        path = os.path.join(folder, name + ".cmdq")
        write_capture(path, writes)
        captures[name] = Capture(path)
    return captures


def check_made(checker, folder, long_tests):
    captures = make_captures(folder)
    for name, capture in captures.items():
        refused = name.startswith("refused")
        expect(refused == any(c.refused for c in capture.commands), name)
        checker.succeeds(capture, Options(), (1, 2, 3, 100000))
    streams = (Options(vmm=(1,)), Options(nobody=(1, 2)),
               Options(vmm=(2, 3), nobody=(1,)), Options(vmm=(1, 2, 3)),
               Options(vmm=(0, 99), nobody=(3,)))
    for name in ("mixed", "full", "queues", "refused-el2"):
        for options in streams:
            checker.succeeds(captures[name], options, (1, 3, 1000))
    spread = None if long_tests else 2
    for profile in ("7.3", "reworked", "patched"):
        checker.outcome_of_many(captures["many"], Options(profile=profile))
        for name in ("mixed", "small", "disabled", "cons", "refused-opcode"):
            for batch in (1, 100):
                checker.faulty(captures[name],
                               Options(batch, profile=profile), spread)
        checker.faulty(captures["many"], Options(profile=profile),
                       12 if long_tests else 1)
    # What takes the place of each: streams and device TLBs, too.
    for nth in range(1, 23):
        checker.fault(captures["mixed"], Options(),
                      (("fail-entry", nth, "ETIMEDOUT"),), ("flush",))
    checker.faulty(captures["mixed"], streams[2].but(batch=100), spread)
    checker.faulty(captures["mixed"], Options(per_descriptor=True), spread)
    checker.faulty(captures["queues"], Options(3), spread)
    checker.faulty(captures["full"], Options(2), spread)


def main():
    if len(sys.argv) != 3:
        print(__doc__.strip().rsplit("\n", 1)[-1], file=sys.stderr)
        return 2
    checker = Checker(sys.argv[1])
    paths = sorted(glob.glob(os.path.join(sys.argv[2], "*.cmdq")))
    expect(len(paths) >= 3, "captures are missing from", sys.argv[2])
    long_tests = os.environ.get("IOMMUNEST_LONG_TESTS") == "yes"
    for path in paths:
        capture = Capture(path)
        name = os.path.basename(path)
        checker.succeeds(capture, Options(), (1, 64))
        checker.run(capture, Options(5, vmm=(0,), nobody=(16,)))
        events = checker.run(capture, Options())
        if events and name.startswith("noril") and events[-1]["calls"] > 600:
            checker.fail("%d calls of %s" % (events[-1]["calls"], path))
        if long_tests:
            checker.succeeds(capture, Options())
            every = name == "strict-seq.cmdq"
            checker.faulty(capture, Options(), None if every else 20)
        checker.faulty(capture, Options(50), 12 if long_tests else 2)
    with tempfile.TemporaryDirectory() as folder:
        check_made(checker, folder, long_tests)
    print("%d runs judged, %d wrong" % (checker.count, checker.bad))
    return 1 if checker.bad else 0


if __name__ == "__main__":
    sys.exit(main())
