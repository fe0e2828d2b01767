// homogenize_results.c - from the tensors to result lines, and to the file, from which a run goes on.
//
//   /homogenize/C, sigma, k, k_wall, k_nowall      6 x 6 and 3 x 3 numbers, nan in columns that were not asked for
//   /homogenize/refined/...                        the same with every voxel cut in 8
//   /homogenize/loads                              one row per load that is done: the numbers behind the tensors, which a restart takes over
//
// Discretisation error: the elements and the steps at walls are of first order in the voxel's edge, so that with the tensor T_h of the image and T_h/2 of its
// refinement 2 T_h/2 - T_h is the better value, and its distance from T_h, relative, is reported as the error of T_h.
#include "homogenize.h"
#include <math.h>

enum {
  STAGE,
  PHYSICS,
  VARIANT,
  LOAD,
  ITERATIONS,
  RESIDUAL,
  ERROR,
  CONVERGED,
  BREAKDOWN,
  SECONDS,
  MEAN,
  NCOLUMN = MEAN + 6
};
static const char columns[] = "stage,physics,variant,load,iterations,residual,error,converged,breakdown,seconds,mean_1,"
                              "mean_2,mean_3,mean_4,mean_5,mean_6";

#define NTENSOR 5
typedef struct {
  const char *name, *suffix; // result lines: name, index, suffix
  SnaPhysics  physics;
  int         n;
} Tensor;
static const Tensor tensors[NTENSOR] = {{"C", "", SNA_ELASTICITY, 6}, {"sigma", "", SNA_CONDUCTIVITY, 3},
  {"k", "", SNA_PERMEABILITY, 3}, {"k", "_wall", SNA_PERMEABILITY, 3}, {"k", "_nowall", SNA_PERMEABILITY, 3}};

static double Entry(const SnaHomogResult *result, int which, int i, int j)
{
  const SnaTensor *t = &result->tensor[tensors[which].physics];

  return which == 2 ? t->mean[i][j] : which == 4 ? t->open[i][j] : t->value[i][j];
}

// C15 is row 1, column 5 in Voigt order; k13 the component of the tensor.
static PetscErrorCode Name(int which, int i, int j, const char more[], size_t size, char name[])
{
  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(name, size, "%s%d%d%s%s", tensors[which].name, i + 1, j + 1, tensors[which].suffix, more));
  PetscFunctionReturn(0);
}

// Rows and columns of the terms that are reported: all of the upper triangle of C; 11, 22, 33, 23, 13, 12 of the others.
static const int upper6[21][2] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}, {1, 1}, {1, 2}, {1, 3}, {1, 4},
  {1, 5}, {2, 2}, {2, 3}, {2, 4}, {2, 5}, {3, 3}, {3, 4}, {3, 5}, {4, 4}, {4, 5}, {5, 5}};
static const int upper3[6][2]  = {{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}};

PetscErrorCode HomogenizeTerms(
  const Homogenize *v, const SnaHomogResult *result, PetscInt *n, char name[][40], double value[])
{
  PetscFunctionBeginUser;
  *n = 0;
  for (int which = 0; which < NTENSOR; which++) {
    const SnaPhysics physics = tensors[which].physics;
    if (!v->task.physics[physics]) continue;
    for (int e = 0; e < (tensors[which].n == 6 ? 21 : 6); e++) {
      const int *ij = tensors[which].n == 6 ? upper6[e] : upper3[e];
      PetscCall(Name(which, ij[0], ij[1], "", 40, name[*n]));
      if (result) {
        const PetscBool *solved = result->tensor[physics].solved;
        value[*n]               = solved[ij[0]] || solved[ij[1]] ? Entry(result, which, ij[0], ij[1]) : NAN;
      }
      ++*n;
    }
  }
  PetscFunctionReturn(0);
}

// Of the diagonal terms, and of the whole tensor in the Frobenius norm.
static PetscErrorCode AddDiscretisationError(const Homogenize *v, int which, SnaResults results)
{
  const Tensor    *tensor = &tensors[which];
  const SnaTensor *t      = &v->result[0].tensor[tensor->physics];
  char             name[64];
  double           difference = 0, norm = 0;

  PetscFunctionBeginUser;
  for (int i = 0; i < tensor->n; i++)
    for (int j = 0; j < tensor->n; j++) {
      const double coarse = Entry(&v->result[0], which, i, j), fine = Entry(&v->result[1], which, i, j),
                   best = 2 * fine - coarse;
      if (!t->solved[i] && !t->solved[j]) continue;
      difference += (best - coarse) * (best - coarse);
      norm += best * best;
      if (i != j || t->zero[i]) continue;
      PetscCall(Name(which, i, i, "_fine", sizeof(name), name));
      PetscCall(SnaResultsAdd(results, name, fine));
      PetscCall(Name(which, i, i, "_extrapolated", sizeof(name), name));
      PetscCall(SnaResultsAdd(results, name, best));
      PetscCall(PetscSNPrintf(name, sizeof(name), "discretisation_error_%s%d%d", tensor->name, i + 1, i + 1));
      PetscCall(SnaResultsAdd(results, name, coarse == best ? 0 : fabs(coarse - best) / fabs(best)));
    }
  PetscCall(PetscSNPrintf(name, sizeof(name), "discretisation_error_%s", HomogenizePhysicsName[tensor->physics]));
  PetscCall(SnaResultsAdd(results, name, difference == 0 ? 0 : sqrt(difference / norm)));
  PetscFunctionReturn(0);
}

static PetscBool AllSolved(const SnaTensor *t)
{
  for (int l = 0; l < 6; l++)
    if (!t->solved[l]) return PETSC_FALSE;
  return PETSC_TRUE;
}

// Young's moduli E_a = 1/S_aa and Poisson's ratios nu_ab = -S_ba/S_aa from uniaxial stress; Zener's 2 C44/(C11 - C12).
static PetscErrorCode AddModuli(const double C[6][6], SnaResults results)
{
  const PetscBool given[6] = {PETSC_FALSE};

  PetscFunctionBeginUser;
  for (int a = 0; a < 3; a++) {
    double    strain[6] = {0}, stress[6] = {0};
    char      name[16];
    PetscBool ok;
    stress[a] = 1;
    PetscCall(SnaTensorMixed(C, given, strain, stress, &ok));
    if (!ok) PetscFunctionReturn(0);
    PetscCall(PetscSNPrintf(name, sizeof(name), "E%d", a + 1));
    PetscCall(SnaResultsAdd(results, name, 1 / strain[a]));
    for (int b = a + 1; b < 3; b++) {
      PetscCall(PetscSNPrintf(name, sizeof(name), "nu%d%d", a + 1, b + 1));
      PetscCall(SnaResultsAdd(results, name, -strain[b] / strain[a]));
    }
  }
  PetscCall(SnaResultsAdd(results, "zener", 2 * C[3][3] / (C[0][0] - C[0][1])));
  PetscFunctionReturn(0);
}

// What symmetry makes zero or equal, where it was computed: on an octant the zeros follow from the mirrors themselves.
static PetscErrorCode AddChecks(const Homogenize *v, SnaResults results)
{
  const SnaHomogResult *result = &v->result[0];
  const SnaTensor      *t      = &result->tensor[SNA_ELASTICITY];
  double                zeros, triples;
  PetscBool             all = PETSC_TRUE;

  PetscFunctionBeginUser;
  SnaTensorChecks((const double(*)[6])t->value, &zeros, &triples);
  for (int l = 0; l < 6; l++) all = (PetscBool)(all && (t->done[0][l] || t->zero[l]));
  if (!all) PetscFunctionReturn(0);
  if (v->octant && !result->octant) PetscCall(SnaResultsAdd(results, "check_zeros", zeros));
  if (result->cubic) PetscCall(SnaResultsAdd(results, "check_triples", triples));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeFindState(Homogenize *v)
{
  const SnaTensor *t = &v->result[0].tensor[SNA_ELASTICITY];
  double           strain[6], stress[6];

  PetscFunctionBeginUser;
  PetscCall(PetscArraycpy(strain, v->strain, 6));
  PetscCall(PetscArraycpy(stress, v->stress, 6));
  v->state_known = PETSC_FALSE;
  if (!AllSolved(t)) PetscFunctionReturn(0);
  PetscCall(SnaTensorMixed((const double(*)[6])t->value, v->strain_given, strain, stress, &v->state_known));
  if (!v->state_known) PetscFunctionReturn(0);
  PetscCall(PetscArraycpy(v->strain, strain, 6));
  PetscCall(PetscArraycpy(v->stress, stress, 6));
  PetscFunctionReturn(0);
}

static PetscErrorCode AddState(SnaModel model, SnaResults results)
{
  Homogenize *v      = (Homogenize *)model->data;
  double      energy = 0;
  char        name[16];

  PetscFunctionBeginUser;
  PetscCall(HomogenizeFindState(v));
  if (!v->state_known) {
    PetscCall(PetscPrintf(
      model->comm, "  note: the cell does not resist the macroscopic state: no strain answers the given stresses\n"));
    PetscFunctionReturn(0);
  }
  for (int i = 0; i < 6; i++) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "strain%s", HomogenizeIndex[i]));
    PetscCall(SnaResultsAdd(results, name, v->strain[i]));
  }
  for (int i = 0; i < 6; i++) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "stress%s", HomogenizeIndex[i]));
    PetscCall(SnaResultsAdd(results, name, v->stress[i]));
    energy += 0.5 * v->strain[i] * v->stress[i];
  }
  PetscCall(SnaResultsAdd(results, "energy", energy));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeAddResults(SnaModel model, SnaResults results)
{
  Homogenize           *v          = (Homogenize *)model->data;
  const SnaHomogResult *result     = &v->result[0];
  PetscInt              iterations = 0;
  double                voxels = 0, seconds = 0;
  PetscBool             converged = PETSC_TRUE;
  PetscInt              n;
  char                  name[64], term[HOMOGENIZE_MAX_COLUMNS][40];
  double                value[HOMOGENIZE_MAX_COLUMNS];

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < result->nnote; i++) PetscCall(PetscPrintf(model->comm, "  note: %s\n", result->note[i]));
  PetscCall(SnaResultsAdd(results, "volume_fraction", result->volume_fraction));
  for (PetscInt p = 0; p < v->spec.nphase; p++) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "fraction_%s", v->spec.phase[p].name));
    PetscCall(SnaResultsAdd(
      results, name, (double)v->count[v->spec.phase[p].value] / ((double)v->n[0] * (double)v->n[1] * (double)v->n[2])));
  }
  PetscCall(HomogenizeTerms(v, result, &n, term, value));
  for (PetscInt i = 0; i < n; i++)
    if (!isnan(value[i])) PetscCall(SnaResultsAdd(results, term[i], value[i]));
  if (v->task.physics[SNA_ELASTICITY]) {
    const SnaTensor *t = &result->tensor[SNA_ELASTICITY];
    if (AllSolved(t)) PetscCall(AddModuli((const double(*)[6])t->value, results));
    PetscCall(AddChecks(v, results));
    if (v->macroscopic) PetscCall(AddState(model, results));
  }
  for (int which = 0; which < 3 && v->refine == 2; which++)
    if (v->task.physics[tensors[which].physics]) PetscCall(AddDiscretisationError(v, which, results));
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    if (!v->task.physics[p]) continue;
    PetscCall(PetscSNPrintf(name, sizeof(name), "error_%s", HomogenizePhysicsName[p]));
    PetscCall(SnaResultsAdd(results, name, result->tensor[p].error));
    PetscCall(PetscSNPrintf(name, sizeof(name), "iterations_%s", HomogenizePhysicsName[p]));
    PetscCall(SnaResultsAdd(results, name, (double)result->tensor[p].iterations));
    for (int stage = 0; stage < v->refine; stage++) {
      const SnaTensor *t = &v->result[stage].tensor[p];
      iterations += t->iterations;
      voxels += t->voxel_iterations;
      seconds += t->seconds;
      converged = (PetscBool)(converged && t->converged);
    }
  }
  PetscCall(SnaResultsAdd(results, "iterations", (double)iterations));
  PetscCall(SnaResultsAdd(results, "voxel_iterations_per_second", seconds > 0 ? voxels / seconds : 0));
  PetscCall(SnaResultsAdd(results, "seconds", seconds));
  PetscCall(SnaResultsAdd(results, "octant", result->octant));
  PetscCall(SnaResultsAdd(results, "converged", converged));
  PetscCall(SnaResultsAdd(results, "memory_estimate_mb", v->memory / 1048576.0));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode WriteTensors(const Homogenize *v, const SnaHomogResult *result, const char folder[], SnaFile file)
{
  static const char *const unit[] = {
    "that of the moduli of the phases", "that of the conductivities of the phases", "unit of length squared"};

  PetscFunctionBeginUser;
  for (int which = 0; which < NTENSOR; which++) {
    const Tensor    *tensor  = &tensors[which];
    const SnaTensor *t       = &result->tensor[tensor->physics];
    const PetscInt   dims[2] = {tensor->n, tensor->n};
    double           data[36];
    char             name[128];
    if (!v->task.physics[tensor->physics]) continue;
    for (int i = 0; i < tensor->n; i++)
      for (int j = 0; j < tensor->n; j++)
        data[i * tensor->n + j] = t->solved[i] || t->solved[j] ? Entry(result, which, i, j) : NAN;
    PetscCall(PetscSNPrintf(name, sizeof(name), "%s/%s%s", folder, tensor->name, tensor->suffix));
    PetscCall(SnaFileWriteArray(file, name, 2, dims, data));
    PetscCall(SnaFileWriteAttributeText(file, name, "units", unit[tensor->physics]));
    if (tensor->n == 6) PetscCall(SnaFileWriteAttributeText(file, name, "order", "11,22,33,23,13,12"));
    PetscCall(SnaFileWriteAttributeReal(file, name, "converged", t->converged));
    PetscCall(SnaFileWriteAttributeReal(file, name, "error", t->error));
    PetscCall(SnaFileWriteAttributeReal(file, name, "residual", t->residual));
    PetscCall(SnaFileWriteAttributeReal(file, name, "iterations", (double)t->iterations));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteNotes(const SnaHomogResult *result, SnaFile file)
{
  char text[8 * 258] = "";

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < result->nnote; i++) {
    PetscCall(PetscStrlcat(text, result->note[i], sizeof(text)));
    PetscCall(PetscStrlcat(text, "\n", sizeof(text)));
  }
  PetscCall(SnaFileWriteText(file, "/homogenize/notes", text));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeWriteState(SnaModel model, SnaFile file)
{
  Homogenize *v = (Homogenize *)model->data;
  double      rows[2 * SNA_NPHYSICS * 12][NCOLUMN];
  PetscInt    dims[2] = {0, NCOLUMN};

  PetscFunctionBeginUser;
  for (int stage = 0; stage < v->refine; stage++)
    for (int p = 0; p < SNA_NPHYSICS; p++)
      for (int variant = 0; variant < 2; variant++)
        for (int load = 0; load < 6; load++) {
          const SnaTensor   *t   = &v->result[stage].tensor[p];
          const SnaCellLoad *o   = &t->outcome[variant][load];
          double            *row = rows[dims[0]];
          if (!t->done[variant][load]) continue;
          dims[0]++;
          row[STAGE]      = stage;
          row[PHYSICS]    = p;
          row[VARIANT]    = variant;
          row[LOAD]       = load;
          row[ITERATIONS] = (double)o->iterations;
          row[RESIDUAL]   = o->residual;
          row[ERROR]      = o->error;
          row[CONVERGED]  = o->converged;
          row[BREAKDOWN]  = o->breakdown;
          row[SECONDS]    = o->seconds;
          for (int i = 0; i < 6; i++) row[MEAN + i] = o->mean[i];
        }
  PetscCall(WriteNotes(&v->result[0], file));
  if (dims[0] > 0) {
    PetscCall(SnaFileWriteArray(file, "/homogenize/loads", 2, dims, &rows[0][0]));
    PetscCall(SnaFileWriteAttributeText(file, "/homogenize/loads", "columns", columns));
  }
  if (!v->finished) PetscFunctionReturn(0);
  PetscCall(WriteTensors(v, &v->result[0], "/homogenize", file));
  if (v->refine == 2) PetscCall(WriteTensors(v, &v->result[1], "/homogenize/refined", file));
  PetscCall(SnaFileWriteAttributeReal(file, "/homogenize", "volume_fraction", v->result[0].volume_fraction));
  PetscFunctionReturn(0);
}

static PetscBool IsIndex(double value, PetscInt n)
{
  return (PetscBool)(value >= 0 && value < (double)n && value == floor(value));
}

PetscErrorCode HomogenizeReadState(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  Homogenize *v       = (Homogenize *)model->data;
  PetscInt    dims[4] = {0};
  int         ndim    = 0;
  double     *rows;
  const char *error;
  PetscBool   any, group;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  PetscCall(SnaFileHas(file, "/homogenize/notes", &group));
  PetscCall(SnaFileHas(file, "/homogenize/loads", &any));
  if (any) PetscCall(SnaFileReadArraySize(file, "/homogenize/loads", &ndim, dims));
  if (!group || (any && (ndim != 2 || dims[1] != NCOLUMN)))
    PetscCall(SnaFileSetError(file, "/homogenize is not what a run of `model: homogenize` writes"));
  PetscCall(SnaFileGetError(file, &error));
  PetscCall(PetscCalloc1(PetscMax(1, (size_t)dims[0] * NCOLUMN), &rows));
  if (any && !error) PetscCall(SnaFileReadArray(file, "/homogenize/loads", dims[0] * NCOLUMN, rows));
  for (PetscInt r = 0; any && !error && r < dims[0]; r++) {
    const double *row = rows + r * NCOLUMN;
    if (!IsIndex(row[STAGE], v->refine) || !IsIndex(row[PHYSICS], SNA_NPHYSICS) || !IsIndex(row[VARIANT], 2) ||
        !IsIndex(row[LOAD], 6)) {
      PetscCall(SnaFileSetError(file, "/homogenize/loads: row %" PetscInt_FMT " is no load of this deck", r));
      break;
    }
    SnaTensor   *t                             = &v->result[(int)row[STAGE]].tensor[(int)row[PHYSICS]];
    SnaCellLoad *o                             = &t->outcome[(int)row[VARIANT]][(int)row[LOAD]];
    t->done[(int)row[VARIANT]][(int)row[LOAD]] = PETSC_TRUE;
    o->iterations                              = (PetscInt)row[ITERATIONS];
    o->residual                                = row[RESIDUAL];
    o->error                                   = row[ERROR];
    o->converged                               = (PetscBool)(row[CONVERGED] != 0);
    o->breakdown                               = (PetscBool)(row[BREAKDOWN] != 0);
    o->seconds                                 = row[SECONDS];
    for (int i = 0; i < 6; i++) o->mean[i] = row[MEAN + i];
  }
  PetscCall(PetscFree(rows));
  PetscCall(SnaFileGetError(file, &error));
  if (error) PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
  *ok = (PetscBool)!error;
  PetscFunctionReturn(0);
}
