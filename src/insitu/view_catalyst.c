// view_catalyst.c - back end `catalyst`: Catalyst 2 in this process, compiled where CMake found it.
//
// All ranks call catalyst_initialize(), _execute() and _finalize(). A frame is the channel of its slice, a conduit mesh ("Mesh Blueprint"):
//
//   catalyst/channels/<slice>/type = mesh
//   catalyst/channels/<slice>/data/coordsets/coords     type uniform, dims/{i,j,k}, origin/{x,y,z}, spacing/{dx,dy,dz}
//                                  topologies/mesh      type uniform (ParaView takes no structured topology on a uniform coordset)
//                                  fields/<name>        association vertex, values
//                                  state/fields/caption
//   catalyst/state/{timestep,time}, catalyst/state/parameters = [slice=..., caption=..., axes=x,y, fields=u]
//
// Each rank holds a slab of the last axis; neighbours share a layer of points, because a blueprint mesh without ghosts has every cell once:
//
//   n = 9 points on 2 ranks      rank 0: 0 1 2 3 4        rank 1: 4 5 6 7 8
//
// With more ranks than cells some slabs are a single layer of points without cells. The data comes from rank 0.
// References: ParaView 5.11, "ParaView-Catalyst Blueprint"; Conduit, "Mesh Blueprint".
#include <sna_config.h>
#if SNA_HAVE_CATALYST
#  include "view_impl.h"
#  include <catalyst.h>
#  include <string.h>

typedef struct {
  PetscBool initialized;
  double   *slab; // this rank's part of the fields, for ranks other than 0
  size_t    size;
} Catalyst;

// Catalyst's status agreed on by all ranks; the first bad one ends the pictures on all.
static PetscErrorCode CheckStatus(SnaView view, enum catalyst_status status, const char call[])
{
  int bad = status != catalyst_status_ok ? (int)status : 0, worst;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(&bad, &worst, 1, MPI_INT, MPI_MAX, view->comm));
  if (worst) {
    if (view->rank == 0)
      PetscCall(
        SnaViewGiveUp(view, "Catalyst's %s failed (status %d; is CATALYST_IMPLEMENTATION_PATHS set?)", call, worst));
    view->given_up = PETSC_TRUE;
  }
  PetscFunctionReturn(0);
}

static void AppendText(conduit_node *list, const char text[])
{
  conduit_node_set_char8_str(conduit_node_append(list), text);
}

static PetscErrorCode AppendList(conduit_node *list, const char key[], int n, const char *const name[])
{
  char text[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(PetscStrncpy(text, key, sizeof(text)));
  for (int i = 0; i < n; i++) {
    if (i > 0) PetscCall(PetscStrlcat(text, ",", sizeof(text)));
    PetscCall(PetscStrlcat(text, name[i], sizeof(text)));
  }
  AppendText(list, text);
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaViewOpen_Catalyst(SnaView view)
{
  Catalyst     *catalyst;
  conduit_node *root = conduit_node_create(), *args;
  char          size[64];

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&catalyst));
  view->data = catalyst;
  PetscCall(PetscSNPrintf(size, sizeof(size), "%" PetscInt_FMT "x%" PetscInt_FMT, view->pixels[0], view->pixels[1]));
  if (!getenv("CATALYST_IMPLEMENTATION_NAME"))
    conduit_node_set_path_char8_str(root, "catalyst_load/implementation", "paraview");
  conduit_node_set_path_int64(root, "catalyst/mpi_comm", (int64_t)MPI_Comm_c2f(view->comm));
  conduit_node_set_path_char8_str(root, "catalyst/scripts/script/filename", view->script);
  args = conduit_node_fetch(root, "catalyst/scripts/script/args");
  AppendText(args, "--dir");
  AppendText(args, view->dir);
  AppendText(args, "--case");
  AppendText(args, view->case_name);
  AppendText(args, "--size");
  AppendText(args, size);
  PetscCall(CheckStatus(view, catalyst_initialize(root), "initialize"));
  catalyst->initialized = (PetscBool)!view->given_up;
  conduit_node_destroy(root);
  PetscFunctionReturn(0);
}

// Points first..last of the last axis that belong to `rank`.
static void GetSlab(PetscInt n, PetscMPIInt size, PetscMPIInt rank, PetscInt *first, PetscInt *last)
{
  *first = (PetscInt)((int64_t)(n - 1) * rank / size);
  *last  = (PetscInt)((int64_t)(n - 1) * (rank + 1) / size);
}

// Brings each rank its slab of every field: nfield blocks one after the other, in *slab (borrowed until the next frame).
static PetscErrorCode Distribute(
  SnaView view, const SnaFrame *frame, PetscInt layer, PetscInt first, PetscInt last, const double *slab[])
{
  Catalyst      *catalyst = (Catalyst *)view->data;
  const PetscInt n        = frame->n[frame->naxis - 1];
  const size_t   here     = (size_t)(last - first + 1) * (size_t)layer;
  PetscMPIInt    count;

  PetscFunctionBeginUser;
  if (view->rank == 0) {
    for (int f = 0; f < frame->nfield; f++) {
      slab[f] = frame->data[f] + first * layer;
      for (PetscMPIInt r = 1; r < view->size; r++) {
        PetscInt a, b;
        GetSlab(n, view->size, r, &a, &b);
        PetscCall(PetscMPIIntCast((b - a + 1) * layer, &count));
        PetscCallMPI(MPI_Send(frame->data[f] + a * layer, count, MPI_DOUBLE, r, f, view->comm));
      }
    }
  } else {
    if (catalyst->size < here * (size_t)frame->nfield) {
      PetscCall(PetscFree(catalyst->slab));
      catalyst->size = here * (size_t)frame->nfield;
      PetscCall(PetscMalloc1(catalyst->size, &catalyst->slab));
    }
    PetscCall(PetscMPIIntCast((PetscInt)here, &count));
    for (int f = 0; f < frame->nfield; f++) {
      slab[f] = catalyst->slab + (size_t)f * here;
      PetscCallMPI(MPI_Recv(catalyst->slab + (size_t)f * here, count, MPI_DOUBLE, 0, f, view->comm, MPI_STATUS_IGNORE));
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode AddMesh(
  conduit_node *mesh, const SnaFrame *frame, PetscInt first, PetscInt last, PetscInt points, const double *const slab[])
{
  static const char *const dims[] = {"i", "j", "k"}, *const origin[] = {"x", "y", "z"};
  char path[256];

  PetscFunctionBeginUser;
  conduit_node_set_path_char8_str(mesh, "coordsets/coords/type", "uniform");
  for (int a = 0; a < frame->naxis; a++) {
    const double   spacing = (frame->hi[a] - frame->lo[a]) / (double)(frame->n[a] - 1);
    const PetscInt from = a == frame->naxis - 1 ? first : 0, to = a == frame->naxis - 1 ? last : frame->n[a] - 1;
    PetscCall(PetscSNPrintf(path, sizeof(path), "coordsets/coords/dims/%s", dims[a]));
    conduit_node_set_path_int64(mesh, path, (int64_t)(to - from + 1));
    PetscCall(PetscSNPrintf(path, sizeof(path), "coordsets/coords/origin/%s", origin[a]));
    conduit_node_set_path_float64(mesh, path, frame->lo[a] + spacing * (double)from);
    PetscCall(PetscSNPrintf(path, sizeof(path), "coordsets/coords/spacing/d%s", origin[a]));
    conduit_node_set_path_float64(mesh, path, spacing);
  }
  conduit_node_set_path_char8_str(mesh, "topologies/mesh/type", "uniform");
  conduit_node_set_path_char8_str(mesh, "topologies/mesh/coordset", "coords");
  for (int f = 0; f < frame->nfield; f++) {
    PetscCall(PetscSNPrintf(path, sizeof(path), "fields/%s/association", frame->field[f]));
    conduit_node_set_path_char8_str(mesh, path, "vertex");
    PetscCall(PetscSNPrintf(path, sizeof(path), "fields/%s/topology", frame->field[f]));
    conduit_node_set_path_char8_str(mesh, path, "mesh");
    PetscCall(PetscSNPrintf(path, sizeof(path), "fields/%s/values", frame->field[f]));
    // Catalyst reads only; conduit has no pointer to const.
    conduit_node_set_path_external_float64_ptr(mesh, path, (double *)slab[f], points);
  }
  conduit_node_set_path_char8_str(mesh, "state/fields/caption", frame->caption ? frame->caption : "");
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaViewSend_Catalyst(SnaView view, const SnaFrame *frame)
{
  conduit_node  *root, *parameters;
  PetscInt       first, last, layer = 1;
  const double **slab;
  char           text[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  for (int a = 0; a < frame->naxis - 1; a++) layer *= frame->n[a];
  GetSlab(frame->n[frame->naxis - 1], view->size, view->rank, &first, &last);
  PetscCall(PetscMalloc1(frame->nfield, &slab));
  PetscCall(Distribute(view, frame, layer, first, last, slab));

  root = conduit_node_create();
  conduit_node_set_path_int64(root, "catalyst/state/timestep", (int64_t)frame->step);
  conduit_node_set_path_float64(root, "catalyst/state/time", frame->time);
  parameters = conduit_node_fetch(root, "catalyst/state/parameters");
  PetscCall(PetscSNPrintf(text, sizeof(text), "slice=%s", frame->slice));
  AppendText(parameters, text);
  PetscCall(PetscSNPrintf(text, sizeof(text), "caption=%s", frame->caption ? frame->caption : ""));
  AppendText(parameters, text);
  PetscCall(AppendList(parameters, "axes=", frame->naxis, frame->axis));
  PetscCall(AppendList(parameters, "fields=", frame->nfield, frame->field));
  PetscCall(PetscSNPrintf(text, sizeof(text), "catalyst/channels/%s/type", frame->slice));
  conduit_node_set_path_char8_str(root, text, "mesh");
  PetscCall(PetscSNPrintf(text, sizeof(text), "catalyst/channels/%s/data", frame->slice));
  PetscCall(AddMesh(conduit_node_fetch(root, text), frame, first, last, (last - first + 1) * layer, slab));
  PetscCall(CheckStatus(view, catalyst_execute(root), "execute"));
  conduit_node_destroy(root);
  PetscCall(PetscFree(slab));
  PetscFunctionReturn(0);
}

static PetscErrorCode Finalize(SnaView view)
{
  Catalyst *catalyst = (Catalyst *)view->data;

  PetscFunctionBeginUser;
  if (catalyst && catalyst->initialized) {
    conduit_node *root    = conduit_node_create();
    catalyst->initialized = PETSC_FALSE;
    PetscCall(CheckStatus(view, catalyst_finalize(root), "finalize"));
    conduit_node_destroy(root);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaViewDestroy_Catalyst(SnaView view)
{
  Catalyst *catalyst = (Catalyst *)view->data;

  PetscFunctionBeginUser;
  if (!catalyst) PetscFunctionReturn(0);
  PetscCall(Finalize(view));
  PetscCall(PetscFree(catalyst->slab));
  PetscCall(PetscFree(view->data));
  PetscFunctionReturn(0);
}

const SnaViewOps SnaViewOps_Catalyst = {
  "catalyst", SnaViewOpen_Catalyst, SnaViewSend_Catalyst, Finalize, SnaViewDestroy_Catalyst};
#endif
