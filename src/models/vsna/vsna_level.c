// vsna_level.c - splines of one resolution and the least-squares functional on them: bases, quadrature, the operator applied to the lift, 1-D integrals.
//
// The lift is the initial condition, constant in time. It is never projected on splines: L applied to it is written with exact derivatives of
// the deck's formulas at the quadrature points, one right-hand-side term for each pair (operator term, initial term). The deck's cells are one level;
// a tensor train is grown on coarser ones.
#include "vsna.h"
#include <petsctime.h>
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
    PetscCall(PetscSNPrintf(c->message, SNA_MAX_MESSAGE, "%.*s%s%s: %s", (int)(star - key), key, name, star + 1, text));
  }
  c->count++;
  PetscFunctionReturn(0);
}

// Gauss points per cell: 96 in the direction resolve a Gaussian of a few cells' width; degree + 3 integrates products with smooth coefficients.
static PetscInt PointsPerCell(const VsnaDirection *D, PetscInt cells)
{
  return D->quadrature > 0 ? D->quadrature : PetscMax(D->degree + 3, (96 + cells - 1) / cells);
}

static PetscErrorCode CreateBases(const Vsna *v, const SnaModelInfo *info, VsnaLevel *level)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) {
    const VsnaDirection *D     = &v->dir[d];
    const PetscInt       cells = level->tt.cells[d];
    PetscInt             order = 0;
    for (PetscInt k = 0; k < v->term.n; k++) order = PetscMax(order, v->term.term[k].derivative[d]);
    PetscCall(SnaBasisCreateBSpline(
      info->name[d], D->degree, cells, D->lo, D->hi, D->drop_first, D->drop_last, &level->tt.bases[d]));
    PetscCall(SnaTabulationCreate(level->tt.bases[d], PointsPerCell(D, cells), order, &level->tab[d]));
  }
  PetscFunctionReturn(0);
}

// The values of one factor, or of its m-th derivative, on the quadrature points of direction d (NULL for the constant 1).
static PetscErrorCode FactorValues(Complaints *c, const VsnaLevel *level, const SnaModelInfo *info, const char key[],
  const char term_name[], SnaExpr factor, PetscInt d, PetscInt m, double **values)
{
  const SnaTabulation *tab            = &level->tab[d];
  const double        *x[SNA_MAX_DIM] = {NULL};
  double              *jet;

  PetscFunctionBeginUser;
  *values = NULL;
  if (!factor && m == 0) PetscFunctionReturn(0);
  PetscCall(PetscCalloc1(tab->nq, values));
  if (!factor) PetscFunctionReturn(0); // the derivative of 1
  x[d] = tab->x;
  PetscCall(PetscMalloc1(tab->nq * (size_t)(m + 1), &jet));
  PetscCall(SnaExprJet(factor, (int)d, (int)m, tab->nq, x, jet));
  PetscCall(PetscArraycpy(*values, jet + m * tab->nq, tab->nq));
  PetscCall(PetscFree(jet));
  for (PetscInt q = 0; q < tab->nq; q++) {
    if (!PetscIsInfOrNanReal((*values)[q])) continue;
    PetscCall(Complain(c, key, term_name, "the factor in %s%s is %g at %s = %g", info->name[d],
      m ? ", differentiated," : "", (*values)[q], info->name[d], tab->x[q]));
    break;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeTermValues(PetscInt n, SnaLsqTerm term[])
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < n; k++)
    for (PetscInt d = 0; d < SNA_MAX_DIM; d++) PetscCall(PetscFree(*(double **)&term[k].value[d]));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(0);
}

// Multiplies the operator term k into the initial term j: a right-hand-side function O_k g_j in every direction.
static PetscErrorCode OperatorOnLift(Complaints *c, const Vsna *v, const VsnaLevel *level, const SnaModelInfo *info,
  PetscInt j, const SnaTerm *op, const SnaLsqTerm *op_values, SnaLsqTerm *out)
{
  const SnaTerm *g = &v->initial.term[j];

  PetscFunctionBeginUser;
  out->coefficient = op->coefficient * g->coefficient;
  for (PetscInt d = 0; d < v->nd; d++) {
    const PetscInt nq = level->tab[d].nq;
    double        *values;
    PetscCall(
      FactorValues(c, level, info, "pde_initial_*", v->initial.name[j], g->factor[d], d, op->derivative[d], &values));
    if (!values && op_values->value[d]) {
      PetscCall(PetscMalloc1(nq, &values));
      for (PetscInt q = 0; q < nq; q++) values[q] = 1;
    }
    for (PetscInt q = 0; values && op_values->value[d] && q < nq; q++) values[q] *= op_values->value[d][q];
    out->value[d] = values;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode CreateLsq(Complaints *c, const Vsna *v, const SnaModelInfo *info, VsnaLevel *level)
{
  SnaLsqTerm *op, *rhs;
  double     *weight[SNA_MAX_DIM] = {NULL};
  PetscInt    nrhs                = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(PetscMax(1, v->term.n), &op));
  PetscCall(PetscCalloc1(PetscMax(1, v->term.n * v->initial.n + v->source.n), &rhs));
  for (PetscInt k = 0; k < v->term.n; k++) {
    op[k].coefficient = v->term.term[k].coefficient;
    for (PetscInt d = 0; d < v->nd; d++) {
      op[k].derivative[d] = v->term.term[k].derivative[d];
      PetscCall(FactorValues(
        c, level, info, "pde_term_*", v->term.name[k], v->term.term[k].factor[d], d, 0, (double **)&op[k].value[d]));
    }
    for (PetscInt j = 0; j < v->initial.n; j++)
      PetscCall(OperatorOnLift(c, v, level, info, j, &v->term.term[k], &op[k], &rhs[nrhs++]));
  }
  for (PetscInt m = 0; m < v->source.n; m++, nrhs++) {
    rhs[nrhs].coefficient = -v->source.term[m].coefficient;
    for (PetscInt d = 0; d < v->nd; d++)
      PetscCall(FactorValues(c, level, info, "pde_source_*", v->source.name[m], v->source.term[m].factor[d], d, 0,
        (double **)&rhs[nrhs].value[d]));
  }
  for (PetscInt d = 0; d < v->nd; d++) {
    const SnaTabulation *tab = &level->tab[d];
    PetscCall(FactorValues(c, level, info, "dim_*_weight", info->name[d], v->dir[d].weight, d, 0, &weight[d]));
    for (PetscInt q = 0; weight[d] && q < tab->nq; q++) {
      if (weight[d][q] > 0) continue;
      PetscCall(Complain(c, "dim_*_weight", info->name[d], "the weight must be positive; it is %g at %s = %g",
        weight[d][q], info->name[d], tab->x[q]));
      break;
    }
  }
  if (c->count == 0)
    PetscCall(SnaLsqCreate(
      v->nd, level->tt.bases, level->tab, (const double *const *)weight, v->term.n, op, nrhs, rhs, &level->tt.lsq));
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(weight[d]));
  PetscCall(FreeTermValues(v->term.n, op));
  PetscCall(FreeTermValues(nrhs, rhs));
  PetscFunctionReturn(0);
}

static PetscErrorCode LevelDestroy(PetscInt nd, VsnaLevel **level)
{
  PetscFunctionBeginUser;
  PetscCall(SnaLsqDestroy(&(*level)->tt.lsq));
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(SnaTabulationDestroy(&(*level)->tab[d]));
    PetscCall(SnaBasisDestroy(&(*level)->tt.bases[d]));
  }
  PetscCall(PetscFree(*level));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaLevelsDestroy(Vsna *v)
{
  PetscFunctionBeginUser;
  for (PetscInt l = 0; l < v->nlevel; l++) PetscCall(LevelDestroy(v->nd, &v->level[l]));
  PetscCall(PetscFree(v->level));
  v->nlevel = 0;
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaGetLevel(SnaModel model, SnaDeck deck, const PetscInt cells[], const VsnaLevel **level)
{
  Vsna          *v         = (Vsna *)model->data;
  Complaints     complaint = {.deck = deck, .message = v->level_error};
  VsnaLevel     *made, **levels;
  PetscLogDouble t0, t1;

  PetscFunctionBeginUser;
  for (PetscInt l = 0; l < v->nlevel; l++) {
    PetscBool same;
    PetscCall(PetscArraycmp(v->level[l]->tt.cells, cells, (size_t)v->nd, &same));
    if (!same) continue;
    *level = v->level[l];
    PetscFunctionReturn(0);
  }
  PetscCall(PetscTime(&t0));
  *level = NULL;
  PetscCall(PetscNew(&made));
  PetscCall(PetscArraycpy(made->tt.cells, cells, v->nd));
  PetscCall(CreateBases(v, &model->info, made));
  PetscCall(CreateLsq(&complaint, v, &model->info, made));
  if (made->tt.lsq) {
    PetscCall(PetscMalloc1(v->nlevel + 1, &levels));
    PetscCall(PetscArraycpy(levels, v->level, v->nlevel));
    PetscCall(PetscFree(v->level));
    v->level              = levels;
    v->level[v->nlevel++] = made;
    *level                = made;
  } else
    PetscCall(LevelDestroy(v->nd, &made));
  PetscCall(PetscTime(&t1));
  v->setup_seconds += t1 - t0;
  PetscFunctionReturn(0);
}
