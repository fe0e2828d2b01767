// Time and distance of the CP nearest to a tensor train (SnaTtToCP), on the train of a plume that turns and spreads.
//
//   bench_tt_cp [-rank R,R,...] [-sweeps N] [-rtol T] [-seeds N] [-tol T] [-angle A]        on one or two ranks, one thread each
//
// The train is that of u - u(t=0), u = (s^2/v)^{3/2} exp(-((x - r0 cos wt)^2 + (y - r0 sin wt)^2 + z^2) / (2v)), v = s^2 + 2 D t. For each (t,w,D) that is one
// product in x, y, z: interpolated in t, w, D on Gauss points and projected on splines it is a CP of rank 561, made a train and rounded to `tol`. -angle: the largest w.
// Machines are shared: processor time of rank 0 stands beside the time on the wall.
#include <sna/tt.h>
#include <math.h>
#include <time.h>

#define NT 14
#define NW 10
#define ND 4
#define R0 (NT * NW * ND)

static double ProcessorTime(void)
{
  struct timespec t;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double Lagrange(PetscInt n, const double nodes[], PetscInt i, double x)
{
  double value = 1;
  for (PetscInt j = 0; j < n; j++)
    if (j != i) value *= (x - nodes[j]) / (nodes[i] - nodes[j]);
  return value;
}

// Solves M c = f for all columns of f (n x R row-major, in place).
static PetscErrorCode SolveMass(SnaTtSpace space, PetscInt d, PetscInt R, double *f)
{
  const PetscInt n = space->info[d].n, p = space->info[d].degree;
  double        *L;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)n * (size_t)n, &L));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = PetscMax(0, i - p); j <= i; j++) {
      double sum = space->mass[d][i * (2 * p + 1) + j - i + p];
      for (PetscInt k = 0; k < j; k++) sum -= L[i * n + k] * L[j * n + k];
      L[i * n + j] = i == j ? sqrt(sum) : sum / L[j * n + j];
    }
  }
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt r = 0; r < R; r++) {
      for (PetscInt j = PetscMax(0, i - p); j < i; j++) f[i * R + r] -= L[i * n + j] * f[j * R + r];
      f[i * R + r] /= L[i * n + i];
    }
  }
  for (PetscInt i = n - 1; i >= 0; i--) {
    for (PetscInt r = 0; r < R; r++) {
      for (PetscInt j = i + 1; j < PetscMin(n, i + p + 1); j++) f[i * R + r] -= L[j * n + i] * f[j * R + r];
      f[i * R + r] /= L[i * n + i];
    }
  }
  PetscCall(PetscFree(L));
  PetscFunctionReturn(0);
}

typedef struct {
  double t[NT], w[NW], D[ND];
} Plume;

// Factor of direction d (x, y, z, t, w, D) of product r; the last product is -u(t=0).
static double Factor(const Plume *plume, PetscInt d, PetscInt r, double x)
{
  const double   s2 = 0.12 * 0.12, r0 = 0.3;
  const PetscInt i = r / (NW * ND), j = r / ND % NW, k = r % ND;
  const double   t = r < R0 ? plume->t[i] : 0, w = r < R0 ? plume->w[j] : 0, D = r < R0 ? plume->D[k] : 0;
  const double   v = s2 + 2 * D * t;

  if (d == 0) return exp(-PetscSqr(x - r0 * cos(w * t)) / (2 * v));
  if (d == 1) return exp(-PetscSqr(x - r0 * sin(w * t)) / (2 * v));
  if (d == 2) return pow(s2 / v, 1.5) * exp(-x * x / (2 * v)) * (r < R0 ? 1 : -1);
  if (r == R0) return 1;
  return d == 3 ? Lagrange(NT, plume->t, i, x) : d == 4 ? Lagrange(NW, plume->w, j, x) : Lagrange(ND, plume->D, k, x);
}

static PetscErrorCode Nodes(PetscInt n, double lo, double hi, double x[])
{
  double w[64];

  PetscFunctionBeginUser;
  PetscCall(SnaGaussLegendre(n, x, w));
  for (PetscInt i = 0; i < n; i++) x[i] = lo + (hi - lo) * (x[i] + 1) / 2;
  PetscFunctionReturn(0);
}

static PetscErrorCode CreatePlume(SnaTtSpace space, double angle, double *C[])
{
  const PetscInt R = R0 + 1;
  Plume          plume;

  PetscFunctionBeginUser;
  PetscCall(Nodes(NT, 0, 1, plume.t));
  PetscCall(Nodes(NW, 0, angle, plume.w));
  PetscCall(Nodes(ND, 1e-3, 1e-2, plume.D));
  for (PetscInt d = 0; d < 6; d++) {
    const PetscInt n = space->info[d].n;
    SnaTabulation  tab;
    double        *g, *f;

    PetscCall(SnaTabulationCreate(space->basis[d], 8, 0, &tab));
    PetscCall(PetscMalloc2(tab.nq, &g, n, &f));
    PetscCall(PetscMalloc1((size_t)n * (size_t)R, &C[d]));
    for (PetscInt r = 0; r < R; r++) {
      for (PetscInt q = 0; q < tab.nq; q++) g[q] = Factor(&plume, d, r, tab.x[q]);
      PetscCall(SnaIntegrateVector(space->basis[d], &tab, 0, g, f));
      for (PetscInt i = 0; i < n; i++) C[d][i * R + r] = f[i];
    }
    PetscCall(SolveMass(space, d, R, C[d]));
    PetscCall(PetscFree2(g, f));
    PetscCall(SnaTabulationDestroy(&tab));
  }
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const char *const name[6]  = {"x", "y", "z", "t", "w", "D"};
  const PetscInt    dir[6]   = {1, 0, 4, 3, 5, 2};
  PetscInt          rank[16] = {64, 128, 256}, nrank = 16, cells[6] = {64, 64, 64, 24, 14, 6}, sweeps = 16, seeds = 1;
  PetscBool         given;
  double            tol = 1e-5, angle = 2 * PETSC_PI / 3, rtol = 1e-4, *C[SNA_MAX_DIM], t0, norm2, norm, change;
  SnaBasis          basis[6];
  SnaTtSpace        space;
  SnaTt             tt;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-rank", rank, &nrank, &given));
  if (!given) nrank = 3;
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-tol", &tol, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-rtol", &rtol, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-angle", &angle, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-sweeps", &sweeps, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-seeds", &seeds, NULL));
  for (PetscInt d = 0; d < 6; d++) {
    const double lo = d < 3 ? -1 : d == 5 ? 1e-3 : 0, hi = d < 4 ? 1 : d == 4 ? angle : 1e-2;
    PetscCall(SnaBasisCreateBSpline(name[d], 3, cells[d], lo, hi, (PetscBool)(d < 4), (PetscBool)(d < 3), &basis[d]));
  }
  PetscCall(SnaTtSpaceCreate(6, basis, &space));
  PetscCall(CreatePlume(space, angle, C));
  t0 = ProcessorTime();
  PetscCall(SnaTtFromCP(space, dir, R0 + 1, (const double *const *)C, &tt));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "SnaTtFromCP of rank %d: %.2f s\n", R0 + 1, ProcessorTime() - t0));
  for (PetscInt d = 0; d < 6; d++) PetscCall(PetscFree(C[d]));
  PetscCall(SnaTtInner(space, tt, tt, &norm2));
  norm = sqrt(norm2);
  t0   = ProcessorTime();
  PetscCall(SnaTtRound(space, tt, tol * norm, &change));
  PetscCall(
    PetscPrintf(PETSC_COMM_WORLD, "rounded in %.2f s, change %.1e; ranks", ProcessorTime() - t0, change / norm));
  for (PetscInt k = 0; k < 6; k++)
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, " (%d) %d", (int)tt->m[k], (int)tt->r[k + 1]));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "\n"));
  for (PetscInt i = 0; i < nrank; i++) {
    for (PetscInt seed = 1; seed <= seeds; seed++) {
      const SnaTtToCPOptions options = {.rank = rank[i], .sweeps = sweeps, .rtol = rtol, .seed = (uint64_t)seed};
      double                 error, wall;

      PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
      t0   = ProcessorTime();
      wall = MPI_Wtime();
      PetscCall(SnaTtToCP(PETSC_COMM_WORLD, space, tt, &options, C, &error));
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, "rank %4d seed %d: %.3f s (wall %.3f s), relative distance %.4e\n",
        (int)rank[i], (int)seed, ProcessorTime() - t0, MPI_Wtime() - wall, error));
      for (PetscInt d = 0; d < 6; d++) PetscCall(PetscFree(C[d]));
    }
  }
  PetscCall(SnaTtDestroy(&tt));
  PetscCall(SnaTtSpaceDestroy(&space));
  for (PetscInt d = 0; d < 6; d++) PetscCall(SnaBasisDestroy(&basis[d]));
  return PetscFinalize();
}
