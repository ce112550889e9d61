# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
"""Is all that a trace shows in the capture, and in its replay?

Reads QEMU's trace by itself: what the guest queued, slot by slot, kick by kick.
Then iommunest-capture has to have the same, and iommunest-replay has to run it
to its end.  With --broken, what the trace becomes when it is cut off, loses
lines or bytes: nothing may crash, and what is accepted is a capture.

Usage: check_capture.py [--broken] CAPTURE REPLAY TRACE...
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile

from guest_capture import Capture, PASID_CACHE_ALL

NUMBER = r"(0x[0-9a-f]+|\d+)"
DESC = re.compile(r"vtd_inv_desc invalidate desc type \S+ "
                  rf"high {NUMBER} low {NUMBER}")
HEAD = re.compile(rf"vtd_inv_qi_head read head {NUMBER}")
TAIL = re.compile(rf"vtd_inv_qi_tail write tail {NUMBER}")
IQA = re.compile(rf"vtd_reg_write addr 0x90 size 0x8 value {NUMBER}")
SETUP = re.compile(r"vtd_inv_qi_setup ")


def wrong(*what):
    sys.exit(" ".join(str(w) for w in what))


def read_trace(path):
    """iqa, and [(tail, [(slot, words or None)])] of the last ring."""
    iqa, kicks, tail = None, None, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if match := IQA.fullmatch(line):
                iqa = int(match[1], 0)
            elif SETUP.match(line):
                kicks = []
            elif match := TAIL.fullmatch(line):
                tail = int(match[1], 0)
                if kicks is not None:
                    kicks.append((tail, []))
            elif match := HEAD.fullmatch(line):
                kicks[-1][1].append((int(match[1], 0), None))
            elif match := DESC.fullmatch(line):
                slot = kicks[-1][1].pop()[0]
                kicks[-1][1].append((slot, (int(match[2], 0),
                                            int(match[1], 0))))
    return iqa, kicks


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, check=False,
                            **options)
    if b"Sanitizer" in result.stderr or b"runtime error" in result.stderr:
        wrong(command, result.stderr.decode())
    return result


def check_desc(desc, slot, words):
    if desc.index != slot:
        wrong("slot", slot, "is in slot", desc.index)
    if words is None:
        words = PASID_CACHE_ALL[:2]
    if (desc.words[0], desc.words[1]) != words or any(desc.words[2:]):
        wrong("slot", slot, "has", desc.words, "and not", words)


def check_capture(path, iqa, kicks):
    capture = Capture(path)
    ring = capture.rings[-1]
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    if f"iqa {iqa:#x}" not in lines:
        wrong("the capture has another iqa than", hex(iqa))
    if [len(kick) for kick in ring.kicks] != [len(k) for _, k in kicks]:
        wrong("the kicks are not those of the trace")
    for (tail, slots), kick in zip(kicks, ring.kicks):
        for desc, (slot, words) in zip(kick, slots):
            check_desc(desc, slot, words)
        if f"kick {tail}" not in lines:
            wrong("no kick", tail)
    return capture


def seqs_of(event):
    if event["event"] == "submit":
        return {entry["seq"] for entry in event["entries"]}
    return {event["seq"]} if "seq" in event else set()


def check_replay(replay, path, capture):
    result = run(replay, "--json", path)
    if result.returncode:
        wrong("the replay fails:", result.stderr.decode())
    seen, summary = set(), None
    for line in result.stdout.splitlines():
        event = json.loads(line)
        seen |= seqs_of(event)
        if event["event"] == "summary":
            summary = event
    every = {desc.seq for desc in capture.descs}
    if seen != every:
        wrong("not in the replay:", sorted(every - seen))
    if summary["descriptors"] != len(every) or summary["failed"]:
        wrong("the replay's summary is", summary)


def check(tool, replay, trace, work):
    iqa, kicks = read_trace(trace)
    shown = sum(words is not None for _, kick in kicks for _, words in kick)
    if not shown:
        wrong(trace, "shows no descriptor")
    result = run(tool, trace)
    if result.returncode:
        wrong(trace, "is refused:", result.stderr.decode())
    path = os.path.join(work, "capture.iq")
    with open(path, "wb") as file:
        file.write(result.stdout)
    capture = check_capture(path, iqa, kicks)
    check_replay(replay, path, capture)
    print(f"{trace}: {shown} descriptors shown, {len(capture.descs)} in the "
          f"capture and the replay, {len(kicks)} kicks")


# ---- Broken ones ----

def cut(rng, data):
    return data[:rng.randrange(len(data))]


def lose_lines(rng, data):
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    del lines[at:at + rng.randint(1, 3)]
    return b"\n".join(lines)


def repeat_lines(rng, data):
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    lines[at:at] = lines[at:at + rng.randint(1, 9)]
    return b"\n".join(lines)


def spoil_bytes(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.choice(
            b"0123456789abcdefx \n\0\xff-")
    return bytes(data)


def without_event(rng, data):
    name = rng.choice([b"vtd_inv_qi_head", b"vtd_inv_qi_tail", b"vtd_inv_desc ",
                       b"vtd_inv_qi_setup", b"vtd_reg_write"])
    return b"\n".join(l for l in data.split(b"\n") if not l.startswith(name))


def begin_late(rng, data):
    return data[rng.randrange(len(data)):]


def garbage(rng, _data):
    return rng.randbytes(rng.randrange(4096))


def check_broken(tool, replay, trace, work):
    rng = random.Random(os.path.basename(trace))
    with open(trace, "rb") as file:
        data = file.read()
    path, accepted, refused = os.path.join(work, "broken"), 0, 0
    for number in range(350):
        way = (cut, lose_lines, repeat_lines, spoil_bytes, without_event,
               begin_late, garbage)[number % 7]
        with open(path, "wb") as file:
            file.write(way(rng, data))
        options = rng.choice([[], ["--width", "256"], ["--iqa", "0x2d16801"]])
        result = run(tool, *options, path)
        if result.returncode == 2 and not result.stdout:
            refused += 1
            if not re.match(rb"\S+:\d+: .", result.stderr):
                wrong(way, number, "no line and reason:", result.stderr)
        elif result.returncode == 0:
            accepted += 1
            again = run(replay, "--json", "-", input=result.stdout)
            # 1: a spoilt descriptor halts the queue; 2: no capture.
            if again.returncode not in (0, 1):
                wrong(way, number, "is no capture:", again.stderr.decode())
        else:
            wrong(way, number, "ends with", result.returncode, result.stderr)
    if not accepted or not refused:
        wrong(accepted, "accepted,", refused, "refused")
    print(f"{trace}: broken, {accepted} accepted, {refused} refused")


def main():
    arguments = sys.argv[1:]
    broken = arguments[0] == "--broken"
    tool, replay, *traces = arguments[broken:]
    with tempfile.TemporaryDirectory() as work:
        for trace in traces:
            (check_broken if broken else check)(tool, replay, trace, work)


if __name__ == "__main__":
    main()
