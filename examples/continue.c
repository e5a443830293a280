// SPDX-License-Identifier: MIT
// The five most probable continuations of a text, by a beam of a melted model:
//   continue MODEL.loom "It was a "

#include <bitloom/melt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 5, STEPS = 24 };

int main(int n, char **words)
{
    bl_diag diag = {0};
    bl_file file;
    bl_model *model;
    bl_runner *runner;
    bl_beam *beam;
    if (n != 3 || bl_file_open(&file, words[1], &diag) != BL_OK
        || bl_model_open(&model, file.data, file.bytes, words[1], NULL, &diag) != BL_OK
        || bl_runner_create(&runner, model, bl_cpu_best(), NULL) != BL_OK) {
        fprintf(stderr, "usage: continue MODEL.loom TEXT   %s\n", diag.message);
        return 1;
    }
    uint8_t *state = calloc(1, bl_model_facts(model)->state_bytes);
    for (const char *c = words[2]; state && *c; c++) {
        int16_t byte = (uint8_t)*c;
        bl_runner_step(runner, state, &byte, 1, false);
    }
    bl_beam_params params = {.width = WIDTH}; // temperature 0: the most probable
    if (!state || bl_beam_create(&beam, model, state, &params, NULL) != BL_OK)
        return 1;

    char texts[WIDTH][STEPS + 1] = {{0}}, before[WIDTH][STEPS + 1];
    bl_beam_frame frame = {.n_lanes = 0};
    for (int t = 0; t < STEPS; t++) {
        uint8_t *states;
        const int16_t *bytes;
        size_t n_lanes = bl_beam_lanes(beam, &states, &bytes);
        bl_runner_step(runner, states, bytes, n_lanes, true);
        bl_beam_select(&frame, beam, runner, 0);
        memcpy(before, texts, sizeof texts);
        for (uint32_t i = 0; i < frame.n_lanes; i++) {
            memcpy(texts[i], before[frame.parent[i]], sizeof texts[i]);
            texts[i][t] = (char)frame.byte[i];
        }
    }
    for (uint32_t i = 0; i < frame.n_lanes; i++)
        printf("%s%s\n", words[2], texts[i]);
    bl_beam_destroy(&beam);
    bl_runner_destroy(&runner);
    bl_model_destroy(&model);
    bl_file_close(&file);
    free(state);
    return 0;
}
