# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
"""Does iommunest-capture make an SMMUv3's capture again?

Makes of each capture what QEMU's trace and the guest's memory would have been,
and of these a capture, which has to be the same.  With --broken, what the trace
becomes when it is cut off, loses lines or bytes: nothing may crash, and what is
accepted is a capture.

Usage: check_cmdq_capture.py [--broken] CAPTURE REPLAY FILE...
"""

import os
import random
import re
import struct
import sys
import tempfile

from check_capture import (begin_late, cut, garbage, lose_lines, repeat_lines,
                           run, spoil_bytes, wrong)
from guest_cmdq import Capture

OFFSETS = {"cr0": 0x20, "gerrorn": 0x64, "base": 0x90, "prod": 0x98,
           "cons": 0x9c}
ADDRESS = 0x000fffffffffffe0
RAM = 0x40000000


def mmio(offset, value, size):
    return f"smmuv3_write_mmio addr: {offset:#x} val:{value:#x} size: {size:#x}(0)"


def trace_of(capture, halves=False, times=False):
    """As QEMU prints it, with what else a guest does at that time."""
    lines = ["smmuv3_read_mmio addr: 0x0 val:0xd44101b size: 0x4(0)",
             mmio(0x80, 0x4000000041000000, 8)]
    for write in capture.writes:
        offset, value = OFFSETS[write.reg], write.value
        if write.reg != "base":
            lines.append(mmio(offset, value, 4))
        elif halves:
            lines += [mmio(offset, value & 0xffffffff, 4),
                      mmio(offset + 4, value >> 32, 4)]
        else:
            lines.append(mmio(offset, value, 8))
        if write.reg == "prod":
            lines.append("smmuv3_cmdq_opcode <--- SMMU_CMD_SYNC")
    # QEMU refuses a PROD of 8 bytes, and of 2.
    lines.append(mmio(0x98, 0x7fff, 8))
    lines.append(mmio(0x98, 0x7fff, 2)[:-2] + "1)")
    if times:
        lines = [f"77@1700000000.{i:06}:{line}"
                 for i, line in enumerate(lines)]
    return "".join(line + "\n" for line in lines)


def memory_of(capture):
    """Bytes from RAM on."""
    memory, base = bytearray(), 0
    for write in capture.writes:
        if write.reg == "base":
            base = write.value & ADDRESS & ~(write.size * 16 - 1)
        for command in write.commands:
            at = base - RAM + command.index * 16
            memory.extend(bytes(max(0, at + 16 - len(memory))))
            memory[at:at + 16] = struct.pack("<2Q", *command.words)
    return bytes(memory)


def core_of(memory):
    """An ELF core with one segment."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1" + bytes(9), 4,
                         183, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 0, 120, 0, RAM, len(memory),
                          len(memory), 0)
    return header + segment + memory


def without_comments(text):
    return [line for line in text.splitlines() if not line.startswith("#")]


def write_file(path, data):
    with open(path, "wb") as file:
        file.write(data)


def check(tool, replay, path, work):
    capture = Capture(path)
    trace, memory = os.path.join(work, "trace"), os.path.join(work, "memory")
    with open(path, encoding="utf-8") as file:
        wanted = without_comments(file.read())
    for halves, times, core in ((False, False, False), (True, True, True)):
        data = memory_of(capture)
        write_file(trace, trace_of(capture, halves, times).encode())
        write_file(memory, core_of(data) if core else data)
        options = [] if core else ["--address", hex(RAM)]
        result = run(tool, "--cmdq", *options, trace, memory)
        if result.returncode or result.stderr:
            wrong(path, "is refused:", result.stderr.decode())
        if without_comments(result.stdout.decode()) != wanted:
            wrong(path, "is another capture now")
        if run(replay, "--json", "-", input=result.stdout).returncode:
            wrong(path, "does not replay")
    print(f"{path}: {len(capture.commands)} commands, the same again")


def check_broken(tool, replay, path, work):
    rng = random.Random(os.path.basename(path))
    capture = Capture(path)
    data = trace_of(capture).encode()
    trace, memory = os.path.join(work, "broken"), os.path.join(work, "memory")
    write_file(memory, memory_of(capture))
    accepted, refused = 0, 0
    for number in range(200):
        way = (cut, lose_lines, repeat_lines, spoil_bytes, begin_late,
               garbage)[number % 6]
        write_file(trace, way(rng, data))
        result = run(tool, "--cmdq", "--address", hex(RAM), trace, memory)
        if result.returncode == 2 and not result.stdout:
            refused += 1
            if not re.match(rb"\S+:\d+: .", result.stderr):
                wrong(way, number, "no line and reason:", result.stderr)
        elif result.returncode == 0:
            accepted += 1
            again = run(replay, "--json", "-", input=result.stdout)
            # 1: a spoilt command halts the queue; 2: no capture.
            if again.returncode not in (0, 1):
                wrong(way, number, "is no capture:", again.stderr.decode())
        else:
            wrong(way, number, "ends with", result.returncode, result.stderr)
    if not accepted or not refused:
        wrong(accepted, "accepted,", refused, "refused")
    print(f"{path}: broken, {accepted} accepted, {refused} refused")


def main():
    arguments = sys.argv[1:]
    broken = arguments[0] == "--broken"
    tool, replay, *paths = arguments[broken:]
    with tempfile.TemporaryDirectory() as work:
        for path in paths:
            (check_broken if broken else check)(tool, replay, path, work)


if __name__ == "__main__":
    main()
