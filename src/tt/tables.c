// tables.c - the 1-D integrals of a site in the basis of its modes: M_t <- U^T M_t U, f_t <- U^T f_t with U the leaf (n x m).
#include "als_impl.h"
#include <petscblaslapack.h>

PetscErrorCode SnaTtBufferNeed(SnaTtBuffer *b, size_t n)
{
  PetscFunctionBeginUser;
  if (n > b->n) {
    PetscCall(PetscFree(b->p));
    PetscCall(PetscMalloc1(n + n / 4, &b->p));
    b->n = n + n / 4;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtTablesDestroy(SnaTtTables *t)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(t->M));
  PetscCall(PetscFree(t->f));
  PetscCall(PetscFree(t->identity));
  t->m = t->ntable = t->nvector = 0;
  PetscFunctionReturn(0);
}

static PetscErrorCode Resize(PetscInt m, PetscInt ntable, PetscInt nvector, SnaTtTables *t)
{
  PetscFunctionBeginUser;
  if (t->m != m || t->ntable != ntable || t->nvector != nvector) {
    PetscCall(SnaTtTablesDestroy(t));
    PetscCall(PetscCalloc1((size_t)ntable * (size_t)m * (size_t)m, &t->M));
    PetscCall(PetscCalloc1((size_t)PetscMax(1, nvector) * (size_t)m, &t->f));
    PetscCall(PetscCalloc1(ntable, &t->identity));
    t->m       = m;
    t->ntable  = ntable;
    t->nvector = nvector;
  }
  PetscFunctionReturn(0);
}

// T (n x m, row-major) = M (band) * leaf
static void BandTimes(PetscInt n, PetscInt p, PetscInt m, const double *M, const double *leaf, double *T)
{
  for (PetscInt i = 0; i < n; i++) {
    double *row = T + i * m;

    for (PetscInt c = 0; c < m; c++) row[c] = 0;
    for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++) {
      const double  v = M[i * (2 * p + 1) + (j - i + p)];
      const double *x = leaf + j * m;

      for (PetscInt c = 0; c < m; c++) row[c] += v * x[c];
    }
  }
}

PetscErrorCode SnaTtTablesProject(
  SnaLsq lsq, SnaTtOperator op, PetscInt k, PetscInt m, const double leaf[], SnaTtTables *t)
{
  const SnaLsqDirection *D   = &lsq->dir[op->dir[k]];
  const double           one = 1, zero = 0;
  const PetscBLASInt     bm = (PetscBLASInt)m, bn = (PetscBLASInt)D->n, inc = 1;
  PetscBool             *used;
  double                *T;

  PetscFunctionBeginUser;
  PetscCall(Resize(m, D->npair, D->nvec, t));
  PetscCall(PetscCalloc2(D->npair, &used, (size_t)D->n * (size_t)m, &T));
  for (PetscInt i = 0; i < op->A.ntrans[k]; i++) used[op->A.trans[k][i].table] = PETSC_TRUE;
  for (PetscInt p = 0; p < D->npair; p++) {
    double *G = t->M + (size_t)p * (size_t)m * (size_t)m;

    t->identity[p] = used[p];
    if (!used[p]) continue;
    BandTimes(D->n, D->p, m, D->M[p], leaf, T);
    // Row-major n x m arrays are column-major m x n ones: G = leaf^T T.
    PetscCallBLAS("BLASgemm", BLASgemm_("N", "T", &bm, &bm, &bn, &one, leaf, &bm, T, &bm, &zero, G, &bm));
    for (PetscInt j = 0; j < m; j++)
      for (PetscInt i = 0; i < m; i++)
        t->identity[p] = (PetscBool)(t->identity[p] && PetscAbsReal(G[i + m * j] - (i == j ? 1.0 : 0.0)) < 1e-12);
  }
  for (PetscInt v = 0; v < D->nvec; v++)
    PetscCallBLAS("BLASgemv",
      BLASgemv_("N", &bm, &bn, &one, leaf, &bm, D->f + (size_t)v * (size_t)D->n, &inc, &zero, t->f + v * m, &inc));
  PetscCall(PetscFree2(used, T));
  PetscFunctionReturn(0);
}
