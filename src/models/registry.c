// registry.c - the values of `model:` and the calls through a model's ops table. A new model adds one line to `types`.
#include "model_impl.h"

static const SnaModelType types[] = {
  {"vsna", SnaModelCreate_VSNA, SnaModelGetTables_VSNA},
};
#define NTYPES ((PetscInt)(sizeof(types) / sizeof(types[0])))

const char *SnaModelNames(void)
{
  return "vsna";
}

int SnaModelGetTables(int max, const char *title[], const SnaOption *table[])
{
  int n = 0;

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

PetscErrorCode SnaModelSetFromOptions(SnaModel model, SnaDeck deck)
{
  return model->ops.setfromoptions(model, deck);
}
PetscErrorCode SnaModelSetUp(SnaModel model, SnaDeck deck)
{
  return model->ops.setup(model, deck);
}
PetscErrorCode SnaModelView(SnaModel model)
{
  return model->ops.view(model);
}
PetscErrorCode SnaModelSolve(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  return model->ops.solve(model, results, status);
}
PetscErrorCode SnaModelFinish(SnaModel model, SnaResults results)
{
  return model->ops.finish(model, results);
}
PetscErrorCode SnaModelUpdate(SnaModel model)
{
  return model->ops.update(model);
}
PetscErrorCode SnaModelSample(
  SnaModel model, PetscInt field, PetscInt n, const double *const x[], double out[], double *const grad[])
{
  return model->ops.sample(model, field, n, x, out, grad);
}
PetscErrorCode SnaModelWrite(SnaModel model, SnaFile file)
{
  return model->ops.write(model, file);
}
PetscErrorCode SnaModelRead(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  return model->ops.read(model, file, ok, message);
}
