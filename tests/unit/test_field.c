// np: 1 2 3
// SnaField of format cp: values, gradients and marginals against plain loops over the definition; the way of all
// formats through a file. Values of tensor trains: test_field_tt.c.
#include <sna/sna.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

static void near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

// A field of nd directions with different degrees, cells, domains and dropped functions.
typedef struct {
  PetscInt     nd, rank;
  SnaBasis     basis[SNA_MAX_DIM];
  SnaBasisInfo info[SNA_MAX_DIM];
  double      *C[SNA_MAX_DIM];
  SnaField     field;
} Sample;

static void Make(PetscInt nd, PetscInt rank, PetscInt least, PetscInt most, Sample *s)
{
  s->nd   = nd;
  s->rank = rank;
  for (PetscInt d = 0; d < nd; d++) {
    const PetscInt degree = least + d % (most - least + 1);
    char           name[8];

    Ok(PetscSNPrintf(name, sizeof(name), "x%d", (int)d));
    Ok(SnaBasisCreateBSpline(name, degree, 2 + (3 * d) % 7, -0.5 - 0.1 * (double)d, 1 + 0.3 * (double)d,
      (PetscBool)(d % 2), (PetscBool)(d % 3 == 1), &s->basis[d]));
    Ok(SnaBasisGetInfo(s->basis[d], &s->info[d]));
    Ok(PetscMalloc1((size_t)(s->info[d].n * rank), &s->C[d]));
    for (PetscInt k = 0; k < s->info[d].n * rank; k++)
      s->C[d][k] = 2 * SnaRandomUniform(7, (uint64_t)d, (uint64_t)k) - 1;
  }
  Ok(SnaFieldCreateCP(nd, s->basis, rank, (const double *const *)s->C, &s->field));
}

static void Unmake(Sample *s)
{
  Ok(SnaFieldDestroy(&s->field));
  assert_null(s->field);
  for (PetscInt d = 0; d < s->nd; d++) {
    Ok(PetscFree(s->C[d]));
    Ok(SnaBasisDestroy(&s->basis[d]));
  }
}

// The definition: sum_r prod_d sum_i C_d[i,r] B_i(x_d), with the derivative in direction `derived` (none if
// negative). *scale: what the value would be with splines and derivatives at their largest and no cancellation, against
// which round-off is judged.
static double Naive(const Sample *s, const double x[], PetscInt derived, double *scale)
{
  double u = 0;

  *scale = 0;
  for (PetscInt r = 0; r < s->rank; r++) {
    double term = 1, size = 1;

    for (PetscInt d = 0; d < s->nd; d++) {
      const PetscInt p1 = s->info[d].degree + 1;
      double         v[12], phi = 0, sum = 0;
      PetscInt       first;

      Ok(SnaBasisEvaluate(s->basis[d], x[d], 1, &first, v));
      for (PetscInt a = 0; a < p1; a++) {
        const PetscInt i = first + a - s->info[d].drop_first;
        const double   b = v[(derived == d ? p1 : 0) + a];

        if (i < 0 || i >= s->info[d].n) continue;
        phi += s->C[d][i * s->rank + r] * b;
        sum += fabs(s->C[d][i * s->rank + r]) *
               (derived == d ? (double)(p1 * s->info[d].cells) / (s->info[d].hi - s->info[d].lo) : 1);
      }
      term *= phi;
      size *= sum;
    }
    u += term;
    *scale += size;
  }
  return u;
}

static void CompareWithNaive(PetscInt nd, PetscInt rank, PetscInt least, PetscInt most, PetscInt n)
{
  Sample  s;
  double *x[SNA_MAX_DIM], *grad[SNA_MAX_DIM], *some[SNA_MAX_DIM] = {NULL}, *u, *v, point[SNA_MAX_DIM], scale, exact;

  Make(nd, rank, least, most, &s);
  Ok(PetscMalloc2(n, &u, n, &v));
  for (PetscInt d = 0; d < nd; d++) {
    Ok(PetscMalloc2(n, &x[d], n, &grad[d]));
    for (PetscInt i = 0; i < n; i++) { // some points lie outside, the first two on the boundary
      x[d][i] =
        s.info[d].lo + (s.info[d].hi - s.info[d].lo) * (1.04 * SnaRandomUniform(8, (uint64_t)d, (uint64_t)i) - 0.02);
      if (i == 0) x[d][i] = s.info[d].lo;
      if (i == 1) x[d][i] = s.info[d].hi;
    }
  }
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, u, grad));
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, v, NULL));
  assert_memory_equal(u, v, (size_t)n * sizeof(*u));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt d = 0; d < nd; d++) point[d] = x[d][i];
    exact = Naive(&s, point, -1, &scale);
    near(u[i], exact, 1e-14 * (1 + (double)nd) * scale);
    for (PetscInt d = 0; d < nd; d++) {
      exact = Naive(&s, point, d, &scale);
      near(grad[d][i], exact, 1e-14 * (1 + (double)nd) * scale);
    }
  }
  // One wanted derivative, no array for the others; and the last point alone gives the same bits.
  some[nd - 1] = v;
  Ok(SnaFieldEvaluate(s.field, n, (const double *const *)x, u, some));
  assert_memory_equal(v, grad[nd - 1], (size_t)n * sizeof(*u));
  for (PetscInt d = 0; d < nd; d++) x[d][0] = x[d][n - 1];
  Ok(SnaFieldEvaluate(s.field, 1, (const double *const *)x, v, NULL));
  assert_memory_equal(v, &u[n - 1], sizeof(*u));
  Ok(SnaFieldEvaluate(s.field, 0, (const double *const *)x, v, NULL));
  for (PetscInt d = 0; d < nd; d++) Ok(PetscFree2(x[d], grad[d]));
  Ok(PetscFree2(u, v));
  Unmake(&s);
}

static void test_evaluate(void **state)
{
  static const PetscInt ranks[] = {1, 2, 3, 7, 8, 9, 16, 17, 24, 33};

  (void)state;
  for (size_t k = 0; k < sizeof(ranks) / sizeof(ranks[0]); k++) CompareWithNaive(3, ranks[k], 1, 5, 150);
  for (PetscInt p = 1; p <= 5; p++) CompareWithNaive(2, 11, p, p, 65);
  for (PetscInt nd = 1; nd <= 6; nd++) CompareWithNaive(nd, 19, 3, 3, 64);
  CompareWithNaive(SNA_MAX_DIM, 5, 1, 3, 10);
}

// A sum of products of polynomials is a CP field with no error: u = x^2 y - 3 x z + 2, through the splines'
// reproduction of x^k.
static void test_polynomial(void **state)
{
  const PetscInt cells = 4, p = 2, n = cells + p, rank = 3;
  const double   power[3][3] = {{2, 1, 0}, {1, 0, 1}, {0, 0, 0}}, factor[3] = {1, -3, 2}; // power[r][d]
  SnaBasis       basis[3];
  SnaField       f;
  double        *C[3], x[3], u, g[3];
  double *const  grad[3] = {&g[0], &g[1], &g[2]};

  (void)state;
  for (PetscInt d = 0; d < 3; d++) {
    Ok(SnaBasisCreateBSpline(d == 0 ? "x" : (d == 1 ? "y" : "z"), p, cells, 0, 2, PETSC_FALSE, PETSC_FALSE, &basis[d]));
    Ok(PetscMalloc1((size_t)(n * rank), &C[d]));
    for (PetscInt i = 0; i < n; i++) {
      const double h = 2. / (double)cells, a = h * (double)PetscMin(PetscMax(i + 1 - p, 0), cells),
                   b = h * (double)PetscMin(PetscMax(i + 2 - p, 0), cells);

      for (PetscInt r = 0; r < rank; r++) { // the knots inside the support: 1, (a+b)/2, ab (Marsden)
        const double c = power[r][d] == 0 ? 1 : (power[r][d] == 1 ? (a + b) / 2 : a * b);

        C[d][i * rank + r] = d == 0 ? factor[r] * c : c;
      }
    }
  }
  Ok(SnaFieldCreateCP(3, basis, rank, (const double *const *)C, &f));
  for (int i = 0; i < 50; i++) {
    const double *const point[3] = {&x[0], &x[1], &x[2]};

    for (int d = 0; d < 3; d++) x[d] = 2 * SnaRandomUniform(9, (uint64_t)d, (uint64_t)i);
    Ok(SnaFieldEvaluate(f, 1, point, &u, grad));
    near(u, x[0] * x[0] * x[1] - 3 * x[0] * x[2] + 2, 1e-13);
    near(g[0], 2 * x[0] * x[1] - 3 * x[2], 1e-13);
    near(g[1], x[0] * x[0], 1e-13);
    near(g[2], -3 * x[0], 1e-13);
  }
  {
    const char *format;
    PetscInt    count;

    Ok(SnaFieldGetFormat(f, &format));
    assert_string_equal(format, "cp");
    Ok(SnaFieldGetParameterCount(f, &count));
    assert_int_equal(count, 3 * n * rank);
  }
  Ok(SnaFieldDestroy(&f));
  for (int d = 0; d < 3; d++) {
    Ok(PetscFree(C[d]));
    Ok(SnaBasisDestroy(&basis[d]));
  }
}

static void test_gradient_by_differences(void **state)
{
  const double e = 1e-6;
  Sample       s;

  (void)state;
  Make(5, 13, 2, 4, &s);
  for (int i = 0; i < 30; i++) {
    double        x[5], shifted[5], u, g[5], right, left;
    double *const grad[5] = {&g[0], &g[1], &g[2], &g[3], &g[4]};
    const double *point[5], *moved[5];

    for (PetscInt d = 0; d < 5; d++) {
      x[d]     = s.info[d].lo + (s.info[d].hi - s.info[d].lo) * SnaRandomUniform(10, (uint64_t)d, (uint64_t)i);
      point[d] = &x[d];
      moved[d] = &shifted[d];
    }
    Ok(SnaFieldEvaluate(s.field, 1, point, &u, grad));
    for (PetscInt d = 0; d < 5; d++) {
      memcpy(shifted, x, sizeof(x));
      shifted[d] = x[d] + e;
      Ok(SnaFieldEvaluate(s.field, 1, moved, &right, NULL));
      shifted[d] = x[d] - e;
      Ok(SnaFieldEvaluate(s.field, 1, moved, &left, NULL));
      near(g[d], (right - left) / (2 * e), 1e-6 * (1 + fabs(g[d])));
    }
  }
  Unmake(&s);
}

static void test_boundary(void **state)
{
  Sample s;

  (void)state;
  Make(4, 10, 1, 4, &s);
  for (PetscInt d = 0; d < 4; d++) {
    for (int side = 0; side < 2; side++) {
      double        x[4], u;
      const double *point[4];

      for (PetscInt e = 0; e < 4; e++) {
        x[e]     = 0.5 * (s.info[e].lo + s.info[e].hi) + 0.1;
        point[e] = &x[e];
      }
      x[d] = side ? s.info[d].hi : s.info[d].lo;
      Ok(SnaFieldEvaluate(s.field, 1, point, &u, NULL));
      if (side ? s.info[d].drop_last : s.info[d].drop_first)
        near(u, 0, 1e-15);
      else
        assert_true(fabs(u) > 1e-6);
    }
  }
  Unmake(&s);
}

static void test_not_a_number(void **state)
{
  double        x[2]     = {(double)NAN, 0}, u, g;
  const double *point[2] = {&x[0], &x[1]};
  double *const grad[2]  = {&g, NULL};
  Sample        s;

  (void)state;
  Make(2, 3, 3, 3, &s);
  Ok(SnaFieldEvaluate(s.field, 1, point, &u, grad));
  assert_true(isnan(u) && isnan(g));
  x[0] = (double)INFINITY;
  Ok(SnaFieldEvaluate(s.field, 1, point, &u, grad));
  assert_true(!isfinite(u));
  Unmake(&s);
}

// Marginals against tensor quadrature cell by cell, and their sums against each other.
static void test_marginals(void **state)
{
  Sample        s;
  SnaTabulation t[3];
  double        brute[3][8] = {{0}}, mass[8], norm = 0;

  (void)state;
  Make(3, 9, 1, 3, &s);
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

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
static char path[PETSC_MAX_PATH_LEN];

static int MakePath(void **state)
{
  PetscMPIInt rank;

  (void)state;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  if (rank == 0) {
    const char *base = getenv("TMPDIR");
    char        dir[PETSC_MAX_PATH_LEN - 16];

    (void)snprintf(dir, sizeof(dir), "%s/test_field.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir))
      path[0] = 0;
    else
      (void)snprintf(path, sizeof(path), "%s/field.h5", dir);
  }
  return MPI_Bcast(path, (int)sizeof(path), MPI_CHAR, 0, PETSC_COMM_WORLD) == MPI_SUCCESS && path[0] ? 0 : -1;
}

static int RemovePath(void **state)
{
  PetscMPIInt rank;

  (void)state;
  MPI_Barrier(PETSC_COMM_WORLD);
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  if (rank == 0) {
    (void)unlink(path);
    *strrchr(path, '/') = 0;
    return rmdir(path); // fails when a .part file was left behind
  }
  return 0;
}

static void Store(SnaField field)
{
  SnaFile file;
  char    message[SNA_MAX_MESSAGE];

  Ok(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  Ok(SnaFieldWrite(field, file, "/solution/field"));
  Ok(SnaFileClose(&file, message));
  assert_string_equal(message, "");
}

static void test_round_trip(void **state)
{
  SnaFile  file;
  SnaField field;
  Sample   s;
  PetscInt count, expected;
  char     message[SNA_MAX_MESSAGE], text[64];
  double   value = -1;

  (void)state;
  Make(4, 11, 1, 4, &s);
  s.C[0][0] = 1. / 3;
  s.C[0][1] = -0.;
  s.C[0][2] = 5e-324;
  Ok(SnaFieldDestroy(&s.field));
  Ok(SnaFieldCreateCP(4, s.basis, 11, (const double *const *)s.C, &s.field));
  Store(s.field);

  Ok(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  for (PetscInt d = 0; d < 4; d++) { // the layout, read without SnaFieldRead
    char     name[64];
    int      ndim;
    PetscInt dims[4];
    double  *C;

    Ok(PetscSNPrintf(name, sizeof(name), "/solution/field/x%d", (int)d));
    Ok(SnaFileReadArraySize(file, name, &ndim, dims));
    assert_true(ndim == 2 && dims[0] == s.info[d].n && dims[1] == 11);
    Ok(PetscMalloc1((size_t)(dims[0] * dims[1]), &C));
    Ok(SnaFileReadArray(file, name, dims[0] * dims[1], C));
    assert_memory_equal(C, s.C[d], (size_t)(dims[0] * dims[1]) * sizeof(double));
    Ok(PetscFree(C));
    Ok(SnaFileReadAttributeText(file, name, "basis", sizeof(text), text));
    assert_string_equal(text, "bspline");
    Ok(SnaFileReadAttributeReal(file, name, "degree", &value));
    assert_true(value == (double)s.info[d].degree);
    Ok(SnaFileReadAttributeReal(file, name, "resolution", &value));
    assert_true(value == (double)s.info[d].cells);
    Ok(SnaFileReadAttributeReal(file, name, "lo", &value));
    assert_true(value == s.info[d].lo);
    Ok(SnaFileReadAttributeReal(file, name, "hi", &value));
    assert_true(value == s.info[d].hi);
    Ok(SnaFileReadAttributeText(file, name, "end_lo", sizeof(text), text));
    assert_string_equal(text, s.info[d].drop_first ? "dirichlet" : "free");
    Ok(SnaFileReadAttributeText(file, name, "end_hi", sizeof(text), text));
    assert_string_equal(text, s.info[d].drop_last ? "dirichlet" : "free");
    Ok(SnaFileReadAttributeReal(file, name, "robin_lo", &value));
    assert_true(value == 0);
    Ok(SnaFileReadAttributeReal(file, name, "robin_hi", &value));
    assert_true(value == 0);
  }
  Ok(SnaFileReadAttributeText(file, "/solution/field", "format", sizeof(text), text));
  assert_string_equal(text, "cp");
  Ok(SnaFileReadAttributeText(file, "/solution/field", "directions", sizeof(text), text));
  assert_string_equal(text, "x0,x1,x2,x3");

  Ok(SnaFieldRead(file, "/solution/field", 4, s.basis, &field));
  Ok(SnaFileClose(&file, message));
  assert_string_equal(message, "");
  assert_non_null(field);
  Ok(SnaFieldGetParameterCount(field, &count));
  Ok(SnaFieldGetParameterCount(s.field, &expected));
  assert_int_equal(count, expected);
  for (int i = 0; i < 100; i++) {
    double        x[4], u, v, g[4], h[4];
    double *const gu[4] = {&g[0], &g[1], &g[2], &g[3]}, *const gv[4] = {&h[0], &h[1], &h[2], &h[3]};
    const double *point[4] = {&x[0], &x[1], &x[2], &x[3]};

    for (PetscInt d = 0; d < 4; d++)
      x[d] = s.info[d].lo + (s.info[d].hi - s.info[d].lo) * SnaRandomUniform(10, (uint64_t)d, (uint64_t)i);
    Ok(SnaFieldEvaluate(s.field, 1, point, &u, gu));
    Ok(SnaFieldEvaluate(field, 1, point, &v, gv));
    assert_memory_equal(&u, &v, sizeof(u));
    assert_memory_equal(g, h, sizeof(g));
  }
  Ok(SnaFieldDestroy(&field));
  Unmake(&s);
}

static void test_factors(void **state)
{
  double  *C[3];
  PetscInt rank;
  Sample   s;

  (void)state;
  Make(3, 11, 1, 3, &s);
  Ok(SnaFieldGetCP(s.field, &rank, C));
  assert_int_equal(rank, 11);
  for (int d = 0; d < 3; d++) {
    assert_memory_equal(C[d], s.C[d], (size_t)(s.info[d].n * rank) * sizeof(double));
    Ok(PetscFree(C[d]));
  }
  Unmake(&s);
}

// A train over the bases of a sample of 4 directions; the leaf of x0 is an identity.
static void MakeTrain(const Sample *s, SnaTt *tt)
{
  const PetscInt  dir[4] = {2, 0, 3, 1}, r[5] = {1, 2, 5, 3, 1};
  const PetscBool has_leaf[4] = {PETSC_TRUE, PETSC_FALSE, PETSC_TRUE, PETSC_TRUE};
  PetscInt        n[4], m[4];

  for (int k = 0; k < 4; k++) {
    n[k] = s->info[dir[k]].n;
    m[k] = has_leaf[k] ? 3 : n[k];
  }
  Ok(SnaTtCreate(4, dir, n, m, r, has_leaf, tt));
  for (int k = 0; k < 4; k++) {
    for (PetscInt i = 0; has_leaf[k] && i < n[k] * m[k]; i++)
      (*tt)->leaf[k][i] = SnaRandomNormal(11, (uint64_t)k, (uint64_t)i);
    for (PetscInt i = 0; i < r[k] * m[k] * r[k + 1]; i++)
      (*tt)->core[k][i] = SnaRandomNormal(12, (uint64_t)k, (uint64_t)i);
  }
  (*tt)->leaf[0][0] = 1. / 3;
  (*tt)->leaf[0][1] = -0.;
  (*tt)->core[2][2] = 5e-324;
  (*tt)->core[3][0] = -0.;
}

static void test_round_trip_of_train(void **state)
{
  static const char *const names[] = {"x2", "x0", "x3", "x1"};
  SnaFile                  file;
  SnaField                 train, field;
  SnaTt                    tt, copy;
  Sample                   s;
  PetscInt                 count, expected;
  char                     message[SNA_MAX_MESSAGE], text[64];

  (void)state;
  Make(4, 1, 1, 4, &s);
  MakeTrain(&s, &tt);
  Ok(SnaFieldCreateTT(4, s.basis, tt, &train));
  Store(train);

  Ok(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  Ok(SnaFileReadAttributeText(file, "/solution/field", "format", sizeof(text), text));
  assert_string_equal(text, "tensor_train");
  Ok(SnaFileReadAttributeText(file, "/solution/field", "directions", sizeof(text), text));
  assert_string_equal(text, "x0,x1,x2,x3");
  Ok(SnaFileReadAttributeText(file, "/solution/field", "order", sizeof(text), text));
  assert_string_equal(text, "x2,x0,x3,x1");
  for (int k = 0; k < 4; k++) { // the layout, read without SnaFieldRead
    char      name[64];
    int       ndim;
    PetscInt  dims[4], size;
    PetscBool marked;
    double   *numbers, value = -1;

    Ok(PetscSNPrintf(name, sizeof(name), "/solution/field/%s", names[k]));
    Ok(SnaFileReadArraySize(file, name, &ndim, dims));
    assert_true(ndim == 2 && dims[0] == tt->n[k] && dims[1] == tt->m[k]);
    size = dims[0] * dims[1];
    Ok(PetscMalloc1(size, &numbers));
    Ok(SnaFileReadArray(file, name, size, numbers));
    for (PetscInt i = 0; k == 1 && i < size; i++) assert_true(numbers[i] == (i / dims[1] == i % dims[1] ? 1 : 0));
    if (k != 1) assert_memory_equal(numbers, tt->leaf[k], (size_t)size * sizeof(double));
    Ok(PetscFree(numbers));
    Ok(SnaFileHasAttribute(file, name, "identity", &marked));
    assert_int_equal(marked, k == 1);
    if (marked) Ok(SnaFileReadAttributeReal(file, name, "identity", &value));
    if (marked) assert_true(value == 1);
    Ok(SnaFileReadAttributeReal(file, name, "degree", &value));
    assert_true(value == (double)s.info[tt->dir[k]].degree);
    Ok(PetscSNPrintf(name, sizeof(name), "/solution/field/core/%s", names[k]));
    Ok(SnaFileReadArraySize(file, name, &ndim, dims));
    assert_true(ndim == 3 && dims[0] == tt->m[k] && dims[1] == tt->r[k + 1] && dims[2] == tt->r[k]);
    size = dims[0] * dims[1] * dims[2];
    Ok(PetscMalloc1(size, &numbers));
    Ok(SnaFileReadArray(file, name, size, numbers));
    assert_memory_equal(numbers, tt->core[k], (size_t)size * sizeof(double));
    Ok(PetscFree(numbers));
  }
  Ok(SnaFieldRead(file, "/solution/field", 4, s.basis, &field));
  Ok(SnaFileClose(&file, message));
  assert_string_equal(message, "");
  assert_non_null(field);
  Ok(SnaFieldGetTT(field, &copy));
  assert_int_equal(copy->nd, 4);
  assert_memory_equal(copy->dir, tt->dir, 4 * sizeof(PetscInt));
  assert_memory_equal(copy->n, tt->n, 4 * sizeof(PetscInt));
  assert_memory_equal(copy->m, tt->m, 4 * sizeof(PetscInt));
  assert_memory_equal(copy->r, tt->r, 5 * sizeof(PetscInt));
  for (int k = 0; k < 4; k++) {
    assert_int_equal(copy->leaf[k] != NULL, k != 1);
    if (k != 1) assert_memory_equal(copy->leaf[k], tt->leaf[k], (size_t)(tt->n[k] * tt->m[k]) * sizeof(double));
    assert_memory_equal(copy->core[k], tt->core[k], (size_t)(tt->r[k] * tt->m[k] * tt->r[k + 1]) * sizeof(double));
  }
  Ok(SnaFieldGetParameterCount(field, &count));
  Ok(SnaTtGetParameterCount(tt, &expected));
  assert_int_equal(count, expected);
  for (int i = 0; i < 100; i++) {
    double        x[4], u, v, g[4], h[4];
    double *const gu[4] = {&g[0], &g[1], &g[2], &g[3]}, *const gv[4] = {&h[0], &h[1], &h[2], &h[3]};
    const double *point[4] = {&x[0], &x[1], &x[2], &x[3]};

    for (PetscInt d = 0; d < 4; d++)
      x[d] = s.info[d].lo + (s.info[d].hi - s.info[d].lo) * SnaRandomUniform(10, (uint64_t)d, (uint64_t)i);
    Ok(SnaFieldEvaluate(train, 1, point, &u, gu));
    Ok(SnaFieldEvaluate(field, 1, point, &v, gv));
    assert_memory_equal(&u, &v, sizeof(u));
    assert_memory_equal(g, h, sizeof(g));
  }
  Ok(SnaFieldDestroy(&field));
  Ok(SnaFieldDestroy(&train));
  Ok(SnaTtDestroy(&tt));
  Unmake(&s);
}

// Reads with `bases`; the refusal must hold `words`.
static void Refuse(const char group[], PetscInt nd, const SnaBasis bases[], const char words[])
{
  SnaFile  file;
  SnaField field = (SnaField)path; // must not survive
  char     message[SNA_MAX_MESSAGE];

  Ok(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  Ok(SnaFieldRead(file, group, nd, bases, &field));
  assert_null(field);
  Ok(SnaFileClose(&file, message));
  if (!strstr(message, words) || !strstr(message, path)) fail_msg("`%s` is not in `%s`", words, message);
}

static void RefuseOther(Sample *s, const SnaBasisInfo *other, const char words[])
{
  SnaBasis bases[2] = {s->basis[0], NULL};

  Ok(SnaBasisCreateBSpline(other->name, other->degree, other->cells, other->lo, other->hi,
    (PetscBool)(other->drop_first > 0), (PetscBool)(other->drop_last > 0), &bases[1]));
  Refuse("/solution/field", 2, bases, words);
  Ok(SnaBasisDestroy(&bases[1]));
}

static void test_other_basis(void **state)
{
  Sample       s;
  SnaBasisInfo other;

  (void)state;
  Make(2, 6, 3, 3, &s);
  Store(s.field);
  other      = s.info[1];
  other.name = "y";
  RefuseOther(&s, &other, "/solution/field: the directions are `x0,x1`, the problem has `x0,y`");
  other        = s.info[1];
  other.degree = 2;
  other.cells  = s.info[1].cells + 1; // as many functions as before
  RefuseOther(&s, &other, "/solution/field/x1: degree is 3, the problem has 2");
  other       = s.info[1];
  other.cells = 9;
  RefuseOther(&s, &other, "/solution/field/x1: resolution is 5, the problem has 9");
  other    = s.info[1];
  other.lo = other.lo * (1 + 1e-15);
  RefuseOther(&s, &other, "/solution/field/x1: lo is ");
  other    = s.info[1];
  other.hi = 2;
  RefuseOther(&s, &other, "/solution/field/x1: hi is 1.3");
  other            = s.info[1];
  other.drop_first = 0;
  RefuseOther(&s, &other, "/solution/field/x1: end_lo is `dirichlet`, the problem has `free`");
  other           = s.info[1];
  other.drop_last = 0;
  RefuseOther(&s, &other, "/solution/field/x1: end_hi is `dirichlet`, the problem has `free`");
  Refuse("/solution/field", 1, s.basis, "the directions are `x0,x1`, the problem has `x0`");
  Refuse("/solution/nothing", 2, s.basis, "/solution/nothing");
  Unmake(&s);
}

static void WriteBasis(SnaFile file, const char name[], const char family[], const SnaBasisInfo *i)
{
  Ok(SnaFileWriteAttributeText(file, name, "basis", family));
  Ok(SnaFileWriteAttributeReal(file, name, "degree", (double)i->degree));
  Ok(SnaFileWriteAttributeReal(file, name, "resolution", (double)i->resolution));
  Ok(SnaFileWriteAttributeReal(file, name, "lo", i->lo));
  Ok(SnaFileWriteAttributeReal(file, name, "hi", i->hi));
  Ok(SnaFileWriteAttributeText(file, name, "end_lo", i->drop_first ? "dirichlet" : "free"));
  Ok(SnaFileWriteAttributeText(file, name, "end_hi", i->drop_last ? "dirichlet" : "free"));
  Ok(SnaFileWriteAttributeReal(file, name, "robin_lo", 0));
  Ok(SnaFileWriteAttributeReal(file, name, "robin_hi", 0));
}

// Files that were not written by SnaFieldWrite.
static void test_foreign_file(void **state)
{
  static const char *const words[] = {"/f: unknown field format `splines`", "/f/x1: 3-dimensional",
    "/f/x1: 7 x 3 numbers, expected 6 x 3", "/f/x1: 6 x 2 numbers, expected 6 x 3",
    "/f/x1: entry 1,2 is not a finite number", "/f/x0: basis is `fourier`, the problem has `bspline`",
    "/f/x1: a field of an earlier version", "/f/x1: the field has given break points"};
  Sample                   s;

  (void)state;
  Make(2, 3, 3, 3, &s);
  for (int fault = 0; fault < (int)(sizeof(words) / sizeof(words[0])); fault++) {
    SnaFile file;
    char    message[SNA_MAX_MESSAGE];

    Ok(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
    for (int d = 0; d < 2; d++) {
      const SnaBasisInfo *i       = &s.info[d];
      PetscInt            dims[3] = {i->n, 3, 1};
      double              C[64]   = {0};
      const char         *name    = d ? "/f/x1" : "/f/x0";

      if (d == 1 && fault == 2) dims[0]++;
      if (d == 1 && fault == 3) dims[1]--;
      if (d == 1 && fault == 4) C[5] = (double)NAN;
      Ok(SnaFileWriteArray(file, name, d == 1 && fault == 1 ? 3 : 2, dims, C));
      WriteBasis(file, name, fault == 5 ? "fourier" : "bspline", i);
      if (d == 1 && fault == 6) Ok(SnaFileWriteAttributeReal(file, name, "drop_first", 1)); // as files once had
      if (d == 1 && fault == 7) Ok(SnaFileWriteArray(file, "/f/breakpoint/x1", 1, dims, C));
    }
    Ok(SnaFileWriteAttributeText(file, "/f", "format", fault == 0 ? "splines" : "cp"));
    Ok(SnaFileWriteAttributeText(file, "/f", "directions", "x0,x1"));
    Ok(SnaFileClose(&file, message));
    assert_string_equal(message, "");
    Refuse("/f", 2, s.basis, words[fault]);
  }
  Unmake(&s);
}

static void test_foreign_train(void **state)
{
  static const char *const words[] = {"attribute `order`",
    "/f: order `x1` does not hold each of the directions `x0,x1` once", "/f: order `x1,x1` does not hold",
    "/f: order `x1,x2` does not hold", "/f: order `x1,x0,x1` does not hold", "/f/x0: 6 x 2 numbers, expected 5 x 2",
    "/f/x0: 6 modes of 5 functions", "/f/x0: entry 1,0 is not a finite number",
    "/f/x0: marked as the identity, which it is not", "/f/x0: marked as the identity, which it is not", "/f/core/x0",
    "/f/core/x0: 2-dimensional", "/f/core/x0: 3 x 1 x 3 numbers, expected 2 x 1 x 3",
    "/f/core/x0: 2 x 1 x 4 numbers, expected 2 x 1 x 3", "/f/core/x0: 2 x 2 x 3 numbers, expected 2 x 1 x 3",
    "/f/core/x1: 2 x 3 x 2 numbers, expected 2 x 3 x 1", "/f/core/x0: entry 1,0,2 is not a finite number"};
  Sample                   s;

  (void)state;
  Make(2, 3, 3, 3, &s); // 5 and 6 functions; the train is x1 - 3 - x0
  for (int fault = 0; fault < (int)(sizeof(words) / sizeof(words[0])); fault++) {
    static const char *const orders[] = {NULL, "x1", "x1,x1", "x1,x2", "x1,x0,x1"};
    SnaFile                  file;
    char                     message[SNA_MAX_MESSAGE];

    Ok(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
    for (int d = 0; d < 2; d++) {
      const SnaBasisInfo *i       = &s.info[d];
      PetscInt            leaf[2] = {i->n, 2}, core[3] = {2, d == 0 ? 1 : 3, d == 0 ? 3 : 1};
      double              C[64] = {0};
      const char         *name  = d ? "/f/x1" : "/f/x0";

      if (d == 0 && fault == 5) leaf[0]++;
      if (d == 0 && fault == 6) leaf[1] = i->n + 1;
      if (d == 0 && fault == 7) C[2] = (double)NAN;
      if (d == 0 && fault == 9) leaf[1] = i->n; // square, but zero
      Ok(SnaFileWriteArray(file, name, 2, leaf, C));
      WriteBasis(file, name, "bspline", i);
      if (d == 0 && (fault == 8 || fault == 9)) Ok(SnaFileWriteAttributeReal(file, name, "identity", 1));
      if (d == 0 && fault == 10) continue;
      if (d == 0 && fault == 12) core[0]++;
      if (d == 0 && fault == 13) core[2]++;
      if (d == 0 && fault == 14) core[1]++;
      if (d == 1 && fault == 15) core[2]++;
      C[2] = 0;
      if (d == 0 && fault == 16) C[5] = (double)INFINITY;
      Ok(SnaFileWriteArray(file, d ? "/f/core/x1" : "/f/core/x0", d == 0 && fault == 11 ? 2 : 3, core, C));
    }
    Ok(SnaFileWriteAttributeText(file, "/f", "format", "tensor_train"));
    Ok(SnaFileWriteAttributeText(file, "/f", "directions", "x0,x1"));
    if (fault > 0) Ok(SnaFileWriteAttributeText(file, "/f", "order", fault < 5 ? orders[fault] : "x1,x0"));
    Ok(SnaFileClose(&file, message));
    assert_string_equal(message, "");
    Refuse("/f", 2, s.basis, words[fault]);
  }
  Unmake(&s);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_evaluate),
    cmocka_unit_test(test_polynomial),
    cmocka_unit_test(test_gradient_by_differences),
    cmocka_unit_test(test_boundary),
    cmocka_unit_test(test_not_a_number),
    cmocka_unit_test(test_marginals),
    cmocka_unit_test(test_factors),
    cmocka_unit_test_setup_teardown(test_round_trip, MakePath, RemovePath),
    cmocka_unit_test_setup_teardown(test_round_trip_of_train, MakePath, RemovePath),
    cmocka_unit_test_setup_teardown(test_other_basis, MakePath, RemovePath),
    cmocka_unit_test_setup_teardown(test_foreign_file, MakePath, RemovePath),
    cmocka_unit_test_setup_teardown(test_foreign_train, MakePath, RemovePath),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
