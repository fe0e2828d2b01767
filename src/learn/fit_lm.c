// fit_lm.c - Levenberg-Marquardt with the normal matrix summed over the rows of all ranks.
//
//   (A + lambda diag(A) + lambda 1e-3 mean(diag A)) step = -g,   A = sum_rows J^T H J + N ridge,   g = sum_rows J^T e + N ridge theta
//
// H = 1 for squares, the Fisher matrix diag(p) - p p^T for softmax: J^T H J = (S J)^T (S J) with S = diag(sqrt p)(1 - 1 p^T). A step that lowers the
// loss is taken (lambda falls), otherwise lambda grows eightfold (Marquardt 1963; khronos.md, 6). Rows are worked on in single precision until that
// can gain no more, then in double.
#include "fit_impl.h"
#include <math.h>
#include <petscblaslapack.h>

#define MAX_TRIES   8
#define SLAB        SNA_FIT_BLOCK     // rows of J that are multiplied at a time: the same rows on any number of ranks
#define CACHE_BYTES ((size_t)1 << 30) // of prepared rows
#define SINGLE_RTOL 1e-6              // smaller decreases of the loss cannot be told in single precision
#define SINGLE_R2   1e-9              // below this 1 - R^2, single precision may be what ends the iteration

typedef struct {
  PetscBool  subset, single;
  SnaSamples rows;                        // this rank's rows of the phase
  PetscInt64 nblock;                      // blocks of ROWS rows of all ranks
  BlockSet   set;                         // empty: rows are prepared when they are needed
  void      *prepare;                     // one block's rows
  size_t     work;                        // numbers of work space, the engine's and ours
  void      *theta, *J, *space, *g16, *A; // in the precision of the rows; A: of one slab
  double    *packed;
  int64_t   *sumA, *sumg;
  double    *normal, *matrix, *g, *step, *old;
  double     lambda, loss; // of theta; negative: not known
} Lm;

static PetscErrorCode LmDestroy(void **cache)
{
  Lm *lm = (Lm *)*cache;

  PetscFunctionBeginUser;
  PetscCall(BlockSetDestroy(&lm->set));
  PetscCall(SnaAlignedFree(&lm->prepare));
  PetscCall(SnaAlignedFree(&lm->theta));
  PetscCall(SnaAlignedFree(&lm->J));
  PetscCall(SnaAlignedFree(&lm->space));
  PetscCall(SnaAlignedFree(&lm->g16));
  PetscCall(SnaAlignedFree(&lm->A));
  PetscCall(PetscFree3(lm->sumA, lm->sumg, lm->packed));
  PetscCall(PetscFree5(lm->normal, lm->matrix, lm->g, lm->step, lm->old));
  PetscCall(PetscFree(lm));
  *cache = NULL;
  PetscFunctionReturn(0);
}

static PetscErrorCode PrepareRows(SnaFit fit, Lm *lm, PetscBool single)
{
  const size_t bytes = (size_t)((lm->rows.n + ROWS - 1) / ROWS) * SnaBlockBytes(fit->s, single, PETSC_FALSE);

  PetscFunctionBeginUser;
  PetscCall(BlockSetDestroy(&lm->set));
  lm->single  = single;
  fit->single = single;
  if (bytes <= CACHE_BYTES) PetscCall(BlockSetCreate(fit->s, lm->rows.n, lm->rows.t, single, PETSC_FALSE, &lm->set));
  PetscFunctionReturn(0);
}

static PetscErrorCode LmCreate(SnaFit fit, PetscBool subset)
{
  SnaSeparable   s    = fit->s;
  const size_t   np   = (size_t)s->np;
  const PetscInt slab = fit->o.loss == SNA_FIT_SQUARES ? 0 : s->o.nout * ROWS;
  Lm            *lm;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&lm));
  fit->cache         = lm;
  fit->destroy_cache = LmDestroy;
  lm->subset         = subset;
  lm->rows           = *fit->train;
  if (subset) { // block b of the shuffled rows is on rank b % size
    const PetscInt64 blocks = fit->o.lm_rows / SNA_FIT_BLOCK;

    lm->rows.total = PetscMin(lm->rows.total, blocks * SNA_FIT_BLOCK);
    lm->rows.n     = (PetscInt)PetscMin(lm->rows.n, (blocks - fit->rank + fit->size - 1) / fit->size * SNA_FIT_BLOCK);
    lm->rows.n     = PetscMax(0, lm->rows.n);
  }
  lm->nblock = (lm->rows.total + ROWS - 1) / ROWS;
  lm->lambda = fit->state.damping > 0 ? fit->state.damping : subset ? 1e-2 : 1e-5;
  lm->work   = PetscMax(s->d.work, s->f.work) + (size_t)s->o.nout * ROWS;
  PetscCall(SnaAlignedMalloc(SnaBlockBytes(s, PETSC_FALSE, PETSC_FALSE), &lm->prepare));
  PetscCall(SnaAlignedMalloc(np * sizeof(double), &lm->theta));
  PetscCall(SnaAlignedMalloc(np * (SLAB + (size_t)slab) * sizeof(double), &lm->J));
  PetscCall(SnaAlignedMalloc(lm->work * sizeof(double), &lm->space));
  PetscCall(SnaAlignedMalloc(np * 16 * sizeof(double), &lm->g16));
  PetscCall(SnaAlignedMalloc(np * np * sizeof(double), &lm->A));
  PetscCall(PetscMalloc3(np * (np + 1) / 2, &lm->sumA, np, &lm->sumg, np, &lm->packed));
  PetscCall(PetscMalloc5(np * np, &lm->normal, np * np, &lm->matrix, np, &lm->g, np, &lm->step, np, &lm->old));
  if (fit->state.step == 0) {
    fit->single = PETSC_TRUE;
    fit->last   = -1;
  }
  lm->loss = fit->last;
  PetscCall(PrepareRows(fit, lm, fit->single));
  PetscFunctionReturn(0);
}

// PETSc declares the routines of its own precision only.
extern void ssyrk_(const char *, const char *, const PetscBLASInt *, const PetscBLASInt *, const float *, const float *,
  const PetscBLASInt *, const float *, float *, const PetscBLASInt *);
#define dsyrk_ BLASsyrk_

#define REAL    float
#define NAME(x) x##F
#define BLOCK   BlockF
#define ENGINE  f
#define SET     block_f
#define SYRK    ssyrk_
#include "fit_lm_body.h"
#define REAL    double
#define NAME(x) x##D
#define BLOCK   BlockD
#define ENGINE  d
#define SET     block_d
#define SYRK    dsyrk_
#include "fit_lm_body.h"

static PetscErrorCode Loss(SnaFit fit, Lm *lm, const double theta[], double *loss)
{
  return lm->single ? LossF(fit, lm, theta, loss) : LossD(fit, lm, theta, loss);
}

// The damped system at lm->lambda; *ok is false where it is not positive definite.
static PetscErrorCode SolveStep(SnaFit fit, Lm *lm, PetscBool *ok)
{
  const PetscInt np   = fit->s->np;
  double         mean = 0;
  PetscBLASInt   n, one = 1, info;

  PetscFunctionBeginUser;
  PetscCall(PetscBLASIntCast(np, &n));
  for (PetscInt p = 0; p < np; p++) mean += lm->normal[p * np + p] / (double)np;
  for (PetscInt j = 0; j < np; j++) PetscCall(PetscArraycpy(lm->matrix + j * np, lm->normal + j * np, j + 1));
  for (PetscInt p = 0; p < np; p++) {
    lm->matrix[p * np + p] += lm->lambda * (lm->matrix[p * np + p] + 1e-3 * mean);
    lm->step[p] = -lm->g[p];
  }
  PetscCallBLAS("LAPACKpotrf", LAPACKpotrf_("U", &n, lm->matrix, &n, &info));
  *ok = (PetscBool)(info == 0);
  if (!*ok) PetscFunctionReturn(0);
  PetscCallBLAS("LAPACKpotrs", LAPACKpotrs_("U", &n, &one, lm->matrix, &n, lm->step, &n, &info));
  *ok = (PetscBool)(info == 0);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitStep_LM(SnaFit fit, PetscBool subset, PetscBool *done)
{
  const PetscInt np = fit->s->np;
  Lm            *lm;
  PetscBool      taken = PETSC_FALSE;
  double         before, loss = 0, r2;

  PetscFunctionBeginUser;
  if (!fit->cache) PetscCall(LmCreate(fit, subset));
  lm = (Lm *)fit->cache;
  if (lm->loss < 0) PetscCall(Loss(fit, lm, fit->s->theta, &lm->loss));
  PetscCall(lm->single ? NormalF(fit, lm) : NormalD(fit, lm));
  before = lm->loss;
  PetscCall(PetscArraycpy(lm->old, fit->s->theta, np));
  for (int k = 0; k < MAX_TRIES && !taken; k++) {
    PetscBool ok = PETSC_FALSE;

    PetscCall(SolveStep(fit, lm, &ok));
    if (ok) {
      for (PetscInt p = 0; p < np; p++) fit->s->theta[p] = lm->old[p] + lm->step[p];
      PetscCall(Loss(fit, lm, fit->s->theta, &loss));
      taken = (PetscBool)(loss < before);
    }
    if (taken)
      lm->lambda = PetscMax(1e-15, lm->lambda * (k ? 0.5 : 0.1));
    else
      lm->lambda = PetscMin(1e15, lm->lambda * 8);
  }
  if (taken) {
    SnaSeparableBalance(fit->s);
    lm->loss = loss;
  } else
    PetscCall(PetscArraycpy(fit->s->theta, lm->old, np));
  fit->state.damping = lm->lambda;
  fit->state.loss    = lm->loss;
  PetscCall(SnaFitTargetVariance(fit, &r2));
  if (fit->o.loss == SNA_FIT_SQUARES) fit->state.r2 = 1 - 2 * lm->loss / r2;
  *done = (PetscBool)(!taken || before - lm->loss <= fit->o.rtol * before);
  if (*done && lm->single &&
      (fit->o.rtol < SINGLE_RTOL || (fit->o.loss == SNA_FIT_SQUARES && 1 - fit->state.r2 < SINGLE_R2))) {
    PetscCall(PrepareRows(fit, lm, PETSC_FALSE));
    lm->loss           = -1;
    fit->state.damping = lm->lambda = PetscMin(lm->lambda, 1e-6);
    *done                           = PETSC_FALSE;
  }
  fit->last = lm->loss;
  PetscFunctionReturn(0);
}
