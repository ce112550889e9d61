/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which commands the kernel takes, and which of their fields. */
#include "smmu.h"

/* Bits of both words that a command may have beside its opcode. */
struct allowed {
	uint64_t op;
	uint64_t w0;
	uint64_t w1;
	/* One that is taken. */
	uint64_t right[2];
};

#define VMID_FIELD SMMU_VMID(0xffff)
#define ASID_FIELD SMMU_ASID(0xffff)
#define ASID8_FIELD SMMU_ASID(0xff)
#define SID_FIELD SMMU_SID(0xffffffff)
#define VA_FIELD (~0xfffull)

static const uint64_t known[] = { SMMU_NSNH_ALL,   SMMU_NH_ALL, SMMU_NH_ASID,
				  SMMU_NH_VA,	   SMMU_NH_VAA, SMMU_CFGI_CD,
				  SMMU_CFGI_CD_ALL };
#define KNOWN (sizeof(known) / sizeof(*known))

/* Without range fields, which depend on each other. */
static struct allowed allowed_of(const struct conf_env *env, uint64_t op,
				 const struct smmu_features *features)
{
	const uint64_t asid = features->asid16 ? ASID_FIELD : ASID8_FIELD;
	const uint64_t sid = SMMU_SID(env->vsid);

	switch (op) {
	case SMMU_NH_ALL:
		return (struct allowed){ op, VMID_FIELD, 0, { op, 0 } };
	case SMMU_NH_ASID:
		return (struct allowed){ op, VMID_FIELD | asid, 0, { op, 0 } };
	case SMMU_NH_VA:
		return (struct allowed){
			op, VMID_FIELD | asid, VA_FIELD | SMMU_LEAF, { op, 0 }
		};
	case SMMU_NH_VAA:
		return (struct allowed){
			op, VMID_FIELD, VA_FIELD | SMMU_LEAF, { op, 0 }
		};
	case SMMU_CFGI_CD:
		return (struct allowed){ op,
					 features->ssid_bits
						 ? SMMU_SSID(0xfffff)
						 : 0,
					 SMMU_LEAF,
					 { op | sid, 0 } };
	case SMMU_CFGI_CD_ALL:
		return (struct allowed){ op, 0, 0, { op | sid, 0 } };
	default:
		return (struct allowed){ op, 0, 0, { op, 0 } };
	}
}

static bool each_bit_is_as_allowed(struct conf_env *env,
				   const struct allowed *of, uint64_t skip0,
				   uint64_t skip1)
{
	unsigned int bit;
	bool ok = smmu_answers(env, of->right[0], of->right[1], 0);

	/* A bit of the opcode makes another command. */
	for (bit = 8; ok && bit < 64; bit++) {
		const uint64_t one = 1ull << bit;

		if (!(skip0 & one))
			ok = smmu_answers(env, of->right[0] ^ one, of->right[1],
					  of->w0 & one ? 0 : -EIO);
	}
	for (bit = 0; ok && bit < 64; bit++) {
		const uint64_t one = 1ull << bit;

		if (!(skip1 & one))
			ok = smmu_answers(env, of->right[0], of->right[1] ^ one,
					  of->w1 & one ? 0 : -EIO);
	}
	return ok;
}

/*
 * A stream id with a bit turned is another one.  Range fields have cases of
 * their own.
 */
static bool smmu_other_fields_are_eio(struct conf_env *env)
{
	const uint64_t range0 = SMMU_NUM(0x1f) | SMMU_SCALE(0x3f);
	const uint64_t range1 = SMMU_TG(3) | SMMU_TTL(3);
	struct smmu_features features;
	bool ok = smmu_features(env, &features);
	size_t i;

	for (i = 0; ok && i < KNOWN; i++) {
		struct allowed of = allowed_of(env, known[i], &features);
		bool by_va = of.op == SMMU_NH_VA || of.op == SMMU_NH_VAA;

		ok = each_bit_is_as_allowed(env, &of, by_va ? range0 : 0,
					    by_va ? range1 : 0);
	}
	return ok;
}

static bool is_known(uint64_t op)
{
	size_t i;

	for (i = 0; i < KNOWN; i++) {
		if (known[i] == op)
			return true;
	}
	return false;
}

/* With the stream id of a device, too: nothing of it is looked at. */
static bool smmu_other_opcodes_are_eio(struct conf_env *env)
{
	bool ok = true;
	uint64_t op;

	for (op = 0; ok && op < 256; op++) {
		if (is_known(op) || op == SMMU_ATC_INV)
			continue;
		ok = smmu_answers(env, op, 0, -EIO) &&
		     smmu_answers(env, op | SMMU_SID(env->vsid), 0, -EIO);
	}
	return ok;
}

static bool smmu_atc_inv_needs_ats(struct conf_env *env)
{
	const uint64_t right = SMMU_ATC_INV | SMMU_SID(env->vsid);
	struct smmu_features features;
	int want;

	if (!smmu_features(env, &features))
		return false;
	want = features.ats ? 0 : -EIO;
	return smmu_answers(env, right, 0, want) &&
	       smmu_answers(env, right, 52, want) &&
	       smmu_answers(env, right, 53, -EIO) &&
	       smmu_answers(env, right ^ SMMU_SID(1), 0, -EIO) &&
	       (features.ssid_bits ||
		smmu_answers(env, right | SMMU_SSV, 0, -EIO));
}

static bool smmu_a_stream_needs_a_vdevice(struct conf_env *env)
{
	const uint32_t sids[] = { env->vsid + 1, 0xffffffff, 0x7fffffff };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(sids) / sizeof(*sids); i++) {
		const uint64_t sid = SMMU_SID(sids[i]);

		ok = smmu_answers(env, SMMU_CFGI_CD | sid, 0, -EIO) &&
		     smmu_answers(env, SMMU_CFGI_CD_ALL | sid, 0, -EIO);
	}
	return ok;
}

/* NUM, SCALE, TG, TTL: what each combination gets. */
static int range_answer(const struct smmu_features *features, unsigned int num,
			unsigned int scale, unsigned int tg, unsigned int ttl)
{
	const bool range = num || scale;

	if (!features->ril)
		return range || tg || ttl ? -EIO : 0;
	if (!tg)
		return range || ttl ? -EIO : 0;
	if (tg == 2 && ttl == 1 && !features->ds)
		return -EIO;
	if (!range && !ttl)
		return -EIO;
	return scale > 31 && !features->ds ? -EIO : 0;
}

static bool smmu_ranges_are_checked(struct conf_env *env)
{
	static const unsigned int nums[] = { 0, 1, 31 };
	static const unsigned int scales[] = { 0, 1, 31, 32, 63 };
	struct smmu_features features;
	bool ok = smmu_features(env, &features);
	unsigned int n, s, tg, ttl, i;

	for (i = 0; ok && i < 3 * 5 * 4 * 4; i++) {
		ttl = i % 4;
		tg = i / 4 % 4;
		s = scales[i / 16 % 5];
		n = nums[i / 80];
		ok = smmu_answers(env, SMMU_NH_VA | SMMU_NUM(n) | SMMU_SCALE(s),
				  SMMU_TG(tg) | SMMU_TTL(ttl),
				  range_answer(&features, n, s, tg, ttl)) &&
		     smmu_answers(env,
				  SMMU_NH_VAA | SMMU_NUM(n) | SMMU_SCALE(s),
				  SMMU_TG(tg) | SMMU_TTL(ttl),
				  range_answer(&features, n, s, tg, ttl));
	}
	return ok;
}

/* ---- What reaches the queue ---- */

static bool arrives(struct conf_env *env, uint64_t w0, uint64_t w1,
		    struct conf_command *as)
{
	struct conf_command sent[4];
	size_t count;

	env->record(env);
	if (!smmu_answers(env, w0, w1, 0))
		return false;
	count = env->commands(env, sent, 4);
	*as = sent[0];
	return conf_expect(
		env,
		count == 2 && (smmu_word(&sent[1], 0) & SMMU_OP) == SMMU_SYNC,
		"%#llx: %zu commands were sent", (unsigned long long)w0, count);
}

/* Whatever the guest takes for its VMID. */
static bool smmu_the_vmid_is_the_parents(struct conf_env *env)
{
	static const uint64_t ops[] = { SMMU_NSNH_ALL, SMMU_NH_ALL,
					SMMU_NH_ASID | SMMU_ASID(0x1234),
					SMMU_NH_VA | SMMU_ASID(0x1234),
					SMMU_NH_VAA };
	struct conf_command as;
	uint64_t vmid = 0;
	bool ok = true;
	size_t i;

	if (!env->commands)
		return conf_skip(env, "the queue is not seen");
	for (i = 0; ok && i < sizeof(ops) / sizeof(*ops); i++) {
		uint64_t op = ops[i], w1 = 0, want;

		if ((op & SMMU_OP) == SMMU_NH_VA)
			w1 = 0x123456789000 | SMMU_LEAF;
		if (op != SMMU_NSNH_ALL)
			op |= SMMU_VMID(0xabcd);
		ok = arrives(env, op, w1, &as);
		if (!ok)
			break;
		if (!vmid)
			vmid = smmu_word(&as, 0) & VMID_FIELD;
		want = op == SMMU_NSNH_ALL ? SMMU_NH_ALL : op;
		want = (want & ~VMID_FIELD) | vmid;
		ok = conf_expect(
			env,
			smmu_word(&as, 0) == want && smmu_word(&as, 1) == w1,
			"%#llx is sent as %#llx %#llx", (unsigned long long)op,
			(unsigned long long)smmu_word(&as, 0),
			(unsigned long long)smmu_word(&as, 1));
	}
	return ok && conf_expect(env, vmid && vmid != SMMU_VMID(0xabcd),
				 "VMID %#llx", (unsigned long long)vmid);
}

static bool smmu_the_stream_is_the_devices(struct conf_env *env)
{
	const uint64_t sid = SMMU_SID(env->vsid);
	struct conf_command cd, all;

	if (!env->commands)
		return conf_skip(env, "the queue is not seen");
	if (!arrives(env, SMMU_CFGI_CD | sid, SMMU_LEAF, &cd) ||
	    !arrives(env, SMMU_CFGI_CD_ALL | sid, 0, &all))
		return false;
	return conf_expect(env,
			   (smmu_word(&cd, 0) & ~SID_FIELD) == SMMU_CFGI_CD &&
				   smmu_word(&cd, 1) == SMMU_LEAF &&
				   (smmu_word(&all, 0) & ~SID_FIELD) ==
					   SMMU_CFGI_CD_ALL &&
				   smmu_word(&all, 1) == 0,
			   "other commands were sent") &&
	       conf_expect(env,
			   smmu_word(&cd, 0) >> 32 ==
					   smmu_word(&all, 0) >> 32 &&
				   smmu_word(&cd, 0) >> 32 != env->vsid,
			   "stream %#llx",
			   (unsigned long long)smmu_word(&cd, 0) >> 32);
}

const struct conf_case conf_smmu_command_cases[] = {
	CONF_CASE(smmu_other_fields_are_eio),
	CONF_CASE(smmu_other_opcodes_are_eio),
	CONF_CASE(smmu_atc_inv_needs_ats),
	CONF_CASE(smmu_a_stream_needs_a_vdevice),
	CONF_CASE(smmu_ranges_are_checked),
	CONF_CASE(smmu_the_vmid_is_the_parents),
	CONF_CASE(smmu_the_stream_is_the_devices),
	{ 0 },
};
