/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The part of sysfs in which the VFIO devices are: their PCI addresses, drivers
 * and groups, as the state of each has it.  Nothing is kept here: an entry is
 * made when somebody looks.
 */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "user-memory.h"

#define DEVICES "/sys/bus/pci/devices"
#define UNSAFE "/sys/module/iommufd/parameters/allow_unsafe_interrupts"

/* vfio0 is 0000:00:02.0. */
#define FIRST_SLOT 2u
#define FIRST_GROUP 8u
#define VFIO_MAJOR 511u

enum entry_type {
	LINK,
	FOLDER,
	TEXT,
};

struct entry {
	enum entry_type type;
	/* A link's target, a file's contents, a line for each in a folder. */
	char text[sizeof(((struct sim_file *)NULL)->text)];
	size_t len;
};

/* Adds to the entry's text. */
#define ADD(entry, ...)                                 \
	((entry)->len +=                                \
	 (size_t)snprintf((entry)->text + (entry)->len, \
			  sizeof((entry)->text) - (entry)->len, __VA_ARGS__))

struct pci {
	unsigned int node;
	unsigned int function;
	uint32_t state;
};

#define PCI_FORMAT "0000:00:%02x.%u"
#define PCI_LEN 12u
#define PCI_ARGS(pci) FIRST_SLOT + (pci)->node, (pci)->function

static struct pci pci_of(const struct iommunest_sim *sim, unsigned int node,
			 unsigned int function)
{
	return (struct pci){ node, function, sim->vfio_states[node] };
}

/* Function 1 is there where it is in the way. */
static bool exists(const struct pci *pci)
{
	if (pci->function == 0)
		return pci->state != IOMMUNEST_SIM_VFIO_ABSENT;
	return pci->state == IOMMUNEST_SIM_VFIO_GROUP_HOST_DRIVER ||
	       pci->state == IOMMUNEST_SIM_VFIO_GROUP_CONTEXT;
}

/* NULL: none. */
static const char *driver_of(const struct pci *pci)
{
	if (pci->state == IOMMUNEST_SIM_VFIO_NO_DRIVER ||
	    pci->state == IOMMUNEST_SIM_VFIO_NO_IOMMU)
		return NULL;
	if (pci->state == IOMMUNEST_SIM_VFIO_HOST_DRIVER)
		return "e1000e";
	if (pci->state == IOMMUNEST_SIM_VFIO_GROUP_HOST_DRIVER &&
	    pci->function == 1)
		return "e1000e";
	return "vfio-pci";
}

static bool is_vfio(const struct pci *pci)
{
	const char *driver = driver_of(pci);

	return driver && strcmp(driver, "vfio-pci") == 0;
}

/* ---- Entries ---- */

static int link_to(struct entry *entry)
{
	entry->type = LINK;
	return 0;
}

static int folder(struct entry *entry)
{
	entry->type = FOLDER;
	ADD(entry, ".\n..\n");
	return 0;
}

static void add_pci(struct entry *entry, const struct pci *pci)
{
	if (exists(pci))
		ADD(entry, PCI_FORMAT "\n", PCI_ARGS(pci));
}

static int all_devices(const struct iommunest_sim *sim, struct entry *entry)
{
	unsigned int i;

	folder(entry);
	for (i = 0; i < SIM_VFIO_NODES * 2; i++) {
		const struct pci pci = pci_of(sim, i / 2, i % 2);

		add_pci(entry, &pci);
	}
	return 0;
}

static int group_devices(const struct iommunest_sim *sim, const struct pci *pci,
			 struct entry *entry)
{
	const struct pci first = pci_of(sim, pci->node, 0);
	const struct pci second = pci_of(sim, pci->node, 1);

	folder(entry);
	add_pci(entry, &first);
	add_pci(entry, &second);
	return 0;
}

/* The VFIO number of function 1 is that of no node in /dev. */
static unsigned int number_of(const struct pci *pci)
{
	return pci->node + pci->function * SIM_VFIO_NODES;
}

static int vfio_entry(const struct pci *pci, const char *rest,
		      struct entry *entry)
{
	char dev[32];

	if (rest[0] == '\0') {
		folder(entry);
		ADD(entry, "vfio%u\n", number_of(pci));
		return 0;
	}
	snprintf(dev, sizeof(dev), "/vfio%u/dev", number_of(pci));
	if (strcmp(rest, dev) != 0 || pci->state == IOMMUNEST_SIM_VFIO_NO_CDEV)
		return -ENOENT;
	entry->type = TEXT;
	ADD(entry, "%u:%u\n", VFIO_MAJOR, number_of(pci));
	return 0;
}

static int group_entry(const struct iommunest_sim *sim, const struct pci *pci,
		       const char *rest, struct entry *entry)
{
	if (rest[0] == '\0') {
		ADD(entry, "../../../kernel/iommu_groups/%u",
		    FIRST_GROUP + pci->node);
		return link_to(entry);
	}
	if (strcmp(rest, "/devices") == 0)
		return group_devices(sim, pci, entry);
	return -ENOENT;
}

/* What follows @prefix, up to the end or a slash; NULL: something else. */
static const char *after(const char *path, const char *prefix)
{
	const size_t len = strlen(prefix);

	if (strncmp(path, prefix, len) != 0 ||
	    (path[len] != '\0' && path[len] != '/'))
		return NULL;
	return path + len;
}

/* @rest is what follows the address. */
static int device_entry(const struct iommunest_sim *sim, const struct pci *pci,
			const char *rest, struct entry *entry)
{
	const char *more;

	if (rest[0] == '\0') {
		ADD(entry, "../../../devices/pci0000:00/" PCI_FORMAT,
		    PCI_ARGS(pci));
		return link_to(entry);
	}
	if (strcmp(rest, "/driver") == 0 && driver_of(pci)) {
		ADD(entry, "../../../bus/pci/drivers/%s", driver_of(pci));
		return link_to(entry);
	}
	more = after(rest, "/iommu_group");
	if (more && pci->state != IOMMUNEST_SIM_VFIO_NO_IOMMU)
		return group_entry(sim, pci, more, entry);
	more = after(rest, "/vfio-dev");
	if (more && is_vfio(pci))
		return vfio_entry(pci, more, entry);
	return -ENOENT;
}

static int find_pci(const struct iommunest_sim *sim, const char *path,
		    struct entry *entry)
{
	char address[PCI_LEN + 1];
	unsigned int i;

	for (i = 0; i < SIM_VFIO_NODES * 2; i++) {
		const struct pci pci = pci_of(sim, i / 2, i % 2);
		const char *rest;

		snprintf(address, sizeof(address), PCI_FORMAT, PCI_ARGS(&pci));
		rest = after(path, address);
		if (rest && exists(&pci))
			return device_entry(sim, &pci, rest, entry);
	}
	return -ENOENT;
}

static int find(const struct iommunest_sim *sim, const char *path,
		struct entry *entry)
{
	const char *rest = after(path, DEVICES);

	entry->len = 0;
	if (rest && rest[0] == '\0')
		return all_devices(sim, entry);
	if (rest)
		return find_pci(sim, rest + 1, entry);
	if (strcmp(path, UNSAFE) != 0)
		return -ENOENT;
	entry->type = TEXT;
	ADD(entry, "N\n");
	return 0;
}

/* ---- System calls ---- */

static int check_flags(const struct entry *entry, int flags)
{
	const bool writes = (flags & O_ACCMODE) != O_RDONLY;

	if (entry->type != TEXT)
		return writes ? -EISDIR : 0;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	return writes ? -EACCES : 0;
}

/* A link leads to a folder of which nobody asks what is in it. */
int iommunest__sim_sysfs_open(struct iommunest_sim *sim, const char *path,
			      int flags)
{
	struct sim_file *file;
	struct entry entry;
	int ret = find(sim, path, &entry);

	if (!ret)
		ret = check_flags(&entry, flags);
	if (!ret)
		ret = iommunest__sim_file_open(sim, flags);
	if (ret < 0)
		return ret;
	file = iommunest__sim_file_get(sim, ret);
	file->kind = SIM_FILE_SYSFS;
	file->folder = entry.type != TEXT;
	if (entry.type != LINK) {
		memcpy(file->text, entry.text, entry.len);
		file->text_len = entry.len;
	}
	return ret;
}

/* @len bytes at most, in pieces that user memory is written in. */
static ssize_t give(const struct iommunest_sim *sim, const char *text,
		    size_t text_len, uint64_t buf, size_t len)
{
	const size_t count = text_len < len ? text_len : len;
	size_t at, part;

	for (at = 0; at < count; at += part) {
		part = count - at < 64 ? count - at : 64;
		if (iommunest__sim_user_write(sim, buf + at, text + at, part))
			return -EFAULT;
	}
	return (ssize_t)count;
}

ssize_t iommunest__sim_sysfs_readlink(const struct iommunest_sim *sim,
				      const char *path, uint64_t buf,
				      size_t len)
{
	struct entry entry;
	int ret = find(sim, path, &entry);

	if (len == 0)
		return -EINVAL;
	if (ret)
		return ret;
	if (entry.type != LINK)
		return -EINVAL;
	return give(sim, entry.text, entry.len, buf, len);
}

ssize_t iommunest__sim_sysfs_read(const struct iommunest_sim *sim,
				  struct sim_file *file, uint64_t buf,
				  size_t len)
{
	ssize_t ret;

	if (file->folder)
		return -EISDIR;
	ret = give(sim, file->text + file->text_at,
		   file->text_len - file->text_at, buf, len);
	if (ret > 0)
		file->text_at += (size_t)ret;
	return ret;
}

/* struct linux_dirent64: a number, the next offset, lengths and a name. */
static int write_record(const struct iommunest_sim *sim, uint64_t at,
			const char *name, size_t len, uint16_t reclen)
{
	char record[64] = { 0 };
	const uint64_t number = 1;

	memcpy(record, &number, sizeof(number));
	memcpy(record + 16, &reclen, sizeof(reclen));
	memcpy(record + 19, name, len);
	return iommunest__sim_user_write(sim, at, record, reclen);
}

ssize_t iommunest__sim_sysfs_getdents(const struct iommunest_sim *sim,
				      struct sim_file *file, uint64_t buf,
				      size_t len)
{
	size_t used = 0;

	if (!file->folder)
		return -ENOTDIR;
	while (file->text_at < file->text_len) {
		const char *name = file->text + file->text_at;
		const size_t name_len = strcspn(name, "\n");
		const size_t reclen = (19 + name_len + 1 + 7) & ~(size_t)7;

		if (reclen > len - used)
			return used ? (ssize_t)used : -EINVAL;
		if (write_record(sim, buf + used, name, name_len,
				 (uint16_t)reclen))
			return -EFAULT;
		used += reclen;
		file->text_at += name_len + 1;
	}
	return (ssize_t)used;
}
