// cp_fit.c - the objective of a CP beside a train, and alternating least squares on some of its columns (cp_fit.h).
//
//   MTTKRP    S_k = core_k (S_{k+1} o A_k) from the right, T_k = core_k^T L_k from the left, B_k = T_k . S_{k+1}, L_{k+1} = T_k . A_k: two products with each
//             core, 4 r m q R operations per site. S_k, L_k: r_k x R, what is right and left of the cut
//   sweep     A_new W_new,new = B_new - A_old W_old,new,  W = prod*_{e != k} G_e,  new columns [c0,R): (R-c0)^3/3 operations per direction
//
// The columns of the MTTKRP are independent of each other: they are worked on in panels that stay in the cache, and each of two ranks takes half of them.
// Kolda, Bader, SIAM Rev. 51 (2009) 455, section 3.4.
#include "cp_fit.h"

#define TINY_SHIFT    1e-14 // of the normal equations, relative to the mean diagonal; tenfold each time Cholesky fails
#define SHARE_COLUMNS 64    // with fewer columns the work is over before a message is: every rank does all of it

PetscErrorCode SnaTtFitInitialise_Private(MPI_Comm comm, SnaTt tt, SnaTtFit *fit)
{
  PetscFunctionBeginUser;
  *fit = (SnaTtFit){.comm = comm, .tt = tt, .damping = 1};
  PetscCallMPI(MPI_Comm_size(comm, &fit->comm_size));
  PetscCallMPI(MPI_Comm_rank(comm, &fit->comm_rank));
  PetscCheck(
    fit->comm_size <= 2, comm, PETSC_ERR_ARG_WRONG, "one problem runs on 1 or 2 ranks, not %d", fit->comm_size);
  for (PetscInt k = 0; k < tt->nd; k++) fit->offset[k + 1] = fit->offset[k] + tt->m[k];
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeIterate(SnaTtFitIterate *it)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(it->A));
  PetscCall(PetscFree(it->B));
  PetscCall(PetscFree(it->G));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtFitFinalise_Private(SnaTtFit *fit)
{
  PetscFunctionBeginUser;
  PetscCall(FreeIterate(&fit->now));
  PetscCall(FreeIterate(&fit->trial));
  PetscCall(PetscFree2(fit->message[0], fit->message[1]));
  PetscFunctionReturn(0);
}

static PetscErrorCode AllocateIterate(const SnaTtFit *fit, PetscInt R, SnaTtFitIterate *it)
{
  const size_t N = (size_t)fit->offset[fit->tt->nd] * (size_t)R;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(N, &it->A));
  PetscCall(PetscCalloc1(N, &it->B));
  PetscCall(PetscCalloc1((size_t)fit->tt->nd * ((size_t)R * (size_t)R + SNA_FIT_PAD), &it->G));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtFitResize_Private(SnaTtFit *fit, PetscInt R)
{
  const SnaTt     tt   = fit->tt;
  const PetscInt  half = PetscMin(R, (R / 2 + SNA_FIT_PANEL - 1) / SNA_FIT_PANEL * SNA_FIT_PANEL);
  const size_t    N    = (size_t)fit->offset[tt->nd] * (size_t)R;
  SnaTtFitIterate old  = fit->now;

  PetscFunctionBeginUser;
  PetscCall(FreeIterate(&fit->trial));
  PetscCall(AllocateIterate(fit, R, &fit->now));
  PetscCall(AllocateIterate(fit, R, &fit->trial));
  for (PetscInt k = 0; k < tt->nd && fit->R; k++)
    PetscCall(PetscArraycpy(fit->now.A + fit->offset[k] * R, old.A + fit->offset[k] * fit->R, tt->m[k] * fit->R));
  PetscCall(FreeIterate(&old));
  fit->R       = R;
  fit->gram    = R * R + SNA_FIT_PAD;
  fit->size    = R < SHARE_COLUMNS ? 1 : fit->comm_size;
  fit->rank    = fit->size == 1 ? 0 : fit->comm_rank;
  fit->last[0] = fit->first[1] = fit->size == 1 ? R : half;
  fit->last[1]                 = R;
  PetscCall(PetscFree2(fit->message[0], fit->message[1]));
  if (fit->size == 2) PetscCall(PetscMalloc2(N, &fit->message[0], N, &fit->message[1]));
  PetscFunctionReturn(0);
}

// Swaps the numbers packed in message[0] for those of the other rank in message[1].
static PetscErrorCode Swap(SnaTtFit *fit, PetscInt send, PetscInt receive)
{
  const PetscMPIInt other = 1 - fit->rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Sendrecv(fit->message[0], (PetscMPIInt)send, MPI_DOUBLE, other, 0, fit->message[1],
    (PetscMPIInt)receive, MPI_DOUBLE, other, 0, fit->comm, MPI_STATUS_IGNORE));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtFitShareColumns_Private(SnaTtFit *fit, double *Y)
{
  const PetscInt me = fit->rank, other = 1 - me, columns = fit->last[me] - fit->first[me], rest = fit->R - columns;

  PetscFunctionBeginUser;
  if (fit->size == 1) PetscFunctionReturn(0);
  for (PetscInt k = 0; k < fit->tt->nd; k++) {
    const PetscInt m = fit->tt->m[k];
    PetscCall(PetscArraycpy(
      fit->message[0] + fit->offset[k] * columns, Y + fit->offset[k] * fit->R + fit->first[me] * m, columns * m));
  }
  PetscCall(Swap(fit, fit->offset[fit->tt->nd] * columns, fit->offset[fit->tt->nd] * rest));
  for (PetscInt k = 0; k < fit->tt->nd; k++) {
    const PetscInt m = fit->tt->m[k];
    PetscCall(PetscArraycpy(
      Y + fit->offset[k] * fit->R + fit->first[other] * m, fit->message[1] + fit->offset[k] * rest, rest * m));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtFitShareDirections_Private(SnaTtFit *fit, double *Y)
{
  PetscInt length[2] = {0, 0};

  PetscFunctionBeginUser;
  if (fit->size == 1) PetscFunctionReturn(0);
  for (PetscInt k = 0; k < fit->tt->nd; k++) {
    const PetscInt n = fit->tt->m[k] * fit->R;
    if (k % 2 == fit->rank) PetscCall(PetscArraycpy(fit->message[0] + length[0], Y + fit->offset[k] * fit->R, n));
    length[k % 2 == fit->rank ? 0 : 1] += n;
  }
  PetscCall(Swap(fit, length[0], length[1]));
  length[1] = 0;
  for (PetscInt k = 0; k < fit->tt->nd; k++) {
    const PetscInt n = fit->tt->m[k] * fit->R;
    if (k % 2 == fit->rank) continue;
    PetscCall(PetscArraycpy(Y + fit->offset[k] * fit->R, fit->message[1] + length[1], n));
    length[1] += n;
  }
  PetscFunctionReturn(0);
}

// Work space of a pass over w columns.
typedef struct {
  PetscInt w;
  double  *S[SNA_MAX_DIM + 1], *L, *T, *memory;
} Pass;

static PetscErrorCode CreatePass(SnaTt tt, PetscInt w, Pass *pass)
{
  size_t cuts = 0, rank = 1, site = 1;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k <= tt->nd; k++) {
    cuts += (size_t)tt->r[k];
    rank = PetscMax(rank, (size_t)tt->r[k]);
    if (k < tt->nd) site = PetscMax(site, (size_t)tt->r[k + 1] * (size_t)tt->m[k]);
  }
  PetscCall(PetscMalloc1((cuts + rank + site) * (size_t)w, &pass->memory));
  pass->L = pass->memory;
  pass->T = pass->L + rank * (size_t)w;
  for (PetscInt k = 0, start = 0; k <= tt->nd; start += tt->r[k], k++)
    pass->S[k] = pass->T + (site + (size_t)start) * (size_t)w;
  PetscFunctionReturn(0);
}

// S_k of all cuts but the first, for the columns [c0, c0+w).
static PetscErrorCode RightToLeft(const SnaTtFit *fit, const double *factors, PetscInt c0, PetscInt w, Pass *pass)
{
  const SnaTt tt = fit->tt;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < w; c++) pass->S[tt->nd][c] = 1;
  for (PetscInt k = tt->nd - 1; k > 0; k--) {
    const PetscInt r = tt->r[k], q = tt->r[k + 1], m = tt->m[k];
    const double  *A = factors + fit->offset[k] * fit->R + c0 * m;

    for (PetscInt c = 0; c < w; c++) {
      const double *restrict s = pass->S[k + 1] + c * q;
      for (PetscInt j = 0; j < m; j++) {
        double *restrict z = pass->T + (c * m + j) * q;
        const double a     = A[c * m + j];
        for (PetscInt b = 0; b < q; b++) z[b] = a * s[b];
      }
    }
    PetscCall(SnaTtGemm_Private("N", "N", r, w, q * m, tt->core[k], r, pass->T, q * m, 0, pass->S[k], r));
  }
  PetscFunctionReturn(0);
}

// T_k from L_k.
static PetscErrorCode EnterSite(SnaTt tt, PetscInt k, PetscInt w, Pass *pass)
{
  const PetscInt r = tt->r[k], qm = tt->r[k + 1] * tt->m[k];

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < w && k == 0; c++) pass->L[c] = 1;
  PetscCall(SnaTtGemm_Private("T", "N", qm, w, r, tt->core[k], r, pass->L, r, 0, pass->T, qm));
  PetscFunctionReturn(0);
}

// B_k[j,c] = sum_b T_k[b,j,c] S_{k+1}[b,c]
static PetscErrorCode ContractSite(SnaTt tt, PetscInt k, PetscInt w, const Pass *pass, double *B)
{
  const PetscBLASInt q = (PetscBLASInt)tt->r[k + 1], m = (PetscBLASInt)tt->m[k], stride = 1;
  const double       one = 1, zero = 0;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < w; c++)
    PetscCallBLAS("dgemv", BLASgemv_("T", &q, &m, &one, pass->T + c * m * q, &q, pass->S[k + 1] + c * q, &stride, &zero,
                             B + c * m, &stride));
  PetscFunctionReturn(0);
}

// L_{k+1}[b,c] = sum_j T_k[b,j,c] A_k[j,c]
static PetscErrorCode LeaveSite(SnaTt tt, PetscInt k, PetscInt w, const double *A, Pass *pass)
{
  const PetscBLASInt q = (PetscBLASInt)tt->r[k + 1], m = (PetscBLASInt)tt->m[k], stride = 1;
  const double       one = 1, zero = 0;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < w; c++)
    PetscCallBLAS("dgemv",
      BLASgemv_("N", &q, &m, &one, pass->T + c * m * q, &q, A + c * m, &stride, &zero, pass->L + c * q, &stride));
  PetscFunctionReturn(0);
}

static PetscErrorCode Mttkrp(SnaTtFit *fit, SnaTtFitIterate *it)
{
  const SnaTt tt = fit->tt;
  Pass        pass;

  PetscFunctionBeginUser;
  PetscCall(CreatePass(tt, SNA_FIT_PANEL, &pass));
  for (PetscInt c0 = fit->first[fit->rank]; c0 < fit->last[fit->rank]; c0 += SNA_FIT_PANEL) {
    const PetscInt w = PetscMin(SNA_FIT_PANEL, fit->last[fit->rank] - c0);
    PetscCall(RightToLeft(fit, it->A, c0, w, &pass));
    for (PetscInt k = 0; k < tt->nd; k++) {
      const PetscInt at = fit->offset[k] * fit->R + c0 * tt->m[k];
      PetscCall(EnterSite(tt, k, w, &pass));
      PetscCall(ContractSite(tt, k, w, &pass, it->B + at));
      PetscCall(LeaveSite(tt, k, w, it->A + at, &pass));
    }
  }
  PetscCall(PetscFree(pass.memory));
  PetscCall(SnaTtFitShareColumns_Private(fit, it->B));
  PetscFunctionReturn(0);
}

static void Balance(const SnaTtFit *fit, double *A)
{
  const PetscInt nd = fit->tt->nd;

  for (PetscInt r = 0; r < fit->R; r++) {
    double norm[SNA_MAX_DIM], log_mean = 0;
    for (PetscInt k = 0; k < nd; k++) {
      const double *a = A + fit->offset[k] * fit->R + r * fit->tt->m[k];
      norm[k]         = 0;
      for (PetscInt j = 0; j < fit->tt->m[k]; j++) norm[k] += a[j] * a[j];
      norm[k] = PetscSqrtReal(norm[k]);
      log_mean += PetscLogReal(norm[k]) / (double)nd;
    }
    if (!PetscIsNormalReal(PetscExpReal(log_mean))) continue; // a zero column has nothing to balance
    for (PetscInt k = 0; k < nd; k++) {
      double *a = A + fit->offset[k] * fit->R + r * fit->tt->m[k];
      for (PetscInt j = 0; j < fit->tt->m[k]; j++) a[j] *= PetscExpReal(log_mean) / norm[k];
    }
  }
}

PetscErrorCode SnaTtFitEvaluate_Private(SnaTtFit *fit, SnaTtFitIterate *it)
{
  const PetscInt R = fit->R, nd = fit->tt->nd, m = fit->tt->m[0];
  double         inner = 0, norm2 = 0, *product, *sum;

  PetscFunctionBeginUser;
  Balance(fit, it->A);
  for (PetscInt k = 0; k < nd; k++) {
    const double *A = it->A + fit->offset[k] * R;
    PetscCall(SnaTtGemm_Private(
      "T", "N", R, R, fit->tt->m[k], A, fit->tt->m[k], A, fit->tt->m[k], 0, it->G + k * fit->gram, R));
  }
  PetscCall(Mttkrp(fit, it));
  for (PetscInt i = 0; i < m * R; i++) inner += it->A[i] * it->B[i];
  PetscCall(PetscCalloc2(R, &sum, R, &product));
  for (PetscInt c = 0; c < R; c++) {
    for (PetscInt i = 0; i < R; i++) product[i] = 1;
    for (PetscInt k = 0; k < nd; k++) {
      const double *restrict g = it->G + k * fit->gram + c * R;
      for (PetscInt i = 0; i < R; i++) product[i] *= g[i];
    }
    for (PetscInt i = 0; i < R; i++) sum[i] += product[i];
  }
  for (PetscInt i = 0; i < R; i++) norm2 += sum[i];
  PetscCall(PetscFree2(sum, product));
  it->objective = 1 - 2 * inner + norm2;
  PetscFunctionReturn(0);
}

// X (m x w) <- X W^-1, W w x w.
static PetscErrorCode SolveFromRight(PetscInt m, PetscInt w, const double *W, PetscInt ldw, double *X, double *factor)
{
  const PetscBLASInt mb = (PetscBLASInt)m, wb = (PetscBLASInt)w;
  const double       one  = 1;
  PetscBLASInt       info = 1;
  double             mean = 0, shift;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < w; i++) mean += W[i + ldw * i] / (double)w;
  shift = TINY_SHIFT * (mean > 0 ? mean : 1);
  for (PetscInt attempt = 0; info != 0; attempt++, shift *= 10) {
    PetscCheck(attempt < 30, PETSC_COMM_SELF, PETSC_ERR_FP, "the normal equations are not numbers");
    for (PetscInt i = 0; i < w; i++) {
      PetscCall(PetscArraycpy(factor + w * i, W + ldw * i, w));
      factor[i + w * i] += shift;
    }
    PetscCallBLAS("dpotrf", LAPACKpotrf_("L", &wb, factor, &wb, &info));
  }
  PetscCallBLAS("dtrsm", BLAStrsm_("R", "L", "T", "N", &mb, &wb, &one, factor, &wb, X, &mb));
  PetscCallBLAS("dtrsm", BLAStrsm_("R", "L", "N", "N", &mb, &wb, &one, factor, &wb, X, &mb));
  PetscFunctionReturn(0);
}

// Solves for the columns [c0, R) of A_k and renews their part of G_k. work: R*w + w*w + m*w numbers.
static PetscErrorCode UpdateColumns(SnaTtFit *fit, PetscInt k, PetscInt c0, const Pass *pass, double *work)
{
  const PetscInt R = fit->R, w = R - c0, m = fit->tt->m[k];
  double        *A = fit->now.A + fit->offset[k] * R, *X = A + c0 * m, *G = fit->now.G + k * fit->gram;
  double        *W = work, *factor = W + R * w, *frozen = factor + w * w;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < R * w; i++) W[i] = 1;
  for (PetscInt e = 0; e < fit->tt->nd; e++) {
    const double *restrict g = fit->now.G + e * fit->gram + c0 * R;
    for (PetscInt i = 0; i < R * w && e != k; i++) W[i] *= g[i];
  }
  PetscCall(ContractSite(fit->tt, k, w, pass, X));
  if (c0 > 0) {
    PetscCall(SnaTtGemm_Private("N", "N", m, w, c0, A, m, W, R, 0, frozen, m));
    for (PetscInt i = 0; i < m * w; i++) X[i] -= frozen[i];
  }
  PetscCall(SolveFromRight(m, w, W + c0, R, X, factor));
  PetscCall(SnaTtGemm_Private("T", "N", R, w, m, A, m, X, m, 0, G + c0 * R, R));
  for (PetscInt c = c0; c < R; c++) {
    for (PetscInt i = 0; i < c0; i++) G[c + R * i] = G[i + R * c];
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtFitSweeps_Private(SnaTtFit *fit, PetscInt c0, PetscInt sweeps)
{
  const PetscInt R = fit->R, w = R - c0;
  double        *work;
  Pass           pass;

  PetscFunctionBeginUser;
  PetscCall(CreatePass(fit->tt, w, &pass));
  PetscCall(PetscMalloc1((size_t)(R + w + fit->offset[fit->tt->nd]) * (size_t)w, &work));
  for (PetscInt k = 0; k < fit->tt->nd; k++) {
    const PetscInt m = fit->tt->m[k];
    const double  *A = fit->now.A + fit->offset[k] * R;
    PetscCall(SnaTtGemm_Private("T", "N", R, R, m, A, m, A, m, 0, fit->now.G + k * fit->gram, R));
  }
  for (PetscInt sweep = 0; sweep < sweeps; sweep++) {
    PetscCall(RightToLeft(fit, fit->now.A, c0, w, &pass));
    for (PetscInt k = 0; k < fit->tt->nd; k++) {
      PetscCall(EnterSite(fit->tt, k, w, &pass));
      PetscCall(UpdateColumns(fit, k, c0, &pass, work));
      PetscCall(LeaveSite(fit->tt, k, w, fit->now.A + fit->offset[k] * R + c0 * fit->tt->m[k], &pass));
    }
  }
  PetscCall(PetscFree(work));
  PetscCall(PetscFree(pass.memory));
  PetscCall(SnaTtFitEvaluate_Private(fit, &fit->now));
  PetscFunctionReturn(0);
}
