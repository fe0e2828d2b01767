// registry.c - the values of `model:` and the calls through a model's ops table (sample: physical.c). A new model adds one line to `types`.
#include "model_impl.h"

static const SnaModelType types[] = {
  {"vsna", SnaModelCreate_VSNA, SnaModelGetTables_VSNA},
  {"homogenize", SnaModelCreate_Homogenize, SnaModelGetTables_Homogenize},
  {"microstructure", SnaModelCreate_Microstructure, SnaModelGetTables_Microstructure},
  {"khronos", SnaModelCreate_Khronos, SnaModelGetTables_Khronos},
};
#define NTYPES ((PetscInt)(sizeof(types) / sizeof(types[0])))

const char *SnaModelNames(void)
{
  return "vsna|homogenize|microstructure|khronos";
}

int SnaModelGetTables(int max, const char *title[], const SnaOption *table[])
{
  int n = 0;

  if (max > 0) {
    title[0]   = "Physical coordinates";
    table[n++] = SnaCoordinatesOptions;
  }
  for (PetscInt i = 0; i < NTYPES; i++) n += types[i].gettables(max - n, title + n, table + n);
  return n;
}

PetscErrorCode SnaModelCreate(MPI_Comm comm, const char type[], SnaModel *model)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(model));
  (*model)->comm       = comm;
  (*model)->info.group = MPI_COMM_NULL;
  for (PetscInt i = 0; i < NTYPES; i++) {
    PetscBool same;
    PetscCall(PetscStrcmp(type, types[i].name, &same));
    if (!same) continue;
    PetscCall(types[i].create(*model));
    PetscFunctionReturn(0);
  }
  SETERRQ(comm, PETSC_ERR_ARG_UNKNOWN_TYPE, "no model `%s`", type);
}

PetscErrorCode SnaModelDestroy(SnaModel *model)
{
  PetscFunctionBeginUser;
  if (!*model) PetscFunctionReturn(0);
  PetscCall((*model)->ops.destroy(*model));
  PetscCall(SnaCoordinatesDestroy(&(*model)->coordinates));
  PetscCall(SnaExprDestroy(&(*model)->reference));
  PetscCall(PetscFree(*model));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSetMonitor(SnaModel model, SnaMonitor monitor, void *ctx)
{
  PetscFunctionBeginUser;
  model->monitor     = monitor;
  model->monitor_ctx = ctx;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelGetInfo(SnaModel model, const SnaModelInfo **info)
{
  PetscFunctionBeginUser;
  *info = &model->info;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelGetCoordinates(SnaModel model, const SnaCoordinatesInfo **info)
{
  PetscFunctionBeginUser;
  *info = NULL;
  if (model->coordinates) PetscCall(SnaCoordinatesGetInfo(model->coordinates, info));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSetFromOptions(SnaModel model, SnaDeck deck)
{
  PetscFunctionBeginUser;
  PetscCall(model->ops.setfromoptions(model, deck));
  if (!model->coordinates && model->ops.sample) PetscCall(SnaModelReadCoordinates_Private(model, deck));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSetUp(SnaModel model, SnaDeck deck)
{
  return model->ops.setup(model, deck);
}
PetscErrorCode SnaModelView(SnaModel model)
{
  PetscFunctionBeginUser;
  PetscCall(model->ops.view(model));
  if (model->coordinates) PetscCall(SnaCoordinatesView(model->coordinates, model->comm));
  PetscFunctionReturn(0);
}
PetscErrorCode SnaModelSolve(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  return model->ops.solve(model, results, status);
}
PetscErrorCode SnaModelFinish(SnaModel model, SnaResults results)
{
  return model->ops.finish ? model->ops.finish(model, results) : 0;
}
PetscErrorCode SnaModelUpdate(SnaModel model)
{
  return model->ops.update ? model->ops.update(model) : 0;
}
PetscErrorCode SnaModelWrite(SnaModel model, SnaFile file)
{
  return model->ops.write(model, file);
}
PetscErrorCode SnaModelRead(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  return model->ops.read(model, file, ok, message);
}

PetscErrorCode SnaModelGetGrids(SnaModel model, PetscInt *n, const SnaModelGrid **grid)
{
  PetscFunctionBeginUser;
  *n    = 0;
  *grid = NULL;
  if (model->ops.grids) PetscCall(model->ops.grids(model, n, grid));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelHasPicture(SnaModel model, PetscBool *has)
{
  PetscFunctionBeginUser;
  *has = (PetscBool)(model->ops.picture != NULL);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelGetPicture(SnaModel model, PetscInt max, SnaModelPicture *picture)
{
  return model->ops.picture(model, max, picture);
}
