// Speed and memory of the homogenisation of one cell: iterations next to their bare transforms, octant next to whole cell, many cells at once.
//
//   bench_homog [-physics conductivity] [-n N] [-iterations I] [-turns T] [-cells C] [-cell_n M]      on any number of ranks, no more than N/2
//
// A cubic array of spherical voids (R = 0.4) of N^3 voxels; columns:
//   rate     million voxel-iterations per second, the best turn, with the residual that is computed anew at both ends of a solve
//   ratio    time of one iteration over the time of SnaFft's transforms of the same vectors there and back, median of the turns
//   octant   time per iteration of the whole cell over that of its octant, median
//   bytes    peak memory of all ranks over the voxels, what the program takes without a cell left out; of the first physics only, as a peak stays
// Then C cells of M^3 per rank, each on one rank (elasticity, six loads): time of one rank alone over the time of all ranks at once.
#include <petsctime.h>
#include <sna/homog.h>
#include <math.h>
#include <stdlib.h>

#define TURNS 64

static const char *const physics_names[] = {"elasticity", "conductivity", "permeability"};

static void Nothing(void *ctx, PetscInt ky, double *block)
{
  (void)ctx;
  (void)ky;
  (void)block;
}

static int Compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double Median(int n, double x[])
{
  qsort(x, (size_t)n, sizeof(x[0]), Compare);
  return x[n / 2];
}

static PetscErrorCode Image(MPI_Comm comm, PetscInt n, SnaVoxels *voxels)
{
  const SnaVoxelsShape shape = {.kind = "spheres", .array = "sc", .radius = 0.4, .n = {n, n, n}, .inverse = PETSC_TRUE};
  const double         h[3]  = {1.0 / (double)n, 1.0 / (double)n, 1.0 / (double)n};
  char                 message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(SnaVoxelsMake(comm, &shape, h, voxels, message));
  PetscCheck(!message[0], comm, PETSC_ERR_LIB, "%s", message);
  PetscFunctionReturn(0);
}

static void Material(SnaHomogSpec *spec, PetscInt iterations)
{
  const double nu = 0.3, lambda = nu / ((1 + nu) * (1 - 2 * nu)), mu = 0.5 / (1 + nu);

  *spec          = (SnaHomogSpec){.nphase = 2, .max_it = iterations};
  spec->phase[0] = (SnaPhase){.name = "void", .value = 0, .isotropic = PETSC_TRUE, .fluid = PETSC_TRUE};
  spec->phase[1] = (SnaPhase){.name = "solid", .value = 1, .isotropic = PETSC_TRUE};
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) spec->phase[1].C[i][j] = lambda + (i == j ? 2 * mu : 0);
    spec->phase[1].C[3 + i][3 + i] = mu;
    spec->phase[1].k[i][i]         = 1;
  }
  for (int p = 0; p < SNA_NPHYSICS; p++) spec->rtol[p] = iterations < 1000 ? 1e-14 : 1e-4;
}

// Seconds per iteration of `iterations` of load 0.
static PetscErrorCode Iterate(SnaCell cell, double *seconds)
{
  const double load[6] = {1};
  SnaCellLoad  result;

  PetscFunctionBeginUser;
  PetscCall(SnaCellSolve(cell, load, NULL, NULL, &result));
  *seconds = result.seconds / (double)PetscMax(1, result.iterations);
  PetscFunctionReturn(0);
}

static PetscErrorCode Transform(SnaFft fft, const SnaFftLayout *layout, double *data, double *seconds)
{
  PetscLogDouble start, now;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&start));
  for (PetscInt z = 0; z < layout->nz; z++)
    PetscCall(SnaFftForwardPlane(fft, data + (size_t)z * (size_t)layout->plane));
  PetscCall(SnaFftSpectrum(fft, data, Nothing, NULL));
  for (PetscInt z = 0; z < layout->nz; z++)
    PetscCall(SnaFftBackwardPlane(fft, data + (size_t)z * (size_t)layout->plane));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscTime(&now));
  *seconds = now - start;
  PetscFunctionReturn(0);
}

static PetscErrorCode Physics(SnaPhysics physics, PetscInt n, PetscInt iterations, int turns, double idle)
{
  const double        voxels = (double)n * (double)n * (double)n;
  double              best = 1e9, ratio[TURNS], gain[TURNS], whole = 0, octant = 0, bare = 0, memory;
  SnaHomogSpec        spec;
  SnaVoxels           image, part;
  SnaCell             cell, half;
  SnaFft              fft;
  const SnaFftLayout *layout;
  double             *data;

  PetscFunctionBeginUser;
  Material(&spec, iterations);
  PetscCall(Image(PETSC_COMM_WORLD, n, &image));
  PetscCall(SnaCellCreate(image, PETSC_FALSE, physics, 0, &spec, &cell));
  PetscCall(Iterate(cell, &whole));
  memory = SnaMemoryPeak();
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &memory, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(SnaVoxelsToOctant(image, &part));
  PetscCall(SnaCellCreate(part, PETSC_TRUE, physics, 0, &spec, &half));
  PetscCall(SnaFftCreate(PETSC_COMM_WORLD, image->n, physics == SNA_CONDUCTIVITY ? 1 : 3, NULL, NULL, &fft));
  PetscCall(SnaFftGetLayout(fft, &layout));
  PetscCall(SnaFftMalloc(fft, layout->nz, &data));
  for (int t = 0; t < turns; t++) {
    PetscCall(Iterate(cell, &whole));
    PetscCall(Iterate(half, &octant));
    PetscCall(Transform(fft, layout, data, &bare));
    best     = PetscMin(best, whole);
    ratio[t] = whole / bare;
    gain[t]  = whole / octant;
  }
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-13s %7.1f  %6.2f  %7.2f  %6.0f\n", physics_names[physics],
    1e-6 * voxels / best, Median(turns, ratio), Median(turns, gain), idle > 0 ? (memory - idle) / voxels : NAN));
  PetscCall(SnaFftFree(&data));
  PetscCall(SnaFftDestroy(&fft));
  PetscCall(SnaCellDestroy(&half));
  PetscCall(SnaCellDestroy(&cell));
  PetscCall(SnaVoxelsDestroy(&part));
  PetscCall(SnaVoxelsDestroy(&image));
  PetscFunctionReturn(0);
}

static PetscErrorCode Cells(PetscInt n, PetscInt cells, double *seconds)
{
  SnaHomogSpec   spec;
  SnaVoxels      image;
  PetscLogDouble start, now;

  PetscFunctionBeginUser;
  Material(&spec, 1000);
  PetscCall(PetscTime(&start));
  for (PetscInt c = 0; c < cells; c++) {
    SnaCell     cell;
    SnaCellLoad result;
    PetscCall(Image(PETSC_COMM_SELF, n, &image));
    PetscCall(SnaCellCreate(image, PETSC_FALSE, SNA_ELASTICITY, 0, &spec, &cell));
    for (int i = 0; i < 6; i++) {
      double load[6] = {0};
      load[i]        = 1;
      PetscCall(SnaCellSolve(cell, load, NULL, NULL, &result));
    }
    PetscCall(SnaCellDestroy(&cell));
    PetscCall(SnaVoxelsDestroy(&image));
  }
  PetscCall(PetscTime(&now));
  *seconds = now - start;
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscInt    n = 128, iterations = 10, turns = 5, cells = 2, cell_n = 64;
  PetscInt    only = 0;
  PetscBool   one  = PETSC_FALSE;
  PetscMPIInt size, rank;
  double      idle, alone, together;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-iterations", &iterations, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-turns", &turns, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-cells", &cells, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-cell_n", &cell_n, NULL));
  turns = PetscMin(turns, TURNS);
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  idle = SnaMemoryPeak();
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &idle, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD,
    "%d ranks, %" PetscInt_FMT "^3 voxels, %" PetscInt_FMT " iterations, %" PetscInt_FMT " turns\n", size, n,
    iterations, turns));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "physics          rate   ratio   octant   bytes\n"));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-physics", physics_names, SNA_NPHYSICS, &only, &one));
  for (PetscInt p = 0; p < SNA_NPHYSICS; p++) {
    if (one && p != only) continue;
    PetscCall(Physics((SnaPhysics)p, n, iterations, (int)turns, idle));
    idle = 0;
  }
  if (rank == 0) PetscCall(Cells(cell_n, cells, &alone));
  PetscCallMPI(MPI_Bcast(&alone, 1, MPI_DOUBLE, 0, PETSC_COMM_WORLD));
  PetscCall(Cells(cell_n, cells, &together));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &together, 1, MPI_DOUBLE, MPI_MAX, PETSC_COMM_WORLD));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%" PetscInt_FMT " cells of %" PetscInt_FMT "^3 per rank: efficiency %.2f\n",
    cells, cell_n, alone / together));
  PetscCall(PetscFinalize());
  return 0;
}
