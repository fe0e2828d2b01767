// np: 1 2 3 timeout: 60
// Inversion of a model in closed form: on the level set, in the box, one and two targets, intervals, fixed inputs, starts from the data, the shortest way,
// what cannot be reached, keys that contradict each other; the same rows on any number of ranks.
#include "app/app_impl.h"
#include "models/model_impl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define Ok(call) assert_int_equal((int)(call), 0)
#define HOLDS(text, part)                                                                                              \
  do {                                                                                                                 \
    if (!strstr(text, part)) fail_msg("`%s` is not in: %s", part, text);                                               \
  } while (0)

static void near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

// ---------------------------------------------------------------------------------------------------------------------
// x, y, z in [-1,1] x [-1,1] x [0,2]:
//   ball = x^2 + y^2 + (z-1)^2     twist = x y + (z-1)     slope = x + 2 y - z     peak = exp(-200 ball)
// ---------------------------------------------------------------------------------------------------------------------
enum { ND = 3, BALL = 0, TWIST, SLOPE, PEAK, NUNKNOWN };
static const double lo[ND] = {-1, -1, 0}, hi[ND] = {1, 1, 2};

static PetscErrorCode Sample(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  (void)model;
  for (PetscInt i = 0; i < n; i++) {
    const double a = x[0][i], b = x[1][i], c = x[2][i] - 1;
    double       g[ND];

    if (k == BALL) {
      u[i] = a * a + b * b + c * c;
      g[0] = 2 * a;
      g[1] = 2 * b;
      g[2] = 2 * c;
    } else if (k == TWIST) {
      u[i] = a * b + c;
      g[0] = b;
      g[1] = a;
      g[2] = 1;
    } else if (k == SLOPE) {
      u[i] = a + 2 * b - x[2][i];
      g[0] = 1;
      g[1] = 2;
      g[2] = -1;
    } else {
      u[i] = exp(-200 * (a * a + b * b + c * c)); // one of 10,000 points of the box has a value above 0.1
      g[0] = -400 * a * u[i];
      g[1] = -400 * b * u[i];
      g[2] = -400 * c * u[i];
    }
    for (int d = 0; d < ND && grad; d++) grad[d][i] = g[d];
  }
  return 0;
}

static PetscErrorCode Truth(SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[])
{
  Ok(Sample(model, k, n, x, u, NULL));
  for (PetscInt i = 0; i < n; i++) u[i] += k == BALL ? 0.01 : -0.02;
  return 0;
}

static PetscErrorCode Distance(SnaModel model, PetscInt n, const double *const x[], double distance[])
{
  (void)model;
  for (PetscInt i = 0; i < n; i++) distance[i] = fabs(x[0][i]) + 2 * fabs(x[1][i]);
  return 0;
}

// Data around (0.3, 0.2, 1.4).
static PetscErrorCode Draw(SnaModel model, uint64_t seed, PetscInt first, PetscInt n, double *const x[])
{
  static const double centre[ND] = {0.3, 0.2, 1.4};

  (void)model;
  for (PetscInt i = 0; i < n; i++)
    for (int d = 0; d < ND; d++) x[d][i] = centre[d] + 0.1 * SnaRandomUniform(seed, (uint64_t)d, (uint64_t)(first + i));
  return 0;
}

// width numbers per point: x + t y at t = 0, 1, ...
static PetscErrorCode Expand(SnaModel model, PetscInt n, const double *const x[], PetscInt width, double out[])
{
  (void)model;
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt t = 0; t < width; t++) out[i * width + t] = x[0][i] + (double)t * x[1][i];
  return 0;
}

typedef struct {
  struct SnaModel_ model;
  SnaDeck          deck;
} Case;

static Case CaseOf(const char text[])
{
  char             program[] = "test", *argv[] = {program, NULL};
  const char      *title[SNA_MAX_TABLES];
  const SnaOption *table[SNA_MAX_TABLES];
  const int        n    = SnaAppGetTables(title, table);
  Case             c    = {.model = {.comm = PETSC_COMM_WORLD, .ops = {.sample = Sample}}};
  SnaModelInfo    *info = &c.model.info;

  Ok(SnaDeckCreateFromText(PETSC_COMM_WORLD, "test.deck", text, 1, argv, &c.deck));
  for (int i = 0; i < n; i++) Ok(SnaDeckAddOptions(c.deck, title[i], table[i]));
  Ok(SnaDeckSetUpConstants(c.deck));
  info->nd = ND;
  for (int d = 0; d < ND; d++) {
    static const char *const name[] = {"x", "y", "z"};

    info->name[d] = name[d];
    info->lo[d]   = lo[d];
    info->hi[d]   = hi[d];
  }
  info->nunknown = info->nfield = NUNKNOWN;
  info->field[BALL]             = "ball";
  info->field[TWIST]            = "twist";
  info->field[SLOPE]            = "slope";
  info->field[PEAK]             = "peak";
  Ok(SnaModelReadCoordinates_Private(&c.model, c.deck));
  return c;
}

// Truth, data and signals too.
static void Learn(Case *c)
{
  c->model.ops.reference = Truth;
  c->model.ops.distance  = Distance;
  c->model.ops.draw      = Draw;
  c->model.info.nfield   = 3 * NUNKNOWN;
}

static void CaseDestroy(Case *c)
{
  Ok(SnaCoordinatesDestroy(&c->model.coordinates));
  Ok(SnaDeckDestroy(&c->deck));
}

static SnaInversion TaskOf(Case *c)
{
  SnaInversion task;
  PetscBool    wanted;
  PetscInt     errors;

  memset(&task, 0, sizeof(task));
  Ok(SnaInversionSetFromOptions(c->deck, &c->model, "stem", &wanted, &task));
  Ok(SnaDeckGetErrorCount(c->deck, &errors));
  assert_int_equal(errors, 0);
  assert_true(wanted);
  return task;
}

static SnaEnsemble Solve(Case *c, const SnaInversion *task, MPI_Comm comm)
{
  SnaEnsemble e;
  char        message[SNA_MAX_MESSAGE];

  Ok(SnaEnsembleCreate(comm, &c->model, task, &e, message));
  assert_string_equal(message, "");
  Ok(SnaEnsembleJudge(&c->model, task, &e));
  return e;
}

// Values, gradients and residuals of all rows against the formulas; inside the box, on the targets to rtol of the range.
static void CheckRows(Case *c, const SnaInversion *task, const SnaEnsemble *e)
{
  const PetscInt nt = task->ntarget;

  for (PetscInt i = 0; i < e->nlocal; i++) {
    const double *row = e->rows + i * e->stride, *at[ND] = {row, row + 1, row + 2};

    for (int d = 0; d < ND; d++) assert_true(row[d] >= task->lo[d] && row[d] <= task->hi[d]);
    for (PetscInt j = 0; j < nt; j++) {
      double        u, g[ND], nearest;
      double *const grad[ND] = {g, g + 1, g + 2};

      Ok(Sample(&c->model, task->unknown[j], 1, at, &u, grad));
      near(row[ND + j], u, 1e-15);
      for (int d = 0; d < ND; d++) near(row[ND + nt + j * ND + d], g[d], 1e-15);
      nearest = fmin(task->target[j][1], fmax(task->target[j][0], u));
      near(row[ND + nt + nt * ND + j], u - nearest, 1e-15);
      near(u, nearest, task->rtol * e->scale[j]);
    }
  }
}

// Central differences of the model at the rows, with a step that truncation and round-off share.
static void CheckDifferences(Case *c, const SnaInversion *task, const SnaEnsemble *e)
{
  const double h = 1e-5;

  for (PetscInt i = 0; i < PetscMin(20, e->nlocal); i++)
    for (PetscInt j = 0; j < task->ntarget; j++)
      for (int d = 0; d < ND; d++) {
        double       *row   = e->rows + i * e->stride, there[2], u[2], move[ND][2];
        const double *x[ND] = {move[0], move[1], move[2]};

        for (int k = 0; k < ND; k++) move[k][0] = move[k][1] = PetscMax(lo[k] + h, PetscMin(hi[k] - h, row[k]));
        there[0]   = move[d][0] - h;
        there[1]   = move[d][0] + h;
        move[d][0] = there[0];
        move[d][1] = there[1];
        Ok(SnaModelSamplePhysical(&c->model, task->unknown[j], 2, x, u, NULL, NULL));
        near(row[ND + task->ntarget + j * ND + d], (u[1] - u[0]) / (2 * h), 1e-4);
      }
}

static void test_one(void **state)
{
  Case         c    = CaseOf("---\ninvert: ball=0.25\ninvert_starts: 2000\n");
  SnaInversion task = TaskOf(&c);
  SnaEnsemble  e    = Solve(&c, &task, PETSC_COMM_WORLD), alone;
  PetscMPIInt  rank;
  PetscInt     before = 0;

  (void)state;
  assert_int_equal(task.ntarget, 1);
  assert_int_equal(e.tally.solved, 2000);
  assert_int_equal(e.total, 2000);
  assert_int_equal(e.columns, 1 + ND + ND + 2);
  CheckRows(&c, &task, &e);
  CheckDifferences(&c, &task, &e);
  assert_true((double)e.tally.steps / 2000 < 5);
  // the same on one rank
  Ok(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  alone = Solve(&c, &task, PETSC_COMM_SELF);
  assert_int_equal(alone.total, e.total);
  Ok(MPI_Exscan(&e.nlocal, &before, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  assert_memory_equal(
    e.rows, alone.rows + (rank ? before : 0) * e.stride, (size_t)e.nlocal * (size_t)e.stride * sizeof(double));
  Ok(SnaEnsembleDestroy(&alone));
  Ok(SnaEnsembleDestroy(&e));
  CaseDestroy(&c);
}

// Of the second box the curve crosses a corner alone: bounds hold on the way to it.
static void test_two(void **state)
{
  static const char *const deck[] = {"---\ninvert: \"twist=0.2, ball=0.5\"\ninvert_starts: 300\n",
    "---\ninvert: \"twist=0.2, ball=0.5\"\ninvert_starts: 300\ninvert_at: \"x=-0.2:1, y=-0.6752:0\"\n"};

  (void)state;
  for (int k = 0; k < 2; k++) {
    Case         c    = CaseOf(deck[k]);
    SnaInversion task = TaskOf(&c);
    SnaEnsemble  e    = Solve(&c, &task, PETSC_COMM_WORLD);

    assert_int_equal(task.ntarget, 2);
    assert_true(task.unknown[0] == TWIST && task.unknown[1] == BALL);
    assert_true(task.target[1][0] == 0.5 && task.target[1][1] == 0.5);
    assert_true(e.tally.solved >= 295);
    assert_true((double)e.tally.steps / (double)e.tally.solved < 7);
    CheckRows(&c, &task, &e);
    CheckDifferences(&c, &task, &e);
    Ok(SnaEnsembleDestroy(&e));
    CaseDestroy(&c);
  }
}

// A circle and a hyperbola: x^2 + y^2 = 1/2, x y = 1/5, hence (x+y)^2 = 9/10 and (x-y)^2 = 1/10.
static void test_isolated(void **state)
{
  Case c = CaseOf("---\ninvert: \"ball=1/2, twist=1/5\"\ninvert_starts: 200\ninvert_at: z=1\ninvert_rtol: 1e-10\n");
  SnaInversion task = TaskOf(&c);
  SnaEnsemble  e    = Solve(&c, &task, PETSC_COMM_WORLD);

  (void)state;
  assert_int_equal(e.total, 4);
  assert_true(e.tally.solved >= 195);
  CheckRows(&c, &task, &e);
  for (PetscInt i = 0; i < e.nlocal; i++) {
    const double *row = e.rows + i * e.stride;

    near(fabs(row[0] + row[1]), sqrt(0.9), 1e-9);
    near(fabs(row[0] - row[1]), sqrt(0.1), 1e-9);
    assert_true(row[2] == 1);
  }
  Ok(SnaEnsembleDestroy(&e));
  CaseDestroy(&c);
}

static void test_intervals(void **state)
{
  Case         c         = CaseOf("---\ninvert: \"ball=0.5:0.6, twist=0.2:0.4\"\ninvert_starts: 400\n");
  SnaInversion task      = TaskOf(&c);
  SnaEnsemble  e         = Solve(&c, &task, PETSC_COMM_WORLD);
  PetscInt     inside[3] = {0};

  (void)state;
  assert_true(e.tally.solved >= 395);
  CheckRows(&c, &task, &e);
  for (PetscInt i = 0; i < e.nlocal; i++) {
    const double *residual = e.rows + i * e.stride + ND + 2 + 2 * ND;

    inside[0] += residual[0] == 0;
    inside[1] += residual[1] == 0;
    inside[2] += residual[0] == 0 && residual[1] == 0;
  }
  Ok(MPI_Allreduce(MPI_IN_PLACE, inside, 3, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  // those that begin inside one of the intervals are not drawn to its ends
  assert_true(inside[0] > 40 && inside[1] > 40 && inside[2] > 0 && inside[0] < 400 && inside[1] < 400);
  Ok(SnaEnsembleDestroy(&e));
  CaseDestroy(&c);
}

// A linear unknown is met after one step, along its gradient in widths of the box (2 each): from where the data were drawn.
static void test_shortest(void **state)
{
  Case          c = CaseOf("---\ninvert: slope=-0.5\ninvert_starts: 50\ninvert_prior: data\n");
  SnaInversion  task;
  SnaEnsemble   e;
  double        drawn[ND][50];
  double *const point[ND] = {drawn[0], drawn[1], drawn[2]};

  (void)state;
  Learn(&c);
  task = TaskOf(&c);
  assert_true(task.prior);
  e = Solve(&c, &task, PETSC_COMM_SELF);
  assert_int_equal(e.nlocal, 50);
  CheckRows(&c, &task, &e);

  for (PetscInt i = 0; i < 50; i++) {
    const double *row    = e.rows + i * e.stride;
    double        lowest = INFINITY, highest = -INFINITY;

    assert_true(row[e.columns - 3] == 1); // iterations
    for (int d = 0; d < ND; d++) {        // row = start + t (1, 2, -1), start in the cube of the data
      const double direction[ND] = {1, 2, -1}, centre[ND] = {0.3, 0.2, 1.4};
      const double a = (row[d] - centre[d]) / direction[d], b = (row[d] - centre[d] - 0.1) / direction[d];

      highest = d ? fmin(highest, fmax(a, b)) : fmax(a, b);
      lowest  = d ? fmax(lowest, fmin(a, b)) : fmin(a, b);
    }
    assert_true(lowest <= highest + 1e-12); // one t fits all three
    near(row[e.column_truth], row[ND] - 0.02, 1e-14);
    near(row[e.column_distance], fabs(row[0]) + 2 * fabs(row[1]), 1e-14);
  }
  Ok(SnaEnsembleDestroy(&e));
  // Targets that the data meet: the solutions are the drawn points themselves, clipped to the box.
  task.target[0][0] = -2;
  task.target[0][1] = 2;
  task.lo[1]        = 0.25;
  e                 = Solve(&c, &task, PETSC_COMM_SELF);
  assert_int_equal(e.nlocal, 50);
  Ok(Draw(&c.model, UINT64_C(0x1e7e15e7) + 1, 0, 50, point));
  for (PetscInt i = 0; i < 50; i++)
    for (int d = 0; d < ND; d++) near(e.rows[i * e.stride + d], fmax(task.lo[d], drawn[d][i]), 1e-15);
  Ok(SnaEnsembleDestroy(&e));
  CaseDestroy(&c);
}

// Two linear conditions leave a line; the shortest way to it is across: no component along (1, 1/2, 2), which both gradients do not see.
static void test_two_shortest(void **state)
{
  Case          c = CaseOf("---\ninvert: \"slope=-0.6, twist=0.45\"\ninvert_starts: 40\ninvert_prior: data\n");
  SnaInversion  task;
  SnaEnsemble   e;
  double        drawn[ND][40];
  double *const point[ND] = {drawn[0], drawn[1], drawn[2]};

  (void)state;
  Learn(&c);
  task = TaskOf(&c);
  e    = Solve(&c, &task, PETSC_COMM_SELF);
  assert_true(e.nlocal == 40);
  CheckRows(&c, &task, &e);
  Ok(Draw(&c.model, UINT64_C(0x1e7e15e7) + 1, 0, 40, point));
  for (PetscInt i = 0; i < 40; i++) {
    const double *row = e.rows + i * e.stride, *g = row + ND + 2;
    double        n[ND], along = 0, length = 0, size = 0;

    n[0] = g[1] * g[5] - g[2] * g[4];
    n[1] = g[2] * g[3] - g[0] * g[5];
    n[2] = g[0] * g[4] - g[1] * g[3];
    for (int d = 0; d < ND; d++) {
      along += n[d] * (row[d] - drawn[d][i]);
      length += (row[d] - drawn[d][i]) * (row[d] - drawn[d][i]);
      size += n[d] * n[d];
    }
    assert_true(fabs(along) <= 0.2 * sqrt(length * size)); // twist is nearly linear on the short way
  }
  Ok(SnaEnsembleDestroy(&e));
  // An interval that holds anyway takes no part: the way is along the gradient of the other unknown.
  task.unknown[0]   = BALL;
  task.target[0][0] = 0;
  task.target[0][1] = 3;
  e                 = Solve(&c, &task, PETSC_COMM_SELF);
  assert_true(e.nlocal == 40);
  for (PetscInt i = 0; i < 40; i++) {
    const double *row = e.rows + i * e.stride, *g = row + ND + 2 + ND;
    double        along = 0, length = 0, size = 0;

    for (int d = 0; d < ND; d++) {
      along += g[d] * (row[d] - drawn[d][i]);
      length += (row[d] - drawn[d][i]) * (row[d] - drawn[d][i]);
      size += g[d] * g[d];
    }
    assert_true(fabs(along) >= 0.98 * sqrt(length * size));
  }
  Ok(SnaEnsembleDestroy(&e));
  CaseDestroy(&c);
}

// A start draws until the level set is near: here one point in some thousand leads anywhere.
static void test_peak(void **state)
{
  Case         c    = CaseOf("---\ninvert: peak=0.5\ninvert_starts: 20\n");
  SnaInversion task = TaskOf(&c);
  SnaEnsemble  e    = Solve(&c, &task, PETSC_COMM_WORLD);

  (void)state;
  assert_int_equal(e.tally.solved, 20);
  assert_true(e.tally.evaluations > 1000);
  CheckRows(&c, &task, &e);
  Ok(SnaEnsembleDestroy(&e));
  CaseDestroy(&c);
}

static void Refused(const char text[], const char part[], const char also[])
{
  Case         c    = CaseOf(text);
  SnaInversion task = TaskOf(&c);
  SnaEnsemble  e;
  char         message[SNA_MAX_MESSAGE];

  Ok(SnaEnsembleCreate(PETSC_COMM_WORLD, &c.model, &task, &e, message));
  HOLDS(message, part);
  HOLDS(message, also);
  Ok(SnaEnsembleDestroy(&e));
  CaseDestroy(&c);
}

static void test_unreachable(void **state)
{
  (void)state;
  Refused("---\ninvert: ball=5\n", "ball=5 is out of reach: ball lies between 0.0", "at all");
  Refused("---\ninvert: ball=5\ninvert_starts: 5000\n", "ball=5 is out of reach", "-invert_at");
  Refused("---\ninvert: \"ball=0.5, slope=7:8\"\n", "slope=7:8 is out of reach: slope lies between -4.", "and 2.");
  // |twist| <= (x^2 + y^2)/2 + |z-1|, so a small ball has a small twist
  Refused("---\ninvert: \"ball=0.01, twist=0.9\"\n",
    "reached ball=0.01, twist=0.9 together, though values of ball from 0.0", "occur together");
}

static void test_keys(void **state)
{
  static const char *const wrong[] = {"invert: ball=0.5, ball=0.6", "invert: bal=0.5", "invert: ball",
    "invert: ball=0.6:0.5", "invert: \"ball=0.5, heat=3\"", "invert_starts: 9", "invert: ball=1\ninvert_prior: data",
    "invert_prior: data", "invert: ball=1\ninvert_at: \"x=0.5:0.2\"", "invert: ball=1\ninvert_at: x=3",
    "invert: ball=1\ninvert_at: w=3", "invert: ball=1\ninvert_at: \"x=0, x=0.1\"",
    "invert: ball=1\ninvert_at: \"x=0, y=0, z=0\""};

  (void)state;
  for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
    char         text[256];
    Case         c;
    SnaInversion task;
    PetscBool    wanted;
    PetscInt     errors;

    (void)snprintf(text, sizeof(text), "---\n%s\n", wrong[i]);
    c = CaseOf(text);
    memset(&task, 0, sizeof(task));
    Ok(SnaInversionSetFromOptions(c.deck, &c.model, "stem", &wanted, &task));
    Ok(SnaDeckGetErrorCount(c.deck, &errors));
    if (errors != 1) fail_msg("%s: %d errors", wrong[i], (int)errors);
    CaseDestroy(&c);
  }
}

// The file and the figures: one deck with all that is known.
static void test_files(void **state)
{
  enum { WIDTH = 5 };
  char                     folder[] = "/tmp/sna-invert-XXXXXX", path[128], message[SNA_MAX_MESSAGE], columns[1024];
  Case                     c        = CaseOf("---\ninvert: \"ball=0.5, slope=-1:0\"\ninvert_starts: 30\n");
  SnaInversion             task;
  SnaResults               results;
  SnaFile                  file;
  PetscMPIInt              rank, size;
  PetscInt                 dims[4], n, first;
  int                      ndim;
  double                  *rows, *signals;
  static const char        expected[] = "x,y,z,ball,slope,dball_dx,dball_dy,dball_dz,dslope_dx,dslope_dy,dslope_dz,"
                                        "residual_ball,residual_slope,iterations,true_ball,true_slope,distance";
  static const char *const names[]    = {"solutions", "failures", "true_error_rms_ball", "true_error_rms_slope",
       "max_residual_slope", "distance_mean", "invert_seconds"};

  (void)state;
  Learn(&c);
  c.model.ops.expand     = Expand;
  c.model.info.expansion = WIDTH;
  task                   = TaskOf(&c);
  Ok(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  Ok(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (rank == 0) assert_non_null(mkdtemp(folder));
  Ok(MPI_Bcast(folder, sizeof(folder), MPI_CHAR, 0, PETSC_COMM_WORLD));
  (void)snprintf(task.stem, sizeof(task.stem), "%s/case", folder);
  (void)snprintf(path, sizeof(path), "%s/case_inverse.h5", folder);
  Ok(SnaResultsCreate(&results));
  Ok(SnaInvert(PETSC_COMM_WORLD, &c.model, &task, results, message));
  assert_string_equal(message, "");
  for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++) {
    const char *name;
    double      value;
    PetscInt    i = -1;

    do Ok(SnaResultsGet(results, ++i, &name, &value));
    while (name && strcmp(name, names[k]));
    if (!name) fail_msg("no result %s", names[k]);
    if (k == 0) assert_true(value == 30);
    if (k == 1) assert_true(value == 0);
    if (k == 2) near(value, 0.01, 1e-12);
    if (k == 3) near(value, 0.02, 1e-12);
  }
  Ok(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  Ok(SnaFileReadAttributeText(file, "/samples", "columns", sizeof(columns), columns));
  assert_string_equal(columns, expected);
  Ok(SnaFileReadArraySize(file, "/samples", &ndim, dims));
  assert_true(ndim == 2 && dims[0] == 30 && dims[1] == 17);
  SnaSplit(30, size, rank, &first, &n);
  Ok(PetscMalloc2(n * 17, &rows, n * WIDTH, &signals));
  Ok(SnaFileReadRows(file, "/samples", n, 17, rows));
  Ok(SnaFileReadRows(file, "/signals", n, WIDTH, signals));
  Ok(SnaFileClose(&file, message));
  assert_string_equal(message, "");
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt t = 0; t < WIDTH; t++)
      near(signals[i * WIDTH + t], rows[i * 17] + (double)t * rows[i * 17 + 1], 1e-14);
  Ok(PetscFree2(rows, signals));
  Ok(SnaResultsDestroy(&results));
  CaseDestroy(&c);
  if (rank == 0) {
    (void)remove(path);
    (void)remove(folder);
  }
}

// Many at a time are the numbers of one at a time; the second of a pair is another one.
static void test_random(void **state)
{
  enum { N = 100 };
  double a[N], b[N], sum = 0;

  (void)state;
  for (PetscInt n = 0; n < N; n += 13) {
    SnaRandomUniformPairs(5, 3, UINT64_C(0xfffffff0), n, a, b);
    for (PetscInt i = 0; i < n; i++) {
      assert_true(a[i] == SnaRandomUniform(5, 3, UINT64_C(0xfffffff0) + (uint64_t)i));
      assert_true(b[i] > 0 && b[i] < 1 && b[i] != a[i]);
    }
  }
  SnaRandomUniformPairs(6, 0, 0, N, a, b);
  for (PetscInt i = 0; i < N; i++) sum += (a[i] - 0.5) * (b[i] - 0.5);
  assert_true(fabs(sum) < 5 * sqrt(N) / 12); // no correlation: standard deviation sqrt(N)/12
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_one), cmocka_unit_test(test_two),
    cmocka_unit_test(test_isolated), cmocka_unit_test(test_intervals), cmocka_unit_test(test_shortest),
    cmocka_unit_test(test_two_shortest), cmocka_unit_test(test_peak), cmocka_unit_test(test_unreachable),
    cmocka_unit_test(test_keys), cmocka_unit_test(test_files), cmocka_unit_test(test_random)};
  int                     failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
