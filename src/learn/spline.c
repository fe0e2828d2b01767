// spline.c - the splines of one direction tabulated at blocks of rows: polynomials per cell, so that a basis value is a short Horner sum.
//
//   B_{cell+a}(t) = sum_k c[cell][a][k] w^k,   w = t*cells - cell - 1/2,   c[cell][a][k] = B^(k)(middle of the cell) / (cells^k k!)
//
// from SnaBasis (de Boor). Points outside [0,1] are moved to the nearer end.
#include "learn_impl.h"
#include <stdlib.h>
#include <string.h>

PetscErrorCode SnaAlignedMalloc(size_t bytes, void *pointer)
{
  void *p;

  PetscFunctionBeginUser;
  PetscCheck(posix_memalign(&p, 64, bytes + !bytes) == 0, PETSC_COMM_SELF, PETSC_ERR_MEM, "%zu bytes", bytes);
  memcpy(pointer, &p, sizeof(p));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlignedFree(void *pointer)
{
  void *p;

  PetscFunctionBeginUser;
  memcpy(&p, pointer, sizeof(p));
  free(p);
  p = NULL;
  memcpy(pointer, &p, sizeof(p));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSplineTableCreate(SnaBasis b, SplineTable *s)
{
  SnaBasisInfo info;
  double       values[36];

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(b, &info));
  PetscCheck(info.lo == 0 && info.hi == 1 && !info.drop_first && !info.drop_last && info.degree <= 5, PETSC_COMM_SELF,
    PETSC_ERR_ARG_WRONG, "splines on [0,1] without conditions");
  *s = (SplineTable){.n = info.n, .p = info.degree, .cells = info.cells, .dense = (PetscBool)(info.n <= DENSE)};
  const PetscInt q = s->p + 1;
  PetscCall(PetscMalloc2((size_t)(s->cells * q * q), &s->c_d, (size_t)(s->cells * q * q), &s->c_f));
  for (PetscInt cell = 0; cell < s->cells; cell++) {
    PetscInt first;
    double   factor = 1;

    PetscCall(SnaBasisEvaluate(b, ((double)cell + 0.5) / (double)s->cells, s->p, &first, values));
    PetscCheck(first == cell, PETSC_COMM_SELF, PETSC_ERR_PLIB, "cell %" PetscInt_FMT, cell);
    for (PetscInt k = 0; k < q; k++) {
      for (PetscInt a = 0; a < q; a++) s->c_d[(cell * q + a) * q + k] = values[k * q + a] * factor;
      factor /= (double)s->cells * (double)(k + 1);
    }
  }
  for (PetscInt i = 0; i < s->cells * q * q; i++) s->c_f[i] = (float)s->c_d[i];
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSplineTableDestroy(SplineTable *s)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree2(s->c_d, s->c_f));
  PetscFunctionReturn(0);
}

PetscInt SnaSplineWidth(const SplineTable *s)
{
  return s->dense ? s->n : s->p + 1;
}

#define FEW 8 // cells up to which polynomials of all cells are evaluated

#define REAL         float
#define BITS         int32_t
#define NAME(x)      x##F
#define COEFFICIENTS c_f
#include "spline_body.h"
#define REAL         double
#define BITS         int64_t
#define NAME(x)      x##D
#define COEFFICIENTS c_d
#include "spline_body.h"

// ---------------------------------------------------------------------------------------------------------------------
// Blocks
// ---------------------------------------------------------------------------------------------------------------------
static size_t CellBytes(SnaSeparable s)
{
  size_t bytes = 0;

  for (PetscInt d = 0; d < s->o.nd; d++) bytes += s->table[d].dense ? 0 : ROWS * sizeof(int32_t);
  return bytes;
}

size_t SnaBlockBytes(SnaSeparable s, PetscBool single, PetscBool slopes)
{
  size_t numbers = 0;

  for (PetscInt d = 0; d < s->o.nd; d++) numbers += (size_t)SnaSplineWidth(&s->table[d]) * ROWS * (slopes ? 2 : 1);
  return numbers * (single ? sizeof(float) : sizeof(double)) + CellBytes(s);
}

#define BLOCK_FILL(REAL, Block, SnaSplineFill)                                                                         \
  {                                                                                                                    \
    REAL *at = (REAL *)memory;                                                                                         \
                                                                                                                       \
    for (PetscInt d = 0; d < s->o.nd; d++) {                                                                           \
      const PetscInt width = SnaSplineWidth(&s->table[d]) * ROWS;                                                      \
                                                                                                                       \
      b->basis[d] = at;                                                                                                \
      b->slope[d] = slopes ? at + width : NULL;                                                                        \
      at += slopes ? 2 * width : width;                                                                                \
    }                                                                                                                  \
    int32_t *cell = (int32_t *)(void *)at;                                                                             \
    for (PetscInt d = 0; d < s->o.nd; d++) {                                                                           \
      b->cell[d] = s->table[d].dense ? NULL : cell;                                                                    \
      SnaSplineFill(&s->table[d], n, t[d] + first, (REAL *)b->basis[d], (REAL *)b->slope[d], (int32_t *)b->cell[d]);   \
      if (b->cell[d]) cell += ROWS;                                                                                    \
    }                                                                                                                  \
  }

void SnaBlockFillF(SnaSeparable s, PetscInt first, PetscInt n, const double *const t[], PetscBool slopes, void *memory,
  BlockF *b) BLOCK_FILL(float, BlockF, SnaSplineFillF)

  void SnaBlockFillD(SnaSeparable s, PetscInt first, PetscInt n, const double *const t[], PetscBool slopes,
    void *memory, BlockD *b) BLOCK_FILL(double, BlockD, SnaSplineFillD)

    PetscErrorCode
  BlockSetCreate(SnaSeparable s, PetscInt n, const double *const t[], PetscBool single, PetscBool slopes, BlockSet *set)
{
  const size_t bytes = SnaBlockBytes(s, single, slopes);
  char        *at    = NULL;

  PetscFunctionBeginUser;
  *set = (BlockSet){.n = n, .nblock = (n + ROWS - 1) / ROWS};
  PetscCall(SnaAlignedMalloc((size_t)set->nblock * bytes, &at));
  set->memory = at;
  if (single)
    PetscCall(PetscCalloc1(set->nblock, &set->block_f));
  else
    PetscCall(PetscCalloc1(set->nblock, &set->block_d));
  for (PetscInt b = 0; b < set->nblock; b++, at += bytes) {
    const PetscInt m = PetscMin(ROWS, n - b * ROWS);

    if (single)
      SnaBlockFillF(s, b * ROWS, m, t, slopes, at, &set->block_f[b]);
    else
      SnaBlockFillD(s, b * ROWS, m, t, slopes, at, &set->block_d[b]);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode BlockSetDestroy(BlockSet *set)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(set->block_f));
  PetscCall(PetscFree(set->block_d));
  PetscCall(SnaAlignedFree(&set->memory));
  PetscFunctionReturn(0);
}
