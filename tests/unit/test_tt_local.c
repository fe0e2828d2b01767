// np: 1 2 timeout: 60
// Local problems of a tensor train against sums over all pairs of terms, contracted with plain loops: matrices,
// right-hand sides, environments, F; their solution against LAPACK; the preconditioner; leaves against the CP systems;
// descent of polish sweeps. Equal bits on 1 and 2 ranks.
#include "solve/als_impl.h"
#include "tt/als_state.h"
#include <petscblaslapack.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

#define SPLIT_FLOPS 1.5e6 // of local.c: products from here on are shared by two ranks
#define DIM         6

typedef double (*Function)(double x);

typedef struct { // a term with functions in place of tables; NULL stands for 1
  double   coefficient;
  Function value[DIM];
  PetscInt derivative[DIM];
} Term;

typedef struct {
  PetscInt   nd;
  SnaTtLevel level;
  SnaTtSpace space;
} Problem;

static double X(double x)
{
  return x;
}

static double Square(double x)
{
  return 0.5 + x * x;
}

static double Cubic(double x)
{
  return x * (x * x - 0.7) + 0.1;
}

static double Wave(double x)
{
  return cos(2 * x - 0.3);
}

static double Gauss(double x)
{
  return exp(-8 * x * x);
}

static double xGauss(double x)
{
  return x * Gauss(x);
}

static double Minus(double x) // (exp(-8 (x-0.3)^2))'
{
  return -16 * (x - 0.3) * exp(-8 * (x - 0.3) * (x - 0.3));
}

static double Shifted(double x)
{
  return exp(-8 * (x - 0.3) * (x - 0.3));
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

static double Largest(PetscInt n, const double *x)
{
  double largest = 0;

  for (PetscInt i = 0; i < n; i++) largest = fmax(largest, fabs(x[i]));
  return largest;
}

static void NearArray(PetscInt n, const double *a, const double *b, double relative)
{
  const double tolerance = relative * Largest(n, b);

  for (PetscInt i = 0; i < n; i++)
    if (!(fabs(a[i] - b[i]) <= tolerance)) fail_msg("[%d] %.17g is not %.17g within %g", (int)i, a[i], b[i], tolerance);
}

static void SameBits(PetscInt n, const double *a, const double *b)
{
  for (PetscInt i = 0; i < n; i++)
    if (memcmp(&a[i], &b[i], sizeof(double)) != 0) fail_msg("[%d] %.17g and %.17g", (int)i, a[i], b[i]);
}

static double *Array(PetscInt n)
{
  double *p;

  Ok(PetscCalloc1((size_t)n, &p));
  return p;
}

static double *RandomArray(PetscInt n, uint64_t seed)
{
  double *p = Array(n);

  for (PetscInt i = 0; i < n; i++) p[i] = Random(&seed);
  return p;
}

static double Dot(PetscInt n, const double *x, const double *y)
{
  double sum = 0;

  for (PetscInt i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

// ---- Problems ----

typedef struct {
  PetscInt  degree, cells;
  double    lo, hi;
  PetscBool first, last;
} Direction;

static void CreateProblem(
  PetscInt nd, const Direction dir[], PetscInt nk, const Term op[], PetscInt nm, const Term rhs[], Problem *P)
{
  SnaTabulation tab[DIM];
  SnaLsqTerm   *term;

  memset(P, 0, sizeof(*P));
  P->nd = nd;
  for (PetscInt d = 0; d < nd; d++) {
    P->level.cells[d] = dir[d].cells;
    Ok(SnaBasisCreateBSpline(
      "x", dir[d].degree, dir[d].cells, dir[d].lo, dir[d].hi, dir[d].first, dir[d].last, &P->level.bases[d]));
    Ok(SnaTabulationCreate(P->level.bases[d], 8, 2, &tab[d]));
  }
  Ok(PetscCalloc1((size_t)(nk + nm), &term));
  for (PetscInt k = 0; k < nk + nm; k++) {
    const Term *t = k < nk ? &op[k] : &rhs[k - nk];

    term[k].coefficient = t->coefficient;
    for (PetscInt d = 0; d < nd; d++) {
      double *v;

      term[k].derivative[d] = t->derivative[d];
      if (!t->value[d]) continue;
      v = Array(tab[d].nq);
      for (PetscInt q = 0; q < tab[d].nq; q++) v[q] = t->value[d](tab[d].x[q]);
      term[k].value[d] = v;
    }
  }
  Ok(SnaLsqCreate(nd, P->level.bases, tab, NULL, nk, term, nm, term + nk, &P->level.lsq));
  for (PetscInt d = 0; d < nd; d++) {
    for (PetscInt k = 0; k < nk + nm; k++) {
      double *v = (double *)term[k].value[d];

      Ok(PetscFree(v));
    }
    Ok(SnaTabulationDestroy(&tab[d]));
  }
  Ok(PetscFree(term));
  Ok(SnaTtSpaceCreate(nd, P->level.bases, &P->space));
}

static void DestroyProblem(Problem *P)
{
  Ok(SnaTtSpaceDestroy(&P->space));
  Ok(SnaLsqDestroy(&P->level.lsq));
  for (PetscInt d = 0; d < P->nd; d++) Ok(SnaBasisDestroy(&P->level.bases[d]));
}

// u_t + p (x u_y - y u_x) - 0.1 (1/2 + t^2) u_xx - p u_yy in t, x, y, p; different degrees and ends.
static const Term transport[] = {
  {1, {NULL}, {1, 0, 0, 0}},
  {1, {NULL, X, NULL, X}, {0, 0, 1, 0}},
  {-1, {NULL, NULL, X, X}, {0, 1, 0, 0}},
  {-0.1, {Square, NULL, NULL, NULL}, {0, 2, 0, 0}},
  {-1, {NULL, NULL, NULL, X}, {0, 0, 2, 0}},
};
static const Term source[] = {
  {1, {Wave, Cubic, NULL, X}, {0}},
  {-0.5, {NULL, X, Cubic, NULL}, {0}},
  {0.25, {X, Square, Wave, Wave}, {0}},
};

static void CreateTransport(PetscInt nd, PetscInt cells, Problem *P)
{
  const Direction dir[] = {
    {3, cells, 0, 1, PETSC_TRUE, PETSC_FALSE},
    {4, cells, -1, 1, PETSC_TRUE, PETSC_TRUE},
    {2, cells + 1, -1, 1, PETSC_TRUE, PETSC_TRUE},
    {3, cells, 0.5, 2, PETSC_FALSE, PETSC_FALSE},
  };

  CreateProblem(nd, dir, 5, transport, 3, source, P);
}

static const PetscInt order4[] = {1, 0, 3, 2}, order3[] = {1, 2, 0};

// ---- The definition: sums over pairs of terms ----

// leaf^T M leaf of the pair of operator terms k (test), l (trial): P[i + m*j].
static double *PairMatrix(SnaLsq lsq, SnaTt tt, PetscInt site, PetscInt k, PetscInt l)
{
  const SnaLsqDirection *D = &lsq->dir[tt->dir[site]];
  const double          *M = D->M[D->pair[D->op[k] * D->nop + D->op[l]]];
  const PetscInt         n = D->n, m = tt->m[site], w = 2 * D->p + 1;
  double                *T = Array(n * m), *P = Array(m * m);

  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = PetscMax(0, i - D->p); j < PetscMin(n, i + D->p + 1); j++)
      for (PetscInt c = 0; c < m; c++) T[i * m + c] += M[i * w + j - i + D->p] * tt->leaf[site][j * m + c];
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < m; j++)
      for (PetscInt c = 0; c < m; c++) P[j + m * c] += tt->leaf[site][i * m + j] * T[i * m + c];
  Ok(PetscFree(T));
  return P;
}

// leaf^T f of operator term k and right-hand-side term q.
static double *PairVector(SnaLsq lsq, SnaTt tt, PetscInt site, PetscInt k, PetscInt q)
{
  const SnaLsqDirection *D = &lsq->dir[tt->dir[site]];
  const double          *f = D->f + (D->op[k] * D->nrhs + D->rhs[q]) * D->n;
  const PetscInt         m = tt->m[site];
  double                *v = Array(m);

  for (PetscInt i = 0; i < D->n; i++)
    for (PetscInt j = 0; j < m; j++) v[j] += tt->leaf[site][i * m + j] * f[i];
  return v;
}

// One site taken into an environment: out = core^T (in (x) P) core, from the left or from the right.
static double *Advance(SnaTt tt, PetscInt k, PetscBool left, const double *P, double *in)
{
  const PetscInt r = tt->r[k], q = tt->r[k + 1], m = tt->m[k], a = left ? r : q, b = left ? q : r;
  double        *x = Array(a * b * m), *t = Array(a * b * m), *s = Array(a * b * m), *out = Array(b * b);

  for (PetscInt j = 0; j < m; j++) // x[a, b, j], a the side that the environment is on
    for (PetscInt c = 0; c < q; c++)
      for (PetscInt e = 0; e < r; e++)
        x[(left ? e : c) + a * ((left ? c : e) + b * j)] = tt->core[k][e + r * (c + q * j)];
  for (PetscInt i = 0; i < b * m; i++)
    for (PetscInt e = 0; e < a; e++)
      for (PetscInt c = 0; c < a; c++) t[c + a * i] += in[c + a * e] * x[e + a * i];
  for (PetscInt j = 0; j < m; j++)
    for (PetscInt i = 0; i < m; i++)
      for (PetscInt e = 0; e < a * b; e++) s[e + a * b * i] += P[i + m * j] * t[e + a * b * j];
  for (PetscInt j = 0; j < m; j++)
    for (PetscInt d = 0; d < b; d++)
      for (PetscInt c = 0; c < b; c++)
        for (PetscInt e = 0; e < a; e++) out[c + b * d] += x[e + a * (c + b * j)] * s[e + a * (d + b * j)];
  Ok(PetscFree(in));
  Ok(PetscFree(x));
  Ok(PetscFree(t));
  Ok(PetscFree(s));
  return out;
}

static double *AdvanceVector(SnaTt tt, PetscInt k, PetscBool left, const double *f, double *in)
{
  const PetscInt r = tt->r[k], q = tt->r[k + 1];
  double        *out = Array(left ? q : r);

  for (PetscInt j = 0; j < tt->m[k]; j++)
    for (PetscInt c = 0; c < q; c++)
      for (PetscInt e = 0; e < r; e++) {
        const double v = f[j] * tt->core[k][e + r * (c + q * j)];
        if (left)
          out[c] += v * in[e];
        else
          out[e] += v * in[c];
      }
  Ok(PetscFree(in));
  return out;
}

// Cut `cut` from the left or the right for the pair of terms.
static double *Side(SnaLsq lsq, SnaTt tt, PetscInt cut, PetscBool left, PetscInt k, PetscInt l, PetscBool vector)
{
  double *E = Array(1);

  E[0] = 1;
  for (PetscInt i = 0; i < (left ? cut : tt->nd - cut); i++) {
    const PetscInt site = left ? i : tt->nd - 1 - i;
    double        *P    = vector ? PairVector(lsq, tt, site, k, l) : PairMatrix(lsq, tt, site, k, l);

    E = vector ? AdvanceVector(tt, site, left, P, E) : Advance(tt, site, left, P, E);
    Ok(PetscFree(P));
  }
  return E;
}

// y[i, j, o] = sum_l B[j, l] x[i, l, o] for arrays inner x n x outer.
static double *Multiply(PetscInt inner, PetscInt n, PetscInt outer, const double *B, double *x)
{
  double *y = Array(inner * n * outer);

  for (PetscInt o = 0; o < outer; o++)
    for (PetscInt l = 0; l < n; l++)
      for (PetscInt j = 0; j < n; j++)
        for (PetscInt i = 0; i < inner; i++) y[i + inner * (j + n * o)] += B[j + n * l] * x[i + inner * (l + n * o)];
  Ok(PetscFree(x));
  return y;
}

static PetscInt Size(SnaTt tt, PetscInt k, PetscInt nsite)
{
  return tt->r[k] * tt->r[k + nsite] * tt->m[k] * (nsite == 2 ? tt->m[k + 1] : 1);
}

// A x, `columns` of them one after the other.
static double *TrueProduct(SnaLsq lsq, SnaTt tt, PetscInt k, PetscInt nsite, PetscInt columns, const double *x)
{
  const PetscInt r = tt->r[k], q = tt->r[k + nsite], m1 = tt->m[k], m2 = nsite == 2 ? tt->m[k + 1] : 1,
                 N = Size(tt, k, nsite);
  double *y        = Array(N * columns);

  for (PetscInt a = 0; a < lsq->nk; a++)
    for (PetscInt b = 0; b < lsq->nk; b++) {
      double *E = Side(lsq, tt, k, PETSC_TRUE, a, b, PETSC_FALSE),
             *F = Side(lsq, tt, k + nsite, PETSC_FALSE, a, b, PETSC_FALSE), *P[2] = {NULL}, *z = Array(N * columns);

      for (PetscInt i = 0; i < nsite; i++) P[i] = PairMatrix(lsq, tt, k + i, a, b);
      memcpy(z, x, (size_t)(N * columns) * sizeof(double));
      z = Multiply(1, r, q * m1 * m2 * columns, E, z);
      z = Multiply(r, q, m1 * m2 * columns, F, z);
      z = Multiply(r * q, m1, m2 * columns, P[0], z);
      if (nsite == 2) z = Multiply(r * q * m1, m2, columns, P[1], z);
      for (PetscInt i = 0; i < N * columns; i++) y[i] += lsq->s[a] * lsq->s[b] * z[i];
      Ok(PetscFree(E));
      Ok(PetscFree(F));
      Ok(PetscFree(z));
      for (PetscInt i = 0; i < nsite; i++) Ok(PetscFree(P[i]));
    }
  return y;
}

static double *TrueMatrix(SnaLsq lsq, SnaTt tt, PetscInt k, PetscInt nsite)
{
  const PetscInt N    = Size(tt, k, nsite);
  double        *unit = Array(N * N), *A;

  for (PetscInt i = 0; i < N; i++) unit[i * (N + 1)] = 1;
  A = TrueProduct(lsq, tt, k, nsite, N, unit);
  Ok(PetscFree(unit));
  return A;
}

static double *TrueRhs(SnaLsq lsq, SnaTt tt, PetscInt k, PetscInt nsite)
{
  const PetscInt r = tt->r[k], q = tt->r[k + nsite], m1 = tt->m[k], m2 = nsite == 2 ? tt->m[k + 1] : 1;
  double        *y = Array(Size(tt, k, nsite));

  for (PetscInt a = 0; a < lsq->nk; a++)
    for (PetscInt b = 0; b < lsq->nm; b++) {
      double *E = Side(lsq, tt, k, PETSC_TRUE, a, b, PETSC_TRUE),
             *F = Side(lsq, tt, k + nsite, PETSC_FALSE, a, b, PETSC_TRUE), *f[2] = {NULL};

      for (PetscInt i = 0; i < nsite; i++) f[i] = PairVector(lsq, tt, k + i, a, b);
      for (PetscInt j2 = 0; j2 < m2; j2++)
        for (PetscInt j1 = 0; j1 < m1; j1++)
          for (PetscInt c = 0; c < q; c++)
            for (PetscInt e = 0; e < r; e++)
              y[e + r * (c + q * (j1 + m1 * j2))] +=
                lsq->s[a] * lsq->t[b] * E[e] * F[c] * f[0][j1] * (nsite == 2 ? f[1][j2] : 1);
      Ok(PetscFree(E));
      Ok(PetscFree(F));
      for (PetscInt i = 0; i < nsite; i++) Ok(PetscFree(f[i]));
    }
  return y;
}

// x = A^-1 b by LAPACK; returns x^T b. A is kept.
static double DenseSolve(PetscInt N, const double *A, const double *b, double *x)
{
  const PetscBLASInt n = (PetscBLASInt)N, one = 1;
  PetscBLASInt       info;
  double            *L = Array(N * N);

  memcpy(L, A, (size_t)(N * N) * sizeof(double));
  memcpy(x, b, (size_t)N * sizeof(double));
  LAPACKpotrf_("L", &n, L, &n, &info);
  assert_int_equal(info, 0);
  LAPACKpotrs_("L", &n, &one, L, &n, x, &n, &info);
  assert_int_equal(info, 0);
  Ok(PetscFree(L));
  return Dot(N, x, b);
}

// ---- A train with its tables and environments, made by the solver's functions ----

typedef struct {
  SnaTtLocalSolver solver;
  SnaTtOperator    op;
  SnaTt            tt; // borrowed
  SnaTtTables      table[DIM];
  double          *E[DIM + 1], *hE[DIM + 1], *F[DIM + 1], *hF[DIM + 1];
} Chain;

static void LocalOf(Chain *c, PetscInt k, PetscInt nsite, SnaTtLocal *l)
{
  SnaTt tt = c->tt;

  *l = (SnaTtLocal){.nsite = nsite,
    .k                     = k,
    .r                     = tt->r[k],
    .q                     = tt->r[k + nsite],
    .m                     = {tt->m[k], nsite == 2 ? tt->m[k + 1] : 1},
    .E                     = c->E[k],
    .F                     = c->F[k + nsite],
    .hE                    = c->hE[k],
    .hF                    = c->hF[k + nsite],
    .tables                = {&c->table[k], nsite == 2 ? &c->table[k + 1] : NULL}};
}

static void CreateChain(MPI_Comm comm, const Problem *P, SnaTt tt, Chain *c)
{
  const PetscInt nd = tt->nd;
  SnaTtLocal     l;

  memset(c, 0, sizeof(*c));
  c->tt = tt;
  Ok(SnaTtLocalSolverCreate(comm, "vsna_tt_", &c->solver));
  Ok(SnaTtOperatorCreate(P->level.lsq, tt->dir, &c->op));
  for (PetscInt k = 0; k < nd; k++) Ok(SnaTtTablesProject(P->level.lsq, c->op, k, tt->m[k], tt->leaf[k], &c->table[k]));
  for (PetscInt k = 0; k <= nd; k++) {
    const PetscInt r = tt->r[k];

    c->E[k]  = Array(c->op->A.nstate[k] * r * r);
    c->F[k]  = Array(c->op->A.nstate[k] * r * r);
    c->hE[k] = Array(c->op->b.nstate[k] * r);
    c->hF[k] = Array(c->op->b.nstate[k] * r);
  }
  c->E[0][0] = c->hE[0][0] = c->F[nd][0] = c->hF[nd][0] = 1;
  for (PetscInt k = 0; k < nd; k++) {
    LocalOf(c, k, 1, &l);
    Ok(SnaTtEnvironment(c->solver, c->op, &l, tt->core[k], PETSC_TRUE, c->E[k + 1], c->hE[k + 1]));
  }
  for (PetscInt k = nd - 1; k >= 0; k--) {
    LocalOf(c, k, 1, &l);
    Ok(SnaTtEnvironment(c->solver, c->op, &l, tt->core[k], PETSC_FALSE, c->F[k], c->hF[k]));
  }
}

static void DestroyChain(Chain *c)
{
  for (PetscInt k = 0; k <= c->tt->nd; k++) {
    Ok(PetscFree(c->E[k]));
    Ok(PetscFree(c->F[k]));
    Ok(PetscFree(c->hE[k]));
    Ok(PetscFree(c->hF[k]));
    if (k < c->tt->nd) Ok(SnaTtTablesDestroy(&c->table[k]));
  }
  Ok(SnaTtOperatorDestroy(&c->op));
  Ok(SnaTtLocalSolverDestroy(&c->solver));
  assert_null(c->solver);
}

// A train without any structure: leaves and cores at random, so that no environment is an identity.
static SnaTt RandomTrain(const Problem *P, const PetscInt dir[], const PetscInt m[], const PetscInt r[], uint64_t seed)
{
  PetscInt n[DIM];
  SnaTt    tt;

  for (PetscInt k = 0; k < P->nd; k++) n[k] = P->space->info[dir[k]].n;
  Ok(SnaTtCreate(P->nd, dir, n, m, r, NULL, &tt));
  for (PetscInt k = 0; k < P->nd; k++) {
    for (PetscInt i = 0; i < n[k] * m[k]; i++) tt->leaf[k][i] = Random(&seed);
    for (PetscInt i = 0; i < Size(tt, k, 1); i++) tt->core[k][i] = Random(&seed);
  }
  return tt;
}

// ---- Tests ----

// Every state's environments are sums over the machine's paths, every transition with its own 1-D table.
static void CheckEnvironments(const Problem *P, SnaTt tt, Chain *c)
{
  double     *E = Array(1), *h = Array(1);
  SnaTtLocal  l;
  const char *side[] = {"right", "left"};

  for (PetscInt left = 0; left < 2; left++) {
    E[0] = h[0] = 1;
    for (PetscInt i = 0; i < P->nd; i++) {
      const PetscInt k = left ? i : P->nd - 1 - i, from = left ? k : k + 1, to = left ? k + 1 : k;
      const PetscInt rf = tt->r[from], rt = tt->r[to], nA = c->op->A.nstate[to] * rt * rt,
                     nb = c->op->b.nstate[to] * rt;
      double *nextE = Array(nA), *nexth = Array(nb);

      LocalOf(c, k, 1, &l);
      for (PetscInt t = 0; t < c->op->A.ntrans[k]; t++) {
        const SnaTtTransition *T = &c->op->A.trans[k][t];
        const PetscInt         s = left ? T->from : T->to, u = left ? T->to : T->from;
        double                *in = Array(rf * rf);

        memcpy(in, E + s * rf * rf, (size_t)(rf * rf) * sizeof(double));
        in = Advance(tt, k, (PetscBool)left, c->table[k].M + T->table * tt->m[k] * tt->m[k], in);
        for (PetscInt j = 0; j < rt * rt; j++) nextE[u * rt * rt + j] += T->value * in[j];
        Ok(PetscFree(in));
      }
      for (PetscInt t = 0; t < c->op->b.ntrans[k]; t++) {
        const SnaTtTransition *T = &c->op->b.trans[k][t];
        const PetscInt         s = left ? T->from : T->to, u = left ? T->to : T->from;
        double                *in = Array(rf);

        memcpy(in, h + s * rf, (size_t)rf * sizeof(double));
        in = AdvanceVector(tt, k, (PetscBool)left, c->table[k].f + T->table * tt->m[k], in);
        for (PetscInt j = 0; j < rt; j++) nexth[u * rt + j] += T->value * in[j];
        Ok(PetscFree(in));
      }
      if (!(Largest(nA, nextE) > 0)) fail_msg("no environment on the %s of cut %d", side[left], (int)to);
      NearArray(nA, left ? c->E[to] : c->F[to], nextE, 1e-12);
      NearArray(nb, left ? c->hE[to] : c->hF[to], nexth, 1e-11);
      Ok(PetscFree(E));
      Ok(PetscFree(h));
      E = nextE;
      h = nexth;
    }
    // The whole train: one number.
    assert_int_equal(c->op->A.nstate[left ? P->nd : 0], 1);
    if (left) Near(E[0], c->F[0][0], 1e-12 * fabs(E[0]));
  }
  Ok(PetscFree(E));
  Ok(PetscFree(h));
}

static void test_environments(void **state)
{
  static const PetscInt m[2][4] = {{2, 3, 2, 4}, {12, 14, 11, 10}}, r[2][5] = {{1, 3, 5, 2, 1}, {1, 12, 22, 9, 1}};

  (void)state;
  for (int big = 0; big < 2; big++) {
    Problem P;
    SnaTt   tt;
    Chain   c[2];

    CreateTransport(4, big ? 14 : 3, &P);
    tt = RandomTrain(&P, order4, m[big], r[big], 1);
    CreateChain(PETSC_COMM_WORLD, &P, tt, &c[0]);
    CreateChain(PETSC_COMM_SELF, &P, tt, &c[1]);
    CheckEnvironments(&P, tt, &c[0]);
    for (PetscInt k = 0; k <= 4; k++) {
      SameBits(c->op->A.nstate[k] * tt->r[k] * tt->r[k], c[0].E[k], c[1].E[k]);
      SameBits(c->op->A.nstate[k] * tt->r[k] * tt->r[k], c[0].F[k], c[1].F[k]);
      SameBits(c->op->b.nstate[k] * tt->r[k], c[0].hE[k], c[1].hE[k]);
      SameBits(c->op->b.nstate[k] * tt->r[k], c[0].hF[k], c[1].hF[k]);
    }
    DestroyChain(&c[0]);
    DestroyChain(&c[1]);
    Ok(SnaTtDestroy(&tt));
    DestroyProblem(&P);
  }
}

// Dense, every site and pair of sites, ranks that rise and fall; leaves at random and orthonormal (identity tables).
static void test_matrix(void **state)
{
  static const PetscInt m[] = {2, 3, 2, 4}, r[] = {1, 2, 5, 3, 1};
  Problem               P;

  (void)state;
  CreateTransport(4, 3, &P);
  for (int orthonormal = 0; orthonormal < 2; orthonormal++) {
    SnaTt    tt;
    Chain    c;
    PetscInt identities = 0;

    if (orthonormal)
      Ok(SnaTtCreateRandom(P.space, order4, 3, 5, 3, &tt));
    else
      tt = RandomTrain(&P, order4, m, r, 2);
    CreateChain(PETSC_COMM_WORLD, &P, tt, &c);
    for (PetscInt k = 0; k < 4; k++)
      for (PetscInt t = 0; t < c.table[k].ntable; t++) identities += c.table[k].identity[t] ? 1 : 0;
    assert_true(orthonormal ? identities >= 4 : identities == 0);
    for (PetscInt nsite = 1; nsite <= 2; nsite++)
      for (PetscInt k = 0; k + nsite <= 4; k++) {
        const PetscInt N = Size(tt, k, nsite);
        double *A = TrueMatrix(P.level.lsq, tt, k, nsite), *b = TrueRhs(P.level.lsq, tt, k, nsite), *B = Array(N * N),
               *x = Array(N);
        SnaTtLocal l;

        LocalOf(&c, k, nsite, &l);
        for (PetscInt i = 0; i < N; i++) {
          memset(x, 0, (size_t)N * sizeof(double));
          x[i] = 1;
          Ok(SnaTtLocalApply(c.solver, c.op, &l, x, B + i * N));
        }
        NearArray(N * N, B, A, 1e-12);
        for (PetscInt i = 0; i < N; i++)
          for (PetscInt j = 0; j < i; j++) Near(B[i + N * j], B[j + N * i], 1e-12 * Largest(N * N, A));
        Ok(SnaTtLocalRhs(c.solver, c.op, &l, x));
        NearArray(N, x, b, 1e-11);
        Ok(PetscFree(A));
        Ok(PetscFree(B));
        Ok(PetscFree(b));
        Ok(PetscFree(x));
      }
    DestroyChain(&c);
    Ok(SnaTtDestroy(&tt));
  }
  DestroyProblem(&P);
}

// Products that two ranks share: the same numbers, and the same bits as on one rank. Odd ranks have unequal halves.
static void test_shared_products(void **state)
{
  static const PetscInt m[] = {12, 14, 11, 10}, r[] = {1, 13, 24, 9, 1};
  Problem               P;
  SnaTt                 tt;
  Chain                 c[2];
  PetscInt              shared = 0, whole = 0;

  (void)state;
  CreateTransport(4, 14, &P);
  tt = RandomTrain(&P, order4, m, r, 4);
  CreateChain(PETSC_COMM_WORLD, &P, tt, &c[0]);
  CreateChain(PETSC_COMM_SELF, &P, tt, &c[1]);
  for (PetscInt nsite = 1; nsite <= 2; nsite++)
    for (PetscInt k = 0; k + nsite <= 4; k++) {
      const PetscInt N = Size(tt, k, nsite);
      double        *x = RandomArray(N, 5), *z = RandomArray(N, 6), *y[2] = {Array(N), Array(N)},
             *Ax = TrueProduct(P.level.lsq, tt, k, nsite, 1, x), *b = TrueRhs(P.level.lsq, tt, k, nsite), flops;
      SnaTtLocal l;

      for (int i = 0; i < 2; i++) {
        LocalOf(&c[i], k, nsite, &l);
        flops = SnaTtLocalSolverFlops(c[i].solver);
        Ok(SnaTtLocalApply(c[i].solver, c[i].op, &l, x, y[i]));
        flops = SnaTtLocalSolverFlops(c[i].solver) - flops;
      }
      if (PetscMax(l.r, l.q) >= 4 && flops > SPLIT_FLOPS)
        shared++;
      else
        whole++;
      NearArray(N, y[0], Ax, 1e-12);
      SameBits(N, y[0], y[1]);
      Ok(SnaTtLocalApply(c[0].solver, c[0].op, &l, z, y[1]));
      Near(Dot(N, x, y[1]), Dot(N, z, Ax), 1e-12 * sqrt(Dot(N, Ax, Ax) * Dot(N, z, z)));
      Ok(SnaTtLocalRhs(c[0].solver, c[0].op, &l, y[0]));
      NearArray(N, y[0], b, 1e-11);
      for (int i = 0; i < 2; i++) Ok(PetscFree(y[i]));
      Ok(PetscFree(Ax));
      Ok(PetscFree(b));
      Ok(PetscFree(x));
      Ok(PetscFree(z));
    }
  assert_true(shared >= 5 && whole >= 1);
  DestroyChain(&c[0]);
  DestroyChain(&c[1]);
  Ok(SnaTtDestroy(&tt));
  DestroyProblem(&P);
}

// F = x^T A x + 2 b^T x + c0 with the core of any site as x.
static double Objective(Chain *c, SnaLsq lsq, PetscInt k, PetscInt nsite, const double *x)
{
  const PetscInt N = Size(c->tt, k, nsite);
  double        *y = Array(N), F = lsq->c0;
  SnaTtLocal     l;

  LocalOf(c, k, nsite, &l);
  Ok(SnaTtLocalApply(c->solver, c->op, &l, x, y));
  F += Dot(N, x, y);
  Ok(SnaTtLocalRhs(c->solver, c->op, &l, y));
  F += 2 * Dot(N, x, y);
  Ok(PetscFree(y));
  return F;
}

// A CP field, as it stands and as a train in any order, with the centre at every site: one F. The CP's is held against
// direct quadrature by test_als.
static void test_objective_of_cp(void **state)
{
  static const PetscInt orders[3][4] = {{0, 1, 2, 3}, {1, 0, 3, 2}, {3, 1, 2, 0}};
  Problem               P;

  (void)state;
  CreateTransport(4, 5, &P);
  for (PetscInt R = 1; R <= 7; R += 3) {
    SnaAlsOptions o = {.nrung = 1, .rung = {R}, .sweeps = 1, .final_sweeps = 1, .seed = 1};
    SnaAlsState   s = {.rank = R, .phase = 1, .sweep = 1, .objective = 1, .residual = 1, .step = 1};
    SnaAls        als;
    double       *C[4], F;
    PetscBool     ok;

    for (PetscInt d = 0; d < 4; d++) C[d] = RandomArray(P.space->info[d].n * R, 10 + (uint64_t)d);
    Ok(SnaAlsCreate(PETSC_COMM_WORLD, P.level.lsq, &o, &als));
    Ok(SnaAlsSetState(als, &s, (const double *const *)C, &ok));
    assert_true(ok);
    Ok(SnaAlsObjective_Private(als, &als->now, &F));
    Ok(SnaAlsDestroy(&als));
    for (int i = 0; i < 3; i++) {
      SnaTt tt;

      Ok(SnaTtFromCP(P.space, orders[i], R, (const double *const *)C, &tt));
      for (PetscInt k = 0; k < 4; k++) {
        Chain c;

        CreateChain(PETSC_COMM_WORLD, &P, tt, &c);
        for (PetscInt site = 0; site < 4; site++)
          Near(Objective(&c, P.level.lsq, site, 1, tt->core[site]), F, 1e-11 * F);
        DestroyChain(&c);
        if (k < 3) Ok(SnaTtMoveCentre(tt, k, PETSC_TRUE));
      }
      Ok(SnaTtDestroy(&tt));
    }
    for (PetscInt d = 0; d < 4; d++) Ok(PetscFree(C[d]));
  }
  DestroyProblem(&P);
}

// Solved to the end: LAPACK's solution of the dense system, whatever the start. After each iteration F is lower, and is
// what the call says.
static void test_solution(void **state)
{
  Problem P;
  SnaTt   tt;
  Chain   c;

  (void)state;
  CreateTransport(4, 3, &P);
  Ok(SnaTtCreateRandom(P.space, order4, 4, 5, 3, &tt));
  CreateChain(PETSC_COMM_WORLD, &P, tt, &c);
  for (PetscInt nsite = 1; nsite <= 2; nsite++)
    for (PetscInt k = 0; k + nsite <= 4; k++) {
      const PetscInt N = Size(tt, k, nsite);
      double *A = TrueMatrix(P.level.lsq, tt, k, nsite), *b = TrueRhs(P.level.lsq, tt, k, nsite), *best = Array(N),
             *x = RandomArray(N, 7), *start = RandomArray(N, 7), F, before, least;
      PetscInt   its;
      PetscBool  failed;
      SnaTtLocal l;

      LocalOf(&c, k, nsite, &l);
      for (PetscInt i = 0; i < N; i++) b[i] = -b[i];
      least = P.level.lsq->c0 - DenseSolve(N, A, b, best);
      Ok(SnaTtLocalSolve(c.solver, c.op, &l, 3000, 1e-14, x, &F, &failed, &its));
      assert_false(failed);
      NearArray(N, x, best, 1e-8);
      Near(P.level.lsq->c0 + F, least, 1e-11 * P.level.lsq->c0);
      before = Objective(&c, P.level.lsq, k, nsite, start);
      for (PetscInt max_it = 1; max_it <= 12; max_it += PetscMax(1, max_it / 2)) {
        memcpy(x, start, (size_t)N * sizeof(double));
        Ok(SnaTtLocalSolve(c.solver, c.op, &l, max_it, 1e-14, x, &F, &failed, &its));
        F += P.level.lsq->c0;
        assert_false(failed);
        assert_true(its <= max_it);
        if (!(F <= before * (1 + 1e-12))) fail_msg("site %d: F rises from %.15g to %.15g", (int)k, before, F);
        assert_true(F >= least * (1 - 1e-10));
        Near(F, Objective(&c, P.level.lsq, k, nsite, x), 1e-12 * before);
        before = F;
      }
      // A start that is the solution is kept.
      memcpy(x, best, (size_t)N * sizeof(double));
      Ok(SnaTtLocalSolve(c.solver, c.op, &l, 10, 1e-2, x, NULL, &failed, &its));
      assert_false(failed);
      NearArray(N, x, best, 1e-8);
      Ok(PetscFree(A));
      Ok(PetscFree(b));
      Ok(PetscFree(best));
      Ok(PetscFree(x));
      Ok(PetscFree(start));
    }
  DestroyChain(&c);
  Ok(SnaTtDestroy(&tt));
  DestroyProblem(&P);
}

// Every rank, with the other and alone, finds the same bits: iterates, F, environments, tables of the leaf.
static void test_ranks(void **state)
{
  Problem P;

  (void)state;
  for (int big = 0; big < 2; big++) {
    SnaTt tt;
    Chain c[2];

    CreateTransport(4, big ? 14 : 4, &P);
    Ok(SnaTtCreateRandom(P.space, order4, big ? 11 : 3, big ? 23 : 5, 8, &tt));
    CreateChain(PETSC_COMM_WORLD, &P, tt, &c[0]);
    CreateChain(PETSC_COMM_SELF, &P, tt, &c[1]);
    for (PetscInt nsite = 1; nsite <= 2; nsite++)
      for (PetscInt k = 0; k + nsite <= 4; k++) {
        const SnaLsqDirection *D = &P.level.lsq->dir[tt->dir[k]];
        const PetscInt N = Size(tt, k, nsite), nG = D->npair * tt->m[k] * tt->m[k], ng = D->nop * D->nrhs * tt->m[k];
        double        *x[2], *G[2], *g[2], F[2];
        PetscInt       its[2];
        PetscBool      failed[2];
        SnaTtLocal     l;

        for (int i = 0; i < 2; i++) {
          x[i] = RandomArray(N, 9);
          G[i] = Array(nG);
          g[i] = Array(ng);
          LocalOf(&c[i], k, nsite, &l);
          Ok(SnaTtLocalSolve(c[i].solver, c[i].op, &l, 10, 1e-2, x[i], &F[i], &failed[i], &its[i]));
          if (nsite == 1) Ok(SnaTtLeafTables(c[i].solver, c[i].op, &l, x[i], D->npair, G[i], D->nop * D->nrhs, g[i]));
        }
        assert_true(its[0] == its[1] && !failed[0] && !failed[1]);
        SameBits(N, x[0], x[1]);
        SameBits(1, &F[0], &F[1]);
        SameBits(nG, G[0], G[1]);
        SameBits(ng, g[0], g[1]);
        for (int i = 0; i < 2; i++) {
          Ok(PetscFree(x[i]));
          Ok(PetscFree(G[i]));
          Ok(PetscFree(g[i]));
        }
      }
    DestroyChain(&c[0]);
    DestroyChain(&c[1]);
    Ok(SnaTtDestroy(&tt));
    DestroyProblem(&P);
  }
}

// The system of a leaf whose core is diagonal, core[r,r,r] = 1, is that of the CP factor: G_ab[r,s] = sum of s_k s_l
// prod_{e != d} (C_e^T M_kl C_e)[r,s] over the pairs of terms that meet in (a,b).
static void test_leaf_of_cp(void **state)
{
  enum { R = 4 };
  static const PetscInt m[] = {R, R, R}, r[] = {1, R, R, 1};
  Problem               P;
  SnaTt                 tt;
  Chain                 c;
  SnaLsq                lsq;

  (void)state;
  CreateTransport(3, 5, &P);
  lsq = P.level.lsq;
  tt  = RandomTrain(&P, order3, m, r, 11);
  for (PetscInt k = 0; k < 3; k++) {
    memset(tt->core[k], 0, (size_t)Size(tt, k, 1) * sizeof(double));
    for (PetscInt s = 0; s < R; s++) tt->core[k][(k ? s : 0) + tt->r[k] * ((k < 2 ? s : 0) + tt->r[k + 1] * s)] = 1;
  }
  CreateChain(PETSC_COMM_WORLD, &P, tt, &c);
  for (PetscInt k = 0; k < 3; k++) {
    const SnaLsqDirection *D = &lsq->dir[tt->dir[k]];
    const PetscInt         n = D->n, w = 2 * D->p + 1, N = n * R;
    double *G = Array(D->npair * R * R), *g = Array(D->nop * D->nrhs * R), *A = Array(N * N), *B = Array(N * N),
           *b = Array(N), *e = Array(N);
    SnaTtLocal l;

    LocalOf(&c, k, 1, &l);
    Ok(SnaTtLeafTables(c.solver, c.op, &l, tt->core[k], D->npair, G, D->nop * D->nrhs, g));
    for (PetscInt t = 0; t < D->npair; t++)
      for (PetscInt i = 0; i < n; i++)
        for (PetscInt j = PetscMax(0, i - D->p); j < PetscMin(n, i + D->p + 1); j++)
          for (PetscInt u = 0; u < R; u++)
            for (PetscInt v = 0; v < R; v++)
              A[i * R + u + N * (j * R + v)] += D->M[t][i * w + j - i + D->p] * G[t * R * R + u * R + v];
    for (PetscInt t = 0; t < D->nop * D->nrhs; t++)
      for (PetscInt i = 0; i < n; i++)
        for (PetscInt u = 0; u < R; u++) b[i * R + u] += D->f[t * n + i] * g[t * R + u];
    // The same from the CP factors.
    for (PetscInt a = 0; a < lsq->nk; a++) {
      for (PetscInt q = 0; q < lsq->nk; q++) {
        double *W = Array(R * R);

        for (PetscInt i = 0; i < R * R; i++) W[i] = lsq->s[a] * lsq->s[q];
        for (PetscInt other = 0; other < 3; other++) {
          double *M = PairMatrix(lsq, tt, other, a, q);
          for (PetscInt i = 0; i < R * R && other != k; i++) W[i] *= M[i];
          Ok(PetscFree(M));
        }
        for (PetscInt i = 0; i < n; i++)
          for (PetscInt j = PetscMax(0, i - D->p); j < PetscMin(n, i + D->p + 1); j++)
            for (PetscInt u = 0; u < R; u++)
              for (PetscInt v = 0; v < R; v++)
                B[i * R + u + N * (j * R + v)] +=
                  D->M[D->pair[D->op[a] * D->nop + D->op[q]]][i * w + j - i + D->p] * W[u + R * v];
        Ok(PetscFree(W));
      }
      for (PetscInt q = 0; q < lsq->nm; q++) {
        double h[R];

        for (PetscInt u = 0; u < R; u++) h[u] = lsq->s[a] * lsq->t[q];
        for (PetscInt other = 0; other < 3; other++) {
          double *f = PairVector(lsq, tt, other, a, q);
          for (PetscInt u = 0; u < R && other != k; u++) h[u] *= f[u];
          Ok(PetscFree(f));
        }
        for (PetscInt i = 0; i < n; i++)
          for (PetscInt u = 0; u < R; u++) e[i * R + u] += D->f[(D->op[a] * D->nrhs + D->rhs[q]) * n + i] * h[u];
      }
    }
    NearArray(N * N, A, B, 1e-12);
    NearArray(N, b, e, 1e-11);
    Ok(PetscFree(G));
    Ok(PetscFree(g));
    Ok(PetscFree(A));
    Ok(PetscFree(B));
    Ok(PetscFree(b));
    Ok(PetscFree(e));
  }
  DestroyChain(&c);
  Ok(SnaTtDestroy(&tt));
  DestroyProblem(&P);
}

// ---- Leaves and sweeps, in an SnaTtAls that was given the train ----

static PetscErrorCode OneLevel(void *ctx, const PetscInt cells[], const SnaTtLevel **level)
{
  (void)cells;
  *level = &((Problem *)ctx)->level;
  return 0;
}

static SnaTtAls CreateAls(MPI_Comm comm, Problem *P, SnaTt tt, PetscInt centre)
{
  const SnaTtAlsOptions o = {.rtol = 1e-3, .prefix = "vsna_"};
  SnaTtAlsState         s = {.stage = SNA_TT_POLISH, .total = 1, .centre = centre, .norm = 1};
  SnaTtAls              als;

  for (PetscInt d = 0; d < P->nd; d++) s.cells[d] = P->level.cells[d];
  Ok(SnaTtAlsCreate(comm, P->nd, P->level.cells, OneLevel, P, &o, &als));
  Ok(SnaTtAlsSetState(als, &s, tt));
  return als;
}

static void CheckLeaf(SnaTtSpace space, SnaTt tt, PetscInt k)
{
  const PetscInt d = tt->dir[k], n = tt->n[k], m = tt->m[k], p = space->info[d].degree;

  for (PetscInt a = 0; a < m; a++)
    for (PetscInt b = 0; b < m; b++) {
      double sum = 0;

      for (PetscInt i = 0; i < n; i++)
        for (PetscInt j = PetscMax(0, i - p); j < PetscMin(n, i + p + 1); j++)
          sum += tt->leaf[k][i * m + a] * space->mass[d][i * (2 * p + 1) + j - i + p] * tt->leaf[k][j * m + b];
      Near(sum, a == b, 1e-12);
    }
}

// Orthonormal with centre c.
static void CheckTrain(SnaTtSpace space, SnaTt tt, PetscInt c)
{
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt r = tt->r[k], q = tt->r[k + 1], side = k < c ? q : r;

    CheckLeaf(space, tt, k);
    for (PetscInt a = 0; k != c && a < side; a++)
      for (PetscInt b = 0; b < side; b++) {
        double sum = 0;

        for (PetscInt j = 0; j < tt->m[k]; j++)
          for (PetscInt i = 0; i < (k < c ? r : q); i++)
            sum += k < c ? tt->core[k][i + r * (a + q * j)] * tt->core[k][i + r * (b + q * j)]
                         : tt->core[k][a + r * (i + q * j)] * tt->core[k][b + r * (i + q * j)];
        Near(sum, a == b, 1e-12);
      }
  }
}

// F of a train by its own chain.
static double TrainObjective(const Problem *P, SnaTt tt)
{
  Chain  c;
  double F;

  CreateChain(PETSC_COMM_SELF, P, tt, &c);
  F = Objective(&c, P->level.lsq, 0, 1, tt->core[0]);
  DestroyChain(&c);
  return F;
}

// The least F over all leaves of site k: c0 - b^T A^-1 b, A = sum over pairs of terms of M (x) Q^T (E (x) F) Q, Q any
// basis of the core's mode unfolding.
static double LeastOverLeaf(const Problem *P, SnaTt tt, PetscInt k)
{
  SnaLsq                 lsq = P->level.lsq;
  const SnaLsqDirection *D   = &lsq->dir[tt->dir[k]];
  const PetscInt         n = D->n, m = tt->m[k], r = tt->r[k], q = tt->r[k + 1], w = 2 * D->p + 1, N = n * m;
  double                *Q = Array(r * q * m), *A = Array(N * N), *b = Array(N), *x = Array(N), F;

  memcpy(Q, tt->core[k], (size_t)(r * q * m) * sizeof(double));
  for (PetscInt j = 0; j < m; j++) { // Gram-Schmidt, twice
    for (int twice = 0; twice < 2; twice++)
      for (PetscInt i = 0; i < j; i++) {
        const double dot = Dot(r * q, Q + r * q * i, Q + r * q * j);
        for (PetscInt a = 0; a < r * q; a++) Q[a + r * q * j] -= dot * Q[a + r * q * i];
      }
    F = sqrt(Dot(r * q, Q + r * q * j, Q + r * q * j));
    for (PetscInt a = 0; a < r * q; a++) Q[a + r * q * j] /= F;
  }
  for (PetscInt a = 0; a < lsq->nk; a++) {
    for (PetscInt c = 0; c < lsq->nk; c++) {
      double *E = Side(lsq, tt, k, PETSC_TRUE, a, c, PETSC_FALSE),
             *S = Side(lsq, tt, k + 1, PETSC_FALSE, a, c, PETSC_FALSE), *EQ = Array(r * q * m);
      const double *M = D->M[D->pair[D->op[a] * D->nop + D->op[c]]];

      memcpy(EQ, Q, (size_t)(r * q * m) * sizeof(double));
      EQ = Multiply(1, r, q * m, E, EQ);
      EQ = Multiply(r, q, m, S, EQ);
      for (PetscInt u = 0; u < m; u++)
        for (PetscInt v = 0; v < m; v++) {
          const double G = lsq->s[a] * lsq->s[c] * Dot(r * q, Q + r * q * u, EQ + r * q * v);

          for (PetscInt i = 0; i < n; i++)
            for (PetscInt j = PetscMax(0, i - D->p); j < PetscMin(n, i + D->p + 1); j++)
              A[i * m + u + N * (j * m + v)] += M[i * w + j - i + D->p] * G;
        }
      Ok(PetscFree(E));
      Ok(PetscFree(S));
      Ok(PetscFree(EQ));
    }
    for (PetscInt c = 0; c < lsq->nm; c++) {
      double *E       = Side(lsq, tt, k, PETSC_TRUE, a, c, PETSC_TRUE),
             *S       = Side(lsq, tt, k + 1, PETSC_FALSE, a, c, PETSC_TRUE);
      const double *f = D->f + (D->op[a] * D->nrhs + D->rhs[c]) * n;

      for (PetscInt u = 0; u < m; u++) {
        double g = 0;

        for (PetscInt j = 0; j < q; j++)
          for (PetscInt i = 0; i < r; i++) g += Q[i + r * (j + q * u)] * E[i] * S[j];
        for (PetscInt i = 0; i < n; i++) b[i * m + u] += lsq->s[a] * lsq->t[c] * g * f[i];
      }
      Ok(PetscFree(E));
      Ok(PetscFree(S));
    }
  }
  F = lsq->c0 - DenseSolve(N, A, b, x);
  Ok(PetscFree(Q));
  Ok(PetscFree(A));
  Ok(PetscFree(b));
  Ok(PetscFree(x));
  return F;
}

static void test_leaf(void **state)
{
  Problem P;

  (void)state;
  CreateTransport(4, 5, &P);
  for (PetscInt k = 0; k < 4; k++) {
    SnaTt        start;
    SnaTtAls     als;
    PetscBool    failed;
    const double tolerance = 1e-9 * P.level.lsq->c0;
    double       before, least, F;

    Ok(SnaTtCreateRandom(P.space, order4, 3, 4, 13, &start));
    for (PetscInt i = 0; i < k; i++) Ok(SnaTtMoveCentre(start, i, PETSC_TRUE));
    before = TrainObjective(&P, start);
    least  = LeastOverLeaf(&P, start, k);
    als    = CreateAls(PETSC_COMM_WORLD, &P, start, k);
    Ok(SnaTtAlsPrepare(als, PETSC_FALSE));
    Ok(SnaTtSolveLeaf(als, k, &failed));
    assert_false(failed);
    F = TrainObjective(&P, als->tt);
    assert_true(least < before);
    Near(F, least, tolerance);
    CheckTrain(P.space, als->tt, k);
    // The site's tables are those of the new leaf.
    {
      Chain c;

      CreateChain(PETSC_COMM_SELF, &P, als->tt, &c);
      SameBits(c.table[k].ntable * c.table[k].m * c.table[k].m, als->site[k].M, c.table[k].M);
      DestroyChain(&c);
    }
    // Again from there: no change.
    Ok(SnaTtSolveLeaf(als, k, &failed));
    assert_false(failed);
    Near(TrainObjective(&P, als->tt), least, tolerance);
    Ok(SnaTtAlsDestroy(&als));
    assert_null(als);
    Ok(SnaTtDestroy(&start));
  }
  DestroyProblem(&P);
}

// Sweeps there and back: F falls and is what the state says, the train stays orthonormal, and the bits are the same on
// 1 and 2 ranks.
static void test_polish(void **state)
{
  (void)state;
  for (int big = 0; big < 2; big++) {
    Problem  P;
    SnaTt    start;
    SnaTtAls als[2];
    double   before;

    CreateTransport(4, big ? 12 : 5, &P);
    Ok(SnaTtCreateRandom(P.space, order4, big ? 10 : 3, big ? 20 : 4, 17, &start));
    before = TrainObjective(&P, start);
    als[0] = CreateAls(PETSC_COMM_WORLD, &P, start, 0);
    als[1] = CreateAls(PETSC_COMM_SELF, &P, start, 0);
    for (int i = 0; i < 2; i++) Ok(SnaTtAlsPrepare(als[i], PETSC_FALSE));
    for (int sweep = 0; sweep < (big ? 3 : 6); sweep++) {
      for (int i = 0; i < 2; i++) Ok(SnaTtAlsPolish(als[i], 10, 1e-2));
      for (PetscInt k = 0; k < 4; k++) {
        SameBits(start->n[k] * start->m[k], als[0]->tt->leaf[k], als[1]->tt->leaf[k]);
        SameBits(Size(start, k, 1), als[0]->tt->core[k], als[1]->tt->core[k]);
      }
      assert_int_equal(als[0]->state.failed, 0);
      assert_int_equal(als[0]->state.centre, sweep % 2 ? 0 : 3);
      SameBits(1, &als[0]->state.objective, &als[1]->state.objective);
      CheckTrain(P.space, als[0]->tt, als[0]->state.centre);
      Near(als[0]->state.objective, TrainObjective(&P, als[0]->tt), 1e-11 * P.level.lsq->c0);
      if (!(als[0]->state.objective <= before * (1 + 1e-10)))
        fail_msg("sweep %d: F rises from %.15g to %.15g", sweep, before, als[0]->state.objective);
      before = als[0]->state.objective;
    }
    assert_true(before < 0.5 * P.level.lsq->c0);
    for (int i = 0; i < 2; i++) Ok(SnaTtAlsDestroy(&als[i]));
    Ok(SnaTtDestroy(&start));
    DestroyProblem(&P);
  }
}

// ---- The preconditioner on the plume: u_t + w (x u_y - y u_x) - D lap u = 0 from a Gaussian ----

static PetscInt Iterations(const Problem *P, SnaTt tt, PetscInt k, const char pc[])
{
  Chain      c;
  SnaTtLocal l;
  PetscInt   its;
  PetscBool  failed;
  double    *x = Array(Size(tt, k, 1));

  if (pc) Ok(PetscOptionsSetValue(NULL, "-vsna_tt_pc_type", pc));
  CreateChain(PETSC_COMM_WORLD, P, tt, &c);
  if (pc) Ok(PetscOptionsClearValue(NULL, "-vsna_tt_pc_type"));
  LocalOf(&c, k, 1, &l);
  Ok(SnaTtLocalSolve(c.solver, c.op, &l, 2000, 1e-6, x, NULL, &failed, &its));
  assert_false(failed);
  DestroyChain(&c);
  Ok(PetscFree(x));
  return its;
}

static void test_preconditioner(void **state)
{
  static const Term op[] = {
    {1, {NULL}, {0, 0, 1, 0, 0}},
    {1, {X, NULL, NULL, X, NULL}, {0, 1, 0, 0, 0}},
    {-1, {NULL, X, NULL, X, NULL}, {1, 0, 0, 0, 0}},
    {-1, {NULL, NULL, NULL, NULL, X}, {2, 0, 0, 0, 0}},
    {-1, {NULL, NULL, NULL, NULL, X}, {0, 2, 0, 0, 0}},
  };
  // L of the initial value, but for its diffusion.
  static const Term rhs[] = {
    {1, {xGauss, Minus, NULL, X, NULL}, {0}},
    {16, {xGauss, Shifted, NULL, X, NULL}, {0}},
    {1, {Gauss, Shifted, NULL, NULL, X}, {0}},
  };
  static const Direction dir[] = {
    {3, 32, -1, 1, PETSC_TRUE, PETSC_TRUE},
    {3, 32, -1, 1, PETSC_TRUE, PETSC_TRUE},
    {3, 8, 0, 1, PETSC_TRUE, PETSC_FALSE},
    {3, 5, 0, 2, PETSC_FALSE, PETSC_FALSE},
    {3, 3, 1e-3, 1e-2, PETSC_FALSE, PETSC_FALSE},
  };
  static const PetscInt order[] = {4, 2, 3, 0, 1}; // D t w x y
  double                sum[2]  = {0};
  Problem               P;
  SnaTt                 start;
  SnaTtAls              als;

  (void)state;
  CreateProblem(5, dir, 5, op, 3, rhs, &P);
  Ok(SnaTtCreateRandom(P.space, order, 6, 8, 1, &start));
  als = CreateAls(PETSC_COMM_WORLD, &P, start, 0);
  Ok(SnaTtAlsPrepare(als, PETSC_FALSE));
  for (int sweep = 0; sweep < 4; sweep++) Ok(SnaTtAlsPolish(als, 10, 1e-2));
  assert_int_equal(als->state.centre, 0);
  for (PetscInt k = 0; k < 5; k++) {
    const PetscInt with = Iterations(&P, als->tt, k, NULL), without = Iterations(&P, als->tt, k, "none");

    if (!(5 * with <= 3 * without))
      fail_msg("site %d: %d iterations, without preconditioner %d", (int)k, (int)with, (int)without);
    sum[0] += with;
    sum[1] += without;
    if (k < 4) Ok(SnaTtMoveCentre(als->tt, k, PETSC_TRUE));
  }
  if (!(sum[0] <= 0.45 * sum[1])) fail_msg("%g iterations, without preconditioner %g", sum[0], sum[1]); // 123 and 348
  Ok(SnaTtAlsDestroy(&als));
  Ok(SnaTtDestroy(&start));
  DestroyProblem(&P);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_environments),
    cmocka_unit_test(test_matrix),
    cmocka_unit_test(test_shared_products),
    cmocka_unit_test(test_objective_of_cp),
    cmocka_unit_test(test_solution),
    cmocka_unit_test(test_ranks),
    cmocka_unit_test(test_leaf_of_cp),
    cmocka_unit_test(test_leaf),
    cmocka_unit_test(test_polish),
    cmocka_unit_test(test_preconditioner),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
