/* chance.h -- reproducible choices
 *
 * splitmix64: any seed will do, zero too, and the seeds n and n + 1 have
 * nothing in common.
 *
 * Design: .fuzz.seed (design/fuzz.rst).
 */

#ifndef FUZZ_CHANCE_H
#define FUZZ_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Chance {
  uint64_t state;
} Chance;

static inline uint64_t chance_mix(uint64_t x)
{
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static inline uint64_t chance_next(Chance *chance)
{
  return chance_mix(chance->state += 0x9e3779b97f4a7c15u);
}

/* at least 0 and less than n, which isn't 0 */
static inline size_t chance_below(Chance *chance, size_t n)
{
  return (size_t)(chance_next(chance) % n);
}

/* at least low and at most high */
static inline size_t chance_between(Chance *chance, size_t low, size_t high)
{
  return low + chance_below(chance, high - low + 1);
}

/* once in n times */
static inline bool chance_once_in(Chance *chance, size_t n)
{
  return chance_below(chance, n) == 0;
}

#endif /* FUZZ_CHANCE_H */
