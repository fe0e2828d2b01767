// query.c - values and gradients of a finished solution at the points of a table, in parallel: no solve, every rank its share of the rows.
#include "app_impl.h"
#include <petsctime.h>

#define BLOCK 4096 // points per call of the model: coordinates and results stay in cache

// column[d] = column of the table that holds physical coordinate d: by name where the table has names, otherwise in order.
static PetscErrorCode MatchColumns(const SnaCoordinatesInfo *info, const char points[], PetscInt ncols, PetscBool named,
  char **names, PetscInt column[], char message[SNA_MAX_MESSAGE])
{
  const char *kind = info->mapped ? "coordinate" : "direction";

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < info->n; d++) {
    column[d] = named ? -1 : d;
    for (PetscInt c = 0; named && c < ncols; c++) {
      PetscBool same;
      PetscCall(PetscStrcmp(names[c], info->name[d], &same));
      if (same) column[d] = c;
    }
    if (column[d] < 0 || column[d] >= ncols) {
      PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
        "%s: no column for %s `%s` (%" PetscInt_FMT " columns, %" PetscInt_FMT " %ss)", points, kind, info->name[d],
        ncols, info->n, kind));
      PetscFunctionReturn(0);
    }
  }
  PetscFunctionReturn(0);
}

// "dir/points.csv" -> "dir/points_u.csv"
static PetscErrorCode DefaultOutput(const char points[], const char unknown[], size_t size, char path[])
{
  char *colon, *dot, *slash, ending[64] = "";

  PetscFunctionBeginUser;
  PetscCall(PetscStrncpy(path, points, size));
  PetscCall(PetscStrrchr(path, '/', &slash));
  PetscCall(PetscStrchr(slash, ':', &colon)); // FILE.h5:/dataset
  if (colon) *colon = 0;
  PetscCall(PetscStrrchr(slash, '.', &dot));
  if (dot > slash) {
    PetscCall(PetscSNPrintf(ending, sizeof(ending), ".%s", dot));
    dot[-1] = 0;
  }
  PetscCall(PetscStrlcat(path, "_", size));
  PetscCall(PetscStrlcat(path, unknown, size));
  PetscCall(PetscStrlcat(path, *ending ? ending : ".csv", size));
  PetscFunctionReturn(0);
}

// Rows of the result: physical coordinates, value, gradient. *outside counts points beyond the domain, whose values are NaN.
static PetscErrorCode Evaluate(SnaModel model, PetscInt nlocal, PetscInt ncols, const PetscInt column[],
  const double table[], double out[], PetscInt64 *outside, double *seconds)
{
  const SnaCoordinatesInfo *info;
  double                   *x[SNA_MAX_DIM], *grad[SNA_MAX_DIM], *u;
  PetscBool                *inside;
  PetscLogDouble            t0, t1;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(PetscMalloc2(BLOCK, &u, BLOCK, &inside));
  for (PetscInt d = 0; d < info->n; d++) PetscCall(PetscMalloc2(BLOCK, &x[d], BLOCK, &grad[d]));
  *outside = 0;
  *seconds = 0;
  for (PetscInt i0 = 0; i0 < nlocal; i0 += BLOCK) {
    const PetscInt n = PetscMin(BLOCK, nlocal - i0), width = 2 * info->n + 1;
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt d = 0; d < info->n; d++) x[d][i] = table[(size_t)(i0 + i) * (size_t)ncols + (size_t)column[d]];
    PetscCall(PetscTime(&t0));
    PetscCall(SnaModelSamplePhysical(model, 0, n, (const double *const *)x, u, grad, inside));
    PetscCall(PetscTime(&t1));
    *seconds += t1 - t0;
    for (PetscInt i = 0; i < n; i++) {
      double *row = out + (size_t)(i0 + i) * (size_t)width;
      *outside += !inside[i];
      for (PetscInt d = 0; d < info->n; d++) {
        row[d]               = x[d][i];
        row[info->n + 1 + d] = grad[d][i];
      }
      row[info->n] = u[i];
    }
  }
  for (PetscInt d = 0; d < info->n; d++) PetscCall(PetscFree2(x[d], grad[d]));
  PetscCall(PetscFree2(u, inside));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaQuery(MPI_Comm comm, SnaModel model, const char points[], const char output[], SnaResults results,
  char message[SNA_MAX_MESSAGE])
{
  const char               *unknown;
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  PetscInt                  nlocal, ncols, column[SNA_MAX_DIM];
  PetscInt64                total[2] = {0, 0};
  PetscBool                 named;
  PetscMPIInt               size;
  char                    **names, path[PETSC_MAX_PATH_LEN], header[2 * SNA_MAX_DIM + 1][128];
  const char               *header_names[2 * SNA_MAX_DIM + 1];
  double                   *table, *out, seconds;

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  unknown = model_info->field[0];
  PetscCall(SnaTableRead(comm, points, &nlocal, &ncols, &named, &names, &table, message));
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(MatchColumns(info, points, ncols, named, names, column, message));
  if (!message[0]) {
    const PetscInt width = 2 * info->n + 1;
    PetscCall(PetscMalloc1(PetscMax(1, (size_t)nlocal * (size_t)width), &out));
    PetscCall(Evaluate(model, nlocal, ncols, column, table, out, &total[1], &seconds));
    total[0] = nlocal;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, total, 2, MPIU_INT64, MPI_SUM, comm));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, comm));
    for (PetscInt d = 0; d < info->n; d++) {
      PetscCall(PetscSNPrintf(header[d], sizeof(header[d]), "%s", info->name[d]));
      PetscCall(PetscSNPrintf(header[info->n + 1 + d], sizeof(header[0]), "d%s_d%s", unknown, info->name[d]));
    }
    PetscCall(PetscSNPrintf(header[info->n], sizeof(header[0]), "%s", unknown));
    for (PetscInt c = 0; c < width; c++) header_names[c] = header[c];
    if (output)
      PetscCall(PetscStrncpy(path, output, sizeof(path)));
    else
      PetscCall(DefaultOutput(points, unknown, sizeof(path), path));
    PetscCall(SnaTableWrite(comm, path, nlocal, width, header_names, out, message));
    PetscCall(PetscFree(out));
    if (!message[0]) {
      PetscCall(PetscPrintf(comm, "sampled %" PetscInt64_FMT " points, value and gradient: %s\n", total[0], path));
      if (total[1])
        PetscCall(PetscPrintf(
          comm, "note: %" PetscInt64_FMT " points lie outside the domain; their values are nan\n", total[1]));
      PetscCall(SnaResultsAdd(results, "points", (double)total[0]));
      PetscCall(SnaResultsAdd(results, "points_outside", (double)total[1]));
      PetscCall(SnaResultsAdd(
        results, "points_per_second_per_rank", seconds > 0 ? (double)total[0] / seconds / (double)size : 0));
      PetscCall(SnaResultsAdd(results, "ranks", (double)size));
    }
  }
  for (PetscInt c = 0; c < ncols && names; c++) PetscCall(PetscFree(names[c]));
  PetscCall(PetscFree(names));
  PetscCall(PetscFree(table));
  PetscFunctionReturn(0);
}
