// np: 1 2 3 timeout: 240
// Permeability of a cell: closed forms of channels, a dense solution of the primal equations, published spheres, octants, ranks, fields.
#include <sna/homog.h>
#include <petscblaslapack.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

enum { WALLS, OPEN }; // variants

static void near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

// ---------------------------------------------------------------------------------------------------------------------
// A problem: image[] holds the whole grid on every rank, 1 is solid
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  MPI_Comm     comm;
  PetscInt     n[3];
  double       h[3];
  uint8_t     *image;
  PetscBool    octant;
  PetscInt     variant;
  double       rtol;
  SnaHomogSpec spec;
  SnaVoxels    voxels;
  SnaCell      cell;
} Problem;

static size_t Size(const PetscInt n[3])
{
  return (size_t)n[0] * (size_t)n[1] * (size_t)n[2];
}

static size_t At(const PetscInt n[3], PetscInt i, PetscInt j, PetscInt k)
{
  return (size_t)((k * n[1] + j) * n[0] + i);
}

static Problem Grid(PetscInt nx, PetscInt ny, PetscInt nz)
{
  Problem P = {.comm = PETSC_COMM_SELF, .n = {nx, ny, nz}, .h = {1, 1, 1}, .rtol = 1e-12};
  Ok(PetscCalloc1(Size(P.n), &P.image));
  return P;
}

static void Create(Problem *P)
{
  const size_t plane = (size_t)(P->n[0] * P->n[1]);

  P->spec                        = (SnaHomogSpec){.nphase = 2, .max_it = 500, .tuning = {.effort = "estimate"}};
  P->spec.phase[0]               = (SnaPhase){.name = "water", .value = 0, .fluid = PETSC_TRUE};
  P->spec.phase[1]               = (SnaPhase){.name = "rock", .value = 1};
  P->spec.rtol[SNA_PERMEABILITY] = P->rtol;
  Ok(SnaVoxelsCreate(P->comm, P->n, P->h, &P->voxels));
  Ok(PetscArraycpy(P->voxels->phase, P->image + (size_t)P->voxels->z0 * plane, (size_t)P->voxels->nz * plane));
  Ok(SnaCellCreate(P->voxels, P->octant, SNA_PERMEABILITY, P->variant, &P->spec, &P->cell));
}

static void Destroy(Problem *P)
{
  Ok(SnaCellDestroy(&P->cell));
  Ok(SnaVoxelsDestroy(&P->voxels));
}

static SnaCellLoad Flow(Problem *P, PetscInt axis)
{
  double      load[3] = {0, 0, 0};
  SnaCellLoad result;

  load[axis] = 1;
  Ok(SnaCellSolve(P->cell, load, NULL, NULL, &result));
  assert_true(result.converged && !result.stopped && !result.breakdown);
  return result;
}

static SnaCellLoad Solve(Problem *P, PetscInt axis)
{
  SnaCellLoad result;

  Create(P);
  result = Flow(P, axis);
  Destroy(P);
  return result;
}

// A random image of the given share of solid.
static void Random(Problem *P, uint64_t seed, double fraction)
{
  for (size_t v = 0; v < Size(P->n); v++) P->image[v] = SnaRandomUniform(seed, 0, v) < fraction ? 1 : 0;
}

static void Sphere(Problem *P, double radius)
{
  for (PetscInt k = 0; k < P->n[2]; k++)
    for (PetscInt j = 0; j < P->n[1]; j++)
      for (PetscInt i = 0; i < P->n[0]; i++) {
        const double x = ((double)i + 0.5) / (double)P->n[0] - 0.5, y = ((double)j + 0.5) / (double)P->n[1] - 0.5,
                     z              = ((double)k + 0.5) / (double)P->n[2] - 0.5;
        P->image[At(P->n, i, j, k)] = x * x + y * y + z * z <= radius * radius ? 1 : 0;
      }
}

// ---------------------------------------------------------------------------------------------------------------------
// Closed forms
// ---------------------------------------------------------------------------------------------------------------------
// w of n layers normal to an axis are fluid: k = h^2 (w^3 + 2w)/(12n); without the walls' half voxels ((w+1)^3 - (w+1))/(12n). The solid begins in the
// middle, so that the channel goes round the period.
static void TestChannel(void **state)
{
  const double h[3] = {0.5, 2, 3}, w = 12, n = 16;

  (void)state;
  for (PetscInt normal = 0; normal < 3; normal++)
    for (PetscInt other = 1; other < 3; other++)
      for (PetscInt variant = 0; variant < 2; variant++) {
        const PetscInt axis  = (normal + other) % 3;
        const double   exact = (variant == WALLS ? pow(w, 3) + 2 * w : pow(w + 1, 3) - (w + 1)) / (12 * n);
        Problem        P     = Grid(normal == 0 ? 16 : 5, normal == 1 ? 16 : 4, normal == 2 ? 16 : 3);
        SnaCellLoad    result;

        for (PetscInt k = 0; k < P.n[2]; k++)
          for (PetscInt j = 0; j < P.n[1]; j++)
            for (PetscInt i = 0; i < P.n[0]; i++) {
              const PetscInt at         = normal == 0 ? i : normal == 1 ? j : k;
              P.image[At(P.n, i, j, k)] = at >= 7 && at < 11 ? 1 : 0;
            }
        P.comm    = PETSC_COMM_WORLD;
        P.variant = variant;
        for (PetscInt a = 0; a < 3; a++) P.h[a] = h[a];
        result = Solve(&P, axis);
        near(1 / result.mean[axis] / (exact * h[normal] * h[normal]), 1, 1e-10);
        near(result.mean[normal], 0, 1e-10 * result.mean[axis]);
        Ok(PetscFree(P.image));
      }
}

// A square duct of half the cell's width: k = 0.0351442537 a^4/L^2 in the limit, of second order where walls lie on faces of voxels.
static void TestDuct(void **state)
{
  double error[2], k[2];

  (void)state;
  for (PetscInt m = 0; m < 2; m++) {
    const PetscInt n = 16 << m, a = n / 2;
    Problem        P     = Grid(3, n, n);
    const double   exact = 0.0351442537 * pow((double)a, 4) / (double)(n * n);
    for (PetscInt z = 0; z < n; z++)
      for (PetscInt y = 0; y < n; y++)
        for (PetscInt x = 0; x < 3; x++) P.image[At(P.n, x, y, z)] = y < a && z < a ? 0 : 1;
    for (P.variant = 0; P.variant < 2; P.variant++) k[P.variant] = 1 / Solve(&P, 0).mean[0];
    assert_true(k[OPEN] > k[WALLS]);
    error[m] = fabs(k[WALLS] / exact - 1);
    Ok(PetscFree(P.image));
  }
  assert_true(error[0] < 0.07 && error[1] < 0.27 * error[0]);
}

// SC arrays of spheres, k/L^2 of the staggered grid as given in doc/homogenisation.md; iterations of the solid fraction 0.125 as there.
static void TestSpheres(void **state)
{
  const double expected[2][2] = {{1.2379e-2, 1.4130e-2}, {2.320e-3, 2.750e-3}};
  const double rtol[3]        = {1e-3, 1e-4, 1e-6};
  const int    most[3]        = {14, 19, 28};
  Problem      P              = Grid(32, 32, 32);
  SnaCellLoad  result;

  (void)state;
  P.rtol = 1e-6;
  for (int m = 0; m < 2; m++) {
    Sphere(&P, m == 0 ? 0.4 : 0.5);
    for (P.variant = 0; P.variant < 2; P.variant++)
      near(1 / Solve(&P, m).mean[m] / 1024, expected[m][P.variant], 0.51e-6);
  }
  Sphere(&P, cbrt(0.125 * 3 / (4 * PETSC_PI)));
  P.variant = WALLS;
  for (int m = 0; m < 3; m++) {
    P.rtol = rtol[m];
    result = Solve(&P, 2);
    assert_true(result.iterations > 3 && result.iterations <= most[m]);
    assert_true(result.residual < rtol[m] && result.seconds > 0);
  }
  Ok(PetscFree(P.image));
}

// ---------------------------------------------------------------------------------------------------------------------
// The primal equations with pressure, all unknowns at once:   -Lap u + walls u + grad p = e_j on fluid faces, div u = 0 in fluid voxels
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const Problem *P;
  PetscBLASInt   size;
  PetscBLASInt  *face, *voxel; // unknown of face [c*N + x], of voxel [x]; -1: none
  double        *matrix;       // column by column
} Dense;

static size_t Beside(const Problem *P, size_t x, PetscInt a, PetscInt step)
{
  PetscInt at[3] = {(PetscInt)x % P->n[0], (PetscInt)x / P->n[0] % P->n[1], (PetscInt)x / P->n[0] / P->n[1]};
  at[a]          = (at[a] + step + P->n[a]) % P->n[a];
  return At(P->n, at[0], at[1], at[2]);
}

static void Entry(const Dense *D, PetscBLASInt row, PetscBLASInt column, double value)
{
  if (column >= 0) D->matrix[(size_t)column * (size_t)D->size + (size_t)row] += value;
}

static void Assemble(const Dense *D)
{
  const Problem *P = D->P;
  const size_t   N = Size(P->n);

  for (size_t x = 0; x < N; x++) {
    for (PetscInt c = 0; c < 3; c++) {
      const PetscBLASInt row = D->face[(size_t)c * N + x];
      if (row < 0) continue;
      for (PetscInt a = 0; a < 3; a++) {
        const double h2 = P->h[a] * P->h[a];
        for (PetscInt step = -1; step <= 1; step += 2) {
          const PetscBLASInt beside = D->face[(size_t)c * N + Beside(P, x, a, step)];
          Entry(D, row, row, (beside < 0 && a != c && P->variant == WALLS ? 2 : 1) / h2);
          Entry(D, row, beside, -1 / h2);
        }
      }
      Entry(D, row, D->voxel[x], 1 / P->h[c]);
      Entry(D, row, D->voxel[Beside(P, x, c, -1)], -1 / P->h[c]);
    }
    if (D->voxel[x] < 0) continue;
    for (PetscInt c = 0; c < 3; c++) {
      Entry(D, D->voxel[x], D->face[(size_t)c * N + Beside(P, x, c, 1)], 1 / P->h[c]);
      Entry(D, D->voxel[x], D->face[(size_t)c * N + x], -1 / P->h[c]);
    }
    Entry(D, D->voxel[x], D->voxel[x], -1e-11); // a pressure is known up to a constant
  }
}

// K[i][j]: mean velocity along i for a unit force per volume along j.
static void DensePermeability(const Problem *P, double K[3][3])
{
  const size_t N     = Size(P->n);
  PetscBLASInt three = 3, info, *pivot;
  double      *force;
  Dense        D = {.P = P};

  Ok(PetscMalloc2(3 * N, &D.face, N, &D.voxel));
  for (PetscInt c = 0; c < 3; c++)
    for (size_t x = 0; x < N; x++)
      D.face[(size_t)c * N + x] = P->image[x] || P->image[Beside(P, x, c, -1)] ? -1 : D.size++;
  for (size_t x = 0; x < N; x++) D.voxel[x] = P->image[x] ? -1 : D.size++;
  Ok(PetscCalloc3((size_t)D.size * (size_t)D.size, &D.matrix, 3 * (size_t)D.size, &force, (size_t)D.size, &pivot));
  Assemble(&D);
  for (size_t c = 0; c < 3; c++)
    for (size_t x = 0; x < N; x++)
      if (D.face[c * N + x] >= 0) force[c * (size_t)D.size + (size_t)D.face[c * N + x]] = 1;
  LAPACKgesv_(&D.size, &three, D.matrix, &D.size, pivot, force, &D.size, &info);
  assert_int_equal(info, 0);
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 3; j++) {
      K[i][j] = 0;
      for (size_t x = 0; x < N; x++)
        if (D.face[i * N + x] >= 0) K[i][j] += force[j * (size_t)D.size + (size_t)D.face[i * N + x]] / (double)N;
    }
  Ok(PetscFree3(D.matrix, force, pivot));
  Ok(PetscFree2(D.face, D.voxel));
}

// K R = 1 on small random images of odd shape with voxels that are no cubes: geometry, signs, walls, weights of all axes. And R is symmetric, positive.
static void TestDense(void **state)
{
  (void)state;
  for (uint64_t seed = 0; seed < 4; seed++) {
    Problem P = Grid(4, 5, 6);
    double  K[3][3], R[3][3];

    P.h[0]    = 0.7;
    P.h[1]    = 1.3;
    P.variant = seed % 2;
    Random(&P, seed, 0.2);
    DensePermeability(&P, K);
    Create(&P);
    for (PetscInt j = 0; j < 3; j++) {
      const SnaCellLoad result = Flow(&P, j);
      for (PetscInt i = 0; i < 3; i++) R[i][j] = result.mean[i];
      assert_true(R[j][j] > 0);
    }
    Destroy(&P);
    for (PetscInt i = 0; i < 3; i++)
      for (PetscInt j = 0; j < 3; j++) {
        near(K[i][0] * R[0][j] + K[i][1] * R[1][j] + K[i][2] * R[2][j], i == j, 1e-9);
        near(R[i][j], R[j][i], 1e-9 * R[i][i]);
      }
    Ok(PetscFree(P.image));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Equalities
// ---------------------------------------------------------------------------------------------------------------------
// All ranks together as each one alone.
static void TestRanks(void **state)
{
  Problem P = Grid(5, 7, 12);

  (void)state;
  Random(&P, 11, 0.2);
  P.h[2] = 1.5;
  for (P.variant = 0; P.variant < 2; P.variant++)
    for (PetscInt axis = 0; axis < 3; axis++) {
      SnaCellLoad together, alone;
      P.comm   = PETSC_COMM_WORLD;
      together = Solve(&P, axis);
      P.comm   = PETSC_COMM_SELF;
      alone    = Solve(&P, axis);
      for (PetscInt i = 0; i < 3; i++) near(together.mean[i], alone.mean[i], 1e-10 * alone.mean[axis]);
    }
  Ok(PetscFree(P.image));
}

// A smooth open octant with solid and fluid on its mirrors.
static void Octant(Problem *P)
{
  for (PetscInt k = 0; k < P->n[2]; k++)
    for (PetscInt j = 0; j < P->n[1]; j++)
      for (PetscInt i = 0; i < P->n[0]; i++) {
        const double x = PETSC_PI * ((double)i + 0.5) / (double)P->n[0],
                     y = PETSC_PI * ((double)j + 0.5) / (double)P->n[1],
                     z = PETSC_PI * ((double)k + 0.5) / (double)P->n[2];
        const double g = cos(x) + cos(y) + 0.8 * cos(z) + 0.6 * cos(2 * x) * cos(y) - 0.4 * cos(3 * y) * cos(2 * z);
        P->image[At(P->n, i, j, k)] = g > 0.3 ? 1 : 0;
      }
}

// The octant of a cell with three mirrors gives what the cell gives, properties and velocities.
static void TestOctant(void **state)
{
  const PetscInt n[3] = {7, 8, 9};
  Problem        part = Grid(n[0], n[1], n[2]), whole = Grid(2 * n[0], 2 * n[1], 2 * n[2]);

  (void)state;
  part.octant = PETSC_TRUE;
  part.comm   = PETSC_COMM_WORLD;
  part.h[1] = whole.h[1] = 1.25; // every rank has all of the whole cell
  Octant(&part);
  for (PetscInt k = 0; k < whole.n[2]; k++)
    for (PetscInt j = 0; j < whole.n[1]; j++)
      for (PetscInt i = 0; i < whole.n[0]; i++)
        whole.image[At(whole.n, i, j, k)] = part.image[At(
          n, i < n[0] ? i : 2 * n[0] - 1 - i, j < n[1] ? j : 2 * n[1] - 1 - j, k < n[2] ? k : 2 * n[2] - 1 - k)];
  for (part.variant = whole.variant = 0; part.variant < 2; whole.variant = ++part.variant) {
    Create(&part);
    Create(&whole);
    for (PetscInt axis = 2; axis >= 0; axis--) {
      const SnaCellLoad a = Flow(&part, axis), b = Flow(&whole, axis);
      const PetscInt    z0 = part.voxels->z0, nz = part.voxels->nz;
      float            *u, *v;

      for (PetscInt i = 0; i < 3; i++) near(a.mean[i], b.mean[i], 1e-10 * b.mean[axis]);
      assert_true(a.iterations <= b.iterations + 1);
      Ok(PetscMalloc2(3 * (size_t)nz * (size_t)(n[0] * n[1]), &u, 3 * Size(whole.n), &v));
      Ok(SnaCellGetField(part.cell, 0, u));
      Ok(SnaCellGetField(whole.cell, 0, v));
      for (PetscInt k = 0; k < nz; k++)
        for (PetscInt c = 0; c < 3; c++)
          for (PetscInt j = 0; j < n[1]; j++)
            for (PetscInt i = 0; i < n[0]; i++)
              near((double)u[((k * 3 + c) * n[1] + j) * n[0] + i],
                (double)v[(((k + z0) * 3 + c) * whole.n[1] + j) * whole.n[0] + i], 2e-6);
      Ok(PetscFree2(u, v));
    }
    Destroy(&part);
    Destroy(&whole);
  }
  Ok(PetscFree(part.image));
  Ok(PetscFree(whole.image));
}

// k is an area.
static void TestScaling(void **state)
{
  Problem P = Grid(6, 5, 7);
  double  k;

  (void)state;
  Random(&P, 3, 0.2);
  k = 1 / Solve(&P, 1).mean[1];
  for (PetscInt a = 0; a < 3; a++) P.h[a] = 1e-3;
  near(1 / Solve(&P, 1).mean[1] / k, 1e-6, 1e-15);
  Ok(PetscFree(P.image));
}

// ---------------------------------------------------------------------------------------------------------------------
// Fields, and how a solve may end
// ---------------------------------------------------------------------------------------------------------------------
// Between plates u = g (x (w - x)/2 + h^2/8), g = U/k, at the distance x of a voxel's centre from the wall; zero in the solid.
static void TestFields(void **state)
{
  const PetscInt      w = 6;
  Problem             P = Grid(4, 5, 9);
  const SnaCellField *fields;
  PetscInt            nfield, at = 0;
  float              *u, *speed;
  double              load[3] = {0, -2, 0};
  SnaCellLoad         result;

  (void)state;
  P.comm = PETSC_COMM_WORLD;
  for (size_t x = (size_t)(w * 20); x < Size(P.n); x++) P.image[x] = 1;
  P.h[2] = 0.5;
  Create(&P);
  Ok(SnaCellGetFields(P.cell, &nfield, &fields));
  assert_int_equal(nfield, 2);
  assert_string_equal(fields[0].name, "velocity");
  assert_int_equal(fields[0].ncomp, 3);
  assert_string_equal(fields[1].name, "speed");
  assert_int_equal(fields[1].ncomp, 1);
  Ok(SnaCellSolve(P.cell, load, NULL, NULL, &result));
  Ok(PetscMalloc2((size_t)P.voxels->nz * 60, &u, (size_t)P.voxels->nz * 20, &speed));
  Ok(SnaCellGetField(P.cell, 0, u));
  Ok(SnaCellGetField(P.cell, 1, speed));
  for (PetscInt k = 0; k < P.voxels->nz; k++) {
    const double x = ((double)(k + P.voxels->z0) + 0.5) * P.h[2], width = (double)w * P.h[2];
    const double exact = k + P.voxels->z0 < w ? result.mean[1] * (x * (width - x) / 2 + P.h[2] * P.h[2] / 8) : 0;
    for (PetscInt c = 0; c < 3; c++)
      for (PetscInt i = 0; i < 20; i++) near((double)u[(k * 3 + c) * 20 + i], c == 1 ? exact : 0, 1e-6);
    for (PetscInt i = 0; i < 20; i++) near((double)speed[at++], fabs(exact), 1e-6);
  }
  Ok(PetscFree2(u, speed));
  Destroy(&P);
  Ok(PetscFree(P.image));
}

static PetscErrorCode StopAtThree(void *ctx, const SnaHomogIteration *it, PetscBool *stop)
{
  (*(PetscInt *)ctx)++;
  assert_int_equal(it->it, *(PetscInt *)ctx);
  assert_int_equal(it->physics, SNA_PERMEABILITY);
  assert_int_equal(it->load, 2);
  *stop = (PetscBool)(it->it == 3);
  return 0;
}

static void TestEnds(void **state)
{
  const double load[3] = {0, 0, 1}, none[3] = {0, 0, 0};
  Problem      P     = Grid(16, 16, 16);
  PetscInt     calls = 0;
  SnaCellLoad  result;

  (void)state;
  P.comm = PETSC_COMM_WORLD;
  for (P.octant = PETSC_FALSE; P.octant <= PETSC_TRUE; P.octant++) { // nothing solid
    result = Solve(&P, 0);
    assert_int_equal(result.iterations, 0);
    for (PetscInt i = 0; i < 3; i++) near(result.mean[i], 0, 0);
  }
  P.octant = PETSC_FALSE;
  Sphere(&P, 0.4);
  Create(&P);
  Ok(SnaCellSolve(P.cell, none, NULL, NULL, &result)); // no flow
  assert_true(result.converged && result.iterations == 0 && result.mean[0] == 0);
  Ok(SnaCellSolve(P.cell, load, StopAtThree, &calls, &result));
  assert_true(result.stopped && !result.converged && result.iterations == 3 && calls == 3);
  P.spec.max_it = 5;
  Ok(SnaCellSolve(P.cell, load, NULL, NULL, &result));
  assert_true(!result.stopped && !result.converged && result.iterations == 5);
  Destroy(&P);
  for (size_t x = 0; x < Size(P.n); x++) P.image[x] = x < 512 ? 1 : 0; // a wall across the flow
  Create(&P);
  Ok(SnaCellSolve(P.cell, load, NULL, NULL, &result));
  assert_true(!result.converged && isfinite(result.mean[2]) && isfinite(result.residual));
  Destroy(&P);
  Ok(PetscFree(P.image));
}

// Two by two voxels: every face carries a force, so that the Laplacian of the preconditioner has a null space. The closed form is that of four equal velocities
// with two walls each, 4 mu u/h^2 = -dp/dz: k = (4/64) h^2/4.
static void TestNarrowDuct(void **state)
{
  Problem P = Grid(8, 8, 8);

  (void)state;
  for (size_t x = 0; x < Size(P.n); x++) P.image[x] = x % 8 / 2 == 1 && x / 8 % 8 / 2 == 1 ? 0 : 1;
  P.rtol = 1e-8;
  const SnaCellLoad result = Solve(&P, 2);
  assert_true(result.converged && !result.breakdown);
  assert_true(fabs(1 / result.mean[2] / (P.h[2] * P.h[2]) - 4.0 / 64 / 4) < 1e-8);
  Ok(PetscFree(P.image));
}

// The error of k is quadratic in the residual, and estimated within a factor of twenty.
static void TestError(void **state)
{
  Problem P = Grid(20, 20, 20);
  double  exact;

  (void)state;
  Sphere(&P, 0.5);
  P.rtol = 1e-10;
  exact  = Solve(&P, 0).mean[0];
  for (P.rtol = 1e-2; P.rtol > 1e-5; P.rtol *= 0.1) {
    const SnaCellLoad result = Solve(&P, 0);
    const double      error  = 1 - result.mean[0] / exact;
    assert_true(error > 0 && error < 10 * P.rtol * P.rtol);
    assert_true(result.error > 0.05 * error && result.error < 20 * error + 1e-12);
  }
  Ok(PetscFree(P.image));
}

// Room for 128^3 voxels: at most 110 bytes per voxel.
static void TestMemory(void **state)
{
  const PetscInt n[3] = {128, 128, 128};

  (void)state;
  for (PetscMPIInt size = 1; size <= 4; size *= 2)
    assert_true((double)size * SnaCellMemory(n, PETSC_FALSE, SNA_PERMEABILITY, size, 0) < 110.0 * (double)Size(n));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestChannel),
    cmocka_unit_test(TestDuct),
    cmocka_unit_test(TestSpheres),
    cmocka_unit_test(TestDense),
    cmocka_unit_test(TestRanks),
    cmocka_unit_test(TestOctant),
    cmocka_unit_test(TestScaling),
    cmocka_unit_test(TestFields),
    cmocka_unit_test(TestEnds),
    cmocka_unit_test(TestNarrowDuct),
    cmocka_unit_test(TestError),
    cmocka_unit_test(TestMemory),
  };
  int failed;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failed;
}
