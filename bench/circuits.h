// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BENCH_CIRCUITS_H
#define BITLOOM_BENCH_CIRCUITS_H

#include <bitloom/logic.h>

// Circuits of any size, the same at every call. NULL where memory is short.

// Neurons that are true where at least half of `fan_in` random literals of the layer before are:
// the first layer reads n_inputs inputs. About 7 ANDs for each literal.
bl_graph *circuit_neurons(uint32_t n_inputs, uint32_t n_layers, uint32_t n_neurons,
                          uint32_t fan_in);

// Layers of two-input gates whose operands are anywhere in the layer before: the worst locality.
bl_graph *circuit_random_layers(uint32_t n_layers, uint32_t width);

// A circuit of the folder with real inputs, $BITLOOM_DATA or ../shared/data. NULL where it is
// absent.
bl_graph *circuit_from_data(const char *name);
// FOLDER/NAME.aig. NULL where it is absent, or, with a message, cannot be read.
bl_graph *circuit_from_folder(const char *folder, const char *name);

#endif
