/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A QEMU without a CPU, driven by its qtest protocol: the test reads and writes
 * guest memory and registers, as a guest would.
 */
#ifndef QTEST_H
#define QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* QEMU's own log, with its trace events; and what it prints. */
#define QTEST_LOG "/tmp/qemu-log"
#define QTEST_SAID "/tmp/qemu-said"

struct qtest;

/* The QEMU of integrations/qemu, and another one to compare it with. */
#define QTEST_OURS "/tests/qemu-system-x86_64"
#define QTEST_PEER "/tests/peer/qemu"

/*
 * Starts QEMU with the qtest machine and the arguments @argv, whose last entry
 * is NULL.  Anything that fails ends the test.
 */
struct qtest *qtest_start(const char *const *argv);
struct qtest *qtest_start_other(const char *qemu, const char *const *argv);
/* Ends QEMU, whose exit status has to be 0. */
void qtest_end(struct qtest *qtest);
/* QEMU has to refuse to start, and to say @text. */
void qtest_refuses(const char *const *argv, const char *text);

/* @size is 4 or 8 bytes. */
uint64_t qtest_read(struct qtest *qtest, unsigned int size, uint64_t addr);
void qtest_write(struct qtest *qtest, unsigned int size, uint64_t addr,
		 uint64_t value);
/* 32 bits. */
void qtest_out(struct qtest *qtest, uint16_t port, uint32_t value);
void qtest_write_memory(struct qtest *qtest, uint64_t addr, const void *data,
			size_t len);

void qtest_read_memory(struct qtest *qtest, uint64_t addr, void *data,
		       size_t len);
/* The guest's clock goes on by this. */
void qtest_step(struct qtest *qtest, uint64_t nanoseconds);
/*
 * Sends a QMP command, and waits for its answer, which is no error; true: it
 * contains @text.
 */
bool qtest_qmp(struct qtest *qtest, const char *command, const char *text);
/* Resets the machine.  Takes the trace event vtd_reset_exit. */
void qtest_reset(struct qtest *qtest);

pid_t qtest_pid(const struct qtest *qtest);

/* How many lines of what it printed contain @text; since the start. */
unsigned int qtest_said(const char *text);
/* How many lines of QEMU's log contain @text; since the start. */
unsigned int qtest_count(const char *text);
/* Until there are @count of them. */
void qtest_wait(struct qtest *qtest, const char *text, unsigned int count);

#endif /* QTEST_H */
