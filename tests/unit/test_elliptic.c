// np: 1 2 3 4 timeout: 120
// The finite-element cell problem against mathematics: its product against 2x2x2 Gauss quadrature, its preconditioner as the inverse of that
// product, uniform cells, laminates of any anisotropy, cells whose stiffness any correct code of trilinear hexahedra must find, plane problems
// with closed forms (Obnosov's prisms, Dykhne's checkerboard).
#include "cell_cases.h"
#include "homog/elliptic.h"

static const double unit[3] = {1, 1, 1}, stretched[3] = {1, 2, 3};

// ---- The product ----
// Values in (-1/2, 1/2) on all planes; a periodic line repeats its first entry.
static void FillPlanes(const Elliptic *e, uint64_t seed, double *v)
{
  const SnaFftLayout *l = e->layout;

  for (PetscInt k = 0; k < l->points[2]; k++)
    for (PetscInt j = 0; j < l->points[1] * l->ncomp; j++) {
      double *line = v + k * l->plane + j * l->row;
      for (PetscInt x = 0; x < l->points[0]; x++)
        line[x] = SnaRandomUniform(seed, 2, (uint64_t)((k * l->points[1] * l->ncomp + j) * l->points[0] + x)) - 0.5;
      if (!e->octant) line[e->n[0]] = line[0];
    }
}

// All layers of a cell on one rank; q is zeroed before.
static void Product(SnaCell cell, double *p, double *q, const double *load, double *mean)
{
  Elliptic      *e     = (Elliptic *)cell->data;
  const PetscInt plane = e->layout->plane, points = e->layout->points[2];

  Ok(PetscArrayzero(q, (size_t)(points * plane)));
  for (PetscInt k = 0; k < e->n[2]; k++) {
    const PetscInt above = (k + 1) % points;
    e->layer(e, cell->voxels->phase + k * e->n[0] * e->n[1], p + k * plane, p + above * plane, q + k * plane,
      q + above * plane, load, mean);
  }
}

// sum over elements of int B^T C (load + B p), by quadrature in the reference coordinates.
static void Quadrature(SnaCell cell, const double *p, double *q, const double *load, double *mean)
{
  const Elliptic     *e  = (const Elliptic *)cell->data;
  const SnaFftLayout *l  = e->layout;
  const PetscInt      nc = e->ncomp;
  const int           nl = (int)e->nload;

  Ok(PetscArrayzero(q, (size_t)(l->points[2] * l->plane)));
  for (PetscInt z = 0; z < e->n[2]; z++)
    for (PetscInt y = 0; y < e->n[1]; y++)
      for (PetscInt x = 0; x < e->n[0]; x++) {
        const SnaPhase *phase = &cell->spec->phase[cell->voxels->phase[(z * e->n[1] + y) * e->n[0] + x]];
        PetscInt        at[8];
        for (int a = 0; a < 8; a++)
          at[a] = (z + (a >> 2)) % l->points[2] * l->plane + (y + ((a >> 1) & 1)) % l->points[1] * nc * l->row +
                  (x + (a & 1)) % l->points[0];
        for (int g = 0; g < 8; g++) {
          double N[8][3], strain[6], stress[6] = {0};
          for (int a = 0; a < 8; a++)
            for (int d = 0; d < 3; d++) {
              N[a][d] = 0.125;
              for (int b = 0; b < 3; b++) {
                const double node = (a >> b) & 1 ? 1 : -1, xi = ((g >> b) & 1 ? 1 : -1) / sqrt(3.0);
                N[a][d] *= b == d ? node * 2 / e->h[b] : 1 + node * xi;
              }
            }
          for (int i = 0; i < 6; i++) strain[i] = load ? load[i] : 0;
          for (int a = 0; a < 8; a++) {
            const double u[3] = {p[at[a]], nc == 3 ? p[at[a] + l->row] : 0, nc == 3 ? p[at[a] + 2 * l->row] : 0};
            for (int d = 0; d < 3; d++) strain[d] += N[a][d] * u[nc == 3 ? d : 0];
            strain[3] += N[a][2] * u[1] + N[a][1] * u[2];
            strain[4] += N[a][2] * u[0] + N[a][0] * u[2];
            if (nc == 3) strain[5] += N[a][1] * u[0] + N[a][0] * u[1];
          }
          for (int i = 0; i < nl; i++)
            for (int j = 0; j < nl; j++) stress[i] += e->volume / 8 * Entry(phase, cell->physics, i, j) * strain[j];
          for (int i = 0; i < nl; i++) mean[i] += stress[i];
          for (int a = 0; a < 8; a++) {
            const double *s = stress, *G = N[a];
            if (nc == 1)
              q[at[a]] += G[0] * s[0] + G[1] * s[1] + G[2] * s[2];
            else {
              q[at[a]] += G[0] * s[0] + G[2] * s[4] + G[1] * s[5];
              q[at[a] + l->row] += G[1] * s[1] + G[2] * s[3] + G[0] * s[5];
              q[at[a] + 2 * l->row] += G[2] * s[2] + G[1] * s[3] + G[0] * s[4];
            }
          }
        }
      }
}

static void CheckProduct(SnaPhysics physics, PetscBool octant, PetscBool isotropic, const PetscInt n[3])
{
  const double        load[6] = {.3, -.7, .2, .5, 1.1, -.4};
  SnaHomogSpec        spec    = Spec(1e-4);
  uint8_t            *image   = RandomImage(n, 3, 7);
  SnaVoxels           voxels  = Voxels(MPI_COMM_SELF, n, stretched, image);
  SnaCell             cell;
  Elliptic           *e;
  const SnaFftLayout *l;
  double             *p, *q, *reference, found[6] = {0}, expected[6] = {0}, worst = 0, largest = 0;

  AddIsotropic(&spec, 0, .3, 0);
  AddIsotropic(&spec, 2, .2, 1.5);
  if (isotropic)
    AddIsotropic(&spec, 1, .4, 1);
  else
    AddRandom(&spec, 3, 1);
  Ok(SnaCellCreate(voxels, octant, physics, 0, &spec, &cell));
  e = (Elliptic *)cell->data;
  l = e->layout;
  assert_int_equal(e->isotropic, isotropic);
  Ok(SnaFftMalloc(e->fft, l->points[2], &p));
  Ok(SnaFftMalloc(e->fft, l->points[2], &q));
  Ok(SnaFftMalloc(e->fft, l->points[2], &reference));
  FillPlanes(e, 1, p);
  Product(cell, p, q, load, found);
  Quadrature(cell, p, reference, load, expected);
  for (PetscInt k = 0; k < l->points[2]; k++)
    for (PetscInt j = 0; j < l->points[1] * l->ncomp; j++)
      for (PetscInt x = 0; x < l->points[0]; x++) {
        const PetscInt at = k * l->plane + j * l->row + x;
        worst             = fmax(worst, fabs(q[at] - reference[at]));
        largest           = fmax(largest, fabs(reference[at]));
      }
  largest = fmax(largest, 1); // forces of a single voxel cancel
  Near(worst, 0, 1e-13 * largest);
  for (PetscInt i = 0; i < e->nload; i++) Near(found[i], expected[i], 1e-12 * largest);
  Ok(SnaFftFree(&p));
  Ok(SnaFftFree(&q));
  Ok(SnaFftFree(&reference));
  Ok(SnaCellDestroy(&cell));
  Ok(SnaVoxelsDestroy(&voxels));
  Ok(PetscFree(image));
}

static void TestProduct(void **state)
{
  static const PetscInt n[][3] = {{5, 3, 4}, {9, 2, 3}, {1, 2, 3}, {7, 1, 2}, {8, 3, 1}, {1, 1, 1}};

  (void)state;
  for (size_t g = 0; g < sizeof(n) / sizeof(n[0]); g++)
    for (int i = 0; i < 8; i++)
      CheckProduct(i & 1 ? SNA_ELASTICITY : SNA_CONDUCTIVITY, (PetscBool)(i >> 1 & 1), (PetscBool)(i >> 2), n[g]);
}

// ---- The preconditioner: M K = 1 for a uniform medium, on everything but the mean; r.M r by Parseval's sum ----
static void CheckInverse(SnaPhysics physics, PetscBool octant, int load_case, const PetscInt n[3])
{
  SnaHomogSpec        spec    = Spec(1e-4);
  uint8_t            *image   = RandomImage(n, 1, 7);
  SnaVoxels           voxels  = Voxels(MPI_COMM_SELF, n, stretched, image);
  double              load[6] = {0}, *p, *q, dot = 0, worst = 0, largest = 0;
  SnaCell             cell;
  SnaCellLoad         result;
  Elliptic           *e;
  const SnaFftLayout *l;

  AddIsotropic(&spec, 2, .4, 1.5);
  Ok(SnaCellCreate(voxels, octant, physics, 0, &spec, &cell));
  load[load_case] = 1;
  Ok(SnaCellSolve(cell, load, NULL, NULL, &result)); // takes on the load's parity
  e = (Elliptic *)cell->data;
  l = e->layout;
  Ok(SnaFftMalloc(e->fft, l->points[2], &p));
  Ok(SnaFftMalloc(e->fft, l->points[2], &q));
  FillPlanes(e, 1, p);
  for (PetscInt c = 0; c < l->ncomp; c++) {
    double mean = 0;
    for (int pass = 0; pass < 2; pass++)
      for (PetscInt z = 0; z < l->points[2]; z++)
        for (PetscInt y = 0; y < l->points[1]; y++) {
          double *line = p + z * l->plane + (y * l->ncomp + c) * l->row;
          for (PetscInt x = 0; x < l->points[0]; x++) {
            const PetscInt at[3] = {x, y, z};
            if (pass == 0) mean += line[x] / (double)Count(n);
            if (pass == 1 && !octant) line[x] -= mean;
            for (int a = 0; a < 3 && octant; a++)
              if (e->kind[c][a] == SNA_FFT_DST1 && at[a] % l->n[a] == 0) line[x] = 0;
          }
          if (!octant) line[l->n[0]] = line[0];
        }
  }
  Product(cell, p, q, NULL, NULL);
  for (PetscInt z = 0; z < l->points[2]; z++)
    for (PetscInt y = 0; y < l->points[1]; y++)
      for (PetscInt c = 0; c < l->ncomp; c++)
        for (PetscInt x = 0; x < l->points[0]; x++) {
          const PetscInt at = z * l->plane + (y * l->ncomp + c) * l->row + x, i[3] = {x, y, z};
          dot += p[at] * q[at] * (octant ? 8 : 1);
          for (int a = 0; a < 3 && octant; a++) // a mirror plane has the forces of both sides
            if (i[a] % l->n[a] == 0) q[at] *= e->kind[c][a] == SNA_FFT_DST1 ? 0 : 2;
        }
  e->rho = 0;
  for (PetscInt k = 0; k < l->points[2]; k++) Ok(SnaFftForwardPlane(e->fft, q + k * l->plane));
  Ok(SnaFftSpectrum(e->fft, q, e->kernel, e));
  for (PetscInt k = 0; k < l->points[2]; k++) Ok(SnaFftBackwardPlane(e->fft, q + k * l->plane));
  for (PetscInt k = 0; k < l->points[2]; k++)
    for (PetscInt j = 0; j < l->points[1] * l->ncomp; j++)
      for (PetscInt x = 0; x < l->points[0]; x++) {
        const PetscInt at = k * l->plane + j * l->row + x;
        worst             = fmax(worst, fabs(q[at] - p[at]));
        largest           = fmax(largest, fabs(p[at]));
      }
  Near(worst, 0, 1e-12 * largest);
  Near(e->rho, dot, 1e-12 * fabs(dot));
  Ok(SnaFftFree(&p));
  Ok(SnaFftFree(&q));
  Ok(SnaCellDestroy(&cell));
  Ok(SnaVoxelsDestroy(&voxels));
  Ok(PetscFree(image));
}

static void TestPreconditioner(void **state)
{
  static const PetscInt n[][3] = {{5, 6, 4}, {8, 3, 7}, {1, 2, 3}, {7, 1, 2}, {8, 3, 1}, {2, 2, 2}};

  (void)state;
  for (size_t g = 0; g < sizeof(n) / sizeof(n[0]); g++)
    for (int i = 0; i < 6; i++) {
      CheckInverse(SNA_ELASTICITY, PETSC_FALSE, i, n[g]);
      CheckInverse(SNA_ELASTICITY, PETSC_TRUE, i, n[g]);
      if (i < 3) CheckInverse(SNA_CONDUCTIVITY, PETSC_FALSE, i, n[g]);
      if (i < 3) CheckInverse(SNA_CONDUCTIVITY, PETSC_TRUE, i, n[g]);
    }
}

// ---- Uniform cells ----
static void TestUniform(void **state)
{
  static const PetscInt n[3] = {5, 4, 7};

  (void)state;
  for (int material = 0; material < 2; material++)
    for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
      MPI_Comm     comm  = Ranks(n[2]);
      SnaHomogSpec spec  = Spec(1e-8);
      uint8_t     *image = RandomImage(n, 1, 1);
      Tensor       t;
      if (material == 0)
        AddIsotropic(&spec, 210e9, .3, 400);
      else
        AddRandom(&spec, 5, 1e-9);
      if (comm != MPI_COMM_NULL) {
        Homogenise(comm, n, stretched, image, PETSC_FALSE, physics, &spec, &t);
        assert_true(t.converged);
        for (int i = 0; i < Loads(physics); i++) {
          assert_true(t.iterations[i] <= 1);
          for (int j = 0; j < Loads(physics); j++)
            Near(t.C[i][j], Entry(&spec.phase[0], physics, i, j), 1e-14 * Entry(&spec.phase[0], physics, 0, 0));
        }
        MPI_Comm_free(&comm);
      }
      Ok(PetscFree(image));
    }
}

// ---- Laminates ----
static void CheckLaminate(SnaPhysics physics, int axis, const SnaHomogSpec *spec, const double h[3])
{
  static const uint8_t layer[7]    = {0, 1, 1, 2, 0, 2, 1};
  PetscInt             n[3]        = {3, 2, 4};
  double               fraction[3] = {2 / 7.0, 3 / 7.0, 2 / 7.0}, C[6][6];
  MPI_Comm             comm;
  uint8_t             *image;
  Tensor               t;

  n[axis] = 7;
  image   = RandomImage(n, 1, 1);
  for (PetscInt k = 0, at = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++, at++) image[at] = layer[axis == 0 ? i : axis == 1 ? j : k];
  comm = Ranks(n[2]);
  if (comm != MPI_COMM_NULL) {
    Laminate(physics, axis, 3, spec->phase, fraction, C);
    Homogenise(comm, n, h, image, PETSC_FALSE, physics, spec, &t);
    assert_true(t.converged);
    Near(Difference(t.C, C), 0, 1e-10);
    MPI_Comm_free(&comm);
  }
  Ok(PetscFree(image));
}

static void TestLaminates(void **state)
{
  (void)state;
  for (int axis = 0; axis < 3; axis++)
    for (SnaPhysics physics = SNA_ELASTICITY; physics <= SNA_CONDUCTIVITY; physics++) {
      SnaHomogSpec spec = Spec(1e-8);
      AddIsotropic(&spec, 0, .3, 0); // free plates of two materials
      AddIsotropic(&spec, 1, .3, 1);
      AddIsotropic(&spec, 3, .2, 2);
      CheckLaminate(physics, axis, &spec, stretched);
      if (Crowded()) continue;
      spec.nphase = 1;
      AddRandom(&spec, 11, 1);
      AddRandom(&spec, 12, 4);
      CheckLaminate(physics, axis, &spec, stretched);
      spec.nphase = 0;
      AddOrthotropic(&spec, .5);
      AddRandom(&spec, 12, 4);
      AddRandom(&spec, 13, 1);
      CheckLaminate(physics, axis, &spec, stretched);
      spec.nphase = 0;
      AddIsotropic(&spec, 1, .3, 1);
      AddIsotropic(&spec, 5, .1, 10);
      AddIsotropic(&spec, .2, .45, .03);
      CheckLaminate(physics, axis, &spec, unit);
      CheckLaminate(physics, axis, &spec, stretched);
      for (int i = 0; i < 3; i++) spec.phase[i].isotropic = PETSC_FALSE; // the 21 constants of the same
      CheckLaminate(physics, axis, &spec, stretched);
    }
}

// Backus, J. Geophys. Res. 67 (1962) 4427: isotropic layers, here of 3:4, against which the closed form of the other laminates is checked as well.
static void TestBackus(void **state)
{
  const double f[2] = {3 / 7.0, 4 / 7.0};
  double       C[6][6], M = 0, L = 0, mu = 0, compliance = 0, P = 0, Q = 0;
  SnaHomogSpec spec = Spec(1e-8);

  (void)state;
  AddIsotropic(&spec, 1, .3, 1);
  AddIsotropic(&spec, 7, .2, 1);
  for (int p = 0; p < 2; p++) {
    const double lambda = spec.phase[p].C[0][1], m = spec.phase[p].C[3][3];
    M += f[p] / (lambda + 2 * m);
    L += f[p] * lambda / (lambda + 2 * m);
    P += f[p] * 4 * m * (lambda + m) / (lambda + 2 * m);
    Q += f[p] * 2 * m * lambda / (lambda + 2 * m);
    mu += f[p] * m;
    compliance += f[p] / m;
  }
  Laminate(SNA_ELASTICITY, 0, 2, spec.phase, f, C);
  Near(C[0][0], 1 / M, 1e-13);
  Near(C[0][1], L / M, 1e-13);
  Near(C[0][2], L / M, 1e-13);
  Near(C[1][1], P + L * L / M, 1e-13);
  Near(C[1][2], Q + L * L / M, 1e-13);
  Near(C[3][3], mu, 1e-13);
  Near(C[4][4], 1 / compliance, 1e-13);
  Near(C[5][5], 1 / compliance, 1e-13);
  Near(C[0][3] + C[2][4] + C[3][5], 0, 1e-13);
}

// ---- Numbers of homogenisation.md, 5.4: the discretisation is unique, so are its numbers ----
static uint8_t *Frame(const PetscInt n[3])
{
  uint8_t *image = RandomImage(n, 1, 1);

  for (PetscInt k = 0, at = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++, at++) image[at] = (4 * i < n[0]) + (4 * j < n[1]) + (4 * k < n[2]) >= 2;
  return image;
}

static uint8_t *VoidSphere(const PetscInt n[3])
{
  uint8_t *image = RandomImage(n, 1, 1);

  for (PetscInt k = 0, at = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++, at++) {
        const PetscInt x = 2 * i + 1 - n[0], y = 2 * j + 1 - n[1], z = 2 * k + 1 - n[2];
        image[at] = (x * x + y * y + z * z) * 25 >= 16 * n[0] * n[0];
      }
  return image;
}

static void CheckCubic(uint8_t *(*shape)(const PetscInt n[3]), PetscInt edge, double C11, double C12, double C44)
{
  const PetscInt n[3]  = {edge, edge, edge};
  uint8_t       *image = shape(n);
  SnaHomogSpec   spec  = Spec(1e-5);
  Tensor         t;

  AddIsotropic(&spec, 0, .3, 0);
  AddIsotropic(&spec, 1, .3, 1);
  Homogenise(PETSC_COMM_WORLD, n, unit, image, PETSC_FALSE, SNA_ELASTICITY, &spec, &t);
  assert_true(t.converged);
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) {
      if (i < 3 && j < 3)
        Near(t.C[i][j], i == j ? C11 : C12, 1e-6 * C11);
      else
        Near(t.C[i][j], i == j ? C44 : 0, (i == j ? 1e-6 : 1e-8) * C44);
    }
  Ok(PetscFree(image));
}

static void TestNumbers(void **state)
{
  (void)state;
  CheckCubic(Frame, 8, .071376610, .005713869, .003687958);
  if (Crowded()) return;
  CheckCubic(Frame, 16, .069675674, .005480022, .003120177);
  CheckCubic(VoidSphere, 16, .749618002, .254652762, .204552535);
  if (RanksOf(PETSC_COMM_WORLD) == 1) CheckCubic(VoidSphere, 32, .745890385, .253703634, .204818447);
}

// ---- Plane problems of conduction, in one layer of voxels ----
static double Plane(PetscInt n, double k0, double k1, PetscBool checkerboard)
{
  const PetscInt size[3] = {n, n, 1};
  uint8_t       *image   = RandomImage(size, 1, 1);
  SnaHomogSpec   spec    = Spec(1e-6);
  Tensor         t;

  AddIsotropic(&spec, 1, .3, k0);
  AddIsotropic(&spec, 1, .3, k1);
  for (PetscInt j = 0; j < n; j++)
    for (PetscInt i = 0; i < n; i++)
      image[j * n + i] = checkerboard ? (2 * i < n) == (2 * j < n) : 2 * i < n && 2 * j < n;
  Homogenise(MPI_COMM_SELF, size, unit, image, PETSC_FALSE, SNA_CONDUCTIVITY, &spec, &t);
  Near(t.C[0][0], t.C[1][1], 1e-9);
  Near(t.C[0][1], 0, 1e-9);
  Ok(PetscFree(image));
  return t.C[0][0];
}

// Square prisms of half the edge: k0 sqrt((k0 + 3 k1)/(3 k0 + k1)) (Obnosov, SIAM J. Appl. Math. 59 (1999) 1267). Trial functions: from above.
static void TestPrisms(void **state)
{
  static const double k1[2] = {.1, 10};

  (void)state;
  for (int i = 0; i < 2; i++) {
    const double exact = sqrt((1 + 3 * k1[i]) / (3 + k1[i]));
    const double e16 = Plane(16, 1, k1[i], PETSC_FALSE) / exact - 1, e32 = Plane(32, 1, k1[i], PETSC_FALSE) / exact - 1,
                 e64 = Plane(64, 1, k1[i], PETSC_FALSE) / exact - 1;
    assert_true(e64 > 0 && e32 <= .004);
    assert_true(e32 <= .5 * e16 && e64 <= .5 * e32);
  }
}

// sqrt(k0 k1), also for exchanged phases (Dykhne, Sov. Phys. JETP 32 (1971) 63), again from above. At the corners the potential is r^a times a function
// of the angle, a = (4/pi) atan(sqrt(k0/k1)), which makes the error of the energy h^(2a).
static void TestCheckerboard(void **state)
{
  const double exact = sqrt(10.0), a = 4 / PETSC_PI * atan(sqrt(.1));
  double       before = 1, ratio = 0;

  (void)state;
  for (PetscInt n = 8; n <= 64; n *= 2) {
    const double e = Plane(n, 1, 10, PETSC_TRUE) / exact - 1;
    Near(Plane(n, 10, 1, PETSC_TRUE) / exact - 1, e, 1e-9);
    assert_true(e > 0);
    ratio  = e / before;
    before = e;
  }
  Near(ratio, pow(2, -2 * a), .02);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestUniform),
    cmocka_unit_test(TestLaminates),
    cmocka_unit_test(TestNumbers),
  };
  const struct CMUnitTest alone[] = {
    cmocka_unit_test(TestProduct),
    cmocka_unit_test(TestPreconditioner),
    cmocka_unit_test(TestBackus),
    cmocka_unit_test(TestPrisms),
    cmocka_unit_test(TestCheckerboard),
  };
  int failed;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  if (RanksOf(PETSC_COMM_WORLD) == 1) failed += cmocka_run_group_tests(alone, NULL, NULL);
  PetscCall(PetscFinalize());
  return failed;
}
