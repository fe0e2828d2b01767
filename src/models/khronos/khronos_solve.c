// khronos_solve.c - training: every fold of a cross-validation, then the model of the whole data.
//
//   stages    fold 0, ..., folds-1 (data: {split: folds}), then -1, the whole data by the deck's split
//   a stage   one function per target, each fitted on its own, where the weights of the products are one; otherwise one for all targets (classes)
//   a step    SnaFitStep(), then the monitor: progress line, checkpoint, stop
//
// A restart file holds the parameters of the stage, the state of the fit that runs and the figures of the folds that are done; the data are read or made
// anew, which gives the same rows. Going on from it gives the same bits as not having stopped. A finished model is not trained again.
//
// train_seconds is the time inside SnaFitCreate() and SnaFitStep() of the last stage.
#include "khronos_run.h"
#include <math.h>
#include <petsctime.h>

PetscErrorCode KhronosRunCreate(Khronos *k)
{
  PetscFunctionBeginUser;
  if (k->run) PetscFunctionReturn(0);
  PetscCall(PetscNew(&k->run));
  PetscCall(PetscCalloc1(PetscMax(1, k->folds), &k->run->fold));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosRunDestroy(Khronos *k)
{
  KhronosRun run = k->run;

  PetscFunctionBeginUser;
  PetscCall(SnaFitDestroy(&k->running));
  if (!run) PetscFunctionReturn(0);
  PetscCall(PetscFree(run->history));
  PetscCall(PetscFree(run->fold));
  PetscCall(PetscFree(run->test));
  PetscCall(PetscFree(run->memory));
  PetscCall(PetscFree2(run->y, run->dy));
  PetscCall(PetscFree(k->run));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The functions to be fitted
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode CreatePart(SnaModel model, SnaSeparable *s)
{
  const Khronos      *k = (const Khronos *)model->data;
  SnaSeparableOptions o;
  PetscBool           ok;
  char                message[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  PetscCall(KhronosGetOptions(model, &o, &ok));
  PetscCheck(ok, model->comm, PETSC_ERR_PLIB, "set-up lets no such model pass");
  o.nout = k->nout;
  PetscCall(SnaSeparableCreate(&o, s, message));
  PetscCheck(*s, model->comm, PETSC_ERR_PLIB, "set-up lets no such model pass: %s", message);
  PetscCall(SnaInteractionDestroy(&o.interaction));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosBeginStage(SnaModel model, char message[SNA_MAX_MESSAGE])
{
  Khronos *k = (Khronos *)model->data;

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCall(SnaFitDestroy(&k->running));
  for (int p = 0; p < SNA_NPARTS; p++) PetscCall(SnaRowsDestroy(&k->part[p]));
  PetscCall(KhronosModelDestroy(&k->model));
  PetscCall(KhronosPrepare(model, k->fold, &k->model, k->part, message));
  if (message[0]) PetscFunctionReturn(0);
  for (PetscInt p = 0; p < k->npart; p++) PetscCall(CreatePart(model, &k->model.part[p]));
  k->output        = 0;
  k->train_seconds = 0;
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosCreateFit(SnaModel model, SnaFit *fit)
{
  Khronos      *k = (Khronos *)model->data;
  SnaFitOptions o = k->fit;

  PetscFunctionBeginUser;
  o.loss = k->nclass > 0 ? SNA_FIT_SOFTMAX : SNA_FIT_SQUARES;
  for (int p = 0; p < SNA_NPARTS; p++) {
    const SnaRows *rows = &k->part[p];
    k->run->sample[p]   = (SnaSamples){.n = rows->n,
        .total                            = rows->total,
        .t                                = (const double *const *)rows->x,
        .y                                = (const double *const *)rows->y + k->output};
  }
  PetscCall(SnaFitCreate(model->comm, k->model.part[k->output], &o, &k->run->sample[SNA_PART_TRAIN],
    k->part[SNA_PART_VALIDATION].total > 0 ? &k->run->sample[SNA_PART_VALIDATION] : NULL, fit));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Training
// ---------------------------------------------------------------------------------------------------------------------
// before: the state before the step, which knows the phase and its steps.
static PetscErrorCode AppendHistory(Khronos *k, const SnaFitState *before, const SnaFitState *s)
{
  KhronosRun run = k->run;
  double    *row;

  PetscFunctionBeginUser;
  if (run->nhistory == run->maxhistory) {
    run->maxhistory = PetscMax(256, 2 * run->maxhistory);
    PetscCall(PetscRealloc(sizeof(*run->history) * (size_t)run->maxhistory, &run->history));
  }
  row                     = run->history[run->nhistory++];
  row[KHRONOS_FOLD]       = (double)k->fold;
  row[KHRONOS_PART]       = (double)k->output;
  row[KHRONOS_RESTART]    = (double)before->restart;
  row[KHRONOS_PHASE]      = (double)before->phase;
  row[KHRONOS_STEP]       = (double)(before->step + 1);
  row[KHRONOS_LOSS]       = s->loss;
  row[KHRONOS_VALIDATION] = s->validation;
  row[KHRONOS_R2]         = s->r2;
  row[KHRONOS_DAMPING]    = s->damping;
  row[KHRONOS_SECONDS]    = k->train_seconds;
  PetscFunctionReturn(0);
}

// What is being fitted: "fold 2/5  ys".
static PetscErrorCode Subject(const Khronos *k, size_t size, char text[])
{
  char fold[64] = "";

  PetscFunctionBeginUser;
  if (k->fold >= 0)
    PetscCall(PetscSNPrintf(fold, sizeof(fold), "fold %" PetscInt_FMT "/%" PetscInt_FMT "  ", k->fold + 1, k->folds));
  if (k->npart == 1 && k->ntarget > 1)
    PetscCall(PetscSNPrintf(text, size, "%s%" PetscInt_FMT " targets", fold, k->ntarget));
  else
    PetscCall(PetscSNPrintf(text, size, "%s%s", fold, k->target[k->output]));
  PetscFunctionReturn(0);
}

static PetscErrorCode CallMonitor(
  SnaModel model, const SnaFitState *before, const SnaFitState *s, PetscBool done, PetscBool *stop)
{
  static const char *const name[] = {"adam", "subset", "lm", "als", "lbfgs", "done"};
  const Khronos           *k      = (const Khronos *)model->data;
  const PetscInt           stage = k->fold < 0 ? k->folds : k->fold, npart = k->npart;
  char                     line[512], subject[256], validation[64] = "";
  SnaIteration             it      = {.group = model->comm, .replicas = 1, .step = k->run->nhistory, .line = line};
  const PetscInt           limit[] = {0, k->fit.lm_max_it, k->fit.full_max_it, k->fit.als_sweeps, 0, 0};

  PetscFunctionBeginUser;
  if (!model->monitor) PetscFunctionReturn(0);
  it.what  = name[before->phase];
  it.done  = before->step + 1;
  it.total = limit[before->phase];
  it.work  = ((double)(stage * npart + k->output) + (done ? 1 : s->work)) / (double)((k->folds + 1) * npart);
  it.final = (PetscBool)(done && k->fold < 0 && k->output == npart - 1);
  PetscCall(Subject(k, sizeof(subject), subject));
  if (isfinite(s->validation))
    PetscCall(PetscSNPrintf(validation, sizeof(validation), "  validation %.3e", s->validation));
  if (k->nclass > 0)
    PetscCall(PetscSNPrintf(line, sizeof(line), "%s  loss %.3e  accuracy %.4f%s", subject, s->loss, s->r2, validation));
  else
    PetscCall(PetscSNPrintf(line, sizeof(line), "%s  loss %.3e  1-R2 %.3e%s", subject, s->loss, 1 - s->r2, validation));
  PetscCall(model->monitor(model->monitor_ctx, model, &it, stop));
  PetscFunctionReturn(0);
}

// Steps of the fit of function k->output until it is done or the monitor stops it.
static PetscErrorCode Train(SnaModel model, PetscBool *stop, PetscBool *finite)
{
  Khronos       *k = (Khronos *)model->data;
  SnaFitState    s;
  PetscLogDouble t0, t1;
  PetscBool      done;

  PetscFunctionBeginUser;
  if (!k->running) {
    PetscCall(PetscTime(&t0));
    PetscCall(KhronosCreateFit(model, &k->running));
    PetscCall(PetscTime(&t1));
    k->train_seconds += t1 - t0;
  }
  PetscCall(SnaFitGetState(k->running, &s));
  done = (PetscBool)(s.phase == SNA_PHASE_DONE);
  while (!done && !*stop) {
    const SnaFitState before = s;
    PetscCall(PetscTime(&t0));
    PetscCall(SnaFitStep(k->running, &done));
    PetscCall(PetscTime(&t1));
    k->train_seconds += t1 - t0;
    PetscCall(SnaFitGetState(k->running, &s));
    PetscCall(AppendHistory(k, &before, &s));
    PetscCall(CallMonitor(model, &before, &s, done, stop));
  }
  if (!isfinite(s.loss)) *finite = PETSC_FALSE;
  if (*stop && done && k->fold < 0 && k->output == k->npart - 1) *stop = PETSC_FALSE; // nothing is left to stop
  PetscFunctionReturn(0);
}

static PetscErrorCode EndFold(SnaModel model)
{
  Khronos      *k     = (Khronos *)model->data;
  KhronosScore *score = &k->run->fold[k->fold];
  char          name[64];

  PetscFunctionBeginUser;
  PetscCall(KhronosGetScore(model, &k->part[SNA_PART_TEST], score));
  PetscCall(KhronosAppendTest(model, &k->part[SNA_PART_TEST]));
  k->run->nfold = k->fold + 1;
  k->run->fold_seconds += k->train_seconds;
  PetscCall(PetscSNPrintf(name, sizeof(name), "fold %" PetscInt_FMT "/%" PetscInt_FMT, k->fold + 1, k->folds));
  if (k->nclass > 0)
    PetscCall(PetscPrintf(
      model->comm, "%s: accuracy %.4f of %" PetscInt64_FMT " test rows\n", name, score->accuracy, score->n));
  else
    PetscCall(PetscPrintf(model->comm, "%s: R2 %.6f of %" PetscInt64_FMT " test rows\n", name, score->mean, score->n));
  PetscFunctionReturn(0);
}

// Rows for the figures of a model that was read. Its scales count, should the table have changed since.
static PetscErrorCode RowsOfReadModel(SnaModel model)
{
  Khronos     *k                        = (Khronos *)model->data;
  KhronosModel data                     = {.npart = 0};
  char         message[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  for (int p = 0; p < SNA_NPARTS; p++) PetscCall(SnaRowsDestroy(&k->part[p]));
  PetscCall(KhronosPrepare(model, -1, &data, k->part, message));
  PetscCheck(!message[0], model->comm, PETSC_ERR_PLIB, "set-up lets no such data pass: %s", message);
  for (int p = 0; p < SNA_NPARTS; p++) {
    for (PetscInt d = 0; d < k->part[p].nx; d++)
      for (PetscInt i = 0; i < k->part[p].n; i++)
        k->part[p].x[d][i] = SnaScaleForward(&k->model.x[d], SnaScaleBackward(&data.x[d], k->part[p].x[d][i]));
    for (PetscInt o = 0; o < k->part[p].ny && k->nclass == 0; o++)
      for (PetscInt i = 0; i < k->part[p].n; i++)
        k->part[p].y[o][i] = SnaScaleForward(&k->model.y[o], SnaScaleBackward(&data.y[o], k->part[p].y[o][i]));
  }
  PetscCall(KhronosModelDestroy(&data));
  PetscFunctionReturn(0);
}

// One stage; a fold whose data cannot be used is told and left out.
static PetscErrorCode SolveStage(SnaModel model, PetscBool *stop, PetscBool *good)
{
  Khronos *k                        = (Khronos *)model->data;
  char     message[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  if (!k->running) PetscCall(KhronosBeginStage(model, message)); // otherwise Read() has begun it
  if (message[0]) {
    PetscCheck(k->fold >= 0, model->comm, PETSC_ERR_PLIB, "set-up lets no such data pass: %s", message);
    PetscCall(
      PetscFPrintf(model->comm, PETSC_STDERR, "fold %" PetscInt_FMT " is left out: %s\n", k->fold + 1, message));
    k->run->fold[k->fold] = (KhronosScore){.mean = NAN, .accuracy = NAN, .log_loss = NAN};
    for (PetscInt o = 0; o < k->ntarget; o++) k->run->fold[k->fold].r2[o] = NAN;
    k->run->nfold = k->fold + 1;
    *good         = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  for (; k->output < k->npart; k->output++) {
    PetscCall(Train(model, stop, good));
    if (*stop) PetscFunctionReturn(0);
    PetscCall(SnaFitDestroy(&k->running));
  }
  if (k->fold >= 0) PetscCall(EndFold(model));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSolve_Khronos(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  Khronos    *k    = (Khronos *)model->data;
  PetscBool   stop = PETSC_FALSE, good = PETSC_TRUE;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(KhronosRunCreate(k));
  if (k->run->finished)
    PetscCall(RowsOfReadModel(model));
  else {
    PetscInt stage = !k->running ? 0 : k->fold < 0 ? k->folds : k->fold;
    for (; stage <= k->folds && !stop; stage++) {
      k->fold = stage < k->folds ? stage : -1;
      PetscCall(SolveStage(model, &stop, &good));
    }
  }
  *status = stop ? SNA_SOLVE_STOPPED : good ? SNA_SOLVE_CONVERGED : SNA_SOLVE_NOTCONVERGED;
  PetscCall(SnaFitDestroy(&k->running));
  if (stop) PetscFunctionReturn(0);
  k->run->finished = PETSC_TRUE;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &k->train_seconds, 1, MPI_DOUBLE, MPI_MAX, model->comm));
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCall(SnaResultsAdd(results, "ranks", (double)size));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// After training
// ---------------------------------------------------------------------------------------------------------------------
// Mean and standard deviation over the folds of one figure; the mean is that of the test, since every row is a test row once.
static PetscErrorCode AddFolds(
  const Khronos *k, SnaResults results, const char figure[], const char target[], const double value[])
{
  const PetscInt n    = k->run->nfold;
  double         mean = 0, square = 0;
  char           name[256];

  PetscFunctionBeginUser;
  for (PetscInt f = 0; f < n; f++) mean += value[f] / (double)n;
  for (PetscInt f = 0; f < n; f++) square += (value[f] - mean) * (value[f] - mean);
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s_test%s", figure, target));
  PetscCall(SnaResultsAdd(results, name, mean));
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s_folds%s", figure, target));
  PetscCall(SnaResultsAdd(results, name, mean));
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s_folds%s_deviation", figure, target));
  PetscCall(SnaResultsAdd(results, name, n > 1 ? sqrt(square / (double)(n - 1)) : 0));
  PetscFunctionReturn(0);
}

static PetscErrorCode AddAllFolds(SnaModel model, SnaResults results)
{
  const Khronos   *k   = (const Khronos *)model->data;
  const KhronosRun run = k->run;
  double          *value;
  char             name[256];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(run->nfold, &value));
  for (PetscInt f = 0; f < run->nfold; f++) {
    value[f] = run->fold[f].mean;
    PetscCall(PetscSNPrintf(name, sizeof(name), "r2_fold_%" PetscInt_FMT, f + 1));
    PetscCall(SnaResultsAdd(results, name, value[f]));
  }
  PetscCall(AddFolds(k, results, "r2", "", value));
  for (PetscInt o = 0; o < k->ntarget && k->ntarget > 1 && !k->nclass; o++) {
    for (PetscInt f = 0; f < run->nfold; f++) value[f] = run->fold[f].r2[o];
    PetscCall(PetscSNPrintf(name, sizeof(name), "_%s", k->field[o]));
    PetscCall(AddFolds(k, results, "r2", name, value));
  }
  for (PetscInt f = 0; f < run->nfold && k->nclass > 0; f++) value[f] = run->fold[f].accuracy;
  if (k->nclass > 0) PetscCall(AddFolds(k, results, "accuracy", "", value));
  PetscCall(SnaResultsAdd(results, "train_seconds_folds", run->fold_seconds));
  PetscCall(PetscFree(value));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelFinish_Khronos(SnaModel model, SnaResults results)
{
  static const char *const name[SNA_NPARTS] = {"train", "validation", "test"};
  Khronos                 *k                = (Khronos *)model->data;
  PetscInt                 parameters       = 0;

  PetscFunctionBeginUser;
  for (int p = 0; p < SNA_NPARTS; p++) {
    KhronosScore score;
    char         rows[64];
    PetscCall(PetscSNPrintf(rows, sizeof(rows), "rows_%s", name[p]));
    if (k->part[p].total > 0 || p != SNA_PART_VALIDATION)
      PetscCall(SnaResultsAdd(results, rows, (double)k->part[p].total));
    if (k->part[p].total == 0) continue;
    PetscCall(KhronosGetScore(model, &k->part[p], &score));
    PetscCall(KhronosAddScore(model, results, name[p], &score));
  }
  if (!k->folds) {
    k->run->ntest = 0;
    PetscCall(KhronosAppendTest(model, &k->part[SNA_PART_TEST]));
  }
  if (k->run->nfold > 0) PetscCall(AddAllFolds(model, results));
  for (PetscInt p = 0; p < k->npart; p++) {
    PetscInt n;
    PetscCall(SnaSeparableGetParameterCount(k->model.part[p], &n));
    parameters += n;
  }
  PetscCall(SnaResultsAdd(results, "parameters", (double)parameters));
  PetscCall(SnaResultsAdd(results, "train_seconds", k->train_seconds));
  PetscCall(KhronosAddShares(model, results));
  PetscFunctionReturn(0);
}
