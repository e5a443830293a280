// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_ROUTES_H
#define BITLOOM_SERVE_HTTP_ROUTES_H

// Who answers what. `name` is what stands where a route has a *.

#include "reply.h"

http_handler answer_page, answer_facts;                                 // pages.c
http_handler answer_account_page, answer_account, answer_account_usage; // account.c
http_handler answer_account_revoke;
http_handler answer_models, answer_model, answer_health, answer_metrics; // models.c
http_handler answer_tokenize, answer_detokenize, answer_tokenizer_info;  // tokens.c
http_handler answer_completions, answer_chat;                            // generation.c
http_handler answer_lanes, answer_kept, answer_kept_forget;              // exchange.c
http_handler answer_state, answer_state_import, answer_state_drop;       // exchange.c
http_handler answer_v2, answer_v2_live, answer_v2_ready;                 // inference.c
http_handler answer_v2_model, answer_v2_model_ready, answer_v2_infer;

#endif
