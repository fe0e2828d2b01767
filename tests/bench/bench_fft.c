// Speed of the distributed transforms (SnaFft), next to FFTW's own MPI layer in the same run.
//
//   bench_fft [-n N] [-seconds S]       on any number of ranks, no more than N/2
//
// For one and for three components on N^3 voxels, nanoseconds per voxel for a transform there and back:
//   fftw    FFTW-MPI, real to complex and back in place, components interleaved, transposed out and in, FFTW_MEASURE
//   sna     SnaFft: planes, spectrum with a kernel that does nothing, planes back
//   octant  the same of the mirror-symmetric cell on its octant of (N/2)^3 cells, kinds of a normal load; per voxel of the cell
// Machines are shared: the three take turns, each time is the best of all turns, each ratio the median of the ratios of the turns, and one rank is
// measured in processor time.
#include <sna/fft.h>
#include <fftw3-mpi.h>
#include <stdlib.h>
#include <time.h>

#define TURNS 1000 // at most

enum { FFTW, SNA, OCTANT, CANDIDATES };

typedef struct {
  PetscInt  n, ncomp;
  double   *field;
  fftw_plan forward, backward;
  SnaFft    fft[CANDIDATES];
  double   *data[CANDIDATES];
} Bench;

static PetscErrorCode CreateBench(PetscInt n, PetscInt ncomp, Bench *B)
{
  const SnaFftKind kind[3][3] = {{SNA_FFT_DST1, SNA_FFT_DCT1, SNA_FFT_DCT1}, {SNA_FFT_DCT1, SNA_FFT_DST1, SNA_FFT_DCT1},
    {SNA_FFT_DCT1, SNA_FFT_DCT1, SNA_FFT_DST1}};
  const ptrdiff_t  points[3] = {n, n, n}, modes[3] = {n, n, n / 2 + 1}, block = FFTW_MPI_DEFAULT_BLOCK;
  ptrdiff_t        size, ignored[4];

  PetscFunctionBeginUser;
  *B   = (Bench){.n = n, .ncomp = ncomp};
  size = fftw_mpi_local_size_many_transposed(
    3, modes, ncomp, block, block, PETSC_COMM_WORLD, ignored, ignored + 1, ignored + 2, ignored + 3);
  B->field    = fftw_alloc_real((size_t)(2 * size));
  B->forward  = fftw_mpi_plan_many_dft_r2c(3, points, ncomp, block, block, B->field, (fftw_complex *)B->field,
     PETSC_COMM_WORLD, FFTW_MEASURE | FFTW_MPI_TRANSPOSED_OUT);
  B->backward = fftw_mpi_plan_many_dft_c2r(3, points, ncomp, block, block, (fftw_complex *)B->field, B->field,
    PETSC_COMM_WORLD, FFTW_MEASURE | FFTW_MPI_TRANSPOSED_IN);
  PetscCheck(B->field && B->forward && B->backward, PETSC_COMM_WORLD, PETSC_ERR_LIB, "FFTW-MPI gave no plan");
  for (ptrdiff_t i = 0; i < 2 * size; i++) B->field[i] = 0;
  for (int i = SNA; i <= OCTANT; i++) {
    const PetscInt      m = i == OCTANT ? n / 2 : n;
    const SnaFftLayout *layout;
    PetscCall(
      SnaFftCreate(PETSC_COMM_WORLD, (const PetscInt[3]){m, m, m}, ncomp, i == OCTANT ? kind : NULL, NULL, &B->fft[i]));
    PetscCall(SnaFftGetLayout(B->fft[i], &layout));
    PetscCall(SnaFftMalloc(B->fft[i], layout->nz, &B->data[i]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode DestroyBench(Bench *B)
{
  PetscFunctionBeginUser;
  for (int i = SNA; i <= OCTANT; i++) {
    PetscCall(SnaFftFree(&B->data[i]));
    PetscCall(SnaFftDestroy(&B->fft[i]));
  }
  fftw_destroy_plan(B->forward);
  fftw_destroy_plan(B->backward);
  fftw_free(B->field);
  PetscFunctionReturn(0);
}

static void Nothing(void *ctx, PetscInt ky, double *block)
{
  (void)ctx;
  (void)ky;
  (void)block;
}

static PetscErrorCode Run(Bench *B, int candidate)
{
  const SnaFftLayout *layout;

  PetscFunctionBeginUser;
  if (candidate == FFTW) {
    fftw_execute(B->forward);
    fftw_execute(B->backward);
    PetscFunctionReturn(0);
  }
  PetscCall(SnaFftGetLayout(B->fft[candidate], &layout));
  for (PetscInt z = 0; z < layout->nz; z++)
    PetscCall(SnaFftForwardPlane(B->fft[candidate], B->data[candidate] + z * (ptrdiff_t)layout->plane));
  PetscCall(SnaFftSpectrum(B->fft[candidate], B->data[candidate], Nothing, NULL));
  for (PetscInt z = 0; z < layout->nz; z++)
    PetscCall(SnaFftBackwardPlane(B->fft[candidate], B->data[candidate] + z * (ptrdiff_t)layout->plane));
  PetscFunctionReturn(0);
}

static int Compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double Now(int ranks)
{
  struct timespec t;

  if (ranks > 1) return MPI_Wtime();
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static PetscErrorCode Measure(PetscInt n, PetscInt ncomp, int ranks, double seconds)
{
  const double voxels           = (double)n * (double)n * (double)n;
  double       best[CANDIDATES] = {1e9, 1e9, 1e9}, time[CANDIDATES], ratio[TURNS], gain[TURNS], start;
  int          turns = 0, more = 1;
  Bench        B;

  PetscFunctionBeginUser;
  PetscCall(CreateBench(n, ncomp, &B));
  start = MPI_Wtime();
  while (turns < 3 || (more && turns < TURNS)) {
    for (int i = 0; i < CANDIDATES; i++) {
      PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
      time[i] = Now(ranks);
      PetscCall(Run(&B, i));
      PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
      time[i] = Now(ranks) - time[i];
      best[i] = PetscMin(best[i], time[i]);
    }
    ratio[turns] = time[SNA] / time[FFTW];
    gain[turns]  = time[SNA] / time[OCTANT];
    turns++;
    more = MPI_Wtime() - start < seconds;
    PetscCallMPI(MPI_Bcast(&more, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  }
  qsort(ratio, (size_t)turns, sizeof(ratio[0]), Compare);
  qsort(gain, (size_t)turns, sizeof(gain[0]), Compare);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%5d  %7.2f  %7.2f  %7.2f      %7.3f       %7.2f   %6d\n", (int)ncomp,
    1e9 * best[FFTW] / voxels, 1e9 * best[SNA] / voxels, 1e9 * best[OCTANT] / voxels, ratio[turns / 2], gain[turns / 2],
    turns));
  PetscCall(DestroyBench(&B));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscInt    n       = 128;
  PetscReal   seconds = 5;
  PetscMPIInt size;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  fftw_mpi_init();
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-seconds", &seconds, NULL));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCheck(n % 2 == 0 && n / 2 >= size, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE,
    "-n must be even and at least twice the number of ranks");
  PetscCall(PetscPrintf(PETSC_COMM_WORLD,
    "%d^3 voxels, ranks: %d; ns per voxel there and back\ncomps     fftw      sna   octant   sna / fftw  sna / octant  "
    "  turns\n",
    (int)n, size));
  for (PetscInt ncomp = 1; ncomp <= 3; ncomp += 2) PetscCall(Measure(n, ncomp, size, seconds));
  PetscCall(PetscFinalize());
  return 0;
}
