/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <errno.h>
#include <string.h>

#include "tests/harness/target.h"

#include "iq-vmm.h"

#define PAGE_MASK UINT64_C(0xfff)
#define NO_SUCH_HWPT 0xdeadu

int vmm_errno(struct fuzz_input *in)
{
	static const int errors[] = {
		-EIO,	 -EFAULT,  -ETIMEDOUT,	-ENXIO,	 -EINTR,
		-EAGAIN, -EBADMSG, -ENOENT,	-EINVAL, -ENOMEM,
		-ENOSPC, -1,	   -EOPNOTSUPP, -4095,
	};

	return errors[fuzz_below(in, sizeof(errors) / sizeof(errors[0]))];
}

/* ---- Callbacks ---- */

static bool is_bad(const struct vmm *vmm, uint32_t slot)
{
	return vmm->bad_every &&
	       slot % vmm->bad_every == vmm->bad_first % vmm->bad_every;
}

static int vmm_read(void *user, uint64_t gpa, void *buf, size_t len)
{
	struct vmm *vmm = user;
	struct model *model = &vmm->model;
	uint64_t offset = gpa - (model->state.iqa & ~PAGE_MASK);
	uint32_t first = (uint32_t)(offset >> model->shift);
	uint32_t count = (uint32_t)(len >> model->shift);
	size_t bytes = (size_t)1 << model->shift;
	unsigned char *to = buf;
	int answer = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (is_bad(vmm, first + i))
			answer = vmm->read_error;
	}
	model_read(model, gpa, len, answer);
	/* What a failed read leaves behind is nobody's business. */
	if (answer)
		memset(buf, 0x26, len);
	for (i = 0; !answer && i < count; i++) {
		static const uint64_t nothing[4];
		uint32_t nth = (first + i - vmm->first_slot) %
			       (vmm->n_descs ? vmm->n_descs : 1);
		const uint64_t *words =
			vmm->n_descs ? vmm->descs[nth] : nothing;

		memcpy(to + i * bytes, words, bytes);
		model_delivers(model, first + i, words);
	}
	return answer;
}

static int count_down(uint32_t *nth, int error)
{
	if (*nth == 0 || --*nth)
		return 0;
	return error;
}

static int vmm_write_status(void *user, uint32_t index, uint64_t gpa,
			    uint32_t data)
{
	struct vmm *vmm = user;
	int answer = count_down(&vmm->bad_status, vmm->status_error);

	model_wrote(&vmm->model, index, gpa, data, answer);
	return answer;
}

static void vmm_interrupt(void *user, uint32_t index)
{
	struct vmm *vmm = user;

	model_interrupted(&vmm->model, index);
}

/* It may add and remove HWPTs. */
static void change_scopes(struct vmm *vmm)
{
	switch (fuzz_below(&vmm->in, 8)) {
	case 1:
		vmm_add(vmm, vmm_take_scope(vmm, false));
		break;
	case 2:
		vmm_add(vmm, vmm_take_scope(vmm, true));
		break;
	case 3:
		vmm_remove(vmm, vmm_take_scope(vmm, false));
		break;
	case 4:
		vmm_remove(vmm, vmm_take_scope(vmm, true));
		break;
	case 5:
		vmm_remove_hwpt(vmm, fuzz_below(&vmm->in, MODEL_HWPTS));
		break;
	default:
		break;
	}
}

static int vmm_descriptor(void *user, uint32_t index,
			  const struct iommunest_vtd_desc *desc)
{
	struct vmm *vmm = user;
	int answer = count_down(&vmm->bad_vmm, vmm->vmm_error);

	model_given(&vmm->model, index, desc, answer);
	if (vmm->flags & IQ_VMM_CHANGES_SCOPES)
		change_scopes(vmm);
	model_after_given(&vmm->model);
	return answer;
}

static int vmm_forwarded(void *user, uint32_t index,
			 const struct iommunest_vtd_desc *desc)
{
	struct vmm *vmm = user;
	int answer = count_down(&vmm->bad_vmm, vmm->vmm_error);

	model_told(&vmm->model, index, desc, answer);
	return answer;
}

static void vmm_covered(void *user, uint32_t index, uint64_t cookie)
{
	struct vmm *vmm = user;

	model_covered(&vmm->model, index, (uint32_t)cookie);
}

static void vmm_skipped(void *user, uint32_t index, uint64_t cookie, int error)
{
	struct vmm *vmm = user;

	model_skipped(&vmm->model, index, (uint32_t)cookie, error);
}

static void vmm_trace(void *user, uint64_t cookie,
		      const struct iommunest_call *call)
{
	struct vmm *vmm = user;

	fuzz_check(cookie == call->id);
	model_called(&vmm->model, call);
}

const struct iommunest_vtd_iq_ops vmm_ops = {
	.size = sizeof(vmm_ops),
	.read = vmm_read,
	.write_status = vmm_write_status,
	.interrupt = vmm_interrupt,
	.descriptor = vmm_descriptor,
	.covered = vmm_covered,
	.skipped = vmm_skipped,
	.trace = vmm_trace,
	.forwarded = vmm_forwarded,
};

/* ---- The host ---- */

static void make_hwpts(struct vmm *vmm)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
	};
	uint32_t flags = vmm->flags & IQ_HOST_ATS ? IOMMUNEST_SIM_ATS : 0;
	int fd = iommunest_fd(vmm->ctx);
	uint32_t *ids = vmm->model.hwpt_ids;
	uint32_t ioas, parent = 0;
	unsigned int i;

	fuzz_check(!iommunest_ioas_alloc(vmm->ctx, &ioas));
	for (i = 0; i < MODEL_HWPTS - 1; i++) {
		uint32_t *dev = &vmm->devices[i];

		fuzz_check(!iommunest_sim_bind(vmm->sim, fd, flags, dev));
		if (!parent)
			fuzz_check(!iommunest_hwpt_alloc_parent(vmm->ctx, *dev,
								ioas, &parent));
		fuzz_check(!iommunest_vtd_hwpt_alloc(vmm->ctx, *dev, parent,
						     &s1, &ids[i]));
		fuzz_check(!iommunest_sim_attach(vmm->sim, fd, *dev, ids[i]));
	}
	ids[MODEL_HWPTS - 1] = NO_SUCH_HWPT;
}

void vmm_open_host(struct vmm *vmm)
{
	const struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options),
		.profile = vmm->flags & IQ_HOST_6_12 ? IOMMUNEST_SIM_LINUX_6_12
						     : IOMMUNEST_SIM_NEWEST,
		.flags = vmm->flags & IQ_HOST_QEMU_AM_18
				 ? IOMMUNEST_SIM_QEMU_AM_18
				 : 0,
	};
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};

	fuzz_check(!iommunest_sim_new(&vmm->sim, &sim_options));
	options.sys_data = vmm->sim;
	fuzz_check(!iommunest_open(&vmm->ctx, &options));
	make_hwpts(vmm);
}

void vmm_close_host(struct vmm *vmm)
{
	struct iommunest_sim_stats stats = { .size = sizeof(stats) };

	iommunest_sim_stats(vmm->sim, &stats);
	if (!(vmm->flags & IQ_HOST_QEMU_AM_18))
		fuzz_check(!stats.refused);
	iommunest_close(vmm->ctx);
	fuzz_check(!iommunest_sim_open_fds(vmm->sim));
	iommunest_sim_free(vmm->sim);
}

/* ---- Scopes ---- */

/* Few numbers, so that they meet. */
static uint8_t take_id(struct fuzz_input *in)
{
	uint8_t byte = fuzz_u8(in);

	return byte < 0xf0 ? byte & 7 : byte;
}

/* And those at the border of 20 bits. */
static uint32_t take_pasid(struct fuzz_input *in)
{
	uint8_t byte = fuzz_u8(in);

	switch (byte) {
	case 0xfd:
		return 0xfffff;
	case 0xfe:
		return IOMMUNEST_VTD_NO_PASID;
	case 0xff:
		return 0x100000;
	default:
		return byte & 3;
	}
}

struct model_scope vmm_take_scope(struct vmm *vmm, bool device)
{
	struct model_scope scope = { .device = device };

	scope.id = take_id(&vmm->in);
	scope.pasid = take_pasid(&vmm->in);
	scope.hwpt = fuzz_below(&vmm->in, MODEL_HWPTS);
	return scope;
}

static bool is_pasid(struct model_scope scope)
{
	return scope.pasid <= 0xfffff ||
	       (scope.device && scope.pasid == IOMMUNEST_VTD_NO_PASID);
}

/* Its place; n_scopes: it is not there. */
static uint32_t find(const struct model *model, struct model_scope scope)
{
	uint32_t i;

	for (i = 0; i < model->n_scopes; i++) {
		const struct model_scope *other = &model->scopes[i];

		if (other->device == scope.device && other->id == scope.id &&
		    other->pasid == scope.pasid && other->hwpt == scope.hwpt)
			break;
	}
	return i;
}

void vmm_add(struct vmm *vmm, struct model_scope scope)
{
	struct model *model = &vmm->model;
	uint32_t hwpt_id = model->hwpt_ids[scope.hwpt];
	int want = 0;
	int ret;

	if (model->n_scopes == MODEL_SCOPES)
		return;
	if (!is_pasid(scope))
		want = -EINVAL;
	else if (find(model, scope) < model->n_scopes)
		want = -EEXIST;
	ret = scope.device
		      ? iommunest_vtd_iq_add_device(vmm->iq, scope.id,
						    scope.pasid,
						    TARGET(vmm->ctx, hwpt_id))
		      : iommunest_vtd_iq_add_scope(vmm->iq, scope.id,
						   scope.pasid,
						   TARGET(vmm->ctx, hwpt_id));
	fuzz_check(ret == want);
	if (ret)
		return;
	model->scopes[model->n_scopes++] = scope;
	if (hwpt_id == NO_SUCH_HWPT)
		model->host_fails = true;
}

static void forget(struct model *model, uint32_t at)
{
	model->n_scopes--;
	memmove(&model->scopes[at], &model->scopes[at + 1],
		(model->n_scopes - at) * sizeof(model->scopes[0]));
}

void vmm_remove(struct vmm *vmm, struct model_scope scope)
{
	struct model *model = &vmm->model;
	uint32_t hwpt_id = model->hwpt_ids[scope.hwpt];
	uint32_t at = find(model, scope);
	int want = at < model->n_scopes ? 0 : -ENOENT;
	int ret;

	if (!is_pasid(scope))
		want = -EINVAL;
	ret = scope.device ? iommunest_vtd_iq_remove_device(
				     vmm->iq, scope.id, scope.pasid,
				     TARGET(vmm->ctx, hwpt_id))
			   : iommunest_vtd_iq_remove_scope(
				     vmm->iq, scope.id, scope.pasid,
				     TARGET(vmm->ctx, hwpt_id));
	fuzz_check(ret == want);
	if (!ret)
		forget(model, at);
}

void vmm_remove_hwpt(struct vmm *vmm, unsigned int hwpt)
{
	struct model *model = &vmm->model;
	int want = -ENOENT;
	uint32_t i;

	for (i = model->n_scopes; i > 0; i--) {
		if (model->scopes[i - 1].hwpt != hwpt)
			continue;
		forget(model, i - 1);
		want = 0;
	}
	fuzz_check(iommunest_vtd_iq_forget(
			   vmm->iq, TARGET(vmm->ctx, model->hwpt_ids[hwpt])) ==
		   want);
}

/* ---- Descriptors ---- */

/* A page near others, at the ends, or anywhere. */
static uint64_t take_addr(struct fuzz_input *in)
{
	uint8_t byte = fuzz_u8(in);

	switch (byte >> 6) {
	case 0:
		return (uint64_t)byte << 12;
	case 1:
		return (uint64_t)(byte & 63) << 21;
	case 2:
		return ~UINT64_C(0) << (12 + (byte & 31));
	default:
		return fuzz_shaped(in);
	}
}

static unsigned int take_order(struct fuzz_input *in)
{
	uint8_t byte = fuzz_u8(in);

	return byte & 0x80 ? byte & 63 : byte & 3;
}

struct fields {
	uint16_t id;
	uint32_t pasid;
	uint8_t bits;
	uint64_t addr;
	unsigned int am;
};

/* Mostly of a scope that there is. */
static struct fields take_fields(struct vmm *vmm)
{
	const struct model *model = &vmm->model;
	uint8_t byte = fuzz_u8(&vmm->in);
	struct fields fields = { .id = byte, .pasid = byte >> 4 & 3 };

	if (byte < 0xe0 && model->n_scopes) {
		const struct model_scope *scope =
			&model->scopes[byte % model->n_scopes];

		fields.id = scope->id;
		fields.pasid = scope->pasid & 0xfffff;
	}
	fields.bits = fuzz_u8(&vmm->in);
	fields.addr = take_addr(&vmm->in) & ~PAGE_MASK;
	fields.am = take_order(&vmm->in);
	return fields;
}

/* Address and size of a device TLB's block; @s is its S bit. */
static uint64_t sized(const struct fields *fields, uint64_t s)
{
	unsigned int am = fields->am < 52 ? fields->am : 52;
	uint64_t block = (UINT64_C(1) << am) - 1;

	if (!am)
		return fields->addr;
	return (fields->addr & ~(block << 12)) | block >> 1 << 12 | s;
}

static void make_pasid(unsigned int type, const struct fields *fields,
		       uint64_t *words)
{
	const uint64_t bits = fields->bits;

	words[0] |= (uint64_t)fields->id << 16 | (uint64_t)fields->pasid << 32;
	switch (type) {
	case IOMMUNEST_VTD_DESC_PIOTLB:
		words[0] |= 2u << 4 | (bits & 1) << 4;
		words[1] = fields->addr | fields->am | (bits & 2) << 5;
		break;
	case IOMMUNEST_VTD_DESC_PASID_CACHE:
		words[0] |= (bits & 3) << 4;
		break;
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		words[0] |= (bits & 31) << 4;
		words[1] = sized(fields, 1u << 11) | bits >> 7;
		break;
	default:
		words[0] |= (bits & 1) << 4 | (bits & 0xf0) << 8;
		words[1] = bits << 3;
		break;
	}
}

/* Fields that the granularity has no use for stay. */
static void make(unsigned int type, const struct fields *fields,
		 uint64_t *words)
{
	const uint64_t bits = fields->bits;
	const uint64_t id = fields->id;

	words[0] = type;
	switch (type) {
	case IOMMUNEST_VTD_DESC_CONTEXT_CACHE:
		words[0] |= (bits & 3) << 4 | id << 16 | id << 32 |
			    (bits & 12) << 46;
		break;
	case IOMMUNEST_VTD_DESC_IOTLB:
		words[0] |= (bits & 15) << 4 | id << 16;
		words[1] = fields->addr | fields->am;
		break;
	case IOMMUNEST_VTD_DESC_DEV_TLB:
		words[0] |= id << 32 | (bits & 31) << 16;
		words[1] = sized(fields, 1);
		break;
	case IOMMUNEST_VTD_DESC_IEC:
		words[0] |= (bits & 1) << 4 | id << 32 |
			    (uint64_t)(fields->am & 31) << 27;
		break;
	case IOMMUNEST_VTD_DESC_WAIT:
		words[0] |= (bits & 15) << 4 | id << 32;
		words[1] = fields->addr;
		break;
	default:
		make_pasid(type, fields, words);
		break;
	}
}

void vmm_take_desc(struct vmm *vmm, uint64_t *words)
{
	unsigned int type = fuzz_below(&vmm->in, 16);
	struct fields fields;
	unsigned int i;

	memset(words, 0, 4 * sizeof(*words));
	if (type == 0) {
		for (i = 0; i < 4; i++)
			words[i] = fuzz_u64(&vmm->in);
		return;
	}
	/* The commonest more often. */
	if (type > 9)
		type = type & 1 ? IOMMUNEST_VTD_DESC_PIOTLB
				: IOMMUNEST_VTD_DESC_WAIT;
	fields = take_fields(vmm);
	make(type, &fields, words);
}
