// Points per second of SnaFieldEvaluate in six directions (cubic splines, 32 cells), for the value and for value and
// gradient, and the share of the core's peak, for which the best rate of a matrix product (dgemm, one thread) in the
// same run stands.
//
// flops per point: 2 nd (p+1) R for the value; 4 nd (p+1) R + 5 nd R with the gradient (products and sums over r).
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

int main(int argc, char **argv)
{
  static const PetscInt ranks[] = {8, 16, 32, 64, 128, 256};
  PetscInt              n       = 20000;
  SnaBasis              bases[ND];
  double               *x[ND], *grad[ND], *u, peak;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  if (argc > 1) n = (PetscInt)strtol(argv[1], NULL, 10);
  PetscCheck(n > 0, PETSC_COMM_WORLD, PETSC_ERR_USER, "usage: bench_sample [points]");
  PetscCall(PetscMalloc1(n, &u));
  for (int d = 0; d < ND; d++) {
    PetscCall(SnaBasisCreateBSpline("x", 3, CELLS, -1, 1, PETSC_FALSE, PETSC_FALSE, &bases[d]));
    PetscCall(PetscMalloc2(n, &x[d], n, &grad[d]));
    for (PetscInt i = 0; i < n; i++) x[d][i] = 2 * SnaRandomUniform(2, (uint64_t)d, (uint64_t)i) - 1;
  }
  PetscCall(PeakOfDgemm(&peak));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "dgemm %.1f Gflop/s on one core\n%6s %16s %10s %16s %10s\n", peak / 1e9,
    "rank", "value [points/s]", "of dgemm", "+gradient", "of dgemm"));
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(ranks); k++) {
    const PetscInt R = ranks[k];
    double        *C[ND], rate[2], flops[2];
    SnaField       f;

    for (int d = 0; d < ND; d++) {
      PetscCall(PetscMalloc1((size_t)((CELLS + 3) * R), &C[d]));
      for (PetscInt i = 0; i < (CELLS + 3) * R; i++) C[d][i] = SnaRandomNormal(3, (uint64_t)d, (uint64_t)i);
    }
    PetscCall(SnaFieldCreateCP(ND, bases, R, (const double *const *)C, &f));
    for (int g = 0; g < 2; g++) {
      double best = PETSC_MAX_REAL;

      for (int repeat = 0; repeat < 40; repeat++) {
        const clock_t start = clock();

        PetscCall(SnaFieldEvaluate(f, n, (const double *const *)x, u, g ? grad : NULL));
        best = PetscMin(best, Seconds(start));
      }
      rate[g]  = (double)n / best;
      flops[g] = g ? (4. * ND * 4 + 5. * ND) * (double)R : 2. * ND * 4 * (double)R;
    }
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%6" PetscInt_FMT " %16.3e %9.0f%% %16.3e %9.0f%%\n", R, rate[0],
      100 * rate[0] * flops[0] / peak, rate[1], 100 * rate[1] * flops[1] / peak));
    PetscCall(SnaFieldDestroy(&f));
    for (int d = 0; d < ND; d++) PetscCall(PetscFree(C[d]));
  }
  for (int d = 0; d < ND; d++) {
    PetscCall(PetscFree2(x[d], grad[d]));
    PetscCall(SnaBasisDestroy(&bases[d]));
  }
  PetscCall(PetscFree(u));
  PetscCall(PetscFinalize());
  return 0;
}
