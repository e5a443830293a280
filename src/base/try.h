// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BASE_TRY_H
#define BITLOOM_BASE_TRY_H

// Returns from the function with the status of `call` unless that is BL_OK.
#define TRY(call)                                                                                  \
    do {                                                                                           \
        bl_status try_status_ = (call);                                                            \
        if (try_status_ != BL_OK)                                                                  \
            return try_status_;                                                                    \
    } while (0)

#endif
