// np: 1 timeout: 60
// Arithmetic of tensor trains against mathematics: norms and inner products of known functions, best approximations, projections.
#include <sna/tt.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

static void near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

// Up to four directions of different degrees, cells and intervals; the second one is zero at both ends, the third at its lower end.
static const struct {
  PetscInt  degree, cells;
  double    lo, hi;
  PetscBool first, last;
} directions[4] = {
  {3, 6, -1, 1, PETSC_FALSE, PETSC_FALSE},
  {2, 8, 0, 2, PETSC_TRUE, PETSC_TRUE},
  {4, 4, 0, 1, PETSC_TRUE, PETSC_FALSE},
  {1, 9, -2, 1, PETSC_FALSE, PETSC_FALSE},
};

typedef struct {
  SnaBasis   basis[4];
  SnaTtSpace space;
} Splines;

// cells12[d]: cells in twelfths of those above, NULL = 12.
static void Make(PetscInt nd, const PetscInt *cells12, Splines *s)
{
  for (PetscInt d = 0; d < nd; d++) {
    Ok(SnaBasisCreateBSpline("x", directions[d].degree, directions[d].cells * (cells12 ? cells12[d] : 12) / 12,
      directions[d].lo, directions[d].hi, directions[d].first, directions[d].last, &s->basis[d]));
  }
  Ok(SnaTtSpaceCreate(nd, s->basis, &s->space));
}

static void Free(PetscInt nd, Splines *s)
{
  Ok(SnaTtSpaceDestroy(&s->space));
  for (PetscInt d = 0; d < nd; d++) Ok(SnaBasisDestroy(&s->basis[d]));
}

// Value of a train at x (x[d]: coordinate of direction d), by the definition.
static double Evaluate(SnaTtSpace space, SnaTt tt, const double *x)
{
  double left[128] = {1}, next[128];

  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt      d = tt->dir[k], r = tt->r[k], q = tt->r[k + 1];
    const SnaBasisInfo *info = &space->info[d];
    double              v[6];
    PetscInt            first;

    assert_true(r <= 128 && q <= 128);
    Ok(SnaBasisEvaluate(space->basis[d], x[d], 0, &first, v));
    for (PetscInt b = 0; b < q; b++) next[b] = 0;
    for (PetscInt j = 0; j < tt->m[k]; j++) {
      double f = 0;

      for (PetscInt a = 0; a <= info->degree; a++) {
        const PetscInt i = first + a - info->drop_first;

        if (i >= 0 && i < info->n) f += v[a] * (tt->leaf[k] ? tt->leaf[k][i * tt->m[k] + j] : i == j);
      }
      for (PetscInt b = 0; b < q; b++) {
        for (PetscInt a = 0; a < r; a++) next[b] += f * left[a] * tt->core[k][a + r * (b + q * j)];
      }
    }
    for (PetscInt b = 0; b < q; b++) left[b] = next[b];
  }
  return left[0];
}

static void RandomPoint(SnaTtSpace space, uint64_t i, double *x)
{
  for (PetscInt d = 0; d < space->nd; d++) {
    const SnaBasisInfo *info = &space->info[d];
    x[d]                     = info->lo + (info->hi - info->lo) * SnaRandomUniform(5, (uint64_t)d, i);
  }
}

// Both are one function.
static void Same(SnaTtSpace sa, SnaTt a, SnaTtSpace sb, SnaTt b, double tolerance)
{
  for (uint64_t i = 0; i < 60; i++) {
    double x[SNA_MAX_DIM];

    RandomPoint(sa, i, x);
    near(Evaluate(sa, a, x), Evaluate(sb, b, x), tolerance);
  }
}

// A train without any structure: random cores and leaves of the given sizes (site k; leaf NULL where mode[k] is 0).
static SnaTt Raw(SnaTtSpace space, const PetscInt *dir, const PetscInt *mode, const PetscInt *rank, uint64_t seed)
{
  PetscInt  n[4], m[4];
  PetscBool has[4];
  SnaTt     tt;

  for (PetscInt k = 0; k < space->nd; k++) {
    n[k]   = space->info[dir[k]].n;
    has[k] = (PetscBool)(mode[k] > 0);
    m[k]   = mode[k] ? mode[k] : n[k];
  }
  Ok(SnaTtCreate(space->nd, dir, n, m, rank, has, &tt));
  for (PetscInt k = 0; k < space->nd; k++) {
    for (PetscInt i = 0; has[k] && i < n[k] * m[k]; i++)
      tt->leaf[k][i] = SnaRandomNormal(seed, (uint64_t)k, (uint64_t)i);
    for (PetscInt i = 0; i < rank[k] * m[k] * rank[k + 1]; i++)
      tt->core[k][i] = SnaRandomNormal(seed, 10 + (uint64_t)k, (uint64_t)i);
  }
  return tt;
}

// The definition of an orthonormal train with centre c.
static void CheckOrthonormal(SnaTtSpace space, SnaTt tt, PetscInt c, double tolerance)
{
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt d = tt->dir[k], n = tt->n[k], m = tt->m[k], r = tt->r[k], q = tt->r[k + 1];
    const PetscInt p = space->info[d].degree, side = k < c ? q : r;

    assert_non_null(tt->leaf[k]);
    for (PetscInt a = 0; a < m; a++) {
      for (PetscInt b = 0; b < m; b++) {
        double sum = 0;

        for (PetscInt i = 0; i < n; i++) {
          for (PetscInt j = PetscMax(0, i - p); j < PetscMin(n, i + p + 1); j++)
            sum += tt->leaf[k][i * m + a] * space->mass[d][i * (2 * p + 1) + j - i + p] * tt->leaf[k][j * m + b];
        }
        near(sum, a == b, tolerance);
      }
    }
    for (PetscInt a = 0; k != c && a < side; a++) {
      for (PetscInt b = 0; b < side; b++) {
        double sum = 0;

        for (PetscInt j = 0; j < m; j++) {
          for (PetscInt i = 0; i < (k < c ? r : q); i++)
            sum += k < c ? tt->core[k][i + r * (a + q * j)] * tt->core[k][i + r * (b + q * j)]
                         : tt->core[k][a + r * (i + q * j)] * tt->core[k][b + r * (i + q * j)];
        }
        near(sum, a == b, tolerance);
      }
    }
  }
}

static double CoreNorm(SnaTt tt, PetscInt k)
{
  double sum = 0;

  for (PetscInt i = 0; i < tt->r[k] * tt->m[k] * tt->r[k + 1]; i++) sum += PetscSqr(tt->core[k][i]);
  return sqrt(sum);
}

static double Norm(SnaTtSpace space, SnaTt tt)
{
  double inner;

  Ok(SnaTtInner(space, tt, tt, &inner));
  return sqrt(inner);
}

static const PetscInt dir4[4] = {2, 0, 3, 1};

static void test_orthonormal(void **state)
{
  const PetscInt mode[4] = {4, 0, 3, 5}, rank[5] = {1, 4, 7, 6, 1}, many[5] = {1, 7, 40, 9, 1};
  Splines        s;

  (void)state;
  Make(4, NULL, &s);
  for (PetscInt c = 0; c < 4; c++) {
    SnaTt a = Raw(s.space, dir4, mode, rank, 1), b;

    Ok(SnaTtDuplicate(a, &b));
    Ok(SnaTtOrthonormalise(s.space, b, c));
    CheckOrthonormal(s.space, b, c, 1e-13);
    near(CoreNorm(b, c) / Norm(s.space, a), 1, 1e-13);
    Same(s.space, a, s.space, b, 1e-12 * CoreNorm(b, c));
    for (PetscInt k = c; k < 3; k++) {
      Ok(SnaTtMoveCentre(b, k, PETSC_TRUE));
      CheckOrthonormal(s.space, b, k + 1, 1e-13);
    }
    for (PetscInt k = 3; k > 0; k--) {
      Ok(SnaTtMoveCentre(b, k, PETSC_FALSE));
      CheckOrthonormal(s.space, b, k - 1, 1e-13);
    }
    Same(s.space, a, s.space, b, 1e-12 * CoreNorm(b, 0));
    Ok(SnaTtDestroy(&a));
    Ok(SnaTtDestroy(&b));
  }
  { // ranks and modes that the neighbours do not allow
    SnaTt a = Raw(s.space, dir4, mode, many, 2), b;

    Ok(SnaTtDuplicate(a, &b));
    Ok(SnaTtOrthonormalise(s.space, b, 2));
    CheckOrthonormal(s.space, b, 2, 1e-13);
    Same(s.space, a, s.space, b, 1e-12 * CoreNorm(b, 2));
    assert_int_equal(b->r[1], 4);
    assert_int_equal(b->r[2], 15);
    assert_int_equal(b->r[3], 5);
    Ok(SnaTtDestroy(&a));
    Ok(SnaTtDestroy(&b));
  }
  Free(4, &s);
}

// ---- Functions with known integrals ----

// Terms of products of polynomials, one per direction of the spaces above: c[d][i] x^i.
typedef struct {
  double c[4][5];
} Product;

static double PolynomialInner(PetscInt d, const double *a, const double *b)
{
  const double lo = directions[d].lo, hi = directions[d].hi;
  double       sum = 0;

  for (int i = 0; i < 5; i++) {
    for (int j = 0; j < 5; j++) sum += a[i] * b[j] * (pow(hi, i + j + 1) - pow(lo, i + j + 1)) / (i + j + 1);
  }
  return sum;
}

static double ProductsInner(PetscInt nd, int na, const Product *a, int nb, const Product *b)
{
  double sum = 0;

  for (int i = 0; i < na; i++) {
    for (int j = 0; j < nb; j++) {
      double v = 1;
      for (PetscInt d = 0; d < nd; d++) v *= PolynomialInner(d, a[i].c[d], b[j].c[d]);
      sum += v;
    }
  }
  return sum;
}

typedef double (*Function)(double x, const void *ctx);

static double Polynomial(double x, const void *ctx)
{
  const double *c = ctx;

  return c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * c[4])));
}

static double Sine(double x, const void *ctx)
{
  return sin(*(const double *)ctx * x);
}

// Column j of C (n x m) = coefficients of the L2 projection of f, by Gaussian elimination of the normal equations.
static void Coefficients(SnaTtSpace space, PetscInt d, Function f, const void *ctx, PetscInt m, PetscInt j, double *C)
{
  const PetscInt n = space->info[d].n, p = space->info[d].degree;
  SnaTabulation  t;
  double        *g, *b, *A;

  Ok(SnaTabulationCreate(space->basis[d], p + 4, 0, &t));
  Ok(PetscMalloc1(t.nq, &g));
  Ok(PetscMalloc1(n, &b));
  Ok(PetscCalloc1((size_t)n * (size_t)n, &A));
  for (PetscInt q = 0; q < t.nq; q++) g[q] = f(t.x[q], ctx);
  Ok(SnaIntegrateVector(space->basis[d], &t, 0, g, b));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt l = PetscMax(0, i - p); l < PetscMin(n, i + p + 1); l++)
      A[i * n + l] = space->mass[d][i * (2 * p + 1) + l - i + p];
  }
  for (PetscInt k = 0; k < n; k++) {
    for (PetscInt i = k + 1; i < n; i++) {
      const double s = A[i * n + k] / A[k * n + k];

      for (PetscInt l = k; l < n; l++) A[i * n + l] -= s * A[k * n + l];
      b[i] -= s * b[k];
    }
  }
  for (PetscInt k = n - 1; k >= 0; k--) {
    for (PetscInt l = k + 1; l < n; l++) b[k] -= A[k * n + l] * C[l * m + j];
    C[k * m + j] = b[k] / A[k * n + k];
  }
  Ok(SnaTabulationDestroy(&t));
  Ok(PetscFree(g));
  Ok(PetscFree(b));
  Ok(PetscFree(A));
}

// Sum over j < R of products: leaves of R columns, diagonal cores.
static SnaTt Diagonal(SnaTtSpace space, const PetscInt *dir, PetscInt R)
{
  PetscInt mode[4], rank[5] = {1, 1, 1, 1, 1};
  SnaTt    tt;

  for (PetscInt k = 0; k < space->nd; k++) {
    mode[k] = R;
    if (k) rank[k] = R;
  }
  rank[space->nd] = 1;
  tt              = Raw(space, dir, mode, rank, 0);
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt r = tt->r[k], q = tt->r[k + 1];

    Ok(PetscArrayzero(tt->core[k], r * q * R));
    for (PetscInt j = 0; j < R; j++) tt->core[k][(r > 1 ? j : 0) + r * ((q > 1 ? j : 0) + q * j)] = 1;
  }
  return tt;
}

static SnaTt FromProducts(SnaTtSpace space, const PetscInt *dir, PetscInt R, const Product *terms)
{
  SnaTt tt = Diagonal(space, dir, R);

  for (PetscInt k = 0; k < tt->nd; k++) {
    for (PetscInt j = 0; j < R; j++) Coefficients(space, dir[k], Polynomial, terms[j].c[dir[k]], R, j, tt->leaf[k]);
  }
  return tt;
}

// All of these lie in the spaces: degrees and boundary conditions agree. The second and third term share their functions of direction 0.
static const Product products[3] = {
  {{{1, 2, 0, -3}, {0, 2, -1}, {0, 1, 0, 0, 2}, {1, -1}}},
  {{{0, 1, 4, 0.5}, {0, -4, 2}, {0, 0, 3}, {0.3, 0.5}}},
  {{{0, 1, 4, 0.5}, {0, 1, -0.5}, {0, 0.2, 0, 1}, {2}}},
};

static void test_inner(void **state)
{
  Splines s;
  SnaTt   a, b, c;
  double  inner, distance;
  Product all[3], flat[1] = {{{{1}, {0, 2, -1}, {0, 1}, {1}}}};

  (void)state;
  Make(4, NULL, &s);
  a               = FromProducts(s.space, dir4, 3, products);
  b               = FromProducts(s.space, dir4, 1, flat);
  const double aa = ProductsInner(4, 3, products, 3, products), ab = ProductsInner(4, 3, products, 1, flat),
               bb = ProductsInner(4, 1, flat, 1, flat);
  near(bb, 2 * 16.0 / 15 / 3 * 3, 1e-14); // the polynomials themselves: int (2x-x^2)^2 = 16/15, int x^2 = 1/3
  Ok(SnaTtInner(s.space, a, a, &inner));
  near(inner / aa, 1, 1e-13);
  Ok(SnaTtInner(s.space, a, b, &inner));
  near(inner / ab, 1, 1e-12);
  Ok(SnaTtInner(s.space, b, a, &inner));
  near(inner / ab, 1, 1e-12);
  Ok(SnaTtDistance(s.space, a, b, &distance));
  near(distance / sqrt(aa - 2 * ab + bb), 1, 1e-12);
  Ok(SnaTtDuplicate(a, &c));
  Ok(SnaTtOrthonormalise(s.space, c, 2));
  Ok(SnaTtDistance(s.space, a, c, &distance));
  near(distance, 0, 3e-7 * sqrt(aa));
  Ok(SnaTtDestroy(&c));
  // Identity leaves: the coefficients themselves are the cores.
  const PetscInt none[4] = {0, 0, 0, 0}, one[5] = {1, 1, 1, 1, 1};

  c = Raw(s.space, dir4, none, one, 0);
  for (PetscInt k = 0; k < 4; k++) Ok(PetscArraycpy(c->core[k], b->leaf[k], c->n[k]));
  Ok(SnaTtInner(s.space, c, a, &inner));
  near(inner / ab, 1, 1e-12);
  Ok(SnaTtInner(s.space, c, c, &inner));
  near(inner / bb, 1, 1e-13);
  Ok(SnaTtDestroy(&c));
  // 1 + 1 - 2 of the same function is zero and has rank 1.
  all[0] = all[1] = all[2] = products[0];
  for (int i = 0; i < 5; i++) all[2].c[3][i] *= -2;
  c = FromProducts(s.space, dir4, 3, all);
  near(Norm(s.space, c), 0, 1e-6);
  Ok(SnaTtRound(s.space, c, 1e-12, &inner));
  near(inner, 0, 1e-12);
  for (PetscInt k = 0; k <= 4; k++) assert_int_equal(c->r[k], 1);
  Ok(SnaTtDestroy(&c));
  Ok(SnaTtDestroy(&a));
  Ok(SnaTtDestroy(&b));
  Free(4, &s);
}

static void test_random(void **state)
{
  Splines s;
  SnaTt   a, b;
  double  difference = 0;

  (void)state;
  Make(4, NULL, &s);
  Ok(SnaTtCreateRandom(s.space, dir4, 9, 20, 7, &a));
  Ok(SnaTtCreateRandom(s.space, dir4, 9, 20, 7, &b));
  CheckOrthonormal(s.space, a, 0, 1e-13);
  near(Norm(s.space, a), 1, 1e-13);
  for (PetscInt k = 0; k < 4; k++) {
    assert_int_equal(a->dir[k], dir4[k]);
    assert_int_equal(a->m[k], PetscMin(9, a->n[k]));
    assert_memory_equal(a->core[k], b->core[k], (size_t)(a->r[k] * a->m[k] * a->r[k + 1]) * sizeof(double));
  }
  assert_int_equal(a->r[1], a->m[0]);
  assert_int_equal(a->r[2], 20);
  assert_int_equal(a->r[3], a->m[3]);
  Ok(SnaTtDestroy(&b));
  Ok(SnaTtCreateRandom(s.space, dir4, 9, 20, 8, &b));
  for (PetscInt i = 0; i < a->r[1] * a->m[0]; i++) difference += fabs(a->core[0][i] - b->core[0][i]);
  assert_true(difference > 0.1);
  Ok(SnaTtDestroy(&a));
  Ok(SnaTtDestroy(&b));
  Free(4, &s);
}

// H = I - 2 v v^T / v.v, an orthogonal matrix without zeros.
static double Reflection(int i, int j, int which)
{
  double vv = 0;

  for (int k = 0; k < 6; k++) vv += PetscSqr(1 + 0.3 * k * which);
  return (i == j) - 2 * (1 + 0.3 * i * which) * (1 + 0.3 * j * which) / vv;
}

// In two directions the train is a matrix in orthonormal bases: sum_s 10^-s u_s(x) v_s(y), whose best approximations are known.
static void test_round_matrix(void **state)
{
  const PetscInt dir[2] = {1, 0}, mode[2] = {6, 6}, rank[3] = {1, 6, 1};
  Splines        s;

  (void)state;
  Make(2, NULL, &s);
  for (int kept = 1; kept <= 5; kept++) {
    SnaTt    a, b;
    double   error, distance, tail = 0;
    PetscInt count;

    for (int i = kept; i < 6; i++) tail += pow(10, -2 * i);
    tail = sqrt(tail);
    Ok(SnaTtCreateRandom(s.space, dir, 6, 6, 3, &a));
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 6; j++) {
        a->core[0][i + 6 * j] = a->core[1][i + 6 * j] = 0;
        for (int k = 0; k < 6; k++) { // U = H1 in the modes, bond turned by H3 and back, S V^T = S H2
          a->core[0][i + 6 * j] += Reflection(j, k, 1) * Reflection(k, i, 3);
          a->core[1][i + 6 * j] += Reflection(i, k, 3) * pow(10, -k) * Reflection(k, j, 2);
        }
      }
    }
    near(Norm(s.space, a), sqrt((1 - 1e-12) / 0.99), 1e-12);
    Ok(SnaTtDuplicate(a, &b));
    Ok(SnaTtRound(s.space, b, 2 * tail, &error));
    assert_int_equal(b->r[1], kept);
    near(error / tail, 1, 1e-9);
    Ok(SnaTtDistance(s.space, a, b, &distance));
    near(distance, tail, 1e-7 * tail + 3e-8);
    for (PetscInt k = 0; k < 2; k++) { // a leaf only where it saves numbers
      assert_int_equal(b->leaf[k] == NULL, kept * b->n[k] <= b->n[k] * kept + kept * kept);
      assert_int_equal(b->m[k], b->leaf[k] ? kept : b->n[k]);
    }
    Ok(SnaTtGetParameterCount(b, &count));
    assert_int_equal(count, kept * (b->n[0] + b->n[1]));
    Ok(SnaTtDestroy(&b));
    // The tolerance is one for all: below the tail nothing may be dropped that it consists of.
    Ok(SnaTtDuplicate(a, &b));
    Ok(SnaTtRound(s.space, b, 0.9 * tail, &error));
    assert_true(b->r[1] > kept && error < 0.9 * tail);
    Ok(SnaTtDestroy(&b));
    Ok(SnaTtDestroy(&a));
  }
  { // without structure: rank-deficient leaf and core in, the same function out
    SnaTt  a = Raw(s.space, dir, mode, rank, 4), b;
    double error;

    for (PetscInt i = 0; i < a->n[0]; i++) {
      a->leaf[0][i * 6 + 3] = a->leaf[0][i * 6 + 1];
      a->leaf[0][i * 6 + 4] = 0;
    }
    for (PetscInt i = 0; i < 6; i++) a->core[1][2 + 6 * i] = -2 * a->core[1][5 + 6 * i];
    Ok(SnaTtDuplicate(a, &b));
    Ok(SnaTtOrthonormalise(s.space, b, 1));
    CheckOrthonormal(s.space, b, 1, 1e-13);
    Same(s.space, a, s.space, b, 1e-12 * CoreNorm(b, 1));
    Ok(SnaTtRound(s.space, b, 1e-12, &error));
    assert_int_equal(b->r[1], 4); // four independent columns in the leaf, five in the core
    Same(s.space, a, s.space, b, 1e-11);
    Ok(SnaTtDestroy(&a));
    Ok(SnaTtDestroy(&b));
  }
  Free(2, &s);
}

static const PetscInt raw_mode[4] = {5, 7, 6, 8}, raw_rank[5] = {1, 5, 11, 8, 1};

static void test_round(void **state)
{
  Splines  s;
  SnaTt    a;
  PetscInt last = 0;

  (void)state;
  Make(4, NULL, &s);
  a                 = Raw(s.space, dir4, raw_mode, raw_rank, 6);
  const double norm = Norm(s.space, a);
  for (double tol = 1e-6; tol < 3; tol *= 3) {
    SnaTt    b, c;
    double   error, distance, again;
    PetscInt count, size = 0;

    Ok(SnaTtDuplicate(a, &b));
    Ok(SnaTtRound(s.space, b, tol * norm, &error));
    Ok(SnaTtDistance(s.space, a, b, &distance));
    assert_true(error <= tol * norm * (1 + 1e-12));
    near(distance, error, 1e-7 * norm); // the discarded squares are the change, not just a bound
    Ok(SnaTtGetParameterCount(b, &count));
    for (PetscInt k = 0; k < 4; k++) {
      const PetscInt rq = b->r[k] * b->r[k + 1];

      size += rq * b->m[k] + (b->leaf[k] ? b->n[k] * b->m[k] : 0);
      assert_true(b->m[k] <= rq || !b->leaf[k]);
      assert_true(!b->leaf[k] || rq * b->n[k] > b->n[k] * b->m[k] + rq * b->m[k]);
    }
    assert_int_equal(count, size);
    assert_true(tol < 2e-6 || count <= last);
    last = count;
    // As accurate as that with as many numbers.
    PetscBool fits;
    Ok(SnaTtDuplicate(a, &c));
    Ok(SnaTtRoundToBudget(s.space, c, count, &again, &fits));
    assert_true(fits && again <= 1.02 * error + 1e-14 * norm);
    Ok(SnaTtGetParameterCount(c, &size));
    assert_true(size <= count);
    Ok(SnaTtDistance(s.space, a, c, &distance));
    near(distance, again, 1e-7 * norm);
    Ok(SnaTtDestroy(&b));
    Ok(SnaTtDestroy(&c));
  }
  assert_int_equal(last, a->n[0] + a->n[1] + a->n[2] + a->n[3]); // rank 1
  {                                                              // one number less than rank 1 has
    PetscBool fits;
    double    error;
    SnaTt     b;

    Ok(SnaTtDuplicate(a, &b));
    Ok(SnaTtRoundToBudget(s.space, b, last - 1, &error, &fits));
    assert_false(fits);
    Same(s.space, a, s.space, b, 0);
    Ok(SnaTtRoundToBudget(s.space, b, last, &error, &fits));
    assert_true(fits);
    Ok(SnaTtDestroy(&b));
  }
  Ok(SnaTtDestroy(&a));
  Free(4, &s);
}

static void test_modes(void **state)
{
  Splines s;
  SnaTt   a, b;
  double  distance;

  (void)state;
  Make(4, NULL, &s);
  // Exact: two terms share their function of direction 0, all three that of direction 1.
  a = FromProducts(s.space, dir4, 3, products);
  Ok(SnaTtDuplicate(a, &b));
  Ok(SnaTtOrthonormalise(s.space, b, 3));
  const double norm = CoreNorm(b, 3);
  Ok(SnaTtTruncateModes(s.space, b, 3, 1e-12 * norm));
  CheckOrthonormal(s.space, b, 3, 1e-13);
  assert_int_equal(b->m[0], 3); // direction 2
  assert_int_equal(b->m[1], 2); // direction 0
  assert_int_equal(b->m[2], 2); // direction 3: linear functions
  assert_int_equal(b->m[3], 1); // direction 1
  Same(s.space, a, s.space, b, 1e-11 * norm);
  Ok(SnaTtDestroy(&a));
  Ok(SnaTtDestroy(&b));
  // Within the tolerance, and near to it: what is dropped next would break it.
  a                 = Raw(s.space, dir4, raw_mode, raw_rank, 9);
  const double size = Norm(s.space, a);
  Ok(SnaTtDuplicate(a, &b));
  Ok(SnaTtOrthonormalise(s.space, b, 1));
  Ok(SnaTtTruncateModes(s.space, b, 1, 0.6 * size));
  CheckOrthonormal(s.space, b, 1, 1e-13);
  Ok(SnaTtDistance(s.space, a, b, &distance));
  assert_true(distance <= 0.6 * size && distance > 0.1 * size);
  assert_true(b->m[1] < raw_mode[1] && b->m[3] < raw_mode[3]);
  Ok(SnaTtDestroy(&a));
  Ok(SnaTtDestroy(&b));
  Free(4, &s);
}

static void test_prolong(void **state)
{
  const PetscInt twice[4] = {24, 24, 24, 24}, thrice[4] = {36, 12, 36, 24}, other[4] = {10, 15, 30, 16};
  const PetscInt less[4] = {4, 6, 3, 4};
  Splines        s, f, g;
  SnaTt          a, b, c, v, w;
  double         uv, pv, distance;

  (void)state;
  Make(4, NULL, &s);
  a                 = Raw(s.space, dir4, (const PetscInt[4]){5, 0, 6, 8}, raw_rank, 13);
  const double norm = Norm(s.space, a);
  for (int i = 0; i < 2; i++) { // nested: the same function, there and back
    Make(4, i ? thrice : twice, &f);
    Ok(SnaTtProlong(s.space, f.space, a, 2, &b));
    CheckOrthonormal(f.space, b, 2, 1e-13);
    Same(s.space, a, f.space, b, 1e-11 * norm);
    Ok(SnaTtProlong(f.space, s.space, b, 0, &c));
    CheckOrthonormal(s.space, c, 0, 1e-13);
    Same(s.space, a, s.space, c, 1e-11 * norm);
    Ok(SnaTtDestroy(&c));
    Ok(SnaTtDestroy(&b));
    Free(4, &f);
  }
  // Coarser, with fewer functions than modes: what is lost is orthogonal to all coarse functions.
  Make(4, less, &g);
  Ok(SnaTtProlong(s.space, g.space, a, 1, &b));
  CheckOrthonormal(g.space, b, 1, 1e-13);
  for (PetscInt k = 0; k < 4; k++) assert_true(b->m[k] <= b->n[k]);
  assert_int_equal(b->m[3], 4); // direction 1: 4 cells, degree 2, two functions dropped; 8 modes before
  Ok(SnaTtCreateRandom(g.space, dir4, 9, 9, 5, &v));
  Ok(SnaTtProlong(g.space, s.space, v, 0, &w)); // 2, 4, 1 and 3 cells are nested in 6, 8, 4 and 9
  Ok(SnaTtInner(s.space, a, w, &uv));
  Ok(SnaTtInner(g.space, b, v, &pv));
  near(uv, pv, 1e-11 * norm);
  assert_true(fabs(pv) > 1e-5 * norm);
  Ok(SnaTtDestroy(&b));
  Ok(SnaTtDestroy(&v));
  Ok(SnaTtDestroy(&w));
  Free(4, &g);
  Ok(SnaTtDestroy(&a));
  // Cells that do not fit: polynomials survive.
  Make(4, other, &f);
  a = FromProducts(s.space, dir4, 3, products);
  Ok(SnaTtProlong(s.space, f.space, a, 3, &b));
  CheckOrthonormal(f.space, b, 3, 1e-13);
  Same(s.space, a, f.space, b, 1e-11 * CoreNorm(b, 3));
  c = FromProducts(f.space, dir4, 3, products);
  Ok(SnaTtDistance(f.space, b, c, &distance));
  near(distance, 0, 3e-7 * CoreNorm(b, 3));
  Ok(SnaTtDestroy(&a));
  Ok(SnaTtDestroy(&b));
  Ok(SnaTtDestroy(&c));
  Free(4, &f);
  Free(4, &s);
}

// Best L2 approximation by splines of degree p on cells of width h: error = sqrt(|B_{2p+2}| / (2p+2)!) h^{p+1} ||f^(p+1)|| to leading order (Euler-Maclaurin;
// B: Bernoulli numbers, B_6 = 1/42, B_8 = -1/30).
static void test_spline_error(void **state)
{
  const PetscInt dir[3] = {1, 2, 0};
  const double   pi = PETSC_PI, waves[2] = {pi, 2 * pi};
  const double   constant[2] = {sqrt(1.0 / 42 / 720), sqrt(1.0 / 30 / 40320)};
  SnaBasis       basis[3];
  SnaTtSpace     space;
  SnaTt          a, b;
  PetscInt       halved[3];
  double         error[3], quarter[3];

  (void)state;
  // u = sin(pi x) sin(pi y) sin(pi z) + 0.1 sin(2 pi x) sin(2 pi y) sin(2 pi z) on the unit cube; the terms are orthogonal in every direction.
  for (int d = 0; d < 2; d++) Ok(SnaBasisCreateBSpline("x", 2 + d, 64, 0, 1, (PetscBool)d, (PetscBool)d, &basis[d]));
  Ok(SnaBasisCreateBSpline("z", 3, 6, 0, 1, PETSC_FALSE, PETSC_FALSE, &basis[2]));
  Ok(SnaTtSpaceCreate(3, basis, &space));
  a             = Diagonal(space, dir, 2);
  a->core[0][3] = 0.1;
  for (PetscInt k = 0; k < 3; k++) {
    for (PetscInt j = 0; j < 2; j++) Coefficients(space, dir[k], Sine, &waves[j], 2, j, a->leaf[k]);
  }
  Ok(SnaTtOrthonormalise(space, a, 1));
  near(CoreNorm(a, 1), sqrt(1.01 / 8), 1e-4);
  Ok(SnaTtDuplicate(a, &b));
  Ok(SnaTtSplineError(space, a, 1, halved, error, quarter));
  for (PetscInt k = 0; k < 3; k++) { // the caller's train is as it was
    assert_int_equal(a->r[k], b->r[k]);
    assert_memory_equal(a->core[k], b->core[k], (size_t)(a->r[k] * a->m[k] * a->r[k + 1]) * sizeof(double));
  }
  for (int d = 0; d < 2; d++) {
    const double order = 3 + d, weight = sqrt((pow(pi, 2 * order) + 0.01 * pow(2 * pi, 2 * order)) / 8);

    assert_int_equal(halved[d], 32);
    near(error[d] / (constant[d] * pow(1.0 / 32, order) * weight), 1, 0.06);
    near(quarter[d] / error[d] / pow(2, order), 1, 0.06);
  }
  assert_int_equal(halved[2], 3);
  assert_true(error[2] > 1e-4 && quarter[2] < 0);
  // The same by projection of the whole train there and back.
  for (int d = 0; d < 2; d++) {
    SnaBasis   half[3] = {basis[0], basis[1], basis[2]};
    SnaTtSpace coarse;
    SnaTt      c, e;
    double     distance;

    Ok(SnaBasisCreateBSpline("x", 2 + d, 16, 0, 1, (PetscBool)d, (PetscBool)d, &half[d]));
    Ok(SnaTtSpaceCreate(3, half, &coarse));
    Ok(SnaTtProlong(space, coarse, a, 1, &c));
    Ok(SnaTtProlong(coarse, space, c, 1, &e));
    Ok(SnaTtDistance(space, a, e, &distance));
    near(distance / quarter[d], 1, 1e-4);
    Ok(SnaTtDestroy(&c));
    Ok(SnaTtDestroy(&e));
    Ok(SnaTtSpaceDestroy(&coarse));
    Ok(SnaBasisDestroy(&half[d]));
  }
  Ok(SnaTtDestroy(&b));
  Ok(SnaTtDestroy(&a));
  Ok(SnaTtSpaceDestroy(&space));
  for (int d = 0; d < 3; d++) Ok(SnaBasisDestroy(&basis[d]));
  // Few cells: 3 cannot be halved.
  Ok(SnaBasisCreateBSpline("x", 2, 3, 0, 1, PETSC_TRUE, PETSC_FALSE, &basis[0]));
  Ok(SnaTtSpaceCreate(1, basis, &space));
  Ok(SnaTtCreateRandom(space, (const PetscInt[1]){0}, 9, 9, 1, &a));
  Ok(SnaTtSplineError(space, a, 0, halved, error, quarter));
  assert_int_equal(halved[0], 0);
  near(error[0], 0, 0);
  assert_true(quarter[0] < 0);
  Ok(SnaTtDestroy(&a));
  Ok(SnaTtSpaceDestroy(&space));
  Ok(SnaBasisDestroy(&basis[0]));
}

static void test_one_direction(void **state)
{
  const PetscInt dir[1] = {0}, mode[1] = {5}, rank[2] = {1, 1};
  Splines        s, f;
  SnaTt          a, b, c;
  double         inner, error;
  PetscBool      fits;

  (void)state;
  Make(1, NULL, &s);
  a = FromProducts(s.space, dir, 1, products);
  Ok(SnaTtInner(s.space, a, a, &inner));
  near(inner, PolynomialInner(0, products[0].c[0], products[0].c[0]), 1e-13);
  Ok(SnaTtDestroy(&a));
  a                 = Raw(s.space, dir, mode, rank, 21);
  const double norm = Norm(s.space, a);
  Ok(SnaTtDuplicate(a, &b));
  Ok(SnaTtOrthonormalise(s.space, b, 0));
  assert_int_equal(b->m[0], 1);
  near(fabs(b->core[0][0]), norm, 1e-13 * norm);
  Same(s.space, a, s.space, b, 1e-13 * norm);
  Ok(SnaTtTruncateModes(s.space, b, 0, 0));
  Ok(SnaTtRound(s.space, b, 0, &error));
  assert_null(b->leaf[0]);
  near(error, 0, 0);
  Same(s.space, a, s.space, b, 1e-13 * norm);
  Ok(SnaTtRoundToBudget(s.space, b, b->n[0], &error, &fits));
  assert_true(fits);
  Same(s.space, a, s.space, b, 1e-13 * norm);
  Ok(SnaTtRoundToBudget(s.space, b, b->n[0] - 1, &error, &fits));
  assert_false(fits);
  Make(1, (const PetscInt[1]){24}, &f);
  Ok(SnaTtProlong(s.space, f.space, b, 0, &c));
  Same(s.space, a, f.space, c, 1e-12 * norm);
  Ok(SnaTtDestroy(&c));
  Ok(SnaTtDestroy(&b));
  Ok(SnaTtDestroy(&a));
  Free(1, &f);
  Free(1, &s);
}

// The zero function, with zero cores in some or all places, and with zero leaves.
static void test_zero(void **state)
{
  Splines s, f;

  (void)state;
  Make(4, NULL, &s);
  Make(4, (const PetscInt[4]){24, 24, 24, 24}, &f);
  for (int which = 0; which < 3; which++) {
    SnaTt     a = Raw(s.space, dir4, raw_mode, raw_rank, 30), b;
    double    error, quarter[4], spline[4];
    PetscInt  halved[4];
    PetscBool fits;

    for (PetscInt k = 0; k < 4; k++) {
      if (which == 1 || k == 2) Ok(PetscArrayzero(a->core[k], a->r[k] * a->m[k] * a->r[k + 1]));
      if (which == 2) Ok(PetscArrayzero(a->leaf[k], a->n[k] * a->m[k]));
    }
    Ok(SnaTtOrthonormalise(s.space, a, 1));
    CheckOrthonormal(s.space, a, 1, 1e-13);
    near(CoreNorm(a, 1), 0, 0);
    Ok(SnaTtSplineError(s.space, a, 1, halved, spline, quarter));
    for (PetscInt d = 0; d < 4; d++) near(spline[d], 0, 0);
    Ok(SnaTtProlong(s.space, f.space, a, 3, &b));
    CheckOrthonormal(f.space, b, 3, 1e-13);
    near(Norm(f.space, b), 0, 0);
    Ok(SnaTtDestroy(&b));
    Ok(SnaTtTruncateModes(s.space, a, 1, 1e-3));
    CheckOrthonormal(s.space, a, 1, 1e-13);
    Ok(SnaTtDuplicate(a, &b));
    Ok(SnaTtRoundToBudget(s.space, b, 1000, &error, &fits));
    assert_true(fits);
    near(Norm(s.space, b), 0, 0);
    Ok(SnaTtDestroy(&b));
    Ok(SnaTtRound(s.space, a, 0, &error));
    for (PetscInt k = 0; k < 4; k++) assert_int_equal(a->r[k + 1], 1);
    near(Norm(s.space, a), 0, 0);
    near(error, 0, 0);
    Ok(SnaTtDestroy(&a));
  }
  Free(4, &s);
  Free(4, &f);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_orthonormal),
    cmocka_unit_test(test_inner),
    cmocka_unit_test(test_random),
    cmocka_unit_test(test_round_matrix),
    cmocka_unit_test(test_round),
    cmocka_unit_test(test_modes),
    cmocka_unit_test(test_prolong),
    cmocka_unit_test(test_spline_error),
    cmocka_unit_test(test_one_direction),
    cmocka_unit_test(test_zero),
  };
  int failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() ? 1 : failed;
}
