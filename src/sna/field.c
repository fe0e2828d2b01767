// SnaField: what all formats share - dispatch, and the description of the bases that travels with a field in a file.
//
// In a file a field is a group with text attributes format ("cp", "tensor_train") and directions ("x,y,t"), and one
// dataset per direction with attributes basis ("bspline", ...), degree, resolution, lo, hi, end_lo, end_hi ("free", ...),
// robin_lo, robin_hi; break points of graded splines are a dataset of their own. Numbers are compared exactly: a
// coefficient means something else on any other basis.
#include "field_impl.h"

static const struct {
  const char *format;
  PetscErrorCode (*read)(SnaFile, const char[], PetscInt, const SnaBasis[], SnaField *);
} readers[] = {
  {"cp", SnaFieldRead_CP},
  {"tensor_train", SnaFieldRead_TT},
};

PetscErrorCode SnaFieldCreate_Private(PetscInt nd, const SnaBasis bases[], const SnaFieldOps *ops, SnaField *f)
{
  SnaField field;

  PetscFunctionBeginUser;
  PetscCheck(
    nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  PetscCall(PetscNew(&field));
  field->ops = ops;
  field->nd  = nd;
  for (PetscInt d = 0; d < nd; d++) {
    field->basis[d] = bases[d];
    PetscCall(SnaBasisGetInfo(bases[d], &field->info[d]));
  }
  *f = field;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldDestroy(SnaField *f)
{
  PetscFunctionBeginUser;
  if (!*f) PetscFunctionReturn(0);
  PetscCall((*f)->ops->destroy(*f));
  PetscCall(PetscFree(*f));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldGetFormat(SnaField f, const char **format)
{
  PetscFunctionBeginUser;
  *format = f->ops->format;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldGetParameterCount(SnaField f, PetscInt *n)
{
  PetscFunctionBeginUser;
  PetscCall(f->ops->getparametercount(f, n));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldEvaluate(SnaField f, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  PetscBool wanted = PETSC_FALSE;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; grad && d < f->nd; d++) wanted = (PetscBool)(wanted || grad[d]);
  PetscCall(f->ops->evaluate(f, n, x, u, wanted ? grad : NULL));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldMarginal(SnaField f, PetscInt d, PetscInt nbin, double mass[])
{
  PetscFunctionBeginUser;
  PetscCheck(d >= 0 && d < f->nd, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "Direction %" PetscInt_FMT " of %" PetscInt_FMT, d, f->nd);
  PetscCheck(nbin >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " parts", nbin);
  PetscCall(f->ops->marginal(f, d, nbin, mass));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
// "free" ... by SnaEndKind
static const char *const end_names[] = {"free", "dirichlet", "neumann", "robin", "clamped", "periodic"};

typedef struct { // one attribute: a text, or a number where text is NULL
  const char *name, *text;
  double      value;
} Attribute;

#define NATTRIBUTE 9

static void BasisAttributes(const SnaBasisInfo *info, Attribute attributes[NATTRIBUTE])
{
  attributes[0] = (Attribute){"basis", info->family, 0};
  attributes[1] = (Attribute){"degree", NULL, (double)info->degree};
  attributes[2] = (Attribute){"resolution", NULL, (double)info->resolution};
  attributes[3] = (Attribute){"lo", NULL, info->lo};
  attributes[4] = (Attribute){"hi", NULL, info->hi};
  attributes[5] = (Attribute){"end_lo", end_names[info->end[0].kind], 0};
  attributes[6] = (Attribute){"end_hi", end_names[info->end[1].kind], 0};
  attributes[7] = (Attribute){"robin_lo", NULL, info->end[0].kind == SNA_END_ROBIN ? info->end[0].robin : 0};
  attributes[8] = (Attribute){"robin_hi", NULL, info->end[1].kind == SNA_END_ROBIN ? info->end[1].robin : 0};
}

PetscErrorCode SnaFieldJoinNames_Private(PetscInt nd, const SnaBasisInfo info[], char **names)
{
  size_t size = 1, length;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(PetscStrlen(info[d].name, &length));
    size += length + 1;
  }
  PetscCall(PetscCalloc1(size, names));
  for (PetscInt d = 0; d < nd; d++) {
    if (d > 0) PetscCall(PetscStrlcat(*names, ",", size));
    PetscCall(PetscStrlcat(*names, info[d].name, size));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldWrite(SnaField f, SnaFile file, const char group[])
{
  char *names;

  PetscFunctionBeginUser;
  PetscCall(f->ops->write(f, file, group));
  for (PetscInt d = 0; d < f->nd; d++) {
    Attribute attributes[NATTRIBUTE];
    char      path[PETSC_MAX_PATH_LEN];

    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, f->info[d].name));
    BasisAttributes(&f->info[d], attributes);
    for (int a = 0; a < NATTRIBUTE; a++) {
      if (attributes[a].text)
        PetscCall(SnaFileWriteAttributeText(file, path, attributes[a].name, attributes[a].text));
      else
        PetscCall(SnaFileWriteAttributeReal(file, path, attributes[a].name, attributes[a].value));
    }
    if (f->info[d].nbreak == 0) continue;
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/breakpoint/%s", group, f->info[d].name));
    PetscCall(SnaFileWriteArray(file, path, 1, &f->info[d].nbreak, f->info[d].breakpoint));
  }
  PetscCall(SnaFieldJoinNames_Private(f->nd, f->info, &names));
  PetscCall(SnaFileWriteAttributeText(file, group, "format", f->ops->format));
  PetscCall(SnaFileWriteAttributeText(file, group, "directions", names));
  PetscCall(PetscFree(names));
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

// "6 x 3" with between = " x "
static PetscErrorCode ListText(int ndim, const PetscInt dims[], const char between[], char text[], size_t size)
{
  PetscFunctionBeginUser;
  text[0] = 0;
  for (int k = 0; k < ndim; k++) {
    char number[32];

    PetscCall(PetscSNPrintf(number, sizeof(number), "%s%" PetscInt_FMT, k ? between : "", dims[k]));
    PetscCall(PetscStrlcat(text, number, size));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldReadNumbers_Private(
  SnaFile file, const char path[], int ndim, const PetscInt expected[], PetscInt dims[], double **data)
{
  PetscInt   found[4] = {0}, wanted[3], bad = 0;
  PetscInt64 count  = 1;
  PetscBool  failed = PETSC_TRUE, fits = PETSC_TRUE;
  int        found_ndim = 0;

  PetscFunctionBeginUser;
  *data = NULL;
  PetscCall(SnaFileReadArraySize(file, path, &found_ndim, found));
  PetscCall(Failed(file, &failed));
  if (failed) PetscFunctionReturn(0);
  if (found_ndim != ndim) {
    PetscCall(SnaFileSetError(file, "%s: %d-dimensional, expected %d dimensions", path, found_ndim, ndim));
    PetscFunctionReturn(0);
  }
  for (int k = 0; k < ndim; k++) {
    wanted[k] = expected[k] ? expected[k] : PetscMax(1, found[k]);
    if (found[k] != wanted[k]) fits = PETSC_FALSE;
    dims[k] = found[k];
    count   = PetscMin(count * found[k], (PetscInt64)PETSC_MAX_INT + 1);
  }
  if (!fits || count > PETSC_MAX_INT) {
    char has[128], wants[128];

    PetscCall(ListText(ndim, found, " x ", has, sizeof(has)));
    PetscCall(ListText(ndim, wanted, " x ", wants, sizeof(wants)));
    PetscCall(SnaFileSetError(file, "%s: %s numbers, expected %s", path, has, wants));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscCalloc1((size_t)count, data));
  PetscCall(SnaFileReadArray(file, path, (PetscInt)count, *data));
  PetscCall(Failed(file, &failed));
  while (!failed && bad < count && !PetscIsInfOrNanReal((*data)[bad])) bad++;
  if (!failed && bad < count) {
    PetscInt at[3] = {0};
    char     entry[128];

    for (int k = ndim - 1; k >= 0; bad /= found[k--]) at[k] = bad % found[k];
    PetscCall(ListText(ndim, at, ",", entry, sizeof(entry)));
    PetscCall(SnaFileSetError(file, "%s: entry %s is not a finite number", path, entry));
    failed = PETSC_TRUE;
  }
  if (failed) PetscCall(PetscFree(*data));
  PetscFunctionReturn(0);
}

// The break points in the file against the basis'.
static PetscErrorCode CheckBreakPoints(SnaFile file, const char group[], const SnaBasisInfo *info)
{
  char      path[PETSC_MAX_PATH_LEN];
  PetscBool has;
  PetscInt  n;
  double   *found;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/breakpoint/%s", group, info->name));
  PetscCall(SnaFileHas(file, path, &has));
  if (has != (PetscBool)(info->nbreak > 0)) {
    PetscCall(SnaFileSetError(file,
      "%s/%s: the field has %s break points, the problem has %s: the field was made for another basis", group,
      info->name, has ? "given" : "no", has ? "none" : "some"));
    PetscFunctionReturn(0);
  }
  if (!has) PetscFunctionReturn(0);
  PetscCall(SnaFieldReadNumbers_Private(file, path, 1, &info->nbreak, &n, &found));
  for (PetscInt i = 0; found && i < n; i++) {
    if (found[i] == info->breakpoint[i]) continue;
    PetscCall(SnaFileSetError(file,
      "%s: break point %" PetscInt_FMT " is %.17g, the problem has %.17g: the field was made for another basis", path,
      i, found[i], info->breakpoint[i]));
    break;
  }
  PetscCall(PetscFree(found));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckDirection(SnaFile file, const char group[], const SnaBasisInfo *info)
{
  Attribute attributes[NATTRIBUTE];
  char      path[PETSC_MAX_PATH_LEN];
  PetscBool failed = PETSC_TRUE, former, same;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, info->name));
  PetscCall(SnaFileHasAttribute(file, path, "drop_first", &former));
  if (former) {
    PetscCall(SnaFileSetError(file,
      "%s: a field of an earlier version of the program, which knew uniform splines only; solve the deck again", path));
    PetscFunctionReturn(0);
  }
  BasisAttributes(info, attributes);
  for (int a = 0; a < NATTRIBUTE; a++) {
    const Attribute *wanted   = &attributes[a];
    double           value    = 0;
    char             text[64] = "";

    if (wanted->text)
      PetscCall(SnaFileReadAttributeText(file, path, wanted->name, sizeof(text), text));
    else
      PetscCall(SnaFileReadAttributeReal(file, path, wanted->name, &value));
    PetscCall(Failed(file, &failed));
    if (failed) PetscFunctionReturn(0);
    if (wanted->text) {
      PetscCall(PetscStrcmp(text, wanted->text, &same));
      if (same) continue;
      PetscCall(SnaFileSetError(file, "%s: %s is `%s`, the problem has `%s`: the field was made for another basis",
        path, wanted->name, text, wanted->text));
      PetscFunctionReturn(0);
    }
    if (value == wanted->value) continue;
    PetscCall(SnaFileSetError(file, "%s: %s is %.17g, the problem has %.17g: the field was made for another basis",
      path, wanted->name, value, wanted->value));
    PetscFunctionReturn(0);
  }
  PetscCall(CheckBreakPoints(file, group, info));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldRead(SnaFile file, const char group[], PetscInt nd, const SnaBasis bases[], SnaField *f)
{
  SnaBasisInfo info[SNA_MAX_DIM];
  char         format[64] = "", *expected, *stored;
  PetscBool    failed     = PETSC_TRUE, same;
  size_t       size;

  PetscFunctionBeginUser;
  *f = NULL;
  PetscCheck(
    nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  for (PetscInt d = 0; d < nd; d++) PetscCall(SnaBasisGetInfo(bases[d], &info[d]));

  PetscCall(SnaFieldJoinNames_Private(nd, info, &expected));
  PetscCall(PetscStrlen(expected, &size));
  size += SNA_MAX_MESSAGE;
  PetscCall(PetscCalloc1(size, &stored));
  PetscCall(SnaFileReadAttributeText(file, group, "format", sizeof(format), format));
  PetscCall(SnaFileReadAttributeText(file, group, "directions", size, stored));
  PetscCall(Failed(file, &failed));
  if (!failed) {
    PetscCall(PetscStrcmp(stored, expected, &same));
    if (!same)
      PetscCall(SnaFileSetError(file, "%s: the directions are `%s`, the problem has `%s`", group, stored, expected));
  }
  PetscCall(PetscFree(stored));
  PetscCall(PetscFree(expected));
  for (PetscInt d = 0; d < nd; d++) {
    PetscCall(Failed(file, &failed));
    if (failed) PetscFunctionReturn(0);
    PetscCall(CheckDirection(file, group, &info[d]));
  }
  PetscCall(Failed(file, &failed));
  if (failed) PetscFunctionReturn(0);
  for (size_t r = 0; r < PETSC_STATIC_ARRAY_LENGTH(readers); r++) {
    PetscCall(PetscStrcmp(format, readers[r].format, &same));
    if (!same) continue;
    PetscCall(readers[r].read(file, group, nd, bases, f));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaFileSetError(file, "%s: unknown field format `%s`", group, format));
  PetscFunctionReturn(0);
}
