// invert_newton.c - which inputs give this output: points x of a box with u(x) = y*, from value and gradient of any model.
//
// In coordinates s in [0,1]^n of the box (a fixed input has width 0), with g = du/ds, r = u - y*, minimum-norm Newton:
//
//   p = -r g / |g|^2,   |p| <= 1/2,   s <- clip(s + a p),   a = 1, 1/2, 1/4, ... until |r| falls
//
// where g counts no direction whose bound holds and into which p would push. Done at |r| <= rtol * scale, scale = range
// of u over a sample of the box and of the target. An interval of targets stands for its value nearest to u.
//
// A localised solution is flat nearly everywhere, and a start there leads nowhere. A start therefore draws points until
// the level set is one step away to first order, |r| <= |g|/2, and draws again when Newton fails; what that costs is
// counted. Draws are functions of the start's number, and starts do not see each other: the same on any number of ranks.
//
// Not here: a weight on the inputs (a prior), several outputs at once. The solutions are spread by their starts, not
// uniformly over the level set.
#include "app_impl.h"
#include <math.h>

#define LANES     256  // starts that advance together, one call of the model for all
#define REACH     0.5  // longest step, in widths of the box
#define SHORTEST  1e-6 // share of a step below which a run has failed
#define MAX_STEPS 40   // evaluations of one Newton run
#define MAX_DRAWS 4096 // points that one start may draw
#define MAX_TRIES 32   // Newton runs of one start
#define NPROBE    1024 // points that tell the range of u
#define SEED      0x1e7e15e7ULL

typedef struct {
  PetscInt  start, draws, tries, steps;
  PetscBool newton, solved, failed;
  double    s[SNA_MAX_DIM], p[SNA_MAX_DIM], trial[SNA_MAX_DIM]; // where it stands, its step, the point to evaluate next
  double best[SNA_MAX_DIM], distance; // the most promising point since the last Newton run, its distance to first order
  double residual, length;            // at s; the share a of the step
} Lane;

// The next point of a start; the last one is the best of those before.
static void Draw(PetscInt nd, Lane *l)
{
  const PetscBool last = (PetscBool)(++l->draws == MAX_DRAWS && isfinite(l->distance));

  l->newton = PETSC_FALSE;
  for (PetscInt d = 0; d < nd; d++)
    l->trial[d] =
      last ? l->best[d] : SnaRandomUniform(SEED, (uint64_t)d, (uint64_t)l->start * MAX_DRAWS + (uint64_t)l->draws);
}

static void GiveUp(PetscInt nd, Lane *l)
{
  l->distance = INFINITY;
  if (l->tries < MAX_TRIES && l->draws < MAX_DRAWS)
    Draw(nd, l);
  else
    l->failed = PETSC_TRUE;
}

static void Begin(PetscInt nd, PetscInt start, Lane *l)
{
  l->start = start;
  l->draws = l->tries = l->steps = 0;
  l->solved = l->failed = PETSC_FALSE;
  l->distance           = INFINITY;
  Draw(nd, l);
}

// Makes p the step from s; false where no direction is left that could lower |r|.
static PetscBool SetStep(PetscInt nd, const double g[], Lane *l)
{
  const double r  = l->residual;
  double       gg = 0, norm;

  for (PetscInt d = 0; d < nd; d++) {
    const double p    = -r * g[d];
    PetscBool    held = (PetscBool)((l->s[d] <= 0 && p < 0) || (l->s[d] >= 1 && p > 0));

    l->p[d] = held ? 0 : p;
    gg += held ? 0 : g[d] * g[d];
  }
  if (!(gg > 0)) return PETSC_FALSE;
  norm = fabs(r) / sqrt(gg);
  for (PetscInt d = 0; d < nd; d++) l->p[d] *= norm > REACH ? REACH / (norm * gg) : 1 / gg;
  return PETSC_TRUE;
}

// Takes residual r and gradient g at the trial point and chooses the next one.
static void Advance(PetscInt nd, double tolerance, double r, const double g[], Lane *l)
{
  PetscBool stuck = PETSC_FALSE;

  if (l->newton)
    l->steps++;
  else {
    double distance = 0;

    for (PetscInt d = 0; d < nd; d++) distance += g[d] * g[d];
    distance = fabs(r) / sqrt(distance);
    if (!(distance <= REACH || fabs(r) <= tolerance || l->draws == MAX_DRAWS)) {
      if (distance < l->distance) {
        l->distance = distance;
        for (PetscInt d = 0; d < nd; d++) l->best[d] = l->trial[d];
      }
      Draw(nd, l);
      return;
    }
    l->newton = PETSC_TRUE;
    l->tries++;
    l->steps    = 0;
    l->residual = INFINITY;
  }
  if (fabs(r) < fabs(l->residual)) {
    l->residual = r;
    l->length   = 1;
    for (PetscInt d = 0; d < nd; d++) l->s[d] = l->trial[d];
    l->solved = (PetscBool)(fabs(r) <= tolerance);
    if (l->solved) return;
    stuck = (PetscBool)!SetStep(nd, g, l);
  } else {
    l->length /= 2;
    stuck = (PetscBool)(l->steps == 0 || l->length < SHORTEST);
  }
  if (stuck || l->steps >= MAX_STEPS) {
    GiveUp(nd, l);
    return;
  }
  for (PetscInt d = 0; d < nd; d++) l->trial[d] = PetscMax(0, PetscMin(1, l->s[d] + l->length * l->p[d]));
}

static double Physical(const SnaInversion *task, PetscInt d, double s)
{
  return PetscMin(task->hi[d], task->lo[d] + (task->hi[d] - task->lo[d]) * s);
}

PetscErrorCode SnaInversionRunStarts(SnaModel model, const SnaInversion *task, double tolerance, PetscInt first,
  PetscInt n, double rows[], PetscBool solved[], SnaInversionTally *tally)
{
  const SnaCoordinatesInfo *info;
  PetscInt                  nd, next = 0, active = 0;
  double                   *x[SNA_MAX_DIM], *grad[SNA_MAX_DIM], *u;
  Lane                     *lane;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetCoordinates(model, &info));
  nd = info->n;
  PetscCall(PetscMalloc2(LANES, &lane, LANES, &u));
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscMalloc2(LANES, &x[d], LANES, &grad[d]));
  for (;;) {
    while (active < LANES && next < n) Begin(nd, first + next++, &lane[active++]);
    if (active == 0) break;
    for (PetscInt i = 0; i < active; i++)
      for (PetscInt d = 0; d < nd; d++) x[d][i] = Physical(task, d, lane[i].trial[d]);
    PetscCall(SnaModelSamplePhysical(model, 0, active, (const double *const *)x, u, grad, NULL));
    tally->evaluations += active;
    for (PetscInt i = active - 1; i >= 0; i--) { // backwards: a lane that moves here has had its turn
      const double r = u[i] - PetscMax(task->target[0], PetscMin(task->target[1], u[i]));
      double       g[SNA_MAX_DIM];

      for (PetscInt d = 0; d < nd; d++) g[d] = (task->hi[d] - task->lo[d]) * grad[d][i];
      tally->low  = u[i] < tally->low ? u[i] : tally->low;
      tally->high = u[i] > tally->high ? u[i] : tally->high;
      Advance(nd, tolerance, r, g, &lane[i]);
      if (lane[i].solved) {
        tally->solved++;
        tally->steps += lane[i].steps;
        if (rows) {
          double *row = rows + (size_t)(lane[i].start - first) * (size_t)(2 * nd + 3);

          for (PetscInt d = 0; d < nd; d++) {
            row[d]          = x[d][i];
            row[nd + 1 + d] = grad[d][i];
          }
          row[nd]                       = u[i];
          row[2 * nd + 1]               = r;
          row[2 * nd + 2]               = (double)lane[i].steps;
          solved[lane[i].start - first] = PETSC_TRUE;
        }
      }
      if (lane[i].solved || lane[i].failed) lane[i] = lane[--active];
    }
  }
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscFree2(x[d], grad[d]));
  PetscCall(PetscFree2(lane, u));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaInversionProbe(MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaInversionTally *tally)
{
  const SnaCoordinatesInfo *info;
  PetscInt                  first, n;
  PetscMPIInt               size, rank;
  double                   *x[SNA_MAX_DIM], *u;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(SnaModelGetCoordinates(model, &info));
  first = NPROBE * rank / size;
  n     = NPROBE * (rank + 1) / size - first;
  PetscCall(PetscMalloc1(n, &u));
  for (PetscInt d = 0; d < info->n; d++) {
    PetscCall(PetscMalloc1(n, &x[d]));
    for (PetscInt i = 0; i < n; i++)
      x[d][i] = Physical(task, d, SnaRandomUniform(SEED + 1, (uint64_t)d, (uint64_t)(first + i)));
  }
  PetscCall(SnaModelSamplePhysical(model, 0, n, (const double *const *)x, u, NULL, NULL));
  for (PetscInt i = 0; i < n; i++) {
    tally->low  = u[i] < tally->low ? u[i] : tally->low;
    tally->high = u[i] > tally->high ? u[i] : tally->high;
  }
  tally->evaluations += n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &tally->low, 1, MPI_DOUBLE, MPI_MIN, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &tally->high, 1, MPI_DOUBLE, MPI_MAX, comm));
  for (PetscInt d = 0; d < info->n; d++) PetscCall(PetscFree(x[d]));
  PetscCall(PetscFree(u));
  PetscFunctionReturn(0);
}
