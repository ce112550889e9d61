/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#include "qtest.h"

#include "tests/harness/support.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 64u
/* A pair of named pipes, because the kernel may have no sockets. */
#define QMP "/tmp/qmp"

struct qtest {
	pid_t pid;
	FILE *to;
	FILE *from;
	FILE *qmp_to;
	FILE *qmp_from;
};

static const char *const first_args[] = {
	"-L",
	"/tests",
	"-nodefaults",
	"-display",
	"none",
	"-machine",
	"q35,accel=qtest,kernel-irqchip=off",
	"-m",
	"64",
	"-qtest",
	"stdio",
	"-qtest-log",
	"none",
	"-D",
	QTEST_LOG,
	"-chardev",
	"pipe,id=qmp,path=" QMP,
	"-mon",
	"chardev=qmp,mode=control",
};

/* In the child, where there is nobody to return to. */
static void become_qemu(const char *qemu, const char *const *argv)
{
	const char *args[ARGS_MAX] = { qemu };
	size_t count = 1, i;
	int said = open(QTEST_SAID, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (i = 0; i < ARRAY_LEN(first_args); i++)
		args[count++] = first_args[i];
	for (i = 0; argv[i] && count < ARGS_MAX - 1; i++)
		args[count++] = argv[i];
	dup2(said, 2);
	/* execv() does not write to them. */
	execv(args[0], (char *const *)(uintptr_t)args);
	_exit(127);
}

static void make_pipe(const char *name)
{
	unlink(name);
	ck_assert_int_eq(mkfifo(name, 0600), 0);
}

static struct qtest *start(const char *qemu, const char *const *argv)
{
	struct qtest *qtest = calloc(1, sizeof(*qtest));
	int to[2], from[2];

	ck_assert_ptr_nonnull(qtest);
	unlink(QTEST_LOG);
	make_pipe(QMP ".in");
	make_pipe(QMP ".out");
	ck_assert_int_eq(pipe2(to, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(from, O_CLOEXEC), 0);
	qtest->pid = fork();
	if (!qtest->pid) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		become_qemu(qemu, argv);
	}
	ck_assert_int_gt(qtest->pid, 0);
	close(to[0]);
	close(from[1]);
	qtest->to = fdopen(to[1], "w");
	qtest->from = fdopen(from[0], "r");
	return qtest;
}

/* What QEMU says, for the log of a test that fails. */
static void show(const char *name)
{
	char line[512];
	FILE *file = fopen(name, "r");

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		printf("# %s", line);
	fclose(file);
}

static int finish(struct qtest *qtest)
{
	int status;

	fclose(qtest->to);
	fclose(qtest->from);
	if (qtest->qmp_to) {
		fclose(qtest->qmp_to);
		fclose(qtest->qmp_from);
	}
	waitpid(qtest->pid, &status, 0);
	free(qtest);
	return status;
}

static void give_up(const char *what)
{
	show(QTEST_SAID);
	show(QTEST_LOG);
	ck_abort_msg("QEMU: %s", what);
}

/* The answer to the last command, without its "OK". */
static void answer(struct qtest *qtest, char *line, int size)
{
	fflush(qtest->to);
	do {
		if (!fgets(line, size, qtest->from))
			give_up("it ended");
	} while (!strncmp(line, "IRQ ", 4));
	if (strncmp(line, "OK", 2))
		give_up(line);
}

struct qtest *qtest_start(const char *const *argv)
{
	return qtest_start_other(QTEST_OURS, argv);
}

struct qtest *qtest_start_other(const char *qemu, const char *const *argv)
{
	struct qtest *qtest = start(qemu, argv);

	/* Until the machine is there. */
	qtest_read(qtest, 4, 0);
	qtest->qmp_to = fopen(QMP ".in", "w");
	qtest->qmp_from = fopen(QMP ".out", "r");
	ck_assert(qtest->qmp_to && qtest->qmp_from);
	qtest_qmp(qtest, "{ 'execute': 'qmp_capabilities' }", "");
	return qtest;
}

/* Its greeting and events are not answers. */
bool qtest_qmp(struct qtest *qtest, const char *command, const char *text)
{
	char line[4096];

	fprintf(qtest->qmp_to, "%s\n", command);
	fflush(qtest->qmp_to);
	do {
		if (!fgets(line, sizeof(line), qtest->qmp_from) ||
		    strstr(line, "\"error\""))
			give_up(line);
	} while (!strstr(line, "\"return\""));
	return strstr(line, text);
}

void qtest_end(struct qtest *qtest)
{
	/* Without a guest it runs for ever, and "stdio" has no way to end it.
	 */
	kill(qtest->pid, SIGTERM);
	if (finish(qtest))
		give_up("its exit status");
}

void qtest_refuses(const char *const *argv, const char *text)
{
	char line[1024] = "";
	struct qtest *qtest = start(QTEST_OURS, argv);
	bool found = false;
	FILE *said;

	if (fgets(line, sizeof(line), qtest->from))
		give_up("it starts");
	ck_assert_int_ne(finish(qtest), 0);
	said = fopen(QTEST_SAID, "r");
	ck_assert_ptr_nonnull(said);
	while (fgets(line, sizeof(line), said))
		found |= strstr(line, text) != NULL;
	fclose(said);
	if (!found)
		give_up(text);
}

uint64_t qtest_read(struct qtest *qtest, unsigned int size, uint64_t addr)
{
	char line[64];

	fprintf(qtest->to, "read%c %#" PRIx64 "\n", size == 8 ? 'q' : 'l',
		addr);
	answer(qtest, line, sizeof(line));
	return strtoull(line + 2, NULL, 0);
}

void qtest_write(struct qtest *qtest, unsigned int size, uint64_t addr,
		 uint64_t value)
{
	char line[64];

	fprintf(qtest->to, "write%c %#" PRIx64 " %#" PRIx64 "\n",
		size == 8 ? 'q' : 'l', addr, value);
	answer(qtest, line, sizeof(line));
}

void qtest_out(struct qtest *qtest, uint16_t port, uint32_t value)
{
	char line[64];

	fprintf(qtest->to, "outl %#x %#x\n", port, value);
	answer(qtest, line, sizeof(line));
}

void qtest_write_memory(struct qtest *qtest, uint64_t addr, const void *data,
			size_t len)
{
	const unsigned char *bytes = data;
	char line[64];
	size_t i;

	fprintf(qtest->to, "write %#" PRIx64 " %#zx 0x", addr, len);
	for (i = 0; i < len; i++)
		fprintf(qtest->to, "%02x", bytes[i]);
	fputc('\n', qtest->to);
	answer(qtest, line, sizeof(line));
}

void qtest_wait(struct qtest *qtest, const char *text, unsigned int count)
{
	unsigned int tries;

	for (tries = 0; tries < 10000; tries++) {
		if (qtest_count(text) >= count)
			return;
		qtest_read(qtest, 4, 0);
	}
	give_up(text);
}

/* Q35's reset control register; the main loop then does it. */
void qtest_reset(struct qtest *qtest)
{
	/* One came with the start. */
	unsigned int before = qtest_count("vtd_reset_exit");
	char line[64];

	fputs("outb 0xcf9 0x6\n", qtest->to);
	answer(qtest, line, sizeof(line));
	qtest_wait(qtest, "vtd_reset_exit", before + 1);
}

void qtest_read_memory(struct qtest *qtest, uint64_t addr, void *data,
		       size_t len)
{
	unsigned char *bytes = data;
	char line[256];
	size_t i;

	ck_assert_uint_le(len, 64);
	fprintf(qtest->to, "read %#" PRIx64 " %#zx\n", addr, len);
	answer(qtest, line, sizeof(line));
	for (i = 0; i < len; i++)
		ck_assert_int_eq(sscanf(line + 5 + 2 * i, "%2hhx", &bytes[i]),
				 1);
}

void qtest_step(struct qtest *qtest, uint64_t nanoseconds)
{
	char line[64];

	fprintf(qtest->to, "clock_step %" PRIu64 "\n", nanoseconds);
	answer(qtest, line, sizeof(line));
}

pid_t qtest_pid(const struct qtest *qtest)
{
	return qtest->pid;
}

static unsigned int count_in(const char *name, const char *text)
{
	char line[1024];
	unsigned int count = 0;
	FILE *log = fopen(name, "r");

	ck_assert_ptr_nonnull(log);
	while (fgets(line, sizeof(line), log))
		count += strstr(line, text) != NULL;
	fclose(log);
	return count;
}

unsigned int qtest_count(const char *text)
{
	return count_in(QTEST_LOG, text);
}

unsigned int qtest_said(const char *text)
{
	return count_in(QTEST_SAID, text);
}
