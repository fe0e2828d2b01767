// space.c - the bases of a tensor train with their mass matrices M_ij = int B_i B_j, and what needs M = L L^T: columns orthonormal in L2.
//
// With B the coefficients of m functions, (B_j, B_j') = (L^T B)^T (L^T B), so a QR factorisation of L^T B (Householder) orthonormalises in L2 whatever the rank and
// the conditioning of B, where the Cholesky factor of B^T M B would lose half of the digits.
#include "tt_impl.h"

PetscErrorCode SnaTtSpaceCreate(PetscInt nd, const SnaBasis bases[], SnaTtSpace *space)
{
  SnaTtSpace s;

  PetscFunctionBeginUser;
  PetscCheck(
    nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  PetscCall(PetscNew(&s));
  s->nd = nd;
  for (PetscInt d = 0; d < nd; d++) {
    SnaTabulation t;

    s->basis[d] = bases[d];
    PetscCall(SnaBasisGetInfo(bases[d], &s->info[d]));
    PetscCall(PetscMalloc1((size_t)s->info[d].n * (size_t)(2 * s->info[d].band + 1), &s->mass[d]));
    PetscCall(SnaTabulationCreate(bases[d], s->info[d].points, 0, &t));
    PetscCall(SnaIntegrateMatrix(bases[d], &t, 0, 0, NULL, s->mass[d]));
    PetscCall(SnaTabulationDestroy(&t));
  }
  *space = s;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtSpaceDestroy(SnaTtSpace *space)
{
  PetscFunctionBeginUser;
  if (!*space) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < (*space)->nd; d++) PetscCall(PetscFree((*space)->mass[d]));
  PetscCall(PetscFree(*space));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtCheck_Private(SnaTtSpace space, SnaTt tt)
{
  PetscFunctionBeginUser;
  PetscCheck(tt->nd == space->nd, PETSC_COMM_SELF, PETSC_ERR_ARG_INCOMP,
    "A train of %" PetscInt_FMT " directions in a space of %" PetscInt_FMT, tt->nd, space->nd);
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt d = tt->dir[k];

    PetscCheck(d >= 0 && d < space->nd && tt->n[k] == space->info[d].n, PETSC_COMM_SELF, PETSC_ERR_ARG_INCOMP,
      "Site %" PetscInt_FMT " of the train (direction %" PetscInt_FMT ", %" PetscInt_FMT
      " functions) does not fit the space",
      k, d, tt->n[k]);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtMassCholesky_Private(SnaTtSpace space, PetscInt d, double **factor)
{
  const PetscInt n = space->info[d].n, p = space->info[d].band;
  const double  *M = space->mass[d];
  double        *L;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)n * (size_t)(p + 1), &L));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt first = PetscMax(0, i - p);

    for (PetscInt j = first; j <= i; j++) {
      double sum = M[i * (2 * p + 1) + (j - i + p)];

      for (PetscInt k = first; k < j; k++) sum -= L[i * (p + 1) + (k - i + p)] * L[j * (p + 1) + (k - j + p)];
      PetscCheck(j < i || sum > 0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
        "The mass matrix of direction %s is not positive definite", space->info[d].name);
      L[i * (p + 1) + (j - i + p)] = j < i ? sum / L[j * (p + 1) + p] : PetscSqrtReal(sum);
    }
  }
  *factor = L;
  PetscFunctionReturn(0);
}

void SnaTtMassMultiplyT_Private(PetscInt n, PetscInt p, const double *L, PetscInt m, double *B)
{
  for (PetscInt j = 0; j < n; j++) {
    for (PetscInt c = 0; c < m; c++) B[j * m + c] *= L[j * (p + 1) + p];
    for (PetscInt i = j + 1; i < PetscMin(n, j + p + 1); i++) {
      for (PetscInt c = 0; c < m; c++) B[j * m + c] += L[i * (p + 1) + (j - i + p)] * B[i * m + c];
    }
  }
}

void SnaTtMassSolve_Private(PetscInt n, PetscInt p, const double *L, PetscInt m, double *B)
{
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = PetscMax(0, i - p); j < i; j++) {
      for (PetscInt c = 0; c < m; c++) B[i * m + c] -= L[i * (p + 1) + (j - i + p)] * B[j * m + c];
    }
    for (PetscInt c = 0; c < m; c++) B[i * m + c] /= L[i * (p + 1) + p];
  }
}

void SnaTtMassSolveT_Private(PetscInt n, PetscInt p, const double *L, PetscInt m, double *B)
{
  for (PetscInt j = n - 1; j >= 0; j--) {
    for (PetscInt i = j + 1; i < PetscMin(n, j + p + 1); i++) {
      for (PetscInt c = 0; c < m; c++) B[j * m + c] -= L[i * (p + 1) + (j - i + p)] * B[i * m + c];
    }
    for (PetscInt c = 0; c < m; c++) B[j * m + c] /= L[j * (p + 1) + p];
  }
}

PetscErrorCode SnaTtOrthonormaliseColumns_Private(SnaTtSpace space, PetscInt d, PetscInt m, double *B, double *R)
{
  const PetscInt n = space->info[d].n, p = space->info[d].band, k = PetscMin(n, m);
  double        *L, *A, *work;

  PetscFunctionBeginUser;
  PetscCall(SnaTtMassCholesky_Private(space, d, &L));
  PetscCall(PetscMalloc2((size_t)n * (size_t)m, &A, SnaTtQRWork_Private(n, m), &work));
  SnaTtMassMultiplyT_Private(n, p, L, m, B);
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = 0; j < m; j++) A[i + n * j] = B[i * m + j];
  }
  PetscCall(SnaTtQR_Private(n, m, A, R, work));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = 0; j < k; j++) B[i * k + j] = A[i + n * j];
  }
  SnaTtMassSolveT_Private(n, p, L, k, B);
  PetscCall(PetscFree2(A, work));
  PetscCall(PetscFree(L));
  PetscFunctionReturn(0);
}
