/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What was found. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* reallocarray */
#endif

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/check/check.h"

static bool grow(struct check *check)
{
	size_t room = check->room ? check->room * 2 : 32;
	struct check_finding *findings;

	if (check->count < check->room)
		return true;
	findings = reallocarray(check->findings, room, sizeof(*findings));
	if (!findings)
		return false;
	check->findings = findings;
	check->room = room;
	return true;
}

void check_add(struct check *check, const char *what, const char *subject,
	       enum check_verdict verdict, const char *advice,
	       const char *format, ...)
{
	struct check_finding *finding;
	va_list args;

	if (!grow(check)) {
		check->incomplete = true;
		return;
	}
	finding = &check->findings[check->count++];
	*finding = (struct check_finding){
		.check = what,
		.verdict = verdict,
		.advice = advice,
	};
	snprintf(finding->subject, sizeof(finding->subject), "%s", subject);
	va_start(args, format);
	vsnprintf(finding->says, sizeof(finding->says), format, args);
	va_end(args);
}

void check_refused(struct check *check, const struct check_device *device,
		   const char *what, int error)
{
	check_add(check, "hardware", device->vfio.address, CHECK_CANNOT, NULL,
		  "%s: %s", what, strerror(-error));
}

bool check_can_nest(const struct check *check)
{
	size_t i;

	for (i = 0; i < check->count; i++)
		if (check->findings[i].verdict == CHECK_CANNOT)
			return false;
	return true;
}

const char *check_verdict_name(enum check_verdict verdict)
{
	static const char *const names[] = {
		[CHECK_OK] = "ok",
		[CHECK_WARNING] = "warning",
		[CHECK_CANNOT] = "cannot",
		[CHECK_UNKNOWN] = "unknown",
	};

	return names[verdict];
}
