// fit_als.c - alternating least squares: y is linear in each block of theta when the others are held, so that a block is the solution of
//
//   (J^T J + mu + N ridge) step = J^T (target - y) - N ridge w,   J = dy/dw over the rows of all ranks,   mu = 1e-6 of the mean diagonal of J^T J
//
// (proximal: Grippo, Sciandrone, Oper. Res. Lett. 26 (2000) 127). Equations for the step, not for w: where the residual is small so is the right-hand side,
// and functions inside the class are found to round-off although normal equations square the condition. The loss with ridge never rises but by round-off.
// Blocks of more than MAX_DIRECT unknowns (a Tucker core) take conjugate gradients instead of the matrix.
//
// Products of all directions, the case of many parameters, have their own sweep (als_products.c); this file has the one for any kind.
#include "als_impl.h"
#include <math.h>
#include <petscblaslapack.h>

#define MAX_DIRECT  1024
#define MAX_NUMBERS ((PetscInt64)1 << 24) // of all matrices of a block
#define CG_MAX_IT   30
#define CG_RTOL     1e-4
#define NPANEL      (SNA_FIT_BLOCK / ROWS) // blocks of ROWS in a slab

// ---- Sums ----

static const int scale_of[ALS_NSUM] = {SNA_SCALE_NORMAL, SNA_SCALE_GRADIENT, SNA_SCALE_LOSS};

PetscErrorCode AlsSumsCreate(PetscInt capacity, AlsSums *sums)
{
  PetscFunctionBeginUser;
  *sums = (AlsSums){.capacity = capacity};
  PetscCall(PetscCalloc3(
    (size_t)capacity, &sums->slab_space, (size_t)capacity, &sums->sum_space, (size_t)capacity, &sums->out_space));
  PetscFunctionReturn(0);
}

PetscErrorCode AlsSumsDestroy(AlsSums *sums)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree3(sums->slab_space, sums->sum_space, sums->out_space));
  PetscFunctionReturn(0);
}

PetscErrorCode AlsSumsStart(PetscInt matrix, PetscInt rhs, PetscInt squares, AlsSums *sums)
{
  const PetscInt n[ALS_NSUM] = {matrix, rhs, squares};
  PetscInt       at          = 0;

  PetscFunctionBeginUser;
  PetscCheck(matrix + rhs + squares <= sums->capacity, PETSC_COMM_SELF, PETSC_ERR_PLIB, "sums of a block");
  for (int k = 0; k < ALS_NSUM; at += n[k++]) {
    sums->n[k]    = n[k];
    sums->slab[k] = sums->slab_space + at;
    sums->out[k]  = sums->out_space + at;
  }
  PetscFunctionReturn(0);
}

void AlsSumsAddSlab(SnaFit fit, AlsSums *sums)
{
  for (int k = 0; k < ALS_NSUM; k++) {
    const ptrdiff_t at      = sums->slab[k] - sums->slab_space;
    const double    largest = SnaExactAddD(sums->n[k], sums->slab[k], fit->scale[scale_of[k]], sums->sum_space + at);

    sums->largest[k] = PetscMax(sums->largest[k], largest);
    for (PetscInt i = 0; i < sums->n[k]; i++) sums->slab[k][i] = 0;
  }
}

PetscErrorCode AlsSumsReduce(SnaFit fit, AlsSums *sums, PetscBool *again)
{
  const PetscInt64 slabs = (fit->train->total + SNA_FIT_BLOCK - 1) / SNA_FIT_BLOCK;
  PetscMPIInt      count;

  PetscFunctionBeginUser;
  *again = PETSC_FALSE;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums->largest, ALS_NSUM, MPI_DOUBLE, MPI_MAX, fit->comm));
  for (int k = 0; k < ALS_NSUM; k++) {
    PetscBool valid = PETSC_TRUE;

    if (sums->n[k])
      PetscCall(SnaExactIsValid(PETSC_COMM_SELF, sums->largest[k], slabs, &fit->scale[scale_of[k]], &valid));
    if (!valid) *again = PETSC_TRUE;
    sums->largest[k] = 0;
  }
  PetscCall(PetscMPIIntCast(sums->n[ALS_MATRIX] + sums->n[ALS_RHS] + sums->n[ALS_SQUARES], &count));
  if (!*again) {
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums->sum_space, count, MPI_INT64_T, MPI_SUM, fit->comm));
    for (int k = 0; k < ALS_NSUM; k++)
      PetscCall(SnaExactReduce(PETSC_COMM_SELF, sums->n[k], sums->sum_space + (sums->slab[k] - sums->slab_space),
        fit->scale[scale_of[k]], sums->out[k]));
  }
  PetscCall(PetscArrayzero(sums->sum_space, count));
  PetscFunctionReturn(0);
}

// ---- Linear algebra ----

PetscBool AlsSolveBand(PetscInt n, PetscInt width, PetscInt ld, double band[], double b[])
{
  PetscBool finite = PETSC_TRUE;

  for (PetscInt j = 0; j < n; j++) {
    double        *a = band + j * ld;
    const PetscInt m = PetscMin(width, n - j);

    if (!(a[0] > 0) || !isfinite(a[0])) return PETSC_FALSE;
    a[0] = sqrt(a[0]);
    for (PetscInt e = 1; e < m; e++) a[e] /= a[0];
    for (PetscInt i = 1; i < m; i++)
      for (PetscInt e = i; e < m; e++) a[i * ld + e - i] -= a[i] * a[e];
    b[j] /= a[0];
    for (PetscInt e = 1; e < m; e++) b[j + e] -= a[e] * b[j];
  }
  for (PetscInt j = n - 1; j >= 0; j--) {
    const double  *a = band + j * ld;
    const PetscInt m = PetscMin(width, n - j);

    for (PetscInt e = 1; e < m; e++) b[j] -= a[e] * b[j + e];
    b[j] /= a[0];
    if (!isfinite(b[j])) finite = PETSC_FALSE;
  }
  return finite;
}

// ---- One block of any kind ----

// Outputs that share no parameter of the block have systems of their own: equal parts of the block, in the order of the outputs.
static PetscInt CountSystems(SnaSeparable s, PetscInt block)
{
  PetscBool own = PETSC_FALSE;

  switch (s->o.kind) {
  case SNA_SEPARABLE_PRODUCTS:
    own = (PetscBool)(!s->o.learned || block == s->o.nd);
    break;
  case SNA_SEPARABLE_TUCKER:
    own = (PetscBool)(block == s->o.nd);
    break;
  case SNA_SEPARABLE_TENSOR_TRAIN:
    own = (PetscBool)(block == 0);
    break;
  }
  return own ? s->o.nout : 1;
}

typedef struct { // work space of a pass over the rows
  SnaSeparable s;
  BlockD       block;
  void        *rows, *aligned;
  double      *y, *work;
} Pass;

static PetscErrorCode PassCreate(SnaSeparable s, Pass *p)
{
  PetscFunctionBeginUser;
  *p = (Pass){.s = s};
  PetscCall(PetscMalloc1(SnaBlockBytes(s, PETSC_FALSE, PETSC_FALSE) + 64, (char **)&p->rows));
  p->aligned = (char *)p->rows + (64 - (uintptr_t)p->rows % 64);
  PetscCall(PetscMalloc2((size_t)(s->o.nout * ROWS), &p->y, s->d.work, &p->work));
  PetscFunctionReturn(0);
}

static PetscErrorCode PassDestroy(Pass *p)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(p->rows));
  PetscCall(PetscFree2(p->y, p->work));
  PetscFunctionReturn(0);
}

// y becomes target - y of the rows from `first` on, 0 beyond the last; returns the number of rows.
static PetscInt Residuals(SnaFit fit, Pass *p, const double theta[], PetscInt first, double *sse)
{
  const PetscInt n = PetscMin(ROWS, fit->train->n - first);

  SnaBlockFillD(p->s, first, n, fit->train->t, PETSC_FALSE, p->aligned, &p->block);
  p->s->d.forward(p->s, theta, &p->block, p->y, p->work);
  for (PetscInt o = 0; o < p->s->o.nout; o++)
    for (PetscInt i = 0; i < ROWS; i++) {
      double *r = &p->y[o * ROWS + i];

      *r = i < n ? fit->train->y[o][first + i] - *r : 0;
      *sse += *r * *r;
    }
  return n;
}

// Matrices (lower triangles, column by column) of all systems one after the other, right-hand sides, and squares of residuals.
static PetscErrorCode Assemble(SnaFit fit, PetscInt block, PetscInt nsystem, PetscInt n, AlsSums *sums)
{
  SnaSeparable       s      = fit->s;
  const PetscInt     nrow   = fit->train->n;
  const double       one    = 1;
  const PetscBLASInt rows   = ROWS;
  const PetscInt     packed = n * (n + 1) / 2;
  PetscBool          again  = PETSC_TRUE;
  PetscBLASInt       bn;
  double            *J, *A;
  Pass               p;

  PetscFunctionBeginUser;
  PetscCall(PetscBLASIntCast(n, &bn));
  PetscCall(PassCreate(s, &p));
  PetscCall(PetscMalloc2((size_t)(nsystem * n * ROWS), &J, (size_t)(nsystem * n * n), &A));
  PetscCall(PetscArrayzero(A, nsystem * n * n));
  while (again) {
    for (PetscInt first = 0, b = 0; first < nrow; first += ROWS, b++) {
      const PetscInt valid = Residuals(fit, &p, s->theta, first, sums->slab[ALS_SQUARES]);

      for (PetscInt o = 0; o < s->o.nout; o++) {
        const PetscInt k  = nsystem > 1 ? o : 0;
        double        *Jk = J + k * n * ROWS, *rhs = sums->slab[ALS_RHS] + k * n;
        const double  *res = p.y + o * ROWS;

        s->d.jacobian(s, s->theta, &p.block, o, block, J, ROWS, p.work);
        for (PetscInt q = 0; q < n && valid < ROWS; q++)
          for (PetscInt i = valid; i < ROWS; i++) Jk[q * ROWS + i] = 0;
        PetscCallBLAS("BLASsyrk", BLASsyrk_("L", "T", &bn, &rows, &one, Jk, &rows, &one, A + k * n * n, &bn));
        for (PetscInt q = 0; q < n; q++) {
          double lane[8] = {0};

          for (PetscInt i = 0; i < ROWS; i++) lane[i % 8] += Jk[q * ROWS + i] * res[i];
          rhs[q] += ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
        }
      }
      if ((b + 1) % NPANEL == 0 || first + ROWS >= nrow) {
        for (PetscInt k = 0; k < nsystem; k++)
          for (PetscInt q = 0, at = k * packed; q < n; at += n - q++)
            PetscCall(PetscArraycpy(sums->slab[ALS_MATRIX] + at, A + k * n * n + q * n + q, n - q));
        PetscCall(PetscArrayzero(A, nsystem * n * n));
        AlsSumsAddSlab(fit, sums);
      }
    }
    PetscCall(AlsSumsReduce(fit, sums, &again));
  }
  PetscCall(PetscFree2(J, A));
  PetscCall(PassDestroy(&p));
  PetscFunctionReturn(0);
}

static PetscErrorCode SolveDirectly(SnaFit fit, PetscInt block, PetscInt nsystem, PetscInt n, double *sse)
{
  const PetscInt packed = n * (n + 1) / 2;
  const double   ridge  = fit->o.ridge * (double)fit->train->total;
  double        *A, *w   = fit->s->theta + fit->s->start[block];
  PetscBLASInt   bn, one = 1, info;
  AlsSums        sums;

  PetscFunctionBeginUser;
  PetscCall(PetscBLASIntCast(n, &bn));
  PetscCall(AlsSumsCreate(nsystem * (packed + n) + 1, &sums));
  PetscCall(AlsSumsStart(nsystem * packed, nsystem * n, 1, &sums));
  PetscCall(PetscMalloc1((size_t)(n * n), &A));
  PetscCall(Assemble(fit, block, nsystem, n, &sums));
  *sse = sums.out[ALS_SQUARES][0];
  for (PetscInt k = 0; k < nsystem; k++, w += n) {
    double   *b = sums.out[ALS_RHS] + k * n, mean = 0;
    PetscBool finite = PETSC_TRUE;

    for (PetscInt q = 0, at = k * packed; q < n; at += n - q++) {
      PetscCall(PetscArraycpy(A + q * n + q, sums.out[ALS_MATRIX] + at, n - q));
      mean += A[q * n + q] / (double)n;
    }
    for (PetscInt q = 0; q < n; q++) {
      A[q * n + q] += ALS_PROXIMAL * mean + ridge;
      b[q] -= ridge * w[q];
    }
    PetscCallBLAS("LAPACKpotrf", LAPACKpotrf_("L", &bn, A, &bn, &info));
    if (info) continue; // this system keeps its part of theta
    PetscCallBLAS("LAPACKpotrs", LAPACKpotrs_("L", &bn, &one, A, &bn, b, &bn, &info));
    for (PetscInt q = 0; q < n; q++) finite = (PetscBool)(finite && isfinite(b[q]));
    for (PetscInt q = 0; q < n && finite; q++) w[q] += b[q];
  }
  PetscCall(AlsSumsDestroy(&sums));
  PetscCall(PetscFree(A));
  PetscFunctionReturn(0);
}

// out = J^T J v, or J^T (target - y) without v, of n parameters from `start` on.
static PetscErrorCode Multiply(
  SnaFit fit, PetscInt start, PetscInt n, const double v[], double moved[], AlsSums *sums, double g16[], double out[])
{
  SnaSeparable   s    = fit->s;
  const PetscInt nout = s->o.nout, nrow = fit->train->n;
  PetscBool      again = PETSC_TRUE;
  double         size = 0, norm = 0;
  Pass           p, q;

  PetscFunctionBeginUser;
  PetscCall(PassCreate(s, &p));
  PetscCall(PassCreate(s, &q));
  PetscCall(v ? AlsSumsStart(n, 0, 0, sums) : AlsSumsStart(0, n, 1, sums)); // of different sizes: two scales
  if (v) { // J v as a difference of values, with a step of the size of the parameters
    for (PetscInt i = 0; i < n; i++) {
      size += s->theta[start + i] * s->theta[start + i];
      norm += v[i] * v[i];
    }
    size = size > 0 && norm > 0 ? sqrt(size / norm) : 1;
    PetscCall(PetscArraycpy(moved, s->theta, s->np));
    for (PetscInt i = 0; i < n; i++) moved[start + i] += size * v[i];
  }
  while (again) {
    PetscCall(PetscArrayzero(g16, (size_t)s->np * 16));
    for (PetscInt first = 0, b = 0; first < nrow; first += ROWS, b++) {
      double unused = 0;

      (void)Residuals(fit, &p, s->theta, first, v ? &unused : sums->slab[ALS_SQUARES]);
      if (v) {
        (void)Residuals(fit, &q, moved, first, &unused);
        for (PetscInt i = 0; i < nout * ROWS; i++) p.y[i] = (p.y[i] - q.y[i]) / size;
      }
      s->d.gradient(s, s->theta, &p.block, p.y, g16, p.work);
      if ((b + 1) % NPANEL == 0 || first + ROWS >= nrow) {
        for (PetscInt i = 0; i < n; i++)
          for (PetscInt l = 0; l < 16; l++) sums->slab[v ? ALS_MATRIX : ALS_RHS][i] += g16[(start + i) * 16 + l];
        PetscCall(PetscArrayzero(g16, (size_t)s->np * 16));
        AlsSumsAddSlab(fit, sums);
      }
    }
    PetscCall(AlsSumsReduce(fit, sums, &again));
  }
  PetscCall(PetscArraycpy(out, sums->out[v ? ALS_MATRIX : ALS_RHS], n));
  PetscCall(PassDestroy(&p));
  PetscCall(PassDestroy(&q));
  PetscFunctionReturn(0);
}

static double Dot(PetscInt n, const double a[], const double b[])
{
  double sum = 0;

  for (PetscInt i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

// Conjugate gradients for all systems together.
static PetscErrorCode SolveIteratively(SnaFit fit, PetscInt block, PetscInt n, double *sse)
{
  const PetscInt start = fit->s->start[block];
  const double   ridge = fit->o.ridge * (double)fit->train->total;
  double        *w = fit->s->theta + start, *moved, *g16, *x, *r, *v, *Av, rho, rho0, shift = 0;
  AlsSums        sums;

  PetscFunctionBeginUser;
  PetscCall(AlsSumsCreate(n + 1, &sums));
  PetscCall(PetscMalloc2((size_t)fit->s->np, &moved, (size_t)fit->s->np * 16, &g16));
  PetscCall(PetscCalloc4((size_t)n, &x, (size_t)n, &r, (size_t)n, &v, (size_t)n, &Av));
  PetscCall(Multiply(fit, start, n, NULL, moved, &sums, g16, r));
  *sse = sums.out[ALS_SQUARES][0];
  for (PetscInt i = 0; i < n; i++) v[i] = r[i] -= ridge * w[i];
  rho = rho0 = Dot(n, r, r);
  for (PetscInt it = 0; it < CG_MAX_IT && rho > CG_RTOL * CG_RTOL * rho0; it++) {
    const double last = rho;

    PetscCall(Multiply(fit, start, n, v, moved, &sums, g16, Av));
    if (it == 0) shift = ridge + ALS_PROXIMAL * Dot(n, v, Av) / Dot(n, v, v);
    for (PetscInt i = 0; i < n; i++) Av[i] += shift * v[i];
    const double alpha = rho / Dot(n, v, Av);
    if (!isfinite(alpha)) break;
    for (PetscInt i = 0; i < n; i++) {
      x[i] += alpha * v[i];
      r[i] -= alpha * Av[i];
    }
    rho = Dot(n, r, r);
    for (PetscInt i = 0; i < n; i++) v[i] = r[i] + rho / last * v[i];
  }
  for (PetscInt i = 0; i < n; i++) w[i] += x[i];
  PetscCall(PetscFree4(x, r, v, Av));
  PetscCall(PetscFree2(moved, g16));
  PetscCall(AlsSumsDestroy(&sums));
  PetscFunctionReturn(0);
}

PetscErrorCode AlsSolveBlock(SnaFit fit, PetscInt block, double *sse)
{
  const PetscInt all = fit->s->start[block + 1] - fit->s->start[block], nsystem = CountSystems(fit->s, block),
                 n        = all / nsystem;
  const PetscInt64 square = (PetscInt64)n * n;

  PetscFunctionBeginUser;
  if (n <= MAX_DIRECT && square * nsystem <= MAX_NUMBERS)
    PetscCall(SolveDirectly(fit, block, nsystem, n, sse));
  else
    PetscCall(SolveIteratively(fit, block, all, sse));
  PetscFunctionReturn(0);
}

// ---- A sweep ----

typedef struct {
  PetscBool products;
  void     *state; // of AlsSweepProducts
} Als;

static PetscErrorCode AlsDestroy(void **cache)
{
  Als *als = (Als *)*cache;

  PetscFunctionBeginUser;
  PetscCall(AlsDestroyProducts(&als->state));
  PetscCall(PetscFree(als));
  *cache = NULL;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitStep_ALS(SnaFit fit, PetscBool *done)
{
  SnaSeparable s      = fit->s;
  const double N      = (double)fit->train->total;
  PetscInt     block  = 0;
  double       before = 0, after = -1, sse, r2;
  Als         *als;

  PetscFunctionBeginUser;
  PetscCheck(s->o.activation == SNA_IDENTITY && fit->o.loss == SNA_FIT_SQUARES, fit->comm, PETSC_ERR_ARG_WRONG,
    "alternating least squares needs the identity as activation, and squares");
  if (!fit->cache) {
    PetscCall(PetscNew(&als));
    als->products      = AlsProductsFits(fit);
    fit->cache         = als;
    fit->destroy_cache = AlsDestroy;
  }
  als = (Als *)fit->cache;
  if (als->products) {
    PetscCall(AlsSweepProducts(fit, &als->state, &before, &after));
    block = s->o.nd;
  }
  for (; block < s->nblock; block++) {
    PetscCall(AlsFocus(s, block - 1, block));
    PetscCall(AlsSolveBlock(fit, block, &sse));
    if (block == 0) before = sse;
    after = -1;
  }
  SnaSeparableBalance(s);
  if (after >= 0)
    fit->state.loss = after / (2 * N);
  else
    PetscCall(SnaFitEvaluate(fit, fit->train, s->theta, &fit->state.loss, &r2, NULL));
  fit->state.r2 = 1 - 2 * fit->state.loss / fit->variance;
  *done         = (PetscBool)(before / (2 * N) - fit->state.loss <= fit->o.rtol * before / (2 * N));
  PetscFunctionReturn(0);
}
