/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* VFIO device nodes: bound, attached, detached, with and without a PASID. */
#include "conformance.h"

#include "lib/uapi/vfio.h"

#include "tests/harness/support.h"

#include <fcntl.h>
#include <string.h>

#define FLAG_PASID VFIO_DEVICE_ATTACH_PASID
/* The last one that VFIO's account has room for. */
#define PASID_ACCOUNT 0x7fffffffu
#define HWPT_FOR_PASIDS (1u << 3)
/* Sizes from before there were PASIDs. */
#define ATTACH_SIZE 12u
#define DETACH_SIZE 8u

static bool has_pasids(const struct conf_env *env)
{
	return env->kernel != CONF_LINUX_6_12;
}

/* The device's; 0: none. */
static unsigned int pasid_width(struct conf_env *env)
{
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = env->dev,
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};

	/* The byte after the flags, in a header that has it or not. */
	return conf_ioctl(env, IOMMU_GET_HW_INFO, &cmd)
		       ? 0
		       : ((const unsigned char *)&cmd)[28];
}

static int on_device(struct conf_env *env, int fd, unsigned long request,
		     void *arg)
{
	return env->sys->ioctl(env->sys_data, fd, request, arg);
}

static int attach(struct conf_env *env, uint32_t *pt_id)
{
	struct vfio_device_attach_iommufd_pt cmd = { .argsz = ATTACH_SIZE,
						     .pt_id = *pt_id };
	int ret = on_device(env, env->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			    &cmd);

	*pt_id = cmd.pt_id;
	return ret;
}

static int detach(struct conf_env *env)
{
	struct vfio_device_detach_iommufd_pt cmd = { .argsz = DETACH_SIZE };

	return on_device(env, env->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}

static int attach_pasid(struct conf_env *env, uint32_t pasid, uint32_t pt_id)
{
	struct vfio_device_attach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = FLAG_PASID,
		.pt_id = pt_id,
		.pasid = pasid,
	};
	int ret = on_device(env, env->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			    &cmd);

	return ret == 0 && cmd.pt_id != pt_id ? -EPROTO : ret;
}

static int detach_pasid(struct conf_env *env, uint32_t pasid)
{
	struct vfio_device_detach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = FLAG_PASID,
		.pasid = pasid,
	};

	return on_device(env, env->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}

/* ---- What is expected ---- */

static bool is(struct conf_env *env, const char *what, int ret, int want)
{
	return conf_expect(env, ret == want, "%s: %d and not %d", what, ret,
			   want);
}

static bool attach_is(struct conf_env *env, uint32_t pt_id, int want)
{
	return is(env, "attach", attach(env, &pt_id), want);
}

static bool pasid_is(struct conf_env *env, uint32_t pasid, uint32_t pt_id,
		     int want)
{
	int ret = attach_pasid(env, pasid, pt_id);

	return conf_expect(env, ret == want, "PASID %#x on %u: %d and not %d",
			   pasid, pt_id, ret, want);
}

static bool detach_pasid_is(struct conf_env *env, uint32_t pasid, int want)
{
	return is(env, "detach a PASID", detach_pasid(env, pasid), want);
}

/* As at first. */
static bool go_back(struct conf_env *env, bool ok)
{
	return attach_is(env, env->nested, 0) && ok;
}

/* An HWPT of its own, with @flags: on the IOAS, or a stage 1 on @parent. */
static uint32_t new_paging(struct conf_env *env, uint32_t flags)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = env->dev,
		.pt_id = env->ioas,
	};

	return conf_alloc_hwpt(env, &cmd);
}

static uint32_t new_nested(struct conf_env *env, uint32_t flags,
			   uint32_t addr_width)
{
	struct iommu_hwpt_vtd_s1 s1 = conf_stage1();
	struct iommu_hwpt_alloc cmd = conf_nested(env, &s1);

	s1.addr_width = addr_width;
	cmd.flags = flags;
	return conf_alloc_hwpt(env, &cmd);
}

/* ---- Binding ---- */

static int second_file(struct conf_env *env)
{
	return env->sys->open(env->sys_data, env->node, O_RDWR);
}

static void close_file(struct conf_env *env, int fd)
{
	env->sys->close(env->sys_data, fd);
}

static int bind(struct conf_env *env, int fd, uint32_t argsz, int iommufd)
{
	struct {
		struct vfio_device_bind_iommufd bind;
		uint32_t more[4];
	} cmd = { .bind = { .argsz = argsz, .iommufd = iommufd } };

	/* Where there are no tokens, it is not looked at. */
	cmd.more[3] = argsz == sizeof(cmd);
	return on_device(env, fd, VFIO_DEVICE_BIND_IOMMUFD, &cmd);
}

static bool a_device_is_bound_once(struct conf_env *env)
{
	int fd = second_file(env);
	bool ok;

	if (fd < 0)
		return is(env, "open", fd, 0);
	ok = is(env, "the same file", bind(env, env->device, 16, env->fd),
		-EINVAL) &&
	     is(env, "another file", bind(env, fd, 16, env->fd), -EINVAL) &&
	     /* Whose iommufd it is, is looked at first. */
	     is(env, "a bad iommufd", bind(env, fd, 16, -1), -EINVAL) &&
	     is(env, "not open", bind(env, fd, 16, 0x7fffffff), -EBADF) &&
	     is(env, "no iommufd", bind(env, fd, 16, fd), -EBADFD) &&
	     is(env, "the same, bound", bind(env, env->device, 16, fd),
		-EINVAL);
	close_file(env, fd);
	return ok;
}

static bool a_binding_is_of_a_size(struct conf_env *env)
{
	const int longer = has_pasids(env) ? -E2BIG : -EBADF;
	int fd = second_file(env);
	bool ok;

	if (fd < 0)
		return is(env, "open", fd, 0);
	ok = is(env, "too short", bind(env, fd, 15, 0x7fffffff), -EINVAL) &&
	     is(env, "longer", bind(env, fd, 24, 0x7fffffff), -EBADF) &&
	     is(env, "unknown", bind(env, fd, 32, 0x7fffffff), longer) &&
	     is(env, "nothing",
		on_device(env, fd, VFIO_DEVICE_BIND_IOMMUFD, NULL), -EFAULT);
	close_file(env, fd);
	return ok;
}

static bool a_device_that_is_not_bound_can_do_nothing(struct conf_env *env)
{
	struct vfio_device_attach_iommufd_pt to = { .argsz = ATTACH_SIZE };
	struct vfio_device_detach_iommufd_pt from = { .argsz = DETACH_SIZE };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = second_file(env);
	bool ok;

	if (fd < 0)
		return is(env, "open", fd, 0);
	ok = is(env, "attach",
		on_device(env, fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &to),
		-EINVAL) &&
	     is(env, "detach",
		on_device(env, fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &from),
		-EINVAL) &&
	     is(env, "info", on_device(env, fd, VFIO_DEVICE_GET_INFO, &info),
		-EINVAL) &&
	     is(env, "info of one that is",
		on_device(env, env->device, VFIO_DEVICE_GET_INFO, &info), 0);
	close_file(env, fd);
	return ok;
}

/* ---- Attaching ---- */

static bool an_ioas_gives_an_hwpt_of_the_kernels(struct conf_env *env)
{
	uint32_t pt_id = env->ioas, again = env->ioas;
	bool ok;

	ok = is(env, "attach", attach(env, &pt_id), 0) &&
	     conf_expect(env, pt_id != env->ioas, "the IOAS itself") &&
	     is(env, "again", attach(env, &again), 0) &&
	     conf_expect(env, again == pt_id, "%u and then %u", pt_id, again) &&
	     conf_destroy_is(env, pt_id, -EBUSY);
	/* It goes with the last device. */
	return go_back(env, ok) && conf_destroy_is(env, pt_id, -ENOENT);
}

static bool any_page_table_replaces_any_other(struct conf_env *env)
{
	uint32_t plain = new_paging(env, 0);
	bool ok = plain && attach_is(env, plain, 0) &&
		  attach_is(env, env->parent, 0) &&
		  attach_is(env, env->ioas, 0) &&
		  attach_is(env, env->unattached, 0) &&
		  attach_is(env, plain, 0) && attach_is(env, plain, 0) &&
		  conf_destroy_is(env, plain, -EBUSY);

	return go_back(env, ok) && conf_destroy_is(env, plain, 0);
}

static bool what_is_not_there_is_not_detached(struct conf_env *env)
{
	bool ok = is(env, "detach", detach(env), 0) &&
		  is(env, "detach", detach(env), 0);

	return go_back(env, ok);
}

static bool what_is_no_page_table_is_refused(struct conf_env *env)
{
	return attach_is(env, conf_absent(env), -ENOENT) &&
	       attach_is(env, 0, -ENOENT) && attach_is(env, env->dev, -EINVAL);
}

/* Ids are those of one iommufd. */
static bool an_id_of_another_context_is_not_there(struct conf_env *env)
{
	struct conf_env other = *env;
	uint32_t id = 0;
	unsigned int i;
	bool ok = true;

	other.fd = env->sys->open(env->sys_data, "/dev/iommu", O_RDWR);
	if (other.fd < 0)
		return is(env, "open", other.fd, 0);
	/* An id that is not used here. */
	for (i = 0; i < 64 && ok; i++) {
		id = conf_alloc_ioas(&other);
		ok = id;
	}
	ok = conf_expect(env, ok, "no IOAS") && attach_is(env, id, -ENOENT);
	close_file(env, other.fd);
	return ok;
}

static bool an_attachment_is_of_a_size(struct conf_env *env)
{
	struct vfio_device_attach_iommufd_pt to = { .argsz = ATTACH_SIZE - 1,
						    .pt_id = env->nested };
	struct vfio_device_detach_iommufd_pt from = { .argsz =
							      DETACH_SIZE - 1 };
	const unsigned long on = VFIO_DEVICE_ATTACH_IOMMUFD_PT;
	const unsigned long off = VFIO_DEVICE_DETACH_IOMMUFD_PT;

	if (!is(env, "attach", on_device(env, env->device, on, &to), -EINVAL) ||
	    !is(env, "detach", on_device(env, env->device, off, &from),
		-EINVAL) ||
	    !is(env, "from nothing", on_device(env, env->device, on, NULL),
		-EFAULT) ||
	    !is(env, "from nothing", on_device(env, env->device, off, NULL),
		-EFAULT))
		return false;
	to.argsz = sizeof(to) + 64;
	from.argsz = sizeof(from) + 64;
	to.flags = from.flags = 2;
	if (!is(env, "a flag", on_device(env, env->device, on, &to), -EINVAL) ||
	    !is(env, "a flag", on_device(env, env->device, off, &from),
		-EINVAL))
		return false;
	to.flags = 0;
	return is(env, "longer", on_device(env, env->device, on, &to), 0);
}

/* ---- PASIDs ---- */

/* The flag is refused, and what the device itself has stays. */
static bool a_kernel_without_pasids_says_einval(struct conf_env *env)
{
	if (has_pasids(env))
		return true;
	return pasid_is(env, 1, env->unattached, -EINVAL) &&
	       detach_pasid_is(env, 1, -EINVAL) &&
	       conf_destroy_is(env, env->nested, -EBUSY);
}

static bool a_pasid_is_of_a_size(struct conf_env *env)
{
	struct vfio_device_attach_iommufd_pt to = { .argsz = sizeof(to) - 1,
						    .flags = FLAG_PASID,
						    .pt_id = env->unattached,
						    .pasid = 1 };
	struct vfio_device_detach_iommufd_pt from = { .argsz = sizeof(from) - 1,
						      .flags = FLAG_PASID,
						      .pasid = 1 };

	return is(env, "attach",
		  on_device(env, env->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			    &to),
		  -EINVAL) &&
	       is(env, "detach",
		  on_device(env, env->device, VFIO_DEVICE_DETACH_IOMMUFD_PT,
			    &from),
		  -EINVAL);
}

/* The device on a stage 1 for PASIDs, and more of these. */
struct tables {
	uint32_t itself;
	uint32_t first;
	uint32_t second;
	uint32_t plain;
};

static bool make_tables(struct conf_env *env, struct tables *t)
{
	t->itself = new_nested(env, HWPT_FOR_PASIDS, 48);
	t->first = new_nested(env, HWPT_FOR_PASIDS, 48);
	t->second = new_nested(env, HWPT_FOR_PASIDS, 48);
	t->plain = new_nested(env, 0, 48);
	return t->itself && t->first && t->second && t->plain &&
	       attach_is(env, t->itself, 0);
}

/* Detaches the PASIDs that the cases use, and destroys the tables. */
static bool drop_tables(struct conf_env *env, const struct tables *t, bool ok)
{
	detach_pasid(env, 1);
	detach_pasid(env, 2);
	return go_back(env, ok) && conf_destroy_is(env, t->itself, 0) &&
	       conf_destroy_is(env, t->first, 0) &&
	       conf_destroy_is(env, t->second, 0) &&
	       conf_destroy_is(env, t->plain, 0);
}

static bool pasids_are_attached_replaced_and_detached(struct conf_env *env)
{
	struct tables t;
	bool ok;

	if (!has_pasids(env))
		return true;
	ok = make_tables(env, &t) && pasid_is(env, 1, t.first, 0) &&
	     pasid_is(env, 1, t.first, 0) && pasid_is(env, 2, t.first, 0) &&
	     conf_destroy_is(env, t.first, -EBUSY) &&
	     pasid_is(env, 1, t.second, 0) && detach_pasid_is(env, 2, 0) &&
	     conf_destroy_is(env, t.first, 0) &&
	     conf_destroy_is(env, t.second, -EBUSY) &&
	     /* On its own HWPT, too, and while the device has none. */
	     pasid_is(env, 1, t.itself, 0) &&
	     is(env, "detach", detach(env), 0) &&
	     conf_destroy_is(env, t.itself, -EBUSY) &&
	     detach_pasid_is(env, 1, 0) && detach_pasid_is(env, 1, 0) &&
	     detach_pasid_is(env, 3, 0);
	if (ok)
		t.first = new_nested(env, HWPT_FOR_PASIDS, 48);
	return drop_tables(env, &t, ok);
}

/* Also a paging one. */
static bool all_of_a_device_is_for_pasids(struct conf_env *env)
{
	uint32_t paging;
	struct tables t;
	bool ok;

	if (!has_pasids(env))
		return true;
	paging = new_paging(env, HWPT_FOR_PASIDS);
	ok = make_tables(env, &t) && paging &&
	     pasid_is(env, 1, t.plain, -EINVAL) &&
	     pasid_is(env, 1, paging, 0) &&
	     pasid_is(env, 1, t.plain, -EINVAL) &&
	     attach_is(env, t.plain, -EINVAL) && attach_is(env, paging, 0) &&
	     attach_is(env, t.first, 0) && detach_pasid_is(env, 1, 0) &&
	     attach_is(env, t.plain, 0) && pasid_is(env, 1, t.first, -EINVAL) &&
	     is(env, "detach", detach(env), 0) &&
	     pasid_is(env, 1, t.first, 0) && attach_is(env, t.plain, -EINVAL) &&
	     attach_is(env, env->ioas, -EINVAL);
	return drop_tables(env, &t, ok) && conf_destroy_is(env, paging, 0);
}

static bool a_pasid_has_no_ioas(struct conf_env *env)
{
	struct tables t;
	bool ok;

	if (!has_pasids(env))
		return true;
	ok = make_tables(env, &t) && pasid_is(env, 1, env->ioas, -EINVAL) &&
	     pasid_is(env, 1, t.first, 0) &&
	     pasid_is(env, 1, env->ioas, -EINVAL) &&
	     pasid_is(env, 1, env->dev, -EINVAL) &&
	     pasid_is(env, 2, env->dev, -EINVAL) &&
	     pasid_is(env, 1, conf_absent(env), -ENOENT) &&
	     pasid_is(env, 2, conf_absent(env), -ENOENT);
	return drop_tables(env, &t, ok);
}

/* The driver is asked only about a device that has PASIDs. */
static bool pasids_of_a_device_without_any_are_accepted(struct conf_env *env)
{
	const unsigned int width = pasid_width(env);
	const int want = width ? -EINVAL : 0;
	uint32_t past = width ? 1u << width : 0x100000;
	struct tables t;
	bool ok;

	if (!has_pasids(env))
		return true;
	ok = make_tables(env, &t) && pasid_is(env, past, t.first, want) &&
	     detach_pasid_is(env, past, 0) &&
	     pasid_is(env, PASID_ACCOUNT, t.first, want) &&
	     detach_pasid_is(env, PASID_ACCOUNT, 0) &&
	     pasid_is(env, PASID_ACCOUNT + 1, t.first, -ENOSPC) &&
	     pasid_is(env, UINT32_MAX, t.first, -ENOSPC) &&
	     detach_pasid_is(env, UINT32_MAX, 0);
	return drop_tables(env, &t, ok);
}

static bool
a_stage_1_is_looked_at_for_a_pasid_of_the_device(struct conf_env *env)
{
	struct tables t;
	uint32_t bad;
	bool ok;

	if (!has_pasids(env))
		return true;
	bad = new_nested(env, HWPT_FOR_PASIDS, 39);
	ok = bad && make_tables(env, &t) &&
	     pasid_is(env, 1, bad, pasid_width(env) ? -EINVAL : 0) &&
	     pasid_is(env, 1, t.first, 0) &&
	     pasid_is(env, 1, bad, pasid_width(env) ? -EINVAL : 0) &&
	     pasid_is(env, 1, t.first, 0);
	return bad && drop_tables(env, &t, ok) && conf_destroy_is(env, bad, 0);
}

/*
 * To iommufd, PASID 0 is the device itself; VFIO keeps account of it as of any
 * other, and does not find it where the device itself is detached.
 */
static bool pasid_0_is_the_device_itself(struct conf_env *env)
{
	struct tables t;
	bool ok;

	if (!has_pasids(env))
		return true;
	ok = make_tables(env, &t) && pasid_is(env, 0, t.first, -EBUSY) &&
	     is(env, "detach", detach(env), 0) &&
	     pasid_is(env, 0, t.plain, 0) && pasid_is(env, 0, t.first, 0) &&
	     attach_is(env, t.second, -EBUSY) &&
	     attach_is(env, env->ioas, -EBUSY) &&
	     attach_is(env, conf_absent(env), -ENOENT) &&
	     is(env, "detach", detach(env), 0) &&
	     conf_destroy_is(env, t.first, -EBUSY) &&
	     detach_pasid_is(env, 0, 0);
	detach_pasid(env, 0);
	return drop_tables(env, &t, ok);
}

/* Nothing of the id could be written back: the device itself is detached. */
static bool
a_pasid_that_cannot_be_told_detaches_the_device(struct conf_env *env)
{
	struct conf_pages page = conf_pages_new(1);
	struct vfio_device_attach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = FLAG_PASID,
		.pasid = 1,
	};
	struct tables t;
	bool ok;

	if (!has_pasids(env)) {
		conf_pages_free(&page);
		return true;
	}
	ok = make_tables(env, &t);
	cmd.pt_id = t.first;
	memcpy(page.base, &cmd, sizeof(cmd));
	conf_pages_seal(&page);
	ok = ok &&
	     is(env, "attach",
		on_device(env, env->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			  page.base),
		-EFAULT) &&
	     conf_destroy_is(env, t.itself, 0) &&
	     conf_destroy_is(env, t.first, -EBUSY);
	conf_pages_free(&page);
	if (ok)
		t.itself = new_nested(env, HWPT_FOR_PASIDS, 48);
	return drop_tables(env, &t, ok);
}

/* ---- What is flushed ---- */

/* How many IOTLB descriptors with @pasid one entry for @hwpt leads to. */
static size_t flushes(struct conf_env *env, uint32_t hwpt, uint32_t pasid)
{
	struct iommu_hwpt_vtd_s1_invalidate one = { .npages = 1 };
	struct iommu_hwpt_invalidate call = conf_call(env, &one, 1);
	struct conf_desc descs[16];
	size_t count, i, found = 0;

	call.hwpt_id = hwpt;
	env->record(env);
	conf_ioctl(env, IOMMU_HWPT_INVALIDATE, &call);
	count = env->stop(env, descs, ARRAY_LEN(descs));
	for (i = 0; i < count && i < ARRAY_LEN(descs); i++)
		found += descs[i].kind != CONF_DEV_TLB &&
			 descs[i].pasid == pasid;
	return found;
}

static bool flushes_are(struct conf_env *env, uint32_t hwpt, uint32_t pasid,
			size_t want)
{
	size_t found = flushes(env, hwpt, pasid);

	return conf_expect(env, found == want,
			   "HWPT %u, PASID %u: %zu flushes and not %zu", hwpt,
			   pasid, found, want);
}

static bool each_pasid_of_an_hwpt_is_flushed(struct conf_env *env)
{
	const size_t one = pasid_width(env) ? 1 : 0;
	uint32_t bad;
	struct tables t;
	bool ok;

	if (!has_pasids(env))
		return true;
	if (!env->record)
		return conf_skip(env, "descriptors cannot be seen");
	bad = new_nested(env, HWPT_FOR_PASIDS, 39);
	ok = bad && make_tables(env, &t) && pasid_is(env, 1, t.first, 0) &&
	     pasid_is(env, 2, t.first, 0) && flushes_are(env, t.first, 0, 0) &&
	     flushes_are(env, t.first, 1, one) &&
	     flushes_are(env, t.first, 2, one) &&
	     flushes_are(env, t.itself, 0, 1) &&
	     flushes_are(env, t.itself, 1, 0) &&
	     pasid_is(env, 2, t.itself, 0) && flushes_are(env, t.first, 2, 0) &&
	     flushes_are(env, t.itself, 2, one) &&
	     flushes_are(env, t.itself, 0, 1) && detach_pasid_is(env, 2, 0) &&
	     flushes_are(env, t.itself, 2, 0);
	/* What was refused is still flushed. */
	if (ok && one)
		ok = pasid_is(env, 1, bad, -EINVAL) &&
		     flushes_are(env, t.first, 1, 1) &&
		     flushes_are(env, bad, 1, 0);
	return bad && drop_tables(env, &t, ok) && conf_destroy_is(env, bad, 0);
}

const struct conf_case conf_vfio_cases[] = {
	CONF_CASE(a_device_is_bound_once),
	CONF_CASE(a_binding_is_of_a_size),
	CONF_CASE(a_device_that_is_not_bound_can_do_nothing),
	CONF_CASE(an_ioas_gives_an_hwpt_of_the_kernels),
	CONF_CASE(any_page_table_replaces_any_other),
	CONF_CASE(what_is_not_there_is_not_detached),
	CONF_CASE(what_is_no_page_table_is_refused),
	CONF_CASE(an_id_of_another_context_is_not_there),
	CONF_CASE(an_attachment_is_of_a_size),
	CONF_CASE(a_kernel_without_pasids_says_einval),
	CONF_CASE(a_pasid_is_of_a_size),
	CONF_CASE(pasids_are_attached_replaced_and_detached),
	CONF_CASE(all_of_a_device_is_for_pasids),
	CONF_CASE(a_pasid_has_no_ioas),
	CONF_CASE(pasids_of_a_device_without_any_are_accepted),
	CONF_CASE(a_stage_1_is_looked_at_for_a_pasid_of_the_device),
	CONF_CASE(pasid_0_is_the_device_itself),
	CONF_CASE(a_pasid_that_cannot_be_told_detaches_the_device),
	CONF_CASE(each_pasid_of_an_hwpt_is_flushed),
	{ 0 },
};
