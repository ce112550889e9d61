/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <endian.h>
#include <string.h>

#include "tests/queue/linux-model.h"

#define SHIFT 5u
#define ADDR UINT64_C(0xfffffffffffff000)

#define IQE IOMMUNEST_VTD_FSTS_IQE
#define ICE IOMMUNEST_VTD_FSTS_ICE
#define ITE IOMMUNEST_VTD_FSTS_ITE

static bool is_stopped(const struct linux_model *model)
{
	return model->dead || model->fsts & (IQE | ITE);
}

static struct guest_desc fetch(const struct linux_model *model)
{
	struct guest_desc desc;
	size_t i;

	memcpy(desc.words,
	       model->memory + MODEL_RING + ((size_t)model->head << SHIFT),
	       sizeof(desc.words));
	for (i = 0; i < 4; i++)
		desc.words[i] = le64toh(desc.words[i]);
	return desc;
}

static void advance(struct linux_model *model)
{
	model->head = (model->head + 1) % MODEL_SLOTS;
}

static void refuse(struct linux_model *model)
{
	model->fsts |= IQE;
	model->iqercd = IOMMUNEST_VTD_IQEI_TYPE;
}

/* ---- Waits ---- */

static void abort_wait(struct linux_model *model)
{
	model->aborts = false;
	model->fsts |= ITE;
	model->iqercd = (uint64_t)model->rule.sid << 32;
	if (!model->head_at_aborted_wait)
		advance(model);
}

static void do_wait(struct linux_model *model, const struct guest_desc *desc)
{
	bool tells = desc->words[0] & 0x30;
	uint32_t data = htole32((uint32_t)(desc->words[0] >> 32));

	if (model->aborts && tells) {
		abort_wait(model);
		return;
	}
	if (desc->words[0] & 0x20)
		memcpy(model->memory + desc->words[1], &data, sizeof(data));
	advance(model);
}

/* ---- Flushes ---- */

static enum model_fault fault_of(struct linux_model *model,
				 const struct guest_desc *desc)
{
	struct model_rule *rule = &model->rule;
	enum model_fault fault = rule->fault;

	if (!fault || (desc->words[1] & ADDR) != rule->addr)
		return MODEL_NONE;
	if (rule->times && --rule->times == 0)
		rule->fault = MODEL_NONE;
	return fault;
}

static void flush(struct linux_model *model, const struct guest_desc *desc)
{
	enum model_fault fault = fault_of(model, desc);

	if (fault == MODEL_REFUSED) {
		refuse(model);
		return;
	}
	if (fault == MODEL_ANSWERS_WRONGLY)
		model->fsts |= ICE;
	if (fault == MODEL_TIMES_OUT)
		model->aborts = true;
	else
		linux_executed_slot(&model->guest, model->head, UINT32_MAX);
	advance(model);
}

static void execute(struct linux_model *model)
{
	const struct guest_desc desc = fetch(model);
	unsigned int type = (desc.words[0] & 0xf) | (desc.words[0] >> 5 & 0x70);

	if (type == IOMMUNEST_VTD_DESC_WAIT)
		do_wait(model, &desc);
	else if (type == 0 || type > IOMMUNEST_VTD_DESC_PAGE_RESPONSE)
		refuse(model);
	else
		flush(model, &desc);
}

/* ---- The registers ---- */

static void run(struct linux_model *model, unsigned int steps)
{
	while (steps-- && model->head != model->tail && !is_stopped(model))
		execute(model);
}

static uint64_t read_reg(void *data, enum linux_reg reg)
{
	const struct linux_model *model = data;

	switch (reg) {
	case LINUX_IQH:
		return (uint64_t)model->head << SHIFT;
	case LINUX_IQT:
		return (uint64_t)model->tail << SHIFT;
	case LINUX_FSTS:
		return model->fsts;
	default:
		return model->iqercd;
	}
}

static void write_reg(void *data, enum linux_reg reg, uint64_t value)
{
	struct linux_model *model = data;

	if (reg == LINUX_IQT)
		model->tail = (uint32_t)(value >> SHIFT);
	if (reg == LINUX_FSTS)
		model->fsts &= ~(uint32_t)value;
	if (model->at_once || (reg == LINUX_FSTS && model->runs_on_clear))
		run(model, UINT32_MAX);
}

static void work(void *data)
{
	run(data, 1);
}

static bool is_halted(void *data)
{
	const struct linux_model *model = data;

	return model->tells_that_it_is;
}

void model_init(struct linux_model *model, const struct linux_setup *setup)
{
	struct linux_setup own = *setup;

	own.hw = (struct linux_hw){
		.read_reg = read_reg,
		.write_reg = write_reg,
		.work = work,
		.is_halted = is_halted,
		.data = model,
	};
	own.memory = model->memory;
	own.ring = MODEL_RING;
	own.status = MODEL_STATUS;
	own.slots = MODEL_SLOTS;
	linux_init(&model->guest, &own);
}
