/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-check: can this machine nest, and if not, why, and what to do.
 *
 *   options.c         the command line
 *   files.c           files of this machine, or of a copy of another
 *   findings.c        what was found
 *   kernel.c          CPU, release, features
 *   config.c          the kernel's configuration
 *   cmdline.c         the kernel's command line
 *   units.c           VT-d units, and SMMUs, without a device
 *   nodes.c           /dev/iommu, VFIO
 *   device.c          a PCI device, as far as it can be seen
 *   hardware.c        ... and what iommufd says of it
 *   smmuv3.c          ... where it is behind an SMMUv3
 *   report-caps.c     capabilities as a table
 *   report-text.c     for people
 *   report-json.c     for programs
 */
#ifndef TOOLS_CHECK_CHECK_H
#define TOOLS_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <libiommunest.h>

#include "tools/tool.h"

#define CHECK_DEVICES_MAX 64u
#define CHECK_UNITS_MAX 64u
#define CHECK_MATES_MAX 32u
#define CHECK_NAME_MAX 64
#define CHECK_SAYS_MAX 400
#define CHECK_PATH_MAX 512

struct check_options {
	/* "" is this machine; otherwise a folder with a copy of another. */
	const char *root;
	bool json;
	const char *addresses[CHECK_DEVICES_MAX];
	size_t address_count;
};

enum check_verdict {
	CHECK_OK,
	/* Nesting is possible, with this in mind. */
	CHECK_WARNING,
	/* This machine, or this device, cannot nest because of it. */
	CHECK_CANNOT,
	CHECK_UNKNOWN,
};

struct check_finding {
	/* What was looked at, by a word for programs. */
	const char *check;
	/* ... and which one: an option, a node, an address. */
	char subject[CHECK_NAME_MAX];
	enum check_verdict verdict;
	char says[CHECK_SAYS_MAX];
	/* What to do about it; NULL: nothing. */
	const char *advice;
};

enum check_vendor {
	CHECK_VENDOR_UNKNOWN,
	CHECK_VENDOR_INTEL,
	CHECK_VENDOR_AMD,
	CHECK_VENDOR_ARM,
};

/* Whether the kernel was configured with something. */
enum check_config {
	CHECK_CONFIG_UNKNOWN,
	CHECK_CONFIG_NO,
	CHECK_CONFIG_MODULE,
	CHECK_CONFIG_YES,
};

/* A VT-d unit in sysfs. */
struct check_unit {
	char name[CHECK_NAME_MAX];
	char version[CHECK_NAME_MAX];
	uint64_t address;
	/* As iommufd would say it of a device that is behind it. */
	struct iommunest_hw_info info;
	bool nests;
};

struct check_device {
	/* iommunest_vfio_find() has filled it in. */
	struct iommunest_vfio_device vfio;
	char unit[CHECK_NAME_MAX];
	/* The other devices of its group. */
	char mates[CHECK_MATES_MAX][24];
	size_t mate_count;
	/* Asked of iommufd. */
	bool has_info;
	struct iommunest_hw_info info;
};

struct check {
	struct check_options options;
	/* Every file is read through it. */
	struct iommunest_open_options files;
	struct check_finding *findings;
	size_t count;
	size_t room;
	/* Memory ran out: what is missing is not known. */
	bool incomplete;

	char release[CHECK_NAME_MAX];
	/* Of iommunest_vtd_kernel_faults(). */
	uint64_t faults;
	enum check_vendor vendor;
	/* All of the configuration, or NULL. */
	char *config;
	/* There are units, so the kernel uses them. */
	struct check_unit units[CHECK_UNITS_MAX];
	size_t unit_count;
	/* SMMUs in sysfs, which shows nothing but their names. */
	char smmus[CHECK_UNITS_MAX][CHECK_NAME_MAX];
	size_t smmu_count;
	bool has_features;
	uint64_t features;
	/* Devices that VFIO has. */
	char vfio[CHECK_DEVICES_MAX][24];
	size_t vfio_count;
	struct check_device devices[CHECK_DEVICES_MAX];
	size_t device_count;
};

/* Returns -1 to go on, or the exit status. */
int check_options_parse(struct check_options *options, int argc, char *argv[]);

/* ---- What was found ---- */

/* @advice is static, or NULL. */
__attribute__((format(printf, 6, 7))) void
check_add(struct check *check, const char *what, const char *subject,
	  enum check_verdict verdict, const char *advice, const char *format,
	  ...);
bool check_can_nest(const struct check *check);
const char *check_verdict_name(enum check_verdict verdict);

/* ---- Files ---- */

/* Sets check::files, from its options. */
void check_files_init(struct check *check);

/* A copy of another machine's: nothing can be asked of its kernel. */
bool check_is_copy(const struct check *check);

/* The first line, without its newline.  Returns 0 or a negated errno. */
int check_read_line(const struct check *check, const char *path, char *line,
		    size_t room);

/* All of it, ended by a 0, for free(); NULL: it cannot be read. */
char *check_read_all(const struct check *check, const char *path);

/* The same of a file that gzip(1) made. */
char *check_read_gzip(const struct check *check, const char *path);

/* The last part of where a link leads.  Returns 0 or a negated errno. */
int check_read_link(const struct check *check, const char *path, char *name,
		    size_t room);

bool check_exists(const struct check *check, const char *path);

/* Returns 0, or why a node cannot be opened to read and write. */
int check_open_node(const struct check *check, const char *path);

/*
 * Calls @each for the names in a folder, sorted.  Returns 0 or a negated errno.
 */
int check_list(struct check *check, const char *path,
	       void (*each)(struct check *check, const char *name, void *data),
	       void *data);

/* ---- The checks, in their order ---- */

/* Whose IOMMU it is, goes by these first. */
void check_read_units(struct check *check);
void check_kernel(struct check *check);
void check_configuration(struct check *check);
void check_units(struct check *check);
/* After the units: what there is, the kernel uses. */
void check_command_line(struct check *check);
void check_nodes(struct check *check);
void check_devices(struct check *check);
/* Asks iommufd of a device, which is opened for it. */
void check_hardware(struct check *check, struct check_device *device);
/* ... which is open, and has that id. */
void check_ask(struct check *check, struct check_device *device,
	       struct iommunest_ctx *ctx, uint32_t dev_id);
/* ... and is behind an SMMUv3: device->info says so. */
void check_ask_smmuv3(struct check *check, const struct check_device *device,
		      struct iommunest_ctx *ctx, uint32_t dev_id);
/* "what: the error", and that it cannot nest. */
void check_refused(struct check *check, const struct check_device *device,
		   const char *what, int error);

/* Before the kernel has been looked at: unknown. */
enum check_config check_config_of(const struct check *check,
				  const char *option);

/*
 * Whether hardware with this information nests.  Where the answer is not
 * CHECK_OK, @why says why not.
 */
enum check_verdict check_nests(const struct iommunest_hw_info *info, char *why,
			       size_t room);

/* A finding for each of a device's IOMMUNEST_VFIO_REASON_*. */
void check_add_reasons(struct check *check, const struct check_device *device,
		       uint32_t reasons, enum check_verdict verdict);

/* What to do where there is no IOMMU, or a device has none; NULL: nothing. */
const char *check_advice_without_iommu(const struct check *check);

const struct check_unit *check_find_unit(const struct check *check,
					 const char *name);

/* ---- Reports ---- */

/* The rows of a table of capabilities; false: there is none with that index. */
bool check_caps_row(const struct iommunest_vtd_caps *caps, size_t index,
		    const char **name, char *value, size_t room);

/* The same of an SMMUv3. */
bool check_smmuv3_row(const struct iommunest_smmuv3_caps *caps, size_t index,
		      const char **name, char *value, size_t room);

/* What a guest may be shown of hardware, with this kernel. */
bool check_guest_caps(const struct check *check,
		      const struct iommunest_hw_info *info,
		      struct iommunest_vtd_caps *guest);

void check_report_text(FILE *out, const struct check *check);
void check_report_json(FILE *out, const struct check *check);

#endif /* TOOLS_CHECK_CHECK_H */
