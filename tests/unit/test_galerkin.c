// np: 1 2 timeout: 60
// Symmetric weak forms solved in both formats, against closed forms: Poisson, a coefficient with a parameter, Robin and Neumann ends; least squares
// beside it; forms that are not coercive; restarts; equal bits on 1 and 2 ranks.
#include "galerkin_cases.h"

enum { MAX_STEPS = 120, POINTS = 6 };

typedef double (*Exact)(const double x[]);

static void Below(double a, double bound)
{
  if (!(a <= bound)) fail_msg("%.17g is above %g", a, bound);
}

static double Sine(double x)
{
  return sin(PETSC_PI * x);
}

static double Cosine(double x)
{
  return cos(PETSC_PI * x);
}

static double Cosine2(double x)
{
  return cos(2 * PETSC_PI * x);
}

typedef struct {
  double L2, energy; // errors: root of int (u-v)^2, root of a(u-v, u-v) for a = sum of grad u grad v
} Errors;

// Against the closed form and its gradient (may be NULL), POINTS points in a cell.
static Errors ErrorsOf(
  const Problem *P, const SnaTtLevel *level, SnaField f, Exact u, void (*gradient)(const double *, double *))
{
  double  *x[DIM], *value, *grad[DIM], node[POINTS], weight[POINTS];
  PetscInt total = 1;
  Errors   e     = {0, 0};

  Ok(SnaGaussLegendre(POINTS, node, weight));
  for (PetscInt d = 0; d < P->nd; d++) total *= POINTS * level->cells[d];
  Ok(PetscMalloc1((size_t)total, &value));
  for (PetscInt d = 0; d < P->nd; d++) {
    Ok(PetscMalloc1((size_t)total, &x[d]));
    Ok(PetscMalloc1((size_t)total, &grad[d]));
  }
  for (int pass = 0; pass < 2; pass++) {
    if (pass) Ok(SnaFieldEvaluate(f, total, (const double *const *)x, value, gradient ? grad : NULL));
    for (PetscInt i = 0; i < total; i++) {
      double   y[DIM], g[DIM], w = 1;
      PetscInt rest = i;

      for (PetscInt d = 0; d < P->nd; rest /= POINTS * level->cells[d], d++) {
        const PetscInt q = rest % (POINTS * level->cells[d]);
        const double   h = (P->dir[d].hi - P->dir[d].lo) / (double)level->cells[d];

        y[d] = x[d][i] = P->dir[d].lo + h * ((double)(q / POINTS) + 0.5 + 0.5 * node[q % POINTS]);
        w *= 0.5 * h * weight[q % POINTS];
      }
      if (!pass) continue;
      e.L2 += w * PetscSqr(value[i] - u(y));
      if (gradient) gradient(y, g);
      for (PetscInt d = 0; d < P->nd && gradient; d++) e.energy += w * PetscSqr(grad[d][i] - g[d]);
    }
  }
  for (PetscInt d = 0; d < P->nd; d++) {
    Ok(PetscFree(x[d]));
    Ok(PetscFree(grad[d]));
  }
  Ok(PetscFree(value));
  e.L2     = sqrt(e.L2);
  e.energy = sqrt(e.energy);
  return e;
}

static const SnaAlsOptions options = {.nrung = 1,
  .rung                                      = {1},
  .enrich                                    = 3,
  .sweeps                                    = 20,
  .final_sweeps                              = 60,
  .rtol                                      = 1e-9,
  .tikhonov                                  = 1e-13,
  .linesearch                                = PETSC_TRUE,
  .balance_every                             = 5,
  .seed                                      = 3};

// F never rises.
static SnaAlsState SolveCP(MPI_Comm comm, const SnaTtLevel *level, PetscInt nd, const SnaAlsOptions *o, SnaField *f)
{
  SnaAlsState state, before;
  SnaAls      als;
  PetscBool   done = PETSC_FALSE;
  double     *C[DIM];

  Ok(SnaAlsCreate(comm, level->lsq, o, &als));
  Ok(SnaAlsGetState(als, &state));
  assert_true(state.objective == 0 && state.residual == 1);
  for (PetscInt step = 0; !done; step++) {
    before = state;
    assert_true(step < MAX_STEPS);
    Ok(SnaAlsStep(als, &done));
    Ok(SnaAlsGetState(als, &state));
    if (state.failed) break;
    Below(state.objective, before.objective + 1e-13 * fabs(before.objective));
    Near(state.residual, sqrt(fmax(0, before.objective - state.objective) / fabs(state.objective)), 1e-12);
  }
  Ok(SnaAlsGetFactors(als, C));
  Ok(SnaFieldCreateCP(nd, level->bases, state.rank, (const double *const *)C, f));
  for (PetscInt d = 0; d < nd; d++) Ok(PetscFree(C[d]));
  Ok(SnaAlsDestroy(&als));
  return state;
}

static SnaTtAlsState SolveTT(MPI_Comm comm, Problem *P, double rtol, SnaField *f)
{
  SnaTtAlsOptions   o = {.rtol = rtol, .seed = 5, .prefix = "vsna_"};
  SnaTtAlsState     state;
  const SnaTtLevel *level;
  SnaTtAls          als;
  SnaTt             tt;
  PetscBool         done = PETSC_FALSE;
  PetscInt          cells[DIM];

  for (PetscInt d = 0; d < P->nd; d++) cells[d] = P->dir[d].cells;
  Ok(Level(P, cells, &level));
  Ok(SnaTtOrderFromOperator(level->lsq, o.order));
  Ok(SnaTtAlsCreate(comm, P->nd, cells, Level, P, &o, &als));
  for (PetscInt step = 0; !done; step++) {
    assert_true(step < MAX_STEPS);
    Ok(SnaTtAlsStep(als, &done));
    Ok(SnaTtAlsGetState(als, &state));
    assert_true(state.residual >= 0 && state.residual <= 1 + 1e-12);
  }
  Ok(SnaTtAlsGetTt(als, &tt, &level));
  Ok(SnaFieldCreateTT(P->nd, level->bases, tt, f));
  Ok(SnaTtAlsDestroy(&als));
  return state;
}

// -Laplace u = f on the unit cube with zero ends, u = product of sines.
static const Weak poisson[] = {
  {1, {NULL}, {1, 0, 0}, {1, 0, 0}, {0}},
  {1, {NULL}, {0, 1, 0}, {0, 1, 0}, {0}},
  {1, {NULL}, {0, 0, 1}, {0, 0, 1}, {0}},
};
static const Weak sines[] = {
  {2 * PETSC_PI * PETSC_PI, {Sine, Sine}, {0}, {0}, {0}},
  {3 * PETSC_PI * PETSC_PI, {Sine, Sine, Sine}, {0}, {0}, {0}},
};

static double Sines2(const double x[])
{
  return Sine(x[0]) * Sine(x[1]);
}

static double Sines3(const double x[])
{
  return Sine(x[0]) * Sine(x[1]) * Sine(x[2]);
}

static void GradSines2(const double x[], double g[])
{
  g[0] = PETSC_PI * Cosine(x[0]) * Sine(x[1]);
  g[1] = PETSC_PI * Sine(x[0]) * Cosine(x[1]);
}

static void GradSines3(const double x[], double g[])
{
  for (int d = 0; d < 3; d++) g[d] = PETSC_PI * Cosine(x[d]) * Sine(x[(d + 1) % 3]) * Sine(x[(d + 2) % 3]);
}

// F(v) - F(u) = a(v-u, v-u) for every v, F(u) = -a(u,u) = -nd pi^2 / 2^nd; errors fall as h^(p+1) in L2 and h^p in energy.
static void test_poisson(void **state)
{
  (void)state;
  for (PetscInt nd = 2; nd <= 3; nd++) {
    for (PetscInt p = nd == 2 ? 1 : 2; p <= 3; p++) {
      Errors e[2];

      for (PetscInt fine = 0; fine < 2; fine++) {
        const double    energy = (double)nd * PETSC_PI * PETSC_PI / (nd == 2 ? 4 : 8);
        const PetscInt  cells  = (nd == 2 ? 6 : 4) << fine;
        const Direction line   = {p, cells, 0, 1, PETSC_TRUE, PETSC_TRUE};
        const Direction dir[3] = {line, line, line};
        Problem         P;

        const SnaTtLevel *level = Create(nd, dir, nd, poisson, 1, &sines[nd - 2], &P);
        SnaField          f;
        SnaAlsState       s = SolveCP(PETSC_COMM_SELF, level, nd, &options, &f);

        assert_int_equal(s.failed, 0);
        e[fine] = ErrorsOf(&P, level, f, nd == 2 ? Sines2 : Sines3, nd == 2 ? GradSines2 : GradSines3);
        Near(s.objective + energy, PetscSqr(e[fine].energy), 1e-12 * energy);
        Ok(SnaFieldDestroy(&f));
        Destroy(&P);
      }
      Below((double)p + 0.8, log2(e[0].L2 / e[1].L2));
      Below((double)p - 0.2, log2(e[0].energy / e[1].energy));
    }
  }
}

// -((1 + p x) u')' = 1, u(0) = u(1) = 0:  u = (log(1 + p x) / log(1 + p) - x) / p.
static const Weak affine[] = {
  {1, {NULL}, {1, 0}, {1, 0}, {0}},
  {1, {X, X}, {1, 0}, {1, 0}, {0}},
};
static const Weak one[] = {{1, {NULL}, {0}, {0}, {0}}};

static double Logs(const double x[])
{
  return (log1p(x[1] * x[0]) / log1p(x[1]) - x[0]) / x[1];
}

static const Direction affine_dir[2] = {
  {3, 32, 0, 1, PETSC_TRUE, PETSC_TRUE}, {5, 12, 0.5, 4, PETSC_FALSE, PETSC_FALSE}};

static void test_parameter(void **state)
{
  Problem           P;
  const SnaTtLevel *level = Create(2, affine_dir, 2, affine, 1, one, &P);
  SnaAlsOptions     o     = options;
  SnaField          f;
  SnaAlsState       s;
  SnaTtAlsState     t;
  double            norm;
  Exact             u = Logs;

  (void)state;
  o.nrung = 6;
  for (PetscInt i = 0; i < 6; i++) o.rung[i] = i + 1;
  o.final_sweeps = 30;
  s              = SolveCP(PETSC_COMM_WORLD, level, 2, &o, &f);
  assert_int_equal(s.failed, 0);
  Below(ErrorsOf(&P, level, f, u, NULL).L2, 1e-7); // of the splines
  Ok(SnaFieldDestroy(&f));
  t = SolveTT(PETSC_COMM_WORLD, &P, 1e-5, &f);
  assert_int_equal(t.failed, 0);
  norm = t.norm;
  Below(ErrorsOf(&P, level, f, u, NULL).L2, 1e-5 * norm);
  Below(t.estimate, 1e-5);
  Below(t.objective, 0);
  Near(t.objective, s.objective, 1e-6 * fabs(s.objective));
  Ok(SnaFieldDestroy(&f));
  Destroy(&P);
}

// -u'' = 1, u(0) = 0, u'(1) + b u(1) = 2, b in [0, 3]:  u = A x - x^2/2, A = (3 + b/2) / (1 + b).
static const Weak robin[] = {
  {1, {NULL}, {1, 0}, {1, 0}, {0}},
  {1, {NULL, X}, {0}, {0}, {1, 0}},
};
static const Weak flux[] = {
  {1, {NULL}, {0}, {0}, {0}},
  {2, {NULL}, {0}, {0}, {1, 0}},
};

static double RobinEnd(const double x[])
{
  return (3 + 0.5 * x[1]) / (1 + x[1]) * x[0] - 0.5 * x[0] * x[0];
}

static void test_robin(void **state)
{
  const Direction   dir[2] = {{2, 4, 0, 1, PETSC_TRUE, PETSC_FALSE}, {5, 16, 0, 3, PETSC_FALSE, PETSC_FALSE}};
  Problem           P;
  const SnaTtLevel *level = Create(2, dir, 2, robin, 2, flux, &P);
  SnaAlsOptions     o     = options;
  SnaField          f;

  (void)state;
  o.nrung   = 2;
  o.rung[1] = 2; // x, x^2
  o.enrich  = 0;
  assert_int_equal(SolveCP(PETSC_COMM_SELF, level, 2, &o, &f).failed, 0);
  Below(ErrorsOf(&P, level, f, RobinEnd, NULL).L2, 1e-6); // of degree 5 in b
  Ok(SnaFieldDestroy(&f));
  assert_int_equal(SolveTT(PETSC_COMM_SELF, &P, 1e-5, &f).failed, 0);
  Below(ErrorsOf(&P, level, f, RobinEnd, NULL).L2, 1e-5);
  Ok(SnaFieldDestroy(&f));
  Destroy(&P);
}

// -Laplace u + u = f, u = cos(pi x) cos(2 pi y): ends with du/dn = 0 are left free. Reaction and diffusion in a train.
static double Cosines(const double x[])
{
  return Cosine(x[0]) * Cosine2(x[1]);
}

static void test_neumann(void **state)
{
  static const Weak reaction[] = {
    {1, {NULL}, {1, 0}, {1, 0}, {0}}, {1, {NULL}, {0, 1}, {0, 1}, {0}}, {1, {NULL}, {0}, {0}, {0}}};
  static const Weak load[] = {{1 + 5 * PETSC_PI * PETSC_PI, {Cosine, Cosine2}, {0}, {0}, {0}}};
  const Direction   line   = {3, 30, 0, 1, PETSC_FALSE, PETSC_FALSE};
  const Direction   dir[2] = {line, line};
  Problem           P;
  const SnaTtLevel *level = Create(2, dir, 3, reaction, 1, load, &P);
  SnaField          f;

  (void)state;
  assert_int_equal(SolveCP(PETSC_COMM_SELF, level, 2, &options, &f).failed, 0);
  Below(ErrorsOf(&P, level, f, Cosines, NULL).L2, 1e-5); // interpolation: h^4/384 (2 pi)^4 / 2
  Ok(SnaFieldDestroy(&f));
  assert_int_equal(SolveTT(PETSC_COMM_SELF, &P, 1e-4, &f).failed, 0);
  Below(ErrorsOf(&P, level, f, Cosines, NULL).L2, 0.5e-4);
  Ok(SnaFieldDestroy(&f));
  Destroy(&P);
}

// -Laplace u = f with a solution among the splines: x(1-x) y(1-y)(1+y), so that least squares and Galerkin both find it.
static double Bump(double x)
{
  return x * (1 - x);
}

static double Hill(double x)
{
  return x * (1 - x) * (1 + x);
}

static double SixX(double x)
{
  return 6 * x;
}

static double BumpHill(const double x[])
{
  return Bump(x[0]) * Hill(x[1]);
}

static void test_least_squares(void **state)
{
  static const Weak load[] = {{2, {NULL, Hill}, {0}, {0}, {0}}, {1, {Bump, SixX}, {0}, {0}, {0}}};
  const Direction   line   = {3, 5, 0, 1, PETSC_TRUE, PETSC_TRUE};
  const Direction   dir[2] = {line, line};
  Problem           P;
  const SnaTtLevel *level   = Create(2, dir, 2, poisson, 2, load, &P);
  SnaLsqTerm        term[4] = {{.coefficient = -1, .derivative = {2, 0}}, {.coefficient = -1, .derivative = {0, 2}},
           {.coefficient = -2}, {.coefficient = -1}};
  double           *value[3];
  SnaTtLevel        squares = *level;
  SnaField          f;
  SnaAls            als;
  PetscBool         done = PETSC_FALSE;
  double           *C[2];
  const Function    factor[3] = {Hill, Bump, SixX};

  (void)state;
  assert_int_equal(SolveCP(PETSC_COMM_SELF, level, 2, &options, &f).failed, 0);
  Below(ErrorsOf(&P, level, f, BumpHill, NULL).L2, 1e-9);
  Ok(SnaFieldDestroy(&f));
  for (int i = 0; i < 3; i++) {
    const SnaTabulation *tab = &P.tab[0][i == 1 ? 0 : 1];

    Ok(PetscMalloc1((size_t)tab->nq, &value[i]));
    for (PetscInt q = 0; q < tab->nq; q++) value[i][q] = factor[i](tab->x[q]);
  }
  term[2].value[1] = value[0];
  term[3].value[0] = value[1];
  term[3].value[1] = value[2];
  Ok(SnaLsqCreate(2, level->bases, P.tab[0], NULL, 2, term, 2, term + 2, &squares.lsq));
  assert_false(squares.lsq->galerkin);
  Ok(SnaAlsCreate(PETSC_COMM_SELF, squares.lsq, &options, &als));
  while (!done) Ok(SnaAlsStep(als, &done));
  Ok(SnaAlsGetFactors(als, C));
  Ok(SnaFieldCreateCP(2, level->bases, 1, (const double *const *)C, &f));
  Below(ErrorsOf(&P, level, f, BumpHill, NULL).L2, 1e-9);
  Ok(SnaFieldDestroy(&f));
  Ok(SnaAlsDestroy(&als));
  Ok(SnaLsqDestroy(&squares.lsq));
  for (int i = 0; i < 3; i++) Ok(PetscFree(value[i]));
  for (int i = 0; i < 2; i++) Ok(PetscFree(C[i]));
  Destroy(&P);
}

// Helmholtz beyond its first eigenvalue, 2 pi^2: F has no minimum, which both formats notice.
static void test_not_coercive(void **state)
{
  static const Weak helmholtz[] = {
    {1, {NULL}, {1, 0}, {1, 0}, {0}}, {1, {NULL}, {0, 1}, {0, 1}, {0}}, {-40, {NULL}, {0}, {0}, {0}}};
  const Direction   line   = {3, 12, 0, 1, PETSC_TRUE, PETSC_TRUE};
  const Direction   dir[2] = {line, line};
  Problem           P;
  const SnaTtLevel *level = Create(2, dir, 3, helmholtz, 1, one, &P);
  SnaField          f;

  (void)state;
  assert_true(SolveCP(PETSC_COMM_SELF, level, 2, &options, &f).failed > 0);
  Ok(SnaFieldDestroy(&f));
  assert_true(SolveTT(PETSC_COMM_SELF, &P, 1e-4, &f).failed > 0);
  Ok(SnaFieldDestroy(&f));
  Destroy(&P);
}

// u_x v_y + u_y v_x = -(u_xy v + u v_xy) with zero ends: two ways to write one form, with different mirror images, so every sweep gains the same.
static void test_mirrors(void **state)
{
  static const Weak writing[2][6] = {
    {{1, {NULL}, {1, 0}, {1, 0}, {0}}, {1, {NULL}, {0, 1}, {0, 1}, {0}}, {0.4, {NULL}, {1, 0}, {0, 1}, {0}},
      {0.4, {NULL}, {0, 1}, {1, 0}, {0}}},
    {{1, {NULL}, {1, 0}, {1, 0}, {0}}, {1, {NULL}, {0, 1}, {0, 1}, {0}}, {0.1, {NULL}, {1, 0}, {0, 1}, {0}},
      {0.1, {NULL}, {0, 1}, {1, 0}, {0}}, {-0.3, {NULL}, {1, 1}, {0, 0}, {0}}, {-0.3, {NULL}, {0, 0}, {1, 1}, {0}}},
  };
  const Direction line   = {3, 8, 0, 1, PETSC_TRUE, PETSC_TRUE};
  const Direction dir[2] = {line, line};
  SnaAlsOptions   o      = options;
  SnaAlsState     s[2];
  SnaField        f;
  int             transposed[2] = {0, 0};

  (void)state;
  o.nrung        = 2;
  o.rung[0]      = 2;
  o.rung[1]      = 4;
  o.sweeps       = 3;
  o.final_sweeps = 3;
  for (int i = 0; i < 2; i++) {
    Problem           P;
    const SnaTtLevel *level = Create(2, dir, i ? 6 : 4, writing[i], 1, one, &P);

    for (PetscInt d = 0; d < 2; d++)
      for (PetscInt p = 0; p < level->lsq->dir[d].nupper; p++) transposed[i] += level->lsq->dir[d].transposed[p] ? 1 : 0;
    s[i] = SolveCP(PETSC_COMM_SELF, level, 2, &o, &f);
    assert_int_equal(s[i].failed, 0);
    Ok(SnaFieldDestroy(&f));
    Destroy(&P);
  }
  assert_true(transposed[0] == 0 && transposed[1] == 1);
  assert_int_equal(s[0].total, s[1].total);
  Near(s[0].objective, s[1].objective, 1e-11 * fabs(s[0].objective));
  Near(s[0].residual, s[1].residual, 1e-5 * s[0].residual);
}

// The same bits on each rank alone and on all together, CP (columns enough that ranks share the work) and train; a mixed derivative.
static void test_ranks(void **state)
{
  static const Weak anisotropic[] = {
    {2, {NULL}, {1, 0}, {1, 0}, {0}},
    {1, {X, NULL}, {0, 1}, {0, 1}, {0}},
    {0.5, {X, NULL}, {1, 0}, {0, 1}, {0}},
    {0.5, {X, NULL}, {0, 1}, {1, 0}, {0}},
  };
  const Direction   dir[2] = {{3, 24, 0.2, 1, PETSC_TRUE, PETSC_TRUE}, {2, 30, 0, 1, PETSC_TRUE, PETSC_TRUE}};
  Problem           P;
  const SnaTtLevel *level   = Create(2, dir, 4, anisotropic, 1, one, &P);
  SnaAlsOptions     o       = options;
  const MPI_Comm    comm[2] = {PETSC_COMM_SELF, PETSC_COMM_WORLD};
  double           *C[2][2];
  PetscInt          rank;
  SnaField          f;
  SnaTt             tt[2] = {NULL, NULL};

  (void)state;
  assert_non_null(level);
  o.nrung        = 2;
  o.rung[0]      = 6;
  o.rung[1]      = 30;
  o.sweeps       = 3;
  o.final_sweeps = 3;
  for (int i = 0; i < 2; i++) {
    SnaField train;
    SnaTt    borrowed;

    assert_int_equal(SolveCP(comm[i], level, 2, &o, &f).failed, 0);
    Ok(SnaFieldGetCP(f, &rank, C[i]));
    Ok(SnaFieldDestroy(&f));
    assert_int_equal(SolveTT(comm[i], &P, 1e-4, &train).failed, 0);
    Ok(SnaFieldGetTT(train, &borrowed));
    Ok(SnaTtDuplicate(borrowed, &tt[i]));
    Ok(SnaFieldDestroy(&train));
  }
  for (PetscInt d = 0; d < 2; d++) {
    assert_memory_equal(C[0][d], C[1][d], (size_t)(level->lsq->dir[d].n * rank) * sizeof(double));
    assert_true(tt[0]->r[d + 1] == tt[1]->r[d + 1] && tt[0]->m[d] == tt[1]->m[d]);
    assert_memory_equal(
      tt[0]->core[d], tt[1]->core[d], (size_t)(tt[0]->r[d] * tt[0]->r[d + 1] * tt[0]->m[d]) * sizeof(double));
    for (int i = 0; i < 2; i++) Ok(PetscFree(C[i][d]));
  }
  for (int i = 0; i < 2; i++) Ok(SnaTtDestroy(&tt[i]));
  Destroy(&P);
}

// An interrupted iteration goes on with the same bits.
static void test_restart(void **state)
{
  Problem           P;
  const SnaTtLevel *level = Create(2, affine_dir, 2, affine, 1, one, &P);
  SnaAlsOptions     o     = options;
  SnaAlsState       a, b;
  SnaAls            whole, part;
  PetscBool         done = PETSC_FALSE, ok;
  double           *C[2];

  (void)state;
  o.nrung        = 2;
  o.rung[1]      = 3;
  o.final_sweeps = 6;
  for (PetscInt stop = 2; stop < 14; stop += 4) {
    Ok(SnaAlsCreate(PETSC_COMM_WORLD, level->lsq, &o, &whole));
    for (PetscInt i = 0; i < stop; i++) Ok(SnaAlsStep(whole, &done));
    Ok(SnaAlsGetState(whole, &a));
    Ok(SnaAlsGetFactors(whole, C));
    Ok(SnaAlsCreate(PETSC_COMM_WORLD, level->lsq, &o, &part));
    Ok(SnaAlsSetState(part, &a, (const double *const *)C, &ok));
    assert_true(ok);
    Ok(SnaAlsStep(whole, &done));
    Ok(SnaAlsStep(part, &done));
    Ok(SnaAlsGetState(whole, &a));
    Ok(SnaAlsGetState(part, &b));
    assert_true(a.objective == b.objective && a.residual == b.residual && a.drop == b.drop && a.sweep == b.sweep);
    for (PetscInt d = 0; d < 2; d++) Ok(PetscFree(C[d]));
    Ok(SnaAlsDestroy(&whole));
    Ok(SnaAlsDestroy(&part));
  }
  Destroy(&P);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_poisson),
    cmocka_unit_test(test_parameter),
    cmocka_unit_test(test_robin),
    cmocka_unit_test(test_neumann),
    cmocka_unit_test(test_least_squares),
    cmocka_unit_test(test_not_coercive),
    cmocka_unit_test(test_mirrors),
    cmocka_unit_test(test_ranks),
    cmocka_unit_test(test_restart),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
