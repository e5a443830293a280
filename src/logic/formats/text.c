// SPDX-License-Identifier: MIT

#include "logic/formats/text.h"

#include <string.h>

bool slice_is(slice s, const char *other)
{
    return strlen(other) == s.n && memcmp(s.at, other, s.n) == 0;
}
