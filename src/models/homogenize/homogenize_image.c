// homogenize_image.c - from the keys to the image: sizes and memory first, then reading or making it, its phases and its symmetry.
//
// Memory is estimated before anything large is allocated, as if the octant could be used where the deck allows it, and again when the image is known:
// a run that does not fit is refused with the figures. Ranks beyond the number of planes get no work.
#include "homogenize.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

// MemAvailable of this machine in bytes; without it (not Linux) a number that never refuses.
static double MachineAvailable(void)
{
  FILE  *file = fopen("/proc/meminfo", "r");
  char   line[256];
  double bytes = 1e18, kilobytes;

  if (!file) return bytes;
  while (fgets(line, sizeof(line), file)) {
    if (sscanf(line, "MemAvailable: %lf kB", &kilobytes) == 1) {
      bytes = 1024 * kilobytes;
      break;
    }
  }
  fclose(file);
  return bytes;
}

PetscErrorCode HomogenizeAvailable(MPI_Comm comm, double limit, double *bytes)
{
  MPI_Comm    node;
  PetscMPIInt ranks;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  PetscCallMPI(MPI_Comm_size(node, &ranks));
  *bytes = limit > 0 ? limit : MachineAvailable();
  PetscCallMPI(
    MPI_Allreduce(MPI_IN_PLACE, bytes, 1, MPI_DOUBLE, MPI_MIN, node)); // every rank of it may use its share only
  *bytes /= (double)ranks;
  PetscCallMPI(MPI_Comm_free(&node));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, bytes, 1, MPI_DOUBLE, MPI_MIN, comm));
  PetscFunctionReturn(0);
}

// Is there a file of this name? What stands behind FILE.h5: is a data set. Collective.
static PetscErrorCode Exists(MPI_Comm comm, const char path[], PetscBool *there)
{
  char  copy[PETSC_MAX_PATH_LEN];
  char *h5;

  PetscFunctionBeginUser;
  PetscCall(PetscStrncpy(copy, path, sizeof(copy)));
  h5 = strstr(copy, ".h5:");
  if (!h5) h5 = strstr(copy, ".hdf5:");
  if (h5) *strchr(h5, ':') = 0;
  PetscCall(PetscTestFile(copy, 'r', there));
  PetscCallMPI(MPI_Bcast(there, 1, MPIU_BOOL, 0, comm));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeFindFile(
  MPI_Comm comm, SnaDeck deck, const char file[], char path[PETSC_MAX_PATH_LEN], PetscBool *found)
{
  const char *deck_path, *text, *slash;

  PetscFunctionBeginUser;
  PetscCall(PetscStrncpy(path, file, PETSC_MAX_PATH_LEN));
  PetscCall(Exists(comm, path, found));
  PetscCall(SnaDeckGetText(deck, &deck_path, &text));
  slash = strrchr(deck_path, '/');
  if (*found || !slash || file[0] == '/') PetscFunctionReturn(0);
  PetscCall(PetscSNPrintf(path, PETSC_MAX_PATH_LEN, "%.*s/%s", (int)(slash - deck_path), deck_path, file));
  PetscCall(Exists(comm, path, found));
  if (!*found) PetscCall(PetscStrncpy(path, file, PETSC_MAX_PATH_LEN));
  PetscFunctionReturn(0);
}

void HomogenizeSetEdges(const Homogenize *v, const PetscInt n[3], double h[3])
{
  for (int a = 0; a < 3; a++) {
    if (v->nedge)
      h[a] = v->edge[v->nedge == 3 ? a : 0];
    else if (v->nlength == 3)
      h[a] = v->length[a] / (double)n[a];
    else
      h[a] = (v->nlength == 1 ? v->length[0] : 1) / (double)n[0];
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory
// ---------------------------------------------------------------------------------------------------------------------
static double Estimate(const Homogenize *v, PetscBool octant, PetscMPIInt size)
{
  PetscInt fine[3] = {2 * v->n[0], 2 * v->n[1], 2 * v->n[2]};
  double   bytes   = SnaHomogMemory(v->n, octant, &v->task, size);

  // Fields of a state that is no unit load may need the whole cell; the image itself and its refinement stay.
  if (v->fields[SNA_ELASTICITY].any && v->macroscopic)
    bytes = PetscMax(bytes, SnaHomogMemory(v->n, PETSC_FALSE, &v->task, size));
  bytes += HomogenizeFieldMemory(v, size);
  if (v->refine == 2)
    bytes = PetscMax(bytes, SnaHomogMemory(fine, octant, &v->task, size) + HomogenizeFieldMemory(v, size) +
                              (double)v->n[0] * (double)v->n[1] * ceil((double)v->n[2] / (double)size));
  return bytes;
}

static PetscMPIInt Workers(const Homogenize *v, PetscBool octant, PetscMPIInt size)
{
  return (PetscMPIInt)PetscMax(1, PetscMin((PetscInt)size, v->n[2] / (octant ? 2 : 1)));
}

// *fits is the same on all ranks.
static PetscErrorCode CheckMemory(SnaModel model, SnaDeck deck, Homogenize *v, PetscBool octant, PetscBool *fits)
{
  PetscMPIInt size, workers;
  double      all;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  workers = Workers(v, octant, size);
  PetscCall(HomogenizeAvailable(model->comm, v->memory_limit, &v->available));
  v->available *= (double)size / (double)workers; // ranks without work need none
  v->task.lean = PETSC_FALSE;
  v->memory    = Estimate(v, octant, workers);
  if (v->memory > v->available) {
    v->task.lean = PETSC_TRUE;
    v->memory    = Estimate(v, octant, workers);
  }
  all   = v->memory * (double)workers;
  *fits = (PetscBool)(v->memory <= v->available);
  if (*fits) PetscFunctionReturn(0);
  PetscCall(SnaDeckError(deck, v->from_file ? "voxels_file" : "shape_n", NULL,
    "%" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT
    " voxels%s%s need about %.3g GB on %d rank%s; %.3g GB are available: more machines, fewer voxels%s%s%s, or a "
    "higher "
    "`homogenize: memory`",
    v->n[0], v->n[1], v->n[2], v->refine == 2 ? ", refined," : "", octant ? " (as an octant)" : "", all / 1e9, workers,
    workers > 1 ? "s" : "", v->available * (double)workers / 1e9,
    v->fields[0].any || v->fields[1].any || v->fields[2].any ? ", fewer fields" : "",
    v->refine == 2 ? ", no refinement" : "", octant ? "" : ", the octant if the cell is symmetric"));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The image
// ---------------------------------------------------------------------------------------------------------------------
void HomogenizeCheckPhases(const Homogenize *v, const PetscInt64 count[256], char message[SNA_MAX_MESSAGE])
{
  message[0] = 0;
  for (int value = 0; value < 256 && !message[0]; value++) {
    PetscBool known = PETSC_FALSE;
    for (PetscInt p = 0; p < v->spec.nphase; p++) known = (PetscBool)(known || v->spec.phase[p].value == value);
    if (known || !count[value]) continue;
    (void)PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "the image holds the value %d (%" PetscInt64_FMT
      " voxels), which no phase has: add a phase with `value: %d`, or make phases with `voxels: {threshold: [...]}`",
      value, count[value], value);
  }
}

// The first `workers` ranks; MPI_COMM_NULL on the others.
static PetscErrorCode MakeGroup(MPI_Comm comm, PetscMPIInt workers, MPI_Comm *group)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_split(comm, rank < workers ? 0 : MPI_UNDEFINED, rank, group));
  PetscFunctionReturn(0);
}

static PetscErrorCode MakeImage(SnaDeck deck, Homogenize *v)
{
  char message[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  if (v->from_file)
    PetscCall(SnaVoxelsRead(v->group, &v->file, v->h, &v->voxels, message));
  else
    PetscCall(SnaVoxelsMake(v->group, &v->shape, v->h, &v->voxels, message));
  if (!message[0]) {
    PetscCall(SnaVoxelsCount(v->voxels, v->count));
    HomogenizeCheckPhases(v, v->count, message);
  }
  if (message[0]) {
    PetscCall(SnaDeckError(deck, v->from_file ? "voxels_file" : "shape_kind", NULL, "%s", message));
    PetscCall(SnaVoxelsDestroy(&v->voxels));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaHomogSymmetry(v->voxels, &v->spec, v->mirrors, &v->octant, &v->cubic));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckOctant(SnaDeck deck, const Homogenize *v)
{
  char broken[8] = "", odd[8] = "";

  PetscFunctionBeginUser;
  if (v->task.symmetry != SNA_SYMMETRY_OCTANT || v->octant) PetscFunctionReturn(0);
  for (int a = 0; a < 3; a++) {
    if (!v->mirrors[a]) broken[strlen(broken)] = "xyz"[a];
    if (v->n[a] % 2) odd[strlen(odd)] = "xyz"[a];
  }
  PetscCall(SnaDeckError(deck, "homogenize_symmetry", NULL, "no octant stands for this cell: %s%s",
    broken[0] ? "it is not its own mirror image about the middle of "
    : odd[0]  ? "the number of voxels is odd along "
              : "a phase is not mirror-symmetric; leave it to auto",
    broken[0] ? broken : odd));
  PetscFunctionReturn(0);
}

// Octant or not is decided; where it has fewer planes than there are ranks, the image moves to fewer.
static PetscErrorCode ShrinkGroup(SnaModel model, Homogenize *v)
{
  PetscMPIInt size, now, workers;
  MPI_Comm    fewer;
  SnaVoxels   moved = NULL;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  workers = Workers(v, v->use_octant, size);
  now     = Workers(v, PETSC_FALSE, size);
  if (workers == now) PetscFunctionReturn(0);
  PetscCall(MakeGroup(model->comm, workers, &fewer));
  if (v->voxels) PetscCall(SnaVoxelsRedistribute(v->voxels, fewer, &moved));
  PetscCall(SnaVoxelsDestroy(&v->voxels));
  if (v->group != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&v->group));
  v->voxels = moved;
  v->group  = fewer;
  PetscFunctionReturn(0);
}

// n, and with a file how many images it holds.
static PetscErrorCode GetSizes(SnaModel model, SnaDeck deck, Homogenize *v, PetscBool *ok)
{
  char     message[SNA_MAX_MESSAGE] = "";
  PetscInt cells                    = 1;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  if (v->from_file) {
    PetscCall(HomogenizeFindFile(model->comm, deck, v->file.file, v->path, ok));
    v->file.file = v->path;
    *ok          = PETSC_FALSE;
    PetscCall(SnaVoxelsFileInfo(model->comm, &v->file, v->n, &cells, message));
    if (message[0])
      PetscCall(SnaDeckError(deck, "voxels_file", NULL, "%s", message));
    else if (cells > 1 && v->file.cell < 0) {
      PetscCall(SnaDeckError(deck, "voxels_file", NULL,
        "%s holds %" PetscInt_FMT
        " images: choose one with `voxels: {cell: 0}`, or take several with `batch: {cells: all}`",
        v->path, cells));
      PetscFunctionReturn(0);
    }
  } else
    PetscCall(PetscArraycpy(v->n, v->shape.n, 3));
  if (message[0]) PetscFunctionReturn(0);
  HomogenizeSetEdges(v, v->n, v->h);
  *ok = PETSC_TRUE;
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeSetUpImage(SnaModel model, SnaDeck deck)
{
  Homogenize *v = (Homogenize *)model->data;
  PetscBool   ok, even = PETSC_TRUE;
  PetscMPIInt size;
  int         flags[6] = {0};

  PetscFunctionBeginUser;
  PetscCall(GetSizes(model, deck, v, &ok));
  if (!ok) PetscFunctionReturn(0);
  for (int a = 0; a < 3; a++) even = (PetscBool)(even && v->n[a] % 2 == 0);
  PetscCall(CheckMemory(model, deck, v, (PetscBool)(even && v->task.symmetry != SNA_SYMMETRY_NONE), &ok));
  if (!ok) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCall(MakeGroup(model->comm, Workers(v, PETSC_FALSE, size), &v->group));
  if (v->group != MPI_COMM_NULL) PetscCall(MakeImage(deck, v));
  for (int a = 0; a < 3; a++) flags[a] = v->mirrors[a];
  flags[3] = v->octant;
  flags[4] = v->cubic;
  flags[5] = v->voxels != NULL;
  PetscCallMPI(MPI_Bcast(flags, 6, MPI_INT, 0, model->comm));
  PetscCallMPI(MPI_Bcast(v->count, 256, MPIU_INT64, 0, model->comm));
  if (!flags[5]) PetscFunctionReturn(0);
  for (int a = 0; a < 3; a++) v->mirrors[a] = (PetscBool)(flags[a] != 0);
  v->octant     = (PetscBool)(flags[3] != 0);
  v->cubic      = (PetscBool)(flags[4] != 0);
  v->use_octant = (PetscBool)(v->octant && v->task.symmetry != SNA_SYMMETRY_NONE);
  PetscCall(CheckOctant(deck, v));
  PetscCall(CheckMemory(model, deck, v, v->use_octant, &ok));
  PetscCall(ShrinkGroup(model, v));
  model->info.group = v->group;
  PetscFunctionReturn(0);
}
