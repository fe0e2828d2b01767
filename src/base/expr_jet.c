// expr_jet.c - derivatives of a formula with respect to one variable, exact up to rounding.
//
// Each value becomes a jet: the Taylor coefficients a_0..a_K of a(x + h) in h, K <= SNA_MAX_DERIVATIVE. Sums are taken
// term by term, products are convolutions, and every function f follows from its differential equation: f' = g a' gives
//   f_k = 1/k sum_{j=1..k} j a_j g_{k-j}
// (Griewank & Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, chapter 13). The m-th derivative is m! f_m.
// Piecewise functions (abs, sign, min, max, comparisons, a ? b : c) take the derivative of the branch that holds at the
// point; no delta functions. At singular points (sqrt, cbrt, log at 0) derivatives are infinite or NaN, as they are in
// mathematics.
#include "expr_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH (SNA_MAX_DERIVATIVE + 1)

// In all functions below a, b are jets of order K that do not overlap the results.
static void JetMultiply(int K, const double a[], const double b[], double *restrict f)
{
  for (int k = 0; k <= K; k++) {
    f[k] = 0;
    for (int j = 0; j <= k; j++) f[k] += a[j] * b[k - j];
  }
}

static void JetDivide(int K, const double a[], const double b[], double *restrict f)
{
  for (int k = 0; k <= K; k++) {
    double sum = a[k];

    for (int j = 1; j <= k; j++) sum -= b[j] * f[k - j];
    f[k] = sum / b[0];
  }
}

// f' = g a', f_0 given.
static void JetIntegrate(int K, double f0, const double a[], const double g[], double *restrict f)
{
  f[0] = f0;
  for (int k = 1; k <= K; k++) {
    f[k] = 0;
    for (int j = 1; j <= k; j++) f[k] += j * a[j] * g[k - j];
    f[k] /= k;
  }
}

static void JetExp(int K, const double a[], double *restrict f)
{
  f[0] = exp(a[0]);
  for (int k = 1; k <= K; k++) {
    f[k] = 0;
    for (int j = 1; j <= k; j++) f[k] += j * a[j] * f[k - j];
    f[k] /= k;
  }
}

// s' = c a', c' = sign s a': sin and cos (sign -1), sinh and cosh (sign +1).
static void JetPair(int K, double sign, const double a[], double *restrict s, double *restrict c)
{
  s[0] = sign < 0 ? sin(a[0]) : sinh(a[0]);
  c[0] = sign < 0 ? cos(a[0]) : cosh(a[0]);
  for (int k = 1; k <= K; k++) {
    s[k] = c[k] = 0;
    for (int j = 1; j <= k; j++) {
      s[k] += j * a[j] * c[k - j];
      c[k] += j * a[j] * s[k - j];
    }
    s[k] /= k;
    c[k] *= sign / k;
  }
}

// f' = (1 + sign f^2) a': tan (sign +1), tanh (sign -1).
static void JetTangent(int K, double sign, const double a[], double *restrict f)
{
  double w[LENGTH];

  f[0] = sign > 0 ? tan(a[0]) : tanh(a[0]);
  // 1 - tanh^2 would cancel
  w[0] = sign > 0 ? 1 + f[0] * f[0] : 1 / (cosh(a[0]) * cosh(a[0]));
  for (int k = 1; k <= K; k++) {
    f[k] = w[k] = 0;
    for (int j = 1; j <= k; j++) f[k] += j * a[j] * w[k - j];
    f[k] /= k;
    for (int j = 0; j <= k; j++) w[k] += sign * f[j] * f[k - j];
  }
}

// a^c for a fixed number c; f0 = a_0^c as its own function gives it (the cube root of a negative number is real).
static void JetPower(int K, const double a[], double c, double f0, double *restrict f)
{
  f[0] = f0;
  if (a[0] != 0) { // from a f' = c a' f
    for (int k = 1; k <= K; k++) {
      f[k] = 0;
      for (int j = 1; j <= k; j++) f[k] += (c * j - (k - j)) * a[j] * f[k - j];
      f[k] /= k * a[0];
    }
  } else { // a = a_v h^v + ..., so that a^c = a_v^c h^(c v) (1 + ...)
    int    v        = 1;
    double binomial = 1;

    while (v <= K && a[v] == 0) v++;
    for (int k = 1; k <= K; k++) {
      binomial *= (c - (k - 1)) / k;
      if (k < c * v)
        f[k] = 0;
      else
        f[k] = v == 1 ? binomial * pow(a[1], k) * pow(a[0], c - k) : NAN;
    }
  }
}

// a^power by multiplications, so that the derivatives of x^2 at x = 0 are 0, 0, 2.
static void JetPowerInteger(int K, const double a[], int power, double *restrict f)
{
  const size_t bytes          = (size_t)(K + 1) * sizeof(double);
  double       square[LENGTH] = {0}, product[LENGTH] = {0}, work[LENGTH];

  memcpy(square, a, bytes);
  product[0] = 1;
  for (unsigned count = (unsigned)abs(power); count; count >>= 1) {
    if (count & 1) {
      JetMultiply(K, product, square, work);
      memcpy(product, work, bytes);
    }
    if (count > 1) {
      JetMultiply(K, square, square, work);
      memcpy(square, work, bytes);
    }
  }
  if (power < 0) {
    const double one[LENGTH] = {1};

    JetDivide(K, one, product, f);
  } else
    memcpy(f, product, bytes);
}

// a^b. Where b does not move (bmoves false) it is a number at this point.
static void JetPowerGeneral(int K, const double a[], const double b[], PetscBool bmoves, double *restrict f)
{
  const double one[LENGTH] = {1};
  double       inverse[LENGTH], logarithm[LENGTH], exponent[LENGTH];
  int          power;

  if (!bmoves) {
    if (SnaSmallInteger(b[0], &power))
      JetPowerInteger(K, a, power, f);
    else
      JetPower(K, a, b[0], pow(a[0], b[0]), f);
    return;
  }
  JetDivide(K, one, a, inverse);
  JetIntegrate(K, log(a[0]), a, inverse, logarithm);
  JetMultiply(K, b, logarithm, exponent);
  JetExp(K, exponent, f);
  f[0] = pow(a[0], b[0]);
}

// g = 1/sqrt(1 - a^2), the derivative of asin.
static void JetInverseRoot(int K, const double a[], double *restrict g)
{
  double below[LENGTH], above[LENGTH], product[LENGTH];

  for (int k = 0; k <= K; k++) {
    below[k] = (k == 0) - a[k];
    above[k] = (k == 0) + a[k];
  }
  JetMultiply(K, below, above, product);
  JetPower(K, product, -0.5, 1 / sqrt(product[0]), g);
}

static void JetErrorFunction(int K, double sign, const double a[], double *restrict f)
{
  double square[LENGTH] = {0}, g[LENGTH];

  JetMultiply(K, a, a, square);
  for (int k = 0; k <= K; k++) square[k] = -square[k];
  JetExp(K, square, g);
  for (int k = 0; k <= K; k++) g[k] *= sign * (2 / sqrt(PETSC_PI));
  JetIntegrate(K, sign > 0 ? erf(a[0]) : erfc(a[0]), a, g, f);
}

// atan2(a, b)' = (b a' - a b') / (a^2 + b^2)
static void JetAtan2(int K, const double a[], const double b[], double *restrict f)
{
  double aa[LENGTH], bb[LENGTH], numerator[LENGTH] = {0}, quotient[LENGTH];

  JetMultiply(K, a, a, aa);
  JetMultiply(K, b, b, bb);
  for (int k = 0; k <= K; k++) aa[k] += bb[k];
  for (int k = 0; k < K; k++)
    for (int j = 1; j <= k + 1; j++) numerator[k] += j * (a[j] * b[k + 1 - j] - b[j] * a[k + 1 - j]);
  JetDivide(K, numerator, aa, quotient);
  f[0] = atan2(a[0], b[0]);
  for (int k = 1; k <= K; k++) f[k] = quotient[k - 1] / k;
}

// One instruction on jets. Only called when the result depends on the variable.
static void JetApply(const SnaInstruction *step, int K, const double a[], const double b[], const double c[],
  PetscBool bmoves, double *restrict f)
{
  const double  one[LENGTH] = {1};
  const double *branch;
  double        g[LENGTH], work[LENGTH];

  switch (step->op) {
  case SNA_OP_NEG:
    for (int k = 0; k <= K; k++) f[k] = -a[k];
    break;
  case SNA_OP_ADD:
    for (int k = 0; k <= K; k++) f[k] = a[k] + b[k];
    break;
  case SNA_OP_SUB:
    for (int k = 0; k <= K; k++) f[k] = a[k] - b[k];
    break;
  case SNA_OP_ADD_CONST:
    for (int k = 0; k <= K; k++) f[k] = a[k] + (k == 0 ? step->value : 0);
    break;
  case SNA_OP_CONST_SUB:
    for (int k = 0; k <= K; k++) f[k] = (k == 0 ? step->value : 0) - a[k];
    break;
  case SNA_OP_MUL_CONST:
    for (int k = 0; k <= K; k++) f[k] = a[k] * step->value;
    break;
  case SNA_OP_DIV_CONST:
    for (int k = 0; k <= K; k++) f[k] = a[k] / step->value;
    break;
  case SNA_OP_CONST_DIV:
    memset(work, 0, sizeof(work));
    work[0] = step->value;
    JetDivide(K, work, a, f);
    break;
  case SNA_OP_MUL:
    JetMultiply(K, a, b, f);
    break;
  case SNA_OP_DIV:
    JetDivide(K, a, b, f);
    break;
  case SNA_OP_POW_INTEGER:
    JetPowerInteger(K, a, step->power, f);
    break;
  case SNA_OP_POW:
    JetPowerGeneral(K, a, b, bmoves, f);
    break;
  case SNA_OP_SQRT:
    JetPower(K, a, 0.5, sqrt(a[0]), f);
    break;
  case SNA_OP_CBRT:
    JetPower(K, a, 1. / 3, cbrt(a[0]), f);
    break;
  case SNA_OP_EXP:
    JetExp(K, a, f);
    break;
  case SNA_OP_LOG:
  case SNA_OP_LOG10:
    JetDivide(K, one, a, g);
    if (step->op == SNA_OP_LOG10)
      for (int k = 0; k <= K; k++) g[k] /= log(10);
    JetIntegrate(K, step->op == SNA_OP_LOG ? log(a[0]) : log10(a[0]), a, g, f);
    break;
  case SNA_OP_SIN:
    JetPair(K, -1, a, f, work);
    break;
  case SNA_OP_COS:
    JetPair(K, -1, a, work, f);
    break;
  case SNA_OP_SINH:
    JetPair(K, 1, a, f, work);
    break;
  case SNA_OP_COSH:
    JetPair(K, 1, a, work, f);
    break;
  case SNA_OP_TAN:
    JetTangent(K, 1, a, f);
    break;
  case SNA_OP_TANH:
    JetTangent(K, -1, a, f);
    break;
  case SNA_OP_ASIN:
    JetInverseRoot(K, a, g);
    JetIntegrate(K, asin(a[0]), a, g, f);
    break;
  case SNA_OP_ACOS:
    JetInverseRoot(K, a, g);
    for (int k = 0; k <= K; k++) g[k] = -g[k];
    JetIntegrate(K, acos(a[0]), a, g, f);
    break;
  case SNA_OP_ATAN:
    JetMultiply(K, a, a, work);
    work[0] += 1;
    JetDivide(K, one, work, g);
    JetIntegrate(K, atan(a[0]), a, g, f);
    break;
  case SNA_OP_ERF:
    JetErrorFunction(K, 1, a, f);
    break;
  case SNA_OP_ERFC:
    JetErrorFunction(K, -1, a, f);
    break;
  case SNA_OP_ATAN2:
    JetAtan2(K, a, b, f);
    break;
  case SNA_OP_ABS:
    for (int k = 0; k <= K; k++) f[k] = a[0] < 0 ? -a[k] : a[k];
    f[0] = fabs(a[0]); // of -0 too
    break;
  case SNA_OP_MIN:
  case SNA_OP_MAX:
    branch = (isnan(a[0]) || (step->op == SNA_OP_MIN ? a[0] <= b[0] : a[0] >= b[0])) ? a : b;
    for (int k = 0; k <= K; k++) f[k] = branch[k];
    break;
  case SNA_OP_SELECT:
    branch = a[0] != 0 ? b : c;
    for (int k = 0; k <= K; k++) f[k] = branch[k];
    break;
  case SNA_OP_EQ:
  case SNA_OP_NE:
  case SNA_OP_LT:
  case SNA_OP_LE:
  case SNA_OP_GT:
  case SNA_OP_GE:
  case SNA_OP_AND:
  case SNA_OP_OR:
  case SNA_OP_SIGN: // piecewise constant
    memset(f, 0, LENGTH * sizeof(double));
    SnaInstructionApply(step, 1, a, b, c, f);
    break;
  case SNA_OP_CONST:
  case SNA_OP_VARIABLE:
  case SNA_OP_DERIVATIVE:
  case SNA_OP_UNKNOWN:
  case SNA_OP_APPLY:
    break; // do not depend on the variable, or are no instructions
  }
}

PetscErrorCode SnaExprJet(SnaExpr e, int var, int order, PetscInt n, const double *const x[], double out[])
{
  double(*slot)[LENGTH];
  double   variable[SNA_MAX_DIM][LENGTH] = {{0}};
  uint32_t bit;

  PetscFunctionBeginUser;
  PetscCheck(var >= 0 && var < SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "variable %d", var);
  PetscCheck(order >= 0 && order <= SNA_MAX_DERIVATIVE, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "order %d is not in 0..%d", order, SNA_MAX_DERIVATIVE);
  for (int v = 0; v < SNA_MAX_DIM; v++)
    PetscCheck(
      !(e->mask >> v & 1) || n == 0 || x[v], PETSC_COMM_SELF, PETSC_ERR_ARG_NULL, "no values of variable %d", v);
  slot = calloc((size_t)e->nslot + 1, sizeof(*slot)); // PetscMalloc() is not thread safe
  PetscCheck(slot, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for %d slots", e->nslot);
  bit = (uint32_t)1 << var;
  if (order > 0) variable[var][1] = 1;
  for (PetscInt i = 0; i < n; i++) {
    double        factorial = 1;
    const double *result;

    for (int v = 0; v < SNA_MAX_DIM; v++)
      if (e->mask >> v & 1) variable[v][0] = x[v][i];
#define OPERAND(o) ((o) >= 0 ? slot[o] : variable[-(o)-1])
    for (int k = 0; k < e->n; k++) {
      const SnaInstruction *step = &e->instruction[k];
      const double         *a = OPERAND(step->a), *b = OPERAND(step->b), *c = OPERAND(step->c);
      double               *f = slot[step->dst];

      if (step->mask & bit) {
        JetApply(step, order, a, b, c, (step->bmask & bit) ? PETSC_TRUE : PETSC_FALSE, f);
      } else { // what does not depend on the variable has zero derivatives, at singular points too
        memset(f, 0, LENGTH * sizeof(double));
        SnaInstructionApply(step, 1, a, b, c, f);
      }
    }
    result = OPERAND(e->result);
#undef OPERAND
    for (int m = 0; m <= order; m++) {
      out[(size_t)m * (size_t)n + (size_t)i] = factorial * result[m];
      factorial *= m + 1;
    }
  }
  free(slot);
  PetscFunctionReturn(0);
}
