// The engine of products in one precision; included by products.c with REAL, NAME, BLOCK, LANES.
#include "rows_body.h"

static void NAME(Activate)(SnaActivation activation, PetscInt n, const REAL x[], REAL a[])
{
  switch (activation) {
  case SNA_IDENTITY:
    for (PetscInt i = 0; i < n; i++) a[i] = x[i];
    break;
  case SNA_TANH:
    for (PetscInt i = 0; i < n; i++) a[i] = TANH(x[i]);
    break;
  case SNA_EXP:
    for (PetscInt i = 0; i < n; i++) a[i] = EXP(x[i]);
    break;
  case SNA_SOFTPLUS:
    for (PetscInt i = 0; i < n; i++) a[i] = (x[i] > 0 ? x[i] : 0) + LOG1P(EXP(x[i] > 0 ? -x[i] : x[i]));
    break;
  case SNA_SIGMOID:
    for (PetscInt i = 0; i < n; i++) a[i] = 1 / (1 + EXP(-x[i]));
    break;
  }
}

static void NAME(Forward)(SnaSeparable s, const REAL theta[], const BLOCK *b, REAL y[], REAL work[])
{
  REAL *u = VALUE(work, s), *before = BEFORE(work, s), *product = PRODUCT(work, s), *atom = ATOM(work, s);

  for (PetscInt d = 0; d < s->o.nd; d++)
    NAME(Combine)(&s->table[d], s->nof[d], theta + s->start[d], b->basis[d], b->cell[d], u + s->offset[d] * ROWS);
  for (PetscInt m = 0; m < s->nmode; m++) {
    const PetscInt *factor = s->factor + s->first[m];
    const PetscInt  n      = s->first[m + 1] - s->first[m];
    REAL           *M      = product + m * ROWS;
    NAME(Vec) run[NV];

    for (int v = 0; v < NV; v++) run[v] = CAT(u + factor[0] * ROWS + v * LANES);
    for (PetscInt j = 1; j < n; j++) {
      const REAL *uj = u + factor[j] * ROWS;
      REAL       *bj = before + factor[j] * ROWS;

      for (int v = 0; v < NV; v++) {
        AT(bj + v * LANES) = run[v];
        run[v] *= CAT(uj + v * LANES);
      }
    }
    for (int v = 0; v < NV; v++) AT(M + v * LANES) = run[v];
  }
  NAME(Activate)(s->o.activation, s->nmode * ROWS, product, atom);
  for (PetscInt i = 0; i < s->o.nout * ROWS; i++) y[i] = 0;
  for (PetscInt m = 0; m < s->nmode; m++)
    for (PetscInt o = s->owner[m] < 0 ? 0 : s->owner[m]; o <= (s->owner[m] < 0 ? s->o.nout - 1 : s->owner[m]); o++) {
      const REAL weight = s->o.learned ? theta[s->start[s->o.nd] + o * s->nmode + m] : 1;

      for (int i = 0; i < ROWS; i++) y[o * ROWS + i] += weight * atom[m * ROWS + i];
    }
}

// e[row] *= sigma'(M_m)
static void NAME(TimesDerivative)(SnaSeparable s, PetscInt m, const REAL work[], REAL e[])
{
  const REAL *x = PRODUCT(work, s) + m * ROWS, *a = ATOM(work, s) + m * ROWS;

  switch (s->o.activation) {
  case SNA_IDENTITY:
    break;
  case SNA_TANH:
    for (int i = 0; i < ROWS; i++) e[i] *= 1 - a[i] * a[i];
    break;
  case SNA_EXP:
    for (int i = 0; i < ROWS; i++) e[i] *= a[i];
    break;
  case SNA_SOFTPLUS:
    for (int i = 0; i < ROWS; i++) e[i] *= 1 / (1 + EXP(-x[i]));
    break;
  case SNA_SIGMOID:
    for (int i = 0; i < ROWS; i++) e[i] *= a[i] * (1 - a[i]);
    break;
  }
}

// Q of all functions of mode m: e times the product of the mode's other functions.
static void NAME(Exclude)(SnaSeparable s, PetscInt m, const REAL e[], REAL work[])
{
  const REAL     *u = VALUE(work, s), *before = BEFORE(work, s);
  const PetscInt *factor = s->factor + s->first[m];
  REAL           *q      = DERIVATIVE(work, s);
  NAME(Vec) run[NV];

  for (int v = 0; v < NV; v++) run[v] = CAT(e + v * LANES);
  for (PetscInt j = s->first[m + 1] - s->first[m] - 1; j > 0; j--) {
    const PetscInt at = factor[j] * ROWS;

    for (int v = 0; v < NV; v++) {
      AT(q + at + v * LANES) = run[v] * CAT(before + at + v * LANES);
      run[v] *= CAT(u + at + v * LANES);
    }
  }
  for (int v = 0; v < NV; v++) AT(q + factor[0] * ROWS + v * LANES) = run[v];
}

static void NAME(Gradient)(SnaSeparable s, const REAL theta[], const BLOCK *b, const REAL v[], REAL g[], REAL work[])
{
  const REAL *A    = theta + s->start[s->o.nd];
  REAL       *gA   = g + s->start[s->o.nd] * 16;
  const REAL *atom = ATOM(work, s);

  for (PetscInt m = 0; m < s->nmode; m++) {
    _Alignas(64) REAL e[ROWS];

    if (s->o.learned) {
      for (int i = 0; i < ROWS; i++) e[i] = 0;
      for (PetscInt o = 0; o < s->o.nout; o++) {
        const REAL weight = A[o * s->nmode + m];
        REAL      *sum    = gA + (o * s->nmode + m) * 16;

        for (int i = 0; i < ROWS; i++) e[i] += weight * v[o * ROWS + i];
        for (int i = 0; i < ROWS; i++) sum[i % 16] += v[o * ROWS + i] * atom[m * ROWS + i];
      }
    } else
      for (int i = 0; i < ROWS; i++) e[i] = v[s->owner[m] * ROWS + i];
    NAME(TimesDerivative)(s, m, work, e);
    NAME(Exclude)(s, m, e, work);
  }
  for (PetscInt d = 0; d < s->o.nd; d++) NAME(Collect)
  (&s->table[d], s->nof[d], DERIVATIVE(work, s) + s->offset[d] * ROWS, b->basis[d], b->cell[d], g + s->start[d] * 16);
}

static void NAME(Jacobian)(
  SnaSeparable s, const REAL theta[], const BLOCK *b, PetscInt o, PetscInt block, REAL J[], size_t ld, REAL work[])
{
  const REAL *A = theta + s->start[s->o.nd], *atom = ATOM(work, s), *q = DERIVATIVE(work, s);

  for (PetscInt m = 0; m < s->nmode && block < s->o.nd; m++) {
    const REAL        weight = s->o.learned ? A[o * s->nmode + m] : s->owner[m] == o ? 1 : 0;
    _Alignas(64) REAL e[ROWS];

    for (int i = 0; i < ROWS; i++) e[i] = weight;
    NAME(TimesDerivative)(s, m, work, e);
    NAME(Exclude)(s, m, e, work);
  }
  for (PetscInt d = block < 0 ? 0 : block; d < (block < 0 ? s->o.nd : PetscMin(block + 1, s->o.nd)); d++)
    for (PetscInt k = 0; k < s->nof[d]; k++) {
      NAME(Columns)(&s->table[d], q + (s->offset[d] + k) * ROWS, b->basis[d], b->cell[d], J, ld);
      J += (size_t)s->table[d].n * ld;
    }
  if (s->o.learned && (block < 0 || block == s->o.nd))
    for (PetscInt p = 0; p < s->o.nout * s->nmode; p++, J += ld)
      for (int r = 0; r < ROWS; r++) J[r] = p / s->nmode == o ? atom[p % s->nmode * ROWS + r] : 0;
}

static void NAME(Slope)(SnaSeparable s, const REAL theta[], const BLOCK *b, REAL dy[], REAL work[])
{
  const REAL *A = theta + s->start[s->o.nd], *q = DERIVATIVE(work, s);
  REAL       *du = SLOPE(work, s);

  for (PetscInt i = 0; i < s->o.nout * s->o.nd * ROWS; i++) dy[i] = 0;
  for (PetscInt m = 0; m < s->nmode; m++) {
    _Alignas(64) REAL e[ROWS];

    for (int i = 0; i < ROWS; i++) e[i] = 1;
    NAME(TimesDerivative)(s, m, work, e);
    NAME(Exclude)(s, m, e, work);
  }
  for (PetscInt d = 0; d < s->o.nd; d++) {
    NAME(Combine)(&s->table[d], s->nof[d], theta + s->start[d], b->slope[d], b->cell[d], du + s->offset[d] * ROWS);
    for (PetscInt k = 0; k < s->nof[d]; k++) {
      const PetscInt m  = s->of[d][k];
      const REAL    *uk = du + (s->offset[d] + k) * ROWS, *qk = q + (s->offset[d] + k) * ROWS;

      for (PetscInt o = s->owner[m] < 0 ? 0 : s->owner[m]; o <= (s->owner[m] < 0 ? s->o.nout - 1 : s->owner[m]); o++) {
        const REAL weight = s->o.learned ? A[o * s->nmode + m] : 1;
        REAL      *out    = dy + (o * s->o.nd + d) * ROWS;

        for (int r = 0; r < ROWS; r++) out[r] += weight * qk[r] * uk[r];
      }
    }
  }
}

#undef NV
#undef AT
#undef CAT
#undef REAL
#undef NAME
#undef BLOCK
#undef LANES
#undef EXP
#undef LOG1P
#undef TANH
