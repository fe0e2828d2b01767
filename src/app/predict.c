// predict.c - the unknowns of a model at the rows of a table, written behind the table's own columns; every rank its share of the rows.
//
// A row outside the box of the coordinates gets the values at the nearest point of the box (each coordinate cut to its range) and the mark `outside`: a
// model learned from data knows nothing there. A row that lacks an input gets nan.
#include "app_impl.h"
#include <math.h>
#include <petsctime.h>
#include <string.h>

#define BLOCK 8192 // points per call of the model: coordinates and values stay in cache

static PetscErrorCode MatchColumns(const SnaCoordinatesInfo *info, const char path[], const SnaTable *table,
  PetscInt column[], char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < info->n && !message[0]; d++) {
    PetscCall(SnaColumnFind(path, table->ncols, (const char *const *)table->name, info->name[d], &column[d], message));
    if (!message[0] && table->nwords[column[d]])
      SnaMessageSet(message, "%s: column `%.60s` holds words, such as %.60s, and numbers are needed", path,
        table->name[column[d]], table->word[column[d]][0]);
  }
  PetscFunctionReturn(0);
}

// What is added to the table: values of the unknowns, and whether the row is outside.
static PetscErrorCode NameColumns(const SnaModelInfo *info, const char path[], const SnaTable *table, char name[][128],
  const char *names[], char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k <= info->nunknown; k++) {
    if (k < info->nunknown)
      PetscCall(PetscSNPrintf(name[k], sizeof(name[k]), "%.110s_predicted", info->field[k]));
    else
      PetscCall(PetscStrncpy(name[k], "outside", sizeof(name[k])));
    names[k] = name[k];
    for (PetscInt c = 0; c < table->ncols; c++) {
      if (!strcmp(table->name[c], name[k]))
        SnaMessageSet(
          message, "%s: has a column `%s` already, which the predictions would need; rename it", path, name[k]);
    }
  }
  PetscFunctionReturn(0);
}

// "dir/points.csv" -> "dir/points_predicted.csv"; HDF5 stays HDF5, any other text becomes .csv.
static PetscErrorCode NameOutput(const char table[], size_t size, char path[])
{
  const char *const colon = strstr(table, ":/");
  const char       *slash, *dot, *ending = colon ? ".h5" : ".csv";
  size_t            n = colon ? (size_t)(colon - table) : strlen(table);

  PetscFunctionBeginUser;
  PetscCall(PetscStrncpy(path, table, PetscMin(size, n + 1)));
  slash = strrchr(path, '/');
  dot   = strrchr(slash ? slash : path, '.');
  if (dot && (!strcmp(dot, ".h5") || !strcmp(dot, ".hdf5"))) ending = ".h5";
  if (dot && dot > path && dot[-1] != '/') path[dot - path] = 0;
  PetscCall(PetscStrlcat(path, "_predicted", size));
  PetscCall(PetscStrlcat(path, ending, size));
  PetscFunctionReturn(0);
}

// count: rows outside, rows with missing inputs.
static PetscErrorCode Evaluate(
  SnaModel model, const SnaTable *table, const PetscInt column[], double extra[], PetscInt64 count[2], double *seconds)
{
  const SnaModelInfo       *info;
  const SnaCoordinatesInfo *coordinates;
  PetscInt                  width;
  double                   *x[SNA_MAX_DIM], *u[SNA_MAX_UNKNOWNS];
  PetscBool                *inside, *outside, *missing;
  PetscLogDouble            t0, t1;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &info));
  PetscCall(SnaModelGetCoordinates(model, &coordinates));
  width = info->nunknown + 1;
  PetscCall(PetscMalloc3(BLOCK, &inside, BLOCK, &outside, BLOCK, &missing));
  for (PetscInt d = 0; d < coordinates->n; d++) PetscCall(PetscMalloc1(BLOCK, &x[d]));
  for (PetscInt k = 0; k < info->nunknown; k++) PetscCall(PetscMalloc1(BLOCK, &u[k]));
  count[0] = count[1] = 0;
  *seconds            = 0;
  for (PetscInt i0 = 0; i0 < table->nrows; i0 += BLOCK) {
    const PetscInt n = PetscMin(BLOCK, table->nrows - i0);

    for (PetscInt i = 0; i < n; i++) outside[i] = missing[i] = PETSC_FALSE;
    for (PetscInt d = 0; d < coordinates->n; d++) {
      const double  lo = coordinates->lo[d], hi = coordinates->hi[d];
      const double *from = table->value + (size_t)i0 * (size_t)table->ncols + (size_t)column[d];

      for (PetscInt i = 0; i < n; i++, from += table->ncols) {
        if (isnan(*from)) missing[i] = PETSC_TRUE;
        if (*from < lo || *from > hi) outside[i] = PETSC_TRUE;
        x[d][i] = isnan(*from) ? lo : PetscMin(PetscMax(*from, lo), hi);
      }
    }
    PetscCall(PetscTime(&t0));
    for (PetscInt k = 0; k < info->nunknown; k++)
      PetscCall(SnaModelSamplePhysical(model, k, n, (const double *const *)x, u[k], NULL, inside));
    PetscCall(PetscTime(&t1));
    *seconds += t1 - t0;
    for (PetscInt i = 0; i < n; i++) {
      double         *row = extra + (size_t)(i0 + i) * (size_t)width;
      const PetscBool out = outside[i] || (!missing[i] && !inside[i]) ? PETSC_TRUE : PETSC_FALSE;

      for (PetscInt k = 0; k < info->nunknown; k++) row[k] = missing[i] ? NAN : u[k][i];
      row[info->nunknown] = out ? 1 : 0;
      count[0] += out ? 1 : 0;
      count[1] += missing[i] ? 1 : 0;
    }
  }
  for (PetscInt d = 0; d < coordinates->n; d++) PetscCall(PetscFree(x[d]));
  for (PetscInt k = 0; k < info->nunknown; k++) PetscCall(PetscFree(u[k]));
  PetscCall(PetscFree3(inside, outside, missing));
  PetscFunctionReturn(0);
}

static PetscErrorCode Tell(MPI_Comm comm, const SnaTable *table, const PetscInt64 count[2], double seconds,
  const char path[], SnaResults results)
{
  PetscMPIInt size;
  char        outside[120] = "", missing[80] = "";

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  if (count[0])
    PetscCall(PetscSNPrintf(
      outside, sizeof(outside), ", %" PetscInt64_FMT " outside the domain (values of its edge)", count[0]));
  if (count[1])
    PetscCall(PetscSNPrintf(missing, sizeof(missing), ", %" PetscInt64_FMT " with missing inputs (nan)", count[1]));
  PetscCall(PetscPrintf(comm, "predicted %" PetscInt64_FMT " rows%s%s: %s\n", table->total, outside, missing, path));
  PetscCall(SnaResultsAdd(results, "rows", (double)table->total));
  PetscCall(SnaResultsAdd(results, "rows_outside", (double)count[0]));
  PetscCall(SnaResultsAdd(results, "rows_missing", (double)count[1]));
  PetscCall(SnaResultsAdd(
    results, "predict_rows_per_second_per_rank", seconds > 0 ? (double)table->total / seconds / (double)size : 0));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaPredict(MPI_Comm comm, SnaModel model, const char table[], const char output[], SnaResults results,
  char message[SNA_MAX_MESSAGE])
{
  const SnaModelInfo       *info;
  const SnaCoordinatesInfo *coordinates;
  SnaTable                  rows;
  PetscInt                  column[SNA_MAX_DIM];
  PetscInt64                count[2];
  char                      path[PETSC_MAX_PATH_LEN], name[SNA_MAX_UNKNOWNS + 1][128];
  const char               *names[SNA_MAX_UNKNOWNS + 1];
  double                   *extra, seconds;

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCall(SnaModelGetInfo(model, &info));
  PetscCall(SnaModelGetCoordinates(model, &coordinates));
  if (output)
    PetscCall(PetscStrncpy(path, output, sizeof(path)));
  else
    PetscCall(NameOutput(table, sizeof(path), path));
  if (!strcmp(path, table))
    SnaMessageSet(message, "%s: the predictions would replace the table; name another file", path);
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(SnaTableReadColumns(comm, table, 0, NULL, &rows, message));
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(MatchColumns(coordinates, table, &rows, column, message));
  PetscCall(NameColumns(info, table, &rows, name, names, message));
  if (!message[0]) {
    PetscCall(PetscMalloc1((size_t)rows.nrows * (size_t)(info->nunknown + 1), &extra));
    PetscCall(Evaluate(model, &rows, column, extra, count, &seconds));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 2, MPIU_INT64, MPI_SUM, comm));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, comm));
    PetscCall(SnaTableWriteColumns(comm, path, &rows, info->nunknown + 1, names, extra, message));
    PetscCall(PetscFree(extra));
    if (!message[0]) PetscCall(Tell(comm, &rows, count, seconds, path, results));
  }
  PetscCall(SnaTableDestroy(&rows));
  PetscFunctionReturn(0);
}
