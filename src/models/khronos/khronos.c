// khronos.c - model: khronos. Life cycle, and the truth behind built-in functions.
#include "khronos.h"

static PetscErrorCode SnaModelSetUp_Khronos(SnaModel model, SnaDeck deck)
{
  (void)deck; // everything was read and judged by KhronosReadDeck()
  model->info.group = model->comm;
  return 0;
}

static PetscErrorCode SnaModelReference_Khronos(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[])
{
  (void)k; // a built-in function has one value
  return SnaTestFunctionEvaluate(&((const Khronos *)model->data)->function, n, x, u);
}

static PetscErrorCode SnaModelDestroy_Khronos(SnaModel model)
{
  Khronos *k = (Khronos *)model->data;

  PetscFunctionBeginUser;
  PetscCall(KhronosRunDestroy(k));
  PetscCall(KhronosModelDestroy(&k->model));
  for (int p = 0; p < SNA_NPARTS; p++) PetscCall(SnaRowsDestroy(&k->part[p]));
  PetscCall(SnaRowsDestroy(&k->all));
  PetscCall(PetscFree(k->signal));
  PetscCall(PetscFree(k->coefficient));
  PetscCall(PetscFree(k->given));
  PetscCall(PetscFree(k->split_name));
  for (PetscInt d = 0; d < SNA_MAX_DIM; d++) PetscCall(PetscFree(k->input[d]));
  for (PetscInt o = 0; o < SNA_MAX_UNKNOWNS; o++) PetscCall(PetscFree(k->target[o]));
  for (PetscInt c = 0; c < KHRONOS_MAX_CLASSES; c++) PetscCall(PetscFree(k->label[c]));
  for (PetscInt f = 0; f < SNA_MAX_FIELDS; f++) PetscCall(PetscFree(k->field[f]));
  PetscCall(PetscFree(model->data));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelCreate_Khronos(SnaModel model)
{
  Khronos *k;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&k));
  model->data = k;
  model->ops  = (SnaModelOps){.setfromoptions = KhronosReadDeck,
     .setup                                   = SnaModelSetUp_Khronos,
     .view                                    = SnaModelView_Khronos,
     .solve                                   = SnaModelSolve_Khronos,
     .finish                                  = SnaModelFinish_Khronos,
     .sample                                  = SnaModelSample_Khronos,
     .reference                               = SnaModelReference_Khronos,
     .distance                                = SnaModelDistance_Khronos,
     .draw                                    = SnaModelDraw_Khronos,
     .expand                                  = SnaModelExpand_Khronos,
     .write                                   = SnaModelWrite_Khronos,
     .read                                    = SnaModelRead_Khronos,
     .destroy                                 = SnaModelDestroy_Khronos};
  PetscFunctionReturn(0);
}
