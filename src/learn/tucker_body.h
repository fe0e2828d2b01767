// The engine of Tucker models in one precision; included by tucker.c with REAL, NAME, BLOCK, LANES.
#include "rows_body.h"

// Levels 0..n of the products of n directions' functions u[d*rank + j].
static void NAME(Raise)(PetscInt n, PetscInt rank, const REAL u[], REAL level[])
{
  PetscInt count = 1;

  for (int i = 0; i < ROWS; i++) level[i] = 1;
  for (PetscInt d = 0; d < n; d++, count *= rank, u += rank * ROWS) {
    REAL *next = level + count * ROWS;

    for (PetscInt k = 0; k < count * rank; k++)
      for (int i = 0; i < ROWS; i++) next[k * ROWS + i] = level[k / rank * ROWS + i] * u[k % rank * ROWS + i];
    level = next;
  }
}

// du[d*rank + j] from down = dy/d(last level), which is destroyed.
static void NAME(Lower)(PetscInt n, PetscInt rank, const REAL u[], const REAL last[], REAL down[], REAL du[])
{
  const REAL *level = last;
  PetscInt    count = 1;

  for (PetscInt d = 0; d < n; d++) count *= rank;
  for (PetscInt d = n - 1; d >= 0; d--) {
    const REAL *ud = u + d * rank * ROWS;
    REAL       *dd = du + d * rank * ROWS;

    count /= rank;
    level -= count * ROWS;
    for (PetscInt i = 0; i < rank * ROWS; i++) dd[i] = 0;
    for (PetscInt k = 0; k < count; k++) {
      REAL sum[ROWS] = {0};

      for (PetscInt j = 0; j < rank; j++)
        for (int i = 0; i < ROWS; i++) {
          const REAL v = down[(k * rank + j) * ROWS + i];

          sum[i] += v * ud[j * ROWS + i];
          dd[j * ROWS + i] += v * level[k * ROWS + i];
        }
      for (int i = 0; i < ROWS; i++) down[k * ROWS + i] = sum[i];
    }
  }
}

// dy/du of all directions into work + l->du, for C = v_o P_J and M of the outputs o0..o1-1: v[(o - o0)*ROWS + row], NULL for 1.
static void NAME(Backward)(
  SnaSeparable s, const REAL theta[], const Layout *l, PetscInt o0, PetscInt o1, const REAL v[], REAL work[])
{
  const PetscInt rank = s->o.rank, nd = s->o.nd, n = (o1 - o0) * l->nleft;
  const REAL    *u = work + l->u, *M = work + l->M + o0 * l->nleft * ROWS, *P = work + l->P;
  const REAL    *G    = theta + s->start[nd] + o0 * l->nleft * l->nright;
  REAL          *down = work + l->down, *C = work + l->C;

  for (PetscInt k = 0; k < n; k++)
    for (int i = 0; i < ROWS; i++) C[k * ROWS + i] = (v ? v[k / l->nleft * ROWS + i] : 1) * P[k % l->nleft * ROWS + i];

  for (PetscInt k = 0; k < l->nleft; k++) {
    REAL sum[ROWS] = {0};

    for (PetscInt o = 0; o < o1 - o0; o++)
      for (int i = 0; i < ROWS; i++) sum[i] += (v ? v[o * ROWS + i] : 1) * M[(o * l->nleft + k) * ROWS + i];
    for (int i = 0; i < ROWS; i++) down[k * ROWS + i] = sum[i];
  }
  NAME(Lower)(l->h, rank, u, P, down, work + l->du);

  for (PetscInt k = 0; k < l->nright; k++) {
    NAME(Vec) sum[NV];

    for (int c = 0; c < NV; c++) sum[c] = G[k] * CAT(C + c * LANES);
    for (PetscInt j = 1; j < n; j++) {
      const REAL w = G[j * l->nright + k];

      for (int c = 0; c < NV; c++) sum[c] += w * CAT(C + j * ROWS + c * LANES);
    }
    for (int c = 0; c < NV; c++) AT(down + k * ROWS + c * LANES) = sum[c];
  }
  NAME(Lower)(nd - l->h, rank, u + l->h * rank * ROWS, work + l->Q, down, work + l->du + l->h * rank * ROWS);
}

static void NAME(Forward)(SnaSeparable s, const REAL theta[], const BLOCK *block, REAL y[], REAL work[])
{
  const Layout      l    = GetLayout(s);
  const PetscInt    rank = s->o.rank, nd = s->o.nd;
  const SplineTable all = {.n = l.nright, .dense = PETSC_TRUE}; // the products Q_K in the place of splines
  REAL             *u = work + l.u, *M = work + l.M;
  const REAL       *P = work + l.P;

  for (PetscInt d = 0; d < nd; d++)
    NAME(Combine)(&s->table[d], rank, theta + s->start[d], block->basis[d], block->cell[d], u + d * rank * ROWS);
  NAME(Raise)(l.h, rank, u, work + l.left);
  NAME(Raise)(nd - l.h, rank, u + l.h * rank * ROWS, work + l.right);
  NAME(Combine)(&all, s->o.nout * l.nleft, theta + s->start[nd], work + l.Q, NULL, M);
  for (PetscInt o = 0; o < s->o.nout; o++, y += ROWS) {
    for (int i = 0; i < ROWS; i++) y[i] = 0;
    for (PetscInt k = 0; k < l.nleft; k++, M += ROWS)
      for (int i = 0; i < ROWS; i++) y[i] += P[k * ROWS + i] * M[i];
  }
}

static void NAME(Gradient)(
  SnaSeparable s, const REAL theta[], const BLOCK *block, const REAL v[], REAL g[], REAL work[])
{
  const Layout      l    = GetLayout(s);
  const PetscInt    rank = s->o.rank, nd = s->o.nd;
  const SplineTable all = {.n = l.nright, .dense = PETSC_TRUE};

  NAME(Backward)(s, theta, &l, 0, s->o.nout, v, work);
  for (PetscInt d = 0; d < nd; d++) {
    const REAL *du = work + l.du + d * rank * ROWS;

    NAME(Collect)(&s->table[d], rank, du, block->basis[d], block->cell[d], g + s->start[d] * 16);
  }
  NAME(Collect)(&all, s->o.nout * l.nleft, work + l.C, work + l.Q, NULL, g + s->start[nd] * 16);
}

static void NAME(Jacobian)(
  SnaSeparable s, const REAL theta[], const BLOCK *block, PetscInt o, PetscInt only, REAL J[], size_t ld, REAL work[])
{
  const Layout      l    = GetLayout(s);
  const PetscInt    rank = s->o.rank, nd = s->o.nd, core = l.nleft * l.nright;
  const SplineTable all = {.n = l.nright, .dense = PETSC_TRUE};

  if (only < nd) NAME(Backward)(s, theta, &l, o, o + 1, NULL, work);
  for (PetscInt d = 0; d < nd; d++)
    for (PetscInt j = 0; j < rank && (only < 0 || only == d); j++, J += (size_t)s->table[d].n * ld)
      NAME(Columns)(&s->table[d], work + l.du + (d * rank + j) * ROWS, block->basis[d], block->cell[d], J, ld);
  if (only >= 0 && only < nd) return;
  for (PetscInt other = 0; other < s->o.nout; other++)
    if (other == o)
      for (PetscInt k = 0; k < l.nleft; k++, J += (size_t)l.nright * ld)
        NAME(Columns)(&all, work + l.P + k * ROWS, work + l.Q, NULL, J, ld);
    else
      for (PetscInt k = 0; k < core; k++, J += ld)
        for (int i = 0; i < ROWS; i++) J[i] = 0;
}

static void NAME(Slope)(SnaSeparable s, const REAL theta[], const BLOCK *block, REAL dy[], REAL work[])
{
  const Layout   l    = GetLayout(s);
  const PetscInt rank = s->o.rank, nd = s->o.nd;
  const REAL    *du    = work + l.du;
  REAL          *slope = work + l.slope;

  for (PetscInt d = 0; d < nd; d++)
    NAME(Combine)(&s->table[d], rank, theta + s->start[d], block->slope[d], block->cell[d], slope + d * rank * ROWS);
  for (PetscInt o = 0; o < s->o.nout; o++) {
    NAME(Backward)(s, theta, &l, o, o + 1, NULL, work);
    for (PetscInt d = 0; d < nd; d++, dy += ROWS) {
      for (int i = 0; i < ROWS; i++) dy[i] = 0;
      for (PetscInt k = d * rank; k < (d + 1) * rank; k++)
        for (int i = 0; i < ROWS; i++) dy[i] += du[k * ROWS + i] * slope[k * ROWS + i];
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
