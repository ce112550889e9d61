/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * ARM SMMUv3: what the hardware can, the guest's objects, commands, and events.
 * Formats are those of the SMMU architecture specification (IHI 0070).
 * Programs include <libiommunest.h>.
 */
#ifndef IOMMUNEST_SMMUV3_H
#define IOMMUNEST_SMMUV3_H

#include <iommunest/objects.h>
#include <iommunest/viommu.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * Hardware
 */

/* iommunest_hw_info::type of an SMMUv3. */
#define IOMMUNEST_HW_ARM_SMMUV3 2u

/*
 * iommunest_smmuv3_caps::flags: TLBI and CFGI commands have to be sent twice
 * (erratum T264-SMMU-3, IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI).
 */
#define IOMMUNEST_SMMUV3_ERRATA_REPEAT (1u << 0)

/*
 * The fields of the ID registers that the kernel says may be read (chapter 6,
 * "SMMU_IDR0" to "SMMU_IDR5"), by their names there.
 */
struct iommunest_smmuv3_caps {
	size_t size;
	/* IOMMUNEST_SMMUV3_ERRATA_*. */
	uint32_t flags;
	/* The registers, without the bits that may not be read. */
	uint32_t idr[6];
	uint32_t iidr;
	uint32_t aidr;
	/* IDR0 */
	uint8_t st_level;    /* 1: stream tables of two levels */
	bool term_model;     /* terminated transactions are always aborted */
	uint8_t stall_model; /* 0: stall or terminate, 1: terminate, 2: stall */
	uint8_t ttendian;    /* 0: both, 2: little-endian, 3: big-endian */
	bool cd2l;	     /* tables of context descriptors of two levels */
	uint8_t asid_bits;   /* ASID16: 8 or 16 */
	uint8_t ttf;	     /* bit 0: AArch32 tables, bit 1: AArch64 */
	/* Not in a register: the kernel does not say that the device has none.
	 */
	bool ats;
	/* IDR1: width of stream and substream ids; 0: no substreams. */
	uint8_t sid_bits;
	uint8_t ssid_bits;
	/* IDR3 */
	uint8_t bbml; /* levels of break-before-make */
	bool ril;     /* invalidation of ranges, with level hints */
	/* IDR5 */
	uint8_t vax; /* 1: virtual addresses of 52 bits */
	bool gran4k;
	bool gran16k;
	bool gran64k;
	bool ds; /* 52-bit addresses with 4 and 16 KiB */
};

/*
 * Decodes what iommunest_hw_info() stored.  Any thread.  Returns 0, -EINVAL
 * (NULL or a size too small), -E2BIG (above 4096), -EOPNOTSUPP (@info is not
 * of an SMMUv3).
 */
int iommunest_smmuv3_caps_decode(struct iommunest_smmuv3_caps *caps,
				 const struct iommunest_hw_info *info);

/* ------------------------------------------------------------------------
 * Objects
 */

/*
 * Allocates a vIOMMU for the SMMU that @dev_id is behind, on the nest parent
 * @parent_id.  A guest with several SMMUs needs several, even on one parent.
 * Any thread.  Returns what iommunest_viommu_alloc() does; -EOPNOTSUPP: the
 * hardware cannot nest, or its memory attributes are not safe from a guest
 * (neither S2FWB nor, by the firmware, CANWBS).
 */
int iommunest_smmuv3_viommu_alloc(struct iommunest_ctx *ctx, uint32_t dev_id,
				  uint32_t parent_id, uint32_t *viommu_id);

/*
 * Tells the vIOMMU that the guest knows the device as stream @sid.  This comes
 * before the device is attached to an HWPT that translates, or the kernel
 * answers ENOENT to the attach; as long as it is attached, the vDEVICE has to
 * stay: the kernel would let it be destroyed, and refuse the stream's commands
 * from then on.  @sid_bits is the width of stream ids that the guest's SMMU has
 * (IDR1.SIDSIZE), up to 32; a @sid that is wider is refused, as no command
 * would ever name it.  Any thread.  Returns 0, -EINVAL (NULL, such a @sid), or
 * what iommunest_vdevice_alloc() does; -EOPNOTSUPP: the device has more or less
 * than one stream.
 */
int iommunest_smmuv3_vdevice_alloc(struct iommunest_ctx *ctx,
				   uint32_t viommu_id, uint32_t dev_id,
				   uint32_t sid, unsigned int sid_bits,
				   uint32_t *vdevice_id);

/* STE.Config: iommunest_smmuv3_ste::config. */
#define IOMMUNEST_SMMUV3_CONFIG_ABORT 0u
#define IOMMUNEST_SMMUV3_CONFIG_BYPASS 4u
#define IOMMUNEST_SMMUV3_CONFIG_S1 5u

/* STE.S1Fmt: iommunest_smmuv3_ste::s1fmt. */
#define IOMMUNEST_SMMUV3_S1FMT_LINEAR 0u
#define IOMMUNEST_SMMUV3_S1FMT_4K_L2 1u
#define IOMMUNEST_SMMUV3_S1FMT_64K_L2 2u

/*
 * A guest's stream table entry (chapter 5, "Stream Table Entry"), as far as a
 * nested HWPT is made of it.
 */
struct iommunest_smmuv3_ste {
	size_t size;
	/* The first two of its eight words, in the CPU's byte order. */
	uint64_t raw[2];
	/* Guest physical address of the context descriptors. */
	uint64_t s1contextptr;
	bool valid;
	uint8_t config;
	uint8_t s1fmt;
	/* Logarithm of the number of context descriptors. */
	uint8_t s1cdmax;
	/* Without a substream: 0 terminate, 1 bypass, 2 descriptor 0. */
	uint8_t s1dss;
	/* Cacheability and shareability of context descriptors. */
	uint8_t s1cir;
	uint8_t s1cor;
	uint8_t s1csh;
	/* Stage 1 does not stall. */
	bool s1stalld;
	/* ATS: 0 aborted, 1 full, 2 split. */
	uint8_t eats;
	/* Exception level of the translations; 0: EL1. */
	uint8_t strw;
};

/*
 * Decodes the first two words of an entry, little-endian as in guest memory;
 * checks nothing.  @words is the caller's own copy.  ste->size must be set.
 * Any thread.  Returns 0, -EINVAL (NULL or a size too small), -E2BIG (above
 * 4096).
 */
int iommunest_smmuv3_ste_decode(struct iommunest_smmuv3_ste *ste,
				const uint64_t words[2]);

/* Why an entry does not become a nested HWPT's data: a bit of *@reason. */
enum iommunest_smmuv3_ste_reason {
	IOMMUNEST_SMMUV3_STE_REASON_NONE = 0,
	/* Not abort, bypass or stage 1. */
	IOMMUNEST_SMMUV3_STE_REASON_CONFIG = 1 << 0,
	/* Not EL1. */
	IOMMUNEST_SMMUV3_STE_REASON_STRW = 1 << 1,
	/* A reserved format, or one of two levels that the host lacks. */
	IOMMUNEST_SMMUV3_STE_REASON_S1FMT = 1 << 2,
	/* More descriptors than the host has substreams. */
	IOMMUNEST_SMMUV3_STE_REASON_S1CDMAX = 1 << 3,
	/* The descriptors are beyond @addr_bits. */
	IOMMUNEST_SMMUV3_STE_REASON_ADDRESS = 1 << 4,
	/* A reserved value, where it is looked at. */
	IOMMUNEST_SMMUV3_STE_REASON_S1DSS = 1 << 5,
	/* Split ATS, a reserved value, or the host has no ATS. */
	IOMMUNEST_SMMUV3_STE_REASON_EATS = 1 << 6,
};

/* The kernel's own layout, 16 bytes, little-endian. */
struct iommunest_smmuv3_s1 {
	uint64_t ste[2];
};

/*
 * Builds the data of a nested HWPT from a guest's entry, and refuses here what
 * the kernel refuses (CONFIG, split ATS), drops (STRW), or does not look at.
 * @addr_bits is the width of guest physical addresses, 32 to 64.  An entry that
 * is not valid becomes data that makes the hardware abort.  What the kernel has
 * no room for, such as SHCFG and memory types, is left out.  @reason may be
 * NULL; the first reason found, or NONE, goes there.  Any thread.  Returns 0,
 * -EOPNOTSUPP with the reason CONFIG, STRW or EATS, -EINVAL with another or,
 * without a reason, for NULL, a bad size or @addr_bits; -E2BIG (a size above
 * 4096).
 */
int iommunest_smmuv3_ste_to_s1(const struct iommunest_smmuv3_ste *ste,
			       const struct iommunest_smmuv3_caps *caps,
			       unsigned int addr_bits,
			       struct iommunest_smmuv3_s1 *s1,
			       uint32_t *reason);

/*
 * Describes a reason, "ok" for NONE; "unknown" for anything else.  Static.  Any
 * thread.
 */
const char *iommunest_smmuv3_ste_reason_text(uint32_t reason);

/*
 * Allocates a nested HWPT on a vIOMMU.  Refuses here what the kernel answers
 * with EIO: a bit that it does not take, a Config or EATS that it does not
 * serve (-EINVAL).  *@s1 is read during the call only.  Any thread.  Returns
 * 0, -EINVAL (also NULL), -ENOENT (no such device, or @viommu_id is none),
 * -EOPNOTSUPP, -ENOMEM.
 */
int iommunest_smmuv3_hwpt_alloc(struct iommunest_ctx *ctx, uint32_t dev_id,
				uint32_t viommu_id,
				const struct iommunest_smmuv3_s1 *s1,
				uint32_t *hwpt_id);

/* ------------------------------------------------------------------------
 * Commands of a guest's queue
 */

/* Opcodes (chapter 4, "Command opcodes"). */
enum iommunest_smmuv3_opcode {
	IOMMUNEST_SMMUV3_PREFETCH_CONFIG = 0x01,
	IOMMUNEST_SMMUV3_PREFETCH_ADDR = 0x02,
	IOMMUNEST_SMMUV3_CFGI_STE = 0x03,
	/* With a range of 31, CFGI_ALL. */
	IOMMUNEST_SMMUV3_CFGI_STE_RANGE = 0x04,
	IOMMUNEST_SMMUV3_CFGI_CD = 0x05,
	IOMMUNEST_SMMUV3_CFGI_CD_ALL = 0x06,
	IOMMUNEST_SMMUV3_CFGI_VMS_PIDM = 0x07,
	IOMMUNEST_SMMUV3_TLBI_NH_ALL = 0x10,
	IOMMUNEST_SMMUV3_TLBI_NH_ASID = 0x11,
	IOMMUNEST_SMMUV3_TLBI_NH_VA = 0x12,
	IOMMUNEST_SMMUV3_TLBI_NH_VAA = 0x13,
	IOMMUNEST_SMMUV3_TLBI_EL3_ALL = 0x18,
	IOMMUNEST_SMMUV3_TLBI_EL3_VA = 0x1a,
	IOMMUNEST_SMMUV3_TLBI_EL2_ALL = 0x20,
	IOMMUNEST_SMMUV3_TLBI_EL2_ASID = 0x21,
	IOMMUNEST_SMMUV3_TLBI_EL2_VA = 0x22,
	IOMMUNEST_SMMUV3_TLBI_EL2_VAA = 0x23,
	IOMMUNEST_SMMUV3_TLBI_S12_VMALL = 0x28,
	IOMMUNEST_SMMUV3_TLBI_S2_IPA = 0x2a,
	IOMMUNEST_SMMUV3_TLBI_NSNH_ALL = 0x30,
	IOMMUNEST_SMMUV3_ATC_INV = 0x40,
	IOMMUNEST_SMMUV3_PRI_RESP = 0x41,
	IOMMUNEST_SMMUV3_RESUME = 0x44,
	IOMMUNEST_SMMUV3_STALL_TERM = 0x45,
	IOMMUNEST_SMMUV3_SYNC = 0x46,
};

/* iommunest_smmuv3_cmd::flags. */
#define IOMMUNEST_SMMUV3_CMD_SSEC (1u << 0)   /* of a secure stream */
#define IOMMUNEST_SMMUV3_CMD_SSV (1u << 1)    /* the substream id is valid */
#define IOMMUNEST_SMMUV3_CMD_GLOBAL (1u << 2) /* ATC_INV: all substreams */
#define IOMMUNEST_SMMUV3_CMD_LEAF (1u << 3)   /* only last-level entries */
#define IOMMUNEST_SMMUV3_CMD_RETRY (1u << 4)  /* RESUME: Ac */
#define IOMMUNEST_SMMUV3_CMD_ABORT (1u << 5)  /* RESUME: Ab */
/* A bit is set that the command does not have. */
#define IOMMUNEST_SMMUV3_CMD_RESERVED (1u << 6)

/* CMD_SYNC.CS: iommunest_smmuv3_cmd::signal. */
#define IOMMUNEST_SMMUV3_SIGNAL_NONE 0u
#define IOMMUNEST_SMMUV3_SIGNAL_IRQ 1u /* an MSI write, or a wired one */
#define IOMMUNEST_SMMUV3_SIGNAL_SEV 2u

/* ATC_INV: iommunest_smmuv3_cmd::log2 of all addresses. */
#define IOMMUNEST_SMMUV3_ATC_ALL 52u

/*
 * A command, decoded.  What a command does not have is 0.
 */
struct iommunest_smmuv3_cmd {
	size_t size;
	/* Its words, in the CPU's byte order. */
	uint64_t raw[2];
	/* In bytes; its low bits are not in the command.  SYNC: of its MSI. */
	uint64_t addr;
	uint32_t sid;
	/* 20 bits. */
	uint32_t ssid;
	/* SYNC: what its MSI writes. */
	uint32_t msi_data;
	/* IOMMUNEST_SMMUV3_CMD_*. */
	uint32_t flags;
	uint16_t asid;
	uint16_t vmid;
	/* PRI_RESP: the page request group; RESUME: the stalled transaction. */
	uint16_t tag;
	/* enum iommunest_smmuv3_opcode, or another number. */
	uint8_t opcode;
	/*
	 * CFGI_STE_RANGE: 2^(log2 + 1) entries; ATC_INV and PREFETCH_ADDR:
	 * 2^log2 pages of 4 KiB, or of 2^stride of them.
	 */
	uint8_t log2;
	uint8_t stride;
	/* Of a range: (num + 1) * 2^scale granules. */
	uint8_t num;
	uint8_t scale;
	/* 0: no range, and no hint; 1: 4 KiB, 2: 16 KiB, 3: 64 KiB. */
	uint8_t tg;
	/* Level hint. */
	uint8_t ttl;
	/* PRI_RESP. */
	uint8_t response;
	/* SYNC: how it completes, and the attributes of its MSI write. */
	uint8_t signal;
	uint8_t msi_share;
	uint8_t msi_attr;
	uint8_t reserved[3];
};

/* A command as it is in a guest's queue, and in an entry: little-endian. */
struct iommunest_smmuv3_entry {
	uint64_t cmd[2];
};

/*
 * Decodes a command of a guest's queue.  @entry is the caller's own copy.
 * cmd->size must be set.  Any thread.  Returns 0, -EINVAL (NULL or a size too
 * small), -E2BIG (above 4096), -EOPNOTSUPP (an unknown opcode; cmd->raw and
 * cmd->opcode are set).
 */
int iommunest_smmuv3_cmd_decode(struct iommunest_smmuv3_cmd *cmd,
				const struct iommunest_smmuv3_entry *entry);

/*
 * Writes a command: the members that its opcode has.  cmd->raw and
 * IOMMUNEST_SMMUV3_CMD_RESERVED are not looked at.  Any thread.  Returns 0,
 * -EINVAL (NULL, a bad size, a member that does not fit its field), -E2BIG,
 * -EOPNOTSUPP (an unknown opcode).
 */
int iommunest_smmuv3_cmd_encode(const struct iommunest_smmuv3_cmd *cmd,
				struct iommunest_smmuv3_entry *entry);

/* Its name, "TLBI_NH_VA" for example; "unknown".  Static.  Any thread. */
const char *iommunest_smmuv3_cmd_name(unsigned int opcode);

/*
 * Formats a decoded command as human-readable text, as snprintf(3) does.  Any
 * thread.  Returns the length of all of it, -EINVAL (NULL, unless @len is 0; a
 * bad size), -E2BIG.
 */
int iommunest_smmuv3_cmd_print(const struct iommunest_smmuv3_cmd *cmd,
			       char *buf, size_t len);

/* Why a command may not be sent as an entry: a bit of *@reason. */
enum iommunest_smmuv3_cmd_reason {
	IOMMUNEST_SMMUV3_CMD_REASON_NONE = 0,
	/* No such command; one that no kernel takes: it is the VMM's. */
	IOMMUNEST_SMMUV3_CMD_REASON_UNKNOWN = 1 << 0,
	IOMMUNEST_SMMUV3_CMD_REASON_OPCODE = 1 << 1,
	/* A bit that the command does not have, or its secure bit. */
	IOMMUNEST_SMMUV3_CMD_REASON_RESERVED = 1 << 2,
	/* Of more bits than the host's. */
	IOMMUNEST_SMMUV3_CMD_REASON_ASID = 1 << 3,
	/* NUM, SCALE, TG or TTL, and the host has no RIL. */
	IOMMUNEST_SMMUV3_CMD_REASON_NO_RANGE = 1 << 4,
	/* A reserved combination of these. */
	IOMMUNEST_SMMUV3_CMD_REASON_RANGE = 1 << 5,
	/* SSV, a substream or global, and the host has no substreams. */
	IOMMUNEST_SMMUV3_CMD_REASON_SUBSTREAM = 1 << 6,
	/* The host has no ATS. */
	IOMMUNEST_SMMUV3_CMD_REASON_ATS = 1 << 7,
	/* More than all. */
	IOMMUNEST_SMMUV3_CMD_REASON_SIZE = 1 << 8,
};

/*
 * Whether the kernel takes a command on hardware of @caps, except for its
 * stream: that one needs a vDEVICE.  It looks at cmd->raw.  *@reason, unless
 * NULL, gets the first reason why not, or NONE.  Any thread.  Returns 0,
 * -EOPNOTSUPP with the reason OPCODE, -EIO with another, which is what the
 * kernel says of all, -EINVAL (NULL, a bad size), -E2BIG.
 */
int iommunest_smmuv3_cmd_check(const struct iommunest_smmuv3_cmd *cmd,
			       const struct iommunest_smmuv3_caps *caps,
			       uint32_t *reason);

/*
 * Describes a reason, "ok" for NONE; "unknown" for anything else.  Static.  Any
 * thread.
 */
const char *iommunest_smmuv3_cmd_reason_text(uint32_t reason);

/* ------------------------------------------------------------------------
 * Entries: the commands that the kernel takes
 *
 * The kernel puts its own VMID and stream id in.
 */

/* All translations of the vIOMMU's guest: TLBI_NSNH_ALL, TLBI_NH_ALL. */
void iommunest_smmuv3_tlbi_nsnh_all(struct iommunest_smmuv3_entry *entry);
void iommunest_smmuv3_tlbi_nh_all(struct iommunest_smmuv3_entry *entry);

/* Those of an ASID: TLBI_NH_ASID. */
void iommunest_smmuv3_tlbi_nh_asid(struct iommunest_smmuv3_entry *entry,
				   uint16_t asid);

/*
 * Those of one address: TLBI_NH_VA, of an ASID, and TLBI_NH_VAA, of all.  Bits
 * 11:0 of @addr are ignored, as hardware ignores those within the entry that it
 * finds.  @leaf: only last-level entries have changed.
 */
void iommunest_smmuv3_tlbi_nh_va(struct iommunest_smmuv3_entry *entry,
				 uint16_t asid, uint64_t addr, bool leaf);
void iommunest_smmuv3_tlbi_nh_vaa(struct iommunest_smmuv3_entry *entry,
				  uint64_t addr, bool leaf);

/*
 * The context descriptor of a substream of a stream, 0 without substreams:
 * CFGI_CD.  @leaf: no table above it has changed.  Returns 0, -EINVAL (NULL,
 * @ssid above 20 bits).
 */
int iommunest_smmuv3_cfgi_cd(struct iommunest_smmuv3_entry *entry, uint32_t sid,
			     uint32_t ssid, bool leaf);

/* All context descriptors of a stream: CFGI_CD_ALL. */
void iommunest_smmuv3_cfgi_cd_all(struct iommunest_smmuv3_entry *entry,
				  uint32_t sid);

/* In place of a substream: what is cached of all. */
#define IOMMUNEST_SMMUV3_NO_SSID UINT32_MAX

/*
 * What the device of a stream has cached: ATC_INV, of 2^@log2 pages of 4 KiB
 * that hold @addr; IOMMUNEST_SMMUV3_ATC_ALL is everything.  With
 * IOMMUNEST_SMMUV3_NO_SSID the request has no PASID, and drops the pages of all
 * of them.  Returns 0, -EINVAL (NULL, @ssid above 20 bits, @log2 above 52).
 */
int iommunest_smmuv3_atc_inv(struct iommunest_smmuv3_entry *entry, uint32_t sid,
			     uint32_t ssid, uint64_t addr, unsigned int log2);

/* ---- Batches ---- */

/* A stream of the guest's. */
struct iommunest_smmuv3_stream {
	uint32_t sid;
	/* IOMMUNEST_SMMUV3_STREAM_ATS or 0. */
	uint32_t flags;
};

/* The device uses ATS. */
#define IOMMUNEST_SMMUV3_STREAM_ATS (1u << 0)

/* The streams behind a vIOMMU.  It does not grow. */
struct iommunest_smmuv3_streams {
	const struct iommunest_smmuv3_stream *streams;
	uint32_t count;
	uint32_t reserved;
};

/*
 * Makes the data type for batches of entries to a vIOMMU, on hardware of @caps:
 * calls of 63 entries, the kernel's group; each made twice where the hardware
 * needs it.  @streams may be NULL; otherwise it and its array are borrowed, and
 * have to live, and may change between submissions, as long as a batch of the
 * type.  "All" is then, each done before the next: CFGI_CD_ALL for each stream,
 * TLBI_NSNH_ALL, and ATC_INV of everything for each stream with ATS.  Where the
 * pending entries hold a command for a stream that is not among @streams, or an
 * ATC_INV for one without ATS, it is refused.  type->size must be set.  Any
 * thread.  Returns 0, -EINVAL (NULL, a bad size), -E2BIG.
 */
int iommunest_smmuv3_type(struct iommunest_inv_type *type,
			  const struct iommunest_smmuv3_caps *caps,
			  const struct iommunest_smmuv3_streams *streams);

/* iommunest_smmuv3_range::flags. */
/* TLBI_NH_VAA: of all ASIDs. */
#define IOMMUNEST_SMMUV3_RANGE_ANY_ASID (1u << 0)
#define IOMMUNEST_SMMUV3_RANGE_LEAF (1u << 1)

#define IOMMUNEST_SMMUV3_DEFAULT_COMMANDS 512u

struct iommunest_smmuv3_range {
	size_t size;
	/* A multiple of the granule. */
	uint64_t addr;
	/* Granules. */
	uint64_t count;
	/* IOMMUNEST_SMMUV3_RANGE_*. */
	uint32_t flags;
	/* Logarithm of the tables' granule: 12, 14 or 16. */
	uint32_t granule;
	uint16_t asid;
	uint16_t reserved;
	/*
	 * The most commands that it may become; 0 is
	 * IOMMUNEST_SMMUV3_DEFAULT_COMMANDS.
	 */
	uint32_t max_commands;
};

/*
 * Adds the commands that drop a range of addresses.  With RIL these are the
 * fewest that cover it exactly; without, one for each granule.  If they were
 * more than max_commands, all of the ASID is dropped, or of all ASIDs.  Either
 * all are added or none.  Returns 0, -EINVAL (NULL, a bad size, a batch of
 * another type, an empty or unaligned range, one that goes past 2^64, reserved
 * not 0, a granule that is none, or is not the host's; an ASID of more bits
 * than the host's), -E2BIG, -EOPNOTSUPP (unknown flags), or
 * iommunest_batch_add()'s; they stick.
 */
int iommunest_smmuv3_batch_add_range(struct iommunest_batch *batch,
				     const struct iommunest_smmuv3_caps *caps,
				     const struct iommunest_smmuv3_range *range,
				     uint64_t cookie);

/* ------------------------------------------------------------------------
 * Events
 */

/* Bytes of an event, for iommunest_event_reader_new(). */
#define IOMMUNEST_SMMUV3_EVENT_LEN 32u

/*
 * Allocates the queue of a vIOMMU's events.  Faults of a nested stage 1 come;
 * those of stage 2 the kernel keeps.  Any thread.  Returns what
 * iommunest_event_queue_alloc() does.
 */
int iommunest_smmuv3_event_queue_alloc(struct iommunest_ctx *ctx,
				       uint32_t viommu_id, uint32_t depth,
				       uint32_t *queue_id, int *fd);

/* Events (chapter 7, "Event records"): iommunest_smmuv3_event::type. */
#define IOMMUNEST_SMMUV3_EVENT_BAD_STREAMID 0x02u
#define IOMMUNEST_SMMUV3_EVENT_STE_FETCH 0x03u
#define IOMMUNEST_SMMUV3_EVENT_BAD_STE 0x04u
#define IOMMUNEST_SMMUV3_EVENT_STREAM_DISABLED 0x06u
#define IOMMUNEST_SMMUV3_EVENT_BAD_SUBSTREAMID 0x08u
#define IOMMUNEST_SMMUV3_EVENT_CD_FETCH 0x09u
#define IOMMUNEST_SMMUV3_EVENT_BAD_CD 0x0au
#define IOMMUNEST_SMMUV3_EVENT_TRANSLATION 0x10u
#define IOMMUNEST_SMMUV3_EVENT_ADDR_SIZE 0x11u
#define IOMMUNEST_SMMUV3_EVENT_ACCESS 0x12u
#define IOMMUNEST_SMMUV3_EVENT_PERMISSION 0x13u

/* iommunest_smmuv3_event::flags. */
#define IOMMUNEST_SMMUV3_EVENT_SSV (1u << 0)	     /* a substream's */
#define IOMMUNEST_SMMUV3_EVENT_STALL (1u << 1)	     /* it waits for RESUME */
#define IOMMUNEST_SMMUV3_EVENT_PRIVILEGED (1u << 2)  /* PnU */
#define IOMMUNEST_SMMUV3_EVENT_INSTRUCTION (1u << 3) /* InD */
#define IOMMUNEST_SMMUV3_EVENT_READ (1u << 4)	     /* RnW */
#define IOMMUNEST_SMMUV3_EVENT_STAGE_2 (1u << 5)     /* S2 */

/* An event, decoded.  Which members mean something, its type says. */
struct iommunest_smmuv3_event {
	size_t size;
	/* Its words, in the CPU's byte order, for the guest's queue. */
	uint64_t raw[4];
	/* What the device accessed. */
	uint64_t addr;
	/* Guest physical: of a table or descriptor that was fetched. */
	uint64_t fetch_addr;
	/* The guest's name for the device. */
	uint32_t sid;
	uint32_t ssid;
	/* IOMMUNEST_SMMUV3_EVENT_SSV, ... */
	uint32_t flags;
	/* For RESUME. */
	uint16_t stag;
	uint8_t type;
	/* Of the access that failed: 0 descriptor, 1 table, 2 data. */
	uint8_t access_class;
};

/*
 * Decodes an event: 32 bytes, little-endian, as iommunest_event::data has them.
 * out->size must be set.  Any thread.  Returns 0, -EINVAL (NULL or a size too
 * small), -E2BIG (above 4096).
 */
int iommunest_smmuv3_event_decode(struct iommunest_smmuv3_event *out,
				  const void *data);

/* Its name, "F_TRANSLATION" for example; "unknown".  Static.  Any thread. */
const char *iommunest_smmuv3_event_name(unsigned int type);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_SMMUV3_H */
