// invert.c - which inputs give these outputs: the keys of the deck, the table of solutions, the figures about them.
//
// The solutions come from invert_ensemble.c, which runs Newton's method of invert_newton.c on all ranks.
#include "app_impl.h"
#include <math.h>

// ---------------------------------------------------------------------------------------------------------------------
// Keys
// ---------------------------------------------------------------------------------------------------------------------
static char *Trim(char *word)
{
  size_t n = 0;

  while (*word == ' ') word++;
  (void)PetscStrlen(word, &n);
  while (n > 0 && word[n - 1] == ' ') word[--n] = 0;
  return word;
}

// Cuts "name=0.2" or "name=0.2:0.3" in name and value[2], constant expressions. *ok is false after an error.
static PetscErrorCode ReadAssignment(
  SnaDeck deck, const char key[], char word[], char **name, double value[2], PetscBool *ok)
{
  SnaSymbols constants;
  char      *part[2] = {NULL, NULL};

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  PetscCall(SnaDeckGetConstants(deck, &constants));
  PetscCall(PetscStrchr(word, '=', &part[0]));
  if (!part[0]) {
    PetscCall(SnaDeckError(deck, key, NULL, "`%s` is not of the form name=value or name=low:high", Trim(word)));
    PetscFunctionReturn(0);
  }
  *part[0]++ = 0;
  *name      = Trim(word);
  PetscCall(PetscStrchr(part[0], ':', &part[1]));
  if (part[1]) *part[1]++ = 0;
  for (int i = 0; i < 2; i++) {
    SnaExpr e;
    char    message[SNA_MAX_MESSAGE];

    value[i] = value[0];
    if (!part[i]) continue;
    PetscCall(SnaExprCreate(part[i], &constants, &e, message));
    if (!e) {
      PetscCall(SnaDeckError(deck, key, NULL, "%s: %s", *name, message));
      PetscFunctionReturn(0);
    }
    PetscCall(SnaExprEvaluate(e, 1, NULL, &value[i]));
    PetscCall(SnaExprDestroy(&e));
    if (!isfinite(value[i])) {
      PetscCall(SnaDeckError(deck, key, NULL, "%s: `%s` is no finite number", *name, Trim(part[i])));
      PetscFunctionReturn(0);
    }
  }
  if (part[1] && !(value[0] < value[1])) {
    PetscCall(
      SnaDeckError(deck, key, NULL, "%s=%g:%g is no interval: the lower end comes first", *name, value[0], value[1]));
    PetscFunctionReturn(0);
  }
  *ok = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// The entry of names[] that is `name`, or -1 with an error that tells the nearest: "`q` is no <what>".
static PetscErrorCode FindName(SnaDeck deck, const char key[], const char what[], const char name[], PetscInt n,
  const char *const names[], PetscInt *i)
{
  const char *near;
  char        known[512] = "";
  PetscBool   same       = PETSC_FALSE;

  PetscFunctionBeginUser;
  for (*i = 0; *i < n && !same; (*i)++) PetscCall(PetscStrcmp(name, names[*i], &same));
  (*i)--;
  if (same) PetscFunctionReturn(0);
  *i   = -1;
  near = SnaNearestName(name, (int)n, names);
  for (PetscInt k = 0; k < n; k++) {
    PetscCall(PetscStrlcat(known, k ? ", " : "", sizeof(known)));
    PetscCall(PetscStrlcat(known, names[k], sizeof(known)));
  }
  if (near)
    PetscCall(SnaDeckError(deck, key, NULL, "`%s` is no %s; did you mean `%s`?", name, what, near));
  else
    PetscCall(SnaDeckError(deck, key, NULL, "`%s` is no %s; there %s %s", name, what, n == 1 ? "is" : "are", known));
  PetscFunctionReturn(0);
}

// "ys=400, uts=700:720"
static PetscErrorCode ReadTargets(SnaDeck deck, const SnaModelInfo *info, const char text[], SnaInversion *task)
{
  char    **item;
  int       n;
  PetscBool named[SNA_MAX_UNKNOWNS] = {PETSC_FALSE};

  PetscFunctionBeginUser;
  task->ntarget = 0;
  PetscCall(PetscStrToArray(text, ',', &n, &item));
  for (int i = 0; i < n; i++) {
    char     *name;
    double    value[2];
    PetscInt  k;
    PetscBool ok;

    PetscCall(ReadAssignment(deck, "invert", item[i], &name, value, &ok));
    if (!ok) continue;
    PetscCall(FindName(deck, "invert", "unknown of the solution", name, info->nunknown, info->field, &k));
    if (k < 0) continue;
    if (named[k]) {
      PetscCall(SnaDeckError(deck, "invert", NULL, "`%s` is named twice", name));
      continue;
    }
    named[k]                         = PETSC_TRUE;
    task->unknown[task->ntarget]     = k;
    task->target[task->ntarget][0]   = value[0];
    task->target[task->ntarget++][1] = value[1];
  }
  PetscCall(PetscStrToArrayDestroy(n, item));
  PetscFunctionReturn(0);
}

// "z=0, omega=0.5:1.5"
static PetscErrorCode ReadBox(SnaDeck deck, const SnaCoordinatesInfo *info, const char text[], SnaInversion *task)
{
  char    **item;
  int       n;
  PetscInt  nfixed             = 0;
  PetscBool named[SNA_MAX_DIM] = {PETSC_FALSE};

  PetscFunctionBeginUser;
  PetscCall(PetscStrToArray(text, ',', &n, &item));
  for (int i = 0; i < n; i++) {
    char     *name;
    double    value[2];
    PetscInt  d;
    PetscBool ok;

    PetscCall(ReadAssignment(deck, "invert_at", item[i], &name, value, &ok));
    if (!ok) continue;
    PetscCall(FindName(deck, "invert_at", "input of the solution", name, info->n, info->name, &d));
    if (d < 0) continue;
    if (named[d])
      PetscCall(SnaDeckError(deck, "invert_at", NULL, "`%s` is named twice", name));
    else if (!(value[0] >= info->lo[d] && value[1] <= info->hi[d]))
      PetscCall(SnaDeckError(deck, "invert_at", NULL, "%s = %g is outside its domain [%g, %g]", name,
        value[0] < info->lo[d] || value[0] > info->hi[d] ? value[0] : value[1], info->lo[d], info->hi[d]));
    else {
      named[d]    = PETSC_TRUE;
      task->lo[d] = value[0];
      task->hi[d] = value[1];
      nfixed += value[0] == value[1];
    }
  }
  if (nfixed == info->n)
    PetscCall(SnaDeckError(deck, "invert_at", NULL,
      "every input is fixed and none is left to be found: leave one out, or give it low:high"));
  PetscCall(PetscStrToArrayDestroy(n, item));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaInversionSetFromOptions(
  SnaDeck deck, SnaModel model, const char stem[], PetscBool *wanted, SnaInversion *task)
{
  static const char *const  others[] = {"invert_at", "invert_starts", "invert_rtol", "invert_prior", "invert_output"};
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  const char               *text;
  PetscBool                 reference, data, expansion;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(SnaDeckGetString(deck, "invert", NULL, &text));
  *wanted = (PetscBool)(text && *text);
  if (!*wanted) {
    for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(others); i++) {
      PetscBool given;

      PetscCall(SnaDeckHas(deck, others[i], NULL, &given));
      if (given) PetscCall(SnaDeckError(deck, others[i], NULL, "%s has no effect without invert", others[i]));
    }
    PetscFunctionReturn(0);
  }
  if (model_info->nunknown == 0 || info->n == 0)
    PetscFunctionReturn(0); // the deck has errors that left the model without
  PetscCall(ReadTargets(deck, model_info, text, task));
  for (PetscInt d = 0; d < info->n; d++) {
    task->lo[d] = info->lo[d];
    task->hi[d] = info->hi[d];
  }
  PetscCall(SnaDeckGetString(deck, "invert_at", NULL, &text));
  if (text && *text) PetscCall(ReadBox(deck, info, text, task));
  PetscCall(SnaDeckGetInt(deck, "invert_starts", NULL, &task->starts));
  PetscCall(SnaDeckGetReal(deck, "invert_rtol", NULL, &task->rtol));
  PetscCall(SnaDeckGetString(deck, "invert_prior", NULL, &text));
  PetscCall(PetscStrcmp(text, "data", &task->prior));
  PetscCall(SnaModelGetKnowledge(model, &reference, &data, &expansion));
  if (task->prior && !data)
    PetscCall(SnaDeckError(deck, "invert_prior", NULL,
      "the solution is not learned from data, so there are none to draw from; write none, and bounds in invert_at"));
  else if (task->prior && info->mapped)
    PetscCall(SnaDeckError(deck, "invert_prior", NULL,
      "the data lie in the model's inputs, and the deck's coordinates are others; write none"));
  PetscCall(SnaDeckGetString(deck, "invert_output", NULL, &text));
  PetscCall(PetscStrncpy(task->output, text ? text : "", sizeof(task->output)));
  PetscCall(PetscStrncpy(task->stem, stem, sizeof(task->stem)));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The table
// ---------------------------------------------------------------------------------------------------------------------
typedef char ColumnName[256];

static PetscErrorCode NameColumns(SnaModel model, const SnaInversion *task, const SnaEnsemble *e, ColumnName header[])
{
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  PetscInt                  nx, nt = task->ntarget;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  nx = info->n;
  for (PetscInt d = 0; d < nx; d++) PetscCall(PetscSNPrintf(header[d], sizeof(*header), "%s", info->name[d]));
  for (PetscInt j = 0; j < nt; j++) {
    const char *u = model_info->field[task->unknown[j]];

    PetscCall(PetscSNPrintf(header[nx + j], sizeof(*header), "%s", u));
    for (PetscInt d = 0; d < nx; d++)
      PetscCall(PetscSNPrintf(header[nx + nt + j * nx + d], sizeof(*header), "d%s_d%s", u, info->name[d]));
    PetscCall(PetscSNPrintf(
      header[nx + nt + nt * nx + j], sizeof(*header), "residual%s%s", nt > 1 ? "_" : "", nt > 1 ? u : ""));
    if (e->column_truth >= 0) PetscCall(PetscSNPrintf(header[e->column_truth + j], sizeof(*header), "true_%s", u));
  }
  PetscCall(PetscSNPrintf(header[nx + 2 * nt + nt * nx], sizeof(*header), "iterations"));
  if (e->column_distance >= 0) PetscCall(PetscSNPrintf(header[e->column_distance], sizeof(*header), "distance"));
  PetscFunctionReturn(0);
}

// /signals of an HDF5 file: what stands behind the inputs of each solution.
static PetscErrorCode WriteSignals(SnaModel model, PetscInt nx, PetscInt width, const SnaEnsemble *e, SnaFile file)
{
  double *x[SNA_MAX_DIM], *memory, *signals;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)nx * (size_t)e->nlocal, &memory));
  PetscCall(PetscMalloc1((size_t)width * (size_t)e->nlocal, &signals));
  for (PetscInt d = 0; d < nx; d++) {
    x[d] = memory + (size_t)d * (size_t)e->nlocal;
    for (PetscInt i = 0; i < e->nlocal; i++) x[d][i] = e->rows[(size_t)i * (size_t)e->stride + (size_t)d];
  }
  PetscCall(SnaModelExpand(model, e->nlocal, (const double *const *)x, width, signals));
  PetscCall(SnaFileWriteRows(file, "/signals", e->nlocal, width, signals));
  PetscCall(PetscFree(signals));
  PetscCall(PetscFree(memory));
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteTable(MPI_Comm comm, SnaModel model, const SnaInversion *task, const SnaEnsemble *e,
  const char path[], char message[SNA_MAX_MESSAGE])
{
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  ColumnName               *header;
  const char              **names;
  char                     *columns;
  SnaFile                   file;
  PetscBool                 csv;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(PetscMalloc2(e->columns, &header, e->columns, &names));
  PetscCall(NameColumns(model, task, e, header));
  for (PetscInt c = 0; c < e->columns; c++) names[c] = header[c];
  PetscCall(PetscStrendswith(path, ".csv", &csv));
  if (csv || model_info->expansion == 0 || info->mapped)
    PetscCall(SnaTableWrite(comm, path, e->nlocal, e->columns, names, e->rows, message));
  else {
    const size_t room = (size_t)e->columns * sizeof(*header);

    PetscCall(PetscCalloc1(room, &columns));
    for (PetscInt c = 0; c < e->columns; c++) {
      if (c) PetscCall(PetscStrlcat(columns, ",", room));
      PetscCall(PetscStrlcat(columns, names[c], room));
    }
    PetscCall(SnaFileCreate(comm, path, &file));
    PetscCall(SnaFileWriteRows(file, "/samples", e->nlocal, e->columns, e->rows));
    PetscCall(SnaFileWriteAttributeText(file, "/samples", "columns", columns));
    PetscCall(WriteSignals(model, info->n, model_info->expansion, e, file));
    PetscCall(SnaFileClose(&file, message));
    PetscCall(PetscFree(columns));
  }
  PetscCall(PetscFree2(header, names));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Results
// ---------------------------------------------------------------------------------------------------------------------
// "name", or "name_ys" of one of several unknowns.
static PetscErrorCode AddOfUnknown(
  SnaResults results, const char name[], const SnaInversion *task, const SnaModelInfo *info, PetscInt j, double value)
{
  char of[256];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(of, sizeof(of), "%s%s%s", name, task->ntarget > 1 ? "_" : "",
    task->ntarget > 1 ? info->field[task->unknown[j]] : ""));
  PetscCall(SnaResultsAdd(results, of, value));
  PetscFunctionReturn(0);
}

static PetscErrorCode AddResults(
  MPI_Comm comm, SnaModel model, const SnaInversion *task, const SnaEnsemble *e, SnaResults results)
{
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  const SnaInversionTally  *tally = &e->tally;
  double                    value, largest[SNA_MAX_UNKNOWNS] = {0};
  PetscMPIInt               size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  for (PetscInt i = 0; i < e->nlocal; i++) {
    const double *residual = e->rows + (size_t)i * (size_t)e->stride + (info->n + task->ntarget * (info->n + 1));

    for (PetscInt j = 0; j < task->ntarget; j++) largest[j] = PetscMax(largest[j], fabs(residual[j]));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, largest, (int)task->ntarget, MPI_DOUBLE, MPI_MAX, comm));
  PetscCall(SnaResultsAdd(results, "starts", (double)task->starts));
  PetscCall(SnaResultsAdd(results, "solutions", (double)e->total));
  PetscCall(SnaResultsAdd(results, "failures", (double)(task->starts - tally->solved)));
  PetscCall(SnaResultsAdd(results, "duplicates", (double)(tally->solved - e->total)));
  PetscCall(SnaResultsAdd(results, "mean_iterations", (double)tally->steps / (double)tally->solved));
  PetscCall(SnaResultsAdd(results, "evaluations", (double)tally->evaluations));
  for (PetscInt j = 0; j < task->ntarget; j++)
    PetscCall(AddOfUnknown(results, "max_residual", task, model_info, j, largest[j]));
  PetscCall(SnaEnsembleGetSpread(comm, model, task, e, &value));
  PetscCall(SnaResultsAdd(results, "nearest_neighbour", value));
  for (PetscInt j = 0; e->column_truth >= 0 && j < task->ntarget; j++) {
    PetscCall(SnaEnsembleGetRms(comm, e, e->column_truth + j, info->n + j, &value));
    PetscCall(AddOfUnknown(results, "true_error_rms", task, model_info, j, value));
  }
  if (e->column_distance >= 0) {
    PetscCall(SnaEnsembleGetMean(comm, e, e->column_distance, &value));
    PetscCall(SnaResultsAdd(results, "distance_mean", value));
  }
  PetscCall(SnaResultsAdd(results, "invert_seconds", e->seconds));
  PetscCall(SnaResultsAdd(
    results, "solutions_per_second_per_rank", e->seconds > 0 ? (double)tally->solved / e->seconds / (double)size : 0));
  PetscCall(SnaResultsAdd(results, "ranks", (double)size));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaInvert(
  MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaResults results, char message[SNA_MAX_MESSAGE])
{
  const SnaModelInfo *info;
  SnaEnsemble         e;
  char                target[512], path[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &info));
  PetscCall(PetscStrncpy(path, task->output, sizeof(path)));
  if (!path[0])
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s_inverse%s", task->stem, info->expansion > 0 ? ".h5" : ".csv"));
  PetscCall(SnaEnsembleCreate(comm, model, task, &e, message));
  if (!message[0]) {
    PetscCall(SnaEnsembleJudge(model, task, &e));
    PetscCall(WriteTable(comm, model, task, &e, path, message));
  }
  if (!message[0]) {
    PetscCall(SnaInversionDescribe(model, task, sizeof(target), target));
    PetscCall(PetscPrintf(comm,
      "inverted %s: %" PetscInt_FMT " solutions from %" PetscInt_FMT " starts (%" PetscInt64_FMT
      " failed, %" PetscInt64_FMT " found again): %s\n",
      target, e.total, task->starts, task->starts - e.tally.solved, e.tally.solved - e.total, path));
    PetscCall(AddResults(comm, model, task, &e, results));
  }
  PetscCall(SnaEnsembleDestroy(&e));
  PetscFunctionReturn(0);
}
