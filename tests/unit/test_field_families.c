// np: 1 2
// Fields and trains over every family of bases: values and gradients against plain loops over SnaBasisEvaluate() and SnaBasisGetIndex(), what a value may not
// depend on, masses of any bins, files, L2 projections between bases.
#include <sna/tt.h>
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

// ---------------------------------------------------------------------------------------------------------------------
// Bases
// ---------------------------------------------------------------------------------------------------------------------
static const double graded[] = {-1, -0.7, -0.5, -0.5, 0.1, 0.4, 0.75, 1.5};

#define END(x)                                                                                                         \
  {                                                                                                                    \
    SNA_END_##x, 0                                                                                                     \
  }
#define ROBIN(x)                                                                                                       \
  {                                                                                                                    \
    SNA_END_ROBIN, x                                                                                                   \
  }
#define SPLINE(p, c, lo, hi, a, b)                                                                                     \
  {                                                                                                                    \
    "bspline", p, c, lo, hi, {a, b}, 0, NULL                                                                           \
  }
#define MODES(f, m, lo, hi, a, b)                                                                                      \
  {                                                                                                                    \
    f, 0, m, lo, hi, {a, b}, 0, NULL                                                                                   \
  }
static const SnaBasisSpec specs[] = {
  SPLINE(3, 6, -0.5, 1, END(DIRICHLET), END(FREE)), // uniform, as all of a field and among others
  SPLINE(2, 7, 0, 2, END(CLAMPED), END(DIRICHLET)), SPLINE(5, 6, 0, 1, END(CLAMPED), END(CLAMPED)),
  SPLINE(3, 5, -1, 1, END(NEUMANN), ROBIN(2)), SPLINE(2, 6, 0, 3, END(PERIODIC), END(PERIODIC)),
  {"bspline", 3, 6, -1, 1.5, {END(FREE), END(NEUMANN)}, 8, graded},
  {"bspline", 1, 9, -1, 1.5, {END(DIRICHLET), END(FREE)}, 3, (const double[]){-1, 0, 1.5}},
  MODES("fourier", 7, 0, 2, END(PERIODIC), END(PERIODIC)), MODES("fourier", 70, -1, 1, END(DIRICHLET), END(DIRICHLET)),
  MODES("fourier", 5, 0, 1, END(NEUMANN), END(DIRICHLET)), MODES("chebyshev", 9, 0, 2, END(FREE), END(FREE)),
  MODES("chebyshev", 6, -1, 1, END(CLAMPED), END(NEUMANN)), MODES("legendre", 8, 0.5, 2, END(DIRICHLET), ROBIN(1.5)),
  MODES("legendre", 1, 0, 1, END(FREE), END(FREE)), // a constant
};
#define NSPEC ((PetscInt)(sizeof(specs) / sizeof(specs[0])))

typedef struct {
  PetscInt     nd, R;
  SnaBasis     basis[4];
  SnaBasisInfo info[4];
  double      *C[4];
  SnaTt        tt;
  SnaField     field[2]; // the same function: sum of products, train
} Sample;

// sum_r prod_d phi^d_r, and as a train with diagonal cores and the factors for leaves; where these are more than the functions, the core holds them.
static void Make(PetscInt nd, const PetscInt which[], PetscInt R, Sample *s)
{
  PetscInt  dir[4], n[4], m[4], r[5] = {1};
  PetscBool has_leaf[4];

  *s = (Sample){.nd = nd, .R = R};
  for (PetscInt d = 0; d < nd; d++) {
    char name[8];

    Ok(PetscSNPrintf(name, sizeof(name), "x%d", (int)d));
    Ok(SnaBasisCreate(name, &specs[which[d]], &s->basis[d]));
    Ok(SnaBasisGetInfo(s->basis[d], &s->info[d]));
    Ok(PetscMalloc1((size_t)(s->info[d].n * R), &s->C[d]));
    for (PetscInt k = 0; k < s->info[d].n * R; k++)
      s->C[d][k] =
        (2 * SnaRandomUniform(7, (uint64_t)(d + 5 * which[d]), (uint64_t)k) - 1) / (1 + 0.1 * (double)(k / R));
  }
  Ok(SnaFieldCreateCP(nd, s->basis, R, (const double *const *)s->C, &s->field[0]));
  for (PetscInt k = 0; k < nd; k++) {
    dir[k]      = (k + 1) % nd;
    n[k]        = s->info[dir[k]].n;
    has_leaf[k] = (PetscBool)(R <= n[k]);
    m[k]        = PetscMin(R, n[k]);
    r[k + 1]    = k + 1 < nd ? R : 1;
  }
  Ok(SnaTtCreate(nd, dir, n, m, r, has_leaf, &s->tt));
  for (PetscInt k = 0; k < nd; k++) {
    if (has_leaf[k]) Ok(PetscArraycpy(s->tt->leaf[k], s->C[dir[k]], n[k] * R));
    for (PetscInt j = 0; j < R; j++) {
      const PetscInt at = (k > 0 ? j : 0) + r[k] * (k + 1 < nd ? j : 0), size = r[k] * r[k + 1];

      if (has_leaf[k]) s->tt->core[k][at + size * j] = 1;
      for (PetscInt i = 0; !has_leaf[k] && i < n[k]; i++) s->tt->core[k][at + size * i] = s->C[dir[k]][i * R + j];
    }
  }
  Ok(SnaFieldCreateTT(nd, s->basis, s->tt, &s->field[1]));
}

static void Unmake(Sample *s)
{
  for (int format = 0; format < 2; format++) Ok(SnaFieldDestroy(&s->field[format]));
  Ok(SnaTtDestroy(&s->tt));
  for (PetscInt d = 0; d < s->nd; d++) {
    Ok(PetscFree(s->C[d]));
    Ok(SnaBasisDestroy(&s->basis[d]));
  }
}

// The definition, with the derivative in direction `derived`; *scale: the sum of absolute values.
static double Naive(const Sample *s, const double x[], PetscInt derived, double *scale)
{
  double u = 0;

  *scale = 0;
  for (PetscInt r = 0; r < s->R; r++) {
    double term = 1, size = 1;

    for (PetscInt d = 0; d < s->nd; d++) {
      const PetscInt local = s->info[d].local, *index;
      double         v[2 * 80], phi = 0, sum = 0;
      PetscInt       cell;

      Ok(SnaBasisEvaluate(s->basis[d], x[d], 1, &cell, v));
      Ok(SnaBasisGetIndex(s->basis[d], cell, &index));
      for (PetscInt a = 0; a < local; a++) {
        if (index[a] < 0) continue;
        phi += s->C[d][index[a] * s->R + r] * v[(derived == d ? local : 0) + a];
        sum +=
          fabs(s->C[d][index[a] * s->R + r]) * (derived == d ? 1e2 : 1) * (fabs(v[(derived == d ? local : 0) + a]) + 1);
      }
      term *= phi;
      size *= sum;
    }
    u += term;
    *scale += size;
  }
  return u;
}

static void Point(const Sample *s, PetscInt i, double x[])
{
  for (PetscInt d = 0; d < s->nd; d++) {
    x[d] = s->info[d].lo + (s->info[d].hi - s->info[d].lo) * SnaRandomUniform(8, (uint64_t)d, (uint64_t)i);
    if (i == 0) x[d] = s->info[d].lo;
    if (i == 1) x[d] = s->info[d].hi;
  }
}

// Values and gradients of both formats; the same bits without gradient, with a part of it, in other company; NaN in one coordinate spoils its point alone.
static void CheckValues(const Sample *s)
{
  enum { n = 700 };
  double *x[4], *grad[4], *h[4], *some[4] = {NULL}, *u, *v;

  Ok(PetscMalloc2(n, &u, n, &v));
  for (PetscInt d = 0; d < s->nd; d++) Ok(PetscMalloc3(n, &x[d], n, &grad[d], n, &h[d]));
  for (PetscInt i = 0; i < n; i++) {
    double point[4];

    Point(s, i, point);
    for (PetscInt d = 0; d < s->nd; d++) x[d][i] = point[d];
  }
  for (int format = 0; format < 2; format++) {
    Ok(SnaFieldEvaluate(s->field[format], n, (const double *const *)x, u, grad));
    for (PetscInt i = 0; i < n; i += i < 5 ? 1 : 23) {
      double point[4], scale, exact;

      for (PetscInt d = 0; d < s->nd; d++) point[d] = x[d][i];
      exact = Naive(s, point, -1, &scale);
      near(u[i], exact, 1e-14 * scale);
      for (PetscInt d = 0; d < s->nd; d++) {
        exact = Naive(s, point, d, &scale);
        near(grad[d][i], exact, 1e-14 * scale);
      }
    }
    Ok(SnaFieldEvaluate(s->field[format], n, (const double *const *)x, v, NULL));
    assert_memory_equal(u, v, n * sizeof(*u));
    some[s->nd - 1] = h[0];
    for (PetscInt length = 1; length <= 5; length++) {
      const double *part[4];
      PetscInt      begin = 60 + length;

      for (PetscInt d = 0; d < s->nd; d++) part[d] = x[d] + begin;
      Ok(SnaFieldEvaluate(s->field[format], length, part, v, some));
      assert_memory_equal(v, u + begin, (size_t)length * sizeof(*u));
      assert_memory_equal(h[0], grad[s->nd - 1] + begin, (size_t)length * sizeof(*u));
    }
    for (PetscInt d = 0; d < s->nd; d++) {
      const double kept = x[d][3];

      x[d][3] = (double)NAN;
      Ok(SnaFieldEvaluate(s->field[format], 9, (const double *const *)x, v, h));
      x[d][3] = kept;
      for (int i = 0; i < 9; i++) {
        if (i == 3)
          assert_true(isnan(v[i]) && isnan(h[d][i]));
        else
          assert_memory_equal(&v[i], &u[i], sizeof(*u));
      }
    }
  }
  for (PetscInt d = 0; d < s->nd; d++) Ok(PetscFree3(x[d], grad[d], h[d]));
  Ok(PetscFree2(u, v));
}

static void CheckGradient(const Sample *s)
{
  for (PetscInt i = 2; i < 8; i++) {
    double        x[4], moved[4], u, right, left, g[4], scale;
    double *const grad[4] = {&g[0], &g[1], &g[2], &g[3]};
    const double *p[4] = {&x[0], &x[1], &x[2], &x[3]}, *q[4] = {&moved[0], &moved[1], &moved[2], &moved[3]};

    Point(s, i, x);
    for (int format = 0; format < 2; format++) {
      Ok(SnaFieldEvaluate(s->field[format], 1, p, &u, grad));
      for (PetscInt d = 0; d < s->nd; d++) {
        (void)Naive(s, x, d, &scale);
        memcpy(moved, x, sizeof(x));
        moved[d] = x[d] + 1e-6;
        Ok(SnaFieldEvaluate(s->field[format], 1, q, &right, NULL));
        moved[d] = x[d] - 1e-6;
        Ok(SnaFieldEvaluate(s->field[format], 1, q, &left, NULL));
        near(g[d], (right - left) / 2e-6, 1e-7 * scale);
      }
    }
  }
}

// Masses of bins that are not the cells, against tensor quadrature of 2 directions; their sum is ||u||^2.
static void CheckMarginals(const Sample *s)
{
  SnaTtSpace space;
  double     square, mass[13], sum;

  Ok(SnaTtSpaceCreate(s->nd, s->basis, &space));
  Ok(SnaTtInner(space, s->tt, s->tt, &square));
  for (PetscInt d = 0; d < s->nd; d++) {
    for (int format = 0; format < 2; format++) {
      double once[1];

      Ok(SnaFieldMarginal(s->field[format], d, 1, once));
      near(once[0], square, 1e-12 * square);
      Ok(SnaFieldMarginal(s->field[format], d, 13, mass));
      sum = 0;
      for (int c = 0; c < 13; c++) sum += mass[c];
      near(sum, square, 1e-12 * square);
    }
  }
  if (s->nd ==
      2) { // bin by bin: Gauss on sixths of a bin's pieces between its neighbours' cells, where splines are smooth
    double        node[40], weight[40], brute[13] = {0};
    SnaTabulation t;

    Ok(SnaGaussLegendre(40, node, weight));
    Ok(SnaTabulationCreate(s->basis[1], s->info[1].points, 0, &t));
    Ok(SnaFieldMarginal(s->field[0], 0, 13, mass));
    for (PetscInt c = 0; c < 13; c++) {
      const double h = (s->info[0].hi - s->info[0].lo) / 13, lo = s->info[0].lo + h * (double)c;
      double       edge[128];
      PetscInt     nedge = 0;

      edge[nedge++] = lo;
      for (PetscInt k = 1; k < s->info[0].cells; k++) {
        const double start = SnaBasisCellStart(s->basis[0], k);

        if (start > lo && start < lo + h) edge[nedge++] = start;
      }
      edge[nedge] = lo + h;
      for (PetscInt e = 0; e < nedge; e++) {
        for (int g = 0; g < 40; g++) {
          const double width = edge[e + 1] - edge[e];

          for (PetscInt q = 0; q < t.nq; q++) {
            const double x[2] = {edge[e] + 0.5 * width * (1 + node[g]), t.x[q]};
            double       scale;

            brute[c] += 0.5 * width * weight[g] * t.w[q] * PetscSqr(Naive(s, x, -1, &scale));
          }
        }
      }
      near(mass[c], brute[c], 1e-12 * square);
    }
    Ok(SnaTabulationDestroy(&t));
  }
  Ok(SnaTtSpaceDestroy(&space));
}

static void test_values(void **state)
{
  (void)state;
  for (PetscInt f = 0; f < NSPEC; f++) {
    for (PetscInt R = 3; R <= 11; R += 8) { // fewer and more modes than functions live at a point
      Sample s;

      Make(3, (const PetscInt[]){f, 0, (f + 3) % NSPEC}, R, &s);
      CheckValues(&s);
      if (R == 3) CheckGradient(&s);
      Unmake(&s);
    }
  }
}

static void test_marginals(void **state)
{
  (void)state;
  for (PetscInt f = 0; f < NSPEC; f++) {
    Sample s;

    if (specs[f].resolution > 20) continue;
    Make(2, (const PetscInt[]){f, (f + 4) % 8 == 8 ? 0 : (f + 4) % 8}, 3, &s);
    CheckMarginals(&s);
    Unmake(&s);
    Make(3, (const PetscInt[]){1, f, (f + 6) % NSPEC}, 4, &s);
    CheckMarginals(&s);
    Unmake(&s);
  }
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

    (void)snprintf(dir, sizeof(dir), "%s/test_families.XXXXXX", base ? base : "/tmp");
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
    return rmdir(path);
  }
  return 0;
}

// Reads with direction x1 replaced by `other`; the refusal must hold `words` (NULL: none, and the same bits).
static void ReadWith(const Sample *s, int format, const SnaBasisSpec *other, const char words[])
{
  SnaBasis bases[3] = {s->basis[0], s->basis[1], s->basis[2]};
  SnaField field;
  SnaFile  file;
  char     message[SNA_MAX_MESSAGE];

  if (other) Ok(SnaBasisCreate("x1", other, &bases[1]));
  Ok(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  Ok(SnaFieldRead(file, "/field", 3, bases, &field));
  Ok(SnaFileClose(&file, message));
  if (words) {
    assert_null(field);
    if (!strstr(message, words)) fail_msg("`%s` is not in `%s`", words, message);
  } else {
    double        x[3], u, v, g[3], h[3];
    double *const gu[3] = {&g[0], &g[1], &g[2]}, *const gv[3] = {&h[0], &h[1], &h[2]};
    const double *p[3] = {&x[0], &x[1], &x[2]};

    assert_string_equal(message, "");
    assert_non_null(field);
    for (PetscInt i = 0; i < 20; i++) {
      Point(s, i, x);
      Ok(SnaFieldEvaluate(s->field[format], 1, p, &u, gu));
      Ok(SnaFieldEvaluate(field, 1, p, &v, gv));
      assert_memory_equal(&u, &v, sizeof(u));
      assert_memory_equal(g, h, sizeof(g));
    }
  }
  Ok(SnaFieldDestroy(&field));
  if (other) Ok(SnaBasisDestroy(&bases[1]));
}

static void Store(SnaField field)
{
  SnaFile file;
  char    message[SNA_MAX_MESSAGE];

  Ok(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  Ok(SnaFieldWrite(field, file, "/field"));
  Ok(SnaFileClose(&file, message));
  assert_string_equal(message, "");
}

static void test_files(void **state)
{
  (void)state;
  for (PetscInt f = 0; f < NSPEC; f++) {
    Sample s;

    Make(3, (const PetscInt[]){(f + 5) % NSPEC, f, 5}, 3, &s);
    for (int format = 0; format < 2; format++) {
      SnaBasisSpec other = specs[f];
      double       moved[8];

      Store(s.field[format]);
      ReadWith(&s, format, NULL, NULL);
      other.resolution++;
      ReadWith(&s, format, &other, "/field/x1: resolution is ");
      other = specs[f];
      if (other.nbreak > 0) {
        memcpy(moved, other.breakpoint, (size_t)other.nbreak * sizeof(double));
        moved[1] += 1e-15;
        other.breakpoint = moved;
        ReadWith(&s, format, &other, "/field/breakpoint/x1: break point 1 is ");
        other.nbreak = 0;
        ReadWith(&s, format, &other, "/field/x1: the field has given break points, the problem has none");
      }
      other = specs[f];
      if (strcmp(other.family, "legendre") == 0) {
        other.family = "chebyshev";
        ReadWith(&s, format, &other, "/field/x1: basis is `legendre`, the problem has `chebyshev`");
      }
      other = specs[f];
      if (other.end[1].kind == SNA_END_ROBIN) {
        other.end[1].robin *= 1 + 1e-15;
        ReadWith(&s, format, &other, "/field/x1: robin_hi is ");
      }
      other = specs[f];
      if (other.end[0].kind == SNA_END_CLAMPED) {
        other.end[0].kind = SNA_END_DIRICHLET;
        ReadWith(&s, format, &other, "/field/x1: end_lo is `clamped`, the problem has `dirichlet`");
      }
    }
    Unmake(&s);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Projections
// ---------------------------------------------------------------------------------------------------------------------
static double Value(SnaBasis const bases[], SnaTt tt, const double x[])
{
  SnaField      field;
  double        u;
  const double *p[4] = {&x[0], &x[1], &x[2], &x[3]};

  Ok(SnaFieldCreateTT(tt->nd, bases, tt, &field));
  Ok(SnaFieldEvaluate(field, 1, p, &u, NULL));
  Ok(SnaFieldDestroy(&field));
  return u;
}

// More modes, and splines on twice the cells, hold the same function; and back. (Twice the cells of a grading halve each of its cells.)
static void test_prolong(void **state)
{
  (void)state;
  for (PetscInt f = 0; f < NSPEC; f++) {
    Sample     s;
    SnaBasis   fine[2];
    SnaTtSpace from, to;
    SnaTt      a, b, c;
    double     norm2, size;

    if (specs[f].nbreak == 3) continue; // 9 cells on 2: no halves
    Make(2, (const PetscInt[]){f, 0}, 3, &s);
    Ok(
      SnaBasisCreateLike(s.basis[0], s.info[0].degree ? 2 * s.info[0].resolution : s.info[0].resolution + 3, &fine[0]));
    Ok(SnaBasisCreateLike(s.basis[1], 3 * s.info[1].resolution, &fine[1]));
    Ok(SnaTtSpaceCreate(2, s.basis, &from));
    Ok(SnaTtSpaceCreate(2, fine, &to));
    Ok(SnaTtInner(from, s.tt, s.tt, &norm2));
    size = sqrt(norm2);
    Ok(SnaTtDuplicate(s.tt, &a));
    Ok(SnaTtOrthonormalise(from, a, 0));
    Ok(SnaTtProlong(from, to, a, 0, &b));
    Ok(SnaTtInner(to, b, b, &norm2));
    near(sqrt(norm2), size, 1e-12 * size);
    Ok(SnaTtProlong(to, from, b, 1, &c));
    for (PetscInt i = 0; i < 10; i++) {
      double x[4], scale, exact;

      Point(&s, i, x);
      exact = Naive(&s, x, -1, &scale);
      near(Value(fine, b, x), exact, 1e-11 * scale);
      near(Value(s.basis, c, x), exact, 1e-11 * scale);
    }
    Ok(SnaTtDestroy(&a));
    Ok(SnaTtDestroy(&b));
    Ok(SnaTtDestroy(&c));
    Ok(SnaTtSpaceDestroy(&from));
    Ok(SnaTtSpaceDestroy(&to));
    for (int d = 0; d < 2; d++) Ok(SnaBasisDestroy(&fine[d]));
    Unmake(&s);
  }
}

// Orthonormal modes that come one after the other: what three quarters and half of them leave are root sums of squares of coefficients.
static void test_resolution_of_modes(void **state)
{
  const SnaBasisSpec spec[3] = {MODES("fourier", 13, 0, 2, END(PERIODIC), END(PERIODIC)),
    MODES("chebyshev", 10, 0, 1, END(DIRICHLET), ROBIN(1)), MODES("legendre", 3, 0, 1, END(FREE), END(FREE))};

  (void)state;
  for (int f = 0; f < 3; f++) {
    const PetscInt dir[1] = {0}, one[2] = {1, 1}, N = spec[f].resolution, n[1] = {N};
    SnaBasis       basis;
    SnaTtSpace     space;
    SnaTt          tt;
    PetscInt       halved[1];
    double         error[1], quarter[1], tail[2] = {0};

    Ok(SnaBasisCreate("x", &spec[f], &basis));
    Ok(SnaTtSpaceCreate(1, &basis, &space));
    Ok(SnaTtCreate(1, dir, n, one, one, NULL, &tt));
    tt->core[0][0] = 2;
    for (PetscInt i = 0; i < N; i++) {
      tt->leaf[0][i] = pow(0.2, (double)i);
      if (i >= 3 * N / 4) tail[0] += 4 * pow(0.2, 2 * (double)i);
      if (i >= N / 2) tail[1] += 4 * pow(0.2, 2 * (double)i);
    }
    Ok(SnaTtOrthonormalise(space, tt, 0));
    Ok(SnaTtSplineError(space, tt, 0, halved, error, quarter));
    if (N < 4) {
      assert_true(halved[0] == 0 && error[0] == 0 && quarter[0] < 0);
    } else {
      assert_int_equal(halved[0], 3 * N / 4);
      near(error[0], sqrt(tail[0]), 1e-9 * error[0] + 1e-15);
      near(quarter[0], sqrt(tail[1]), 1e-10 * quarter[0] + 1e-15);
    }
    Ok(SnaTtDestroy(&tt));
    Ok(SnaTtSpaceDestroy(&space));
    Ok(SnaBasisDestroy(&basis));
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_marginals),
    cmocka_unit_test_setup_teardown(test_files, MakePath, RemovePath),
    cmocka_unit_test(test_prolong),
    cmocka_unit_test(test_resolution_of_modes),
  };
  int failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() ? 1 : failed;
}
