// design.c - designs of experiments in the unit cube with random access: a point belongs to its number and not to the rank that makes it.
//
//   lhs     x_di = (pi_d(i) + u_di) / total: pi_d a keyed permutation of the strata (permute.h), u uniform in (0,1). McKay, Beckman, Conover 1979.
//   sobol   x_d = sum of the direction numbers v_dk over the bits k of the Gray code of i, bit by bit modulo 2, and a random shift of all points of a dimension
//           (also bit by bit: elementary intervals keep their numbers of points). Direction numbers: Joe & Kuo, "Constructing Sobol sequences with
//           better two-dimensional projections", SIAM J. Sci. Comput. 30, 2008; the first 32 dimensions of their file new-joe-kuo-6.21201.
//   random  independent uniform
//
// Latin hypercubes are not optimised (no maximin), and total is taken at its word: points of a smaller design are no part of a larger one.
#include <sna/data.h>
#include <string.h>
#include "permute.h"

#define SOBOL_BITS 52

// Streams of random numbers, one purpose each: the lower half is the dimension.
#define STREAM_STRATUM ((uint64_t)0x6c687300U << 32)
#define STREAM_PLACE   ((uint64_t)0x6c687301U << 32)
#define STREAM_SHIFT   ((uint64_t)0x736f6200U << 32)
#define STREAM_UNIFORM ((uint64_t)0x756e6900U << 32)

static const struct {
  unsigned char
    polynomial;       // primitive over Z_2, with its leading and trailing 1: degree s = position of the leading bit
  unsigned char m[7]; // m_1 .. m_s
} joe_kuo[SNA_MAX_DIM - 1] = {
  // dimensions 2..32; the first is the van der Corput sequence
  {3, {1}},
  {7, {1, 3}},
  {11, {1, 3, 1}},
  {13, {1, 1, 1}},
  {19, {1, 1, 3, 3}},
  {25, {1, 3, 5, 13}},
  {37, {1, 1, 5, 5, 17}},
  {41, {1, 1, 5, 5, 5}},
  {47, {1, 1, 7, 11, 19}},
  {55, {1, 1, 5, 1, 1}},
  {59, {1, 1, 1, 3, 11}},
  {61, {1, 3, 5, 5, 31}},
  {67, {1, 3, 3, 9, 7, 49}},
  {91, {1, 1, 1, 15, 21, 21}},
  {97, {1, 3, 1, 13, 27, 49}},
  {103, {1, 1, 1, 15, 7, 5}},
  {109, {1, 3, 1, 15, 13, 25}},
  {115, {1, 1, 5, 5, 19, 61}},
  {131, {1, 3, 7, 11, 23, 15, 103}},
  {137, {1, 3, 7, 13, 13, 15, 69}},
  {143, {1, 1, 3, 13, 7, 35, 63}},
  {145, {1, 3, 5, 9, 1, 25, 53}},
  {157, {1, 3, 1, 13, 9, 35, 107}},
  {167, {1, 3, 1, 5, 27, 61, 31}},
  {171, {1, 1, 5, 11, 19, 41, 61}},
  {185, {1, 3, 5, 3, 3, 13, 69}},
  {191, {1, 1, 7, 13, 1, 19, 1}},
  {193, {1, 3, 7, 5, 13, 19, 59}},
  {203, {1, 1, 3, 9, 25, 29, 41}},
  {211, {1, 3, 5, 13, 23, 1, 55}},
  {213, {1, 3, 7, 3, 13, 59, 17}},
};

// v[k]: m_{k+1} / 2^{k+1} in units of 2^-SOBOL_BITS.
static void DirectionNumbers(PetscInt d, uint64_t v[SOBOL_BITS])
{
  int s = 0;

  if (d > 0) {
    while (joe_kuo[d - 1].polynomial >> (s + 1)) s++;
  }
  for (int k = 0; k < SOBOL_BITS; k++) {
    if (d == 0 || k < s) {
      v[k] = (uint64_t)(d == 0 ? 1 : joe_kuo[d - 1].m[k]) << (SOBOL_BITS - 1 - k);
    } else {
      v[k] = v[k - s] ^ v[k - s] >> s;
      for (int j = 1; j < s; j++) {
        if (joe_kuo[d - 1].polynomial >> (s - j) & 1) v[k] ^= v[k - j];
      }
    }
  }
}

static void SobolColumn(uint64_t seed, PetscInt d, PetscInt64 first, PetscInt n, double x[])
{
  const uint64_t start = (uint64_t)first, gray = start ^ start >> 1;
  uint64_t       v[SOBOL_BITS], bits;

  DirectionNumbers(d, v);
  bits = (uint64_t)(0x1p52 * SnaRandomUniform(seed, STREAM_SHIFT | (uint64_t)d, 0));
  for (int k = 0; k < SOBOL_BITS; k++) {
    if (gray >> k & 1) bits ^= v[k];
  }
  for (PetscInt i = 0; i < n; i++) {
    uint64_t next = start + (uint64_t)i + 1;
    int      k    = 0;

    x[i] = ((double)bits + 0.5) * 0x1p-52;
    // The Gray codes of successive numbers differ in the bit of the lowest 1 of the second number.
    for (; !(next & 1); next >>= 1) k++;
    bits ^= v[k];
  }
}

static void LatinColumn(uint64_t seed, PetscInt64 total, PetscInt d, PetscInt64 first, PetscInt n, double x[])
{
  const double   width = 1 / (double)total;
  const uint64_t key   = (uint64_t)(0x1p52 * SnaRandomUniform(seed, STREAM_PLACE | (uint64_t)d, 0));
  PetscInt64     stratum[PERMUTE_BLOCK];
  Permutation    p;

  PermutationSet(&p, seed, STREAM_STRATUM | (uint64_t)d, total);
  for (PetscInt begin = 0; begin < n; begin += PERMUTE_BLOCK) {
    const PetscInt count = PetscMin(PERMUTE_BLOCK, n - begin);

    for (PetscInt i = 0; i < count; i++) stratum[i] = first + begin + i;
    PermutationApply(&p, count, stratum);
    for (PetscInt i = 0; i < count; i++) {
      // 20 bits and a half of the place in the stratum: the sum is exact, so that no point rounds into the next stratum.
      const uint64_t place = PermutationMix(key, (uint64_t)(first + begin + i), 1 << 20);

      x[begin + i] = ((double)stratum[i] + ((double)(int64_t)place + 0.5) * 0x1p-20) * width;
    }
  }
}

PetscErrorCode SnaDesignPoints(
  const char kind[], uint64_t seed, PetscInt64 total, PetscInt nd, PetscInt64 first, PetscInt n, double *const x[])
{
  PetscFunctionBeginUser;
  PetscCheck(total >= 0 && first >= 0 && n >= 0 && first + n <= total && total <= (PetscInt64)1 << 32, PETSC_COMM_SELF,
    PETSC_ERR_ARG_OUTOFRANGE,
    "points %" PetscInt64_FMT " to %" PetscInt64_FMT " of a design of %" PetscInt64_FMT " (at most 2^32)", first,
    first + n, total);
  if (n == 0) PetscFunctionReturn(0);
  if (!strcmp(kind, "lhs")) {
    for (PetscInt d = 0; d < nd; d++) LatinColumn(seed, total, d, first, n, x[d]);
  } else if (!strcmp(kind, "sobol")) {
    PetscCheck(nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
      "%" PetscInt_FMT " dimensions, but direction numbers for %d", nd, SNA_MAX_DIM);
    for (PetscInt d = 0; d < nd; d++) SobolColumn(seed, d, first, n, x[d]);
  } else if (!strcmp(kind, "random")) {
    for (PetscInt d = 0; d < nd; d++) {
      for (PetscInt i = 0; i < n; i++) {
        x[d][i] = SnaRandomUniform(seed, STREAM_UNIFORM | (uint64_t)d, (uint64_t)(first + i));
      }
    }
  } else {
    SETERRQ(PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "no design `%s`", kind);
  }
  PetscFunctionReturn(0);
}
