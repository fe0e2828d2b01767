// Energies of symmetric weak forms as tables of 1-D integrals: against dense Kronecker products, term by term and along the state machines of a
// train; which forms are symmetric.
#include "galerkin_cases.h"

static double MinusTwoX(double x)
{
  return -2 * x;
}

static double Square(double x)
{
  return 1 + x * x;
}

static double Wave(double x)
{
  return exp(0.3 * x) + x;
}

// d^order of all active functions at x.
static void Functions(SnaBasis basis, double x, PetscInt order, double B[])
{
  SnaBasisInfo    info;
  const PetscInt *index;
  PetscInt        cell;
  double          v[3 * 6];

  Ok(SnaBasisGetInfo(basis, &info));
  Ok(SnaBasisEvaluate(basis, x, 2, &cell, v));
  Ok(SnaBasisGetIndex(basis, cell, &index));
  for (PetscInt i = 0; i < info.n; i++) B[i] = 0;
  for (PetscInt a = 0; a < info.local; a++)
    if (index[a] >= 0) B[index[a]] = v[order * info.local + a];
}

// int g (d^i B_row)(d^j B_column), n x n (or, for a load, int q d^i B_row, n), by a rule of its own: 9 points in a cell; or the integrand at an end.
static void Direct(SnaBasis basis, const Direction *D, const Weak *w, PetscInt d, PetscBool load, double *M)
{
  const PetscInt per_cell = 9;
  SnaBasisInfo   info;
  double         x[9], weight[9], Bi[16], Bj[16];

  Ok(SnaBasisGetInfo(basis, &info));
  Ok(SnaGaussLegendre(per_cell, x, weight));
  assert_true(info.n <= 16);
  for (PetscInt i = 0; i < info.n * (load ? 1 : info.n); i++) M[i] = 0;
  for (PetscInt q = 0; q < (w->end[d] ? 1 : per_cell * D->cells); q++) {
    const double h = (D->hi - D->lo) / (double)D->cells;
    const double y = w->end[d] < 0   ? D->lo
                     : w->end[d] > 0 ? D->hi
                                     : D->lo + h * ((double)(q / per_cell) + 0.5 + 0.5 * x[q % per_cell]);
    const double g = (w->value[d] ? w->value[d](y) : 1) * (w->end[d] ? 1 : 0.5 * h * weight[q % per_cell]);

    Functions(basis, y, w->test[d], Bi);
    Functions(basis, y, w->trial[d], Bj);
    for (PetscInt i = 0; i < info.n; i++) {
      if (load)
        M[i] += g * Bi[i];
      else
        for (PetscInt j = 0; j < info.n; j++) M[i * info.n + j] += g * Bi[i] * Bj[j];
    }
  }
}

static double Entry(const SnaLsqDirection *D, PetscInt table, PetscInt i, PetscInt j)
{
  return PetscAbs(i - j) > D->p ? 0 : D->M[table][i * (2 * D->p + 1) + j - i + D->p];
}

// A (size x size) += s (x)_d M_d for dense n_d x n_d matrices.
static void AddKronecker(const PetscInt n[], double s, double *const M[], double *A)
{
  const PetscInt size = n[0] * n[1] * n[2];

  for (PetscInt r = 0; r < size; r++)
    for (PetscInt c = 0; c < size; c++)
      A[r * size + c] += s * M[0][r / (n[1] * n[2]) * n[0] + c / (n[1] * n[2])] *
                         M[1][r / n[2] % n[1] * n[1] + c / n[2] % n[1]] * M[2][r % n[2] * n[2] + c % n[2]];
}

// Sum over the paths of a machine of products of tables, by recursion over the sites.
static void AddPaths(SnaLsq lsq, const SnaTtOperator op, PetscInt k, PetscInt state, double value, PetscInt table[],
  const PetscInt n[], double *A)
{
  if (k == lsq->nd) {
    double *M[DIM];

    for (PetscInt d = 0; d < DIM; d++) {
      Ok(PetscMalloc1((size_t)(n[d] * n[d]), &M[d]));
      for (PetscInt i = 0; i < n[d] * n[d]; i++) M[d][i] = Entry(&lsq->dir[d], table[d], i / n[d], i % n[d]);
    }
    AddKronecker(n, value, M, A);
    for (PetscInt d = 0; d < DIM; d++) Ok(PetscFree(M[d]));
    return;
  }
  for (PetscInt i = 0; i < op->A.ntrans[k]; i++) {
    const SnaTtTransition *t = &op->A.trans[k][i];

    if (t->from != state) continue;
    table[op->dir[k]] = t->table;
    AddPaths(lsq, op, k + 1, t->to, value * t->value, table, n, A);
  }
}

static const Direction small[3] = {{3, 2, -1, 1, PETSC_TRUE, PETSC_FALSE}, {2, 2, 0, 1, PETSC_FALSE, PETSC_FALSE},
  {1, 2, 0.5, 2, PETSC_FALSE, PETSC_TRUE}};

// Diffusion, a mixed derivative (each half the other's mirror image), ends, multiples of one function, an operator that zero ends make symmetric
// (z ends free: not that), and two terms that cancel.
static const Weak mixed[] = {
  {2, {Square, NULL, X}, {1, 0, 0}, {1, 0, 0}, {0}},
  {1, {NULL, Wave, NULL}, {0, 1, 0}, {0, 1, 0}, {0}},
  {0.3, {X, Wave, NULL}, {1, 0, 0}, {0, 1, 0}, {0}},
  {0.3, {X, Wave, NULL}, {0, 1, 0}, {1, 0, 0}, {0}},
  {0.7, {X, NULL, X}, {0, 0, 1}, {2, 0, 0}, {0}},
  {-0.35, {MinusTwoX, NULL, X}, {2, 0, 0}, {0, 0, 1}, {0}},
  {0.5, {X, Square, NULL}, {0}, {0}, {1, 0, 0}},
  {1.5, {NULL, Square, X}, {0, 1, 0}, {0, 1, 0}, {0, -1, 0}},
  {-3, {X, NULL, Square}, {0}, {0}, {0}},
  {-1.5, {MinusTwoX, NULL, Square}, {0}, {0}, {0}},
};
static const Weak loads[] = {
  {1, {Wave, X, NULL}, {0}, {0, 0, 1}, {0}},
  {-2, {X, Wave, X}, {0}, {0}, {1, 0, 0}},
};

static void test_tables(void **state)
{
  Problem           P;
  const SnaTtLevel *level = Create(3, small, 10, mixed, 2, loads, &P);
  SnaLsq            lsq   = level->lsq;
  PetscInt          n[DIM], size, table[DIM];
  double           *M[DIM], *A, *B, *f, largest = 0;

  (void)state;
  assert_true(lsq->galerkin && lsq->c0 == 0);
  assert_int_equal(lsq->nk, 8); // the last two cancel
  assert_int_equal(lsq->nquad, 6);
  assert_int_equal(lsq->nall, 8);
  for (PetscInt d = 0; d < 3; d++) {
    n[d] = lsq->dir[d].n;
    Ok(PetscMalloc1((size_t)(n[d] * n[d]), &M[d]));
  }
  size = n[0] * n[1] * n[2];
  Ok(PetscCalloc3((size_t)(size * size), &A, (size_t)(size * size), &B, (size_t)size, &f));
  for (PetscInt k = 0; k < 10; k++) {
    for (PetscInt d = 0; d < 3; d++) Direct(level->bases[d], &small[d], &mixed[k], d, PETSC_FALSE, M[d]);
    AddKronecker(n, mixed[k].coefficient, M, A);
  }
  for (PetscInt i = 0; i < size * size; i++) largest = fmax(largest, fabs(A[i]));
  // all terms one by one, then those that stand for two, then the machine along two orders
  for (PetscInt way = 0; way < 4; way++) {
    Ok(PetscArrayzero(B, (size_t)(size * size)));
    for (PetscInt j = 0; j < (way == 0 ? lsq->nall : way == 1 ? lsq->nquad : 0); j++) {
      const PetscInt i = way == 1 ? j : lsq->all[j] >= 0 ? lsq->all[j] : -1 - lsq->all[j];

      for (int turned = 0; turned < (way == 1 && lsq->twice[i] ? 2 : 1); turned++) {
        const PetscBool other = (PetscBool)(way == 0 ? lsq->all[j] < 0 : turned);

        for (PetscInt d = 0; d < 3; d++) {
          const SnaLsqDirection *D = &lsq->dir[d];

          for (PetscInt r = 0; r < n[d] * n[d]; r++)
            M[d][r] = Entry(D, other ? D->transpose[D->quad[i]] : D->quad[i], r / n[d], r % n[d]);
        }
        AddKronecker(n, lsq->quad_s[i], M, B);
      }
    }
    if (way >= 2) {
      const PetscInt order[2][3] = {{0, 1, 2}, {1, 2, 0}};
      SnaTtOperator  op;

      Ok(SnaTtOperatorCreate(lsq, order[way - 2], &op));
      AddPaths(lsq, op, 0, 0, 1, table, n, B);
      Ok(SnaTtOperatorDestroy(&op));
    }
    for (PetscInt i = 0; i < size * size; i++) Near(B[i], A[i], 1e-12 * largest);
  }

  // F = .. + 2 t u^T f - that is, -l
  for (PetscInt m = 0; m < 2; m++) {
    for (PetscInt d = 0; d < 3; d++) Direct(level->bases[d], &small[d], &loads[m], d, PETSC_TRUE, M[d]);
    for (PetscInt r = 0; r < size; r++)
      f[r] += loads[m].coefficient * M[0][r / (n[1] * n[2])] * M[1][r / n[2] % n[1]] * M[2][r % n[2]];
  }
  for (PetscInt j = 0; j < lsq->nlin; j++) {
    const SnaLsqDirection *D = lsq->dir;

    for (PetscInt r = 0; r < size; r++)
      f[r] += lsq->lin_t[j] * D[0].f[D[0].lin[j] * n[0] + r / (n[1] * n[2])] *
              D[1].f[D[1].lin[j] * n[1] + r / n[2] % n[1]] * D[2].f[D[2].lin[j] * n[2] + r % n[2]];
  }
  for (PetscInt r = 0; r < size; r++) Near(f[r], 0, 1e-12);

  // Transposes, numbered after the others.
  for (PetscInt d = 0; d < 3; d++) {
    const SnaLsqDirection *D = &lsq->dir[d];

    for (PetscInt p = 0; p < D->npair; p++) {
      assert_int_equal(D->transpose[D->transpose[p]], p);
      assert_true((p < D->nupper) == (p <= D->transpose[p]));
      for (PetscInt i = 0; i < n[d] * n[d]; i++)
        Near(Entry(D, p, i / n[d], i % n[d]), Entry(D, D->transpose[p], i % n[d], i / n[d]), 1e-12);
    }
    Ok(PetscFree(M[d]));
  }
  Ok(PetscFree3(A, B, f));
  Destroy(&P);
}

static void test_symmetric(void **state)
{
  static const Weak advection[] = {{1, {NULL}, {1, 0}, {1, 0}, {0}}, {0.1, {NULL}, {1, 0}, {0, 0}, {0}}};
  static const Weak unequal[]   = {{0.3, {X, Wave}, {1, 0}, {0, 1}, {0}}, {0.29999, {X, Wave}, {0, 1}, {1, 0}, {0}}};
  static const Weak strong[]    = {{-1, {NULL}, {2, 0}, {0, 0}, {0}}}; // by parts: symmetric with zero ends
  Direction         dir[2]      = {{3, 3, 0, 1, PETSC_TRUE, PETSC_TRUE}, {2, 2, 0, 1, PETSC_FALSE, PETSC_FALSE}};
  Problem           P;
  const SnaTtLevel *level;

  (void)state;
  assert_null(Create(2, dir, 2, advection, 0, NULL, &P));
  assert_null(P.level[0].lsq);
  Destroy(&P);
  assert_null(Create(2, dir, 1, advection + 1, 0, NULL, &P));
  Destroy(&P);
  assert_null(Create(2, dir, 2, unequal, 0, NULL, &P));
  Destroy(&P);
  level = Create(2, dir, 1, strong, 0, NULL, &P);
  assert_non_null(level);
  assert_int_equal(level->lsq->dir[0].npair, 1);
  Destroy(&P);
  dir[0].last = PETSC_FALSE;
  assert_null(Create(2, dir, 1, strong, 0, NULL, &P));
  Destroy(&P);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_tables),
    cmocka_unit_test(test_symmetric),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
