/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the kernel was configured with. */
#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"

#define REBUILD "Take a kernel that has it, or build one."

static const struct {
	const char *option;
	enum check_verdict without;
	const char *why;
	const char *advice;
	/* Where this is the IOMMU. */
	enum {
		WITH_ANY,
		WITH_VTD,
		WITH_SMMU,
	} with;
	/* ... and this option is set, or NULL. */
	const char *after;
} rows[] = {
	{ "IOMMUFD", CHECK_CANNOT, "there is no /dev/iommu", REBUILD, WITH_ANY,
	  NULL },
	{ "VFIO_PCI", CHECK_CANNOT, "no PCI device can be given away", REBUILD,
	  WITH_ANY, NULL },
	{ "VFIO_DEVICE_CDEV", CHECK_CANNOT,
	  "devices have no node in /dev/vfio/devices, and VFIO's groups know "
	  "nothing of nesting",
	  REBUILD, WITH_ANY, NULL },
	{ "INTEL_IOMMU", CHECK_CANNOT, "the kernel leaves the VT-d alone",
	  REBUILD, WITH_VTD, NULL },
	{ "INTEL_IOMMU_SVM", CHECK_WARNING,
	  "older kernels, 6.12 for one, then give guests no page requests; "
	  "nesting itself does not need it",
	  NULL, WITH_VTD, "INTEL_IOMMU" },
	{ "ARM_SMMU_V3", CHECK_CANNOT, "the kernel leaves the SMMU alone",
	  REBUILD, WITH_SMMU, NULL },
	{ "ARM_SMMU_V3_IOMMUFD", CHECK_CANNOT,
	  "the SMMU's driver makes no vIOMMU; Linux 6.12 and before do not "
	  "have the option",
	  REBUILD, WITH_SMMU, "ARM_SMMU_V3" },
};

/* The rest of the line after "CONFIG_OPTION", or NULL. */
static const char *find_option(const char *config, const char *option)
{
	size_t length = strlen(option);
	const char *line = config;

	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, "CONFIG_", 7) &&
		    !strncmp(line + 7, option, length) &&
		    line[7 + length] == '=')
			return line + 7 + length + 1;
	}
	return NULL;
}

enum check_config check_config_of(const struct check *check, const char *option)
{
	const char *value;

	if (!check->config)
		return CHECK_CONFIG_UNKNOWN;
	value = find_option(check->config, option);
	if (!value)
		return CHECK_CONFIG_NO;
	return *value == 'm' ? CHECK_CONFIG_MODULE : CHECK_CONFIG_YES;
}

/* A text of another kind has no line of this form. */
static char *if_config(char *text)
{
	if (!text || strstr(text, "\nCONFIG_"))
		return text;
	free(text);
	return NULL;
}

/* Of the kernel that runs; read first. */
#define OF_KERNEL "/proc/config.gz"

/* Around the release; the manual has the same list. */
static const struct {
	const char *before, *after;
} places[] = {
	{ "/boot/config-", "" },
	{ "/lib/modules/", "/config" },
	{ "/lib/modules/", "/build/.config" },
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static void read_config(struct check *check)
{
	char path[CHECK_PATH_MAX];
	size_t i;

	check->config = if_config(check_read_gzip(check, OF_KERNEL));
	if (!check->release[0])
		return;
	for (i = 0; !check->config && i < PLACES; i++) {
		snprintf(path, sizeof(path), "%s%s%s", places[i].before,
			 check->release, places[i].after);
		check->config = if_config(check_read_all(check, path));
	}
}

static void no_config(struct check *check)
{
	const char *release = check->release[0] ? check->release : "RELEASE";
	char list[CHECK_SAYS_MAX - 64];
	size_t i, length = 0;

	list[0] = '\0';
	for (i = 0; i < PLACES && length < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length,
					   ", %s%s%s", places[i].before,
					   release, places[i].after);
	check_add(check, "config", "configuration", CHECK_UNKNOWN,
		  "modprobe configs, where that is a module.",
		  "none of these has it: " OF_KERNEL "%s", list);
}

static void check_option(struct check *check, size_t row)
{
	char name[CHECK_NAME_MAX];

	snprintf(name, sizeof(name), "CONFIG_%s", rows[row].option);
	switch (check_config_of(check, rows[row].option)) {
	case CHECK_CONFIG_YES:
		check_add(check, "config", name, CHECK_OK, NULL, "built in");
		break;
	case CHECK_CONFIG_MODULE:
		check_add(check, "config", name, CHECK_OK, NULL, "a module");
		break;
	default:
		check_add(check, "config", name, rows[row].without,
			  rows[row].advice, "not set: %s", rows[row].why);
		break;
	}
}

static bool applies(const struct check *check, size_t row)
{
	const char *after = rows[row].after;

	if (after && check_config_of(check, after) == CHECK_CONFIG_NO)
		return false;
	switch (rows[row].with) {
	case WITH_VTD:
		return check->vendor != CHECK_VENDOR_AMD &&
		       check->vendor != CHECK_VENDOR_ARM;
	case WITH_SMMU:
		return check->vendor == CHECK_VENDOR_ARM;
	default:
		return true;
	}
}

void check_configuration(struct check *check)
{
	size_t i;

	read_config(check);
	if (!check->config) {
		no_config(check);
		return;
	}
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (applies(check, i))
			check_option(check, i);
}
