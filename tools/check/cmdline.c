/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The kernel's command line, read as the kernel does: words of a parameter are
 * told by how they begin, and the last one counts.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* strtok_r */
#endif

#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"

#define SUBJECT "command line"

enum state {
	/* As the kernel was configured. */
	STATE_DEFAULT,
	STATE_OFF,
	STATE_ON,
};

struct parameters {
	enum state vtd;
	enum state scalable;
	bool iommu_off;
	bool no_ats;
	bool no_interrupt_remapping;
};

static bool begins(const char *text, const char *word)
{
	return !strncmp(text, word, strlen(word));
}

static void take_intel_iommu(struct parameters *parameters, const char *word)
{
	if (begins(word, "on"))
		parameters->vtd = STATE_ON;
	else if (begins(word, "off"))
		parameters->vtd = STATE_OFF;
	else if (begins(word, "sm_on"))
		parameters->scalable = STATE_ON;
	else if (begins(word, "sm_off"))
		parameters->scalable = STATE_OFF;
}

static void take_iommu(struct parameters *parameters, const char *word)
{
	if (begins(word, "off"))
		parameters->iommu_off = true;
}

static void take_pci(struct parameters *parameters, const char *word)
{
	if (!strcmp(word, "noats"))
		parameters->no_ats = true;
}

static void take_intremap(struct parameters *parameters, const char *word)
{
	if (begins(word, "off"))
		parameters->no_interrupt_remapping = true;
}

static const struct {
	const char *name;
	void (*take)(struct parameters *parameters, const char *word);
} known[] = {
	{ "intel_iommu=", take_intel_iommu },
	{ "iommu=", take_iommu },
	{ "pci=", take_pci },
	{ "intremap=", take_intremap },
};

/* The kernel takes a dash in a parameter's name for an underscore. */
static bool is_named(const char *text, const char *name)
{
	for (; *name; text++, name++)
		if (*text != *name && (*text != '-' || *name != '_'))
			return false;
	return true;
}

static void take_words(struct parameters *parameters, char *words,
		       void (*take)(struct parameters *, const char *))
{
	char *word, *rest = NULL;

	for (word = strtok_r(words, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest))
		take(parameters, word);
}

static void take_parameter(struct parameters *parameters, char *text)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_named(text, known[i].name))
			take_words(parameters, text + strlen(known[i].name),
				   known[i].take);
}

static void read_parameters(struct parameters *parameters, char *line)
{
	char *text, *rest = NULL;

	for (text = strtok_r(line, " \t\n", &rest); text;
	     text = strtok_r(NULL, " \t\n", &rest)) {
		/* The rest is for the first process. */
		if (!strcmp(text, "--"))
			return;
		take_parameter(parameters, text);
	}
}

/* ---- What it means ---- */

static enum state with_default(const struct check *check, enum state state,
			       const char *option)
{
	if (state != STATE_DEFAULT)
		return state;
	switch (check_config_of(check, option)) {
	case CHECK_CONFIG_UNKNOWN:
		return STATE_DEFAULT;
	case CHECK_CONFIG_NO:
		return STATE_OFF;
	default:
		return STATE_ON;
	}
}

static enum state vtd_state(const struct check *check,
			    const struct parameters *parameters)
{
	enum state state =
		with_default(check, parameters->vtd, "INTEL_IOMMU_DEFAULT_ON");

	if (state == STATE_OFF && parameters->vtd == STATE_DEFAULT)
		state = with_default(check, parameters->vtd,
				     "INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF");
	/* A unit that the kernel shows is one that it uses. */
	return check->unit_count ? STATE_ON : state;
}

static void check_vtd(struct check *check, const struct parameters *parameters)
{
	if (parameters->iommu_off && !check->unit_count) {
		check_add(check, "command-line", SUBJECT, CHECK_CANNOT,
			  "Remove iommu=off.", "iommu=off: no IOMMU is used");
		return;
	}
	switch (vtd_state(check, parameters)) {
	case STATE_OFF:
		check_add(check, "command-line", SUBJECT, CHECK_CANNOT,
			  "Boot with intel_iommu=on,sm_on.",
			  parameters->vtd == STATE_OFF
				  ? "intel_iommu=off: the VT-d is not used"
				  : "without intel_iommu=on, this kernel does "
				    "not use the VT-d");
		break;
	case STATE_ON:
		check_add(check, "command-line", SUBJECT, CHECK_OK, NULL,
			  "the VT-d is on");
		break;
	case STATE_DEFAULT:
		check_add(check, "command-line", SUBJECT, CHECK_UNKNOWN,
			  "Boot with intel_iommu=on,sm_on.",
			  "without intel_iommu=, the configuration decides "
			  "whether the VT-d is used");
		break;
	}
}

static void check_scalable(struct check *check,
			   const struct parameters *parameters)
{
	switch (with_default(check, parameters->scalable,
			     "INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON")) {
	case STATE_OFF:
		check_add(check, "scalable-mode", "scalable mode", CHECK_CANNOT,
			  "Boot with intel_iommu=on,sm_on.",
			  parameters->scalable == STATE_OFF
				  ? "intel_iommu=sm_off: the VT-d nests in "
				    "scalable mode only"
				  : "without intel_iommu=sm_on, this kernel "
				    "does not use scalable mode, and the VT-d "
				    "nests in no other");
		break;
	case STATE_ON:
		check_add(check, "scalable-mode", "scalable mode", CHECK_OK,
			  NULL, "on, where the VT-d has it");
		break;
	case STATE_DEFAULT:
		check_add(check, "scalable-mode", "scalable mode",
			  CHECK_UNKNOWN, "Boot with intel_iommu=on,sm_on.",
			  "without intel_iommu=sm_on, the configuration "
			  "decides");
		break;
	}
}

static void check_ats(struct check *check, const struct parameters *parameters)
{
	if (parameters->no_ats)
		check_add(check, "command-line", SUBJECT, CHECK_WARNING, NULL,
			  "pci=noats: no device has a device TLB, and no "
			  "guest may be shown ATS");
}

static void check_interrupts(struct check *check,
			     const struct parameters *parameters)
{
	if (parameters->no_interrupt_remapping)
		check_add(check, "command-line", SUBJECT, CHECK_WARNING,
			  "Remove intremap=off.",
			  "intremap=off: interrupts of devices are not "
			  "isolated, and VFIO refuses them");
}

void check_command_line(struct check *check)
{
	struct parameters parameters = { .vtd = STATE_DEFAULT };
	char *line;

	if (check->vendor == CHECK_VENDOR_AMD ||
	    (check->vendor != CHECK_VENDOR_ARM &&
	     check_config_of(check, "INTEL_IOMMU") == CHECK_CONFIG_NO))
		return;
	line = check_read_all(check, "/proc/cmdline");
	if (!line) {
		check_add(check, "command-line", SUBJECT, CHECK_UNKNOWN, NULL,
			  "/proc/cmdline cannot be read");
		return;
	}
	read_parameters(&parameters, line);
	free(line);
	if (check->vendor == CHECK_VENDOR_ARM) {
		check_ats(check, &parameters);
		return;
	}
	check_vtd(check, &parameters);
	check_scalable(check, &parameters);
	check_ats(check, &parameters);
	check_interrupts(check, &parameters);
}
