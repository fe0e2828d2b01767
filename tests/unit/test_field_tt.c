// np: 1
// SnaField of format tensor_train: values, gradients and marginals against plain loops over the definition and against
// a CP field that is the same function; what a value may not depend on. Files: test_field.c.
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

// Directions with different degrees, cells, domains and dropped functions, and a train over them.
typedef struct {
  PetscInt     nd;
  SnaBasis     basis[SNA_MAX_DIM];
  SnaBasisInfo info[SNA_MAX_DIM];
  SnaTt        tt;
  SnaField     field;
} Sample;

static void MakeBases(PetscInt nd, PetscInt least, PetscInt most, Sample *s)
{
  s->nd = nd;
  for (PetscInt d = 0; d < nd; d++) {
    const PetscInt degree = least + d % (most - least + 1);

    Ok(SnaBasisCreateBSpline("x", degree, 2 + (3 * d) % 7, -0.5 - 0.1 * (double)d, 1 + 0.3 * (double)d,
      (PetscBool)(d % 2), (PetscBool)(d % 3 == 1), &s->basis[d]));
    Ok(SnaBasisGetInfo(s->basis[d], &s->info[d]));
  }
}

// Ranks `rank` and, at every other cut, 3 less (at least 1); the order of directions begins with `shift`; every third
// leaf is an identity.
static void Make(PetscInt nd, PetscInt rank, PetscInt shift, PetscInt least, PetscInt most, Sample *s)
{
  PetscInt  dir[SNA_MAX_DIM], n[SNA_MAX_DIM], m[SNA_MAX_DIM], r[SNA_MAX_DIM + 1] = {1};
  PetscBool has_leaf[SNA_MAX_DIM];

  MakeBases(nd, least, most, s);
  for (PetscInt k = 0; k < nd; k++) {
    dir[k]      = ((nd % 2 ? 2 : 1) * k + shift) % nd;
    n[k]        = s->info[dir[k]].n;
    has_leaf[k] = (PetscBool)(k % 3 != 1);
    m[k]        = has_leaf[k] ? PetscMin(n[k], 2 + k % 4) : n[k];
    r[k + 1]    = k + 1 == nd ? 1 : PetscMax(1, rank - 3 * (k % 2));
  }
  Ok(SnaTtCreate(nd, dir, n, m, r, has_leaf, &s->tt));
  for (PetscInt k = 0; k < nd; k++) {
    for (PetscInt i = 0; has_leaf[k] && i < n[k] * m[k]; i++)
      s->tt->leaf[k][i] = 2 * SnaRandomUniform(7, (uint64_t)k, (uint64_t)i) - 1;
    for (PetscInt i = 0; i < r[k] * m[k] * r[k + 1]; i++)
      s->tt->core[k][i] = 2 * SnaRandomUniform(8, (uint64_t)k, (uint64_t)i) - 1;
  }
  Ok(SnaFieldCreateTT(nd, s->basis, s->tt, &s->field));
}

static void Unmake(Sample *s)
{
  Ok(SnaFieldDestroy(&s->field));
  assert_null(s->field);
  Ok(SnaTtDestroy(&s->tt));
  for (PetscInt d = 0; d < s->nd; d++) Ok(SnaBasisDestroy(&s->basis[d]));
}

// The definition in sna.h: the product of the matrices G_k(x), with the derivative in direction `derived` (none if
// negative). *scale: what the value would be with splines and derivatives at their largest and no cancellation, against
// which round-off is judged.
static double Naive(const Sample *s, const double x[], PetscInt derived, double *scale)
{
  const SnaTt tt    = s->tt;
  double      v[64] = {1}, size[64] = {1};

  for (PetscInt k = 0; k < s->nd; k++) {
    const PetscInt d = tt->dir[k], p1 = s->info[d].degree + 1;
    const double   steepest = (double)(p1 * s->info[d].cells) / (s->info[d].hi - s->info[d].lo);
    double         b[12], next[64] = {0}, next_size[64] = {0};
    PetscInt       first;

    Ok(SnaBasisEvaluate(s->basis[d], x[d], 1, &first, b));
    for (PetscInt j = 0; j < tt->m[k]; j++) {
      double phi = 0, sum = 0;

      for (PetscInt l = 0; l < p1; l++) {
        const PetscInt i = first + l - s->info[d].drop_first;

        if (i < 0 || i >= s->info[d].n) continue;
        const double leaf = tt->leaf[k] ? tt->leaf[k][i * tt->m[k] + j] : (i == j ? 1 : 0);

        phi += leaf * b[(derived == d ? p1 : 0) + l];
        sum += fabs(leaf) * (derived == d ? steepest : 1);
      }
      for (PetscInt to = 0; to < tt->r[k + 1]; to++) {
        for (PetscInt from = 0; from < tt->r[k]; from++) {
          const double core = tt->core[k][from + tt->r[k] * (to + tt->r[k + 1] * j)];

          next[to] += v[from] * core * phi;
          next_size[to] += size[from] * fabs(core) * sum;
        }
      }
    }
    memcpy(v, next, sizeof(v));
    memcpy(size, next_size, sizeof(size));
  }
  *scale = size[0];
  return v[0];
}

// Points of which some lie outside, the first two on the boundary; Free them.
static void Points(const Sample *s, PetscInt n, double *x[])
{
  for (PetscInt d = 0; d < s->nd; d++) {
    Ok(PetscMalloc1(n, &x[d]));
    for (PetscInt i = 0; i < n; i++) {
      x[d][i] =
        s->info[d].lo + (s->info[d].hi - s->info[d].lo) * (1.04 * SnaRandomUniform(9, (uint64_t)d, (uint64_t)i) - 0.02);
      if (i == 0) x[d][i] = s->info[d].lo;
      if (i == 1) x[d][i] = s->info[d].hi;
    }
  }
}

static void CompareWithNaive(
  PetscInt nd, PetscInt rank, PetscInt shift, PetscInt least, PetscInt most, PetscInt n, double tolerance)
{
  Sample  s;
  double *x[SNA_MAX_DIM], *grad[SNA_MAX_DIM], *u, point[SNA_MAX_DIM], scale, exact;

  Make(nd, rank, shift, least, most, &s);
  Points(&s, n, x);
  Ok(PetscMalloc1(n, &u));
  for (PetscInt d = 0; d < nd; d++) Ok(PetscMalloc1(n, &grad[d]));
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, u, grad));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt d = 0; d < nd; d++) point[d] = x[d][i];
    exact = Naive(&s, point, -1, &scale);
    near(u[i], exact, tolerance * scale);
    for (PetscInt d = 0; d < nd; d++) {
      exact = Naive(&s, point, d, &scale);
      near(grad[d][i], exact, tolerance * scale);
    }
  }
  for (PetscInt d = 0; d < nd; d++) Ok(PetscFree(x[d]));
  for (PetscInt d = 0; d < nd; d++) Ok(PetscFree(grad[d]));
  Ok(PetscFree(u));
  Unmake(&s);
}

static void test_evaluate(void **state)
{
  static const PetscInt ranks[] = {1, 2, 4, 7, 8, 9, 16, 17, 24, 25, 33, 41, 49};

  (void)state;
  for (size_t k = 0; k < sizeof(ranks) / sizeof(ranks[0]); k++) CompareWithNaive(3, ranks[k], 1, 1, 5, 150, 1e-14);
  for (PetscInt p = 1; p <= 5; p++) CompareWithNaive(3, 11, 0, p, p, 65, 1e-14);
  for (PetscInt shift = 0; shift < 5; shift++) CompareWithNaive(5, 10, shift, 2, 3, 30, 1e-14);
  CompareWithNaive(1, 1, 0, 3, 3, 64, 1e-14);
  CompareWithNaive(2, 19, 1, 3, 3, 1100, 1e-14); // more than one block
  CompareWithNaive(SNA_MAX_DIM, 5, 3, 1, 3, 10, 1e-13);
}

// A value is the same with and without gradient, alone and among others, and wherever in the call its point stands.
static void test_company(void **state)
{
  const PetscInt n = 1237, nd = 5;
  Sample         s;
  double        *x[SNA_MAX_DIM], *grad[SNA_MAX_DIM], *some[SNA_MAX_DIM] = {NULL}, *u, *v, *w;

  (void)state;
  Make(nd, 21, 2, 2, 4, &s);
  Points(&s, n, x);
  Ok(PetscMalloc3(n, &u, n, &v, n, &w));
  for (PetscInt d = 0; d < nd; d++) Ok(PetscMalloc1(n, &grad[d]));
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, u, grad));
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, v, NULL));
  assert_memory_equal(u, v, (size_t)n * sizeof(*u));
  some[3] = w;
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, v, some));
  assert_memory_equal(u, v, (size_t)n * sizeof(*u));
  assert_memory_equal(w, grad[3], (size_t)n * sizeof(*u));
  for (PetscInt length = 1; length <= 9; length++) { // parts that divide the blocks elsewhere
    for (PetscInt begin = 3; begin + length <= n; begin += 101) {
      const double *part[SNA_MAX_DIM];

      for (PetscInt d = 0; d < nd; d++) part[d] = x[d] + begin;
      Ok(SnaFieldEvaluate(s.field, length, part, v, length % 2 ? some : NULL));
      assert_memory_equal(v, u + begin, (size_t)length * sizeof(*u));
      if (length % 2) assert_memory_equal(w, grad[3] + begin, (size_t)length * sizeof(*u));
    }
  }
  for (PetscInt d = 0; d < nd; d++) {
    for (PetscInt i = 0; i < n / 2; i++) {
      const double last = x[d][n - 1 - i];

      x[d][n - 1 - i] = x[d][i];
      x[d][i]         = last;
    }
  }
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, v, NULL));
  for (PetscInt i = 0; i < n; i++) assert_memory_equal(&v[i], &u[n - 1 - i], sizeof(*u));
  Ok(SnaFieldEvaluate(s.field, 0, (const double *const *)x, v, NULL));
  for (PetscInt d = 0; d < nd; d++) Ok(PetscFree(x[d]));
  for (PetscInt d = 0; d < nd; d++) Ok(PetscFree(grad[d]));
  Ok(PetscFree3(u, v, w));
  Unmake(&s);
}

// sum_r prod_d phi^d_r is a train with diagonal cores and the factors for leaves: twice the same function.
static void test_cp_as_train(void **state)
{
  enum { nd = 4, rank = 3, n = 200 };
  const PetscInt dir[nd] = {2, 0, 3, 1}, m[nd] = {rank, rank, rank, rank}, r[nd + 1] = {1, rank, rank, rank, 1};
  PetscInt       functions[nd];
  Sample         s;
  SnaField       cp;
  double        *C[nd], *x[SNA_MAX_DIM], u[n], v[n], g[nd][n], h[nd][n], mass[2][16];
  double *const gu[nd] = {g[0], g[1], g[2], g[3]}, *const gv[nd] = {h[0], h[1], h[2], h[3]};

  (void)state;
  MakeBases(nd, 2, 3, &s);
  for (PetscInt d = 0; d < nd; d++) {
    Ok(PetscMalloc1((size_t)(s.info[d].n * rank), &C[d]));
    for (PetscInt i = 0; i < s.info[d].n * rank; i++) C[d][i] = 2 * SnaRandomUniform(3, (uint64_t)d, (uint64_t)i) - 1;
  }
  for (int k = 0; k < nd; k++) functions[k] = s.info[dir[k]].n;
  Ok(SnaTtCreate(nd, dir, functions, m, r, NULL, &s.tt));
  for (int k = 0; k < nd; k++) {
    for (PetscInt i = 0; i < functions[k] * rank; i++) s.tt->leaf[k][i] = C[dir[k]][i];
    for (PetscInt j = 0; j < rank; j++) // core[a,b,j] = 1 for a = b = j, where there is an a, a b
      s.tt->core[k][(k > 0 ? j : 0) + r[k] * ((k + 1 < nd ? j : 0) + r[k + 1] * j)] = 1;
  }
  Ok(SnaFieldCreateTT(nd, s.basis, s.tt, &s.field));
  Ok(SnaFieldCreateCP(nd, s.basis, rank, (const double *const *)C, &cp));
  Points(&s, n, x);
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, u, gu));
  Ok(SnaFieldEvaluate(cp, n, (const double *const *)x, v, gv));
  for (int i = 0; i < n; i++) {
    near(u[i], v[i], 1e-13);
    for (int d = 0; d < nd; d++) near(g[d][i], h[d][i], 1e-13 * (1 + fabs(h[d][i])));
  }
  for (PetscInt d = 0; d < nd; d++) {
    Ok(SnaFieldMarginal(s.field, d, s.info[d].cells, mass[0]));
    Ok(SnaFieldMarginal(cp, d, s.info[d].cells, mass[1]));
    for (PetscInt c = 0; c < s.info[d].cells; c++) near(mass[0][c], mass[1][c], 1e-13);
  }
  Ok(SnaFieldDestroy(&cp));
  for (int d = 0; d < nd; d++) Ok(PetscFree(C[d]));
  for (int d = 0; d < nd; d++) Ok(PetscFree(x[d]));
  Unmake(&s);
}

static void test_gradient_by_differences(void **state)
{
  const double e = 1e-6;
  Sample       s;

  (void)state;
  Make(5, 6, 3, 2, 4, &s);
  for (int i = 0; i < 30; i++) {
    double        x[5], shifted[5], u, g[5], right, left, largest = 1;
    double *const grad[5] = {&g[0], &g[1], &g[2], &g[3], &g[4]};
    const double *point[5], *moved[5];

    for (PetscInt d = 0; d < 5; d++) {
      x[d]     = s.info[d].lo + (s.info[d].hi - s.info[d].lo) * SnaRandomUniform(10, (uint64_t)d, (uint64_t)i);
      point[d] = &x[d];
      moved[d] = &shifted[d];
    }
    Ok(SnaFieldEvaluate(s.field, 1, point, &u, grad));
    for (PetscInt d = 0; d < 5; d++) largest = PetscMax(largest, fabs(g[d]));
    for (PetscInt d = 0; d < 5; d++) {
      memcpy(shifted, x, sizeof(x));
      shifted[d] = x[d] + e;
      Ok(SnaFieldEvaluate(s.field, 1, moved, &right, NULL));
      shifted[d] = x[d] - e;
      Ok(SnaFieldEvaluate(s.field, 1, moved, &left, NULL));
      near(g[d], (right - left) / (2 * e), 1e-6 * largest);
    }
  }
  Unmake(&s);
}

// A point that is not a number spoils nobody else's value.
static void test_not_a_number(void **state)
{
  enum { nd = 3, n = 12 };
  double       *x[SNA_MAX_DIM], u[n], v[n], g[nd][n], h[nd][n];
  double *const gu[nd] = {g[0], g[1], g[2]}, *const gv[nd] = {h[0], h[1], h[2]};
  Sample s;

  (void)state;
  Make(nd, 5, 1, 2, 3, &s);
  Points(&s, n, x);
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, u, gu));
  x[1][4] = (double)NAN;
  x[0][7] = (double)INFINITY;
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, v, gv));
  for (int i = 0; i < n; i++) {
    if (i == 4) {
      assert_true(isnan(v[i]));
      for (int d = 0; d < nd; d++) assert_true(isnan(h[d][i]));
    } else if (i == 7) {
      assert_true(!isfinite(v[i]));
    } else {
      assert_memory_equal(&u[i], &v[i], sizeof(*u));
      for (int d = 0; d < nd; d++) assert_memory_equal(&g[d][i], &h[d][i], sizeof(*u));
    }
  }
  for (int d = 0; d < nd; d++) Ok(PetscFree(x[d]));
  Unmake(&s);
}

// Marginals against tensor quadrature cell by cell, and their sums against each other.
static void test_marginals(void **state)
{
  (void)state;
  for (PetscInt shift = 0; shift < 3; shift++) {
    Sample        s;
    SnaTabulation t[3];
    double        brute[3][8] = {{0}}, mass[8], norm = 0;

    Make(3, 6, shift, 1, 3, &s);
    for (int d = 0; d < 3; d++) Ok(SnaTabulationCreate(s.basis[d], s.info[d].degree + 1, 0, &t[d]));
    for (PetscInt i = 0; i < t[0].nq; i++) {
      for (PetscInt j = 0; j < t[1].nq; j++) {
        for (PetscInt k = 0; k < t[2].nq; k++) {
          const double x[3] = {t[0].x[i], t[1].x[j], t[2].x[k]};
          double       scale, u = Naive(&s, x, -1, &scale), share = u * u * t[0].w[i] * t[1].w[j] * t[2].w[k];

          brute[0][i / t[0].per_cell] += share;
          brute[1][j / t[1].per_cell] += share;
          brute[2][k / t[2].per_cell] += share;
          norm += share;
        }
      }
    }
    for (PetscInt d = 0; d < 3; d++) {
      double sum = 0;

      Ok(SnaFieldMarginal(s.field, d, s.info[d].cells, mass));
      for (PetscInt c = 0; c < s.info[d].cells; c++) {
        near(mass[c], brute[d][c], 1e-12 * norm);
        sum += mass[c];
      }
      near(sum, norm, 1e-12 * norm);
      Ok(SnaTabulationDestroy(&t[d]));
    }
    Unmake(&s);
  }
}

static void test_container(void **state)
{
  const char *format;
  PetscInt    count, expected = 0;
  SnaTt       tt;
  Sample      s;

  (void)state;
  Make(3, 4, 1, 2, 3, &s); // ranks 1 4 1 1, modes 2 n 4
  for (int k = 0; k < 3; k++)
    expected += s.tt->r[k] * s.tt->m[k] * s.tt->r[k + 1] + (k == 1 ? 0 : s.tt->n[k] * s.tt->m[k]);
  Ok(SnaFieldGetFormat(s.field, &format));
  assert_string_equal(format, "tensor_train");
  Ok(SnaFieldGetParameterCount(s.field, &count));
  assert_int_equal(count, expected);
  Ok(SnaFieldGetTT(s.field, &tt));
  assert_ptr_not_equal(tt, s.tt);
  assert_null(tt->leaf[1]);
  for (int k = 0; k < 3; k++) {
    assert_int_equal(tt->dir[k], s.tt->dir[k]);
    if (k != 1) assert_memory_equal(tt->leaf[k], s.tt->leaf[k], (size_t)(tt->n[k] * tt->m[k]) * sizeof(double));
    assert_memory_equal(tt->core[k], s.tt->core[k], (size_t)(tt->r[k] * tt->m[k] * tt->r[k + 1]) * sizeof(double));
  }
  Unmake(&s);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_evaluate),
    cmocka_unit_test(test_company),
    cmocka_unit_test(test_cp_as_train),
    cmocka_unit_test(test_gradient_by_differences),
    cmocka_unit_test(test_not_a_number),
    cmocka_unit_test(test_marginals),
    cmocka_unit_test(test_container),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
