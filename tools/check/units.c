/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * VT-d units, which sysfs shows with their capability registers, whether a
 * device can be asked or not; SMMUs, of which it shows the names.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"

/* Any sysfs has these two; a copy may not. */
#define CLASSES "/sys/class"
#define FIRMWARE "/sys/firmware"
#define UNITS CLASSES "/iommu"
#define FIRMWARE_TABLE FIRMWARE "/acpi/tables/DMAR"

/* Of the host, and what nobody can nest without. */
#define REASONS                                           \
	(IOMMUNEST_VTD_GUEST_REASON_HOST_NOT_VTD |        \
	 IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SCALABLE |    \
	 IOMMUNEST_VTD_GUEST_REASON_HOST_NO_NESTING |     \
	 IOMMUNEST_VTD_GUEST_REASON_HOST_NO_FIRST_STAGE | \
	 IOMMUNEST_VTD_GUEST_REASON_HOST_NO_SECOND_STAGE)

static void join_reasons(uint64_t reasons, char *text, size_t room)
{
	size_t length = 0;
	uint64_t bit;

	text[0] = '\0';
	for (bit = 1; bit && length < room; bit <<= 1)
		if (reasons & bit)
			length += (size_t)snprintf(
				text + length, room - length, "%s%s",
				length ? "; " : "",
				iommunest_vtd_guest_reason_text(bit));
}

enum check_verdict check_nests(const struct iommunest_hw_info *info, char *why,
			       size_t room)
{
	struct iommunest_vtd_guest guest = { .size = sizeof(guest) };
	uint64_t reasons;

	if (iommunest_vtd_guest_caps(info, &guest.cap, &guest.ecap) ||
	    iommunest_vtd_guest_check(info, &guest, &reasons) < 0)
		reasons = IOMMUNEST_VTD_GUEST_REASON_HOST_NOT_VTD;
	reasons &= REASONS;
	join_reasons(reasons, why, room);
	/*
	 * The kernel goes by NEST, which hardware has together with both
	 * stages; an emulated VT-d may not.
	 */
	if (reasons == IOMMUNEST_VTD_GUEST_REASON_HOST_NO_FIRST_STAGE)
		return CHECK_WARNING;
	return reasons ? CHECK_CANNOT : CHECK_OK;
}

const struct check_unit *check_find_unit(const struct check *check,
					 const char *name)
{
	size_t i;

	for (i = 0; i < check->unit_count; i++)
		if (!strcmp(check->units[i].name, name))
			return &check->units[i];
	return NULL;
}

/* ---- Reading them ---- */

/* As the kernel prints a register: hexadecimal, without "0x". */
static bool read_hex(const struct check *check, const char *unit,
		     const char *name, uint64_t *value)
{
	char path[CHECK_PATH_MAX], line[32], *end;

	snprintf(path, sizeof(path), UNITS "/%s/intel-iommu/%s", unit, name);
	if (check_read_line(check, path, line, sizeof(line)) ||
	    strspn(line, "0123456789abcdefABCDEF") != strlen(line) || !line[0])
		return false;
	*value = strtoull(line, &end, 16);
	return true;
}

static void read_version(const struct check *check, struct check_unit *unit)
{
	char path[CHECK_PATH_MAX];

	snprintf(path, sizeof(path), UNITS "/%s/intel-iommu/version",
		 unit->name);
	if (check_read_line(check, path, unit->version, sizeof(unit->version)))
		strcpy(unit->version, "?");
}

static void read_unit(struct check *check, const char *name, void *data)
{
	struct check_unit unit = { .name = "" };
	uint64_t cap, ecap;
	char why[CHECK_SAYS_MAX];

	(void)data;
	if (strncmp(name, "dmar", 4) != 0 ||
	    check->unit_count == CHECK_UNITS_MAX)
		return;
	snprintf(unit.name, sizeof(unit.name), "%s", name);
	if (!read_hex(check, name, "cap", &cap) ||
	    !read_hex(check, name, "ecap", &ecap)) {
		check_add(check, "unit", name, CHECK_UNKNOWN, NULL,
			  "its capabilities cannot be read");
		return;
	}
	if (!read_hex(check, name, "address", &unit.address))
		unit.address = 0;
	read_version(check, &unit);
	/* struct iommu_hw_info_vtd: flags, capabilities, extended ones. */
	unit.info = (struct iommunest_hw_info){
		.size = sizeof(unit.info),
		.type = IOMMUNEST_HW_INTEL_VTD,
		.data_len = 24,
		/* A device may have fewer. */
		.max_pasid_log2 = 20,
		.data = { 0, cap, ecap },
	};
	unit.nests = check_nests(&unit.info, why, sizeof(why)) != CHECK_CANNOT;
	check->units[check->unit_count++] = unit;
}

/* ---- What they mean ---- */

static bool any_nests(const struct check *check)
{
	size_t i;

	for (i = 0; i < check->unit_count; i++)
		if (check->units[i].nests)
			return true;
	return false;
}

static void check_unit(struct check *check, const struct check_unit *unit)
{
	char why[CHECK_SAYS_MAX - 64];
	enum check_verdict verdict = check_nests(&unit->info, why, sizeof(why));

	switch (verdict) {
	case CHECK_OK:
		check_add(check, "unit", unit->name, CHECK_OK, NULL, "nests");
		break;
	case CHECK_CANNOT:
		/* Devices behind another one may. */
		check_add(check, "unit", unit->name,
			  any_nests(check) ? CHECK_WARNING : CHECK_CANNOT,
			  any_nests(check)
				  ? "Take a device behind another unit."
				  : "This hardware does not nest: take a "
				    "machine with a newer VT-d.",
			  "does not nest: %s", why);
		break;
	default:
		check_add(check, "unit", unit->name, verdict, NULL,
			  "says that it nests, and also: %s", why);
		break;
	}
}

static bool may_have_vtd(const struct check *check)
{
	return check->vendor != CHECK_VENDOR_AMD &&
	       check->vendor != CHECK_VENDOR_ARM;
}

static const char *advice_without_smmu(const struct check *check)
{
	if (check->smmu_count)
		return "Take a device behind one of the SMMUs.";
	return "Enable the SMMU in the firmware's setup; a guest needs a VMM "
	       "that gives it one.";
}

const char *check_advice_without_iommu(const struct check *check)
{
	if (check->vendor == CHECK_VENDOR_ARM)
		return advice_without_smmu(check);
	if (check->unit_count)
		return "Take a device behind one of the VT-d units.";
	if (!may_have_vtd(check))
		return NULL;
	if (check_exists(check, FIRMWARE_TABLE))
		return "Boot with intel_iommu=on,sm_on.";
	if (!check_exists(check, FIRMWARE))
		return "Enable VT-d in the firmware's setup, and boot with "
		       "intel_iommu=on,sm_on.";
	return "Enable VT-d in the firmware's setup; a guest needs a VMM that "
	       "gives it one.";
}

static void no_units(struct check *check)
{
	const char *says;

	if (!check_exists(check, CLASSES)) {
		check_add(check, "unit", "VT-d", CHECK_UNKNOWN, NULL,
			  "there is no sysfs to look into: no " CLASSES);
		return;
	}
	if (check_exists(check, FIRMWARE_TABLE))
		says = "the firmware describes a VT-d, and the kernel does "
		       "not use it";
	else if (!check_exists(check, FIRMWARE))
		says = "the kernel shows none, and " FIRMWARE " is missing";
	else
		says = "the firmware describes no VT-d";
	check_add(check, "unit", "VT-d", CHECK_CANNOT,
		  check_advice_without_iommu(check), "%s", says);
}

static void read_smmu(struct check *check, const char *name, void *data)
{
	(void)data;
	if (strncmp(name, "smmu", 4) != 0 ||
	    check->smmu_count == CHECK_UNITS_MAX)
		return;
	snprintf(check->smmus[check->smmu_count++], sizeof(check->smmus[0]),
		 "%s", name);
}

void check_read_units(struct check *check)
{
	check_list(check, UNITS, read_unit, NULL);
	check_list(check, UNITS, read_smmu, NULL);
}

/* ---- SMMUs ---- */

/* As the drivers of the versions name them. */
static bool is_v3(const char *name)
{
	return !strncmp(name, "smmu3.", 6);
}

static bool any_v3(const struct check *check)
{
	size_t i;

	for (i = 0; i < check->smmu_count; i++)
		if (is_v3(check->smmus[i]))
			return true;
	return false;
}

static void check_smmu(struct check *check, const char *name)
{
	if (!is_v3(name))
		check_add(check, "unit", name,
			  any_v3(check) ? CHECK_WARNING : CHECK_CANNOT,
			  any_v3(check) ? "Take a device behind another one."
					: "Take a machine with an SMMUv3.",
			  "an SMMU of version 1 or 2, which does not nest");
	else if (check->options.address_count && !check_is_copy(check))
		check_add(check, "unit", name, CHECK_OK, NULL, "an SMMUv3");
	else
		check_add(check, "unit", name, CHECK_UNKNOWN,
			  "On the machine itself, give the address of a device "
			  "that VFIO has.",
			  "an SMMUv3; whether it nests, the kernel says only "
			  "of a device");
}

static void check_smmus(struct check *check)
{
	size_t i;

	for (i = 0; i < check->smmu_count; i++)
		check_smmu(check, check->smmus[i]);
	if (check->smmu_count)
		return;
	if (!check_exists(check, CLASSES))
		check_add(check, "unit", "SMMU", CHECK_UNKNOWN, NULL,
			  "there is no sysfs to look into: no " CLASSES);
	else
		check_add(check, "unit", "SMMU", CHECK_CANNOT,
			  advice_without_smmu(check), "the kernel shows none");
}

void check_units(struct check *check)
{
	size_t i;

	if (check->vendor == CHECK_VENDOR_ARM) {
		check_smmus(check);
		return;
	}
	for (i = 0; i < check->unit_count; i++)
		check_unit(check, &check->units[i]);
	if (!check->unit_count && may_have_vtd(check))
		no_units(check);
}
