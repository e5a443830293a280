// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_TINY_MODEL_H
#define BITLOOM_TESTS_TINY_MODEL_H

// A MuxRNN's file melted in memory.

#include "../test.h"

#include <bitloom/melt.h>

typedef struct tiny_model {
    bl_buffer loom;
    bl_model *model;
} tiny_model;

static inline tiny_model tiny_model_open(const char *path)
{
    tiny_model t = {0};
    bl_file file;
    bl_muxrnn *network;
    bl_program *program;
    bl_loom_facts facts;
    REQUIRE(bl_file_open(&file, path, NULL) == BL_OK);
    REQUIRE(bl_muxrnn_read(&network, file.data, file.bytes, path, NULL, NULL) == BL_OK);
    REQUIRE(bl_muxrnn_weave(&program, network, NULL) == BL_OK);
    bl_muxrnn_get_loom_facts(&facts, network);
    facts.name = "tiny";
    facts.n_ands = 1;
    REQUIRE(bl_loom_write(&t.loom, &facts, program) == BL_OK);
    bl_program_destroy(&program);
    bl_muxrnn_destroy(&network);
    bl_file_close(&file);
    REQUIRE(bl_model_open(&t.model, t.loom.data, t.loom.bytes, "tiny", NULL, NULL) == BL_OK);
    return t;
}

static inline void tiny_model_close(tiny_model *t)
{
    bl_model_destroy(&t->model);
    bl_buffer_clear(&t->loom);
}

#endif
