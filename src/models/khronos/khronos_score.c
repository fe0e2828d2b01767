// khronos_score.c - how well a trained model does on rows, and what its inputs contribute.
//
//   regression       R^2 = 1 - sum_i (y_i - f(x_i))^2 / sum_i (y_i - mean y)^2       in the target's physical units, mean y of the same rows
//   classification   accuracy; log loss -mean ln p_class; R^2 of the probabilities against the indicators of the classes,
//                    1 - sum_ic (p_ic - [class_i = c])^2 / (n sum_c q_c (1 - q_c)), q_c the share of class c among the rows (Brier's skill score)
//   shares           of the variance of the fitted function under independent inputs that are distributed as the training inputs
//                    (Sobol' indices, SnaSeparableGetShares); the distribution of an input: means and shares of at most 64 equal bins
//
// Rows come in blocks that are the same on any number of ranks, and means are taken out before squares are summed: the figures of different numbers of
// ranks differ by some 1e-15.
#include "khronos_run.h"
#include <ctype.h>
#include <math.h>

#define BINS    64
#define PRINTED 8    // subsets per target
#define SMALL   1e-3 // shares below are not printed

// ---------------------------------------------------------------------------------------------------------------------
// Scores
// ---------------------------------------------------------------------------------------------------------------------
// The next block of scaled rows, evaluated.
static PetscErrorCode EvaluateRows(Khronos *k, const SnaRows *rows, PetscInt first, PetscInt *n)
{
  KhronosRun run = k->run;

  PetscFunctionBeginUser;
  *n = PetscMin(KHRONOS_BLOCK, rows->n - first);
  for (PetscInt d = 0; d < rows->nx; d++) PetscCall(PetscArraycpy(run->t[d], rows->x[d] + first, *n));
  PetscCall(KhronosEvaluateBlock(k, rows->nx, *n, -1, PETSC_FALSE));
  if (k->nclass > 0) KhronosSoftmax(k->nclass, *n, run->y);
  PetscFunctionReturn(0);
}

static PetscErrorCode ScoreRegression(SnaModel model, const SnaRows *rows, KhronosScore *score)
{
  Khronos *k                      = (Khronos *)model->data;
  double   mean[SNA_MAX_UNKNOWNS] = {0}, sum[2][SNA_MAX_UNKNOWNS] = {{0}}; // squares of the errors, of the deviations

  PetscFunctionBeginUser;
  for (PetscInt o = 0; o < k->ntarget; o++)
    for (PetscInt i = 0; i < rows->n; i++)
      mean[o] += SnaScaleBackward(&k->model.y[o], rows->y[o][i]) / (double)rows->total;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, mean, (PetscMPIInt)k->ntarget, MPI_DOUBLE, MPI_SUM, model->comm));
  for (PetscInt first = 0, n; first < rows->n; first += n) {
    PetscCall(EvaluateRows(k, rows, first, &n));
    for (PetscInt o = 0; o < k->ntarget; o++) {
      double error = 0, deviation = 0;
      for (PetscInt i = 0; i < n; i++) {
        const double y = SnaScaleBackward(&k->model.y[o], rows->y[o][first + i]),
                     e = SnaScaleBackward(&k->model.y[o], k->run->y[o][i]) - y;
        error += e * e;
        deviation += (y - mean[o]) * (y - mean[o]);
      }
      sum[0][o] += error;
      sum[1][o] += deviation;
    }
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2 * SNA_MAX_UNKNOWNS, MPI_DOUBLE, MPI_SUM, model->comm));
  for (PetscInt o = 0; o < k->ntarget; o++) {
    score->r2[o] = sum[1][o] > 0 ? 1 - sum[0][o] / sum[1][o] : NAN;
    score->mean += score->r2[o] / (double)k->ntarget;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ScoreClasses(SnaModel model, const SnaRows *rows, KhronosScore *score)
{
  Khronos *k = (Khronos *)model->data;
  enum { RIGHT = KHRONOS_MAX_CLASSES, LOSS, SQUARES, NSUM };
  double sum[NSUM] = {0}, variance = 0; // the first: rows of each class

  PetscFunctionBeginUser;
  for (PetscInt first = 0, n; first < rows->n; first += n) {
    double loss = 0, squares = 0;
    PetscCall(EvaluateRows(k, rows, first, &n));
    for (PetscInt i = 0; i < n; i++) {
      const PetscInt class = (PetscInt)rows->y[0][first + i];
      PetscInt best        = 0;
      for (PetscInt c = 0; c < k->nclass; c++) {
        const double p = k->run->y[c][i];
        if (p > k->run->y[best][i]) best = c;
        squares += (p - (c == class)) * (p - (c == class));
      }
      sum[class] += 1;
      sum[RIGHT] += best == class;
      loss -= log(PetscMax(k->run->y[class][i], 1e-300));
    }
    sum[LOSS] += loss;
    sum[SQUARES] += squares;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, NSUM, MPI_DOUBLE, MPI_SUM, model->comm));
  for (PetscInt c = 0; c < k->nclass; c++) variance += sum[c] * (1 - sum[c] / (double)rows->total);
  score->accuracy = sum[RIGHT] / (double)rows->total;
  score->log_loss = sum[LOSS] / (double)rows->total;
  score->mean     = variance > 0 ? 1 - sum[SQUARES] / variance : NAN;
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosGetScore(SnaModel model, const SnaRows *rows, KhronosScore *score)
{
  Khronos *k = (Khronos *)model->data;

  PetscFunctionBeginUser;
  *score = (KhronosScore){.n = rows->total};
  PetscCall(KhronosSetWork(k, model->info.nd));
  if (k->nclass > 0)
    PetscCall(ScoreClasses(model, rows, score));
  else
    PetscCall(ScoreRegression(model, rows, score));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosAddScore(SnaModel model, SnaResults results, const char what[], const KhronosScore *score)
{
  const Khronos *k = (const Khronos *)model->data;
  char           name[256];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(name, sizeof(name), "r2_%s", what));
  PetscCall(SnaResultsAdd(results, name, score->mean));
  for (PetscInt o = 0; o < k->ntarget && k->ntarget > 1 && !k->nclass; o++) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "r2_%s_%s", what, k->field[o]));
    PetscCall(SnaResultsAdd(results, name, score->r2[o]));
  }
  if (!k->nclass) PetscFunctionReturn(0);
  PetscCall(PetscSNPrintf(name, sizeof(name), "accuracy_%s", what));
  PetscCall(SnaResultsAdd(results, name, score->accuracy));
  PetscCall(PetscSNPrintf(name, sizeof(name), "log_loss_%s", what));
  PetscCall(SnaResultsAdd(results, name, score->log_loss));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The table /test
// ---------------------------------------------------------------------------------------------------------------------
PetscInt KhronosTestWidth(const Khronos *k)
{
  return 1 + 2 * k->ntarget;
}

PetscErrorCode KhronosAppendTest(SnaModel model, const SnaRows *rows)
{
  Khronos       *k     = (Khronos *)model->data;
  KhronosRun     run   = k->run;
  const PetscInt width = KhronosTestWidth(k);

  PetscFunctionBeginUser;
  PetscCall(KhronosSetWork(k, model->info.nd));
  if (run->ntest + rows->n > run->maxtest) {
    run->maxtest = run->ntest + rows->n;
    PetscCall(PetscRealloc(sizeof(double) * (size_t)run->maxtest * (size_t)width, &run->test));
  }
  for (PetscInt first = 0, n; first < rows->n; first += n) {
    PetscCall(EvaluateRows(k, rows, first, &n));
    for (PetscInt i = 0; i < n; i++) {
      double *row = run->test + (size_t)run->ntest++ * (size_t)width;
      row[0]      = (double)rows->row[first + i];
      for (PetscInt o = 0; o < k->ntarget && !k->nclass; o++) {
        row[1 + 2 * o] = SnaScaleBackward(&k->model.y[o], rows->y[o][first + i]);
        row[2 + 2 * o] = SnaScaleBackward(&k->model.y[o], run->y[o][i]);
      }
      if (k->nclass > 0) {
        PetscInt best = 0;
        for (PetscInt c = 1; c < k->nclass; c++)
          if (run->y[c][i] > run->y[best][i]) best = c;
        row[1] = rows->y[0][first + i];
        row[2] = (double)best;
      }
    }
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Shares of the variance
// ---------------------------------------------------------------------------------------------------------------------
// Points and weights of the distribution of each training input; an empty bin has weight 0.
static PetscErrorCode BinInputs(SnaModel model, double *const point[], double *const weight[])
{
  const Khronos *k    = (const Khronos *)model->data;
  const SnaRows *rows = &k->part[SNA_PART_TRAIN];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < rows->nx; d++) {
    double sum[2][BINS] = {{0}};
    for (PetscInt i = 0; i < rows->n; i++) {
      const double   t = PetscMin(1, PetscMax(0, rows->x[d][i]));
      const PetscInt b = PetscMin(BINS - 1, (PetscInt)(t * BINS));
      sum[0][b] += 1;
      sum[1][b] += t;
    }
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2 * BINS, MPI_DOUBLE, MPI_SUM, model->comm));
    for (PetscInt b = 0; b < BINS; b++) {
      weight[d][b] = sum[0][b] / (double)rows->total;
      point[d][b]  = sum[0][b] > 0 ? sum[1][b] / sum[0][b] : ((double)b + 0.5) / BINS;
    }
  }
  PetscFunctionReturn(0);
}

// "a x b" or, for results, "a_b".
static PetscErrorCode NameSubset(
  const Khronos *k, PetscInt nd, uint32_t subset, const char glue[], size_t size, char text[])
{
  PetscFunctionBeginUser;
  text[0] = 0;
  for (PetscInt d = 0; d < nd; d++) {
    if (!(subset >> d & 1)) continue;
    if (text[0]) PetscCall(PetscStrlcat(text, glue, size));
    PetscCall(PetscStrlcat(text, k->input[d], size));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode AddSharesOf(
  SnaModel model, SnaResults results, PetscInt target, PetscInt n, const uint32_t subset[], const double share[])
{
  const Khronos *k                     = (const Khronos *)model->data;
  const PetscInt nd                    = model->info.nd;
  char           text[SNA_MAX_MESSAGE] = "", name[512], prefix[160] = "share";
  double         others = 1; // what is not told
  PetscBool      quadratic, *told;

  PetscFunctionBeginUser;
  PetscCall(PetscStrcmp(k->deck.class, "quadratic", &quadratic));
  PetscCall(PetscCalloc1(n, &told));
  if (k->ntarget > 1) PetscCall(PetscSNPrintf(prefix, sizeof(prefix), "share_%s", k->field[target]));
  for (PetscInt s = 0; s < n; s++) {
    char inputs[300], figure[500];
    if ((subset[s] & (subset[s] - 1)) && !quadratic) continue; // more than one input
    PetscCall(NameSubset(k, nd, subset[s], "_", sizeof(inputs), inputs));
    PetscCall(PetscSNPrintf(figure, sizeof(figure), "%s_%s", prefix, inputs));
    for (char *c = figure; *c; c++) // one word, as the names of fields
      if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-') *c = '_';
    PetscCall(SnaResultsAdd(results, figure, share[s]));
  }
  for (int c = 0; c < PRINTED; c++) {
    PetscInt best = -1;
    for (PetscInt s = 0; s < n; s++)
      if (!told[s] && share[s] >= SMALL && (best < 0 || share[s] > share[best])) best = s;
    if (best < 0) break;
    told[best] = PETSC_TRUE;
    others -= share[best];
    PetscCall(NameSubset(k, nd, subset[best], " x ", sizeof(name), name));
    PetscCall(PetscStrlcat(text, c ? ", " : "", sizeof(text)));
    PetscCall(PetscStrlcat(text, name, sizeof(text)));
    PetscCall(PetscSNPrintf(name, sizeof(name), " %.1f %%", 100 * share[best]));
    PetscCall(PetscStrlcat(text, name, sizeof(text)));
  }
  PetscCall(PetscPrintf(model->comm, "variance of %s%s: %s; others %.1f %%\n", k->model.y[target].log ? "ln " : "",
    k->target[target], text[0] ? text : "no input alone", 100 * PetscMax(0, others)));
  PetscCall(PetscFree(told));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosAddShares(SnaModel model, SnaResults results)
{
  Khronos       *k  = (Khronos *)model->data;
  const PetscInt nd = model->info.nd;
  double        *memory, *point[SNA_MAX_DIM], *weight[SNA_MAX_DIM];
  PetscBool      additive;

  PetscFunctionBeginUser;
  if (k->nclass > 0 || k->part[SNA_PART_TRAIN].total == 0) PetscFunctionReturn(0);
  PetscCall(PetscStrcmp(k->deck.class, "additive", &additive));
  PetscCall(PetscMalloc1(2 * (size_t)nd * BINS, &memory));
  for (PetscInt d = 0; d < nd; d++) {
    point[d]  = memory + 2 * d * BINS;
    weight[d] = memory + (2 * d + 1) * BINS;
  }
  PetscCall(BinInputs(model, point, weight));
  for (PetscInt o = 0; o < k->ntarget; o++) {
    const PetscInt part = k->model.npart > 1 ? o : 0;
    PetscInt       n;
    uint32_t      *subset = NULL;
    double        *share  = NULL, rest;
    PetscBool      ok;

    PetscCall(SnaSeparableGetShares(k->model.part[part], o - part, BINS, (const double *const *)point,
      (const double *const *)weight, additive ? 1 : PetscMin(2, nd), &n, &subset, &share, &rest, &ok));
    if (ok) PetscCall(AddSharesOf(model, results, o, n, subset, share));
    PetscCall(PetscFree(subset));
    PetscCall(PetscFree(share));
  }
  PetscCall(PetscFree(memory));
  PetscFunctionReturn(0);
}
