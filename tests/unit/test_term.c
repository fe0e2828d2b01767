// test_term.c - product terms: every accepted formula is compared, at random points, with the same formula evaluated
// whole; every refused one with its message.
#include <sna/base.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((int)(call), 0)

static const char *const variables[] = {"x", "y", "t", "omega", "kappa"};
static const char *const constants[] = {"s", "zero", "none"};
static const double      values[]    = {0.15, 0, NAN};
static const SnaSymbols  symbols     = {5, variables, 3, constants, values};

static double TermValue(const SnaTerm *term, const double *const point[])
{
  double product = term->coefficient;

  for (int v = 0; v < SNA_MAX_DIM; v++) {
    uint32_t mask;
    double   value;

    if (!term->factor[v]) continue;
    OK(SnaExprGetVariables(term->factor[v], &mask));
    assert_int_equal(mask, 1 << v);
    OK(SnaExprEvaluate(term->factor[v], 1, point, &value));
    product *= value;
  }
  return product;
}

static void AssertSumOfTerms(const char text[], int n, const SnaTerm terms[], const char whole[])
{
  char    message[SNA_MAX_MESSAGE];
  SnaExpr e;

  OK(SnaExprCreate(whole, &symbols, &e, message));
  assert_non_null(e);
  for (uint64_t i = 0; i < 20; i++) {
    double        x[5], sum = 0, exact, size = 0;
    const double *point[5];

    for (int v = 0; v < 5; v++) {
      x[v]     = 0.1 + SnaRandomUniform(7, (uint64_t)v, i);
      point[v] = &x[v];
    }
    OK(SnaExprEvaluate(e, 1, point, &exact));
    for (int k = 0; k < n; k++) {
      sum += TermValue(&terms[k], point);
      size += fabs(TermValue(&terms[k], point));
    }
    if (!(fabs(sum - exact) <= 1e-14 * size)) fail_msg("%s: %.17g is not %.17g", text, sum, exact);
  }
  OK(SnaExprDestroy(&e));
}

// `whole` is the function part, `derivative` the orders "x y t omega kappa" as digits.
static const struct {
  const char *text, *whole, *derivative;
} accepted[] = {
  {"d(t)", "1", "00100"},
  {"-omega * y * d(x)", "-omega*y", "10000"},
  {"-kappa * d(x,2)", "-kappa", "20000"},
  {"d(y)*x*omega", "omega*x", "01000"},
  {"d(x)*d(x)", "1", "20000"},
  {"d(x)*y*d(x,3)*d(y)", "y", "41000"},
  {"-omega * y * d(x,2) / (2*kappa)", "-omega*y/(2*kappa)", "20000"},
  {"-(x*y)/t*(d(x))/kappa", "-(x*y)/t/kappa", "10000"},
  {"-(-(2*d(x)))/4", "0.5", "10000"},
  {"1/(x*y/(t*omega))", "t*omega/(x*y)", "00000"},
  {"(x*y)^2", "x^2*y^2", "00000"},
  {"(-2*x/y)^-3", "1/(-2*x/y)^3", "00000"},
  {"((x*y)^2/t)^2", "x^4*y^4/t^2", "00000"},
  {"(x*y)^0", "1", "00000"},
  {"x*y*x/y*sin(x)*x^2", "x^4*sin(x)", "00000"},
  {"exp(-(x-0.3)^2/(2*s^2)) * exp(-y^2/(2*s^2))", "exp(-(x-0.3)^2/(2*s^2) - y^2/(2*s^2))", "00000"},
  {"(1 + x)*(x - 2)*(y + 1/y)", "(1 + x)*(x - 2)*(y + 1/y)", "00000"},
  {"1 - x^2", "1 - x^2", "00000"},
  {"0", "0", "00000"},
  {"0*d(x)*y", "0", "10000"},
  {"zero*x*y", "0", "00000"},
  {"2*pi/3*s", "2*pi*s/3", "00000"},
  {"x > 0.5 ? 1 : 2", "x > 0.5 ? 1 : 2", "00000"},
  {"(x > 0.5)*(y < 0.5)*t", "(x > 0.5 && y < 0.5)*t", "00000"},
  {" d ( x , 1 + 1 ) ", "1", "20000"},
  {"d(x,8)", "1", "80000"},
};

static void TestAccepted(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof(accepted) / sizeof(accepted[0]); k++) {
    char      message[SNA_MAX_MESSAGE];
    SnaTerm   term;
    PetscBool ok;

    OK(SnaTermCreate(accepted[k].text, &symbols, PETSC_TRUE, "u", &term, &ok, message));
    if (!ok) fail_msg("%s: %s", accepted[k].text, message);
    for (int v = 0; v < 5; v++) assert_int_equal(term.derivative[v], accepted[k].derivative[v] - '0');
    AssertSumOfTerms(accepted[k].text, 1, &term, accepted[k].whole);
    assert_int_equal(term.power, 1);
    assert_memory_equal(term.of[0], term.derivative, sizeof(term.derivative));
    for (int v = 0; v < SNA_MAX_DIM; v++) assert_true(!term.outer[v] && !term.inner[v]);
    OK(SnaTermDestroy(&term));
    for (int v = 0; v < SNA_MAX_DIM; v++) assert_null(term.factor[v]);
  }
}

// Factors outside and inside are compared apart; orders "x y t omega kappa" of the outer and the inner derivative.
static void TestConservative(void **state)
{
  static const struct {
    const char *text, *outside, *inside, *outer, *derivative;
  } term_of[] = {
    {"-d(x)( kappa * x * d(x) )", "-kappa", "x", "10000", "10000"},
    {"d(x,2)( sin(x) * d(x,2) )", "1", "sin(x)", "20000", "20000"},
    {"-d(x)( (1 + x) * d(y) )", "-1", "1 + x", "10000", "01000"},
    {"-d(x)( x * d(u,x) )", "-1", "x", "10000", "10000"},
    {"d(x)(x^2*u)", "1", "x^2", "10000", "00000"},
    {"d(x)(u)", "1", "1", "10000", "00000"},
    {"-kappa * d(x)( d(x) )", "-kappa", "1", "10000", "10000"},
    {"-2*y*d(x)(kappa*x*y*d(x)*d(t)*3/x^2/t)/4", "-1.5*kappa*y^2/t", "1/x", "10000", "10100"},
    {"x * d (x) ((-x*d(x))) * x", "-x^2", "x", "10000", "10000"},
    {"d(x,3)(x*d(x,5))", "1", "x", "30000", "50000"},
    {"d(y)(x*y*d(x)*d(x)*d(y))", "x", "y", "01000", "21000"},
    {"-(d(t)(exp(-t)*u)/kappa)", "-1/kappa", "exp(-t)", "00100", "00000"},
    {NULL, NULL, NULL, NULL, NULL},
  };

  (void)state;
  for (size_t k = 0; term_of[k].text; k++) {
    char      message[SNA_MAX_MESSAGE];
    SnaTerm   term, inside = {.coefficient = 1};
    PetscBool ok;

    OK(SnaTermCreate(term_of[k].text, &symbols, PETSC_TRUE, "u", &term, &ok, message));
    if (!ok) fail_msg("%s: %s", term_of[k].text, message);
    for (int v = 0; v < 5; v++) {
      if (term.outer[v] != term_of[k].outer[v] - '0') fail_msg("%s: outer %d", term_of[k].text, v);
      if (term.derivative[v] != term_of[k].derivative[v] - '0') fail_msg("%s: derivative %d", term_of[k].text, v);
      assert_true(term.outer[v] || !term.inner[v]);
      assert_true(!strcmp(term_of[k].inside, "1") == !term.inner[v] || !term.outer[v]);
    }
    assert_int_equal(term.power, 1);
    assert_memory_equal(term.of[0], term.derivative, sizeof(term.derivative));
    AssertSumOfTerms(term_of[k].text, 1, &term, term_of[k].outside);
    memcpy(inside.factor, term.inner, sizeof(inside.factor));
    AssertSumOfTerms(term_of[k].text, 1, &inside, term_of[k].inside);
    OK(SnaTermDestroy(&term));
    for (int v = 0; v < SNA_MAX_DIM; v++) assert_true(!term.inner[v]);
  }
}

// `of`: the orders of each occurrence of the unknown, from left to right.
static void TestNonlinear(void **state)
{
  static const struct {
    const char *text, *whole;
    int         power;
    const char *of[SNA_MAX_POWER];
  } accepted_power[] = {
    {"u", "1", 1, {"00000"}},
    {"-3*y*u/2", "-1.5*y", 1, {"00000"}},
    {"d(u,x)", "1", 1, {"10000"}},
    {"x*d(u,omega,2)", "x", 1, {"00020"}},
    {"u * d(u,x)", "1", 2, {"00000", "10000"}},
    {"d(u,x) * y * u", "y", 2, {"10000", "00000"}},
    {"u^2", "1", 2, {"00000", "00000"}},
    {"-u*u/kappa", "-1/kappa", 2, {"00000", "00000"}},
    {"3*s*u*u*d(u,x,2)", "0.45", 3, {"00000", "00000", "20000"}},
    {"u^3", "1", 3, {"00000", "00000", "00000"}},
    {"u^1*(2*x*d(u,y))^2", "4*x^2", 3, {"00000", "01000", "01000"}},
    {"(d(u,x)*u/y)^2", "1/y^2", 4, {"10000", "00000", "10000", "00000"}},
    {"d(u,t)*d(u,y)^2*u", "1", 4, {"00100", "01000", "01000", "00000"}},
    {"(u^2)^2", "1", 4, {"00000", "00000", "00000", "00000"}},
    {"-(-u)^4*x*y", "-x*y", 4, {"00000", "00000", "00000", "00000"}},
    {"pow(u,2)*exp(-x)", "exp(-x)", 2, {"00000", "00000"}},
  };

  (void)state;
  for (size_t k = 0; k < sizeof(accepted_power) / sizeof(accepted_power[0]); k++) {
    const char *text = accepted_power[k].text;
    char        message[SNA_MAX_MESSAGE];
    SnaTerm     term;
    PetscBool   ok;

    OK(SnaTermCreate(text, &symbols, PETSC_TRUE, "u", &term, &ok, message));
    if (!ok) fail_msg("%s: %s", text, message);
    if (term.power != accepted_power[k].power) fail_msg("%s: power %d", text, term.power);
    for (int i = 0; i < term.power; i++)
      for (int v = 0; v < 5; v++)
        if (term.of[i][v] != accepted_power[k].of[i][v] - '0') fail_msg("%s: occurrence %d, variable %d", text, i, v);
    for (int v = 0; v < SNA_MAX_DIM; v++) {
      assert_true(!term.outer[v] && !term.inner[v]);
      assert_int_equal(term.derivative[v], term.power == 1 ? term.of[0][v] : 0);
    }
    AssertSumOfTerms(text, 1, &term, accepted_power[k].whole);
    OK(SnaTermDestroy(&term));
  }
}

static void TestStructure(void **state)
{
  char      message[SNA_MAX_MESSAGE];
  SnaTerm   term;
  PetscBool ok;

  (void)state;
  OK(SnaTermCreate("-2*y*d(x)/3", &symbols, PETSC_TRUE, "u", &term, &ok, message));
  assert_true(ok && term.coefficient == -2. / 3);
  assert_non_null(term.factor[1]);
  for (int v = 0; v < SNA_MAX_DIM; v++) assert_true(v == 1 || !term.factor[v]);
  OK(SnaTermDestroy(&term));
  // factors of one variable are one expression, whose derivatives are exact
  OK(SnaTermCreate("x*y*x", &symbols, PETSC_FALSE, "u", &term, &ok, message));
  assert_true(ok);
  {
    const double  x       = 0;
    const double *point[] = {&x, NULL, NULL, NULL, NULL};
    double        jet[3];

    OK(SnaExprJet(term.factor[0], 0, 2, 1, point, jet));
    assert_true(jet[0] == 0 && jet[1] == 0 && jet[2] == 2);
  }
  OK(SnaTermDestroy(&term));
}

static void TestRefused(void **state)
{
  static const struct {
    const char *text, *message;
  } refused[] = {
    {"t*(x + y)", "factor `(x + y)` depends on x and y; every factor of a product term may use one direction only "
                  "(multiply out and write one term for each part of the sum)"},
    {"(x + y)", "a term is one product; write `x` and `y` as two terms"},
    {"sin(x*y)*d(x)",
      "factor `sin(x*y)` depends on x and y; every factor of a product term may use one direction only"},
    {"2*(x+y+t)^2*d(t)", "factor `(x+y+t)^2` depends on x, y and t;"},
    {"sin(x*y)*cos(x*t)", "factor `sin(x*y)` depends on x and y"},
    {"x*y*(x/(x+y))", "factor `(x+y)` depends on x and y"},
    {"x^y", "factor `x^y` depends on x and y"},
    {"sqrt(x*y)", "factor `sqrt(x*y)` depends on x and y"},
    {"(x*y)^0.5", "factor `(x*y)^0.5` depends on x and y"},
    {"exp(-(x^2+y^2))", "factor `exp(-(x^2+y^2))` depends on x and y; every factor of a product term may use one "
                        "direction only (write exp(a + b) as exp(a)*exp(b))"},
    {"exp(-(x^2+y^2)/(2*s^2))*d(t)", "factor `exp(-(x^2+y^2)/(2*s^2))` depends on x and y; every factor of a product "
                                     "term may use one direction only (write exp(a + b)"},
    {"d(t) + omega*y*d(x)", "a term is one product; write `d(t)` and `omega*y*d(x)` as two terms"},
    {"d(x,2) - d(y,2)", "a term is one product; write `d(x,2)` and `-d(y,2)` as two terms"},
    {"x + y - t", "a term is one product; write `x`, `y` and `-t` as separate terms"},
    {"x+y+t+omega+kappa+x", "a term is one product; write `x`, `y`, `t`, `omega`, ... as separate terms"},
    {"y*(d(x) + x)", "`(d(x) + x)` is a sum, but a term is one product; write `d(x)` and `x` as two terms"},
    {"1 + d(x)", "a term is one product; write `1` and `d(x)` as two terms"},
    {"sin(d(x))", "`d(x)` stands inside `sin(d(x))`; a derivative acts on the unknown and may only be a factor of the "
                  "whole product"},
    {"y*exp(2*d(x,2))", "`d(x,2)` stands inside `exp(2*d(x,2))`"},
    {"d(x)^2", "`d(x)^2` is a power of a derivative; the second derivative is d(x,2)"},
    {"(y*d(x))^2", "`(y*d(x))^2` is a power of a derivative"},
    {"x/d(x)", "a derivative stands in the denominator `d(x)`"},
    {"x > d(x)", "`d(x)` stands inside `x > d(x)`"},
    {"x > 0 ? d(x) : 1", "`d(x)` stands inside `x > 0 ? d(x) : 1`"},
    {"d(s)", "column 3: `s` is a constant; d(...) takes a direction"},
    {"d(omga)", "column 3: unknown direction `omga`; did you mean `omega`?"},
    {"d(q)", "column 3: unknown direction `q`"},
    {"d(x,0)", "column 5: the order in d(x,...) must be an integer from 1 to 8, not `0`"},
    {"d(x,9)", "column 5: the order in d(x,...) must be an integer from 1 to 8, not `9`"},
    {"d(x,1.5)", "column 5: the order in d(x,...) must be an integer from 1 to 8, not `1.5`"},
    {"d(x,y)", "column 5: the order in d(x,...) must be an integer from 1 to 8, not `y`"},
    {"d(x,-1)", "column 5: the order in d(x,...) must be an integer from 1 to 8, not `-1`"},
    {"d(x,)", "column 5: unexpected `)`"},
    {"d(x,2,y)", "column 6: d(...) takes a direction and perhaps an order: d(x) or d(x,2)"},
    {"d(2)", "column 3: d(...) takes a direction and perhaps an order"},
    {"d(x*y)", "column 4: d(...) takes a direction and perhaps an order"},
    {"d()", "column 3: d(...) takes a direction and perhaps an order"},
    {"d(x", "column 2: `(` is never closed"},
    {"d", "column 1: `d` needs a direction: d(x) or d(x,2)"},
    {"2*d*x", "column 3: `d` needs a direction"},
    {"d(x,8)*y*d(x)", "the derivatives in x are of order 9 in all; at most 8"},
    {"x/0", "division by zero: the denominator `0` is 0"},
    {"x*y/(zero*t)", "division by zero: the denominator `(zero*t)` is 0"},
    {"x/zero", "division by zero: the denominator `zero` is 0"},
    {"none*x", "factor `none` is not a finite number"},
    {"0/0*x", "factor `0/0` is not a finite number"},
    {"y*(x + none)", "`none` in the factor `(x + none)` is not a finite number"},
    {"1e300*x*1e300", "the product of the numbers is not finite"},
    {"x*kapa", "column 3: unknown name `kapa`; did you mean `kappa`?"},
    {"", "column 1: the formula is empty"},
    // conservative
    {"d(x)( x*d(x)( x*d(x) ) )",
      "column 9: `d(x)( ... )` stands inside another one; derivatives of products go one level deep"},
    {"2*d(x)(  )", "column 7: the parentheses after `d(x)` are empty; write d(x)( a*d(x) ) or d(x) alone"},
    {"d(x)( x*y )", "column 5: the parentheses after `d(x)` have neither a derivative nor `u` in them; write x*y*d(x), "
                    "or d(x)( x*y*d(x) )"},
    {"d(x,2)(1+x)", "column 7: the parentheses after `d(x,2)` have neither a derivative nor `u` in them; write "
                    "(1+x)*d(x,2), or d(x,2)( (1+x)*d(x) )"},
    {"u*d(x)(2)", "column 7: the parentheses after `d(x)` have neither a derivative nor `u` in them; write 2*d(x)"},
    {"d(x)( x*d(x) + d(y) )", "column 5: the parentheses after `d(x)` hold a sum, `x*d(x) + d(y)`, but a term is one "
                              "product; write one term for each part, each with its own d(x)( ... )"},
    {"d(x)( x*(d(x) - u) )", "`(d(x) - u)` is a sum, but a term is one product; write `d(x)` and `-u` as two terms"},
    {"d(x)( x*d(x)", "column 5: `(` is never closed"},
    {"d(x)( x*d(x) y )", "column 14: an operator is missing before `y`"},
    {"d(x)( x*d(x) ) y", "column 16: an operator is missing before `y`"},
    {"d(x)( x*d(x) )( y )", "column 15: an operator is missing before `(`"},
    {"d(x)( sin(x*y)*d(x) )", "factor `sin(x*y)` depends on x and y"},
    {"d(x)( d(x)/0 )", "division by zero"},
    {"d(x,3)( x*d(x,6) )", "the derivatives in x are of order 9 in all; at most 8"},
    {"d(y)*d(x)( x*d(x) )", "a term with d(x)( ... ) has no other derivative outside the parentheses; write it inside"},
    {"d(x)( x*d(x) )*d(y)( d(y) )", "a term with d(x)( ... ) has no other derivative outside the parentheses"},
    {"u*d(x)( d(x) )", "a term with d(x)( ... ) has `u` only inside the parentheses, once; multiply out what is "
                       "nonlinear: u*d(x)( d(x) ) is u*d(u,x,2)"},
    {"d(x)( u^2 )", "d(x)( ... ) is linear in `u`; multiply out what is nonlinear: d(x)( u^2 ) is 2*u*d(u,x)"},
    {"d(x)( x*u*d(x) )", "the term names `u` and has d(x) without a name"},
    {"d(x)( x*d(x) )^2", "`d(x)( x*d(x) )` stands inside `d(x)( x*d(x) )^2`; a derivative acts on the unknown"},
    {"x/d(x)( x*u )", "`u` stands in the denominator `d(x)( x*u )`; terms must be polynomial in `u`"},
    {"sin(d(x)( x*d(x) ))", "`d(x)( x*d(x) )` stands inside `sin(d(x)( x*d(x) ))`; a derivative acts on the unknown"},
    // nonlinear
    {"u*d(x)", "the term names `u` and has d(x) without a name; write u*d(u,x) for the product of both, d(x) alone for "
               "a derivative of `u`"},
    {"d(y,2)*x*u", "the term names `u` and has d(y) without a name"},
    {"(u*d(x))^2", "the term names `u` and has d(x) without a name"},
    {"(y*d(x)( x*u ))^2", "`d(x)( x*u )` stands inside `(y*d(x)( x*u ))^2`; a derivative acts on the unknown"},
    {"x*sin(u)", "`u` stands inside `sin(u)`; terms must be polynomial in `u`: products of factors and up to 4 times u "
                 "or d(u,...)"},
    {"exp(2*d(u,x))", "`d(u,x)` stands inside `exp(2*d(u,x))`; terms must be polynomial in `u`"},
    {"1/u", "`u` stands in the denominator `u`; terms must be polynomial in `u`"},
    {"u/(x*d(u,x))", "`u` stands in the denominator `(x*d(u,x))`; terms must be polynomial in `u`"},
    {"u^0.5", "`u` stands inside `u^0.5`; terms must be polynomial in `u`"},
    {"u^-1", "`u` stands inside `u^-1`; terms must be polynomial in `u`"},
    {"u^0", "`u` stands inside `u^0`; terms must be polynomial in `u`"},
    {"u^x", "`u` stands inside `u^x`; terms must be polynomial in `u`"},
    {"2^u", "`u` stands inside `2^u`; terms must be polynomial in `u`"},
    {"u > 0 ? u : 1", "`u` stands inside `u > 0 ? u : 1`; terms must be polynomial in `u`"},
    {"u^5", "`u` occurs 5 times in one term; at most 4"},
    {"u^100", "`u` stands inside `u^100`; terms must be polynomial in `u`"},
    {"u^64", "`u` occurs 64 times in one term; at most 4"},
    {"u*u^2*d(u,x)*u", "`u` occurs 5 times in one term; at most 4"},
    {"(u^2*d(u,x))^2", "`u` occurs 6 times in one term; at most 4"},
    {"u*(1 - u)", "`(1 - u)` is a sum, but a term is one product; write `1` and `-u` as two terms, multiplied out"},
    {"(1 - u)^2", "`(1 - u)` is a sum, but a term is one product"},
    {"u + u^2", "a term is one product; write `u` and `u^2` as two terms"},
    {"u(x)*2", "column 1: `u` is the unknown, not a function; write `u` alone"},
    {"d(u)", "column 4: d(u) lacks the direction: d(u,x) or d(u,x,2)"},
    {"d(u", "column 4: d(u) lacks the direction"},
    {"d(u,2)", "column 5: d(u,...) takes a direction and perhaps an order: d(u,x) or d(u,x,2)"},
    {"d(u,s)", "column 5: `s` is a constant; d(...) takes a direction"},
    {"d(u,u)", "column 5: `u` is the unknown; d(u,...) takes a direction"},
    {"d(u,omga)", "column 5: unknown direction `omga`; did you mean `omega`?"},
    {"d(u,x,y)", "column 7: the order in d(u,x,...) must be an integer from 1 to 8, not `y`"},
    {"d(u,x,9)", "column 7: the order in d(u,x,...) must be an integer from 1 to 8, not `9`"},
    {"d(u,x,2,3)", "column 8: d(u,...) takes a direction and perhaps an order: d(u,x) or d(u,x,2)"},
    {"d(u,x", "column 2: `(` is never closed"},
    {"d(x,u)", "column 5: the unknown comes first: d(u,x) or d(u,x,2)"},
    {"d(u^2,x)",
      "column 4: d(u,...) differentiates `u` alone; multiply out what is nonlinear: the derivative of u^2 is "
      "2*u*d(u,x)"},
    {"d(u,x)(x)", "column 7: an operator is missing before `(`"},
    {"2*u*none", "factor `none` is not a finite number"},
  };

  (void)state;
  for (size_t k = 0; k < sizeof(refused) / sizeof(refused[0]); k++) {
    char      message[SNA_MAX_MESSAGE] = "";
    SnaTerm   term;
    PetscBool ok;

    OK(SnaTermCreate(refused[k].text, &symbols, PETSC_TRUE, "u", &term, &ok, message));
    if (ok) fail_msg("`%s` was accepted", refused[k].text);
    if (strncmp(message, refused[k].message, strlen(refused[k].message)))
      fail_msg("`%s`: \"%s\" instead of \"%s\"", refused[k].text, message, refused[k].message);
  }
  {
    char      message[SNA_MAX_MESSAGE];
    SnaTerm   term;
    PetscBool ok;

    OK(SnaTermCreate("d(x)", &symbols, PETSC_FALSE, "u", &term, &ok, message));
    assert_false(ok);
    assert_non_null(strstr(message, "column 1: d(...) is a derivative of the unknown"));
    OK(SnaTermCreate("2*u", &symbols, PETSC_FALSE, "u", &term, &ok, message));
    assert_false(ok);
    assert_non_null(strstr(message, "column 3: `u` is the unknown; it may stand only in the terms of the equation"));
    // without a name for the unknown there are plain terms alone
    OK(SnaTermCreate("2*u", &symbols, PETSC_TRUE, NULL, &term, &ok, message));
    assert_false(ok);
    assert_non_null(strstr(message, "column 3: unknown name `u`"));
    OK(SnaTermCreate("d(u,x)", &symbols, PETSC_TRUE, NULL, &term, &ok, message));
    assert_false(ok);
    assert_non_null(strstr(message, "column 3: unknown direction `u`"));
    OK(SnaTermCreate("d(x)(d(x))", &symbols, PETSC_TRUE, NULL, &term, &ok, message));
    assert_false(ok);
    assert_non_null(strstr(message, "column 5: `(` after `d(x)`"));
    OK(SnaTermCreate("d(tepm,x)*2", &symbols, PETSC_TRUE, "temp", &term, &ok, message));
    assert_false(ok);
    assert_non_null(strstr(message, "unknown direction `tepm`; did you mean `temp`?"));
    OK(SnaTermCreate("tmep^2", &symbols, PETSC_TRUE, "temp", &term, &ok, message));
    assert_false(ok);
    assert_non_null(strstr(message, "unknown name `tmep`; did you mean `temp`?"));
    // a source
    OK(SnaTermCreate("x*y", &symbols, PETSC_FALSE, NULL, &term, &ok, message));
    assert_true(ok && term.power == 0);
    OK(SnaTermDestroy(&term));
  }
}

static void TestSums(void **state)
{
  static const struct {
    const char *text;
    int         n;
  } sum[] = {
    {"x*y + t", 2},
    {"1 - x^2", 1}, // one variable is one factor
    {"-(x*y - (t - omega*x))", 3},
    {"2*(x + y)/t", 2},
    {"(x + y)*(t - omega)", 4},
    {"(x + y)^2", 4},
    {"(x*y)^3 - 4", 2},
    {"sin(pi*x)*sin(pi*y)", 1},
    {"exp(-x)*cos(y) - 2*exp(-t) + x*y*t*omega*kappa", 3},
    {"3", 1},
    {"(x+y)*0", 2},
    {"x+y+t+omega+kappa+x*y+y*t+t*x", 8},
    {"x+y+t+omega+kappa+x*y+y*t+t*x+1", 0}, // more than max
    {"(x+y)*(t+omega)*(y+kappa)*(x+t)", 0},
    {"sin(x*y)", 0},
    {"x + sin(x*y)", 0},
    {"1/(x+y)", 0},
    {"(x+y)^-1", 0},
    {"x/0 + y", 0},
    {"none*x + y", 0},
    {"d(x) + y", 0},
    {"x +", 0},
  };

  (void)state;
  for (size_t k = 0; k < sizeof(sum) / sizeof(sum[0]); k++) {
    SnaTerm terms[8];
    int     n = -1;

    OK(SnaTermsFromSum(sum[k].text, &symbols, 8, &n, terms));
    if (n != sum[k].n) fail_msg("`%s`: %d terms instead of %d", sum[k].text, n, sum[k].n);
    if (n) AssertSumOfTerms(sum[k].text, n, terms, sum[k].text);
    while (n) OK(SnaTermDestroy(&terms[--n]));
  }
}

// A product and a sum as long as a formula may be.
static void TestLong(void **state)
{
  char     *text = malloc(70000), message[SNA_MAX_MESSAGE];
  int       used = 1, n;
  SnaTerm   term;
  PetscBool ok;

  (void)state;
  strcpy(text, "x");
  while (used < 65000) {
    strcpy(text + used, "*sign(y)/sign(t)");
    used += 16;
  }
  OK(SnaTermCreate(text, &symbols, PETSC_TRUE, "u", &term, &ok, message));
  if (!ok) fail_msg("%s", message);
  AssertSumOfTerms("x*sign(y)/sign(t)...", 1, &term, "x");
  OK(SnaTermDestroy(&term));
  for (char *c = text; *c; c++)
    if (*c == '/') *c = '+';
  OK(SnaTermCreate(text, &symbols, PETSC_TRUE, "u", &term, &ok, message));
  assert_false(ok);
  assert_non_null(strstr(message, "as separate terms"));
  OK(SnaTermsFromSum(text, &symbols, 10, &n, &term));
  assert_int_equal(n, 0);
  free(text);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestAccepted),
    cmocka_unit_test(TestConservative),
    cmocka_unit_test(TestNonlinear),
    cmocka_unit_test(TestStructure),
    cmocka_unit_test(TestRefused),
    cmocka_unit_test(TestSums),
    cmocka_unit_test(TestLong),
  };
  int failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() ? 1 : failed;
}
