// timeout: 60
// Shares of variance: closed forms of the Ishigami and Sobol' G functions (Sobol', Levitan, Comput. Phys. Commun. 117 (1999) 52; Saltelli et al.,
// Global Sensitivity Analysis, 2008, 4.5, 5), and sums over all points of tensor-product rules for every kind.
#include "learn/learn_impl.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

typedef struct { // one-dimensional rules
  PetscInt      nq;
  double       *x[SNA_MAX_DIM], *w[SNA_MAX_DIM];
  const double *point[SNA_MAX_DIM], *weight[SNA_MAX_DIM];
} Rules;

// Three Gauss points in each of `cells` cells of [0,1]: exact for products of two splines of degree 2 on these cells.
static void UniformRules(PetscInt nd, PetscInt cells, Rules *r)
{
  double x[3], w[3];

  Ok(SnaGaussLegendre(3, x, w));
  r->nq = 3 * cells;
  for (PetscInt d = 0; d < nd; d++) {
    Ok(PetscMalloc2((size_t)r->nq, &r->x[d], (size_t)r->nq, &r->w[d]));
    for (PetscInt q = 0; q < r->nq; q++) {
      r->x[d][q] = ((double)(q / 3) + 0.5 + 0.5 * x[q % 3]) / (double)cells;
      r->w[d][q] = 0.5 * w[q % 3] / (double)cells;
    }
    r->point[d]  = r->x[d];
    r->weight[d] = r->w[d];
  }
}

// Any points with any weights, another number of them than of splines.
static void OddRules(PetscInt nd, PetscInt nq, Rules *r)
{
  r->nq = nq;
  for (PetscInt d = 0; d < nd; d++) {
    double sum = 0;

    Ok(PetscMalloc2((size_t)nq, &r->x[d], (size_t)nq, &r->w[d]));
    for (PetscInt q = 0; q < nq; q++) {
      r->x[d][q]        = SnaRandomUniform(1, (uint64_t)d, (uint64_t)q);
      sum += r->w[d][q] = SnaRandomUniform(2, (uint64_t)d, (uint64_t)q);
    }
    for (PetscInt q = 0; q < nq; q++) r->w[d][q] /= sum;
    r->point[d]  = r->x[d];
    r->weight[d] = r->w[d];
  }
}

static void DestroyRules(PetscInt nd, Rules *r)
{
  for (PetscInt d = 0; d < nd; d++) Ok(PetscFree2(r->x[d], r->w[d]));
}

static SnaSeparable Create(SnaSeparableKind kind, PetscInt nd, PetscInt nout, PetscInt rank, PetscInt order,
  PetscBool learned, PetscInt degree, PetscInt cells)
{
  SnaSeparableOptions o = {.kind = kind, .nd = nd, .nout = nout, .rank = rank, .learned = learned};
  char                message[SNA_MAX_MESSAGE];
  PetscBool           ok;
  SnaSeparable        s;

  for (PetscInt d = 0; d < nd; d++) {
    o.degree[d] = degree;
    o.cells[d]  = cells;
  }
  if (kind == SNA_SEPARABLE_PRODUCTS)
    Ok(SnaInteractionCreate(nd, order ? order : nd, rank, (PetscBool)(order == 0), &o.interaction, &ok));
  Ok(SnaSeparableCreate(&o, &s, message));
  if (kind == SNA_SEPARABLE_PRODUCTS) Ok(SnaInteractionDestroy(&o.interaction));
  assert_non_null(s);
  return s;
}

// The coefficients of the spline of degree 2 that agrees with f at nodes of its own number: solved by Gauss-Jordan with pivots.
static void Interpolate(SnaSeparable s, PetscInt d, double (*f)(double), double W[])
{
  enum { MAX = 80 };
  static double A[MAX][MAX + 1];
  const int     n = (int)s->table[d].n, p = (int)s->table[d].p;

  for (int i = 0; i < n; i++) {
    double   knots = 0, values[8];
    PetscInt first;

    for (int k = 1; k <= p; k++) knots += PetscMin(PetscMax(i + k - p, 0), n - p) / (double)((n - p) * p); // Greville
    for (int j = 0; j <= n; j++) A[i][j] = 0;
    Ok(SnaBasisEvaluate(s->basis[d], knots, 0, &first, values));
    for (int a = 0; a <= p; a++) A[i][first + a] = values[a];
    A[i][n] = f(knots);
  }
  for (int k = 0; k < n; k++) {
    int pivot = k;

    for (int i = k; i < n; i++)
      if (fabs(A[i][k]) > fabs(A[pivot][k])) pivot = i;
    for (int j = 0; j <= n; j++) {
      const double swap = A[k][j];

      A[k][j]     = A[pivot][j];
      A[pivot][j] = swap;
    }
    for (int i = 0; i < n; i++)
      for (int j = n; j >= k && i != k; j--) A[i][j] -= A[i][k] / A[k][k] * A[k][j];
  }
  for (int k = 0; k < n; k++) W[k] = A[k][n] / A[k][k];
}

static double ShareOf(uint32_t S, PetscInt n, const uint32_t subset[], const double share[])
{
  for (PetscInt k = 0; k < n; k++)
    if (subset[k] == S) return share[k];
  return NAN;
}

// ---- Closed forms ----

// prod_d (|4 x_d - 2| + a_d) / (1 + a_d): lines with a knot in the middle hold it exactly. V_S = prod_{d in S} 1 / (3 (1 + a_d)^2).
static void SobolG(void **state)
{
  const PetscInt nd = 20;
  SnaSeparable   s  = Create(SNA_SEPARABLE_PRODUCTS, nd, 1, 1, 0, PETSC_FALSE, 1, 2);
  double         V[20], variance = 1, sum = 0, *share, rest;
  uint32_t      *subset;
  PetscInt       n;
  PetscBool      ok;
  Rules          r = {0};

  (void)state;
  for (PetscInt d = 0; d < nd; d++) {
    const double a = 0.5 * (double)d, c = 1 + a;

    s->theta[s->start[d] + 0] = (2 + a) / c;
    s->theta[s->start[d] + 1] = a / c;
    s->theta[s->start[d] + 2] = (2 + a) / c;
    V[d]                      = 1 / (3 * c * c);
    variance *= 1 + V[d];
  }
  variance -= 1;
  UniformRules(nd, 2, &r);
  Ok(SnaSeparableGetShares(s, 0, r.nq, r.point, r.weight, 2, &n, &subset, &share, &rest, &ok));
  assert_true(ok);
  assert_int_equal(n, 20 + 190);
  for (PetscInt i = 0, k = 0; i < nd; i++) {
    assert_true(fabs(ShareOf((uint32_t)1 << i, n, subset, share) - V[i] / variance) < 1e-13);
    assert_int_equal(subset[k++], (uint32_t)1 << i); // by size, then lexicographic
    for (PetscInt j = i + 1; j < nd; j++)
      assert_true(
        fabs(ShareOf((uint32_t)1 << i | (uint32_t)1 << j, n, subset, share) - V[i] * V[j] / variance) < 1e-13);
  }
  assert_int_equal(subset[20], 3);
  for (PetscInt k = 0; k < n; k++) sum += share[k];
  assert_true(fabs(sum + rest - 1) < 1e-13);
  assert_true(rest > 0.01);
  Ok(PetscFree(subset));
  Ok(PetscFree(share));
  DestroyRules(nd, &r);
  Ok(SnaSeparableDestroy(&s));
}

static double Angle(double t)
{
  return -PETSC_PI + 2 * PETSC_PI * t;
}

static double Sine(double t)
{
  return sin(Angle(t));
}

static double SquareOfSine(double t)
{
  return 7 * sin(Angle(t)) * sin(Angle(t));
}

static double FourthPower(double t)
{
  return 0.1 * Angle(t) * Angle(t) * Angle(t) * Angle(t);
}

// sin x + 7 sin^2 y + 0.1 z^4 sin x on [-pi, pi]^3, as sin x (1 + 0.1 z^4) + 7 sin^2 y in modes of one and two inputs; splines on 48 cells: 1e-5.
static void Ishigami(void **state)
{
  const double pi4 = pow(PETSC_PI, 4), V1 = 0.5 * pow(1 + 0.1 * pi4 / 5, 2), V2 = 49. / 8,
               V13        = 0.01 * pi4 * pi4 * (1. / 18 - 1. / 50);
  SnaSeparable s          = Create(SNA_SEPARABLE_PRODUCTS, 3, 1, 1, 2, PETSC_FALSE, 3, 48);
  const double expected[] = {V1, V2, 0, 0, V13, 0};
  double      *share, rest;
  uint32_t    *subset;
  PetscInt     n;
  PetscBool    ok;
  Rules        r = {0};

  (void)state;
  // Modes {0} {1} {2} {0,1} {0,2} {1,2}; theta by direction, then mode.
  Ok(PetscArrayzero(s->theta, s->np));
  for (PetscInt d = 0; d < 3; d++)
    for (PetscInt k = 0; k < s->nof[d]; k++) {
      const uint32_t S = s->mode[s->of[d][k]];
      double        *W = s->theta + s->start[d] + k * s->table[d].n;

      if (d == 0 && (S == 1 || S == 5)) Interpolate(s, d, Sine, W);
      if (d == 1 && S == 2) Interpolate(s, d, SquareOfSine, W);
      if (d == 2 && S == 5) Interpolate(s, d, FourthPower, W);
    }
  UniformRules(3, 96, &r);
  for (PetscInt order = 1; order <= 3; order++) {
    Ok(SnaSeparableGetShares(s, 0, r.nq, r.point, r.weight, order, &n, &subset, &share, &rest, &ok));
    assert_true(ok);
    assert_int_equal(n, order == 1 ? 3 : order == 2 ? 6 : 7);
    for (PetscInt k = 0; k < n && k < 6; k++)
      if (!(fabs(share[k] - expected[k] / (V1 + V2 + V13)) < 1e-5))
        fail_msg("subset %u: share %.9g", (unsigned)subset[k], share[k]);
    assert_true(fabs(rest - (order == 1 ? V13 / (V1 + V2 + V13) : 0)) < 1e-5);
    Ok(PetscFree(subset));
    Ok(PetscFree(share));
  }
  DestroyRules(3, &r);
  Ok(SnaSeparableDestroy(&s));
}

// ---- Sums over all points ----

// Variance of E[y | x_S] less those of the subsets of S, by brute force over the points of the rules in 3 directions.
static void BruteForce(SnaSeparable s, PetscInt o, const Rules *r, double V[8])
{
  const PetscInt nq = r->nq, n = nq * nq * nq;
  double        *t[3], *y[4];

  for (PetscInt d = 0; d < 3; d++) Ok(PetscMalloc1((size_t)n, &t[d]));
  for (PetscInt k = 0; k < s->o.nout; k++) Ok(PetscMalloc1((size_t)n, &y[k]));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt q[3] = {i / (nq * nq), i / nq % nq, i % nq};

    for (PetscInt d = 0; d < 3; d++) t[d][i] = r->x[d][q[d]];
  }
  Ok(SnaSeparableEvaluate(s, n, (const double *const *)t, y, NULL));
  for (unsigned S = 0; S < 8; S++) {
    double *conditional, square = 0;

    Ok(PetscCalloc1((size_t)n, &conditional));
    for (PetscInt i = 0; i < n; i++) {
      const PetscInt q[3] = {i / (nq * nq), i / nq % nq, i % nq};
      PetscInt       at   = 0;
      double         w    = 1;

      for (PetscInt d = 0; d < 3; d++) {
        at = at * nq + (S >> d & 1 ? q[d] : 0);
        if (!(S >> d & 1)) w *= r->w[d][q[d]];
      }
      conditional[at] += w * y[o][i];
    }
    for (PetscInt i = 0; i < n; i++) {
      const PetscInt q[3] = {i / (nq * nq), i / nq % nq, i % nq};
      double         w    = 1;

      for (PetscInt d = 0; d < 3; d++) w *= S >> d & 1 ? r->w[d][q[d]] : q[d] == 0;
      square += w * conditional[i] * conditional[i];
    }
    V[S] = square;
    for (unsigned T = 0; T < S; T++)
      if ((T & S) == T) V[S] -= V[T];
    Ok(PetscFree(conditional));
  }
  for (PetscInt d = 0; d < 3; d++) Ok(PetscFree(t[d]));
  for (PetscInt k = 0; k < s->o.nout; k++) Ok(PetscFree(y[k]));
}

static void AllKinds(void **state)
{
  (void)state;
  for (int k = 0; k < 8; k++) {
    SnaSeparable s = k == 0   ? Create(SNA_SEPARABLE_PRODUCTS, 3, 2, 3, 0, PETSC_FALSE, 2, 3)
                     : k == 1 ? Create(SNA_SEPARABLE_PRODUCTS, 3, 2, 3, 0, PETSC_TRUE, 2, 3)
                     : k == 2 ? Create(SNA_SEPARABLE_PRODUCTS, 3, 2, 2, 2, PETSC_FALSE, 2, 18)
                     : k == 3 ? Create(SNA_SEPARABLE_PRODUCTS, 3, 2, 1, 1, PETSC_TRUE, 3, 2)
                     : k == 4 ? Create(SNA_SEPARABLE_TUCKER, 3, 2, 3, 0, PETSC_FALSE, 2, 4)
                     : k == 5 ? Create(SNA_SEPARABLE_TENSOR_TRAIN, 3, 2, 3, 0, PETSC_FALSE, 2, 4)
                     : k == 6 ? Create(SNA_SEPARABLE_PRODUCTS, 3, 1, 600, 0, PETSC_FALSE, 1, 1)
                              : Create(SNA_SEPARABLE_PRODUCTS, 3, 1, 300, 3, PETSC_FALSE, 1, 1); // over 1,024 modes
    Rules        r = {0};

    Ok(SnaSeparableInitialize(s, 11, 0.5, 1));
    OddRules(3, 7, &r);
    for (PetscInt o = 0; o < s->o.nout; o++) {
      double V[8], total = 0;

      BruteForce(s, o, &r, V);
      for (int S = 1; S < 8; S++) total += V[S];
      for (PetscInt order = 1; order <= 3; order++) {
        double   *share, rest, sum = 0;
        uint32_t *subset;
        PetscInt  n;
        PetscBool ok;

        Ok(SnaSeparableGetShares(s, o, r.nq, r.point, r.weight, order, &n, &subset, &share, &rest, &ok));
        assert_true(ok);
        assert_int_equal(n, order == 1 ? 3 : order == 2 ? 6 : 7);
        for (PetscInt j = 0; j < n; j++) {
          if (!(fabs(share[j] - V[subset[j]] / total) < 1e-10)) // the sums over all points cancel
            fail_msg("kind %d, output %d, subset %u: share %.12g, expected %.12g", k, (int)o, (unsigned)subset[j],
              share[j], V[subset[j]] / total);
          sum += share[j];
        }
        assert_true(fabs(sum + rest - 1) < 1e-12);
        Ok(PetscFree(subset));
        Ok(PetscFree(share));
      }
    }
    DestroyRules(3, &r);
    Ok(SnaSeparableDestroy(&s));
  }
}

static void OtherActivations(void **state)
{
  SnaSeparableOptions o = {.kind = SNA_SEPARABLE_PRODUCTS, .nd = 1, .nout = 1, .activation = SNA_TANH};
  char                message[SNA_MAX_MESSAGE];
  uint32_t           *subset;
  double             *share, rest;
  PetscInt            n;
  PetscBool           ok;
  SnaSeparable        s;
  Rules               r = {0};

  (void)state;
  o.degree[0] = 2;
  o.cells[0]  = 2;
  Ok(SnaInteractionCreate(1, 1, 1, PETSC_FALSE, &o.interaction, &ok));
  Ok(SnaSeparableCreate(&o, &s, message));
  Ok(SnaInteractionDestroy(&o.interaction));
  UniformRules(1, 2, &r);
  Ok(SnaSeparableGetShares(s, 0, r.nq, r.point, r.weight, 1, &n, &subset, &share, &rest, &ok));
  assert_false(ok);
  assert_int_equal(n, 0);
  DestroyRules(1, &r);
  Ok(SnaSeparableDestroy(&s));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(SobolG),
    cmocka_unit_test(Ishigami),
    cmocka_unit_test(AllKinds),
    cmocka_unit_test(OtherActivations),
  };
  int failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() ? 1 : failed;
}
