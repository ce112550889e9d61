# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
"""Captures of SMMUv3 command queues, read and decoded without the library.

Format: tests/data/guest-cmdq/README.md.  Commands: SMMU architecture
specification, chapter 4.
"""

NAMES = {
    0x01: "prefetch", 0x02: "prefetch",
    0x03: "cfgi-ste", 0x04: "cfgi-ste-range", 0x05: "cfgi-cd",
    0x06: "cfgi-cd-all", 0x10: "tlbi-nh-all", 0x11: "tlbi-nh-asid",
    0x12: "tlbi-nh-va", 0x13: "tlbi-nh-vaa", 0x30: "tlbi-nsnh-all",
    0x40: "atc-inv", 0x41: "pri-resp", 0x44: "resume", 0x45: "stall-term",
    0x46: "sync",
}
SYNC = 0x46
TLBI = (0x10, 0x11, 0x12, 0x13, 0x30)
# Of one stream; only these can be forwarded or be nobody's.
CFGI_CD, ATC_INV, PREFETCH = (0x05, 0x06), (0x40,), (0x01, 0x02)
VMM = (0x03, 0x04, 0x41, 0x44, 0x45)
STREAMS = CFGI_CD + ATC_INV + PREFETCH + (0x03, 0x44, 0x45, 0x41)
CMDQEN = 1 << 3


def bits(word, high, low):
    return word >> low & (1 << (high - low + 1)) - 1


class Command:
    """A command in slot `index`; `seq` counts the file's `c` lines."""

    def __init__(self, words, seq):
        self.words, self.seq, self.index = words, seq, None
        self.opcode = bits(words[0], 7, 0)
        self.name = NAMES.get(self.opcode)
        self.sid = None
        if self.opcode in STREAMS:
            self.sid = bits(words[0], 63, 32)
        self.signal = bits(words[0], 13, 12)

        self.refused = self._refused()

    def _refused(self):
        """It is illegal, on hardware with all that is optional."""
        w0, w1 = self.words
        if self.name is None or bits(w0, 10, 10) and self.opcode not in (
                0x12, 0x13):
            return True
        if self.opcode == SYNC:
            return self.signal == 3
        if self.opcode == 0x40:
            return bits(w1, 5, 0) > 52
        if self.opcode in (0x10, 0x30):
            return w1 != 0
        if self.opcode not in (0x12, 0x13):
            return False
        scale = bits(w0, 16, 12) | bits(w0, 25, 20)
        hint = bits(w1, 9, 8)
        # A range of one granule without a hint; or no range, and what it has.
        return not (scale or hint) if bits(w1, 11, 10) else bool(scale or hint)

    def kind(self):
        """What may share an array with others across a CMD_SYNC."""
        if self.opcode in TLBI:
            return "TLBI"
        return "CFGI" if self.opcode in CFGI_CD else "ATC"


class Write:
    """Of a register, while the queue has `size` slots."""

    def __init__(self, reg, value, size):
        self.reg, self.value, self.size = reg, value, size
        self.commands = []


class Capture:
    """writes -> Command; `commands` are those of the file's `c` lines."""

    def __init__(self, path):
        self.path = path
        self.writes, self.commands = [], []
        size = 1
        with open(path, encoding="utf-8") as file:
            assert file.readline() == "cmdq-capture 1\n"
            for line in file:
                words = line.split()
                if words[0].startswith("#"):
                    continue
                numbers = [int(word, 0) for word in words[1:]]
                if words[0] == "c":
                    command = Command(numbers, len(self.commands))
                    self.commands.append(command)
                    self.writes[-1].commands.append(command)
                    continue
                if words[0] == "base":
                    size = 1 << min(numbers[0] & 0x1f, 19)
                self.writes.append(Write(words[0], numbers[0], size))
        for write in self.writes:
            # They are in the slots before PROD.
            for i, command in enumerate(reversed(write.commands)):
                command.index = (write.value - 1 - i) % write.size
