/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include <config.h>

#include "boot.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A pair of named pipes, because the kernel may have no sockets. */
#define QMP "/tmp/qmp"
#define LINE 512u
#define ARGS_MAX 48u
#define SECONDS 1200

/*
 * Instructions without a word from the guest, after which it hangs.  To boot
 * takes 730 million, and all that it does for one word less than ten.  Where it
 * polls a register they are slow: this may be minutes.
 */
#define PATIENCE_BOOT UINT64_C(3000000000)
#define PATIENCE UINT64_C(30000000)

struct boot {
	pid_t pid;
	struct stream *stream;
	FILE *to;
	int from;
	FILE *qmp_to;
	FILE *qmp_from;
	/* A line that is not complete. */
	char line[LINE];
	size_t used;
	/*
	 * The guest's instructions when it was first found to say nothing; 0:
	 * it has said something since.
	 */
	uint64_t silent;
	uint64_t patience;
};

static const char *const first_args[] = {
	"/tests/qemu-system-x86_64",
	"-L",
	"/tests",
	"-nodefaults",
	"-display",
	"none",
	"-no-reboot",
	"-machine",
	"q35,kernel-irqchip=off",
	"-accel",
	"tcg",
	"-icount",
	"shift=2,sleep=off",
	"-cpu",
	"Nehalem",
	"-m",
	"128",
	"-initrd",
	"/tests/linux-guest.initramfs",
	"-append",
	"console=ttyS0 quiet panic=-1 oops=panic mitigations=off nowatchdog "
	"lockdep.prove_locking=0 no_timer_check intel_iommu=on,sm_on",
	"-object",
	"iommufd,id=iommufd0",
	"-device",
	"intel-iommu,x-scalable-mode=on,x-flts=on,caching-mode=on,"
	"intremap=on,fs1gp=off,x-nest=on,x-nest-check=off",
	"-serial",
	"stdio",
	"-chardev",
	"pipe,id=qmp,path=" QMP,
	"-mon",
	"chardev=qmp,mode=control",
	"-D",
	TRACE_MARKER,
	"-trace",
	"vtd_nest_*",
};

/* ---- QEMU ---- */

/* In the child, where there is nobody to return to. */
static void become_qemu(const char *kernel, const char *host)
{
	const char *args[ARGS_MAX];
	int said = open(BOOT_SAID, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char device[64];
	size_t i;

	snprintf(device, sizeof(device),
		 "vfio-pci,host=%s,iommufd=iommufd0,addr=4.0", host);
	for (i = 0; i < ARRAY_LEN(first_args); i++)
		args[i] = first_args[i];
	args[i++] = "-device";
	args[i++] = device;
	args[i++] = "-kernel";
	args[i++] = kernel;
	args[i] = NULL;
	dup2(said, 2);
	/* Where the test ends, it does. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* execv() does not write to them. */
	execv(args[0], (char *const *)(uintptr_t)args);
	_exit(127);
}

static void make_pipe(const char *name)
{
	unlink(name);
	ck_assert_int_eq(mkfifo(name, 0600), 0);
}

static struct boot *start(const char *kernel, const char *host)
{
	struct boot *boot = calloc(1, sizeof(*boot));
	int to[2], from[2];

	ck_assert_ptr_nonnull(boot);
	make_pipe(QMP ".in");
	make_pipe(QMP ".out");
	ck_assert_int_eq(pipe2(to, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(from, O_CLOEXEC), 0);
	boot->pid = fork();
	if (!boot->pid) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		become_qemu(kernel, host);
	}
	ck_assert_int_gt(boot->pid, 0);
	close(to[0]);
	close(from[1]);
	boot->to = fdopen(to[1], "w");
	boot->from = from[0];
	return boot;
}

static void show_said(void)
{
	char line[LINE];
	FILE *file = fopen(BOOT_SAID, "r");

	while (file && fgets(line, sizeof(line), file))
		printf("# QEMU: %s", line);
	if (file)
		fclose(file);
}

static __attribute__((noreturn)) void give_up(struct boot *boot,
					      const char *what)
{
	kill(boot->pid, SIGKILL);
	show_said();
	ck_abort_msg("the guest: %s", what);
	abort();
}

static int finish(struct boot *boot)
{
	int status;

	fclose(boot->to);
	close(boot->from);
	if (boot->qmp_to) {
		fclose(boot->qmp_to);
		fclose(boot->qmp_from);
	}
	waitpid(boot->pid, &status, 0);
	free(boot);
	return status;
}

/* ---- QMP ---- */

/* The answer to a command, and not its greeting or an event. */
static void qmp(struct boot *boot, const char *command, char *answer)
{
	fprintf(boot->qmp_to, "%s\n", command);
	fflush(boot->qmp_to);
	do {
		if (!fgets(answer, LINE, boot->qmp_from) ||
		    strstr(answer, "\"error\""))
			give_up(boot, "QMP");
	} while (!strstr(answer, "\"return\""));
}

static void open_qmp(struct boot *boot)
{
	char answer[LINE];

	boot->qmp_to = fopen(QMP ".in", "w");
	boot->qmp_from = fopen(QMP ".out", "r");
	ck_assert(boot->qmp_to && boot->qmp_from);
	qmp(boot, "{ 'execute': 'qmp_capabilities' }", answer);
}

static uint64_t instructions(struct boot *boot)
{
	char answer[LINE], *at;

	qmp(boot, "{ 'execute': 'query-replay' }", answer);
	at = strstr(answer, "\"icount\": ");
	ck_assert_ptr_nonnull(at);
	return strtoull(at + strlen("\"icount\": "), NULL, 10);
}

/* ---- Time ---- */

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static time_t started;

static __attribute__((constructor)) void note_start(void)
{
	started = seconds();
}

bool boot_is_late(void)
{
	const char *given = getenv("IOMMUNEST_SECONDS");

	return seconds() - started > (given ? atol(given) : SECONDS);
}

/* ---- What the guest says ---- */

/* QEMU's log has to be read, too, before it is more than the buffer holds. */
static bool read_more(struct boot *boot)
{
	struct pollfd poll_from = { .fd = boot->from, .events = POLLIN };
	ssize_t len = 0;

	poll(&poll_from, 1, 500);
	stream_read(boot->stream);
	if (poll_from.revents)
		len = read(boot->from, boot->line + boot->used,
			   LINE - 1 - boot->used);
	if (poll_from.revents && len <= 0)
		give_up(boot, "QEMU ended");
	boot->used += (size_t)len;
	boot->line[boot->used] = '\0';
	return len > 0;
}

/* Takes a line out of what is there. */
static bool take_line(struct boot *boot, char *line)
{
	char *end = strchr(boot->line, '\n');
	size_t len;

	if (!end && boot->used < LINE - 1)
		return false;
	len = end ? (size_t)(end - boot->line) : boot->used;
	memcpy(line, boot->line, len);
	line[len] = '\0';
	line[strcspn(line, "\r")] = '\0';
	if (end)
		len++;
	memmove(boot->line, boot->line + len, boot->used - len + 1);
	boot->used -= len;
	return true;
}

static bool is_trouble(const char *line)
{
	static const char *const words[] = {
		"WARNING:",  "BUG:",	    "Oops",   "Kernel panic",
		"rcu: INFO", "soft lockup", "LOCKUP", "blocked for more than",
		"@@ failed",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (strstr(line, words[i]))
			return true;
	}
	return false;
}

/* What the guest sees of its VT-d. */
static void show_registers(struct boot *boot)
{
	static const struct {
		const char *name;
		unsigned int at;
	} registers[] = {
		{ "FSTS", 0x34 },
		{ "IQH", 0x80 },
		{ "IQT", 0x88 },
	};
	char command[LINE], answer[LINE];
	size_t i;

	for (i = 0; i < ARRAY_LEN(registers); i++) {
		snprintf(command, sizeof(command),
			 "{ 'execute': 'human-monitor-command', 'arguments': "
			 "{ 'command-line': 'xp /1xw %#x' } }",
			 0xfed90000 + registers[i].at);
		qmp(boot, command, answer);
		printf("# %s: %s", registers[i].name, answer);
	}
}

/* It stops the machine where the host leaves it no other way. */
static void check_runs(struct boot *boot)
{
	char answer[LINE];

	qmp(boot, "{ 'execute': 'query-status' }", answer);
	if (!strstr(answer, "\"running\": true"))
		give_up(boot, answer);
}

static void check_patience(struct boot *boot)
{
	uint64_t now = instructions(boot);

	if (!boot->silent)
		boot->silent = now;
	if (now - boot->silent <= boot->patience)
		return;
	show_registers(boot);
	give_up(boot, "it hangs");
}

/* The next line for us; false: too slow. */
static bool next_line(struct boot *boot, char *line)
{
	for (;;) {
		if (take_line(boot, line)) {
			if (strncmp(line, "@@ ", 3) && line[0])
				printf("# guest: %s\n", line);
			if (is_trouble(line))
				give_up(boot, line);
			if (!strncmp(line, "@@ ", 3))
				return true;
			continue;
		}
		if (boot_is_late())
			return false;
		if (read_more(boot)) {
			boot->silent = 0;
		} else {
			check_runs(boot);
			check_patience(boot);
		}
	}
}

static bool heard(struct boot *boot, char *line)
{
	if (!next_line(boot, line)) {
		kill(boot->pid, SIGKILL);
		finish(boot);
		return false;
	}
	return true;
}

/* ---- The whole of it ---- */

struct boot *boot_start(const char *kernel, const char *host,
			struct stream *stream)
{
	struct boot *boot = start(kernel, host);
	time_t before = seconds();
	char line[LINE];

	boot->stream = stream;
	boot->patience = PATIENCE_BOOT;
	open_qmp(boot);
	if (!heard(boot, line))
		return NULL;
	if (strcmp(line, "@@ ready"))
		give_up(boot, line);
	boot->patience = PATIENCE;
	stream_read(stream);
	printf("# booted, %" PRIu64 " million instructions, %ld s\n",
	       instructions(boot) / 1000000, (long)(seconds() - before));
	fflush(stdout);
	return boot;
}

static void take_flush(struct boot_round *round, const char *line)
{
	uint64_t qw0, qw1;

	ck_assert_uint_lt(round->flush_count, BOOT_FLUSHES);
	ck_assert_int_eq(
		sscanf(line, "@@ flush %" SCNx64 " %" SCNx64, &qw0, &qw1), 2);
	ck_assert(stream_decode(qw0, qw1, &round->flushes[round->flush_count]));
	round->flush_count++;
}

bool boot_round(struct boot *boot, uint64_t seed, unsigned int count,
		struct boot_round *round)
{
	char line[LINE];

	round->flush_count = 0;
	fprintf(boot->to, "round %" PRIu64 " %u\n", seed, count);
	fflush(boot->to);
	for (;;) {
		if (!heard(boot, line))
			return false;
		if (sscanf(line, "@@ done %u %u", &round->unmaps,
			   &round->failed) == 2)
			break;
		if (strcmp(line, "@@ unmapped"))
			take_flush(round, line);
	}
	stream_read(boot->stream);
	return true;
}

bool boot_reset(struct boot *boot)
{
	char line[LINE];

	fputs("reset\n", boot->to);
	fflush(boot->to);
	if (!heard(boot, line))
		return false;
	if (strcmp(line, "@@ reset"))
		give_up(boot, line);
	stream_read(boot->stream);
	return true;
}

void boot_end(struct boot *boot)
{
	char line[LINE];
	int status;

	printf("# %" PRIu64 " million instructions\n",
	       instructions(boot) / 1000000);
	fputs("end\n", boot->to);
	fflush(boot->to);
	if (!heard(boot, line))
		return;
	status = finish(boot);
	if (status) {
		show_said();
		ck_abort_msg("QEMU's exit status is %d", status);
	}
}
