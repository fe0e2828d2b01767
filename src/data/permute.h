// permute.h - pseudo-random bijections of 0..n-1 with random access, private to src/data.
//
// A Feistel network on pairs (l, r) of Z_a x Z_b, a = ceil(sqrt n), b = ceil(n / a): alternately l += F(r) mod a and r += F(l) mod b, each undone by
// subtracting. Images outside 0..n-1 are mapped again until they are inside ("cycle walking"), which a b - n < a makes rare. Black & Rogaway, "Ciphers with
// arbitrary finite domains", CT-RSA 2002, method 3. Not for cryptography.
#ifndef SNA_PERMUTE_H
#define SNA_PERMUTE_H

#include <sna/base.h>

#define PERMUTE_ROUNDS 8
#define PERMUTE_BLOCK  64

typedef struct {
  uint64_t n, a, b, key[PERMUTE_ROUNDS];
} Permutation;

// `stream` of SnaRandomUniform(), from which the keys are drawn.
static inline void PermutationSet(Permutation *p, uint64_t seed, uint64_t stream, PetscInt64 n)
{
  p->n = (uint64_t)n;
  p->a = (uint64_t)PetscSqrtReal((double)n);
  while (p->a > 1 && (p->a - 1) * (p->a - 1) >= p->n) p->a--;
  while (p->a * p->a < p->n) p->a++;
  p->b = p->a ? (p->n + p->a - 1) / p->a : 0;
  for (int k = 0; k < PERMUTE_ROUNDS; k++) {
    p->key[k] = (uint64_t)(0x1p52 * SnaRandomUniform(seed, stream, (uint64_t)k));
  }
}

// A number below m that depends on all bits of x and key; x, m < 2^32.
static inline uint64_t PermutationMix(uint64_t key, uint64_t x, uint64_t m)
{
  uint64_t z = (x + key) * 0x9e3779b97f4a7c15U;

  z = (z ^ z >> 32) * 0xbf58476d1ce4e5b9U;
  return (z >> 32) * m >> 32;
}

// The network itself, on at most PERMUTE_BLOCK numbers: many at a time, since one round waits for the other, and without branches that nothing could predict.
static inline void PermutationNetwork(const Permutation *p, PetscInt n, PetscInt64 x[])
{
  const uint64_t a = p->a, b = p->b;
  uint64_t       l[PERMUTE_BLOCK], r[PERMUTE_BLOCK];

  for (PetscInt i = 0; i < n; i++) {
    l[i] = (uint64_t)x[i] / b;
    r[i] = (uint64_t)x[i] % b;
  }
  for (int k = 0; k < PERMUTE_ROUNDS; k += 2) {
    const uint64_t left = p->key[k], right = p->key[k + 1];

    for (PetscInt i = 0; i < n; i++) {
      l[i] += PermutationMix(left, r[i], a);
      l[i] -= l[i] >= a ? a : 0;
      r[i] += PermutationMix(right, l[i], b);
      r[i] -= r[i] >= b ? b : 0;
    }
  }
  for (PetscInt i = 0; i < n; i++) x[i] = (PetscInt64)(l[i] * b + r[i]);
}

// Every x[i] becomes its image.
static inline void PermutationApply(const Permutation *p, PetscInt n, PetscInt64 x[])
{
  for (PetscInt first = 0; first < n; first += PERMUTE_BLOCK) {
    PermutationNetwork(p, PetscMin(PERMUTE_BLOCK, n - first), x + first);
  }
  for (PetscInt i = 0; i < n; i++) {
    while ((uint64_t)x[i] >= p->n) PermutationNetwork(p, 1, &x[i]);
  }
}

#endif
