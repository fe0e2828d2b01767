// Training and prediction of the separable class on the built-in functions: time until R^2 of the test rows reaches given values, for several seeds.
//
// Time is that inside SnaFitCreate and SnaFitStep (preparing the splines included); the test rows are evaluated between the steps and do not count.
//   mpiexec.mpich -n 2 bench_khronos [function rank cells degree seeds rows noise method]     default: borehole 6 3 2 6 100000 0 auto
#include <sna/data.h>
#include <sna/learn.h>
#include <math.h>
#include <petsctime.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NLEVEL 6
static const double level[NLEVEL] = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};

typedef struct {
  SnaRows   raw, part[SNA_NPARTS];
  double    sd; // of the noiseless values
  SnaScale  y;
  PetscBool noisy;
} Data;

static PetscErrorCode Make(const char function[], PetscInt total, double noise, uint64_t seed, Data *data)
{
  SnaTestFunction     f;
  SnaColumnStatistics c;
  PetscMPIInt         rank, size;
  PetscInt            first, n;
  SnaPart            *part;
  char                message[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(SnaTestFunctionGet(function, 0, &f, message));
  PetscCheck(!message[0], PETSC_COMM_WORLD, PETSC_ERR_USER, "%s", message);
  SnaSplit(total, size, rank, &first, &n);
  PetscCall(SnaRowsCreate(f.nd, 1, n, &data->raw));
  data->raw.total = total;
  PetscCall(SnaDesignPoints("lhs", seed, total, f.nd, first, n, data->raw.x));
  for (PetscInt d = 0; d < f.nd; d++)
    for (PetscInt i = 0; i < n; i++) data->raw.x[d][i] = f.lo[d] + (f.hi[d] - f.lo[d]) * data->raw.x[d][i];
  PetscCall(SnaTestFunctionEvaluate(&f, n, (const double *const *)data->raw.x, data->raw.y[0]));
  PetscCall(SnaColumnGetStatistics(PETSC_COMM_WORLD, n, data->raw.y[0], &c));
  data->sd = c.deviation;
  PetscCall(PetscMalloc1(n, &part));
  for (PetscInt i = 0; i < n; i++) {
    data->raw.row[i] = first + i;
    data->raw.y[0][i] += noise * c.deviation * SnaRandomNormal(seed, 77, (uint64_t)(first + i));
    for (PetscInt d = 0; d < f.nd; d++) data->raw.x[d][i] = (data->raw.x[d][i] - f.lo[d]) / (f.hi[d] - f.lo[d]);
  }
  PetscCall(SnaScaleOfTarget(&c, "deviation", &data->y, message));
  PetscCall(SnaSplitRandom(seed, total, 0, 0.3, n, data->raw.row, part));
  PetscCall(SnaRowsDeal(PETSC_COMM_WORLD, &data->raw, part, seed, data->part));
  for (int p = 0; p < SNA_NPARTS; p++)
    for (PetscInt i = 0; i < data->part[p].n; i++)
      data->part[p].y[0][i] = SnaScaleForward(&data->y, data->part[p].y[0][i]);
  PetscCall(PetscFree(part));
  PetscFunctionReturn(0);
}

static PetscErrorCode R2(SnaSeparable s, const SnaRows *rows, double *r2)
{
  double *y, sum[4] = {0, 0, 0, (double)rows->n};

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(rows->n, &y));
  PetscCall(SnaSeparableEvaluate(s, rows->n, (const double *const *)rows->x, &y, NULL));
  for (PetscInt i = 0; i < rows->n; i++) {
    sum[0] += rows->y[0][i];
    sum[1] += rows->y[0][i] * rows->y[0][i];
    sum[2] += (y[i] - rows->y[0][i]) * (y[i] - rows->y[0][i]);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 4, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  *r2 = 1 - sum[2] / (sum[1] - sum[0] * sum[0] / sum[3]);
  PetscCall(PetscFree(y));
  PetscFunctionReturn(0);
}

// Rows a second of all ranks, the best of five passes over a million rows on each, by the processor's clock, so that other programs disturb little.
static PetscErrorCode Rate(SnaSeparable s, PetscInt nd, PetscBool single, double *rate)
{
  enum { N = 1000000 };
  double *t[SNA_MAX_DIM], *y, best = INFINITY;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(N, &y));
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(PetscMalloc1(N, &t[d]));
    for (PetscInt i = 0; i < N; i++) t[d][i] = SnaRandomUniform(3, (uint64_t)d, (uint64_t)i);
  }
  for (int k = 0; k < 5; k++) {
    struct timespec a, b;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    if (single)
      PetscCall(SnaSeparablePredict(s, N, (const double *const *)t, &y));
    else
      PetscCall(SnaSeparableEvaluate(s, N, (const double *const *)t, &y, NULL));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    best = PetscMin(best, (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec));
  }
  *rate = N / best;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, rate, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscFree(t[d]));
  PetscCall(PetscFree(y));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const char    *function = argc > 1 ? argv[1] : "borehole", *method = argc > 8 ? argv[8] : "auto";
  const PetscInt rank = argc > 2 ? atoi(argv[2]) : 6, cells = argc > 3 ? atoi(argv[3]) : 3,
                 degree     = argc > 4 ? atoi(argv[4]) : 2;
  const PetscInt      seeds = argc > 5 ? atoi(argv[5]) : 6, total = argc > 6 ? atoi(argv[6]) : 100000;
  const double        noise    = argc > 7 ? atof(argv[7]) : 0;
  static const char  *phases[] = {"adam", "subset", "full", "als", "lbfgs"};
  Data                data;
  SnaSeparableOptions o = {.kind = SNA_SEPARABLE_PRODUCTS, .nout = 1};
  SnaFitOptions       fit_options;
  SnaSamples          train;
  PetscInt            parameters;
  PetscBool           ok;
  char                message[SNA_MAX_MESSAGE] = "";
  int                 one                      = 1;

  PetscCall(PetscInitialize(&one, &argv, NULL, NULL));
  PetscCall(Make(function, total, noise, 0, &data));
  o.nd = data.raw.nx;
  PetscCall(SnaInteractionCreate(o.nd, o.nd, rank, PETSC_TRUE, &o.interaction, &ok));
  for (PetscInt d = 0; d < o.nd; d++) {
    o.cells[d]  = cells;
    o.degree[d] = degree;
  }
  PetscCall(SnaFitSetDefaults(&fit_options));
  for (int k = 0; k < 6; k++) {
    static const char *names[] = {"auto", "hybrid", "adam", "lm", "als", "lbfgs"};
    PetscBool          same;

    PetscCall(PetscStrcmp(method, names[k], &same));
    if (same) fit_options.method = (SnaFitMethod)k;
  }
  train = (SnaSamples){
    data.part[0].n, data.part[0].total, (const double *const *)data.part[0].x, (const double *const *)data.part[0].y};
  for (PetscInt seed = 1; seed <= seeds; seed++) {
    SnaSeparable s;
    SnaFit       fit;
    SnaFitState  state;
    PetscBool    done = PETSC_FALSE;
    double       reached[NLEVEL], r2 = 0;
    SnaFitPhase  phase = SNA_PHASE_ADAM;

    for (int k = 0; k < NLEVEL; k++) reached[k] = INFINITY;
    PetscCall(SnaSeparableCreate(&o, &s, message));
    PetscCall(SnaSeparableGetParameterCount(s, &parameters));
    fit_options.seed = (uint64_t)seed;
    PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    PetscCall(SnaFitCreate(PETSC_COMM_WORLD, s, &fit_options, &train, NULL, &fit));
    while (!done) {
      PetscCall(SnaFitGetState(fit, &state));
      phase = state.phase;
      PetscCall(SnaFitStep(fit, &done));
      PetscCall(SnaFitGetState(fit, &state));
      PetscCall(R2(s, &data.part[SNA_PART_TEST], &r2));
      for (int k = 0; k < NLEVEL; k++)
        if (1 - r2 <= level[k]) reached[k] = PetscMin(reached[k], state.seconds);
      if (getenv("TRACE"))
        PetscCall(PetscPrintf(PETSC_COMM_WORLD, "  %-6s %3d  loss %.3e  1-R2 %.3e  test %.3e  lambda %.1e  %.2f ms\n",
          phases[phase], (int)state.step, state.loss, 1 - state.r2, 1 - r2, state.damping, 1e3 * state.seconds));
    }
    if (seed == 1)
      PetscCall(PetscPrintf(PETSC_COMM_WORLD,
        "%s, %d parameters: milliseconds until 1-R2(test) <= 1e-1 .. 1e-6 | 1-R2 at the end, ms | adam subset full als "
        "lbfgs\n",
        function, (int)parameters));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "seed %d ", (int)seed));
    for (int k = 0; k < NLEVEL; k++) PetscCall(PetscPrintf(PETSC_COMM_WORLD, " %6.2f", 1e3 * reached[k]));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, " | %.3e %7.1f |", 1 - r2, 1e3 * state.seconds));
    for (int k = 0; k < SNA_PHASE_DONE; k++)
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, " %.1f", 1e3 * state.phase_seconds[k]));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "\n"));
    PetscCall(SnaFitDestroy(&fit));
    if (seed == seeds) {
      double rate[2];

      PetscCall(Rate(s, o.nd, PETSC_TRUE, &rate[0]));
      PetscCall(Rate(s, o.nd, PETSC_FALSE, &rate[1]));
      PetscCall(PetscPrintf(PETSC_COMM_WORLD,
        "prediction: %.1f million rows a second (single precision), %.1f (double)\n", rate[0] / 1e6, rate[1] / 1e6));
    }
    PetscCall(SnaSeparableDestroy(&s));
  }
  PetscCall(SnaInteractionDestroy(&o.interaction));
  PetscCall(SnaRowsDestroy(&data.raw));
  for (int p = 0; p < SNA_NPARTS; p++) PetscCall(SnaRowsDestroy(&data.part[p]));
  PetscCall(PetscFinalize());
  return 0;
}
