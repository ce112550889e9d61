/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * One thread at a time is in a simulator.  What a user is told of comes out of
 * it, and may ask it something: the lock lets the same thread in again.
 */
#include "lock.h"

static int init_mutex(struct iommunest_sim *sim)
{
	pthread_mutexattr_t attr;
	int ret = pthread_mutexattr_init(&attr);

	if (ret)
		return ret;
	ret = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	if (!ret)
		ret = pthread_mutex_init(&sim->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return ret;
}

static int init_cond(struct iommunest_sim *sim)
{
	pthread_condattr_t attr;
	int ret = pthread_condattr_init(&attr);

	if (ret)
		return ret;
	ret = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!ret)
		ret = pthread_cond_init(&sim->readable, &attr);
	pthread_condattr_destroy(&attr);
	return ret;
}

int iommunest__sim_lock_init(struct iommunest_sim *sim)
{
	int ret = init_mutex(sim);

	if (ret)
		return -ret;
	ret = init_cond(sim);
	if (ret)
		pthread_mutex_destroy(&sim->mutex);
	return -ret;
}

void iommunest__sim_lock_destroy(struct iommunest_sim *sim)
{
	pthread_cond_destroy(&sim->readable);
	pthread_mutex_destroy(&sim->mutex);
}

bool iommunest__sim_wait(struct iommunest_sim *sim,
			 const struct timespec *until)
{
	if (!until)
		return !pthread_cond_wait(&sim->readable, &sim->mutex);
	return !pthread_cond_timedwait(&sim->readable, &sim->mutex, until);
}

void iommunest__sim_wake(struct iommunest_sim *sim)
{
	pthread_cond_broadcast(&sim->readable);
}

struct iommunest_sim *iommunest__sim_lock(const struct iommunest_sim *sim)
{
	struct iommunest_sim *locked = (struct iommunest_sim *)(uintptr_t)sim;

	if (locked)
		pthread_mutex_lock(&locked->mutex);
	return locked;
}

void iommunest__sim_unlock(struct iommunest_sim **sim)
{
	if (*sim)
		pthread_mutex_unlock(&(*sim)->mutex);
}
