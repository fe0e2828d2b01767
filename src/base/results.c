// results.c - the run's figures, printed as `result <name> <value>` and stored under /result by whoever writes the
// file.
#include <sna/base.h>
#include <string.h>

struct SnaResults_ {
  PetscInt n, capacity;
  char   **name, **text; // text NULL: a number
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
  for (PetscInt i = 0; i < (*r)->n; i++) {
    PetscCall(PetscFree((*r)->name[i]));
    PetscCall(PetscFree((*r)->text[i]));
  }
  PetscCall(PetscFree3((*r)->name, (*r)->text, (*r)->value));
  PetscCall(PetscFree(*r));
  PetscFunctionReturn(0);
}

// text NULL: a number.
static PetscErrorCode Add(SnaResults r, const char name[], double value, const char text[])
{
  PetscInt i = 0;

  PetscFunctionBeginUser;
  while (i < r->n && strcmp(r->name[i], name)) i++;
  if (i == r->capacity) {
    const PetscInt capacity = 2 * r->capacity + 16;
    char         **names, **texts;
    double        *values;

    PetscCall(PetscMalloc3(capacity, &names, capacity, &texts, capacity, &values));
    PetscCall(PetscArraycpy(names, r->name, r->n));
    PetscCall(PetscArraycpy(texts, r->text, r->n));
    PetscCall(PetscArraycpy(values, r->value, r->n));
    PetscCall(PetscFree3(r->name, r->text, r->value));
    r->name     = names;
    r->text     = texts;
    r->value    = values;
    r->capacity = capacity;
  }
  if (i == r->n) {
    PetscCall(PetscStrallocpy(name, &r->name[i]));
    r->n++;
  } else
    PetscCall(PetscFree(r->text[i]));
  r->value[i] = value;
  PetscCall(PetscStrallocpy(text, &r->text[i])); // NULL stays NULL
  PetscFunctionReturn(0);
}

PetscErrorCode SnaResultsAdd(SnaResults r, const char name[], double value)
{
  PetscFunctionBeginUser;
  PetscCall(Add(r, name, value, NULL));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaResultsAddText(SnaResults r, const char name[], const char text[])
{
  PetscFunctionBeginUser;
  PetscCall(Add(r, name, 0, text));
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

PetscErrorCode SnaResultsGetText(SnaResults r, PetscInt i, const char **text)
{
  PetscFunctionBeginUser;
  *text = i >= 0 && i < r->n ? r->text[i] : NULL;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaResultsPrint(SnaResults r, MPI_Comm comm)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < r->n; i++) {
    if (r->text[i])
      PetscCall(PetscPrintf(comm, "result %s %s\n", r->name[i], r->text[i]));
    else
      PetscCall(PetscPrintf(comm, "result %s %.12e\n", r->name[i], r->value[i]));
  }
  PetscFunctionReturn(0);
}
