// Problems of weak forms with functions in place of tables, for test_galerkin.c and test_galerkin_tables.c.
#ifndef GALERKIN_CASES_H
#define GALERKIN_CASES_H

#include <sna/tt.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

enum { DIM = 3, MAX_LEVELS = 6, MAX_TERMS = 16 };

typedef double (*Function)(double x);

typedef struct { // of the weak form, or a load; NULL stands for 1
  double   coefficient;
  Function value[DIM];
  PetscInt trial[DIM], test[DIM];
  int      end[DIM];
} Weak;

typedef struct {
  PetscInt  degree, cells;
  double    lo, hi;
  PetscBool first, last; // zero ends
} Direction;

typedef struct {
  PetscInt      nd, nk, nm, nlevel;
  Direction     dir[DIM];
  const Weak   *a, *l;
  SnaTtLevel    level[MAX_LEVELS];
  SnaTabulation tab[MAX_LEVELS][DIM];
} Problem;

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static double X(double x)
{
  return x;
}

// ---- The functional ----

static double ValueAt(const SnaTabulation *tab, const Direction *D, int end, Function f, PetscInt q)
{
  return f ? f(end < 0 ? D->lo : end > 0 ? D->hi : tab->x[q]) : 1;
}

static void Fill(const Problem *P, const SnaTabulation tab[], PetscInt n, const Weak w[], SnaLsqWeakTerm term[])
{
  for (PetscInt k = 0; k < n; k++) {
    term[k] = (SnaLsqWeakTerm){.coefficient = w[k].coefficient};
    for (PetscInt d = 0; d < P->nd; d++) {
      const PetscInt nq = w[k].end[d] ? 1 : tab[d].nq;
      double        *v;

      term[k].trial[d] = w[k].trial[d];
      term[k].test[d]  = w[k].test[d];
      term[k].end[d]   = w[k].end[d];
      if (!w[k].value[d]) continue;
      Ok(PetscMalloc1((size_t)nq, &v));
      for (PetscInt q = 0; q < nq; q++) v[q] = ValueAt(&tab[d], &P->dir[d], w[k].end[d], w[k].value[d], q);
      term[k].value[d] = v;
    }
  }
}

static void Free(const Problem *P, PetscInt n, SnaLsqWeakTerm term[])
{
  for (PetscInt k = 0; k < n; k++)
    for (PetscInt d = 0; d < P->nd; d++) {
      double *v = (double *)term[k].value[d];

      Ok(PetscFree(v));
    }
}

static PetscErrorCode Level(void *ctx, const PetscInt cells[], const SnaTtLevel **level)
{
  Problem       *P = (Problem *)ctx;
  SnaTtLevel    *l;
  SnaLsqWeakTerm a[MAX_TERMS], b[MAX_TERMS];
  PetscBool      same;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < P->nlevel; i++) {
    PetscCall(PetscArraycmp(P->level[i].cells, cells, (size_t)P->nd, &same));
    *level = &P->level[i];
    if (same) PetscFunctionReturn(0);
  }
  PetscCheck(P->nlevel < MAX_LEVELS, PETSC_COMM_SELF, PETSC_ERR_PLIB, "too many levels");
  l = &P->level[P->nlevel];
  for (PetscInt d = 0; d < P->nd; d++) {
    const Direction *D = &P->dir[d];

    l->cells[d] = cells[d];
    PetscCall(SnaBasisCreateBSpline("x", D->degree, cells[d], D->lo, D->hi, D->first, D->last, &l->bases[d]));
    PetscCall(SnaTabulationCreate(l->bases[d], D->degree + 4, 2, &P->tab[P->nlevel][d]));
  }
  Fill(P, P->tab[P->nlevel], P->nk, P->a, a);
  Fill(P, P->tab[P->nlevel], P->nm, P->l, b);
  PetscCall(SnaLsqCreateGalerkin(P->nd, l->bases, P->tab[P->nlevel], P->nk, a, P->nm, b, &same, &l->lsq));
  Free(P, P->nk, a);
  Free(P, P->nm, b);
  P->nlevel++;
  *level = same ? l : NULL;
  PetscFunctionReturn(0);
}

// The level with the problem's own cells; NULL where its form is not symmetric.
static const SnaTtLevel *Create(
  PetscInt nd, const Direction dir[], PetscInt nk, const Weak a[], PetscInt nm, const Weak l[], Problem *P)
{
  const SnaTtLevel *level;
  PetscInt          cells[DIM];

  *P = (Problem){.nd = nd, .nk = nk, .nm = nm, .a = a, .l = l};
  for (PetscInt d = 0; d < nd; d++) {
    P->dir[d] = dir[d];
    cells[d]  = dir[d].cells;
  }
  Ok(Level(P, cells, &level));
  return level;
}

static void Destroy(Problem *P)
{
  for (PetscInt i = 0; i < P->nlevel; i++) {
    Ok(SnaLsqDestroy(&P->level[i].lsq));
    for (PetscInt d = 0; d < P->nd; d++) {
      Ok(SnaTabulationDestroy(&P->tab[i][d]));
      Ok(SnaBasisDestroy(&P->level[i].bases[d]));
    }
  }
}

#endif
