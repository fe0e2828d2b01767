// np: 1 2 timeout: 120
// Alternating least squares: the objective and the local problems against direct quadrature and LAPACK, descent,
// balancing, exact restarts, degenerate columns, equal bits on 1 and 2 ranks, and the rank ladder.
//
// On two ranks every test runs the sweeps on both together (COMM_WORLD); some also on each alone.
#include "solve/als_impl.h"
#include <petscblaslapack.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

#define MAX_TERMS 4
#define MAX_STEPS 200

typedef double (*Function)(double x);

typedef struct { // a term with functions in place of tables; NULL stands for 1
  double   coefficient;
  Function value[3];
  PetscInt derivative[3];
} Term;

typedef struct {
  PetscInt      nd, nk, nm;
  const Term   *op, *rhs;
  SnaBasis      basis[3];
  SnaTabulation tab[3];
  PetscInt      n[3];
  SnaLsq        lsq;
} Problem;

static double X(double x)
{
  return x;
}

static double Wave(double x)
{
  return 1 + 0.5 * x - x * x;
}

static double Cubic(double x)
{
  return x * (x * x - 0.7) + 0.1;
}

static double Square(double x)
{
  return 1 + x * x;
}

// u_t + x u_y - u_xx = -g, first direction t: no factor is a solution of it exactly.
static const Term transport[] = {
  {1, {NULL}, {1, 0, 0}},
  {1, {NULL, X, NULL}, {0, 0, 1}},
  {-0.1, {Square, NULL, NULL}, {0, 2, 0}},
};
static const Term source[] = {
  {1, {Wave, Cubic, NULL}, {0}},
  {-0.5, {NULL, X, Cubic}, {0}},
  {0.25, {X, Square, Wave}, {0}},
};

static double Random(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0 - 0.5;
}

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

// Every direction is [-1, 1] with zero ends, except the first: [0, 1], the end free unless closed.
static void CreateProblem(PetscInt nd, const PetscInt cells[], PetscBool closed, PetscInt nk, const Term op[],
  PetscInt nm, const Term rhs[], Problem *P)
{
  SnaLsqTerm term[2 * MAX_TERMS] = {{0}};
  double    *table[2 * MAX_TERMS][3];

  P->nd  = nd;
  P->nk  = nk;
  P->nm  = nm;
  P->op  = op;
  P->rhs = rhs;
  for (PetscInt d = 0; d < nd; d++) {
    SnaBasisInfo info;

    Ok(SnaBasisCreateBSpline(
      "x", 3, cells[d], d == 0 ? 0 : -1, 1, PETSC_TRUE, (PetscBool)(d > 0 || closed), &P->basis[d]));
    Ok(SnaTabulationCreate(P->basis[d], 8, 2, &P->tab[d]));
    Ok(SnaBasisGetInfo(P->basis[d], &info));
    P->n[d] = info.n;
  }
  for (PetscInt k = 0; k < nk + nm; k++) {
    const Term *t = k < nk ? &op[k] : &rhs[k - nk];

    term[k].coefficient = t->coefficient;
    for (PetscInt d = 0; d < nd; d++) {
      term[k].derivative[d] = t->derivative[d];
      Ok(PetscMalloc1((size_t)P->tab[d].nq, &table[k][d]));
      for (PetscInt q = 0; q < P->tab[d].nq; q++) table[k][d][q] = t->value[d] ? t->value[d](P->tab[d].x[q]) : 1;
      term[k].value[d] = table[k][d];
    }
  }
  Ok(SnaLsqCreate(nd, P->basis, P->tab, NULL, nk, term, nm, term + nk, &P->lsq));
  for (PetscInt k = 0; k < nk + nm; k++) {
    for (PetscInt d = 0; d < nd; d++) Ok(PetscFree(table[k][d]));
  }
}

static void CreateTransport(PetscInt nt, PetscInt nx, PetscInt ny, Problem *P)
{
  CreateProblem(3, (const PetscInt[]){nt, nx, ny}, PETSC_FALSE, 3, transport, 3, source, P);
}

static void DestroyProblem(Problem *P)
{
  Ok(SnaLsqDestroy(&P->lsq));
  for (PetscInt d = 0; d < P->nd; d++) {
    Ok(SnaTabulationDestroy(&P->tab[d]));
    Ok(SnaBasisDestroy(&P->basis[d]));
  }
}

static SnaAlsOptions Options(PetscInt nrung, const PetscInt rung[], PetscInt enrich, PetscInt sweeps)
{
  SnaAlsOptions o = {.nrung = nrung,
    .enrich                 = enrich,
    .sweeps                 = sweeps,
    .final_sweeps           = sweeps,
    .linesearch             = PETSC_TRUE,
    .balance_every          = 3,
    .seed                   = 11};

  for (PetscInt i = 0; i < nrung; i++) o.rung[i] = rung[i];
  return o;
}

static void FreeFactors(const Problem *P, double *C[])
{
  for (PetscInt d = 0; d < P->nd; d++) Ok(PetscFree(C[d]));
}

static void CheckFinite(const Problem *P, PetscInt R, double *const C[])
{
  for (PetscInt d = 0; d < P->nd; d++) {
    for (PetscInt i = 0; i < P->n[d] * R; i++) assert_true(isfinite(C[d][i]));
  }
}

static void CheckSame(const Problem *P, PetscInt R, double *const a[], double *const b[])
{
  for (PetscInt d = 0; d < P->nd; d++) {
    for (PetscInt i = 0; i < P->n[d] * R; i++) {
      if (memcmp(&a[d][i], &b[d][i], sizeof(double)) != 0)
        fail_msg(
          "direction %d, row %d, column %d: %.17g and %.17g", (int)d, (int)(i / R), (int)(i % R), a[d][i], b[d][i]);
    }
  }
}

static void SameState(const SnaAlsState *a, const SnaAlsState *b)
{
  const double x[] = {a->objective, a->residual, a->drop, a->step, a->work};
  const double y[] = {b->objective, b->residual, b->drop, b->step, b->work};

  assert_true(a->rung == b->rung && a->rank == b->rank && a->phase == b->phase && a->sweep == b->sweep);
  assert_true(a->total == b->total && a->shifts == b->shifts && a->failed == b->failed);
  for (int i = 0; i < 5; i++) {
    if (memcmp(&x[i], &y[i], sizeof(double)) != 0)
      fail_msg("sweep %d, rank %d, phase %d: number %d of the state is %.17g and %.17g", (int)a->total, (int)a->rank,
        (int)a->phase, i, x[i], y[i]);
  }
}

// ---- The definition, by a tensor rule of its own: 6 Gauss points in a cell ----

#define PER_CELL 6

// Points and weights of direction d, and per point the operators' values on the splines: op[(k*nq + q)*n + i].
typedef struct {
  PetscInt nq;
  double  *x, *w, *op;
} Rule;

static void CreateRule(const Problem *P, PetscInt d, Rule *rule)
{
  SnaBasisInfo info;
  double       x[PER_CELL], w[PER_CELL], v[3 * 4];
  PetscInt     first;

  Ok(SnaBasisGetInfo(P->basis[d], &info));
  Ok(SnaGaussLegendre(PER_CELL, x, w));
  rule->nq = PER_CELL * info.cells;
  Ok(PetscMalloc2((size_t)rule->nq, &rule->x, (size_t)rule->nq, &rule->w));
  Ok(PetscCalloc1((size_t)(P->nk * rule->nq * info.n), &rule->op));
  for (PetscInt q = 0; q < rule->nq; q++) {
    const double h = (info.hi - info.lo) / (double)info.cells;
    const double y = info.lo + h * ((double)(q / PER_CELL) + 0.5 + 0.5 * x[q % PER_CELL]);

    rule->x[q] = y;
    rule->w[q] = 0.5 * h * w[q % PER_CELL];
    Ok(SnaBasisEvaluate(P->basis[d], y, 2, &first, v));
    for (PetscInt k = 0; k < P->nk; k++) {
      for (PetscInt a = 0; a <= 3; a++) {
        const PetscInt i = first + a - info.drop_first;

        if (i >= 0 && i < info.n)
          rule->op[(k * rule->nq + q) * info.n + i] =
            v[P->op[k].derivative[d] * 4 + a] * (P->op[k].value[d] ? P->op[k].value[d](y) : 1);
      }
    }
  }
}

static void DestroyRule(Rule *rule)
{
  Ok(PetscFree2(rule->x, rule->w));
  Ok(PetscFree(rule->op));
}

// The O_{k,d} phi^d_r at all points: value[d][(k*nq + q)*R + r].
static void FactorsAtPoints(const Problem *P, const Rule rule[], PetscInt R, const double *const C[], double *value[])
{
  for (PetscInt d = 0; d < P->nd; d++) {
    const PetscInt points = P->nk * rule[d].nq;

    Ok(PetscCalloc1((size_t)(points * R), &value[d]));
    for (PetscInt q = 0; q < points; q++) {
      for (PetscInt i = 0; i < P->n[d]; i++) {
        for (PetscInt r = 0; r < R; r++) value[d][q * R + r] += rule[d].op[q * P->n[d] + i] * C[d][i * R + r];
      }
    }
  }
}

static PetscInt NumberOfPoints(const Problem *P, const Rule rule[])
{
  PetscInt n = 1;

  for (PetscInt d = 0; d < P->nd; d++) n *= rule[d].nq;
  return n;
}

// Point indices in each direction, weight, and g = sum_m t_m prod q_m there.
static double RightHandSide(const Problem *P, const Rule rule[], PetscInt point, PetscInt q[], double *weight)
{
  double g = 0;

  *weight = 1;
  for (PetscInt d = P->nd - 1; d >= 0; d--) {
    q[d] = point % rule[d].nq;
    point /= rule[d].nq;
    *weight *= rule[d].w[q[d]];
  }
  for (PetscInt m = 0; m < P->nm; m++) {
    double t = P->rhs[m].coefficient;

    for (PetscInt d = 0; d < P->nd; d++) t *= P->rhs[m].value[d] ? P->rhs[m].value[d](rule[d].x[q[d]]) : 1;
    g += t;
  }
  return g;
}

// int (L u + g)^2.
static double DirectObjective(const Problem *P, PetscInt R, const double *const C[])
{
  Rule    rule[3];
  double *value[3], F = 0;

  for (PetscInt d = 0; d < P->nd; d++) CreateRule(P, d, &rule[d]);
  FactorsAtPoints(P, rule, R, C, value);
  for (PetscInt point = 0; point < NumberOfPoints(P, rule); point++) {
    PetscInt q[3];
    double   weight, residual = RightHandSide(P, rule, point, q, &weight);

    for (PetscInt k = 0; k < P->nk; k++) {
      for (PetscInt r = 0; r < R; r++) {
        double t = P->op[k].coefficient;

        for (PetscInt d = 0; d < P->nd; d++) t *= value[d][(k * rule[d].nq + q[d]) * R + r];
        residual += t;
      }
    }
    F += weight * residual * residual;
  }
  for (PetscInt d = 0; d < P->nd; d++) {
    DestroyRule(&rule[d]);
    Ok(PetscFree(value[d]));
  }
  return F;
}

// The factor of direction d, columns [c0, R), that minimises int (L u + g)^2 with all else fixed, from the rows of the
// overdetermined system (LAPACK's QR): best[i*m + s].
static void DirectLocalSolution(
  const Problem *P, PetscInt d, PetscInt c0, PetscInt R, const double *const C[], double *best)
{
  const PetscInt m = R - c0;
  PetscBLASInt   rows, cols = (PetscBLASInt)(P->n[d] * m), one = 1, lwork, info;
  Rule           rule[3];
  double        *value[3], *A, *b, *work;

  for (PetscInt e = 0; e < P->nd; e++) CreateRule(P, e, &rule[e]);
  FactorsAtPoints(P, rule, R, C, value);
  rows  = (PetscBLASInt)NumberOfPoints(P, rule);
  lwork = 64 * (rows + cols);
  Ok(PetscCalloc3((size_t)rows * (size_t)cols, &A, (size_t)rows, &b, (size_t)lwork, &work));
  for (PetscInt point = 0; point < rows; point++) {
    PetscInt     q[3];
    double       weight;
    const double g = RightHandSide(P, rule, point, q, &weight);

    b[point] = -g;
    for (PetscInt k = 0; k < P->nk; k++) {
      for (PetscInt r = 0; r < R; r++) {
        double t = P->op[k].coefficient;

        for (PetscInt e = 0; e < P->nd; e++) {
          if (e != d || r < c0) t *= value[e][(k * rule[e].nq + q[e]) * R + r];
        }
        if (r < c0) b[point] -= t;
        for (PetscInt i = 0; i < P->n[d] && r >= c0; i++)
          A[(size_t)(i * m + r - c0) * (size_t)rows + (size_t)point] +=
            sqrt(weight) * t * rule[d].op[(k * rule[d].nq + q[d]) * P->n[d] + i];
      }
    }
    b[point] *= sqrt(weight);
  }
  LAPACKgels_("N", &rows, &cols, &one, A, &rows, b, &rows, work, &lwork, &info);
  assert_int_equal(info, 0);
  Ok(PetscArraycpy(best, b, cols));
  Ok(PetscFree3(A, b, work));
  for (PetscInt e = 0; e < P->nd; e++) {
    DestroyRule(&rule[e]);
    Ok(PetscFree(value[e]));
  }
}

// ---- Tests ----

// F of random factors from Gram matrices, through SetState, in the shapes of both phases; and c0 of none.
static void test_objective(void **state)
{
  const SnaAlsOptions o = Options(2, (const PetscInt[]){2, 5}, 2, 3);
  Problem             P;

  (void)state;
  CreateTransport(3, 4, 3, &P);
  for (PetscInt phase = 0; phase < 2; phase++) {
    SnaAls      als;
    SnaAlsState s = {.rung = 1, .rank = 5, .phase = phase, .sweep = 1, .objective = 1e3, .residual = 1, .step = 1};
    double     *C[3], F, direct;
    uint64_t    seed = 3 + (uint64_t)phase;
    PetscBool   ok;

    for (PetscInt d = 0; d < 3; d++) {
      Ok(PetscMalloc1((size_t)(P.n[d] * 5), &C[d]));
      for (PetscInt i = 0; i < P.n[d] * 5; i++) C[d][i] = Random(&seed);
    }
    Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &o, &als));
    Ok(SnaAlsSetState(als, &s, (const double *const *)C, &ok));
    assert_true(ok);
    Ok(SnaAlsObjective_Private(als, &als->now, &F));
    direct = DirectObjective(&P, 5, (const double *const *)C);
    Near(F, direct, 1e-12 * direct);
    Ok(SnaAlsDestroy(&als));
    assert_null(als);
    FreeFactors(&P, C);
  }
  {
    const double *zero[3] = {NULL};
    double        c0;

    Ok(SnaLsqGetConstant(P.lsq, &c0));
    Near(c0, DirectObjective(&P, 0, zero), 1e-13 * c0);
  }
  DestroyProblem(&P);
}

// The same number without a solver, over whole and broken blocks of columns; and the quadratic part alone, which scales.
static void test_evaluate(void **state)
{
  static const PetscInt ranks[] = {1, 32, 70};
  const double         *zero[3] = {NULL};
  Problem               P;
  double                quadratic, linear;

  (void)state;
  CreateTransport(3, 4, 3, &P);
  for (int q = 0; q < 3; q++) {
    const PetscInt R = ranks[q];
    double        *C[3], direct, twice;
    uint64_t       seed = 11;

    for (PetscInt d = 0; d < 3; d++) {
      Ok(PetscMalloc1((size_t)(P.n[d] * R), &C[d]));
      for (PetscInt i = 0; i < P.n[d] * R; i++) C[d][i] = Random(&seed);
    }
    Ok(SnaLsqEvaluate(P.lsq, R, (const double *const *)C, &quadratic, &linear));
    direct = DirectObjective(&P, R, (const double *const *)C);
    Near(quadratic + 2 * linear + P.lsq->c0, direct, 1e-12 * direct);
    for (PetscInt i = 0; i < P.n[1] * R; i++) C[1][i] *= 2;
    Ok(SnaLsqEvaluate(P.lsq, R, (const double *const *)C, &twice, &linear));
    Near(twice, 4 * quadratic, 1e-12 * twice);
    FreeFactors(&P, C);
  }
  Ok(SnaLsqEvaluate(P.lsq, 0, zero, &quadratic, &linear));
  assert_true(quadratic == 0 && linear == 0);
  DestroyProblem(&P);
}

// After a step the factor of the last direction is the best one for the other factors, which it was solved with.
static void CheckLastDirection(const Problem *P, SnaAls als, PetscInt c0, double tolerance)
{
  const PetscInt d = P->nd - 1;
  SnaAlsState    s;
  double        *C[3], *best, largest = 0;
  PetscInt       m;

  Ok(SnaAlsGetState(als, &s));
  Ok(SnaAlsGetFactors(als, C));
  m = s.rank - c0;
  Ok(PetscMalloc1((size_t)(P->n[d] * m), &best));
  DirectLocalSolution(P, d, c0, s.rank, (const double *const *)C, best);
  for (PetscInt i = 0; i < P->n[d] * m; i++) largest = fmax(largest, fabs(best[i]));
  assert_true(largest > 0);
  for (PetscInt i = 0; i < P->n[d] * m; i++) Near(C[d][i / m * s.rank + c0 + i % m], best[i], tolerance * largest);
  // The state tells F of these factors.
  Near(s.objective, DirectObjective(P, s.rank, (const double *const *)C), 1e-10 * s.objective + 1e-12 * P->lsq->c0);
  Near(s.residual, sqrt(s.objective / P->lsq->c0), 1e-14);
  Ok(PetscFree(best));
  FreeFactors(P, C);
}

// One direction: one local problem is the whole problem. -u'' + x u' = -g on (0, 1], u(0) = 0.
static void test_one_direction(void **state)
{
  static const Term   op[]  = {{-1, {NULL}, {2}}, {1, {X}, {1}}, {3, {Square}, {0}}};
  static const Term   rhs[] = {{2, {Cubic}, {0}}};
  const SnaAlsOptions o     = Options(1, (const PetscInt[]){1}, 2, 4);
  Problem             P;
  SnaAls              als;
  PetscBool           done = PETSC_FALSE;

  (void)state;
  CreateProblem(1, (const PetscInt[]){9}, PETSC_FALSE, 3, op, 1, rhs, &P);
  Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &o, &als));
  while (!done) {
    Ok(SnaAlsStep(als, &done));
    CheckLastDirection(&P, als, 0, 1e-7);
    assert_int_equal(als->state.failed, 0);
  }
  Ok(SnaAlsDestroy(&als));
  DestroyProblem(&P);
}

static void test_local_problems(void **state)
{
  SnaAlsOptions o = Options(2, (const PetscInt[]){2, 3}, 3, 3);
  Problem       P;
  SnaAls        als;
  PetscInt      enriched = 0;
  PetscBool     done     = PETSC_FALSE;

  (void)state;
  o.linesearch = PETSC_FALSE;
  CreateTransport(3, 4, 3, &P);
  Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &o, &als));
  while (!done) {
    Ok(SnaAlsStep(als, &done));
    CheckLastDirection(&P, als, als->state.phase == 0 ? 2 : 0, 1e-7);
    enriched += als->state.phase == 0;
  }
  assert_int_equal(enriched, 3);
  assert_int_equal(als->state.failed, 0);
  Ok(SnaAlsDestroy(&als));
  DestroyProblem(&P);
}

static void test_descent(void **state)
{
  Problem P;

  (void)state;
  CreateTransport(4, 5, 4, &P);
  for (int choice = 0; choice < 8; choice++) {
    SnaAlsOptions o = Options(3, (const PetscInt[]){1, 3, 5}, choice & 1 ? 4 : 0, 12);
    SnaAls        als;
    SnaAlsState   s;
    double        before = P.lsq->c0, *C[3];
    PetscBool     done   = PETSC_FALSE;

    o.linesearch    = (PetscBool)(choice >> 1 & 1);
    o.balance_every = choice >> 2 ? 2 : 0;
    Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &o, &als));
    while (!done) {
      Ok(SnaAlsStep(als, &done));
      Ok(SnaAlsGetState(als, &s));
      if (!(s.objective <= before * (1 + 1e-12)))
        fail_msg("choice %d, sweep %d: F rose from %.17g to %.17g", choice, (int)s.total, before, s.objective);
      before = s.objective;
    }
    assert_true(s.failed == 0 && s.phase == 2 && s.rank == 5);
    assert_true(s.residual < 0.5);
    Ok(SnaAlsGetFactors(als, C));
    Near(s.objective, DirectObjective(&P, 5, (const double *const *)C), 1e-10 * P.lsq->c0);
    FreeFactors(&P, C);
    Ok(SnaAlsDestroy(&als));
  }
  DestroyProblem(&P);
}

// Values of a CP function at random points.
static void Values(const Problem *P, PetscInt R, double *const C[], PetscInt n, double u[])
{
  SnaField      field;
  double       *x[3];
  uint64_t      seed = 5;
  const double *xc[3];

  for (PetscInt d = 0; d < P->nd; d++) {
    SnaBasisInfo info;

    Ok(SnaBasisGetInfo(P->basis[d], &info));
    Ok(PetscMalloc1((size_t)n, &x[d]));
    for (PetscInt i = 0; i < n; i++) x[d][i] = info.lo + (info.hi - info.lo) * (Random(&seed) + 0.5);
    xc[d] = x[d];
  }
  Ok(SnaFieldCreateCP(P->nd, P->basis, R, (const double *const *)C, &field));
  Ok(SnaFieldEvaluate(field, n, xc, u, NULL));
  Ok(SnaFieldDestroy(&field));
  for (PetscInt d = 0; d < P->nd; d++) Ok(PetscFree(x[d]));
}

// als->before holds the factors between balancing and the sweep: the columns' norms are equal, the function is the same
// as before the step. At the end, a run that balances after every sweep and one that never does have one function.
static void test_balance(void **state)
{
  enum { POINTS = 50 };
  Problem P;
  double  u[2][POINTS], v[POINTS];

  (void)state;
  CreateTransport(4, 5, 4, &P);
  for (int balance = 0; balance < 2; balance++) {
    SnaAlsOptions o = Options(2, (const PetscInt[]){2, 4}, 3, 6);
    SnaAls        als;
    double       *C[3];
    PetscInt      rank, checked = 0;
    PetscBool     done = PETSC_FALSE;

    o.linesearch    = PETSC_FALSE;
    o.balance_every = balance;
    Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &o, &als));
    while (!done) {
      SnaAlsState s;
      double      F = DirectObjective(&P, 0, (const double *const[3]){NULL}), largest = 0;

      Ok(SnaAlsGetState(als, &s));
      rank = s.rank;
      Ok(SnaAlsGetFactors(als, C));
      if (rank) {
        Values(&P, rank, C, POINTS, u[balance]);
        F = DirectObjective(&P, rank, (const double *const *)C);
      }
      Ok(SnaAlsStep(als, &done));
      if (balance && rank == als->state.rank && als->state.phase > 0) {
        for (PetscInt r = 0; r < rank; r++) {
          double norm[3] = {0};

          for (PetscInt d = 0; d < 3; d++) {
            for (PetscInt i = 0; i < P.n[d]; i++) norm[d] += PetscSqr(als->before[d][i * rank + r]);
          }
          for (PetscInt d = 1; d < 3; d++) Near(norm[d], norm[0], 1e-13 * norm[0]);
        }
        Values(&P, rank, als->before, POINTS, v);
        for (PetscInt i = 0; i < POINTS; i++) largest = fmax(largest, fabs(v[i]));
        for (PetscInt i = 0; i < POINTS; i++) Near(v[i], u[balance][i], 1e-13 * largest);
        Near(DirectObjective(&P, rank, (const double *const *)als->before), F, 1e-12 * P.lsq->c0);
        checked++;
      }
      FreeFactors(&P, C);
    }
    assert_int_equal(checked, balance ? 5 + 6 : 0); // not in the very first sweep
    Ok(SnaAlsGetFactors(als, C));
    Values(&P, 4, C, POINTS, u[balance]);
    FreeFactors(&P, C);
    Ok(SnaAlsDestroy(&als));
  }
  for (PetscInt i = 0; i < POINTS; i++) Near(u[1][i], u[0][i], 1e-6 * (fabs(u[0][i]) + 1e-2));
  DestroyProblem(&P);
}

// A run's states and factors after every step.
typedef struct {
  PetscInt    steps;
  SnaAlsState state[MAX_STEPS + 1];
  double     *C[MAX_STEPS + 1][3];
} History;

static History *Record(MPI_Comm comm, const Problem *P, const SnaAlsOptions *o)
{
  History  *h;
  SnaAls    als;
  PetscBool done = PETSC_FALSE;

  Ok(PetscNew(&h));
  Ok(SnaAlsCreate(comm, P->lsq, o, &als));
  while (!done) {
    assert_true(h->steps < MAX_STEPS);
    Ok(SnaAlsStep(als, &done));
    Ok(SnaAlsGetState(als, &h->state[h->steps]));
    Ok(SnaAlsGetFactors(als, h->C[h->steps]));
    h->steps++;
  }
  assert_true(h->state[h->steps - 1].failed == 0 && h->state[h->steps - 1].phase == 2);
  CheckFinite(P, h->state[h->steps - 1].rank, h->C[h->steps - 1]);
  Ok(SnaAlsDestroy(&als));
  return h;
}

static void Forget(const Problem *P, History *h)
{
  for (PetscInt i = 0; i < h->steps; i++) FreeFactors(P, h->C[i]);
  Ok(PetscFree(h));
}

// From every `stride`-th state of a run (all that end an enrichment or a rung among them) on to its end: the same bits.
static void CheckRestarts(const Problem *P, const SnaAlsOptions *o, PetscInt stride)
{
  History *h         = Record(PETSC_COMM_WORLD, P, o);
  PetscInt enriching = 0, ends = 0;

  for (PetscInt from = 0; from < h->steps; from++) {
    const SnaAlsState *s = &h->state[from], *next = from + 1 < h->steps ? &h->state[from + 1] : s;
    PetscBool          ok, done                   = PETSC_FALSE;
    PetscInt           step = from;
    SnaAls             als;
    SnaAlsState        now;
    double            *C[3];

    if (from % stride && next->phase == s->phase) continue;
    enriching += s->phase == 0;
    ends += next->rank > s->rank;
    Ok(SnaAlsCreate(PETSC_COMM_WORLD, P->lsq, o, &als));
    Ok(SnaAlsSetState(als, s, (const double *const *)h->C[from], &ok));
    assert_true(ok);
    Ok(SnaAlsGetState(als, &now));
    SameState(&now, s);
    while (!done) {
      Ok(SnaAlsStep(als, &done));
      step = PetscMin(step + 1, h->steps - 1);
      Ok(SnaAlsGetState(als, &now));
      SameState(&now, &h->state[step]);
    }
    assert_int_equal(step, h->steps - 1);
    Ok(SnaAlsGetFactors(als, C));
    CheckSame(P, h->state[step].rank, C, h->C[step]);
    FreeFactors(P, C);
    Ok(SnaAlsDestroy(&als));
  }
  assert_true(enriching > 0);
  assert_int_equal(ends, o->nrung - 1);
  Forget(P, h);
}

static void test_restart(void **state)
{
  SnaAlsOptions o = Options(3, (const PetscInt[]){2, 4, 7}, 3, 7);
  Problem       P;

  (void)state;
  CreateTransport(4, 5, 4, &P);
  o.tikhonov = 1e-13;
  CheckRestarts(&P, &o, 1);
  o.linesearch    = PETSC_FALSE;
  o.balance_every = 1;
  CheckRestarts(&P, &o, 2);
  DestroyProblem(&P);
  // Ranks share the sweeps of 25 and more columns, and not those before.
  CreateTransport(8, 9, 10, &P);
  o          = Options(3, (const PetscInt[]){6, 30, 33}, 2, 4);
  o.tikhonov = 1e-12;
  CheckRestarts(&P, &o, 2);
  DestroyProblem(&P);
}

// Two ranks together and each alone: the same bits of factors and state after every sweep.
static void CheckRanks(const Problem *P, const SnaAlsOptions *o)
{
  History *together = Record(PETSC_COMM_WORLD, P, o), *alone = Record(PETSC_COMM_SELF, P, o);

  assert_int_equal(together->steps, alone->steps);
  for (PetscInt i = 0; i < alone->steps; i++) {
    SameState(&together->state[i], &alone->state[i]);
    CheckSame(P, alone->state[i].rank, together->C[i], alone->C[i]);
  }
  Forget(P, together);
  Forget(P, alone);
}

static void test_ranks(void **state)
{
  static const PetscInt cells[][3]  = {{5, 6, 4}, {8, 9, 10}, {SNA_ALS_SHARE_ROWS + 5, 4, 5}, {1, 2, 1}};
  static const PetscInt ladder[][4] = {{3, 6, 9, 10}, {6, 30, 56, 60}, {4, 26, 27, 52}, {1, 2, 3, 4}};

  (void)state;
  for (int q = 0; q < 4; q++) {
    SnaAlsOptions o = Options(4, ladder[q], 3, 5);
    Problem       P;

    o.tikhonov = 1e-12;
    CreateTransport(cells[q][0], cells[q][1], cells[q][2], &P);
    CheckRanks(&P, &o);
    DestroyProblem(&P);
  }
}

// Zero and duplicated columns make local systems singular: they are solved with a larger shift.
static void test_degenerate_columns(void **state)
{
  enum { ZERO_COLUMN, ZERO_IN_LAST, COPY, MULTIPLE, ALL_ZERO, KINDS };
  static const PetscInt rank[] = {4, 26};

  (void)state;
  for (int big = 0; big < 2; big++) {
    const PetscInt R = rank[big];
    Problem        P;

    CreateTransport(6, 6, 5, &P);
    for (int kind = 0; kind < KINDS; kind++) {
      for (int shifted = 0; shifted < 2; shifted++) {
        SnaAlsOptions o = Options(1, &R, 0, 6);
        SnaAlsState   s = {.rank = R, .phase = 1, .sweep = 1, .total = 1, .step = 1};
        SnaAls        als;
        double       *C[3], before;
        uint64_t      seed = 9;
        PetscBool     ok, done = PETSC_FALSE;

        o.tikhonov = shifted ? 1e-13 : 0;
        for (PetscInt d = 0; d < 3; d++) {
          Ok(PetscMalloc1((size_t)(P.n[d] * R), &C[d]));
          for (PetscInt i = 0; i < P.n[d]; i++) {
            double *row = C[d] + i * R;

            for (PetscInt r = 0; r < R; r++) row[r] = kind == ALL_ZERO ? 0 : Random(&seed);
            if (kind == ZERO_COLUMN || (kind == ZERO_IN_LAST && d == 2)) row[1] = 0;
            if (kind == COPY) row[R - 1] = row[0];
            if (kind == MULTIPLE) row[R - 1] = -3 * row[0];
          }
        }
        s.objective = before = DirectObjective(&P, R, (const double *const *)C);
        s.residual           = sqrt(s.objective / P.lsq->c0);
        Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &o, &als));
        Ok(SnaAlsSetState(als, &s, (const double *const *)C, &ok));
        assert_true(ok);
        FreeFactors(&P, C);
        while (!done) {
          Ok(SnaAlsStep(als, &done));
          Ok(SnaAlsGetState(als, &s));
          if (s.failed) fail_msg("rank %d, kind %d, shift %g: failed = %d", (int)R, kind, o.tikhonov, (int)s.failed);
          assert_true(s.objective <= before * (1 + 1e-9));
          before = s.objective;
        }
        if (!shifted && kind != COPY && kind != MULTIPLE) assert_true(s.shifts > 0);
        if (kind == ALL_ZERO)
          assert_true(s.objective == P.lsq->c0);
        else
          assert_true(s.residual < 0.9);
        Ok(SnaAlsGetFactors(als, C));
        CheckFinite(&P, R, C);
        Near(s.objective, DirectObjective(&P, R, (const double *const *)C), 1e-8 * P.lsq->c0);
        FreeFactors(&P, C);
        Ok(SnaAlsDestroy(&als));
      }
    }
    DestroyProblem(&P);
  }
}

static void test_ladder(void **state)
{
  static const PetscInt rung[] = {2, 3, 5};
  SnaAlsOptions         o      = Options(3, rung, 3, 4);
  Problem               P;
  History              *h;
  PetscInt              step = 0;
  double                work = 0;

  (void)state;
  CreateTransport(4, 5, 4, &P);
  o.final_sweeps = 6;
  h              = Record(PETSC_COMM_WORLD, &P, &o);
  for (PetscInt i = 0; i < 3; i++) {
    for (PetscInt phase = i ? 0 : 1; phase < 2; phase++) {
      const PetscInt sweeps = phase == 0 ? 3 : i == 2 ? 6 : 4;

      for (PetscInt sweep = 1; sweep <= sweeps; sweep++, step++) {
        const SnaAlsState *s    = &h->state[step];
        const PetscBool    last = (PetscBool)(i == 2 && phase == 1 && sweep == sweeps);

        assert_true(step < h->steps);
        assert_int_equal(s->rung, i);
        assert_int_equal(s->rank, rung[i]);
        assert_int_equal(s->phase, last ? 2 : phase);
        assert_int_equal(s->sweep, sweep);
        assert_int_equal(s->total, step + 1);
        if (phase == 1) assert_true(last ? s->work == 1 : s->work > work && s->work < 1);
        if (step) Near(s->drop, 1 - s->residual / h->state[step - 1].residual, 1e-15);
        work = s->work;
      }
    }
  }
  assert_int_equal(step, h->steps);
  Forget(&P, h);

  // rtol ends a rung by stagnation, at the earliest in its third joint sweep; the enrichment keeps its sweeps.
  o.rtol = 1;
  h      = Record(PETSC_COMM_WORLD, &P, &o);
  assert_int_equal(h->steps, 3 + 3 + 3 + 3 + 3);
  Forget(&P, h);

  // Without enrichment.
  o.rtol   = 0;
  o.enrich = 0;
  h        = Record(PETSC_COMM_WORLD, &P, &o);
  assert_int_equal(h->steps, 4 + 4 + 6);
  for (PetscInt i = 0; i < h->steps - 1; i++) assert_int_equal(h->state[i].phase, 1);
  Forget(&P, h);
  DestroyProblem(&P);
}

// A finished run with a longer ladder goes on as if the ladder had always been that long; with a shorter one it is
// done at the end of its rung. A rank that is not on the ladder is refused, and the object stays as it was.
static void test_other_ladder(void **state)
{
  const SnaAlsOptions shorter = Options(2, (const PetscInt[]){2, 4}, 3, 4);
  const SnaAlsOptions longer  = Options(3, (const PetscInt[]){2, 4, 6}, 3, 4);
  Problem             P;
  History            *whole, *part;
  SnaAls              als;
  SnaAlsState         s;
  double             *C[3];
  PetscInt            steps = 0;
  PetscBool           ok, done = PETSC_FALSE;

  (void)state;
  CreateTransport(4, 5, 4, &P);
  whole = Record(PETSC_COMM_WORLD, &P, &longer);
  part  = Record(PETSC_COMM_WORLD, &P, &shorter);
  assert_int_equal(part->state[part->steps - 1].phase, 2);
  CheckSame(&P, 4, part->C[part->steps - 1], whole->C[part->steps - 1]);

  Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &longer, &als));
  Ok(SnaAlsSetState(als, &part->state[part->steps - 1], (const double *const *)part->C[part->steps - 1], &ok));
  assert_true(ok);
  while (!done) {
    Ok(SnaAlsStep(als, &done));
    Ok(SnaAlsGetState(als, &s));
    assert_true(part->steps + steps < whole->steps);
    SameState(&s, &whole->state[part->steps + steps++]);
  }
  assert_int_equal(part->steps + steps, whole->steps);
  Ok(SnaAlsGetFactors(als, C));
  CheckSame(&P, 6, C, whole->C[whole->steps - 1]);
  FreeFactors(&P, C);
  Ok(SnaAlsDestroy(&als));

  // Shorter: the state at the end of rank 4's sweeps in the long run is finished, its other states are not.
  for (PetscInt back = 0; back < 2; back++) {
    const PetscInt from = part->steps - 1 - back;

    Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &shorter, &als));
    Ok(SnaAlsSetState(als, &whole->state[from], (const double *const *)whole->C[from], &ok));
    assert_true(ok);
    assert_int_equal(als->state.phase, back ? 1 : 2);
    Ok(SnaAlsStep(als, &done));
    assert_true(done);
    Ok(SnaAlsGetState(als, &s));
    assert_int_equal(s.total, part->steps);
    Ok(SnaAlsGetFactors(als, C));
    CheckSame(&P, 4, C, part->C[part->steps - 1]);
    FreeFactors(&P, C);
    Ok(SnaAlsDestroy(&als));
  }

  Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &shorter, &als));
  Ok(SnaAlsSetState(als, &whole->state[whole->steps - 1], (const double *const *)whole->C[whole->steps - 1], &ok));
  assert_false(ok);
  Ok(SnaAlsGetState(als, &s));
  assert_true(s.total == 0 && s.rank == 0);
  Ok(SnaAlsStep(als, &done));
  Ok(SnaAlsGetState(als, &s));
  SameState(&s, &part->state[0]);
  Ok(SnaAlsDestroy(&als));
  Forget(&P, whole);
  Forget(&P, part);
  DestroyProblem(&P);
}

// a and b are cubics that vanish at the ends of their directions, hence splines, and a(x) b(y) solves -lap u = f.
static double A(double x)
{
  return x * (1 - x) * (1 + 0.7 * x);
}

static double ddA(double x)
{
  return -0.6 - 4.2 * x;
}

static double B(double y)
{
  return (1 - y * y) * (1 + 0.3 * y);
}

static double ddB(double y)
{
  return -2 - 1.8 * y;
}

// The solution has rank 1 and is in the space: it is found to round-off, and more columns than needed do no harm.
static void test_rank_one(void **state)
{
  enum { POINTS = 40 };
  static const Term op[]  = {{-1, {NULL}, {2, 0}}, {-1, {NULL}, {0, 2}}};
  static const Term rhs[] = {{1, {ddA, B}, {0}}, {1, {A, ddB}, {0}}};
  Problem           P;

  (void)state;
  CreateProblem(2, (const PetscInt[]){6, 9}, PETSC_TRUE, 2, op, 2, rhs, &P);
  for (PetscInt rungs = 1; rungs <= 2; rungs++) {
    SnaAlsOptions o = Options(rungs, (const PetscInt[]){1, 3}, 2, 30);
    SnaAls        als;
    SnaAlsState   s;
    SnaBasisInfo  info[2];
    double       *C[3], u[POINTS], *x[2], exact;
    PetscBool     done = PETSC_FALSE;
    uint64_t      seed = 5;

    o.tikhonov = rungs == 2 ? 1e-13 : 0;
    Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.lsq, &o, &als));
    while (!done) Ok(SnaAlsStep(als, &done));
    Ok(SnaAlsGetState(als, &s));
    assert_int_equal(s.failed, 0);
    assert_int_equal(s.phase, 2);
    if (!(fabs(s.objective) < 1e-12 * P.lsq->c0)) fail_msg("F = %g F(0)", s.objective / P.lsq->c0);
    Ok(SnaAlsGetFactors(als, C));
    Values(&P, s.rank, C, POINTS, u);
    for (PetscInt d = 0; d < 2; d++) { // the points of Values()
      Ok(SnaBasisGetInfo(P.basis[d], &info[d]));
      Ok(PetscMalloc1(POINTS, &x[d]));
      for (PetscInt i = 0; i < POINTS; i++) x[d][i] = info[d].lo + (info[d].hi - info[d].lo) * (Random(&seed) + 0.5);
    }
    for (PetscInt i = 0; i < POINTS; i++) {
      exact = A(x[0][i]) * B(x[1][i]);
      Near(u[i], exact, 1e-6);
    }
    Ok(PetscFree(x[0]));
    Ok(PetscFree(x[1]));
    FreeFactors(&P, C);
    Ok(SnaAlsDestroy(&als));
  }
  DestroyProblem(&P);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_objective),
    cmocka_unit_test(test_evaluate),
    cmocka_unit_test(test_one_direction),
    cmocka_unit_test(test_local_problems),
    cmocka_unit_test(test_descent),
    cmocka_unit_test(test_balance),
    cmocka_unit_test(test_restart),
    cmocka_unit_test(test_ranks),
    cmocka_unit_test(test_degenerate_columns),
    cmocka_unit_test(test_ladder),
    cmocka_unit_test(test_other_ladder),
    cmocka_unit_test(test_rank_one),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
