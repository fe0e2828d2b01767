// np: 1
// State machines of the operator along a train: every order of the directions stands for the same sum of products, with the numbers of states that
// mathematics gives; orders of the directions. Lists of operators: the 6-D advection-diffusion problem
//   u_t + w (-y u_x + x u_y) - D (u_xx + u_yy + u_zz) = 0
#include <sna/tt.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

typedef double (*Function)(double x);

typedef struct { // a term with functions in place of tables; NULL stands for 1
  double   coefficient;
  Function value[SNA_MAX_DIM];
  PetscInt derivative[SNA_MAX_DIM];
} Term;

typedef struct {
  PetscInt      nd;
  SnaBasis      basis[SNA_MAX_DIM];
  SnaTabulation tab[SNA_MAX_DIM];
} Space;

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static void AddDirection(
  Space *space, PetscInt degree, PetscInt cells, double lo, double hi, PetscBool first, PetscBool last)
{
  const PetscInt d = space->nd++;

  Ok(SnaBasisCreateBSpline("x", degree, cells, lo, hi, first, last, &space->basis[d]));
  Ok(SnaTabulationCreate(space->basis[d], 6, 2, &space->tab[d]));
}

static void DestroySpace(Space *space)
{
  for (PetscInt d = 0; d < space->nd; d++) {
    Ok(SnaTabulationDestroy(&space->tab[d]));
    Ok(SnaBasisDestroy(&space->basis[d]));
  }
}

static void CreateLsq(const Space *space, PetscInt nk, const Term op[], PetscInt nm, const Term rhs[], SnaLsq *lsq)
{
  SnaLsqTerm *term;

  Ok(PetscCalloc1((size_t)(nk + nm), &term));
  for (PetscInt k = 0; k < nk + nm; k++) {
    const Term *t = k < nk ? &op[k] : &rhs[k - nk];

    term[k].coefficient = t->coefficient;
    for (PetscInt d = 0; d < space->nd; d++) {
      const SnaTabulation *tab = &space->tab[d];
      double              *v;

      term[k].derivative[d] = t->derivative[d];
      if (!t->value[d]) continue;
      Ok(PetscMalloc1((size_t)tab->nq, &v));
      for (PetscInt q = 0; q < tab->nq; q++) v[q] = t->value[d](tab->x[q]);
      term[k].value[d] = v;
    }
  }
  Ok(SnaLsqCreate(space->nd, space->basis, space->tab, NULL, nk, term, nm, nm ? term + nk : NULL, lsq));
  for (PetscInt d = 0; d < space->nd; d++) {
    for (PetscInt k = 0; k < nk + nm; k++) {
      double *v = (double *)term[k].value[d];

      Ok(PetscFree(v));
    }
  }
  Ok(PetscFree(term));
}

static double X(double x)
{
  return x;
}

static double G(double x)
{
  return exp(-x * x);
}

static double xG(double x)
{
  return x * exp(-x * x);
}

static double GG(double x)
{
  return (2 * x * x - 1) * exp(-x * x);
}

static double H(double x)
{
  return cos(x - 0.3);
}

static double dH(double x)
{
  return sin(x - 0.3);
}

// Directions x y z t w D, 6 terms of the operator, 5 of the right-hand side.
static const Term op6[] = {
  {1, {NULL}, {0, 0, 0, 1, 0, 0}},
  {-1, {NULL, X, NULL, NULL, X, NULL}, {1, 0, 0, 0, 0, 0}},
  {1, {X, NULL, NULL, NULL, X, NULL}, {0, 1, 0, 0, 0, 0}},
  {-1, {NULL, NULL, NULL, NULL, NULL, X}, {2, 0, 0, 0, 0, 0}},
  {-1, {NULL, NULL, NULL, NULL, NULL, X}, {0, 2, 0, 0, 0, 0}},
  {-1, {NULL, NULL, NULL, NULL, NULL, X}, {0, 0, 2, 0, 0, 0}},
};
static const Term rhs6[] = {
  {-1, {dH, xG, G, NULL, X, NULL}, {0}},
  {0.7, {H, G, G, NULL, X, NULL}, {0}},
  {-1, {GG, G, G, NULL, NULL, X}, {0}},
  {-1.3, {H, GG, G, NULL, NULL, X}, {0}},
  {-1, {H, G, GG, NULL, NULL, X}, {0}},
};

static void CreateSix(Space *space, SnaLsq *lsq)
{
  space->nd = 0;
  for (int d = 0; d < 3; d++) AddDirection(space, 3, 8, -1, 1, PETSC_TRUE, PETSC_TRUE);
  AddDirection(space, 3, 5, 0, 1, PETSC_TRUE, PETSC_FALSE);
  AddDirection(space, 3, 3, 0, 2 * PETSC_PI / 3, PETSC_FALSE, PETSC_FALSE);
  AddDirection(space, 3, 2, 1e-3, 1e-2, PETSC_FALSE, PETSC_FALSE);
  CreateLsq(space, 6, op6, 5, rhs6, lsq);
}

static const char *const names6[] = {"x", "y", "z", "t", "w", "D"};

static double Random(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0 - 0.5;
}

// The next permutation of p in lexicographic order; false after the last.
static int Next(PetscInt n, PetscInt p[])
{
  PetscInt i = n - 2, j = n - 1, t;

  while (i >= 0 && p[i] > p[i + 1]) i--;
  if (i < 0) return 0;
  while (p[j] < p[i]) j--;
  t    = p[i];
  p[i] = p[j];
  p[j] = t;
  for (i++, j = n - 1; i < j; i++, j--) {
    t    = p[i];
    p[i] = p[j];
    p[j] = t;
  }
  return 1;
}

// ---- Numbers in place of tables, by direction: value[d][table] ----

typedef struct {
  double *L[SNA_MAX_DIM], *A[SNA_MAX_DIM], *b[SNA_MAX_DIM];
} Numbers;

// Random for L; u^T M v and u^T f with random u, v for A and b, which keeps the linear dependence of the tables.
static void CreateNumbers(SnaLsq lsq, uint64_t seed, Numbers *N)
{
  for (PetscInt d = 0; d < lsq->nd; d++) {
    const SnaLsqDirection *D = &lsq->dir[d];
    const PetscInt         w = 2 * D->p + 1;
    double                *u, *v;

    Ok(PetscMalloc2((size_t)D->n, &u, (size_t)D->n, &v));
    Ok(PetscCalloc1((size_t)D->nop, &N->L[d]));
    Ok(PetscCalloc1((size_t)D->npair, &N->A[d]));
    Ok(PetscCalloc1((size_t)(D->nop * D->nrhs), &N->b[d]));
    for (PetscInt i = 0; i < D->n; i++) {
      u[i] = Random(&seed);
      v[i] = Random(&seed);
    }
    for (PetscInt a = 0; a < D->nop; a++) N->L[d][a] = Random(&seed);
    for (PetscInt a = 0; a < D->npair; a++) {
      for (PetscInt i = 0; i < D->n; i++) {
        for (PetscInt c = 0; c < w; c++) {
          const PetscInt j = i + c - D->p;
          if (j >= 0 && j < D->n) N->A[d][a] += u[i] * D->M[a][i * w + c] * v[j];
        }
      }
    }
    for (PetscInt a = 0; a < D->nop * D->nrhs; a++)
      for (PetscInt i = 0; i < D->n; i++) N->b[d][a] += u[i] * D->f[a * D->n + i];
    Ok(PetscFree2(u, v));
  }
}

static void DestroyNumbers(SnaLsq lsq, Numbers *N)
{
  for (PetscInt d = 0; d < lsq->nd; d++) {
    Ok(PetscFree(N->L[d]));
    Ok(PetscFree(N->A[d]));
    Ok(PetscFree(N->b[d]));
  }
}

// The sum over all paths of the machine, and that of the absolute values.
static double Contract(PetscInt nd, const PetscInt dir[], const SnaTtMachine *m, double *const number[])
{
  double *x, *y, result;

  Ok(PetscMalloc1(1, &x));
  x[0] = 1;
  for (PetscInt k = 0; k < nd; k++) {
    Ok(PetscCalloc1((size_t)m->nstate[k + 1], &y));
    for (PetscInt i = 0; i < m->ntrans[k]; i++) {
      const SnaTtTransition *t = &m->trans[k][i];
      y[t->to] += x[t->from] * t->value * number[dir[k]][t->table];
    }
    Ok(PetscFree(x));
    x = y;
  }
  result = x[0];
  Ok(PetscFree(x));
  return result;
}

// One state at either end; every state is entered and left; transitions sorted, different, not zero.
static void CheckForm(PetscInt nd, const SnaTtMachine *m)
{
  assert_true(m->nstate[0] == 1 && m->nstate[nd] == 1);
  for (PetscInt k = 0; k < nd; k++) {
    PetscInt *from, *to;

    Ok(PetscCalloc2((size_t)m->nstate[k], &from, (size_t)m->nstate[k + 1], &to));
    for (PetscInt i = 0; i < m->ntrans[k]; i++) {
      const SnaTtTransition *t = &m->trans[k][i], *s = t - 1;

      assert_true(t->from >= 0 && t->from < m->nstate[k] && t->to >= 0 && t->to < m->nstate[k + 1] && t->value != 0);
      assert_true(i == 0 || t->to > s->to ||
                  (t->to == s->to && (t->from > s->from || (t->from == s->from && t->table > s->table))));
      from[t->from]++;
      to[t->to]++;
    }
    for (PetscInt i = 0; i < m->nstate[k] && m->ntrans[k] > 0; i++) assert_true(from[i] > 0);
    for (PetscInt i = 0; i < m->nstate[k + 1] && m->ntrans[k] > 0; i++) assert_true(to[i] > 0);
    Ok(PetscFree2(from, to));
  }
}

// The machines against the sums of terms that they stand for.
static void CheckMachines(SnaLsq lsq, const PetscInt dir[], const Numbers *N)
{
  double        sum = 0, size = 0;
  SnaTtOperator op;

  Ok(SnaTtOperatorCreate(lsq, dir, &op));
  CheckForm(op->nd, &op->L);
  CheckForm(op->nd, &op->A);
  CheckForm(op->nd, &op->b);
  for (PetscInt k = 0; k < lsq->nk; k++) {
    double product = lsq->s[k];
    for (PetscInt d = 0; d < lsq->nd; d++) product *= N->L[d][lsq->dir[d].op[k]];
    sum += product;
    size += fabs(product);
  }
  Near(Contract(op->nd, dir, &op->L, N->L), sum, 1e-14 * size);
  sum = size = 0;
  for (PetscInt k = 0; k < lsq->nk; k++) {
    for (PetscInt l = 0; l < lsq->nk; l++) {
      double product = lsq->s[k] * lsq->s[l];
      for (PetscInt d = 0; d < lsq->nd; d++) {
        const SnaLsqDirection *D = &lsq->dir[d];
        product *= N->A[d][D->pair[D->op[k] * D->nop + D->op[l]]];
      }
      sum += product;
      size += fabs(product);
    }
  }
  Near(Contract(op->nd, dir, &op->A, N->A), sum, 1e-12 * size);
  sum = size = 0;
  for (PetscInt k = 0; k < lsq->nk; k++) {
    for (PetscInt m = 0; m < lsq->nm; m++) {
      double product = lsq->s[k] * lsq->t[m];
      for (PetscInt d = 0; d < lsq->nd; d++) {
        const SnaLsqDirection *D = &lsq->dir[d];
        product *= N->b[d][D->op[k] * D->nrhs + D->rhs[m]];
      }
      sum += product;
      size += fabs(product);
    }
  }
  Near(Contract(op->nd, dir, &op->b, N->b), sum, 1e-14 * size);
  Ok(SnaTtOperatorDestroy(&op));
  assert_null(op);
}

// All 720 orders of the 6-D operator.
static void test_all_orders(void **state)
{
  PetscInt dir[6] = {0, 1, 2, 3, 4, 5};
  Space    space;
  SnaLsq   lsq;
  Numbers  N;

  (void)state;
  CreateSix(&space, &lsq);
  CreateNumbers(lsq, 1, &N);
  do CheckMachines(lsq, dir, &N);
  while (Next(6, dir));
  DestroyNumbers(lsq, &N);
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);
}

// L has the states that are drawn in doc/theory.md. A has as many as its exact TT ranks, 3,6,6,6,8 by rounding L^T L in another program, the same from
// either end; pairs of states alone would be 4,9,9,9,16.
static void test_states(void **state)
{
  static const PetscInt order[2][6] = {{2, 5, 3, 4, 0, 1}, {1, 0, 4, 3, 5, 2}}; // z D t w x y and back
  static const PetscInt statesL[7] = {1, 2, 3, 3, 3, 4, 1}, statesA[7] = {1, 3, 6, 6, 6, 8, 1};
  static const PetscInt transL[6]   = {2, 3, 4, 3, 5, 4},
                        matrices[6] = {2, 5, 7, 3, 12, 8}; // matrices but the mass matrix
  Space  space;
  SnaLsq lsq;

  (void)state;
  CreateSix(&space, &lsq);
  for (PetscInt o = 0; o < 2; o++) {
    SnaTtOperator op;

    Ok(SnaTtOperatorCreate(lsq, order[o], &op));
    for (PetscInt k = 0; k <= 6; k++) {
      assert_int_equal(op->L.nstate[k], statesL[o ? 6 - k : k]);
      assert_int_equal(op->A.nstate[k], statesA[o ? 6 - k : k]);
    }
    for (PetscInt k = 0; k < 6; k++) {
      const PetscInt         s = o ? 5 - k : k;
      const SnaLsqDirection *D = &lsq->dir[op->dir[k]];
      PetscInt one = 0, count = 0; // the operator 1 of this direction: that of the term u_t, or of u_xx in t

      one = D->op[op->dir[k] == 3 ? 3 : 0];
      for (PetscInt i = 0; i < op->A.ntrans[k]; i++) count += op->A.trans[k][i].table != D->pair[one * D->nop + one];
      assert_int_equal(op->L.ntrans[k], transL[s]);
      if (count > matrices[s])
        fail_msg("%s: %d matrices, expected %d", names6[op->dir[k]], (int)count, (int)matrices[s]);
    }
    Ok(SnaTtOperatorDestroy(&op));
  }
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);
}

static double Square(double x)
{
  return 0.5 + x * x;
}

// Operators without structure, closed and free ends, orders at random.
static void test_random_operators(void **state)
{
  static const Function f[]  = {NULL, X, Square, H};
  uint64_t              seed = 3;

  (void)state;
  for (int trial = 0; trial < 12; trial++) {
    const PetscInt nd = 1 + trial % 5, nk = 1 + 2 * trial % 13, nm = trial % 4;
    Term           op[13], rhs[4];
    Space          space = {0};
    PetscInt       dir[5];
    SnaLsq         lsq;
    Numbers        N;

    for (PetscInt d = 0; d < nd; d++) {
      AddDirection(&space, 3, 4, -1, 1, (PetscBool)(Random(&seed) < 0), (PetscBool)(Random(&seed) < 0));
      dir[d] = d;
    }
    for (PetscInt k = 0; k < nk + nm; k++) {
      Term *t = k < nk ? &op[k] : &rhs[k - nk];

      *t = (Term){.coefficient = Random(&seed)};
      for (PetscInt d = 0; d < nd; d++) {
        t->value[d]      = f[(int)(4 * (Random(&seed) + 0.5))];
        t->derivative[d] = k < nk ? (PetscInt)(3 * (Random(&seed) + 0.5)) : 0;
      }
    }
    CreateLsq(&space, nk, op, nm, rhs, &lsq);
    CreateNumbers(lsq, seed, &N);
    for (int shuffle = 0; shuffle < 4; shuffle++) {
      SnaTtOperator there, back;
      PetscInt      reversed[5];

      for (PetscInt d = nd - 1; d > 0; d--) {
        const PetscInt e = (PetscInt)((double)(d + 1) * (Random(&seed) + 0.5)), swap = dir[d];

        dir[d] = dir[e];
        dir[e] = swap;
      }
      CheckMachines(lsq, dir, &N);
      // The numbers of states are ranks: the same from either end.
      for (PetscInt d = 0; d < nd; d++) reversed[d] = dir[nd - 1 - d];
      Ok(SnaTtOperatorCreate(lsq, dir, &there));
      Ok(SnaTtOperatorCreate(lsq, reversed, &back));
      for (PetscInt k = 0; k <= nd; k++) {
        assert_int_equal(there->L.nstate[k], back->L.nstate[nd - k]);
        assert_int_equal(there->A.nstate[k], back->A.nstate[nd - k]);
        assert_true(there->A.nstate[k] <= there->L.nstate[k] * there->L.nstate[k]);
      }
      Ok(SnaTtOperatorDestroy(&there));
      Ok(SnaTtOperatorDestroy(&back));
    }
    DestroyNumbers(lsq, &N);
    Ok(SnaLsqDestroy(&lsq));
    DestroySpace(&space);
  }
}

// One term; equal terms are added, opposite ones vanish; no right-hand side.
static void test_few_terms(void **state)
{
  static const Term op[] = {
    {0.5, {X, NULL, X}, {1, 0, 0}}, {2.5, {X, NULL, X}, {1, 0, 0}}, {-3, {NULL}, {0, 2, 0}}, {3, {NULL}, {0, 2, 0}}};
  static const PetscInt dir[] = {1, 2, 0};
  Space                 space = {0};
  SnaLsq                lsq;

  (void)state;
  for (int d = 0; d < 3; d++) AddDirection(&space, 2, 4, -1, 1, PETSC_FALSE, PETSC_TRUE);
  for (PetscInt nk = 1; nk <= 4; nk++) {
    SnaTtOperator O;
    double        product = 1;

    if (nk == 3) continue; // opposite terms come together
    CreateLsq(&space, nk, op, 0, NULL, &lsq);
    Ok(SnaTtOperatorCreate(lsq, dir, &O));
    for (PetscInt k = 0; k < 3; k++) {
      assert_true(O->L.nstate[k + 1] == 1 && O->L.ntrans[k] == 1 && O->A.nstate[k + 1] == 1 && O->A.ntrans[k] == 1);
      assert_int_equal(O->b.ntrans[k], 0);
      product *= O->L.trans[k][0].value;
      assert_int_equal(O->L.trans[k][0].table, lsq->dir[dir[k]].op[0]);
    }
    Near(product, nk == 1 ? lsq->s[0] : lsq->s[0] + lsq->s[1], 1e-15);
    Ok(SnaTtOperatorDestroy(&O));
    Ok(SnaTtOperatorDestroy(&O));
    Ok(SnaLsqDestroy(&lsq));
  }
  DestroySpace(&space);
}

static void test_drawing(void **state)
{
  static const Term        op[]    = {{1, {NULL}, {2, 0}}, {-3, {NULL}, {0, 2}}};
  static const PetscInt    dir[]   = {1, 0};
  static const char *const names[] = {"x", "y"};
  Space                    space   = {0};
  SnaLsq                   lsq;
  SnaTtOperator            O;
  char                    *text;

  (void)state;
  for (int d = 0; d < 2; d++) AddDirection(&space, 3, 4, -1, 1, PETSC_TRUE, PETSC_TRUE);
  CreateLsq(&space, 2, op, 0, NULL, &lsq);
  Ok(SnaTtOperatorCreate(lsq, dir, &O));
  Ok(SnaTtOperatorDraw(O, names, &text));
  assert_string_equal(text, "states at the cuts: 1 2 1\n"
                            "y: 0 -(y0)-> 0, 0 -(y1)-> 1\n"
                            "x: 0 -(x0)-> 0, 1 -(-3 x1)-> 0");
  Ok(PetscFree(text));
  Ok(SnaTtOperatorDestroy(&O));
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);
}

// Couplings divided by the cuts of an order, counted by hand: with time t in every term and with the parameters w, D beside t,
// {x,y,w,t} twice, {x,D,t}, {y,D,t}, {z,D,t}, {w,t}, {D,t}.
static PetscInt DividedCouplings(const PetscInt dir[6])
{
  static const PetscInt sets[7][4] = {
    {0, 1, 4, 3}, {0, 1, 4, 3}, {0, 5, 3, 3}, {1, 5, 3, 3}, {2, 5, 3, 3}, {4, 3, 3, 3}, {5, 3, 3, 3}};
  PetscInt place[6], sum = 0;

  for (PetscInt k = 0; k < 6; k++) place[dir[k]] = k;
  for (int s = 0; s < 7; s++) {
    PetscInt first = 6, last = -1;

    for (int i = 0; i < 4; i++) {
      first = PetscMin(first, place[sets[s][i]]);
      last  = PetscMax(last, place[sets[s][i]]);
    }
    sum += last - first;
  }
  return sum;
}

// The first of the best of all 720 orders: x,y,w,t,D,z.
static void test_order_from_operator(void **state)
{
  static const Term laplacian[] = {{1, {NULL}, {2}}, {1, {NULL}, {0, 2}}, {1, {NULL}, {0, 0, 2}}, {1, {X, X}, {0}}};
  PetscInt          dir[6] = {0, 1, 2, 3, 4, 5}, best[6], found[14], least = 1000;
  Space             space;
  SnaLsq            lsq;

  (void)state;
  CreateSix(&space, &lsq);
  do {
    const PetscInt sum = DividedCouplings(dir);

    if (sum >= least) continue;
    least = sum;
    memcpy(best, dir, sizeof(best));
  } while (Next(6, dir));
  assert_int_equal(least, 17);
  Ok(SnaTtOrderFromOperator(lsq, found));
  for (PetscInt k = 0; k < 6; k++) assert_int_equal(found[k], best[k]);
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);

  // Beyond 12 directions: a permutation.
  space.nd = 0;
  for (PetscInt d = 0; d < 14; d++) AddDirection(&space, 1, 2, -1, 1, PETSC_FALSE, PETSC_FALSE);
  CreateLsq(&space, 4, laplacian, 0, NULL, &lsq);
  Ok(SnaTtOrderFromOperator(lsq, found));
  for (PetscInt k = 0, seen = 0; k < 14; k++) {
    assert_true(found[k] >= 0 && found[k] < 14 && !(seen & (1 << found[k])));
    seen |= 1 << found[k];
  }
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);
}

// u = f(x0, x2) g(x1) h(x3), f with singular values 1, 0.1, 0.01, 0.001, in the order 0 1 2 3. With one term of L (one state, one transition) the work of a site is
// N (r + m + q), N = r m q: ranks 4, modes 4,1,4,1 give 3 * 144 + 3 and, with 0 and 2 side by side, 2 * 144 + 2 * 3.
static void test_order_from_solution(void **state)
{
  static const Term     op[]  = {{1, {NULL}, {1}}};
  static const PetscInt dir[] = {0, 1, 2, 3}, n[] = {7, 7, 7, 7}, m[] = {4, 1, 4, 1}, r[] = {1, 4, 4, 1, 1};
  static const PetscInt other[] = {3, 1, 0, 2};
  static const double   value[] = {1, 0.1, 0.01, 0.001};
  Space                 space   = {0};
  SnaTtSpace            S;
  SnaLsq                lsq;
  SnaTt                 tt, random;
  PetscInt              found[13];
  double                work[2];
  PetscBool             known;

  (void)state;
  for (int d = 0; d < 4; d++) AddDirection(&space, 3, 4, -1, 1, PETSC_FALSE, PETSC_FALSE);
  CreateLsq(&space, 1, op, 0, NULL, &lsq);
  Ok(SnaTtSpaceCreate(4, space.basis, &S));
  Ok(SnaTtCreate(4, dir, n, m, r, NULL, &tt));
  Ok(SnaTtCreateRandom(S, dir, 4, 4, 5, &random)); // for its orthonormal leaves, 4 columns each
  for (PetscInt k = 0; k < 4; k++) {
    assert_int_equal(random->m[k], 4);
    for (PetscInt i = 0; i < n[k]; i++)
      for (PetscInt j = 0; j < m[k]; j++) tt->leaf[k][i * m[k] + j] = random->leaf[k][i * 4 + j];
  }
  for (PetscInt j = 0; j < 4; j++) {
    tt->core[0][j + 4 * j] = value[j];
    tt->core[1][j + 4 * j] = 1;
    tt->core[2][j + 4 * j] = 1;
  }
  tt->core[3][0] = 1;
  Ok(SnaTtOrderFromSolution(S, lsq, tt, 1e-4, found, work, &known));
  assert_true(known);
  assert_true(work[0] == 435 && work[1] == 294);
  assert_true(found[0] == 0 && found[1] == 2 && found[2] == 1 && found[3] == 3);
  // 0.01 and 0.001 are below 0.05/sqrt(4): ranks and modes 2; N (r + m + q) = 4 * 5 twice and 3 twice.
  Ok(SnaTtOrderFromSolution(S, lsq, tt, 0.05, found, work, &known));
  assert_true(known && work[1] == 46);
  assert_true(tt->m[0] == 4); // the train itself is kept
  Ok(SnaTtDestroy(&tt));

  // phi_0(x0,x1) phi_0(x2,x3) + 0.01 phi_1 phi_1, phi = sum_j (+-1/2) e_j e_j: at 0.05 all modes stay and the middle cut has rank 1.
  Ok(SnaTtCreate(4, dir, n, (const PetscInt[]){4, 4, 4, 4}, (const PetscInt[]){1, 4, 2, 4, 1}, NULL, &tt));
  for (PetscInt k = 0; k < 4; k++) Ok(PetscArraycpy(tt->leaf[k], random->leaf[k], 7 * 4));
  for (PetscInt j = 0; j < 4; j++) {
    tt->core[0][j + 4 * j] = tt->core[3][j + 4 * j] = 1;
    for (PetscInt b = 0; b < 2; b++) {
      const double phi = b == 1 && j > 1 ? -0.5 : 0.5;

      tt->core[1][j + 4 * (b + 2 * j)] = phi;
      tt->core[2][b + 2 * (j + 4 * j)] = phi * (b == 1 ? 0.01 : 1);
    }
  }
  Ok(SnaTtOrderFromSolution(S, lsq, tt, 1e-4, found, work, &known));
  assert_true(known && work[0] == 2 * (16 * 9 + 32 * 10) && work[1] == work[0]);
  Ok(SnaTtOrderFromSolution(S, lsq, tt, 0.05, found, work, &known));
  assert_true(known && work[0] == 4 * 16 * 9 && work[1] == work[0]);
  for (PetscInt k = 0; k < 4; k++) assert_int_equal(found[k], k);
  Ok(SnaTtDestroy(&tt));
  Ok(SnaTtDestroy(&random));
  Ok(SnaTtSpaceDestroy(&S));
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);

  // A core of 40^4 numbers is not expanded.
  space.nd = 0;
  for (int d = 0; d < 4; d++) AddDirection(&space, 3, 40, -1, 1, PETSC_FALSE, PETSC_FALSE);
  CreateLsq(&space, 1, op, 0, NULL, &lsq);
  Ok(SnaTtSpaceCreate(4, space.basis, &S));
  Ok(SnaTtCreateRandom(S, other, 40, 40, 5, &tt));
  Ok(SnaTtOrderFromSolution(S, lsq, tt, 1e-9, found, work, &known));
  assert_true(!known);
  for (PetscInt k = 0; k < 4; k++) assert_int_equal(found[k], other[k]);
  Ok(SnaTtDestroy(&tt));
  Ok(SnaTtSpaceDestroy(&S));
  Ok(SnaLsqDestroy(&lsq));
  DestroySpace(&space);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_states),
    cmocka_unit_test(test_all_orders),
    cmocka_unit_test(test_random_operators),
    cmocka_unit_test(test_few_terms),
    cmocka_unit_test(test_drawing),
    cmocka_unit_test(test_order_from_operator),
    cmocka_unit_test(test_order_from_solution),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
