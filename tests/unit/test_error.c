// np: 1 2 3
// Relative L2 errors against closed forms: the tensor rule to round-off, quasi-Monte Carlo within its own standard
// error.
#include <sna/sna.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

static void near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

// The estimate on all ranks has the bits of the same estimate on one.
static void same(const SnaErrorEstimate *a, const SnaErrorEstimate *b)
{
  assert_memory_equal(&a->error, &b->error, sizeof(a->error));
  assert_memory_equal(&a->standard_error, &b->standard_error, sizeof(a->standard_error));
  assert_memory_equal(&a->norm, &b->norm, sizeof(a->norm));
  assert_true(a->points == b->points);
}

static void Qmc(PetscInt nd, const double lo[], const double hi[], const PetscInt nbin[], const double *const bin[],
  PetscInt points, SnaFunction u, void *uctx, SnaFunction v, void *vctx, SnaErrorEstimate *e)
{
  SnaErrorEstimate alone;

  Ok(SnaErrorQmc(PETSC_COMM_WORLD, nd, lo, hi, nbin, bin, points, u, uctx, v, vctx, e));
  Ok(SnaErrorQmc(PETSC_COMM_SELF, nd, lo, hi, nbin, bin, points, u, uctx, v, vctx, &alone));
  same(e, &alone);
}

static void Grid(PetscInt nd, const PetscInt nq[], const double *const x[], const double *const w[], SnaFunction u,
  SnaFunction v, SnaErrorEstimate *e)
{
  SnaErrorEstimate alone;

  Ok(SnaErrorOnGrid(PETSC_COMM_WORLD, nd, nq, x, w, u, NULL, v, NULL, e));
  Ok(SnaErrorOnGrid(PETSC_COMM_SELF, nd, nq, x, w, u, NULL, v, NULL, &alone));
  same(e, &alone);
}

static PetscErrorCode Zero(void *ctx, PetscInt n, const double *const x[], double out[])
{
  (void)ctx;
  (void)x;
  for (PetscInt i = 0; i < n; i++) out[i] = 0;
  return 0;
}

static PetscErrorCode One(void *ctx, PetscInt n, const double *const x[], double out[])
{
  (void)ctx;
  (void)x;
  for (PetscInt i = 0; i < n; i++) out[i] = 1;
  return 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// Tensor quadrature
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode Product(void *ctx, PetscInt n, const double *const x[], double out[])
{
  (void)ctx;
  for (PetscInt i = 0; i < n; i++) out[i] = x[0][i] * x[1][i] * x[2][i] * x[2][i];
  return 0;
}

static PetscErrorCode ProductAndSquare(void *ctx, PetscInt n, const double *const x[], double out[])
{
  (void)ctx;
  for (PetscInt i = 0; i < n; i++) out[i] = x[0][i] * x[1][i] * x[2][i] * x[2][i] + x[1][i] * x[1][i];
  return 0;
}

static void test_grid(void **state)
{
  const double     length[3] = {1, 2, 3};    // [0, length]
  const PetscInt   nq[3]     = {29, 23, 31}; // no multiple of a block
  double           node[3][40], weight[3][40];
  const double    *x[3] = {node[0], node[1], node[2]}, *w[3] = {weight[0], weight[1], weight[2]};
  SnaErrorEstimate e;

  (void)state;
  for (int d = 0; d < 3; d++) {
    Ok(SnaGaussLegendre(nq[d], node[d], weight[d]));
    for (PetscInt q = 0; q < nq[d]; q++) {
      node[d][q] = length[d] * (1 + node[d][q]) / 2;
      weight[d][q] *= length[d] / 2;
    }
  }
  Grid(3, nq, x, w, ProductAndSquare, Product, &e);
  {
    const double norm       = (1. / 3) * (8. / 3) * (243. / 5); // int x^2 int y^2 int z^4
    const double difference = 1 * (32. / 5) * 3;                // int y^4

    near(e.norm, sqrt(norm), 1e-13 * sqrt(norm));
    near(e.error, sqrt(difference / norm), 1e-13);
    assert_true(e.standard_error == 0);
    assert_true(e.points == 29 * 23 * 31);
  }
  Grid(3, nq, x, w, Product, Product, &e);
  assert_true(e.error == 0 && e.norm > 0);
  Grid(3, nq, x, w, One, Zero, &e); // no relative error: the absolute one
  near(e.error, sqrt(6), 1e-13);
  assert_true(e.norm == 0);
}

static PetscErrorCode Sum(void *ctx, PetscInt n, const double *const x[], double out[])
{
  for (PetscInt i = 0; i < n; i++) {
    out[i] = 0;
    for (PetscInt d = 0; d < *(PetscInt *)ctx; d++) out[i] += x[d][i];
  }
  return 0;
}

// 2^nd points in up to 17 directions: ||sum x_d||^2 over [-1,1]^nd = 2^nd nd/3, one point in three more.
static void test_grid_of_many_directions(void **state)
{
  const double     node[2] = {-sqrt(1. / 3), sqrt(1. / 3)}, weight[2] = {1, 1}, centre = 0, two = 2;
  const double    *x[SNA_MAX_DIM], *w[SNA_MAX_DIM];
  PetscInt         nq[SNA_MAX_DIM], nd = SNA_MAX_DIM;
  SnaErrorEstimate e;

  (void)state;
  for (PetscInt d = 0; d < nd; d++) {
    nq[d] = d < 17 ? 2 : 1;
    x[d]  = d < 17 ? node : &centre;
    w[d]  = d < 17 ? weight : &two;
  }
  Ok(SnaErrorOnGrid(PETSC_COMM_WORLD, nd, nq, x, w, Zero, NULL, Sum, &nd, &e));
  near(e.norm, sqrt(ldexp(17. / 3, SNA_MAX_DIM)), 1e-7);
  near(e.error, 1, 1e-15);
  assert_true(e.points == 1 << 17);
}

// ---------------------------------------------------------------------------------------------------------------------
// Quasi-Monte Carlo
// ---------------------------------------------------------------------------------------------------------------------
// v = prod (1/2 + x_d) and u = v + prod sin(pi k x_d)/10 on [0,1]^nd: ||u-v||^2 = 2^-nd/100, ||v||^2 = (13/12)^nd.
typedef struct {
  PetscInt nd;
  double   k; // an integer
} Waves;

static PetscErrorCode Linear(void *ctx, PetscInt n, const double *const x[], double out[])
{
  const Waves *waves = (const Waves *)ctx;

  for (PetscInt i = 0; i < n; i++) {
    out[i] = 1;
    for (PetscInt d = 0; d < waves->nd; d++) out[i] *= 0.5 + x[d][i];
  }
  return 0;
}

static PetscErrorCode LinearAndWaves(void *ctx, PetscInt n, const double *const x[], double out[])
{
  const Waves *waves = (const Waves *)ctx;

  for (PetscInt i = 0; i < n; i++) {
    double v = 1, wave = 0.1;

    for (PetscInt d = 0; d < waves->nd; d++) {
      v *= 0.5 + x[d][i];
      wave *= sin(PETSC_PI * waves->k * x[d][i]);
    }
    out[i] = v + wave;
  }
  return 0;
}

static void test_qmc(void **state)
{
  const double lo[SNA_MAX_DIM] = {0};
  double       hi[SNA_MAX_DIM], squares = 0;
  int          count = 0;

  (void)state;
  for (int d = 0; d < SNA_MAX_DIM; d++) hi[d] = 1;
  for (PetscInt nd = 1; nd <= 6; nd++) {
    for (int k = 1; k <= 4; k++) {
      Waves            waves  = {nd, (double)k};
      const PetscInt   points = 16 * (2000 + 1531 * nd + 317 * k);
      const double     exact  = sqrt(pow(0.5, (double)nd) * 0.01 / pow(13. / 12, (double)nd));
      SnaErrorEstimate e;

      Qmc(nd, lo, hi, NULL, NULL, points, LinearAndWaves, &waves, Linear, &waves, &e);
      assert_true(e.points == points);
      assert_true(e.standard_error > 0 && e.standard_error < 0.02 * exact);
      near(e.error, exact, 4 * e.standard_error);
      near(e.norm, sqrt(pow(13. / 12, (double)nd)), 5e-3);
      squares += pow((e.error - exact) / e.standard_error, 2);
      count++;
    }
  }
  // The stated standard error is the size of the real one: 24 squared deviations with a mean of about 1.
  assert_true(squares / count > 0.3 && squares / count < 3);
}

static void test_qmc_beats_monte_carlo(void **state)
{
  const double     lo[6] = {0}, hi[6] = {1, 1, 1, 1, 1, 1};
  Waves            waves = {6, 1};
  SnaErrorEstimate few, many;
  const double     variance =
    pow(3. / 8, 6) / pow(1. / 4, 6) - 1; // of sin^4 against the square of the mean of sin^2, six factors

  (void)state;
  Qmc(6, lo, hi, NULL, NULL, 1 << 13, LinearAndWaves, &waves, Linear, &waves, &few);
  Qmc(6, lo, hi, NULL, NULL, 1 << 17, LinearAndWaves, &waves, Linear, &waves, &many);
  // Plain Monte Carlo: standard error of the ratio's root at least error/2 sqrt(variance/points).
  assert_true(many.standard_error < 0.3 * many.error / 2 * sqrt(variance / (1 << 17)));
  assert_true(many.standard_error < few.standard_error / 5); // sixteen times the points; Monte Carlo would give 4
}

// v = exp(-|x-m|^2/(2 s^2)) and u = v (1 + x_0/10): error = sqrt(m_0^2 + s^2/2)/10 (tails at the walls below 1e-20).
typedef struct {
  PetscInt nd;
  double   m, s;
} Bump;

static PetscErrorCode Gaussian(void *ctx, PetscInt n, const double *const x[], double out[])
{
  const Bump *b = (const Bump *)ctx;

  for (PetscInt i = 0; i < n; i++) {
    double square = 0;

    for (PetscInt d = 0; d < b->nd; d++) square += (x[d][i] - b->m) * (x[d][i] - b->m);
    out[i] = exp(-square / (2 * b->s * b->s));
  }
  return 0;
}

static PetscErrorCode TiltedGaussian(void *ctx, PetscInt n, const double *const x[], double out[])
{
  PetscErrorCode status = Gaussian(ctx, n, x, out);

  for (PetscInt i = 0; i < n; i++) out[i] *= 1 + 0.1 * x[0][i];
  return status;
}

static void test_importance(void **state)
{
  enum { nbin = 25 };
  const double     lo[5] = {-1, -1, -1, -1, -1}, hi[5] = {1, 1, 1, 1, 1};
  const PetscInt   nbins[5] = {nbin, nbin, nbin, nbin, nbin}, points = 200000;
  Bump             bump  = {5, 0.3, 0.1};
  const double     exact = 0.1 * sqrt(bump.m * bump.m + bump.s * bump.s / 2), norm = pow(bump.s * sqrt(PETSC_PI), 2.5);
  double           mass[nbin], wrong[nbin], odd[nbin];
  const double    *right[5], *misplaced[5], *damaged[5], *some[5] = {NULL};
  SnaErrorEstimate e, uniform;

  (void)state;
  for (int c = 0; c < nbin; c++) {
    const double a = -1 + 2. * c / nbin, b = -1 + 2. * (c + 1) / nbin;

    mass[c]  = erf((b - bump.m) / bump.s) - erf((a - bump.m) / bump.s);
    wrong[c] = exp(-c);
    odd[c]   = mass[c];
  }
  odd[0] = -1e-18;
  odd[1] = (double)NAN;
  odd[2] = (double)INFINITY;
  for (int d = 0; d < 5; d++) {
    right[d]     = mass;
    misplaced[d] = wrong;
    damaged[d]   = odd;
  }
  Qmc(5, lo, hi, NULL, NULL, points, TiltedGaussian, &bump, Gaussian, &bump, &uniform);
  near(uniform.error, exact, 4 * uniform.standard_error);

  Qmc(5, lo, hi, nbins, right, points, TiltedGaussian, &bump, Gaussian, &bump, &e);
  near(e.error, exact, 4 * e.standard_error);
  near(e.norm, norm, 5e-3 * norm);
  assert_true(e.standard_error < 2e-3 * exact);
  assert_true(e.standard_error < uniform.standard_error / 5);

  Qmc(5, lo, hi, nbins, damaged, points, TiltedGaussian, &bump, Gaussian, &bump, &e);
  near(e.error, exact, 4 * e.standard_error);
  assert_true(e.standard_error < 2e-3 * exact);

  some[2] = mass; // one direction alone
  Qmc(5, lo, hi, nbins, some, points, TiltedGaussian, &bump, Gaussian, &bump, &e);
  near(e.error, exact, 4 * e.standard_error);
  near(e.norm, norm, 0.1 * norm);

  // A density that looks the wrong way costs accuracy, not correctness.
  bump.nd = 2;
  Qmc(2, lo, hi, nbins, misplaced, points, TiltedGaussian, &bump, Gaussian, &bump, &e);
  near(e.error, exact, 4 * e.standard_error);
  near(e.norm, bump.s * sqrt(PETSC_PI), 0.02);
  assert_true(e.standard_error < 0.02 * exact);

  // No mass at all: uniform points.
  memset(wrong, 0, sizeof(wrong));
  Qmc(2, lo, hi, nbins, misplaced, points, TiltedGaussian, &bump, Gaussian, &bump, &e);
  Qmc(2, lo, hi, NULL, NULL, points, TiltedGaussian, &bump, Gaussian, &bump, &uniform);
  same(&e, &uniform);
}

// Points stay inside, each direction is covered evenly, and weights add up to the volume.
typedef struct {
  double least, most;
} Range;

static PetscErrorCode Watch(void *ctx, PetscInt n, const double *const x[], double out[])
{
  Range *range = (Range *)ctx;

  for (PetscInt i = 0; i < n; i++) {
    for (int d = 0; d < SNA_MAX_DIM; d++) {
      range->least = PetscMin(range->least, x[d][i]);
      range->most  = PetscMax(range->most, x[d][i]);
    }
    out[i] = 1;
  }
  return 0;
}

static void test_range(void **state)
{
  double           lo[SNA_MAX_DIM], hi[SNA_MAX_DIM], bins[4] = {1, 0, 5, 2};
  PetscInt         nbin[SNA_MAX_DIM];
  const double    *bin[SNA_MAX_DIM] = {NULL};
  Range            range            = {0, -10};
  SnaErrorEstimate e;

  (void)state;
  for (int d = 0; d < SNA_MAX_DIM; d++) {
    lo[d]   = -3;
    hi[d]   = -1;
    nbin[d] = 4;
    if (d < 3) bin[d] = bins;
  }
  Ok(SnaErrorQmc(PETSC_COMM_SELF, SNA_MAX_DIM, lo, hi, nbin, bin, 160000, Zero, NULL, Watch, &range, &e));
  assert_true(range.least > -3 && range.least < -2.999 && range.most < -1 && range.most > -1.001);
  near(e.norm / sqrt(ldexp(1, SNA_MAX_DIM)), 1, 0.01);
  near(e.error, 1, 1e-14);
}

static void test_limits(void **state)
{
  const double     lo[2] = {0, 0}, hi[2] = {2, 3};
  Waves            waves = {2, 1};
  SnaErrorEstimate e;

  (void)state;
  Qmc(2, lo, hi, NULL, NULL, 1, LinearAndWaves, &waves, Linear, &waves, &e);
  assert_true(e.points == 16 && e.error > 0 && e.standard_error > 0);
  Qmc(2, lo, hi, NULL, NULL, 5000, Linear, &waves, Linear, &waves, &e);
  assert_true(e.error == 0 && e.standard_error == 0 && e.norm > 0);
  Qmc(2, lo, hi, NULL, NULL, 5000, One, NULL, Zero, NULL, &e);
  near(e.error, sqrt(6), 1e-14);
  assert_true(e.norm == 0 && e.standard_error < 1e-14);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_grid),
    cmocka_unit_test(test_grid_of_many_directions),
    cmocka_unit_test(test_qmc),
    cmocka_unit_test(test_qmc_beats_monte_carlo),
    cmocka_unit_test(test_importance),
    cmocka_unit_test(test_range),
    cmocka_unit_test(test_limits),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
