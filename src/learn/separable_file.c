// separable_file.c - SnaSeparable as a group of a result file:
//
//   <group>         attributes kind = "products|tucker|tensor_train", activation = "identity|...", nd, nout, rank, learned
//   <group>/theta   np numbers; degree, cells: nd integers
//   <group>/subset  (products) one number per subset of inputs, sum of 2^d; rank: products of each
//
// A file that does not fit in itself (damaged, another version) is a sticky error of the file; nothing is guessed.
#include "learn_impl.h"

static const char *const kinds[]       = {"products", "tucker", "tensor_train"};
static const char *const activations[] = {"identity", "tanh", "exp", "softplus", "sigmoid"};

// group/name
typedef struct {
  char text[PETSC_MAX_PATH_LEN];
} Path;

static Path Join(const char group[], const char name[])
{
  Path path;

  (void)PetscSNPrintf(path.text, sizeof(path.text), "%s/%s", group, name);
  return path;
}

PetscErrorCode SnaSeparableWrite(SnaSeparable s, SnaFile file, const char group[])
{
  const SnaSeparableOptions *o  = &s->o;
  const SnaInteraction      *in = &o->interaction;

  PetscFunctionBeginUser;
  PetscCall(SnaFileWriteArray(file, Join(group, "theta").text, 1, &s->np, s->theta));
  PetscCall(SnaFileWriteInts(file, Join(group, "degree").text, o->nd, o->degree));
  PetscCall(SnaFileWriteInts(file, Join(group, "cells").text, o->nd, o->cells));
  if (o->kind == SNA_SEPARABLE_PRODUCTS) {
    double *subset;

    PetscCall(PetscMalloc1((size_t)in->nsubset, &subset));
    for (PetscInt k = 0; k < in->nsubset; k++) subset[k] = (double)in->subset[k];
    PetscCall(SnaFileWriteArray(file, Join(group, "subset").text, 1, &in->nsubset, subset));
    PetscCall(SnaFileWriteInts(file, Join(group, "rank").text, in->nsubset, in->rank));
    PetscCall(PetscFree(subset));
  }
  PetscCall(SnaFileWriteAttributeText(file, group, "kind", kinds[o->kind]));
  PetscCall(SnaFileWriteAttributeText(file, group, "activation", activations[o->activation]));
  PetscCall(SnaFileWriteAttributeReal(file, group, "nd", (double)o->nd));
  PetscCall(SnaFileWriteAttributeReal(file, group, "nout", (double)o->nout));
  PetscCall(SnaFileWriteAttributeReal(file, group, "rank", (double)o->rank));
  PetscCall(SnaFileWriteAttributeReal(file, group, "learned", o->learned ? 1 : 0));
  PetscFunctionReturn(0);
}

static PetscErrorCode Failed(SnaFile file, PetscBool *failed)
{
  const char *message;

  PetscFunctionBeginUser;
  PetscCall(SnaFileGetError(file, &message));
  *failed = (PetscBool)(message != NULL);
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadCount(
  SnaFile file, const char group[], const char name[], PetscInt min, PetscInt max, PetscInt *value)
{
  double found = min;

  PetscFunctionBeginUser;
  *value = min;
  PetscCall(SnaFileReadAttributeReal(file, group, name, &found));
  if (!(found >= (double)min && found <= (double)max && found == (double)(PetscInt)found))
    PetscCall(
      SnaFileSetError(file, "%s: %s is %g, expected %" PetscInt_FMT "..%" PetscInt_FMT, group, name, found, min, max));
  else
    *value = (PetscInt)found;
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadName(
  SnaFile file, const char group[], const char attribute[], PetscInt n, const char *const names[], PetscInt *value)
{
  char      text[64] = "";
  PetscBool same     = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadAttributeText(file, group, attribute, sizeof(text), text));
  for (*value = 0; *value < n; (*value)++) {
    PetscCall(PetscStrcmp(text, names[*value], &same));
    if (same) PetscFunctionReturn(0);
  }
  *value = 0;
  PetscCall(SnaFileSetError(file, "%s: unknown %s `%s`", group, attribute, text));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadInteraction(SnaFile file, const char group[], PetscInt nd, SnaInteraction *in)
{
  int       ndim;
  PetscInt  dims[4] = {0};
  double   *subset;
  PetscBool failed = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadArraySize(file, Join(group, "subset").text, &ndim, dims));
  if (ndim != 1 || dims[0] < 1) PetscCall(SnaFileSetError(file, "%s/subset: not a list of subsets", group));
  PetscCall(Failed(file, &failed));
  if (failed) PetscFunctionReturn(0);
  in->nsubset = dims[0];
  PetscCall(PetscCalloc1((size_t)in->nsubset, &subset));
  PetscCall(PetscCalloc1((size_t)in->nsubset, &in->subset));
  PetscCall(PetscCalloc1((size_t)in->nsubset, &in->rank));
  PetscCall(SnaFileReadArray(file, Join(group, "subset").text, in->nsubset, subset));
  PetscCall(SnaFileReadInts(file, Join(group, "rank").text, in->nsubset, in->rank));
  for (PetscInt k = 0; k < in->nsubset; k++) {
    const PetscBool in_range = (PetscBool)(subset[k] >= 1 && subset[k] < (double)((uint64_t)1 << nd) &&
                                           subset[k] == (double)(uint32_t)subset[k]);

    if (!in_range || in->rank[k] < 1)
      PetscCall(SnaFileSetError(
        file, "%s: subset %" PetscInt_FMT " is %g with %" PetscInt_FMT " products", group, k, subset[k], in->rank[k]));
    in->subset[k] = in_range ? (uint32_t)subset[k] : 0;
  }
  PetscCall(PetscFree(subset));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadOptions(SnaFile file, const char group[], SnaSeparableOptions *o)
{
  PetscInt  kind, activation, learned, least;
  PetscBool failed = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(ReadName(file, group, "kind", (PetscInt)PETSC_STATIC_ARRAY_LENGTH(kinds), kinds, &kind));
  PetscCall(
    ReadName(file, group, "activation", (PetscInt)PETSC_STATIC_ARRAY_LENGTH(activations), activations, &activation));
  o->kind       = (SnaSeparableKind)kind;
  o->activation = (SnaActivation)activation;
  least         = o->kind == SNA_SEPARABLE_PRODUCTS ? 0 : 1;
  PetscCall(ReadCount(file, group, "nd", 1, SNA_MAX_DIM, &o->nd));
  PetscCall(ReadCount(file, group, "nout", 1, PETSC_MAX_INT, &o->nout));
  PetscCall(ReadCount(file, group, "rank", least, PETSC_MAX_INT, &o->rank));
  PetscCall(ReadCount(file, group, "learned", 0, 1, &learned));
  o->learned = (PetscBool)learned;
  if (o->kind != SNA_SEPARABLE_PRODUCTS && (o->activation != SNA_IDENTITY || o->learned))
    PetscCall(SnaFileSetError(file, "%s: %s has neither activation nor learned weights", group, kinds[kind]));
  PetscCall(SnaFileReadInts(file, Join(group, "degree").text, o->nd, o->degree));
  PetscCall(SnaFileReadInts(file, Join(group, "cells").text, o->nd, o->cells));
  PetscCall(Failed(file, &failed));
  for (PetscInt d = 0; d < o->nd && !failed; d++)
    if (o->degree[d] < 1 || o->degree[d] > 5 || o->cells[d] < 1) {
      PetscCall(
        SnaFileSetError(file, "%s: direction %" PetscInt_FMT " has degree %" PetscInt_FMT " on %" PetscInt_FMT " cells",
          group, d, o->degree[d], o->cells[d]));
      failed = PETSC_TRUE;
    }
  if (!failed && o->kind == SNA_SEPARABLE_PRODUCTS) PetscCall(ReadInteraction(file, group, o->nd, &o->interaction));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparableRead(SnaFile file, const char group[], SnaSeparable *s)
{
  SnaSeparableOptions o                        = {.nd = 0};
  PetscBool           failed                   = PETSC_TRUE;
  char                message[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  *s = NULL;
  PetscCall(ReadOptions(file, group, &o));
  PetscCall(Failed(file, &failed));
  if (!failed) {
    PetscCall(SnaSeparableCreate(&o, s, message));
    if (message[0]) PetscCall(SnaFileSetError(file, "%s: %s", group, message));
  }
  PetscCall(SnaInteractionDestroy(&o.interaction));
  if (!*s) PetscFunctionReturn(0);
  PetscCall(SnaFileReadArray(file, Join(group, "theta").text, (*s)->np, (*s)->theta));
  for (PetscInt p = 0; p < (*s)->np; p++)
    if (PetscIsInfOrNanReal((*s)->theta[p])) {
      PetscCall(SnaFileSetError(file, "%s/theta: entry %" PetscInt_FMT " is not a finite number", group, p));
      break;
    }
  PetscCall(Failed(file, &failed));
  if (failed) PetscCall(SnaSeparableDestroy(s));
  PetscFunctionReturn(0);
}
