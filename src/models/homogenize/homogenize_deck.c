// homogenize_deck.c - the keys of `model: homogenize`: the image, the phases, what to compute and how exactly.
//
// Everything that can be told to be wrong without looking at the image is told here, with its line.
#include "homogenize.h"
#include <math.h>
#include <string.h>

#define ANY 1e300

static const SnaOption cell_options[] = {
  {"physics", SNA_OPT_STRINGS, "elasticity", 0, 0, "elasticity, conductivity, permeability; one or several",
    "What to compute: stiffness C (in the unit of the phases), conductivity sigma (likewise), permeability k (unit of "
    "length squared)."},
  {"shape_kind", SNA_OPT_CHOICE, "", 0, 0, SnaVoxelsShapeKinds,
    "A built-in cell; its material is value 1, the rest 0."},
  {"shape_n", SNA_OPT_INTS, "32", 1, 100000, "n or [nx, ny, nz]", "Voxels of the cell."},
  {"shape_radius", SNA_OPT_REAL, "0.4", 0, 10, "in edges of the cell", "spheres, cylinders, tube: radius."},
  {"shape_width", SNA_OPT_REAL, "0.25", 0, 1, "in edges of the cell",
    "frame: width of a bar; prism, duct: side; channel: distance of the walls."},
  {"shape_fraction", SNA_OPT_REAL, "0.5", 0, 1, "0..1",
    "laminate, gyroid, schwarz_p, random: volume fraction of value 1."},
  {"shape_array", SNA_OPT_CHOICE, "sc", 0, 0, "sc|bcc|fcc", "spheres: simple, body-centred or face-centred cubic."},
  {"shape_axis", SNA_OPT_CHOICE, "z", 0, 0, "x|y|z",
    "laminate, channel: normal of the layers; cylinders, prism, checkerboard, duct, tube: their axis."},
  {"shape_sheet", SNA_OPT_BOOL, "false", 0, 0, NULL,
    "gyroid, schwarz_p: a sheet around the surface instead of one side of it."},
  {"shape_seed", SNA_OPT_INT, "1", 0, 2147483647, ">= 0", "random: seed."},
  {"shape_inverse", SNA_OPT_BOOL, "false", 0, 0, NULL, "Exchange values 0 and 1."},
  {"voxels_file", SNA_OPT_STRING, "", 0, 0, "file.npy|.vti|.tif|.h5:/dataset|raw",
    "An image of 8-bit phases instead of a shape; from the working directory or beside the deck."},
  {"voxels_n", SNA_OPT_INTS, "", 1, 100000, "n or [nx, ny, nz]",
    "Voxels of the image: needed for raw files, elsewhere checked against the file."},
  {"voxels_order", SNA_OPT_CHOICE, "x_fastest", 0, 0, "x_fastest|z_fastest", "Raw files: which axis varies fastest."},
  {"voxels_array", SNA_OPT_STRING, "", 0, 0, "name", "vti files: name of the array; absent: the first."},
  {"voxels_threshold", SNA_OPT_REALS, "", -ANY, ANY, "[t1, t2, ...] rising",
    "Grey values become phases: the number of thresholds that are not above the value."},
  {"voxels_cell", SNA_OPT_INT, "", 0, 2147483647, ">= 0", "Which image of a data set with a leading axis of cells."},
  {"voxels_mirror", SNA_OPT_BOOL, "false", 0, 0, NULL,
    "The file holds octants, as model microstructure writes them: the cell is the octant and its mirror images."},
  {"voxels_edge", SNA_OPT_REALS, "", 1e-300, ANY, "h or [hx, hy, hz]",
    "Edges of a voxel in the unit of length, of shapes too; absent: 1/nx, a cell of length 1."},
  {"voxels_length", SNA_OPT_REALS, "", 1e-300, ANY, "L or [Lx, Ly, Lz]",
    "Edges of the cell instead; one number: along x, with cubic voxels."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption phase_options[] = {{"phase", SNA_OPT_NAMES, NULL, 0, 0, "list of names",
                                            "The materials, at most 16; every value of the image is one of them."},
  {"phase_*_value", SNA_OPT_INT, NULL, 0, 255, "0..255", "Value of its voxels in the image."},
  {"phase_*_young", SNA_OPT_REAL, "", 1e-300, ANY, "> 0",
    "Young's modulus; without it and `stiffness` the phase is a void."},
  {"phase_*_poisson", SNA_OPT_REAL, "0.3", -1, 0.5, "-1 < nu < 0.5", "Poisson's ratio."},
  {"phase_*_stiffness", SNA_OPT_REALS, "", -ANY, ANY, "21 numbers",
    "Anisotropic: upper triangle of C row by row, Voigt order 11, 22, 33, 23, 13, 12; instead of young and poisson."},
  {"phase_*_conductivity", SNA_OPT_REALS, "", -ANY, ANY, "1, 3 or 6 numbers",
    "One: isotropic; three: along x, y, z; six: 11, 22, 33, 23, 13, 12. Without it the phase insulates."},
  {"phase_*_flow", SNA_OPT_CHOICE, "", 0, 0, "fluid|solid",
    "For permeability; absent: fluid when the phase has neither stiffness nor conductivity."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption homogenize_options[] = {
  {"homogenize_rtol", SNA_OPT_REALS, "1e-4", 1e-14, 0.5, "one number, or [elasticity, conductivity, permeability]",
    "Stopping: residual in the norm of the preconditioner over that at "
    "the start; permeability: slip over mean velocity."},
  {"homogenize_max_it", SNA_OPT_INT, "1000", 1, 2147483647, ">= 1",
    "Iterations per load; a load that reaches it is not converged (exit code 3)."},
  {"homogenize_load", SNA_OPT_STRINGS, "11, 22, 33, 23, 13, 12, 1, 2, 3", 0, 0,
    "any of 11, 22, 33, 23, 13, 12 and 1, 2, 3",
    "Unit loads to solve: strains (elasticity), and directions (conductivity, permeability). A physics without a load "
    "here solves all of its."},
  {"homogenize_symmetry", SNA_OPT_CHOICE, "auto", 0, 0, "auto|octant|none",
    "Solve one octant of a cell with three mirrors, 8 times cheaper: when it is one, or refuse when it is not, or "
    "never."},
  {"homogenize_cubic", SNA_OPT_BOOL, "false", 0, 0, NULL,
    "Where the axes of the cell may be exchanged, solve one normal and one shear load and take the rest from "
    "symmetry."},
  {"homogenize_refine", SNA_OPT_INT, "1", 1, 2, "1..2",
    "2: solve again with every voxel cut in 8 and report the discretisation error."},
  {"homogenize_macroscopic", SNA_OPT_STRING, "", 0, 0, "\"e11=0.01, s22=0, e23=0\"",
    "A macroscopic state: strains e11 .. e12 (shear: twice the tensor's) and stresses s11 .. s12; what is not named is "
    "a stress of 0."},
  {"homogenize_fields", SNA_OPT_STRINGS, "", 0, 0,
    "all, or any of displacement, strain, stress, energy, potential, gradient, flux, velocity, speed",
    "Fields for the file and ParaView: of the macroscopic state, else of field_load."},
  {"homogenize_field_load", SNA_OPT_STRINGS, "11, 1", 0, 0, "e.g. [23, 1]",
    "Unit load of the fields: a strain, and a direction for conductivity and permeability."},
  {"homogenize_memory", SNA_OPT_REAL, "0", 0, 1e9, "GB",
    "Memory per machine that may be used; 0: what is available. A run that needs more is refused."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption batch_options[] = {
  {"batch_cells", SNA_OPT_STRINGS, "", 0, 0, "all, or [3, 5, 10:19]",
    "Many images of a data set with a leading axis of cells, or of file names with * and ?; one row each in a table."},
  {"batch_ranks", SNA_OPT_INT, "1", 1, 100000, ">= 1", "Ranks that work together on one cell."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

const char *const HomogenizePhysicsName[SNA_NPHYSICS] = {"elasticity", "conductivity", "permeability"};
const char *const HomogenizeIndex[6]                  = {"11", "22", "33", "23", "13", "12"};

int HomogenizeGetTables(int max, const char *title[], const SnaOption *table[])
{
  const char *const      titles[] = {"Homogenisation: the cell", "Homogenisation: phases",
         "Homogenisation: loads and solver", "Homogenisation: many cells", "Homogenisation: a beam of cells",
         "Homogenisation: transforms"};
  const SnaOption *const tables[] = {
    cell_options, phase_options, homogenize_options, batch_options, HomogenizeBeamOptions, SnaFftOptions};
  int n = 0;

  for (; n < 6 && n < max; n++) {
    title[n] = titles[n];
    table[n] = tables[n];
  }
  return n;
}

static PetscInt FindWord(PetscInt n, const char *const words[], const char word[])
{
  for (PetscInt i = 0; i < n; i++)
    if (!strcmp(words[i], word)) return i;
  return -1;
}

// One number stands for three. *n is 0 when the key is absent, and after an error; otherwise 1 or 3.
static PetscErrorCode CheckThree(SnaDeck deck, const char key[], PetscInt *n)
{
  PetscFunctionBeginUser;
  if (*n == 2) {
    PetscCall(SnaDeckError(deck, key, NULL, "give one number, or three: [x, y, z]"));
    *n = 0;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode GetThreeInts(SnaDeck deck, const char key[], PetscInt value[3], PetscBool *given)
{
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetInts(deck, key, NULL, 3, &n, value));
  PetscCall(CheckThree(deck, key, &n));
  if (n == 1) value[1] = value[2] = value[0];
  *given = (PetscBool)(n > 0);
  if (!n) value[0] = value[1] = value[2] = 0;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The image
// ---------------------------------------------------------------------------------------------------------------------
static PetscBool IsOneOf(const char kind[], const char kinds[])
{
  char padded[128], word[64];

  (void)PetscSNPrintf(padded, sizeof(padded), " %s ", kinds);
  (void)PetscSNPrintf(word, sizeof(word), " %s ", kind);
  return (PetscBool)(strstr(padded, word) != NULL);
}

// Only the keys that the kind has are read; another one in the deck is told.
static PetscErrorCode ReadShape(SnaDeck deck, Homogenize *v, const char kind[])
{
  static const struct {
    const char *key, *kinds;
  } rule[]             = {{"shape_radius", "spheres cylinders tube"}, {"shape_width", "frame prism duct channel"},
                {"shape_fraction", "laminate gyroid schwarz_p random"}, {"shape_array", "spheres"},
                {"shape_axis", "laminate channel cylinders prism checkerboard duct tube"}, {"shape_sheet", "gyroid schwarz_p"},
                {"shape_seed", "random"}};
  SnaVoxelsShape *s    = &v->shape;
  const char     *axis = "x";
  PetscBool       given;

  PetscFunctionBeginUser;
  s->kind = kind;
  PetscCall(GetThreeInts(deck, "shape_n", s->n, &given));
  PetscCall(SnaDeckGetBool(deck, "shape_inverse", NULL, &s->inverse));
  for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
    const char *key = rule[i].key;
    PetscCall(SnaDeckHas(deck, key, NULL, &given));
    if (!IsOneOf(kind, rule[i].kinds)) {
      if (given)
        PetscCall(
          SnaDeckError(deck, key, NULL, "a shape of kind %s does not use it; those that do: %s", kind, rule[i].kinds));
    } else if (i < 2)
      PetscCall(SnaDeckGetReal(deck, key, NULL, &s->radius));
    else if (i == 2) {
      PetscCall(SnaDeckGetReal(deck, key, NULL, &s->fraction));
      s->radius = s->fraction; // of a laminate
    } else if (i == 3)
      PetscCall(SnaDeckGetString(deck, key, NULL, &s->array));
    else if (i == 4)
      PetscCall(SnaDeckGetString(deck, key, NULL, &axis));
    else if (i == 5)
      PetscCall(SnaDeckGetBool(deck, key, NULL, &s->sheet));
    else
      PetscCall(SnaDeckGetInt(deck, key, NULL, &s->seed));
  }
  s->axis = axis[0] - 'x';
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadFile(SnaDeck deck, Homogenize *v)
{
  SnaVoxelsFile *f = &v->file;
  const char    *order;
  PetscBool      given;

  PetscFunctionBeginUser;
  PetscCall(GetThreeInts(deck, "voxels_n", f->n, &given));
  PetscCall(SnaDeckGetString(deck, "voxels_order", NULL, &order));
  f->z_fast = (PetscBool)(order[0] == 'z');
  PetscCall(SnaDeckGetString(deck, "voxels_array", NULL, &f->array));
  PetscCall(SnaDeckGetReals(deck, "voxels_threshold", NULL, 16, &f->nthreshold, f->threshold));
  for (PetscInt i = 1; i < f->nthreshold; i++) {
    if (f->threshold[i] > f->threshold[i - 1]) continue;
    PetscCall(SnaDeckError(deck, "voxels_threshold", NULL, "thresholds rise: %g does not lie above %g", f->threshold[i],
      f->threshold[i - 1]));
    break;
  }
  f->cell = -1;
  PetscCall(SnaDeckGetBool(deck, "voxels_mirror", NULL, &f->mirror));
  PetscCall(SnaDeckHas(deck, "voxels_cell", NULL, &given));
  if (given) PetscCall(SnaDeckGetInt(deck, "voxels_cell", NULL, &f->cell));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadImage(SnaDeck deck, Homogenize *v)
{
  const char *kind, *file;
  PetscBool   given, beam;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckHas(deck, "beam_cells", NULL, &beam));
  PetscCall(SnaDeckGetString(deck, "shape_kind", NULL, &kind));
  PetscCall(SnaDeckGetString(deck, "voxels_file", NULL, &file));
  v->from_file = (PetscBool)(file != NULL);
  if (file && kind)
    PetscCall(SnaDeckError(deck, "voxels_file", NULL,
      "the deck has a shape as well, kind %s: leave one out (-shape_kind= takes it back)", kind));
  PetscCall(SnaDeckHas(deck, "shape_kind", NULL, &given)); // a wrong kind has been told
  if (!file && !given && !beam)
    PetscCall(SnaDeckError(deck, "shape_kind", NULL,
      "no cell: give `shape: {kind: ...}` (%s), `voxels: {file: ...}` or `beam: {cells: ...}`", SnaVoxelsShapeKinds));
  if (file) {
    v->file.file = file;
    PetscCall(ReadFile(deck, v));
  } else if (kind)
    PetscCall(ReadShape(deck, v, kind));
  PetscCall(SnaDeckGetReals(deck, "voxels_edge", NULL, 3, &v->nedge, v->edge));
  PetscCall(CheckThree(deck, "voxels_edge", &v->nedge));
  PetscCall(SnaDeckGetReals(deck, "voxels_length", NULL, 3, &v->nlength, v->length));
  PetscCall(CheckThree(deck, "voxels_length", &v->nlength));
  if (v->nedge && v->nlength)
    PetscCall(SnaDeckError(deck, "voxels_length", NULL, "edge and length say the same in two ways: leave one out"));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Phases
// ---------------------------------------------------------------------------------------------------------------------
static void Isotropic(double young, double poisson, double C[6][6])
{
  const double mu = young / (2 * (1 + poisson)), lambda = young * poisson / ((1 + poisson) * (1 - 2 * poisson));

  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) C[i][j] = lambda + (i == j ? 2 * mu : 0);
    C[i + 3][i + 3] = mu;
  }
}

static PetscBool PositiveDefinite(int n, const double *a, int row)
{
  double L[6][6];

  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++) {
      double s = a[i * row + j];
      for (int k = 0; k < j; k++) s -= L[i][k] * L[j][k];
      if (i == j && !(s > 0)) return PETSC_FALSE;
      L[i][j] = i == j ? sqrt(s) : s / L[j][j];
    }
  return PETSC_TRUE;
}

static PetscErrorCode ReadElastic(SnaDeck deck, const char name[], SnaPhase *phase, PetscBool *stiff)
{
  double    young, poisson, upper[21];
  PetscInt  n, k = 0;
  PetscBool has_young, has_poisson;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckHas(deck, "phase_*_young", name, &has_young));
  PetscCall(SnaDeckHas(deck, "phase_*_poisson", name, &has_poisson));
  PetscCall(SnaDeckGetReals(deck, "phase_*_stiffness", name, 21, &n, upper));
  *stiff = (PetscBool)(has_young || n > 0);
  if (n > 0 && n != 21)
    PetscCall(SnaDeckError(
      deck, "phase_*_stiffness", name, "%" PetscInt_FMT " numbers: the upper triangle of a stiffness has 21", n));
  if (n > 0 && (has_young || has_poisson))
    PetscCall(SnaDeckError(deck, "phase_*_stiffness", name, "leave out young and poisson, or the stiffness"));
  if (!has_young && has_poisson && !n)
    PetscCall(SnaDeckError(
      deck, "phase_*_poisson", name, "poisson without young: give a modulus, or leave both out for a void"));
  if (has_young) {
    PetscCall(SnaDeckGetReal(deck, "phase_*_young", name, &young));
    PetscCall(SnaDeckGetReal(deck, "phase_*_poisson", name, &poisson));
    if (!(poisson > -1 && poisson < 0.5)) {
      PetscCall(SnaDeckError(
        deck, "phase_*_poisson", name, "%g: Poisson's ratio lies between -1 and 0.5, both excluded", poisson));
      poisson = 0;
    }
    Isotropic(young, poisson, phase->C);
    phase->isotropic = PETSC_TRUE;
  } else if (n == 21) {
    for (int i = 0; i < 6; i++)
      for (int j = i; j < 6; j++) phase->C[i][j] = phase->C[j][i] = upper[k++];
    if (!PositiveDefinite(6, &phase->C[0][0], 6))
      PetscCall(SnaDeckError(deck, "phase_*_stiffness", name,
        "the matrix is not positive definite; its rows are those of the upper triangle, 6 + 5 + 4 + 3 + 2 + 1 "
        "numbers"));
  } else
    phase->isotropic = PETSC_TRUE;
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadConductivity(SnaDeck deck, const char name[], SnaPhase *phase, PetscBool *conducts)
{
  double   k[6];
  PetscInt n;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetReals(deck, "phase_*_conductivity", name, 6, &n, k));
  *conducts = (PetscBool)(n > 0);
  if (n == 0) PetscFunctionReturn(0);
  if (n != 1 && n != 3 && n != 6) {
    PetscCall(SnaDeckError(deck, "phase_*_conductivity", name,
      "%" PetscInt_FMT " numbers: give 1, 3 (x, y, z) or 6 (11, 22, 33, 23, 13, 12)", n));
    PetscFunctionReturn(0);
  }
  for (int i = 0; i < 3; i++) phase->k[i][i] = n == 1 ? k[0] : k[i];
  if (n == 6) {
    phase->k[1][2] = phase->k[2][1] = k[3];
    phase->k[0][2] = phase->k[2][0] = k[4];
    phase->k[0][1] = phase->k[1][0] = k[5];
  }
  if (!PositiveDefinite(3, &phase->k[0][0], 3))
    PetscCall(SnaDeckError(deck, "phase_*_conductivity", name, "%s; leave the key out for an insulator",
      n == 6 ? "the tensor is not positive definite" : "a conductivity is above 0"));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadPhases(SnaDeck deck, Homogenize *v)
{
  const char *names[SNA_MAX_PHASES];
  PetscBool   any[SNA_NPHYSICS] = {PETSC_FALSE}, solid = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetNames(deck, "phase", NULL, SNA_MAX_PHASES, &v->spec.nphase, names));
  for (PetscInt p = 0; p < v->spec.nphase; p++) {
    SnaPhase   *phase = &v->spec.phase[p];
    const char *name  = names[p], *flow;
    PetscInt    value;
    PetscBool   stiff = PETSC_FALSE, conducts = PETSC_FALSE;

    phase->name = name;
    PetscCall(SnaDeckGetInt(deck, "phase_*_value", name, &value));
    phase->value = (uint8_t)value;
    for (PetscInt q = 0; q < p; q++)
      if (v->spec.phase[q].value == phase->value)
        PetscCall(SnaDeckError(
          deck, "phase_*_value", name, "%" PetscInt_FMT " is the value of phase %s already", value, names[q]));
    PetscCall(ReadElastic(deck, name, phase, &stiff));
    PetscCall(ReadConductivity(deck, name, phase, &conducts));
    PetscCall(SnaDeckGetString(deck, "phase_*_flow", name, &flow));
    phase->fluid          = flow ? (PetscBool)(flow[0] == 'f') : (PetscBool)(!stiff && !conducts);
    any[SNA_ELASTICITY]   = (PetscBool)(any[SNA_ELASTICITY] || stiff);
    any[SNA_CONDUCTIVITY] = (PetscBool)(any[SNA_CONDUCTIVITY] || conducts);
    any[SNA_PERMEABILITY] = (PetscBool)(any[SNA_PERMEABILITY] || phase->fluid);
    solid                 = (PetscBool)(solid || !phase->fluid);
  }
  if (v->spec.nphase == 0) PetscFunctionReturn(0);
  if (v->task.physics[SNA_ELASTICITY] && !any[SNA_ELASTICITY])
    PetscCall(SnaDeckError(deck, "phase", NULL, "elasticity, but no phase has `young` or `stiffness`"));
  if (v->task.physics[SNA_CONDUCTIVITY] && !any[SNA_CONDUCTIVITY])
    PetscCall(SnaDeckError(deck, "phase", NULL, "conductivity, but no phase has a `conductivity`"));
  if (v->task.physics[SNA_PERMEABILITY] && !any[SNA_PERMEABILITY])
    PetscCall(SnaDeckError(deck, "phase", NULL, "permeability, but no phase is fluid: give one of them `flow: fluid`"));
  if (v->task.physics[SNA_PERMEABILITY] && !solid)
    PetscCall(
      SnaDeckError(deck, "phase", NULL, "permeability, but every phase is fluid: give the solid `flow: solid`"));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// What to compute
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ReadPhysics(SnaDeck deck, Homogenize *v)
{
  const char *words[8];
  PetscInt    n;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetStrings(deck, "physics", NULL, 8, &n, words));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt p = FindWord(SNA_NPHYSICS, HomogenizePhysicsName, words[i]);
    if (p >= 0) {
      v->task.physics[p] = PETSC_TRUE;
      continue;
    }
    const char *nearest = SnaNearestName(words[i], SNA_NPHYSICS, HomogenizePhysicsName);
    PetscCall(SnaDeckError(deck, "physics", NULL, "`%s` is not known; %s%s%selasticity, conductivity or permeability",
      words[i], nearest ? "did you mean `" : "", nearest ? nearest : "", nearest ? "`? There are " : "choose "));
  }
  PetscFunctionReturn(0);
}

// "23" is shear, "1" a direction. *elastic and *direction are the index, or -1.
static PetscErrorCode ParseLoad(
  SnaDeck deck, const char key[], const char word[], PetscInt *elastic, PetscInt *direction)
{
  static const char *const axis[3] = {"1", "2", "3"};

  PetscFunctionBeginUser;
  *elastic   = FindWord(6, HomogenizeIndex, word);
  *direction = FindWord(3, axis, word);
  if (*elastic < 0 && *direction < 0)
    PetscCall(
      SnaDeckError(deck, key, NULL, "`%s` is no load: strains are 11, 22, 33, 23, 13, 12, directions 1, 2, 3", word));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadLoads(SnaDeck deck, Homogenize *v)
{
  const char *words[9];
  PetscInt    n, elastic, direction;
  PetscBool   some[2] = {PETSC_FALSE, PETSC_FALSE}; // of the strains, of the directions

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetStrings(deck, "homogenize_load", NULL, 9, &n, words));
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(ParseLoad(deck, "homogenize_load", words[i], &elastic, &direction));
    if (elastic >= 0) v->task.load[SNA_ELASTICITY][elastic] = some[0] = PETSC_TRUE;
    if (direction >= 0)
      v->task.load[SNA_CONDUCTIVITY][direction] = v->task.load[SNA_PERMEABILITY][direction] = some[1] = PETSC_TRUE;
  }
  for (PetscInt l = 0; l < 6; l++) {
    if (!some[0]) v->task.load[SNA_ELASTICITY][l] = PETSC_TRUE;
    if (!some[1] && l < 3) v->task.load[SNA_CONDUCTIVITY][l] = v->task.load[SNA_PERMEABILITY][l] = PETSC_TRUE;
  }
  PetscCall(SnaDeckGetStrings(deck, "homogenize_field_load", NULL, 2, &n, words));
  v->fields[SNA_ELASTICITY].load   = v->macroscopic ? -1 : 0;
  v->fields[SNA_CONDUCTIVITY].load = v->fields[SNA_PERMEABILITY].load = 0;
  for (PetscInt i = 0; i < n; i++) {
    PetscCall(ParseLoad(deck, "homogenize_field_load", words[i], &elastic, &direction));
    if (elastic >= 0 && !v->macroscopic) v->fields[SNA_ELASTICITY].load = elastic;
    if (direction >= 0) v->fields[SNA_CONDUCTIVITY].load = v->fields[SNA_PERMEABILITY].load = direction;
  }
  PetscFunctionReturn(0);
}

// One entry of homogenize_macroscopic, "e11 = 0.01".
static PetscErrorCode ReadState(SnaDeck deck, Homogenize *v, const char entry[], PetscBool given[6])
{
  static const char key[] = "homogenize_macroscopic";
  char              copy[SNA_MAX_MESSAGE], message[SNA_MAX_MESSAGE], *name = copy, *end, *text;
  PetscInt          i;
  SnaSymbols        constants;
  SnaExpr           expr;
  double            value;

  PetscFunctionBeginUser;
  PetscCall(PetscStrncpy(copy, entry, sizeof(copy)));
  text = strchr(copy, '=');
  while (*name == ' ') name++;
  end = text ? text : name + strlen(name);
  while (end > name && end[-1] == ' ') end--;
  if (text) *text++ = 0;
  *end = 0;
  i    = name[0] == 'e' || name[0] == 's' ? FindWord(6, HomogenizeIndex, name + 1) : -1;
  if (i < 0 || !text) {
    PetscCall(SnaDeckError(
      deck, key, NULL, "`%s` should be e11=VALUE .. e12=VALUE (strain) or s11=VALUE .. s12=VALUE (stress)", entry));
    PetscFunctionReturn(0);
  }
  if (given[i]) {
    PetscCall(SnaDeckError(deck, key, NULL, "component %s is given twice; strain or stress, once", HomogenizeIndex[i]));
    PetscFunctionReturn(0);
  }
  given[i] = PETSC_TRUE;
  PetscCall(SnaDeckGetConstants(deck, &constants));
  PetscCall(SnaExprCreate(text, &constants, &expr, message));
  if (!expr) {
    PetscCall(SnaDeckError(deck, key, NULL, "%s: %s", name, message));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaExprEvaluate(expr, 1, NULL, &value));
  PetscCall(SnaExprDestroy(&expr));
  if (!isfinite(value)) PetscCall(SnaDeckError(deck, key, NULL, "%s is not finite", name));
  v->strain_given[i] = (PetscBool)(name[0] == 'e');
  if (v->strain_given[i])
    v->strain[i] = value;
  else
    v->stress[i] = value;
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadMacroscopic(SnaDeck deck, Homogenize *v)
{
  const char *text;
  char      **entry;
  int         n;
  PetscBool   given[6] = {PETSC_FALSE};

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "homogenize_macroscopic", NULL, &text));
  if (!text) PetscFunctionReturn(0);
  v->macroscopic = PETSC_TRUE;
  PetscCall(PetscStrToArray(text, ',', &n, &entry));
  for (int i = 0; i < n; i++) PetscCall(ReadState(deck, v, entry[i], given));
  PetscCall(PetscStrToArrayDestroy(n, entry));
  if (!v->task.physics[SNA_ELASTICITY])
    PetscCall(
      SnaDeckError(deck, "homogenize_macroscopic", NULL, "a macroscopic strain or stress needs `physics: elasticity`"));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckMacroscopicLoads(SnaDeck deck, const Homogenize *v)
{
  PetscFunctionBeginUser;
  for (PetscInt l = 0; l < 6 && v->macroscopic; l++) {
    if (v->task.load[SNA_ELASTICITY][l]) continue;
    PetscCall(SnaDeckError(
      deck, "homogenize_macroscopic", NULL, "it needs the whole stiffness: solve all six loads (homogenize: load)"));
    break;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadFields(SnaDeck deck, Homogenize *v)
{
  const char *words[16];
  PetscInt    n;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetStrings(deck, "homogenize_fields", NULL, 16, &n, words));
  for (PetscInt i = 0; i < n; i++) {
    const PetscBool all   = (PetscBool)!strcmp(words[i], "all");
    PetscBool       found = all, known = all;
    for (PetscInt p = 0; p < SNA_NPHYSICS; p++)
      for (PetscInt f = 0; f < HOMOGENIZE_MAX_FIELDS; f++) {
        const SnaCellField *field = &HomogenizeField[p][f];
        if (!field->ncomp || (!all && strcmp(words[i], field->name))) continue;
        known = PETSC_TRUE;
        if (!v->task.physics[p]) continue;
        found = v->fields[p].wanted[f] = v->fields[p].any = PETSC_TRUE;
      }
    if (!known)
      PetscCall(SnaDeckError(deck, "homogenize_fields", NULL,
        "`%s` is no field: elasticity has displacement, strain, stress, energy; conductivity potential, gradient, "
        "flux, energy; permeability velocity, speed",
        words[i]));
    else if (!found)
      PetscCall(SnaDeckError(
        deck, "homogenize_fields", NULL, "`%s` belongs to a physics that the deck does not ask for", words[i]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadSolver(SnaDeck deck, Homogenize *v)
{
  double      rtol[3], gigabytes;
  PetscInt    n;
  const char *symmetry;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetReals(deck, "homogenize_rtol", NULL, 3, &n, rtol));
  PetscCall(CheckThree(deck, "homogenize_rtol", &n));
  for (PetscInt p = 0; p < SNA_NPHYSICS; p++) v->spec.rtol[p] = n == 3 ? rtol[p] : rtol[0];
  PetscCall(SnaDeckGetInt(deck, "homogenize_max_it", NULL, &v->spec.max_it));
  PetscCall(SnaDeckGetString(deck, "homogenize_symmetry", NULL, &symmetry));
  v->task.symmetry = symmetry[0] == 'o'   ? SNA_SYMMETRY_OCTANT
                     : symmetry[0] == 'n' ? SNA_SYMMETRY_NONE
                                          : SNA_SYMMETRY_AUTO;
  PetscCall(SnaDeckGetBool(deck, "homogenize_cubic", NULL, &v->task.cubic));
  if (v->task.cubic && v->task.symmetry != SNA_SYMMETRY_AUTO)
    PetscCall(SnaDeckError(
      deck, "homogenize_cubic", NULL, "cubic takes the terms from symmetry: it goes with `symmetry: auto` alone"));
  PetscCall(SnaDeckGetInt(deck, "homogenize_refine", NULL, &v->refine));
  PetscCall(SnaDeckGetReal(deck, "homogenize_memory", NULL, &gigabytes));
  v->memory_limit = 1e9 * gigabytes;
  PetscCall(SnaFftTuningFromOptions(deck, &v->spec.tuning));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeReadDeck(SnaModel model, SnaDeck deck)
{
  Homogenize *v = (Homogenize *)model->data;

  PetscFunctionBeginUser;
  PetscCall(ReadPhysics(deck, v));
  PetscCall(ReadImage(deck, v));
  PetscCall(ReadPhases(deck, v));
  PetscCall(ReadMacroscopic(deck, v));
  PetscCall(ReadLoads(deck, v));
  PetscCall(CheckMacroscopicLoads(deck, v));
  PetscCall(ReadFields(deck, v));
  PetscCall(ReadSolver(deck, v));
  PetscFunctionReturn(0);
}
