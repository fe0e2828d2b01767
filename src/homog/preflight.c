// preflight.c - what of a cell's properties is known without solving, and which loads remain.
//
// Let S be the set of voxels that carry (stiffness, conductivity, fluid).
//   elasticity     S does not percolate along axis a: the fluctuation -e_ab x_a, unwrapped along S, is periodic on S, so every load with an index a
//                  has energy 0: rows and columns 11 and 12, 13 for a = 1, and so on
//   conductivity   the same: row and column a are 0            permeability   no flow along a: row and column a are 0
// Contacts of S by edges and corners carry in the discretisation but not in the material: percolation goes by faces, and hinges are counted and told.
//
// Symmetry: the octant stands for a cell with three mirrors of image and materials; with cubic symmetry one normal and one shear load tell all.
#include "homogenize_impl.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char axis_name[]            = "xyz";
const int         SnaHomogLoadAxes[6][2] = {{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}};

void SnaHomogNote(SnaHomogResult *result, const char format[], ...)
{
  va_list args;

  if (result->nnote == 8) return;
  va_start(args, format);
  vsnprintf(result->note[result->nnote++], sizeof(result->note[0]), format, args);
  va_end(args);
}

// ---------------------------------------------------------------------------------------------------------------------
// Materials and symmetry
// ---------------------------------------------------------------------------------------------------------------------
static PetscBool IsVoid(const SnaPhase *phase, SnaPhysics physics)
{
  if (physics == SNA_PERMEABILITY) return (PetscBool)!phase->fluid;
  for (int i = 0; i < 6 && physics == SNA_ELASTICITY; i++)
    for (int j = 0; j < 6; j++)
      if (phase->C[i][j] != 0) return PETSC_FALSE;
  for (int i = 0; i < 3 && physics == SNA_CONDUCTIVITY; i++)
    for (int j = 0; j < 3; j++)
      if (phase->k[i][j] != 0) return PETSC_FALSE;
  return PETSC_TRUE;
}

void SnaHomogMembers(const SnaHomogSpec *spec, SnaPhysics physics, PetscBool member[256])
{
  for (int v = 0; v < 256; v++) member[v] = PETSC_FALSE;
  for (PetscInt p = 0; p < spec->nphase; p++)
    member[spec->phase[p].value] = (PetscBool)!IsVoid(&spec->phase[p], physics);
}

// What is neither solid nor void decides by the physics at hand: with elasticity the stiffness, else the fluid, else the conductivity.
static SnaPhysics SolidBy(const SnaHomogTask *task)
{
  return task->physics[SNA_ELASTICITY]     ? SNA_ELASTICITY
         : task->physics[SNA_PERMEABILITY] ? SNA_PERMEABILITY
                                           : SNA_CONDUCTIVITY;
}

static PetscBool Equal(double a, double b, double scale)
{
  return (PetscBool)(fabs(a - b) <= 1e-12 * scale);
}

// Are the tensors of a phase unchanged by mirrors; and by permutations of the axes?
static void PhaseSymmetry(const SnaPhase *phase, PetscBool *mirrors, PetscBool *cubic)
{
  double zeros, triples;

  SnaTensorChecks(phase->C, &zeros, &triples);
  *mirrors           = (PetscBool)(zeros <= 1e-12);
  *cubic             = (PetscBool)(triples <= 1e-12);
  const double scale = fabs(phase->k[0][0]);
  for (int i = 0; i < 3; i++) {
    if (!Equal(phase->k[i][i], phase->k[0][0], scale)) *cubic = PETSC_FALSE;
    for (int j = 0; j < i; j++)
      if (!Equal(phase->k[i][j], 0, scale) || !Equal(phase->k[j][i], 0, scale)) *mirrors = PETSC_FALSE;
  }
}

PetscErrorCode SnaHomogSymmetry(
  SnaVoxels voxels, const SnaHomogSpec *spec, PetscBool mirrors[3], PetscBool *octant, PetscBool *cubic)
{
  PetscBool same_axes;

  PetscFunctionBeginUser;
  PetscCall(SnaVoxelsSymmetry(voxels, mirrors, &same_axes));
  *octant = (PetscBool)(mirrors[0] && mirrors[1] && mirrors[2]);
  *cubic  = (PetscBool)(same_axes && Equal(voxels->h[0], voxels->h[1], voxels->h[0]) &&
                       Equal(voxels->h[0], voxels->h[2], voxels->h[0]));
  for (PetscInt p = 0; p < spec->nphase; p++) {
    PetscBool mirror, permute;
    PhaseSymmetry(&spec->phase[p], &mirror, &permute);
    *octant = (PetscBool)(*octant && mirror);
    *cubic  = (PetscBool)(*cubic && mirror && permute);
  }
  for (int a = 0; a < 3; a++) *octant = (PetscBool)(*octant && voxels->n[a] % 2 == 0);
  PetscFunctionReturn(0);
}

// Solutions that are kept at most: all but the last of those that couple.
static PetscInt Kept(const SnaHomogTask *task, SnaPhysics physics, PetscBool octant)
{
  PetscInt n = 0;

  if (task->lean || physics == SNA_PERMEABILITY || (octant && physics == SNA_CONDUCTIVITY)) return 0;
  for (PetscInt l = 0; l < (octant ? 3 : SnaHomogLoads(physics)); l++) n += task->load[physics][l] ? 1 : 0;
  return PetscMax(0, n - 1);
}

double SnaHomogMemory(const PetscInt n[3], PetscBool octant, const SnaHomogTask *task, PetscMPIInt size)
{
  const double voxels  = (double)n[0] * (double)n[1] * (double)((n[2] + size - 1) / size);
  PetscInt     part[3] = {n[0], n[1], n[2]};
  double       largest = 0;

  for (int a = 0; a < 3 && octant; a++) part[a] = n[a] / 2;
  for (int p = 0; p < SNA_NPHYSICS; p++)
    if (task->physics[p]) {
      const PetscInt kept = Kept(task, (SnaPhysics)p, octant);
      largest             = PetscMax(largest, SnaCellMemory(part, octant, (SnaPhysics)p, size, kept));
    }
  // The image, one more of a part or with filled pores; connectivity labels 9 bytes per voxel before any cell is there.
  return PetscMax(voxels * (octant ? 1.25 : 2) + largest, 10 * voxels);
}

// ---------------------------------------------------------------------------------------------------------------------
// Pre-flight: what is zero, what has to be solved
// ---------------------------------------------------------------------------------------------------------------------
static const char *SetName(SnaPhysics physics)
{
  static const char *const name[] = {"solid", "conducting phase", "fluid"};
  return name[physics];
}

static const char *Letter(SnaPhysics physics)
{
  static const char *const letter[] = {"C", "sigma", "k"};
  return letter[physics];
}

// `before`: this very set has been looked at for elasticity.
static PetscErrorCode Connect(Homog *h, SnaPhysics physics, SnaVoxelsComponents *c, PetscBool *before)
{
  PetscBool        member[256], other[256], same = PETSC_TRUE, whole = PETSC_TRUE;
  const PetscInt64 all = (PetscInt64)h->voxels->n[0] * h->voxels->n[1] * h->voxels->n[2];

  PetscFunctionBeginUser;
  SnaHomogMembers(h->spec, physics, member);
  SnaHomogMembers(h->spec, SNA_ELASTICITY, other);
  for (int v = 0; v < 256; v++) {
    whole = (PetscBool)(whole && (member[v] || !h->count[v]));
    same  = (PetscBool)(same && (member[v] == other[v] || !h->count[v]));
  }
  *before = (PetscBool)(same && physics == SNA_CONDUCTIVITY && h->task->physics[SNA_ELASTICITY]);
  if (*before)
    *c = h->result->solid;
  else if (whole)
    *c = (SnaVoxelsComponents){
      .count = 1, .voxels = all, .largest = all, .percolates = {PETSC_TRUE, PETSC_TRUE, PETSC_TRUE}};
  else
    PetscCall(SnaVoxelsConnect(h->voxels, member, PETSC_FALSE, (PetscBool)(physics != SNA_PERMEABILITY), c));
  PetscFunctionReturn(0);
}

static void NoteComponents(Homog *h, SnaPhysics physics, const SnaVoxelsComponents *c, PetscBool before)
{
  char axes[16] = "", terms[64] = "";

  if (c->voxels == 0) {
    SnaHomogNote(h->result, "no voxel is %s: %s = 0",
      physics == SNA_ELASTICITY     ? "stiff"
      : physics == SNA_CONDUCTIVITY ? "conducting"
                                    : "fluid",
      Letter(physics));
    return;
  }
  for (int a = 0; a < 3; a++) {
    if (c->percolates[a]) continue;
    const size_t la = strlen(axes), lt = strlen(terms);
    snprintf(axes + la, sizeof(axes) - la, "%s%c", la ? ", " : "", axis_name[a]);
    snprintf(terms + lt, sizeof(terms) - lt, "%s%s%d%d", lt ? " = " : "", Letter(physics), a + 1, a + 1);
  }
  if (axes[0])
    SnaHomogNote(h->result, "the %s does not percolate along %s: %s = 0%s", SetName(physics), axes, terms,
      physics == SNA_ELASTICITY ? ", and the shear terms with these axes" : "");
  if (before) return; // islands and hinges have been told
  if (c->inert > 0)
    SnaHomogNote(h->result, "%" PetscInt64_FMT " voxels of the %s lie in %s that carry nothing%s", c->inert,
      SetName(physics), physics == SNA_PERMEABILITY ? "closed pores" : "islands",
      physics == SNA_PERMEABILITY ? "; they are filled with solid" : "");
  if (c->hinges > 0)
    SnaHomogNote(h->result,
      "voxels of the %s touch at %" PetscInt64_FMT
      " edges or corners without a face between them: hinges that resist in the discretisation alone",
      SetName(physics), c->hinges);
}

static void MarkZeros(SnaTensor *t, SnaPhysics physics, const SnaVoxelsComponents *c)
{
  for (PetscInt l = 0; l < SnaHomogLoads(physics); l++)
    t->zero[l] = (PetscBool)(!c->percolates[SnaHomogLoadAxes[l][0]] || !c->percolates[SnaHomogLoadAxes[l][1]]);
}

static void AddSolve(Homog *h, SnaPhysics physics, PetscInt variant, PetscInt load)
{
  // time of one load to the default accuracy: measured on frames and void spheres
  static const double work[] = {1, 0.2, 2};
  const SnaTensor    *t      = &h->result->tensor[physics];

  if (t->zero[load]) return;
  if (!t->done[variant][load]) h->solve[h->nsolve++] = (Solve){physics, variant, load, work[physics]};
  h->work += work[physics];
  if (t->done[variant][load]) h->work_done += work[physics];
}

// The loads of one physics, once t->zero stands.
static void Plan(Homog *h, SnaPhysics physics)
{
  const PetscBool *asked = h->task->load[physics];
  PetscBool        load[6];

  for (PetscInt l = 0; l < 6; l++) load[l] = (PetscBool)(l < SnaHomogLoads(physics) && asked[l]);
  if (h->cubic) {
    const PetscBool normal = (PetscBool)(load[0] || load[1] || load[2]),
                    shear  = (PetscBool)(load[3] || load[4] || load[5]);
    for (PetscInt l = 0; l < 6; l++) load[l] = (PetscBool)(l == 0 ? normal : l == 3 ? shear : PETSC_FALSE);
  } else if (physics == SNA_PERMEABILITY && !h->diagonal && (load[0] || load[1] || load[2])) {
    if (!(load[0] && load[1] && load[2]))
      SnaHomogNote(h->result, "without three mirrors the permeability needs every axis: all are solved");
    for (PetscInt l = 0; l < 3; l++) load[l] = PETSC_TRUE;
  }
  for (PetscInt variant = 0; variant < (physics == SNA_PERMEABILITY ? 2 : 1); variant++)
    for (PetscInt l = 0; l < SnaHomogLoads(physics); l++)
      if (load[l]) AddSolve(h, physics, variant, l);
}

// Which phases there are, and how much of the cell is solid.
static PetscErrorCode CountPhases(Homog *h)
{
  const SnaPhysics solid = SolidBy(h->task);
  PetscBool        member[256], known[256] = {PETSC_FALSE};
  PetscInt64       stiff   = 0;
  PetscInt         present = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaVoxelsCount(h->voxels, h->count));
  for (PetscInt p = 0; p < h->spec->nphase; p++) {
    const uint8_t v = h->spec->phase[p].value;
    known[v]        = PETSC_TRUE;
    if (!h->count[v]) continue;
    h->alone = h->spec->phase[p];
    present++;
  }
  h->one_phase = (PetscBool)(present == 1);
  SnaHomogMembers(h->spec, solid, member);
  for (int v = 0; v < 256; v++) {
    PetscCheck(known[v] || !h->count[v], h->voxels->comm, PETSC_ERR_ARG_WRONG,
      "the image holds the value %d, which no phase has", v);
    if (member[v] != (solid == SNA_PERMEABILITY)) stiff += h->count[v];
  }
  h->result->volume_fraction =
    (double)stiff / ((double)h->voxels->n[0] * (double)h->voxels->n[1] * (double)h->voxels->n[2]);
  PetscFunctionReturn(0);
}

static PetscErrorCode ChooseSymmetry(Homog *h)
{
  SnaHomogResult *result = h->result;
  const PetscBool use    = (PetscBool)(h->task->symmetry != SNA_SYMMETRY_NONE);
  PetscBool       octant;

  PetscFunctionBeginUser;
  PetscCall(SnaHomogSymmetry(h->voxels, h->spec, result->mirrors, &octant, &result->cubic));
  PetscCheck(octant || h->task->symmetry != SNA_SYMMETRY_OCTANT, h->voxels->comm, PETSC_ERR_ARG_WRONG,
    "the octant was asked for, and the cell is not its own mirror image with even numbers of voxels");
  h->octant = result->octant = (PetscBool)(use && octant);
  h->diagonal                = (PetscBool)(use && result->mirrors[0] && result->mirrors[1] && result->mirrors[2]);
  h->cubic                   = (PetscBool)(h->task->cubic && result->cubic && h->task->symmetry == SNA_SYMMETRY_AUTO);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaHomogPreflight(Homog *h)
{
  SnaHomogResult *result = h->result;

  PetscFunctionBeginUser;
  PetscCall(CountPhases(h));
  PetscCall(ChooseSymmetry(h));
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    const SnaPhysics    physics = (SnaPhysics)p;
    SnaTensor          *t       = &result->tensor[p];
    SnaVoxelsComponents c;
    PetscBool           before;

    t->stopped = PETSC_FALSE;
    for (int v = 0; v < 2; v++)
      for (int l = 0; l < 6; l++) t->done[v][l] = (PetscBool)(t->done[v][l] && t->outcome[v][l].converged);
    if (!h->task->physics[p]) continue;
    PetscCall(Connect(h, physics, &c, &before));
    NoteComponents(h, physics, &c, before);
    if (physics == SNA_PERMEABILITY) {
      result->fluid = c;
      h->fill       = (PetscBool)(c.inert > 0);
    } else if (physics == SNA_ELASTICITY || !h->task->physics[SNA_ELASTICITY])
      result->solid = c;
    MarkZeros(t, physics, &c);
    if (!h->one_phase)
      Plan(h, physics);
    else if (physics == SNA_PERMEABILITY && h->alone.fluid)
      SnaHomogNote(result, "the cell is all fluid: nothing resists, the permeability is infinite and left out");
  }
  PetscFunctionReturn(0);
}
