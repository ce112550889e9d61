/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * By ptrace(2), in a process that does nothing else. Where it ends, the other
 * one goes on by itself. For x86-64, as the machine is.
 */
#include <config.h>

#include "refuse.h"

#include "tests/harness/support.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

struct refuse {
	struct refuse_rule rule;
	pid_t pid;
	pid_t tracer;
	/* Shared with it. */
	unsigned int *refused;
	/* The tracer's: within a system call that it takes out. */
	bool refusing;
};

static bool is_refused(const struct refuse *refuse,
		       const struct user_regs_struct *regs)
{
	const struct refuse_rule *rule = &refuse->rule;

	return regs->orig_rax == SYS_ioctl && *refuse->refused < rule->times &&
	       (regs->rsi == rule->requests[0] ||
		regs->rsi == rule->requests[1]);
}

/* At its beginning no system call takes its place; at its end, an error. */
static void meddle(struct refuse *refuse, bool entering)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, refuse->pid, NULL, &regs))
		return;
	if (entering && is_refused(refuse, &regs)) {
		regs.orig_rax = (unsigned long long)-1;
		refuse->refusing = true;
	} else if (!entering && refuse->refusing) {
		regs.rax = (unsigned long long)-refuse->rule.error;
		refuse->refusing = false;
		++*refuse->refused;
	} else {
		return;
	}
	ptrace(PTRACE_SETREGS, refuse->pid, NULL, &regs);
}

/* A signal that is the process's own is passed on. */
static uintptr_t signal_of(int status)
{
	return status >> 16 || WSTOPSIG(status) == SYSCALL_STOP
		       ? 0
		       : (uintptr_t)WSTOPSIG(status);
}

static void trace(struct refuse *refuse, int ready)
{
	bool entering = true;
	int status;

	if (ptrace(PTRACE_SEIZE, refuse->pid, NULL, PTRACE_O_TRACESYSGOOD) ||
	    ptrace(PTRACE_INTERRUPT, refuse->pid, NULL, NULL) ||
	    waitpid(refuse->pid, &status, __WALL) < 0 ||
	    ptrace(PTRACE_SYSCALL, refuse->pid, NULL, NULL) ||
	    write(ready, "", 1) != 1)
		return;
	while (waitpid(refuse->pid, &status, __WALL) > 0 &&
	       WIFSTOPPED(status)) {
		if (WSTOPSIG(status) == SYSCALL_STOP) {
			meddle(refuse, entering);
			entering = !entering;
		}
		ptrace(PTRACE_SYSCALL, refuse->pid, NULL, signal_of(status));
	}
}

struct refuse *refuse_start(pid_t pid, const struct refuse_rule *rule)
{
	struct refuse *refuse = calloc(1, sizeof(*refuse));
	int ready[2];
	char byte;

	ck_assert_ptr_nonnull(refuse);
	refuse->rule = *rule;
	refuse->pid = pid;
	refuse->refused =
		mmap(NULL, sizeof(*refuse->refused), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(refuse->refused != MAP_FAILED);
	ck_assert_int_eq(pipe(ready), 0);
	refuse->tracer = fork();
	if (!refuse->tracer) {
		close(ready[0]);
		trace(refuse, ready[1]);
		_exit(0);
	}
	ck_assert_int_gt(refuse->tracer, 0);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return refuse;
}

unsigned int refuse_end(struct refuse *refuse)
{
	unsigned int refused;

	kill(refuse->tracer, SIGKILL);
	waitpid(refuse->tracer, NULL, 0);
	refused = *refuse->refused;
	munmap(refuse->refused, sizeof(*refuse->refused));
	free(refuse);
	return refused;
}
