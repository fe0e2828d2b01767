// fit.c - the schedule of a fit: which phases follow each other, when they end, which parameters are kept.
//
// Chosen sizes follow khronos.md, 6: a short Adam finds the basin, Levenberg-Marquardt on a few thousand rows the minimum, on all rows the best one; for many
// parameters alternating least squares takes its place. The place to read first.
#include "fit_impl.h"
#include <math.h>
#include <petsctime.h>

PetscErrorCode SnaFitSetDefaults(SnaFitOptions *o)
{
  PetscFunctionBeginUser;
  *o = (SnaFitOptions){.method = SNA_FIT_AUTO,
    .loss                      = SNA_FIT_SQUARES,
    .seed                      = 1,
    .restarts                  = 1,
    .rtol                      = 1e-2,
    .als_sweeps                = 20,
    .lbfgs_max_it              = 400,
    .patience                  = 10};
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitTargetVariance(SnaFit fit, double *variance)
{
  PetscFunctionBeginUser;
  *variance = fit->variance;
  PetscFunctionReturn(0);
}

// y is linear in theta: a sum of functions of one input each.
static PetscBool IsLinear(SnaSeparable s)
{
  const SnaInteraction *in = &s->o.interaction;

  if (s->o.kind != SNA_SEPARABLE_PRODUCTS || s->o.activation != SNA_IDENTITY || s->o.learned) return PETSC_FALSE;
  for (PetscInt k = 0; k < in->nsubset; k++)
    if (in->subset[k] & (in->subset[k] - 1)) return PETSC_FALSE;
  return PETSC_TRUE;
}

static void Choose(SnaFit fit)
{
  SnaFitOptions *o         = &fit->o;
  const PetscInt np        = fit->s->np;
  const PetscInt rows      = (PetscInt)PetscMin(fit->train->total, PETSC_MAX_INT / 2);
  PetscBool      alternate = (PetscBool)(fit->s->o.activation == SNA_IDENTITY && o->loss == SNA_FIT_SQUARES);
  PetscInt      *phase = fit->phases, n = 0;

  if (o->lm_rows == 0) o->lm_rows = PetscMax(2048, 8 * np);
  o->lm_rows = (PetscMin(o->lm_rows, PETSC_MAX_INT / 2) + SNA_FIT_BLOCK - 1) / SNA_FIT_BLOCK * SNA_FIT_BLOCK;
  if (o->method == SNA_FIT_AUTO)
    o->method = IsLinear(fit->s) ? SNA_FIT_LM : np <= 1000 ? SNA_FIT_HYBRID : alternate ? SNA_FIT_ALS : SNA_FIT_LBFGS;
  if (o->adam_rows == 0)
    o->adam_rows = o->method == SNA_FIT_ADAM ? 1 << 20 : PetscMax(2048, 4 * np); // in cache: a step takes microseconds
  o->adam_rows = PetscMin(o->adam_rows, rows);
  if (o->adam_visits == 0)
    o->adam_visits = o->method == SNA_FIT_ADAM ? PetscMax(40 * o->adam_rows, 200000)
                                               : PetscMin(48 * PetscMax(2048, o->adam_rows), 100 * o->adam_rows);
  if (o->batch == 0) o->batch = PetscMax(ROWS, PetscMin(512, o->adam_rows / 8 / ROWS * ROWS));
  if (o->rate == 0) o->rate = 0.03;
  if (o->lm_max_it == 0) o->lm_max_it = 100;
  if (o->full_max_it == 0) o->full_max_it = o->lm_rows < rows && o->method != SNA_FIT_LM ? 3 : 100;
  // One product alone has no minima to avoid, and in many dimensions Adam needs long to find it.
  if (o->method == SNA_FIT_HYBRID || o->method == SNA_FIT_ADAM || o->method == SNA_FIT_LBFGS ||
      (o->method == SNA_FIT_ALS && !(fit->s->o.kind == SNA_SEPARABLE_PRODUCTS && fit->s->nmode == 1)))
    phase[n++] = SNA_PHASE_ADAM;
  if (o->method == SNA_FIT_HYBRID || o->method == SNA_FIT_LM) {
    if (o->lm_rows < rows) phase[n++] = SNA_PHASE_SUBSET;
    phase[n++] = SNA_PHASE_FULL;
  }
  if (o->method == SNA_FIT_ALS) phase[n++] = SNA_PHASE_ALS;
  if (o->method == SNA_FIT_LBFGS) phase[n++] = SNA_PHASE_LBFGS;
  phase[n]     = SNA_PHASE_DONE;
  fit->nphases = n;
}

static PetscErrorCode Start(SnaFit fit, PetscInt restart)
{
  PetscFunctionBeginUser;
  PetscCall(SnaSeparableInitialize(fit->s, fit->o.seed + (uint64_t)restart, fit->o.spread, fit->start_scale));
  PetscCall(PetscArrayzero(fit->moment, 2 * fit->s->np));
  fit->state.restart = restart;
  fit->state.step    = 0;
  fit->state.damping = 0;
  fit->at            = 0;
  fit->visits        = 0;
  fit->adam_steps    = 0;
  fit->stale         = 0;
  fit->state.phase   = (SnaFitPhase)fit->phases[0];
  PetscFunctionReturn(0);
}

// Mean square and variance of the targets of all rows, from exact sums.
static PetscErrorCode Targets(SnaFit fit)
{
  const PetscInt n = fit->train->n, nout = fit->s->o.nout;
  double         N = (double)fit->train->total, square = 0;
  PetscBool      valid;

  PetscFunctionBeginUser;
  fit->variance    = 0;
  fit->start_scale = 1;
  if (fit->o.loss != SNA_FIT_SQUARES) PetscFunctionReturn(0);
  for (PetscInt o = 0; o < nout; o++) {
    double out[2] = {0, 0};

    for (valid = PETSC_FALSE; !valid;) {
      int64_t sum[2]  = {0, 0};
      double  largest = 0;

      for (PetscInt i = 0; i < n; i++) {
        const double y = fit->train->y[o][i], v[2] = {y, y * y},
                     large = SnaExactAddD(2, v, fit->scale[SNA_SCALE_TARGET], sum);

        largest = PetscMax(largest, large);
      }
      PetscCall(SnaExactIsValid(fit->comm, largest, fit->train->total, &fit->scale[SNA_SCALE_TARGET], &valid));
      if (valid) PetscCall(SnaExactReduce(fit->comm, 2, sum, fit->scale[SNA_SCALE_TARGET], out));
    }
    square += out[1] / N / (double)nout;
    fit->variance += out[1] / N - out[0] / N * (out[0] / N);
  }
  fit->start_scale = sqrt(square);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitCreate(MPI_Comm comm, SnaSeparable s, const SnaFitOptions *o, const SnaSamples *train,
  const SnaSamples *validation, SnaFit *fit)
{
  SnaFit         f;
  PetscLogDouble t0, t1;

  PetscFunctionBeginUser;
  PetscCall(PetscTime(&t0));
  PetscCheck(s->o.nout <= SNA_MAX_OUTPUTS, comm, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " outputs", s->o.nout);
  PetscCall(PetscNew(fit));
  f             = *fit;
  f->comm       = comm;
  f->s          = s;
  f->o          = *o;
  f->train      = train;
  f->validation = validation && validation->total > 0 ? validation : NULL;
  PetscCallMPI(MPI_Comm_rank(comm, &f->rank));
  PetscCallMPI(MPI_Comm_size(comm, &f->size));
  PetscCall(PetscCalloc2(s->np, &f->best, 2 * (size_t)s->np, &f->moment));
  f->best_loss = INFINITY;
  Choose(f);
  PetscCall(Targets(f));
  f->state.validation = NAN;
  PetscCall(Start(f, 0));
  PetscCall(PetscTime(&t1));
  f->state.seconds = t1 - t0;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitDestroy(SnaFit *fit)
{
  PetscFunctionBeginUser;
  if (!*fit) PetscFunctionReturn(0);
  if ((*fit)->cache) PetscCall((*fit)->destroy_cache(&(*fit)->cache));
  PetscCall(PetscFree2((*fit)->best, (*fit)->moment));
  PetscCall(PetscFree(*fit));
  PetscFunctionReturn(0);
}

// Steps that the phase may take.
static PetscInt PhaseSteps(SnaFit fit, SnaFitPhase phase)
{
  const SnaFitOptions *o = &fit->o;

  switch (phase) {
  case SNA_PHASE_ADAM:
    return (o->adam_visits + o->adam_rows - 1) / o->adam_rows;
  case SNA_PHASE_SUBSET:
    return o->lm_max_it;
  case SNA_PHASE_FULL:
    return o->full_max_it;
  case SNA_PHASE_ALS:
    return o->als_sweeps;
  case SNA_PHASE_LBFGS:
    return (o->lbfgs_max_it + 19) / 20;
  case SNA_PHASE_DONE:
    break;
  }
  return 0;
}

// Keeps the best parameters so far: those of the smallest validation loss where there are such rows, otherwise those at the end of each restart.
static PetscErrorCode Keep(SnaFit fit, PetscBool last, PetscBool *stop)
{
  double loss = fit->state.loss;

  PetscFunctionBeginUser;
  *stop = PETSC_FALSE;
  if (fit->validation) {
    double r2;

    PetscCall(SnaFitEvaluate(fit, fit->validation, fit->s->theta, &loss, &r2, NULL));
    fit->state.validation = loss;
  } else if (!last)
    PetscFunctionReturn(0);
  if (loss < fit->best_loss) {
    fit->best_loss = loss;
    fit->stale     = 0;
    PetscCall(PetscArraycpy(fit->best, fit->s->theta, fit->s->np));
  } else if (++fit->stale >= fit->o.patience && fit->validation)
    *stop = PETSC_TRUE;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitStep(SnaFit fit, PetscBool *done)
{
  SnaFitState   *state = &fit->state;
  SnaFitPhase    phase = state->phase;
  PetscLogDouble t0, t1;
  PetscBool      phase_done = PETSC_TRUE, stop;

  PetscFunctionBeginUser;
  PetscCall(PetscTime(&t0));
  switch (phase) {
  case SNA_PHASE_ADAM:
    PetscCall(SnaFitStep_Adam(fit, &phase_done));
    break;
  case SNA_PHASE_SUBSET:
    PetscCall(SnaFitStep_LM(fit, PETSC_TRUE, &phase_done));
    break;
  case SNA_PHASE_FULL:
    PetscCall(SnaFitStep_LM(fit, PETSC_FALSE, &phase_done));
    break;
  case SNA_PHASE_ALS:
    PetscCall(SnaFitStep_ALS(fit, &phase_done));
    break;
  case SNA_PHASE_LBFGS:
    PetscCall(SnaFitStep_LBFGS(fit, &phase_done));
    break;
  case SNA_PHASE_DONE:
    break;
  }
  state->step++;
  state->total_steps++;
  // In double precision the residual is falling to round-off, quadratically: a few steps more.
  if (phase != SNA_PHASE_ADAM &&
      state->step >= PhaseSteps(fit, phase) + (phase == SNA_PHASE_FULL && !fit->single ? 20 : 0))
    phase_done = PETSC_TRUE;
  if (fit->o.target > 0 && phase != SNA_PHASE_ADAM && 1 - state->r2 <= fit->o.target) {
    phase_done = PETSC_TRUE;
    fit->at    = fit->nphases - 1;
  }
  if (!isfinite(state->loss)) fit->at = fit->nphases - 1;
  PetscCall(Keep(fit, (PetscBool)(phase_done && fit->at >= fit->nphases - 1), &stop));
  if (stop) {
    phase_done = PETSC_TRUE;
    fit->at    = fit->nphases - 1;
  }
  *done = PETSC_FALSE;
  if (phase_done) {
    if (fit->cache) PetscCall(fit->destroy_cache(&fit->cache));
    state->phase   = (SnaFitPhase)fit->phases[++fit->at];
    state->step    = 0;
    state->damping = 0;
    if (state->phase == SNA_PHASE_DONE && state->restart + 1 < fit->o.restarts)
      PetscCall(Start(fit, state->restart + 1));
    *done = (PetscBool)(state->phase == SNA_PHASE_DONE);
    if (*done && isfinite(fit->best_loss)) PetscCall(PetscArraycpy(fit->s->theta, fit->best, fit->s->np));
  }
  {
    const double in_phase =
      state->phase == SNA_PHASE_DONE ? 0 : (double)state->step / (double)PhaseSteps(fit, state->phase);

    state->work =
      ((double)state->restart + ((double)fit->at + in_phase) / (double)fit->nphases) / (double)fit->o.restarts;
  }
  PetscCall(PetscTime(&t1));
  state->seconds += t1 - t0;
  state->phase_seconds[phase] += t1 - t0;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitGetState(SnaFit fit, SnaFitState *state)
{
  PetscFunctionBeginUser;
  *state = fit->state;
  PetscFunctionReturn(0);
}

// Everything that a step depends on: the state's numbers, the scales of exact sums, parameters, the best ones, Adam's moments.
#define NSTATE (17 + SNA_PHASE_DONE + (PetscInt)PETSC_STATIC_ARRAY_LENGTH(((SnaFit)0)->scale))

static void Exchange(double *number, double *value, PetscBool read)
{
  if (read)
    *value = *number;
  else
    *number = *value;
}

static void ExchangeInt(double *number, PetscInt *value, PetscBool read)
{
  if (read)
    *value = (PetscInt)*number;
  else
    *number = (double)*value;
}

static void ExchangeState(SnaFit fit, double number[], PetscBool read)
{
  SnaFitState *state = &fit->state;
  PetscInt     phase = (PetscInt)state->phase, single = fit->single ? 1 : 0, n = 0;

  ExchangeInt(&number[n++], &phase, read);
  state->phase = (SnaFitPhase)phase;
  ExchangeInt(&number[n++], &single, read);
  fit->single = (PetscBool)(single != 0);
  ExchangeInt(&number[n++], &state->restart, read);
  ExchangeInt(&number[n++], &state->step, read);
  ExchangeInt(&number[n++], &state->total_steps, read);
  ExchangeInt(&number[n++], &fit->at, read);
  ExchangeInt(&number[n++], &fit->stale, read);
  ExchangeInt(&number[n++], &fit->adam_steps, read);
  Exchange(&number[n++], &fit->visits, read);
  Exchange(&number[n++], &fit->best_loss, read);
  Exchange(&number[n++], &fit->last, read);
  Exchange(&number[n++], &state->loss, read);
  Exchange(&number[n++], &state->validation, read);
  Exchange(&number[n++], &state->r2, read);
  Exchange(&number[n++], &state->damping, read);
  Exchange(&number[n++], &state->seconds, read);
  Exchange(&number[n++], &state->work, read);
  for (int p = 0; p < SNA_PHASE_DONE; p++) Exchange(&number[n++], &state->phase_seconds[p], read);
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(fit->scale); k++) Exchange(&number[n++], &fit->scale[k], read);
}

PetscErrorCode SnaFitWrite(SnaFit fit, SnaFile file, const char group[])
{
  const PetscInt np = fit->s->np, sizes[] = {NSTATE, np, np, 2 * np};
  double         number[NSTATE];
  const double  *array[] = {number, fit->s->theta, fit->best, fit->moment};
  const char    *name[]  = {"state", "theta", "best", "moment"};

  PetscFunctionBeginUser;
  ExchangeState(fit, number, PETSC_FALSE);
  for (int k = 0; k < 4; k++) {
    char path[PETSC_MAX_PATH_LEN];

    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, name[k]));
    PetscCall(SnaFileWriteArray(file, path, 1, &sizes[k], array[k]));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitRead(SnaFit fit, SnaFile file, const char group[])
{
  const PetscInt np = fit->s->np, sizes[] = {NSTATE, np, np, 2 * np};
  double         number[NSTATE];
  double        *array[] = {number, fit->s->theta, fit->best, fit->moment};
  const char    *name[]  = {"state", "theta", "best", "moment"}, *error;

  PetscFunctionBeginUser;
  for (int k = 0; k < 4; k++) {
    char path[PETSC_MAX_PATH_LEN];

    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, name[k]));
    PetscCall(SnaFileReadArray(file, path, sizes[k], array[k]));
  }
  PetscCall(SnaFileGetError(file, &error));
  if (!error) ExchangeState(fit, number, PETSC_TRUE);
  PetscFunctionReturn(0);
}
