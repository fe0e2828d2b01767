// np: 1 2 timeout: 60
// From a tolerance to a train: problems with known solutions. Errors are L2 integrals over all points against the closed form. Ranks of the solution, the estimate,
// restarts and ranks of MPI to the last bit, limits on ranks, parameters and memory, degenerate problems.
#include <sna/tt.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

enum { DIM = 4, MAX_LEVELS = 12, MAX_STEPS = 80 };

typedef double (*Function)(double x, int derivative);
typedef double (*Exact)(const double x[]);

typedef struct { // a product; NULL stands for 1
  double   coefficient;
  Function factor[DIM];
  int      derivative[DIM]; // of u, in terms of the operator
} Term;

typedef struct {
  PetscInt  degree, cells;
  double    lo, hi;
  PetscBool first, last;
} Direction;

typedef struct {
  PetscInt    nd, nk, nv, nlevel;
  Direction   dir[DIM];
  const Term *op, *v; // L, and functions v_j: the problem is L u = sum_j L v_j
  SnaTtLevel  level[MAX_LEVELS];
} Problem;

// ---- Functions and their derivatives ----

static double X(double x, int m)
{
  return m == 0 ? x : m == 1;
}

static double X2(double x, int m)
{
  return m == 0 ? x * x : m == 1 ? 2 * x : 2;
}

static double X3(double x, int m)
{
  return m == 0 ? x * x * x : m == 1 ? 3 * x * x : 6 * x;
}

// Zero at 0 and 1, a cubic.
static double Hat(double x, int m)
{
  return m == 0 ? x * (1 - x) * (1 + 0.7 * x) : m == 1 ? 1 - 0.6 * x - 2.1 * x * x : -0.6 - 4.2 * x;
}

static double Sine(double x, int m)
{
  return m == 0 ? sin(PETSC_PI * x) : m == 1 ? PETSC_PI * cos(PETSC_PI * x) : -PETSC_PI * PETSC_PI * sin(PETSC_PI * x);
}

static double One(double x, int m)
{
  (void)x;
  return m == 0;
}

static double Bell(double x, double centre, double s, int m)
{
  const double z = (x - centre) / s, g = exp(-0.5 * z * z);

  return m == 0 ? g : m == 1 ? -z / s * g : (z * z - 1) / (s * s) * g;
}

// ---- Problems ----

static double Random(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0 - 0.5;
}

static PetscErrorCode Level(void *ctx, const PetscInt cells[], const SnaTtLevel **level)
{
  Problem      *P = (Problem *)ctx;
  SnaTtLevel   *l;
  SnaTabulation tab[DIM];
  SnaLsqTerm   *term;
  PetscInt      n = 0;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < P->nlevel; i++) {
    PetscBool same;

    PetscCall(PetscArraycmp(P->level[i].cells, cells, (size_t)P->nd, &same));
    if (!same) continue;
    *level = &P->level[i];
    PetscFunctionReturn(0);
  }
  PetscCheck(P->nlevel < MAX_LEVELS, PETSC_COMM_SELF, PETSC_ERR_PLIB, "too many levels");
  l = &P->level[P->nlevel++];
  PetscCall(PetscCalloc1((size_t)(P->nk * (1 + P->nv)), &term));
  for (PetscInt d = 0; d < P->nd; d++) {
    const Direction *D = &P->dir[d];

    l->cells[d] = cells[d];
    PetscCall(SnaBasisCreateBSpline("x", D->degree, cells[d], D->lo, D->hi, D->first, D->last, &l->bases[d]));
    PetscCall(SnaTabulationCreate(l->bases[d], PetscMax(D->degree + 3, (96 + cells[d] - 1) / cells[d]), 2, &tab[d]));
  }
  for (PetscInt k = 0; k < P->nk; k++)
    for (PetscInt j = -1; j < P->nv; j++) { // the operator, then -L v_j
      SnaLsqTerm *t = &term[j < 0 ? k : P->nk + n++];

      t->coefficient = P->op[k].coefficient * (j < 0 ? 1 : -P->v[j].coefficient);
      for (PetscInt d = 0; d < P->nd; d++) {
        const Function a = P->op[k].factor[d], v = j < 0 ? NULL : P->v[j].factor[d];
        double        *value;

        if (j < 0) t->derivative[d] = P->op[k].derivative[d];
        PetscCall(PetscMalloc1((size_t)tab[d].nq, &value));
        for (PetscInt q = 0; q < tab[d].nq; q++)
          value[q] = (a ? a(tab[d].x[q], 0) : 1) * (j < 0 ? 1 : (v ? v : One)(tab[d].x[q], P->op[k].derivative[d]));
        t->value[d] = value;
      }
    }
  PetscCall(SnaLsqCreate(P->nd, l->bases, tab, NULL, P->nk, term, n, term + P->nk, &l->lsq));
  for (PetscInt d = 0; d < P->nd; d++) {
    for (PetscInt k = 0; k < P->nk + n; k++) {
      double *value = (double *)term[k].value[d];

      PetscCall(PetscFree(value));
    }
    PetscCall(SnaTabulationDestroy(&tab[d]));
  }
  PetscCall(PetscFree(term));
  *level = l;
  PetscFunctionReturn(0);
}

static Problem *CreateProblem(PetscInt nd, const Direction dir[], PetscInt nk, const Term op[], PetscInt nv, const Term v[])
{
  Problem *P;

  Ok(PetscNew(&P));
  P->nd = nd;
  P->nk = nk;
  P->nv = nv;
  P->op = op;
  P->v  = v;
  for (PetscInt d = 0; d < nd; d++) P->dir[d] = dir[d];
  return P;
}

static void DestroyProblem(Problem *P)
{
  for (PetscInt i = 0; i < P->nlevel; i++) {
    Ok(SnaLsqDestroy(&P->level[i].lsq));
    for (PetscInt d = 0; d < P->nd; d++) Ok(SnaBasisDestroy(&P->level[i].bases[d]));
  }
  Ok(PetscFree(P));
}

static SnaTtAlsOptions Options(double rtol)
{
  return (SnaTtAlsOptions){.rtol = rtol, .max_sweeps = MAX_STEPS, .memory = 1e9, .seed = 3, .prefix = "vsna_"};
}

static SnaTtAls CreateAls(MPI_Comm comm, Problem *P, const SnaTtAlsOptions *o)
{
  PetscInt cells[DIM];
  SnaTtAls als;

  for (PetscInt d = 0; d < P->nd; d++) cells[d] = P->dir[d].cells;
  Ok(SnaTtAlsCreate(comm, P->nd, cells, Level, P, o, &als));
  return als;
}

static void CheckFinite(SnaTt tt)
{
  for (PetscInt k = 0; k < tt->nd; k++) {
    for (PetscInt i = 0; tt->leaf[k] && i < tt->n[k] * tt->m[k]; i++) assert_true(isfinite(tt->leaf[k][i]));
    for (PetscInt i = 0; i < tt->r[k] * tt->m[k] * tt->r[k + 1]; i++) assert_true(isfinite(tt->core[k][i]));
  }
}

// To the end; checks what holds for every run.
static SnaTtAls Run(MPI_Comm comm, Problem *P, const SnaTtAlsOptions *o, SnaTtAlsState *s)
{
  SnaTtAls          als  = CreateAls(comm, P, o);
  PetscBool         done = PETSC_FALSE;
  PetscInt          steps = 0, stage = 0;
  double            work = 0;
  SnaTt             tt;
  const SnaTtLevel *level;

  while (!done) {
    assert_true(steps < MAX_STEPS);
    Ok(SnaTtAlsStep(als, &done));
    Ok(SnaTtAlsGetState(als, s));
    Ok(SnaTtAlsGetTt(als, &tt, &level));
    assert_int_equal(s->total, ++steps);
    assert_int_equal(s->failed, 0);
    assert_true(s->stage >= stage && s->work >= work && s->work <= 1);
    assert_true(s->rank[0] == 1 && s->rank[P->nd] == 1);
    for (PetscInt k = 0; k < P->nd; k++) {
      assert_true(s->rank[k] == tt->r[k] && s->mode[k] == tt->m[k] && tt->n[k] <= level->lsq->dir[tt->dir[k]].n);
      assert_int_equal(s->cells[tt->dir[k]], level->cells[tt->dir[k]]);
      if (o->order_given) assert_int_equal(tt->dir[k], o->order[k]);
    }
    stage = s->stage;
    work  = s->work;
    CheckFinite(tt);
  }
  assert_int_equal(s->stage, SNA_TT_DONE);
  assert_true(s->work == 1);
  for (PetscInt d = 0; d < P->nd; d++) assert_int_equal(level->cells[d], P->dir[d].cells);
  assert_true(isfinite(s->estimate) && isfinite(s->norm) && isfinite(s->residual) && isfinite(s->change));
  return als;
}

// ---- The error, at Gauss points of the tensor grid ----

// Values of the train at all points of the grid; site 0's points are the outermost. Allocated.
static double *Values(const SnaTtLevel *level, SnaTt tt, const PetscInt nq[], double *const x[])
{
  PetscInt points = 1;
  double  *left;

  Ok(PetscMalloc1(1, &left));
  left[0] = 1;
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt d = tt->dir[k], r = tt->r[k], q = tt->r[k + 1], m = tt->m[k], n = nq[d];
    SnaBasisInfo   info;
    double        *next, *G, v[16];
    PetscInt       first;

    Ok(SnaBasisGetInfo(level->bases[d], &info));
    Ok(PetscCalloc1((size_t)(points * n * q), &next));
    Ok(PetscMalloc1((size_t)(r * q), &G));
    for (PetscInt i = 0; i < n; i++) {
      Ok(PetscArrayzero(G, r * q));
      Ok(SnaBasisEvaluate(level->bases[d], x[d][i], 0, &first, v));
      for (PetscInt j = 0; j < m; j++) {
        double f = 0;

        for (PetscInt a = 0; a <= info.degree; a++) {
          const PetscInt s = first + a - (info.drop_first ? 1 : 0);
          if (s >= 0 && s < info.n) f += v[a] * (tt->leaf[k] ? tt->leaf[k][s * m + j] : s == j);
        }
        for (PetscInt a = 0; a < r; a++) // G[b + q*a]
          for (PetscInt b = 0; b < q; b++) G[b + q * a] += f * tt->core[k][a + r * (b + q * j)];
      }
      for (PetscInt p = 0; p < points; p++)
        for (PetscInt a = 0; a < r; a++) {
          const double  l  = left[p * r + a];
          double       *to = next + (p * n + i) * q;
          const double *g  = G + q * a;

          for (PetscInt b = 0; b < q; b++) to[b] += l * g[b];
        }
    }
    Ok(PetscFree(G));
    Ok(PetscFree(left));
    left = next;
    points *= n;
  }
  return left;
}

static double SolutionOf(const Problem *P, const double x[])
{
  double sum = 0;

  for (PetscInt j = 0; j < P->nv; j++) {
    double t = P->v[j].coefficient;
    for (PetscInt d = 0; d < P->nd; d++) t *= P->v[j].factor[d] ? P->v[j].factor[d](x[d], 0) : 1;
    sum += t;
  }
  return sum;
}

// Relative L2 error of the train; exact NULL: the solution is sum_j v_j.
static double TrueError(const Problem *P, SnaTtAls als, Exact exact)
{
  PetscInt          nq[DIM], points = 1;
  double           *x[DIM], *w[DIM], *u, error = 0, norm = 0;
  SnaTt             tt;
  const SnaTtLevel *level;

  Ok(SnaTtAlsGetTt(als, &tt, &level));
  for (PetscInt d = 0; d < P->nd; d++) {
    const PetscInt per = PetscMax(3, (12 + level->cells[d] - 1) / level->cells[d]);
    double         gx[32], gw[32];

    nq[d] = per * level->cells[d];
    points *= nq[d];
    Ok(SnaGaussLegendre(per, gx, gw));
    Ok(PetscMalloc2((size_t)nq[d], &x[d], (size_t)nq[d], &w[d]));
    for (PetscInt q = 0; q < nq[d]; q++) {
      const double h = (P->dir[d].hi - P->dir[d].lo) / (double)level->cells[d];

      x[d][q] = P->dir[d].lo + h * ((double)(q / per) + 0.5 + 0.5 * gx[q % per]);
      w[d][q] = 0.5 * h * gw[q % per];
    }
  }
  u = Values(level, tt, nq, x);
  for (PetscInt i = 0; i < points; i++) {
    double   at[DIM], weight = 1, v;
    PetscInt rest = i;

    for (PetscInt k = P->nd - 1; k >= 0; k--) {
      const PetscInt d = tt->dir[k], q = rest % nq[d];

      rest /= nq[d];
      at[d] = x[d][q];
      weight *= w[d][q];
    }
    v = exact ? exact(at) : SolutionOf(P, at);
    error += weight * PetscSqr(u[i] - v);
    norm += weight * PetscSqr(v);
  }
  Ok(PetscFree(u));
  for (PetscInt d = 0; d < P->nd; d++) Ok(PetscFree2(x[d], w[d]));
  return sqrt(error / norm);
}

static void Below(const char what[], double a, double b)
{
  if (!(a <= b)) fail_msg("%s: %g > %g", what, a, b);
}

// ---- Known ranks ----

static const Term poisson[] = {
  {-1, {NULL}, {2, 0, 0}},
  {-1, {NULL}, {0, 2, 0}},
  {-1, {NULL}, {0, 0, 2}},
};
static const Term hats[]  = {{1, {Hat, Hat, Hat}, {0}}};
static const Term sines[] = {{1, {Sine, Sine, Sine}, {0}}};

// -lap u = f in 1, 2 and 3 directions with a solution of rank 1. Cubics are in the space; sines are found as well as the splines allow: with h = 1/8 their best
// approximation in L2 has error 1.2e-5 each (h^4 pi^4 sqrt(|B_8|/8!), B_8 = -1/30).
static void test_rank_one(void **state)
{
  const Direction dir[] = {{3, 8, 0, 1, PETSC_TRUE, PETSC_TRUE},
    {3, 8, 0, 1, PETSC_TRUE, PETSC_TRUE},
    {3, 8, 0, 1, PETSC_TRUE, PETSC_TRUE}};

  (void)state;
  for (PetscInt nd = 1; nd <= 3; nd++)
    for (int sine = 0; sine < 2; sine++) {
      Problem        *P = CreateProblem(nd, dir, nd, poisson, 1, sine ? sines : hats);
      SnaTtAlsOptions o = Options(sine ? 1e-4 : 1e-7);
      SnaTtAlsState   s;
      SnaTtAls        als = Run(PETSC_COMM_WORLD, P, &o, &s);

      printf("nd %d sine %d: error %g estimate %g steps %d\n", nd, sine, TrueError(P, als, NULL), s.estimate, s.total);
      for (PetscInt k = 0; k <= nd; k++) assert_int_equal(s.rank[k], 1);
      Ok(SnaTtAlsDestroy(&als));
      assert_null(als);
      DestroyProblem(P);
    }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_rank_one),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
