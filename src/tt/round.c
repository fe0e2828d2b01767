// round.c - truncation in L2: ranks (TT-SVD), mode ranks (HOSVD), to a tolerance or to a number of parameters.
//
// In an orthonormal train with centre k the singular values of core k as (a,j) x b and as (a,b) x j are those of the function at the cut right of k and in
// direction dir[k]. Dropping the smallest is an orthogonal projection; along a sweep to the right every projection leaves the changes of the earlier ones
// orthogonal to what is left, so that their squares add up to the square of the whole change.
// Oseledets, SIAM J. Sci. Comput. 33 (2011) 2295, alg. 2; de Lathauwer et al., SIAM J. Matrix Anal. Appl. 21 (2000) 1253.
// Singular values come from QR and SVD, not from Gram matrices, which hold nothing below 1e-8 of the largest.
#include "tt_impl.h"

PetscErrorCode SnaTtLeftSVD_Private(PetscInt m, PetscInt n, const double *A, double *U, double *S)
{
  const PetscInt     k = PetscMin(m, n), tall = PetscMax(m, n);
  const PetscBLASInt kb = (PetscBLASInt)k, one = 1, lwork = 8 * kb;
  const PetscBool transposed = (PetscBool)(m < n); // then A^T = Q R and the left vectors of A are the right ones of R
  double         *T, *R, *V, *work, none;
  PetscBLASInt    info;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4((size_t)m * (size_t)n, &T, (size_t)k * (size_t)k, &R, (size_t)k * (size_t)k, &V,
    PetscMax(SnaTtQRWork_Private(tall, k), (size_t)lwork), &work));
  if (transposed) {
    for (PetscInt j = 0; j < n; j++) {
      for (PetscInt i = 0; i < m; i++) T[j + n * i] = A[i + m * j];
    }
  } else
    PetscCall(PetscArraycpy(T, A, (size_t)m * (size_t)n));
  PetscCall(SnaTtQR_Private(tall, k, T, R, work));
  PetscCallBLAS(
    "dgesvd", LAPACKgesvd_(transposed ? "N" : "S", transposed ? "S" : "N", &kb, &kb, R, &kb, S, transposed ? &none : V,
                transposed ? &one : &kb, transposed ? V : &none, transposed ? &kb : &one, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "dgesvd: info %d", (int)info);
  if (transposed) {
    for (PetscInt j = 0; j < k; j++) {
      for (PetscInt i = 0; i < k; i++) U[i + k * j] = V[j + k * i];
    }
  } else
    PetscCall(SnaTtGemm_Private("N", "N", m, k, k, T, m, V, k, 0, U, m));
  PetscCall(PetscFree4(T, R, V, work));
  PetscFunctionReturn(0);
}

PetscInt SnaTtTail_Private(PetscInt n, const double *S, double tol, double *tail2)
{
  PetscInt kept = n;

  *tail2 = 0;
  for (; kept > 1 && *tail2 + PetscSqr(S[kept - 1]) <= PetscSqr(tol); kept--) *tail2 += PetscSqr(S[kept - 1]);
  return kept;
}

// Mode rank of the centre k, at least `least`: what is dropped is at most tol; its square is added to *error2.
static PetscErrorCode TruncateMode(SnaTt tt, PetscInt k, PetscInt least, double tol, double *error2)
{
  const PetscInt n = tt->n[k], m = tt->m[k], rq = tt->r[k] * tt->r[k + 1], values = PetscMin(m, rq);
  double        *T, *U, *S, *leaf, tail2;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3((size_t)m * (size_t)rq, &T, (size_t)m * (size_t)values, &U, values, &S));
  for (PetscInt j = 0; j < m; j++) {
    for (PetscInt i = 0; i < rq; i++) T[j + m * i] = tt->core[k][i + rq * j];
  }
  PetscCall(SnaTtLeftSVD_Private(m, rq, T, U, S));
  PetscInt kept = SnaTtTail_Private(values, S, tol, &tail2);
  if (kept < least) {
    kept  = PetscMin(values, least);
    tail2 = 0;
    for (PetscInt i = kept; i < values; i++) tail2 += PetscSqr(S[i]);
  }
  if (kept < m) {
    PetscCall(PetscMalloc1((size_t)n * (size_t)kept, &leaf));
    PetscCall(SnaTtGemm_Private("T", "N", kept, n, m, U, m, tt->leaf[k], m, 0, leaf, kept));
    PetscCall(SnaTtMultiplyMode_Private(tt, k, PETSC_FALSE, kept, U));
    PetscCall(PetscFree(tt->leaf[k]));
    tt->leaf[k] = leaf;
    tt->m[k]    = kept;
    *error2 += tail2;
  }
  PetscCall(PetscFree3(T, U, S));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtTruncateModes(SnaTtSpace space, SnaTt tt, PetscInt c, double tol)
{
  double error2 = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaTtCheck_Private(space, tt));
  for (PetscInt k = c; k > 0; k--) PetscCall(SnaTtMoveCentre(tt, k, PETSC_FALSE));
  for (PetscInt k = 0; k < tt->nd; k++) {
    PetscCheck(tt->leaf[k], PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "Site %" PetscInt_FMT " is not orthonormal", k);
    PetscCall(TruncateMode(tt, k, 1, tol / PetscSqrtReal((double)tt->nd), &error2));
    if (k + 1 < tt->nd) PetscCall(SnaTtMoveCentre(tt, k, PETSC_TRUE));
  }
  for (PetscInt k = tt->nd - 1; k > c; k--) PetscCall(SnaTtMoveCentre(tt, k, PETSC_FALSE));
  PetscFunctionReturn(0);
}

// Truncates the cut right of the centre k to a rank, at most; the centre moves to k+1.
static PetscErrorCode TruncateCut(SnaTt tt, PetscInt k, PetscInt rank, double *error2)
{
  const PetscInt r = tt->r[k], q = tt->r[k + 1], m = tt->m[k], rows = r * m, values = PetscMin(rows, q);
  const PetscInt rest = tt->r[k + 2] * tt->m[k + 1];
  double        *A, *U, *S, *V, *core, *next, tail2 = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4(
    (size_t)rows * (size_t)q, &A, (size_t)rows * (size_t)values, &U, values, &S, (size_t)values * (size_t)q, &V));
  for (PetscInt j = 0; j < m; j++) {
    for (PetscInt b = 0; b < q; b++) PetscCall(PetscArraycpy(A + r * j + rows * b, tt->core[k] + r * (b + q * j), r));
  }
  PetscCall(SnaTtLeftSVD_Private(rows, q, A, U, S));
  const PetscInt kept = PetscMin(values, rank);
  for (PetscInt i = kept; i < values; i++) tail2 += PetscSqr(S[i]);
  PetscCall(SnaTtGemm_Private("T", "N", kept, q, rows, U, rows, A, rows, 0, V, kept));
  PetscCall(PetscMalloc1((size_t)rows * (size_t)kept, &core));
  PetscCall(PetscMalloc1((size_t)kept * (size_t)rest, &next));
  for (PetscInt j = 0; j < m; j++) {
    for (PetscInt b = 0; b < kept; b++) PetscCall(PetscArraycpy(core + r * (b + kept * j), U + r * j + rows * b, r));
  }
  PetscCall(SnaTtGemm_Private("N", "N", kept, rest, q, V, kept, tt->core[k + 1], q, 0, next, kept));
  PetscCall(PetscFree(tt->core[k]));
  PetscCall(PetscFree(tt->core[k + 1]));
  tt->core[k]     = core;
  tt->core[k + 1] = next;
  tt->r[k + 1]    = kept;
  *error2 += tail2;
  PetscCall(PetscFree4(A, U, S, V));
  PetscFunctionReturn(0);
}

// Where the core on all splines has no more numbers than core and leaf.
static PetscErrorCode MergeLeaves(SnaTt tt)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt rq = tt->r[k] * tt->r[k + 1], n = tt->n[k], m = tt->m[k];

    if (rq * n > n * m + rq * m) continue;
    PetscCall(SnaTtMultiplyMode_Private(tt, k, PETSC_FALSE, n, tt->leaf[k])); // row-major n x m is column-major m x n
    PetscCall(PetscFree(tt->leaf[k]));
    tt->m[k] = n;
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Rounding: which ranks to keep. The squares of all dropped singular values, of cuts and of modes, bound the square of the change, so the ranks are lowered one at a time where
// a dropped square saves most numbers, until the tolerance is spent or the numbers are few enough.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt nd, n[SNA_MAX_DIM], m[SNA_MAX_DIM], r[SNA_MAX_DIM + 1];
  double  *mode[SNA_MAX_DIM], *cut[SNA_MAX_DIM + 1]; // singular values; NULL where nothing is to be dropped
} Spectra;

// Numbers of a train with these ranks, as it is stored.
static PetscInt Count(const Spectra *s)
{
  PetscInt count = 0;

  for (PetscInt k = 0; k < s->nd; k++) {
    const PetscInt rq = s->r[k] * s->r[k + 1], m = PetscMin(s->m[k], rq);

    count += PetscMin(rq * s->n[k], s->n[k] * m + rq * m);
  }
  return count;
}

// tt: orthonormal with centre 0.
static PetscErrorCode CreateSpectra(SnaTt tt, Spectra *s)
{
  SnaTt   t;
  double *A, *U;

  PetscFunctionBeginUser;
  s->nd     = tt->nd;
  s->cut[0] = NULL;
  PetscCall(SnaTtDuplicate(tt, &t));
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt r = t->r[k], q = t->r[k + 1], m = t->m[k], rows = r * m, rq = r * q;

    s->n[k]    = t->n[k];
    s->m[k]    = m;
    s->r[k]    = r;
    s->mode[k] = NULL;
    PetscCall(PetscMalloc2((size_t)rows * (size_t)q, &A, (size_t)rows * (size_t)q, &U));
    if (k > 0 && k < tt->nd - 1) { // at the ends the mode is the cut
      for (PetscInt j = 0; j < m; j++)
        for (PetscInt i = 0; i < rq; i++) A[j + m * i] = t->core[k][i + rq * j];
      PetscCall(PetscCalloc1((size_t)m, &s->mode[k]));
      PetscCall(SnaTtLeftSVD_Private(m, rq, A, U, s->mode[k]));
    }
    if (k + 1 < tt->nd) {
      for (PetscInt j = 0; j < m; j++)
        for (PetscInt b = 0; b < q; b++)
          PetscCall(PetscArraycpy(A + r * j + rows * b, t->core[k] + r * (b + q * j), r));
      PetscCall(PetscCalloc1((size_t)q, &s->cut[k + 1]));
      PetscCall(SnaTtLeftSVD_Private(rows, q, A, U, s->cut[k + 1]));
      PetscCall(SnaTtMoveCentre(t, k, PETSC_TRUE));
    }
    PetscCall(PetscFree2(A, U));
  }
  s->r[tt->nd] = 1;
  PetscCall(SnaTtDestroy(&t));
  PetscFunctionReturn(0);
}

static PetscErrorCode DestroySpectra(Spectra *s)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < s->nd; k++) {
    PetscCall(PetscFree(s->mode[k]));
    PetscCall(PetscFree(s->cut[k]));
  }
  PetscFunctionReturn(0);
}

// Lowers s->r and s->m while the sum of dropped squares stays below tol^2 and the numbers are more than `parameters`.
static void LowerRanks(Spectra *s, double tol, PetscInt parameters)
{
  double   dropped2 = 0;
  PetscInt count    = Count(s);

  while (count > parameters) {
    double    best = PETSC_MAX_REAL, square = 0;
    PetscInt *rank = NULL;

    for (PetscInt k = 0; k < s->nd; k++) {
      PetscInt     *which[2]  = {&s->r[k], &s->m[k]};
      const double *values[2] = {s->cut[k], s->mode[k]};

      for (int i = 0; i < 2; i++) {
        if (!values[i] || *which[i] <= 1) continue;
        const double v = PetscSqr(values[i][*which[i] - 1]);
        if (dropped2 + v > tol * tol) continue;
        --*which[i];
        const double ratio = v / (double)PetscMax(1, count - Count(s));
        ++*which[i];
        if (ratio >= best) continue;
        best   = ratio;
        square = v;
        rank   = which[i];
      }
    }
    if (!rank) break;
    --*rank;
    dropped2 += square;
    count = Count(s);
  }
}

static PetscErrorCode RoundToRanks(SnaTt tt, const Spectra *s, double *error)
{
  double error2 = 0;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < tt->nd; k++) {
    if (s->mode[k]) PetscCall(TruncateMode(tt, k, s->m[k], PETSC_MAX_REAL, &error2));
    if (k + 1 < tt->nd) PetscCall(TruncateCut(tt, k, s->r[k + 1], &error2));
  }
  // A cut or a mode may hold more than what its neighbours kept after it.
  PetscCall(SnaTtOrthonormaliseCores_Private(tt, 0));
  PetscCall(SnaTtShrinkModes_Private(tt));
  PetscCall(MergeLeaves(tt));
  *error = PetscSqrtReal(error2);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtRound(SnaTtSpace space, SnaTt tt, double tol, double *error)
{
  Spectra s;

  PetscFunctionBeginUser;
  PetscCall(SnaTtOrthonormalise(space, tt, 0));
  PetscCall(CreateSpectra(tt, &s));
  LowerRanks(&s, tol, 0);
  PetscCall(RoundToRanks(tt, &s, error));
  PetscCall(DestroySpectra(&s));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtRoundToBudget(SnaTtSpace space, SnaTt tt, PetscInt parameters, double *error, PetscBool *fits)
{
  PetscInt least = 0;
  Spectra  s;

  PetscFunctionBeginUser;
  *error = 0;
  for (PetscInt k = 0; k < tt->nd; k++) least += tt->n[k];
  *fits = (PetscBool)(least <= parameters);
  if (!*fits) PetscFunctionReturn(0);
  PetscCall(SnaTtOrthonormalise(space, tt, 0));
  PetscCall(CreateSpectra(tt, &s));
  LowerRanks(&s, 1e150, parameters);
  PetscCall(RoundToRanks(tt, &s, error));
  PetscCall(DestroySpectra(&s));
  PetscFunctionReturn(0);
}
