// vsna_solve.c - the sweep loop over replicas, history, files; what does not depend on the format of the field.
//
// A replica is one run of the format's solver from its own seed. Each group of ranks (at most two workers) takes replicas group, group +
// ngroup, ...; the replica with the smallest objective is kept. The state written after any sweep continues to the same numbers.
#include "vsna.h"
#include <petsctime.h>

static PetscErrorCode AppendHistory(VsnaReplica *r, const VsnaHistoryRow *row)
{
  PetscFunctionBeginUser;
  if (r->nhistory == r->maxhistory) {
    r->maxhistory = PetscMax(256, 2 * r->maxhistory);
    PetscCall(PetscRealloc(sizeof(VsnaHistoryRow) * (size_t)r->maxhistory, &r->history));
  }
  r->history[r->nhistory++] = *row;
  PetscFunctionReturn(0);
}

// Gathers the iterate of the replica being solved into its record, which Sample then sees.
PetscErrorCode SnaModelUpdate_VSNA(SnaModel model)
{
  Vsna        *v = (Vsna *)model->data;
  VsnaReplica *r = &v->replica[v->current];

  PetscFunctionBeginUser;
  if (v->als || v->tt_als || v->newton) PetscCall(v->format->getfield(model, r));
  v->field       = r->field;
  v->field_level = r->level;
  PetscFunctionReturn(0);
}

static PetscErrorCode SolveReplica(SnaModel model, PetscInt k, SnaSolveStatus *status)
{
  Vsna          *v    = (Vsna *)model->data;
  VsnaReplica   *r    = &v->replica[k];
  PetscBool      done = PETSC_FALSE, stop = PETSC_FALSE;
  PetscLogDouble t0, t1;
  double         setup = v->setup_seconds; // levels made on the way count as set-up

  PetscFunctionBeginUser;
  v->current = k;
  *status    = SNA_SOLVE_CONVERGED;
  PetscCall(PetscTime(&t0));
  PetscCall(v->format->create(model, k));
  do {
    char           line[512];
    VsnaHistoryRow row;
    SnaIteration   it = {
        .group = v->workers, .replica = k, .replicas = v->restarts, .what = v->format->what, .line = line};
    PetscCall(v->format->step(model, r, &row, &it, sizeof(line), line, &done, status));
    PetscCall(PetscTime(&t1));
    r->seconds += t1 - t0 - (v->setup_seconds - setup);
    setup                                = v->setup_seconds;
    row.column[VSNA_HISTORY_COLUMNS - 1] = r->seconds;
    PetscCall(AppendHistory(r, &row));
    it.work  = ((double)(k / v->ngroup) + it.work) / (double)((v->restarts - v->group + v->ngroup - 1) / v->ngroup);
    it.final = done;
    if (model->monitor) PetscCall(model->monitor(model->monitor_ctx, model, &it, &stop));
    if (stop && !done) {
      *status = SNA_SOLVE_STOPPED;
      done    = PETSC_TRUE;
    }
    PetscCall(PetscTime(&t0));
  } while (!done);
  PetscCall(SnaModelUpdate_VSNA(model));
  PetscCall(v->format->destroy(v));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The best replica on every rank
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode BroadcastCP(MPI_Comm comm, PetscMPIInt root, const VsnaLevel *level, PetscInt nd, SnaField *field)
{
  double     *C[SNA_MAX_DIM];
  PetscInt    rank = 0;
  PetscMPIInt me;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &me));
  if (me == root) PetscCall(SnaFieldGetCP(*field, &rank, C));
  PetscCallMPI(MPI_Bcast(&rank, 1, MPIU_INT, root, comm));
  for (PetscInt d = 0; d < nd; d++) {
    SnaBasisInfo b;
    PetscCall(SnaBasisGetInfo(level->tt.bases[d], &b));
    if (me != root) PetscCall(PetscMalloc1(b.n * (size_t)rank, &C[d]));
    PetscCallMPI(MPI_Bcast(C[d], (PetscMPIInt)(b.n * rank), MPI_DOUBLE, root, comm));
  }
  if (me != root) {
    PetscCall(SnaFieldDestroy(field));
    PetscCall(SnaFieldCreateCP(nd, level->tt.bases, rank, (const double *const *)C, field));
  }
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscFree(C[d]));
  PetscFunctionReturn(0);
}

static PetscErrorCode BroadcastTT(MPI_Comm comm, PetscMPIInt root, const VsnaLevel *level, PetscInt nd, SnaField *field)
{
  SnaTt       tt                    = NULL;
  PetscInt    sizes[SNA_MAX_DIM][4] = {{0}}; // direction, functions, mode rank, rank of the cut behind
  PetscBool   has_leaf[SNA_MAX_DIM] = {PETSC_FALSE};
  PetscInt    dir[SNA_MAX_DIM], n[SNA_MAX_DIM], m[SNA_MAX_DIM], r[SNA_MAX_DIM + 1];
  PetscMPIInt me;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &me));
  if (me == root) {
    PetscCall(SnaFieldGetTT(*field, &tt));
    for (PetscInt k = 0; k < nd; k++) {
      sizes[k][0] = tt->dir[k];
      sizes[k][1] = tt->n[k];
      sizes[k][2] = tt->m[k];
      sizes[k][3] = tt->r[k + 1];
      has_leaf[k] = (PetscBool)(tt->leaf[k] != NULL);
    }
  }
  PetscCallMPI(MPI_Bcast(sizes, (PetscMPIInt)(4 * nd), MPIU_INT, root, comm));
  PetscCallMPI(MPI_Bcast(has_leaf, (PetscMPIInt)nd, MPIU_BOOL, root, comm));
  r[0] = 1;
  for (PetscInt k = 0; k < nd; k++) {
    dir[k]   = sizes[k][0];
    n[k]     = sizes[k][1];
    m[k]     = sizes[k][2];
    r[k + 1] = sizes[k][3];
  }
  if (me != root) PetscCall(SnaTtCreate(nd, dir, n, m, r, has_leaf, &tt));
  for (PetscInt k = 0; k < nd; k++) {
    if (has_leaf[k]) PetscCallMPI(MPI_Bcast(tt->leaf[k], (PetscMPIInt)(n[k] * m[k]), MPI_DOUBLE, root, comm));
    PetscCallMPI(MPI_Bcast(tt->core[k], (PetscMPIInt)(r[k] * m[k] * r[k + 1]), MPI_DOUBLE, root, comm));
  }
  if (me != root) {
    PetscCall(SnaFieldDestroy(field));
    PetscCall(SnaFieldCreateTT(nd, level->tt.bases, tt, field));
    PetscCall(SnaTtDestroy(&tt));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaFieldBroadcast(SnaModel model, PetscMPIInt root, SnaField *field, const VsnaLevel **level)
{
  Vsna       *v                  = (Vsna *)model->data;
  PetscInt    cells[SNA_MAX_DIM] = {0};
  PetscBool   cp                 = PETSC_FALSE;
  PetscMPIInt me;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(model->comm, &me));
  if (me == root) {
    const char *format;
    PetscCall(SnaFieldGetFormat(*field, &format));
    PetscCall(PetscStrcmp(format, "cp", &cp));
    PetscCall(PetscArraycpy(cells, (*level)->tt.cells, v->nd));
  }
  PetscCallMPI(MPI_Bcast(&cp, 1, MPIU_BOOL, root, model->comm));
  PetscCallMPI(MPI_Bcast(cells, (PetscMPIInt)v->nd, MPIU_INT, root, model->comm));
  PetscCall(VsnaGetLevel(model, NULL, cells, level));
  PetscCheck(*level, PETSC_COMM_SELF, PETSC_ERR_PLIB, "a level that rank %d has: %s", root, v->level_error);
  if (cp)
    PetscCall(BroadcastCP(model->comm, root, *level, v->nd, field));
  else
    PetscCall(BroadcastTT(model->comm, root, *level, v->nd, field));
  PetscFunctionReturn(0);
}

// Every rank gets the field and state of the replica with the smallest objective.
static PetscErrorCode KeepBest(SnaModel model, double best, PetscInt best_replica)
{
  Vsna       *v = (Vsna *)model->data;
  PetscMPIInt rank;
  struct {
    double value;
    int    rank;
  } mine, winner;
  VsnaReplica *r;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  mine.value = best;
  mine.rank  = rank;
  PetscCallMPI(MPI_Allreduce(&mine, &winner, 1, MPI_DOUBLE_INT, MPI_MINLOC, model->comm));
  PetscCallMPI(MPI_Bcast(&best_replica, 1, MPIU_INT, winner.rank, model->comm));
  v->current = best_replica;
  r          = &v->replica[best_replica];
  PetscCallMPI(MPI_Bcast(&r->state, (PetscMPIInt)sizeof(r->state), MPI_BYTE, winner.rank, model->comm));
  PetscCallMPI(MPI_Bcast(&r->seconds, 1, MPI_DOUBLE, winner.rank, model->comm));
  PetscCallMPI(MPI_Bcast(&r->nhistory, 1, MPIU_INT, winner.rank, model->comm));
  if (r->maxhistory < r->nhistory) {
    r->maxhistory = r->nhistory;
    PetscCall(PetscRealloc(sizeof(VsnaHistoryRow) * (size_t)r->maxhistory, &r->history));
  }
  PetscCallMPI(
    MPI_Bcast(r->history, (PetscMPIInt)(r->nhistory * VSNA_HISTORY_COLUMNS), MPI_DOUBLE, winner.rank, model->comm));
  PetscCall(VsnaFieldBroadcast(model, winner.rank, &r->field, &r->level));
  r->valid = PETSC_TRUE;
  PetscCall(SnaModelUpdate_VSNA(model));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSolve_VSNA(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  Vsna        *v     = (Vsna *)model->data;
  PetscInt     worst = SNA_SOLVE_CONVERGED, best_replica = v->group;
  double       best = PETSC_MAX_REAL;
  PetscMPIInt  size;
  VsnaReplica *r;

  PetscFunctionBeginUser;
  for (PetscInt k = v->group; k < v->restarts && v->workers != MPI_COMM_NULL && worst != SNA_SOLVE_STOPPED;
       k += v->ngroup) {
    SnaSolveStatus one = SNA_SOLVE_CONVERGED;
    PetscCall(SolveReplica(model, k, &one));
    worst = PetscMax(worst, (PetscInt)one);
    if (v->format->objective(&v->replica[k]) < best) {
      best         = v->format->objective(&v->replica[k]);
      best_replica = k;
    }
  }
  PetscCall(SnaWaitForAll(model->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPIU_INT, MPI_MAX, model->comm));
  *status = (SnaSolveStatus)worst;
  PetscCall(KeepBest(model, best, best_replica));
  r = &v->replica[v->current];
  if (*status != SNA_SOLVE_STOPPED) PetscCall(VsnaConvert(model));
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCall(v->format->results(model, r, results, status));
  if (v->restarts > 1) PetscCall(SnaResultsAdd(results, "best_restart", (double)v->current));
  PetscCall(SnaResultsAdd(results, "seconds", r->seconds + v->convert_seconds));
  if (v->converted) PetscCall(SnaResultsAdd(results, "seconds_convert", v->convert_seconds));
  PetscCall(SnaResultsAdd(results, "seconds_setup", v->setup_seconds));
  PetscCall(SnaResultsAdd(results, "ranks", (double)size));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
//
//   /field            what sample sees               /state           replica, seconds, the format's numbers
//   /history/<name>   one number per sweep           /state/field     the solver's iterate, where /field was converted from it
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaModelWrite_VSNA(SnaModel model, SnaFile file)
{
  Vsna        *v = (Vsna *)model->data;
  VsnaReplica *r = &v->replica[v->current];
  double      *column;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldWrite(v->field, file, "/field"));
  PetscCall(SnaFileWriteAttributeText(file, "/field", "unknown", v->unknown));
  PetscCall(SnaFileWriteInts(file, "/state/replica", 1, &v->current));
  PetscCall(SnaFileWriteAttributeReal(file, "/state", "seconds", r->seconds));
  PetscCall(v->format->write(v, r, file));
  if (v->field != r->field) PetscCall(SnaFieldWrite(r->field, file, "/state/field"));
  PetscCall(PetscMalloc1(PetscMax(1, r->nhistory), &column));
  for (PetscInt c = 0; c < VSNA_HISTORY_COLUMNS; c++) {
    char name[64];
    for (PetscInt i = 0; i < r->nhistory; i++) column[i] = r->history[i].column[c];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/history/%s", v->format->history_column[c]));
    PetscCall(SnaFileWriteArray(file, name, 1, &r->nhistory, column));
  }
  PetscCall(PetscFree(column));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadHistory(SnaFile file, const VsnaFormat *format, VsnaReplica *r)
{
  PetscInt dims[4] = {0};
  int      ndim;
  double  *column;

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadArraySize(file, "/history/sweep", &ndim, dims));
  r->nhistory = r->maxhistory = dims[0];
  PetscCall(PetscFree(r->history));
  PetscCall(PetscCalloc1(PetscMax(1, r->nhistory), &r->history));
  PetscCall(PetscCalloc1(PetscMax(1, r->nhistory), &column));
  for (PetscInt c = 0; c < VSNA_HISTORY_COLUMNS; c++) {
    char name[64];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/history/%s", format->history_column[c]));
    PetscCall(SnaFileReadArray(file, name, r->nhistory, column));
    for (PetscInt i = 0; i < r->nhistory; i++) r->history[i].column[c] = column[i];
  }
  PetscCall(PetscFree(column));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaCheckRank(SnaField field, PetscInt nd, PetscInt rank, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  PetscInt R;
  double  *C[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetCP(field, &R, C));
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscFree(C[d]));
  *ok = (PetscBool)(R == rank);
  if (!*ok)
    PetscCall(PetscSNPrintf(
      message, SNA_MAX_MESSAGE, "the file's field has rank %" PetscInt_FMT ", its state rank %" PetscInt_FMT, R, rank));
  PetscFunctionReturn(0);
}

// The sticky error of the file, or else a field of the wrong format.
static PetscErrorCode CheckRead(
  SnaFile file, const VsnaFormat *format, SnaField field, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  const char *error, *name;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  PetscCall(SnaFileGetError(file, &error));
  if (error) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaFieldGetFormat(field, &name));
  PetscCall(PetscStrcmp(name, format->name, ok));
  if (!*ok)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "the file holds a field of format %s, the deck asks for vsna: {format: %s}", name, format->name));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelRead_VSNA(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  Vsna            *v = (Vsna *)model->data;
  VsnaReplica     *r;
  PetscInt         k       = -1;
  double           seconds = 0;
  const VsnaLevel *level;
  const char      *error;
  PetscBool        converted = PETSC_FALSE;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  PetscCall(SnaFileReadInts(file, "/state/replica", 1, &k));
  PetscCall(SnaFileReadAttributeReal(file, "/state", "seconds", &seconds));
  PetscCall(SnaFileHas(file, "/state/field", &converted));
  PetscCall(SnaFileGetError(file, &error));
  if (error) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
    PetscFunctionReturn(0);
  }
  if (k < 0 || k >= v->restarts) k = 0; // a finished run that kept one of several replicas goes on alone
  v->current = k;
  r          = &v->replica[k];
  PetscCall(v->format->read(model, file, r, &level, message));
  if (!level) PetscFunctionReturn(0);
  r->level   = level;
  r->seconds = seconds;
  PetscCall(SnaFieldDestroy(&r->field));
  PetscCall(SnaFieldDestroy(&v->converted));
  PetscCall(SnaFieldRead(file, converted ? "/state/field" : "/field", v->nd, level->tt.bases, &r->field));
  PetscCall(ReadHistory(file, v->format, r));
  if (converted) PetscCall(SnaFieldRead(file, "/field", v->nd, level->tt.bases, &v->converted));
  PetscCall(CheckRead(file, v->format, r->field, ok, message));
  if (*ok && v->format->checkread) PetscCall(v->format->checkread(model, r, ok, message));
  v->field       = converted ? v->converted : r->field;
  v->field_level = level;
  r->valid       = *ok;
  PetscFunctionReturn(0);
}
