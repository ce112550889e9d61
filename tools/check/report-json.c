/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What was found, as one JSON object; iommunest-check(1) describes it. */
#include <inttypes.h>

#include "tools/check/check.h"
#include "tools/json.h"

static const char *bool_text(bool is)
{
	return is ? "true" : "false";
}

static void put_finding(FILE *out, const struct check_finding *finding)
{
	fputs("{\"check\":", out);
	json_text(out, finding->check);
	json_put_text(out, "subject", finding->subject);
	json_put_text(out, "verdict", check_verdict_name(finding->verdict));
	json_put_text(out, "says", finding->says);
	json_put_text(out, "advice", finding->advice);
	putc('}', out);
}

static void put_findings(FILE *out, const struct check *check)
{
	size_t i;

	fputs(",\"checks\":[", out);
	for (i = 0; i < check->count; i++) {
		if (i)
			putc(',', out);
		put_finding(out, &check->findings[i]);
	}
	putc(']', out);
}

static void put_features(FILE *out, const struct check *check)
{
	bool first = true;
	uint64_t bit;

	fputs(",\"features\":", out);
	if (!check->has_features) {
		fputs("null", out);
		return;
	}
	putc('[', out);
	for (bit = 1; bit; bit <<= 1) {
		if (!(check->features & bit))
			continue;
		if (!first)
			putc(',', out);
		json_text(out, iommunest_feature_name(bit));
		first = false;
	}
	putc(']', out);
}

static void put_smmuv3(FILE *out, const struct iommunest_hw_info *info)
{
	struct iommunest_smmuv3_caps caps = { .size = sizeof(caps) };
	size_t i;

	if (iommunest_smmuv3_caps_decode(&caps, info))
		return;
	fputs(",\"idr\":[", out);
	for (i = 0; i < sizeof(caps.idr) / sizeof(caps.idr[0]); i++)
		fprintf(out, "%s\"0x%" PRIx32 "\"", i ? "," : "", caps.idr[i]);
	putc(']', out);
	json_put_hex(out, "iidr", caps.iidr);
	json_put_hex(out, "aidr", caps.aidr);
	fprintf(out, ",\"ats\":%s,\"erratum_repeat\":%s",
		bool_text(caps.ats),
		bool_text(caps.flags & IOMMUNEST_SMMUV3_ERRATA_REPEAT));
}

/* The registers, of the host, and at most of a guest. */
static void put_registers(FILE *out, const struct check *check,
			  const struct iommunest_hw_info *info)
{
	struct iommunest_vtd_caps host = { .size = sizeof(host) }, guest;

	if (iommunest_vtd_caps_decode(&host, info) ||
	    !check_guest_caps(check, info, &guest))
		return;
	json_put_hex(out, "cap", host.cap);
	json_put_hex(out, "ecap", host.ecap);
	json_put_hex(out, "guest_cap", guest.cap);
	json_put_hex(out, "guest_ecap", guest.ecap);
	fprintf(out, ",\"erratum_772415\":%s",
		bool_text(host.flags & IOMMUNEST_VTD_ERRATA_772415_SPR17));
}

static void put_unit(FILE *out, const struct check *check,
		     const struct check_unit *unit)
{
	fputs("{\"name\":", out);
	json_text(out, unit->name);
	json_put_hex(out, "address", unit->address);
	json_put_text(out, "version", unit->version);
	fprintf(out, ",\"nests\":%s", bool_text(unit->nests));
	put_registers(out, check, &unit->info);
	putc('}', out);
}

static void put_units(FILE *out, const struct check *check)
{
	size_t i;

	fputs(",\"units\":[", out);
	for (i = 0; i < check->unit_count; i++) {
		if (i)
			putc(',', out);
		put_unit(out, check, &check->units[i]);
	}
	putc(']', out);
}

static void put_smmus(FILE *out, const struct check *check)
{
	size_t i;

	fputs(",\"smmus\":[", out);
	for (i = 0; i < check->smmu_count; i++) {
		if (i)
			putc(',', out);
		json_text(out, check->smmus[i]);
	}
	putc(']', out);
}

static void put_vfio(FILE *out, const struct check *check)
{
	size_t i;

	fputs(",\"vfio\":[", out);
	for (i = 0; i < check->vfio_count; i++) {
		if (i)
			putc(',', out);
		json_text(out, check->vfio[i]);
	}
	putc(']', out);
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void put_hardware(FILE *out, const struct check *check,
			 const struct check_device *device)
{
	if (!device->has_info) {
		fputs(",\"hardware\":null", out);
		return;
	}
	fprintf(out, ",\"hardware\":{\"type\":%u", device->info.type);
	json_put_number(out, "pasid_bits", device->info.max_pasid_log2);
	fprintf(out, ",\"dirty_tracking\":%s",
		bool_text(device->info.capabilities &
			  IOMMUNEST_HW_CAP_DIRTY_TRACKING));
	put_registers(out, check, &device->info);
	put_smmuv3(out, &device->info);
	putc('}', out);
}

static void put_device(FILE *out, const struct check *check,
		       const struct check_device *device)
{
	size_t i;

	fputs("{\"address\":", out);
	json_text(out, device->vfio.address);
	json_put_text(out, "driver", or_null(device->vfio.driver));
	json_put_text(out, "node", or_null(device->vfio.node));
	json_put_text(out, "unit", or_null(device->unit));
	if (device->vfio.group < 0)
		fputs(",\"group\":null", out);
	else
		json_put_number(out, "group", (uint64_t)device->vfio.group);
	fputs(",\"others_in_group\":[", out);
	for (i = 0; i < device->mate_count; i++) {
		if (i)
			putc(',', out);
		json_text(out, device->mates[i]);
	}
	putc(']', out);
	put_hardware(out, check, device);
	putc('}', out);
}

static void put_devices(FILE *out, const struct check *check)
{
	size_t i;

	fputs(",\"devices\":[", out);
	for (i = 0; i < check->device_count; i++) {
		if (i)
			putc(',', out);
		put_device(out, check, &check->devices[i]);
	}
	putc(']', out);
}

void check_report_json(FILE *out, const struct check *check)
{
	fprintf(out, "{\"can_nest\":%s", bool_text(check_can_nest(check)));
	json_put_text(out, "release", or_null(check->release));
	put_findings(out, check);
	put_features(out, check);
	put_units(out, check);
	put_smmus(out, check);
	put_vfio(out, check);
	put_devices(out, check);
	fputs("}\n", out);
}
