// test_expr.c - formulas against libm and closed forms, derivatives against closed forms and central differences, wrong
// formulas against their messages, and random formulas against crashes.
#include <sna/base.h>

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((int)(call), 0)
#define N        1000

static const char *const variables[] = {"x", "y", "z", "omega", "kappa"};
static const char *const constants[] = {"s", "r0", "zero", "none"};
static const double      values[]    = {0.15, 0.3, 0, NAN};
static const SnaSymbols  symbols     = {5, variables, 4, constants, values};

static SnaExpr Create(const char text[])
{
  char    message[SNA_MAX_MESSAGE];
  SnaExpr e;

  OK(SnaExprCreate(text, &symbols, &e, message));
  if (!e) fail_msg("%s: %s", text, message);
  return e;
}

static double Value(const char text[], double x, double y)
{
  const double  z = 0.25, omega = 2, kappa = 1e-3;
  const double *point[] = {&x, &y, &z, &omega, &kappa};
  double        value;
  SnaExpr       e = Create(text);

  OK(SnaExprEvaluate(e, 1, point, &value));
  OK(SnaExprDestroy(&e));
  assert_null(e);
  return value;
}

static void AssertClose(const char text[], double value, double exact, double tolerance)
{
  if (isnan(exact) && isnan(value)) return;
  if (value == exact) return;
  if (!(fabs(value - exact) <= tolerance * fmax(1e-300, fabs(exact))))
    fail_msg("%s: %.17g is not %.17g", text, value, exact);
}

// ---------------------------------------------------------------------------------------------------------------------
// Values
// ---------------------------------------------------------------------------------------------------------------------
#define EACH(X)                                                                                                        \
  X(sin(x))                                                                                                            \
  X(cos(x))                                                                                                            \
  X(tan(x))                                                                                                            \
  X(asin(x / 8))                                                                                                       \
  X(acos(x / 8))                                                                                                       \
  X(atan(x))                                                                                                           \
  X(sinh(x))                                                                                                           \
  X(cosh(x))                                                                                                           \
  X(tanh(x))                                                                                                           \
  X(exp(x))                                                                                                            \
  X(log(y))                                                                                                            \
  X(log10(y))                                                                                                          \
  X(sqrt(y))                                                                                                           \
  X(cbrt(x))                                                                                                           \
  X(erf(x))                                                                                                            \
  X(erfc(x))                                                                                                           \
  X(atan2(x, y))                                                                                                       \
  X(pow(y, x))                                                                                                         \
  X(log(x))                                                                                                            \
  X(asin(x))                                                                                                           \
  X(x + y * x - y / x)                                                                                                 \
  X(x < y)                                                                                                             \
  X(x <= y)                                                                                                            \
  X(x > y)                                                                                                             \
  X(x >= y)                                                                                                            \
  X(x == y)                                                                                                            \
  X(x != y)                                                                                                            \
  X(x > 0 && y > 1)                                                                                                    \
  X(x > 0 || y > 1)                                                                                                    \
  X(x<0 ? exp(x) : y> 2 ? 1 / y : sqrt(y))                                                                             \
  X(1 - x)                                                                                                             \
  X(x - 1)                                                                                                             \
  X(2 / y)                                                                                                             \
  X(y / 3)                                                                                                             \
  X(x + 2 * 3 - 4 / 8.)                                                                                                \
  X(-x * -y)                                                                                                           \
  X(1e-3 * x + .5 - 2. + 1.5E+2)

static double in_c(int k, double x, double y)
{
  int i = 0;
#define X(formula)                                                                                                     \
  if (i++ == k) return (double)(formula);
  EACH(X)
#undef X
  return NAN;
}

static void TestValues(void **state)
{
  static const char *const text[] = {
#define X(formula) #formula,
    EACH(X)
#undef X
  };
  double x[N], y[N], out[N];

  (void)state;
  for (int i = 0; i < N; i++) {
    x[i] = -4 + 8 * SnaRandomUniform(1, 0, (uint64_t)i);
    y[i] = 3 * SnaRandomUniform(1, 1, (uint64_t)i);
  }
  for (size_t k = 0; k < sizeof(text) / sizeof(text[0]); k++) {
    const double *const point[] = {x, y, NULL, NULL, NULL};
    SnaExpr             e       = Create(text[k]);

    OK(SnaExprEvaluate(e, N, point, out));
    for (int i = 0; i < N; i++) AssertClose(text[k], out[i], in_c((int)k, x[i], y[i]), 64 * DBL_EPSILON); // x + y*x - y/x cancels, and the compiler may fuse
    OK(SnaExprDestroy(&e));
  }
}

static void TestGrammar(void **state)
{
  (void)state;
  assert_true(Value("-x^2", 3, 0) == -9);
  assert_true(Value("(-x)^2", 3, 0) == 9);
  assert_true(Value("2^3^2", 0, 0) == 512);
  assert_true(Value("2^-x", 2, 0) == 0.25);
  assert_true(Value("x^-2", 2, 0) == 0.25);
  assert_true(Value("-x^-2", 2, 0) == -0.25);
  assert_true(Value("x - y - 1", 3, 1) == 1);
  assert_true(Value("x/y/2", 12, 3) == 2);
  assert_true(Value("x*-y", 2, 3) == -6);
  assert_true(Value("x - -y", 2, 3) == 5);
  assert_true(Value("- - + -x", 2, 3) == -2);
  assert_true(Value("1 + 2 < 4 && 2*3 == 6", 0, 0) == 1);
  assert_true(Value("1 || 0 && 0", 0, 0) == 1);
  assert_true(Value("x ? 1 : y ? 2 : 3", 0, 0) == 3);
  assert_true(Value("1 ? 2 : 3 + 4", 0, 0) == 2);
  assert_true(Value("\n x\t*\r y ", 2, 3) == 6);
  assert_true(Value("omega", 0, 0) == 2);
  assert_true(Value("2*pi", 0, 0) == 2 * PETSC_PI);
  assert_true(Value("s + r0", 0, 0) == 0.15 + 0.3);
  assert_true(Value("7", 0, 0) == 7);
  assert_true(Value("x", 5, 0) == 5);
  assert_true(Value("min(x, 2) + max(x, 2)", 3, 0) == 5);
  assert_true(Value("sign(x)", -3, 0) == -1 && Value("sign(x)", 0, 0) == 0 && Value("sign(x)", 7, 0) == 1);
  assert_true(Value("abs(x)", -3, 0) == 3);
  // NaN and infinity come through
  assert_true(isnan(Value("min(x, 1)", NAN, 0)) && isnan(Value("min(1, x)", NAN, 0)) &&
              isnan(Value("max(x, 1)", NAN, 0)) && isnan(Value("max(1, x)", NAN, 0)));
  assert_true(isnan(Value("sign(x)", NAN, 0)) && isnan(Value("none + x", 1, 0)) && isnan(Value("0/0", 0, 0)));
  assert_true(isinf(Value("1/x", 0, 0)) && isinf(Value("log(zero)", 0, 0)));
  assert_true(isnan(Value("sqrt(x)", -1, 0)));
}

static void TestIntegerPowers(void **state)
{
  (void)state;
  for (int n = -70; n <= 70; n++) {
    char text[32];

    snprintf(text, sizeof(text), "x^(%d)", n);
    for (int i = 0; i < 20; i++) {
      const double x = -2 + 4 * SnaRandomUniform(2, 0, (uint64_t)i);

      AssertClose(text, Value(text, x, 0), pow(x, n), 70 * DBL_EPSILON);
    }
    assert_true(Value(text, 0, 0) == pow(0., n));
  }
  assert_true(isnan(Value("x^0.5", -1, 0)));
}

static void TestVariables(void **state)
{
  SnaExpr  e = Create("kappa*exp(-x^2) + s");
  uint32_t mask;

  (void)state;
  OK(SnaExprGetVariables(e, &mask));
  assert_int_equal(mask, 1 << 0 | 1 << 4);
  OK(SnaExprDestroy(&e));
  OK(SnaExprDestroy(&e)); // twice is harmless
  e = Create("2*pi");
  OK(SnaExprGetVariables(e, &mask));
  assert_int_equal(mask, 0);
  OK(SnaExprDestroy(&e));
}

// Long sums need no deep call stack, and programs with many slots work.
static void TestLong(void **state)
{
  char  *text = malloc(70000);
  int    used = 1;
  double value;

  (void)state;
  strcpy(text, "x");
  while (used < 65000) {
    strcpy(text + used, "+x*1");
    used += 4;
  }
  value = Value(text, 1, 0);
  assert_true(value == 1 + (used - 1) / 4);
  used = 0;
  for (int i = 0; i < 190; i++) used += sprintf(text + used, "x+2*(");
  used += sprintf(text + used, "y");
  for (int i = 0; i < 190; i++) used += sprintf(text + used, ")");
  assert_true(Value(text, 0, 1) == pow(2, 190));
  // 300 levels one after the other are no nesting
  used = sprintf(text, "0");
  for (int i = 0; i < 300; i++) used += sprintf(text + used, "+x^x+(x)");
  assert_true(Value(text, 1, 0) == 600);
  free(text);
}

// ---------------------------------------------------------------------------------------------------------------------
// Wrong formulas
// ---------------------------------------------------------------------------------------------------------------------
static void TestErrors(void **state)
{
  static const struct {
    const char *text, *message;
  } wrong[] = {
    {"", "column 1: the formula is empty"},
    {"  \t ", "column 1: the formula is empty"},
    {"x=3", "column 2: `=` is not allowed: a formula assigns nothing; `==` compares"},
    {"x,y", "column 2: a comma may stand only between the arguments of a function"},
    {"(x,y)", "column 3: a comma may stand only between the arguments of a function"},
    {"x+", "column 3: the formula ends where a number, a name or `(` is expected"},
    {"x*/y", "column 3: unexpected `/`; a number, a name or `(` is expected"},
    {"*x", "column 1: unexpected `*`; a number, a name or `(` is expected"},
    {"x^", "column 3: the formula ends where"},
    {"-", "column 2: the formula ends where"},
    {"(x+1", "column 1: `(` is never closed"},
    {"sin(x", "column 4: `(` is never closed"},
    {"x+1)", "column 4: `)` without a `(` before it"},
    {"()", "column 2: unexpected `)`"},
    {"x + kapa", "column 5: unknown name `kapa`; did you mean `kappa`?"},
    {"OMEGA*x", "column 1: unknown name `OMEGA`; did you mean `omega`?"},
    {"q", "column 1: unknown name `q`"},
    {"sinn(x)", "column 1: unknown function `sinn`; did you mean `sin`?"},
    {"foobar(x)", "column 1: unknown function `foobar`"},
    {"sin()", "column 1: `sin` takes 1 argument, not 0"},
    {"sin(x,y)", "column 1: `sin` takes 1 argument, not 2"},
    {"min(x)", "column 1: `min` takes 2 arguments, not 1"},
    {"max(x,y,z,x)", "column 1: `max` takes 2 arguments, not 4"},
    {"sin", "column 1: `sin` is a function; write sin(...)"},
    {"sin + 1", "column 1: `sin` is a function"},
    {"x(3)", "column 1: `x` is a variable, not a function"},
    {"s(3)", "column 1: `s` is a constant, not a function"},
    {"1.2.3", "column 1: `1.2.3` is not a number"},
    {".", "column 1: `.` is not a number"},
    {"2x", "column 2: an operator is missing between `2` and `x`; products are written with `*`"},
    {"1e", "column 2: an operator is missing between `1` and `e`"},
    {"0x10", "column 2: an operator is missing between `0` and `x10`"},
    {"2(x)", "column 2: an operator is missing before `(`"},
    {"x y", "column 3: an operator is missing before `y`"},
    {"(x)(y)", "column 4: an operator is missing before `(`"},
    {"x 2", "column 3: an operator is missing before `2`"},
    {"1e999", "column 1: the number `1e999` is too large"},
    {"x\xc2\xb2", "column 2: character outside ASCII"},
    {"\xe2\x88\x92x", "column 1: character outside ASCII"},
    {"x**2", "column 2: `**` is not an operator; powers are written with `^`"},
    {"x & y", "column 3: `&` is not an operator"},
    {"x | y", "column 3: `|` is not an operator"},
    {"!x", "column 1: `!` is not an operator"},
    {"[x]", "column 1: `[` is not allowed"},
    {"x;", "column 2: unexpected character `;`"},
    {"x\001", "column 2: control character (code 1)"},
    {"0 < x < 1", "column 7: comparisons cannot be chained"},
    {"x ? 1", "column 6: `:` is expected"},
    {"x : 1", "column 3: `:` without a `?`"},
    {"d(x)", "column 1: d(...) is a derivative of the unknown"},
  };

  (void)state;
  for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
    char    message[SNA_MAX_MESSAGE] = "";
    SnaExpr e                        = (SnaExpr)message;

    OK(SnaExprCreate(wrong[k].text, &symbols, &e, message));
    if (e) fail_msg("`%s` was accepted", wrong[k].text);
    if (strncmp(message, wrong[k].message, strlen(wrong[k].message)))
      fail_msg("`%s`: \"%s\" instead of \"%s\"", wrong[k].text, message, wrong[k].message);
  }
}

static void TestLimits(void **state)
{
  char    message[SNA_MAX_MESSAGE];
  char   *text = malloc(70000);
  SnaExpr e;

  (void)state;
  memset(text, '(', 250);
  strcpy(text + 250, "x");
  OK(SnaExprCreate(text, &symbols, &e, message));
  assert_null(e);
  assert_non_null(strstr(message, "nested too deeply"));
  for (int i = 0; i < 250; i++) memcpy(text + 2 * i, "x^", 2);
  strcpy(text + 500, "x");
  OK(SnaExprCreate(text, &symbols, &e, message));
  assert_null(e);
  assert_non_null(strstr(message, "nested too deeply"));
  memset(text, '-', 60000); // signs are no nesting
  strcpy(text + 60000, "x");
  OK(SnaExprCreate(text, &symbols, &e, message));
  assert_non_null(e);
  OK(SnaExprDestroy(&e));
  memset(text, ' ', 66000);
  strcpy(text + 66000, "x");
  OK(SnaExprCreate(text, &symbols, &e, message));
  assert_null(e);
  assert_non_null(strstr(message, "longer than 65536"));
  memset(text, 'q', 60000);
  text[60000] = 0;
  OK(SnaExprCreate(text, &symbols, &e, message));
  assert_null(e);
  assert_non_null(strstr(message, "longer than 127"));
  free(text);
}

static void TestNames(void **state)
{
  static const char *const names[] = {"rank", "max_sweeps", "t"};

  (void)state;
  assert_string_equal(SnaNearestName("rnak", 3, names), "rank");
  assert_string_equal(SnaNearestName("RANK", 3, names), "rank");
  assert_string_equal(SnaNearestName("maxsweep", 3, names), "max_sweeps");
  assert_null(SnaNearestName("q", 3, names));
  assert_null(SnaNearestName("rxyz", 3, names)); // three edits
  assert_null(SnaNearestName("", 3, names));
  assert_null(SnaNearestName("tikhonov", 3, names));
  assert_null(SnaNearestName("x", 0, NULL));
  assert_true(
    SnaNameIsReserved("sin") && SnaNameIsReserved("atan2") && SnaNameIsReserved("d") && SnaNameIsReserved("pi"));
  assert_false(SnaNameIsReserved("x") || SnaNameIsReserved("Sin") || SnaNameIsReserved("dx"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Derivatives
// ---------------------------------------------------------------------------------------------------------------------
static void Jet(const char text[], int variable, int order, double x, double y, double out[])
{
  const double  z = 0.25, omega = 2, kappa = 1e-3;
  const double *point[] = {&x, &y, &z, &omega, &kappa};
  SnaExpr       e       = Create(text);

  OK(SnaExprJet(e, variable, order, 1, point, out));
  OK(SnaExprDestroy(&e));
}

static void AssertJet(const char text[], double x, double y, int order, const double exact[], double tolerance)
{
  double jet[9], scale = 1;

  Jet(text, 0, order, x, y, jet);
  for (int m = 0; m <= order; m++) {
    scale = fmax(scale, fabs(exact[m]));
    if (!(fabs(jet[m] - exact[m]) <= tolerance * scale))
      fail_msg("%s at %g, %g: derivative %d is %.17g, not %.17g", text, x, y, m, jet[m], exact[m]);
  }
}

// d^m/dx^m exp(-u^2), u = (x-r0)/(s sqrt 2), is (-1)^m H_m(u) exp(-u^2) / (s sqrt 2)^m.
static void TestJetGaussian(void **state)
{
  (void)state;
  for (int i = 0; i <= 40; i++) {
    const double x = -1 + 0.05 * i, width = 0.15 * sqrt(2.), u = (x - 0.3) / width;
    double       hermite[9] = {1, 2 * u}, exact[9];

    for (int m = 1; m < 8; m++) hermite[m + 1] = 2 * u * hermite[m] - 2 * m * hermite[m - 1];
    for (int m = 0; m <= 8; m++) exact[m] = (m % 2 ? -1 : 1) * hermite[m] * exp(-u * u) / pow(width, m);
    AssertJet("exp(-(x-r0)^2/(2*s^2))", x, 0, 8, exact, 1e-12);
  }
}

static void TestJetClosedForms(void **state)
{
  (void)state;
  for (int i = 0; i < 25; i++) {
    const double x = 0.05 + 0.07 * i, y = -1 + 0.1 * i;
    double       exact[9], factor       = 1;

    for (int m = 0; m <= 8; m++) exact[m] = pow(3, m) * sin(3 * x + m * PETSC_PI / 2);
    AssertJet("sin(3*x)", x, y, 8, exact, 1e-13);
    for (int m = 0; m <= 8; m++) exact[m] = pow(3, m) * cos(3 * x + m * PETSC_PI / 2);
    AssertJet("cos(3*x)", x, y, 8, exact, 1e-13);
    for (int m = 0; m <= 8; m++) exact[m] = pow(2, m) * (m % 2 ? cosh(2 * x) : sinh(2 * x));
    AssertJet("sinh(2*x)", x, y, 8, exact, 1e-13);
    for (int m = 0; m <= 8; m++) exact[m] = pow(2, m) * (m % 2 ? sinh(2 * x) : cosh(2 * x));
    AssertJet("cosh(2*x)", x, y, 8, exact, 1e-13);
    for (int m = 0; m <= 8; m++) exact[m] = pow(log(2.), m) * pow(2, x);
    AssertJet("2^x", x, y, 8, exact, 1e-13);
    for (int m = 0; m <= 8; m++, factor *= -m) exact[m] = factor / pow(x, m + 1);
    AssertJet("1/x", x, y, 8, exact, 1e-13);
    AssertJet("x^-1", x, y, 8, exact, 1e-13);
    AssertJet("x^3/x^4", x, y, 8, exact, 1e-10);
    for (int m = 8; m > 0; m--) exact[m] = exact[m - 1];
    exact[0] = log(x);
    AssertJet("log(x)", x, y, 8, exact, 1e-13);
    for (int m = 0; m <= 8; m++) exact[m] /= log(10);
    AssertJet("log10(x)", x, y, 8, exact, 1e-13);
    factor = 1;
    for (int m = 0; m <= 8; factor *= 1.5 - m, m++) exact[m] = factor * pow(x, 1.5 - m);
    AssertJet("x^1.5", x, y, 8, exact, 1e-13);
    AssertJet("x*sqrt(x)", x, y, 8, exact, 1e-12);
    AssertJet("sqrt(x^3)", x, y, 8, exact, 1e-12);
    AssertJet("cbrt(x)^4.5", x, y, 8, exact, 1e-12);
    exact[0] = atan(y);
    exact[1] = 1 / (1 + y * y);
    exact[2] = -2 * y * exact[1] * exact[1];
    exact[3] = (6 * y * y - 2) * pow(exact[1], 3);
    exact[4] = 24 * y * (1 - y * y) * pow(exact[1], 4);
    AssertJet("atan(x)", y, 0, 4, exact, 1e-13);
    AssertJet("atan2(x, 1)", y, 0, 4, exact, 1e-13);
    AssertJet("pi/2 - atan2(1, x)", y, 0, 4, exact, 1e-13);
    exact[0] = tan(y / 2);
    exact[1] = (1 + exact[0] * exact[0]) / 2;
    exact[2] = exact[0] * exact[1];
    exact[3] = exact[1] * exact[1] + exact[0] * exact[2];
    AssertJet("tan(x/2)", y, 0, 3, exact, 1e-13);
    AssertJet("sin(x/2)/cos(x/2)", y, 0, 3, exact, 1e-13);
    exact[0] = tanh(y);
    exact[1] = 1 - exact[0] * exact[0];
    exact[2] = -2 * exact[0] * exact[1];
    exact[3] = -2 * (exact[1] * exact[1] + exact[0] * exact[2]);
    AssertJet("tanh(x)", y, 0, 3, exact, 1e-13);
    exact[0] = erf(y);
    exact[1] = 2 / sqrt(PETSC_PI) * exp(-y * y);
    exact[2] = -2 * y * exact[1];
    exact[3] = (4 * y * y - 2) * exact[1];
    exact[4] = (12 * y - 8 * y * y * y) * exact[1];
    AssertJet("erf(x)", y, 0, 4, exact, 1e-13);
    AssertJet("1 - erfc(x)", y, 0, 4, exact, 1e-13);
    if (fabs(y) < 0.95) {
      const double root = 1 / sqrt(1 - y * y);

      exact[0] = asin(y);
      exact[1] = root;
      exact[2] = y * pow(root, 3);
      exact[3] = (1 + 2 * y * y) * pow(root, 5);
      exact[4] = (9 * y + 6 * y * y * y) * pow(root, 7);
      AssertJet("asin(x)", y, 0, 4, exact, 1e-13);
      AssertJet("pi/2 - acos(x)", y, 0, 4, exact, 1e-13);
    }
    // x^x = exp(x log x): u' = u (log x + 1), u'' = u ((log x + 1)^2 + 1/x)
    exact[0] = pow(x, x);
    exact[1] = exact[0] * (log(x) + 1);
    exact[2] = exact[0] * ((log(x) + 1) * (log(x) + 1) + 1 / x);
    AssertJet("x^x", x, 0, 2, exact, 1e-13);
  }
}

static void TestJetSpecialPoints(void **state)
{
  double jet[9];

  (void)state;
  AssertJet("x^2", 0, 0, 4, (double[]){0, 0, 2, 0, 0}, 0);
  AssertJet("x^y", 0, 2, 4, (double[]){0, 0, 2, 0, 0}, 0); // an exponent that does not depend on x
  AssertJet("x^0", 0, 0, 2, (double[]){1, 0, 0}, 0);
  AssertJet("x^100", 0, 0, 8, (double[]){0, 0, 0, 0, 0, 0, 0, 0, 0}, 0);
  AssertJet("(x-1)^3*x", 1, 0, 4, (double[]){0, 0, 0, 6, 24}, 0);
  AssertJet("x^2.5", 0, 0, 2, (double[]){0, 0, 0}, 0);
  AssertJet("sqrt(y) + log(y) + 1/y + x", 3, 1, 2, (double[]){5, 1, 0}, 0);
  AssertJet("log(y)*0 + x", 3, 1, 1, (double[]){3, 1}, 0);
  AssertJet("cbrt(x)", -8, 0, 2, (double[]){-2, 1. / 12, 1. / 144}, 1e-15);
  AssertJet("abs(x)*x", -2, 0, 3, (double[]){-4, 4, -2, 0}, 0);
  AssertJet("sign(x)*x^2", -2, 0, 2, (double[]){-4, 4, -2}, 0);
  AssertJet("min(x^2, 4)", 1, 0, 2, (double[]){1, 2, 2}, 0);
  AssertJet("max(x^2, 4)", 1, 0, 2, (double[]){4, 0, 0}, 0);
  AssertJet("x < 0 ? log(x) : x^3", 2, 0, 3, (double[]){8, 12, 12, 6}, 0);
  AssertJet("(x > 0 && y == 0)*x", 2, 0, 2, (double[]){2, 1, 0}, 0);
  AssertJet("5", 2, 0, 2, (double[]){5, 0, 0}, 0);
  AssertJet("x", 2, 0, 2, (double[]){2, 1, 0}, 0);
  AssertJet("y", 2, 3, 2, (double[]){3, 0, 0}, 0);
  Jet("sqrt(x)", 0, 2, 0, 0, jet);
  assert_true(jet[0] == 0 && isinf(jet[1]) && jet[1] > 0 && isinf(jet[2]) && jet[2] < 0);
  Jet("x^2.5", 0, 3, 0, 0, jet);
  assert_true(jet[2] == 0 && isinf(jet[3]));
  Jet("sqrt(x^2)", 0, 2, 0, 0, jet); // |x|: no derivative
  assert_true(jet[0] == 0 && isnan(jet[1]) && isnan(jet[2]));
  Jet("log(x)", 0, 1, 0, 0, jet);
  assert_true(isinf(jet[0]) && isinf(jet[1]));
  Jet("sqrt(x)", 0, 2, -1, 0, jet);
  assert_true(isnan(jet[0]) && isnan(jet[1]));
  Jet("log(y) + x", 0, 2, 1, 0, jet); // -infinity, but its derivative in x is 1
  assert_true(isinf(jet[0]) && jet[1] == 1 && jet[2] == 0);
  Jet("x^2*y", 0, 0, 3, 2, jet);
  assert_true(jet[0] == 18);
  Jet("x^2*y^3", 1, 3, 3, 2, jet);
  assert_true(jet[0] == 72 && jet[1] == 108 && jet[2] == 108 && jet[3] == 54);
}

// Every derivative against central differences of the one below it, in both variables, at many points at once.
static void TestJetDifferences(void **state)
{
  static const char *const text[] = {"exp(-x*y)*sin(x+2*y)", "(x^2+y^2)^1.5/(1+x*y)", "atan2(y, x)*tanh(x-y)",
    "erf(x*y) + erfc(x)*y", "asin(x/4)*acos(y/4)", "sqrt(1+x^2)*cbrt(2+y)", "log(1+x*y)/(2+cos(x*y))^3",
    "pow(1+x, y)*x^y", "tan(x/4)*sinh(y)", "cosh(x)/cosh(y)", "x > 1 ? x*y^3 : log10(x)*y", "atan(x)^-2 + x^7"};
  enum { M = 50, K = 8 };
  double       x[M], y[M], shifted[2][M], here[(K + 1) * M], jet[2][(K + 1) * M];
  const double h = 1e-5;

  (void)state;
  for (int i = 0; i < M; i++) {
    x[i] = 0.5 + SnaRandomUniform(3, 0, (uint64_t)i);
    y[i] = 0.5 + SnaRandomUniform(3, 1, (uint64_t)i);
    if (fabs(x[i] - 1) < 2 * h) x[i] = 1.1;
  }
  for (size_t k = 0; k < sizeof(text) / sizeof(text[0]); k++) {
    SnaExpr e = Create(text[k]);

    for (int v = 0; v < 2; v++) {
      const double *point[] = {x, y, NULL, NULL, NULL};
      double        value[M];

      OK(SnaExprJet(e, v, K, M, point, here));
      OK(SnaExprEvaluate(e, M, point, value));
      for (int side = 0; side < 2; side++) {
        for (int i = 0; i < M; i++) shifted[side][i] = (v ? y : x)[i] + (side ? h : -h);
        point[v] = shifted[side];
        OK(SnaExprJet(e, v, K, M, point, jet[side]));
      }
      for (int i = 0; i < M; i++) AssertClose(text[k], here[i], value[i], 1e-13);
      for (int m = 1; m <= K; m++) {
        for (int i = 0; i < M; i++) {
          const double difference = (jet[1][(m - 1) * M + i] - jet[0][(m - 1) * M + i]) / (2 * h),
                       exact      = here[m * M + i];
          const double scale      = 1 + fabs(exact) + fabs(here[(m - 1) * M + i]) +
                               (m + 2 <= K ? fabs(here[(m + 2) * M + i]) * 1e-3 : fabs(exact) * 100);

          if (!(fabs(difference - exact) <= 1e-7 * scale))
            fail_msg("%s: derivative %d in %s at (%g, %g) is %.12g, difference %.12g", text[k], m, variables[v], x[i],
              y[i], exact, difference);
        }
      }
    }
    OK(SnaExprDestroy(&e));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Robustness and speed
// ---------------------------------------------------------------------------------------------------------------------
static void TestFuzz(void **state)
{
  static const char *const token[] = {"x", "y", "kappa", "s", "pi", "1", "2.5", "1e-3", ".", "(", ")", "(", ")", ",",
    "+", "-", "*", "/", "^", "<", "==", "&&", "||", "?", ":", "=", "&", "!", "\xff", "d(", "d", "sin(", "min(", "exp(",
    "log", "atan2(", "2x", "1.2.3", " ", "sqrt(", "none", "abs(", "foo", "u", "d(x)("};
  enum { NTOKEN = sizeof(token) / sizeof(token[0]) };
  int accepted = 0, refused = 0;

  (void)state;
  for (uint64_t run = 0; run < 60000; run++) {
    const int length    = 1 + (int)(12 * SnaRandomUniform(4, run, 0));
    char      text[256] = "", message[SNA_MAX_MESSAGE] = "";
    SnaExpr   e;
    SnaTerm   term, terms[6];
    PetscBool ok;
    int       n;

    for (int k = 1; k <= length; k++) {
      // half of the formulas are of plain tokens with operators between, so that many are accepted
      const double u = SnaRandomUniform(4, run, (uint64_t)k);

      if (run % 2)
        strcat(text, token[(int)(u * NTOKEN)]);
      else
        strcat(text, k % 2 ? token[(int)(u * 7)] : token[14 + (int)(u * 5)]);
    }
    OK(SnaExprCreate(text, &symbols, &e, message));
    if (e) {
      const double  x = 0.3, y = -1.2, kappa = 0;
      const double *point[] = {&x, &y, NULL, NULL, &kappa};
      double        value, jet[9];

      accepted++;
      assert_true(message[0] == 0);
      OK(SnaExprEvaluate(e, 1, point, &value));
      OK(SnaExprJet(e, 0, 8, 1, point, jet));
      if (!isnan(value)) AssertClose(text, jet[0], value, 1e-12);
      OK(SnaExprDestroy(&e));
    } else {
      refused++;
      assert_true(!strncmp(message, "column ", 7));
    }
    OK(SnaTermCreate(text, &symbols, PETSC_TRUE, "u", &term, &ok, message));
    if (ok)
      OK(SnaTermDestroy(&term));
    else
      assert_true(message[0] != 0);
    OK(SnaTermsFromSum(text, &symbols, 6, &n, terms));
    while (n) OK(SnaTermDestroy(&terms[--n]));
  }
  assert_true(accepted > 5000 && refused > 5000);
}

// Printed, not judged: a machine may be busy.
static void TestSpeed(void **state)
{
  static const char *const text[] = {"x^2 + y^2", "x^5*y - 3*x + 1", "exp(-(x-r0)^2/(2*s^2))",
    "exp(-((x-r0*cos(omega*z))^2 + (y-r0*sin(omega*z))^2)/(2*(s^2+2*kappa*z)))"};
  enum { M = 200000 };
  double *x[5], *out = malloc(M * sizeof(double));

  (void)state;
  for (int v = 0; v < 5; v++) {
    x[v] = malloc(M * sizeof(double));
    for (int i = 0; i < M; i++) x[v][i] = SnaRandomUniform(5, (uint64_t)v, (uint64_t)i);
  }
  for (size_t k = 0; k < sizeof(text) / sizeof(text[0]); k++) {
    SnaExpr   e = Create(text[k]);
    clock_t   start;
    const int repeat = 10;

    OK(SnaExprEvaluate(e, M, (const double *const *)x, out));
    start = clock();
    for (int r = 0; r < repeat; r++) OK(SnaExprEvaluate(e, M, (const double *const *)x, out));
    print_message("           %8.1f million points/s  %s\n",
      1e-6 * repeat * M / ((double)(clock() - start) / CLOCKS_PER_SEC), text[k]);
    OK(SnaExprDestroy(&e));
  }
  for (int v = 0; v < 5; v++) free(x[v]);
  free(out);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestValues),
    cmocka_unit_test(TestGrammar),
    cmocka_unit_test(TestIntegerPowers),
    cmocka_unit_test(TestVariables),
    cmocka_unit_test(TestLong),
    cmocka_unit_test(TestErrors),
    cmocka_unit_test(TestLimits),
    cmocka_unit_test(TestNames),
    cmocka_unit_test(TestJetGaussian),
    cmocka_unit_test(TestJetClosedForms),
    cmocka_unit_test(TestJetSpecialPoints),
    cmocka_unit_test(TestJetDifferences),
    cmocka_unit_test(TestFuzz),
    cmocka_unit_test(TestSpeed),
  };
  int failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() ? 1 : failed;
}
