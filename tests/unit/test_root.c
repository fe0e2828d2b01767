// root(s, f, lo, hi) in expressions: values and derivatives against closed forms, and what is refused.
#include <sna/base.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

static const char *const names[]  = {"x", "t"};
static const SnaSymbols  symbols = {2, names, 0, NULL, NULL};

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static SnaExpr Parse(const char *text)
{
  char    message[SNA_MAX_MESSAGE];
  SnaExpr e;

  Ok(SnaExprCreate(text, &symbols, &e, message));
  if (!e) fail_msg("%s: %s", text, message);
  return e;
}

static double Value(SnaExpr e, double x, double t)
{
  const double *const at[2] = {&x, &t};
  double              u;

  Ok(SnaExprEvaluate(e, 1, at, &u));
  return u;
}

static void test_values(void **state)
{
  SnaExpr square = Parse("root(s, s^2 - x, 0, 10)"), wave = Parse("root(s, s + t*sin(pi*s) - x, 0, 1) * 2");

  (void)state;
  for (int i = 1; i <= 20; i++) Near(Value(square, i, 0), sqrt(i), 4e-16 * i);
  for (int i = 0; i <= 20; i++) { // the root is s where x is that of a characteristic, up to where it is nearly double
    const double s = i / 20., t = 0.31;
    Near(Value(wave, s + t * sin(PETSC_PI * s), t), 2 * s, 1e-13);
  }
  assert_true(isnan(Value(square, -1, 0))); // no root
  assert_true(isnan(Value(square, 101, 0)));
  Near(Value(square, 0, 0), 0, 1e-5);  // a double root, at the end
  Near(Value(square, 100, 0), 10, 4e-15);
  Ok(SnaExprDestroy(&square));
  Ok(SnaExprDestroy(&wave));
}

// d/dx, .., of the logarithm as the root of exp(s) = x
static void test_derivatives(void **state)
{
  SnaExpr             e = Parse("root(s, exp(s) - x, -2, 3)");
  const double        x = 1.7, t = 0;
  const double *const at[2] = {&x, &t};
  double              jet[5];

  (void)state;
  Ok(SnaExprJet(e, 0, 4, 1, at, jet));
  Near(jet[0], log(x), 1e-15);
  Near(jet[1], 1 / x, 1e-8);
  Near(jet[2], -1 / (x * x), 1e-8);
  Near(jet[3], 2 / (x * x * x), 1e-7);
  Near(jet[4], -6 / pow(x, 4), 1e-6);
  Ok(SnaExprDestroy(&e));
}

static void test_refused(void **state)
{
  static const char *const wrong[][2] = {{"root(x, x - t, 0, 1)", "`x` has a meaning already"},
    {"root(pi, pi - t, 0, 1)", "has a meaning already"}, {"root(s, s - t, 0)", "root(s, f, lo, hi)"},
    {"root(s)", "root(s, f, lo, hi)"}, {"root", "root(s, f, lo, hi)"}, {"root(s, s - t, 0, 1, 2)", "root(s, f, lo, hi)"},
    {"root(s, s - q, 0, 1)", "`q`"}, {"root(s, s - t, s, 1)", "`s`"}, {"s + root(s, s - t, 0, 1)", "`s`"},
    {"root(s, root(r, r - s, 0, 1), 0, 1)", "inside a root"}};
  char    message[SNA_MAX_MESSAGE];
  SnaExpr e;

  (void)state;
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    Ok(SnaExprCreate(wrong[i][0], &symbols, &e, message));
    if (e || !strstr(message, wrong[i][1])) fail_msg("%s: %s", wrong[i][0], e ? "accepted" : message);
  }
  assert_true(SnaNameIsReserved("root"));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_values), cmocka_unit_test(test_derivatives), cmocka_unit_test(test_refused)};
  int failed;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failed = cmocka_run_group_tests_name("root", tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failed;
}
