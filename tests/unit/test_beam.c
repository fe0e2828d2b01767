// timeout: 30
// The cantilever of cells: deflection against closed forms, error measures against their defining integrals, the row against a laminate solved layer by layer.
#include <sna/homog.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MAX 640

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance * fabs(b))) fail_msg("%.17g is not %.17g to %g (off by %g)", a, b, tolerance, a - b);
}

static double Random(uint64_t stream, PetscInt i)
{
  return SnaRandomUniform(11, stream, (uint64_t)i);
}

// ---- Deflection ----
static void TestUniform(void **state)
{
  const PetscInt n[]    = {1, 2, 7, 40};
  const double   edge[] = {1, 0.25, 3}, young = 2.5, shear = 0.7;
  double         E[MAX], G[MAX], bending, slope;

  (void)state;
  for (int i = 0; i < 40; i++) {
    E[i] = young;
    G[i] = shear;
  }
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 3; j++) {
      const double length = (double)n[i] * edge[j], area = edge[j] * edge[j], inertia = edge[j] * pow(edge[j], 3) / 12;
      SnaBeamDeflection(n[i], edge[j], E, G, &bending, &slope);
      Near(bending, pow(length, 3) / (3 * young * inertia), 1e-13);
      Near(slope, length / (5.0 / 6 * shear * area), 1e-13);
    }
}

// Stiff from the root to the middle, soft beyond: Mohr's integral of the two halves.
static void TestTwoParts(void **state)
{
  const double E[] = {4, 4, 4, 0.5, 0.5, 0.5}, G[] = {1, 1, 1, 0.25, 0.25, 0.25}, length = 6, inertia = 1.0 / 12;
  double       bending, slope;

  (void)state;
  SnaBeamDeflection(6, 1, E, G, &bending, &slope);
  Near(bending, (pow(length, 3) - pow(length / 2, 3)) / (3 * 4 * inertia) + pow(length / 2, 3) / (3 * 0.5 * inertia),
    1e-13);
  Near(slope, 1.2 * (3 / 1.0 + 3 / 0.25), 1e-13);
}

// E = E0 (1 - b x/L): with g = 1 - b,  w = L^3/(E0 I b^3) (1/2 - 2g + 3g^2/2 - g^2 ln g). Cells take it at their centres: second order.
static void TestTaper(void **state)
{
  const double edge = 0.1, b = 0.8, g = 1 - b, inertia = pow(edge, 4) / 12;
  double       E[MAX], G[MAX], before = 0;

  (void)state;
  for (PetscInt n = 40; n <= 640; n *= 4) {
    const double length = (double)n * edge;
    double       bending, slope, exact, error;
    for (PetscInt i = 0; i < n; i++) {
      E[i] = 3 * (1 - b * ((double)i + 0.5) / (double)n);
      G[i] = 1;
    }
    SnaBeamDeflection(n, edge, E, G, &bending, &slope);
    exact = pow(length, 3) / (3 * inertia * b * b * b) * (0.5 - 2 * g + 1.5 * g * g - g * g * log(g));
    error = fabs(bending / exact - 1);
    if (before > 0) Near(before / error, 16, 0.02);
    before = error;
  }
  assert_true(before < 1e-6);
}

// ---- Comparison ----
// Curvatures by Simpson's rule, which is exact for squares of the moment.
static void TestMeasures(void **state)
{
  enum { N = 23 };
  static const double weight[3] = {1.0 / 6, 4.0 / 6, 1.0 / 6};
  double E[N], G[N], target[N], difference = 0, energy = 0, largest = 0, square = 0, mean = 0, residual = 0,
                                variance = 0, wanted, bending, slope;
  SnaBeamError error;

  (void)state;
  for (PetscInt i = 0; i < N; i++) {
    target[i] = 0.05 + pow(1 - (double)i / N, 2);
    E[i]      = target[i] * (0.8 + 0.4 * Random(1, i));
    G[i]      = 1;
    mean += target[i] / N;
  }
  for (PetscInt i = 0; i < N; i++) {
    for (int q = 0; q < 3; q++) {
      const double moment = N - (double)i - 0.5 * q, curvature = moment / E[i], other = moment / target[i];
      difference += weight[q] * target[i] * (curvature - other) * (curvature - other);
      energy += weight[q] * target[i] * other * other;
    }
    largest = fmax(largest, fabs(E[i] / target[i] - 1));
    square += pow(E[i] / target[i] - 1, 2) / N;
    residual += pow(E[i] - target[i], 2);
    variance += pow(target[i] - mean, 2);
  }
  SnaBeamCompare(N, E, target, &error);
  Near(error.local_max, largest, 1e-13);
  Near(error.local_rms, sqrt(square), 1e-13);
  Near(error.energy, sqrt(difference / energy), 1e-12);
  Near(error.r2, 1 - residual / variance, 1e-12);
  SnaBeamDeflection(N, 1, E, G, &bending, &slope);
  SnaBeamDeflection(N, 1, target, G, &wanted, &slope);
  Near(1 + error.tip, bending / wanted, 1e-13);
}

static void TestMeasuresKnown(void **state)
{
  const double target[4] = {4, 3, 2, 1}, flat[4] = {2, 2, 2, 2};
  double       E[4];
  SnaBeamError error;

  (void)state;
  SnaBeamCompare(4, target, target, &error);
  assert_true(error.local_max == 0 && error.local_rms == 0 && error.energy == 0 && error.tip == 0 && error.r2 == 1);
  for (int i = 0; i < 4; i++) E[i] = 1.25 * target[i]; // everything follows from the factor
  SnaBeamCompare(4, E, target, &error);
  Near(error.local_max, 0.25, 1e-14);
  Near(error.local_rms, 0.25, 1e-14);
  Near(error.tip, -0.2, 1e-14);
  Near(error.energy, 0.2, 1e-14);
  Near(error.r2, 1 - 0.0625 * 30 / 5, 1e-14);
  SnaBeamCompare(4, E, flat, &error);
  assert_true(error.r2 == 0);
}

// ---- Row ----
static void Isotropic(double young, double poisson, double C[6][6])
{
  const double mu = young / (2 * (1 + poisson)), lambda = young * poisson / ((1 + poisson) * (1 - 2 * poisson));

  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 6; j++) C[i][j] = (i < 3 && j < 3 ? lambda : 0) + (i == j ? (i < 3 ? 2 * mu : mu) : 0);
}

// Backus' averages of isotropic layers.
static void TestIsotropicRow(void **state)
{
  enum { N = 5 };
  double C[N][6][6], row[6][6], m = 0, lm = 0, b = 0, c = 0, mu = 0, inverse = 0;

  (void)state;
  for (PetscInt l = 0; l < N; l++) {
    Isotropic(0.5 + 3 * Random(2, l), 0.1 + 0.3 * Random(3, l), C[l]);
    const double M = C[l][0][0], lambda = C[l][0][1], shear = C[l][3][3];
    m += 1 / (M * N);
    lm += lambda / (M * N);
    b += 4 * shear * (lambda + shear) / (M * N);
    c += 2 * shear * lambda / (M * N);
    mu += shear / N;
    inverse += 1 / (shear * N);
  }
  SnaBeamRow(N, (const double(*)[6][6])C, row);
  Near(row[0][0], 1 / m, 1e-13);
  Near(row[0][1], lm / m, 1e-13);
  Near(row[2][0], lm / m, 1e-13);
  Near(row[1][1], b + lm * lm / m, 1e-13);
  Near(row[2][2], b + lm * lm / m, 1e-13);
  Near(row[1][2], c + lm * lm / m, 1e-13);
  Near(row[3][3], mu, 1e-13);
  Near(row[4][4], 1 / inverse, 1e-13);
  Near(row[5][5], 1 / inverse, 1e-13);
}

// Orthotropic layers under any strain: stress 11 is the same in all, strains 22 and 33 too; so is stress 12, 13 and strain 23.
static void TestOrthotropicRow(void **state)
{
  enum { N = 4 };
  const double strain[6]  = {0.3, -0.2, 0.7, 0.4, 0.5, -0.6};
  double       C[N][6][6] = {{{0}}}, row[6][6], share = 0, shift = 0, stress[6] = {0}, slide[6] = {0};

  (void)state;
  for (PetscInt l = 0; l < N; l++) {
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < i; j++) C[l][i][j] = C[l][j][i] = 0.2 * Random(4, 10 * l + 3 * i + j);
      C[l][i][i]         = 1 + Random(5, 10 * l + i);
      C[l][3 + i][3 + i] = 0.1 + Random(6, 10 * l + i);
    }
    share += 1 / (C[l][0][0] * N);
    shift += (C[l][0][1] * strain[1] + C[l][0][2] * strain[2]) / (C[l][0][0] * N);
    for (int i = 4; i < 6; i++) slide[i] += 1 / (C[l][i][i] * N);
  }
  for (PetscInt l = 0; l < N; l++) {
    const double normal = (strain[0] + shift) / share,
                 e[3] = {(normal - C[l][0][1] * strain[1] - C[l][0][2] * strain[2]) / C[l][0][0], strain[1], strain[2]};
    for (int i = 0; i < 3; i++)
      for (int j = 0; j < 3; j++) stress[i] += C[l][i][j] * e[j] / N;
    stress[3] += C[l][3][3] * strain[3] / N;
    for (int i = 4; i < 6; i++) stress[i] += strain[i] / slide[i] / N;
  }
  SnaBeamRow(N, (const double(*)[6][6])C, row);
  for (int i = 0; i < 6; i++) {
    double sum = 0;
    for (int j = 0; j < 6; j++) sum += row[i][j] * strain[j];
    Near(sum, stress[i], 1e-13);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(TestUniform), cmocka_unit_test(TestTwoParts),
    cmocka_unit_test(TestTaper), cmocka_unit_test(TestMeasures), cmocka_unit_test(TestMeasuresKnown),
    cmocka_unit_test(TestIsotropicRow), cmocka_unit_test(TestOrthotropicRow)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  if (PetscFinalize()) return 1;
  return failed;
}
