// SPDX-License-Identifier: MIT
// SHA-256 by OpenSSL's libcrypto; the only file that knows it.

#include <bitloom/base.h>

#include <openssl/sha.h>

void bl_sha256(uint8_t digest[BL_SHA256_BYTES], const void *data, size_t bytes)
{
    SHA256(data, bytes, digest);
}
