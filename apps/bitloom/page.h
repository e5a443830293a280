// SPDX-License-Identifier: MIT
#ifndef BITLOOM_APPS_PAGE_H
#define BITLOOM_APPS_PAGE_H

#include <stddef.h>

// The bundled web page, made a C array by tools/embed.py; 0 bytes in a build without it.
extern const unsigned char bl_page[];
extern const size_t bl_page_bytes;
// The owner's page of an account.
extern const unsigned char bl_account_page[];
extern const size_t bl_account_page_bytes;

#endif
