/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * As much of the kernel as the functions of drivers/iommu/intel/dmar.c that
 * submit to the invalidation queue need, for one thread: a CPU gives way to
 * others, and to the hardware, where it says cpu_relax().
 */
#ifndef QI_MODEL_KERNEL_H
#define QI_MODEL_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define BIT(n) (1ul << (n))
#define BITS_PER_LONG 64
#define GENMASK_ULL(high, low) ((~0ull >> (63 - (high))) & (~0ull << (low)))
#define FIELD_GET(mask, reg) (((reg) & (mask)) >> __builtin_ctzll(mask))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define READ_ONCE(place) (*(volatile __typeof__(place) *)&(place))
#define WRITE_ONCE(place, value) \
	(*(volatile __typeof__(place) *)&(place) = (value))
#define likely(x) (x)
#define unlikely(x) (x)
#define noinline __attribute__((noinline))

#define cmpxchg(place, old, new)                                      \
	({                                                            \
		__typeof__(*(place)) was_ = (old);                    \
		__atomic_compare_exchange_n(place, &was_, new, false, \
					    __ATOMIC_SEQ_CST,         \
					    __ATOMIC_SEQ_CST);        \
		was_;                                                 \
	})

#define virt_to_phys(p) ((u64)(uintptr_t)(p))

/* ---- What the model counts ---- */

extern unsigned int model_warnings;

#define WARN_ONCE(what, ...) ((what) ? (void)model_warnings++ : (void)0)
#define pr_err(...) ((void)0)
#define pr_info(...) ((void)0)
#define pr_err_ratelimited(...) ((void)0)
#define pr_info_ratelimited(...) ((void)0)

/* ---- Locks: nobody holds one when another runs ---- */

typedef struct {
	bool held;
} raw_spinlock_t;

void model_lock(raw_spinlock_t *lock);
void model_unlock(raw_spinlock_t *lock);
void model_relax(void);

#define raw_spin_lock(lock) model_lock(lock)
#define raw_spin_unlock(lock) model_unlock(lock)
#define local_irq_save(flags) ((flags) = 0)
#define local_irq_restore(flags) ((void)(flags))
#define raw_spin_lock_irqsave(lock, flags) ((flags) = 0, model_lock(lock))
#define raw_spin_unlock_irqrestore(lock, flags) \
	((void)(flags), model_unlock(lock))
#define cpu_relax() model_relax()

/* ---- Registers ---- */

u64 model_read(u64 reg);
void model_write(u64 reg, u64 value);

#define dmar_readl(at) readl(at)
#define dmar_readq(at) readq(at)
#define readl(at) ((u32)model_read((u64)(uintptr_t)(at)))
#define readq(at) model_read((u64)(uintptr_t)(at))
#define writel(value, at) model_write((u64)(uintptr_t)(at), value)

/* ---- Devices ---- */

struct device {
	bool is_present;
};
struct pci_dev {
	struct device dev;
};

#define dev_is_pci(dev) ((void)(dev), true)
#define to_pci_dev(device) ((struct pci_dev *)(device))
#define pci_device_is_present(pci) ((pci)->dev.is_present)

/* ---- Not modelled ---- */

enum { DMAR_LATENCY_INV_IOTLB, DMAR_LATENCY_INV_DEVTLB, DMAR_LATENCY_INV_IEC };

#define dmar_latency_enabled(iommu, what) false
#define dmar_latency_update(iommu, what, time) ((void)(time))
#define ktime_get() 0
#define ktime_to_ns(time) (time)
#define trace_qi_submit(...) ((void)0)

#define DMAR_IQ_SHIFT 4
#define ecap_smts(ecap) (((ecap) >> 43) & 1)

struct q_inval;

struct intel_iommu {
	u8 *reg;
	u64 ecap;
	const char *name;
	struct q_inval *qi;
};

struct device *device_rbtree_find(struct intel_iommu *iommu, u16 sid);
bool device_rid_is_gone(struct intel_iommu *iommu, u16 sid);

enum device_rid_state {
	DEVICE_RID_GONE,
	DEVICE_RID_PRESENT,
	DEVICE_RID_BLOCKED,
};

enum device_rid_state device_rid_state(struct intel_iommu *iommu, u16 sid);
void intel_iommu_block_device(struct intel_iommu *iommu, u16 sid);

#endif /* QI_MODEL_KERNEL_H */
