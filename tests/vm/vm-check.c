/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommunest-check on a real kernel: it finds that the machine nests, and what
 * is in the way where something is.  Made-up machines:
 * tests/replay/nest-check.sh.
 */
#include "real.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK "/tests/iommunest-check"
/* VM_DEVICE and VM_DEVICE_BEHIND_PORT of the machine. */
#define DEVICE "0000:00:02.0"
#define BEHIND_PORT "0000:01:00.0"
#define IOMMUFD "/dev/iommu"
#define AWAY "/dev/iommu-away"
#define NOBODY 65534

/* What it said, with a blank between words, whatever was there. */
static char output[65536];

static void squeeze(void)
{
	char *from, *to = output;

	for (from = output; *from; from++) {
		if (*from != ' ' && *from != '\n')
			*to++ = *from;
		else if (to > output && to[-1] != ' ')
			*to++ = ' ';
	}
	*to = '\0';
}

static void read_output(int fd)
{
	size_t length = 0;
	ssize_t ret;

	while ((ret = read(fd, output + length, sizeof(output) - 1 - length)) >
	       0)
		length += (size_t)ret;
	output[length] = '\0';
	squeeze();
}

/* Runs it as that user; returns its exit status. */
static int run_as(uid_t uid, char *const argv[])
{
	int fds[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		if (!setgid(uid) && !setuid(uid))
			execv(CHECK, argv);
		_exit(127);
	}
	ck_assert_int_gt(child, 0);
	close(fds[1]);
	read_output(fds[0]);
	close(fds[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "%.3000s", output);
	return WEXITSTATUS(status);
}

static void expect(int status, int wanted)
{
	ck_assert_msg(status == wanted, "exit status %d:\n%.3000s", status,
		      output);
}

static void expect_words(const char *words)
{
	ck_assert_msg(strstr(output, words), "no \"%s\" in:\n%.3000s", words,
		      output);
}

static char name[] = "iommunest-check", device[] = DEVICE,
	    behind_port[] = BEHIND_PORT, json[] = "--json";

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_msg(file, "%s", path);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

TEST(the_machine_nests)
{
	expect(run_as(0, (char *[]){ name, NULL }), 0);
	expect_words("ok CONFIG_IOMMUFD built in");
	expect_words("dmar0");
	expect_words("has nested HWPTs and their invalidation");
	expect_words("ok VFIO has 2 devices");
	expect_words("VT-d unit dmar0 at 0xfed90000, version 1:0");
	expect_words(" VFIO has: " DEVICE " " BEHIND_PORT " ");
	expect_words("This machine can nest.");
}

TEST(both_devices_nest)
{
	unsigned int i;

	/* Each time: it leaves nothing behind. */
	for (i = 0; i < 3; i++) {
		expect(run_as(0, (char *[]){ name, device, behind_port, NULL }),
		       0);
		expect_words("a nested HWPT on it");
		expect_words("Device " DEVICE ", behind dmar0");
		expect_words("Device " BEHIND_PORT ", behind dmar0");
		expect_words("nested translation (NEST) yes");
		expect_words("can nest, with the device as it is");
	}
}

TEST(json_has_the_hardware)
{
	expect(run_as(0, (char *[]){ name, json, device, NULL }), 0);
	expect_words("{\"can_nest\":true,");
	expect_words("\"hardware\":{\"type\":1,");
	expect_words("\"features\":[\"ioas\",");
}

TEST(who_may_not_open_iommufd_is_told)
{
	/* The machine's folder was made for one user. */
	ck_assert_int_eq(chmod("/", 0755), 0);
	ck_assert_int_eq(chmod(IOMMUFD, 0), 0);
	expect(run_as(NOBODY, (char *[]){ name, device, NULL }), 1);
	expect_words("may not be opened by this user");
	expect_words("node may not be opened");
	ck_assert_int_eq(chmod(IOMMUFD, 0600), 0);
}

TEST(without_iommufd_it_cannot)
{
	ck_assert_int_eq(rename(IOMMUFD, AWAY), 0);
	expect(run_as(0, (char *[]){ name, device, NULL }), 1);
	expect_words("cannot /dev/iommu there is none");
	ck_assert_int_eq(rename(AWAY, IOMMUFD), 0);
}

TEST(a_device_without_vfio_cannot)
{
	write_file("/sys/bus/pci/drivers/vfio-pci/unbind", BEHIND_PORT);
	expect(run_as(0, (char *[]){ name, behind_port, NULL }), 1);
	expect_words("no driver has the device");
	write_file("/sys/bus/pci/drivers_probe", BEHIND_PORT);
	expect(run_as(0, (char *[]){ name, behind_port, NULL }), 0);
}

/* Somebody nests with it: that is no reason against the machine. */
TEST(a_device_in_use_is_left_alone)
{
	struct real real = { .device = { -1, -1 } };

	ck_assert_int_eq(real_open(&real, 0, NULL), 0);
	expect(run_as(0, (char *[]){ name, device, NULL }), 0);
	expect_words("unknown " DEVICE);
	expect_words("is bound already");
	expect_words("1 thing is unknown");
	real_close(&real);
	expect(run_as(0, (char *[]){ name, device, NULL }), 0);
	expect_words("a nested HWPT on it");
}

TEST(a_device_that_is_not_there_cannot)
{
	char other[] = "0000:00:1c.7", bad[] = "00:1c";

	expect(run_as(0, (char *[]){ name, other, NULL }), 1);
	expect_words("no PCI device has this address");
	expect(run_as(0, (char *[]){ name, bad, NULL }), 2);
}
