// np: 1 2 timeout: 60
// From a tolerance to a train: problems with known solutions. Errors are L2 integrals over all points against the
// closed form. Ranks of the solution, the estimate, restarts and ranks of MPI to the last bit, limits on ranks,
// parameters and memory, degenerate problems.
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

static Problem *CreateProblem(
  PetscInt nd, const Direction dir[], PetscInt nk, const Term op[], PetscInt nv, const Term v[])
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
  return (SnaTtAlsOptions){.rtol = rtol, .memory = 1e9, .seed = 3, .prefix = "vsna_"};
}

static PetscBool OrderGiven(const Problem *P, const SnaTtAlsOptions *o)
{
  return (PetscBool)(P->nd > 1 && o->order[0] != o->order[1]);
}

static SnaTtAls CreateAls(MPI_Comm comm, Problem *P, const SnaTtAlsOptions *o)
{
  PetscInt          cells[DIM];
  SnaTtAlsOptions   options = *o;
  const SnaTtLevel *level;
  SnaTtAls          als;

  for (PetscInt d = 0; d < P->nd; d++) cells[d] = P->dir[d].cells;
  if (!OrderGiven(P, o)) {
    Ok(Level(P, cells, &level));
    Ok(SnaTtOrderFromOperator(level->lsq, options.order));
  }
  Ok(SnaTtAlsCreate(comm, P->nd, cells, Level, P, &options, &als));
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
  SnaTtAls          als   = CreateAls(comm, P, o);
  PetscBool         done  = PETSC_FALSE;
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
      if (OrderGiven(P, o)) assert_int_equal(tt->dir[k], o->order[k]);
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
          const PetscInt s = first + a - info.drop_first;
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
  PetscInt          nq[DIM] = {0}, points = 1;
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

// The error, at most `largest`; with factor > 0 the estimate within this factor of it.
static double CheckError(SnaTtAls als, const Problem *P, Exact exact, double largest, double factor)
{
  const double  error = TrueError(P, als, exact);
  SnaTtAlsState s;

  Ok(SnaTtAlsGetState(als, &s));
  if (!(error <= largest)) fail_msg("error %g > %g (estimate %g)", error, largest, s.estimate);
  if (factor > 0 && !(s.estimate <= factor * error && error <= factor * s.estimate))
    fail_msg("error %g, estimate %g", error, s.estimate);
  return error;
}

// ---- Known ranks ----

static const Term poisson[] = {
  {-1, {NULL}, {2, 0, 0}},
  {-1, {NULL}, {0, 2, 0}},
  {-1, {NULL}, {0, 0, 2}},
};
static const Term hats[]  = {{1, {Hat, Hat, Hat}, {0}}};
static const Term sines[] = {{1, {Sine, Sine, Sine}, {0}}};

// -lap u = f in 1, 2 and 3 directions with a solution of rank 1. Cubics are in the space. Sines are found as well as
// the splines allow: with h = 1/8 their best approximation in L2 has error (pi h)^4 sqrt(|B_8|/8!) = 2.2e-5, B_8 =
// -1/30, and that of u'' about twice as much.
static void test_rank_one(void **state)
{
  const Direction dir[] = {
    {3, 8, 0, 1, PETSC_TRUE, PETSC_TRUE}, {3, 8, 0, 1, PETSC_TRUE, PETSC_TRUE}, {3, 8, 0, 1, PETSC_TRUE, PETSC_TRUE}};

  (void)state;
  for (PetscInt nd = 1; nd <= 3; nd++)
    for (int sine = 0; sine < 2; sine++) {
      Problem        *P = CreateProblem(nd, dir, nd, poisson, 1, sine ? sines : hats);
      SnaTtAlsOptions o = Options(sine ? 1e-4 : 1e-7);
      SnaTtAlsState   s;
      SnaTtAls        als = Run(PETSC_COMM_WORLD, P, &o, &s);

      CheckError(als, P, NULL, sine ? 6e-5 : 1e-8, 0);
      if (sine) CheckError(als, P, NULL, 6e-5, 5);
      for (PetscInt k = 0; k <= nd; k++) assert_int_equal(s.rank[k], 1);
      Ok(SnaTtAlsDestroy(&als));
      assert_null(als);
      DestroyProblem(P);
    }
}

// u_x + u_y + u_z, zero where it flows in. The solution xyz + x^2 y^2 z^2 / 2 + x^3 y^3 z has ranks 3 (three powers of
// x) and 2 (two of z).
static const Term inflow[] = {{1, {NULL}, {1, 0, 0}}, {1, {NULL}, {0, 1, 0}}, {1, {NULL}, {0, 0, 1}}};
static const Term powers[] = {{1, {X, X, X}, {0}}, {0.5, {X2, X2, X2}, {0}}, {1, {X3, X3, X}, {0}}};

static void test_ranks_of_solution(void **state)
{
  const Direction dir[] = {{3, 4, 0, 1, PETSC_TRUE, PETSC_FALSE}, {4, 3, 0, 1, PETSC_TRUE, PETSC_FALSE},
    {3, 1, 0, 1, PETSC_TRUE, PETSC_FALSE}}; // one cell
  const Direction low[] = {{2, 5, 0, 1, PETSC_TRUE, PETSC_FALSE}, {4, 2, 0, 1, PETSC_TRUE, PETSC_FALSE}};

  (void)state;
  for (int backwards = 0; backwards < 2; backwards++) {
    Problem        *P = CreateProblem(3, dir, 3, inflow, 3, powers);
    SnaTtAlsOptions o = Options(1e-6);
    SnaTtAlsState   s;
    SnaTtAls        als;

    for (PetscInt k = 0; k < 3; k++) o.order[k] = backwards ? 2 - k : k;
    als = Run(PETSC_COMM_WORLD, P, &o, &s);
    assert_int_equal(s.rank[1], backwards ? 2 : 3);
    assert_int_equal(s.rank[2], backwards ? 3 : 2);
    CheckError(als, P, NULL, 1e-6, 0);
    Ok(SnaTtAlsDestroy(&als));
    DestroyProblem(P);
  }
  {
    Problem        *P = CreateProblem(2, low, 2, inflow, 2, powers);
    SnaTtAlsOptions o = Options(1e-6);
    SnaTtAlsState   s;
    SnaTtAls        als = Run(PETSC_COMM_WORLD, P, &o, &s);

    assert_int_equal(s.rank[1], 2);
    CheckError(als, P, NULL, 1e-6, 0);
    Ok(SnaTtAlsDestroy(&als));
    DestroyProblem(P);
  }
}

// ---- A plume that turns and spreads ----
//   u_t + x u_y - y u_x - D (u_xx + u_yy) = 0   from G = exp(-((x-r)^2 + y^2) / (2 s^2)):
// a Gaussian for ever, of variance s^2 + 2 D t. The field is u - G.

#define PLUME_D 1e-3
#define PLUME_R 0.2
#define PLUME_S 0.14

static double Side(double x, int m)
{
  return Bell(x, PLUME_R, PLUME_S, m);
}

static double Middle(double x, int m)
{
  return Bell(x, 0, PLUME_S, m);
}

static const Term turning[] = {
  {1, {NULL}, {0, 0, 1}},
  {-1, {NULL, X, NULL}, {1, 0, 0}},
  {1, {X, NULL, NULL}, {0, 1, 0}},
  {-PLUME_D, {NULL}, {2, 0, 0}},
  {-PLUME_D, {NULL}, {0, 2, 0}},
};
static const Term start[] = {{-1, {Side, Middle, NULL}, {0}}};

static double Plume(const double x[])
{
  const double var = PLUME_S * PLUME_S + 2 * PLUME_D * x[2], cx = PLUME_R * cos(x[2]), cy = PLUME_R * sin(x[2]);

  return PLUME_S * PLUME_S / var * exp(-0.5 * (PetscSqr(x[0] - cx) + PetscSqr(x[1] - cy)) / var) -
         exp(-0.5 * (PetscSqr(x[0] - PLUME_R) + PetscSqr(x[1])) / (PLUME_S * PLUME_S));
}

static Problem *CreatePlume(PetscInt nx, PetscInt ny, PetscInt nt)
{
  const Direction dir[] = {{3, nx, -1, 1, PETSC_TRUE, PETSC_TRUE}, {3, ny, -1, 1, PETSC_TRUE, PETSC_TRUE},
    {3, nt, 0, 1, PETSC_TRUE, PETSC_FALSE}};

  return CreateProblem(3, dir, 5, turning, 1, start);
}

// The order that the program takes, a given one and its reverse, which gives the same error; at the largest tolerance
// one rank more or less is a factor of two.
static void test_tolerance(void **state)
{
  static const double   rtol[]     = {1e-2, 1e-3, 1e-4, 1e-5};
  static const PetscInt cells[][2] = {{32, 8}, {48, 12}, {64, 16}, {112, 28}};

  (void)state;
  for (int i = 0; i < 4; i++) {
    double error[3];

    for (int order = 0; order < (i < 3 ? 3 : 1); order++) {
      Problem        *P = CreatePlume(cells[i][0], cells[i][0], cells[i][1]);
      SnaTtAlsOptions o = Options(rtol[i]);
      SnaTtAlsState   s;
      SnaTtAls        als;

      for (PetscInt k = 0; k < 3 && order > 0; k++) o.order[k] = order == 1 ? k : 2 - k; // else the program's
      als          = Run(PETSC_COMM_WORLD, P, &o, &s);
      error[order] = CheckError(als, P, Plume, 2 * rtol[i], i == 0 ? 10 : 5);
      Ok(SnaTtAlsDestroy(&als));
      DestroyProblem(P);
    }
    if ((i == 1 || i == 2) && !(error[1] < 1.3 * error[2] && error[2] < 1.3 * error[1]))
      fail_msg("rtol %g: error %g, in the reversed order %g", rtol[i], error[1], error[2]);
  }
}

// ---- Equal bits ----

typedef struct {
  PetscInt      steps;
  SnaTtAlsState state[MAX_STEPS];
  SnaTt         tt[MAX_STEPS];
} History;

static void SameBits(PetscInt n, const double *a, const double *b)
{
  for (PetscInt i = 0; i < n; i++)
    if (memcmp(&a[i], &b[i], sizeof(double)) != 0) fail_msg("[%d] %.17g and %.17g", (int)i, a[i], b[i]);
}

static void SameTrain(SnaTt a, SnaTt b)
{
  for (PetscInt k = 0; k < a->nd; k++) {
    assert_true(a->dir[k] == b->dir[k] && a->n[k] == b->n[k] && a->m[k] == b->m[k] && a->r[k + 1] == b->r[k + 1]);
    assert_true((a->leaf[k] == NULL) == (b->leaf[k] == NULL));
    if (a->leaf[k]) SameBits(a->n[k] * a->m[k], a->leaf[k], b->leaf[k]);
    SameBits(a->r[k] * a->m[k] * a->r[k + 1], a->core[k], b->core[k]);
  }
}

// Whatever the state holds: it starts as zeros and is copied whole.
static void SameState(const SnaTtAlsState *a, const SnaTtAlsState *b)
{
  const char *x = (const char *)a, *y = (const char *)b;

  assert_true(a->stage == b->stage && a->total == b->total);
  for (size_t i = 0; i < sizeof(*a); i++)
    if (x[i] != y[i]) fail_msg("step %d: the states differ in byte %d", (int)a->total, (int)i);
}

static History *Record(MPI_Comm comm, Problem *P, const SnaTtAlsOptions *o)
{
  History  *h;
  SnaTtAls  als  = CreateAls(comm, P, o);
  PetscBool done = PETSC_FALSE;

  Ok(PetscNew(&h));
  while (!done) {
    SnaTt             tt;
    const SnaTtLevel *level;

    assert_true(h->steps < MAX_STEPS);
    Ok(SnaTtAlsStep(als, &done));
    Ok(SnaTtAlsGetState(als, &h->state[h->steps]));
    Ok(SnaTtAlsGetTt(als, &tt, &level));
    Ok(SnaTtDuplicate(tt, &h->tt[h->steps++]));
  }
  assert_int_equal(h->state[h->steps - 1].stage, SNA_TT_DONE);
  Ok(SnaTtAlsDestroy(&als));
  return h;
}

static void Forget(History *h)
{
  for (PetscInt i = 0; i < h->steps; i++) Ok(SnaTtDestroy(&h->tt[i]));
  Ok(PetscFree(h));
}

static void test_mpi_ranks(void **state)
{
  (void)state;
  for (int i = 0; i < 2; i++) {
    Problem              *P        = i ? CreatePlume(48, 48, 12) : CreatePlume(28, 44, 6);
    const SnaTtAlsOptions o        = Options(i ? 1e-4 : 1e-2);
    History              *together = Record(PETSC_COMM_WORLD, P, &o), *alone = Record(PETSC_COMM_SELF, P, &o);

    assert_int_equal(together->steps, alone->steps);
    for (PetscInt k = 0; k < alone->steps; k++) {
      SameState(&together->state[k], &alone->state[k]);
      SameTrain(together->tt[k], alone->tt[k]);
    }
    Forget(together);
    Forget(alone);
    DestroyProblem(P);
  }
}

// From every state of a run to its end, on levels whose cells differ: the same bits.
static void test_restart(void **state)
{
  Problem              *P                     = CreatePlume(28, 44, 6);
  const SnaTtAlsOptions o                     = Options(3e-3);
  History              *h                     = Record(PETSC_COMM_WORLD, P, &o);
  PetscInt              seen[SNA_TT_DONE + 1] = {0};

  (void)state;
  for (PetscInt from = 0; from < h->steps; from++) {
    SnaTtAls  als  = CreateAls(PETSC_COMM_WORLD, P, &o);
    PetscBool done = PETSC_FALSE;
    PetscInt  step = from;

    seen[h->state[from].stage]++;
    Ok(SnaTtAlsSetState(als, &h->state[from], h->tt[from]));
    while (!done) {
      SnaTtAlsState     s;
      SnaTt             tt;
      const SnaTtLevel *level;

      Ok(SnaTtAlsGetState(als, &s));
      Ok(SnaTtAlsGetTt(als, &tt, &level));
      SameState(&s, &h->state[step]);
      SameTrain(tt, h->tt[step]);
      if (step == h->steps - 1) break;
      Ok(SnaTtAlsStep(als, &done));
      step++;
    }
    assert_int_equal(step, h->steps - 1);
    Ok(SnaTtAlsDestroy(&als));
  }
  for (int stage = 0; stage <= SNA_TT_DONE; stage++) assert_true(seen[stage] > 0);
  Forget(h);
  DestroyProblem(P);
}

// ---- Limits ----

static void test_limits(void **state)
{
  static const PetscInt budget[]  = {150, 300, 100000};
  Problem              *P         = CreatePlume(32, 32, 8);
  const SnaTtAlsOptions unlimited = Options(1e-3);
  SnaTtAlsOptions       o;
  SnaTtAlsState         s;
  SnaTtAls              als;
  SnaTt                 tt;
  const SnaTtLevel     *level;
  PetscInt              n, whole[4];
  double                error[3], least;

  (void)state;
  als = Run(PETSC_COMM_WORLD, P, &unlimited, &s);
  assert_true(!s.rank_limited && !s.memory_limited && s.capped_modes == 0);
  least = CheckError(als, P, Plume, 2e-3, 5);
  for (PetscInt k = 0; k <= 3; k++) whole[k] = s.rank[k];
  assert_true(whole[1] > 3 && whole[2] > 3);
  Ok(SnaTtAlsDestroy(&als));
  // A budget of numbers: kept, used, and the error is what it costs.
  for (int i = 0; i < 3; i++) {
    o            = unlimited;
    o.parameters = budget[i];
    als          = Run(PETSC_COMM_WORLD, P, &o, &s);
    Ok(SnaTtAlsGetTt(als, &tt, &level));
    Ok(SnaTtGetParameterCount(tt, &n));
    assert_true(n <= budget[i] && (i == 2 || 2 * n >= budget[i]));
    error[i] = CheckError(als, P, Plume, 1, 5);
    Ok(SnaTtAlsDestroy(&als));
  }
  assert_true(error[0] > 3 * error[1] && error[1] > 3 * error[2] && error[2] <= 1.1 * least);
  // Ranks.
  o          = unlimited;
  o.max_rank = 3;
  als        = Run(PETSC_COMM_WORLD, P, &o, &s);
  assert_true(s.rank_limited && !s.memory_limited);
  for (PetscInt k = 0; k <= 3; k++) assert_true(s.rank[k] <= 3);
  assert_true(CheckError(als, P, Plume, 0.1, 0) > 2 * least);
  Ok(SnaTtAlsDestroy(&als));
  // Memory that rank 3 needs on the deck's splines.
  {
    double bytes[3];

    o = unlimited;
    for (PetscInt r = 0; r < 3; r++) {
      Ok(SnaTtAlsGetMemory(level->lsq, (const PetscInt[]){0, 2, 1}, 2 + 4 * r, &bytes[r]));
      if (r) assert_true(bytes[r] > bytes[r - 1]);
    }
    Ok(SnaTtAlsGetMemory(level->lsq, (const PetscInt[]){0, 2, 1}, 3, &o.memory));
    als = Run(PETSC_COMM_WORLD, P, &o, &s);
    assert_true(s.memory_limited && !s.rank_limited);
    assert_true(s.rank[1] <= 3 || s.rank[2] <= 3);
    Ok(SnaTtAlsDestroy(&als));
  }
  DestroyProblem(P);
}

// sum_j sin(j pi x) sin(j pi y), j <= 22, has 22 modes in each direction; growth has 24 cells for them and 25 splines.
#define MODE(j)                                                                                                        \
  static double Mode##j(double x, int m)                                                                               \
  {                                                                                                                    \
    return m == 0 ? sin((j)*PETSC_PI * x) : 0;                                                                         \
  }
#define TERM(j)                                                                                                        \
  {                                                                                                                    \
    1, {Mode##j, Mode##j},                                                                                             \
    {                                                                                                                  \
      0                                                                                                                \
    }                                                                                                                  \
  }
MODE(1)
MODE(2)
MODE(3)
MODE(4)
MODE(5) MODE(6) MODE(7) MODE(8) MODE(9) MODE(10) MODE(11) MODE(12) MODE(13) MODE(14) MODE(15) MODE(16) MODE(17) MODE(18)
  MODE(19) MODE(20) MODE(21) MODE(22) static const Term many[] = {TERM(1), TERM(2), TERM(3), TERM(4), TERM(5), TERM(6),
    TERM(7), TERM(8), TERM(9), TERM(10), TERM(11), TERM(12), TERM(13), TERM(14), TERM(15), TERM(16), TERM(17), TERM(18),
    TERM(19), TERM(20), TERM(21), TERM(22)};

static void test_capped_modes(void **state)
{
  static const Term op[]  = {{1, {NULL}, {0}}};
  const Direction   dir[] = {{3, 64, 0, 1, PETSC_TRUE, PETSC_TRUE}, {3, 64, 0, 1, PETSC_TRUE, PETSC_TRUE}};

  (void)state;
  for (int i = 0; i < 3;
       i++) { // 8 of them fit; at the loose tolerance the first growth half sweep is bound by the modes of the trial
    const PetscInt        n    = i == 0 ? 8 : 22;
    const double          rtol = i == 2 ? 1e-2 : 1e-3;
    Problem              *P    = CreateProblem(2, dir, 1, op, n, many);
    const SnaTtAlsOptions o    = Options(rtol);
    SnaTtAlsState         s;
    SnaTtAls              als = Run(PETSC_COMM_WORLD, P, &o, &s);

    CheckError(als, P, NULL, n == 8 ? rtol : 5 * rtol, 0);
    assert_int_equal(s.rank[1], n);
    assert_int_equal(s.capped_modes, n == 8 ? 0 : 3);
    Ok(SnaTtAlsDestroy(&als));
    DestroyProblem(P);
  }
}

// 1 is orthogonal to all derivatives of functions that are zero at both ends: u = 0 and F = F(0) is the least.
static void test_zero_solution(void **state)
{
  static const Term op[] = {{1, {NULL}, {1, 0, 0}}, {1, {NULL}, {0, 1, 0}}, {1, {NULL}, {0, 0, 1}}},
                    v[]  = {{1, {X}, {0}}};

  (void)state;
  for (PetscInt nd = 1; nd <= 3; nd++) {
    const Direction       dir[] = {{3, 6, 0, 1, PETSC_TRUE, PETSC_TRUE}, {3, 26, 0, 1, PETSC_TRUE, PETSC_TRUE},
            {3, 5, 0, 1, PETSC_TRUE, PETSC_TRUE}};
    Problem              *P     = CreateProblem(nd, dir, nd, op, 1, v);
    const SnaTtAlsOptions o     = Options(1e-3);
    SnaTtAlsState         s;
    SnaTtAls              als = Run(PETSC_COMM_WORLD, P, &o, &s);

    assert_true(s.norm < 1e-12);
    assert_true(fabs(s.residual - 1) < 1e-12);
    Ok(SnaTtAlsDestroy(&als));
    DestroyProblem(P);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_rank_one),
    cmocka_unit_test(test_ranks_of_solution),
    cmocka_unit_test(test_tolerance),
    cmocka_unit_test(test_mpi_ranks),
    cmocka_unit_test(test_restart),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_capped_modes),
    cmocka_unit_test(test_zero_solution),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
