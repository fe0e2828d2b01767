// vsna.c - the VSNA model: life cycle and ops table. What it computes is described in vsna.h and doc/theory.md.
#include "vsna.h"

static PetscErrorCode DestroyTerms(PetscInt n, SnaTerm term[])
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) PetscCall(SnaTermDestroy(&term[i]));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelDestroy_VSNA(SnaModel model)
{
  Vsna *v = (Vsna *)model->data;

  PetscFunctionBeginUser;
  PetscCall(SnaAlsDestroy(&v->als));
  PetscCall(SnaTtAlsDestroy(&v->tt_als));
  PetscCall(VsnaAutoDestroy(v));
  PetscCall(SnaFieldDestroy(&v->converted));
  for (PetscInt k = 0; v->replica && k < v->restarts; k++) {
    PetscCall(SnaFieldDestroy(&v->replica[k].field));
    PetscCall(PetscFree(v->replica[k].history));
  }
  PetscCall(PetscFree(v->replica));
  PetscCall(VsnaLevelsDestroy(v));
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscCall(SnaExprDestroy(&v->dir[d].weight));
    PetscCall(PetscFree(v->dir[d].breakpoint));
  }
  PetscCall(DestroyTerms(v->term.n, v->term.term));
  PetscCall(DestroyTerms(v->source.n, v->source.term));
  PetscCall(DestroyTerms(v->lift.n, v->lift.term));
  PetscCall(DestroyTerms(v->nreference, v->reference_term));
  if (v->workers != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&v->workers));
  PetscCall(PetscFree(model->data));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelCreate_VSNA(SnaModel model)
{
  Vsna *v;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&v));
  v->initial_dim = -1;
  v->workers     = MPI_COMM_NULL;
  model->data    = v;
  model->ops     = (SnaModelOps){.setfromoptions = SnaModelSetFromOptions_VSNA,
        .setup                                   = SnaModelSetUp_VSNA,
        .view                                    = SnaModelView_VSNA,
        .solve                                   = SnaModelSolve_VSNA,
        .finish                                  = SnaModelFinish_VSNA,
        .update                                  = SnaModelUpdate_VSNA,
        .sample                                  = SnaModelSample_VSNA,
        .write                                   = SnaModelWrite_VSNA,
        .read                                    = SnaModelRead_VSNA,
        .destroy                                 = SnaModelDestroy_VSNA};
  PetscFunctionReturn(0);
}
