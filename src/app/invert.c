// invert.c - which inputs give this output: the options, the ensemble of distinct solutions, its table.
//
// The solutions come from invert_newton.c. Two of them nearer to each other than the tolerance tells apart are one: few
// free inputs may leave few solutions, on which many starts end. `nearest_neighbour` tells how far the others spread.
#include "app_impl.h"
#include <petsctime.h>
#include <math.h>
#include <stdlib.h>

#define NPILOT     64   // starts that try a target before thousands do
#define NNEIGHBOUR 1024 // solutions whose distances are reported

// ---------------------------------------------------------------------------------------------------------------------
// Command line
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

static PetscErrorCode ReadTarget(SnaDeck deck, const char unknown[], const char text[], SnaInversion *task)
{
  char     *copy, *name;
  PetscBool ok;

  PetscFunctionBeginUser;
  PetscCall(PetscStrallocpy(text, &copy));
  PetscCall(ReadAssignment(deck, "invert", copy, &name, task->target, &ok));
  if (ok) {
    PetscCall(PetscStrcmp(name, unknown, &ok));
    if (!ok)
      PetscCall(
        SnaDeckError(deck, "invert", NULL, "`%s` is not the unknown: write %s=%g", name, unknown, task->target[0]));
  }
  PetscCall(PetscFree(copy));
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
    PetscInt  d = 0;
    PetscBool ok;

    PetscCall(ReadAssignment(deck, "invert_at", item[i], &name, value, &ok));
    if (!ok) continue;
    for (ok = PETSC_FALSE; d < info->n && !ok; d++) PetscCall(PetscStrcmp(name, info->name[d], &ok));
    d--;
    if (!ok) {
      const char *near = SnaNearestName(name, (int)info->n, info->name);

      if (near)
        PetscCall(SnaDeckError(deck, "invert_at", NULL, "`%s` is no input; did you mean `%s`?", name, near));
      else
        PetscCall(SnaDeckError(deck, "invert_at", NULL, "`%s` is no input of the solution", name));
    } else if (named[d])
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
  SnaDeck deck, SnaModel model, const char file[], PetscBool *wanted, SnaInversion *task)
{
  static const char *const  others[] = {"invert_at", "invert_starts", "invert_rtol", "invert_output"};
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  const char               *text;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(SnaDeckGetString(deck, "invert", NULL, &text));
  *wanted = (PetscBool)(text && *text);
  if (!*wanted) {
    for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(others); i++) {
      PetscBool given;

      PetscCall(SnaDeckHas(deck, others[i], NULL, &given));
      if (given) PetscCall(SnaDeckError(deck, others[i], NULL, "-%s has no effect without -invert", others[i]));
    }
    PetscFunctionReturn(0);
  }
  if (!file) PetscCall(SnaDeckError(deck, "invert", NULL, "-invert needs -restart FILE: the solution to invert"));
  PetscCall(ReadTarget(deck, model_info->field[0], text, task));
  for (PetscInt d = 0; d < info->n; d++) {
    task->lo[d] = info->lo[d];
    task->hi[d] = info->hi[d];
  }
  PetscCall(SnaDeckGetString(deck, "invert_at", NULL, &text));
  if (text && *text) PetscCall(ReadBox(deck, info, text, task));
  PetscCall(SnaDeckGetInt(deck, "invert_starts", NULL, &task->starts));
  PetscCall(SnaDeckGetReal(deck, "invert_rtol", NULL, &task->rtol));
  PetscCall(SnaDeckGetString(deck, "invert_output", NULL, &text));
  if (text && *text)
    PetscCall(PetscStrncpy(task->output, text, sizeof(task->output)));
  else if (file) {
    char     *slash, *end;
    PetscBool h5;

    PetscCall(PetscStrncpy(task->output, file, sizeof(task->output) - 16));
    PetscCall(PetscStrrchr(task->output, '/', &slash));
    PetscCall(PetscStrendswith(slash, ".h5", &h5));
    PetscCall(PetscStrrchr(slash, '.', &end));
    if (h5) end[-1] = 0;
    PetscCall(PetscStrlcat(task->output, "_inverse.csv", sizeof(task->output)));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The ensemble
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  double   key;
  PetscInt index;
} Keyed;

static int CompareKeys(const void *a, const void *b)
{
  const Keyed *k = (const Keyed *)a, *l = (const Keyed *)b;

  return k->key != l->key ? (k->key > l->key) - (k->key < l->key) : (k->index > l->index) - (k->index < l->index);
}

// Points nearer to each other than the tolerance tells apart are one solution. point[i*(nd+1)]: scaled coordinates, then the
// radius within which another point is the same. Sorted by a coordinate of no special direction, near points are near.
static PetscErrorCode MarkDistinct(PetscInt nd, PetscInt n, const double point[], PetscBool keep[])
{
  Keyed    *sorted;
  PetscInt *kept, nkept = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(n, &sorted, n, &kept));
  for (PetscInt i = 0; i < n; i++) {
    const double *a    = point + (size_t)i * (size_t)(nd + 1);
    double        norm = 0;

    sorted[i] = (Keyed){0, i};
    for (PetscInt d = 0; d < nd; d++) {
      const double c = sqrt((double)d + 2) - floor(sqrt((double)d + 2)) + 0.5;

      sorted[i].key += c * a[d];
      norm += c * c;
    }
    sorted[i].key /= sqrt(norm);
  }
  qsort(sorted, (size_t)n, sizeof(*sorted), CompareKeys);
  for (PetscInt k = 0; k < n; k++) {
    const double *a    = point + (size_t)sorted[k].index * (size_t)(nd + 1);
    PetscBool     same = PETSC_FALSE;

    for (PetscInt j = nkept - 1; j >= 0 && !same && sorted[k].key - sorted[kept[j]].key <= a[nd]; j--) {
      const double *b = point + (size_t)sorted[kept[j]].index * (size_t)(nd + 1), radius = PetscMin(a[nd], b[nd]);
      double        distance = 0;

      for (PetscInt d = 0; d < nd; d++) distance += (a[d] - b[d]) * (a[d] - b[d]);
      same = (PetscBool)(distance <= radius * radius);
    }
    keep[sorted[k].index] = (PetscBool)!same;
    if (!same) kept[nkept++] = k;
  }
  PetscCall(PetscFree2(sorted, kept));
  PetscFunctionReturn(0);
}

// Mean distance to the nearest other point, of the first NNEIGHBOUR points that are kept.
static double MeanNearest(PetscInt nd, PetscInt n, const double point[], const PetscBool keep[])
{
  PetscInt first[NNEIGHBOUR], m = 0;
  double   sum = 0;

  for (PetscInt i = 0; i < n && m < NNEIGHBOUR; i++)
    if (keep[i]) first[m++] = i;
  for (PetscInt i = 0; i < m; i++) {
    const double *a       = point + (size_t)first[i] * (size_t)(nd + 1);
    double        nearest = INFINITY;

    for (PetscInt j = 0; j < m; j++) {
      const double *b        = point + (size_t)first[j] * (size_t)(nd + 1);
      double        distance = 0;

      for (PetscInt d = 0; d < nd; d++) distance += (a[d] - b[d]) * (a[d] - b[d]);
      if (j != i) nearest = PetscMin(nearest, distance);
    }
    sum += sqrt(nearest);
  }
  return m > 1 ? sum / (double)m : 0;
}

static double Scaled(const SnaInversion *task, PetscInt d, double x)
{
  return task->hi[d] > task->lo[d] ? (x - task->lo[d]) / (task->hi[d] - task->lo[d]) : 0;
}

// Moves the distinct solutions to the front of this rank's rows. *nlocal of them, *total on all ranks. Collective.
static PetscErrorCode Distinct(MPI_Comm comm, PetscInt nd, const SnaInversion *task, double tolerance, PetscInt n,
  double rows[], const PetscBool solved[], PetscInt *nlocal, PetscInt *total, double *nearest)
{
  const size_t width = (size_t)(2 * nd + 3);
  PetscInt     m     = 0, all;
  MPI_Datatype type;
  PetscMPIInt  size, rank, *counts, *starts, mine;
  double      *local, *point;
  PetscBool   *keep;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscMalloc1((size_t)n * (size_t)(nd + 1), &local));
  for (PetscInt i = 0; i < n; i++) {
    double *row = rows + (size_t)m * width, *a = local + (size_t)m * (size_t)(nd + 1), gg = 0;

    if (!solved[i]) continue;
    PetscCall(PetscArraymove(row, rows + (size_t)i * width, width));
    for (PetscInt d = 0; d < nd; d++) {
      const double g = (task->hi[d] - task->lo[d]) * row[nd + 1 + d];

      a[d] = Scaled(task, d, row[d]);
      gg += g * g;
    }
    // inside an interval of targets points are where they are
    a[nd] = row[2 * nd + 1] == 0 ? 1e-9 : PetscMax(1e-9, PetscMin(1e-3, 3 * tolerance / sqrt(gg)));
    m++;
  }
  PetscCall(PetscMalloc2(size, &counts, (size_t)size + 1, &starts));
  PetscCall(PetscMPIIntCast(m, &mine));
  PetscCallMPI(MPI_Allgather(&mine, 1, MPI_INT, counts, 1, MPI_INT, comm));
  starts[0] = 0;
  for (PetscMPIInt p = 0; p < size; p++) starts[p + 1] = starts[p] + counts[p];
  all = starts[size];
  PetscCall(PetscMalloc2((size_t)all * (size_t)(nd + 1), &point, all, &keep));
  PetscCallMPI(MPI_Type_contiguous((int)nd + 1, MPI_DOUBLE, &type));
  PetscCallMPI(MPI_Type_commit(&type));
  PetscCallMPI(MPI_Allgatherv(local, mine, type, point, counts, starts, type, comm));
  PetscCallMPI(MPI_Type_free(&type));
  PetscCall(MarkDistinct(nd, all, point, keep));
  *nearest = MeanNearest(nd, all, point, keep);
  *total = *nlocal = 0;
  for (PetscInt i = 0; i < all; i++) *total += keep[i] ? 1 : 0;
  for (PetscInt i = 0; i < m; i++) {
    if (!keep[starts[rank] + i]) continue;
    PetscCall(PetscArraymove(rows + (size_t)*nlocal * width, rows + (size_t)i * width, width));
    (*nlocal)++;
  }
  PetscCall(PetscFree2(point, keep));
  PetscCall(PetscFree2(counts, starts));
  PetscCall(PetscFree(local));
  PetscFunctionReturn(0);
}

static PetscErrorCode Reduce(MPI_Comm comm, SnaInversionTally *tally)
{
  PetscInt64 counts[3] = {tally->evaluations, tally->steps, tally->solved};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, counts, 3, MPIU_INT64, MPI_SUM, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &tally->low, 1, MPI_DOUBLE, MPI_MIN, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &tally->high, 1, MPI_DOUBLE, MPI_MAX, comm));
  tally->evaluations = counts[0];
  tally->steps       = counts[1];
  tally->solved      = counts[2];
  PetscFunctionReturn(0);
}

static PetscErrorCode NoSolution(
  const char unknown[], const SnaInversion *task, const char target[], const SnaInversionTally *tally, char message[])
{
  PetscFunctionBeginUser;
  if (tally->low > tally->high)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "-invert: none of %" PetscInt64_FMT " points of the box of -invert_at lies in the model's domain; widen it",
      tally->evaluations));
  else if (task->target[1] < tally->low || task->target[0] > tally->high)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "-invert: %s is out of reach: %s lies between %.6g and %.6g at all %" PetscInt64_FMT
      " points tried; ask for a value between them, or widen the box of -invert_at",
      target, unknown, tally->low, tally->high, tally->evaluations));
  else
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "-invert: none of %" PetscInt_FMT " starts reached %s, though values from %.6g to %.6g were met; try more "
      "-invert_starts, or narrow the box with -invert_at",
      task->starts, target, tally->low, tally->high));
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteTable(MPI_Comm comm, const char unknown[], const SnaCoordinatesInfo *info, const char path[],
  PetscInt nlocal, const double rows[], char message[SNA_MAX_MESSAGE])
{
  const PetscInt nd = info->n;
  char           header[2 * SNA_MAX_DIM + 3][128];
  const char    *names[2 * SNA_MAX_DIM + 3];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(PetscSNPrintf(header[d], sizeof(header[d]), "%s", info->name[d]));
    PetscCall(PetscSNPrintf(header[nd + 1 + d], sizeof(header[0]), "d%s_d%s", unknown, info->name[d]));
  }
  PetscCall(PetscSNPrintf(header[nd], sizeof(header[0]), "%s", unknown));
  PetscCall(PetscSNPrintf(header[2 * nd + 1], sizeof(header[0]), "residual"));
  PetscCall(PetscSNPrintf(header[2 * nd + 2], sizeof(header[0]), "iterations"));
  for (PetscInt c = 0; c < 2 * nd + 3; c++) names[c] = header[c];
  PetscCall(SnaTableWrite(comm, path, nlocal, 2 * nd + 3, names, rows, message));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaInvert(
  MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaResults results, char message[SNA_MAX_MESSAGE])
{
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  const char               *unknown;
  SnaInversionTally         tally = {.low = INFINITY, .high = -INFINITY}, pilot;
  PetscInt                  first, n, nlocal = 0, total = 0;
  PetscMPIInt               size, rank;
  PetscBool                *solved;
  PetscLogDouble            t0, t1;
  double                   *rows, tolerance, seconds, largest = 0, nearest = 0;
  char                      target[128];

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  unknown = model_info->field[0];
  if (task->target[0] == task->target[1])
    PetscCall(PetscSNPrintf(target, sizeof(target), "%s=%.6g", unknown, task->target[0]));
  else
    PetscCall(PetscSNPrintf(target, sizeof(target), "%s=%.6g:%.6g", unknown, task->target[0], task->target[1]));
  PetscCall(PetscTime(&t0));
  PetscCall(SnaInversionProbe(comm, model, task, &tally));
  tolerance = task->rtol * (PetscMax(tally.high, task->target[1]) - PetscMin(tally.low, task->target[0]));
  if (task->starts > 16 * NPILOT) { // thousands of draws by each of a million starts would be long in vain
    pilot = tally;
    PetscCall(SnaInversionRunStarts(model, task, tolerance, NPILOT * rank / size,
      NPILOT * (rank + 1) / size - NPILOT * rank / size, NULL, NULL, &pilot));
    tally.evaluations = pilot.evaluations;
    PetscCall(Reduce(comm, &pilot));
    if (pilot.solved == 0) {
      PetscCall(NoSolution(unknown, task, target, &pilot, message));
      PetscFunctionReturn(0);
    }
  }
  first = (PetscInt)((PetscInt64)task->starts * rank / size);
  n     = (PetscInt)((PetscInt64)task->starts * (rank + 1) / size) - first;
  PetscCall(PetscMalloc1((size_t)n * (size_t)(2 * info->n + 3), &rows));
  PetscCall(PetscCalloc1(n, &solved));
  PetscCall(SnaInversionRunStarts(model, task, tolerance, first, n, rows, solved, &tally));
  PetscCall(PetscTime(&t1));
  seconds = t1 - t0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, comm));
  PetscCall(Reduce(comm, &tally));
  if (tally.solved == 0)
    PetscCall(NoSolution(unknown, task, target, &tally, message));
  else {
    PetscCall(Distinct(comm, info->n, task, tolerance, n, rows, solved, &nlocal, &total, &nearest));
    for (PetscInt i = 0; i < nlocal; i++)
      largest = PetscMax(largest, fabs(rows[(size_t)i * (size_t)(2 * info->n + 3) + (size_t)(2 * info->n + 1)]));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, comm));
    PetscCall(WriteTable(comm, unknown, info, task->output, nlocal, rows, message));
  }
  if (!message[0]) {
    const PetscInt64 failures = task->starts - tally.solved, duplicates = tally.solved - total;

    PetscCall(PetscPrintf(comm,
      "inverted %s: %" PetscInt_FMT " solutions from %" PetscInt_FMT " starts (%" PetscInt64_FMT
      " failed, %" PetscInt64_FMT " found again): %s\n",
      target, total, task->starts, failures, duplicates, task->output));
    PetscCall(SnaResultsAdd(results, "starts", (double)task->starts));
    PetscCall(SnaResultsAdd(results, "solutions", (double)total));
    PetscCall(SnaResultsAdd(results, "failures", (double)failures));
    PetscCall(SnaResultsAdd(results, "duplicates", (double)duplicates));
    PetscCall(SnaResultsAdd(results, "mean_iterations", (double)tally.steps / (double)tally.solved));
    PetscCall(SnaResultsAdd(results, "evaluations", (double)tally.evaluations));
    PetscCall(SnaResultsAdd(results, "max_residual", largest));
    PetscCall(SnaResultsAdd(results, "nearest_neighbour", nearest));
    PetscCall(SnaResultsAdd(
      results, "solutions_per_second_per_rank", seconds > 0 ? (double)tally.solved / seconds / (double)size : 0));
    PetscCall(SnaResultsAdd(results, "ranks", (double)size));
  }
  PetscCall(PetscFree(rows));
  PetscCall(PetscFree(solved));
  PetscFunctionReturn(0);
}
