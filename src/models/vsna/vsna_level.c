// vsna_level.c - bases of one resolution, their quadrature and the functional on them. The deck's resolution is one level; tensor trains and nonlinear
// problems are grown on coarser ones.
#include "vsna.h"
#include <petsctime.h>

// Gauss points per cell: 96 in the direction resolve a Gaussian of a few cells' width; degree + 3 integrates products with smooth coefficients. The rule
// of a modal basis is exact for two functions, a half more takes a coefficient in.
static PetscInt PointsPerCell(const Vsna *v, PetscInt d, const SnaBasisInfo *b)
{
  const PetscInt least = b->degree > 0 ? b->degree + 3 : b->points + PetscMax(4, b->points / 4);
  const PetscInt wide  = v->nonlinear ? (b->points * 3 + 1) / 2 : 0;

  if (v->dir[d].quadrature > 0) return v->dir[d].quadrature;
  return PetscMax(PetscMax(least, wide), (96 + b->cells - 1) / b->cells);
}

// Highest derivative that the functional takes of a function of direction d.
static PetscInt HighestOrder(const Vsna *v, PetscInt d)
{
  PetscInt order = 0;

  for (PetscInt k = 0; k < v->term.n; k++) {
    const SnaTerm *t = &v->term.term[k];
    PetscInt       m = t->derivative[d] + t->outer[d];
    if (v->form == VSNA_GALERKIN)
      m = t->outer[d] > 0 || t->derivative[d] % 2 ? PetscMax(t->outer[d], t->derivative[d]) : t->derivative[d];
    for (int i = 0; i < t->power && t->power > 1; i++) m = PetscMax(m, t->of[i][d]);
    order = PetscMax(order, m);
  }
  return order;
}

static PetscErrorCode CreateBases(const Vsna *v, const SnaModelInfo *info, VsnaLevel *level)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) {
    SnaBasisSpec spec = v->dir[d].spec;
    SnaBasisInfo b;
    spec.resolution = level->tt.cells[d];
    PetscCall(SnaBasisCreate(info->name[d], &spec, &level->tt.bases[d]));
    PetscCall(SnaBasisGetInfo(level->tt.bases[d], &b));
    PetscCall(SnaTabulationCreate(level->tt.bases[d], PointsPerCell(v, d, &b), HighestOrder(v, d), &level->tab[d]));
  }
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
  Vsna          *v = (Vsna *)model->data;
  VsnaLevel     *made, **levels;
  PetscBool      ok;
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
  PetscCall(VsnaBuildFunctional(model, deck, v->level_error, made->tt.bases, made->tab, &ok, &made->tt.lsq));
  if (ok) {
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
