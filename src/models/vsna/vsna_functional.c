// vsna_functional.c - the deck's terms as a quadratic functional of 1-D integrals (SnaLsq): least squares of the equation, or the energy of its weak form.
//
//   least squares   F(u) = || sum_k L_k (u + lift) - source ||^2; conservative terms are multiplied out by Leibniz' rule,
//                   D^m (a D^n u) = sum_j C(m,j) a^(j) u^(n+m-j)
//   Galerkin        F(u) = a(u,u) - 2 l(u); a term c f D_o( a D_n u ) becomes (-1)^|o| c int f a (D_n u)(D_o v), a plain even derivative is halved
//                   between u and v, Robin ends add + a robin u v there, and the lift stands in l(v) = (source, v) - a(lift, v) + its own boundary flux,
//                   so that ends without a strong condition take du/dn + robin u from the lift (zero without one)
//
// The lift is never projected on a basis: the terms act on the deck's formulas with exact derivatives at the quadrature points.
#include "vsna.h"
#include <stdarg.h>
#include <stdio.h>

typedef struct { // what is wrong: collected in the deck while there is one, else the first text is kept
  SnaDeck  deck;
  char    *message;
  PetscInt count;
} Complaints;

static PetscErrorCode Complain(Complaints *c, const char key[], const char name[], const char format[], ...)
  PETSC_ATTRIBUTE_FORMAT(4, 5);
static PetscErrorCode Complain(Complaints *c, const char key[], const char name[], const char format[], ...)
{
  char    text[SNA_MAX_MESSAGE / 2];
  va_list args;

  PetscFunctionBeginUser;
  va_start(args, format);
  (void)vsnprintf(text, sizeof(text), format, args); // PETSc's writes "nan."
  va_end(args);
  if (c->deck)
    PetscCall(SnaDeckError(c->deck, key, name, "%s", text));
  else if (c->count == 0) {
    char *star;
    PetscCall(PetscStrchr(key, '*', &star));
    if (star)
      PetscCall(
        PetscSNPrintf(c->message, SNA_MAX_MESSAGE, "%.*s%s%s: %s", (int)(star - key), key, name, star + 1, text));
    else
      PetscCall(PetscSNPrintf(c->message, SNA_MAX_MESSAGE, "%s: %s", key, text));
  }
  c->count++;
  PetscFunctionReturn(0);
}

typedef struct { // what the pieces are made from
  const Vsna          *v;
  const SnaModelInfo  *info;
  const SnaTabulation *tab;
  Complaints           complaints;
} Build;

typedef struct { // weak terms, or plain ones with `trial` alone
  PetscInt        n, max;
  SnaLsqWeakTerm *term;
  PetscInt       *origin; // the deck's term
} Terms;

PetscErrorCode VsnaFactorValues(
  const Vsna *v, const VsnaLevel *level, SnaExpr factor, PetscInt d, PetscInt m, double values[])
{
  const SnaTabulation *tab            = &level->tab[d];
  const double        *x[SNA_MAX_DIM] = {NULL};
  double              *jet;

  PetscFunctionBeginUser;
  (void)v;
  for (PetscInt q = 0; q < tab->nq; q++) values[q] = m == 0 ? 1 : 0;
  if (!factor) PetscFunctionReturn(0);
  x[d] = tab->x;
  PetscCall(PetscMalloc1((size_t)tab->nq * (size_t)(m + 1), &jet));
  PetscCall(SnaExprJet(factor, (int)d, (int)m, tab->nq, x, jet));
  PetscCall(PetscArraycpy(values, jet + m * tab->nq, tab->nq));
  PetscCall(PetscFree(jet));
  PetscFunctionReturn(0);
}

// values (NULL: the constant 1) times the m-th derivative of a factor on the quadrature points of direction d. A value that is not finite is complained of.
static PetscErrorCode MultiplyFactor(
  Build *b, const char key[], const char name[], SnaExpr factor, PetscInt d, PetscInt m, double **values)
{
  const PetscInt nq             = b->tab[d].nq;
  const double  *x[SNA_MAX_DIM] = {NULL};
  double        *jet;

  PetscFunctionBeginUser;
  if (!factor && m == 0) PetscFunctionReturn(0);
  if (!*values) {
    PetscCall(PetscMalloc1(nq, values));
    for (PetscInt q = 0; q < nq; q++) (*values)[q] = 1;
  }
  if (!factor) { // the derivative of 1
    PetscCall(PetscArrayzero(*values, nq));
    PetscFunctionReturn(0);
  }
  x[d] = b->tab[d].x;
  PetscCall(PetscMalloc1((size_t)nq * (size_t)(m + 1), &jet));
  PetscCall(SnaExprJet(factor, (int)d, (int)m, nq, x, jet));
  for (PetscInt q = 0; q < nq; q++) {
    if (!PetscIsInfOrNanReal(jet[m * nq + q])) continue;
    PetscCall(Complain(&b->complaints, key, name, "the factor in %s%s is %g at %s = %g", b->info->name[d],
      m ? ", differentiated," : "", jet[m * nq + q], b->info->name[d], b->tab[d].x[q]));
    break;
  }
  for (PetscInt q = 0; q < nq; q++) (*values)[q] *= jet[m * nq + q];
  PetscCall(PetscFree(jet));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Lists of terms: values are owned
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode Append(Terms *t, const SnaLsqWeakTerm *term, PetscInt origin)
{
  PetscFunctionBeginUser;
  if (t->n == t->max) {
    t->max = PetscMax(16, 2 * t->max);
    PetscCall(PetscRealloc(sizeof(*t->term) * (size_t)t->max, &t->term));
    PetscCall(PetscRealloc(sizeof(*t->origin) * (size_t)t->max, &t->origin));
  }
  t->origin[t->n] = origin;
  t->term[t->n++] = *term;
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeTerms(Terms *t)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < t->n; k++)
    for (PetscInt d = 0; d < SNA_MAX_DIM; d++) PetscCall(PetscFree(*(double **)&t->term[k].value[d]));
  PetscCall(PetscFree(t->term));
  PetscCall(PetscFree(t->origin));
  PetscFunctionReturn(0);
}

static PetscErrorCode Sources(Build *b, double sign, Terms *out)
{
  const VsnaTerms *source = &b->v->source;

  PetscFunctionBeginUser;
  for (PetscInt m = 0; m < source->n; m++) {
    SnaLsqWeakTerm t = {.coefficient = sign * source->term[m].coefficient};
    for (PetscInt d = 0; d < b->v->nd; d++)
      PetscCall(
        MultiplyFactor(b, "pde_source_*", source->name[m], source->term[m].factor[d], d, 0, (double **)&t.value[d]));
    PetscCall(Append(out, &t, -1));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Least squares
// ---------------------------------------------------------------------------------------------------------------------
static double Binomial(int n, int k)
{
  double value = 1;

  for (int i = 1; i <= k; i++) value = value * (n - k + i) / i;
  return value;
}

// The term as a sum of plain ones: `trial` is the order of the derivative of u. j[d] counts the derivatives that fall on the inner factor of direction d.
static PetscErrorCode PlainTerms(Build *b, PetscInt k, Terms *out)
{
  const SnaTerm *term           = &b->v->term.term[k];
  const char    *name           = b->v->term.name[k];
  int            j[SNA_MAX_DIM] = {0};
  PetscInt       d;

  PetscFunctionBeginUser;
  do {
    SnaLsqWeakTerm t = {.coefficient = term->coefficient};
    for (d = 0; d < b->v->nd; d++) {
      t.trial[d] = term->derivative[d] + term->outer[d] - j[d];
      t.coefficient *= Binomial(term->outer[d], j[d]);
      PetscCall(MultiplyFactor(b, "pde_term_*", name, term->factor[d], d, 0, (double **)&t.value[d]));
      PetscCall(MultiplyFactor(b, "pde_term_*", name, term->inner[d], d, j[d], (double **)&t.value[d]));
    }
    PetscCall(Append(out, &t, k));
    for (d = 0; d < b->v->nd; d++) { // without an inner factor only j = 0 is not zero
      if (j[d] < term->outer[d] && term->inner[d]) {
        j[d]++;
        break;
      }
      j[d] = 0;
    }
  } while (d < b->v->nd);
  PetscFunctionReturn(0);
}

// The operator term on each product of the lift.
static PetscErrorCode OnLift(Build *b, const SnaLsqWeakTerm *op, double sign, Terms *out)
{
  const VsnaTerms *lift = &b->v->lift;

  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < lift->n; j++) {
    SnaLsqWeakTerm t = *op;
    t.coefficient *= sign * lift->term[j].coefficient;
    for (PetscInt d = 0; d < b->v->nd; d++) {
      double *values = NULL;
      if (op->value[d]) {
        PetscCall(PetscMalloc1(b->tab[d].nq, &values));
        PetscCall(PetscArraycpy(values, op->value[d], b->tab[d].nq));
      }
      PetscCall(MultiplyFactor(b, b->v->lift_key[j], lift->name[j], lift->term[j].factor[d], d, op->trial[d], &values));
      t.value[d] = values;
      t.trial[d] = 0;
    }
    PetscCall(Append(out, &t, -1));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode CopyPlain(const Terms *from, PetscInt nd, SnaLsqTerm **to)
{
  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(PetscMax(1, from->n), to));
  for (PetscInt k = 0; k < from->n; k++) {
    (*to)[k].coefficient = from->term[k].coefficient;
    for (PetscInt d = 0; d < nd; d++) {
      (*to)[k].value[d]      = from->term[k].value[d];
      (*to)[k].derivative[d] = from->term[k].trial[d];
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode LeastSquares(Build *b, const SnaBasis bases[], SnaLsq *lsq)
{
  const Vsna *v  = b->v;
  Terms       op = {0}, rhs = {0};
  SnaLsqTerm *a, *g;
  double     *weight[SNA_MAX_DIM] = {NULL};

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < v->term.n; k++) PetscCall(PlainTerms(b, k, &op));
  for (PetscInt k = 0; k < op.n; k++) PetscCall(OnLift(b, &op.term[k], 1, &rhs));
  PetscCall(Sources(b, -1, &rhs));
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscCall(MultiplyFactor(b, "dim_*_weight", b->info->name[d], v->dir[d].weight, d, 0, &weight[d]));
    for (PetscInt q = 0; weight[d] && q < b->tab[d].nq; q++) {
      if (weight[d][q] > 0) continue;
      PetscCall(Complain(&b->complaints, "dim_*_weight", b->info->name[d],
        "the weight must be positive; it is %g at %s = %g", weight[d][q], b->info->name[d], b->tab[d].x[q]));
      break;
    }
  }
  PetscCall(CopyPlain(&op, v->nd, &a));
  PetscCall(CopyPlain(&rhs, v->nd, &g));
  if (b->complaints.count == 0)
    PetscCall(SnaLsqCreate(v->nd, bases, b->tab, (const double *const *)weight, op.n, a, rhs.n, g, lsq));
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(weight[d]));
  PetscCall(PetscFree(a));
  PetscCall(PetscFree(g));
  PetscCall(FreeTerms(&op));
  PetscCall(FreeTerms(&rhs));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Galerkin
// ---------------------------------------------------------------------------------------------------------------------
// The weak form of one term; the deck's reader has refused what has none.
static PetscErrorCode WeakTerm(Build *b, PetscInt k, Terms *out)
{
  const SnaTerm *term         = &b->v->term.term[k];
  const char    *name         = b->v->term.name[k];
  SnaLsqWeakTerm t            = {.coefficient = term->coefficient};
  PetscBool      conservative = PETSC_FALSE;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < b->v->nd; d++) conservative = (PetscBool)(conservative || term->outer[d] > 0);
  for (PetscInt d = 0; d < b->v->nd; d++) {
    t.test[d]  = conservative ? term->outer[d] : term->derivative[d] / 2;
    t.trial[d] = conservative ? term->derivative[d] : term->derivative[d] / 2;
    if (t.test[d] % 2) t.coefficient = -t.coefficient;
    PetscCall(MultiplyFactor(b, "pde_term_*", name, term->factor[d], d, 0, (double **)&t.value[d]));
    PetscCall(MultiplyFactor(b, "pde_term_*", name, term->inner[d], d, 0, (double **)&t.value[d]));
  }
  PetscCall(Append(out, &t, k));
  PetscFunctionReturn(0);
}

// A copy of t whose direction d is the value of the coefficient at one end of it, times `factor`; the other directions keep their values.
static PetscErrorCode AtEnd(
  Build *b, const SnaLsqWeakTerm *t, PetscInt k, PetscInt d, int end, double factor, Terms *out)
{
  const SnaTerm *term           = &b->v->term.term[k];
  const double  *x[SNA_MAX_DIM] = {NULL}, place = end < 0 ? b->v->dir[d].spec.lo : b->v->dir[d].spec.hi;
  SnaLsqWeakTerm copy     = *t;
  double         value[2] = {1, 1}, *one;

  PetscFunctionBeginUser;
  x[d] = &place;
  if (term->factor[d]) PetscCall(SnaExprEvaluate(term->factor[d], 1, x, &value[0]));
  if (term->inner[d]) PetscCall(SnaExprEvaluate(term->inner[d], 1, x, &value[1]));
  for (PetscInt e = 0; e < b->v->nd; e++) {
    const PetscInt nq = b->tab[e].nq;
    if (e == d || !t->value[e]) continue;
    PetscCall(PetscMalloc1(nq, (double **)&copy.value[e]));
    PetscCall(PetscArraycpy((double *)(uintptr_t)copy.value[e], t->value[e], nq));
  }
  PetscCall(PetscMalloc1(1, &one));
  one[0]        = factor * value[0] * value[1];
  copy.value[d] = one;
  copy.trial[d] = copy.test[d] = 0;
  copy.end[d]                  = end;
  PetscCall(Append(out, &copy, -1));
  PetscFunctionReturn(0);
}

static PetscBool IsNatural(const VsnaDirection *D, int end)
{
  const SnaEndKind kind = D->end[end > 0].kind;

  return (PetscBool)(kind == SNA_END_FREE || kind == SNA_END_NEUMANN || kind == SNA_END_ROBIN);
}

static PetscErrorCode RobinEnds(Build *b, Terms *form)
{
  const PetscInt n = form->n;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt d = 0; d < b->v->nd; d++) {
      for (int end = -1; end <= 1; end += 2) {
        const SnaEnd        *condition = &b->v->dir[d].end[end > 0];
        const SnaLsqWeakTerm t         = form->term[i];
        if (t.trial[d] != 1 || t.test[d] != 1 || condition->kind != SNA_END_ROBIN) continue;
        PetscCall(AtEnd(b, &t, form->origin[i], d, end, condition->robin, form));
      }
    }
  }
  PetscFunctionReturn(0);
}

// l(v) = - a(lift, v) without Robin's terms + the lift's flux through natural ends.
static PetscErrorCode LoadOfLift(Build *b, const SnaLsqWeakTerm *t, PetscInt k, Terms *out)
{
  const VsnaTerms *lift = &b->v->lift;

  PetscFunctionBeginUser;
  PetscCall(OnLift(b, t, -1, out));
  for (PetscInt j = 0; j < lift->n; j++) {
    for (PetscInt d = 0; d < b->v->nd; d++) {
      for (int end = -1; end <= 1; end += 2) {
        const double  *x[SNA_MAX_DIM] = {NULL}, place = end < 0 ? b->v->dir[d].spec.lo : b->v->dir[d].spec.hi;
        double         jet[2];
        SnaLsqWeakTerm flux = *t;
        if (t->trial[d] != 1 || t->test[d] != 1 || !IsNatural(&b->v->dir[d], end) || !lift->term[j].factor[d]) continue;
        x[d] = &place;
        PetscCall(SnaExprJet(lift->term[j].factor[d], (int)d, 1, 1, x, jet));
        flux.coefficient *= lift->term[j].coefficient;
        PetscCall(AtEnd(b, &flux, k, d, end, end * jet[1], out));
        for (PetscInt e = 0; e < b->v->nd; e++) {
          SnaLsqWeakTerm *last = &out->term[out->n - 1];
          if (e != d)
            PetscCall(MultiplyFactor(b, b->v->lift_key[j], lift->name[j], lift->term[j].factor[e], e, last->trial[e],
              (double **)&last->value[e]));
          last->trial[e] = 0;
        }
      }
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Galerkin(Build *b, const SnaBasis bases[], SnaLsq *lsq)
{
  Terms     form = {0}, load = {0};
  PetscBool symmetric = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < b->v->term.n; k++) PetscCall(WeakTerm(b, k, &form));
  for (PetscInt k = 0; k < b->v->term.n; k++) PetscCall(LoadOfLift(b, &form.term[k], k, &load));
  PetscCall(RobinEnds(b, &form));
  PetscCall(Sources(b, 1, &load));
  if (b->complaints.count == 0)
    PetscCall(SnaLsqCreateGalerkin(b->v->nd, bases, b->tab, form.n, form.term, load.n, load.term, &symmetric, lsq));
  if (!symmetric)
    PetscCall(Complain(&b->complaints, "pde_form", NULL,
      "the terms do not add up to a symmetric form: each d(x)( a d(y) ) needs its mirror image d(y)( a d(x) )"));
  PetscCall(FreeTerms(&form));
  PetscCall(FreeTerms(&load));
  PetscFunctionReturn(0);
}

// Nonlinear problems have no such functional: their formulas are looked at all the same.
static PetscErrorCode CheckFactors(Build *b)
{
  const Vsna *v    = b->v;
  Terms       list = {0};

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < v->term.n; k++) {
    SnaLsqWeakTerm t = {.coefficient = 1};
    for (PetscInt d = 0; d < v->nd; d++)
      PetscCall(
        MultiplyFactor(b, "pde_term_*", v->term.name[k], v->term.term[k].factor[d], d, 0, (double **)&t.value[d]));
    for (PetscInt d = 0; d < v->nd; d++) t.trial[d] = b->tab[d].order;
    PetscCall(Append(&list, &t, k));
    PetscCall(OnLift(b, &t, 1, &list));
  }
  PetscCall(Sources(b, 1, &list));
  PetscCall(FreeTerms(&list));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaBuildFunctional(SnaModel model, SnaDeck deck, char message[SNA_MAX_MESSAGE], const SnaBasis bases[],
  const SnaTabulation tab[], PetscBool *ok, SnaLsq *lsq)
{
  const Vsna *v = (const Vsna *)model->data;
  Build       b = {.v = v, .info = &model->info, .tab = tab, .complaints = {.deck = deck, .message = message}};

  PetscFunctionBeginUser;
  *lsq = NULL;
  if (v->nonlinear)
    PetscCall(CheckFactors(&b));
  else if (v->form == VSNA_GALERKIN)
    PetscCall(Galerkin(&b, bases, lsq));
  else
    PetscCall(LeastSquares(&b, bases, lsq));
  *ok = (PetscBool)(b.complaints.count == 0);
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaCreateFunctional(SnaModel model, const VsnaLevel *level, const PetscInt per_cell[], SnaLsq *lsq)
{
  const Vsna   *v = (const Vsna *)model->data;
  SnaTabulation tab[SNA_MAX_DIM];
  char          message[SNA_MAX_MESSAGE] = "";
  PetscBool     ok;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++)
    PetscCall(SnaTabulationCreate(level->tt.bases[d], per_cell[d], level->tab[d].order, &tab[d]));
  PetscCall(VsnaBuildFunctional(model, NULL, message, level->tt.bases, tab, &ok, lsq));
  PetscCheck(ok, PETSC_COMM_SELF, PETSC_ERR_FP, "%s", message);
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(SnaTabulationDestroy(&tab[d]));
  PetscFunctionReturn(0);
}
