// leaf.c - the leaf of a site: with the core's mode unfolding orthonormal (X = Q R), the leaf solves the same kind of system as a CP factor,
//
//   (sum_t M_t (x) G_t) vec(C) = - sum_t f_t (x) g_t,     G_t (m x m) and g_t (m) from the environments,
//
// by the block-band Cholesky of SnaKron with block size m; then C = leaf R with leaf^T M leaf = I, and the core becomes Q R^T.
#include "als_state.h"
#include "tt_impl.h"

PetscErrorCode SnaTtSolveLeaf(SnaTtAls als, PetscInt k, PetscBool *failed)
{
  SnaTt                  tt = als->tt;
  const PetscInt         d = tt->dir[k], m = tt->m[k], n = tt->n[k], rows = tt->r[k] * tt->r[k + 1];
  const SnaLsqDirection *D    = &als->level->lsq->dir[d];
  const PetscInt         nvec = D->nvec;
  SnaTtLocal             l;
  double                *Q, *R, *C, *G, *g, *b, *work, mean, shift = 0;
  const double         **M, **W;
  PetscInt               nk  = 0;
  PetscBool              bad = PETSC_TRUE;
  PetscBool             *used;

  PetscFunctionBeginUser;
  *failed = PETSC_FALSE;
  if (rows < m) PetscFunctionReturn(0); // more modes than the core has rows: the core alone holds the site
  PetscCall(SnaTtAlsLocal(als, k, 1, PETSC_FALSE, &l));
  PetscCall(PetscMalloc6((size_t)rows * (size_t)m, &Q, (size_t)m * (size_t)m, &R, (size_t)n * (size_t)m, &C,
    (size_t)D->npair * (size_t)(m * m), &G, (size_t)PetscMax(1, nvec) * (size_t)m, &g, (size_t)n * (size_t)m, &b));
  PetscCall(PetscCalloc3(D->npair, &used, D->npair, &M, D->npair, &W));
  PetscCall(PetscArraycpy(Q, tt->core[k], (size_t)rows * (size_t)m));
  PetscCall(PetscMalloc1(SnaTtQRWork_Private(rows, m), &work));
  PetscCall(SnaTtQR_Private(rows, m, Q, R, work));
  PetscCall(PetscFree(work));
  // C = leaf R^T (row-major), as column-major: C^T = R leaf^T.
  PetscCall(SnaTtGemm_Private("N", "N", m, n, m, R, m, tt->leaf[k], m, 0, C, m));
  PetscCall(SnaTtLeafTables(als->local, als->op, &l, Q, D->npair, G, nvec, g));
  for (PetscInt i = 0; i < als->op->A.ntrans[k]; i++) used[als->op->A.trans[k][i].table] = PETSC_TRUE;
  for (PetscInt t = 0; t < D->npair; t++) {
    if (!used[t]) continue;
    M[nk]   = D->M[t];
    W[nk++] = G + (size_t)t * (size_t)(m * m);
  }
  PetscCall(PetscArrayzero(b, (size_t)n * (size_t)m));
  for (PetscInt v = 0; v < nvec; v++) {
    const double *f = D->f + (size_t)v * (size_t)n;

    for (PetscInt i = 0; i < n; i++)
      for (PetscInt j = 0; j < m; j++) b[i * m + j] -= f[i] * g[v * m + j];
  }
  if (als->kron[k] && als->kron_m[k] != m) PetscCall(SnaKronDestroy(&als->kron[k]));
  if (!als->kron[k]) {
    PetscCall(SnaKronCreate(PETSC_COMM_SELF, n, D->p, m, als->options.prefix, &als->kron[k]));
    PetscCall(SnaKronSetStorage(als->kron[k], als->storage));
    als->kron_m[k] = m;
  }
  // A weak form that needs more than 1e-7 is not coercive.
  for (PetscInt attempt = 0; attempt < (als->level->lsq->galerkin ? 3 : 4) && bad; attempt++) {
    PetscCall(SnaKronSetTerms(als->kron[k], nk, M, W, m, shift));
    if (attempt == 0) {
      PetscCall(SnaKronGetMeanDiagonal(als->kron[k], &mean));
      shift = 1e-13 * mean;
      PetscCall(SnaKronSetTerms(als->kron[k], nk, M, W, m, shift));
    }
    PetscCall(PetscArraycpy(C, b, (size_t)n * (size_t)m));
    PetscCall(SnaKronSolve(als->kron[k], b, C, &bad));
    shift *= 1e3;
  }
  if (bad)
    *failed = PETSC_TRUE;
  else {
    if (als->size == 2) PetscCallMPI(MPI_Bcast(C, (PetscMPIInt)(n * m), MPI_DOUBLE, 0, als->comm));
    // C = leaf R, so that Q C^T = (Q R^T) leaf^T. By Householder: the columns of C span many orders of magnitude.
    PetscCall(SnaTtOrthonormaliseColumns_Private(als->space, d, m, C, R));
    PetscCall(PetscArraycpy(tt->leaf[k], C, (size_t)n * (size_t)m));
    PetscCall(SnaTtGemm_Private("N", "T", rows, m, m, Q, rows, R, m, 0, tt->core[k], rows));
    PetscCall(SnaTtTablesProject(als->level->lsq, als->op, k, m, tt->leaf[k], &als->site[k]));
  }
  PetscCall(PetscFree6(Q, R, C, G, g, b));
  PetscCall(PetscFree3(used, M, W));
  PetscFunctionReturn(0);
}
