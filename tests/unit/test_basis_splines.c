// timeout: 60
// Graded and periodic splines, the smallest spaces, and what users are told of a wrong specification.
#include "basis_cases.h"

static double Power(const void *ctx, double x)
{
  return pow(x, *(const double *)ctx);
}

static double Kink(const void *ctx, double x)
{
  const double smooth = *(const double *)ctx;

  return sin(0) + 1 + x + (x > 0.1 ? pow(x - 0.1, smooth + 1) : 0);
}

// Splines on any break points hold the polynomials of their degree, and what has a jump in derivative m + 1 at a point given p - m times.
static void test_graded(void **state)
{
  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    for (PetscInt times = 1; times <= p; times++) {
      double         knots[20] = {lower, -0.39, -0.2};
      PetscInt       n         = 3;
      const double   smooth    = (double)(p - times);
      const PetscInt cells[]   = {5, 10, 2, 7, 33};
      SnaBasis       b, like;
      SnaBasisInfo   info;

      for (PetscInt k = 0; k < times; k++) knots[n++] = 0.1;
      knots[n++]              = 0.9;
      knots[n++]              = upper;
      const SnaBasisSpec spec = {
        .family = "bspline", .degree = p, .resolution = 5, .lo = lower, .hi = upper, .nbreak = n, .breakpoint = knots};
      Ok(SnaBasisCreate("x", &spec, &b));
      memset(knots, 0, sizeof(knots)); // they were copied
      Ok(SnaBasisGetInfo(b, &info));
      near((double)info.n, (double)(4 + times + p), 0, "graded");
      near((double)info.band, (double)p, 0, "graded");
      for (int k = 0; k < 5; k++) {
        Ok(SnaBasisCreateLike(b, times > 1 || cells[k] > 2 ? cells[k] : 5, &like));
        for (double power = 0; power <= (double)p; power++) assert_true(BestError(like, Power, &power) < 2e-14);
        if (times > 1) assert_true(BestError(like, Kink, &smooth) < 2e-14);
        Ok(SnaBasisDestroy(&like));
      }
      if (times == 1) { // a single break point stays where it is when its cells are halved
        Ok(SnaBasisCreateLike(b, 10, &like));
        for (PetscInt c = 0; c <= 5; c++) assert_true(SnaBasisCellStart(like, 2 * c) == SnaBasisCellStart(b, c));
        near(SnaBasisCellStart(like, 5), -0.05, 1e-15, "halved");
        assert_true(BestError(like, Kink, &smooth) < 2e-14);
        Ok(SnaBasisDestroy(&like));
      }
      Ok(SnaBasisDestroy(&b));
    }
  }
}

// Break points in equal steps are uniform splines to round-off, in another place of the code.
static void test_graded_is_uniform(void **state)
{
  const double knots[] = {
    lower, lower + (upper - lower) / 4, lower + (upper - lower) / 2, lower + (upper - lower) * 3 / 4, upper};

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    SnaBasisSpec spec = {
      .family = "bspline", .degree = p, .resolution = 8, .lo = lower, .hi = upper, .end = {dirichlet, clamped}};
    SnaBasis     a, b;
    SnaBasisInfo info[2];
    double       f[MAX_N], g[MAX_N];

    Ok(SnaBasisCreate("x", &spec, &a));
    spec.nbreak     = 5;
    spec.breakpoint = knots;
    Ok(SnaBasisCreate("x", &spec, &b));
    Ok(SnaBasisGetInfo(a, &info[0]));
    Ok(SnaBasisGetInfo(b, &info[1]));
    assert_true(info[0].uniform && !info[1].uniform && info[0].n == info[1].n && info[0].drop_first == 1 &&
                info[0].drop_last == 2);
    for (int i = 0; i <= 100; i++) {
      const double x = lower + (upper - lower) * (i == 0 ? 0 : i == 100 ? 1 : (i + 0.3) / 101);

      for (PetscInt m = 0; m <= 3; m++) {
        Functions(a, x, m, f);
        Functions(b, x, m, g);
        for (PetscInt k = 0; k < info[0].n; k++) near(f[k], g[k], 1e-10 * (1 + fabs(f[k])), "uniform");
      }
    }
    Ok(SnaBasisDestroy(&a));
    Ok(SnaBasisDestroy(&b));
  }
}

// All functions of a uniform periodic basis are shifts of one another, they sum to 1, and each has the integral of a cell.
static void test_periodic_shifts(void **state)
{
  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    for (PetscInt cells = p + 1; cells <= p + 4; cells++) {
      const SnaBasisSpec spec = {
        .family = "bspline", .degree = p, .resolution = cells, .lo = lower, .hi = upper, .end = {periodic, periodic}};
      const double  h = (upper - lower) / (double)cells;
      SnaBasis      b;
      SnaTabulation t;
      double        f[MAX_N], g[MAX_N], integral[MAX_N];

      Ok(SnaBasisCreate("x", &spec, &b));
      for (int i = 0; i < 20; i++) {
        const double x   = lower + h * (i + 0.5) / 20;
        double       sum = 0;

        Functions(b, x, 0, f);
        for (PetscInt k = 0; k < cells; k++) sum += f[k];
        near(sum, 1, 1e-14, "sum");
        for (PetscInt s = 1; s < cells; s++) {
          Functions(b, x + h * (double)s, 0, g);
          for (PetscInt k = 0; k < cells; k++) { // k -> k + s around the circle, in the folded order 0, n-1, 1, n-2, ..
            const PetscInt from = 2 * k < cells ? 2 * k : 2 * (cells - 1 - k) + 1, l = (k + s) % cells;
            const PetscInt to = 2 * l < cells ? 2 * l : 2 * (cells - 1 - l) + 1;

            near(f[from], g[to], 1e-13, "shift");
          }
        }
      }
      Ok(SnaTabulationCreate(b, p + 1, 0, &t));
      Ok(SnaIntegrateVector(b, &t, 0, NULL, integral));
      for (PetscInt k = 0; k < cells; k++) near(integral[k], h, 1e-15, "integral");
      Ok(SnaTabulationDestroy(&t));
      Ok(SnaBasisDestroy(&b));
    }
  }
}

// As few functions as there can be: one is left, and it meets both conditions.
static void test_smallest(void **state)
{
  const SnaEnd ends[] = {free_end, dirichlet, neumann, robin, clamped, {SNA_END_ROBIN, -0.4}, {SNA_END_ROBIN, -5}};

  (void)state;
  for (PetscInt p = 1; p <= 5; p++) {
    for (int i = 0; i < 49; i++) {
      SnaBasisSpec spec = {
        .family = "bspline", .degree = p, .resolution = 1, .lo = lower, .hi = upper, .end = {ends[i / 7], ends[i % 7]}};
      PetscBool ok;
      char      message[SNA_MAX_MESSAGE];

      Ok(SnaBasisCheck(&spec, &ok, message));
      while (!ok) {
        assert_non_null(strstr(message, "use more cells"));
        spec.resolution++;
        Ok(SnaBasisCheck(&spec, &ok, message));
      }
      VisitOne(&spec, ConditionsHold);
      VisitOne(&spec, MatricesAgree);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What users are told
// ---------------------------------------------------------------------------------------------------------------------
static void Refused(SnaBasisSpec spec, const char text[])
{
  PetscBool ok;
  char      message[SNA_MAX_MESSAGE];

  Ok(SnaBasisCheck(&spec, &ok, message));
  if (ok || !strstr(message, text)) fail_msg("`%s` is not in `%s`", text, message);
}

static void test_messages(void **state)
{
  const SnaBasisSpec spline   = {.family = "bspline", .degree = 3, .resolution = 4, .lo = 0, .hi = 1},
                     fourier  = {.family = "fourier", .resolution = 5, .lo = 0, .hi = 1, .end = {dirichlet, neumann}},
                     legendre = {.family = "legendre", .resolution = 5, .lo = 0, .hi = 1};
  const double          breaks[][6] = {{0, 0.5, 0.3, 1}, {0, 0.5, 0.9}, {0.1, 0.5, 1}, {0, 0, 0.5, 1}, {0, 0.5, 1, 1},
             {0, 0.5, 0.5, 0.5, 0.5, 1}, {0, 0.5, (double)NAN, 1}, {0, 0.5, 0.5 + 1e-15, 1}, {0, 0.3, 0.3, 0.6, 0.6, 1}};
  static const PetscInt length[]    = {4, 3, 3, 4, 4, 6, 4, 4, 6};
  static const char *const wrong[]  = {"must increase: 0.3 comes after 0.5", "do not go from 0 to 1",
     "do not go from 0 to 1", "give it once", "give it once", "more than 3 times, the degree", "must increase",
     "too narrow", "fewer than the 3 pieces"};
  PetscBool                ok;
  char                     message[SNA_MAX_MESSAGE];
  SnaBasisSpec             s;

  (void)state;
  for (int k = 0; k < 3; k++) {
    Ok(SnaBasisCheck(k == 0 ? &spline : k == 1 ? &fourier : &legendre, &ok, message));
    assert_true(ok && message[0] == '\0');
  }
  assert_string_equal(SnaBasisFamilies(), "bspline|fourier|chebyshev|legendre");
#define REFUSED(base, change, text)                                                                                    \
  do {                                                                                                                 \
    s = base;                                                                                                          \
    change;                                                                                                            \
    Refused(s, text);                                                                                                  \
  } while (0)
  REFUSED(spline, s.family = "splines", "no basis family `splines`: one of bspline|fourier");
  REFUSED(spline, s.degree = 0, "from 1 to 5, not 0");
  REFUSED(spline, s.degree = 6, "from 1 to 5, not 6");
  REFUSED(spline, s.resolution = 0, "at least one cell");
  REFUSED(spline, s.lo = 2, "reversed");
  REFUSED(spline, s.hi = 0, "empty");
  REFUSED(spline, s.hi = (double)INFINITY, "not finite");
  REFUSED(spline, s.lo = (double)NAN, "not finite");
  REFUSED(spline, s.lo = 1 - 1e-14, "too narrow");
  REFUSED(spline, s.end[0] = periodic, "`periodic` for both");
  REFUSED(spline, s.end[0] = s.end[1] = periodic; s.resolution = 3, "need at least 4 cells, not 3");
  REFUSED(spline, s.end[0] = s.end[1] = clamped; s.resolution = 1, "leave none under 4 conditions");
  REFUSED(spline, s.end[0] = ((SnaEnd){SNA_END_ROBIN, (double)NAN}), "lower end is not a finite number");
  REFUSED(fourier, s.end[0] = free_end,
    "a condition at both ends: periodic, dirichlet or neumann, not none at the lower one");
  REFUSED(fourier, s.end[1] = robin, "not robin at the upper one");
  REFUSED(fourier, s.end[1] = clamped, "not value and slope zero at the upper one");
  REFUSED(fourier, s.end[1] = periodic, "`periodic` for both");
  REFUSED(fourier, s.nbreak = 2; s.breakpoint = breaks[0], "break points are for bspline");
  REFUSED(legendre, s.nbreak = 2; s.breakpoint = breaks[0], "break points are for bspline");
  REFUSED(legendre, s.resolution = 193, "up to 192 functions, not 193");
  REFUSED(legendre, s.resolution = 0, "function");
  for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++)
    REFUSED(spline, s.nbreak = length[k]; s.breakpoint = breaks[k]; s.resolution = 2, wrong[k]);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_graded),
    cmocka_unit_test(test_graded_is_uniform),
    cmocka_unit_test(test_periodic_shifts),
    cmocka_unit_test(test_smallest),
    cmocka_unit_test(test_messages),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
