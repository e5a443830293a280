// SPDX-License-Identifier: MIT
// Which instruction sets this build, this CPU and its operating system have together.

#include <bitloom/base.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[BL_CPU_COUNT] = {"c", "avx2", "avx512", "neon"};

#if defined(__x86_64__)
// The compiler's run-time check includes the operating system's part (XSAVE).
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
           && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
           && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2")
           && __builtin_cpu_supports("gfni") && __builtin_cpu_supports("avx512bitalg")
           && __builtin_cpu_supports("avx512vpopcntdq");
}
#endif

bool bl_cpu_is_supported(bl_cpu level)
{
    switch (level) {
    case BL_CPU_C: return true;
#if defined(__x86_64__)
    case BL_CPU_AVX2: return has_avx2();
    case BL_CPU_AVX512: return has_avx512();
#elif defined(__aarch64__)
    case BL_CPU_NEON: return true;
#endif
    default: return false;
    }
}

bl_cpu bl_cpu_best(void)
{
    const char *wish = getenv("BITLOOM_CPU");
    for (int level = BL_CPU_COUNT - 1; level >= 0; level--)
        if (wish && strcmp(wish, names[level]) == 0 && bl_cpu_is_supported((bl_cpu)level))
            return (bl_cpu)level;
    for (int level = BL_CPU_COUNT - 1; level > 0; level--)
        if (bl_cpu_is_supported((bl_cpu)level))
            return (bl_cpu)level;
    return BL_CPU_C;
}

const char *bl_cpu_name(bl_cpu level)
{
    assert(level >= 0 && level < BL_CPU_COUNT);
    return names[level];
}

bl_status bl_cpu_parse(bl_cpu *level, const char *name, bl_diag *diag)
{
    for (int i = 0; i < BL_CPU_COUNT; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        if (!bl_cpu_is_supported((bl_cpu)i))
            return bl_diag_set(diag, BL_ERR_UNSUPPORTED, NULL, 0, 0,
                               "this machine has no %s; its best level is %s", name,
                               bl_cpu_name(bl_cpu_best()));
        *level = (bl_cpu)i;
        return BL_OK;
    }
    return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                       "CPU level \"%s\"; expected c, avx2, avx512 or neon", name);
}
