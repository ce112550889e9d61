/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What was found, for people. */
#include <inttypes.h>
#include <string.h>

#include "tools/check/check.h"

#define COLUMNS 79u
/* Where what is said begins. */
#define INDENT 33u

/* Words, from the column where the line is; the next lines are indented. */
static void put_wrapped(FILE *out, const char *text, size_t column)
{
	bool first = true;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (!first && column + 1 + length > COLUMNS) {
			fprintf(out, "\n%*s", (int)INDENT, "");
			column = INDENT;
		} else if (!first) {
			putc(' ', out);
			column++;
		}
		fwrite(text, 1, length, out);
		column += length;
		text += length;
		text += strspn(text, " ");
		first = false;
	}
	putc('\n', out);
}

/* What is a copy's is not trusted: no controls. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void put_finding(FILE *out, const struct check_finding *finding)
{
	char subject[CHECK_NAME_MAX], says[CHECK_SAYS_MAX];
	size_t column;

	snprintf(subject, sizeof(subject), "%s", finding->subject);
	snprintf(says, sizeof(says), "%s", finding->says);
	make_plain(subject);
	make_plain(says);
	fprintf(out, "%-8s %-23s ", check_verdict_name(finding->verdict),
		subject);
	column = strlen(subject) > 23 ? 10 + strlen(subject) : INDENT;
	put_wrapped(out, says, column);
	if (!finding->advice)
		return;
	fprintf(out, "%*s", (int)INDENT, "-> ");
	put_wrapped(out, finding->advice, INDENT);
}

/* ---- Tables ---- */

static void put_caps(FILE *out, const struct check *check,
		     const struct iommunest_hw_info *info)
{
	struct iommunest_vtd_caps host = { .size = sizeof(host) }, guest;
	char of_host[32], of_guest[32];
	const char *name;
	size_t i;

	if (iommunest_vtd_caps_decode(&host, info) ||
	    !check_guest_caps(check, info, &guest))
		return;
	fprintf(out, "  %-36s%-20s%s\n", "", "host", "at most for a guest");
	for (i = 0; check_caps_row(&host, i, &name, of_host, sizeof(of_host));
	     i++) {
		check_caps_row(&guest, i, &name, of_guest, sizeof(of_guest));
		fprintf(out, "  %-36s%-20s%s\n", name, of_host, of_guest);
	}
	fprintf(out, "  %-36s0x%-18" PRIx64 "0x%" PRIx64 "\n", "CAP_REG",
		host.cap, guest.cap);
	fprintf(out, "  %-36s0x%-18" PRIx64 "0x%" PRIx64 "\n", "ECAP_REG",
		host.ecap, guest.ecap);
}

static void put_smmuv3(FILE *out, const struct iommunest_hw_info *info)
{
	struct iommunest_smmuv3_caps caps = { .size = sizeof(caps) };
	char value[48];
	const char *name;
	size_t i;

	if (iommunest_smmuv3_caps_decode(&caps, info))
		return;
	for (i = 0; check_smmuv3_row(&caps, i, &name, value, sizeof(value));
	     i++)
		fprintf(out, "  %-36s%s\n", name, value);
}

static void put_unit(FILE *out, const struct check *check,
		     const struct check_unit *unit)
{
	char name[CHECK_NAME_MAX], version[CHECK_NAME_MAX];

	snprintf(name, sizeof(name), "%s", unit->name);
	snprintf(version, sizeof(version), "%s", unit->version);
	make_plain(name);
	make_plain(version);
	fprintf(out, "\nVT-d unit %s at 0x%" PRIx64 ", version %s\n", name,
		unit->address, version);
	put_caps(out, check, &unit->info);
}

static void put_mates(FILE *out, const struct check_device *device)
{
	size_t i;

	fprintf(out, "  group %d, ", device->vfio.group);
	if (!device->mate_count)
		fputs("alone in it\n", out);
	else
		fputs("together with", out);
	for (i = 0; i < device->mate_count; i++)
		fprintf(out, " %s%s", device->mates[i],
			i + 1 == device->mate_count ? "\n" : ",");
}

static void put_device(FILE *out, const struct check *check,
		       const struct check_device *device)
{
	const struct iommunest_hw_info *info = &device->info;

	fprintf(out, "\nDevice %s", device->vfio.address);
	if (device->unit[0])
		fprintf(out, ", behind %s", device->unit);
	putc('\n', out);
	if (device->vfio.group >= 0)
		put_mates(out, device);
	if (!device->has_info)
		return;
	fprintf(out, "  its own PASIDs: ");
	if (info->max_pasid_log2)
		fprintf(out, "%u bits\n", info->max_pasid_log2);
	else
		fputs("no\n", out);
	fprintf(out, "  dirty pages can be tracked: %s\n",
		info->capabilities & IOMMUNEST_HW_CAP_DIRTY_TRACKING ? "yes"
								     : "no");
	put_caps(out, check, info);
	put_smmuv3(out, info);
}

/* ---- Lists ---- */

static void put_features(FILE *out, const struct check *check)
{
	char names[CHECK_SAYS_MAX] = "";
	size_t length = 0;
	uint64_t bit;

	for (bit = 1; bit; bit <<= 1)
		if (check->features & bit && length < sizeof(names))
			length +=
				(size_t)snprintf(names + length,
						 sizeof(names) - length, " %s",
						 iommunest_feature_name(bit));
	fprintf(out, "\n%-*s", (int)INDENT - 1, "What iommufd can do:");
	put_wrapped(out, names, INDENT - 1);
}

static void put_vfio(FILE *out, const struct check *check)
{
	size_t i;

	fputs("\nDevices that VFIO has:\n", out);
	for (i = 0; i < check->vfio_count; i++)
		fprintf(out, "  %s\n", check->vfio[i]);
	fputs("iommunest-check ADDRESS asks one of them.\n", out);
}

static size_t count_of(const struct check *check, enum check_verdict verdict)
{
	size_t i, count = 0;

	for (i = 0; i < check->count; i++)
		count += check->findings[i].verdict == verdict;
	return count;
}

static void put_answer(FILE *out, const struct check *check)
{
	size_t reasons = count_of(check, CHECK_CANNOT);
	size_t unknown = count_of(check, CHECK_UNKNOWN);

	if (!reasons && unknown)
		fprintf(out,
			"\nNothing that is known keeps this machine from "
			"nesting; %zu thing%s unknown.\n",
			unknown, unknown == 1 ? " is" : "s are");
	else if (!reasons)
		fprintf(out, "\nThis machine can nest%s.\n",
			check->device_count ? ", with the device as it is"
					    : "");
	else
		fprintf(out,
			"\nThis machine cannot nest as it is: %zu reason%s, "
			"\"cannot\" above.\n",
			reasons, reasons == 1 ? "" : "s");
}

void check_report_text(FILE *out, const struct check *check)
{
	size_t i;

	for (i = 0; i < check->count; i++)
		put_finding(out, &check->findings[i]);
	if (check->has_features)
		put_features(out, check);
	for (i = 0; i < check->unit_count && !check->device_count; i++)
		put_unit(out, check, &check->units[i]);
	for (i = 0; i < check->device_count; i++)
		put_device(out, check, &check->devices[i]);
	if (check->vfio_count && !check->device_count)
		put_vfio(out, check);
	put_answer(out, check);
}
