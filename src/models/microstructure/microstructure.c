// microstructure.c - model: microstructure. Keys, life cycle, what is told before the solve.
#include "microstructure.h"
#include <math.h>
#include <unistd.h>

static const SnaOption generator_options[] = {
  {"generator_family", SNA_OPT_CHOICE, "bicontinuous", 0, 0, SnaGeneratorFamilies,
    "Random fields, or a triply periodic minimal surface with a random field added."},
  {"generator_n", SNA_OPT_INT, "32", 8, 512, "8..512",
    "Voxels per edge of the octant; the cell, with its mirror images, has twice as many."},
  {"generator_cells", SNA_OPT_INT, "100", 1, 10000000, "1..1e7", "How many cells."},
  {"generator_fraction", SNA_OPT_REALS, "0.25, 0.65", 0, 1, "[low, high], or one number",
    "Volume fraction of solid: uniform in this interval, exact to a voxel of the octant."},
  {"generator_orthotropic", SNA_OPT_BOOL, "false", 0, 0, NULL,
    "Three mirror planes only; otherwise the axes may be exchanged as well (cubic symmetry)."},
  {"generator_min_ligament", SNA_OPT_INT, "3", 1, 128, "voxels, 1..n/4",
    "A cell with a thinner solid ligament is rejected; 1: none is."},
  {"generator_attempts", SNA_OPT_INT, "500", 1, 1000000, "1..1e6",
    "Candidates per cell before it is given up (exit code 3)."},
  {"generator_seed", SNA_OPT_INT, "1", 0, 2147483647, ">= 0", "Seed; cell i draws from the stream (seed, i)."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption label_options[] = {
  {"label_physics", SNA_OPT_STRINGS, "", 0, 0, "elasticity, conductivity, permeability; one or several",
    "Homogenise every cell; absent: the cells alone."},
  {"label_young", SNA_OPT_REAL, "1", 1e-300, 1e300, "> 0", "Young's modulus of the solid."},
  {"label_poisson", SNA_OPT_REAL, "0.3", -1, 0.5, "-1 < nu < 0.5", "Its Poisson's ratio."},
  {"label_conductivity", SNA_OPT_REAL, "1", 1e-300, 1e300, "> 0", "Its conductivity; pores insulate."},
  {"label_rtol", SNA_OPT_REALS, "1e-4", 1e-14, 0.5, "one number, or [elasticity, conductivity, permeability]",
    "As homogenize_rtol; the error is about its square."},
  {"label_max_it", SNA_OPT_INT, "1000", 1, 2147483647, ">= 1",
    "Iterations per load; a cell that reaches it is marked as not converged (exit code 3)."},
  {"label_full", SNA_OPT_BOOL, "false", 0, 0, NULL,
    "Solve all loads on the whole cell, so that the zeros and equal triples are computed; 8 to 24 times the work."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const char *const physics_names[SNA_NPHYSICS] = {"elasticity", "conductivity", "permeability"};

int SnaModelGetTables_Microstructure(int max, const char *title[], const SnaOption *table[])
{
  const char *const      titles[] = {"Microstructures: the generator", "Microstructures: labels"};
  const SnaOption *const tables[] = {generator_options, label_options};
  int                    n        = 0;

  for (; n < 2 && n < max; n++) {
    title[n] = titles[n];
    table[n] = tables[n];
  }
  return n;
}

static PetscErrorCode ReadGenerator(SnaDeck deck, Micro *m)
{
  SnaGenerator *g = &m->generator;
  PetscInt      n, seed;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "generator_family", NULL, &g->family));
  PetscCall(SnaDeckGetInt(deck, "generator_n", NULL, &g->n));
  PetscCall(SnaDeckGetInt(deck, "generator_cells", NULL, &m->cells));
  PetscCall(SnaDeckGetReals(deck, "generator_fraction", NULL, 2, &n, g->fraction));
  if (n == 1) g->fraction[1] = g->fraction[0];
  PetscCall(SnaDeckGetBool(deck, "generator_orthotropic", NULL, &g->orthotropic));
  PetscCall(SnaDeckGetInt(deck, "generator_min_ligament", NULL, &g->min_ligament));
  PetscCall(SnaDeckGetInt(deck, "generator_attempts", NULL, &m->attempts));
  PetscCall(SnaDeckGetInt(deck, "generator_seed", NULL, &seed));
  g->seed = (uint64_t)seed;
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadLabels(SnaDeck deck, Micro *m)
{
  SnaPhase   *solid = &m->spec.phase[1];
  const char *words[SNA_NPHYSICS + 1];
  double      young, poisson, conductivity, mu, lambda;
  PetscInt    n;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetStrings(deck, "label_physics", NULL, SNA_NPHYSICS, &n, words));
  for (PetscInt i = 0; i < n; i++) {
    PetscBool found = PETSC_FALSE;
    for (int p = 0; p < SNA_NPHYSICS && !found; p++) {
      PetscCall(PetscStrcmp(words[i], physics_names[p], &found));
      if (found) m->task.physics[p] = m->labels = PETSC_TRUE;
    }
    if (!found)
      PetscCall(SnaDeckError(deck, "label_physics", NULL,
        "`%s` is not known; choose elasticity, conductivity, permeability, or several of them", words[i]));
  }
  // The others are read without labels too, so that `-label_physics=` takes the labels of a deck back.
  PetscCall(SnaDeckGetReal(deck, "label_young", NULL, &young));
  PetscCall(SnaDeckGetReal(deck, "label_poisson", NULL, &poisson));
  PetscCall(SnaDeckGetReal(deck, "label_conductivity", NULL, &conductivity));
  PetscCall(SnaDeckGetReals(deck, "label_rtol", NULL, SNA_NPHYSICS, &n, m->spec.rtol));
  PetscCall(SnaDeckGetInt(deck, "label_max_it", NULL, &m->spec.max_it));
  PetscCall(SnaDeckGetBool(deck, "label_full", NULL, &m->full));
  PetscCall(SnaFftTuningFromOptions(deck, &m->spec.tuning));
  if (!(poisson > -1 && poisson < 0.5))
    PetscCall(
      SnaDeckError(deck, "label_poisson", NULL, "%g: Poisson's ratio lies between -1 and 0.5, both excluded", poisson));
  if (n == 2) PetscCall(SnaDeckError(deck, "label_rtol", NULL, "one tolerance for all, or three"));
  if (n == 1) m->spec.rtol[1] = m->spec.rtol[2] = m->spec.rtol[0];
  m->spec.nphase   = 2;
  m->spec.phase[0] = (SnaPhase){.name = "pore", .value = 0, .fluid = PETSC_TRUE, .isotropic = PETSC_TRUE};
  *solid           = (SnaPhase){.name = "solid", .value = 1, .isotropic = PETSC_TRUE};
  mu               = young / (2 * (1 + poisson));
  lambda           = young * poisson / ((1 + poisson) * (1 - 2 * poisson));
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) solid->C[i][j] = lambda + (i == j ? 2 * mu : 0);
    solid->C[3 + i][3 + i] = mu;
    solid->k[i][i]         = conductivity;
  }
  for (int p = 0; p < SNA_NPHYSICS; p++)
    for (int l = 0; l < 6; l++) m->task.load[p][l] = (PetscBool)(l < 3 || p == SNA_ELASTICITY);
  m->task.symmetry = m->full ? SNA_SYMMETRY_NONE : SNA_SYMMETRY_AUTO;
  m->task.cubic    = (PetscBool)!m->full;
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelSetFromOptions_Microstructure(SnaModel model, SnaDeck deck)
{
  Micro      *m = (Micro *)model->data;
  const char *dir, *name;

  PetscFunctionBeginUser;
  PetscCall(ReadGenerator(deck, m));
  PetscCall(ReadLabels(deck, m));
  PetscCall(SnaDeckGetReal(deck, "max_wall_time", NULL, &m->max_wall_time));
  PetscCall(SnaDeckGetString(deck, "output_dir", NULL, &dir));
  PetscCall(SnaDeckGetString(deck, "case", NULL, &name));
  PetscCall(
    PetscSNPrintf(m->table_path, sizeof(m->table_path), "%s/%s/%s.csv", dir, name ? name : "", name ? name : ""));
  PetscFunctionReturn(0);
}

// Bytes of one rank: scratch of the generator, or a cell and its solver; rank 0 holds all octants as bits beside it.
static double Memory(const Micro *m, PetscBool first)
{
  const double   voxels  = (double)m->generator.n * (double)m->generator.n * (double)m->generator.n;
  const PetscInt edge[3] = {2 * m->generator.n, 2 * m->generator.n, 2 * m->generator.n};
  const double   label   = m->labels ? SnaHomogMemory(edge, (PetscBool)!m->full, &m->task, 1) : 0;

  return PetscMax(50 * voxels, label) + (first ? (double)m->cells * ((double)m->nbits + 8.0 * MICRO_COLUMNS) : 0);
}

static PetscErrorCode SnaModelSetUp_Microstructure(SnaModel model, SnaDeck deck)
{
  Micro       *m = (Micro *)model->data;
  char         message[SNA_MAX_MESSAGE], key[64];
  const char  *field;
  const size_t size = (size_t)m->generator.n * (size_t)m->generator.n * (size_t)m->generator.n;
  MPI_Comm     node;
  PetscMPIInt  ranks;
  double       there, needed;

  PetscFunctionBeginUser;
  model->info.group = model->comm;
  PetscCall(SnaGeneratorCheck(&m->generator, &field, message));
  if (message[0]) {
    PetscCall(PetscSNPrintf(key, sizeof(key), "generator_%s", field));
    PetscCall(SnaDeckError(deck, key, NULL, "%s", message));
  }
  m->nbits  = (size + 7) / 8;
  m->record = sizeof(int64_t) * 2 + sizeof(double) * MICRO_COLUMNS + m->nbits;
  PetscCallMPI(MPI_Comm_split_type(model->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  PetscCallMPI(MPI_Comm_size(node, &ranks));
  PetscCallMPI(MPI_Comm_free(&node));
  there  = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  needed = Memory(m, PETSC_TRUE) + (double)(ranks - 1) * Memory(m, PETSC_FALSE);
  if (needed > 0.8 * there) {
    PetscCall(SnaDeckError(deck, "generator_n", NULL,
      "%" PetscInt_FMT " cells of %" PetscInt_FMT
      "^3 voxels on %d ranks of a machine need about %.3g GB, and it has %.3g GB: "
      "fewer voxels, cells or ranks",
      m->cells, m->generator.n, ranks, needed / 1e9, there / 1e9));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscCalloc3(m->cells, &m->state, (size_t)m->cells * MICRO_COLUMNS, &m->row, m->cells, &m->bits));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelView_Microstructure(SnaModel model)
{
  static const double iterations[SNA_NPHYSICS] = {22, 20, 35}; // per load, of cells between 0.25 and 0.65
  const Micro        *m                        = (const Micro *)model->data;
  const SnaGenerator *g                        = &m->generator;
  const PetscBool     single                   = (PetscBool)(!g->orthotropic && !m->full);
  double              work                     = 0;
  char                list[128]                = "";
  PetscInt            solves                   = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscPrintf(model->comm,
    "microstructure: %" PetscInt_FMT " cells of %" PetscInt_FMT "^3 voxels per octant, %" PetscInt_FMT
    "^3 with the mirror images\n",
    m->cells, g->n, 2 * g->n));
  PetscCall(PetscPrintf(model->comm,
    "  family %s, %s, volume fraction %g to %g, ligaments of at least %" PetscInt_FMT " voxels, seed %" PRIu64 "\n",
    g->family, g->orthotropic ? "three mirrors" : "cubic symmetry", g->fraction[0], g->fraction[1], g->min_ligament,
    g->seed));
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    const PetscInt loads = p == SNA_ELASTICITY ? (single ? 2 : 6) : (single ? 1 : 3) * (p == SNA_PERMEABILITY ? 2 : 1);
    if (!m->task.physics[p]) continue;
    PetscCall(PetscStrlcat(list, list[0] ? ", " : "", sizeof(list)));
    PetscCall(PetscStrlcat(list, physics_names[p], sizeof(list)));
    solves += loads;
    work += (double)loads * iterations[p] * 8.0 * (double)g->n * (double)g->n * (double)g->n;
  }
  if (m->labels)
    PetscCall(PetscPrintf(model->comm,
      "  labels: %s, on %s: %" PetscInt_FMT " solves per cell, in all about %.2g voxel iterations\n", list,
      m->full ? "the whole cell" : "one octant", solves, work * (double)m->cells));
  PetscCall(PetscPrintf(model->comm, "  memory about %.3g GB on rank 0, %.3g GB on others\n",
    Memory(m, PETSC_TRUE) / 1e9, Memory(m, PETSC_FALSE) / 1e9));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelDestroy_Microstructure(SnaModel model)
{
  Micro *m = (Micro *)model->data;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; m->bits && i < m->cells; i++) PetscCall(PetscFree(m->bits[i]));
  PetscCall(PetscFree3(m->state, m->row, m->bits));
  PetscCall(PetscFree(m->fresh));
  PetscCall(PetscFree(model->data));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelCreate_Microstructure(SnaModel model)
{
  Micro *m;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&m));
  model->data = m;
  model->ops  = (SnaModelOps){.setfromoptions = SnaModelSetFromOptions_Microstructure,
     .setup                                   = SnaModelSetUp_Microstructure,
     .view                                    = SnaModelView_Microstructure,
     .solve                                   = SnaModelSolve_Microstructure,
     .finish                                  = SnaModelFinish_Microstructure,
     .write                                   = SnaModelWrite_Microstructure,
     .read                                    = SnaModelRead_Microstructure,
     .destroy                                 = SnaModelDestroy_Microstructure};
  PetscFunctionReturn(0);
}
