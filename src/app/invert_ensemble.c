// invert_ensemble.c - from the task to distinct solutions: range of the unknowns, starts on all ranks, solutions that are one and the same, and what is
// known about them: the truth, the distance to the data, how far they spread.
//
// Two solutions nearer to each other than the tolerance tells apart are one: few free inputs may leave few solutions, on which many starts end. To first
// order residuals of size rtol leave the inputs open by rtol |J^+|, and |J^+|_F^2 = tr (J J^T)^-1.
#include "app_impl.h"
#include <petsctime.h>
#include <math.h>

#define NPILOT     64   // starts that try a target before thousands do
#define NNEIGHBOUR 1024 // solutions whose distances are reported
#define BLOCK      1024 // points per call of the model

// Points nearer to each other than the tolerance tells apart are one solution, that of the first start. point[i*(nd+1)]: scaled coordinates, then the radius
// within which another point is the same. A coordinate of no special direction is cut into cells that list the points kept so far: near points are in near cells.
static PetscErrorCode MarkDistinct(PetscInt nd, PetscInt n, const double point[], PetscBool keep[])
{
  const PetscInt ncells = PetscMin(n, 262144) + 1;
  double         c[SNA_MAX_DIM], norm = 0, range = 0, *key;
  PetscInt      *head, *next;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd; d++) {
    c[d] = sqrt((double)d + 2) - floor(sqrt((double)d + 2)) + 0.5;
    norm += c[d] * c[d];
  }
  for (PetscInt d = 0; d < nd; d++) range += c[d] /= sqrt(norm);
  PetscCall(PetscMalloc3(n, &key, n, &next, ncells, &head));
  for (PetscInt cell = 0; cell < ncells; cell++) head[cell] = -1;
  for (PetscInt i = 0; i < n; i++) {
    const double *a = point + (size_t)i * (size_t)(nd + 1), cells = (double)(ncells - 1) / range;
    PetscInt      cell = 0;

    key[i] = 0;
    for (PetscInt d = 0; d < nd; d++) key[i] += c[d] * a[d];
    keep[i] = PETSC_TRUE;
    for (cell = (PetscInt)(PetscMax(0, key[i] - a[nd]) * cells);
         cell < ncells && cell <= (PetscInt)((key[i] + a[nd]) * cells) && keep[i]; cell++)
      for (PetscInt j = head[cell]; j >= 0 && keep[i]; j = next[j]) {
        const double *b        = point + (size_t)j * (size_t)(nd + 1);
        double        distance = 0, radius;

        if (fabs(key[j] - key[i]) > a[nd]) continue;
        radius = PetscMin(a[nd], b[nd]);
        for (PetscInt d = 0; d < nd; d++) distance += (a[d] - b[d]) * (a[d] - b[d]);
        keep[i] = (PetscBool)(distance > radius * radius);
      }
    if (!keep[i]) continue;
    cell       = PetscMin(ncells - 1, (PetscInt)(key[i] * cells));
    next[i]    = head[cell];
    head[cell] = i;
  }
  PetscCall(PetscFree3(key, next, head));
  PetscFunctionReturn(0);
}

// tr (J J^T)^-1 by a Cholesky factorisation of m rows of nx numbers; infinite where they depend on each other.
static double TraceOfInverse(PetscInt m, PetscInt nx, double J[][SNA_MAX_DIM])
{
  double L[SNA_MAX_UNKNOWNS][SNA_MAX_UNKNOWNS], trace = 0;

  for (PetscInt j = 0; j < m; j++)
    for (PetscInt l = 0; l <= j; l++) {
      double a = 0;

      for (PetscInt d = 0; d < nx; d++) a += J[j][d] * J[l][d];
      for (PetscInt k = 0; k < l; k++) a -= L[j][k] * L[l][k];
      if (l == j && !(a > 0)) return INFINITY;
      L[j][l] = l == j ? sqrt(a) : a / L[l][l];
    }
  for (PetscInt c = 0; c < m; c++) { // columns of L^-1
    double v[SNA_MAX_UNKNOWNS];

    for (PetscInt j = c; j < m; j++) {
      v[j] = j == c ? 1 : 0;
      for (PetscInt k = c; k < j; k++) v[j] -= L[j][k] * v[k];
      v[j] /= L[j][j];
      trace += v[j] * v[j];
    }
  }
  return trace;
}

// Coordinates of a row in widths of the box.
static void ScaleRow(PetscInt nx, const SnaInversion *task, const double row[], double point[])
{
  for (PetscInt d = 0; d < nx; d++)
    point[d] = task->hi[d] > task->lo[d] ? (row[d] - task->lo[d]) / (task->hi[d] - task->lo[d]) : 0;
}

// Within which distance, in widths of the box, another solution is the same. Inside an interval of targets points are where they are.
static double Radius(PetscInt nx, const SnaInversion *task, const double scale[], const double row[])
{
  const PetscInt nt    = task->ntarget;
  const double  *slope = row + nx + nt, *residual = slope + nt * nx;
  double         J[SNA_MAX_UNKNOWNS][SNA_MAX_DIM];
  PetscInt       m = 0;

  for (PetscInt j = 0; j < nt; j++) {
    if (residual[j] == 0) continue;
    for (PetscInt d = 0; d < nx; d++) J[m][d] = (task->hi[d] - task->lo[d]) * slope[j * nx + d] / scale[j];
    m++;
  }
  return m == 0 ? 1e-9 : PetscMax(1e-9, PetscMin(1e-3, 3 * task->rtol * sqrt(TraceOfInverse(m, nx, J))));
}

// The numbers of all ranks in rank order, `width` per row; PetscFree *all.
static PetscErrorCode Gather(
  MPI_Comm comm, PetscInt n, PetscInt width, const double local[], PetscInt *before, PetscInt *total, double **all)
{
  MPI_Datatype type;
  PetscMPIInt  size, rank, *counts, *starts, mine;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (size == 1) { // a small inversion takes less time than the calls below
    *before = 0;
    *total  = n;
    PetscCall(PetscMalloc1((size_t)n * (size_t)width, all));
    PetscCall(PetscArraycpy(*all, local, (size_t)n * (size_t)width));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscMalloc2(size, &counts, (size_t)size + 1, &starts));
  PetscCall(PetscMPIIntCast(n, &mine));
  PetscCallMPI(MPI_Allgather(&mine, 1, MPI_INT, counts, 1, MPI_INT, comm));
  starts[0] = 0;
  for (PetscMPIInt p = 0; p < size; p++) starts[p + 1] = starts[p] + counts[p];
  *total  = starts[size];
  *before = starts[rank];
  PetscCall(PetscMalloc1((size_t)*total * (size_t)width, all));
  PetscCallMPI(MPI_Type_contiguous((int)width, MPI_DOUBLE, &type));
  PetscCallMPI(MPI_Type_commit(&type));
  PetscCallMPI(MPI_Allgatherv(local, mine, type, *all, counts, starts, type, comm));
  PetscCallMPI(MPI_Type_free(&type));
  PetscCall(PetscFree2(counts, starts));
  PetscFunctionReturn(0);
}

// Moves the distinct ones of n rows to the front.
static PetscErrorCode Distinct(
  MPI_Comm comm, PetscInt nx, const SnaInversion *task, PetscInt n, const PetscBool solved[], SnaEnsemble *e)
{
  const size_t stride = (size_t)e->stride;
  PetscInt     m      = 0, first, all;
  double      *local, *point;
  PetscBool   *keep;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)n * (size_t)(nx + 1), &local));
  for (PetscInt i = 0; i < n; i++) {
    double *row = e->rows + (size_t)m * stride, *a = local + (size_t)m * (size_t)(nx + 1);

    if (!solved[i]) continue;
    if (i != m) PetscCall(PetscArraymove(row, e->rows + (size_t)i * stride, stride));
    ScaleRow(nx, task, row, a);
    a[nx] = Radius(nx, task, e->scale, row);
    m++;
  }
  PetscCall(Gather(comm, m, nx + 1, local, &first, &all, &point));
  PetscCall(PetscMalloc1(all, &keep));
  PetscCall(MarkDistinct(nx, all, point, keep));
  for (PetscInt i = 0; i < all; i++) e->total += keep[i] ? 1 : 0;
  for (PetscInt i = 0; i < m; i++) {
    if (!keep[first + i]) continue;
    if (i != e->nlocal)
      PetscCall(PetscArraymove(e->rows + (size_t)e->nlocal * stride, e->rows + (size_t)i * stride, stride));
    e->nlocal++;
  }
  PetscCall(PetscFree(keep));
  PetscCall(PetscFree(point));
  PetscCall(PetscFree(local));
  PetscFunctionReturn(0);
}

static PetscErrorCode Reduce(MPI_Comm comm, PetscInt nt, SnaInversionTally *tally)
{
  PetscInt64 counts[3] = {tally->evaluations, tally->steps, tally->solved};
  double     extremes[2 * SNA_MAX_UNKNOWNS];

  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < nt; j++) {
    extremes[2 * j]     = -tally->low[j];
    extremes[2 * j + 1] = tally->high[j];
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, counts, 3, MPIU_INT64, MPI_SUM, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, extremes, (int)(2 * nt), MPI_DOUBLE, MPI_MAX, comm));
  for (PetscInt j = 0; j < nt; j++) {
    tally->low[j]  = -extremes[2 * j];
    tally->high[j] = extremes[2 * j + 1];
  }
  tally->evaluations = counts[0];
  tally->steps       = counts[1];
  tally->solved      = counts[2];
  PetscFunctionReturn(0);
}

PetscErrorCode SnaInversionDescribe(SnaModel model, const SnaInversion *task, size_t size, char text[])
{
  const SnaModelInfo *info;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &info));
  text[0] = 0;
  for (PetscInt j = 0; j < task->ntarget; j++) {
    const double *target = task->target[j];
    char          one[192];

    PetscCall(PetscSNPrintf(one, sizeof(one), "%s%s=%.6g", j ? ", " : "", info->field[task->unknown[j]], target[0]));
    PetscCall(PetscStrlcat(text, one, size));
    if (target[0] == target[1]) continue;
    PetscCall(PetscSNPrintf(one, sizeof(one), ":%.6g", target[1]));
    PetscCall(PetscStrlcat(text, one, size));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode NoSolution(
  SnaModel model, const SnaInversion *task, const SnaInversionTally *tally, char message[SNA_MAX_MESSAGE])
{
  const SnaModelInfo *info;
  char                target[512], met[512] = "", one[192];

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &info));
  if (tally->low[0] > tally->high[0]) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "-invert: none of %" PetscInt64_FMT " points of the box of -invert_at lies in the model's domain; widen it",
      tally->evaluations));
    PetscFunctionReturn(0);
  }
  for (PetscInt j = 0; j < task->ntarget; j++) {
    const SnaInversion alone = {
      .ntarget = 1, .unknown = {task->unknown[j]}, .target = {{task->target[j][0], task->target[j][1]}}};
    const char *name = info->field[task->unknown[j]];

    if (task->target[j][1] < tally->low[j] || task->target[j][0] > tally->high[j]) {
      PetscCall(SnaInversionDescribe(model, &alone, sizeof(target), target));
      PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
        "-invert: %s is out of reach: %s lies between %.6g and %.6g at all %" PetscInt64_FMT
        " points tried; ask for a value between them, or widen the box of -invert_at",
        target, name, tally->low[j], tally->high[j], tally->evaluations));
      PetscFunctionReturn(0);
    }
    PetscCall(
      PetscSNPrintf(one, sizeof(one), "%s%s from %.6g to %.6g", j ? ", " : "", name, tally->low[j], tally->high[j]));
    PetscCall(PetscStrlcat(met, one, sizeof(met)));
  }
  PetscCall(SnaInversionDescribe(model, task, sizeof(target), target));
  PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
    "-invert: none of %" PetscInt_FMT
    " starts reached %s%s, though values of %s were met; %stry more -invert_starts, or %s",
    task->starts, target, task->ntarget > 1 ? " together" : "", met,
    task->ntarget > 1 ? "ask for values that occur together, " : "",
    task->ntarget > 1 ? "change the box of -invert_at" : "narrow the box with -invert_at"));
  PetscFunctionReturn(0);
}

static PetscErrorCode RunAll(
  MPI_Comm comm, SnaModel model, PetscInt nx, const SnaInversion *task, SnaEnsemble *e, char message[SNA_MAX_MESSAGE])
{
  SnaInversionTally pilot;
  PetscInt          first, n;
  PetscMPIInt       size, rank;
  PetscBool        *solved;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(SnaInversionProbe(comm, model, task, &e->tally));
  for (PetscInt j = 0; j < task->ntarget; j++) {
    const double range = PetscMax(e->tally.high[j], task->target[j][1]) - PetscMin(e->tally.low[j], task->target[j][0]);

    e->scale[j] = range > 0 && isfinite(range) ? range : 1;
  }
  if (task->starts > 16 * NPILOT) { // thousands of draws by each of a million starts would be long in vain
    pilot = e->tally;
    SnaSplit(NPILOT, size, rank, &first, &n);
    PetscCall(SnaInversionRunStarts(model, task, e->scale, first, n, 0, NULL, NULL, &pilot));
    e->tally.evaluations = pilot.evaluations;
    PetscCall(Reduce(comm, task->ntarget, &pilot));
    if (pilot.solved == 0) {
      PetscCall(NoSolution(model, task, &pilot, message));
      PetscFunctionReturn(0);
    }
  }
  SnaSplit(task->starts, size, rank, &first, &n);
  PetscCall(PetscMalloc1((size_t)n * (size_t)e->stride, &e->rows));
  PetscCall(PetscCalloc1(n, &solved));
  PetscCall(SnaInversionRunStarts(model, task, e->scale, first, n, e->stride, e->rows, solved, &e->tally));
  PetscCall(Reduce(comm, task->ntarget, &e->tally));
  if (e->tally.solved == 0)
    PetscCall(NoSolution(model, task, &e->tally, message));
  else
    PetscCall(Distinct(comm, nx, task, n, solved, e));
  PetscCall(PetscFree(solved));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaEnsembleCreate(
  MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaEnsemble *e, char message[SNA_MAX_MESSAGE])
{
  const SnaCoordinatesInfo *info;
  PetscBool                 reference, data, expansion;
  PetscLogDouble            t0, t1;

  PetscFunctionBeginUser;
  message[0] = 0;
  *e         = (SnaEnsemble){.column_truth = -1, .column_distance = -1};
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(SnaModelGetKnowledge(model, &reference, &data, &expansion));
  e->columns = 1 + info->n + task->ntarget * (info->n + 2);
  if (reference) {
    e->column_truth = e->columns;
    e->columns += task->ntarget;
  }
  if (data && !info->mapped) e->column_distance = e->columns++;
  e->stride = e->columns;
  for (PetscInt j = 0; j < task->ntarget; j++) {
    e->tally.low[j]  = INFINITY;
    e->tally.high[j] = -INFINITY;
  }
  PetscCallMPI(MPI_Barrier(comm)); // the time is that of the inversion, not of a rank that comes late
  PetscCall(PetscTime(&t0));
  PetscCall(RunAll(comm, model, info->n, task, e, message));
  PetscCall(PetscTime(&t1));
  e->seconds = t1 - t0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &e->seconds, 1, MPI_DOUBLE, MPI_MAX, comm));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaEnsembleDestroy(SnaEnsemble *e)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(e->rows));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaEnsembleJudge(SnaModel model, const SnaInversion *task, SnaEnsemble *e)
{
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  double                   *x[SNA_MAX_DIM], *memory, *out;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(PetscMalloc1((size_t)(info->n + 1) * BLOCK, &memory));
  for (PetscInt d = 0; d < info->n; d++) x[d] = memory + d * BLOCK;
  out = memory + info->n * BLOCK;
  for (PetscInt first = 0; first < e->nlocal; first += BLOCK) {
    const PetscInt n    = PetscMin(BLOCK, e->nlocal - first);
    double        *rows = e->rows + (size_t)first * (size_t)e->stride;

    for (PetscInt i = 0; i < n; i++)
      for (PetscInt d = 0; d < info->n; d++) x[d][i] = rows[i * e->stride + d];
    for (PetscInt j = 0; e->column_truth >= 0 && j < task->ntarget; j++) {
      PetscCall(SnaModelSamplePhysical(
        model, model_info->nunknown + task->unknown[j], n, (const double *const *)x, out, NULL, NULL));
      for (PetscInt i = 0; i < n; i++) rows[i * e->stride + e->column_truth + j] = out[i];
    }
    if (e->column_distance < 0) continue;
    PetscCall(SnaModelDistance(model, n, (const double *const *)x, out));
    for (PetscInt i = 0; i < n; i++) rows[i * e->stride + e->column_distance] = out[i];
  }
  PetscCall(PetscFree(memory));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaEnsembleGetSpread(
  MPI_Comm comm, SnaModel model, const SnaInversion *task, const SnaEnsemble *e, double *nearest)
{
  const SnaCoordinatesInfo *info;
  double                   *local, *point, sum = 0;
  PetscInt                  first, m, n        = PetscMin(NNEIGHBOUR, e->nlocal);

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(PetscMalloc1((size_t)n * (size_t)info->n, &local));
  for (PetscInt i = 0; i < n; i++)
    ScaleRow(info->n, task, e->rows + (size_t)i * (size_t)e->stride, local + i * info->n);
  PetscCall(Gather(comm, n, info->n, local, &first, &m, &point));
  m = PetscMin(NNEIGHBOUR, m);
  for (PetscInt i = 0; i < m; i++) {
    double least = INFINITY;

    for (PetscInt j = 0; j < m; j++) {
      double distance = 0;

      for (PetscInt d = 0; d < info->n; d++)
        distance +=
          (point[i * info->n + d] - point[j * info->n + d]) * (point[i * info->n + d] - point[j * info->n + d]);
      if (j != i) least = PetscMin(least, distance);
    }
    sum += sqrt(least);
  }
  *nearest = m > 1 ? sum / (double)m : 0;
  PetscCall(PetscFree(point));
  PetscCall(PetscFree(local));
  PetscFunctionReturn(0);
}

// Mean over the solutions of all ranks, added in their order.
static PetscErrorCode OrderedMean(MPI_Comm comm, PetscInt n, const double local[], double *mean)
{
  double  *all;
  PetscInt first, total;

  PetscFunctionBeginUser;
  PetscCall(Gather(comm, n, 1, local, &first, &total, &all));
  *mean = 0;
  for (PetscInt i = 0; i < total; i++) *mean += all[i] / (double)total;
  PetscCall(PetscFree(all));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaEnsembleGetMean(MPI_Comm comm, const SnaEnsemble *e, PetscInt column, double *mean)
{
  double *local;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(e->nlocal, &local));
  for (PetscInt i = 0; i < e->nlocal; i++) local[i] = e->rows[(size_t)i * (size_t)e->stride + (size_t)column];
  PetscCall(OrderedMean(comm, e->nlocal, local, mean));
  PetscCall(PetscFree(local));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaEnsembleGetRms(MPI_Comm comm, const SnaEnsemble *e, PetscInt a, PetscInt b, double *rms)
{
  double *local;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(e->nlocal, &local));
  for (PetscInt i = 0; i < e->nlocal; i++) {
    const double *row = e->rows + (size_t)i * (size_t)e->stride;

    local[i] = (row[a] - row[b]) * (row[a] - row[b]);
  }
  PetscCall(OrderedMean(comm, e->nlocal, local, rms));
  *rms = sqrt(*rms);
  PetscCall(PetscFree(local));
  PetscFunctionReturn(0);
}
