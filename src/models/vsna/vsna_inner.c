// vsna_inner.c - inner products of a tensor train with sums of products of the deck's formulas, and the norms that follow.
//
// With h_{c,d}[i] = int B_i g_{c,d} the product (f, g_c) is a chain of small matrices along the train,
//
//   (f, g_c) = prod_k  sum_j core_k[., ., j] (leaf_k^T h_{c,dir[k]})_j,        (g_c, g_c') = prod_d int g_{c,d} g_{c',d}
//
// so that || f + g ||^2 = (f,f) + 2 (f,g) + (g,g) costs no more than 1-D integrals. Cancellation leaves a floor near 1e-8 relative.
#include "vsna.h"

// w[q] g(x_q) of one factor, or w alone.
static PetscErrorCode FactorOnRule(SnaExpr factor, PetscInt d, const SnaTabulation *tab, double values[])
{
  const double *x[SNA_MAX_DIM] = {NULL};

  PetscFunctionBeginUser;
  x[d] = tab->x;
  if (factor)
    PetscCall(SnaExprEvaluate(factor, tab->nq, x, values));
  else
    for (PetscInt q = 0; q < tab->nq; q++) values[q] = 1;
  PetscFunctionReturn(0);
}

// row (r_k numbers) times the matrix of site k for the projected function h (n numbers): next (r_{k+1} numbers).
static PetscErrorCode Contract(SnaTt tt, PetscInt k, const double h[], const double row[], double next[])
{
  const PetscInt r = tt->r[k], q = tt->r[k + 1], m = tt->m[k];
  double        *p;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(m, &p));
  for (PetscInt i = 0; i < tt->n[k]; i++) {
    if (!tt->leaf[k]) p[i] = h[i];
    for (PetscInt j = 0; tt->leaf[k] && j < m; j++) p[j] += tt->leaf[k][i * m + j] * h[i];
  }
  PetscCall(PetscArrayzero(next, q));
  for (PetscInt j = 0; j < m; j++) {
    for (PetscInt b = 0; b < q; b++) {
      const double *column = tt->core[k] + (size_t)r * ((size_t)b + (size_t)q * (size_t)j);
      for (PetscInt a = 0; a < r; a++) next[b] += p[j] * column[a] * row[a];
    }
  }
  PetscCall(PetscFree(p));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaInnerProducts(const Vsna *v, const VsnaLevel *level, const SnaTabulation tab[], SnaTt tt, PetscInt n,
  const SnaTerm *const term[], const double s[], double *ff, double *fg, double *gg)
{
  double **row, *G; // row[c]: the chain of term c up to the present site

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(n, &row, n * (size_t)n, &G));
  for (PetscInt c = 0; c < n; c++) {
    PetscCall(PetscMalloc1(1, &row[c]));
    row[c][0] = 1;
  }
  for (PetscInt i = 0; i < n * n; i++) G[i] = 1;
  for (PetscInt k = 0; k < v->nd; k++) {
    const PetscInt       d = tt ? tt->dir[k] : k;
    const SnaTabulation *t = &tab[d];
    double              *g, *h, *next;
    PetscCall(PetscMalloc1((size_t)n * (size_t)t->nq, &g));
    for (PetscInt c = 0; c < n; c++) PetscCall(FactorOnRule(term[c]->factor[d], d, t, g + c * t->nq));
    for (PetscInt a = 0; a < n; a++) {
      for (PetscInt b = 0; b < n; b++) {
        double sum = 0;
        for (PetscInt q = 0; q < t->nq; q++) sum += t->w[q] * g[a * t->nq + q] * g[b * t->nq + q];
        G[a * n + b] *= sum;
      }
    }
    for (PetscInt c = 0; tt && c < n; c++) {
      PetscCall(PetscMalloc1(tt->n[k], &h));
      PetscCall(PetscMalloc1(tt->r[k + 1], &next));
      PetscCall(SnaIntegrateVector(level->tt.bases[d], t, 0, g + c * t->nq, h));
      PetscCall(Contract(tt, k, h, row[c], next));
      PetscCall(PetscFree(h));
      PetscCall(PetscFree(row[c]));
      row[c] = next;
    }
    PetscCall(PetscFree(g));
  }
  *ff = *fg = *gg = 0;
  for (PetscInt a = 0; a < n; a++) {
    if (tt) *fg += s[a] * row[a][0];
    for (PetscInt b = 0; b < n; b++) *gg += s[a] * s[b] * G[a * n + b];
    PetscCall(PetscFree(row[a]));
  }
  PetscCall(PetscFree2(row, G));
  if (tt) {
    SnaTtSpace space;
    PetscCall(SnaTtSpaceCreate(v->nd, level->tt.bases, &space));
    PetscCall(SnaTtInner(space, tt, tt, ff));
    PetscCall(SnaTtSpaceDestroy(&space));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaSolutionNorms(const Vsna *v, const VsnaLevel *level, SnaTt tt, double *u, double *field)
{
  const SnaTerm *term[VSNA_MAX_TERMS];
  double         s[VSNA_MAX_TERMS], ff, fg, gg;

  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < v->lift.n; j++) {
    term[j] = &v->lift.term[j];
    s[j]    = v->lift.term[j].coefficient;
  }
  PetscCall(VsnaInnerProducts(v, level, level->tab, tt, v->lift.n, term, s, &ff, &fg, &gg));
  *u     = PetscSqrtReal(PetscMax(0, ff + 2 * fg + gg));
  *field = PetscSqrtReal(PetscMax(0, ff));
  PetscFunctionReturn(0);
}
