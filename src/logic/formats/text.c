// SPDX-License-Identifier: MIT

#include "logic/formats/text.h"

bl_status text_number(uint32_t *value, text *t, const char *what)
{
    if (!text_is_at_digit(t))
        return TEXT_FAIL(t, BL_ERR_FORMAT, "expected %s, a number", what);
    uint64_t v = 0;
    while (text_is_at_digit(t)) {
        v = v * 10 + (uint64_t)(t->data[t->at] - '0');
        if (v > UINT32_MAX)
            return TEXT_FAIL(t, BL_ERR_LIMIT, "%s is above %u", what, UINT32_MAX);
        t->at++;
    }
    *value = (uint32_t)v;
    return BL_OK;
}

bl_status text_end_line(text *t, const char *what)
{
    text_take(t, '\r');
    if (text_take(t, '\n'))
        return BL_OK;
    return TEXT_FAIL(t, BL_ERR_FORMAT,
                     t->at >= t->bytes ? "the file ends within %s"
                                       : "expected the end of the line after %s",
                     what);
}
