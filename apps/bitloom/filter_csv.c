// SPDX-License-Identifier: MIT
#include "filter.h"
bl_status filter_csv(filter_job *job)
{
    return bl_diag_set(job->diag, BL_ERR_UNSUPPORTED, job->path, 0, 0, "not yet");
}
