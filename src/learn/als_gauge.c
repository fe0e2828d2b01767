// als_gauge.c - the freedom of separable functions: factors moved between blocks without changing a value, before a block is solved for.
//
//   products       u_{m,d} / c and c u_{m,e}: the block at work holds the size of every mode, all other functions have coefficients of mean square 1
//   tucker         u_d = L q_d with orthogonal q_d (LQ of their coefficients); G times L in direction d
//   tensor_train   QR of the sites on the left, LQ of those on the right (Holtz, Rohwedder, Schneider, SIAM J. Sci. Comput. 34 (2012) A683)
//
// Orthogonal means orthogonal coefficients, scaled to mean square 1, so that functions are of order 1. Uniform splines of low degree are well conditioned:
// this is near enough to orthogonality over the rows.
#include "als_impl.h"
#include <math.h>
#include <petscblaslapack.h>

// ---- Products ----

// Sets the coefficients' mean square to 1 (a zero function stays) and returns what they were divided by.
static double Normalize(PetscInt n, double w[])
{
  double sum = 0;

  for (PetscInt i = 0; i < n; i++) sum += w[i] * w[i];
  const double size = sqrt(sum / (double)n);
  if (!(size > 0) || !isfinite(size) || fabs(size - 1) < 1e-14) return 1;
  for (PetscInt i = 0; i < n; i++) w[i] /= size;
  return size;
}

static double *FunctionOf(SnaSeparable s, PetscInt m, PetscInt j, PetscInt *d)
{
  const PetscInt f = s->factor[s->first[m] + j];

  for (*d = 0; f >= s->offset[*d + 1];) ++*d;
  return s->theta + s->start[*d] + (f - s->offset[*d]) * s->table[*d].n;
}

// Of all blocks but `block`, or of `from` alone.
static void FocusProducts(SnaSeparable s, PetscInt from, PetscInt block)
{
  const PetscInt nd = s->o.nd;
  double        *A  = s->theta + s->start[nd];

  if (!s->full) from = -1; // block - 1 need not hold the size of a mode
  for (PetscInt m = 0; m < s->nmode; m++) {
    double   size = 1, *holder = NULL;
    PetscInt n = 0;

    for (PetscInt j = 0; j < s->first[m + 1] - s->first[m]; j++) {
      PetscInt d;
      double  *w = FunctionOf(s, m, j, &d);

      if (d == block) {
        holder = w;
        n      = s->table[d].n;
      } else if (from < 0 || d == from)
        size *= Normalize(s->table[d].n, w);
    }
    if (s->o.learned && block < nd && from < 0) { // the column of weights of mode m
      double sum = 0;

      for (PetscInt o = 0; o < s->o.nout; o++) sum += A[o * s->nmode + m] * A[o * s->nmode + m];
      sum = sqrt(sum / (double)s->o.nout);
      if (sum > 0 && isfinite(sum) && holder) {
        for (PetscInt o = 0; o < s->o.nout; o++) A[o * s->nmode + m] /= sum;
        size *= sum;
      }
    }
    if (holder)
      for (PetscInt i = 0; i < n; i++) holder[i] *= size;
    else if (s->o.learned)
      for (PetscInt o = 0; o < s->o.nout; o++) A[o * s->nmode + m] *= size;
    else { // a mode without this direction: its first function holds
      PetscInt d;
      double  *w = FunctionOf(s, m, 0, &d);

      for (PetscInt i = 0; i < s->table[d].n; i++) w[i] *= size;
    }
  }
}

// ---- Orthogonal factors ----

// X (m x k, column by column, m >= k) becomes Q sqrt(scale), R (k x k, row by row) R / sqrt(scale).
static PetscErrorCode Orthogonalize(PetscInt m, PetscInt k, double scale, double X[], double R[])
{
  const double root = sqrt(scale);
  PetscBLASInt bm, bk, lwork, info;
  double      *tau, *work;

  PetscFunctionBeginUser;
  PetscCall(PetscBLASIntCast(m, &bm));
  PetscCall(PetscBLASIntCast(k, &bk));
  lwork = 32 * bk;
  PetscCall(PetscMalloc2((size_t)k, &tau, (size_t)lwork, &work));
  PetscCallBLAS("LAPACKgeqrf", LAPACKgeqrf_(&bm, &bk, X, &bm, tau, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK geqrf: %d", (int)info);
  for (PetscInt i = 0; i < k; i++)
    for (PetscInt j = 0; j < k; j++) R[i * k + j] = j < i ? 0 : X[j * m + i] / root;
  PetscCallBLAS("LAPACKorgqr", LAPACKorgqr_(&bm, &bk, &bk, X, &bm, tau, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK orgqr: %d", (int)info);
  for (PetscInt i = 0; i < m * k; i++) X[i] *= root;
  PetscCall(PetscFree2(tau, work));
  PetscFunctionReturn(0);
}

// Y[a][k][c] = sum_j M[k][j] Y[a][j][c], j and k < n
static PetscErrorCode Apply(PetscInt na, PetscInt n, PetscInt nc, const double M[], double Y[])
{
  double *X;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)(n * nc), &X));
  for (PetscInt a = 0; a < na; a++, Y += n * nc) {
    PetscCall(PetscArrayzero(X, n * nc));
    for (PetscInt k = 0; k < n; k++)
      for (PetscInt j = 0; j < n; j++)
        for (PetscInt c = 0; c < nc; c++) X[k * nc + c] += M[k * n + j] * Y[j * nc + c];
    PetscCall(PetscArraycpy(Y, X, n * nc));
  }
  PetscCall(PetscFree(X));
  PetscFunctionReturn(0);
}

static PetscErrorCode FocusTucker(SnaSeparable s, PetscInt from, PetscInt block)
{
  const PetscInt nd = s->o.nd, r = s->o.rank;
  double        *R;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)(r * r), &R));
  for (PetscInt d = from < 0 ? 0 : from; d < (from < 0 ? nd : PetscMin(from + 1, nd)); d++) {
    PetscInt before = s->o.nout, after = 1;

    if (d == block || s->table[d].n < r) continue;
    for (PetscInt e = 0; e < d; e++) before *= r;
    for (PetscInt e = d + 1; e < nd; e++) after *= r;
    // The functions' coefficients are the columns of X = Q R: u_j = sum_k R[k][j] q_k.
    PetscCall(Orthogonalize(s->table[d].n, r, (double)s->table[d].n, s->theta + s->start[d], R));
    PetscCall(Apply(before, r, after, R, s->theta + s->start[nd]));
  }
  PetscCall(PetscFree(R));
  PetscFunctionReturn(0);
}

// Site d becomes orthogonal on its left side; the rest goes into site d + 1.
static PetscErrorCode ShiftRight(SnaSeparable s, PetscInt d)
{
  const PetscInt ra = s->r[d], rb = s->r[d + 1], n = s->table[d].n, m = ra * n;
  double        *G = s->theta + s->start[d], *X, *R;

  PetscFunctionBeginUser;
  if (m < rb) PetscFunctionReturn(0);
  PetscCall(PetscMalloc2((size_t)(m * rb), &X, (size_t)(rb * rb), &R));
  for (PetscInt a = 0; a < ra; a++)
    for (PetscInt b = 0; b < rb; b++) PetscCall(PetscArraycpy(X + b * m + a * n, G + (a * rb + b) * n, n));
  PetscCall(Orthogonalize(m, rb, (double)n, X, R));
  for (PetscInt a = 0; a < ra; a++)
    for (PetscInt b = 0; b < rb; b++) PetscCall(PetscArraycpy(G + (a * rb + b) * n, X + b * m + a * n, n));
  PetscCall(Apply(1, rb, s->r[d + 2] * s->table[d + 1].n, R, s->theta + s->start[d + 1]));
  PetscCall(PetscFree2(X, R));
  PetscFunctionReturn(0);
}

// Site d becomes orthogonal on its right side; the rest goes into site d - 1.
static PetscErrorCode ShiftLeft(SnaSeparable s, PetscInt d)
{
  const PetscInt ra = s->r[d], m = s->r[d + 1] * s->table[d].n;
  double        *R;

  PetscFunctionBeginUser;
  if (m < ra) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1((size_t)(ra * ra), &R));
  // Row a of the site is column a of X = Q R: G_d[a] = sum_k R[k][a] Q[k].
  PetscCall(Orthogonalize(m, ra, (double)s->table[d].n, s->theta + s->start[d], R));
  PetscCall(Apply(s->r[d - 1], ra, s->table[d - 1].n, R, s->theta + s->start[d - 1]));
  PetscCall(PetscFree(R));
  PetscFunctionReturn(0);
}

PetscErrorCode AlsFocus(SnaSeparable s, PetscInt from, PetscInt block)
{
  PetscFunctionBeginUser;
  switch (s->o.kind) {
  case SNA_SEPARABLE_PRODUCTS:
    FocusProducts(s, from, block);
    break;
  case SNA_SEPARABLE_TUCKER:
    PetscCall(FocusTucker(s, from, block));
    break;
  case SNA_SEPARABLE_TENSOR_TRAIN:
    for (PetscInt d = from < 0 ? 0 : from; d < block; d++) PetscCall(ShiftRight(s, d));
    for (PetscInt d = s->o.nd - 1; d > block && from < 0; d--) PetscCall(ShiftLeft(s, d));
    break;
  }
  PetscFunctionReturn(0);
}
