// The engine of tensor trains in one precision; included by tensor_train.c with REAL, NAME, BLOCK, LANES.
#include "rows_body.h"

// out[a] = sum_b G[a, b] v[b]
static void NAME(TimesRight)(PetscInt left, PetscInt right, const REAL G[], const REAL v[], REAL out[])
{
  for (PetscInt a = 0; a < left; a++, out += ROWS) {
    NAME(Vec) sum[NV];

    for (int k = 0; k < NV; k++) sum[k] = CAT(G + k * LANES) * CAT(v + k * LANES);
    G += ROWS;
    for (PetscInt b = 1; b < right; b++, G += ROWS)
      for (int k = 0; k < NV; k++) sum[k] += CAT(G + k * LANES) * CAT(v + b * ROWS + k * LANES);
    for (int k = 0; k < NV; k++) AT(out + k * LANES) = sum[k];
  }
}

// out[b] = sum_a v[a] G[a, b]
static void NAME(TimesLeft)(PetscInt left, PetscInt right, const REAL G[], const REAL v[], REAL out[])
{
  for (PetscInt b = 0; b < right; b++, G += ROWS, out += ROWS) {
    NAME(Vec) sum[NV];

    for (int k = 0; k < NV; k++) sum[k] = CAT(G + k * LANES) * CAT(v + k * LANES);
    for (PetscInt a = 1; a < left; a++)
      for (int k = 0; k < NV; k++) sum[k] += CAT(G + a * right * ROWS + k * LANES) * CAT(v + a * ROWS + k * LANES);
    for (int k = 0; k < NV; k++) AT(out + k * LANES) = sum[k];
  }
}

static void NAME(Forward)(SnaSeparable s, const REAL theta[], const BLOCK *block, REAL y[], REAL work[])
{
  const Layout   l  = GetLayout(s);
  const PetscInt nd = s->o.nd;

  for (int i = 0; i < ROWS; i++) work[l.right[nd] + (size_t)i] = 1;
  for (PetscInt d = nd - 1; d >= 0; d--) {
    REAL *G = work + l.G[d];

    NAME(Combine)(&s->table[d], s->r[d] * s->r[d + 1], theta + s->start[d], block->basis[d], block->cell[d], G);
    NAME(TimesRight)(s->r[d], s->r[d + 1], G, work + l.right[d + 1], d ? work + l.right[d] : y);
  }
}

static void NAME(Gradient)(
  SnaSeparable s, const REAL theta[], const BLOCK *block, const REAL v[], REAL g[], REAL work[])
{
  const Layout l     = GetLayout(s);
  const REAL  *left  = v;
  REAL        *outer = work + l.slope;

  (void)theta;
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const REAL    *right = work + l.right[d + 1];
    const PetscInt ra = s->r[d], rb = s->r[d + 1];
    REAL          *next = work + (d % 2 ? l.next : l.left);

    for (PetscInt a = 0; a < ra; a++)
      for (PetscInt b = 0; b < rb; b++)
        for (int i = 0; i < ROWS; i++) outer[(a * rb + b) * ROWS + i] = left[a * ROWS + i] * right[b * ROWS + i];
    NAME(Collect)(&s->table[d], ra * rb, outer, block->basis[d], block->cell[d], g + s->start[d] * 16);
    NAME(TimesLeft)(ra, rb, work + l.G[d], left, next);
    left = next;
  }
}

static void NAME(Jacobian)(
  SnaSeparable s, const REAL theta[], const BLOCK *block, PetscInt o, PetscInt only, REAL J[], size_t ld, REAL work[])
{
  const Layout l    = GetLayout(s);
  REAL        *left = work + l.left, *next = work + l.next;

  (void)theta;
  for (PetscInt a = 0; a < s->o.nout; a++)
    for (int i = 0; i < ROWS; i++) left[a * ROWS + i] = a == o;
  for (PetscInt d = 0; d <= (only < 0 ? s->o.nd - 1 : only); d++) {
    const REAL    *right = work + l.right[d + 1];
    const PetscInt ra = s->r[d], rb = s->r[d + 1];
    REAL          *swap = left, q[ROWS];

    for (PetscInt k = 0; k < ra * rb && (only < 0 || only == d); k++, J += (size_t)s->table[d].n * ld) {
      for (int i = 0; i < ROWS; i++) q[i] = left[k / rb * ROWS + i] * right[k % rb * ROWS + i];
      NAME(Columns)(&s->table[d], q, block->basis[d], block->cell[d], J, ld);
    }
    NAME(TimesLeft)(ra, rb, work + l.G[d], left, next);
    left = next;
    next = swap;
  }
}

static void NAME(Slope)(SnaSeparable s, const REAL theta[], const BLOCK *block, REAL dy[], REAL work[])
{
  const Layout   l    = GetLayout(s);
  const PetscInt nout = s->o.nout, nd = s->o.nd;
  REAL          *left = work + l.left, *next = work + l.next, *slope = work + l.slope, *product = work + l.product;

  for (PetscInt d = 0; d < nd; d++) {
    const PetscInt ra = s->r[d], rb = s->r[d + 1];
    REAL          *swap = left;

    NAME(Combine)(&s->table[d], ra * rb, theta + s->start[d], block->slope[d], block->cell[d], slope);
    NAME(TimesRight)(ra, rb, slope, work + l.right[d + 1], product);
    for (PetscInt o = 0; o < nout; o++) {
      REAL *out = dy + (o * nd + d) * ROWS;

      // left_0 is the identity
      for (int i = 0; i < ROWS; i++) out[i] = d ? 0 : product[o * ROWS + i];
      for (PetscInt a = 0; a < ra && d; a++)
        for (int i = 0; i < ROWS; i++) out[i] += left[(o * ra + a) * ROWS + i] * product[a * ROWS + i];
      if (d)
        NAME(TimesLeft)(ra, rb, work + l.G[d], left + o * ra * ROWS, next + o * rb * ROWS);
      else
        for (PetscInt i = 0; i < rb * ROWS; i++) next[o * rb * ROWS + i] = work[l.G[0] + (size_t)(o * rb * ROWS + i)];
    }
    left = next;
    next = swap;
  }
}

#undef NV
#undef AT
#undef CAT
#undef REAL
#undef NAME
#undef BLOCK
#undef LANES
