/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a guest is told of a device's access that failed. */
#ifndef IOMMUNEST_SIM_SMMU_EVENT_H
#define IOMMUNEST_SIM_SMMU_EVENT_H

#include "walk.h"

/*
 * The access got no translation, for its reason.  With @ats, the device asked
 * for one beforehand, and got the answer that there is none.
 */
void iommunest__sim_smmu_report(const struct sim_access *access,
				const struct sim_file *iommufd,
				const struct sim_device *dev, bool ats);

#endif /* IOMMUNEST_SIM_SMMU_EVENT_H */
