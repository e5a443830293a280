// SPDX-License-Identifier: MIT
// Reads .safetensors (https://github.com/huggingface/safetensors, "Format"). JSON by jansson.

#include "safetensors.h"

#include <stdio.h>
#include <string.h>

enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 100 << 20 };

bl_status safetensors_open(safetensors *file, const uint8_t *data, size_t bytes, const char *name,
                           bl_diag *diag)
{
    uint64_t header_bytes = 0;
    if (bytes < LENGTH_BYTES)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, bytes,
                                  "not safetensors: shorter than its length field");
    memcpy(&header_bytes, data, sizeof header_bytes);
    if (header_bytes > bytes - LENGTH_BYTES || header_bytes > MAX_HEADER_BYTES)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, 0,
                                  "not safetensors, or truncated: a header of %llu bytes in a file "
                                  "of %zu",
                                  (unsigned long long)header_bytes, bytes);
    json_error_t error;
    json_t *header = json_loadb((const char *)data + LENGTH_BYTES, (size_t)header_bytes,
                                JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(header)) {
        json_decref(header);
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, name,
                                  LENGTH_BYTES
                                      + (uint64_t)(error.position > 0 ? error.position : 0),
                                  "the header is no JSON object: %s", error.text);
    }
    *file = (safetensors){.header = header,
                          .data = data + LENGTH_BYTES + header_bytes,
                          .bytes = bytes - LENGTH_BYTES - (size_t)header_bytes,
                          .name = name};
    return BL_OK;
}

void safetensors_close(safetensors *file)
{
    json_decref(file->header);
    file->header = NULL;
}

const char *safetensors_metadata(const safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

static size_t element_bytes(const char *type) { return strstr(type, "32") ? 4 : 1; }

static void print_shape(char *dst, size_t dst_bytes, const size_t *shape, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n && at < dst_bytes; i++)
        at += (size_t)snprintf(dst + at, dst_bytes - at, i ? ", %zu" : "%zu", shape[i]);
}

static bool has_shape(const json_t *entry, const size_t *shape, size_t n)
{
    const json_t *given = json_object_get(entry, "shape");
    if (json_array_size(given) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!json_is_integer(json_array_get(given, i))
            || json_integer_value(json_array_get(given, i)) != (json_int_t)shape[i])
            return false;
    return true;
}

bl_status safetensors_tensor(const uint8_t **data, const safetensors *file, const char *tensor,
                             const char *type, const size_t *shape, size_t n, bl_diag *diag)
{
    const json_t *entry = json_object_get(file->header, tensor);
    const char *given_type = json_string_value(json_object_get(entry, "dtype"));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    char expected[96] = "";
    print_shape(expected, sizeof expected, shape, n);
    if (!entry)
        return bl_diag_set(diag, BL_ERR_FORMAT, file->name, 0, 0,
                           "no tensor \"%s\"; expected %s [%s]", tensor, type, expected);
    if (!given_type || strcmp(given_type, type) != 0 || !has_shape(entry, shape, n))
        return bl_diag_set(diag, BL_ERR_FORMAT, file->name, 0, 0,
                           "tensor \"%s\" has another type or shape; expected %s [%s]", tensor,
                           type, expected);
    uint64_t bytes = element_bytes(type);
    for (size_t i = 0; i < n; i++)
        bytes *= shape[i];
    json_int_t begin = json_integer_value(json_array_get(offsets, 0));
    json_int_t end = json_integer_value(json_array_get(offsets, 1));
    if (json_array_size(offsets) != 2 || begin < 0 || end < begin || (uint64_t)end > file->bytes
        || (uint64_t)(end - begin) != bytes)
        return bl_diag_set(diag, BL_ERR_FORMAT, file->name, 0, 0,
                           "tensor \"%s\": offsets %lld to %lld; expected %llu bytes within %zu "
                           "(is the file truncated?)",
                           tensor, (long long)begin, (long long)end, (unsigned long long)bytes,
                           file->bytes);
    *data = file->data + begin;
    return BL_OK;
}
