// np: 1 2
// Sums of Kronecker products: the two-ended block-band Cholesky, product, diagonal and assembled forms against dense
// linear algebra.
#include <sna/solve.h>
#include <petscblaslapack.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define TERMS    6
#define Ok(call) assert_int_equal(call, 0)

// A symmetric positive definite sum whose single terms are not symmetric, except the first: (M,W), (M1,W1),
// (M1^T,W1^T), ...; the last term is zero until a test needs it.
typedef struct {
  PetscInt n, p, m, ldw;
  double  *M[TERMS], *W[TERMS];
} Problem;

static PetscMPIInt Size(void)
{
  PetscMPIInt size;

  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  return size;
}

static double Random(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0 - 0.5;
}

static double *BandEntry(Problem *P, int k, PetscInt i, PetscInt j)
{
  return P->M[k] + i * (2 * P->p + 1) + j - i + P->p;
}

static void CreateProblem(PetscInt n, PetscInt p, PetscInt m, Problem *P)
{
  uint64_t seed = (uint64_t)(n + 100 * p + 10000 * m);

  P->n   = n;
  P->p   = p;
  P->m   = m;
  P->ldw = m + 3;
  for (int k = 0; k < TERMS; k++) {
    Ok(PetscCalloc2(n * (size_t)(2 * p + 1), &P->M[k], m * (size_t)P->ldw, &P->W[k]));
    for (PetscInt r = 0; r < m; r++) {
      for (PetscInt s = m; s < P->ldw; s++) P->W[k][r * P->ldw + s] = NAN; // behind the rows: never to be read
    }
  }
  for (int k = 0; k < TERMS - 1; k += k == 0 ? 1 : 2) {
    for (PetscInt i = 0; i < n; i++) {
      for (PetscInt j = PetscMax(0, i - p); j <= PetscMin(n - 1, i + p); j++) {
        const double v = Random(&seed) / (1.0 + (double)p);
        if (k > 0)
          *BandEntry(P, k, i, j) = *BandEntry(P, k + 1, j, i) = v;
        else if (j <= i)
          *BandEntry(P, 0, i, j) = *BandEntry(P, 0, j, i) = i == j ? 2 : v;
      }
    }
    for (PetscInt r = 0; r < m; r++) {
      for (PetscInt s = 0; s < m; s++) {
        const double v = Random(&seed) / (double)m;
        if (k > 0)
          P->W[k][r * P->ldw + s] = P->W[k + 1][s * P->ldw + r] = v;
        else if (s <= r)
          P->W[0][r * P->ldw + s] = P->W[0][s * P->ldw + r] = r == s ? 2 : v;
      }
    }
  }
}

static void DestroyProblem(Problem *P)
{
  for (int k = 0; k < TERMS; k++) Ok(PetscFree2(P->M[k], P->W[k]));
}

static void SetTerms(SnaKron A, Problem *P, double shift)
{
  Ok(SnaKronSetTerms(A, TERMS, (const double *const *)P->M, (const double *const *)P->W, P->ldw, shift));
}

static double *RightHandSide(Problem *P)
{
  uint64_t seed = 77;
  double  *b;

  Ok(PetscMalloc1(P->n * (size_t)P->m, &b));
  for (PetscInt i = 0; i < P->n * P->m; i++) b[i] = Random(&seed);
  return b;
}

// The matrix from its definition, by rows.
static double *Dense(Problem *P, double shift)
{
  const PetscInt N = P->n * P->m;
  double        *dense;

  Ok(PetscCalloc1(N * (size_t)N, &dense));
  for (int k = 0; k < TERMS; k++) {
    for (PetscInt i = 0; i < P->n; i++) {
      for (PetscInt j = PetscMax(0, i - P->p); j <= PetscMin(P->n - 1, i + P->p); j++) {
        for (PetscInt r = 0; r < P->m; r++) {
          for (PetscInt s = 0; s < P->m; s++) {
            dense[(i * P->m + r) * N + j * P->m + s] += *BandEntry(P, k, i, j) * P->W[k][r * P->ldw + s];
          }
        }
      }
    }
  }
  for (PetscInt i = 0; i < N; i++) dense[i * N + i] += shift;
  return dense;
}

// x = A^-1 b by LAPACK.
static double *DenseSolve(Problem *P, double shift, const double b[])
{
  PetscBLASInt N = (PetscBLASInt)(P->n * P->m), one = 1, info = -1;
  double      *dense = Dense(P, shift), *x;

  Ok(PetscMalloc1(N, &x));
  Ok(PetscArraycpy(x, b, N));
  LAPACKpotrf_("L", &N, dense, &N, &info);
  assert_int_equal(info, 0);
  LAPACKpotrs_("L", &N, &one, dense, &N, x, &N, &info);
  assert_int_equal(info, 0);
  Ok(PetscFree(dense));
  return x;
}

static void Near(PetscInt n, const double a[], const double b[], double tolerance)
{
  double difference = 0, size = 0;

  for (PetscInt i = 0; i < n; i++) {
    if (!(fabs(a[i] - b[i]) <= difference)) difference = fabs(a[i] - b[i]);
    size = fmax(size, fabs(b[i]));
  }
  if (!(difference <= tolerance * size)) fail_msg("difference %g, size %g", difference, size);
}

// Solves on `comm`; x gets the rows [first, last).
static void Solve(MPI_Comm comm, Problem *P, const char prefix[], double shift, const double b[], double x[],
  PetscInt *first, PetscInt *last)
{
  SnaKron   A;
  PetscBool failed;

  Ok(SnaKronCreate(comm, P->n, P->p, P->m, prefix, &A));
  SetTerms(A, P, shift);
  Ok(SnaKronGetRows(A, first, last));
  Ok(SnaKronSolve(A, b + *first * P->m, x, &failed));
  assert_false(failed);
  Ok(SnaKronDestroy(&A));
}

// Against LAPACK; and the ranks together must give, bit by bit, what one gives alone.
static void CheckSize(PetscInt n, PetscInt p, PetscInt m)
{
  Problem  P;
  double  *b, *exact, *x, *alone;
  PetscInt first, last, all, begin;

  CreateProblem(n, p, m, &P);
  b     = RightHandSide(&P);
  exact = DenseSolve(&P, 0.25, b);
  Ok(PetscMalloc2(n * (size_t)m, &x, n * (size_t)m, &alone));
  Solve(PETSC_COMM_SELF, &P, NULL, 0.25, b, alone, &begin, &all);
  assert_true(begin == 0 && all == n);
  Near(n * m, alone, exact, 1e-11);
  Solve(PETSC_COMM_WORLD, &P, NULL, 0.25, b, x, &first, &last);
  assert_memory_equal(x, alone + first * m, (size_t)((last - first) * m) * sizeof(double));
  Ok(PetscFree2(x, alone));
  Ok(PetscFree(b));
  Ok(PetscFree(exact));
  DestroyProblem(&P);
}

static void test_small(void **state)
{
  static const PetscInt m[] = {1, 2, 3, 8, 33, 64};

  (void)state;
  for (PetscInt n = 1; n <= 9; n++) {
    for (PetscInt p = 0; p <= 5; p++) {
      for (size_t q = 0; q < sizeof(m) / sizeof(m[0]); q++) CheckSize(n, p, m[q]);
    }
  }
}

// Long bands: several groups of tile columns, blocks that are whole tiles and blocks that are not.
static void test_long(void **state)
{
  static const PetscInt size[][3] = {{35, 3, 1}, {66, 3, 4}, {50, 2, 5}, {43, 3, 7}, {66, 1, 8}, {35, 3, 12},
    {40, 4, 16}, {30, 5, 17}, {24, 3, 24}, {20, 3, 25}, {11, 3, 48}};

  (void)state;
  for (size_t q = 0; q < sizeof(size) / sizeof(size[0]); q++) CheckSize(size[q][0], size[q][1], size[q][2]);
}

static void test_split(void **state)
{
  (void)state;
  for (PetscInt n = 1; n <= 12; n++) {
    for (PetscInt p = 0; p <= 5; p++) {
      PetscInt first, last, head, middle, next;

      SnaKronSplit(n, p, 1, 0, &first, &last, &head, &middle);
      assert_true(first == 0 && last == n && middle == PetscMin(p, n));
      SnaKronSplit(n, p, 2, 0, &first, &last, &head, &middle);
      assert_true(first == 0 && last == head + middle && head >= 0);
      SnaKronSplit(n, p, 2, 1, &next, &last, &head, &middle);
      assert_true(next == head + middle && last == n);
      assert_in_range(n - middle - 2 * head, 0, 1);
    }
  }
}

static void test_product(void **state)
{
  static const PetscInt size[][3] = {{1, 3, 4}, {3, 5, 3}, {9, 3, 8}, {14, 2, 5}, {9, 0, 3}};

  (void)state;
  for (size_t q = 0; q < sizeof(size) / sizeof(size[0]); q++) {
    const PetscInt n = size[q][0], p = size[q][1], m = size[q][2], N = n * m;
    Problem        P;
    SnaKron        A, alone;
    Mat            mat;
    Vec            diagonal;
    PetscInt       first, last;
    const double  *d;
    double        *x, *y, *exact, *dense, *own, trace = 0, mean;

    CreateProblem(n, p, m, &P);
    x     = RightHandSide(&P);
    dense = Dense(&P, 0.5);
    Ok(PetscCalloc3(N, &y, N, &exact, N * (size_t)N, &own));
    for (PetscInt i = 0; i < N; i++) {
      for (PetscInt j = 0; j < N; j++) exact[i] += dense[i * N + j] * x[j];
      trace += dense[i * N + i] - 0.5;
    }
    Ok(SnaKronCreate(PETSC_COMM_WORLD, n, p, m, NULL, &A));
    SetTerms(A, &P, 0.5);
    Ok(SnaKronGetRows(A, &first, &last));
    Ok(SnaKronApply(A, x + first * m, y));
    Near((last - first) * m, y, exact + first * m, 1e-13);
    Ok(SnaKronGetMeanDiagonal(A, &mean));
    Near(1, &mean, &(double){trace / (double)N}, 1e-13);
    Ok(SnaKronGetMat(A, &mat));
    Ok(MatCreateVecs(mat, &diagonal, NULL));
    Ok(MatGetDiagonal(mat, diagonal));
    Ok(VecGetArrayRead(diagonal, &d));
    for (PetscInt i = first * m; i < last * m; i++) Near(1, d + i - first * m, dense + i * N + i, 1e-13);
    Ok(VecRestoreArrayRead(diagonal, &d));
    Ok(VecDestroy(&diagonal));
    Ok(SnaKronDestroy(&A));
    Ok(SnaKronCreate(PETSC_COMM_SELF, n, p, m, NULL, &alone));
    SetTerms(alone, &P, 0.5);
    Ok(SnaKronGetDense(alone, own));
    Near(N * N, own, dense, 1e-14);
    Ok(SnaKronDestroy(&alone));
    Ok(PetscFree3(y, exact, own));
    Ok(PetscFree(x));
    Ok(PetscFree(dense));
    DestroyProblem(&P);
  }
}

// A pivot that is negative, zero or NaN in the head, the middle or the tail is reported on all ranks; the same object
// then solves with a larger shift.
static void test_failed_pivot(void **state)
{
  static const PetscInt m[]    = {3, 8, 20};
  static const double   kind[] = {-100, 0, NAN};
  const PetscInt        n = 11, p = 3;

  (void)state;
  for (size_t q = 0; q < 3; q++) {
    for (PetscInt row = 0; row < n; row += 5) {
      for (int c = 0; c < 3; c++) {
        const PetscInt N = n * m[q], last_row = m[q] - 1;
        Problem        P;
        SnaKron        A;
        PetscInt       first, last;
        PetscBool      failed;
        double        *x, *b, *exact;

        CreateProblem(n, p, m[q], &P);
        b = RightHandSide(&P);
        Ok(PetscMalloc1(N, &x));
        Ok(SnaKronCreate(PETSC_COMM_WORLD, n, p, m[q], NULL, &A));
        Ok(SnaKronGetRows(A, &first, &last));
        if (kind[c] == 0) { // column `last_row` of the factor counts nowhere
          for (int k = 0; k < TERMS; k++) {
            for (PetscInt r = 0; r < m[q]; r++) P.W[k][r * P.ldw + last_row] = P.W[k][last_row * P.ldw + r] = 0;
          }
        } else {
          *BandEntry(&P, TERMS - 1, row, row)         = 1;
          P.W[TERMS - 1][last_row * P.ldw + last_row] = kind[c];
        }
        SetTerms(A, &P, 0);
        Ok(SnaKronSolve(A, b + first * m[q], x, &failed));
        assert_true(failed);
        SetTerms(A, &P, 0);
        Ok(SnaKronSolve(A, b + first * m[q], x, &failed));
        assert_true(failed);
        if (!isnan(kind[c])) {
          exact = DenseSolve(&P, 200, b);
          SetTerms(A, &P, 200);
          Ok(SnaKronSolve(A, b + first * m[q], x, &failed));
          assert_false(failed);
          Near((last - first) * m[q], x, exact + first * m[q], 1e-11);
          Ok(PetscFree(exact));
        }
        Ok(SnaKronDestroy(&A));
        Ok(PetscFree(x));
        Ok(PetscFree(b));
        DestroyProblem(&P);
      }
    }
  }
}

// Storage is reused: nothing of an earlier matrix may survive. x may be b. Four times the matrix gives a quarter of the
// solution exactly.
static void test_reuse_and_scaling(void **state)
{
  static const PetscInt m[] = {5, 16};
  const PetscInt        n = 13, p = 3;

  (void)state;
  for (int q = 0; q < 2; q++) {
    Problem      P, other;
    SnaKron      A;
    PetscInt     first, last, rows;
    PetscBool    failed;
    double      *b, *x, *again;
    const size_t N = (size_t)(n * m[q]);

    CreateProblem(n, p, m[q], &P);
    CreateProblem(n, p, m[q], &other);
    for (PetscInt i = 0; i < n; i++) *BandEntry(&other, 0, i, i) = 3 + (double)i;
    b = RightHandSide(&P);
    Ok(PetscMalloc2(N, &x, N, &again));
    Ok(SnaKronCreate(PETSC_COMM_WORLD, n, p, m[q], NULL, &A));
    Ok(SnaKronGetRows(A, &first, &last));
    rows = (last - first) * m[q];
    SetTerms(A, &P, 0);
    Ok(SnaKronSolve(A, b + first * m[q], x, &failed));
    SetTerms(A, &other, 1);
    Ok(SnaKronSolve(A, b + first * m[q], again, &failed));
    assert_memory_not_equal(x, again, (size_t)rows * sizeof(double));
    SetTerms(A, &P, 0);
    Ok(PetscArraycpy(again, b + first * m[q], rows));
    Ok(SnaKronSolve(A, again, again, &failed));
    assert_memory_equal(x, again, (size_t)rows * sizeof(double));
    for (int k = 0; k < TERMS; k++) {
      for (PetscInt i = 0; i < n * (2 * p + 1); i++) P.M[k][i] *= 4;
    }
    SetTerms(A, &P, 0);
    Ok(SnaKronSolve(A, b + first * m[q], again, &failed));
    for (PetscInt i = 0; i < rows; i++) assert_true(x[i] == 4 * again[i]);
    Ok(SnaKronDestroy(&A));
    Ok(PetscFree2(x, again));
    Ok(PetscFree(b));
    DestroyProblem(&P);
    DestroyProblem(&other);
  }
}

// Everything that the options can put in the place of the factorisation; the second solve follows a change of the
// terms.
static void test_other_solvers(void **state)
{
  static const struct {
    const char *prefix, *key[3], *value[3];
    int         ranks; // at most
  } choice[] = {
    {"bjacobi_", {"pc_type", "sub_pc_type", NULL}, {"bjacobi", "icc", NULL}, 2},
    {"plain_", {"pc_type", NULL, NULL}, {"none", NULL, NULL}, 2},
    {"jacobi_", {"pc_type", "ksp_type", NULL}, {"jacobi", "minres", NULL}, 2},
    {"assembled_", {"mat_type", "pc_type", NULL}, {"sbaij", "jacobi", NULL}, 2},
    {"own_", {"mat_type", NULL, NULL}, {"sbaij", NULL, NULL}, 2},
    {"cg_", {"ksp_type", NULL, NULL}, {"cg", NULL, NULL}, 2},
    {"cholesky_", {"mat_type", "pc_type", NULL}, {"sbaij", "cholesky", NULL}, 1},
  };
  const PetscInt n = 12, p = 3, m = 6;
  Problem        P;
  double        *b, *exact[2], *x;
  char           key[64];

  (void)state;
  CreateProblem(n, p, m, &P);
  b = RightHandSide(&P);
  for (int change = 0; change < 2; change++) exact[change] = DenseSolve(&P, 0.1 + change, b);
  Ok(PetscMalloc1(n * (size_t)m, &x));
  for (size_t q = 0; q < sizeof(choice) / sizeof(choice[0]); q++) {
    SnaKron   A;
    PetscInt  first, last;
    PetscBool failed;

    if (Size() > choice[q].ranks) continue;
    Ok(PetscSNPrintf(key, sizeof(key), "-%sksp_rtol", choice[q].prefix));
    Ok(PetscOptionsSetValue(NULL, key, "1e-10"));
    for (int o = 0; o < 3 && choice[q].key[o]; o++) {
      Ok(PetscSNPrintf(key, sizeof(key), "-%s%s", choice[q].prefix, choice[q].key[o]));
      Ok(PetscOptionsSetValue(NULL, key, choice[q].value[o]));
    }
    Ok(SnaKronCreate(PETSC_COMM_WORLD, n, p, m, choice[q].prefix, &A));
    Ok(SnaKronGetRows(A, &first, &last));
    for (int change = 0; change < 2; change++) {
      SetTerms(A, &P, 0.1 + change);
      Ok(SnaKronSolve(A, b + first * m, x, &failed));
      assert_false(failed);
      Near((last - first) * m, x, exact[change] + first * m, 1e-8);
    }
    Ok(SnaKronDestroy(&A));
  }
  Ok(PetscFree(x));
  Ok(PetscFree(b));
  for (int change = 0; change < 2; change++) Ok(PetscFree(exact[change]));
  DestroyProblem(&P);
}

// The same object with block Jacobi after a change of the terms; the guess is used; too few iterations are a failure.
static void test_iterations(void **state)
{
  const PetscInt n = 12, p = 2, m = 4;
  Problem        P;
  SnaKron        A;
  KSP            ksp;
  PC             pc;
  PetscInt       first, last, iterations;
  PetscBool      failed;
  double        *b, *exact, *x;

  (void)state;
  CreateProblem(n, p, m, &P);
  b = RightHandSide(&P);
  Ok(PetscMalloc1(n * (size_t)m, &x));
  Ok(SnaKronCreate(PETSC_COMM_WORLD, n, p, m, NULL, &A));
  Ok(SnaKronGetRows(A, &first, &last));
  Ok(SnaKronGetKSP(A, &ksp));
  Ok(KSPSetType(ksp, KSPCG));
  Ok(KSPSetTolerances(ksp, 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  Ok(KSPGetPC(ksp, &pc));
  Ok(PCSetType(pc, PCBJACOBI));
  for (int change = 0; change < 2; change++) {
    exact = DenseSolve(&P, change, b);
    SetTerms(A, &P, change);
    Ok(SnaKronSolve(A, b + first * m, x, &failed));
    assert_false(failed);
    Near((last - first) * m, x, exact + first * m, 1e-8);
    Ok(PetscFree(exact));
  }
  Ok(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  Ok(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  Ok(SnaKronSolve(A, b + first * m, x, &failed));
  Ok(KSPGetIterationNumber(ksp, &iterations));
  assert_true(!failed && iterations == 0);
  Ok(KSPSetInitialGuessNonzero(ksp, PETSC_FALSE));
  Ok(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 1));
  Ok(PCSetType(pc, PCJACOBI));
  Ok(SnaKronSolve(A, b + first * m, x, &failed));
  assert_true(failed);
  Ok(SnaKronDestroy(&A));
  Ok(PetscFree(x));
  Ok(PetscFree(b));
  DestroyProblem(&P);
}

// p = 1, n = 4, m = 1: head 1 row, middle 1, tail 2. Columns with one block below cost 1/3 + 1 + 1, the last one 1/3.
static void test_cost(void **state)
{
  SnaKron A;
  double  flops, bytes;

  (void)state;
  Ok(SnaKronCreate(PETSC_COMM_WORLD, 4, 1, 1, NULL, &A));
  Ok(SnaKronGetCost(A, &flops, &bytes));
  Near(1, &flops, &(double){3 * (7.0 / 3) + 1.0 / 3}, 1e-14);
  Ok(SnaKronDestroy(&A));
  // The factor is the lower band, 3.5 m^2 numbers a block row for p = 3, and the middle of the tail.
  Ok(SnaKronCreate(PETSC_COMM_SELF, 40, 3, 32, NULL, &A));
  Ok(SnaKronGetCost(A, &flops, &bytes));
  assert_in_range((PetscInt)(bytes / (8 * 32 * 32)), 3 * 40, 4 * 40);
  Ok(SnaKronDestroy(&A));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_split),
    cmocka_unit_test(test_small),
    cmocka_unit_test(test_long),
    cmocka_unit_test(test_product),
    cmocka_unit_test(test_failed_pivot),
    cmocka_unit_test(test_reuse_and_scaling),
    cmocka_unit_test(test_other_solvers),
    cmocka_unit_test(test_iterations),
    cmocka_unit_test(test_cost),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
