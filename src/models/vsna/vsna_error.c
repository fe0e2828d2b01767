// vsna_error.c - values of the solution u = lift + field at points, and its relative L2 error against the deck's reference.
//
// The error is measured with rules that took no part in the solution: a tensor Gauss grid where it is small enough, Gram matrices of all 1-D
// factors where the reference is a sum of products, and randomised quasi-Monte Carlo otherwise.
#include "vsna.h"

#define BLOCK 256

// Values and first derivatives of one lift term's factors on a block of points, each factor in its own direction.
static PetscErrorCode LiftTerm(
  Vsna *v, const SnaTerm *term, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  double jet[SNA_MAX_DIM][2 * BLOCK];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++)
    if (term->factor[d] && grad)
      PetscCall(SnaExprJet(term->factor[d], (int)d, 1, n, x, jet[d]));
    else if (term->factor[d])
      PetscCall(SnaExprEvaluate(term->factor[d], n, x, jet[d]));
  for (PetscInt i = 0; i < n; i++) {
    double product = term->coefficient;
    for (PetscInt d = 0; d < v->nd; d++) product *= term->factor[d] ? jet[d][i] : 1.0;
    u[i] += product;
  }
  for (PetscInt g = 0; grad && g < v->nd; g++) {
    if (!grad[g] || !term->factor[g]) continue;
    for (PetscInt i = 0; i < n; i++) {
      double product = term->coefficient * jet[g][n + i];
      for (PetscInt d = 0; d < v->nd; d++) product *= d != g && term->factor[d] ? jet[d][i] : 1.0;
      grad[g][i] += product;
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaAddLift(Vsna *v, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i += BLOCK) {
    const double *xb[SNA_MAX_DIM];
    double       *gb[SNA_MAX_DIM];
    for (PetscInt d = 0; d < v->nd; d++) {
      xb[d] = x[d] + i;
      gb[d] = grad && grad[d] ? grad[d] + i : NULL;
    }
    for (PetscInt j = 0; j < v->lift.n; j++)
      PetscCall(LiftTerm(v, &v->lift.term[j], PetscMin(BLOCK, n - i), xb, u + i, grad ? gb : NULL));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSample_VSNA(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  Vsna *v = (Vsna *)model->data;

  PetscFunctionBeginUser;
  (void)k; // one unknown
  PetscCheck(v->field, PETSC_COMM_SELF, PETSC_ERR_ORDER, "nothing is solved or read yet");
  PetscCall(SnaFieldEvaluate(v->field, n, x, u, grad));
  PetscCall(VsnaAddLift(v, n, x, u, grad));
  PetscFunctionReturn(0);
}

static PetscErrorCode EvaluateU(void *ctx, PetscInt n, const double *const x[], double out[])
{
  return SnaModelSample((SnaModel)ctx, 0, n, x, out, NULL);
}
static PetscErrorCode EvaluateReference(void *ctx, PetscInt n, const double *const x[], double out[])
{
  return SnaModelSample((SnaModel)ctx, 1, n, x, out, NULL);
}

// A composite Gauss rule that shares no point with the one of the 1-D integrals.
static PetscErrorCode IndependentRule(const VsnaLevel *level, PetscInt d, SnaTabulation *tab)
{
  return SnaTabulationCreate(level->tt.bases[d], level->tab[d].per_cell + 1, 0, tab);
}

static PetscErrorCode ErrorOnGrid(SnaModel model, Vsna *v, const SnaTabulation tab[], SnaErrorEstimate *e)
{
  const double *x[SNA_MAX_DIM], *w[SNA_MAX_DIM];
  PetscInt      nq[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) {
    nq[d] = tab[d].nq;
    x[d]  = tab[d].x;
    w[d]  = tab[d].w;
  }
  PetscCall(SnaErrorOnGrid(model->comm, v->nd, nq, x, w, EvaluateU, model, EvaluateReference, model, e));
  PetscFunctionReturn(0);
}

// Columns of one direction on its rule: R factors of the field, then the lift's, then the reference's.
static PetscErrorCode Columns(
  const Vsna *v, PetscInt d, const SnaTabulation *tab, PetscInt R, const double *C, PetscInt ncol, double *P)
{
  const double *x[SNA_MAX_DIM] = {NULL};
  double       *values;
  SnaBasisInfo  info;

  PetscFunctionBeginUser;
  x[d] = tab->x;
  PetscCall(SnaBasisGetInfo(v->field_level->tt.bases[d], &info));
  PetscCall(PetscArrayzero(P, tab->nq * ncol));
  for (PetscInt q = 0; q < tab->nq; q++) {
    const PetscInt *index;
    PetscCall(SnaBasisGetIndex(v->field_level->tt.bases[d], q / tab->per_cell, &index));
    for (PetscInt a = 0; a < info.local; a++) {
      const PetscInt i = index[a];
      const double   b = tab->values[q * info.local + a];
      if (i < 0) continue;
      for (PetscInt c = 0; c < R; c++) P[q * ncol + c] += b * C[i * R + c];
    }
  }
  PetscCall(PetscMalloc1(tab->nq, &values));
  for (PetscInt c = R; c < ncol; c++) {
    const PetscInt j      = c - R - v->lift.n;
    const SnaExpr  factor = j < 0 ? v->lift.term[c - R].factor[d] : v->reference_term[j].factor[d];
    if (factor) PetscCall(SnaExprEvaluate(factor, tab->nq, x, values));
    for (PetscInt q = 0; q < tab->nq; q++) P[q * ncol + c] = factor ? values[q] : 1.0;
  }
  PetscCall(PetscFree(values));
  PetscFunctionReturn(0);
}

// ||field + lift - reference||^2 = s^T (prod*_d P_d^T w P_d) s with the signed coefficients s; cancellation leaves a floor near 1e-8 relative.
static PetscErrorCode ErrorSeparableCP(Vsna *v, const SnaTabulation tab[], double *error, double *norm)
{
  PetscInt R, ncol, first_reference;
  double  *C[SNA_MAX_DIM], *H, *G, *P, *s, error2 = 0, norm2 = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetCP(v->field, &R, C));
  first_reference = R + v->lift.n;
  ncol            = first_reference + v->nreference;
  PetscCall(PetscMalloc3(ncol * (size_t)ncol, &H, ncol * (size_t)ncol, &G, ncol, &s));
  for (PetscInt i = 0; i < ncol * ncol; i++) H[i] = 1;
  for (PetscInt c = 0; c < ncol; c++)
    s[c] = c < R                 ? 1.0
           : c < first_reference ? v->lift.term[c - R].coefficient
                                 : -v->reference_term[c - first_reference].coefficient;
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscCall(PetscMalloc1(tab[d].nq * (size_t)ncol, &P));
    PetscCall(Columns(v, d, &tab[d], R, C[d], ncol, P));
    PetscCall(PetscFree(C[d]));
    PetscCall(PetscArrayzero(G, ncol * ncol));
    for (PetscInt q = 0; q < tab[d].nq; q++) {
      const double *row = P + q * ncol;
      for (PetscInt i = 0; i < ncol; i++) {
        const double a = tab[d].w[q] * row[i];
        for (PetscInt j = 0; j < ncol; j++) G[i * ncol + j] += a * row[j];
      }
    }
    for (PetscInt i = 0; i < ncol * ncol; i++) H[i] *= G[i];
    PetscCall(PetscFree(P));
  }
  for (PetscInt i = 0; i < ncol; i++) {
    for (PetscInt j = 0; j < ncol; j++) {
      error2 += s[i] * s[j] * H[i * ncol + j];
      if (i >= first_reference && j >= first_reference) norm2 += s[i] * s[j] * H[i * ncol + j];
    }
  }
  PetscCall(PetscFree3(H, G, s));
  *norm  = PetscSqrtReal(norm2);
  *error = PetscSqrtReal(PetscMax(error2, 0));
  PetscFunctionReturn(0);
}

// The same for a train: (f,f) + 2 (f,g) + (g,g) with g = lift - reference.
static PetscErrorCode ErrorSeparableTT(Vsna *v, const SnaTabulation tab[], double *error, double *norm)
{
  const PetscInt  first_reference = v->lift.n, n = first_reference + v->nreference;
  const SnaTerm **term;
  double         *s, ff, fg, gg;
  SnaTt           tt;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2(n, &term, n, &s));
  for (PetscInt c = 0; c < n; c++) {
    term[c] = c < first_reference ? &v->lift.term[c] : &v->reference_term[c - first_reference];
    s[c]    = c < first_reference ? term[c]->coefficient : -term[c]->coefficient;
  }
  PetscCall(SnaFieldGetTT(v->field, &tt));
  PetscCall(VsnaInnerProducts(v, v->field_level, tab, tt, n, term, s, &ff, &fg, &gg));
  *error = PetscSqrtReal(PetscMax(0, ff + 2 * fg + gg));
  PetscCall(VsnaInnerProducts(
    v, v->field_level, tab, NULL, v->nreference, term + first_reference, s + first_reference, &ff, &fg, &gg));
  *norm = PetscSqrtReal(gg);
  PetscCall(PetscFree2(term, s));
  PetscFunctionReturn(0);
}

static PetscErrorCode ErrorSeparable(Vsna *v, const SnaTabulation tab[], SnaErrorEstimate *e)
{
  const char *format;
  PetscBool   cp;
  double      error = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetFormat(v->field, &format));
  PetscCall(PetscStrcmp(format, VsnaFormatCP.name, &cp));
  if (cp)
    PetscCall(ErrorSeparableCP(v, tab, &error, &e->norm));
  else
    PetscCall(ErrorSeparableTT(v, tab, &error, &e->norm));
  e->error          = error / e->norm;
  e->standard_error = 0;
  e->points         = 0;
  PetscFunctionReturn(0);
}

static PetscErrorCode ErrorQmc(SnaModel model, Vsna *v, SnaErrorEstimate *e, double *outside)
{
  double  *mass[SNA_MAX_DIM];
  PetscInt nbin[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) { // points where the solution lives: the weights keep the estimate unbiased
    nbin[d] = PetscMax(16, v->field_level->tt.cells[d]);
    PetscCall(PetscMalloc1(nbin[d], &mass[d]));
    PetscCall(SnaFieldMarginal(v->field, d, nbin[d], mass[d]));
  }
  PetscCall(SnaModelErrorQmc_Private(model, nbin, (const double *const *)mass, v->error_points, e, outside));
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(mass[d]));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelFinish_VSNA(SnaModel model, SnaResults results)
{
  Vsna                     *v = (Vsna *)model->data;
  SnaTabulation             tab[SNA_MAX_DIM];
  SnaErrorEstimate          e;
  PetscBool                 automatic, grid, separable;
  double                    grid_points = 1, outside = 0;
  const char               *method;
  const SnaCoordinatesInfo *info;

  PetscFunctionBeginUser;
  if (v->direct) PetscCall(VsnaErrorDirect(model, results));
  if (v->form == VSNA_GALERKIN) PetscCall(VsnaTheory(model, results));
  if (!model->reference || v->direct) PetscFunctionReturn(0);
  if (v->error_max) PetscCall(VsnaErrorMax(model, results));
  PetscCall(SnaCoordinatesGetInfo(model->coordinates, &info));
  PetscCall(PetscStrcmp(v->error_method, "auto", &automatic));
  PetscCall(PetscStrcmp(v->error_method, "grid", &grid));
  PetscCall(PetscStrcmp(v->error_method, "separable", &separable));
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscCall(IndependentRule(v->field_level, d, &tab[d]));
    grid_points *= (double)tab[d].nq;
  }
  if (automatic) {
    grid      = (PetscBool)(!info->mapped && grid_points <= (double)v->error_points);
    separable = (PetscBool)(!grid && v->nreference > 0);
  }
  if (grid) {
    method = "tensor Gauss grid";
    PetscCall(ErrorOnGrid(model, v, tab, &e));
  } else if (separable) {
    method = "tensor quadrature of the separable reference";
    PetscCall(ErrorSeparable(v, tab, &e));
  } else {
    method = "randomised quasi-Monte Carlo";
    PetscCall(ErrorQmc(model, v, &e, &outside));
  }
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(SnaTabulationDestroy(&tab[d]));
  PetscCall(PetscPrintf(
    model->comm, "error against the reference by %s: %.4e +- %.1e (relative L2)\n", method, e.error, e.standard_error));
  if (outside > 0)
    PetscCall(PetscPrintf(model->comm,
      "note: %.4g %% of the physical box maps outside the model's domain and is left out of the error\n",
      100 * outside));
  if (separable && e.error < 1e-7)
    PetscCall(PetscPrintf(model->comm,
      "note: errors below 1e-7 are lost in the cancellation of this method; use -error_method qmc or grid\n"));
  PetscCall(SnaResultsAdd(results, "error_l2", e.error));
  PetscCall(SnaResultsAdd(results, "error_standard_error", e.standard_error));
  PetscCall(SnaResultsAdd(results, "reference_norm", e.norm));
  if (info->mapped) PetscCall(SnaResultsAdd(results, "outside_share", outside));
  PetscFunctionReturn(0);
}
