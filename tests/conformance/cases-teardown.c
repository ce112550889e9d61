/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The end of contexts and objects, in each order that there is; several
 * contexts, and several processes.
 */
#include "conformance.h"

#include "tests/harness/support.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Each order ---- */

#define PARTS_MAX 5u

/* Something that can be undone, once nothing that uses it is left. */
struct part {
	const char *name;
	/* An object; 0: what the device is attached to, or @fd. */
	uint32_t id;
	/* A fault queue's descriptor, if not 0. */
	int fd;
	/* Bits of the parts that it keeps. */
	unsigned int uses;
};

struct build {
	struct conf_env *env;
	struct part parts[PARTS_MAX];
	unsigned int count;
};

static struct iommunest_ctx *context_on(struct conf_env *env, int fd)
{
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = env->sys,
		.sys_data = env->sys_data,
	};
	struct iommunest_ctx *ctx = NULL;
	int ret = iommunest_open_fd(&ctx, fd, &options);

	conf_expect(env, !ret, "no context: %d", ret);
	return ctx;
}

static uint32_t new_parent(struct conf_env *env, uint32_t ioas)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = env->dev,
		.pt_id = ioas,
	};

	return conf_alloc_hwpt(env, &cmd);
}

static uint32_t new_nested(struct conf_env *env, uint32_t parent)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = conf_nested(env, &s1);

	cmd.pt_id = parent;
	return conf_alloc_hwpt(env, &cmd);
}

static void add(struct build *build, const char *name, uint32_t id,
		unsigned int uses)
{
	build->parts[build->count++] =
		(struct part){ .name = name, .id = id, .uses = uses };
}

static int undo(const struct build *build, unsigned int i)
{
	struct iommu_destroy cmd = {
		.size = sizeof(cmd),
		.id = build->parts[i].id,
	};

	if (build->parts[i].fd)
		return build->env->sys->close(build->env->sys_data,
					      build->parts[i].fd);
	if (!cmd.id)
		return build->env->attach(build->env, 0);
	return conf_ioctl(build->env, IOMMU_DESTROY, &cmd);
}

static bool is_used(const struct build *build, unsigned int live,
		    unsigned int i)
{
	unsigned int j;

	for (j = 0; j < build->count; j++) {
		if (live & 1u << j && build->parts[j].uses & 1u << i)
			return true;
	}
	return false;
}

/* One attempt; *@live is what is left. */
static bool undo_is_right(const struct build *build, unsigned int *live,
			  unsigned int i)
{
	int want = is_used(build, *live, i) ? -EBUSY : 0;
	int ret;

	if (!(*live & 1u << i)) {
		/* A device is detached, and a descriptor closed, once. */
		if (!build->parts[i].id)
			return true;
		want = -ENOENT;
	}
	ret = undo(build, i);
	if (!ret)
		*live &= ~(1u << i);
	return conf_expect(build->env, ret == want,
			   "%s with %#x left: %d instead of %d",
			   build->parts[i].name, *live, ret, want);
}

/*
 * In the given order, until nothing is left: what was busy is tried again.  The
 * order of the uses bounds the rounds.
 */
static bool order_is_right(const struct build *build, const unsigned int *order)
{
	unsigned int live = (1u << build->count) - 1;
	unsigned int round, i;

	for (round = 0; round <= build->count; round++) {
		for (i = 0; i < build->count; i++) {
			if (!undo_is_right(build, &live, order[i]))
				return false;
		}
	}
	return conf_expect(build->env, !live, "%#x is left", live);
}

/* The next permutation, by the order of numbers; false after the last. */
static bool next_order(unsigned int *order, unsigned int count)
{
	unsigned int i = count - 1, j = count - 1, k;

	while (i > 0 && order[i - 1] > order[i])
		i--;
	if (!i)
		return false;
	while (order[j] < order[i - 1])
		j--;
	k = order[j];
	order[j] = order[i - 1];
	order[i - 1] = k;
	for (j = count - 1; i < j; i++, j--) {
		k = order[i];
		order[i] = order[j];
		order[j] = k;
	}
	return true;
}

/* What is built anew for each order. */
typedef bool (*build_fn)(struct build *build);

static bool each_order_is_right(struct conf_env *env, build_fn fn)
{
	unsigned int order[PARTS_MAX] = { 0, 1, 2, 3, 4 };
	struct build build;
	bool ok;

	if (!env->attach)
		return conf_skip(env, "nothing can be attached");
	do {
		build = (struct build){ .env = env };
		ok = fn(&build) && order_is_right(&build, order);
	} while (ok && next_order(order, build.count));
	/* As the other cases want it. */
	env->attach(env, env->nested);
	return ok;
}

static bool attached(struct build *build, uint32_t id, unsigned int uses)
{
	int ret = build->env->attach(build->env, id);

	add(build, "the attachment", 0, uses);
	return conf_expect(build->env, !ret, "not attached: %d", ret);
}

static bool build_nested(struct build *build)
{
	struct conf_env *env = build->env;
	uint32_t ioas = conf_alloc_ioas(env);
	uint32_t parent = new_parent(env, ioas);
	uint32_t nested = new_nested(env, parent);
	uint32_t other = new_nested(env, parent);

	add(build, "the IOAS", ioas, 0);
	add(build, "the parent", parent, 1 << 0);
	add(build, "a nested HWPT", other, 1 << 1);
	add(build, "the attached HWPT", nested, 1 << 1);
	return ioas && parent && nested && other &&
	       attached(build, nested, 1 << 3);
}

static bool build_parent(struct build *build)
{
	struct conf_env *env = build->env;
	uint32_t ioas = conf_alloc_ioas(env);
	uint32_t parent = new_parent(env, ioas);

	add(build, "the IOAS", ioas, 0);
	add(build, "the parent", parent, 1 << 0);
	return ioas && parent && attached(build, parent, 1 << 1);
}

static bool build_ioas(struct build *build)
{
	uint32_t ioas = conf_alloc_ioas(build->env);

	add(build, "the IOAS", ioas, 0);
	return ioas && attached(build, ioas, 1 << 0);
}

/* An HWPT keeps its fault queue, and so does the queue's descriptor. */
static bool build_fault_queue(struct build *build)
{
	struct conf_env *env = build->env;
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = conf_nested(env, &s1);
	struct iommu_fault_alloc queue = { .size = sizeof(queue) };
	uint32_t ioas = conf_alloc_ioas(env);
	uint32_t parent = new_parent(env, ioas);
	uint32_t nested;

	if (!ioas || !parent ||
	    !conf_ioctl_is(env, IOMMU_FAULT_QUEUE_ALLOC, &queue, 0))
		return false;
	cmd.pt_id = parent;
	cmd.flags = IOMMU_HWPT_FAULT_ID_VALID;
	cmd.fault_id = queue.out_fault_id;
	nested = conf_alloc_hwpt(env, &cmd);
	add(build, "the IOAS", ioas, 0);
	add(build, "the parent", parent, 1 << 0);
	add(build, "the fault queue", queue.out_fault_id, 0);
	add(build, "its descriptor", 0, 1 << 2);
	build->parts[build->count - 1].fd = (int)queue.out_fault_fd;
	add(build, "the nested HWPT", nested, 1 << 1 | 1 << 2);
	return nested;
}

static bool a_fault_queue_ends_in_any_order(struct conf_env *env)
{
	return each_order_is_right(env, build_fault_queue);
}

static bool a_nested_device_ends_in_any_order(struct conf_env *env)
{
	return each_order_is_right(env, build_nested);
}

static bool a_device_on_stage_2_ends_in_any_order(struct conf_env *env)
{
	return each_order_is_right(env, build_parent);
}

static bool a_device_on_an_ioas_ends_in_any_order(struct conf_env *env)
{
	return each_order_is_right(env, build_ioas);
}

/* What was attached before is nobody's any more. */
static bool a_replaced_hwpt_can_be_destroyed(struct conf_env *env)
{
	uint32_t a = new_nested(env, env->parent);
	uint32_t b = new_nested(env, env->parent);
	bool ok;

	if (!env->attach)
		return conf_skip(env, "nothing can be attached");
	ok = a && b && conf_expect(env, !env->attach(env, a), "not attached");
	ok = ok && conf_destroy_is(env, a, -EBUSY) &&
	     conf_expect(env, !env->attach(env, b), "not replaced") &&
	     conf_destroy_is(env, a, 0) && conf_destroy_is(env, b, -EBUSY);
	env->attach(env, env->nested);
	return ok && conf_destroy_is(env, b, 0);
}

/* It goes with its file descriptor, which is VFIO's. */
static bool a_device_is_busy_until_it_is_closed(struct conf_env *env)
{
	return conf_destroy_is(env, env->dev, -EBUSY);
}

/* ---- Several contexts ---- */

static bool context_destroys(struct conf_env *env, struct iommunest_ctx *ctx,
			     uint32_t id, int want)
{
	int ret = iommunest_object_destroy(ctx, id);

	return conf_expect(env, ret == want, "destroy: %d instead of %d", ret,
			   want);
}

static bool contexts_on_one_descriptor_share_its_objects(struct conf_env *env)
{
	struct iommunest_ctx *a = context_on(env, env->fd);
	struct iommunest_ctx *b = context_on(env, env->fd);
	uint32_t ioas = 0;
	bool ok;

	ok = a && b &&
	     conf_expect(env, !iommunest_ioas_alloc(a, &ioas), "no IOAS");
	iommunest_close(a);
	/* The descriptor is the VMM's, and so the IOAS is still there. */
	ok = ok && context_destroys(env, b, ioas, 0) &&
	     context_destroys(env, b, ioas, -ENOENT);
	iommunest_close(b);
	return ok && conf_destroy_is(env, ioas, -ENOENT);
}

/* On a descriptor of its own. */
static struct iommunest_ctx *context_new(struct conf_env *env)
{
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = env->sys,
		.sys_data = env->sys_data,
	};
	struct iommunest_ctx *ctx = NULL;
	int ret = iommunest_open(&ctx, &options);

	conf_expect(env, !ret, "no context: %d", ret);
	return ctx;
}

static bool contexts_on_two_descriptors_share_nothing(struct conf_env *env)
{
	struct iommunest_ctx *a = context_new(env), *b = context_new(env);
	uint32_t of_a = 0, of_b = 0, second = 0;
	bool ok;

	ok = a && b &&
	     conf_expect(env,
			 !iommunest_ioas_alloc(a, &of_a) &&
				 !iommunest_ioas_alloc(b, &of_b) &&
				 !iommunest_ioas_alloc(b, &second),
			 "no IOAS");
	/* The same number twice, and two objects. */
	ok = ok && conf_expect(env, of_a == of_b, "ids %u and %u", of_a, of_b);
	ok = ok && context_destroys(env, a, second, -ENOENT) &&
	     context_destroys(env, a, of_a, 0) &&
	     context_destroys(env, b, of_b, 0);
	iommunest_close(a);
	ok = ok && context_destroys(env, b, second, 0);
	iommunest_close(b);
	return ok;
}

static bool
a_context_that_is_closed_takes_its_objects_along(struct conf_env *env)
{
	struct iommunest_ctx *ctx = context_new(env);
	uint32_t first = 0, id = 0;
	bool ok;

	ok = ctx && conf_expect(env,
				!iommunest_ioas_alloc(ctx, &first) &&
					!iommunest_ioas_alloc(ctx, &id),
				"no IOAS");
	iommunest_close(ctx);
	ctx = context_new(env);
	ok = ok && ctx && context_destroys(env, ctx, first, -ENOENT) &&
	     context_destroys(env, ctx, id, -ENOENT);
	ok = ok &&
	     conf_expect(env, !iommunest_ioas_alloc(ctx, &id), "no IOAS") &&
	     conf_expect(env, id == first, "id %u, not %u", id, first);
	iommunest_close(ctx);
	return ok;
}

/* ---- Several processes ---- */

/* The simulator's descriptors are not the process's. */
static bool is_kernel(const struct conf_env *env)
{
	return fcntl(env->fd, F_GETFD) >= 0;
}

static bool a_context_does_not_survive_exec(struct conf_env *env)
{
	struct iommunest_ctx *ctx;
	int flags;

	if (!is_kernel(env))
		return true;
	ctx = context_new(env);
	if (!ctx)
		return false;
	flags = fcntl(iommunest_fd(ctx), F_GETFD);
	iommunest_close(ctx);
	return conf_expect(env, flags & FD_CLOEXEC, "it does");
}

/* Runs @fn in a child, and returns what it returned. */
static bool in_child(struct conf_env *env, bool (*fn)(struct conf_env *env))
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(fn(env) ? 0 : 1);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return conf_expect(env, false, "no child");
	return conf_expect(env, status == 0, "the child fails: %#x", status);
}

static bool close_it(struct conf_env *env)
{
	return env->sys->close(env->sys_data, env->fd) == 0;
}

static bool do_nothing(struct conf_env *env)
{
	return env->fd >= 0;
}

static bool use_it(struct conf_env *env)
{
	struct iommunest_ctx *ctx = context_on(env, env->fd);
	uint32_t ioas, parent;
	bool ok;

	ok = ctx && !iommunest_ioas_alloc(ctx, &ioas) &&
	     !iommunest_hwpt_alloc_parent(ctx, env->dev, ioas, &parent) &&
	     !iommunest_object_destroy(ctx, parent) &&
	     !iommunest_object_destroy(ctx, ioas);
	iommunest_close(ctx);
	return ok;
}

/* The parent's objects are all there, and in use as before. */
static bool is_untouched(struct conf_env *env)
{
	uint32_t ioas = conf_alloc_ioas(env);

	return ioas && conf_destroy_is(env, ioas, 0) &&
	       conf_destroy_is(env, env->nested, -EBUSY) &&
	       conf_destroy_is(env, env->parent, -EBUSY) &&
	       conf_destroy_is(env, env->ioas, -EBUSY);
}

static bool a_child_that_ends_leaves_the_objects(struct conf_env *env)
{
	return in_child(env, do_nothing) && is_untouched(env);
}

static bool a_child_that_closes_leaves_the_objects(struct conf_env *env)
{
	return in_child(env, close_it) && is_untouched(env);
}

static bool a_child_may_use_the_context(struct conf_env *env)
{
	return in_child(env, use_it) && is_untouched(env);
}

static uint32_t victim;

static bool destroy_victim(struct conf_env *env)
{
	return conf_destroy_is(env, victim, 0);
}

/* The kernel's objects are the file's; a child has the simulator's memory. */
static bool a_child_destroys_what_both_have(struct conf_env *env)
{
	victim = conf_alloc_ioas(env);
	return victim && in_child(env, destroy_victim) &&
	       conf_destroy_is(env, victim, is_kernel(env) ? -ENOENT : 0);
}

const struct conf_case conf_teardown_cases[] = {
	CONF_CASE(a_nested_device_ends_in_any_order),
	CONF_CASE(a_fault_queue_ends_in_any_order),
	CONF_CASE(a_device_on_stage_2_ends_in_any_order),
	CONF_CASE(a_device_on_an_ioas_ends_in_any_order),
	CONF_CASE(a_replaced_hwpt_can_be_destroyed),
	CONF_CASE(a_device_is_busy_until_it_is_closed),
	CONF_CASE(contexts_on_one_descriptor_share_its_objects),
	CONF_CASE(contexts_on_two_descriptors_share_nothing),
	CONF_CASE(a_context_that_is_closed_takes_its_objects_along),
	CONF_CASE(a_context_does_not_survive_exec),
	CONF_CASE(a_child_that_ends_leaves_the_objects),
	CONF_CASE(a_child_that_closes_leaves_the_objects),
	CONF_CASE(a_child_may_use_the_context),
	CONF_CASE(a_child_destroys_what_both_have),
	{ 0 },
};
