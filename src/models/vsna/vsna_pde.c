// vsna_pde.c - the deck's directions with their bases and conditions, and the equation as product terms. Everything that a user can get wrong there is
// collected as deck errors with lines; what needs the values of the formulas is found by vsna_functional.c.
#include "vsna.h"

#define MAX_BREAK 512

// ---------------------------------------------------------------------------------------------------------------------
// Directions
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ReadEnds(SnaDeck deck, const char name[], VsnaDirection *D)
{
  static const struct {
    const char *word;
    SnaEndKind  kind;
  } known[] = {{"none", SNA_END_FREE}, {"dirichlet", SNA_END_DIRICHLET}, {"neumann", SNA_END_NEUMANN},
    {"robin", SNA_END_ROBIN}, {"clamped", SNA_END_CLAMPED}, {"periodic", SNA_END_PERIODIC}};
  const char *bc[2];
  double      robin[2] = {0, 0};
  PetscInt    n, nrobin;
  PetscBool   given, any = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetStrings(deck, "dim_*_bc", name, 2, &n, bc));
  for (PetscInt i = 0; i < n; i++) {
    PetscBool same = PETSC_FALSE;
    size_t    k    = 0;
    for (; k < sizeof(known) / sizeof(known[0]); k++) {
      PetscCall(PetscStrcmp(bc[i], known[k].word, &same));
      if (same) break;
    }
    if (!same)
      PetscCall(SnaDeckError(deck, "dim_*_bc", name,
        "boundary condition `%s` is not known; choose none, dirichlet, neumann, robin, clamped or periodic", bc[i]));
    else if (i == 0)
      D->end[0].kind = D->end[1].kind = known[k].kind;
    else
      D->end[1].kind = known[k].kind;
  }
  PetscCall(SnaDeckHas(deck, "dim_*_robin", name, &given));
  PetscCall(SnaDeckGetReals(deck, "dim_*_robin", name, 2, &nrobin, robin));
  if (nrobin == 1) robin[1] = robin[0];
  for (int e = 0; e < 2; e++) {
    D->end[e].robin = D->end[e].kind == SNA_END_ROBIN ? robin[e] : 0;
    any             = (PetscBool)(any || D->end[e].kind == SNA_END_ROBIN);
  }
  if (any && !given)
    PetscCall(SnaDeckError(deck, "dim_*_robin", name, "bc: robin needs its coefficient: du/dn + robin u = 0"));
  if (given && !any)
    PetscCall(SnaDeckError(deck, "dim_*_robin", name, "a coefficient of robin, but no end has bc: robin"));
  PetscFunctionReturn(0);
}

// A key of splines alone, or of the other families alone.
static PetscErrorCode RefuseKey(
  SnaDeck deck, const char key[], const char name[], const char family[], const char use[])
{
  PetscBool given;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckHas(deck, key, name, &given));
  if (given) PetscCall(SnaDeckError(deck, key, name, "a basis of family %s %s", family, use));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadResolution(SnaDeck deck, const char name[], VsnaDirection *D)
{
  SnaBasisSpec *s = &D->spec;
  PetscBool     splines, given;
  PetscInt      n;

  PetscFunctionBeginUser;
  PetscCall(PetscStrcmp(s->family, "bspline", &splines));
  if (!splines) {
    PetscCall(RefuseKey(deck, "dim_*_cells", name, s->family, "has modes, not cells"));
    PetscCall(RefuseKey(deck, "dim_*_degree", name, s->family, "has no degree; its number of functions is `modes`"));
    PetscCall(RefuseKey(deck, "dim_*_knots", name, s->family, "has no knots"));
    PetscCall(SnaDeckGetInt(deck, "dim_*_modes", name, &s->resolution));
    PetscFunctionReturn(0);
  }
  PetscCall(RefuseKey(deck, "dim_*_modes", name, s->family, "has cells, not modes"));
  PetscCall(SnaDeckGetInt(deck, "dim_*_degree", name, &s->degree));
  PetscCall(PetscMalloc1(MAX_BREAK, &D->breakpoint));
  PetscCall(SnaDeckGetReals(deck, "dim_*_knots", name, MAX_BREAK, &n, D->breakpoint));
  s->nbreak     = n;
  s->breakpoint = n > 0 ? D->breakpoint : NULL;
  PetscCall(SnaDeckHas(deck, "dim_*_cells", name, &given));
  if (given || n == 0) PetscCall(SnaDeckGetInt(deck, "dim_*_cells", name, &s->resolution));
  if (!given && n > 0) {
    s->resolution = 0;
    for (PetscInt i = 1; i < n; i++) s->resolution += D->breakpoint[i] > D->breakpoint[i - 1] ? 1 : 0;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadDirection(
  SnaDeck deck, const SnaModelInfo *info, PetscInt d, const SnaSymbols *symbols, Vsna *v)
{
  VsnaDirection *D    = &v->dir[d];
  const char    *name = info->name[d], *text;
  double         domain[2];
  PetscInt       n;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetReals(deck, "dim_*_domain", name, 2, &n, domain));
  if (n == 2 && !(domain[0] < domain[1]))
    PetscCall(SnaDeckError(deck, "dim_*_domain", name,
      "domain [%g, %g] is empty or reversed: the lower end comes first", domain[0], domain[1]));
  else if (n == 1)
    PetscCall(SnaDeckError(deck, "dim_*_domain", name, "domain needs two numbers, [lo, hi]"));
  D->spec.lo = n == 2 ? domain[0] : 0;
  D->spec.hi = n == 2 ? domain[1] : 1;
  PetscCall(SnaDeckGetString(deck, "dim_*_basis", name, &D->spec.family));
  PetscCall(ReadResolution(deck, name, D));
  PetscCall(SnaDeckGetInt(deck, "dim_*_quadrature", name, &D->quadrature));
  PetscCall(ReadEnds(deck, name, D));
  PetscCall(SnaDeckGetBool(deck, "dim_*_initial", name, &D->initial));
  if (D->initial) {
    if (v->initial_dim >= 0)
      PetscCall(SnaDeckError(
        deck, "dim_*_initial", name, "a second direction of time; `%s` is one already", info->name[v->initial_dim]));
    if (D->end[0].kind != SNA_END_FREE)
      PetscCall(SnaDeckError(deck, "dim_*_bc", name,
        "a direction with `initial: true` takes its condition at the lower end from pde: initial; use bc: none there"));
    v->initial_dim = d;
  }
  PetscCall(SnaDeckGetString(deck, "dim_*_weight", name, &text));
  if (text && *text) {
    char     message[SNA_MAX_MESSAGE];
    uint32_t mask = 0;
    PetscCall(SnaExprCreate(text, symbols, &D->weight, message));
    if (!D->weight)
      PetscCall(SnaDeckError(deck, "dim_*_weight", name, "%s", message));
    else
      PetscCall(SnaExprGetVariables(D->weight, &mask));
    if (mask & ~(1u << d))
      PetscCall(SnaDeckError(deck, "dim_*_weight", name, "the weight of `%s` may use %s alone", name, name));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaReadDirections(SnaModel model, SnaDeck deck, const SnaSymbols *symbols)
{
  Vsna         *v    = (Vsna *)model->data;
  SnaModelInfo *info = &model->info;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscCall(ReadDirection(deck, info, d, symbols, v));
    info->lo[d] = v->dir[d].spec.lo;
    info->hi[d] = v->dir[d].spec.hi;
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Terms
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ReadTerms(
  SnaDeck deck, const char list[], const char key[], const SnaSymbols *symbols, const char unknown[], VsnaTerms *t)
{
  const char *names[VSNA_MAX_TERMS];
  PetscInt    n = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetNames(deck, list, NULL, VSNA_MAX_TERMS - t->n, &n, names));
  for (PetscInt i = 0; i < n; i++) {
    const char *text;
    char        message[SNA_MAX_MESSAGE];
    PetscBool   ok;
    PetscCall(SnaDeckGetString(deck, key, names[i], &text));
    if (!text) continue; // reported as missing
    PetscCall(SnaTermCreate(text, symbols, unknown ? PETSC_TRUE : PETSC_FALSE, unknown, &t->term[t->n], &ok, message));
    if (!ok)
      PetscCall(SnaDeckError(deck, key, names[i], "%s", message));
    else
      t->name[t->n++] = names[i];
  }
  PetscFunctionReturn(0);
}

// The initial rate times the time since the start.
static PetscErrorCode TimesTime(Vsna *v, const SnaModelInfo *info, const SnaSymbols *symbols, SnaTerm *term)
{
  const PetscInt t = v->initial_dim;
  char           text[128], message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(text, sizeof(text), "%s - (%.17g)", info->name[t], v->dir[t].spec.lo));
  PetscCall(SnaExprCreate(text, symbols, &term->factor[t], message));
  PetscCheck(term->factor[t], PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: %s", text, message);
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadLift(SnaDeck deck, const SnaModelInfo *info, const SnaSymbols *symbols, Vsna *v)
{
  VsnaTerms     *lift = &v->lift;
  const PetscInt t    = v->initial_dim;
  PetscInt       nrate;
  PetscBool      given[2];

  PetscFunctionBeginUser;
  PetscCall(ReadTerms(deck, "pde_initial", "pde_initial_*", symbols, NULL, lift));
  v->ninitial = lift->n;
  PetscCall(ReadTerms(deck, "pde_rate", "pde_rate_*", symbols, NULL, lift));
  nrate = lift->n;
  PetscCall(ReadTerms(deck, "pde_lift", "pde_lift_*", symbols, NULL, lift));
  for (PetscInt j = 0; j < lift->n; j++)
    v->lift_key[j] = j < v->ninitial ? "pde_initial_*" : j < nrate ? "pde_rate_*" : "pde_lift_*";
  PetscCall(SnaDeckHas(deck, "pde_initial", NULL, &given[0]));
  PetscCall(SnaDeckHas(deck, "pde_rate", NULL, &given[1]));
  if (t < 0) {
    if (nrate > 0 && (given[0] || given[1]))
      PetscCall(SnaDeckError(deck, given[0] ? "pde_initial" : "pde_rate", NULL,
        "an initial condition needs a direction of time: mark it with `initial: true` in dim"));
    PetscFunctionReturn(0);
  }
  for (PetscInt j = 0; j < nrate; j++) {
    if (lift->term[j].factor[t])
      PetscCall(
        SnaDeckError(deck, v->lift_key[j], lift->name[j], "the initial condition may not depend on %s", info->name[t]));
    else if (j >= v->ninitial)
      PetscCall(TimesTime(v, info, symbols, &lift->term[j]));
  }
  PetscFunctionReturn(0);
}

// Orders of derivatives that the form takes of u, and of the test function.
static void OrdersOfTerm(const Vsna *v, const SnaTerm *t, PetscInt d, PetscInt *order, PetscBool *odd)
{
  *odd   = PETSC_FALSE;
  *order = t->derivative[d] + t->outer[d];
  for (int i = 0; i < t->power && t->power > 1; i++) *order = PetscMax(*order, t->of[i][d]);
  if (v->form != VSNA_GALERKIN) return;
  *order = PetscMax(t->outer[d], t->derivative[d]);
  for (PetscInt e = 0; e < v->nd; e++)
    if (t->outer[e] > 0) return;
  *odd   = (PetscBool)(t->derivative[d] % 2 == 1);
  *order = t->derivative[d] / 2;
}

static PetscErrorCode CheckWeakForm(SnaDeck deck, const SnaModelInfo *info, const Vsna *v)
{
  PetscFunctionBeginUser;
  if (v->form != VSNA_GALERKIN) PetscFunctionReturn(0);
  if (v->initial_dim >= 0)
    PetscCall(SnaDeckError(deck, "pde_form", NULL,
      "form: galerkin is for symmetric coercive problems; an equation with a direction of time is not: use "
      "least_squares"));
  for (PetscInt d = 0; d < v->nd; d++)
    if (v->dir[d].weight)
      PetscCall(SnaDeckError(
        deck, "dim_*_weight", info->name[d], "the weight is that of the residual norm; form: galerkin has none"));
  for (PetscInt k = 0; k < v->term.n; k++) {
    const SnaTerm *t            = &v->term.term[k];
    PetscBool      conservative = PETSC_FALSE;
    for (PetscInt d = 0; d < v->nd; d++) conservative = (PetscBool)(conservative || t->outer[d] > 0);
    for (PetscInt d = 0; d < v->nd; d++) {
      PetscInt  order;
      PetscBool odd;
      OrdersOfTerm(v, t, d, &order, &odd);
      if (odd)
        PetscCall(SnaDeckError(deck, "pde_term_*", v->term.name[k],
          "a first derivative (advection) is not symmetric: form: galerkin needs conservative terms such as "
          "-d(%s)( a * d(%s) ); use least_squares otherwise",
          info->name[d], info->name[d]));
      else if (t->factor[d] && (conservative ? t->outer[d] > 0 : t->derivative[d] > 0))
        PetscCall(SnaDeckError(deck, "pde_term_*", v->term.name[k],
          "a coefficient of %s in front of a derivative in %s is not symmetric; write -d(%s)( a(%s) * d(%s) )",
          info->name[d], info->name[d], info->name[d], info->name[d], info->name[d]));
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckTerms(SnaDeck deck, const SnaModelInfo *info, Vsna *v)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < v->term.n; k++) {
    for (PetscInt d = 0; d < v->nd; d++) {
      const SnaBasisSpec *s = &v->dir[d].spec;
      PetscInt            order;
      PetscBool           odd;
      OrdersOfTerm(v, &v->term.term[k], d, &order, &odd);
      if (s->degree > 0 && order > s->degree)
        PetscCall(SnaDeckError(deck, "pde_term_*", v->term.name[k],
          "d(%s,%" PetscInt_FMT ") needs splines of degree %" PetscInt_FMT
          " or more; dim: %s has degree %" PetscInt_FMT,
          info->name[d], order, order, info->name[d], s->degree));
    }
    if (v->term.term[k].power > 1) v->nonlinear = PETSC_TRUE;
  }
  if (v->nonlinear && v->form == VSNA_GALERKIN)
    PetscCall(SnaDeckError(deck, "pde_form", NULL,
      "form: galerkin is for linear problems; a nonlinear equation is tested weakly by least_squares"));
  for (PetscInt k = 0; v->nonlinear && k < v->term.n; k++)
    for (PetscInt d = 0; d < v->nd; d++)
      if (v->term.term[k].outer[d] > 0) {
        PetscCall(SnaDeckError(deck, "pde_term_*", v->term.name[k],
          "conservative terms are not available beside nonlinear ones; multiply the derivative out"));
        break;
      }
  PetscFunctionReturn(0);
}

// Which conditions the field of each direction has: the deck's, those of time by the order of the equation, and none where the weak form has them
// naturally.
static PetscErrorCode FinishEnds(SnaDeck deck, const SnaModelInfo *info, Vsna *v)
{
  const PetscInt t     = v->initial_dim;
  PetscInt       order = 0;
  PetscBool      rate;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; t >= 0 && k < v->term.n; k++) {
    const SnaTerm *term = &v->term.term[k];
    order               = PetscMax(order, term->derivative[t] + term->outer[t]);
    for (int i = 0; i < term->power && term->power > 1; i++) order = PetscMax(order, term->of[i][t]);
  }
  if (order > 2)
    PetscCall(SnaDeckError(deck, "dim_*_initial", info->name[t],
      "the equation is of order %" PetscInt_FMT " in %s; initial conditions are known for orders 1 and 2", order,
      info->name[t]));
  PetscCall(SnaDeckHas(deck, "pde_rate", NULL, &rate));
  if (rate && t >= 0 && order < 2)
    PetscCall(SnaDeckError(deck, "pde_rate", NULL,
      "an initial rate is for equations of second order in time; this one has no d(%s,2)", info->name[t]));
  for (PetscInt d = 0; d < v->nd; d++) {
    VsnaDirection *D = &v->dir[d];
    char           message[SNA_MAX_MESSAGE];
    PetscBool      ok, fourier;
    PetscCall(PetscStrcmp(D->spec.family, "fourier", &fourier));
    for (int e = 0; e < 2; e++) {
      const SnaEndKind kind = D->end[e].kind;
      D->spec.end[e]        = D->end[e];
      // a cosine has the slope 0 anyway
      if (v->form == VSNA_GALERKIN && ((kind == SNA_END_NEUMANN && !fourier) || kind == SNA_END_ROBIN))
        D->spec.end[e] = (SnaEnd){SNA_END_FREE, 0};
    }
    if (d == t) D->end[0].kind = D->spec.end[0].kind = order > 1 ? SNA_END_CLAMPED : SNA_END_DIRICHLET;
    PetscCall(SnaBasisCheck(&D->spec, &ok, message));
    if (!ok) PetscCall(SnaDeckError(deck, "dim_*_basis", info->name[d], "%s", message));
  }
  PetscFunctionReturn(0);
}

// A term that names the unknown means it, so nothing else may have the name.
static PetscErrorCode CheckUnknown(SnaDeck deck, const SnaSymbols *symbols, const Vsna *v)
{
  PetscBool same;

  PetscFunctionBeginUser;
  for (int i = 0; i < symbols->nvar; i++) {
    PetscCall(PetscStrcmp(symbols->var[i], v->unknown, &same));
    if (same)
      PetscCall(SnaDeckError(deck, "pde_unknown", NULL, "`%s` is a direction and the unknown; rename one", v->unknown));
  }
  for (int i = 0; i < symbols->nconst; i++) {
    PetscCall(PetscStrcmp(symbols->constant[i], v->unknown, &same));
    if (same)
      PetscCall(SnaDeckError(
        deck, "pde_unknown", NULL, "`%s` is a constant of param and the unknown; rename one", v->unknown));
  }
  if (SnaNameIsReserved(v->unknown))
    PetscCall(SnaDeckError(deck, "pde_unknown", NULL,
      "the unknown's name `%s` is a function or constant of the expressions; choose another", v->unknown));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaReadEquation(SnaModel model, SnaDeck deck, const SnaSymbols *symbols)
{
  Vsna         *v    = (Vsna *)model->data;
  SnaModelInfo *info = &model->info;
  const char   *form;
  PetscBool     galerkin;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "pde_unknown", NULL, &v->unknown));
  PetscCall(SnaDeckGetString(deck, "pde_form", NULL, &form));
  PetscCall(PetscStrcmp(form, "galerkin", &galerkin));
  PetscCall(CheckUnknown(deck, symbols, v));
  v->form = galerkin ? VSNA_GALERKIN : VSNA_LEAST_SQUARES;
  PetscCall(ReadTerms(deck, "pde_term", "pde_term_*", symbols, v->unknown, &v->term));
  PetscCall(ReadTerms(deck, "pde_source", "pde_source_*", symbols, NULL, &v->source));
  PetscCall(ReadLift(deck, info, symbols, v));
  PetscCall(CheckTerms(deck, info, v));
  PetscCall(CheckWeakForm(deck, info, v));
  PetscCall(FinishEnds(deck, info, v));
  PetscFunctionReturn(0);
}
