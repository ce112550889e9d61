/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "sim-env.h"

#include "smmu.h"

#include "lib/uapi/vfio.h"

#include <fcntl.h>
#include <string.h>

static enum conf_desc_kind kind_of(const struct iommunest_sim_desc *desc)
{
	if (desc->kind == IOMMUNEST_SIM_PIOTLB_ALL)
		return CONF_PIOTLB_ALL;
	return desc->kind == IOMMUNEST_SIM_DEV_TLB ? CONF_DEV_TLB
						   : CONF_PIOTLB_PAGES;
}

static void on_desc(void *user, const struct iommunest_sim_desc *desc)
{
	struct sim_env *env = user;

	if (!env->recording)
		return;
	if (env->count < SIM_ENV_DESCS)
		env->descs[env->count] = (struct conf_desc){
			.kind = kind_of(desc),
			.am = desc->am,
			.addr = desc->addr,
			.ih = desc->ih,
			.pasid = desc->pasid,
		};
	env->count++;
}

static void record(struct conf_env *conf)
{
	struct sim_env *env = conf->user;

	env->recording = true;
	env->count = 0;
}

static size_t stop(struct conf_env *conf, struct conf_desc *descs, size_t max)
{
	struct sim_env *env = conf->user;
	size_t i;

	env->recording = false;
	for (i = 0; i < env->count && i < max && i < SIM_ENV_DESCS; i++)
		descs[i] = env->descs[i];
	return env->count;
}

static int attach(struct conf_env *conf, uint32_t hwpt_id)
{
	struct sim_env *env = conf->user;

	return iommunest_sim_attach(env->sim, conf->fd, conf->dev, hwpt_id);
}

static bool is_6_12(uint32_t profile)
{
	return profile == IOMMUNEST_SIM_LINUX_6_12 ||
	       profile == IOMMUNEST_SIM_LINUX_6_12_PATCHED;
}

static bool is_fixed(uint32_t profile)
{
	return profile == IOMMUNEST_SIM_LINUX_6_12_PATCHED ||
	       profile == IOMMUNEST_SIM_LINUX_7_3_PATCHED;
}

static int bind_device(struct sim_env *env, uint32_t flags)
{
	struct conf_env *conf = &env->env;
	struct vfio_device_bind_iommufd cmd = {
		.argsz = sizeof(cmd),
		.iommufd = conf->fd,
	};
	int ret;

	iommunest_sim_set_vfio_flags(env->sim, 0, flags);
	conf->node = "/dev/vfio/devices/vfio0";
	conf->device = conf->sys->open(conf->sys_data, conf->node, O_RDWR);
	if (conf->device < 0)
		return conf->device;
	ret = conf->sys->ioctl(conf->sys_data, conf->device,
			       VFIO_DEVICE_BIND_IOMMUFD, &cmd);
	conf->dev = cmd.out_devid;
	return ret;
}

int sim_env_open(struct sim_env *env,
		 const struct iommunest_sim_options *options, bool ats)
{
	struct conf_env *conf = &env->env;
	int ret;

	memset(env, 0, sizeof(*env));
	ret = iommunest_sim_new(&env->sim, options);
	if (ret)
		return ret;
	iommunest_sim_on_desc(env->sim, on_desc, env);
	conf->sys = iommunest_sim_sys();
	conf->sys_data = env->sim;
	conf->kernel =
		is_6_12(options->profile) ? CONF_LINUX_6_12 : CONF_LINUX_7_3;
	conf->fixed = is_fixed(options->profile);
	conf->reports = options->profile == IOMMUNEST_SIM_LINUX_7_3_PATCHED;
	conf->ats = ats;
	conf->attach = attach;
	conf->record = record;
	conf->stop = stop;
	conf->user = env;
	conf->fd = conf->sys->open(conf->sys_data, "/dev/iommu", O_RDWR);
	if (conf->fd < 0)
		return conf->fd;
	ret = bind_device(env, ats ? IOMMUNEST_SIM_ATS : 0);
	if (ret)
		return ret;
	return conf_populate(conf) ? attach(conf, conf->nested) : -EIO;
}

static void on_command(void *user, const struct iommunest_sim_command *command)
{
	struct sim_env *env = user;

	if (!env->recording)
		return;
	if (env->count < SIM_ENV_COMMANDS)
		env->commands[env->count] =
			smmu_command(command->word[0], command->word[1]);
	env->count++;
}

static size_t commands(struct conf_env *conf, struct conf_command *to,
		       size_t max)
{
	struct sim_env *env = conf->user;
	size_t i;

	env->recording = false;
	for (i = 0; i < env->count && i < max && i < SIM_ENV_COMMANDS; i++)
		to[i] = env->commands[i];
	return env->count;
}

static int attach_other(struct conf_env *conf, uint32_t hwpt_id)
{
	struct sim_env *env = conf->user;

	return iommunest_sim_attach(env->sim, conf->fd, conf->other_dev,
				    hwpt_id);
}

static enum conf_smmu_count count_of(uint32_t profile)
{
	if (profile == IOMMUNEST_SIM_SMMUV3_7_3)
		return CONF_SMMU_OVERCOUNTS;
	return profile == IOMMUNEST_SIM_SMMUV3_REWORKED ? CONF_SMMU_GROUP_START
							: CONF_SMMU_EXACT;
}

int sim_env_open_smmu(struct sim_env *env,
		      const struct iommunest_sim_options *options)
{
	struct conf_env *conf = &env->env;
	int ret;

	memset(env, 0, sizeof(*env));
	ret = iommunest_sim_new(&env->sim, options);
	if (ret)
		return ret;
	iommunest_sim_on_command(env->sim, on_command, env);
	conf->sys = iommunest_sim_sys();
	conf->sys_data = env->sim;
	conf->kernel = CONF_LINUX_7_3;
	conf->attach = attach;
	conf->record = record;
	conf->user = env;
	conf->vsid = SMMU_VSID;
	conf->smmu_count = count_of(options->profile);
	conf->attach_other = attach_other;
	conf->commands = commands;
	conf->fd = conf->sys->open(conf->sys_data, "/dev/iommu", O_RDWR);
	if (conf->fd < 0)
		return conf->fd;
	ret = bind_device(env, 0);
	if (!ret)
		ret = iommunest_sim_bind(env->sim, conf->fd, 0,
					 &conf->other_dev);
	if (ret)
		return ret;
	return smmu_populate(conf) ? attach(conf, conf->nested) : -EIO;
}

unsigned int sim_env_close(struct sim_env *env)
{
	unsigned int left;

	env->env.sys->close(env->env.sys_data, env->env.device);
	env->env.sys->close(env->env.sys_data, env->env.fd);
	left = iommunest_sim_open_fds(env->sim);
	iommunest_sim_free(env->sim);
	return left;
}
