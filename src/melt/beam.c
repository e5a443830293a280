// SPDX-License-Identifier: MIT
// Beams. A lane has a cost (at temperature 1), a log-probability phi at the beam's temperature,
// and a score that decides who stays:
//
//   temperature 0   score = -cost
//   otherwise       score = phi + Gumbel noise, conditioned so that the best child of a lane has
//                   the lane's own score (Kool et al., section 4.1): with T = max over children,
//                     score_c = -log(exp(-score) - exp(-T) + exp(-g_c))
//                   computed without overflow as in their appendix B.3.
//
// The noise of a continuation is hashed from the bytes on its path, so it is the same in every
// beam that meets that path.
//
// Candidates are all (lane, byte) pairs worth looking at; the best `width` become the new lanes
// (contest.h), in the order of (parent, byte). All logarithms here are binary: noise is scaled by 1
// / ln 2.

#include "contest.h"
#include "fixed.h"
#include "loom_private.h"

#include <assert.h>
#include <string.h>

// A byte less probable than this at the beam's temperature is not looked at: its chance to be
// among the 512 is below one in a hundred.
static const double LEAST_LOG2 = -16.0;
static const double LN2 = 0.69314718055994530942;

// What the runner foretells of the beam's lanes.
typedef struct forecast {
    uint64_t base[BL_LANES];
    int16_t most[BL_LANES];
    const int16_t *logits; // of the first lane
} forecast;

typedef struct lane {
    double score, phi;
    uint64_t cost, avoid, key;
} lane;

// What a pattern lets follow each lane; one machine holds all lanes to it at once.
typedef struct hold {
    bl_constraint *constraint;
    uint32_t states[BL_LANES];
    uint64_t allowed[BL_LANES][4];
} hold;

struct bl_beam {
    const bl_model *model;
    const bl_allocator *allocator;
    uint32_t width;
    double temperature;
    double handicap; // of a child for each sibling before it, in units of score
    uint64_t seed;
    uint32_t depth; // bytes grown
    uint32_t n_lanes;
    lane lanes[BL_LANES];
    uint8_t *states, *next_states; // [512][state_bytes]
    int16_t bytes[BL_LANES];
    candidate *candidates; // [512 * n_symbols]
    uint8_t (*avoid)[BL_BEAM_MAX_AVOID_BYTES];
    size_t avoid_bytes[BL_BEAM_MAX_AVOID];
    uint32_t n_avoid;
    hold *hold;     // or NULL
    forecast *seen; // of the selection under way
    double *shares; // see make_shares
    uint32_t n_shares;
};

static size_t states_bytes(const bl_beam *b) { return b->width * b->model->info.state_bytes; }

static size_t candidates_bytes(const bl_beam *b)
{
    return (size_t)b->width * b->model->info.n_symbols * sizeof(candidate);
}

static bool is_legal(const bl_beam_params *p)
{
    bool is_ok = p->width <= BL_LANES && p->temperature >= 0 && p->temperature <= 4
                 && p->diversity >= 0 && p->diversity <= BL_BEAM_MAX_DIVERSITY
                 && p->n_avoid <= BL_BEAM_MAX_AVOID;
    for (uint32_t i = 0; is_ok && i < p->n_avoid; i++)
        is_ok = p->avoid[i].bytes >= 1 && p->avoid[i].bytes <= BL_BEAM_MAX_AVOID_BYTES;
    return is_ok;
}

// A state of the pattern's, 0 for its start.
static bool is_state(const bl_pattern *pattern, uint32_t state)
{
    bl_pattern_info info = {0};
    if (pattern)
        bl_pattern_get_info(&info, pattern);
    return state <= info.n_states; // which does not count DEAD
}

static bl_status hold_create(bl_beam *b, const bl_pattern *pattern, uint32_t state)
{
    b->hold = bl_alloc(b->allocator, sizeof *b->hold);
    if (!b->hold)
        return BL_ERR_MEMORY;
    b->hold->constraint = NULL;
    b->hold->states[0] = state ? state : BL_PATTERN_START;
    return bl_constraint_create(&b->hold->constraint, pattern, bl_cpu_best(), b->allocator);
}

// Whether a symbol may follow lane l at all.
static bool may_follow(const bl_beam *b, uint32_t l, uint32_t symbol)
{
    int byte = b->model->info.symbol_byte[symbol];
    return byte >= 0 && (!b->hold || b->hold->allowed[l][byte / 64] >> (byte % 64) & 1);
}

// The share of a byte whose logit is k units below the greatest: 2^x, x = -k units / temperature.
static bl_status make_shares(bl_beam *b)
{
    uint64_t unit = b->model->info.logit_unit_cost;
    double scale = -1.0 / (b->temperature * BL_COST_BIT);
    while (b->n_shares <= UINT16_MAX && scale * (double)(unit * b->n_shares) > 2 * LEAST_LOG2)
        b->n_shares++;
    b->shares = bl_alloc_array(b->allocator, b->n_shares, sizeof *b->shares);
    for (uint32_t k = 0; b->shares && k < b->n_shares; k++)
        b->shares[k] = exact_exp2(scale * (double)(unit * k));
    return b->shares ? BL_OK : BL_ERR_MEMORY;
}

bl_status bl_beam_create(bl_beam **result, const bl_model *model, const uint8_t *state,
                         const bl_beam_params *p, const bl_allocator *allocator)
{
    assert(result && model && state && p);
    if (!is_legal(p) || !is_state(p->pattern, p->pattern_state))
        return BL_ERR_ARGUMENT;
    bl_beam *b = bl_alloc(allocator, sizeof *b);
    if (!b)
        return BL_ERR_MEMORY;
    *b = (bl_beam){.model = model,
                   .allocator = allocator,
                   .width = p->width ? p->width : BL_LANES,
                   .temperature = p->temperature < 0.01 ? 0 : p->temperature,
                   .handicap = p->diversity,
                   .seed = p->seed,
                   .n_lanes = 1,
                   .n_avoid = p->n_avoid};
    if (b->temperature == 0)
        b->handicap *= BL_COST_BIT;
    b->states = bl_alloc(allocator, states_bytes(b));
    b->next_states = bl_alloc(allocator, states_bytes(b));
    b->candidates = bl_alloc(allocator, candidates_bytes(b));
    bl_status status = p->pattern ? hold_create(b, p->pattern, p->pattern_state) : BL_OK;
    b->seen = bl_alloc(allocator, sizeof *b->seen);
    if (status == BL_OK && b->temperature > 0)
        status = make_shares(b);
    if (p->n_avoid)
        b->avoid = bl_alloc_array(allocator, p->n_avoid, sizeof *b->avoid);
    if (status != BL_OK || !b->seen || !b->states || !b->next_states || !b->candidates
        || (p->n_avoid && !b->avoid)) {
        bl_beam_destroy(&b);
        return BL_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < p->n_avoid; i++) {
        memcpy(b->avoid[i], p->avoid[i].data, p->avoid[i].bytes);
        b->avoid_bytes[i] = p->avoid[i].bytes;
    }
    memcpy(b->states, state, model->info.state_bytes);
    b->bytes[0] = BL_KEEP;
    b->lanes[0].key = p->path_key;
    b->lanes[0].avoid = p->n_avoid == 64 ? ~UINT64_C(0) : (UINT64_C(1) << p->n_avoid) - 1;
    *result = b;
    return BL_OK;
}

void bl_beam_destroy(bl_beam **handle)
{
    bl_beam *b = handle ? *handle : NULL;
    if (!b)
        return;
    bl_free(b->allocator, b->states, states_bytes(b));
    bl_free(b->allocator, b->next_states, states_bytes(b));
    bl_free(b->allocator, b->candidates, candidates_bytes(b));
    bl_free(b->allocator, b->avoid, b->n_avoid * sizeof *b->avoid);
    bl_free(b->allocator, b->seen, sizeof *b->seen);
    bl_free(b->allocator, b->shares, b->n_shares * sizeof *b->shares);
    if (b->hold)
        bl_constraint_destroy(&b->hold->constraint);
    bl_free(b->allocator, b->hold, sizeof *b->hold);
    bl_free(b->allocator, b, sizeof *b);
    *handle = NULL;
}

size_t bl_beam_lanes(bl_beam *b, uint8_t **states, const int16_t **bytes)
{
    *states = b->states;
    *bytes = b->bytes;
    return b->n_lanes;
}

uint64_t bl_beam_path_key(uint64_t key, uint8_t byte) { return bl_mix64(key ^ byte); }

static double uniform(uint64_t key) { return ((double)(key >> 11) + 0.5) * 0x1p-53; }

// u in (0, 1) becomes -log2(-ln u): Gumbel noise in bits.
static void make_gumbel(double *u, size_t n)
{
    exact_log2_all(u, n);
    for (size_t i = 0; i < n; i++)
        u[i] = -u[i] * LN2;
    exact_log2_all(u, n);
    for (size_t i = 0; i < n; i++)
        u[i] = -u[i];
}

// Children's scores, given their own noisy scores g, the best one among all siblings, and the
// lane's: parent - max(0, v) - log2(1 + 2^-|v|), v = parent - g + log2(1 - 2^(g - best)). Far below
// the best, log2(1 - p) is -p / ln 2.
static void condition(candidate *c, size_t n, double best, double parent)
{
    double share[256], v[256], rest[256];
    for (size_t i = 0; i < n; i++)
        share[i] = c[i].score - best;
    exact_exp2_all(share, n);
    for (size_t i = 0; i < n; i++)
        v[i] = share[i] >= 1 ? 1 : 1 - share[i];
    exact_log2_all(v, n);
    for (size_t i = 0; i < n; i++) {
        double log2_rest = share[i] >= 1 ? -1e300 : share[i] < 1e-8 ? -share[i] / LN2 : v[i];
        v[i] = parent - c[i].score + log2_rest;
        rest[i] = v[i] < 0 ? v[i] : -v[i];
    }
    exact_exp2_all(rest, n);
    for (size_t i = 0; i < n; i++)
        rest[i] += 1;
    exact_log2_all(rest, n);
    for (size_t i = 0; i < n; i++)
        c[i].score = c[i].score >= best ? parent : parent - (v[i] > 0 ? v[i] : 0) - rest[i];
}

// The avoid strings that still match after this byte; *is_forbidden where one is complete.
static uint64_t match_avoid(bool *is_forbidden, const bl_beam *b, uint64_t avoid, uint8_t byte)
{
    uint64_t still = 0;
    for (uint64_t left = avoid; left; left &= left - 1) {
        int i = __builtin_ctzll(left);
        if (b->avoid[i][b->depth] != byte)
            continue;
        if (b->avoid_bytes[i] == b->depth + 1)
            *is_forbidden = true;
        else
            still |= UINT64_C(1) << i;
    }
    return still;
}

static int logit(const bl_beam *b, uint32_t l, uint32_t symbol)
{
    return b->seen->logits[(size_t)l * b->model->info.n_symbols + symbol];
}

// Of a symbol that stands for one byte.
static uint32_t cost_of(const bl_beam *b, uint32_t l, uint32_t symbol)
{
    uint64_t unit = b->model->info.logit_unit_cost;
    uint64_t cost = b->seen->base[l] + unit * (uint32_t)(b->seen->most[l] - logit(b, l, symbol));
    return cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost;
}

enum { NO_LOGIT = INT16_MIN - 1 };

// The symbols of a lane whose logit is at least `least`, ascending; without branches, as which they
// are cannot be foreseen.
static size_t find_likely(uint8_t *symbols, const bl_beam *b, uint32_t l, int least)
{
    uint32_t n_symbols = b->model->info.n_symbols;
    const int16_t *row = b->seen->logits + (size_t)l * n_symbols;
    size_t n = 0;
    for (uint32_t s = 0; s < n_symbols; s++) {
        symbols[n] = (uint8_t)s;
        n += row[s] >= least;
    }
    return n;
}

// The greatest logit of the bytes that may follow, or NO_LOGIT.
static int greatest(const bl_beam *b, uint32_t l)
{
    uint8_t symbols[256 + 1];
    int most = NO_LOGIT;
    for (size_t n = find_likely(symbols, b, l, b->seen->most[l]); n-- > 0;)
        if (may_follow(b, l, symbols[n]))
            return b->seen->most[l];
    for (uint32_t s = 0; s < b->model->info.n_symbols; s++)
        if (logit(b, l, s) > most && may_follow(b, l, s))
            most = logit(b, l, s);
    return most;
}

// Probabilities at the temperature: costs / temperature, normalised over the bytes that may
// follow, the greatest logit of which is given. Returns log2 of the normaliser.
static double normaliser(const bl_beam *b, uint32_t l, int most)
{
    double sum = 0, scale = -1.0 / (b->temperature * BL_COST_BIT);
    for (uint32_t s = 0; s < b->model->info.n_symbols; s++) {
        uint32_t below = (uint32_t)(most - logit(b, l, s));
        if (below < b->n_shares && may_follow(b, l, s))
            sum += b->shares[below];
    }
    uint64_t unit = b->model->info.logit_unit_cost;
    uint64_t least = b->seen->base[l] + unit * (uint32_t)(b->seen->most[l] - most);
    return exact_log2(sum) + scale * (double)least;
}

// The least unconditioned score with which a child of `parent` can still reach `threshold`:
// exp(-score_c) = exp(-parent) - exp(-best) + exp(-g), solved for g.
static double least_useful(double threshold, double best, double parent)
{
    if (parent - threshold > 900 || parent - best > 900)
        return -1e300;
    double sum = exact_exp2(parent - threshold) - 1 + exact_exp2(parent - best);
    return sum > 0 ? parent - exact_log2(sum) : 1e300;
}

// The least logit with which a symbol costs no more than `most_cost`.
static int least_logit(const bl_beam *b, uint32_t l, uint64_t most_cost)
{
    uint64_t base = b->seen->base[l], unit = b->model->info.logit_unit_cost;
    if (most_cost >= UINT32_MAX) // where costs end, see cost_of
        return INT16_MIN;
    if (most_cost < base)
        return INT16_MAX + 1;
    uint64_t below = (most_cost - base) / unit;
    return below > UINT16_MAX ? INT16_MIN : b->seen->most[l] - (int)below;
}

// Children that cost more than `bound` cannot be among the best.
static size_t propose_probable(candidate *out, const bl_beam *b, uint32_t l, uint64_t bound)
{
    const bl_model_info *info = &b->model->info;
    const lane *parent = &b->lanes[l];
    uint8_t symbols[256 + 1];
    size_t n = 0, n_likely = 0;
    if (parent->cost <= bound)
        n_likely = find_likely(symbols, b, l, least_logit(b, l, bound - parent->cost));
    for (size_t i = 0; i < n_likely; i++) {
        uint32_t s = symbols[i], own = cost_of(b, l, s);
        uint64_t cost = parent->cost + own;
        if (cost > bound || !may_follow(b, l, s))
            continue;
        out[n++] = (candidate){.lane = (uint16_t)l,
                               .byte = (uint8_t)info->symbol_byte[s],
                               .cost = cost,
                               .cost_byte = (uint16_t)(own >> 16),
                               .score = -(double)cost};
    }
    return n;
}

static size_t propose_drawn(candidate *out, const bl_beam *b, uint32_t l, double threshold)
{
    const bl_model_info *info = &b->model->info;
    const lane *parent = &b->lanes[l];
    int most = greatest(b, l);
    if (most == NO_LOGIT)
        return 0;
    double norm = normaliser(b, l, most), best = -1e300,
           scale = -1.0 / (b->temperature * BL_COST_BIT), noise[256];
    size_t n = 0, n_useful = 0;
    for (uint32_t s = 0; s < info->n_symbols; s++) {
        uint32_t cost = cost_of(b, l, s);
        double step = scale * cost - norm;
        if (step < LEAST_LOG2 || !may_follow(b, l, s))
            continue;
        uint8_t byte = (uint8_t)info->symbol_byte[s];
        noise[n] = uniform(bl_mix64(bl_beam_path_key(parent->key, byte) ^ b->seed));
        out[n++] = (candidate){.lane = (uint16_t)l,
                               .byte = byte,
                               .cost = parent->cost + cost,
                               .cost_byte = (uint16_t)(cost >> 16),
                               .phi = parent->phi + step};
    }
    make_gumbel(noise, n);
    for (size_t i = 0; i < n; i++) {
        out[i].score = out[i].phi + noise[i];
        best = out[i].score > best ? out[i].score : best;
    }
    double least = least_useful(threshold, best, parent->score);
    for (size_t i = 0; i < n; i++) {
        if (out[i].score < least && out[i].score < best)
            continue;
        out[n_useful++] = out[i];
    }
    condition(out, n_useful, best, parent->score);
    return n_useful;
}

// Forbidden children have taken part in the noise, so that their siblings stay as they were.
static size_t remove_forbidden(candidate *c, size_t n, const bl_beam *b)
{
    size_t n_allowed = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_forbidden = false;
        match_avoid(&is_forbidden, b, b->lanes[c[i].lane].avoid, c[i].byte);
        if (!is_forbidden)
            c[n_allowed++] = c[i];
    }
    return n_allowed;
}

// Every lane has one child with the lane's own score, so with all lanes in use nobody below the
// least lane gets in; that child has no handicap, and the others only lose by theirs. Where
// children may be forbidden, nothing is known.
static double score_threshold(const bl_beam *b)
{
    double least = -1e4; // 2^-10000: below every score
    if (b->n_lanes < b->width || b->n_avoid > 0 || b->hold)
        return least;
    least = b->lanes[0].score;
    for (uint32_t l = 1; l < b->n_lanes; l++)
        least = b->lanes[l].score < least ? b->lanes[l].score : least;
    return least;
}

// The same for costs: the cheapest children of all lanes are as many as are wanted.
static uint64_t cost_bound(const bl_beam *b)
{
    uint64_t bound = 0, unit = b->model->info.logit_unit_cost;
    if (b->n_lanes < b->width || b->n_avoid > 0)
        return UINT64_MAX;
    for (uint32_t l = 0; l < b->n_lanes; l++) {
        int most = greatest(b, l);
        if (most == NO_LOGIT)
            return UINT64_MAX;
        uint64_t cost =
            b->lanes[l].cost + b->seen->base[l] + unit * (uint32_t)(b->seen->most[l] - most);
        bound = cost > bound ? cost : bound;
    }
    return bound;
}

static void move_hold(hold *h, const bl_beam_frame *frame, size_t n)
{
    uint32_t states[BL_LANES];
    for (size_t i = 0; i < n; i++)
        states[i] = h->states[frame->parent[i]];
    bl_constraint_step(h->constraint, states, frame->byte, n);
    memcpy(h->states, states, n * sizeof *states);
}

void bl_beam_select(bl_beam_frame *frame, bl_beam *b, const bl_runner *runner, size_t first_lane)
{
    size_t n = 0, state_bytes = b->model->info.state_bytes;
    b->seen->logits = runner->logits + first_lane * b->model->info.n_symbols;
    model_forecast(b->seen->base, b->seen->most, b->model, b->seen->logits, b->n_lanes);
    double threshold = score_threshold(b);
    if (b->hold)
        bl_constraint_allowed(b->hold->allowed, NULL, b->hold->constraint, b->hold->states,
                              b->n_lanes);
    uint64_t bound = b->temperature > 0 ? 0 : cost_bound(b);
    for (uint32_t l = 0; l < b->n_lanes; l++) {
        candidate *out = b->candidates + n;
        size_t n_new = b->temperature > 0 ? propose_drawn(out, b, l, threshold)
                                          : propose_probable(out, b, l, bound);
        if (b->handicap > 0)
            contest_handicap(out, n_new, b->handicap);
        n += remove_forbidden(out, n_new, b);
    }
    n = contest_keep(b->candidates, n, b->width);
    lane next[BL_LANES];
    for (size_t i = 0; i < n; i++) {
        const candidate *c = &b->candidates[i];
        bool is_forbidden = false;
        next[i] = (lane){.score = c->score + b->handicap * c->n_before,
                         .phi = c->phi,
                         .cost = c->cost,
                         .key = bl_beam_path_key(b->lanes[c->lane].key, c->byte),
                         .avoid = match_avoid(&is_forbidden, b, b->lanes[c->lane].avoid, c->byte)};
        memcpy(b->next_states + i * state_bytes, b->states + c->lane * state_bytes, state_bytes);
        b->bytes[i] = c->byte;
        frame->parent[i] = c->lane;
        frame->cost[i] = c->cost_byte;
        frame->byte[i] = c->byte;
    }
    memcpy(b->lanes, next, n * sizeof *next);
    if (b->hold)
        move_hold(b->hold, frame, n);
    uint8_t *states = b->states;
    b->states = b->next_states;
    b->next_states = states;
    frame->n_lanes = b->n_lanes = (uint32_t)n;
    b->depth++;
}
