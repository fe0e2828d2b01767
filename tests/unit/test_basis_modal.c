// timeout: 60
// Fourier, Legendre and Chebyshev bases against closed forms and each other; many functions; conditions that nearly vanish.
#include "basis_cases.h"

static void Orthonormal(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  static double M[MAX_N * 2 * MAX_N];
  SnaTabulation t;
  SnaBasisInfo  info;

  Ok(SnaBasisGetInfo(b, &info));
  if (spec->degree) return;
  Ok(SnaTabulationCreate(b, info.points, 0, &t));
  Ok(SnaIntegrateMatrix(b, &t, 0, 0, NULL, M));
  for (PetscInt i = 0; i < info.n; i++) {
    for (PetscInt j = 0; j < info.n; j++) near(M[i * (2 * info.n - 1) + j - i + info.n - 1], i == j, 6e-13, what);
  }
  Ok(SnaTabulationDestroy(&t));
}

static void test_orthonormal(void **state)
{
  static const PetscInt sizes[] = {1, 2, 3, 4, 5, 10, 12, 13, 33, 128};

  (void)state;
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) VisitAll(sizes[i], 0, Orthonormal);
}

// One and the same functions; leading coefficients are positive in both.
static void ChebyshevIsLegendre(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  SnaBasisSpec other = *spec;
  SnaBasis     legendre;
  double       f[MAX_N], g[MAX_N];

  if (strcmp(spec->family, "chebyshev") != 0) return;
  other.family = "legendre";
  Ok(SnaBasisCreate("x", &other, &legendre));
  for (PetscInt m = 0; m <= 2; m++) {
    const double n2 = (double)(spec->resolution * spec->resolution), scale = pow(n2 + 4, (double)m) * sqrt(n2 + 4);

    for (int i = 0; i <= 50; i++) {
      const double x = lower + (upper - lower) * i / 50;

      Functions(b, x, m, f);
      Functions(legendre, x, m, g);
      for (PetscInt j = 0; j < spec->resolution; j++) near(f[j], g[j], 2e-14 * scale, what);
    }
  }
  Ok(SnaBasisDestroy(&legendre));
}

static void test_chebyshev(void **state)
{
  (void)state;
  VisitAll(5, 0, ChebyshevIsLegendre);
  VisitAll(20, 0, ChebyshevIsLegendre);
  VisitAll(96, 0, ChebyshevIsLegendre);
}

static void test_legendre_by_hand(void **state)
{
  SnaBasisSpec spec = {.family = "legendre", .resolution = 3, .lo = -1, .hi = 1};

  (void)state;
  for (int e = 0; e < 4; e++) {
    static const struct {
      SnaEndKind lo, hi;
    } ends[] = {{SNA_END_FREE, SNA_END_FREE}, {SNA_END_DIRICHLET, SNA_END_DIRICHLET},
      {SNA_END_NEUMANN, SNA_END_NEUMANN}, {SNA_END_CLAMPED, SNA_END_FREE}};
    SnaBasis b;

    spec.end[0].kind = ends[e].lo;
    spec.end[1].kind = ends[e].hi;
    Ok(SnaBasisCreate("x", &spec, &b));
    for (int i = -10; i <= 10; i++) {
      const double x = i / 10., y = x + 1;
      const double exact[4][2] = {{sqrt(0.5), sqrt(1.5) * x},
        {-sqrt(15. / 16) * (1 - x * x), -sqrt(105. / 16) * x * (1 - x * x)},
        {sqrt(0.5), sqrt(35. / 136) * x * (x * x - 3)}, {sqrt(5. / 32) * y * y, sqrt(7. / 32) * y * y * (3 * y - 5)}};
      double       f[3];

      // (1+x)^2 (a (1+x) - b): orthogonal to (1+x)^2 where a 2^6/6 = b 2^5/5; its square integrates to 2^7 (9/7 2 - 5 + 5 ..)/.. = 32/7.
      Functions(b, x, 0, f);
      near(f[0], exact[e][0], 1e-14, "by hand");
      near(f[1], exact[e][1], 1e-14, "by hand");
    }
    Ok(SnaBasisDestroy(&b));
  }
}

// 128 functions: slopes and curvatures integrate to differences of what they are derivatives of. A place is known to a unit in its last digit only, which is
// that times the largest slope in a value.
static void ManyModes(SnaBasis b, const SnaBasisSpec *spec, const char what[])
{
  enum { PARTS = 24, RULE = 32 };
  double x[RULE], w[RULE], f0[MAX_N], f1[MAX_N], g[MAX_N], largest[MAX_N];

  Ok(SnaGaussLegendre(RULE, x, w));
  for (PetscInt m = 0; m < 2; m++) {
    Functions(b, lower, m + 1, f0);
    Functions(b, upper, m + 1, f1);
    for (PetscInt i = 0; i < spec->resolution; i++) largest[i] = PetscMax(1, fabs(f0[i]) + fabs(f1[i]));
    for (int part = 0; part < PARTS; part++) { // narrower towards the ends, as the waves of polynomials are
      const double from = lower + (upper - lower) * 0.5 * (1 - cos(PETSC_PI * part / PARTS)),
                   to   = lower + (upper - lower) * 0.5 * (1 - cos(PETSC_PI * (part + 1) / PARTS));
      double sum[MAX_N] = {0};

      Functions(b, from, m, f0);
      Functions(b, to, m, f1);
      for (int q = 0; q < RULE; q++) {
        Functions(b, from + (to - from) * 0.5 * (1 + x[q]), m + 1, g);
        for (PetscInt i = 0; i < spec->resolution; i++) {
          sum[i] += 0.5 * (to - from) * w[q] * g[i];
          largest[i] = PetscMax(largest[i], fabs(g[i]));
        }
      }
      for (PetscInt i = 0; i < spec->resolution; i++) near(sum[i], f1[i] - f0[i], 5e-16 * largest[i] + 1e-14, what);
    }
  }
}

static void test_many_modes(void **state)
{
  const SnaEnd ends[] = {free_end, dirichlet, neumann, robin, clamped};

  (void)state;
  for (int i = 0; i < 5; i++) VisitEnds(ends[i], ends[(i + 1) % 5], 128, 0, ManyModes);
  VisitEnds(periodic, periodic, 128, 0, ManyModes);
}

static void test_fourier_by_hand(void **state)
{
  const SnaEnd ends[][2] = {
    {periodic, periodic}, {dirichlet, dirichlet}, {neumann, neumann}, {dirichlet, neumann}, {neumann, dirichlet}};
  const double L = upper - lower;

  (void)state;
  for (PetscInt n = 1; n <= 133; n += 44) {
    for (int e = 0; e < 5; e++) {
      const SnaBasisSpec spec = {
        .family = "fourier", .resolution = n, .lo = lower, .hi = upper, .end = {ends[e][0], ends[e][1]}};
      SnaBasis b;

      Ok(SnaBasisCreate("x", &spec, &b));
      for (int i = 0; i <= 20; i++) {
        const double x = lower + L * i / 20, t = (x - lower) / L;

        for (PetscInt m = 0; m <= MAX_ORDER; m++) {
          double f[MAX_N];

          Functions(b, x, m, f);
          for (PetscInt k = 0; k < n; k++) {
            // cos(wave - quarters pi/2): one quarter for a sine, a quarter back for each derivative
            const double    number = e == 0   ? 2 * (double)((k + 1) / 2)
                                     : e == 1 ? (double)(k + 1)
                                     : e == 2 ? (double)k
                                              : (double)k + 0.5;
            const PetscBool sine   = (PetscBool)(e == 0 ? k > 0 && k % 2 == 0 : e == 1 || e == 3);
            const double    size   = sqrt((number == 0 ? 1 : 2) / L) * pow(PETSC_PI * number / L, (double)m);
            const double    turn   = (double)m - (sine ? 1 : 0);

            near(f[k], size * cos(PETSC_PI * (number * t + 0.5 * turn)), 2e-13 * size, "fourier");
          }
        }
      }
      Ok(SnaBasisDestroy(&b));
    }
  }
}

// Many modes are cut into cells; the order of the sines and the rule do not change.
static void test_fourier_cells(void **state)
{
  static double      M[300 * 600];
  const SnaBasisSpec spec = {.family = "fourier", .resolution = 300, .lo = 0, .hi = 2, .end = {dirichlet, dirichlet}};
  SnaBasis           b;
  SnaBasisInfo       info;
  SnaTabulation      t;

  (void)state;
  Ok(SnaBasisCreate("x", &spec, &b));
  Ok(SnaBasisGetInfo(b, &info));
  assert_true(info.cells > 1 && info.points <= 200);
  Ok(SnaTabulationCreate(b, info.points, 1, &t));
  for (int m = 0; m < 2; m++) {
    Ok(SnaIntegrateMatrix(b, &t, m, m, NULL, M));
    for (PetscInt i = 0; i < 300; i++) {
      for (PetscInt j = 0; j < 300; j++) {
        const double wave = m ? PETSC_PI / 2 * (double)(i + 1) : 1;

        near(M[i * 599 + j - i + 299], i == j ? wave * wave : 0, m ? 4e-14 * 300 * 300 * 3 : 2e-14, "cells");
      }
    }
  }
  Ok(SnaTabulationDestroy(&t));
  Ok(SnaBasisDestroy(&b));
}

// Robin coefficients from none to all: conditions hold, functions stay orthonormal, and the limits are Neumann and Dirichlet.
static void test_robin_limits(void **state)
{
  static const double size[] = {1e-300, 1e-18, 1e-15, 1e-14, 1e-13, 1e-11, 1e-8, 1e-4, 1, 1e4, 1e8, 1e15, 1e300};

  (void)state;
  for (size_t r = 0; r < sizeof(size) / sizeof(size[0]); r++) {
    for (int family = 0; family < 3; family++) {
      for (int both = 0; both < 3; both++) {
        SnaBasisSpec spec = {.family = family == 0   ? "bspline"
                                       : family == 1 ? "legendre"
                                                     : "chebyshev",
          .degree                    = family ? 0 : 3,
          .resolution                = 20,
          .lo                        = lower,
          .hi                        = upper,
          .end = {{SNA_END_ROBIN, size[r]}, both == 2 ? neumann : (SnaEnd){SNA_END_ROBIN, both ? -size[r] : size[r]}}};
        double value[2][MAX_N], slope[2][MAX_N], f[MAX_N], g[MAX_N];
        SnaBasis     b, limit;
        SnaBasisInfo info;

        Ok(SnaBasisCreate("x", &spec, &b));
        Ok(SnaBasisGetInfo(b, &info));
        for (int e = 0; e < 2; e++) {
          Functions(b, e ? upper : lower, 0, value[e]);
          Functions(b, e ? upper : lower, 1, slope[e]);
          for (PetscInt i = 0; i < info.n; i++) {
            const double unit = 1 + fabs(spec.end[e].robin);

            near((e ? slope[e][i] : -slope[e][i]) / unit + spec.end[e].robin / unit * value[e][i], 0, 2e-11, "robin");
          }
        }
        Orthonormal(b, &spec, "robin");
        Ok(SnaBasisDestroy(&b));
        if (both == 1 || (size[r] > 1e-13 && size[r] < 1e8)) continue;
        Ok(SnaBasisCreate("x", &spec, &b));
        for (int e = 0; e < (both == 2 ? 1 : 2); e++)
          spec.end[e].kind = size[r] < 1 ? SNA_END_NEUMANN : SNA_END_DIRICHLET;
        Ok(SnaBasisCreate("x", &spec, &limit));
        Functions(b, 0.3, 0, f);
        Functions(limit, 0.3, 0, g);
        for (PetscInt i = 0; i < info.n; i++) near(fabs(f[i]), fabs(g[i]), 1e-5, "limit");
        Ok(SnaBasisDestroy(&limit));
        Ok(SnaBasisDestroy(&b));
      }
    }
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_orthonormal),
    cmocka_unit_test(test_chebyshev),
    cmocka_unit_test(test_legendre_by_hand),
    cmocka_unit_test(test_many_modes),
    cmocka_unit_test(test_fourier_by_hand),
    cmocka_unit_test(test_fourier_cells),
    cmocka_unit_test(test_robin_limits),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
