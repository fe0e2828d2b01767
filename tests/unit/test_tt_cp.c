// np: 1 2 timeout: 60
// CP to tensor train and back: products of 1 and x against integrals, exact recovery, the best approximation of a matrix (Eckart and Young), the reported
// distance against another evaluation, degenerate input, equal bits on 1 and 2 ranks.
#include <sna/tt.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

#define MAX_ND 6

typedef struct {
  PetscInt   nd, n[MAX_ND];
  double     lo[MAX_ND], hi[MAX_ND];
  SnaBasis   basis[MAX_ND];
  SnaTtSpace space;
} Box;

// Direction d is [-d/4, 1 + d/2], of degree 3 on 6 + d cells, nothing dropped: it holds 1 and x exactly.
static void CreateBox(PetscInt nd, Box *box)
{
  *box = (Box){.nd = nd};
  for (PetscInt d = 0; d < nd; d++) {
    box->lo[d] = -0.25 * (double)d;
    box->hi[d] = 1 + 0.5 * (double)d;
    box->n[d]  = 6 + d + 3;
    Ok(SnaBasisCreateBSpline("x", 3, 6 + d, box->lo[d], box->hi[d], PETSC_FALSE, PETSC_FALSE, &box->basis[d]));
  }
  Ok(SnaTtSpaceCreate(nd, box->basis, &box->space));
}

static void DestroyBox(Box *box)
{
  Ok(SnaTtSpaceDestroy(&box->space));
  for (PetscInt d = 0; d < box->nd; d++) Ok(SnaBasisDestroy(&box->basis[d]));
}

static double Random(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0 - 0.5;
}

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static void RandomFactors(const Box *box, PetscInt R, uint64_t seed, double *C[])
{
  for (PetscInt d = 0; d < box->nd; d++) {
    Ok(PetscMalloc1((size_t)(box->n[d] * R), &C[d]));
    for (PetscInt i = 0; i < box->n[d] * R; i++) C[d][i] = Random(&seed);
  }
}

static void FreeFactors(const Box *box, double *C[])
{
  for (PetscInt d = 0; d < box->nd; d++) Ok(PetscFree(C[d]));
}

static void FromCP(const Box *box, const PetscInt dir[], PetscInt R, double *const C[], SnaTt *tt)
{
  Ok(SnaTtFromCP(box->space, dir, R, (const double *const *)C, tt));
}

static double Norm(const Box *box, SnaTt tt)
{
  double norm2;

  Ok(SnaTtInner(box->space, tt, tt, &norm2));
  return sqrt(norm2);
}

// ||tt - CP|| / ||tt||, the CP being made a train.
static double Distance(const Box *box, SnaTt tt, PetscInt R, double *const C[])
{
  double distance;
  SnaTt  cp;

  FromCP(box, tt->dir, R, C, &cp);
  Ok(SnaTtDistance(box->space, tt, cp, &distance));
  Ok(SnaTtDestroy(&cp));
  return distance / Norm(box, tt);
}

static void ToCP(const Box *box, SnaTt tt, PetscInt R, uint64_t seed, double *C[], double *error)
{
  const SnaTtToCPOptions options = {.rank = R, .sweeps = 40, .rtol = 1e-3, .seed = seed};
  Ok(SnaTtToCP(PETSC_COMM_WORLD, box->space, tt, &options, C, error));
}

static void ReverseOrder(PetscInt nd, PetscInt dir[])
{
  for (PetscInt k = 0; k < nd; k++) dir[k] = nd - 1 - k;
}

// Columns of 1 and x and sums of them, a[d][r] + b[d][r] x_d. Coefficients of x are the Greville abscissae (de Boor, ch. IX: Marsden's identity).
static void LinearFactors(const Box *box, PetscInt R, const double *a, const double *b, double *C[])
{
  for (PetscInt d = 0; d < box->nd; d++) {
    const PetscInt cells = box->n[d] - 3;
    Ok(PetscMalloc1((size_t)(box->n[d] * R), &C[d]));
    for (PetscInt i = 0; i < box->n[d]; i++) {
      double knots = 0;
      for (PetscInt j = i - 2; j <= i; j++) knots += (double)PetscMin(cells, PetscMax(0, j)) / (double)cells / 3;
      for (PetscInt r = 0; r < R; r++)
        C[d][i * R + r] = a[d * R + r] + b[d * R + r] * (box->lo[d] + (box->hi[d] - box->lo[d]) * knots);
    }
  }
}

// int (a + b x)(a' + b' x)
static double Integral(const Box *box, PetscInt d, double a, double b, double a1, double b1)
{
  const double lo = box->lo[d], hi = box->hi[d];
  return a * a1 * (hi - lo) + (a * b1 + a1 * b) * (hi * hi - lo * lo) / 2 + b * b1 * (hi * hi * hi - lo * lo * lo) / 3;
}

static void test_inner_products(void **state)
{
  const PetscInt nds[] = {1, 2, 3, 6}, R = 5;
  uint64_t       seed = 11;
  (void)state;

  for (size_t i = 0; i < 4; i++) {
    const PetscInt nd          = nds[i];
    PetscInt       dir[MAX_ND] = {2, 0, 5, 1, 4, 3};
    double         a[MAX_ND * 5], b[MAX_ND * 5], *C[MAX_ND], *C1[MAX_ND], uu = 0, uv = 0, inner;
    SnaTt          u, v;
    Box            box;

    CreateBox(nd, &box);
    if (nd < 6) ReverseOrder(nd, dir);
    for (PetscInt j = 0; j < nd * R; j++) {
      a[j] = Random(&seed);
      b[j] = Random(&seed);
    }
    for (PetscInt d = 0; d < nd; d++) { // a column that is another's copy, and one that is zero
      a[d * R + 1] = a[d * R];
      b[d * R + 1] = b[d * R];
    }
    a[3] = b[3] = 0;
    LinearFactors(&box, R, a, b, C);
    LinearFactors(&box, 2, (double[2 * MAX_ND]){1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0},
      (double[2 * MAX_ND]){0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, C1); // 1 + product of all x
    FromCP(&box, dir, R, C, &u);
    FromCP(&box, dir, 2, C1, &v);
    for (PetscInt r = 0; r < R; r++) {
      double one = 1, x = 1;
      for (PetscInt d = 0; d < nd; d++) {
        one *= Integral(&box, d, a[d * R + r], b[d * R + r], 1, 0);
        x *= Integral(&box, d, a[d * R + r], b[d * R + r], 0, 1);
      }
      uv += one + x;
      for (PetscInt s = 0; s < R; s++) {
        double product = 1;
        for (PetscInt d = 0; d < nd; d++)
          product *= Integral(&box, d, a[d * R + r], b[d * R + r], a[d * R + s], b[d * R + s]);
        uu += product;
      }
    }
    Ok(SnaTtInner(box.space, u, u, &inner));
    Near(inner / uu, 1, 1e-13);
    Ok(SnaTtInner(box.space, u, v, &inner));
    Near(inner, uv, 1e-13 * (sqrt(uu) * Norm(&box, v)));
    for (PetscInt k = 0; k < nd; k++) {
      assert_int_equal(u->dir[k], dir[k]);
      assert_in_range(u->m[k], 1, 2); // 1 and x
    }
    inner = 0; // orthonormal with centre 0
    for (PetscInt j = 0; j < u->m[0] * u->r[1]; j++) inner += u->core[0][j] * u->core[0][j];
    Near(inner / uu, 1, 1e-13);
    Ok(SnaTtDestroy(&u));
    Ok(SnaTtDestroy(&v));
    FreeFactors(&box, C);
    FreeFactors(&box, C1);
    DestroyBox(&box);
  }
}

// Columns whose norms are far apart in each direction but not as products, and more of them than any core can hold.
static void test_many_columns(void **state)
{
  const PetscInt R = 200, dir[4] = {1, 3, 0, 2};
  double        *C[MAX_ND], *sum[MAX_ND];
  SnaTt          u, v;
  Box            box;
  (void)state;

  CreateBox(4, &box);
  RandomFactors(&box, R, 3, C);
  RandomFactors(&box, 2, 4, sum);
  for (PetscInt r = 0; r < R; r++) { // all columns of a half are the same product: R/2 times it
    const double scale = pow(10, (double)(r % 30) - 15);
    for (PetscInt d = 0; d < 4; d++) {
      for (PetscInt i = 0; i < box.n[d]; i++) {
        double value = sum[d][i * 2 + r % 2];
        if (d == 0) value *= scale;
        if (d == 3) value /= scale;
        C[d][i * R + r] = value;
      }
    }
  }
  for (PetscInt i = 0; i < 2 * box.n[1]; i++) sum[1][i] *= (double)R / 2;
  FromCP(&box, dir, R, C, &u);
  FromCP(&box, dir, 2, sum, &v);
  {
    double distance;
    Ok(SnaTtDistance(box.space, u, v, &distance));
    Near(distance, 0, 1e-7 * Norm(&box, v));
  }
  for (PetscInt k = 0; k < 4; k++) assert_in_range(u->m[k], 1, 2);
  Ok(SnaTtDestroy(&u));
  Ok(SnaTtDestroy(&v));
  FreeFactors(&box, C);
  FreeFactors(&box, sum);
  // random columns: nothing is null
  RandomFactors(&box, R, 5, C);
  FromCP(&box, dir, R, C, &u);
  assert_int_equal(u->m[1], box.n[3]);
  {
    double  product = 0, norm = Norm(&box, u);
    double *MC;
    Ok(PetscMalloc1((size_t)(R * R), &MC));
    for (PetscInt j = 0; j < R * R; j++) MC[j] = 1;
    for (PetscInt d = 0; d < 4; d++) { // sum of the products of Gram matrices
      for (PetscInt r = 0; r < R; r++) {
        for (PetscInt s = 0; s < R; s++) {
          double gram = 0;
          for (PetscInt i = 0; i < box.n[d]; i++) {
            for (PetscInt j = PetscMax(0, i - 3); j < PetscMin(box.n[d], i + 4); j++)
              gram += C[d][i * R + r] * box.space->mass[d][i * 7 + j - i + 3] * C[d][j * R + s];
          }
          MC[r * R + s] *= gram;
        }
      }
    }
    for (PetscInt j = 0; j < R * R; j++) product += MC[j];
    Near(norm / sqrt(product), 1, 1e-12);
    Ok(PetscFree(MC));
  }
  Ok(SnaTtDestroy(&u));
  FreeFactors(&box, C);
  DestroyBox(&box);
}

static void test_recovery(void **state)
{
  const PetscInt nds[] = {1, 2, 3, 6};
  (void)state;

  for (size_t i = 0; i < 4; i++) {
    PetscInt dir[MAX_ND];
    double  *C[MAX_ND], *D[MAX_ND], error, distance;
    SnaTt    tt;
    Box      box;

    CreateBox(nds[i], &box);
    ReverseOrder(nds[i], dir);
    RandomFactors(&box, 3, 7, C);
    FromCP(&box, dir, 3, C, &tt);
    ToCP(&box, tt, 3, 1, D, &error);
    distance = Distance(&box, tt, 3, D);
    Near(distance, 0, 1e-6);
    Near(error, distance, 2e-7);
    FreeFactors(&box, D);
    ToCP(&box, tt, 40, 1, D,
      &error); // more columns than needed, and than modes: the train is there early, the rest is zero
    Near(error, 0, 1e-6);
    Near(Distance(&box, tt, 40, D), 0, 1e-6);
    FreeFactors(&box, D);
    FreeFactors(&box, C);
    Ok(SnaTtDestroy(&tt));
    DestroyBox(&box);
  }
}

// Two directions: the nearest CP of rank R is the truncated SVD, its distance the root of the sum of the other singular values' squares.
static void test_best_matrix(void **state)
{
  const PetscInt dir[2] = {0, 1}, m = 9;
  double        *C[MAX_ND], all = 0, tail = 0, error;
  SnaTt          q, tt;
  Box            box;
  (void)state;

  CreateBox(2, &box);
  Ok(SnaTtCreateRandom(box.space, dir, m, m, 5, &q)); // for its orthonormal leaves
  for (PetscInt k = 0; k < 2; k++) {
    assert_int_equal(q->m[k], m);
    Ok(PetscMalloc1((size_t)(box.n[k] * m), &C[k]));
    for (PetscInt i = 0; i < box.n[k] * m; i++) C[k][i] = q->leaf[k][i] * (k == 0 ? pow(0.5, (double)(i % m)) : 1);
  }
  FromCP(&box, dir, m, C, &tt);
  FreeFactors(&box, C);
  for (PetscInt i = 0; i < m; i++) all += pow(0.25, (double)i);
  for (PetscInt R = m; R >= 1; R -= 2) {
    ToCP(&box, tt, R, 1, C, &error);
    Near(error, sqrt(tail / all), 1e-6);
    Near(Distance(&box, tt, R, C), sqrt(tail / all), 1e-6);
    FreeFactors(&box, C);
    tail += pow(0.25, (double)(R - 1)) + pow(0.25, (double)(R - 2));
  }
  Ok(SnaTtDestroy(&tt));
  Ok(SnaTtDestroy(&q));
  DestroyBox(&box);
}

static void CreateRandomTrain(const Box *box, SnaTt *tt)
{
  const PetscInt dir[MAX_ND] = {3, 1, 0, 2};
  Ok(SnaTtCreateRandom(box->space, dir, 5, 6, 9, tt));
  for (PetscInt j = 0; j < (*tt)->m[0] * (*tt)->r[1]; j++) (*tt)->core[0][j] *= 1e-3; // a norm that is not 1
}

static void test_reported_error(void **state)
{
  double *C[MAX_ND], error, last = 1;
  SnaTt   tt;
  Box     box;
  (void)state;

  CreateBox(4, &box);
  CreateRandomTrain(&box, &tt);
  for (PetscInt R = 1; R <= 30; R = 2 * R + 1) { // 1, 3, 7, 15: below the rank of the train
    ToCP(&box, tt, R, 2, C, &error);
    assert_true(error < last && error > 1e-3);
    Near(Distance(&box, tt, R, C) / error, 1, 1e-7);
    last = error;
    FreeFactors(&box, C);
  }
  Ok(SnaTtDestroy(&tt));
  DestroyBox(&box);
}

static void test_zero(void **state)
{
  const PetscInt dir[3] = {1, 0, 2}, R = 12;
  double        *C[MAX_ND], *D[MAX_ND], error;
  SnaTt          tt;
  Box            box;
  (void)state;

  CreateBox(3, &box);
  RandomFactors(&box, R, 1, C);
  Ok(PetscArrayzero(C[1], box.n[1] * R));
  FromCP(&box, dir, R, C, &tt);
  Near(Norm(&box, tt), 0, 0);
  ToCP(&box, tt, R, 1, D, &error);
  assert_true(error == 0);
  for (PetscInt d = 0; d < 3; d++)
    for (PetscInt i = 0; i < box.n[d] * R; i++) assert_true(D[d][i] == 0);
  Ok(SnaTtDestroy(&tt));
  FreeFactors(&box, C);
  FreeFactors(&box, D);
  DestroyBox(&box);
}

static PetscBool Same(const Box *box, PetscInt R, double *const C[], double *const D[])
{
  PetscBool same = PETSC_TRUE;

  for (PetscInt d = 0; d < box->nd && same; d++)
    same = (PetscBool)(memcmp(C[d], D[d], sizeof(double) * (size_t)(box->n[d] * R)) == 0);
  return same;
}

// Alone and on all ranks; at 20 columns every rank does all of the work, at 100 each its share.
static void test_ranks_and_seeds(void **state)
{
  SnaTt tt;
  Box   box;
  (void)state;

  CreateBox(4, &box);
  CreateRandomTrain(&box, &tt);
  for (PetscInt R = 20; R <= 100; R += 80) {
    const SnaTtToCPOptions options = {.rank = R, .sweeps = 4, .rtol = 1e-4, .seed = 2}, other = {R, 4, 1e-4, 3};
    double                *C[MAX_ND], *D[MAX_ND], *E[MAX_ND], error[3];

    Ok(SnaTtToCP(PETSC_COMM_WORLD, box.space, tt, &options, C, &error[0]));
    Ok(SnaTtToCP(PETSC_COMM_SELF, box.space, tt, &options, D, &error[1]));
    Ok(SnaTtToCP(PETSC_COMM_SELF, box.space, tt, &other, E, &error[2]));
    assert_true(Same(&box, R, C, D));
    assert_true(error[0] == error[1]);
    assert_false(Same(&box, R, C, E));
    FreeFactors(&box, C);
    FreeFactors(&box, D);
    FreeFactors(&box, E);
  }
  Ok(SnaTtDestroy(&tt));
  DestroyBox(&box);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_inner_products),
    cmocka_unit_test(test_many_columns),
    cmocka_unit_test(test_recovery),
    cmocka_unit_test(test_best_matrix),
    cmocka_unit_test(test_reported_error),
    cmocka_unit_test(test_zero),
    cmocka_unit_test(test_ranks_and_seeds),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
