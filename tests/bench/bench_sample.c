// Points per second of SnaFieldEvaluate in six directions (cubic splines, 32 cells), for the value and for value and
// gradient, and the share of the core's peak, for which the best rate of a matrix product (dgemm, one thread) in the
// same run stands.
//
// flops per point of CP: 2 nd (p+1) R for the value; 4 nd (p+1) R + 5 nd R with the gradient (products and sums over
// r). Of the tensor train: 2 (p+1) sum_k r_k r_{k+1} for the value; with the gradient once more, but for the first site.
// Times are of the processor, the best of many short runs, so that other programs on the machine disturb little.
//   OPENBLAS_NUM_THREADS=1 bench_sample [points]
#include <sna/sna.h>
#include <petscblaslapack.h>
#include <time.h>

#define ND    6
#define CELLS 32

static double Seconds(clock_t since)
{
  return (double)(clock() - since) / CLOCKS_PER_SEC;
}

static PetscErrorCode PeakOfDgemm(double *rate)
{
  enum { n = 512 };
  const PetscBLASInt size = n;
  const double       one = 1, zero = 0;
  double            *a, *b, *c;

  PetscFunctionBeginUser;
  *rate = 0;
  PetscCall(PetscMalloc3(n * n, &a, n * n, &b, n * n, &c));
  for (PetscInt i = 0; i < n * n; i++) {
    a[i] = SnaRandomUniform(1, 0, (uint64_t)i);
    b[i] = SnaRandomUniform(1, 1, (uint64_t)i);
  }
  for (int k = 0; k < 20; k++) {
    const clock_t start = clock();

    PetscCallBLAS("BLASgemm", BLASgemm_("N", "N", &size, &size, &size, &one, a, &size, b, &size, &zero, c, &size));
    *rate = PetscMax(*rate, 2. * n * n * n / Seconds(start));
  }
  PetscCall(PetscFree3(a, b, c));
  PetscFunctionReturn(0);
}

// One line of the table. flops: per point, of the value and of value and gradient. Destroys the field.
static PetscErrorCode Measure(SnaField *f, const char name[], const double flops[2], double peak, PetscInt n,
  double *const x[], double *const grad[])
{
  double   rate[2], *u;
  PetscInt parameters;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n, &u));
  for (int g = 0; g < 2; g++) {
    double best = PETSC_MAX_REAL;

    for (int repeat = 0; repeat < 40; repeat++) {
      const clock_t start = clock();

      PetscCall(SnaFieldEvaluate(*f, n, (const double *const *)x, u, g ? grad : NULL));
      best = PetscMin(best, Seconds(start));
    }
    rate[g] = (double)n / best;
  }
  PetscCall(SnaFieldGetParameterCount(*f, &parameters));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-24s %10" PetscInt_FMT " %16.3e %9.0f%% %16.3e %9.0f%%\n", name, parameters,
    rate[0], 100 * rate[0] * flops[0] / peak, rate[1], 100 * rate[1] * flops[1] / peak));
  PetscCall(PetscFree(u));
  PetscCall(SnaFieldDestroy(f));
  PetscFunctionReturn(0);
}

static PetscErrorCode MeasureCP(
  PetscInt rank, const SnaBasis bases[], double peak, PetscInt n, double *const x[], double *const grad[])
{
  const double R = (double)rank, flops[2] = {2. * ND * 4 * R, (4. * ND * 4 + 5. * ND) * R};
  double      *C[ND];
  char         name[64];
  SnaField     f;

  PetscFunctionBeginUser;
  for (int d = 0; d < ND; d++) {
    PetscCall(PetscMalloc1((size_t)((CELLS + 3) * rank), &C[d]));
    for (PetscInt i = 0; i < (CELLS + 3) * rank; i++) C[d][i] = SnaRandomNormal(3, (uint64_t)d, (uint64_t)i);
  }
  PetscCall(SnaFieldCreateCP(ND, bases, rank, (const double *const *)C, &f));
  for (int d = 0; d < ND; d++) PetscCall(PetscFree(C[d]));
  PetscCall(PetscSNPrintf(name, sizeof(name), "cp %" PetscInt_FMT, rank));
  PetscCall(Measure(&f, name, flops, peak, n, x, grad));
  PetscFunctionReturn(0);
}

static PetscErrorCode MeasureTT(
  const PetscInt ranks[], const SnaBasis bases[], double peak, PetscInt n, double *const x[], double *const grad[])
{
  const PetscInt dir[ND] = {0, 1, 2, 3, 4, 5};
  PetscInt       functions[ND], modes[ND];
  double         flops[2] = {0, 0};
  char           name[64];
  SnaTt          tt;
  SnaField       f;

  PetscFunctionBeginUser;
  for (int k = 0; k < ND; k++) {
    functions[k] = CELLS + 3;
    modes[k]     = 12;
    flops[0] += 8. * (double)(ranks[k] * ranks[k + 1]);
    flops[1] += (k ? 16. : 8.) * (double)(ranks[k] * ranks[k + 1]);
  }
  PetscCall(SnaTtCreate(ND, dir, functions, modes, ranks, NULL, &tt));
  for (int k = 0; k < ND; k++) {
    for (PetscInt i = 0; i < functions[k] * modes[k]; i++)
      tt->leaf[k][i] = SnaRandomNormal(4, (uint64_t)k, (uint64_t)i);
    for (PetscInt i = 0; i < ranks[k] * modes[k] * ranks[k + 1]; i++)
      tt->core[k][i] = SnaRandomNormal(5, (uint64_t)k, (uint64_t)i);
  }
  PetscCall(SnaFieldCreateTT(ND, bases, tt, &f));
  PetscCall(SnaTtDestroy(&tt));
  PetscCall(PetscSNPrintf(name, sizeof(name),
    "train %" PetscInt_FMT " %" PetscInt_FMT " %" PetscInt_FMT " %" PetscInt_FMT " %" PetscInt_FMT, ranks[1], ranks[2],
    ranks[3], ranks[4], ranks[5]));
  PetscCall(Measure(&f, name, flops, peak, n, x, grad));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  static const PetscInt cp_ranks[]         = {8, 16, 32, 64, 128, 256};
  static const PetscInt tt_ranks[][ND + 1] = {
    {1, 5, 13, 12, 8, 3, 1}, {1, 11, 36, 28, 11, 5, 1}, {1, 19, 60, 60, 21, 6, 1}};
  PetscInt n = 20000;
  SnaBasis bases[ND];
  double  *x[ND], *grad[ND], peak;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  if (argc > 1) n = (PetscInt)strtol(argv[1], NULL, 10);
  PetscCheck(n > 0, PETSC_COMM_WORLD, PETSC_ERR_USER, "usage: bench_sample [points]");
  for (int d = 0; d < ND; d++) {
    PetscCall(SnaBasisCreateBSpline("x", 3, CELLS, -1, 1, PETSC_FALSE, PETSC_FALSE, &bases[d]));
    PetscCall(PetscMalloc2(n, &x[d], n, &grad[d]));
    for (PetscInt i = 0; i < n; i++) x[d][i] = 2 * SnaRandomUniform(2, (uint64_t)d, (uint64_t)i) - 1;
  }
  PetscCall(PeakOfDgemm(&peak));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "dgemm %.1f Gflop/s on one core\n%-24s %10s %16s %10s %16s %10s\n",
    peak / 1e9, "ranks", "parameters", "value [points/s]", "of dgemm", "+gradient", "of dgemm"));
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(cp_ranks); k++)
    PetscCall(MeasureCP(cp_ranks[k], bases, peak, n, x, grad));
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(tt_ranks); k++)
    PetscCall(MeasureTT(tt_ranks[k], bases, peak, n, x, grad));
  for (int d = 0; d < ND; d++) {
    PetscCall(PetscFree2(x[d], grad[d]));
    PetscCall(SnaBasisDestroy(&bases[d]));
  }
  PetscCall(PetscFinalize());
  return 0;
}
