// SPDX-License-Identifier: MIT
#ifndef BITLOOM_MELT_CONTEST_H
#define BITLOOM_MELT_CONTEST_H

// Which of all children of a beam's lanes stay: those of the best score, ties by lane, then byte.

#include <stddef.h>
#include <stdint.h>

typedef struct candidate {
    double score, phi;
    uint64_t cost;
    uint16_t lane, cost_byte;
    uint8_t byte, n_before; // siblings that came before it, where handicaps are given
} candidate;

// Of the children of one lane: takes `weight` from a score for each sibling of a better one, or of
// the same and a lesser place. n^2 comparisons, at most 256 children.
void contest_handicap(candidate *children, size_t n, double weight);

// Keeps the `width` best at the front, in the order of (lane, byte), and returns how many they are.
size_t contest_keep(candidate *candidates, size_t n, size_t width);

#endif
