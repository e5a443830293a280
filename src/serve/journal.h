// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_JOURNAL_H
#define BITLOOM_SERVE_JOURNAL_H

// The log of --log: one JSON object a line, written whole. What clients write, keys and tokens do
// not belong in it.
//
//     bl_json *line = journal_begin(j, "connect");
//     if (line) {
//         bl_json_text(line, "peer", peer);
//         journal_end(j);
//     }

#include <bitloom/base.h>

typedef struct journal journal;

BL_MUST_USE bl_status journal_open(journal **j, const char *path, bl_diag *diag); // "-": stderr
void journal_reopen(journal *j); // its file was renamed; NULL: nothing
void journal_close(journal **j);

// A line with its time and event. NULL: there is no journal.
bl_json *journal_begin(journal *j, const char *event);
void journal_end(journal *j);

#endif
