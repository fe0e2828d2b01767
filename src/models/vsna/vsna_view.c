// vsna_view.c - what is told before the solve: sizes, memory, notes.
#include "vsna.h"
#include <stdio.h>

// The lift is constant in time, so an initial condition that is not zero on a Dirichlet end stays there: worth a word.
static PetscErrorCode NoteLiftOnWalls(SnaModel model, Vsna *v)
{
  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < v->lift.n; j++) {
    for (PetscInt d = 0; d < v->nd; d++) {
      const VsnaDirection *D              = &v->dir[d];
      const SnaTabulation *tab            = &v->level[0]->tab[d];
      const double        *x[SNA_MAX_DIM] = {NULL}, ends[2] = {D->spec.lo, D->spec.hi};
      double              *inside, wall[2] = {1, 1}, largest = 1;
      if (d == v->initial_dim || j >= v->ninitial) continue;
      if (v->lift.term[j].factor[d]) {
        PetscCall(PetscMalloc1(tab->nq, &inside));
        x[d] = tab->x;
        PetscCall(SnaExprEvaluate(v->lift.term[j].factor[d], tab->nq, x, inside));
        x[d] = ends;
        PetscCall(SnaExprEvaluate(v->lift.term[j].factor[d], 2, x, wall));
        largest = 0;
        for (PetscInt q = 0; q < tab->nq; q++) largest = PetscMax(largest, PetscAbsReal(inside[q]));
        PetscCall(PetscFree(inside));
      }
      for (PetscInt end = 0; end < 2; end++) {
        const double part = PetscAbsReal(wall[end]) / largest;
        if (D->end[end].kind == SNA_END_DIRICHLET && part > 1e-3)
          PetscCall(PetscPrintf(model->comm,
            "  note: initial condition `%s` is %.2g of its maximum at %s = %g, where bc is dirichlet; u keeps that "
            "value there\n",
            v->lift.name[j], part, model->info.name[d], ends[end]));
      }
    }
  }
  PetscFunctionReturn(0);
}

// "  neumann, robin"; nothing where the conditions are none or dirichlet at both ends, which the number of functions tells
static const char *EndsInWords(const VsnaDirection *D, char words[64])
{
  static const char *const word[] = {"none", "dirichlet", "neumann", "robin", "clamped", "periodic"};
  const SnaEndKind         lo = D->end[0].kind, hi = D->end[1].kind;

  words[0] = '\0';
  if (!D->initial && (lo > SNA_END_DIRICHLET || hi > SNA_END_DIRICHLET))
    (void)snprintf(words, 64, "  %s, %s", word[lo], word[hi]);
  return words;
}

PetscErrorCode SnaModelView_VSNA(SnaModel model)
{
  Vsna       *v = (Vsna *)model->data;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCall(PetscPrintf(model->comm,
    "vsna: %" PetscInt_FMT " directions, %" PetscInt_FMT " operator terms, %" PetscInt_FMT
    " source terms, %" PetscInt_FMT " initial terms%s\n",
    v->nd, v->term.n, v->source.n, v->lift.n,
    v->form == VSNA_GALERKIN ? ", Galerkin's weak form"
    : v->nonlinear           ? ", nonlinear"
                             : ""));
  for (PetscInt d = 0; d < v->nd; d++) {
    SnaBasisInfo b;
    PetscInt     nop, npair, nrhs;
    char         words[64];
    PetscCall(SnaBasisGetInfo(v->level[0]->tt.bases[d], &b));
    PetscCall(PetscPrintf(model->comm, "  %-8s [%g, %g]  ", b.name, b.lo, b.hi));
    if (b.degree > 0)
      PetscCall(PetscPrintf(model->comm, "degree %" PetscInt_FMT "  cells %" PetscInt_FMT, b.degree, b.resolution));
    else
      PetscCall(PetscPrintf(model->comm, "%s", b.family));
    PetscCall(PetscPrintf(model->comm, "  functions %" PetscInt_FMT, b.n));
    if (!v->nonlinear) {
      PetscCall(SnaLsqGetCounts(v->level[0]->tt.lsq, d, &nop, &npair, &nrhs));
      PetscCall(PetscPrintf(model->comm,
        "  1-D operators %" PetscInt_FMT ", pairs %" PetscInt_FMT ", right-hand sides %" PetscInt_FMT, nop, npair,
        nrhs));
    }
    PetscCall(PetscPrintf(model->comm, "%s%s\n", EndsInWords(&v->dir[d], words), v->dir[d].initial ? "  (time)" : ""));
  }
  PetscCall(v->format->view(model));
  if (v->convert == VSNA_CONVERT_CP && v->format == &VsnaFormatTT)
    PetscCall(PetscPrintf(model->comm, "  delivered in format cp, rank %" PetscInt_FMT "\n", v->convert_rank));
  if (v->convert == VSNA_CONVERT_TT && v->format == &VsnaFormatCP)
    PetscCall(PetscPrintf(model->comm, "  delivered in format tensor_train\n"));
  PetscCall(NoteLiftOnWalls(model, v));
  if (v->form == VSNA_LEAST_SQUARES && !v->nonlinear)
    PetscCall(PetscPrintf(model->comm,
      "  res below is sqrt(F/F(0)), the relative residual of the equation; it falls like h^2 and is not the error of "
      "%s\n",
      v->unknown));
  if (v->unused_keys[0])
    PetscCall(PetscPrintf(
      model->comm, "  note: format %s does not use the keys %s of the deck\n", v->format->name, v->unused_keys));
  if (v->restarts > 1)
    PetscCall(PetscPrintf(model->comm,
      "  %" PetscInt_FMT " runs from different seeds in %" PetscInt_FMT " groups of ranks\n", v->restarts, v->ngroup));
  if ((PetscInt)size > 2 * v->ngroup)
    PetscCall(PetscPrintf(model->comm,
      "  note: one run uses 2 ranks; %" PetscInt_FMT " of %d ranks wait during the sweeps (they help with errors and "
      "slices). Use them with -vsna_restarts %" PetscInt_FMT ".\n",
      (PetscInt)size - 2 * v->ngroup, size, ((PetscInt)size + 1) / 2));
  PetscFunctionReturn(0);
}
