// SPDX-License-Identifier: MIT
#ifndef BITLOOM_MELT_SAFETENSORS_H
#define BITLOOM_MELT_SAFETENSORS_H

#include <bitloom/base.h>

#include <jansson.h>

// A .safetensors file in memory: u64 header length, JSON header, raw tensors.
typedef struct safetensors {
    json_t *header;
    const uint8_t *data; // of the tensors
    size_t bytes;
    const char *name;
} safetensors;

BL_MUST_USE bl_status safetensors_open(safetensors *file, const uint8_t *data, size_t bytes,
                                       const char *name, bl_diag *diag);
void safetensors_close(safetensors *file);

// A value of __metadata__, or NULL.
const char *safetensors_metadata(const safetensors *file, const char *key);

// The bytes of a tensor, which must have this type ("I8", "U8", "I32", "F32") and shape.
BL_MUST_USE bl_status safetensors_tensor(const uint8_t **data, const safetensors *file,
                                         const char *tensor, const char *type, const size_t *shape,
                                         size_t n_dimensions, bl_diag *diag);

#endif
