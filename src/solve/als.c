// als.c - alternating least squares over CP fields with a rank ladder (doc/theory.md).
//
// Each local problem (all factors but one frozen) is linear: sum_p M_p (x) W_p c = -sum_v f_v (x) w_v. What keeps the iteration out of
// its swamps, measured in doc/theory.md: growing the rank on a ladder, sweeping new columns alone first, low-frequency random
// starts, a line search along the difference of two sweeps, balanced column norms, and a Tikhonov shift not above 1e-9.
// The objective never increases: a sweep that would raise it (round-off level) is undone and ends its rung.
#include "als_impl.h"
#include <petscblaslapack.h>

#define MIN_STEP      0.25 // of the line search, in units of the sweep's difference
#define MAX_STEP      64.0
#define STEP_UP       2.0
#define STEP_DOWN     0.5
#define SETTLE_SWEEPS 2    // sweeps of a rung before the line search starts
#define NEW_COLUMN    1e-3 // size of appended columns relative to the mean column, as a product over all directions
#define FIRST_COLUMN  1e-2
#define MAX_SHIFT     1e-6 // of a weak form's local systems, in units of the mean diagonal: more than round-off calls for
#define MAX_RAISED    1e-4 // of the energy, by a sweep whose local solves are accurate
#define SHARE_COLUMNS 24   // local problems with fewer columns are over before a message is: every rank does them whole

static PetscErrorCode AllocateIterate(SnaAls als, PetscInt R, SnaAlsIterate *it)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < als->lsq->nd; d++) {
    const SnaLsqDirection *D = &als->lsq->dir[d];
    PetscCall(PetscCalloc1(D->n * (size_t)R, &it->C[d]));
    PetscCall(PetscMalloc1(D->npair * (size_t)(R * R), &it->G[d]));
    PetscCall(PetscMalloc1(PetscMax(1, D->nvec * R), &it->h[d]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeIterate(SnaAls als, SnaAlsIterate *it)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < als->lsq->nd; d++) {
    PetscCall(PetscFree(it->C[d]));
    PetscCall(PetscFree(it->G[d]));
    PetscCall(PetscFree(it->h[d]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeWork(SnaAls als)
{
  PetscFunctionBeginUser;
  PetscCall(FreeIterate(als, &als->trial));
  for (PetscInt d = 0; d < als->lsq->nd; d++) {
    PetscCall(PetscFree(als->before[d]));
    PetscCall(PetscFree(als->after[d]));
    PetscCall(SnaKronDestroy(&als->kron[d]));
  }
  PetscCall(PetscFree(als->W));
  PetscCall(PetscFree(als->w));
  PetscCall(PetscFree(als->sum));
  PetscCall(PetscFree(als->sum2));
  PetscCall(PetscFree(als->T));
  PetscCall(PetscFree(als->b));
  als->block = 0;
  PetscFunctionReturn(0);
}

// Every rank gets all rows of C.
static PetscErrorCode GatherRows(SnaAls als, double *const C[])
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < als->lsq->nd && als->size == 2; d++) {
    const PetscInt n = als->lsq->dir[d].n, cut = als->split[d];
    PetscCallMPI(MPI_Bcast(C[d], (PetscMPIInt)(cut * als->R), MPI_DOUBLE, 0, als->comm));
    PetscCallMPI(MPI_Bcast(C[d] + cut * als->R, (PetscMPIInt)((n - cut) * als->R), MPI_DOUBLE, 1, als->comm));
  }
  PetscFunctionReturn(0);
}

// Makes room for R columns; the factors and Gram matrices of the columns there were are kept.
static PetscErrorCode Resize(SnaAls als, PetscInt R)
{
  SnaAlsIterate  old   = als->now;
  const PetscInt Rold  = als->R;
  PetscInt       npair = 0, nvec = 1, rows = 1, length = 1;

  PetscFunctionBeginUser;
  PetscCall(FreeWork(als));
  PetscCall(AllocateIterate(als, R, &als->now));
  PetscCall(AllocateIterate(als, R, &als->trial));
  als->R = R;
  for (PetscInt d = 0; d < als->lsq->nd; d++) {
    const SnaLsqDirection *D = &als->lsq->dir[d];
    for (PetscInt i = 0; i < D->n && Rold; i++)
      PetscCall(PetscArraycpy(als->now.C[d] + i * R, old.C[d] + i * Rold, Rold));
    for (PetscInt i = 0; i < D->npair * Rold; i++)
      PetscCall(PetscArraycpy(als->now.G[d] + (i / Rold * R + i % Rold) * R, old.G[d] + i * Rold, Rold));
    for (PetscInt i = 0; i < D->nvec && Rold; i++)
      PetscCall(PetscArraycpy(als->now.h[d] + i * R, old.h[d] + i * Rold, Rold));
    PetscCall(PetscMalloc1(D->n * (size_t)R, &als->before[d]));
    PetscCall(PetscMalloc1(D->n * (size_t)R, &als->after[d]));
    npair  = PetscMax(npair, D->npair);
    nvec   = PetscMax(nvec, D->nvec);
    rows   = PetscMax(rows, D->n);
    length = PetscMax(length, D->npair * R * R + D->nvec * R);
  }
  PetscCall(FreeIterate(als, &old));
  PetscCall(PetscMalloc1(npair * (size_t)(R * R), &als->W));
  PetscCall(PetscMalloc1(nvec * (size_t)R, &als->w));
  PetscCall(PetscMalloc1(length, &als->sum));
  PetscCall(PetscMalloc1(length, &als->sum2));
  PetscCall(PetscMalloc1(rows * (size_t)R, &als->T));
  PetscCall(PetscMalloc1(rows * (size_t)R, &als->b));
  PetscFunctionReturn(0);
}

// Sums over both halves of the rows are the same bits on one rank and on two, so ranks may change between sharing a phase's work and doing
// all of it each: only the rows of the factors have to be made complete, or may be forgotten.
static PetscErrorCode ShareWork(SnaAls als, PetscInt columns)
{
  const PetscMPIInt size = columns < SHARE_COLUMNS ? 1 : als->comm_size;

  PetscFunctionBeginUser;
  if (size == als->size) PetscFunctionReturn(0);
  if (size == 1) PetscCall(GatherRows(als, als->now.C));
  als->size = size;
  als->rank = size == 1 ? 0 : als->comm_rank;
  for (PetscInt d = 0; d < als->lsq->nd; d++) {
    PetscInt head, middle;
    SnaKronSplit(
      als->lsq->dir[d].n, als->lsq->dir[d].p, als->size, als->rank, &als->first[d], &als->last[d], &head, &middle);
    als->split[d] = head + middle;
    PetscCall(SnaKronDestroy(&als->kron[d]));
  }
  als->block = 0;
  PetscFunctionReturn(0);
}

// Rows of the other rank: all of them where Gram matrices are formed whole, otherwise those within p of the border.
static PetscErrorCode ExchangeRows(SnaAls als, PetscInt d, double *C)
{
  const SnaLsqDirection *D = &als->lsq->dir[d];
  const PetscInt         R = als->R, cut = als->split[d];
  const PetscBool        all  = (PetscBool)(D->n < SNA_ALS_SHARE_ROWS);
  const PetscInt         tail = all ? D->n - cut : PetscMin(D->p, D->n - cut), head = all ? cut : PetscMin(D->p, cut);
  double                *upper = C + (cut - head) * R, *lower = C + cut * R;

  PetscFunctionBeginUser;
  if (als->size == 1) PetscFunctionReturn(0);
  if (als->rank == 0)
    PetscCallMPI(MPI_Sendrecv(upper, (PetscMPIInt)(head * R), MPI_DOUBLE, 1, 0, lower, (PetscMPIInt)(tail * R),
      MPI_DOUBLE, 1, 0, als->comm, MPI_STATUS_IGNORE));
  else
    PetscCallMPI(MPI_Sendrecv(lower, (PetscMPIInt)(tail * R), MPI_DOUBLE, 0, 0, upper, (PetscMPIInt)(head * R),
      MPI_DOUBLE, 0, 0, als->comm, MPI_STATUS_IGNORE));
  PetscFunctionReturn(0);
}

static PetscErrorCode GramAll(SnaAls als, PetscInt c0, SnaAlsIterate *it)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < als->lsq->nd; d++) PetscCall(SnaAlsGram_Private(als, d, c0, it));
  PetscFunctionReturn(0);
}

// b = -sum f_v w_v, less what the frozen old columns [0, c0) contribute: sum_p M_p C_old W_p[new,old]^T.
static PetscErrorCode LocalRightHandSide(SnaAls als, PetscInt d, PetscInt c0)
{
  const SnaLsqDirection *D = &als->lsq->dir[d];
  const PetscInt         R = als->R, m = R - c0, r0 = als->first[d], rows = als->last[d] - r0;
  const PetscBLASInt     mb = (PetscBLASInt)m, cb = (PetscBLASInt)c0;
  const double           minus = -1, one = 1;

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(als->b, rows * m));
  for (PetscInt aq = 0; aq < D->nvec; aq++) {
    const double *f = D->f + aq * D->n, *w = als->w + aq * R + c0;
    for (PetscInt i = 0; i < rows; i++)
      for (PetscInt s = 0; s < m; s++) als->b[i * m + s] -= f[r0 + i] * w[s];
  }
  if (c0 == 0 || rows == 0) PetscFunctionReturn(0);
  for (PetscInt pair = 0; pair < D->npair; pair++) {
    const double *M = D->M[pair],
                 *W = als->W + D->transpose[pair] * R * m; // of the transpose: W[old, new] = W_p[new, old]^T
    for (PetscInt i = 0; i < rows; i++) {
      double *restrict y = als->T + i * c0;
      for (PetscInt s = 0; s < c0; s++) y[s] = 0;
      for (PetscInt j = PetscMax(0, r0 + i - D->p); j <= PetscMin(D->n - 1, r0 + i + D->p); j++) {
        const double v           = M[(r0 + i) * (2 * D->p + 1) + j - r0 - i + D->p];
        const double *restrict c = als->now.C[d] + j * R;
        for (PetscInt s = 0; s < c0; s++) y[s] += v * c[s];
      }
    }
    // One call for each half of the rows, as on two ranks: a product of another shape has other bits.
    for (PetscInt half = 0; half < 2; half++) {
      const PetscInt     from = PetscMax(0, half ? als->split[d] - r0 : 0);
      const PetscInt     to   = half ? rows : PetscMin(rows, als->split[d] - r0);
      const PetscBLASInt nb   = (PetscBLASInt)(to - from);
      if (to > from)
        PetscCallBLAS("dgemm",
          BLASgemm_("N", "N", &mb, &nb, &cb, &minus, W, &mb, als->T + from * c0, &cb, &one, als->b + from * m, &mb));
    }
  }
  PetscFunctionReturn(0);
}

// Solves the local problem of direction d for the columns [c0, R) and updates its Gram matrices.
static PetscErrorCode LocalSolve(SnaAls als, PetscInt d, PetscInt c0)
{
  const SnaLsqDirection *D = &als->lsq->dir[d];
  const PetscInt         R = als->R, m = R - c0, r0 = als->first[d], rows = als->last[d] - r0;
  const double         **M, **W;
  double                 mean, shift = 0, *x;
  PetscBool              failed = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(SnaAlsHadamard_Private(als, d, c0));
  PetscCall(LocalRightHandSide(als, d, c0));
  PetscCall(PetscMalloc3(D->npair, &M, D->npair, &W, PetscMax(1, rows * m), &x));
  for (PetscInt i = 0; i < D->npair; i++) {
    M[i] = D->M[i];
    W[i] = als->W + (i * R + c0) * m;
  }
  for (PetscInt attempt = 0; attempt < 10 && failed; attempt++) {
    PetscCall(SnaKronSetTerms(als->kron[d], D->npair, M, W, m, shift));
    if (attempt == 0) {
      PetscCall(SnaKronGetMeanDiagonal(als->kron[d], &mean));
      shift = als->options.tikhonov * mean;
      if (shift > 0) PetscCall(SnaKronSetTerms(als->kron[d], D->npair, M, W, m, shift));
    }
    for (PetscInt i = 0; i < rows; i++) PetscCall(PetscArraycpy(x + i * m, als->now.C[d] + (r0 + i) * R + c0, m));
    PetscCall(SnaKronSolve(als->kron[d], als->b, x, &failed));
    if (failed) { // a column is zero or a copy of another: raise the shift (doc/theory.md)
      als->state.shifts++;
      shift = PetscMax(10 * shift, 1e-14 * (mean > 0 ? mean : 1));
      if (als->lsq->galerkin && !(shift <= MAX_SHIFT * mean)) break; // the form is not coercive
    }
  }
  if (failed) als->state.failed = 1 + d;
  for (PetscInt i = 0; i < rows && !failed; i++)
    PetscCall(PetscArraycpy(als->now.C[d] + (r0 + i) * R + c0, x + i * m, m));
  PetscCall(PetscFree3(M, W, x));
  PetscCall(ExchangeRows(als, d, als->now.C[d]));
  PetscCall(SnaAlsGram_Private(als, d, c0, &als->now));
  PetscFunctionReturn(0);
}

static PetscErrorCode Sweep(SnaAls als, PetscInt c0)
{
  const PetscInt m = als->R - c0;

  PetscFunctionBeginUser;
  PetscCall(ShareWork(als, m));
  if (als->block != m) {
    for (PetscInt d = 0; d < als->lsq->nd; d++) {
      PetscCall(SnaKronDestroy(&als->kron[d]));
      PetscCall(SnaKronCreate(als->size == 1 ? PETSC_COMM_SELF : als->comm, als->lsq->dir[d].n, als->lsq->dir[d].p, m,
        "vsna_", &als->kron[d]));
      PetscCall(SnaKronSetStorage(als->kron[d], als->storage));
    }
    als->block = m;
  }
  for (PetscInt d = 0; d < als->lsq->nd && !als->state.failed; d++) PetscCall(LocalSolve(als, d, c0));
  PetscFunctionReturn(0);
}

// Sums over the rows of this rank's share, halves added last (see als_gram.c): norm2[d*R + r] = sum_i C_d[i,r]^2.
static PetscErrorCode ColumnNorms(SnaAls als, double *norm2)
{
  const PetscInt R = als->R, nd = als->lsq->nd;
  double        *half;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(2 * (size_t)(nd * R), &half));
  for (PetscInt d = 0; d < nd; d++) {
    for (PetscInt i = als->first[d]; i < als->last[d]; i++) {
      double *sum = half + ((i >= als->split[d] ? nd : 0) + d) * R;
      for (PetscInt r = 0; r < R; r++) sum[r] += PetscSqr(als->now.C[d][i * R + r]);
    }
  }
  if (als->size == 2)
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, half, (PetscMPIInt)(2 * nd * R), MPI_DOUBLE, MPI_SUM, als->comm));
  for (PetscInt i = 0; i < nd * R; i++) norm2[i] = half[i] + half[nd * R + i];
  PetscCall(PetscFree(half));
  PetscFunctionReturn(0);
}

// Scales every column so that its norms in all directions are equal; the function is unchanged.
static PetscErrorCode Balance(SnaAls als)
{
  const PetscInt R = als->R, nd = als->lsq->nd;
  double        *norm2;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(nd * (size_t)R, &norm2));
  PetscCall(ColumnNorms(als, norm2));
  for (PetscInt r = 0; r < R; r++) {
    double log_mean = 0;
    for (PetscInt d = 0; d < nd; d++) log_mean += 0.5 * PetscLogReal(norm2[d * R + r]) / (double)nd;
    if (!PetscIsNormalReal(PetscExpReal(log_mean))) continue; // a zero column has nothing to balance
    for (PetscInt d = 0; d < nd; d++) {
      const double scale = PetscExpReal(log_mean) / PetscSqrtReal(norm2[d * R + r]);
      for (PetscInt i = 0; i < als->lsq->dir[d].n; i++) als->now.C[d][i * R + r] *= scale;
    }
  }
  PetscCall(PetscFree(norm2));
  PetscCall(GramAll(als, 0, &als->now));
  PetscFunctionReturn(0);
}

// Fills the columns [c0, R) with four random cosines in the spline index: smooth, so that few sweeps are lost on noise.
static PetscErrorCode RandomColumns(SnaAls als, PetscInt c0)
{
  const PetscInt R = als->R, nd = als->lsq->nd;
  double        *norm2, *smooth, size[SNA_MAX_DIM];
  PetscInt       rows = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(nd * (size_t)R, &norm2));
  if (c0 > 0) PetscCall(ColumnNorms(als, norm2));
  for (PetscInt d = 0; d < nd; d++) {
    rows = PetscMax(rows, als->lsq->dir[d].n);
    size[d] =
      c0 == 0 ? PetscPowReal(FIRST_COLUMN / (double)R, 1.0 / (double)nd) * SnaBasisUnitSize(als->lsq->dir[d].basis) : 0;
    for (PetscInt r = 0; r < c0; r++)
      size[d] += PetscSqrtReal(norm2[d * R + r]) / (double)c0 * PetscPowReal(NEW_COLUMN, 1.0 / (double)nd);
  }
  PetscCall(PetscMalloc1(4 * (size_t)rows, &smooth));
  for (PetscInt d = 0; d < nd; d++) {
    const PetscInt n = als->lsq->dir[d].n;
    for (PetscInt j = 0; j < 4; j++) PetscCall(SnaBasisSmoothFunction(als->lsq->dir[d].basis, j, smooth + j * n));
    for (PetscInt r = c0; r < R; r++) {
      double amplitude[4], sum2 = 0;
      for (PetscInt j = 0; j < 4; j++)
        amplitude[j] = SnaRandomNormal(als->options.seed, (uint64_t)d, (uint64_t)(4 * r + j));
      for (PetscInt i = 0; i < n; i++) {
        double value = 0;
        for (PetscInt j = 0; j < 4; j++) value += amplitude[j] * smooth[j * n + i];
        als->now.C[d][i * R + r] = value;
      }
      for (PetscInt i = 0; i < n; i++) sum2 += als->now.C[d][i * R + r] * als->now.C[d][i * R + r];
      for (PetscInt i = 0; i < n; i++) als->now.C[d][i * R + r] *= size[d] / PetscSqrtReal(sum2);
    }
  }
  PetscCall(PetscFree(smooth));
  PetscCall(PetscFree(norm2));
  PetscFunctionReturn(0);
}

static PetscInt SweepsOfRung(SnaAls als, PetscInt rung)
{
  return rung == als->options.nrung - 1 ? als->options.final_sweeps : als->options.sweeps;
}

// Work of one sweep in units of the cubic factorisation cost, with a quadratic part for assembly and Gram matrices.
static double SweepWork(PetscInt m)
{
  return (double)m * (double)m * ((double)m + 20.0);
}

static void UpdateWork(SnaAls als)
{
  const SnaAlsOptions *o    = &als->options;
  double               done = 0, total = 0;

  for (PetscInt rung = 0; rung < o->nrung; rung++) {
    const double enrich = rung ? SweepWork(o->rung[rung] - o->rung[rung - 1]) : 0, joint = SweepWork(o->rung[rung]);
    const double all = enrich * (double)o->enrich + joint * (double)SweepsOfRung(als, rung);
    total += all;
    if (rung < als->state.rung)
      done += all;
    else if (rung == als->state.rung)
      done += als->state.phase == 0 ? enrich * (double)als->state.sweep
                                    : enrich * (double)o->enrich + joint * (double)als->state.sweep;
  }
  als->state.work = als->state.phase == 2 || total <= 0 ? 1 : PetscMin(1, done / total);
}

// Moves to state.rung: new columns, then the phase that comes first there.
static PetscErrorCode StartRung(SnaAls als)
{
  const PetscInt c0 = als->R, R = als->options.rung[als->state.rung];

  PetscFunctionBeginUser;
  PetscCall(Resize(als, R));
  PetscCall(RandomColumns(als, c0));
  PetscCall(GramAll(als, c0, &als->now));
  als->state.rank  = R;
  als->state.phase = c0 > 0 && als->options.enrich > 0 ? 0 : 1;
  als->state.sweep = 0;
  als->state.step  = 1;
  PetscFunctionReturn(0);
}

// Galerkin: F is minus the energy of u where u is best along one direction, a sweep's gain the energy of the difference, about.
static double EnergyGained(double F_before, double F)
{
  return F < F_before ? PetscSqrtReal(PetscMin(1, (F_before - F) / PetscAbsReal(F))) : 0;
}

static PetscErrorCode SetObjective(SnaAls als, double F)
{
  SnaAlsState *s        = &als->state;
  const double scale    = als->lsq->c0 > 0 ? als->lsq->c0 : 1;
  const double residual = als->lsq->galerkin ? EnergyGained(s->objective, F) : PetscSqrtReal(PetscMax(F, 0) / scale);

  PetscFunctionBeginUser;
  PetscCheck(!PetscIsInfOrNanReal(F), als->comm, PETSC_ERR_FP,
    "the objective is not a number after sweep %" PetscInt_FMT, s->total);
  s->drop      = als->lsq->galerkin ? residual : s->residual > 0 ? 1 - residual / s->residual : 0;
  s->objective = F;
  s->residual  = residual;
  PetscFunctionReturn(0);
}

// Goes on along the sweep's difference by `step`, if the objective falls there; the step learns from one sweep for the next, so that one trial
// a sweep is enough. *F: the better value; als->now: its iterate.
static PetscErrorCode LineSearch(SnaAls als, double *F)
{
  const PetscInt R    = als->R;
  const double   step = als->state.step;
  double         F_trial;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < als->lsq->nd; d++) {
    const double *x0 = als->before[d], *x1 = als->now.C[d];
    double       *x = als->trial.C[d];
    for (PetscInt i = 0; i < als->lsq->dir[d].n * R; i++) x[i] = x1[i] + step * (x1[i] - x0[i]);
  }
  PetscCall(GramAll(als, 0, &als->trial));
  PetscCall(SnaAlsObjective_Private(als, &als->trial, &F_trial));
  if (F_trial < *F) {
    const SnaAlsIterate swap = als->now;
    als->now                 = als->trial;
    als->trial               = swap;
    *F                       = F_trial;
    als->state.step          = PetscMin(STEP_UP * step, MAX_STEP);
  } else
    als->state.step = PetscMax(STEP_DOWN * step, MIN_STEP);
  PetscFunctionReturn(0);
}

static PetscErrorCode JointSweep(SnaAls als)
{
  SnaAlsState   *s        = &als->state;
  const double   F_before = s->objective;
  const PetscInt R        = als->R;
  const double   too_high =
    als->lsq->galerkin ? F_before + MAX_RAISED * PetscAbsReal(F_before) : 1.01 * F_before + 1e-12 * als->lsq->c0;
  double F;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < als->lsq->nd; d++)
    PetscCall(PetscArraycpy(als->before[d], als->now.C[d], als->lsq->dir[d].n * R));
  PetscCall(Sweep(als, 0));
  PetscCall(SnaAlsObjective_Private(als, &als->now, &F));
  // An exact local solve cannot raise F. A little, by round-off or the shift: the minimum of this rung is reached; much: the local solver is
  // not accurate. Either way the sweep is undone.
  if (!s->failed && F > too_high) s->failed = -1;
  if (s->failed == -1 || (!s->failed && F > F_before && s->sweep > 0)) {
    for (PetscInt d = 0; d < als->lsq->nd; d++)
      PetscCall(PetscArraycpy(als->now.C[d], als->before[d], als->lsq->dir[d].n * R));
    PetscCall(GramAll(als, 0, &als->now));
    PetscCall(SnaAlsObjective_Private(als, &als->now, &F));
  } else if (als->options.linesearch && s->sweep >= SETTLE_SWEEPS && !s->failed)
    PetscCall(LineSearch(als, &F));
  PetscCall(SetObjective(als, F));
  PetscFunctionReturn(0);
}

// The joint sweeps of a rung end by their number, by stagnation, or at round-off (a sweep that was undone leaves drop = 0).
static PetscBool RungDone(SnaAls als)
{
  const SnaAlsState *s = &als->state;

  if (s->phase != 1 || s->sweep == 0) return PETSC_FALSE;
  return (PetscBool)(s->sweep >= SweepsOfRung(als, s->rung) || (s->sweep > 1 && s->drop <= 0) ||
                     (s->sweep > SETTLE_SWEEPS && s->drop < als->options.rtol));
}

// What lies between two sweeps: the end of the enrichment, the next rung, balancing. The state that is saved after a sweep still belongs to it.
static PetscErrorCode Prepare(SnaAls als)
{
  SnaAlsState         *s = &als->state;
  const SnaAlsOptions *o = &als->options;

  PetscFunctionBeginUser;
  if (als->R == 0)
    PetscCall(StartRung(als));
  else if (s->phase == 0 && s->sweep >= o->enrich) {
    PetscCall(Balance(als));
    s->phase = 1;
    s->sweep = 0;
  } else if (RungDone(als)) {
    s->rung++;
    PetscCall(StartRung(als));
  } else if (s->phase == 1 && o->balance_every > 0 && s->sweep > 0 && s->sweep % o->balance_every == 0)
    PetscCall(Balance(als));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsStep(SnaAls als, PetscBool *done)
{
  SnaAlsState *s = &als->state;
  double       F;

  PetscFunctionBeginUser;
  if (s->phase != 2) {
    PetscCall(Prepare(als));
    if (s->phase == 0) {
      PetscCall(Sweep(als, als->options.rung[s->rung - 1]));
      PetscCall(SnaAlsObjective_Private(als, &als->now, &F));
      PetscCall(SetObjective(als, F));
    } else
      PetscCall(JointSweep(als));
    s->sweep++;
    s->total++;
    if (s->rung == als->options.nrung - 1 && RungDone(als)) s->phase = 2;
    UpdateWork(als);
  }
  *done = (PetscBool)(s->phase == 2 || s->failed);
  PetscFunctionReturn(0);
}

// Events are kept by PETSc by name: registering twice would list them twice.
static PetscErrorCode RegisterEvent(const char name[], PetscLogEvent *event)
{
  PetscFunctionBeginUser;
  PetscCall(PetscLogEventGetId(name, event));
  if (*event < 0) PetscCall(PetscLogEventRegister(name, KSP_CLASSID, event));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsCreate(MPI_Comm comm, SnaLsq lsq, const SnaAlsOptions *options, SnaAls *als)
{
  SnaAls A;

  PetscFunctionBeginUser;
  PetscCheck(options->nrung >= 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "the rank ladder is empty");
  PetscCall(PetscNew(&A));
  A->comm    = comm;
  A->lsq     = lsq;
  A->options = *options;
  PetscCallMPI(MPI_Comm_size(comm, &A->comm_size));
  PetscCallMPI(MPI_Comm_rank(comm, &A->comm_rank));
  PetscCheck(A->comm_size <= 2, comm, PETSC_ERR_ARG_WRONG, "one problem runs on 1 or 2 ranks, not %d", A->comm_size);
  A->size = A->comm_size;
  A->rank = A->comm_rank;
  PetscCall(SnaKronStorageCreate(&A->storage));
  for (PetscInt d = 0; d < lsq->nd; d++) {
    PetscInt head, middle;
    SnaKronSplit(lsq->dir[d].n, lsq->dir[d].p, A->size, A->rank, &A->first[d], &A->last[d], &head, &middle);
    A->split[d] = head + middle;
  }
  PetscCall(KSPInitializePackage());
  PetscCall(RegisterEvent("AlsHadamard", &A->hadamard));
  PetscCall(RegisterEvent("AlsGram", &A->gram));
  PetscCall(RegisterEvent("AlsObjective", &A->objective));
  A->state.objective = lsq->c0;
  A->state.residual  = 1;
  A->state.step      = 1;
  A->state.phase     = 1;
  *als               = A;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsDestroy(SnaAls *als)
{
  PetscFunctionBeginUser;
  if (!*als) PetscFunctionReturn(0);
  PetscCall(FreeWork(*als));
  PetscCall(FreeIterate(*als, &(*als)->now));
  PetscCall(SnaKronStorageDestroy(&(*als)->storage));
  PetscCall(PetscFree(*als));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsGetState(SnaAls als, SnaAlsState *state)
{
  PetscFunctionBeginUser;
  *state = als->state;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsRungDone(SnaAls als, PetscBool *done)
{
  PetscFunctionBeginUser;
  *done = (PetscBool)(als->state.phase == 2 || RungDone(als));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsFinish(SnaAls als)
{
  PetscFunctionBeginUser;
  als->state.phase = 2;
  UpdateWork(als);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsGetFactors(SnaAls als, double *C[])
{
  const PetscInt R = als->R;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < als->lsq->nd; d++) {
    const PetscInt n = als->lsq->dir[d].n;
    PetscCall(PetscMalloc1(PetscMax(1, n * R), &C[d]));
    PetscCall(PetscArraycpy(C[d], als->now.C[d], n * R));
  }
  PetscCall(GatherRows(als, C));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsSetState(SnaAls als, const SnaAlsState *state, const double *const C[], PetscBool *ok)
{
  const SnaAlsOptions *o    = &als->options;
  PetscInt             rung = -1;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < o->nrung; i++)
    if (o->rung[i] == state->rank) rung = i;
  *ok = (PetscBool)(rung >= 0 && state->rank > 0);
  if (!*ok) PetscFunctionReturn(0);
  als->state        = *state;
  als->state.rung   = rung;
  als->state.failed = 0;
  if (state->phase == 0) {
    // the old columns' Gram matrices in the shape they had, then the new ones: the same bits as in the run that was stopped
    const PetscInt old = rung > 0 ? o->rung[rung - 1] : 0;
    PetscCall(Resize(als, old));
    for (PetscInt d = 0; d < als->lsq->nd; d++)
      for (PetscInt i = 0; i < als->lsq->dir[d].n; i++)
        PetscCall(PetscArraycpy(als->now.C[d] + i * old, C[d] + i * state->rank, old));
    PetscCall(GramAll(als, 0, &als->now));
    PetscCall(Resize(als, state->rank));
    for (PetscInt d = 0; d < als->lsq->nd; d++)
      PetscCall(PetscArraycpy(als->now.C[d], C[d], als->lsq->dir[d].n * state->rank));
    PetscCall(GramAll(als, old, &als->now));
  } else {
    PetscCall(Resize(als, state->rank));
    for (PetscInt d = 0; d < als->lsq->nd; d++)
      PetscCall(PetscArraycpy(als->now.C[d], C[d], als->lsq->dir[d].n * state->rank));
    PetscCall(GramAll(als, 0, &als->now));
  }
  if (state->phase == 2 && rung < o->nrung - 1) { // a finished run goes on to a higher rank
    als->state.rung++;
    PetscCall(StartRung(als));
  } else if (state->phase == 1 && rung == o->nrung - 1 && RungDone(als))
    als->state.phase = 2; // the target rank was lowered to this one
  UpdateWork(als);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaAlsGetMemory(
  SnaLsq lsq, PetscInt rank, PetscMPIInt size, double *factors, double *band, double *total)
{
  const double R    = (double)rank;
  double       gram = 0, largest = 0, pairs = 0, largest_gram = 0;

  PetscFunctionBeginUser;
  *factors = 0;
  for (PetscInt d = 0; d < lsq->nd; d++) {
    const SnaLsqDirection *D = &lsq->dir[d];
    PetscInt               first, last, head, middle;
    SnaKronSplit(D->n, D->p, size, 0, &first, &last, &head, &middle);
    *factors += (double)D->n * R * sizeof(double);
    largest      = PetscMax(largest, (double)(last - first) * (double)(D->p + 1) * R * R * sizeof(double));
    pairs        = PetscMax(pairs, (double)D->npair);
    largest_gram = PetscMax(largest_gram, (double)D->npair * R * R * sizeof(double));
    gram += (double)D->npair * R * R * sizeof(double);
  }
  *band  = largest;
  *total = 4 * *factors + largest + 2 * gram + pairs * R * R * sizeof(double) + largest_gram;
  PetscFunctionReturn(0);
}
