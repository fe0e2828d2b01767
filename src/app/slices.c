// slices.c - grids through the solution for files and pictures: which ones the deck asks for, their values, their captions.
//
// Axes and fixed values are physical coordinates (SnaCoordinates); values are NaN where a point lies outside the model's domain.
// The points of a grid are dealt to the ranks in contiguous shares and gathered on rank 0; the first axis varies fastest.
#include "app_impl.h"

#define MAX_SLICES 64
#define MAX_POINTS 134217728 // of one slice: 1 GB per field

typedef struct {
  const char *name;
  PetscInt    naxis, axis[3], n[3];
  PetscInt    over, frames; // over = -1: one frame at `at`
  double      at[SNA_MAX_DIM];
} Slice;

struct SnaSlices_ {
  PetscInt n;
  Slice    slice[MAX_SLICES];
};

const SnaOption SnaSliceOptions[] = {
  {"output_slice", SNA_OPT_NAMES, "", 0, 0, "list of names",
    "Grids through the solution, written to the HDF5 file and as <case>_<name>.xmf for ParaView."},
  {"output_slice_*_axes", SNA_OPT_STRINGS, NULL, 0, 0, "[x], [x, y] or [x, y, z]",
    "Physical coordinates that span the grid: directions, or those of coordinates."},
  {"output_slice_*_n", SNA_OPT_INTS, "129", 2, 4096, "2..4096 per axis",
    "Points per axis; one number serves all axes."},
  {"output_slice_*_at", SNA_OPT_STRING, "", 0, 0, "\"z=0, t=0.5\"",
    "Values of the other coordinates; one not named is at the middle of its range."},
  {"output_slice_*_over", SNA_OPT_STRING, "", 0, 0, "coordinate",
    "A coordinate to step through: one frame for each of `frames` values over its range."},
  {"output_slice_*_frames", SNA_OPT_INT, "11", 2, 10000, "2..10000", "Number of frames along `over`."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

PetscErrorCode SnaSlicesCreate(SnaSlices *slices)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(slices));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSlicesDestroy(SnaSlices *slices)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(*slices));
  PetscFunctionReturn(0);
}

static PetscInt FindCoordinate(const SnaCoordinatesInfo *info, const char word[])
{
  for (PetscInt d = 0; d < info->n; d++) {
    PetscBool same;
    if (!PetscStrcmp(info->name[d], word, &same) && same) return d;
  }
  return -1;
}

static PetscErrorCode NoSuchCoordinate(
  SnaDeck deck, const char key[], const Slice *s, const SnaCoordinatesInfo *info, const char word[])
{
  const char *near = SnaNearestName(word, (int)info->n, info->name), *kind = info->mapped ? "coordinate" : "direction";

  PetscFunctionBeginUser;
  if (near)
    PetscCall(SnaDeckError(deck, key, s->name, "`%s` is no %s; did you mean `%s`?", word, kind, near));
  else
    PetscCall(SnaDeckError(
      deck, key, s->name, "`%s` is no %s", word, info->mapped ? "physical coordinate" : "direction of dim"));
  PetscFunctionReturn(0);
}

// "z=0, t=pi/4": each value a constant expression inside the domain.
static PetscErrorCode ReadAt(SnaDeck deck, const SnaCoordinatesInfo *info, const char text[], Slice *s)
{
  char     **item;
  int        n;
  SnaSymbols constants;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetConstants(deck, &constants));
  PetscCall(PetscStrToArray(text, ',', &n, &item));
  for (int i = 0; i < n; i++) {
    char   *equal, *word = item[i], message[SNA_MAX_MESSAGE];
    SnaExpr value;
    PetscCall(PetscStrchr(word, '=', &equal));
    if (!equal) {
      PetscCall(SnaDeckError(deck, "output_slice_*_at", s->name, "`%s` is not of the form name=value", word));
      continue;
    }
    *equal = 0;
    while (*word == ' ') word++;
    for (char *end = equal; end > word && end[-1] == ' '; end--) end[-1] = 0;
    const PetscInt d = FindCoordinate(info, word);
    if (d < 0) {
      PetscCall(NoSuchCoordinate(deck, "output_slice_*_at", s, info, word));
      continue;
    }
    PetscCall(SnaExprCreate(equal + 1, &constants, &value, message));
    if (!value) {
      PetscCall(SnaDeckError(deck, "output_slice_*_at", s->name, "%s: %s", word, message));
      continue;
    }
    PetscCall(SnaExprEvaluate(value, 1, NULL, &s->at[d]));
    PetscCall(SnaExprDestroy(&value));
    for (PetscInt a = 0; a < s->naxis; a++)
      if (s->axis[a] == d)
        PetscCall(
          SnaDeckError(deck, "output_slice_*_at", s->name, "`%s` is an axis of this slice and cannot be fixed", word));
    if (!(s->at[d] >= info->lo[d] && s->at[d] <= info->hi[d]))
      PetscCall(SnaDeckError(deck, "output_slice_*_at", s->name, "%s = %g is outside its %s [%g, %g]", word, s->at[d],
        info->direction[d] >= 0 ? "domain" : "range", info->lo[d], info->hi[d]));
  }
  PetscCall(PetscStrToArrayDestroy(n, item));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadSlice(SnaDeck deck, const SnaCoordinatesInfo *info, Slice *s)
{
  const char *axes[3], *text;
  PetscInt    n;
  PetscBool   given;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetStrings(deck, "output_slice_*_axes", s->name, 3, &s->naxis, axes));
  for (PetscInt a = 0; a < s->naxis; a++) {
    s->axis[a] = FindCoordinate(info, axes[a]);
    if (s->axis[a] < 0) PetscCall(NoSuchCoordinate(deck, "output_slice_*_axes", s, info, axes[a]));
    for (PetscInt b = 0; b < a; b++)
      if (s->axis[a] >= 0 && s->axis[a] == s->axis[b])
        PetscCall(SnaDeckError(deck, "output_slice_*_axes", s->name, "`%s` is named twice", axes[a]));
  }
  PetscCall(SnaDeckGetInts(deck, "output_slice_*_n", s->name, 3, &n, s->n));
  for (PetscInt a = n; a < 3 && n == 1; a++) s->n[a] = s->n[0];
  if (n != 1 && n != s->naxis)
    PetscCall(SnaDeckError(deck, "output_slice_*_n", s->name,
      "%" PetscInt_FMT " numbers of points for %" PetscInt_FMT " axes", n, s->naxis));
  double points = 1;
  for (PetscInt a = 0; a < s->naxis; a++) points *= (double)s->n[a];
  if (points > MAX_POINTS)
    PetscCall(SnaDeckError(deck, "output_slice_*_n", s->name, "%.3g points are too many for one slice; %d is the limit",
      points, MAX_POINTS));
  for (PetscInt d = 0; d < info->n; d++) s->at[d] = 0.5 * (info->lo[d] + info->hi[d]);
  PetscCall(SnaDeckGetString(deck, "output_slice_*_at", s->name, &text));
  if (text && *text) PetscCall(ReadAt(deck, info, text, s));
  s->over = -1;
  PetscCall(SnaDeckGetString(deck, "output_slice_*_over", s->name, &text));
  PetscCall(SnaDeckHas(deck, "output_slice_*_frames", s->name, &given));
  if (text && *text) {
    s->over = FindCoordinate(info, text);
    if (s->over < 0) PetscCall(NoSuchCoordinate(deck, "output_slice_*_over", s, info, text));
    for (PetscInt a = 0; a < s->naxis; a++)
      if (s->over >= 0 && s->axis[a] == s->over)
        PetscCall(SnaDeckError(deck, "output_slice_*_over", s->name, "`%s` is an axis of this slice", text));
    PetscCall(SnaDeckGetInt(deck, "output_slice_*_frames", s->name, &s->frames));
  } else {
    s->frames = 1;
    if (given) PetscCall(SnaDeckError(deck, "output_slice_*_frames", s->name, "frames has no effect without `over`"));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSlicesSetFromOptions(SnaSlices slices, SnaDeck deck, SnaModel model)
{
  const SnaCoordinatesInfo *info;
  const char               *names[MAX_SLICES];

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCall(SnaDeckGetNames(deck, "output_slice", NULL, MAX_SLICES, &slices->n, names));
  for (PetscInt i = 0; i < slices->n; i++) {
    slices->slice[i].name = names[i];
    PetscCall(ReadSlice(deck, info, &slices->slice[i]));
  }
  PetscFunctionReturn(0);
}

static PetscInt GridPoints(const Slice *s)
{
  PetscInt n = 1;
  for (PetscInt a = 0; a < s->naxis; a++) n *= s->n[a];
  return n;
}

static double FrameValue(const Slice *s, const SnaCoordinatesInfo *info, PetscInt frame)
{
  return info->lo[s->over] + (info->hi[s->over] - info->lo[s->over]) * (double)frame / (double)(s->frames - 1);
}

// All fields of one frame; data[f] on rank 0 has the whole grid. Collective on comm.
static PetscErrorCode SampleGrid(MPI_Comm comm, SnaModel model, const Slice *s, const double at[], double *const data[])
{
  const SnaModelInfo       *model_info;
  const SnaCoordinatesInfo *info;
  const PetscInt            total = GridPoints(s);
  PetscMPIInt               size, rank, *counts, *starts;
  double                   *x[SNA_MAX_DIM], *local;
  PetscInt                  first, n;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &model_info));
  PetscCall(SnaModelGetCoordinates(model, &info));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscMalloc2(size, &counts, size, &starts));
  for (PetscMPIInt r = 0; r < size; r++) {
    starts[r] = (PetscMPIInt)((PetscInt64)total * r / size);
    counts[r] = (PetscMPIInt)((PetscInt64)total * (r + 1) / size) - starts[r];
  }
  first = starts[rank];
  n     = counts[rank];
  for (PetscInt d = 0; d < info->n; d++) {
    PetscCall(PetscMalloc1(PetscMax(1, n), &x[d]));
    for (PetscInt i = 0; i < n; i++) x[d][i] = at[d];
  }
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt a = 0, rest = first + i; a < s->naxis; rest /= s->n[a], a++) {
      const PetscInt d = s->axis[a];
      x[d][i]          = info->lo[d] + (info->hi[d] - info->lo[d]) * (double)(rest % s->n[a]) / (double)(s->n[a] - 1);
    }
  }
  PetscCall(PetscMalloc1(PetscMax(1, n), &local));
  for (PetscInt f = 0; f < model_info->nfield; f++) {
    PetscCall(SnaModelSamplePhysical(model, f, n, (const double *const *)x, local, NULL, NULL));
    PetscCallMPI(MPI_Gatherv(local, (PetscMPIInt)n, MPI_DOUBLE, data[f], counts, starts, MPI_DOUBLE, 0, comm));
  }
  PetscCall(PetscFree(local));
  for (PetscInt d = 0; d < info->n; d++) PetscCall(PetscFree(x[d]));
  PetscCall(PetscFree2(counts, starts));
  PetscFunctionReturn(0);
}

static PetscErrorCode AllocateFields(MPI_Comm comm, const SnaModelInfo *info, const Slice *s, double *data[4])
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  for (PetscInt f = 0; f < info->nfield; f++) PetscCall(PetscMalloc1(rank == 0 ? GridPoints(s) : 1, &data[f]));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSlicesSend(
  SnaSlices slices, MPI_Comm comm, SnaModel model, SnaView view, PetscInt step, const char note[])
{
  const SnaModelInfo       *info;
  const SnaCoordinatesInfo *space;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &info));
  PetscCall(SnaModelGetCoordinates(model, &space));
  for (PetscInt i = 0; i < slices->n; i++) {
    const Slice *s = &slices->slice[i];
    double      *data[4];
    char         caption[512];
    SnaFrame     frame = {.slice = s->name,
          .step                  = step,
          .time                  = (double)step,
          .caption               = caption,
          .naxis                 = (int)s->naxis,
          .nfield                = (int)info->nfield,
          .field                 = info->field,
          .data                  = (const double *const *)data};
    PetscCall(PetscSNPrintf(caption, sizeof(caption), "%s", note));
    for (PetscInt d = 0; d < space->n; d++) {
      char     text[64];
      PetscInt a;
      for (a = 0; a < s->naxis && s->axis[a] != d; a++)
        ;
      if (a < s->naxis) continue;
      PetscCall(PetscSNPrintf(text, sizeof(text), "   %s = %.4g", space->name[d], s->at[d]));
      PetscCall(PetscStrlcat(caption, text, sizeof(caption)));
    }
    for (PetscInt a = 0; a < s->naxis; a++) {
      frame.axis[a] = space->name[s->axis[a]];
      frame.n[a]    = s->n[a];
      frame.lo[a]   = space->lo[s->axis[a]];
      frame.hi[a]   = space->hi[s->axis[a]];
    }
    PetscCall(AllocateFields(comm, info, s, data));
    PetscCall(SampleGrid(comm, model, s, s->at, data));
    PetscCall(SnaViewSend(view, &frame));
    for (PetscInt f = 0; f < info->nfield; f++) PetscCall(PetscFree(data[f]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteAxes(const Slice *s, const SnaCoordinatesInfo *info, SnaFile file, const char group[])
{
  char axes[256] = "", name[256], at[512] = "";

  PetscFunctionBeginUser;
  for (PetscInt a = 0; a < s->naxis; a++) {
    const PetscInt d = s->axis[a];
    double        *x;
    PetscCall(PetscMalloc1(s->n[a], &x));
    for (PetscInt i = 0; i < s->n[a]; i++)
      x[i] = info->lo[d] + (info->hi[d] - info->lo[d]) * (double)i / (double)(s->n[a] - 1);
    PetscCall(PetscSNPrintf(name, sizeof(name), "%s/axis/%s", group, info->name[d]));
    PetscCall(SnaFileWriteArray(file, name, 1, &s->n[a], x));
    PetscCall(PetscFree(x));
    PetscCall(PetscStrlcat(axes, a ? "," : "", sizeof(axes)));
    PetscCall(PetscStrlcat(axes, info->name[d], sizeof(axes)));
  }
  for (PetscInt d = 0; d < info->n; d++) {
    char     text[64];
    PetscInt a;
    for (a = 0; a < s->naxis && s->axis[a] != d; a++)
      ;
    if (a < s->naxis || d == s->over) continue;
    PetscCall(PetscSNPrintf(text, sizeof(text), "%s%s=%.17g", *at ? ", " : "", info->name[d], s->at[d]));
    PetscCall(PetscStrlcat(at, text, sizeof(at)));
  }
  PetscCall(SnaFileWriteAttributeText(file, group, "axes", axes));
  PetscCall(SnaFileWriteAttributeText(file, group, "at", at));
  PetscCall(SnaFileWriteAttributeText(file, group, "over", s->over >= 0 ? info->name[s->over] : ""));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSlicesWrite(SnaSlices slices, MPI_Comm comm, SnaModel model, SnaFile file)
{
  const SnaModelInfo       *info;
  const SnaCoordinatesInfo *space;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetInfo(model, &info));
  PetscCall(SnaModelGetCoordinates(model, &space));
  for (PetscInt i = 0; i < slices->n; i++) {
    const Slice *s = &slices->slice[i];
    double      *data[4], at[SNA_MAX_DIM];
    char         group[128], name[256];
    PetscInt     dims[3];
    PetscCall(PetscSNPrintf(group, sizeof(group), "/slice/%s", s->name));
    PetscCall(WriteAxes(s, space, file, group));
    for (PetscInt a = 0; a < s->naxis; a++) dims[a] = s->n[s->naxis - 1 - a];
    PetscCall(AllocateFields(comm, info, s, data));
    PetscCall(PetscArraycpy(at, s->at, SNA_MAX_DIM));
    for (PetscInt frame = 0; frame < s->frames; frame++) {
      if (s->over >= 0) at[s->over] = FrameValue(s, space, frame);
      PetscCall(SampleGrid(comm, model, s, at, data));
      for (PetscInt f = 0; f < info->nfield; f++) {
        PetscCall(PetscSNPrintf(name, sizeof(name), "%s/%06" PetscInt_FMT "/%s", group, frame, info->field[f]));
        PetscCall(SnaFileWriteArray(file, name, (int)s->naxis, dims, data[f]));
      }
      PetscCall(PetscSNPrintf(name, sizeof(name), "%s/%06" PetscInt_FMT, group, frame));
      PetscCall(SnaFileWriteAttributeReal(file, name, "time", s->over >= 0 ? at[s->over] : 0));
    }
    for (PetscInt f = 0; f < info->nfield; f++) PetscCall(PetscFree(data[f]));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSlicesWriteXdmf(
  SnaSlices slices, MPI_Comm comm, SnaModel model, SnaCase c, PetscInt *written, char message[SNA_MAX_MESSAGE])
{
  const SnaModelInfo       *info;
  const SnaCoordinatesInfo *space;
  char                      h5[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  *written   = 0;
  message[0] = 0;
  PetscCall(SnaModelGetInfo(model, &info));
  PetscCall(SnaModelGetCoordinates(model, &space));
  PetscCall(SnaCaseGetPath(c, ".h5", sizeof(h5), h5));
  for (PetscInt i = 0; i < slices->n && !message[0]; i++) {
    const Slice *s = &slices->slice[i];
    char         path[PETSC_MAX_PATH_LEN], suffix[128], **dataset;
    const char  *axis[3];
    double       lo[3], hi[3];
    SnaXdmfStep *steps;
    PetscCall(PetscSNPrintf(suffix, sizeof(suffix), "_%s.xmf", s->name));
    PetscCall(SnaCaseGetPath(c, suffix, sizeof(path), path));
    for (PetscInt a = 0; a < s->naxis; a++) {
      axis[a] = space->name[s->axis[a]];
      lo[a]   = space->lo[s->axis[a]];
      hi[a]   = space->hi[s->axis[a]];
    }
    PetscCall(PetscMalloc2(s->frames, &steps, s->frames * (size_t)info->nfield, &dataset));
    for (PetscInt frame = 0; frame < s->frames; frame++) {
      for (PetscInt f = 0; f < info->nfield; f++) {
        char name[256];
        PetscCall(
          PetscSNPrintf(name, sizeof(name), "/slice/%s/%06" PetscInt_FMT "/%s", s->name, frame, info->field[f]));
        PetscCall(PetscStrallocpy(name, &dataset[frame * info->nfield + f]));
      }
      steps[frame] = (SnaXdmfStep){s->over >= 0 ? FrameValue(s, space, frame) : 0, (int)info->nfield, info->field,
        (const char *const *)&dataset[frame * info->nfield]};
    }
    PetscCall(SnaXdmfWrite(comm, path, h5, (int)s->naxis, axis, s->n, lo, hi, s->frames, steps, message));
    if (!message[0]) (*written)++;
    for (PetscInt k = 0; k < s->frames * info->nfield; k++) PetscCall(PetscFree(dataset[k]));
    PetscCall(PetscFree2(steps, dataset));
  }
  PetscFunctionReturn(0);
}
