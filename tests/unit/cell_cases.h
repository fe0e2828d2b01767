// What the tests of the finite-element cell problem share: materials, images filled by the test, all loads of a cell, closed forms of laminates.
#ifndef SNA_TEST_CELL_CASES_H
#define SNA_TEST_CELL_CASES_H

#include <sna/homog.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

static inline void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g (off by %g)", a, b, tolerance, a - b);
}

static inline PetscMPIInt RanksOf(MPI_Comm comm)
{
  PetscMPIInt size;

  MPI_Comm_size(comm, &size);
  return size;
}

// More ranks than this machine may have processors: what waits for each other is then slow, and the tests do less.
static inline PetscBool Crowded(void)
{
  return (PetscBool)(RanksOf(PETSC_COMM_WORLD) > 2);
}

// The first ranks of the world, no more than planes; MPI_COMM_NULL on the others.
static inline MPI_Comm Ranks(PetscInt planes)
{
  MPI_Comm    comm;
  PetscMPIInt rank;

  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Comm_split(PETSC_COMM_WORLD, rank < planes ? 0 : MPI_UNDEFINED, 0, &comm);
  return comm;
}

// ---- Materials ----
static inline SnaHomogSpec Spec(double rtol)
{
  SnaHomogSpec spec = {.max_it = 500, .tuning = {.effort = "estimate"}};

  for (int p = 0; p < SNA_NPHYSICS; p++) spec.rtol[p] = rtol;
  return spec;
}

// The next phase, value 0, 1, ...
static inline SnaPhase *NewPhase(SnaHomogSpec *spec)
{
  SnaPhase *phase = &spec->phase[spec->nphase];

  *phase = (SnaPhase){.name = "phase", .value = (uint8_t)spec->nphase++};
  return phase;
}

// Young's modulus, Poisson's ratio, conductivity; E = 0, k = 0: void.
static inline void AddIsotropic(SnaHomogSpec *spec, double E, double nu, double k)
{
  SnaPhase    *phase  = NewPhase(spec);
  const double lambda = E * nu / ((1 + nu) * (1 - 2 * nu)), mu = E / (2 * (1 + nu));

  phase->isotropic = PETSC_TRUE;
  for (int i = 0; i < 3; i++) {
    phase->k[i][i] = k;
    for (int j = 0; j < 3; j++) phase->C[i][j] = lambda + (i == j ? 2 * mu : 0);
    phase->C[3 + i][3 + i] = mu;
  }
}

// Any positive definite stiffness and conductivity: A A^T + 1/2.
static inline void AddRandom(SnaHomogSpec *spec, uint64_t seed, double factor)
{
  SnaPhase *phase = NewPhase(spec);

  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) {
      double sum = i == j ? 0.5 : 0, flow = sum;
      for (int k = 0; k < 6; k++) {
        const double a = SnaRandomUniform(seed, 1, (uint64_t)(6 * i + k)) - 0.5,
                     b = SnaRandomUniform(seed, 1, (uint64_t)(6 * j + k)) - 0.5;
        sum += a * b;
        if (k < 3) flow += a * b;
      }
      phase->C[i][j] = factor * sum;
      if (i < 3 && j < 3) phase->k[i][j] = factor * flow;
    }
}

// Three different moduli along the axes, no coupling of shears: what an octant admits.
static inline void AddOrthotropic(SnaHomogSpec *spec, double factor)
{
  static const double C[6][6] = {
    {2, .7, .5}, {.7, 3, .9}, {.5, .9, 1.5}, {0, 0, 0, .6}, {0, 0, 0, 0, .8}, {0, 0, 0, 0, 0, .4}};
  SnaPhase *phase = NewPhase(spec);

  for (int i = 0; i < 6; i++) {
    for (int j = 0; j < 6; j++) phase->C[i][j] = factor * C[i][j];
    if (i < 3) phase->k[i][i] = factor * C[i][i];
  }
}

// Three phases without symmetry.
static inline SnaHomogSpec Anisotropic(double rtol)
{
  SnaHomogSpec spec = Spec(rtol);

  AddRandom(&spec, 21, 1);
  AddIsotropic(&spec, 5, .3, 4);
  AddRandom(&spec, 22, .3);
  return spec;
}

// So little contrast that few iterations do, where ranks are crowded.
static inline SnaHomogSpec Mild(double rtol)
{
  SnaHomogSpec spec = Spec(rtol);

  AddIsotropic(&spec, 1, .3, 1);
  AddIsotropic(&spec, 1.5, .2, 2);
  AddOrthotropic(&spec, .7);
  return spec;
}

// Void and two materials.
static inline SnaHomogSpec Porous(double rtol)
{
  SnaHomogSpec spec = Spec(rtol);

  AddIsotropic(&spec, 0, .3, 0);
  AddIsotropic(&spec, 1, .3, 1);
  AddIsotropic(&spec, 4, .2, 3);
  return spec;
}

static inline double Entry(const SnaPhase *phase, SnaPhysics physics, int i, int j)
{
  return physics == SNA_ELASTICITY ? phase->C[i][j] : phase->k[i][j];
}
static inline int Loads(SnaPhysics physics)
{
  return physics == SNA_ELASTICITY ? 6 : 3;
}

// ---- Images: every rank holds the whole of image[(k*n1 + j)*n0 + i] ----
static inline size_t Count(const PetscInt n[3])
{
  return (size_t)n[0] * (size_t)n[1] * (size_t)n[2];
}

static inline uint8_t *RandomImage(const PetscInt n[3], PetscInt nphase, uint64_t seed)
{
  uint8_t *image;

  Ok(PetscMalloc1(Count(n), &image));
  for (size_t i = 0; i < Count(n); i++) image[i] = (uint8_t)((double)nphase * SnaRandomUniform(seed, 0, (uint64_t)i));
  return image;
}

static inline SnaVoxels Voxels(MPI_Comm comm, const PetscInt n[3], const double h[3], const uint8_t image[])
{
  SnaVoxels    voxels;
  const size_t plane = (size_t)n[0] * (size_t)n[1];

  Ok(SnaVoxelsCreate(comm, n, h, &voxels));
  for (size_t i = 0; i < plane * (size_t)voxels->nz; i++) voxels->phase[i] = image[plane * (size_t)voxels->z0 + i];
  return voxels;
}

// The cell of which `octant` is the corner i < n/2 ...
static inline uint8_t *Mirrored(const PetscInt n[3], const uint8_t octant[])
{
  const PetscInt N[3] = {2 * n[0], 2 * n[1], 2 * n[2]};
  uint8_t       *image;
  size_t         at = 0;

  Ok(PetscMalloc1(Count(N), &image));
  for (PetscInt k = 0; k < N[2]; k++)
    for (PetscInt j = 0; j < N[1]; j++)
      for (PetscInt i = 0; i < N[0]; i++) {
        const PetscInt x = i < n[0] ? i : N[0] - 1 - i, y = j < n[1] ? j : N[1] - 1 - j,
                       z = k < n[2] ? k : N[2] - 1 - k;
        image[at++]      = octant[(z * n[1] + y) * n[0] + x];
      }
  return image;
}

// ---- All loads of one cell ----
typedef struct {
  double    C[6][6]; // with cross terms: column j is load j, all i that were solved before; the rest by symmetry
  double    mean[6][6];
  PetscInt  iterations[6];
  double    residual[6], error[6];
  PetscBool converged; // all of them
} Tensor;

static inline void SolveAll(SnaVoxels voxels, PetscBool octant, SnaPhysics physics, const SnaHomogSpec *spec, Tensor *t)
{
  const int n = Loads(physics);
  SnaCell   cell;

  *t           = (Tensor){.C = {{0}}};
  t->converged = PETSC_TRUE;
  Ok(SnaCellCreate(voxels, octant, physics, 0, spec, &cell));
  for (int j = 0; j < n; j++) {
    double      load[6] = {0};
    SnaCellLoad result;
    load[j] = 1;
    Ok(SnaCellSolve(cell, load, NULL, NULL, &result));
    Ok(SnaCellKeep(cell, j));
    t->iterations[j] = result.iterations;
    t->residual[j]   = result.residual;
    t->error[j]      = result.error;
    if (!result.converged) t->converged = PETSC_FALSE;
    for (int i = 0; i < n; i++) t->mean[i][j] = result.mean[i];
    for (int i = 0; i <= j; i++) {
      Ok(SnaCellCross(cell, i, &t->C[i][j]));
      t->C[j][i] = t->C[i][j];
      assert_true(isfinite(t->C[i][j]) && isfinite(result.residual) && isfinite(result.error));
    }
  }
  Ok(SnaCellDestroy(&cell));
}

// The same from an image, on the ranks of comm.
static inline void Homogenise(MPI_Comm comm, const PetscInt n[3], const double h[3], const uint8_t image[],
  PetscBool octant, SnaPhysics physics, const SnaHomogSpec *spec, Tensor *t)
{
  SnaVoxels voxels = Voxels(comm, n, h, image);

  SolveAll(voxels, octant, physics, spec, t);
  Ok(SnaVoxelsDestroy(&voxels));
}

static inline double Largest(const double A[6][6])
{
  double largest = 0;

  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) largest = fmax(largest, fabs(A[i][j]));
  return largest;
}

// Largest difference, over the largest entry of B; of two zeros 0.
static inline double Difference(const double A[6][6], const double B[6][6])
{
  double worst = 0;

  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) worst = fmax(worst, fabs(A[i][j] - B[i][j]));
  return worst > 0 ? worst / Largest(B) : 0;
}

// ---- Laminates ----
// A = B^-1, n x n, by Gauss-Jordan elimination of positive definite matrices.
static inline void Inverse(int n, double B[3][3], double A[3][3])
{
  double w[3][6] = {{0}};

  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) w[i][j] = B[i][j];
    w[i][n + i] = 1;
  }
  for (int p = 0; p < n; p++) {
    const double pivot = 1 / w[p][p];
    for (int j = 0; j < 2 * n; j++) w[p][j] *= pivot;
    for (int i = 0; i < n; i++) {
      const double factor = w[i][p];
      for (int j = 0; i != p && j < 2 * n; j++) w[i][j] -= factor * w[p][j];
    }
  }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) A[i][j] = w[i][n + j];
}

// Layers normal to `axis` (Milton, The Theory of Composites, 9.2): what acts on the planes between them (stress N) and what they share (strain T) are
// uniform, so with A = <C_NN^-1>, B = <C_NN^-1 C_NT>:   C_NN = A^-1,   C_NT = A^-1 B,   C_TT = B^T A^-1 B + <C_TT - C_TN C_NN^-1 C_NT>.
// A phase without stiffness makes C_NN and C_NT vanish and C_TT the average of the others' C_TT - C_TN C_NN^-1 C_NT (free plates).
static inline void Laminate(
  SnaPhysics physics, int axis, int nphase, const SnaPhase phase[], const double fraction[], double C[6][6])
{
  static const int normal[3][3] = {{0, 4, 5}, {1, 3, 5}, {2, 3, 4}}, tangent[3][3] = {{1, 2, 3}, {0, 2, 4}, {0, 1, 5}};
  const PetscBool  elastic = (PetscBool)(physics == SNA_ELASTICITY);
  const int        nN = elastic ? 3 : 1, nT = elastic ? 3 : 2;
  int              N[3], T[3];
  PetscBool        cut     = PETSC_FALSE;
  double           A[3][3] = {{0}}, B[3][3] = {{0}}, R[3][3] = {{0}}, inverse[3][3];

  for (int i = 0; i < 3; i++) {
    N[i] = elastic ? normal[axis][i] : axis;
    T[i] = elastic ? tangent[axis][i] : (axis + 1 + i) % 3;
  }
  for (int p = 0; p < nphase; p++) {
    double NN[3][3], X[3][3] = {{0}};
    if (Entry(&phase[p], physics, 0, 0) == 0) {
      cut = PETSC_TRUE;
      continue;
    }
    for (int i = 0; i < nN; i++)
      for (int j = 0; j < nN; j++) NN[i][j] = Entry(&phase[p], physics, N[i], N[j]);
    Inverse(nN, NN, inverse);
    for (int i = 0; i < nN; i++) {
      for (int j = 0; j < nN; j++) A[i][j] += fraction[p] * inverse[i][j];
      for (int j = 0; j < nT; j++) {
        for (int k = 0; k < nN; k++) X[i][j] += inverse[i][k] * Entry(&phase[p], physics, N[k], T[j]);
        B[i][j] += fraction[p] * X[i][j];
      }
    }
    for (int i = 0; i < nT; i++)
      for (int j = 0; j < nT; j++) {
        R[i][j] += fraction[p] * Entry(&phase[p], physics, T[i], T[j]);
        for (int k = 0; k < nN; k++) R[i][j] -= fraction[p] * Entry(&phase[p], physics, T[i], N[k]) * X[k][j];
      }
  }
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) C[i][j] = 0;
  for (int i = 0; i < nT; i++)
    for (int j = 0; j < nT; j++) C[T[i]][T[j]] = R[i][j];
  if (cut) return;
  Inverse(nN, A, inverse);
  for (int i = 0; i < nN; i++) {
    for (int j = 0; j < nN; j++) C[N[i]][N[j]] = inverse[i][j];
    for (int j = 0; j < nT; j++) {
      for (int k = 0; k < nN; k++) C[N[i]][T[j]] += inverse[i][k] * B[k][j];
      C[T[j]][N[i]] = C[N[i]][T[j]];
    }
  }
  for (int i = 0; i < nT; i++)
    for (int j = 0; j < nT; j++)
      for (int k = 0; k < nN; k++) C[T[i]][T[j]] += B[k][i] * C[N[k]][T[j]];
}

#endif
