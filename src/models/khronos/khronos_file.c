// khronos_file.c - result and restart files.
//
//   /model                  attributes version, class, task = "regression|classification", train_seconds, radius, parts;
//                           of signals with a wavelet: wavelet, wavelet_order (as in the deck)
//   /model/inputs, targets, labels, box, signal_length                        names and ranges (KhronosWriteNames)
//   /model/part_<p>         the functions (SnaSeparableWrite): one per target, or one for all
//   /model/input_scale, target_scale          rows log (0 or 1), shift, width, lo, hi;   t = (g(x) - shift) / width, g = x or ln x
//   /model/mean, covariance, factor           of the scaled inputs of the training rows
//   /model/pca              principal components of signals (SnaPcaWrite)
//   /history/<column>       one number per step of the training
//   /test                   rows: number of the row, then target and prediction of every target (numbers of classes); attribute columns
//   /fold                   one row per fold: rows, R^2, accuracy, log loss, R^2 of every target
//   /state                  restart files alone: fold, part; the fit that runs (SnaFitWrite)
//
// A file of another version, of other inputs or targets, or one that does not fit in itself is refused with a message that names it.
#include "khronos_run.h"
#include <string.h>

#define VERSION 1.0
#define NSCALE  5

static const char *const history_name[KHRONOS_NHISTORY] = {
  "fold", "part", "restart", "phase", "step", "loss", "validation", "r2", "damping", "seconds"};

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode WriteScales(SnaFile file, const char name[], PetscInt n, const SnaScale scale[])
{
  const PetscInt dims[2] = {n, NSCALE};
  double         table[SNA_MAX_DIM][NSCALE];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < n; d++) {
    const double row[NSCALE] = {scale[d].log ? 1 : 0, scale[d].shift, scale[d].width, scale[d].lo, scale[d].hi};
    PetscCall(PetscArraycpy(table[d], row, NSCALE));
  }
  PetscCall(SnaFileWriteArray(file, name, 2, dims, table[0]));
  PetscCall(SnaFileWriteAttributeText(file, name, "columns", "log,shift,width,lo,hi"));
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteModel(SnaModel model, SnaFile file)
{
  const Khronos      *k  = (const Khronos *)model->data;
  const KhronosModel *m  = &k->model;
  const PetscInt      nd = model->info.nd, dims[2] = {nd, nd};

  PetscFunctionBeginUser;
  PetscCall(KhronosWriteNames(model, file));
  PetscCall(SnaFileWriteAttributeReal(file, "/model", "version", VERSION));
  PetscCall(SnaFileWriteAttributeText(file, "/model", "class", k->deck.class));
  PetscCall(SnaFileWriteAttributeText(file, "/model", "task", k->nclass > 0 ? "classification" : "regression"));
  PetscCall(SnaFileWriteAttributeReal(file, "/model", "train_seconds", k->train_seconds));
  PetscCall(SnaFileWriteAttributeReal(file, "/model", "radius", m->radius));
  PetscCall(SnaFileWriteAttributeReal(file, "/model", "parts", (double)m->npart));
  for (PetscInt p = 0; p < m->npart; p++) {
    char group[64];
    PetscCall(PetscSNPrintf(group, sizeof(group), "/model/part_%" PetscInt_FMT, p));
    PetscCall(SnaSeparableWrite(m->part[p], file, group));
  }
  PetscCall(WriteScales(file, "/model/input_scale", nd, m->x));
  PetscCall(WriteScales(file, "/model/target_scale", k->ntarget, m->y));
  PetscCall(SnaFileWriteArray(file, "/model/mean", 1, &nd, m->mean));
  PetscCall(SnaFileWriteArray(file, "/model/covariance", 2, dims, m->covariance));
  PetscCall(SnaFileWriteArray(file, "/model/factor", 2, dims, m->factor));
  if (m->pca.count > 0) PetscCall(SnaPcaWrite(&m->pca, file, "/model/pca"));
  if (m->wavelet) {
    PetscCall(SnaFileWriteAttributeText(file, "/model", "wavelet", k->deck.wavelet));
    PetscCall(SnaFileWriteAttributeReal(file, "/model", "wavelet_order", (double)k->deck.wavelet_order));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteHistory(const KhronosRun run, SnaFile file)
{
  double *column;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(PetscMax(1, run->nhistory), &column));
  for (PetscInt c = 0; c < KHRONOS_NHISTORY; c++) {
    char name[64];
    for (PetscInt i = 0; i < run->nhistory; i++) column[i] = run->history[i][c];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/history/%s", history_name[c]));
    PetscCall(SnaFileWriteArray(file, name, 1, &run->nhistory, column));
  }
  PetscCall(PetscFree(column));
  PetscFunctionReturn(0);
}

// Commas would split a name in the list of columns.
static PetscErrorCode AppendColumn(const char name[], const char ending[], size_t size, char list[])
{
  size_t at, length;

  PetscFunctionBeginUser;
  PetscCall(PetscStrlen(list, &at));
  PetscCall(PetscStrlcat(list, name, size));
  PetscCall(PetscStrlen(list, &length));
  for (; at < length; at++)
    if (list[at] == ',') list[at] = ' ';
  PetscCall(PetscStrlcat(list, ending, size));
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteTest(SnaModel model, SnaFile file)
{
  const Khronos   *k             = (const Khronos *)model->data;
  const KhronosRun run           = k->run;
  PetscInt64       n             = run->ntest;
  char             columns[8192] = "row";

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &n, 1, MPIU_INT64, MPI_SUM, model->comm));
  if (n == 0) PetscFunctionReturn(0);
  PetscCall(SnaFileWriteRows(file, "/test", run->ntest, KhronosTestWidth(k), run->test));
  for (PetscInt o = 0; o < k->ntarget; o++) {
    PetscCall(PetscStrlcat(columns, ",", sizeof(columns)));
    PetscCall(AppendColumn(k->target[o], ",", sizeof(columns), columns));
    PetscCall(AppendColumn(k->target[o], "_predicted", sizeof(columns), columns));
  }
  PetscCall(SnaFileWriteAttributeText(file, "/test", "columns", columns));
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteFolds(const Khronos *k, SnaFile file)
{
  const PetscInt width = 4 + k->ntarget, dims[2] = {k->run->nfold, width};
  double        *table;

  PetscFunctionBeginUser;
  if (k->run->nfold == 0) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1((size_t)dims[0] * (size_t)width, &table));
  for (PetscInt f = 0; f < dims[0]; f++) {
    const KhronosScore *s      = &k->run->fold[f];
    const double        row[4] = {(double)s->n, s->mean, s->accuracy, s->log_loss};
    PetscCall(PetscArraycpy(table + f * width, row, 4));
    PetscCall(PetscArraycpy(table + f * width + 4, s->r2, k->ntarget));
  }
  PetscCall(SnaFileWriteArray(file, "/fold", 2, dims, table));
  PetscCall(SnaFileWriteAttributeReal(file, "/fold", "seconds", k->run->fold_seconds));
  PetscCall(PetscFree(table));
  PetscFunctionReturn(0);
}

// Histories that were made: the result then has the shape of a file of measured ones, with signals and a table of properties.
static PetscErrorCode WriteHistories(Khronos *k, SnaFile file)
{
  const PetscInt n = k->all.n, nt = k->ntarget;
  double        *table;
  char           columns[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  if (!k->thermal || !k->signal) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1((size_t)n * (size_t)nt, &table));
  for (PetscInt o = 0; o < nt; o++) {
    for (PetscInt i = 0; i < n; i++) table[i * nt + o] = k->all.y[o][i];
    PetscCall(PetscStrlcat(columns, o ? "," : "", sizeof(columns)));
    PetscCall(PetscStrlcat(columns, k->target[o], sizeof(columns)));
  }
  PetscCall(SnaFileWriteRows(file, "/signals", n, k->deck.length, k->signal));
  PetscCall(SnaFileWriteRows(file, "/table", n, nt, table));
  PetscCall(SnaFileWriteAttributeText(file, "/table", "columns", columns));
  PetscCall(PetscFree(table));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelWrite_Khronos(SnaModel model, SnaFile file)
{
  Khronos *k = (Khronos *)model->data;

  PetscFunctionBeginUser;
  PetscCall(WriteModel(model, file));
  PetscCall(WriteHistory(k->run, file));
  PetscCall(WriteTest(model, file));
  PetscCall(WriteFolds(k, file));
  PetscCall(WriteHistories(k, file));
  if (k->running) {
    const PetscInt at[2] = {k->fold, k->output};
    PetscCall(SnaFileWriteInts(file, "/state/at", 2, at));
    PetscCall(SnaFitWrite(k->running, file, "/state/fit"));
  } else
    PetscCall(KhronosExport(model, file));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------------------------------
static PetscBool Failed(SnaFile file)
{
  const char *error = NULL;

  return (PetscBool)(SnaFileGetError(file, &error) || error);
}

// One name per line, as in the file, held against the deck's.
static PetscErrorCode CheckNames(SnaFile file, const char name[], const char what[], PetscInt n, char *const names[])
{
  char    *text = NULL, *line, *next;
  PetscInt i    = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadText(file, name, &text));
  for (line = text; line && *line && !Failed(file); line = next, i++) {
    next = strchr(line, '\n');
    if (next)
      *next++ = 0;
    else
      next = line + strlen(line);
    if (i < n && strcmp(line, names[i]))
      PetscCall(SnaFileSetError(file, "it was made from other data: %s %" PetscInt_FMT " is `%s` there and `%s` here",
        what, i + 1, line, names[i]));
  }
  if (!Failed(file) && i != n)
    PetscCall(SnaFileSetError(
      file, "it was made from other data: %" PetscInt_FMT " %ss there and %" PetscInt_FMT " here", i, what, n));
  PetscCall(PetscFree(text));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadScales(SnaFile file, const char name[], PetscInt n, SnaScale scale[])
{
  double table[SNA_MAX_DIM][NSCALE] = {{0}};

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadArray(file, name, n * NSCALE, table[0]));
  for (PetscInt d = 0; d < n && !Failed(file); d++) {
    scale[d] = (SnaScale){(PetscBool)(table[d][0] != 0), table[d][1], table[d][2], table[d][3], table[d][4]};
    if (!(scale[d].width > 0) || PetscIsInfOrNanReal(scale[d].width) || PetscIsInfOrNanReal(scale[d].shift))
      PetscCall(SnaFileSetError(file, "%s: row %" PetscInt_FMT " is no scale", name, d + 1));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadParts(SnaModel model, SnaFile file, KhronosModel *m)
{
  const Khronos *k     = (const Khronos *)model->data;
  double         parts = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadAttributeReal(file, "/model", "parts", &parts));
  if (!Failed(file) && parts != (double)k->npart)
    PetscCall(SnaFileSetError(file, "/model: %g functions there, %" PetscInt_FMT " here", parts, k->npart));
  m->npart = k->npart;
  for (PetscInt p = 0; p < m->npart; p++) {
    const SnaSeparableOptions *o;
    char                       group[64];

    PetscCall(PetscSNPrintf(group, sizeof(group), "/model/part_%" PetscInt_FMT, p));
    PetscCall(SnaSeparableRead(file, group, &m->part[p]));
    if (Failed(file)) PetscFunctionReturn(0);
    PetscCall(SnaSeparableGetOptions(m->part[p], &o));
    if (o->nd != model->info.nd || o->nout != k->nout)
      PetscCall(SnaFileSetError(file,
        "%s: %" PetscInt_FMT " outputs of %" PetscInt_FMT " inputs there, %" PetscInt_FMT " of %" PetscInt_FMT " here",
        group, o->nout, o->nd, k->nout, model->info.nd));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadSignalStages(SnaModel model, SnaFile file, KhronosModel *m)
{
  const Khronos *k                        = (const Khronos *)model->data;
  char           message[SNA_MAX_MESSAGE] = "";
  PetscBool      has, ok, none;

  PetscFunctionBeginUser;
  PetscCall(SnaFileHas(file, "/model/pca", &has));
  if (!has) PetscFunctionReturn(0);
  PetscCall(SnaPcaRead(file, "/model/pca", &m->pca, &ok));
  if (Failed(file)) PetscFunctionReturn(0);
  if (m->pca.count != model->info.nd)
    PetscCall(SnaFileSetError(
      file, "/model/pca: %" PetscInt_FMT " components there, %" PetscInt_FMT " here", m->pca.count, model->info.nd));
  PetscCall(PetscStrcmp(k->deck.wavelet, "none", &none));
  if (none) PetscFunctionReturn(0);
  PetscCall(SnaWaveletCreate(
    k->deck.wavelet, k->deck.wavelet_order, model->info.expansion, m->pca.width, &m->wavelet, message));
  if (!m->wavelet) PetscCall(SnaFileSetError(file, "/model/pca: %s", message));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadModel(SnaModel model, SnaFile file)
{
  Khronos       *k        = (Khronos *)model->data;
  const PetscInt nd       = model->info.nd;
  KhronosModel   m        = {.npart = 0};
  double         version  = 0;
  char           task[64] = "";
  PetscBool      has, same;

  PetscFunctionBeginUser;
  PetscCall(SnaFileHas(file, "/model", &has));
  if (!has) PetscCall(SnaFileSetError(file, "it holds no trained model (no group /model)"));
  PetscCall(SnaFileReadAttributeReal(file, "/model", "version", &version));
  if (!Failed(file) && version != VERSION)
    PetscCall(SnaFileSetError(
      file, "its model has version %g of the format, this program reads version %g: train it again", version, VERSION));
  PetscCall(SnaFileReadAttributeText(file, "/model", "task", sizeof(task), task));
  if (Failed(file)) PetscFunctionReturn(0);
  PetscCall(PetscStrcmp(task, k->nclass > 0 ? "classification" : "regression", &same));
  if (!same) PetscCall(SnaFileSetError(file, "its model is one of %s, the deck asks for another", task));
  PetscCall(CheckNames(file, "/model/inputs", "input", nd, k->input));
  PetscCall(CheckNames(file, "/model/targets", "target", k->ntarget, k->target));
  if (k->nclass > 0) PetscCall(CheckNames(file, "/model/labels", "class", k->nclass, k->label));
  PetscCall(ReadScales(file, "/model/input_scale", nd, m.x));
  PetscCall(ReadScales(file, "/model/target_scale", k->ntarget, m.y));
  PetscCall(PetscCalloc1((size_t)nd * (size_t)nd, &m.covariance));
  PetscCall(PetscCalloc1((size_t)nd * (size_t)nd, &m.factor));
  PetscCall(SnaFileReadArray(file, "/model/mean", nd, m.mean));
  PetscCall(SnaFileReadArray(file, "/model/covariance", nd * nd, m.covariance));
  PetscCall(SnaFileReadArray(file, "/model/factor", nd * nd, m.factor));
  PetscCall(SnaFileReadAttributeReal(file, "/model", "radius", &m.radius));
  PetscCall(SnaFileReadAttributeReal(file, "/model", "train_seconds", &k->train_seconds));
  if (!Failed(file)) PetscCall(ReadParts(model, file, &m));
  if (!Failed(file)) PetscCall(ReadSignalStages(model, file, &m));
  PetscCall(KhronosModelDestroy(&k->model));
  k->model = m;
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadHistory(KhronosRun run, SnaFile file)
{
  int      ndim    = 0;
  PetscInt dims[4] = {0};
  double  *column;

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadArraySize(file, "/history/step", &ndim, dims));
  if (Failed(file)) PetscFunctionReturn(0);
  run->nhistory = run->maxhistory = dims[0];
  PetscCall(PetscFree(run->history));
  PetscCall(PetscMalloc1(PetscMax(1, (size_t)dims[0]), &run->history));
  PetscCall(PetscCalloc1(PetscMax(1, dims[0]), &column));
  for (PetscInt c = 0; c < KHRONOS_NHISTORY; c++) {
    char name[64];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/history/%s", history_name[c]));
    PetscCall(SnaFileReadArray(file, name, run->nhistory, column));
    for (PetscInt i = 0; i < run->nhistory; i++) run->history[i][c] = column[i];
  }
  PetscCall(PetscFree(column));
  PetscFunctionReturn(0);
}

// Folds that are done, with their test rows, which any rank may hold.
static PetscErrorCode ReadFolds(SnaModel model, SnaFile file)
{
  Khronos       *k       = (Khronos *)model->data;
  KhronosRun     run     = k->run;
  const PetscInt width   = 4 + k->ntarget;
  int            ndim    = 0;
  PetscInt       dims[4] = {0}, first;
  PetscMPIInt    rank, size;
  double        *table;
  PetscBool      has;

  PetscFunctionBeginUser;
  PetscCall(SnaFileHas(file, "/fold", &has));
  if (!has) PetscFunctionReturn(0);
  PetscCall(SnaFileReadArraySize(file, "/fold", &ndim, dims));
  if (ndim != 2 || dims[0] > k->folds || dims[1] != width)
    PetscCall(SnaFileSetError(file, "/fold does not fit the deck"));
  if (Failed(file)) PetscFunctionReturn(0);
  run->nfold = dims[0];
  PetscCall(PetscCalloc1((size_t)dims[0] * (size_t)width, &table));
  PetscCall(SnaFileReadArray(file, "/fold", dims[0] * width, table));
  PetscCall(SnaFileReadAttributeReal(file, "/fold", "seconds", &run->fold_seconds));
  for (PetscInt f = 0; f < run->nfold; f++) {
    const double *row = table + f * width;
    run->fold[f]      = (KhronosScore){.n = (PetscInt64)row[0], .mean = row[1], .accuracy = row[2], .log_loss = row[3]};
    PetscCall(PetscArraycpy(run->fold[f].r2, row + 4, k->ntarget));
  }
  PetscCall(PetscFree(table));
  PetscCall(SnaFileHas(file, "/test", &has));
  if (!has) PetscFunctionReturn(0);
  PetscCall(SnaFileReadArraySize(file, "/test", &ndim, dims));
  if (ndim != 2 || dims[1] != KhronosTestWidth(k)) PetscCall(SnaFileSetError(file, "/test does not fit the deck"));
  if (Failed(file)) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  SnaSplit(dims[0], size, rank, &first, &run->ntest);
  run->maxtest = run->ntest;
  PetscCall(PetscFree(run->test));
  PetscCall(PetscMalloc1(PetscMax(1, (size_t)run->ntest * (size_t)dims[1]), &run->test));
  PetscCall(SnaFileReadRows(file, "/test", run->ntest, dims[1], run->test));
  PetscFunctionReturn(0);
}

// The fit that was running: data and scales are made anew, parameters and the state of the fit come from the file.
static PetscErrorCode ReadState(SnaModel model, SnaFile file)
{
  Khronos     *k     = (Khronos *)model->data;
  PetscInt     at[2] = {-1, 0};
  KhronosModel read;
  char         message[SNA_MAX_MESSAGE];
  double       seconds = k->train_seconds;

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadInts(file, "/state/at", 2, at));
  if (at[0] < -1 || at[0] >= PetscMax(1, k->folds) || at[1] < 0 || at[1] >= k->npart)
    PetscCall(SnaFileSetError(file, "/state/at: no such fold or function"));
  if (Failed(file)) PetscFunctionReturn(0);
  read     = k->model;
  k->model = (KhronosModel){.npart = 0};
  k->fold  = at[0];
  PetscCall(KhronosBeginStage(model, message));
  if (message[0]) {
    PetscCall(SnaFileSetError(file, "its data cannot be made again: %s", message));
    PetscCall(KhronosModelDestroy(&read));
    PetscFunctionReturn(0);
  }
  for (PetscInt p = 0; p < k->npart; p++) {
    PetscCall(SnaSeparableDestroy(&k->model.part[p]));
    k->model.part[p] = read.part[p];
    read.part[p]     = NULL;
  }
  PetscCall(KhronosModelDestroy(&read));
  k->output        = at[1];
  k->train_seconds = seconds;
  PetscCall(KhronosCreateFit(model, &k->running));
  PetscCall(SnaFitRead(k->running, file, "/state/fit"));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelRead_Khronos(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  Khronos    *k = (Khronos *)model->data;
  const char *error;
  PetscBool   state = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(KhronosRunCreate(k));
  PetscCall(ReadModel(model, file));
  if (!Failed(file)) PetscCall(SnaFileHas(file, "/state", &state));
  if (!Failed(file) && !k->query) {
    PetscCall(ReadHistory(k->run, file));
    PetscCall(ReadFolds(model, file));
    if (!Failed(file) && state) PetscCall(ReadState(model, file));
  }
  k->run->finished = (PetscBool)!state;
  PetscCall(SnaFileGetError(file, &error));
  *ok = (PetscBool)(error == NULL);
  if (error) PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
  PetscFunctionReturn(0);
}
