// vsna_theory.c - form: galerkin: what the theory of the weak form promises for the solution, with numbers (Lax-Milgram and Cea's lemma, e.g. Brenner & Scott,
// The Mathematical Theory of Finite Element Methods, ch. 2).
//
// The form is a(u,v) = int (Du)^T K (Dv), D the list of the derivatives that occur, K(x) symmetric; the norm is ||v||_V^2 = int |Dv|^2 (with a Robin
// end's int robin v^2 in both). The eigenvalues of K give alpha ||v||_V^2 <= a(v,v) <= gamma ||v||_V^2; their extremes are searched for at tabulated points, so alpha may
// be smaller and gamma larger than reported. Of the field w = u - lift, which solves a(w,v) = l(v):
//
//   stationary       a(w,w) = l(w)                                   where w is best along itself, thus at every stationary point of the energy
//   linear spaces    e_d = min ||w - v||_a over the v that differ from w in the factors of direction d alone: 0 for a Galerkin solution of that space (format cp)
//   quasi-optimality ||u - w||_a = ratio * min_v ||u - v||_a over that space, ratio = (1 - (e_d / ||u - w||_a)^2)^(-1/2), 1 by Cea's lemma for e_d = 0
//   stability        ||w||_V <= ||l||_V' / alpha,  ||l||_V' <= C ||source|| + gamma ||lift||_V, C the Poincare constant of the box
//
// The sets of fields of one rank are not linear, so nothing here bounds the distance from the best field of the format.
#include "vsna.h"

#define MAX_D       16 // derivatives in the form
#define STARTS      64
#define GRID_POINTS 1048576
#define QMC_POINTS  131072

typedef struct {
  PetscInt n, order[MAX_D][SNA_MAX_DIM]; // D
  PetscInt term, trial[VSNA_MAX_TERMS], test[VSNA_MAX_TERMS];
  double   coefficient[VSNA_MAX_TERMS]; // of the deck's terms, with the sign of the integration by parts
} Form;

// Weak form of the terms as vsna_functional.c integrates it. *ok = PETSC_FALSE where there are too many derivatives.
static void ReadForm(const Vsna *v, Form *f, PetscBool *ok)
{
  *f  = (Form){.term = v->term.n};
  *ok = PETSC_TRUE;
  for (PetscInt k = 0; k < v->term.n; k++) {
    const SnaTerm *term         = &v->term.term[k];
    PetscBool      conservative = PETSC_FALSE;
    f->coefficient[k]           = term->coefficient;
    for (PetscInt d = 0; d < v->nd; d++) conservative = (PetscBool)(conservative || term->outer[d] > 0);
    for (int side = 0; side < 2 && *ok; side++) {
      PetscInt order[SNA_MAX_DIM] = {0}, j = 0;
      for (PetscInt d = 0; d < v->nd; d++) {
        order[d] = !conservative ? term->derivative[d] / 2 : side ? term->outer[d] : term->derivative[d];
        if (side && order[d] % 2) f->coefficient[k] = -f->coefficient[k];
      }
      for (; j < f->n; j++) {
        PetscBool same = PETSC_TRUE;
        for (PetscInt d = 0; d < v->nd; d++) same = (PetscBool)(same && order[d] == f->order[j][d]);
        if (same) break;
      }
      if (j == MAX_D) {
        *ok = PETSC_FALSE;
        return;
      }
      if (j == f->n)
        for (PetscInt d = 0; d < v->nd; d++) f->order[f->n][d] = order[d];
      if (j == f->n) f->n++;
      (side ? f->test : f->trial)[k] = j;
    }
  }
}

// Total order of entry j of D; *d is a direction in it.
static PetscInt TotalOrder(const Vsna *v, const Form *f, PetscInt j, PetscInt *d)
{
  PetscInt total = 0;

  *d = -1;
  for (PetscInt e = 0; e < v->nd; e++) {
    total += f->order[j][e];
    if (f->order[j][e] > 0) *d = e;
  }
  return total;
}

static PetscErrorCode NormText(
  const SnaModel model, const Vsna *v, const Form *f, PetscBool robin, size_t size, char text[])
{
  PetscFunctionBeginUser;
  text[0] = '\0';
  for (PetscInt j = 0; j < f->n; j++) {
    PetscInt dummy;
    if (j) PetscCall(PetscStrlcat(text, " + ", size));
    if (TotalOrder(v, f, j, &dummy) == 0) PetscCall(PetscStrlcat(text, "v^2", size));
    if (TotalOrder(v, f, j, &dummy) == 0) continue;
    PetscCall(PetscStrlcat(text, "(", size));
    for (PetscInt d = 0; d < v->nd; d++) {
      char one[64] = "";
      if (f->order[j][d] == 1) PetscCall(PetscSNPrintf(one, sizeof(one), "d(%.40s)", model->info.name[d]));
      if (f->order[j][d] > 1)
        PetscCall(PetscSNPrintf(one, sizeof(one), "d(%.40s,%" PetscInt_FMT ")", model->info.name[d], f->order[j][d]));
      PetscCall(PetscStrlcat(text, one, size));
    }
    PetscCall(PetscStrlcat(text, " v)^2", size));
  }
  if (robin) PetscCall(PetscStrlcat(text, ", and robin v^2 on Robin ends", size));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Eigenvalues of K
// ---------------------------------------------------------------------------------------------------------------------
// Extreme eigenvalues of a symmetric matrix by Jacobi rotations (Golub & Van Loan, Matrix Computations, 8.5); A is overwritten.
static void Eigenvalues(PetscInt n, double A[], double *smallest, double *largest)
{
  for (int sweep = 0; sweep < 30; sweep++) {
    double off = 0, diagonal = 0;
    for (PetscInt i = 0; i < n; i++)
      for (PetscInt j = 0; j < n; j++) *(i == j ? &diagonal : &off) += A[i * n + j] * A[i * n + j];
    if (off <= 1e-30 * diagonal) break;
    for (PetscInt p = 0; p < n; p++) {
      for (PetscInt q = p + 1; q < n; q++) {
        if (A[p * n + q] == 0) continue;
        const double tau = (A[q * n + q] - A[p * n + p]) / (2 * A[p * n + q]);
        const double t   = (tau >= 0 ? 1.0 : -1.0) / (PetscAbsReal(tau) + PetscSqrtReal(1 + tau * tau));
        const double c = 1 / PetscSqrtReal(1 + t * t), s = t * c;
        for (PetscInt k = 0; k < n; k++) {
          const double a = A[k * n + p], b = A[k * n + q];
          A[k * n + p] = c * a - s * b;
          A[k * n + q] = s * a + c * b;
        }
        for (PetscInt k = 0; k < n; k++) {
          const double a = A[p * n + k], b = A[q * n + k];
          A[p * n + k] = c * a - s * b;
          A[q * n + k] = s * a + c * b;
        }
      }
    }
  }
  *smallest = *largest = A[0];
  for (PetscInt i = 1; i < n; i++) {
    *smallest = PetscMin(*smallest, A[i * n + i]);
    *largest  = PetscMax(*largest, A[i * n + i]);
  }
}

// Eigenvalue of K = sum_k s_k E_{test,trial}, symmetrised; `sign` < 0: minus the largest one.
static double ExtremeOfK(const Form *f, const double s[], int sign)
{
  double K[MAX_D * MAX_D] = {0}, smallest, largest;

  for (PetscInt k = 0; k < f->term; k++) {
    K[f->test[k] * f->n + f->trial[k]] += 0.5 * s[k];
    K[f->trial[k] * f->n + f->test[k]] += 0.5 * s[k];
  }
  Eigenvalues(f->n, K, &smallest, &largest);
  return sign > 0 ? smallest : -largest;
}

// The smallest eigenvalue of sign * K, times sign: coordinate searches over the quadrature points and ends from many starts. Exact on those points where K is linear in every
// direction that it mixes.
static PetscErrorCode SearchExtreme(const Vsna *v, const Form *f, int sign, double *value)
{
  double  *g[SNA_MAX_DIM], *x, best = PETSC_MAX_REAL;
  PetscInt n[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) { // g[d][k*n + q]: the factor of term k
    const SnaTabulation *tab             = &v->level[0]->tab[d];
    const double        *at[SNA_MAX_DIM] = {NULL};
    double              *values;
    n[d] = tab->nq + 2;
    PetscCall(PetscMalloc2(n[d], &x, n[d], &values));
    PetscCall(PetscMalloc1((size_t)f->term * (size_t)n[d], &g[d]));
    PetscCall(PetscArraycpy(x, tab->x, tab->nq));
    x[tab->nq]     = v->dir[d].spec.lo;
    x[tab->nq + 1] = v->dir[d].spec.hi;
    at[d]          = x;
    for (PetscInt k = 0; k < f->term; k++) {
      double *to = g[d] + k * n[d];
      for (PetscInt q = 0; q < n[d]; q++) to[q] = 1;
      for (int i = 0; i < 2; i++) {
        const SnaExpr factor = i ? v->term.term[k].inner[d] : v->term.term[k].factor[d];
        if (!factor) continue;
        PetscCall(SnaExprEvaluate(factor, n[d], at, values));
        for (PetscInt q = 0; q < n[d]; q++) to[q] *= values[q];
      }
    }
    PetscCall(PetscFree2(x, values));
  }
  for (PetscInt start = 0; start < STARTS; start++) {
    PetscInt  q[SNA_MAX_DIM];
    double    s[VSNA_MAX_TERMS], now = PETSC_MAX_REAL;
    PetscBool moved = PETSC_TRUE;
    for (PetscInt d = 0; d < v->nd; d++)
      q[d] = PetscMin(n[d] - 1, (PetscInt)(SnaRandomUniform(1, (uint64_t)start, (uint64_t)d) * (double)n[d]));
    while (moved) {
      moved = PETSC_FALSE;
      for (PetscInt d = 0; d < v->nd; d++) {
        double rest[VSNA_MAX_TERMS];
        for (PetscInt k = 0; k < f->term; k++) {
          rest[k] = f->coefficient[k];
          for (PetscInt e = 0; e < v->nd; e++)
            if (e != d) rest[k] *= g[e][k * n[e] + q[e]];
        }
        for (PetscInt c = 0; c < n[d]; c++) {
          for (PetscInt k = 0; k < f->term; k++) s[k] = rest[k] * g[d][k * n[d] + c];
          const double candidate = ExtremeOfK(f, s, sign);
          if (!(candidate < now - 1e-12 * PetscAbsReal(now))) continue; // an end may be a pole: NaN is passed over
          now   = candidate;
          q[d]  = c;
          moved = PETSC_TRUE;
        }
      }
    }
    best = PetscMin(best, now);
  }
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(g[d]));
  *value = sign * best;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Norms and constants
// ---------------------------------------------------------------------------------------------------------------------
// || D sum of products ||^2 for the derivatives `order` (NULL: none).
static PetscErrorCode ProductsNorm(const Vsna *v, const VsnaTerms *t, const PetscInt order[], double *square)
{
  const VsnaLevel *level = v->level[0];
  double          *H, *g;

  PetscFunctionBeginUser;
  *square = 0;
  PetscCall(PetscMalloc1(PetscMax(1, t->n * t->n), &H));
  for (PetscInt i = 0; i < t->n; i++)
    for (PetscInt j = 0; j < t->n; j++) H[i * t->n + j] = t->term[i].coefficient * t->term[j].coefficient;
  for (PetscInt d = 0; d < v->nd; d++) {
    const SnaTabulation *tab = &level->tab[d];
    PetscCall(PetscMalloc1(PetscMax(1, t->n * tab->nq), &g));
    for (PetscInt i = 0; i < t->n; i++)
      PetscCall(VsnaFactorValues(v, level, t->term[i].factor[d], d, order ? order[d] : 0, g + i * tab->nq));
    for (PetscInt i = 0; i < t->n; i++) {
      for (PetscInt j = 0; j < t->n; j++) {
        double sum = 0;
        for (PetscInt q = 0; q < tab->nq; q++) sum += tab->w[q] * g[i * tab->nq + q] * g[j * tab->nq + q];
        H[i * t->n + j] *= sum;
      }
    }
    PetscCall(PetscFree(g));
  }
  for (PetscInt i = 0; i < t->n * t->n; i++) *square += H[i];
  PetscCall(PetscFree(H));
  PetscFunctionReturn(0);
}

static PetscBool IsZeroEnd(const Vsna *v, PetscInt d, PetscInt end)
{
  const SnaEndKind kind = v->dir[d].end[end].kind;

  return (PetscBool)(kind == SNA_END_DIRICHLET || kind == SNA_END_CLAMPED);
}

// Robin ends of the directions of the form: -1 there is a negative one, 1 there are, 0 there are none.
static int RobinSign(const Vsna *v, const Form *f)
{
  int sign = 0;

  for (PetscInt j = 0; j < f->n; j++) {
    PetscInt d, total = TotalOrder(v, f, j, &d);
    for (PetscInt end = 0; end < 2 && total == 1; end++) {
      if (v->dir[d].end[end].kind != SNA_END_ROBIN || v->dir[d].end[end].robin == 0) continue;
      sign = v->dir[d].end[end].robin < 0 || sign < 0 ? -1 : 1;
    }
  }
  return sign;
}

// lambda with lambda ||v||^2 <= ||v||_V^2 (L2 on the left): the sum of the directions' first eigenvalues; 0: not known from the conditions at the ends.
static double Poincare(const Vsna *v, const Form *f)
{
  double lambda = 0;

  for (PetscInt j = 0; j < f->n; j++) {
    PetscInt d, total = TotalOrder(v, f, j, &d), ends;
    if (total == 0) lambda += 1;
    if (total == 0 || f->order[j][d] != total) continue;
    ends               = (PetscInt)IsZeroEnd(v, d, 0) + (PetscInt)IsZeroEnd(v, d, 1);
    const double first = PETSC_PI / (v->dir[d].spec.hi - v->dir[d].spec.lo) * (ends == 2 ? 1 : 0.5);
    if (ends == 2 || (ends == 1 && total == 1)) lambda += PetscPowRealInt(first, (int)(2 * total));
  }
  return lambda;
}

// ||w||_V^2 of the field.
static PetscErrorCode NormOfField(const Vsna *v, const Form *f, double *square)
{
  SnaLsqWeakTerm term[MAX_D + 2 * SNA_MAX_DIM];
  double         robin[2 * SNA_MAX_DIM], unused;
  PetscInt       n = 0, nrobin = 0;
  PetscBool      symmetric;
  SnaLsq         lsq;

  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < f->n; j++) {
    PetscInt one, total = TotalOrder(v, f, j, &one);
    term[n] = (SnaLsqWeakTerm){.coefficient = 1};
    for (PetscInt d = 0; d < v->nd; d++) term[n].trial[d] = term[n].test[d] = f->order[j][d];
    n++;
    for (int end = -1; end <= 1 && total == 1; end += 2) {
      const SnaEnd *condition = &v->dir[one].end[end > 0];
      if (condition->kind != SNA_END_ROBIN) continue;
      term[n]            = (SnaLsqWeakTerm){.coefficient = 1};
      robin[nrobin]      = condition->robin;
      term[n].value[one] = &robin[nrobin++];
      term[n++].end[one] = end;
    }
  }
  PetscCall(
    SnaLsqCreateGalerkin(v->nd, v->field_level->tt.bases, v->field_level->tab, n, term, 0, NULL, &symmetric, &lsq));
  PetscCall(VsnaEnergy(lsq, v->field, square, &unused));
  PetscCall(SnaLsqDestroy(&lsq));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Energy error against the deck's reference: component j of L^T (D u), K = L L^T
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  SnaModel    model;
  const Form *form;
  PetscInt    component;
  PetscBool   reference;
} Component;

static PetscErrorCode EvaluateComponent(void *ctx, PetscInt n, const double *const x[], double out[])
{
  const Component *c = (const Component *)ctx;
  const Vsna      *v = (const Vsna *)c->model->data;
  const Form      *f = c->form;
  double          *D[MAX_D], *grad[SNA_MAX_DIM] = {NULL}, *u, *s, *values, *jet;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4(n, &u, (size_t)f->term * (size_t)n, &s, n, &values, 2 * (size_t)n, &jet));
  for (PetscInt j = 0; j < f->n; j++) PetscCall(PetscMalloc1(n, &D[j]));
  for (PetscInt j = 0; j < f->n; j++) {
    PetscInt       d;
    const PetscInt total = TotalOrder(v, f, j, &d);
    if (total == 1) grad[d] = D[j];
    if (!c->reference) continue;
    PetscCall(SnaExprJet(c->model->reference, (int)PetscMax(0, d), (int)total, n, x, jet));
    PetscCall(PetscArraycpy(D[j], jet + total * n, n));
  }
  if (!c->reference) {
    PetscCall(SnaModelSample(c->model, 0, n, x, u, grad));
    for (PetscInt j = 0; j < f->n; j++) {
      PetscInt d;
      if (TotalOrder(v, f, j, &d) == 0) PetscCall(PetscArraycpy(D[j], u, n));
    }
  }
  for (PetscInt k = 0; k < f->term; k++) {
    for (PetscInt i = 0; i < n; i++) s[k * n + i] = f->coefficient[k];
    for (PetscInt d = 0; d < 2 * v->nd; d++) {
      const SnaExpr factor = d % 2 ? v->term.term[k].inner[d / 2] : v->term.term[k].factor[d / 2];
      if (!factor) continue;
      PetscCall(SnaExprEvaluate(factor, n, x, values));
      for (PetscInt i = 0; i < n; i++) s[k * n + i] *= values[i];
    }
  }
  for (PetscInt i = 0; i < n; i++) {
    double L[MAX_D * MAX_D] = {0}; // K, then its Cholesky factor in the lower triangle
    for (PetscInt k = 0; k < f->term; k++) {
      L[f->test[k] * f->n + f->trial[k]] += 0.5 * s[k * n + i];
      L[f->trial[k] * f->n + f->test[k]] += 0.5 * s[k * n + i];
    }
    for (PetscInt a = 0; a < f->n; a++) {
      for (PetscInt b = 0; b <= a; b++) {
        double sum = L[a * f->n + b];
        for (PetscInt k = 0; k < b; k++) sum -= L[a * f->n + k] * L[b * f->n + k];
        L[a * f->n + b] = a == b ? PetscSqrtReal(PetscMax(0, sum)) : L[b * f->n + b] > 0 ? sum / L[b * f->n + b] : 0;
      }
    }
    out[i] = 0;
    for (PetscInt a = c->component; a < f->n; a++) out[i] += L[a * f->n + c->component] * D[a][i];
  }
  for (PetscInt j = 0; j < f->n; j++) PetscCall(PetscFree(D[j]));
  PetscCall(PetscFree4(u, s, values, jet));
  PetscFunctionReturn(0);
}

// *error = ||u - reference||_a, *norm = ||reference||_a; *known = PETSC_FALSE without such a reference.
static PetscErrorCode EnergyError(SnaModel model, const Form *f, double *error, double *norm, PetscBool *known)
{
  const Vsna               *v = (const Vsna *)model->data;
  const SnaCoordinatesInfo *info;
  SnaTabulation             tab[SNA_MAX_DIM];
  const double             *x[SNA_MAX_DIM], *w[SNA_MAX_DIM];
  double                   *mass[SNA_MAX_DIM], points = 1;
  PetscInt                  nq[SNA_MAX_DIM], d;

  PetscFunctionBeginUser;
  *known = PETSC_FALSE;
  *error = *norm = 0;
  if (!model->reference || v->direct) PetscFunctionReturn(0);
  PetscCall(SnaCoordinatesGetInfo(model->coordinates, &info));
  if (info->mapped || RobinSign(v, f) != 0) PetscFunctionReturn(0);
  for (PetscInt j = 0; j < f->n; j++)
    if (TotalOrder(v, f, j, &d) > 1) PetscFunctionReturn(0);
  for (d = 0; d < v->nd; d++) { // points that took no part in the solution
    PetscCall(SnaTabulationCreate(v->field_level->tt.bases[d], v->field_level->tab[d].per_cell + 1, 0, &tab[d]));
    x[d]  = tab[d].x;
    w[d]  = tab[d].w;
    nq[d] = tab[d].nq;
    points *= (double)nq[d];
  }
  for (PetscInt j = 0; j < f->n; j++) {
    Component        u = {model, f, j, PETSC_FALSE}, r = {model, f, j, PETSC_TRUE};
    SnaErrorEstimate e;
    if (points <= GRID_POINTS)
      PetscCall(SnaErrorOnGrid(model->comm, v->nd, nq, x, w, EvaluateComponent, &u, EvaluateComponent, &r, &e));
    else {
      PetscInt nbin[SNA_MAX_DIM];
      for (d = 0; d < v->nd; d++) {
        nbin[d] = 16;
        PetscCall(PetscMalloc1(nbin[d], &mass[d]));
        PetscCall(SnaFieldMarginal(v->field, d, nbin[d], mass[d]));
      }
      PetscCall(SnaErrorQmc(model->comm, v->nd, model->info.lo, model->info.hi, nbin, (const double *const *)mass,
        PetscMin(v->error_points, QMC_POINTS), EvaluateComponent, &u, EvaluateComponent, &r, &e));
      for (d = 0; d < v->nd; d++) PetscCall(PetscFree(mass[d]));
    }
    *error += PetscSqr(e.norm > 0 ? e.error * e.norm : e.error);
    *norm += PetscSqr(e.norm);
  }
  for (d = 0; d < v->nd; d++) PetscCall(SnaTabulationDestroy(&tab[d]));
  *error = PetscSqrtReal(*error);
  *norm  = PetscSqrtReal(*norm);
  *known = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The report
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ReportStability(
  SnaModel model, const Vsna *v, const Form *f, double alpha, double gamma, SnaResults results)
{
  const double lambda = Poincare(v, f);
  double       norm2, source2, lift2 = 0, bound;

  PetscFunctionBeginUser;
  PetscCall(NormOfField(v, f, &norm2));
  PetscCall(SnaResultsAdd(results, "norm_v", PetscSqrtReal(norm2)));
  if (lambda == 0) {
    PetscCall(PetscPrintf(model->comm,
      "  stability bound: not computed, the conditions at the ends give no Poincare constant in closed form\n"));
    PetscFunctionReturn(0);
  }
  for (PetscInt j = 0; j < f->n && v->lift.n > 0; j++) {
    PetscInt d;
    double   one;
    if (TotalOrder(v, f, j, &d) > 0 && !(IsZeroEnd(v, d, 0) && IsZeroEnd(v, d, 1))) {
      PetscCall(
        PetscPrintf(model->comm, "  stability bound: not computed, the lift has a flux through a natural end\n"));
      PetscFunctionReturn(0);
    }
    PetscCall(ProductsNorm(v, &v->lift, f->order[j], &one));
    lift2 += one;
  }
  PetscCall(ProductsNorm(v, &v->source, NULL, &source2));
  bound = (PetscSqrtReal(source2 / lambda) + gamma * PetscSqrtReal(lift2)) / alpha;
  PetscCall(PetscPrintf(model->comm, "  stability: ||%s%s||_V = %.6e <= ||l||_V' / alpha <= %.6e%s\n", v->unknown,
    v->lift.n > 0 ? " - lift" : "", PetscSqrtReal(norm2), bound,
    PetscSqrtReal(norm2) <= bound * (1 + 1e-12) ? "" : "  VIOLATED: the solver is far from stationary"));
  PetscCall(SnaResultsAdd(results, "stability_bound", bound));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaTheory(SnaModel model, SnaResults results)
{
  Vsna       *v   = (Vsna *)model->data;
  SnaLsq      lsq = v->field_level->tt.lsq;
  Form        form;
  double      energy, load, alpha = 0, gamma = 0, error, norm, gain = 0;
  const char *format;
  char        text[512];
  PetscBool   ok, known, train;
  PetscInt    d = 0;
  int         robin;

  PetscFunctionBeginUser;
  ReadForm(v, &form, &ok);
  PetscCall(SnaFieldGetFormat(v->field, &format));
  PetscCall(PetscStrcmp(format, VsnaFormatTT.name, &train));
  PetscCall(VsnaEnergy(lsq, v->field, &energy, &load));
  load = -load;
  PetscCall(PetscPrintf(model->comm,
    "Galerkin: a(w,w) = %.10e, l(w) = %.10e, relative difference %.1e (0 where w%s is stationary)\n", energy, load,
    PetscAbsReal(energy - load) / energy, v->lift.n > 0 ? " = u - lift" : " = u"));
  PetscCall(SnaResultsAdd(results, "energy", energy));
  PetscCall(SnaResultsAdd(results, "energy_defect", PetscAbsReal(energy - load) / energy));
  if (!ok) {
    PetscCall(PetscPrintf(model->comm, "  more than %d different derivatives: no constants are computed\n", MAX_D));
    PetscFunctionReturn(0);
  }
  robin = RobinSign(v, &form);
  PetscCall(NormText(model, v, &form, (PetscBool)(robin != 0), sizeof(text), text));
  PetscCall(SearchExtreme(v, &form, 1, &alpha));
  PetscCall(SearchExtreme(v, &form, -1, &gamma));
  PetscCall(SnaResultsAdd(results, "coercivity", alpha));
  PetscCall(SnaResultsAdd(results, "continuity", gamma));
  PetscCall(PetscPrintf(model->comm, "  norm ||v||_V^2 = int %s\n", text));
  PetscCall(PetscPrintf(model->comm,
    "  coercivity alpha = %.6g, continuity gamma = %.6g: extremes of the coefficients found by a search (values they "
    "take, not "
    "proven bounds)\n",
    alpha, gamma));
  if (alpha <= 0 || robin < 0 || (Poincare(v, &form) == 0 && robin == 0)) {
    PetscCall(PetscPrintf(model->comm,
      "  not coercive (%s): nothing below is guaranteed; form: least_squares needs no coercivity\n",
      alpha <= 0  ? "a coefficient is not positive"
      : robin < 0 ? "a Robin end with a negative coefficient"
                  : "no condition at any end excludes constants"));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaResultsAdd(results, "quasi_optimality", PetscSqrtReal(gamma / alpha)));
  PetscCall(PetscPrintf(model->comm,
    "  quasi-optimality in a linear space (symmetric form): error <= %.6g times the best error in the norm V, 1 times "
    "in the energy norm\n",
    PetscSqrtReal(gamma / alpha)));
  PetscCall(ReportStability(model, v, &form, alpha, gamma, results));
  PetscCall(EnergyError(model, &form, &error, &norm, &known));
  if (known) {
    PetscCall(PetscPrintf(model->comm, "  energy error against the reference: %.4e (relative)\n", error / norm));
    PetscCall(SnaResultsAdd(results, "error_energy", error / norm));
  } else
    error = v->energy_error;
  if (!train) PetscCall(VsnaLargestGain(model, lsq, &gain, &d));
  if (!train && !PetscIsInfReal(gain)) {
    const double defect = PetscSqrtReal(PetscMax(0, gain) / energy);
    PetscCall(PetscPrintf(model->comm,
      "  with the factors of one direction alone free the space is linear; its Galerkin solution is %.1e of the energy "
      "norm away (%s, the "
      "largest)\n",
      defect, model->info.name[d]));
    PetscCall(SnaResultsAdd(results, "local_defect", defect));
    if (error > 0 && gain < error * error) {
      const double ratio = 1 / PetscSqrtReal(1 - PetscMax(0, gain) / (error * error));
      PetscCall(PetscPrintf(
        model->comm, "  measured quasi-optimality: the energy error is %.6f times the best in that space\n", ratio));
      PetscCall(SnaResultsAdd(results, "quasi_optimality_measured", ratio));
    }
  }
  PetscCall(PetscPrintf(model->comm,
    "  these hold for linear spaces: each local problem, all other factors fixed. %s are no linear space: the distance "
    "from the best of "
    "them is not bounded\n",
    train ? "Tensor trains of given ranks" : "Sums of R products"));
  PetscFunctionReturn(0);
}
