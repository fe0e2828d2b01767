// homogenize_fields.c - fields of a solution: for the file and ParaView, and thinned out for pictures while the solver runs.
//
// A cell that was solved on its octant is unfolded. Under the mirror about x_a = L_a/2 a load turns into s_a times itself: s_a = -1 for a shear with an index a
// and for a gradient or flow along a, else 1. With M x the mirror image of x, and m_a(c) = -1 for c = a, else 1,
//
//   vector  v_c(M x) = s_a m_a(c) v_c(x)        symmetric tensor  t_cd(M x) = s_a m_a(c) m_a(d) t_cd(x)        potential  p(M x) = s_a p(x)        energy  even
//
// for what is periodic: of displacement and potential that is the part without (load).x, which is taken off before and put on afterwards.
#include "homogenize.h"
#include <string.h>

static const int voigt[6][2] = {{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}};

const SnaCellField HomogenizeField[SNA_NPHYSICS][HOMOGENIZE_MAX_FIELDS] = {
  {{"displacement", 3}, {"strain", 6}, {"stress", 6}, {"energy", 1}},
  {{"potential", 1}, {"gradient", 3}, {"flux", 3}, {"energy", 1}}, {{"velocity", 3}, {"speed", 1}, {"", 0}, {"", 0}}};

double HomogenizeFieldMemory(const Homogenize *v, PetscMPIInt size)
{
  const double planes = (double)((v->n[2] + size - 1) / size), voxels = (double)v->n[0] * (double)v->n[1] * planes;
  PetscInt     kept = 0, largest = 0;

  for (int p = 0; p < SNA_NPHYSICS; p++)
    for (int f = 0; f < HOMOGENIZE_MAX_FIELDS; f++) {
      if (!v->fields[p].wanted[f]) continue;
      kept += HomogenizeField[p][f].ncomp;
      largest = PetscMax(largest, HomogenizeField[p][f].ncomp);
    }
  return (double)sizeof(float) * voxels * (double)(kept + largest);
}

// ---------------------------------------------------------------------------------------------------------------------
// Unfolding
// ---------------------------------------------------------------------------------------------------------------------
// The load of a field: 6 strains, or 3 components.
static void GetLoad(const Homogenize *v, SnaPhysics physics, double load[6])
{
  const HomogenizeFields *f = &v->fields[physics];

  for (int i = 0; i < 6; i++) load[i] = f->load < 0 ? v->strain[i] : i == f->load;
}

static PetscBool IsEven(SnaPhysics physics, const double load[6], int a)
{
  if (physics != SNA_ELASTICITY) return (PetscBool)(load[a] == 0);
  for (int i = 3; i < 6; i++)
    if (load[i] != 0 && (voigt[i][0] == a || voigt[i][1] == a)) return PETSC_FALSE;
  return PETSC_TRUE;
}

static void Signs(SnaPhysics physics, const double load[6], PetscBool scalar_even, PetscInt ncomp, float sign[3][6])
{
  for (int a = 0; a < 3; a++)
    for (PetscInt c = 0; c < ncomp; c++) {
      float s = IsEven(physics, load, a) ? 1.0F : -1.0F;
      if (ncomp == 1 && scalar_even) s = 1;
      if (ncomp == 3 && c == a) s = -s;
      if (ncomp == 6 && (voigt[c][0] == a) != (voigt[c][1] == a)) s = -s;
      sign[a][c] = s;
    }
}

// What displacement or potential have beside their periodic part, times `factor`, added at the voxels' centres.
static void AddLinear(SnaPhysics physics, const double load[6], double factor, const PetscInt n[3], const double h[3],
  PetscInt z0, PetscInt nz, float *data)
{
  const PetscInt ncomp = physics == SNA_ELASTICITY ? 3 : 1;
  double         G[3][3]; // component c = sum_a G[c][a] x_a

  for (int c = 0; c < 3; c++)
    for (int a = 0; a < 3; a++)
      G[c][a] = physics != SNA_ELASTICITY ? load[a] : c == a ? load[c] : 0.5 * load[6 - c - a];
  for (PetscInt k = 0; k < nz; k++)
    for (PetscInt c = 0; c < ncomp; c++)
      for (PetscInt j = 0; j < n[1]; j++) {
        float       *line = data + (size_t)((k * ncomp + c) * n[1] + j) * (size_t)n[0];
        const double rest = G[c][1] * ((double)j + 0.5) * h[1] + G[c][2] * ((double)(z0 + k) + 0.5) * h[2];
        for (PetscInt i = 0; i < n[0]; i++) line[i] += (float)(factor * (rest + G[c][0] * ((double)i + 0.5) * h[0]));
      }
}

// One plane of the octant becomes one of the cell.
static void UnfoldPlane(
  const PetscInt n[3], PetscInt ncomp, const float sign[3][6], PetscBool beyond, const float *part, float *whole)
{
  for (PetscInt c = 0; c < ncomp; c++)
    for (PetscInt j = 0; j < 2 * n[1]; j++) {
      const PetscInt from = j < n[1] ? j : 2 * n[1] - 1 - j;
      const float   *line = part + (size_t)(c * n[1] + from) * (size_t)n[0];
      float         *out  = whole + (size_t)(c * 2 * n[1] + j) * (size_t)(2 * n[0]);
      const float    s    = (beyond ? sign[2][c] : 1.0F) * (j < n[1] ? 1.0F : sign[1][c]);
      for (PetscInt i = 0; i < n[0]; i++) {
        out[i]                = s * line[i];
        out[2 * n[0] - 1 - i] = s * sign[0][c] * line[i];
      }
    }
}

static PetscMPIInt Owner(PetscInt n, PetscMPIInt size, PetscInt plane)
{
  const PetscInt each = n / size, more = n % size, long_part = more * (each + 1);

  return (PetscMPIInt)(plane < long_part ? plane / (each + 1) : more + (plane - long_part) / each);
}

// Planes of the octant travel to the ranks that hold them and their mirror images in the whole cell. Collective on octant->comm.
static PetscErrorCode Unfold(SnaVoxels octant, PetscInt ncomp, const float sign[3][6], const float *part, float *whole)
{
  const PetscInt *n = octant->n, n2 = 2 * n[2];
  const size_t    plane = (size_t)n[0] * (size_t)n[1] * (size_t)ncomp;
  PetscMPIInt     size, rank, count, nrequest = 0;
  PetscInt        z0, nz;
  float          *got;
  MPI_Request    *request;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(octant->comm, &size));
  PetscCallMPI(MPI_Comm_rank(octant->comm, &rank));
  SnaSplit(n2, size, rank, &z0, &nz);
  PetscCall(PetscMPIIntCast((PetscInt)plane, &count));
  PetscCall(PetscMalloc2((size_t)nz * plane, &got, (size_t)(nz + 2 * octant->nz), &request));
  for (PetscInt k = z0; k < z0 + nz; k++) {
    const PetscInt from = k < n[2] ? k : n2 - 1 - k;
    PetscCallMPI(MPI_Irecv(got + (size_t)(k - z0) * plane, count, MPI_FLOAT, Owner(n[2], size, from), (PetscMPIInt)k,
      octant->comm, &request[nrequest++]));
  }
  for (PetscInt k = octant->z0; k < octant->z0 + octant->nz; k++)
    for (PetscInt to = k;; to = n2 - 1 - k) {
      PetscCallMPI(MPI_Isend(part + (size_t)(k - octant->z0) * plane, count, MPI_FLOAT, Owner(n2, size, to),
        (PetscMPIInt)to, octant->comm, &request[nrequest++]));
      if (to != k) break;
    }
  while (nrequest > 0) PetscCallMPI(MPI_Wait(&request[--nrequest], MPI_STATUS_IGNORE));
  for (PetscInt k = 0; k < nz; k++)
    UnfoldPlane(n, ncomp, sign, (PetscBool)(z0 + k >= n[2]), got + (size_t)k * plane, whole + (size_t)k * 4 * plane);
  PetscCall(PetscFree2(got, request));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Fields for the file
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode HomogenizeTakeFields(Homogenize *v, SnaCell cell, SnaVoxels image, SnaPhysics physics)
{
  HomogenizeFields   *fields = &v->fields[physics];
  const SnaCellField *offered;
  PetscInt            n, z0, nz;
  PetscMPIInt         size, rank;
  double              load[6];

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(image->comm, &size));
  PetscCallMPI(MPI_Comm_rank(image->comm, &rank));
  SnaSplit(v->n[2], size, rank, &z0, &nz);
  PetscCall(SnaCellGetFields(cell, &n, &offered));
  GetLoad(v, physics, load);
  for (PetscInt f = 0; f < n; f++) {
    const PetscInt  ncomp = offered[f].ncomp;
    const PetscBool linear =
      (PetscBool)(!strcmp(offered[f].name, "displacement") || !strcmp(offered[f].name, "potential"));
    float *part, sign[3][6];
    PetscCheck(!strcmp(offered[f].name, HomogenizeField[physics][f].name), PETSC_COMM_SELF, PETSC_ERR_PLIB,
      "the cell calls field %" PetscInt_FMT " %s", f, offered[f].name);
    if (!fields->wanted[f]) continue;
    PetscCall(PetscMalloc1((size_t)image->nz * (size_t)image->n[0] * (size_t)image->n[1] * (size_t)ncomp, &part));
    PetscCall(SnaCellGetField(cell, f, part));
    if (image->n[0] == v->n[0]) {
      fields->data[f] = part;
      continue;
    }
    PetscCall(PetscMalloc1((size_t)nz * (size_t)v->n[0] * (size_t)v->n[1] * (size_t)ncomp, &fields->data[f]));
    Signs(physics, load, (PetscBool)!linear, ncomp, sign);
    if (linear) AddLinear(physics, load, -1, image->n, image->h, image->z0, image->nz, part);
    PetscCall(Unfold(image, ncomp, (const float(*)[6])sign, part, fields->data[f]));
    if (linear) AddLinear(physics, load, 1, v->n, v->h, z0, nz, fields->data[f]);
    PetscCall(PetscFree(part));
  }
  fields->taken = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// Does the octant take this load: a normal strain, one shear, one direction?
static PetscBool FitsOctant(SnaPhysics physics, const double load[6])
{
  int normal = 0, other = 0;

  for (int i = 0; i < 6; i++) {
    if (load[i] == 0) continue;
    if (physics == SNA_ELASTICITY && i < 3)
      normal = 1;
    else
      other++;
  }
  return (PetscBool)(normal + other <= 1);
}

static PetscErrorCode SolveField(
  SnaModel model, SnaPhysics physics, SnaHomogMonitor monitor, PetscBool *stopped, PetscBool *converged)
{
  Homogenize     *v     = (Homogenize *)model->data;
  SnaVoxels       image = v->voxels;
  SnaCell         cell;
  double          load[6];
  SnaCellLoad     outcome;
  const PetscBool octant = v->use_octant;
  PetscBool       fits;

  PetscFunctionBeginUser;
  GetLoad(v, physics, load);
  fits = (PetscBool)(octant && FitsOctant(physics, load));
  if (fits) PetscCall(SnaVoxelsToOctant(v->voxels, &image));
  PetscCall(SnaCellCreate(image, fits, physics, 0, &v->spec, &cell));
  PetscCall(SnaCellSolve(cell, load, monitor, model, &outcome));
  *stopped   = outcome.stopped;
  *converged = (PetscBool)(*converged && outcome.converged);
  if (!*stopped) PetscCall(HomogenizeTakeFields(v, cell, image, physics));
  PetscCall(SnaCellDestroy(&cell));
  if (fits) PetscCall(SnaVoxelsDestroy(&image));
  PetscFunctionReturn(0);
}

// Why there are no fields of this physics, or NULL.
static const char *NoField(const Homogenize *v, SnaPhysics physics)
{
  const SnaTensor *t = &v->result[0].tensor[physics];
  double           load[6];

  GetLoad(v, physics, load);
  if (physics == SNA_PERMEABILITY)
    for (int a = 0; a < 3; a++)
      if (load[a] != 0 && (t->zero[a] || !t->solved[a])) return "nothing resists the flow, or nothing flows";
  return NULL;
}

PetscErrorCode HomogenizeSolveFields(SnaModel model, SnaHomogMonitor monitor, PetscBool *stopped, PetscBool *converged)
{
  Homogenize *v = (Homogenize *)model->data;

  PetscFunctionBeginUser;
  if (v->macroscopic) PetscCall(HomogenizeFindState(v));
  for (int p = 0; p < SNA_NPHYSICS && !*stopped; p++) {
    const char *why = NoField(v, (SnaPhysics)p);
    if (!v->fields[p].any || v->fields[p].taken) continue;
    if (p == SNA_ELASTICITY && v->macroscopic && !v->state_known)
      why = "the cell does not resist the macroscopic state";
    if (why)
      PetscCall(PetscPrintf(v->group, "  note: no fields of %s: %s\n", HomogenizePhysicsName[p], why));
    else
      PetscCall(SolveField(model, (SnaPhysics)p, monitor, stopped, converged));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode DescribeGrid(Homogenize *v, SnaPhysics physics)
{
  SnaModelGrid           *g      = &v->grid[v->ngrid++];
  const HomogenizeFields *fields = &v->fields[physics];

  PetscFunctionBeginUser;
  g->name   = HomogenizePhysicsName[physics];
  g->nfield = 1;
  for (int a = 0; a < 3; a++) {
    g->n[a]  = v->n[a];
    g->lo[a] = 0;
    g->hi[a] = v->h[a] * (double)v->n[a];
  }
  g->field[0]   = "phase";
  g->dataset[0] = "/field/phase";
  g->ncomp[0]   = 1;
  for (int f = 0; f < HOMOGENIZE_MAX_FIELDS; f++) {
    if (!fields->wanted[f]) continue;
    g->field[g->nfield]   = HomogenizeField[physics][f].name;
    g->dataset[g->nfield] = v->dataset[physics][f];
    g->ncomp[g->nfield++] = HomogenizeField[physics][f].ncomp;
  }
  PetscFunctionReturn(0);
}

// Ranks of the group write their planes of the whole cell, the others none. All ranks learn what fields there are, for the collective calls.
PetscErrorCode HomogenizeWriteFields(SnaModel model, SnaFile file)
{
  Homogenize *v  = (Homogenize *)model->data;
  PetscInt    z0 = 0, nz = 0;
  PetscBool   phase = PETSC_FALSE;

  PetscFunctionBeginUser;
  v->ngrid = 0;
  if (v->voxels) {
    z0 = v->voxels->z0;
    nz = v->voxels->nz;
  }
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    HomogenizeFields *fields = &v->fields[p];
    PetscCallMPI(MPI_Bcast(&fields->taken, 1, MPIU_BOOL, 0, model->comm));
    if (!fields->taken) continue;
    if (!phase)
      PetscCall(
        SnaFileWriteGrid(file, "/field/phase", v->n, z0, nz, 1, SNA_GRID_BYTE, v->voxels ? v->voxels->phase : NULL));
    phase = PETSC_TRUE;
    for (int f = 0; f < HOMOGENIZE_MAX_FIELDS; f++) {
      const SnaCellField *field = &HomogenizeField[p][f];
      char               *path  = v->dataset[p][f];
      if (!fields->wanted[f]) continue;
      PetscCall(PetscSNPrintf(path, sizeof(v->dataset[p][f]), "/field/%s/%s", HomogenizePhysicsName[p], field->name));
      PetscCall(SnaFileWriteGrid(file, path, v->n, z0, nz, field->ncomp, SNA_GRID_FLOAT, fields->data[f]));
    }
    PetscCall(DescribeGrid(v, (SnaPhysics)p));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Pictures
// ---------------------------------------------------------------------------------------------------------------------
// One number of a field's voxel: a scalar itself, of a vector its length.
static double Scalar(const float *data, PetscInt ncomp, size_t layer, size_t at)
{
  double square = 0;

  if (ncomp == 1) return data[at];
  for (PetscInt c = 0; c < ncomp; c++)
    square += (double)data[(size_t)c * layer + at] * (double)data[(size_t)c * layer + at];
  return PetscSqrtReal(square);
}

PetscErrorCode HomogenizePicture(SnaModel model, PetscInt max, SnaModelPicture *picture)
{
  Homogenize              *v                   = (Homogenize *)model->data;
  static const char *const shown[SNA_NPHYSICS] = {"energy", "flux", "speed"};
  const SnaCellField      *offered;
  PetscInt                 nfield, step[3], which = 0;
  float                   *data;
  size_t                   points, layer;
  PetscMPIInt              rank;

  PetscFunctionBeginUser;
  PetscCheck(v->cell, PETSC_COMM_SELF, PETSC_ERR_ORDER, "pictures are there while the monitor of a load's end runs");
  PetscCallMPI(MPI_Comm_rank(v->image->comm, &rank));
  PetscCall(SnaCellGetFields(v->cell, &nfield, &offered));
  for (PetscInt f = 0; f < nfield; f++)
    if (!strcmp(offered[f].name, shown[v->physics])) which = f;
  layer = (size_t)v->image->n[0] * (size_t)v->image->n[1];
  PetscCall(PetscMalloc1((size_t)v->image->nz * layer * (size_t)offered[which].ncomp, &data));
  PetscCall(SnaCellGetField(v->cell, which, data));
  PetscCall(PetscMemzero(picture, sizeof(*picture)));
  picture->name     = HomogenizePhysicsName[v->physics]; // one channel per field
  picture->caption  = v->caption;
  picture->nfield   = 2;
  picture->field[0] = shown[v->physics];
  picture->field[1] = "solid";
  points            = 1;
  for (int a = 0; a < 3; a++) { // of the whole cell, whatever the image is
    step[a]        = (v->n[a] + max - 1) / max;
    picture->n[a]  = v->n[a] / step[a];
    picture->lo[a] = v->h[a] * ((double)(step[a] / 2) + 0.5);
    picture->hi[a] = picture->lo[a] + v->h[a] * (double)(step[a] * (picture->n[a] - 1));
    points *= (size_t)picture->n[a];
  }
  for (int f = 0; f < 2; f++) PetscCall(PetscCalloc1(points, &picture->data[f]));
  points = 0;
  for (PetscInt k = 0; k < picture->n[2]; k++)
    for (PetscInt j = 0; j < picture->n[1]; j++)
      for (PetscInt i = 0; i < picture->n[0]; i++, points++) {
        PetscInt x[3] = {i, j, k};
        for (int a = 0; a < 3; a++) {
          x[a] = x[a] * step[a] + step[a] / 2;
          if (x[a] >= v->image->n[a]) x[a] = 2 * v->image->n[a] - 1 - x[a];
        }
        if (x[2] < v->image->z0 || x[2] >= v->image->z0 + v->image->nz) continue;
        const size_t at          = (size_t)x[1] * (size_t)v->image->n[0] + (size_t)x[0],
                     base        = (size_t)(x[2] - v->image->z0) * layer;
        const uint8_t phase      = v->image->phase[base + at];
        picture->data[0][points] = Scalar(data + base * (size_t)offered[which].ncomp, offered[which].ncomp, layer, at);
        for (PetscInt p = 0; p < v->spec.nphase; p++)
          if (v->spec.phase[p].value == phase)
            picture->data[1][points] = v->physics == SNA_PERMEABILITY ? !v->spec.phase[p].fluid
                                       : v->physics == SNA_ELASTICITY ? v->spec.phase[p].C[0][0] > 0
                                                                      : v->spec.phase[p].k[0][0] > 0;
      }
  for (int f = 0; f < 2; f++) {
    PetscCallMPI(MPI_Reduce(rank ? picture->data[f] : MPI_IN_PLACE, picture->data[f], (PetscMPIInt)points, MPI_DOUBLE,
      MPI_SUM, 0, v->image->comm));
    if (rank) PetscCall(PetscFree(picture->data[f]));
  }
  PetscCall(PetscFree(data));
  PetscFunctionReturn(0);
}
