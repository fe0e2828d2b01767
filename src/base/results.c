// results.c - the run's figures, printed as `result <name> <value>` and stored under /result by whoever writes the
// file.
#include <sna/base.h>
#include <string.h>

struct SnaResults_ {
  PetscInt n, capacity;
  char   **name;
  double  *value;
};

PetscErrorCode SnaResultsCreate(SnaResults *r)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(r));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaResultsDestroy(SnaResults *r)
{
  PetscFunctionBeginUser;
  if (!*r) PetscFunctionReturn(0);
  for (PetscInt i = 0; i < (*r)->n; i++) PetscCall(PetscFree((*r)->name[i]));
  PetscCall(PetscFree2((*r)->name, (*r)->value));
  PetscCall(PetscFree(*r));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaResultsAdd(SnaResults r, const char name[], double value)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < r->n; i++) {
    if (!strcmp(r->name[i], name)) {
      r->value[i] = value;
      PetscFunctionReturn(0);
    }
  }
  if (r->n == r->capacity) {
    const PetscInt capacity = 2 * r->capacity + 16;
    char         **names;
    double        *values;

    PetscCall(PetscMalloc2(capacity, &names, capacity, &values));
    PetscCall(PetscArraycpy(names, r->name, r->n));
    PetscCall(PetscArraycpy(values, r->value, r->n));
    PetscCall(PetscFree2(r->name, r->value));
    r->name     = names;
    r->value    = values;
    r->capacity = capacity;
  }
  PetscCall(PetscStrallocpy(name, &r->name[r->n]));
  r->value[r->n++] = value;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaResultsGet(SnaResults r, PetscInt i, const char **name, double *value)
{
  PetscFunctionBeginUser;
  *name = NULL;
  if (i >= 0 && i < r->n) {
    *name  = r->name[i];
    *value = r->value[i];
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaResultsPrint(SnaResults r, MPI_Comm comm)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < r->n; i++) PetscCall(PetscPrintf(comm, "result %s %.12e\n", r->name[i], r->value[i]));
  PetscFunctionReturn(0);
}
