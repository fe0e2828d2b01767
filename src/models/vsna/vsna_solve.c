// vsna_solve.c - the sweep loop over replicas, history, restart state, results.
//
// A replica is one run of alternating least squares from its own seed. Each group of ranks (at most two workers) takes replicas group, group +
// ngroup, ...; the replica with the smallest objective is kept. The state written after any sweep continues to the same numbers.
#include "vsna.h"
#include <petsctime.h>

static PetscErrorCode AppendHistory(VsnaReplica *r, const SnaAlsState *s, double seconds)
{
  PetscFunctionBeginUser;
  if (r->nhistory == r->maxhistory) {
    r->maxhistory = PetscMax(256, 2 * r->maxhistory);
    PetscCall(PetscRealloc(sizeof(VsnaHistoryRow) * (size_t)r->maxhistory, &r->history));
  }
  r->history[r->nhistory++] =
    (VsnaHistoryRow){(double)s->total, (double)s->rank, (double)s->phase, s->residual, s->drop, s->step, seconds};
  PetscFunctionReturn(0);
}

// Gathers the iterate of the replica being solved into its record, and makes the field that Sample sees.
PetscErrorCode SnaModelUpdate_VSNA(SnaModel model)
{
  Vsna        *v = (Vsna *)model->data;
  VsnaReplica *r = &v->replica[v->current];
  SnaBasis     bases[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  if (v->als) {
    PetscCall(SnaAlsGetState(v->als, &r->state));
    for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(r->C[d]));
    PetscCall(SnaAlsGetFactors(v->als, r->C));
    r->valid = PETSC_TRUE;
  }
  for (PetscInt d = 0; d < v->nd; d++) bases[d] = v->dir[d].basis;
  PetscCall(SnaFieldDestroy(&v->field));
  PetscCall(SnaFieldCreateCP(v->nd, bases, r->state.rank, (const double *const *)r->C, &v->field));
  PetscFunctionReturn(0);
}

static PetscErrorCode SolveReplica(SnaModel model, PetscInt k, SnaSolveStatus *status)
{
  Vsna          *v       = (Vsna *)model->data;
  VsnaReplica   *r       = &v->replica[k];
  SnaAlsOptions  options = v->als_options;
  SnaAlsState    s;
  PetscBool      done = PETSC_FALSE, stop = PETSC_FALSE;
  PetscLogDouble t0, t1;

  PetscFunctionBeginUser;
  options.seed += (uint64_t)k;
  v->current = k;
  PetscCall(SnaAlsCreate(v->workers, v->lsq, &options, &v->als));
  if (r->valid) {
    PetscBool ok;
    PetscCall(SnaAlsSetState(v->als, &r->state, (const double *const *)r->C, &ok));
    PetscCheck(ok, v->workers, PETSC_ERR_ARG_WRONG, "restart state does not fit the ladder"); // refused by Read before
  }
  *status = SNA_SOLVE_CONVERGED;
  do {
    char         line[128];
    SnaIteration it = {.group = v->workers, .replica = k, .replicas = v->restarts, .what = "als", .line = line};
    PetscCall(PetscTime(&t0));
    PetscCall(SnaAlsStep(v->als, &done));
    PetscCall(SnaAlsGetState(v->als, &s));
    PetscCall(PetscTime(&t1));
    r->seconds += t1 - t0;
    PetscCall(AppendHistory(r, &s, r->seconds));
    if (s.failed) {
      *status = SNA_SOLVE_NOTCONVERGED;
      if (s.failed < 0)
        PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
          "vsna: sweep %" PetscInt_FMT
          " raised the objective and was undone: the local systems are not solved accurately; look at the options of "
          "the local solver (vsna: ksp_*, pc_*, tikhonov)\n",
          s.total));
      else
        PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
          "vsna: the local system of direction %s could not be solved in sweep %" PetscInt_FMT
          "; look at the options of the local solver (vsna: ksp_*, pc_*)\n",
          model->info.name[s.failed - 1], s.total));
    } else if (!done && s.total >= v->max_sweeps) {
      PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
        "vsna: %" PetscInt_FMT " sweeps ended before the ladder did; raise als: max_sweeps\n", s.total));
      *status = SNA_SOLVE_NOTCONVERGED;
      done    = PETSC_TRUE;
    }
    it.step = s.total;
    it.work = ((double)(k / v->ngroup) + s.work) / (double)((v->restarts - v->group + v->ngroup - 1) / v->ngroup);
    it.done = s.total;
    it.total =
      PetscMin(v->max_sweeps, (v->als_options.nrung - 1) * (options.enrich + options.sweeps) + options.final_sweeps);
    it.final = done;
    PetscCall(PetscSNPrintf(line, sizeof(line), "rank %" PetscInt_FMT "%s  res %.3e  drop %.2e", s.rank,
      s.phase == 0 ? " new" : "", s.residual, s.drop));
    if (model->monitor) PetscCall(model->monitor(model->monitor_ctx, model, &it, &stop));
    if (stop && !done) {
      *status = SNA_SOLVE_STOPPED;
      done    = PETSC_TRUE;
    }
  } while (!done);
  PetscCall(SnaModelUpdate_VSNA(model));
  PetscCall(SnaAlsDestroy(&v->als));
  PetscFunctionReturn(0);
}

// Every rank gets the factors and state of the replica with the smallest objective.
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
  for (PetscInt d = 0; d < v->nd; d++) {
    SnaBasisInfo b;
    PetscCall(SnaBasisGetInfo(v->dir[d].basis, &b));
    if (rank != winner.rank) {
      PetscCall(PetscFree(r->C[d]));
      PetscCall(PetscMalloc1(b.n * (size_t)r->state.rank, &r->C[d]));
    }
    PetscCallMPI(MPI_Bcast(r->C[d], (PetscMPIInt)(b.n * r->state.rank), MPI_DOUBLE, winner.rank, model->comm));
  }
  r->valid = PETSC_TRUE;
  PetscCall(SnaModelUpdate_VSNA(model));
  PetscFunctionReturn(0);
}

// Ranks without work sleep until the others are there, instead of spinning on cores that the others may need.
static PetscErrorCode WaitForAll(MPI_Comm comm)
{
  MPI_Request request;
  int         arrived = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Ibarrier(comm, &request));
  while (!arrived) {
    PetscCallMPI(MPI_Test(&request, &arrived, MPI_STATUS_IGNORE));
    if (!arrived) PetscCall(PetscSleep(1e-3));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSolve_VSNA(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  Vsna              *v     = (Vsna *)model->data;
  PetscInt           worst = SNA_SOLVE_CONVERGED, best_replica = v->group, parameters;
  double             best = PETSC_MAX_REAL;
  PetscMPIInt        size;
  const SnaAlsState *s;

  PetscFunctionBeginUser;
  for (PetscInt k = v->group; k < v->restarts && v->workers != MPI_COMM_NULL && worst != SNA_SOLVE_STOPPED;
       k += v->ngroup) {
    SnaSolveStatus one = SNA_SOLVE_CONVERGED;
    PetscCall(SolveReplica(model, k, &one));
    worst = PetscMax(worst, (PetscInt)one);
    if (v->replica[k].state.objective < best) {
      best         = v->replica[k].state.objective;
      best_replica = k;
    }
  }
  PetscCall(WaitForAll(model->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPIU_INT, MPI_MAX, model->comm));
  *status = (SnaSolveStatus)worst;
  PetscCall(KeepBest(model, best, best_replica));
  s = &v->replica[v->current].state;
  PetscCall(SnaFieldGetParameterCount(v->field, &parameters));
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCall(SnaResultsAdd(results, "residual", s->residual));
  PetscCall(SnaResultsAdd(results, "objective", s->objective));
  PetscCall(SnaResultsAdd(results, "rank", (double)s->rank));
  PetscCall(SnaResultsAdd(results, "parameters", (double)parameters));
  PetscCall(SnaResultsAdd(results, "sweeps", (double)s->total));
  PetscCall(SnaResultsAdd(results, "shifts", (double)s->shifts));
  if (v->restarts > 1) PetscCall(SnaResultsAdd(results, "best_restart", (double)v->current));
  PetscCall(SnaResultsAdd(results, "seconds", v->replica[v->current].seconds));
  PetscCall(SnaResultsAdd(results, "seconds_setup", v->setup_seconds));
  PetscCall(SnaResultsAdd(results, "ranks", (double)size));
  PetscFunctionReturn(0);
}

// The numbers of SnaAlsState that a file keeps; `work` and `rung` follow from the others.
typedef struct {
  const char *name;
  double      value;
} StateNumber;
#define NSTATE 10
static void StateToNumbers(const SnaAlsState *s, double seconds, StateNumber n[NSTATE])
{
  const StateNumber list[NSTATE] = {{"rank", (double)s->rank}, {"phase", (double)s->phase}, {"sweep", (double)s->sweep},
    {"total", (double)s->total}, {"objective", s->objective}, {"residual", s->residual}, {"drop", s->drop},
    {"step", s->step}, {"shifts", (double)s->shifts}, {"seconds", seconds}};
  for (PetscInt i = 0; i < NSTATE; i++) n[i] = list[i];
}

static void StateFromNumbers(const StateNumber n[NSTATE], SnaAlsState *s, double *seconds)
{
  s->rank      = (PetscInt)n[0].value;
  s->phase     = (PetscInt)n[1].value;
  s->sweep     = (PetscInt)n[2].value;
  s->total     = (PetscInt)n[3].value;
  s->objective = n[4].value;
  s->residual  = n[5].value;
  s->drop      = n[6].value;
  s->step      = n[7].value;
  s->shifts    = (PetscInt)n[8].value;
  *seconds     = n[9].value;
}

static const char *const history_columns[VSNA_HISTORY_COLUMNS] = {
  "sweep", "rank", "phase", "residual", "drop", "step", "seconds"};

PetscErrorCode SnaModelWrite_VSNA(SnaModel model, SnaFile file)
{
  Vsna        *v = (Vsna *)model->data;
  VsnaReplica *r = &v->replica[v->current];
  StateNumber  numbers[NSTATE];
  double      *column;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldWrite(v->field, file, "/field"));
  PetscCall(SnaFileWriteAttributeText(file, "/field", "unknown", v->unknown));
  StateToNumbers(&r->state, r->seconds, numbers);
  PetscCall(SnaFileWriteInts(file, "/state/replica", 1, &v->current));
  for (PetscInt i = 0; i < NSTATE; i++)
    PetscCall(SnaFileWriteAttributeReal(file, "/state", numbers[i].name, numbers[i].value));
  PetscCall(PetscMalloc1(PetscMax(1, r->nhistory), &column));
  for (PetscInt c = 0; c < VSNA_HISTORY_COLUMNS; c++) {
    char name[64];
    for (PetscInt i = 0; i < r->nhistory; i++) column[i] = ((const double *)&r->history[i])[c];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/history/%s", history_columns[c]));
    PetscCall(SnaFileWriteArray(file, name, 1, &r->nhistory, column));
  }
  PetscCall(PetscFree(column));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadHistory(SnaFile file, VsnaReplica *r)
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
    PetscCall(PetscSNPrintf(name, sizeof(name), "/history/%s", history_columns[c]));
    PetscCall(SnaFileReadArray(file, name, r->nhistory, column));
    for (PetscInt i = 0; i < r->nhistory; i++) ((double *)&r->history[i])[c] = column[i];
  }
  PetscCall(PetscFree(column));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelRead_VSNA(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  Vsna        *v = (Vsna *)model->data;
  VsnaReplica *r;
  PetscInt     k = -1;
  StateNumber  numbers[NSTATE];
  SnaAlsState  blank = {0};
  SnaBasis     bases[SNA_MAX_DIM];
  const char  *error;
  PetscBool    on_ladder = PETSC_FALSE;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  for (PetscInt d = 0; d < v->nd; d++) bases[d] = v->dir[d].basis;
  PetscCall(SnaFieldDestroy(&v->field));
  PetscCall(SnaFieldRead(file, "/field", v->nd, bases, &v->field));
  PetscCall(SnaFileReadInts(file, "/state/replica", 1, &k));
  StateToNumbers(&blank, 0, numbers);
  for (PetscInt i = 0; i < NSTATE; i++)
    PetscCall(SnaFileReadAttributeReal(file, "/state", numbers[i].name, &numbers[i].value));
  PetscCall(SnaFileGetError(file, &error));
  if (error) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
    PetscFunctionReturn(0);
  }
  if (k < 0 || k >= v->restarts) k = 0; // a finished run that kept one of several replicas goes on alone
  v->current = k;
  r          = &v->replica[k];
  StateFromNumbers(numbers, &r->state, &r->seconds);
  for (PetscInt i = 0; i < v->als_options.nrung; i++)
    on_ladder = (PetscBool)(on_ladder || v->als_options.rung[i] == r->state.rank);
  if (!on_ladder) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "the file stands at rank %" PetscInt_FMT ", which is not on the ladder up to rank %" PetscInt_FMT
      "; name it with -vsna_ladder %" PetscInt_FMT ",...",
      r->state.rank, v->als_options.rung[v->als_options.nrung - 1], r->state.rank));
    PetscFunctionReturn(0);
  }
  for (PetscInt d = 0; d < v->nd; d++) {
    SnaBasisInfo b;
    char         name[256];
    PetscCall(SnaBasisGetInfo(v->dir[d].basis, &b));
    PetscCall(PetscFree(r->C[d]));
    PetscCall(PetscMalloc1(b.n * (size_t)r->state.rank, &r->C[d]));
    PetscCall(PetscSNPrintf(name, sizeof(name), "/field/%s", b.name));
    PetscCall(SnaFileReadArray(file, name, b.n * r->state.rank, r->C[d]));
  }
  PetscCall(ReadHistory(file, r));
  PetscCall(SnaFileGetError(file, &error));
  if (error) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
    PetscFunctionReturn(0);
  }
  r->valid = PETSC_TRUE;
  *ok      = PETSC_TRUE;
  PetscFunctionReturn(0);
}
