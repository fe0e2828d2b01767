// fit_adam.c - Adam on mini-batches (Kingma & Ba 2015), in single precision, the same on every rank: a step takes microseconds, less than a message.
//
//   m <- b1 m + (1-b1) g,  v <- b2 v + (1-b2) g^2,  theta <- theta - rate m/(1-b1^k) / (sqrt(v/(1-b2^k)) + eps),   b1 = 0.9, b2 = 0.99 (khronos.md, 6)
//
// The rate falls as a half cosine from options.rate to a sixth of it over the visits of the phase. Every rank holds the first adam_rows rows of the shuffled
// order; batches are blocks of ROWS rows in an order that changes from epoch to epoch.
#include "fit_impl.h"
#include <math.h>
#include <string.h>

#define BETA1 0.9f
#define BETA2 0.99f
#define EPS   1e-8f

typedef struct {
  PetscInt      n, nblock;
  double       *t, *y; // [d*n + row], [o*n + row]
  const double *target[SNA_MAX_OUTPUTS];
  BlockSet      set;
  float        *theta, *m, *v, *g, *g16, *work, *out;
  PetscInt     *order;
} Adam;

static PetscErrorCode AdamDestroy(void **cache)
{
  Adam *a = (Adam *)*cache;

  PetscFunctionBeginUser;
  PetscCall(BlockSetDestroy(&a->set));
  PetscCall(PetscFree2(a->t, a->y));
  PetscCall(PetscFree4(a->theta, a->m, a->v, a->g));
  PetscCall(SnaAlignedFree(&a->g16));
  PetscCall(SnaAlignedFree(&a->work));
  PetscCall(SnaAlignedFree(&a->out));
  PetscCall(PetscFree(a->order));
  PetscCall(PetscFree(a));
  *cache = NULL;
  PetscFunctionReturn(0);
}

// The first rows of the shuffled order, on every rank: block b of them is block b / size of rank b % size.
static PetscErrorCode GatherRows(SnaFit fit, PetscInt n, PetscInt columns, double *const local[], double all[])
{
  const PetscInt nblock = (n + SNA_FIT_BLOCK - 1) / SNA_FIT_BLOCK, most = (nblock + fit->size - 1) / fit->size;
  const size_t   part = (size_t)most * SNA_FIT_BLOCK * (size_t)columns;
  double        *send, *receive;
  PetscMPIInt    count;

  PetscFunctionBeginUser;
  PetscCall(PetscMPIIntCast((PetscInt)part, &count));
  PetscCall(PetscCalloc1(part, &send));
  PetscCall(PetscMalloc1(part * (size_t)fit->size, &receive));
  for (PetscInt c = 0; c < columns; c++)
    PetscCall(PetscArraycpy(send + c * most * SNA_FIT_BLOCK, local[c], PetscMin(most * SNA_FIT_BLOCK, fit->train->n)));
  PetscCallMPI(MPI_Allgather(send, count, MPI_DOUBLE, receive, count, MPI_DOUBLE, fit->comm));
  for (PetscInt b = 0; b < nblock; b++)
    for (PetscInt c = 0; c < columns; c++)
      PetscCall(PetscArraycpy(all + c * n + b * SNA_FIT_BLOCK,
        receive + (size_t)(b % fit->size) * part + (c * most + b / fit->size) * SNA_FIT_BLOCK,
        PetscMin(SNA_FIT_BLOCK, n - b * SNA_FIT_BLOCK)));
  PetscCall(PetscFree(send));
  PetscCall(PetscFree(receive));
  PetscFunctionReturn(0);
}

static PetscErrorCode AdamCreate(SnaFit fit)
{
  SnaSeparable   s = fit->s;
  const PetscInt n = (PetscInt)PetscMin((PetscInt64)fit->o.adam_rows, fit->train->total), np = s->np;
  const PetscInt targets = fit->o.loss == SNA_FIT_SQUARES ? s->o.nout : 1;
  const double  *t[SNA_MAX_DIM];
  Adam          *a;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&a));
  fit->cache         = a;
  fit->destroy_cache = AdamDestroy;
  a->n               = n;
  PetscCall(PetscMalloc2((size_t)n * (size_t)s->o.nd, &a->t, (size_t)n * (size_t)targets, &a->y));
  PetscCall(GatherRows(fit, n, s->o.nd, (double *const *)fit->train->t, a->t));
  PetscCall(GatherRows(fit, n, targets, (double *const *)fit->train->y, a->y));
  for (PetscInt d = 0; d < s->o.nd; d++) t[d] = a->t + d * n;
  for (PetscInt o = 0; o < targets; o++) a->target[o] = a->y + o * n;
  PetscCall(BlockSetCreate(s, n, t, PETSC_TRUE, PETSC_FALSE, &a->set));
  a->nblock = a->set.nblock;
  PetscCall(PetscMalloc4(np, &a->theta, np, &a->m, np, &a->v, np, &a->g));
  PetscCall(SnaAlignedMalloc((size_t)np * 16 * sizeof(float), &a->g16));
  PetscCall(SnaAlignedMalloc(s->f.work * sizeof(float), &a->work));
  PetscCall(SnaAlignedMalloc((size_t)s->o.nout * ROWS * sizeof(float), &a->out));
  PetscCall(PetscMalloc1(a->nblock, &a->order));
  for (PetscInt p = 0; p < np; p++) {
    a->theta[p] = (float)s->theta[p];
    a->m[p]     = (float)fit->moment[p];
    a->v[p]     = (float)fit->moment[np + p];
  }
  PetscFunctionReturn(0);
}

// Adds the gradient of one block's loss; returns the loss.
static double AddBlock(SnaFit fit, Adam *a, PetscInt k)
{
  SnaSeparable   s     = fit->s;
  const PetscInt first = k * ROWS;
  double         loss;

  s->f.forward(s, a->theta, &a->set.block_f[k], a->out, a->work);
  loss = SnaFitResidualF(fit, a->target, first, PetscMin(ROWS, a->n - first), a->out);
  s->f.gradient(s, a->theta, &a->set.block_f[k], a->out, a->g16, a->work);
  return loss;
}

static void Update(SnaFit fit, Adam *a, PetscInt rows, float rate, PetscInt step)
{
  const PetscInt np      = fit->s->np;
  const float    inverse = 1 / (float)rows, ridge = (float)fit->o.ridge;
  const float    c1 = 1 / (1 - powf(BETA1, (float)step)), c2 = 1 / (1 - powf(BETA2, (float)step));

  for (PetscInt p = 0; p < np; p++) {
    float sum = 0;

    for (int l = 0; l < 16; l++) sum += a->g16[p * 16 + l];
    a->g[p] = sum * inverse + ridge * a->theta[p];
  }
  for (PetscInt p = 0; p < np; p++) {
    a->m[p] = BETA1 * a->m[p] + (1 - BETA1) * a->g[p];
    a->v[p] = BETA2 * a->v[p] + (1 - BETA2) * a->g[p] * a->g[p];
    a->theta[p] -= rate * c1 * a->m[p] / (sqrtf(c2 * a->v[p]) + EPS);
  }
}

// Sorted by a random key: the order of blocks of one epoch.
static void Shuffle(uint64_t seed, uint64_t epoch, PetscInt n, PetscInt order[])
{
  for (PetscInt i = 0; i < n; i++) order[i] = i;
  for (PetscInt i = n - 1; i > 0; i--) {
    const PetscInt j = (PetscInt)(SnaRandomUniform(seed, 0xADA0 + epoch, (uint64_t)i) * (double)(i + 1)), k = order[i];

    order[i] = order[j];
    order[j] = k;
  }
}

// One pass over the rows. Blocks that do not make half a batch at its end are left out.
static PetscErrorCode Epoch(SnaFit fit, Adam *a, double *loss, PetscInt *rows)
{
  const PetscInt np       = fit->s->np;
  PetscInt       in_batch = 0;

  PetscFunctionBeginUser;
  Shuffle(fit->o.seed + (uint64_t)fit->state.restart, (uint64_t)fit->adam_steps, a->nblock, a->order);
  PetscCall(PetscArrayzero(a->g16, np * 16));
  *loss = 0;
  *rows = 0;
  for (PetscInt k = 0; k < a->nblock && fit->visits < (double)fit->o.adam_visits; k++) {
    const PetscInt block = a->order[k], n = PetscMin(ROWS, a->n - block * ROWS);

    *loss += AddBlock(fit, a, block);
    *rows += n;
    in_batch += n;
    if (in_batch >= fit->o.batch || (k == a->nblock - 1 && 2 * in_batch >= PetscMin(fit->o.batch, a->n))) {
      const double share = fit->visits / (double)fit->o.adam_visits;
      const double rate  = fit->o.rate * (1.0 / 6 + 5.0 / 6 * 0.5 * (1 + cos(PETSC_PI * share)));

      fit->visits += in_batch;
      fit->adam_steps++;
      Update(fit, a, in_batch, (float)rate, fit->adam_steps);
      PetscCall(PetscArrayzero(a->g16, np * 16));
      in_batch = 0;
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitStep_Adam(SnaFit fit, PetscBool *done)
{
  const PetscInt np   = fit->s->np;
  const double   goal = PetscMin((double)fit->o.adam_visits, fit->visits + (double)fit->o.adam_visits / 8);
  Adam          *a;
  PetscInt       rows = 0;
  double         loss = 0;

  PetscFunctionBeginUser;
  if (!fit->cache) PetscCall(AdamCreate(fit));
  a = (Adam *)fit->cache;
  while (fit->visits < goal) PetscCall(Epoch(fit, a, &loss, &rows));
  for (PetscInt p = 0; p < np; p++) {
    fit->s->theta[p]    = (double)a->theta[p];
    fit->moment[p]      = (double)a->m[p];
    fit->moment[np + p] = (double)a->v[p];
  }
  fit->state.loss = loss / (double)PetscMax(1, rows); // of the last pass, batches as they were met
  fit->state.r2   = fit->o.loss == SNA_FIT_SQUARES ? 1 - 2 * fit->state.loss / fit->variance : NAN;
  *done           = (PetscBool)(fit->visits >= (double)fit->o.adam_visits);
  PetscFunctionReturn(0);
}
