/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Makes and frees a simulator; what it observes. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

#include "files.h"
#include "lock.h"
#include "options.h"
#include "profile.h"
#include "registers.h"
#include "user-memory.h"

EXPORT int iommunest_sim_new(struct iommunest_sim **out,
			     const struct iommunest_sim_options *options)
{
	struct iommunest_sim_options opt;
	struct iommunest_sim *sim;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = iommunest__sim_read_options(&opt, options);
	if (ret)
		return ret;
	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return -ENOMEM;
	sim->profile = iommunest__sim_profile(opt.profile);
	sim->flags = opt.flags;
	sim->cap = opt.cap ? opt.cap : iommunest__sim_default_cap();
	sim->ecap = opt.ecap ? opt.ecap : iommunest__sim_default_ecap();
	sim->smmu_info = iommunest__sim_smmu_info(opt.idr, opt.errata);
	ret = iommunest__sim_lock_init(sim);
	if (ret) {
		free(sim);
		return ret;
	}
	ret = iommunest__sim_user_open(sim);
	if (ret) {
		iommunest__sim_lock_destroy(sim);
		free(sim);
		return ret;
	}
	*out = sim;
	return 0;
}

EXPORT void iommunest_sim_free(struct iommunest_sim *sim)
{
	if (!sim)
		return;
	iommunest__sim_files_free(sim);
	iommunest__sim_user_close(sim);
	iommunest__sim_lock_destroy(sim);
	free(sim);
}

EXPORT void iommunest_sim_on_desc(
	struct iommunest_sim *sim,
	void (*fn)(void *user, const struct iommunest_sim_desc *desc),
	void *user)
{
	SIM_LOCKED(sim);

	sim->on_desc = fn;
	sim->on_desc_user = user;
}

EXPORT void iommunest_sim_on_command(
	struct iommunest_sim *sim,
	void (*fn)(void *user, const struct iommunest_sim_command *command),
	void *user)
{
	SIM_LOCKED(sim);

	sim->on_command = fn;
	sim->on_command_user = user;
}

EXPORT int iommunest_sim_stats(const struct iommunest_sim *sim,
			       struct iommunest_sim_stats *stats)
{
	SIM_LOCKED(sim);
	struct iommunest_sim_stats out;
	int ret;

	if (!sim || !stats)
		return -EINVAL;
	ret = iommunest_check_size(stats,
				   END_OF(struct iommunest_sim_stats, refused));
	if (ret)
		return ret;
	out = sim->stats;
	iommunest_copy_out(stats, &out, sizeof(out));
	return 0;
}
