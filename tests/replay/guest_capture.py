# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The libiommunest authors
"""Captures of guest queues, read and decoded without the library.

Format: tests/data/guest-iq/README.md.  Descriptors: VT-d specification,
chapter 6, "Queued Invalidation Interface".
"""

TYPES = {
    1: "context-cache", 2: "iotlb", 3: "dev-tlb", 4: "iec", 5: "wait",
    6: "piotlb", 7: "pasid-cache", 8: "pasid-dev-tlb", 9: "page-response",
}
PAGES = 1 << 52
PASID_CACHE_ALL = (0x37, 0, 0, 0)


def bits(word, high, low):
    return word >> low & (1 << (high - low + 1)) - 1


def block(am, word):
    """The pages of the block of 2^am pages that holds an address."""
    if am >= 52:
        return (0, PAGES)
    first = bits(word, 63, 12) >> am << am
    return (first, first + (1 << am))


def sized(word, s):
    """The same of a device TLB: the lowest zero bit says the size."""
    if not word & s:
        return block(0, word)
    am = 1
    while am <= 52 and word >> (11 + am) & 1:
        am += 1
    # Bit 63 alone cannot make it smaller than everything.
    return block(52 if am >= 52 else am, word)


# What is reserved in each type's first two words; the others are all.
RESERVED = {
    1: ((8, 6), (15, 12), (63, 50)),
    2: ((8, 8), (15, 12), (63, 32)),
    3: ((8, 4), (31, 21), (51, 48)),
    4: ((8, 5), (26, 12), (63, 48)),
    5: ((8, 8), (31, 12)),
    6: ((8, 6), (15, 12), (63, 52)),
    7: ((8, 6), (15, 12), (63, 52)),
    8: (),
    9: ((8, 5), (63, 52)),
}
RESERVED_1 = {
    1: ((63, 0),), 2: ((11, 7),), 3: ((11, 1),), 4: ((63, 0),), 5: ((1, 0),),
    6: ((11, 7),), 7: ((63, 0),), 8: ((10, 1),), 9: ((1, 0), (63, 12)),
}
GRANULARITIES = {1: (1, 2, 3), 2: (1, 2, 3), 6: (2, 3), 7: (0, 1, 3)}

# IQERCD_REG.IQEI
BAD_TYPE, BAD_FIELD = 3, 4


class Desc:
    """A descriptor in slot `index`; `seq` is None if no line tells of it."""

    def __init__(self, words, width, seq, index):
        w0, w1 = words[0], words[1]
        self.seq, self.index, self.width = seq, index, width
        self.words = words
        self.type = bits(w0, 3, 0) | bits(w0, 11, 9) << 4
        self.name = TYPES.get(self.type)
        self.scalable = width == 256
        self.granularity = bits(w0, 5, 4)
        self.did = bits(w0, 31, 16)
        self.pasid = bits(w0, 51, 32)
        self.status = self.type == 5 and bool(bits(w0, 5, 5))
        self.addr = w1 & ~3
        self.data = bits(w0, 63, 32)
        self.am = bits(w1, 5, 0)
        self.leaf = False
        self.pages = (0, PAGES)
        self.sid = self.dev_pasid = None
        if self.type == 3:
            self.sid = bits(w0, 47, 32)
            self.leaf, self.pages = True, sized(w1, 1)
        if self.type == 8:
            self.sid = bits(w0, 31, 16)
            self.leaf, self.pages = True, sized(w1, 1 << 11)
            # All of a device's, with its bit G.
            self.dev_pasid = "all" if w1 & 1 else self.pasid
        if self.type == 6 and self.granularity == 3:
            self.leaf = bool(bits(w1, 6, 6))
            self.pages = block(self.am, w1)
        self.refused = self._refused(words)

    def is_all(self):
        """It asks for all of each HWPT that it is forwarded to."""
        return self.type == 2 or self.type == 6 and self.granularity == 2

    def _refused(self, words):
        """Why hardware would refuse it, or 0."""
        if self.name is None or (self.type >= 6 and not self.scalable):
            return BAD_TYPE
        if any(words[2:]):
            return BAD_FIELD
        for word, fields in ((words[0], RESERVED), (words[1], RESERVED_1)):
            if any(bits(word, *field) for field in fields[self.type]):
                return BAD_FIELD
        if self.granularity not in GRANULARITIES.get(
                self.type, (self.granularity,)):
            return BAD_FIELD
        return 0


class Ring:
    def __init__(self, iqa):
        self.width = 256 if iqa >> 11 & 1 else 128
        self.size = (128 if self.width == 256 else 256) << (iqa & 7)
        self.kicks = []


class Capture:
    """rings -> kicks -> Desc; `descs` are those of the file's `d` lines."""

    def __init__(self, path):
        self.path = path
        self.rings, self.descs = [], []
        head, lines, slots = 0, [], 0
        with open(path, encoding="utf-8") as file:
            assert file.readline() == "iq-capture 1\n"
            for line in file:
                words = line.split()
                if words[0] == "iqa":
                    self._kick(head, slots, lines)
                    self.rings.append(Ring(int(words[1], 0)))
                    head, lines, slots = 0, [], None
                elif words[0] == "kick":
                    self._kick(head, slots, lines)
                    head = (head + (slots or 0)) % self.rings[-1].size
                    slots = (int(words[1], 0) - head) % self.rings[-1].size
                    lines = []
                elif words[0] == "d":
                    lines.append([int(w, 0) for w in words[1:]])
        self._kick(head, slots, lines)
        self.scopes = []
        for desc in self.descs:
            scope = (desc.did, desc.pasid)
            if (desc.type == 6 and not desc.refused and
                    scope not in self.scopes):
                self.scopes.append(scope)
        self.devices = {}
        for ring in self.rings:
            self._find_devices(ring)

    def _find_devices(self, ring):
        """(sid, PASID) -> the scope whose flush its first one follows."""
        scope = None
        for desc in (d for kick in ring.kicks for d in kick):
            if desc.refused or desc.type not in (3, 6, 8):
                scope = None
            elif desc.type == 6:
                scope = (desc.did, desc.pasid)
            elif scope and desc.dev_pasid != "all":
                self.devices.setdefault((desc.sid, desc.dev_pasid), scope)

    def _kick(self, head, slots, lines):
        if not self.rings or slots is None:
            return
        ring, kick = self.rings[-1], []
        unseen = slots - len(lines)
        assert unseen in (0, 1)
        for i in range(slots):
            seq, words = None, PASID_CACHE_ALL
            if i >= unseen:
                seq, words = len(self.descs), lines[i - unseen]
            desc = Desc(words, ring.width, seq, (head + i) % ring.size)
            kick.append(desc)
            if seq is not None:
                self.descs.append(desc)
        ring.kicks.append(kick)
