// timeout: 60
// Every family of 1-D bases under every pair of ends: conditions, derivatives, matrices, approximation, copies, starts.
#include "basis_cases.h"

// ---------------------------------------------------------------------------------------------------------------------
// Conditions hold, and the number of functions is that of the space
// ---------------------------------------------------------------------------------------------------------------------
static void test_conditions(void **state)
{
  (void)state;
  VisitAll(8, 5, ConditionsHold);
  VisitAll(9, 5, ConditionsHold);
  VisitAll(64, 3, ConditionsHold);
}

static void CountIsRight(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  static const PetscInt taken[] = {0, 1, 1, 1, 2, 0};
  SnaBasisInfo          info;

  Ok(SnaBasisGetInfo(b, &info));
  assert_string_equal(info.family, spec->family);
  if (spec->degree == 0) {
    near((double)info.n, (double)spec->resolution, 0, what);
    near((double)info.local, (double)info.n, 0, what);
    assert_false(info.uniform);
  } else {
    // cells + degree, one more for the repeated point; periodic: as many as cells.
    PetscInt n = spec->resolution + (spec->nbreak ? 1 : 0);

    if (spec->end[0].kind != SNA_END_PERIODIC) n += spec->degree - taken[spec->end[0].kind] - taken[spec->end[1].kind];
    near((double)info.n, (double)n, 0, what);
    near((double)info.local, (double)(spec->degree + 1), 0, what);
    near((double)info.cells, (double)spec->resolution, 0, what);
    assert_true(info.band <= (spec->end[0].kind == SNA_END_PERIODIC ? 2 : 1) * spec->degree);
    for (int e = 0; e < 2; e++) {
      const SnaEndKind k = spec->end[e].kind;
      if (k == SNA_END_NEUMANN || k == SNA_END_ROBIN || k == SNA_END_PERIODIC || spec->nbreak)
        assert_false(info.uniform);
    }
  }
  near(SnaBasisCellStart(b, 0), lower, 0, what);
  near(SnaBasisCellStart(b, info.cells), upper, 1e-15, what);
}

static void test_counts(void **state)
{
  (void)state;
  for (PetscInt resolution = 6; resolution <= 12; resolution++) VisitAll(resolution, 5, CountIsRight);
}

// ---------------------------------------------------------------------------------------------------------------------
// Derivatives
// ---------------------------------------------------------------------------------------------------------------------
// f(b) - f(a) = int_a^b f' between any two places of a cell, for every order, by Gauss' rule; and central differences.
static void DerivativesAgree(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  double       x[40], w[40];
  SnaBasisInfo info;

  (void)spec;
  Ok(SnaBasisGetInfo(b, &info));
  Ok(SnaGaussLegendre(40, x, w));
  for (PetscInt c = 0; c < info.cells; c++) {
    const double start = SnaBasisCellStart(b, c), h = SnaBasisCellStart(b, c + 1) - start;
    const double from = start + 1e-3 * h, to = start + 0.9 * h, middle = start + 0.4 * h, e = 1e-5 * h;

    for (PetscInt m = 0; m < MAX_ORDER; m++) {
      double f0[MAX_N], f1[MAX_N], sum[MAX_N] = {0}, size[MAX_N] = {0}, g[MAX_N];

      Functions(b, from, m, f0);
      Functions(b, to, m, f1);
      for (int q = 0; q < 40; q++) {
        Functions(b, from + (to - from) * 0.5 * (1 + x[q]), m + 1, g);
        for (PetscInt i = 0; i < info.n; i++) {
          sum[i] += 0.5 * (to - from) * w[q] * g[i];
          size[i] += 0.5 * (to - from) * w[q] * fabs(g[i]);
        }
      }
      for (PetscInt i = 0; i < info.n; i++)
        near(sum[i], f1[i] - f0[i], 2e-12 * (size[i] + fabs(f0[i]) + fabs(f1[i])) + 1e-13, what);
      Functions(b, middle + e, m, f1);
      Functions(b, middle - e, m, f0);
      Functions(b, middle, m + 1, g);
      for (PetscInt i = 0; i < info.n; i++) {
        near(g[i], (f1[i] - f0[i]) / (2 * e), 3e-6 * (fabs(g[i]) + (size[i] + fabs(f1[i])) / h) + 1e-9, what);
      }
    }
  }
}

static void test_derivatives(void **state)
{
  (void)state;
  VisitAll(7, 5, DerivativesAgree);
  VisitEnds(robin, clamped, 14, 5, DerivativesAgree); // degrees on both sides of where the polynomials' formula changes
  VisitEnds(neumann, dirichlet, 18, 5, DerivativesAgree);
}

// The first derivative jumps nowhere, the last continuous one is that of the multiplicity.
static void SmoothInside(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  SnaBasisInfo info;

  Ok(SnaBasisGetInfo(b, &info));
  for (PetscInt c = 1; c < info.cells; c++) {
    const double    x = SnaBasisCellStart(b, c), h = (upper - lower) / (double)info.cells;
    const PetscBool repeated   = (PetscBool)(spec->nbreak && fabs(x - 0.1) < 1e-9);
    const PetscInt  continuous = spec->degree ? spec->degree - (repeated ? 2 : 1) : 2;

    for (PetscInt m = 0; m <= PetscMin(continuous, MAX_ORDER); m++) {
      double left[MAX_N], right[MAX_N], slope = 100;

      for (PetscInt k = 0; k <= m; k++) slope *= 20 / h;
      Functions(b, x - 1e-13, m, left);
      Functions(b, x + 1e-13, m, right);
      for (PetscInt i = 0; i < info.n; i++) near(left[i], right[i], 1e-13 * slope, what);
    }
    if (repeated) { // and the next one does jump
      double left[MAX_N], right[MAX_N], jump = 0;

      Functions(b, x - 1e-13, continuous + 1, left);
      Functions(b, x + 1e-13, continuous + 1, right);
      for (PetscInt i = 0; i < info.n; i++) jump = PetscMax(jump, fabs(left[i] - right[i]));
      assert_true(jump > 0.1);
    }
  }
}

static void test_smoothness(void **state)
{
  (void)state;
  VisitAll(8, 5, SmoothInside);
}

// Periodic: the derivatives that are continuous inside are so across the seam.
static void SeamIsSmooth(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  const PetscBool fourier = (PetscBool)(strcmp(spec->family, "fourier") == 0);
  const PetscInt  last    = spec->degree ? spec->degree - 1 : fourier ? MAX_ORDER : 1;
  SnaBasisInfo    info;

  Ok(SnaBasisGetInfo(b, &info));
  for (PetscInt m = 0; m <= PetscMin(last, MAX_ORDER); m++) {
    double f0[MAX_N], f1[MAX_N], size = 0;

    Functions(b, lower, m, f0);
    Functions(b, upper, m, f1);
    for (PetscInt i = 0; i < info.n; i++) size = PetscMax(size, fabs(f0[i]));
    assert_true(size > 0.1 || m % 2);
    for (PetscInt i = 0; i < info.n; i++) near(f0[i], f1[i], 1e-11 * (1 + size), what);
  }
}

static void test_seam(void **state)
{
  (void)state;
  for (PetscInt resolution = 6; resolution <= 13; resolution++)
    VisitEnds(periodic, periodic, resolution, 5, SeamIsSmooth);
}

// ---------------------------------------------------------------------------------------------------------------------
// Matrices and vectors against a quadrature of their own
// ---------------------------------------------------------------------------------------------------------------------
static void test_matrices(void **state)
{
  (void)state;
  VisitAll(8, 5, MatricesAgree);
  VisitAll(13, 2, MatricesAgree);
}

// ---------------------------------------------------------------------------------------------------------------------
// Approximation: least squares in L2 of a function that satisfies the conditions
// ---------------------------------------------------------------------------------------------------------------------
// exp(sin 3t) plus the smallest cubic that makes the conditions true, t in [0, 1]; what Fourier bases need has all even or odd derivatives vanish.
typedef struct {
  PetscBool fourier;
  SnaEnd    end[2];
  double    cubic[4];
} Target;

static double TargetValue(const Target *u, double t)
{
  const double c = exp(cos(PETSC_PI * t));

  if (u->end[0].kind == SNA_END_PERIODIC) return exp(sin(2 * PETSC_PI * t));
  if (u->fourier) {
    const PetscBool d0 = (PetscBool)(u->end[0].kind == SNA_END_DIRICHLET),
                    d1 = (PetscBool)(u->end[1].kind == SNA_END_DIRICHLET);

    return c * (d0 && d1 ? sin(PETSC_PI * t) : d0 ? sin(PETSC_PI * t / 2) : d1 ? cos(PETSC_PI * t / 2) : 1);
  }
  return exp(sin(3 * t)) + u->cubic[0] + t * (u->cubic[1] + t * (u->cubic[2] + t * u->cubic[3]));
}

static void SetTarget(Target *u, const SnaBasisSpec *spec)
{
  const double length = spec->hi - spec->lo;
  double       L[4][5], A[16], y[4] = {0};
  PetscInt     k = 0;

  memset(u, 0, sizeof(*u));
  u->fourier = (PetscBool)(strcmp(spec->family, "fourier") == 0);
  for (int e = 0; e < 2; e++) {
    const SnaEnd end = u->end[e] = spec->end[e];
    const double t = e, g = exp(sin(3 * t)), size = end.robin * length;

    if (end.kind == SNA_END_FREE || end.kind == SNA_END_PERIODIC) continue;
    for (int row = 0; row < (end.kind == SNA_END_CLAMPED ? 2 : 1); row++, k++) {
      const PetscBool value = (PetscBool)(end.kind == SNA_END_DIRICHLET || (end.kind == SNA_END_CLAMPED && row == 0));
      const double    a = value ? 1 : end.kind == SNA_END_ROBIN ? size : 0, d = value ? 0 : e ? 1 : -1;

      for (int m = 0; m < 4; m++) L[k][m] = a * pow(t, m) + d * (m ? m * pow(t, m - 1) : 0);
      L[k][4] = a * g + d * 3 * cos(3 * t) * g;
    }
  }
  for (PetscInt i = 0; i < k; i++) {
    y[i] = -L[i][4];
    for (PetscInt j = 0; j < k; j++) {
      A[i * k + j] = 0;
      for (int m = 0; m < 4; m++) A[i * k + j] += L[i][m] * L[j][m];
    }
  }
  SolveDense(k, A, y);
  for (int m = 0; m < 4; m++) {
    for (PetscInt i = 0; i < k; i++) u->cubic[m] += L[i][m] * y[i];
  }
}

static double TargetAt(const void *ctx, double x)
{
  return TargetValue(ctx, (x - lower) / (upper - lower));
}

static void Approximates(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  Target       u;
  const double error = (SetTarget(&u, spec), BestError(b, TargetAt, &u));

  if (spec->degree == 0) {
    // Entire functions: beyond geometric. exp(sin 2 pi t) takes more polynomials than exp(sin 3t).
    if (!(error < (spec->end[0].kind == SNA_END_PERIODIC && strcmp(spec->family, "fourier") ? 1e-10 : 2e-13)))
      fail_msg("%s: error %g", what, error);
  } else {
    SnaBasis fine;

    Ok(SnaBasisCreateLike(b, 2 * spec->resolution, &fine));
    const double finer = BestError(fine, TargetAt, &u);
    // Round-off ends the decay of the highest degrees.
    if (finer > 1e-12 && !(log2(error / finer) > (double)spec->degree + 0.7))
      fail_msg("%s: errors %g %g", what, error, finer);
    Ok(SnaBasisDestroy(&fine));
  }
}

static void test_approximation(void **state)
{
  const SnaEnd ends[] = {free_end, dirichlet, neumann, robin, clamped};

  (void)state;
  for (int i = 0; i < 5; i++) VisitEnds(ends[i], ends[(i + 2) % 5], 32, 5, Approximates);
  for (int i = 0; i < 5; i++) VisitEnds(ends[i], ends[i], 32, 3, Approximates);
  VisitEnds(dirichlet, neumann, 32, 0, Approximates);
  VisitEnds(neumann, dirichlet, 32, 0, Approximates);
  VisitEnds(periodic, periodic, 40, 5, Approximates);
}

// ---------------------------------------------------------------------------------------------------------------------
// Copies at another resolution, starts, odd places
// ---------------------------------------------------------------------------------------------------------------------
static void LikeIsTheSame(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  SnaBasisSpec other = *spec;
  SnaBasis     like, direct, back;
  SnaBasisInfo info[2];

  other.resolution = spec->resolution + 5;
  Ok(SnaBasisCreate("x", &other, &direct));
  Ok(SnaBasisCreateLike(b, other.resolution, &like));
  Ok(SnaBasisCreateLike(like, spec->resolution, &back));
  for (int twice = 0; twice < 2; twice++) {
    const SnaBasis pair[2] = {twice ? b : direct, twice ? back : like};

    for (int k = 0; k < 2; k++) Ok(SnaBasisGetInfo(pair[k], &info[k]));
    assert_string_equal(info[0].name, info[1].name);
    near((double)info[0].n, (double)info[1].n, 0, what);
    near((double)info[0].band, (double)info[1].band, 0, what);
    assert_true(info[0].uniform == info[1].uniform && info[0].nbreak == info[1].nbreak);
    for (int i = 0; i <= 40; i++) {
      const double x = lower + (upper - lower) * i / 40;
      double       f[2][MAX_N];

      for (PetscInt m = 0; m < 3; m++) {
        for (int k = 0; k < 2; k++) Functions(pair[k], x, m, f[k]);
        for (PetscInt j = 0; j < info[0].n; j++) assert_true(f[0][j] == f[1][j]);
      }
    }
  }
  Ok(SnaBasisDestroy(&like));
  Ok(SnaBasisDestroy(&direct));
  Ok(SnaBasisDestroy(&back));
}

static void test_like(void **state)
{
  (void)state;
  VisitAll(7, 3, LikeIsTheSame);
}

// Smooth functions are of size one in the places where conditions leave them, and a unit in L2 has the promised size.
static void StartsAreSmooth(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  double       norm[4], c[MAX_N], f[MAX_N], d[MAX_N];
  SnaBasisInfo info;

  (void)spec;
  Ok(SnaBasisGetInfo(b, &info));
  for (PetscInt j = 0; j < 4; j++) {
    double value2 = 0, slope2 = 0, c2 = 0;

    Ok(SnaBasisSmoothFunction(b, j, c));
    for (PetscInt i = 0; i < info.n; i++) c2 += c[i] * c[i];
    for (int q = 0; q < 400; q++) {
      const double x     = lower + (upper - lower) * (q + 0.5) / 400;
      double       value = 0, slope = 0;

      Functions(b, x, 0, f);
      Functions(b, x, 1, d);
      for (PetscInt i = 0; i < info.n; i++) {
        value += c[i] * f[i];
        slope += c[i] * d[i];
      }
      value2 += value * value / 400 * (upper - lower);
      slope2 += slope * slope / 400 * (upper - lower);
    }
    norm[j] = sqrt(value2);
    assert_true(norm[j] > 0.2 && norm[j] < 2);
    assert_true(sqrt(slope2) < 40 * norm[j]);
    if (!(sqrt(c2) / norm[j] < 3 * SnaBasisUnitSize(b) && sqrt(c2) / norm[j] > SnaBasisUnitSize(b) / 3))
      fail_msg("%s: %g is not about %g", what, sqrt(c2) / norm[j], SnaBasisUnitSize(b));
  }
}

static void test_starts(void **state)
{
  double c[3];

  (void)state;
  VisitAll(16, 3, StartsAreSmooth);
  for (int k = 0; k < 2; k++) { // fewer functions than starts
    const SnaBasisSpec spec = {
      .family = k ? "legendre" : "fourier", .resolution = 2, .lo = 0, .hi = 1, .end = {dirichlet, dirichlet}};
    SnaBasis b;

    Ok(SnaBasisCreate("x", &spec, &b));
    for (PetscInt j = 0; j < 4; j++) {
      c[2] = 17;
      Ok(SnaBasisSmoothFunction(b, j, c));
      assert_true(c[0] == (j == 0) && c[1] == (j == 1) && c[2] == 17);
    }
    Ok(SnaBasisDestroy(&b));
  }
}

// NaN and points outside fall into an end cell; outside, the formulas go on.
static void OddPlaces(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  double       v[2 * MAX_N], f[MAX_N], g[MAX_N], d[MAX_N];
  PetscInt     cell;
  SnaBasisInfo info;

  (void)spec;
  Ok(SnaBasisGetInfo(b, &info));
  Ok(SnaBasisEvaluate(b, (double)NAN, 1, &cell, v));
  assert_int_equal(cell, 0);
  Ok(SnaBasisEvaluate(b, -1e300, 0, &cell, v));
  assert_int_equal(cell, 0);
  Ok(SnaBasisEvaluate(b, 1e300, 0, &cell, v));
  assert_int_equal(cell, info.cells - 1);
  for (int e = 0; e < 2; e++) {
    const double x = e ? upper : lower, step = e ? 1e-6 : -1e-6;

    Functions(b, x, 0, f);
    Functions(b, x, 1, d);
    Functions(b, x + step, 0, g);
    for (PetscInt i = 0; i < info.n; i++) near(g[i], f[i] + step * d[i], 1e-8, what);
  }
}

static void test_odd_places(void **state)
{
  (void)state;
  VisitAll(6, 5, OddPlaces);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_conditions),
    cmocka_unit_test(test_counts),
    cmocka_unit_test(test_derivatives),
    cmocka_unit_test(test_smoothness),
    cmocka_unit_test(test_seam),
    cmocka_unit_test(test_matrices),
    cmocka_unit_test(test_approximation),
    cmocka_unit_test(test_like),
    cmocka_unit_test(test_starts),
    cmocka_unit_test(test_odd_places),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
