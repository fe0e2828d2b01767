// microstructure_solve.c - making and labelling cells on all ranks.
//
// In rounds. The cells that are still to be made are dealt to the ranks like cards; each rank works through its own until the round's time is over. Then
// rank 0 gathers what is finished, all ranks learn of it, and the monitor is called: progress, checkpoint, stop. The next round deals anew, so that ranks
// that were slow get no more than the others. A round lasts 20 times as long as the slowest cell took, so that waiting for each other costs a few per cent.
// A signal ends the round at once on the rank that sees it, and a cell that is being solved is given up: it is made again from its number.
#include "microstructure.h"
#include <math.h>
#include <petsctime.h>
#include <string.h>

#define ROUND_SHORTEST 1.0 // seconds
#define ROUND_LONGEST  60.0
#define ROUND_CELLS    20.0

void MicroPack(const uint8_t octant[], size_t n, uint8_t bits[])
{
  memset(bits, 0, (n + 7) / 8);
  for (size_t i = 0; i < n; i++) bits[i / 8] = (uint8_t)(bits[i / 8] | octant[i] << i % 8);
}

void MicroUnpack(const uint8_t bits[], size_t n, uint8_t octant[])
{
  for (size_t i = 0; i < n; i++) octant[i] = bits[i / 8] >> i % 8 & 1;
}

// Whether this rank has been told to stop. Not collective.
static PetscErrorCode StopHere(const Micro *m, PetscBool *stop)
{
  const char *reason;

  PetscFunctionBeginUser;
  PetscCall(SnaStopRequested(PETSC_COMM_SELF, m->max_wall_time, stop, &reason));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// One cell
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode LabelMonitor(void *ctx, const SnaHomogIteration *it, PetscBool *stop)
{
  PetscFunctionBeginUser;
  (void)it;
  PetscCall(StopHere((const Micro *)ctx, stop));
  PetscFunctionReturn(0);
}

static void StoreLabel(const Micro *m, const SnaHomogResult *r, double row[])
{
  // Voigt indices in the order of the columns
  static const int entry[21][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}, {3, 3}, {4, 4}, {5, 5}, {0, 3},
    {0, 4}, {0, 5}, {1, 3}, {1, 4}, {1, 5}, {2, 3}, {2, 4}, {2, 5}, {3, 4}, {3, 5}, {4, 5}};
  const SnaTensor *e = &r->tensor[SNA_ELASTICITY], *s = &r->tensor[SNA_CONDUCTIVITY], *k = &r->tensor[SNA_PERMEABILITY];

  if (m->task.physics[SNA_ELASTICITY]) {
    for (int c = 0; c < 21; c++) row[MICRO_C + c] = e->value[entry[c][0]][entry[c][1]];
    SnaTensorChecks(e->value, &row[MICRO_ZEROS], &row[MICRO_TRIPLES]);
  }
  for (int a = 0; a < 3 && m->task.physics[SNA_CONDUCTIVITY]; a++) row[MICRO_SIGMA + a] = s->value[a][a];
  for (int a = 0; a < 3 && m->task.physics[SNA_PERMEABILITY]; a++) {
    row[MICRO_K_MEAN + a]   = k->mean[a][a];
    row[MICRO_K_WALL + a]   = k->value[a][a];
    row[MICRO_K_NOWALL + a] = k->open[a][a];
  }
  if (m->task.physics[SNA_PERMEABILITY])
    row[MICRO_K] = (row[MICRO_K_MEAN] + row[MICRO_K_MEAN + 1] + row[MICRO_K_MEAN + 2]) / 3;
  row[MICRO_CONVERGED] = 1;
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    if (!m->task.physics[p]) continue;
    row[MICRO_ITERATIONS + p] = (double)r->tensor[p].iterations;
    row[MICRO_ERROR + p]      = r->tensor[p].error;
    if (!r->tensor[p].converged) row[MICRO_CONVERGED] = 0;
  }
}

// On the whole cell; SnaHomogenize() finds its mirrors and solves one octant.
static PetscErrorCode LabelCell(Micro *m, const uint8_t octant[], double row[], PetscBool *complete)
{
  const PetscInt n[3] = {m->generator.n, m->generator.n, m->generator.n};
  const double   edge = 0.5 / (double)n[0], h[3] = {edge, edge, edge}; // the cell has the edge 1
  SnaVoxels      part, cell;
  SnaHomogResult result;

  PetscFunctionBeginUser;
  PetscCall(SnaVoxelsCreate(PETSC_COMM_SELF, n, h, &part));
  PetscCall(PetscArraycpy(part->phase, octant, (size_t)n[0] * (size_t)n[1] * (size_t)n[2]));
  PetscCall(SnaVoxelsFromOctant(part, &cell));
  PetscCall(SnaVoxelsDestroy(&part));
  PetscCall(SnaHomogenize(cell, &m->spec, &m->task, NULL, LabelMonitor, m, &result));
  PetscCall(SnaVoxelsDestroy(&cell));
  for (int p = 0; p < SNA_NPHYSICS; p++)
    if (m->task.physics[p] && result.tensor[p].stopped) *complete = PETSC_FALSE;
  StoreLabel(m, &result, row);
  PetscFunctionReturn(0);
}

PetscErrorCode MicroMakeCell(
  Micro *m, PetscInt cell, MicroState *state, double row[MICRO_COLUMNS], uint8_t octant[], PetscBool *complete)
{
  SnaGenerated g = {.verdict = SNA_NVERDICTS};
  PetscInt     attempt;

  PetscFunctionBeginUser;
  *complete = PETSC_TRUE;
  for (int c = 0; c < MICRO_COLUMNS; c++) row[c] = c < MICRO_SEED ? (double)NAN : 0;
  for (attempt = 0; attempt < m->attempts && *complete; attempt++) {
    PetscBool stop;
    PetscCall(SnaGenerate(&m->generator, (uint64_t)cell, (uint64_t)attempt, octant, &g));
    if (g.verdict == SNA_ACCEPTED) break;
    row[MICRO_REJECTED + g.verdict - 1]++;
    PetscCall(StopHere(m, &stop));
    if (stop) *complete = PETSC_FALSE;
  }
  *state             = g.verdict == SNA_ACCEPTED ? MICRO_MADE : MICRO_FAILED;
  row[MICRO_SEED]    = (double)m->generator.seed;
  row[MICRO_CELL]    = (double)cell;
  row[MICRO_ATTEMPT] = (double)attempt;
  row[MICRO_TARGET]  = g.target;
  if (*state == MICRO_FAILED) {
    PetscCall(PetscArrayzero(octant, (size_t)m->generator.n * (size_t)m->generator.n * (size_t)m->generator.n));
    PetscFunctionReturn(0);
  }
  row[MICRO_K0]       = g.k0;
  row[MICRO_W]        = g.w;
  row[MICRO_TAU]      = g.tau;
  row[MICRO_FILLED]   = (double)g.filled;
  row[MICRO_EULER]    = (double)g.euler;
  row[MICRO_FRACTION] = g.fraction;
  if (m->labels) PetscCall(LabelCell(m, octant, row, complete));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Rounds
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode AddFresh(Micro *m, PetscInt cell, MicroState state, const double row[], const uint8_t octant[])
{
  const size_t  size    = (size_t)m->generator.n * (size_t)m->generator.n * (size_t)m->generator.n;
  const int64_t head[2] = {cell, (int64_t)state};
  uint8_t      *at;

  PetscFunctionBeginUser;
  if (m->nfresh == m->maxfresh) {
    m->maxfresh = PetscMax(16, 2 * m->maxfresh);
    PetscCall(PetscRealloc(m->record * m->maxfresh, &m->fresh));
  }
  at = m->fresh + m->record * m->nfresh++;
  memcpy(at, head, sizeof(head));
  memcpy(at + sizeof(head), row, sizeof(double) * MICRO_COLUMNS);
  MicroPack(octant, size, at + sizeof(head) + sizeof(double) * MICRO_COLUMNS);
  PetscFunctionReturn(0);
}

// Rank 0 keeps a record.
static PetscErrorCode Keep(Micro *m, const uint8_t *at)
{
  int64_t head[2];

  PetscFunctionBeginUser;
  memcpy(head, at, sizeof(head));
  m->state[head[0]] = (uint8_t)head[1];
  memcpy(m->row + (size_t)head[0] * MICRO_COLUMNS, at + sizeof(head), sizeof(double) * MICRO_COLUMNS);
  if (!m->bits[head[0]]) PetscCall(PetscMalloc1(m->nbits, &m->bits[head[0]]));
  memcpy(m->bits[head[0]], at + sizeof(head) + sizeof(double) * MICRO_COLUMNS, m->nbits);
  PetscFunctionReturn(0);
}

static PetscErrorCode Gather(SnaModel model)
{
  Micro      *m = (Micro *)model->data;
  PetscMPIInt rank, size;
  uint8_t    *record;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  if (rank) {
    const int64_t count = (int64_t)m->nfresh;
    PetscCallMPI(MPI_Send(&count, 1, MPI_INT64_T, 0, 0, model->comm));
    for (size_t i = 0; i < m->nfresh; i++)
      PetscCallMPI(MPI_Send(m->fresh + i * m->record, (PetscMPIInt)m->record, MPI_BYTE, 0, 1, model->comm));
  } else {
    for (size_t i = 0; i < m->nfresh; i++) PetscCall(Keep(m, m->fresh + i * m->record));
    m->made += (PetscInt)m->nfresh;
    PetscCall(PetscMalloc1(m->record, &record));
    for (PetscMPIInt r = 1; r < size; r++) {
      int64_t count;
      PetscCallMPI(MPI_Recv(&count, 1, MPI_INT64_T, r, 0, model->comm, MPI_STATUS_IGNORE));
      for (int64_t i = 0; i < count; i++) {
        PetscCallMPI(MPI_Recv(record, (PetscMPIInt)m->record, MPI_BYTE, r, 1, model->comm, MPI_STATUS_IGNORE));
        PetscCall(Keep(m, record));
      }
      m->made += (PetscInt)count;
    }
    PetscCall(PetscFree(record));
  }
  m->nfresh = 0;
  PetscCallMPI(MPI_Bcast(m->state, (PetscMPIInt)m->cells, MPI_BYTE, 0, model->comm));
  PetscFunctionReturn(0);
}

// This rank's cells of the round. *longest: seconds of the slowest cell, not lowered.
static PetscErrorCode WorkRound(SnaModel model, double seconds, uint8_t octant[], double *longest)
{
  Micro         *m    = (Micro *)model->data;
  PetscInt       deal = 0;
  PetscMPIInt    rank, size;
  PetscLogDouble begin, t0, t1;
  double         row[MICRO_COLUMNS];

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCall(PetscTime(&begin));
  t1 = begin;
  for (PetscInt cell = 0; cell < m->cells && t1 - begin < seconds; cell++) {
    PetscBool  complete, stop;
    MicroState state;
    if (m->state[cell] != MICRO_OPEN || deal++ % size != rank) continue;
    t0 = t1;
    PetscCall(MicroMakeCell(m, cell, &state, row, octant, &complete));
    if (!complete) break;
    PetscCall(AddFresh(m, cell, state, row, octant));
    PetscCall(PetscTime(&t1));
    *longest = PetscMax(*longest, t1 - t0);
    PetscCall(StopHere(m, &stop));
    if (stop) break;
  }
  PetscFunctionReturn(0);
}

// Progress, checkpoint, stop.
static PetscErrorCode Tell(SnaModel model, PetscInt done, PetscBool *stop)
{
  Micro       *m = (Micro *)model->data;
  char         line[128];
  double       made = 0, candidates = 0;
  SnaIteration it = {
    .group = model->comm, .replicas = 1, .step = ++m->step, .line = line, .what = "cells", .done = done};

  PetscFunctionBeginUser;
  it.total = m->cells;
  it.work  = (double)done / (double)m->cells;
  it.final = (PetscBool)(done == m->cells);
  for (PetscInt i = 0; i < m->cells; i++) {
    if (m->state[i] == MICRO_OPEN) continue;
    made += m->state[i] == MICRO_MADE;
    candidates += m->row[(size_t)i * MICRO_COLUMNS + MICRO_ATTEMPT] + (m->state[i] == MICRO_MADE);
  }
  PetscCall(PetscSNPrintf(
    line, sizeof(line), "accepted %.1f %% of %.0f candidates", 100 * made / PetscMax(candidates, 1), candidates));
  if (model->monitor) PetscCall(model->monitor(model->monitor_ctx, model, &it, stop));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSolve_Microstructure(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  Micro         *m     = (Micro *)model->data;
  double         round = ROUND_SHORTEST, longest = 0;
  PetscInt       done = 0;
  PetscBool      stop = PETSC_FALSE;
  uint8_t       *octant;
  PetscLogDouble begin, end;

  PetscFunctionBeginUser;
  *status = SNA_SOLVE_CONVERGED;
  PetscCall(PetscTime(&begin));
  PetscCall(PetscMalloc1((size_t)m->generator.n * (size_t)m->generator.n * (size_t)m->generator.n, &octant));
  for (PetscInt i = 0; i < m->cells; i++) done += m->state[i] != MICRO_OPEN;
  while (done < m->cells && !stop) {
    PetscCall(WorkRound(model, round, octant, &longest));
    PetscCall(SnaWaitForAll(model->comm));
    PetscCall(Gather(model));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &longest, 1, MPI_DOUBLE, MPI_MAX, model->comm));
    round = PetscMin(ROUND_LONGEST, PetscMax(ROUND_SHORTEST, ROUND_CELLS * longest));
    done  = 0;
    for (PetscInt i = 0; i < m->cells; i++) done += m->state[i] != MICRO_OPEN;
    PetscCall(Tell(model, done, &stop));
  }
  PetscCall(PetscFree(octant));
  PetscCall(PetscTime(&end));
  m->seconds = end - begin;
  if (done < m->cells) {
    *status = SNA_SOLVE_STOPPED;
    PetscFunctionReturn(0);
  }
  PetscCallMPI(MPI_Bcast(&m->made, 1, MPIU_INT, 0, model->comm));
  PetscCallMPI(MPI_Bcast(m->row, (PetscMPIInt)(m->cells * MICRO_COLUMNS), MPI_DOUBLE, 0, model->comm));
  PetscCall(MicroAddResults(model, results, status));
  PetscFunctionReturn(0);
}
