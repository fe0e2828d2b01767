// invert_newton.c - which inputs give these outputs: points x of a box with u_j(x) = y_j, j < k, from values and gradients of any model.
//
// In coordinates s in [0,1]^n of the box (a fixed input has width 0), with residuals r_j = (u_j - y_j) / scale_j and J = dr/ds, minimum-norm Newton:
//
//   p = -J^T (J J^T)^-1 r,   |p| <= 1/2,   s <- clip(s + a p),   a = 1, 1/2, 1/4, ... until |r| falls
//
// where J counts no direction whose bound holds and into which p would push (found by repetition; for k = 1 the sign of -r g tells at once). Done at |r| <= rtol;
// scale_j: range of u_j over a sample of the box and of the target. J J^T gets 1e-13 of its trace on the diagonal and is factored as L D L^T. An interval of
// targets stands for its value nearest to u, and for nothing while u is inside.
//
// A localised solution is flat nearly everywhere, and a start there leads nowhere. A start therefore draws points until the level set is one step away to first
// order, |p| <= 1/2, and draws again when Newton fails; what that costs is counted. Draws are functions of the start's number, and starts do not see each
// other: the same on any number of ranks.
//
// Starts advance side by side in lanes. All arithmetic goes over the lanes of one direction (structure of arrays, whole vectors); a lane that is done takes the
// next start. Not here: solutions that are uniform over the level set; they are spread by their starts.
#include "app_impl.h"
#include <math.h>

#define LANES     64    // starts that advance together, one call of the model for all
#define VECTOR    8     // loops over lanes go to the next multiple: every lane is computed by the same instructions
#define REACH     0.5   // longest step, in widths of the box
#define DAMPING   1e-13 // of the trace of J J^T
#define SHORTEST  1e-6  // share of a step below which a run has failed
#define MAX_STEPS 40    // evaluations of one Newton run
#define MAX_DRAWS 4096  // points that one start may draw
#define MAX_TRIES 32    // Newton runs of one start
#define NPROBE    128   // points that tell the range of u
#define SEED      UINT64_C(0x1e7e15e7)

typedef enum { GOES_ON, DRAWS, SOLVED, FAILED } Event;

// Pointers to arrays of LANES numbers.
typedef struct {
  SnaModel            model;
  const SnaInversion *task;
  PetscInt            nx, nt;
  double              width[SNA_MAX_DIM], weight[SNA_MAX_UNKNOWNS]; // of the box; 1 / scale
  double             *memory;
  double *s[SNA_MAX_DIM], *step[SNA_MAX_DIM], *trial[SNA_MAX_DIM]; // where it stands, its step, the point to evaluate
  double *x[SNA_MAX_DIM], *best[SNA_MAX_DIM]; // trial in units; the most promising point since the last Newton run
  double *p[SNA_MAX_DIM];                     // the step from trial
  double *u[SNA_MAX_UNKNOWNS], *grad[SNA_MAX_UNKNOWNS][SNA_MAX_DIM], *r[SNA_MAX_UNKNOWNS], *c[SNA_MAX_UNKNOWNS];
  double *g[SNA_MAX_UNKNOWNS][SNA_MAX_DIM], *a[SNA_MAX_UNKNOWNS][SNA_MAX_UNKNOWNS]; // J, lower half of J J^T
  double *norm, *reach;                                                             // |r|^2 and |p|^2 at trial
  double *residual, *length, *take,
    *share;                    // |r|^2 at s; a; 1 where trial is the new s, else 0; how much of p to go at most
  double   *distance;          // |p|^2 at best
  double   *pool[SNA_MAX_DIM]; // first points of the starts from pool_first on
  PetscInt  pool_first, first, next, end; // starts: the pool's, the batch's, that to begin next, one behind the last
  PetscInt  start[LANES], draws[LANES], tries[LANES], steps[LANES];
  PetscBool newton[LANES];
} Batch;

// ---------------------------------------------------------------------------------------------------------------------
// Points to start from
// ---------------------------------------------------------------------------------------------------------------------
// Draw number `draw` of n starts, in coordinates of the box. Points of the data that lie outside of it are moved to its nearest.
static PetscErrorCode DrawPoints(Batch *b, PetscInt draw, PetscInt start, PetscInt n, double *const point[])
{
  const SnaInversion *task = b->task;
  double              unused[LANES];

  PetscFunctionBeginUser;
  if (!task->prior) {
    for (PetscInt d = 0; d < b->nx; d += 2)
      SnaRandomUniformPairs(SEED, (uint64_t)(draw * SNA_MAX_DIM + d / 2), (uint64_t)start, n, point[d],
        d + 1 < b->nx ? point[d + 1] : unused);
    PetscFunctionReturn(0);
  }
  PetscCall(SnaModelDraw(b->model, SEED + (uint64_t)draw, start, n, point));
  for (PetscInt d = 0; d < b->nx; d++)
    for (PetscInt i = 0; i < n; i++)
      point[d][i] = b->width[d] > 0 ? PetscMax(0, PetscMin(1, (point[d][i] - task->lo[d]) / b->width[d])) : 0.5;
  PetscFunctionReturn(0);
}

// The next point of a start; the last one is the best of those before.
static PetscErrorCode DrawNext(Batch *b, PetscInt i)
{
  double *point[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  b->newton[i] = PETSC_FALSE;
  if (++b->draws[i] == MAX_DRAWS && isfinite(b->distance[i])) {
    for (PetscInt d = 0; d < b->nx; d++) b->trial[d][i] = b->best[d][i];
    PetscFunctionReturn(0);
  }
  for (PetscInt d = 0; d < b->nx; d++) point[d] = b->trial[d] + i;
  PetscCall(DrawPoints(b, b->draws[i], b->start[i], 1, point));
  PetscFunctionReturn(0);
}

// Puts the next start into lane i; *begun is false where none is left.
static PetscErrorCode Begin(Batch *b, PetscInt i, PetscBool *begun)
{
  PetscFunctionBeginUser;
  *begun = (PetscBool)(b->next < b->end);
  if (!*begun) PetscFunctionReturn(0);
  if (b->next - b->pool_first == LANES || b->next == b->first) {
    b->pool_first = b->next;
    PetscCall(DrawPoints(b, 1, b->next, PetscMin(LANES, b->end - b->next), b->pool));
  }
  for (PetscInt d = 0; d < b->nx; d++) b->trial[d][i] = b->pool[d][b->next - b->pool_first];
  b->start[i] = b->next++;
  b->draws[i] = 1;
  b->tries[i] = b->steps[i] = 0;
  b->newton[i]              = PETSC_FALSE;
  b->distance[i]            = INFINITY;
  PetscFunctionReturn(0);
}

// Takes the last of n lanes into lane i.
static void MoveLane(Batch *b, PetscInt n, PetscInt i)
{
  const PetscInt last = n - 1;

  for (PetscInt d = 0; d < b->nx; d++) {
    b->s[d][i]     = b->s[d][last];
    b->step[d][i]  = b->step[d][last];
    b->trial[d][i] = b->trial[d][last];
    b->best[d][i]  = b->best[d][last];
  }
  b->residual[i] = b->residual[last];
  b->length[i]   = b->length[last];
  b->distance[i] = b->distance[last];
  b->start[i]    = b->start[last];
  b->draws[i]    = b->draws[last];
  b->tries[i]    = b->tries[last];
  b->steps[i]    = b->steps[last];
  b->newton[i]   = b->newton[last];
}

// ---------------------------------------------------------------------------------------------------------------------
// Newton's step of all lanes; n is a multiple of VECTOR
// ---------------------------------------------------------------------------------------------------------------------
static double Nearest(const double target[2], double u)
{
  return u < target[0] ? target[0] : u > target[1] ? target[1] : u;
}

// r, |r|^2, and J in coordinates of the box. Without a miss an interval asks for nothing.
static void Residuals(Batch *b, PetscInt n)
{
  double *restrict norm = b->norm;

  for (PetscInt i = 0; i < n; i++) norm[i] = 0;
  for (PetscInt j = 0; j < b->nt; j++) {
    const double  target[2] = {b->task->target[j][0], b->task->target[j][1]}, weight = b->weight[j];
    const double *u          = b->u[j];
    double *restrict r       = b->r[j];
    const PetscBool interval = (PetscBool)(target[0] < target[1]);

    for (PetscInt i = 0; i < n; i++) {
      const double miss = weight * (u[i] - Nearest(target, u[i]));

      r[i] = miss;
      norm[i] += miss * miss;
    }
    for (PetscInt d = 0; d < b->nx; d++) {
      const double  factor = weight * b->width[d];
      const double *grad = b->grad[j][d], *trial = b->trial[d];
      double *restrict g = b->g[j][d];

      for (PetscInt i = 0; i < n; i++) g[i] = factor * grad[i];
      if (interval)
        for (PetscInt i = 0; i < n; i++) g[i] = r[i] == 0 ? 0 : g[i];
      if (b->nt > 1) continue;
      for (PetscInt i = 0; i < n; i++) {
        const double p    = -r[i] * g[i];
        const int    held = ((trial[i] <= 0) & (p < 0)) | ((trial[i] >= 1) & (p > 0));

        g[i] = held ? 0 : g[i];
      }
    }
  }
}

// (J J^T + damping) c = r by L D L^T: D stays on the diagonal of a, L below it.
static void SolveNormal(Batch *b, PetscInt n)
{
  for (PetscInt j = 0; j < b->nt; j++) {
    double *restrict cj = b->c[j], *restrict diagonal = b->a[j][j];

    for (PetscInt i = 0; i < n; i++) cj[i] = b->r[j][i];
    for (PetscInt l = 0; l < j; l++) {
      double *restrict ajl = b->a[j][l];

      for (PetscInt m = 0; m < l; m++) {
        const double *ajm = b->a[j][m], *llm = b->a[l][m]; // of row j not yet divided by D

        for (PetscInt i = 0; i < n; i++) ajl[i] -= ajm[i] * llm[i];
      }
    }
    for (PetscInt l = 0; l < j; l++) {
      double *restrict ajl = b->a[j][l];
      const double *dl = b->a[l][l], *cl = b->c[l];

      for (PetscInt i = 0; i < n; i++) {
        const double factor = ajl[i] / dl[i];

        diagonal[i] -= ajl[i] * factor;
        cj[i] -= factor * cl[i];
        ajl[i] = factor;
      }
    }
  }
  for (PetscInt j = b->nt - 1; j >= 0; j--) {
    double *restrict cj = b->c[j];
    const double *dj    = b->a[j][j];

    for (PetscInt i = 0; i < n; i++) cj[i] /= dj[i];
    for (PetscInt l = j + 1; l < b->nt; l++) {
      const double *llj = b->a[l][j], *cl = b->c[l];

      for (PetscInt i = 0; i < n; i++) cj[i] -= llj[i] * cl[i];
    }
  }
}

// J J^T, lower half, with its damping.
static void NormalMatrix(Batch *b, PetscInt n)
{
  double trace[LANES];

  for (PetscInt j = 0; j < b->nt; j++)
    for (PetscInt l = 0; l <= j; l++) {
      double *restrict a = b->a[j][l];

      for (PetscInt i = 0; i < n; i++) a[i] = 0;
      for (PetscInt d = 0; d < b->nx; d++) {
        const double *gj = b->g[j][d], *gl = b->g[l][d];

        for (PetscInt i = 0; i < n; i++) a[i] += gj[i] * gl[i];
      }
    }
  for (PetscInt i = 0; i < n; i++) trace[i] = 0;
  for (PetscInt j = 0; j < b->nt; j++)
    for (PetscInt i = 0; i < n; i++) trace[i] += b->a[j][j][i];
  for (PetscInt j = 0; j < b->nt; j++) {
    double *restrict a = b->a[j][j];

    for (PetscInt i = 0; i < n; i++) a[i] += DAMPING * trace[i];
  }
}

// p and |p|^2.
static void StepFromTrial(Batch *b, PetscInt n)
{
  double *restrict reach = b->reach;

  for (PetscInt i = 0; i < n; i++) reach[i] = 0;
  for (PetscInt d = 0; d < b->nx; d++) {
    double *restrict p = b->p[d];

    for (PetscInt i = 0; i < n; i++) p[i] = -b->g[0][d][i] * b->c[0][i];
    for (PetscInt j = 1; j < b->nt; j++) {
      const double *g = b->g[j][d], *c = b->c[j];

      for (PetscInt i = 0; i < n; i++) p[i] -= g[i] * c[i];
    }
    for (PetscInt i = 0; i < n; i++) reach[i] += p[i] * p[i];
  }
}

// Takes directions out of J whose bound holds and into which p pushes; TRUE where there are any.
static PetscBool Hold(Batch *b, PetscInt n)
{
  int any = 0;

  for (PetscInt d = 0; d < b->nx; d++) {
    const double *p = b->p[d], *trial = b->trial[d];
    double        kept[LANES];

    for (PetscInt i = 0; i < n; i++) {
      const int held = ((trial[i] <= 0) & (p[i] < 0)) | ((trial[i] >= 1) & (p[i] > 0));

      any |= held;
      kept[i] = held ? 0 : 1;
    }
    for (PetscInt j = 0; j < b->nt; j++) {
      double *restrict g = b->g[j][d];

      for (PetscInt i = 0; i < n; i++) g[i] *= kept[i];
    }
  }
  return (PetscBool)any;
}

static void Steps(Batch *b, PetscInt n)
{
  Residuals(b, n);
  for (PetscInt pass = 0; pass <= b->nx; pass++) {
    NormalMatrix(b, n);
    SolveNormal(b, n);
    StepFromTrial(b, n);
    if (b->nt == 1 || !Hold(b, n)) break;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What becomes of a lane
// ---------------------------------------------------------------------------------------------------------------------
static Event Decide(Batch *b, PetscInt i)
{
  const double tolerance = b->task->rtol * b->task->rtol, norm = b->norm[i], reach = b->reach[i];
  PetscBool    stuck;

  b->take[i] = 0;
  if (b->newton[i])
    b->steps[i]++;
  else {
    if (!(reach <= REACH * REACH || norm <= tolerance || b->draws[i] == MAX_DRAWS)) {
      if (reach < b->distance[i]) {
        b->distance[i] = reach;
        for (PetscInt d = 0; d < b->nx; d++) b->best[d][i] = b->trial[d][i];
      }
      return DRAWS;
    }
    b->newton[i] = PETSC_TRUE;
    b->tries[i]++;
    b->steps[i]    = 0;
    b->residual[i] = INFINITY;
  }
  if (norm <= tolerance) return SOLVED;
  if (norm < b->residual[i]) {
    b->take[i]     = 1;
    b->residual[i] = norm;
    b->length[i]   = 1;
    stuck          = (PetscBool)!isfinite(reach); // no direction is left that could lower |r|
    b->share[i]    = reach > REACH * REACH ? REACH / sqrt(reach) : 1;
  } else {
    b->length[i] /= 2;
    stuck = (PetscBool)(b->steps[i] == 0 || b->length[i] < SHORTEST);
  }
  if (!stuck && b->steps[i] < MAX_STEPS) return GOES_ON;
  b->distance[i] = INFINITY;
  return b->tries[i] < MAX_TRIES && b->draws[i] < MAX_DRAWS ? DRAWS : FAILED;
}

// Accepts the trial points that lower |r| with their steps, and sets the next trial points. Sums of products and loops of their own where choices
// between entries would keep the compiler from vector instructions.
static void Advance(Batch *b, PetscInt n)
{
  const double *restrict take = b->take, *restrict length = b->length, *restrict share = b->share;

  for (PetscInt d = 0; d < b->nx; d++) {
    double *restrict s = b->s[d], *restrict step = b->step[d], *restrict trial = b->trial[d];
    const double *restrict p = b->p[d];

    for (PetscInt i = 0; i < n; i++) {
      const double full = share[i] * p[i], after = fabs(full) <= REACH ? full : 0; // not a number where |p| is none

      s[i]    = take[i] * trial[i] + (1 - take[i]) * s[i];
      step[i] = take[i] * after + (1 - take[i]) * step[i];
    }
    for (PetscInt i = 0; i < n; i++) {
      const double next = s[i] + length[i] * step[i], below = next < 1 ? next : 1;

      trial[i] = below > 0 ? below : 0;
    }
  }
}

static void StoreRow(const Batch *b, PetscInt i, double row[])
{
  const PetscInt nx = b->nx, nt = b->nt;

  for (PetscInt d = 0; d < nx; d++) row[d] = b->x[d][i];
  for (PetscInt j = 0; j < nt; j++) {
    row[nx + j] = b->u[j][i];
    for (PetscInt d = 0; d < nx; d++) row[nx + nt + j * nx + d] = b->grad[j][d][i];
    row[nx + nt + nt * nx + j] = b->u[j][i] - Nearest(b->task->target[j], b->u[j][i]);
  }
  row[nx + 2 * nt + nt * nx] = (double)b->steps[i];
}

static PetscErrorCode Evaluate(Batch *b, PetscInt active, PetscInt n, SnaInversionTally *tally)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < b->nx; d++) {
    const double lo = b->task->lo[d], hi = b->task->hi[d], width = b->width[d], *trial = b->trial[d];
    double *restrict x = b->x[d];

    for (PetscInt i = 0; i < n; i++) {
      const double inside = lo + width * trial[i];

      x[i] = inside < hi ? inside : hi;
    }
  }
  for (PetscInt j = 0; j < b->nt; j++) {
    const double *u   = b->u[j];
    double        low = tally->low[j], high = tally->high[j];

    PetscCall(SnaModelSamplePhysical(
      b->model, b->task->unknown[j], active, (const double *const *)b->x, b->u[j], b->grad[j], NULL));
    for (PetscInt i = 0; i < active; i++) {
      low  = u[i] < low ? u[i] : low;
      high = u[i] > high ? u[i] : high;
    }
    tally->low[j]  = low;
    tally->high[j] = high;
  }
  tally->evaluations += active;
  PetscFunctionReturn(0);
}

static PetscErrorCode BatchCreate(SnaModel model, const SnaInversion *task, const double scale[], Batch **batch)
{
  const SnaCoordinatesInfo *info;
  Batch                    *b;
  PetscInt                  nx, nt;
  double                   *next;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(PetscNew(&b));
  *batch   = b;
  b->model = model;
  b->task  = task;
  b->nx = nx = info->n;
  b->nt = nt = task->ntarget;
  PetscCall(PetscCalloc1((size_t)LANES * (size_t)(7 * nx + 3 * nt + 2 * nt * nx + nt * (nt + 1) / 2 + 7), &b->memory));
  next = b->memory;
  for (PetscInt d = 0; d < nx; d++) {
    double **const arrays[] = {&b->s[d], &b->step[d], &b->trial[d], &b->x[d], &b->best[d], &b->p[d], &b->pool[d]};

    b->width[d] = task->hi[d] - task->lo[d];
    for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(arrays); k++, next += LANES) *arrays[k] = next;
    for (PetscInt j = 0; j < nt; j++, next += 2 * LANES) {
      b->grad[j][d] = next;
      b->g[j][d]    = next + LANES;
    }
  }
  for (PetscInt j = 0; j < nt; j++) {
    double **const arrays[] = {&b->u[j], &b->r[j], &b->c[j]};

    b->weight[j] = 1 / scale[j];
    for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(arrays); k++, next += LANES) *arrays[k] = next;
    for (PetscInt l = 0; l <= j; l++, next += LANES) b->a[j][l] = next;
  }
  {
    double **const arrays[] = {&b->norm, &b->reach, &b->residual, &b->length, &b->take, &b->share, &b->distance};

    for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(arrays); k++, next += LANES) *arrays[k] = next;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaInversionRunStarts(SnaModel model, const SnaInversion *task, const double scale[], PetscInt first,
  PetscInt n, PetscInt stride, double rows[], PetscBool solved[], SnaInversionTally *tally)
{
  Batch    *b      = NULL;
  PetscInt  active = 0, lane[LANES];
  Event     event[LANES];
  PetscBool begun = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(BatchCreate(model, task, scale, &b));
  b->first = b->next = first;
  b->end             = first + n;
  while (begun && active < LANES) {
    PetscCall(Begin(b, active, &begun));
    active += begun ? 1 : 0;
  }
  while (active > 0) {
    const PetscInt vectors = (active + VECTOR - 1) / VECTOR * VECTOR;
    PetscInt       nevents = 0;

    PetscCall(Evaluate(b, active, vectors, tally));
    Steps(b, vectors);
    for (PetscInt i = active - 1; i >= 0; i--) { // backwards: a lane that moves has had its turn
      event[nevents] = Decide(b, i);
      lane[nevents]  = i;
      nevents += event[nevents] != GOES_ON;
    }
    Advance(b, vectors);
    for (PetscInt k = 0; k < nevents; k++) {
      const PetscInt i = lane[k], at = b->start[i] - first;

      if (event[k] == DRAWS) {
        PetscCall(DrawNext(b, i));
        continue;
      }
      if (event[k] == SOLVED) {
        tally->solved++;
        tally->steps += b->steps[i];
        if (rows) {
          StoreRow(b, i, rows + (size_t)at * (size_t)stride);
          solved[at] = PETSC_TRUE;
        }
      }
      PetscCall(Begin(b, i, &begun));
      if (!begun) MoveLane(b, active--, i);
    }
  }
  PetscCall(PetscFree(b->memory));
  PetscCall(PetscFree(b));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaInversionProbe(MPI_Comm comm, SnaModel model, const SnaInversion *task, SnaInversionTally *tally)
{
  const SnaCoordinatesInfo *info;
  PetscInt                  first, n;
  PetscMPIInt               size, rank;
  double                   *x[SNA_MAX_DIM + 1], *memory, *u, extremes[2 * SNA_MAX_UNKNOWNS];

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(SnaModelGetCoordinates(model, &info));
  SnaSplit(NPROBE, size, rank, &first, &n);
  PetscCall(PetscMalloc1((size_t)(info->n + 2) * NPROBE, &memory));
  for (PetscInt d = 0; d <= info->n; d++) x[d] = memory + d * NPROBE;
  u = memory + (info->n + 1) * NPROBE;
  for (PetscInt d = 0; d < info->n; d += 2) // of an odd number of directions the last pair has one in vain
    SnaRandomUniformPairs(SEED + 1, (uint64_t)(d / 2), (uint64_t)first, n, x[d], x[d + 1]);
  for (PetscInt d = 0; d < info->n; d++)
    for (PetscInt i = 0; i < n; i++)
      x[d][i] = PetscMin(task->hi[d], task->lo[d] + (task->hi[d] - task->lo[d]) * x[d][i]);
  for (PetscInt j = 0; j < task->ntarget; j++) {
    PetscCall(SnaModelSamplePhysical(model, task->unknown[j], n, (const double *const *)x, u, NULL, NULL));
    extremes[2 * j] = extremes[2 * j + 1] = -INFINITY;
    for (PetscInt i = 0; i < n; i++) {
      extremes[2 * j]     = -u[i] > extremes[2 * j] ? -u[i] : extremes[2 * j];
      extremes[2 * j + 1] = u[i] > extremes[2 * j + 1] ? u[i] : extremes[2 * j + 1];
    }
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, extremes, (int)(2 * task->ntarget), MPI_DOUBLE, MPI_MAX, comm));
  for (PetscInt j = 0; j < task->ntarget; j++) {
    tally->low[j]  = PetscMin(tally->low[j], -extremes[2 * j]);
    tally->high[j] = PetscMax(tally->high[j], extremes[2 * j + 1]);
  }
  tally->evaluations += n;
  PetscCall(PetscFree(memory));
  PetscFunctionReturn(0);
}
