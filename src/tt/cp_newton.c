// cp_newton.c - damped Gauss-Newton steps for a CP beside a train (cp_fit.h).
//
// With J the derivative of the CP by its factors, a step X solves (J^T J + D) X = -g, g = J^T (CP - train), by conjugate gradients:
//
//   (J^T J X)_k = X_k W_k + A_k K_k,   W_k = prod*_{e != k} G_e,   K_k = sum_{e != k} (X_e^T A_e) * prod*_{f != k,e} G_f,   g = J^T J A / nd - B
//   D_k = damping * mean(diag W_k) * I             preconditioner: (W_k + D_k)^-1, the ALS update of each direction
//
// All W_k and K_k of a column come from one pass to the right and one to the left over the directions (products without k and their derivatives). The
// damping falls when the objective falls as the model says and rises when it does not (Levenberg, Marquardt).
// Tomasi, Bro, Comput. Stat. Data Anal. 50 (2006) 1700; Vervliet, De Lathauwer, "Numerical optimization-based algorithms for data fusion" (2019).
// Each of two ranks takes half of the columns of every product and half of the directions of the preconditioner.
#include "cp_fit.h"

#define CG_STEPS      10
#define CG_RTOL       1e-2 // of the preconditioned residual: more does not pay, the model is good for one step only
#define GOOD          0.9  // agreement with the model that lowers the damping
#define POOR          0.5  // and that raises it
#define DAMPING_DOWN  0.5
#define DAMPING_UP    2.   // doubled at each further attempt
#define START_DAMPING 1e-4 // at most, at each rank
#define MIN_DAMPING   1e-12
#define MAX_DAMPING   1e3
#define LANES         64 // entries that are worked on together
#define BASE          32 // matrices up to this size are inverted by LAPACK

typedef struct {
  size_t  N;
  double *x, *r, *z, *q, *Aq;
  double *inverse[SNA_MAX_DIM], shift[SNA_MAX_DIM]; // of this rank's directions; of all
  double *W, *K;                                    // nd panels of R x SNA_FIT_PANEL each
} Newton;

static PetscErrorCode CreateNewton(const SnaTtFit *fit, Newton *w)
{
  const size_t R = (size_t)fit->R, nd = (size_t)fit->tt->nd, panel = nd * (R * SNA_FIT_PANEL + SNA_FIT_PAD);

  PetscFunctionBeginUser;
  *w = (Newton){.N = (size_t)fit->offset[nd] * R};
  PetscCall(PetscMalloc5(w->N, &w->x, w->N, &w->r, w->N, &w->z, w->N, &w->q, w->N, &w->Aq));
  PetscCall(PetscMalloc2(panel, &w->W, panel, &w->K));
  for (PetscInt k = 0; k < fit->tt->nd; k++)
    if (k % fit->size == fit->rank) PetscCall(PetscMalloc1((size_t)R * (size_t)R, &w->inverse[k]));
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeNewton(const SnaTtFit *fit, Newton *w)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree5(w->x, w->r, w->z, w->q, w->Aq));
  PetscCall(PetscFree2(w->W, w->K));
  for (PetscInt k = 0; k < fit->tt->nd; k++) PetscCall(PetscFree(w->inverse[k]));
  PetscFunctionReturn(0);
}

static double Dot(size_t n, const double *x, const double *y)
{
  const PetscBLASInt nb = (PetscBLASInt)n, one = 1;
  return BLASdot_(&nb, x, &one, y, &one);
}

static void Axpy(size_t n, double a, const double *x, double *y)
{
  const PetscBLASInt nb = (PetscBLASInt)n, one = 1;
  BLASaxpy_(&nb, &a, x, &one, y, &one);
}

// Products before direction k+1 and their derivatives, from those before k.
static void StepRight(PetscInt n, const double *restrict g, const double *restrict h, const double *restrict p,
  const double *restrict dp, double *restrict p1, double *restrict dp1)
{
  for (PetscInt i = 0; i < n; i++) {
    p1[i]  = p[i] * g[i];
    dp1[i] = dp[i] * g[i] + p[i] * h[i];
  }
}

// W_k, and K_k in place of H_k, from the products before and after k; s and ds go on to those after k-1.
static void StepLeft(PetscInt n, const double *restrict g, const double *restrict p, const double *restrict dp,
  double *restrict w, double *restrict h, double *restrict s, double *restrict ds)
{
  for (PetscInt i = 0; i < n; i++) {
    const double hi = h[i];
    w[i]            = p[i] * s[i];
    h[i]            = dp[i] * s[i] + p[i] * ds[i];
    ds[i]           = ds[i] * g[i] + s[i] * hi;
    s[i] *= g[i];
  }
}

// One column of all W_k, and of all K_k in place of those of H_e = X_e^T A_e. From one direction to the next: `gram` numbers in G, `stride` in W and K.
static void Products(PetscInt nd, PetscInt R, PetscInt gram, const double *G, PetscInt stride, double *W, double *K)
{
  double p[SNA_MAX_DIM][LANES], dp[SNA_MAX_DIM][LANES], s[LANES], ds[LANES];

  for (PetscInt i0 = 0; i0 < R; i0 += LANES) {
    const PetscInt n = PetscMin(LANES, R - i0);

    for (PetscInt i = 0; i < n; i++) {
      p[0][i] = s[i] = 1;
      dp[0][i] = ds[i] = 0;
    }
    for (PetscInt k = 0; k + 1 < nd; k++)
      StepRight(n, G + k * gram + i0, K + k * stride + i0, p[k], dp[k], p[k + 1], dp[k + 1]);
    for (PetscInt k = nd - 1; k >= 0; k--)
      StepLeft(n, G + k * gram + i0, p[k], dp[k], W + k * stride + i0, K + k * stride + i0, s, ds);
  }
}

// Y = (J^T J + D) X
static PetscErrorCode Apply(SnaTtFit *fit, Newton *work, const double *X, double *Y)
{
  const PetscInt R = fit->R, nd = fit->tt->nd, stride = R * SNA_FIT_PANEL + SNA_FIT_PAD;
  const double  *A = fit->now.A;

  PetscFunctionBeginUser;
  for (PetscInt c0 = fit->first[fit->rank]; c0 < fit->last[fit->rank]; c0 += SNA_FIT_PANEL) {
    const PetscInt w = PetscMin(SNA_FIT_PANEL, fit->last[fit->rank] - c0);

    for (PetscInt k = 0; k < nd; k++) {
      const PetscInt m = fit->tt->m[k], at = fit->offset[k] * R;
      PetscCall(SnaTtGemm_Private("T", "N", R, w, m, X + at, m, A + at + c0 * m, m, 0, work->K + k * stride, R));
    }
    for (PetscInt c = 0; c < w; c++) {
      Products(nd, R, fit->gram, fit->now.G + (c0 + c) * R, stride, work->W + c * R, work->K + c * R);
      for (PetscInt k = 0; k < nd; k++) work->W[k * stride + c * R + c0 + c] += work->shift[k];
    }
    for (PetscInt k = 0; k < nd; k++) {
      const PetscInt m = fit->tt->m[k], at = fit->offset[k] * R;
      PetscCall(SnaTtGemm_Private("N", "N", m, w, R, X + at, m, work->W + k * stride, R, 0, Y + at + c0 * m, m));
      PetscCall(SnaTtGemm_Private("N", "N", m, w, R, A + at, m, work->K + k * stride, R, 1, Y + at + c0 * m, m));
    }
  }
  PetscCall(SnaTtFitShareColumns_Private(fit, Y));
  PetscFunctionReturn(0);
}

// A (n x n, symmetric) <- A^-1 by halves: with N = -A11^-1 A12 and S = A22 + A21 N the blocks of the inverse are S^-1, N S^-1 and A11^-1 + N S^-1 N^T. Products alone,
// which run several times faster than LAPACK's inverse. *ok = false when a leading block is not positive definite. work: n*n/2 numbers.
static PetscErrorCode Invert(PetscInt n, double *A, PetscInt lda, double *work, PetscBool *ok)
{
  const PetscInt h = n / 2, rest = n - h;
  double        *A12 = A + h * lda, *A22 = A12 + h, *N = work;

  PetscFunctionBeginUser;
  if (n <= BASE) {
    const PetscBLASInt nb = (PetscBLASInt)n, lb = (PetscBLASInt)lda;
    PetscBLASInt       info;
    PetscCallBLAS("dpotrf", LAPACKpotrf_("L", &nb, A, &lb, &info));
    if (info == 0) PetscCallBLAS("dpotri", LAPACKpotri_("L", &nb, A, &lb, &info));
    for (PetscInt j = 0; j < n; j++) {
      for (PetscInt i = 0; i < j; i++) A[i + lda * j] = A[j + lda * i];
    }
    *ok = (PetscBool)(info == 0);
    PetscFunctionReturn(0);
  }
  PetscCall(Invert(h, A, lda, work, ok));
  if (!*ok) PetscFunctionReturn(0);
  PetscCall(SnaTtGemm_Private("N", "N", h, rest, h, A, lda, A12, lda, 0, N, h));
  for (PetscInt i = 0; i < h * rest; i++) N[i] = -N[i];
  PetscCall(SnaTtGemm_Private("T", "N", rest, rest, h, A12, lda, N, h, 1, A22, lda));
  PetscCall(Invert(rest, A22, lda, work + h * rest, ok));
  if (!*ok) PetscFunctionReturn(0);
  PetscCall(SnaTtGemm_Private("N", "N", h, rest, rest, N, h, A22, lda, 0, A12, lda));
  PetscCall(SnaTtGemm_Private("N", "T", h, h, rest, A12, lda, N, h, 1, A, lda));
  for (PetscInt j = 0; j < rest; j++) {
    for (PetscInt i = 0; i < h; i++) A[h + j + lda * i] = A12[i + lda * j];
  }
  PetscFunctionReturn(0);
}

// Damping of all directions and the inverses of this rank's.
static PetscErrorCode SetDamping(const SnaTtFit *fit, Newton *work)
{
  const PetscInt R = fit->R, nd = fit->tt->nd;
  const double  *G = fit->now.G;
  double        *space;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)R * (size_t)R / 2 + 1, &space));
  for (PetscInt k = 0; k < nd; k++) {
    double    mean = 0;
    PetscBool ok   = PETSC_FALSE;

    for (PetscInt i = 0; i < R; i++) {
      double product = 1 / (double)R;
      for (PetscInt e = 0; e < nd; e++)
        if (e != k) product *= G[e * fit->gram + i * (R + 1)];
      mean += product;
    }
    work->shift[k] = fit->damping * (mean > 0 ? mean : 1);
    if (!work->inverse[k]) continue;
    for (double shift = work->shift[k]; !ok; shift *= 10) {
      double *W = work->inverse[k];
      PetscCheck(PetscIsNormalReal(shift), PETSC_COMM_SELF, PETSC_ERR_FP, "the normal equations are not numbers");
      for (PetscInt c = 0; c < R; c++) {
        double *restrict w = W + c * R;
        for (PetscInt i = 0; i < R; i++) w[i] = 1;
        for (PetscInt e = 0; e < nd; e++) {
          const double *restrict g = G + e * fit->gram + c * R;
          for (PetscInt i = 0; i < R && e != k; i++) w[i] *= g[i];
        }
        w[c] += shift;
      }
      PetscCall(Invert(R, W, R, space, &ok));
    }
  }
  PetscCall(PetscFree(space));
  PetscFunctionReturn(0);
}

static PetscErrorCode Precondition(SnaTtFit *fit, const Newton *work, const double *r, double *z)
{
  const PetscInt R = fit->R;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < fit->tt->nd; k++) {
    const PetscInt m = fit->tt->m[k], at = fit->offset[k] * R;
    if (work->inverse[k]) PetscCall(SnaTtGemm_Private("N", "N", m, R, R, r + at, m, work->inverse[k], R, 0, z + at, m));
  }
  PetscCall(SnaTtFitShareDirections_Private(fit, z));
  PetscFunctionReturn(0);
}

// The step x from the residual r = -g, which becomes that of the step; *decrease: of the objective, by the model.
static PetscErrorCode Solve(SnaTtFit *fit, Newton *work, double *decrease)
{
  const size_t N = work->N;
  double       rz, rz0;

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(work->x, N));
  PetscCall(Precondition(fit, work, work->r, work->z));
  PetscCall(PetscArraycpy(work->q, work->z, N));
  *decrease = 0;
  rz0 = rz = Dot(N, work->r, work->z);
  for (PetscInt it = 0; it < CG_STEPS && rz > CG_RTOL * CG_RTOL * rz0; it++) {
    double alpha, qAq, next;

    PetscCall(Apply(fit, work, work->q, work->Aq));
    qAq = Dot(N, work->q, work->Aq);
    if (!(qAq > 0)) break;
    alpha = rz / qAq;
    *decrease += alpha * rz;
    Axpy(N, alpha, work->q, work->x);
    Axpy(N, -alpha, work->Aq, work->r);
    PetscCall(Precondition(fit, work, work->r, work->z));
    next = Dot(N, work->r, work->z);
    for (size_t i = 0; i < N; i++) work->q[i] = work->z[i] + next / rz * work->q[i];
    rz = next;
  }
  for (PetscInt k = 0; k < fit->tt->nd; k++) { // the damping is no part of the model
    const double *x = work->x + fit->offset[k] * fit->R;
    const size_t  n = (size_t)(fit->tt->m[k] * fit->R);
    *decrease += work->shift[k] * Dot(n, x, x);
  }
  PetscFunctionReturn(0);
}

// r = -g; the shifts are zero.
static PetscErrorCode Gradient(SnaTtFit *fit, Newton *work, double *r)
{
  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(work->shift, fit->tt->nd));
  PetscCall(Apply(fit, work, fit->now.A, r));
  for (size_t i = 0; i < work->N; i++) r[i] = fit->now.B[i] - r[i] / (double)fit->tt->nd;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtFitNewton_Private(SnaTtFit *fit, PetscInt steps, double rtol)
{
  PetscBool done = PETSC_FALSE;
  Newton    work;
  double   *minus_g;

  PetscFunctionBeginUser;
  PetscCall(CreateNewton(fit, &work));
  PetscCall(PetscMalloc1(work.N, &minus_g));
  fit->damping = PetscMin(START_DAMPING, fit->damping);
  for (PetscInt step = 0; step < steps && !done; step++) {
    PetscBool lower = PETSC_FALSE;
    double    ratio = 0, up = DAMPING_UP;

    PetscCall(Gradient(fit, &work, minus_g));
    while (!lower && fit->damping <= MAX_DAMPING) {
      double decrease = 0;

      PetscCall(SetDamping(fit, &work));
      PetscCall(PetscArraycpy(work.r, minus_g, work.N));
      PetscCall(Solve(fit, &work, &decrease));
      for (size_t i = 0; i < work.N; i++) fit->trial.A[i] = fit->now.A[i] + work.x[i];
      PetscCall(SnaTtFitEvaluate_Private(fit, &fit->trial));
      ratio = (fit->now.objective - fit->trial.objective) / decrease;
      lower = (PetscBool)(ratio > 0);
      if (ratio > GOOD) fit->damping = PetscMax(MIN_DAMPING, DAMPING_DOWN * fit->damping);
      if (ratio >= POOR) continue;
      fit->damping *= up;
      up *= DAMPING_UP;
    }
    // a step that the model did not foresee says nothing about the next
    done = (PetscBool)(!lower || fit->trial.objective <= SNA_FIT_FLOOR ||
                       (ratio >= POOR && fit->trial.objective > PetscSqr(1 - rtol) * fit->now.objective));
    if (lower) {
      const SnaTtFitIterate swap = fit->now;
      fit->now                   = fit->trial;
      fit->trial                 = swap;
    }
  }
  PetscCall(PetscFree(minus_g));
  PetscCall(FreeNewton(fit, &work));
  PetscFunctionReturn(0);
}
